# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The index lists every page, and every link between pages resolves, with its anchor."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.markdown import dead_links, links
from unit.builders import ROOT

DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
GUIDE = "https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup"


def pages() -> list[Path]:
    """The Markdown files of the repository, those that are not committed yet included."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_resolves(page: Path) -> None:
    assert dead_links(page, ROOT) == []


def test_the_index_lists_every_page() -> None:
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in links(INDEX.read_text(encoding="utf-8"))}
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


def test_the_demo_that_the_readme_shows_has_the_titles_and_tasks_of_the_demo() -> None:
    shown = (ROOT / "README.md").read_text(encoding="utf-8")
    demo = (ROOT / "demo/run.py").read_text(encoding="utf-8")
    tasks = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles").glob("*/tasks/*.yml"))
    titles = re.findall(r"^=== \d+/\d+  (.+)$", shown, re.MULTILINE)
    names = re.findall(r"^TASK \[fortanix\.dsm\.\w+ : (.+)\] \*+$", shown, re.MULTILINE)

    assert len(titles) >= 6
    assert [title for title in titles if title not in demo] == []
    assert names
    assert [name for name in names if f"name: {name}\n" not in tasks] == []
