# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each section, question and trap of a contract that code or tests cite has a heading in that contract's page.

A citation names its contract: "DSM contract", then sections such as "§2.4", "§2.5 to §2.9" or "§7, Q3". Questions (Q)
belong to the contract of DSM and traps (T) to that of Azure, so they may stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from sandbox import Profile
from unit.builders import ROOT


@dataclass(frozen=True)
class Contract:
    """``letter``: what its numbered entries begin with, besides the sections."""

    name: str
    page: Path
    letter: str


class Citation(NamedTuple):
    """``contract``: None where the text does not name one."""

    contract: str | None
    number: str
    line: int


PAGES = ROOT / "docs/contracts"
CONTRACTS = {
    contract.name: contract
    for contract in (Contract("DSM", PAGES / "dsm.md", "Q"), Contract("Azure", PAGES / "azure.md", "T"))
}
WRITTEN = {name: contract for name, contract in CONTRACTS.items() if contract.page.exists()}
SUFFIXES = {".py", ".md", ".yml", ".yaml", ".json", ".sh"}
# The examples below are no citations.
EXCLUDED = {Path(__file__).resolve()}
# Characters before a section in which the name of its contract is searched.
_REACH = 500

_SECTION = r"§\s?(\d+(?:\.\d+)*)"
_ENTRY = r"\b([QT])(\d+)\b"
_NUMBER = re.compile(rf"{_SECTION}|{_ENTRY}")
_TO_NEXT = re.compile(r"(?:\s|#)*(?:to|-)(?:\s|#)*")
# Standards have sections too: RFC 9110 §10.2.3.
_OWNER = re.compile(rf"\b(?:({'|'.join(CONTRACTS)})\s+(?:#\s+)?contract|(RFC \d+))\b")
# What may stand between the name of a contract and a section of it: further sections, and words that link them.
_LINK = re.compile(
    rf"(?:[\s,;:()#-]|{_SECTION}|{_ENTRY}|\b(?:and|to|no\. \d+|traps?|questions?)\b)*\Z",
)


def citations(text: str) -> list[Citation]:
    """All citations in a text, with those that a range such as "§2.5 to §2.9" or "T1-T3" includes."""
    found: list[Citation] = []
    last: re.Match[str] | None = None
    for match in _NUMBER.finditer(text):
        owner = _owner_of(text, match)
        if owner != "RFC":
            line = text.count("\n", 0, match.start()) + 1
            first = last[0] if last and _TO_NEXT.fullmatch(text, last.end(), match.start()) else None
            found += [Citation(owner, number, line) for number in _numbers(first, match[0])]
        last = match
    return found


def _owner_of(text: str, match: re.Match[str]) -> str | None:
    if match[2] is not None:
        return next(contract.name for contract in CONTRACTS.values() if contract.letter == match[2])
    named = list(_OWNER.finditer(text, max(0, match.start() - _REACH), match.start()))
    if not named or not _LINK.fullmatch(text, named[-1].end(), match.start()):
        return None
    return named[-1][1] or "RFC"


def _numbers(first: str | None, last: str) -> Iterator[str]:
    """The number of a citation, and before it those between the first and the last of a range."""
    if first is not None:
        (head, start), (same, end) = (re.fullmatch(r"(.*?)(\d+)", one).groups() for one in (first, last))
        if head == same:
            yield from (_bare(f"{head}{number}") for number in range(int(start) + 1, int(end)))
    yield _bare(last)


def _bare(number: str) -> str:
    return number.removeprefix("§").strip()


@cache
def headings(page: Path) -> frozenset[str]:
    text = page.read_text(encoding="utf-8")
    return frozenset(re.findall(r"^#{2,4} (\d+(?:\.\d+)*|[QT]\d+)(?= )", text, re.MULTILINE))


