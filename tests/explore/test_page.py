"""The page in a real browser: it draws, finds, saves, says what is wrong, and asks nobody but its own server."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign import load
from stylealign.latents.codes import Codes
from tests.report.browser import Browser, needs_browser, started

pytest.importorskip("gradio", reason="needs the extra explore")
pytestmark = needs_browser
IMAGES = "return [...document.querySelectorAll('#tiles img')].map(i => i.src)"
NAMES = "return [...document.querySelectorAll('#tiles figcaption')].map(c => c.textContent)"
OTHERS = ["one", "two", "three"]
OTHER = "http://127.0.0.1:9/x"
OVERLAPS = """
const seen = [...document.querySelectorAll(
  '#controls span[data-testid=block-info], #controls label[data-testid=block-label], #controls input, #controls button'
)].map(e => [e, e.getBoundingClientRect()]).filter(([e, r]) => r.width && r.height);
const found = [];
for (const [e, r] of seen) for (const [f, s] of seen)
  if (e.tagName !== 'INPUT' && e.tagName !== 'BUTTON' && e !== f && !e.contains(f) && !f.contains(e)
      && r.left < s.right + 4 && s.left < r.right + 4 && r.top < s.bottom && s.top < r.bottom)
    found.push(e.textContent + ' | ' + f.outerHTML.slice(0, 80));
