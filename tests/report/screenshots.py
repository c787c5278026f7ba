"""The screenshots of the README, taken by headless Chromium.

python -m tests.report.screenshots explore docs/images/explore.png
python -m tests.report.screenshots report docs/images/report.png --page results/report/report.html
"""

import argparse
import base64
import io
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.report.browser import Browser, started

SIZES = {"explore": (1240, 1000), "report": (1300, 1330)}
"""Width and height in CSS pixels of what is shown."""
COLOURS = 256
MOST_BYTES = 200_000


def main() -> None:
    """Take one screenshot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=SIZES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--page", type=Path, default=Path("results/report/report.html"), help="of the report")
    arguments = parser.parse_args()
    with started() as browser:
        if arguments.kind == "report":
            browser.open(arguments.page.resolve(), SIZES["report"][0])
            browser.wait("return [...document.images].filter(i => i.src).every(i => i.complete)")
            save(browser, "report", arguments.out)
        else:
            _explore(browser, arguments.out)


def _explore(browser: Browser, out: Path) -> None:
    command = [sys.executable, "-m", "stylealign", "explore", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "no address"
        width, height = SIZES["explore"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.driver.get(found[0])
        browser.wait("return document.querySelectorAll('#tiles img').length > 1")
        browser.wait("return [...document.images].every(i => i.complete) && document.fonts.status === 'loaded'")
        save(browser, "explore", out)
        process.terminate()


def save(browser: Browser, kind: str, out: Path) -> None:
    """Write what is seen as a PNG of few colours."""
    width, height = SIZES[kind]
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    options = {"clip": clip, "captureBeyondViewport": True}
    taken = browser.driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
    with Image.open(io.BytesIO(base64.b64decode(taken))) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)
    print(f"{out}: {out.stat().st_size:,} bytes")
    assert out.stat().st_size <= MOST_BYTES, "too large for the README"


if __name__ == "__main__":
    main()
