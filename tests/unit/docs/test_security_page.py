# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each proof that the threat model names is a test that exists, and each attacker is in it."""

from __future__ import annotations

import re

import pytest

from unit.builders import ROOT

TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")
PROOFS = sorted(set(re.findall(r"`(test_\w+)`", TEXT)))


def tests() -> set[str]:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^\s*def (test_\w+)\(", source, re.MULTILINE)}


def test_each_proof_is_a_test() -> None:
    assert [name for name in PROOFS if name not in tests()] == []


@pytest.mark.parametrize("part", "abcdefgh")
def test_each_attacker_has_a_section(part: str) -> None:
    assert len(re.findall(rf"^## \({part}\) ", TEXT, re.MULTILINE)) == 1


def test_each_file_that_the_page_names_is_in_the_archive_too() -> None:
    """A link to a test would be dead there."""
    assert "](../tests" not in TEXT
