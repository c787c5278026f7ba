"""The report page in a real browser: it loads without a network, sorts, plays and fits every screen."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from stylealign.report.page.document import write_report
from tests.report.browser import Browser, check_page, needs_browser, started
from tests.report.pages import SHADES, WITH_LABELS, sources

pytestmark = needs_browser
WIDTHS = (360, 800, 1600)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("page")
    write_report(directory / "report.html", sources(directory))
    return directory / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_whole_and_fits_the_screen(browser: Browser, page: Path, width: int) -> None:
    check_page(browser, page, width)
    for name in ("figure img", "video", "figcaption"):
        assert browser.run("return document.querySelectorAll(arguments[0]).length", name) >= 1


def test_folded_parts_fit_the_screen_too(browser: Browser, page: Path) -> None:
    browser.open(page, 360)
    browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
    assert browser.run("return document.documentElement.scrollWidth") == 360


def test_comparisons_with_source_only_fit_a_phone(browser: Browser, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", sources(tmp_path, WITH_LABELS))
    check_page(browser, tmp_path / "report.html", 390)
    browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
    assert browser.run("return document.documentElement.scrollWidth") == 390
    cells = "[...document.querySelectorAll('.comparisons tbody td.number')].filter(c => c.checkVisibility())"
    assert browser.run(f"return {cells}.filter(c => !c.textContent.trim()).length") == 0
    inside = "(r => r.left >= 0 && r.right <= innerWidth)(c.getBoundingClientRect())"
    labelled = browser.run(f"return {cells}.filter(c => {inside}).map(c => c.dataset.label)")
    assert labelled.count("source-only") == labelled.count("difference") == 2
    assert len(labelled) == browser.run(f"return {cells}.length")


def opened(browser: Browser, page: Path) -> None:
    """Open the page on a desk, and every fold of it."""
    browser.open(page, 1600)
    browser.run("for (const part of document.querySelectorAll('details')) part.open = true")


def column(browser: Browser, head: str) -> list[str]:
    """Return the texts below a head of the translation table, from the top."""
    return browser.run(
        "const heads = [...document.querySelectorAll('#table-translation .sortable th')];"
        "const place = heads.findIndex(th => th.textContent.startsWith(arguments[0]));"
        "return [...document.querySelectorAll('#table-translation .sortable tbody tr')]"
        ".map(row => row.cells[place]).map(cell =>"
        " cell.querySelector('.value')?.textContent ?? cell.dataset.text ?? cell.textContent.trim())",
        head,
    )


def sorted_as(browser: Browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('#table-translation .sortable th[aria-sort]')].map(th => th.ariaSort)"
    )


def test_a_click_sorts_best_first_then_back_then_as_it_was(browser: Browser, page: Path) -> None:
    opened(browser, page)
    assert column(browser, "method") == ["w+", "unaligned", "untouched"]
    head = browser.driver.find_element("xpath", "//*[@id='table-translation']//button[contains(., 'keypoint_error')]")
    for order, said in (
        (["0.1", "0.25", "0.27"], ["ascending"]),
        (["0.27", "0.25", "0.1"], ["descending"]),
        (["0.25", "0.27", "0.1"], []),
    ):
        head.click()
        assert column(browser, "keypoint_error") == order
        assert sorted_as(browser) == said


def test_rows_without_a_number_stay_last(browser: Browser, page: Path) -> None:
    opened(browser, page)
    head = browser.driver.find_element(
        "xpath", "//*[@id='table-translation']//button[contains(., 'kid to test images')]"
    )
    for order in (["7.9", "27.3", ""], ["27.3", "7.9", ""]):
        head.click()
        assert column(browser, "kid to test images") == order


def test_the_keyboard_sorts(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, page)
    head = browser.driver.find_element("xpath", "//*[@id='table-translation']//button[contains(., 'method')]")
    head.send_keys(Keys.ENTER)
    assert column(browser, "method") == ["unaligned", "untouched", "w+"]
    assert sorted_as(browser) == ["ascending"]


def test_where_higher_is_better_the_highest_comes_first(browser: Browser, page: Path) -> None:
    opened(browser, page)
    table = "//*[@id='table-zero_shot_segmentation']"
    browser.driver.find_element("xpath", f"{table}//button[contains(., 'miou')]").click()
    assert browser.driver.find_element("xpath", f"({table}//tbody/tr)[1]").text.startswith("oracle")


def test_a_figure_opens_at_full_size_and_closes_with_escape(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(page, 800)
    browser.driver.find_element("css selector", "#samples button").click()
    assert browser.wait("const d = document.querySelector('dialog[open] img'); return d && d.naturalWidth") == 640
    browser.driver.find_element("css selector", "dialog button").send_keys(Keys.ESCAPE)
    assert browser.wait("return !document.querySelector('dialog[open]')")


def shade(browser: Browser, x: int) -> int:
    """Return the grey level of the first square of the slider, `x` pixels from its left."""
    cell = browser.driver.find_element("css selector", ".cell")
    with Image.open(io.BytesIO(cell.screenshot_as_png)) as image:
        return image.convert("L").getpixel((x if x >= 0 else image.width + x, image.height // 2))


def test_two_models_are_compared_by_a_slider(browser: Browser, page: Path) -> None:
    browser.open(page, 390)
    browser.wait("return [...document.querySelectorAll('.cell img')].every(image => image.complete)")
    assert browser.run("return document.querySelectorAll('.cell').length") == 3
    browser.run("document.querySelector('.compare').scrollIntoView()")
    assert [shade(browser, 6), shade(browser, -6)] == [SHADES["human"], SHADES["animal"]]
    move = "const r = document.querySelector('.compare input'); r.value = arguments[0]; "
    move += "r.dispatchEvent(new Event('input'))"
    browser.run(move, 100)
    assert [shade(browser, 6), shade(browser, -16)] == [SHADES["human"], SHADES["human"]]
    choose = (
        "const s = document.querySelectorAll('.compare select')[1]; s.value = 2; s.dispatchEvent(new Event('change'))"
    )
    browser.run(choose)
    browser.run(move, 0)
    assert [shade(browser, 16), shade(browser, -6)] == [SHADES["animal-unaligned"]] * 2


def test_a_number_leads_to_its_row_and_that_to_its_file(browser: Browser, page: Path) -> None:
    browser.open(page, 390)
    values = browser.run("return document.querySelectorAll('td.number .value').length")
    assert values > 20
    assert browser.run("return document.querySelectorAll('td.number a.value').length") == values
    cell = "const c = document.querySelector('td:target');"
    shown = f"{cell} return c?.closest('.table[open]') && c.checkVisibility() && c.querySelector('.value').textContent"
    seen = f"{cell} const r = c.getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth && r.top >= 0"
    for link in (".findings a", ".matrix a.value[href*=translation]"):
        said = browser.run("const a = document.querySelector(arguments[0]); a.click(); return a.textContent", link)
        assert browser.wait(shown) == said
        assert browser.wait(seen)
        what = browser.run(f"{cell} return c.dataset.what + getComputedStyle(c, '::before').content")
        assert ("w+" in what) == ("translation" in link)
        assert what.count(":") == 2
    record = "const r = document.querySelector('tr:target'); return r?.checkVisibility() && r.textContent"
    browser.run(f"{cell} c.querySelector('a').click()")
    assert "metrics/translation/" in browser.wait(record)
    # A second time, after it was folded again.
    browser.run("for (const part of document.querySelectorAll('#protocols details')) part.open = false")
    browser.run("document.querySelector(`a.value[href='${location.hash}']`).click()")
    assert "metrics/translation/" in browser.wait(record)


def test_a_key_number_leads_to_its_table(browser: Browser, page: Path) -> None:
    for width in (390, 1600):
        browser.open(page, width)
        assert not browser.run("return document.querySelector('#table-translation').open")
        browser.run("document.querySelector('.matrix a[href=\"#table-translation\"]').click()")
        assert browser.wait("return document.querySelector('#table-translation table').checkVisibility()")


def test_pictures_of_several_children_are_seen_one_at_a_time(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(page, 390)
    seen = "return ['animal', 'other'].filter(n => document.querySelector(`#multi-modal-${n}`).checkVisibility())"
    assert browser.run(seen) == ["animal"]
    tab = browser.driver.find_element("css selector", ".bar button[aria-selected=true]")
    tab.send_keys(Keys.ARROW_RIGHT)
    assert browser.run(seen) == ["other"]
    assert browser.run("return document.activeElement.getAttribute('aria-selected')") == "true"
    browser.run("location.hash = 'multi-modal-animal'")
    assert browser.wait(f"{seen}.join() === 'animal'")


def test_a_link_to_a_folded_record_opens_it(browser: Browser, page: Path) -> None:
    browser.open(page, 1600)
    assert not browser.run("return document.querySelector('#protocol-translation').open")
    browser.run("document.querySelector('#table-translation a[href=\"#protocol-translation\"]').click()")
    assert browser.wait("return document.querySelector('#protocol-translation').open")


def test_the_dark_scheme_is_dark(browser: Browser, page: Path) -> None:
    light = {}
    for dark in (False, True):
        browser.open(page, 800, dark)
        colours = browser.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
        light[dark] = [sum(map(int, colour.strip("rgb()").split(","))) / 3 for colour in colours]
    (paper, ink), (dark_paper, dark_ink) = light[False], light[True]
    assert paper > 230
    assert ink < 60
    assert dark_paper < 60
    assert dark_ink > 200


def test_the_page_may_not_use_the_network(browser: Browser, page: Path) -> None:
    browser.open(page, 800)
    browser.run(
        "window.blocked = [];"
        "addEventListener('securitypolicyviolation', event => blocked.push(event.effectiveDirective));"
        "new Image().src = 'http://127.0.0.1:9/x.png'; fetch('http://127.0.0.1:9/x').catch(() => 0);"
    )
    assert set(browser.wait("return blocked.length >= 2 && blocked")) == {"img-src", "connect-src"}


def test_on_paper_everything_is_unfolded_and_the_contents_are_gone(browser: Browser, page: Path) -> None:
    browser.open(page, 800)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return document.querySelectorAll('main details:not([open], .full)').length") == 0
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.run("return getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.run("return [...document.querySelectorAll('figure img')].every(i => i.checkVisibility())")
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run("return document.querySelectorAll('main details[open]').length") == 0
