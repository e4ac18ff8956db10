"""Real Chromium for the report, with its own driver: Debian's packages `chromium` and
`chromium-driver`."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
IS_INSTALLED = CHROMIUM is not None and DRIVER is not None
NO_CHROMIUM = "CHROMIUM AND CHROMEDRIVER ARE NOT INSTALLED: THE REPORT WAS NOT TRIED IN A BROWSER"
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage"
).split()


@contextmanager
def chromium(folder: Path, language: str = "ko") -> Iterator[webdriver.Chrome]:
    """Yield a browser with a new profile in that folder, in that language, without network."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for switch in (*QUIET, f"--user-data-dir={folder}", f"--accept-lang={language}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, Service(str(DRIVER)))
    try:
        browser.set_network_conditions(offline=True, latency=0, throughput=0)
        yield browser
    finally:
        browser.quit()


def resize(browser: webdriver.Chrome, width: int, height: int = 900) -> None:
    """Resize the emulated screen. A real window is never as narrow as a phone."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
