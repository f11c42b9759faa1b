# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compliance page in a browser: Debian's chromium and chromium-driver, or the same two by another packager.

Started by `make test-browser`, apart from the other tests, which need no more than Python.
"""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from ansible_collections.fortanix.dsm.plugins.module_utils._findings.catalog import CHECKS
from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance.formats import line
from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance.report import files, report
from unit.compliance.builders import finding, group, result

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
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with Chrome(options=options, service=ChromeService(str(programs["chromedriver"]))) as driver:
        yield driver


def written(directory: Path, groups: list[dict[str, Any]], policy: dict[str, Any]) -> str:
    """The address of the page of these groups."""
    made = report([result(*groups)], policy, "0.1.0")
    path = directory / "page.html"
    path.write_text(next(iter(files(made, ["html"]).values())), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Groups with hostile names, in which every status and every outcome occurs."""
    fine = [finding(status="ok", check=check, id=kind.id, title=kind.title) for check, kind in CHECKS.items()]
    groups = [
        group(
            finding(status="failed", object=name, actual=name, evidence={"name": name}),
            finding(status="warning", check="vault", id="no-purge-protection"),
            finding(status="unknown", check="keys", id="keys-not-checked"),
            finding(status="unknown", check="rights", id="rights-not-checked"),
            finding(status="failed", check="connection", id="not-connected"),
            *(one for one in fine if one["check"] not in ("link", "vault", "keys", "rights", "connection")),
            name=name,
        )
        for name in ("akv-one", "akv-two", *HOSTILE)
    ]
    groups.append(group(*fine, name="akv-fine"))
    waived = ("not-connected", "rights-not-checked")
    waivers = [{"id": one, "reason": "agreed", "expires": "2999-12-31"} for one in waived]
    return written(tmp_path_factory.mktemp("page"), groups, {"waivers": waivers})


def place_of(number: int) -> int:
    """Which check of a group has something to say: each one beside each status, however many checks there are."""
    return number // 4 % len(CHECKS)


def of_many(number: int) -> dict[str, Any]:
    """One of a thousand: one check of it is not ok, which one and how goes by the number."""
    findings = [finding(status="ok", check=check, id=kind.id, title=kind.title) for check, kind in CHECKS.items()]
    place = place_of(number)
    status = ("failed", "unknown", "warning", "ok")[number % 4]
    findings[place] = finding(status=status, check=list(CHECKS)[place], object=f"link of akv-{number:04}")
    return group(*findings, name=f"akv-{number:04}")


@pytest.fixture(scope="module")
def big_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("big-page"), [of_many(number) for number in range(1000)], {})


@pytest.fixture
def without_script(browser: Chrome) -> Iterator[None]:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    yield
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def size(browser: Chrome, width: int) -> None:
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def emulate(browser: Chrome, *, media: str = "", scheme: str = "light") -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def requests_of(browser: Chrome, page: str) -> list[str]:
    """What the page has asked for since the log was read last. The browser's own start page is no matter of ours."""
    told = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [one["params"] for one in told if one["method"] == "Network.requestWillBeSent"]
    return [one["request"]["url"] for one in sent if one["documentURL"] == page]


def rows_shown(browser: Chrome) -> list[str]:
    """The names of the groups whose rows are shown, once all of them are drawn."""
    more = browser.find_element(By.ID, "more-rows")
    for _step in range(40):
        if more.is_displayed():
            browser.execute_script("arguments[0].click()", more)
    assert not more.is_displayed()
    script = """return [...document.querySelectorAll("tr[data-group]")].filter((row) => row.offsetParent !== null)
        .map((row) => row.querySelector("th").textContent.trim())"""
    found: list[str] = browser.execute_script(script)
    return found


def elements_of(browser: Chrome, within: str = "*") -> int:
    return int(browser.execute_script("return document.querySelectorAll(arguments[0]).length", within))


def count(browser: Chrome, beginning: str) -> None:
    """Wait until the page says so many are shown."""
    told = browser.find_element(By.ID, "count")
    WebDriverWait(browser, 60).until(lambda _browser: told.text.startswith(beginning))


# What is in it ------------------------------------------------------------------------------------------------------


