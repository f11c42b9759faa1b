# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/findings.md, made from the catalogue. Renew it with:
PYTHONPATH=docs:tests:.build/collections .venv/bin/python -m make.findings_page"""

from __future__ import annotations

from ansible_collections.fortanix.dsm.plugins.module_utils._compliance.controls import CONTROLS
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.catalog import (
    AZURE_KV_ACCESS,
    CATALOG,
    CDC_CONNECTION,
    CHECKS,
    RUN,
)
from support.playbook import ROOT

PATH = ROOT / "docs" / "findings.md"
_HEAD = """# Findings

Every finding of this collection. An ID stands for one fact, with one severity and one title, whichever module finds it:
`cdc_compliance_info`, `azure_kv_prereqs` and `azure_kv_prereqs_info`, `cdc_connection`, `azure_kv_access`. The `notes`
of a right and the `class` of a diagnosis ([troubleshooting.md](troubleshooting.md)) use the same IDs for the same
facts; a class that is narrower or wider than a finding has an ID of its own.

The IDs are stable from version 1.0 on. Policies and waivers of compliance runs ([compliance.md](compliance.md)) name
them, and may set other severities. The first sections are the checks of a compliance run; the first finding of each is
reported with status `ok` when the check has found nothing. All others are `failed`, `warning` or `unknown`.

Controls are those that a finding bears on. A star marks what this collection has mapped, for an auditor to confirm. The
others are mapped by Azure's regulatory initiatives, by way of the built-in policies for the same thing, whose IDs are
at the end. No finding proves that a control is met.

Generated from the code of the checks.
"""

_HEADINGS = {
    RUN: "The compliance run itself",
    CDC_CONNECTION: "Found by `cdc_connection` alone",
    AZURE_KV_ACCESS: "Found by `azure_kv_access` alone",
}


def content() -> str:
    """The text of the page."""
    lines = [_HEAD]
    for area in (*CHECKS, RUN, CDC_CONNECTION, AZURE_KV_ACCESS):
        lines += [
            f"## {_HEADINGS.get(area, area)}",
            "",
            "| ID | Severity | Guide | Finding | Controls |",
            "| --- | --- | --- | --- | --- |",
        ]
        for kind in CATALOG.values():
            if kind.area == area:
                cells = (f"`{kind.id}`", kind.severity, kind.section, kind.title, _controls(kind.id))
                lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    lines += ["## Policies of Azure for the same thing", "", "| ID | Built-in policy definitions |", "| --- | --- |"]
    for name, controls in CONTROLS.items():
        if controls.policies:
            lines.append(f"| `{name}` | {', '.join(controls.policies)} |")
    return "\n".join(lines).rstrip("\n") + "\n"


def _controls(name: str) -> str:
    found = CONTROLS.get(name)
    if found is None:
        return "-"
    told = "; ".join(f"{standard} {', '.join(controls)}" for standard, controls in found.standards.items())
    return f"{told} \\*" if found.ours else told


if __name__ == "__main__":
    PATH.write_text(content(), encoding="utf-8")
