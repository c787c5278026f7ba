"""A headless Chromium that opens pages from disk and says what went wrong on them."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no browser: apt-get install chromium chromium-driver"
)
WAIT_S = 60
"""How long to wait for what the browser does by itself; a limit for a machine that is busy, not a measurement."""


class Browser:
    """A page in a headless browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, width: int, dark: bool = False) -> None:
        """Open a file in a window of `width` CSS pixels."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [scheme]})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.load(page.as_uri())

    def load(self, address: str) -> None:
        """Load the page of an address, and forget what the browser said before."""
        # A page that is loaded again is told as loaded while its last showing still answers: leave that one first.
        self.driver.get("about:blank")
        self.wait("return location.href === 'about:blank'")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(address)
        self.wait("return location.href === new URL(arguments[0]).href && document.readyState === 'complete'", address)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns as soon as that is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, WAIT_S, 0.05).until(lambda _: self.run(script, *arguments))

    def problems(self) -> list[str]:
        """Return what the console said since the page was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> set[str]:
        """Return the addresses that the page asked for, data URIs left out."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
        return {url for url in urls if not url.startswith("data:")}


@contextmanager
def started() -> Iterator[Browser]:
    """Yield a browser that ends with the block."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    flags = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required"]
    for flag in [*flags, *(["--no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # An explicit driver: selenium neither searches nor downloads one.
    driver = webdriver.Chrome(options=options, service=Service(executable_path=DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def check_page(browser: Browser, page: Path, width: int) -> None:
    """Check what holds for every report page: loaded whole, without a network, and nothing wider than the screen."""
    browser.open(page, width)
    assert browser.requests() == {page.as_uri()}
    browser.wait("return [...document.images].filter(i => i.src).every(i => i.complete)")
    assert browser.problems() == []
    assert browser.run("return innerWidth") == width
    assert browser.run("const page = document.documentElement; return page.scrollWidth - page.clientWidth") == 0
    images = "[...document.querySelectorAll('figure img')]"
    assert browser.run(f"return {images}.filter(i => !(i.naturalWidth > 0)).map(i => i.alt)") == []
    assert browser.run(f"return {images}.filter(i => !i.alt.trim()).length") == 0
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    sections = "[...document.querySelectorAll('main > section')]"
    assert browser.run(f"return {sections}.length") >= 5
    assert browser.run(f"return {sections}.filter(s => !s.querySelector('h2')?.textContent.trim()).length") == 0
    links = "[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
    assert browser.run(f"return {links}.filter(h => !h.startsWith('#') || !document.querySelector(h))") == []
    ids = "[...document.querySelectorAll('[id]')].map(e => e.id)"
    assert browser.run(f"const i = {ids}; return i.filter((id, n) => i.indexOf(id) !== n)") == []
    for video in browser.driver.find_elements("css selector", "video"):
        assert browser.wait("const v = arguments[0]; return v.readyState >= v.HAVE_METADATA && v.duration", video) > 0
        browser.run("arguments[0].play()", video)
        assert browser.wait("return arguments[0].currentTime", video) > 0