def test_hostile_names_run_nothing_and_load_nothing(browser: Chrome, page: str) -> None:
    browser.get_log("performance")
    browser.get_log("browser")

    browser.get(page)

    assert requests_of(browser, page) == [page]
    assert browser.get_log("browser") == []
    assert browser.title.startswith("Compliance of CDC groups")
    names = [one.get_attribute("textContent") for one in browser.find_elements(By.CSS_SELECTOR, ".group h3")]
    assert all(any(hostile in (name or "") for name in names) for hostile in HOSTILE)


# The filter ---------------------------------------------------------------------------------------------------------


def test_the_filter_takes_groups_out_and_says_how_many_are_left(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)

    browser.find_element(By.ID, "text").send_keys("akv-two")

    count(browser, "1 of 8 groups")
    shown = [one for one in browser.find_elements(By.CSS_SELECTOR, ".group") if one.is_displayed()]
    assert len(shown) == 1
    told = browser.find_element(By.ID, "count")
    assert told.aria_role == "status" or told.get_attribute("aria-live") == "polite"


def test_of_a_thousand_groups_the_filter_leaves_those_that_are_meant(browser: Chrome, big_page: str) -> None:
    size(browser, 1280)
    browser.get_log("performance")
    browser.get_log("browser")
    names, vault = [f"akv-{number:04}" for number in range(1000)], list(CHECKS).index("vault")
    unknown = names[1::4]
    of_the_vault = [name for name in unknown if place_of(int(name[4:])) == vault]
    browser.get(big_page)
    assert sorted(rows_shown(browser)) == names

    text = browser.find_element(By.ID, "text")
    text.send_keys("akv-077")
    count(browser, "10 of 1,000 groups")
    by_text = rows_shown(browser)
    text.clear()
    Select(browser.find_element(By.ID, "show")).select_by_value("unknown")
    count(browser, "250 of 1,000 groups and 250 of ")
    by_status = rows_shown(browser)
    Select(browser.find_element(By.ID, "check")).select_by_value("vault")
    count(browser, f"{len(of_the_vault)} of 1,000 groups and {len(of_the_vault)} of ")
    by_check = rows_shown(browser)
    browser.find_element(By.ID, "all").click()
    count(browser, "1,000 of 1,000 groups")

    assert sorted(by_text) == names[770:780]
    assert sorted(by_status) == unknown
    assert sorted(by_check) == of_the_vault != []
    assert sorted(rows_shown(browser)) == names
    assert requests_of(browser, big_page) == [big_page]
    assert browser.get_log("browser") == []


def test_what_was_found_leads_to_the_groups_that_have_it(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)
    Select(browser.find_element(By.ID, "show")).select_by_value("ok")

    browser.find_element(By.CSS_SELECTOR, 'button[data-kind="keys-not-checked"]').click()

    count(browser, "7 of 8 groups and 7 of ")
    assert browser.find_element(By.ID, "show").get_property("value") == ""
    assert browser.switch_to.active_element.get_attribute("id") == "text"


def test_a_link_to_what_the_filter_has_taken_out_shows_it(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)
    browser.find_element(By.ID, "text").send_keys("akv-two")
    count(browser, "1 of 8 groups")
    (shown,) = browser.find_elements(By.CSS_SELECTOR, ".group")
    other = "g0-0" if shown.get_attribute("id") != "g0" else "g1-0"
    assert browser.find_elements(By.ID, other) == []

    browser.execute_script("location.hash = arguments[0]", other)

    count(browser, "8 of 8 groups")
    opened = browser.find_element(By.ID, other)
    assert opened.is_displayed()
    assert opened.get_attribute("open") is not None
    assert "Expected" in opened.text


# What is drawn ------------------------------------------------------------------------------------------------------


def test_of_a_thousand_groups_only_what_the_reader_gets_to_is_drawn(browser: Chrome, big_page: str) -> None:
    size(browser, 1280)
    browser.get(big_page)
    count(browser, "1,000 of 1,000 groups")

    at_first = elements_of(browser)
    bodies = elements_of(browser, ".group dl, .group pre")
    file = Path(browser.execute_script("return decodeURI(location.pathname)"))

    assert file.stat().st_size < 2_000_000
    assert at_first < 5_000
    assert bodies == 0


def test_the_table_of_a_thousand_groups_goes_on_while_one_scrolls(browser: Chrome, big_page: str) -> None:
    size(browser, 1280)
    browser.get(big_page)
    count(browser, "1,000 of 1,000 groups")
    before = elements_of(browser, "tr[data-group]")

    def at_the_end(_browser: Chrome) -> bool:
        browser.execute_script("const one = document.querySelector('.matrix'); one.scrollTop = one.scrollHeight")
        return elements_of(browser, "tr[data-group]") == 1000

    WebDriverWait(browser, 60).until(at_the_end)

    assert before < 200
    assert not browser.find_element(By.ID, "more-rows").is_displayed()


