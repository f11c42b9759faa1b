# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The index lists every page, and every link between pages resolves, with its anchor."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from unit.builders import ROOT

DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
GUIDE = "https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup"

_FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2`*\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
_ID = re.compile(r'<a id="([^"]+)"></a>')


def pages() -> list[Path]:
    """The Markdown files of the repository, those that are not committed yet included."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def without_code(text: str) -> str:
    return _CODE.sub("", _FENCE.sub("", text))


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", _ID.sub("", heading)).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found: dict[str, int] = {}
    result = set(_ID.findall(text))
    for heading in _HEADING.findall(text):
        name = slug(heading)
        number = found.get(name, 0)
        found[name] = number + 1
        result.add(f"{name}-{number}" if number else name)
    return frozenset(result)


def broken(page: Path, text: str) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for target in _LINK.findall(without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _separator, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{target}: no such file"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_resolves(page: Path) -> None:
    assert list(broken(page, page.read_text(encoding="utf-8"))) == []


def test_the_index_lists_every_page() -> None:
    linked = {
        (DOCS / target.partition("#")[0]).resolve() for target in _LINK.findall(INDEX.read_text(encoding="utf-8"))
    }
    expected = {page for page in DOCS.rglob("*.md") if page != INDEX}

    # The index of the decisions lists those.
    assert {page for page in expected - linked if page.parent.name != "decisions"} == set()
    assert DOCS / "decisions/README.md" in linked


def test_a_page_that_cites_the_guide_names_it_with_its_address() -> None:
    cite = re.compile(r"\bguide \d\.\d|\bGuide \d\.\d|\bthe guide\b|^\| Guide \|", re.MULTILINE)
    own = [page for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))] if page.is_file()]
    missing = [page.name for page in own if cite.search(text := page.read_text(encoding="utf-8")) and GUIDE not in text]

    # Generated pages.
    assert set(missing) <= {"findings.md", "troubleshooting.md"}


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What the operator needs", "what-the-operator-needs"),
        ("27 February 2027", "27-february-2027"),
        ("Alongside `azure.azcollection`", "alongside-azureazcollection"),
        ('<a id="dns-failure"></a>The host name does not resolve', "the-host-name-does-not-resolve"),
    ],
)
def test_an_anchor_is_that_of_github(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "# One\n[a](#one) [b](#two) [c](missing.md) `[d](code.md)`\n```\n[e](fence.md)\n```\n[f](https://example.com/x)\n"
    page.write_text(text, encoding="utf-8")

    assert list(broken(page, text)) == ["#two: no such heading", "missing.md: no such file"]