return found;
"""
"""Labels that lie on, or touch, another label, a field or a button."""
TOAST = "return [...document.querySelectorAll('.toast-body')].some(t => t.textContent.includes(arguments[0]))"
TYPE = """
const field = document.querySelector(arguments[0] + ' input');
field.value = arguments[1];
field.dispatchEvent(new Event('input', {bubbles: true}));
"""
SLIDE = """
const slider = document.querySelector(arguments[0] + ' input[type=range]');
slider.value = arguments[1];
slider.dispatchEvent(new Event('input', {bubbles: true}));
"""


@pytest.fixture(scope="module")
def address(files: dict[str, Path], chromium: tuple["Browser", Path]) -> Iterator[str]:
    command = [sys.executable, "-m", "stylealign", "explore", "--port", "0"]
    command += ["--model", str(files["parent"]), "--child", str(files["toon"])]
    for name in OTHERS:  # as many as make a phone's screen too narrow
        command += ["--child", f"{name}={files['stranger']}"]
    # Ctrl-C is heeded, whatever the tests were started with.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=heeding) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(
            r"parent with toon, one, two, three: open (http://127\.0\.0\.1:\d+) in a browser .*\n", line
        )
        assert found, line
        yield found[1]
        process.send_signal(signal.SIGINT)  # as Ctrl-C; pages that are still open do not keep it
        assert process.wait(60) == 130


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Path]]:
    folder = tmp_path_factory.mktemp("downloads")
    with started() as browser:
        where = {"behavior": "allow", "downloadPath": str(folder)}
        browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", where)
        yield browser, folder


@pytest.fixture
def browser(chromium: tuple[Browser, Path], address: str) -> Browser:
    browser = chromium[0]
    browser.load(address)
    assert browser.wait(IMAGES)
    return browser


def changed(browser: Browser, before: list[str]) -> list[str]:
    """Return the images as soon as one of them is another than before."""
    return browser.wait(
        IMAGES.replace("return", "const now =")
        + "; return JSON.stringify(now) !== JSON.stringify(arguments[0]) && now",
        before,
    )


def drop(browser: Browser, path: Path) -> None:
    browser.driver.find_element("css selector", "#file input[type=file]").send_keys(str(path))


def said(browser: Browser, text: str) -> bool:
    """Wait until the line under the file says a text."""
    return browser.wait("return document.querySelector('#found').textContent.includes(arguments[0])", text)


def downloaded(folder: Path, browser: Browser, button: str, name: str) -> Path:
    browser.driver.find_element("css selector", button).click()
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser.driver, 120).until(lambda _: (folder / name).is_file())
    return folder / name


def test_it_loads_from_its_own_server_alone(browser: Browser, address: str) -> None:
    assert browser.run(NAMES) == ["parent", "toon", *OTHERS]
    assert browser.problems() == []
    assert all(url.startswith((address, "blob:")) for url in browser.requests())
    browser.run(
        "window.blocked = [];"
        "addEventListener('securitypolicyviolation', event => blocked.push(event.effectiveDirective));"
        "new Image().src = 'http://127.0.0.1:9/x.png'; fetch('http://127.0.0.1:9/x').catch(() => 0);"
    )
    assert browser.wait("return blocked.length >= 2")


def resized(browser: Browser, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert browser.wait("return innerWidth === arguments[0]", width)


@pytest.mark.parametrize("width", [320, 390, 768, 1040, 1440])
def test_it_fits_the_screen(browser: Browser, width: int) -> None:
    resized(browser, width)
    assert browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    # What a container cuts off does not make the page wider.
    right = (
        "return Math.max(...[...document.querySelectorAll('input, button, #tiles img')]"
        ".map(e => e.getBoundingClientRect().right))"
    )
    assert browser.run(right) <= width
    assert browser.run(OVERLAPS) == []


@pytest.mark.parametrize("width", [320, 1440])
def test_the_images_stay_in_sight_and_on_top_below_the_fold(browser: Browser, width: int) -> None:
    resized(browser, width)
    # So far that the label of the directions would be in their place.
    browser.run(
        "const top = document.querySelector('#directions span').getBoundingClientRect().top;"
        "document.documentElement.style.paddingBottom = '2000px'; scrollBy({top: top - 40, behavior: 'instant'})"
    )
    assert browser.run("return document.querySelector('#tiles').getBoundingClientRect().top") >= 0
    covered = (
        "const r = document.querySelector('#directions span').getBoundingClientRect();"
        "return document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2).closest('#tiles') !== null"
    )
    assert browser.run(covered)


@pytest.mark.parametrize(
    ("slider", "value", "moves_parent"),
    [("#weights", 0.5, False), ("#code", 0.4, True), ("#psi", 0.3, True), ("#move0", 2, True), ("#both", 1, True)],
)
def test_a_slider_changes_the_images(browser: Browser, slider: str, value: float, moves_parent: bool) -> None:
    before = browser.run(IMAGES)
    browser.run(SLIDE, slider, value)
    after = changed(browser, before)
    assert after[1] != before[1]
    assert (after[0] != before[0]) == moves_parent


def test_another_seed_and_back_to_0(browser: Browser) -> None:
    before = browser.run(IMAGES)
    browser.run("document.querySelector('#another').click()")
    other = changed(browser, before)
    browser.run(SLIDE, "#move0", 3)
    moved = changed(browser, other)
    browser.run("document.querySelector('#reset').click()")
    assert changed(browser, moved) == other


def test_a_picture_is_reconstructed_beside_its_children(browser: Browser, tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    drop(browser, tmp_path / "grey.png")
    assert said(browser, "grey.png: reconstructed with score")
    assert said(browser, "Shown in place of the seed")
    resized(browser, 320)
    assert browser.run(OVERLAPS) == []
    names = ["your picture", "parent", "toon", *OTHERS]
    assert (
        browser.wait(f"const names = (() => {{ {NAMES} }})(); return names.length === arguments[0] && names", 6)
        == names
    )


def test_what_is_no_picture_is_said_in_a_line(browser: Browser, tmp_path: Path) -> None:
    before = browser.run(IMAGES)
    (tmp_path / "notes.txt").write_text("no picture")
    drop(browser, tmp_path / "notes.txt")
    assert said(browser, "notes.txt: holds no picture that can be read: not an image")
    assert browser.run(IMAGES) == before


def test_what_is_shown_can_be_saved_and_taken_up_again(
    browser: Browser, chromium: tuple[Browser, Path], files: dict[str, Path]
) -> None:
    folder = chromium[1]
    browser.run(SLIDE, "#code", 0.4)
    before = changed(browser, browser.run(IMAGES))
    with Image.open(downloaded(folder, browser, "#save-picture", "aligned.png")) as picture:
        assert picture.height > 256 and picture.width > 2 * 256
    codes = downloaded(folder, browser, "#save-code", "codes.npz")
    parent = load(files["parent"])
    assert len(Codes.load(codes, "w+", parent.sha256, parent.architecture)) == 1
    assert downloaded(folder, browser, "#save-morph", "morph.mp4").read_bytes()[4:8] == b"ftyp"
    browser.run(SLIDE, "#code", 0)
    other = changed(browser, before)
    drop(browser, codes)
    assert said(browser, "w+ code")
    assert changed(browser, other)[0] == before[0]


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd",
        f"gradio_api/file={__file__}",
        "gradio_api/file=pyproject.toml",
        f"gradio_api/file={OTHER}",
        f"gradio_api/proxy={OTHER}",
        "gradio_api/info",
        "gradio_api/openapi.json",
        "openapi.json",
        "docs",
    ],
)
def test_no_other_file_and_no_other_server(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{address}/{path}")
    assert error.value.code == 403


def test_a_wrong_seed_is_said_by_its_name(browser: Browser) -> None:
    before = browser.run(IMAGES)
    browser.run(TYPE, "#seed", "1.5")
    assert browser.wait(TOAST, "Seed: must be a whole number from 0 to 4294967295")
    browser.run(TYPE, "#seed", "8")
    browser.run(TYPE, "#end-seed", "-1")
    assert browser.wait(TOAST, "Seed that the code goes to: must be a whole number")
    assert browser.run(IMAGES) == before


def test_both_says_whether_the_two_stand_apart(browser: Browser) -> None:
    apart = "return document.querySelector('#both').textContent.includes('stand apart')"
    assert browser.run(apart)
    browser.run(SLIDE, "#both", 0.3)
    assert browser.wait(f"{apart} === false")
    browser.run(SLIDE, "#code", 0.5)
    assert browser.wait(apart)


def test_another_host_name_is_refused(address: str) -> None:
    request: Any = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)