def test_by_keyboard_the_table_goes_on_and_the_focus_with_it(browser: Chrome, big_page: str) -> None:
    size(browser, 1280)
    browser.get(big_page)
    count(browser, "1,000 of 1,000 groups")
    rows = elements_of(browser, "tr[data-group]")

    browser.find_element(By.ID, "more-rows").send_keys(Keys.ENTER)

    focused = browser.switch_to.active_element
    assert focused.tag_name == "a"
    assert elements_of(browser, "tr[data-group]") > rows
    place = browser.execute_script(
        "return [...arguments[0].closest('tbody').rows].indexOf(arguments[0].closest('tr'))", focused
    )
    assert place >= rows


def test_the_filter_finds_text_in_what_is_not_drawn(browser: Chrome, tmp_path: Path) -> None:
    """In the evidence of a finding of status ok in the last of many groups: nothing of it is on the screen."""
    fine = finding(status="ok", check="apps", id="apps-in-order", evidence={"key": "Needle-in-the-haystack"})
    others = [group(finding(), name=f"akv-{number:03}") for number in range(300)]
    address = written(tmp_path, [*others, group(fine, name="zzz", status="ok")], {})
    size(browser, 1280)
    browser.get(address)
    assert "needle" not in browser.find_element(By.TAG_NAME, "main").get_attribute("textContent").lower()

    browser.find_element(By.ID, "text").send_keys("needle-IN-the")

    count(browser, "1 of 301 groups and 1 of 301 findings")
    assert rows_shown(browser) == ["zzz"]
    browser.find_element(By.CSS_SELECTOR, ".group summary").click()
    WebDriverWait(browser, 10).until(lambda _browser: browser.find_elements(By.CSS_SELECTOR, ".group pre"))
    assert "Needle-in-the-haystack" in browser.find_element(By.CSS_SELECTOR, ".group pre").text


def test_a_link_leads_to_a_group_that_is_not_drawn_yet(browser: Chrome, big_page: str) -> None:
    size(browser, 1280)
    browser.get(f"{big_page}#g700")

    focused = browser.switch_to.active_element

    assert focused.get_attribute("id") == "g700"
    assert focused.is_displayed()


def test_what_is_expanded_stays_so_under_another_filter_and_after_printing(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)
    browser.find_element(By.CSS_SELECTOR, "#g1 details.finding summary").click()
    opened = browser.find_element(By.CSS_SELECTOR, "#g1 details.finding[open]").get_attribute("id")

    Select(browser.find_element(By.ID, "show")).select_by_value("failed")
    emulate(browser, media="print")
    # The browser tells the page of the medium a moment later.
    WebDriverWait(browser, 60).until(lambda _browser: elements_of(browser, "details[open]") > 20)
    emulate(browser)
    WebDriverWait(browser, 60).until(lambda _browser: elements_of(browser, "details[open]") < 20)

    now = [one.get_attribute("id") for one in browser.find_elements(By.CSS_SELECTOR, "details[open]")]
    assert now == [opened]


@pytest.mark.parametrize("strategy", ["as it is", "incompressible", "short"])
def test_the_page_reads_its_data_however_it_is_compressed(browser: Chrome, tmp_path: Path, strategy: str) -> None:
    """DEFLATE has three kinds of blocks: compressed with codes of their own, with fixed codes, and stored."""
    key = base64.b85encode(random.Random(1).randbytes(90_000)).decode() if strategy == "incompressible" else "key"
    words = [f"{chr(0x100 + number % 700)}{number * number}" for number in range(20_000)]
    texts = {"as it is": " ".join(words), "incompressible": key, "short": "\U0001f511 \u202e </script><!--\u2028"}
    address = written(tmp_path, [group(finding(actual=texts[strategy]))], {})
    if strategy != "as it is":
        repacked(tmp_path / "page.html", stored=strategy == "incompressible")
    browser.get_log("browser")
    browser.get(address)

    browser.find_element(By.CSS_SELECTOR, "#g0 details.finding summary").click()
    WebDriverWait(browser, 10).until(lambda _browser: browser.find_elements(By.CSS_SELECTOR, "#g0 dd"))
    told = browser.find_elements(By.CSS_SELECTOR, "#g0 dd")[1].get_attribute("textContent")

    assert browser.get_log("browser") == []
    assert told == line(texts[strategy])


