# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures of the page that ``make demo-compliance`` has made, for docs/compliance.md. Needs chromium, chromium-driver."""

from __future__ import annotations

from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions

ROOT = Path(__file__).resolve().parents[1]

options = ChromeOptions()
for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
    options.add_argument(flag)
(page,) = (ROOT / ".build/compliance/after-deeds").glob("*.html")
with Chrome(options=options) as browser:
    for name, width, height, scheme in (("desktop", 1280, 900, "light"), ("phone", 390, 844, "dark")):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(page.as_uri())
        browser.save_screenshot(str(ROOT / f"docs/images/compliance-{name}.png"))
