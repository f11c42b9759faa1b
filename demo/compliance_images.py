# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Screenshots of the report of ``make demo-compliance``, for docs/compliance.md. Needs chromium and chromium-driver."""

from __future__ import annotations

import shutil
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

ROOT = Path(__file__).resolve().parents[1]

options = ChromeOptions()
options.binary_location = shutil.which("chromium") or "chromium"
for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"):
    options.add_argument(flag)
(page,) = (ROOT / ".build/compliance/after-changes").glob("*.html")
with Chrome(options=options, service=ChromeService(shutil.which("chromedriver") or "chromedriver")) as browser:
    for name, width, height, scheme in (("desktop", 1280, 640, "light"), ("phone", 390, 844, "dark")):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(page.as_uri())
        browser.save_screenshot(str(ROOT / f"docs/images/compliance-{name}.png"))