@cache
def cited() -> Mapping[Path, list[Citation]]:
    files = (path for folder in ("plugins", "tests") for path in sorted((ROOT / folder).rglob("*")))
    texts = (path for path in files if path.suffix in SUFFIXES and path not in EXCLUDED and path.is_file())
    return {path: citations(path.read_text(encoding="utf-8")) for path in texts}


def unresolved(path: str, found: list[Citation], known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """The citations without a heading, as ``file:line: number``."""
    for contract, number, line in found:
        if contract is None:
            yield f"{path}:{line}: §{number}: name the contract before it, as in DSM contract §2.4"
        elif number not in known.get(contract, {number}):
            yield f"{path}:{line}: {number} has no heading in {CONTRACTS[contract].page.name}"


def test_each_citation_of_a_contract_has_a_heading() -> None:
    known = {name: headings(contract.page) for name, contract in WRITTEN.items()}

    problems = [
        problem for path, found in cited().items() for problem in unresolved(str(path.relative_to(ROOT)), found, known)
    ]

    assert "DSM" in known
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_heading_of_a_page_has_one_meaning(name: str) -> None:
    text = WRITTEN[name].page.read_text(encoding="utf-8")
    numbers = re.findall(r"^#{2,4} (\d+(?:\.\d+)*|[QT]\d+)(?= )", text, re.MULTILINE)

    assert sorted(numbers) == sorted(set(numbers))


def test_each_unknown_states_its_profile() -> None:
    """The switches of a question, with their values, are those of the sandbox."""
    text = WRITTEN["DSM"].page.read_text(encoding="utf-8")
    entries = dict(re.findall(r"^#### (Q\d+) .*\n((?:(?!#).*\n?)*)", text, re.MULTILINE))
    switches = {name: ", ".join(map(str, values)) for name, values in Profile.settings().items()}

    assert len(entries) > 40
    for question, entry in entries.items():
        assert re.findall(r"^- ([\w ]+):", entry, re.MULTILINE) == ["Not public", "Client", "Sandbox"], question
        stated = re.findall(r"`(\w+)`\s\(([^)]*)\)", entry.partition("- Sandbox:")[2])
        assert stated == [(name, switches.get(name)) for name, _values in stated], question
        assert stated or "no switch" in entry, question


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(DSM contract §1.7, §3.1)", ["DSM 1.7", "DSM 3.1"]),
        ("DSM contract §2.5 to §2.8", ["DSM 2.5", "DSM 2.6", "DSM 2.7", "DSM 2.8"]),
        ("DSM contract §2.10, §7 Q9, Q31", ["DSM 2.10", "DSM 7", "DSM Q9", "DSM Q31"]),
        ("is not public (DSM\n    # contract §7,\n    # Q36)", ["DSM 7", "DSM Q36"]),
        (
            "Azure contract §2 (traps T1-T3, T5), §0 no. 2",
            ["Azure 2", "Azure T1", "Azure T2", "Azure T3", "Azure T5", "Azure 0"],
        ),
        ("(T20 to T22); (Q3)", ["Azure T20", "Azure T21", "Azure T22", "DSM Q3"]),
        ("DSM contract §1; Azure contract §3", ["DSM 1", "Azure 3"]),
        ("RFC 9110 §10.2.3", []),
        ("the server decides (§1.7)", ["None 1.7"]),
        ("DSM contract §1 says so, and (§1.7)", ["DSM 1", "None 1.7"]),
    ],
)
def test_the_contract_of_a_citation_is_the_one_named_before_it(text: str, expected: list[str]) -> None:
    assert [f"{found.contract} {found.number}" for found in citations(text)] == expected


def test_a_problem_is_reported_with_file_line_and_number() -> None:
    found = citations("DSM contract §1\nsays so (§2), Azure contract §9")

    assert list(unresolved("a.py", found, {"DSM": frozenset()})) == [
        "a.py:1: 1 has no heading in dsm.md",
        "a.py:2: §2: name the contract before it, as in DSM contract §2.4",
    ]
