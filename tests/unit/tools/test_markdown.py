# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages are read as GitHub reads them: blocks of code, links, anchors, and links that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.markdown import Fence, anchors, dead_links, fences, links


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What the operator needs", "what-the-operator-needs"),
        ("27 February 2027", "27-february-2027"),
        ("Alongside `azure.azcollection`", "alongside-azureazcollection"),
        ("`Code`, [a *b*](c.md) - d", "code-a-b---d"),
        ("1. Two", "1-two"),
    ],
)
def test_an_anchor_is_that_of_github(heading: str, anchor: str) -> None:
    assert anchors(f"# {heading}\n") == {anchor}


def test_a_second_heading_of_the_same_words_has_a_number_and_html_an_anchor_of_its_own() -> None:
    assert anchors('# One\n## One\n### <a id="dns"></a>Two\n') == {"one", "one-1", "dns", "two"}


def test_blocks_of_code_are_read_in_every_form() -> None:
    text = "# One\n```sh\na\n```\n## Two\n1. b\n\n   ~~~yaml\n   c:\n     d\n   ~~~\n"

    assert fences(text) == [Fence("One", 3, "sh", "a\n"), Fence("Two", 9, "yaml", "c:\n  d\n")]


def test_links_are_those_of_text_references_images_and_html() -> None:
    text = '[`a`](a.md) `[b](b.md)` ![c](c.png) [d] <a href="e.md">e</a>\n\n```\n[f](f.md)\n```\n\n[d]: d.md\n'

    assert links(text) == ["a.md", "c.png", "d.md", "e.md"]


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](#one) [b](#two) [c](missing.md) [d](https://example.com/x) [e](../x.md)\n")
    (tmp_path.parent / "x.md").write_text("")

    assert dead_links(page, tmp_path) == ["#two: no such heading", "missing.md: no such file", "../x.md: no such file"]
