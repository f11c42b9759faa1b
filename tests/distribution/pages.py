# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the Markdown pages of an unpacked archive: links, anchors, and what only a checkout has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from support.markdown import dead_links

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^)\s>]+)[^)]*\)")
PATH = re.compile(r"(?<![\w./-])\.?[\w-][\w./-]*[\w/]")
ABSOLUTE = re.compile(r"(?:https|mailto):")
# Not tracked, but only a checkout has them.
CREATED = (".venv", ".build")


def complaints(folder: Path, tree: Collection[str], targets: Collection[str]) -> list[str]:
    """What is wrong with the pages below a folder.

    Args:
        folder: An unpacked archive.
        tree: All files of the work tree from which it was built.
        targets: The targets of the Makefile.
    """
    lacking = only_in(tree, folder)
    return [
        f"{page.relative_to(folder)}: {complaint}"
        for page in sorted(folder.rglob("*.md"))
        for text in (COMMENT.sub("", page.read_text(encoding="utf-8")),)
        for complaint in (*dead_links(page, folder), *_checkout_only(text, lacking, targets))
    ]


def only_in(tree: Collection[str], folder: Path) -> set[str]:
    """Files of the tree that the folder lacks, and their folders."""
    paths = {Path(name) for name in tree}
    paths |= {parent for path in paths for parent in path.parents if parent.name}
    return {path.as_posix() for path in paths if not (folder / path).exists()}


def _checkout_only(text: str, lacking: Collection[str], targets: Collection[str]) -> Iterator[str]:
    text = LINK.sub(lambda link: "" if ABSOLUTE.match(link[2]) else link[0], text)
    commands = re.compile(rf"\bmake ({'|'.join(map(re.escape, targets))})(?![\w-])")
    yield from (f"`{match[0]}` needs a Makefile" for match in commands.finditer(text))
    for match in PATH.finditer(text):
        path = match[0].rstrip("/")
        # A single word is a path only where it is a file of the root: "demo" and "tests" are words.
        is_path = "/" in match[0] or "." in path or path == "Makefile"
        if is_path and (path in lacking or path.startswith(CREATED)):
            yield f"the archive has no {path}"