def repacked(path: Path, *, stored: bool) -> None:
    """Compress the data of a page anew: not at all, or with the fixed codes."""
    content = path.read_text(encoding="utf-8")
    head, packed, tail = re.split(r'(?<=data-size=")(\d+">[^<]+)', content, maxsplit=1)
    length, _separator, text = packed.partition('">')
    plain = zlib.decompress(base64.b64decode(text), -zlib.MAX_WBITS)
    kind = {"level": 0} if stored else {"level": 9, "strategy": zlib.Z_FIXED}
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS, **kind)
    anew = base64.b64encode(packer.compress(plain) + packer.flush()).decode()
    path.write_text(f'{head}{length}">{anew}{tail}', encoding="utf-8")


def test_damaged_data_is_told_and_not_shown_as_a_report_without_groups(browser: Chrome, tmp_path: Path) -> None:
    address = written(tmp_path, [group(finding())], {})
    path = tmp_path / "page.html"
    content = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'(data-size="\d+">.{40}).{40}', r"\1", content), encoding="utf-8")

    browser.get(address)

    assert browser.find_element(By.ID, "broken").is_displayed()
    assert not browser.find_element(By.ID, "filter").is_displayed()
    browser.get_log("browser")


@pytest.mark.usefixtures("without_script")
def test_without_its_script_the_page_says_what_was_found_and_where_the_data_is(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)

    main = browser.find_element(By.TAG_NAME, "main").text

    assert "akv-two" in main
    assert "not-connected (high, failed, waived)" in main
    assert "Run the role with the format json" in main
    operated = browser.find_elements(By.CSS_SELECTOR, "form, .more, .matrix")
    assert [one for one in operated if one.is_displayed()] == []


# How it looks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1280])
def test_the_document_does_not_scroll_sideways(browser: Chrome, page: str, width: int) -> None:
    size(browser, width)
    browser.get(page)
    browser.find_element(By.ID, "open").click()

    root = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")

    assert root[1] == width
    assert root[0] <= width


@pytest.mark.parametrize("media", ["screen", "print"])
def test_no_word_of_the_summary_is_broken_at_any_width(browser: Chrome, page: str, media: str) -> None:
    """Whatever the page has: each tile with the longest status, the largest number, and its own name."""
    size(browser, 1280)
    browser.get(page)
    emulate(browser, media=media)
    broken = {}

    for width in range(320, 1500, 20) if media == "screen" else [PAPER]:
        size(browser, width)
        found = browser.execute_script(BROKEN_TILES)
        if found:
            broken[width] = found

    emulate(browser)
    assert broken == {}


# A word is broken if it has more than one box, and cut if it is wider than its tile.
BROKEN_TILES = """
const broken = [];
for (const tile of document.querySelectorAll(".tiles li")) {
  const value = tile.querySelector("b");
  // The verdict, in capitals, is one of two words.
  const words = tile.matches(".verdict") ? ["pass", "fail"] : ["unknown", "warning", "failed", "100,000"];
  for (const word of words) {
    value.textContent = word;
    const range = document.createRange();
    range.selectNodeContents(value);
    if (range.getClientRects().length !== 1 || tile.scrollWidth > tile.clientWidth) broken.push(word);
  }
  const name = tile.lastChild;
  for (const { index, 0: word } of name.data.matchAll(/\\S+/g)) {
    const range = document.createRange();
    range.setStart(name, index);
    range.setEnd(name, index + word.length);
    if (range.getClientRects().length !== 1) broken.push(word);
  }
}
for (const status of document.querySelectorAll(".status")) {
  const lines = new Set([...status.getClientRects()].map((one) => one.top)).size;
  if (lines > 1 && !status.classList.contains("dashed")) broken.push(status.textContent);
}
return broken;
"""


