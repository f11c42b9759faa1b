# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Findings as values, used in results, in errors and in reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import printable

# A state that could not be determined is never a pass.
FAILED, WARNING, UNKNOWN = "failed", "warning", "unknown"
# Checked and correct. Only reports use it, because they also list what was checked.
OK = "ok"
HIGH, MEDIUM, LOW, INFO = "high", "medium", "low", "info"


@dataclass(frozen=True)
class Kind:
    """A fact that can be reported. ``section``: of the guide, or ``-``.

    ``area``: the check of a compliance run that it belongs to, or the only module that reports it. ``id`` is stable:
    waivers and policies refer to it.
    """

    area: str
    id: str
    severity: str
    section: str
    title: str


@dataclass(frozen=True)
class Finding:
    """One finding about one object. ``status``: failed | warning | unknown | ok. ``evidence``: without secrets."""

    kind: Kind
    status: str
    plane: str
    obj: str
    expected: str
    actual: str
    remedy: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        return {
            "id": self.kind.id,
            "status": self.status,
            "severity": self.kind.severity,
            "section": self.kind.section,
            "title": self.kind.title,
            "plane": self.plane,
            "object": printable(self.obj),
            "expected": printable(self.expected),
            "actual": printable(self.actual),
            "evidence": _printable(dict(self.evidence)),
            "remedy": printable(self.remedy),
        }


def _printable(value: Any) -> Any:
    """The value with all its texts printable: servers return names of roles, too."""
    if isinstance(value, Mapping):
        return {key: _printable(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable(member) for member in value]
    return printable(value) if isinstance(value, str) else value


def worst(findings: Iterable[Finding]) -> str:
    """The worst status of all findings: ``failed``, ``unknown``, ``warning`` or ``ok``."""
    statuses = {finding.status for finding in findings}
    return next((status for status in (FAILED, UNKNOWN, WARNING) if status in statuses), OK)


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The most severe first, then by status; otherwise in their original order. What is ok comes last."""
    statuses, severities = (FAILED, UNKNOWN, WARNING, OK), (HIGH, MEDIUM, LOW, INFO)

    def rank(one: Finding) -> tuple[bool, int, int]:
        return one.status == OK, severities.index(one.kind.severity), statuses.index(one.status)

    return tuple(sorted(findings, key=rank))
