# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages on architecture and words name is there: files, rooms and classes."""

from __future__ import annotations

import re

import pytest

from unit.builders import ROOT
from unit.test_layers import GROUND, ROOMS

PAGE, GLOSSARY = (ROOT / "docs" / name for name in ("architecture.md", "glossary.md"))
BASES = ("", "plugins/", "plugins/module_utils/")


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`([\w./-]*[\w-]/[\w./-]*|_\w+\.py)`", PAGE.read_text(encoding="utf-8"))))
)
def test_a_path_of_the_page_is_there(path: str) -> None:
    assert any((ROOT / base / path).exists() for base in BASES), path


def test_every_room_is_in_the_table() -> None:
    named = set(re.findall(r"`(_\w+(?:/\w+)?)", PAGE.read_text(encoding="utf-8")))
    rooms = {room for room in ROOMS if room.startswith("_") and room not in ("_certificates", "_secrets", "_texts")}

    assert GROUND not in rooms
    assert rooms - named == set()


def test_every_class_of_the_glossary_is_there() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "plugins").rglob("*.py"))
    named = set(re.findall(r"`([A-Z][a-z]+[A-Za-z]*)`", GLOSSARY.read_text(encoding="utf-8")))

    assert named
    assert {name for name in named if not re.search(rf"^class {name}\b", code, re.MULTILINE)} == set()