def test_at_desktop_width_all_checks_are_in_sight(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)

    width, seen = browser.execute_script(
        "const one = document.querySelector('.matrix'); return [one.scrollWidth, one.clientWidth]"
    )

    assert width <= seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_background(browser: Chrome, page: str, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1, large letters and all."""
    size(browser, 1280)
    emulate(browser, scheme=scheme)
    browser.get(page)

    pairs: list[tuple[str, list[float], list[float]]] = browser.execute_script(COLOURS)

    emulate(browser)
    assert len(pairs) > 10
    faint = [(what, contrast(text, back)) for what, text, back in pairs if contrast(text, back) < 4.5]
    assert faint == []
    darkest = min(luminance(back) for _what, _text, back in pairs)
    assert (darkest < 0.02) is (scheme == "dark") or darkest < 0.2


# Of each element with a text of its own: its colour, and the nearest background that is painted. As red, green, blue.
COLOURS = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const found = new Map();
for (const element of document.body.querySelectorAll("*")) {
  if (["SCRIPT", "STYLE", "OPTION"].includes(element.tagName)) continue;
  if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
  let behind = element;
  while (behind.parentElement && (numbers(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0)
    behind = behind.parentElement;
  const colours = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
  found.set(colours.join(), [`${element.tagName}.${element.className}`, ...colours.map(numbers)]);
}
return [...found.values()];
"""


def luminance(colour: list[float]) -> float:
    """Relative luminance (WCAG 2.2) of red, green and blue from 0 to 255."""
    parts = [part / 255 for part in colour[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[float], other: list[float]) -> float:
    """Contrast ratio (WCAG 2.2), from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_on_paper_everything_is_there_and_nothing_to_operate(browser: Chrome, page: str) -> None:
    size(browser, PAPER)
    emulate(browser)
    browser.get(page)
    browser.find_element(By.ID, "text").send_keys("akv-two")
    count(browser, "1 of 8 groups")

    emulate(browser, media="print", scheme="dark")
    operated = [one for one in browser.find_elements(By.CSS_SELECTOR, "form, button, nav, .skip") if one.is_displayed()]
    rows, evidence, cut, name = (browser.execute_script(f"return {one}") for one in ON_PAPER)
    background = browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    emulate(browser)
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    sheets = re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", printed)

    assert sheets
    # In landscape: upright, no sheet has room for all checks.
    assert all(float(width) > float(height) for width, height in sheets)
    assert operated == []
    assert rows == 8
    # Closed on the screen, and open on paper.
    assert evidence == 8 * len(CHECKS)
    assert cut == []
    assert name > 60
    assert background == "rgba(255, 255, 255, 1)"


# Pixels between the margins of Letter, which is shorter than A4, in landscape: 11 inches less 12 mm on either side.
PAPER = 965
ON_PAPER = (
    '[...document.querySelectorAll("tr[data-group]")].filter((row) => row.offsetParent !== null).length',
    '[...document.querySelectorAll(".group pre")].filter((one) => one.getBoundingClientRect().height > 5).length',
    f"""[...document.querySelectorAll("table, pre, dl, section")]
        .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > {PAPER})
        .map((one) => one.outerHTML.slice(0, 80))""",
    'document.querySelector("tr[data-group] th").getBoundingClientRect().width',
)


# By keyboard --------------------------------------------------------------------------------------------------------


def test_by_keyboard_alone_one_gets_to_the_filter_and_from_a_check_to_its_finding(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)

    def press(*keys: str) -> WebElement:
        ActionChains(browser).send_keys(*keys).perform()
        return browser.switch_to.active_element

    skip = press(Keys.TAB)
    outline = skip.value_of_css_property("outline-style")
    assert (skip.text, outline) == ("Skip to the filter", "solid")
    assert skip.is_displayed()
    press(Keys.ENTER)
    assert press(Keys.TAB).get_attribute("id") == "text"
    press("akv-two")
    count(browser, "1 of 8 groups")
    link = browser.find_element(By.CSS_SELECTOR, 'tr[data-group] td[data-of="link"] a')
    browser.execute_script("arguments[0].focus()", link)

    summary = press(Keys.ENTER)

    assert summary.tag_name == "summary"
    opened = summary.find_element(By.XPATH, "..")
    assert opened.get_attribute("open") is not None
    assert "akv-two" in opened.text
    bottom = browser.execute_script("return document.getElementById('filter').getBoundingClientRect().bottom")
    top = browser.execute_script("return arguments[0].getBoundingClientRect().top", summary)
    assert bottom <= top


def test_a_finding_opens_by_keyboard(browser: Chrome, page: str) -> None:
    size(browser, 1280)
    browser.get(page)
    finding_of = browser.find_element(By.CSS_SELECTOR, ".group details.finding:not([open])")

    finding_of.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)

    assert finding_of.get_attribute("open") is not None
