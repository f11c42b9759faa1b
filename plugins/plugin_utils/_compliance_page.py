# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A compliance report as one HTML page that loads nothing. Pure; each value goes through one function that escapes it.

Without its script the page shows everything: the script only hides rows. The policy in its head lets no other run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..module_utils._compliance_catalog import CHECKS
from ..module_utils._findings import OK
from ._compliance_formats import Report, each, line, status_of, word

_STYLE = """
:root { color-scheme: light dark; --fine: #1a7f37; --bad: #c62828; --odd: #8a5a00; --edge: #8888; }
@media (prefers-color-scheme: dark) { :root { --fine: #57d27a; --bad: #ff8a80; --odd: #ffc861; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none; }
.tiles li { border: 1px solid var(--edge); border-radius: .5rem; padding: .5rem 1rem; }
.tiles b { display: block; font-size: 1.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid var(--edge); padding: .3rem .6rem; text-align: left; vertical-align: top; }
th, td, pre { overflow-wrap: anywhere; }
.ok, .pass { color: var(--fine); } .failed, .fail { color: var(--bad); font-weight: bold; }
.unknown, .warning { color: var(--odd); font-weight: bold; }
pre { white-space: pre-wrap; }
section { border-top: 1px solid var(--edge); }
@media print { form { display: none; } section { break-inside: avoid; } body { margin: 0; max-width: none; } }
"""
_SCRIPT = """
"use strict";
const text = document.getElementById("text"), only = document.getElementById("only");
function show() {
  for (const row of document.querySelectorAll("[data-row]")) {
    const fits = row.textContent.toLowerCase().includes(text.value.toLowerCase());
    row.hidden = !fits || (only.checked && row.dataset.row !== "fail");
  }
}
text.addEventListener("input", show);
only.addEventListener("change", show);
"""


def page(report: Report) -> str:
    """The page: tiles, a table of groups and checks, each finding with evidence and remedy."""
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; form-action 'none'"
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Compliance of CDC groups</title><style>{_STYLE}</style></head><body>",
            "<header><h1>Compliance of CDC groups</h1>",
            f"<p>Checked at {_html(report['checked_at'])}, DSM {_html(report['dsm']['endpoint'])},"
            f" version {_html(report['dsm']['version'] or 'not told')}</p></header><main>",
            *_tiles(report),
            '<form><label>Filter <input id="text" type="search"></label>',
            ' <label><input id="only" type="checkbox"> only what fails</label></form>',
            *_table(report),
            "<h2>Findings</h2>",
            *(part for group, finding in each(report) for part in _finding(group, finding)),
            f"</main><script>{_SCRIPT}</script></body></html>",
            "",
        )
    )


def _tiles(report: Report) -> Iterator[str]:
    summary = report["summary"]
    tiles = {
        "Verdict": report["verdict"],
        "Status": report["status"],
        "Groups": summary["groups"],
        "Groups that fail": summary["groups_failed"],
        "Findings that fail": summary["failing"],
        "Unknown": summary["statuses"]["unknown"],
        "Waived": summary["waived"],
    }
    yield '<ul class="tiles">'
    for name, value in tiles.items():
        yield f'<li><b class="{_html(value)}">{_html(value)}</b>{_html(name)}</li>'
    yield "</ul>"


def _table(report: Report) -> Iterator[str]:
    heads = "".join(f'<th scope="col">{_html(name)}</th>' for name in ("group", "verdict", *CHECKS))
    yield '<div class="wide" tabindex="0" role="region" aria-label="Groups and checks"><table>'
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for group in report["groups"]:
        words = [group["verdict"], *(status_of(group, check) for check in CHECKS)]
        cells = "".join(f'<td class="{_html(text.partition(" ")[0])}">{_html(text)}</td>' for text in words)
        yield f'<tr data-row="{_html(group["verdict"])}"><th scope="row">{_html(group["name"])}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _finding(group: Mapping[str, Any] | None, finding: Mapping[str, Any]) -> Iterator[str]:
    opened = "" if finding["status"] == OK else " open"
    yield f'<section data-row="{_html(finding["outcome"])}"><details{opened}><summary>'
    yield f'<span class="{_html(finding["status"])}">{_html(word(finding))}</span>'
    yield f" {_html(group['name'] if group else 'The run')}: {_html(finding['title'])}</summary>"
    yield f"<p>{_html(finding['id'])}, severity {_html(finding['severity'])}, guide {_html(finding['section'])}</p>"
    yield f"<p>{_html(finding['plane'])}, {_html(finding['object'])}</p>"
    for name in ("expected", "actual", "remedy"):
        if finding[name]:
            yield f"<p>{_html(name)}: {_html(finding[name])}</p>"
    if finding["waiver"]:
        yield f"<p>waived until {_html(finding['waiver']['expires'])}: {_html(finding['waiver']['reason'])}</p>"
    if finding["evidence"]:
        yield f"<pre>{html.escape(json.dumps(finding['evidence'], indent=1))}</pre>"
    yield "</details></section>"


def _html(value: Any) -> str:
    return html.escape(line(value), quote=True)
