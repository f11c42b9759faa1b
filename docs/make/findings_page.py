# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/findings.md, made from the catalogue. Renew it with:
PYTHONPATH=docs:tests:.build/collections .venv/bin/python -m make.findings_page"""

from __future__ import annotations

from ansible_collections.fortanix.dsm.plugins.module_utils._compliance.catalog import CATALOG, CHECK_OF, CHECKS
from ansible_collections.fortanix.dsm.plugins.module_utils._compliance.controls import CONTROLS
from support.playbook import ROOT

PATH = ROOT / "docs" / "findings.md"
_HEAD = """# Findings

Everything that a compliance run can find ([compliance.md](compliance.md)), by check, with the severity that it has
unless the policy says another one. The IDs are stable: policies and waivers name them. A finding is `failed`, `warning`
or `unknown`. The first of each check is told as `ok`, when there is nothing else to say.

Controls are those that a finding bears on. A star marks what this collection has mapped, for an auditor to confirm. The
others are mapped by Azure's regulatory initiatives, by way of the built-in policies for the same thing, whose IDs are
at the end. No finding proves that a control is met.

Made from the code by `docs/make/findings_page.py`.
"""


def content() -> str:
    """The text of the page."""
    lines = [_HEAD]
    for check in (*CHECKS, "run"):
        lines += [
            f"## {check}",
            "",
            "| ID | Severity | Guide | Finding | Controls |",
            "| --- | --- | --- | --- | --- |",
        ]
        for kind in CATALOG.values():
            if CHECK_OF.get(kind.id, "run") == check:
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
