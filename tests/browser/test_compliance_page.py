# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compliance page in a browser: Debian's chromium and chromium-driver, or the same two by another packager.

Started by `make test-browser`, apart from the other tests, which need no more than Python.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance_report import files, report
from unit.compliance_builders import finding, group, result

HOSTILE = (
    "<script>document.title = 'run'</script>",
    "<img src=https://a.example/x.png onerror=\"document.title = 'run'\">",
    '"><svg onload="document.title = \'run\'">',
    "</style></script><link rel=stylesheet href=https://a.example/x.css>",
    "a" * 300,
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if not all(programs.values()):
        pytest.fail(f"These tests need a browser: apt-get install chromium chromium-driver. Found: {programs}.")
    options = ChromeOptions()
    options.binary_location = str(programs["chromium"])
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    with Chrome(options=options, service=ChromeService(str(programs["chromedriver"]))) as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    groups = [
        group(
            finding(status="failed", object=name, actual=name, evidence={"name": name}),
            finding(status="warning", check="vault", id="no-purge-protection"),
            name=name,
        )
        for name in ("akv-one", "akv-two", *HOSTILE)
    ]
    dsm = {"endpoint": "https://dsm.example.com", "version": "5.8"}
    made = report([result(*groups, dsm=dsm)], {}, "0.1.0")
    path: Path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(next(iter(files(made, ["html"]).values())), encoding="utf-8")
    return path.as_uri()


def size(browser: Chrome, width: int) -> None:
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def test_hostile_names_run_nothing_and_load_nothing(browser: Chrome, page: str) -> None:
    browser.get_log("performance")

    browser.get(page)

    told = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    # The browser's own start page, which may still be loading, is no matter of ours.
    sent = [one["params"] for one in told if one["method"] == "Network.requestWillBeSent"]
    assert [one["request"]["url"] for one in sent if one["documentURL"] == page] == [page]
    assert browser.title.startswith("Compliance of CDC groups")
    names = [one.get_attribute("textContent") for one in browser.find_elements(By.CSS_SELECTOR, ".group h3")]
    assert all(any(hostile in (name or "") for name in names) for hostile in HOSTILE)


def test_the_filter_takes_groups_out_and_says_how_many_are_left(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)

    browser.find_element(By.ID, "text").send_keys("akv-two")

    count = browser.find_element(By.ID, "count")
    WebDriverWait(browser, 10).until(lambda _browser: count.text.startswith("1 of 7 groups"))
    shown = [one for one in browser.find_elements(By.CSS_SELECTOR, ".group") if one.is_displayed()]
    assert len(shown) == 1
    assert count.aria_role == "status" or count.get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("width", [390, 1280])
def test_the_document_does_not_scroll_sideways(browser: Chrome, page: str, width: int) -> None:
    size(browser, width)
    browser.get(page)
    browser.find_element(By.ID, "open").click()

    root = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")

    assert root[1] == width
    assert root[0] <= width


def test_a_finding_opens_by_keyboard(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)
    finding_of = browser.find_element(By.CSS_SELECTOR, ".group details.finding:not([open])")

    finding_of.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)

    assert finding_of.get_attribute("open") is not None
