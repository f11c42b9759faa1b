# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The data from which the script of the compliance page draws groups and findings. Pure.

It is JSON, compressed with DEFLATE (RFC 1951), in base64: no letter of base64 has a meaning in HTML. Each text is in it
once, and a finding has the numbers of its texts, because a browser takes most of its time for the size of the JSON.
All texts are made printable here, and the script only inserts them as text.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from ...module_utils._compliance.policy import FAIL, SEVERITIES, STATUSES, worst_of
from ...module_utils._findings.catalog import CHECKS
from ...module_utils._findings.finding import OK
from .formats import Report, each, line

_EVIDENCE_WIDTH = 100
# The texts of a finding in this order, then its waiver, then each line of its evidence.
_OF_FINDING = ("check", "id", "status", "outcome", "severity", "plane", "object", "expected", "actual", "remedy")


def element(report: Report) -> str:
    """The element with the data. It is no script to browsers, so the policy of the page does not apply to it."""
    text = json.dumps(_content(report), separators=(",", ":")).encode()
    # Without the header of zlib, which has nothing that the script needs.
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = base64.b64encode(packer.compress(text) + packer.flush()).decode()
    return f'<script id="data" type="text/plain" data-size="{len(text)}">{packed}</script>'


def ordered(groups: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Failing groups first, then by the severity and status of what was found; otherwise as in the report."""

    def place(group: Mapping[str, Any]) -> tuple[bool, int, int]:
        first = group["findings"][0] if group["findings"] else None
        severity = SEVERITIES.index(first["severity"]) if first and first["status"] != OK else -1
        return group["verdict"] != FAIL, -severity, STATUSES.index(group["status"])

    return sorted(groups, key=place)


def shown(value: Any) -> Any:
    """The value with all its texts made printable."""
    if isinstance(value, Mapping):
        return {line(name): shown(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(inner) for inner in value]
    return line(value) if isinstance(value, str) else value


class _Texts:
    """Texts by number, each once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def listed(self) -> list[str]:
        return list(self._numbers)


def _content(report: Report) -> dict[str, Any]:
    texts = _Texts()
    return {
        "checks": list(CHECKS),
        "names": [*_OF_FINDING, "waiver"],
        "kinds": {
            line(finding["id"]): {
                "title": line(finding["title"]),
                "section": line(finding["section"]),
                "controls": line("; ".join(finding["controls"])),
            }
            for _group, finding in each(report)
        },
        "run": [_finding_numbers(finding, texts) for finding in report["findings"]],
        "groups": [_group_data(group, texts) for group in ordered(report["groups"])],
        # Last, when all of them have a number.
        "texts": texts.listed(),
    }


def _group_data(group: Mapping[str, Any], texts: _Texts) -> dict[str, Any]:
    places: dict[str, list[tuple[int, Mapping[str, Any]]]] = {check: [] for check in CHECKS}
    for place, finding in enumerate(group["findings"]):
        places[finding["check"]].append((place, finding))
    worst = (worst_of(found) for found in places.values())
    return {
        "name": line(group["name"]),
        "verdict": line(group["verdict"]),
        "facts": _facts(group),
        # For each check, the place of its worst finding; -1 if the check was not run.
        "worst": [-1 if one is None else one[0] for one in worst],
        "findings": [_finding_numbers(finding, texts) for finding in group["findings"]],
    }


def _facts(group: Mapping[str, Any]) -> str:
    link = group["link"] or {}
    told = {
        "group": group["group_id"],
        "vault": link.get("vault") and f"{link['vault']} ({link['vault_type'] or 'type not reported'})",
        "subscription": link.get("subscription_id"),
        "application": link.get("client_id"),
        "Azure": link.get("azure_service"),
    }
    return line(", ".join(f"{name} {value}" for name, value in told.items() if value))


def _finding_numbers(finding: Mapping[str, Any], texts: _Texts) -> list[int]:
    waiver, evidence = finding["waiver"], finding["evidence"]
    told = [
        *(line(finding[name]) for name in _OF_FINDING),
        line(f"until {waiver['expires']}: {waiver['reason']}") if waiver else "",
        *(_compact(shown(evidence)).split("\n") if evidence or finding["status"] == OK else ()),
    ]
    return [texts.number(text) for text in told]


def _compact(value: Any, depth: int = 0) -> str:
    """JSON in which each value that fits into a line is on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + depth <= _EVIDENCE_WIDTH or not isinstance(value, (dict, list)):
        return flat
    pad = " " * (depth + 1)
    if isinstance(value, dict):
        parts = [f"{pad}{json.dumps(name, ensure_ascii=False)}: {_compact(v, depth + 1)}" for name, v in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + " " * depth + "}"
    return "[\n" + ",\n".join(pad + _compact(inner, depth + 1) for inner in value) + "\n" + " " * depth + "]"
