# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generates docs/findings.md from the catalog. Run it with:
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

All findings of this collection. Each ID stands for one fact and has one severity and one title, no matter which module
reports it: `cdc_compliance_info`, `azure_kv_prereqs`, `azure_kv_prereqs_info`, `cdc_connection` or `azure_kv_access`.
The `notes` of a permission and the `class` of a diagnosis ([troubleshooting.md](troubleshooting.md)) use the same ID
for the same fact. A class that is narrower or wider than a finding has its own ID.

The IDs are stable from version 1.0 on. Policies and waivers of compliance runs ([compliance.md](compliance.md)) refer
to them and can set other severities. The first sections are the checks of a compliance run. When a check finds nothing,
it reports the first finding of its section with status `ok`. All other findings have status `failed`, `warning` or
`unknown`.

The column *Guide* names the section of *Fortanix DSM \N{EN DASH} Azure Key Vault CDC Group Setup*
([support.fortanix.com](https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup)).

The column *Controls* lists the controls that a finding affects. A star marks a mapping by this collection, which an
auditor must confirm. Azure's regulatory initiatives define the other mappings, through the built-in policies listed at
the end of this page. No finding proves that a control is met.

This page is generated from the code of the checks.
"""

_HEADINGS = {
    RUN: "Compliance run",
    CDC_CONNECTION: "Reported only by `cdc_connection`",
    AZURE_KV_ACCESS: "Reported only by `azure_kv_access`",
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
    lines += ["## Built-in Azure policies", "", "| ID | Built-in policy definitions |", "| --- | --- |"]
    for name, controls in CONTROLS.items():
        if controls.policies:
            lines.append(f"| `{name}` | {', '.join(controls.policies)} |")
    return "\n".join(lines).rstrip("\n") + "\n"


def _controls(name: str) -> str:
    found = CONTROLS.get(name)
    if found is None:
        return "-"
    mapped = "; ".join(f"{standard} {', '.join(controls)}" for standard, controls in found.standards.items())
    return f"{mapped} \\*" if found.ours else mapped


if __name__ == "__main__":
    PATH.write_text(content(), encoding="utf-8")
