# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Markdown pages contain, as GitHub and Galaxy read them (CommonMark): blocks of code, links, anchors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")
_ABSOLUTE = re.compile(r"(?:https|mailto):")
_HTML_ANCHOR = re.compile(r'<a (?:id|name)="([^"]+)"')
_HTML_TARGET = re.compile(r"""(?:href|src)=["']([^"']+)["']""")


@dataclass(frozen=True)
class Fence:
    """A block of code. ``line``: that of its first line, counted from one. ``section``: the heading above it."""

    section: str
    line: int
    language: str
    text: str


def fences(text: str) -> list[Fence]:
    found, section = list[Fence](), ""
    for token, following in _with_next(_PARSER.parse(text)):
        if token.type == "heading_open" and following is not None:
            section = _plain(following)
        elif token.type == "fence" and token.map is not None:
            found.append(Fence(section, token.map[0] + 2, token.info.strip(), token.content))
    return found


def links(text: str) -> list[str]:
    """The targets of links and images, those in HTML included. Code has none."""
    tokens = list(_flat(_PARSER.parse(text)))
    marked = [str(token.attrs.get("href") or token.attrs.get("src") or "") for token in tokens]
    html = [target for token in tokens if "html" in token.type for target in _HTML_TARGET.findall(token.content)]
    return [target for target in [*marked, *html] if target]


def anchors(text: str) -> frozenset[str]:
    """The anchors of the headings, and those that are set in HTML."""
    tokens = _PARSER.parse(text)
    found = {anchor for one in _flat(tokens) if "html" in one.type for anchor in _HTML_ANCHOR.findall(one.content)}
    for token, following in _with_next(tokens):
        if token.type == "heading_open" and following is not None:
            base = anchor = slug(_plain(following))
            number = 0
            while anchor in found:
                number += 1
                anchor = f"{base}-{number}"
            found.add(anchor)
    return frozenset(found)


def slug(heading: str) -> str:
    """The anchor of a heading without markup."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def dead_links(page: Path, inside: Path) -> list[str]:
    """The relative links of a page that lead out of the folder ``inside``, to no file or to no heading."""
    return list(_dead_links(page, inside.resolve()))


def _dead_links(page: Path, inside: Path) -> Iterator[str]:
    for target in dict.fromkeys(links(page.read_text(encoding="utf-8"))):
        if _ABSOLUTE.match(target):
            continue
        name, _hash, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page.resolve()
        if not file.is_relative_to(inside) or not file.exists():
            yield f"{target}: no such file"
        elif anchor and file.suffix == ".md" and anchor not in _anchors_of(file):
            yield f"{target}: no such heading"


@cache
def _anchors_of(file: Path) -> frozenset[str]:
    return anchors(file.read_text(encoding="utf-8"))


def _plain(inline: Token) -> str:
    """The text of a heading without links, marks and HTML."""
    return "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or []


def _with_next(tokens: list[Token]) -> Iterator[tuple[Token, Token | None]]:
    return zip(tokens, [*tokens[1:], None], strict=True)
