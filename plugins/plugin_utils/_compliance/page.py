# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A compliance report as one HTML page that loads nothing. Pure; each value goes through one function that escapes it.

Without its script the page shows everything: the script only filters and opens. The policy in its head lets no other
script run, no other style count, and nothing be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...module_utils._compliance.policy import FAIL, WAIVED
from ...module_utils._findings.catalog import CHECKS
from ...module_utils._findings.finding import FAILED, OK, UNKNOWN, WARNING
from .formats import Report, each, line, manifest_of
from .page_assets import SCRIPT, STYLE

_STATUSES = (FAILED, UNKNOWN, WARNING, OK)
_EVIDENCE_WIDTH = 100
_SHOW = {
    "": "everything",
    FAIL: "what fails by the policy",
    WAIVED: "what is waived",
    **{status: f"status {status}" for status in _STATUSES},
}
_WORDS = {
    FAILED: "was looked at, and is not as it should be",
    UNKNOWN: "could not be looked at; it is never taken for ok",
    WARNING: "was looked at, and deserves a look",
    OK: "was looked at, and is as it should be; the evidence says what was seen",
    "fails": "lets group and run fail, by the policy; shown filled",
    "waived": "would fail, and is accepted until a date, for a reason; the status stays what it is",
}


def page(report: Report) -> str:
    """The page: tiles, a table of groups and checks, each finding with evidence and remedy, and how it was checked."""
    groups = _ranked(report["groups"])
    title = f"Compliance of CDC groups: {report['verdict']}, {report['checked_at']}"
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_security_policy()}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_html(title)}</title><style>{STYLE}</style></head><body>",
            '<a class="skip" href="#filter">Skip to the filter</a>',
            '<a class="skip" href="#findings">Skip to the findings</a>',
            *_header(report),
            "<main>",
            *_tiles(report),
            *_kinds(report),
            *_filter(report),
            *_matrix(groups),
            '<h2 id="findings" tabindex="-1">Findings</h2>',
            *_run(report["findings"]),
            *(part for number, group in enumerate(groups) for part in _group(f"g{number}", group)),
            *_how(report),
            "</main>",
            f'<footer class="quiet">Made by the role cdc_compliance of fortanix.dsm{_version(report)}, which reads and'
            " never writes.</footer>",
            f"<script>{SCRIPT}</script></body></html>",
            "",
        )
    )


def _security_policy() -> str:
    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {digest(STYLE)}; script-src {digest(SCRIPT)};"
        " base-uri 'none'; form-action 'none'"
    )


def _ranked(groups: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What fails first, then the worst; otherwise as in the report."""
    return sorted(groups, key=lambda group: (group["verdict"] != FAIL, _STATUSES.index(group["status"])))


# What is seen first -------------------------------------------------------------------------------------------------


def _header(report: Report) -> Iterator[str]:
    yield "<header><h1>Compliance of CDC groups</h1>"
    yield f'<p class="quiet">Checked at {_time(report["checked_at"])}, DSM {_html(report["dsm"]["endpoint"])},'
    yield f" version {_html(report['dsm']['version'] or 'not told')}</p>"
    yield '<nav aria-label="This page"><ul><li><a href="#groups">Groups and checks</a></li>'
    yield '<li><a href="#findings">Findings</a></li>'
    yield '<li><a href="#how">What was checked, and how</a></li></ul></nav></header>'


def _tiles(report: Report) -> Iterator[str]:
    summary = report["summary"]
    statuses = summary["statuses"]
    tiles = (
        ("Verdict by the policy", report["verdict"], f"verdict {report['verdict']}"),
        ("Worst status", report["status"], report["status"]),
        (
            f"of {_number(summary['groups'])} groups fail",
            summary["groups_failed"],
            FAILED if summary["groups_failed"] else OK,
        ),
        ("findings fail", summary["failing"], FAILED if summary["failing"] else OK),
        ("unknown", statuses[UNKNOWN], UNKNOWN if statuses[UNKNOWN] else OK),
        ("warnings", statuses[WARNING], WARNING if statuses[WARNING] else OK),
        ("waived", summary["waived"], ""),
        ("findings ok", statuses[OK], ""),
    )
    yield '<ul class="tiles" aria-label="Summary">'
    for name, value, kind in tiles:
        yield f'<li class="{kind}"><b>{_html(_number(value))}</b>{_html(name)}</li>'
    yield "</ul>"


def _kinds(report: Report) -> Iterator[str]:
    """A line for each kind of finding that is not ok, the one that fails most often first."""
    found = [(group, finding) for group, finding in each(report) if finding["status"] != OK]
    if not found:
        return
    first = {finding["id"]: finding for _group, finding in reversed(found)}
    failing = Counter(finding["id"] for _group, finding in found if finding["outcome"] == FAIL)
    waived = Counter(finding["id"] for _group, finding in found if finding["outcome"] == WAIVED)
    every = Counter(finding["id"] for _group, finding in found)
    yield "<h2>What was found</h2>"
    yield '<div class="wide kinds" tabindex="0" role="region" aria-label="What was found"><table><thead><tr>'
    for name, kind in {
        "Finding": "",
        "Severity": "",
        "Guide": "spare",
        "Found": "number",
        "Fail": "number",
        "Waived": "number spare",
    }.items():
        yield f'<th scope="col" class="{kind}">{name}</th>'
    yield '<th scope="col"><span class="unseen">Filter</span></th></tr></thead><tbody>'
    for kind in sorted(first, key=lambda kind: (-failing[kind], _STATUSES.index(first[kind]["status"]), kind)):
        finding = first[kind]
        yield f'<tr><th scope="row">{_status(finding)} {_html(finding["title"])}'
        yield f' <code class="quiet">{_html(kind)}</code></th><td>{_html(finding["severity"])}</td>'
        yield f'<td class="spare">{_html(finding["section"])}</td><td class="number">{_number(every[kind])}</td>'
        yield f'<td class="number">{_number(failing[kind])}</td>'
        yield f'<td class="number spare">{_number(waived[kind])}</td>'
        yield f'<td><button type="button" data-kind="{_html(kind)}">Show<span class="unseen">'
        yield f" {_html(kind)}</span></button></td></tr>"
    yield "</tbody></table></div>"


def _filter(report: Report) -> Iterator[str]:
    """Hidden until the script runs, without which it would do nothing."""
    checks = {"": "all", **{check: check for check in (*CHECKS, *(["run"] if report["findings"] else []))}}
    findings = sum(1 for _each in each(report))
    yield '<form id="filter" role="search" aria-label="Filter groups and findings" tabindex="-1" hidden>'
    yield '<label class="text">Text: a group, a finding, an ID, a vault<input id="text" type="search"'
    yield ' autocomplete="off" spellcheck="false"></label>'
    for name, choices in (("show", _SHOW), ("check", checks)):
        options = "".join(f'<option value="{_html(value)}">{_html(word)}</option>' for value, word in choices.items())
        yield f'<label>{name.capitalize()}<select id="{name}">{options}</select></label>'
    # No field of a form may have the name of one of its methods, which it would hide.
    yield '<button type="button" id="all">Reset</button>'
    yield '<button type="button" id="open">Open or close all that is shown</button>'
    yield f'<output id="count" role="status" aria-live="polite">{_number(len(report["groups"]))} groups and'
    yield f" {_number(findings)} findings are shown.</output></form>"


def _matrix(groups: list[Mapping[str, Any]]) -> Iterator[str]:
    """Groups and checks. The roles are said, as a narrow screen shows rows as cards, which are no table any more."""
    yield '<h2 id="groups">Groups and checks</h2>'
    if not groups:
        yield "<p>No group was checked.</p>"
        return
    heads = "".join(f'<th scope="col" role="columnheader">{_html(name)}</th>' for name in ("group", "verdict", *CHECKS))
    yield '<div class="wide matrix" tabindex="0" role="region" aria-label="Groups and checks"><table role="table">'
    yield "<caption>What fails comes first. A check that was not made has a dash.</caption>"
    yield f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead><tbody role="rowgroup">'
    for number, group in enumerate(groups):
        yield f'<tr role="row" data-group="g{number}"><th scope="row" role="rowheader">'
        yield f'<a href="#g{number}">{_name(group)}</a></th>{_cell("verdict", _verdict(group))}'
        yield "".join(_cell(check, _worst(number, group, check)) for check in CHECKS)
        yield "</tr>"
    yield "</tbody></table></div>"


def _cell(name: str, content: str) -> str:
    return f'<td role="cell" data-of="{_html(name)}">{content}</td>'


def _worst(number: int, group: Mapping[str, Any], check: str) -> str:
    """The worst finding of a check, which is the first; a link to it, unless it is ok."""
    hits = ((place, finding) for place, finding in enumerate(group["findings"]) if finding["check"] == check)
    hit = next(hits, None)
    if hit is None:
        return "-"
    place, finding = hit
    return _status(finding) if finding["status"] == OK else f'<a href="#g{number}-{place}">{_status(finding)}</a>'


# Findings -----------------------------------------------------------------------------------------------------------


def _run(findings: list[Mapping[str, Any]]) -> Iterator[str]:
    if findings:
        yield '<section class="group" id="run" tabindex="-1" aria-labelledby="run-name"><h3 id="run-name">The run</h3>'
        yield from (part for place, finding in enumerate(findings) for part in _finding(f"run-{place}", finding))
        yield "</section>"


def _group(anchor: str, group: Mapping[str, Any]) -> Iterator[str]:
    fails = " fails" if group["verdict"] == FAIL else ""
    yield f'<section class="group{fails}" id="{anchor}" tabindex="-1" aria-labelledby="{anchor}-name">'
    yield f'<h3 id="{anchor}-name">{_verdict(group)} {_name(group)}</h3>{_facts(group)}'
    fine = []
    for place, finding in enumerate(group["findings"]):
        if finding["status"] == OK:
            fine.append(finding)
        else:
            yield from _finding(f"{anchor}-{place}", finding)
    if fine:
        checks = ", ".join(finding["check"] for finding in fine)
        yield f'<details class="fine"><summary><span class="status ok">{len(fine)} ok</span>'
        yield f' <span class="quiet">{_html(checks)}</span></summary>'
        yield from (part for finding in fine for part in _fine(finding))
        yield "</details>"
    yield "</section>"


def _facts(group: Mapping[str, Any]) -> str:
    link = group["link"] or {}
    told = {
        "group": group["group_id"],
        "vault": link.get("vault") and f"{link['vault']} ({link['vault_type'] or 'type not told'})",
        "subscription": link.get("subscription_id"),
        "application": link.get("client_id"),
        "Azure": link.get("azure_service"),
    }
    return f'<p class="facts">{_html(", ".join(f"{name} {value}" for name, value in told.items() if value))}</p>'


def _finding(anchor: str, finding: Mapping[str, Any]) -> Iterator[str]:
    yield f'<details class="finding" id="{anchor}"{_data(finding)}><summary>{_status(finding)}'
    yield f' <b>{_html(finding["title"])}</b> <span class="quiet">{_html(finding["object"])},'
    yield f" severity {_html(finding['severity'])}</span></summary><dl>"
    yield from _told({name: finding[name] for name in ("expected", "actual")})
    yield from _told({"next": finding["remedy"], "waived": _waiver(finding)})
    yield from _told({"where": f"{finding['plane']}, {finding['object']}", "guide": finding["section"]})
    yield from _told({"controls": "; ".join(finding["controls"])})
    yield f"<dt>ID</dt><dd><code>{_html(finding['id'])}</code></dd>"
    if finding["evidence"]:
        yield f"<dt>Evidence</dt><dd><pre>{_evidence(finding)}</pre></dd>"
    yield "</dl></details>"


def _fine(finding: Mapping[str, Any]) -> Iterator[str]:
    """What is ok has nothing to say but what was seen."""
    yield f'<div class="finding"{_data(finding)}>{_status(finding)} {_html(finding["title"])}'
    yield f' <span class="quiet">guide {_html(finding["section"])}, <code>{_html(finding["id"])}</code></span>'
    yield f"<pre>{_evidence(finding)}</pre></div>"


def _waiver(finding: Mapping[str, Any]) -> str:
    waiver = finding["waiver"]
    return f"until {waiver['expires']}: {waiver['reason']}" if waiver else ""


def _data(finding: Mapping[str, Any]) -> str:
    return "".join(f' data-{name}="{_html(finding[name])}"' for name in ("check", "status", "outcome"))


def _evidence(finding: Mapping[str, Any]) -> str:
    return html.escape(_compact(_shown(finding["evidence"])))


def _shown(value: Any) -> Any:
    """The value with all its texts fit to be shown."""
    if isinstance(value, Mapping):
        return {line(name): _shown(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(inner) for inner in value]
    return line(value) if isinstance(value, str) else value


def _compact(value: Any, depth: int = 0) -> str:
    """JSON in which what fits a line has one."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + depth <= _EVIDENCE_WIDTH or not isinstance(value, (dict, list)):
        return flat
    pad = " " * (depth + 1)
    if isinstance(value, dict):
        parts = [f"{pad}{json.dumps(name, ensure_ascii=False)}: {_compact(v, depth + 1)}" for name, v in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + " " * depth + "}"
    return "[\n" + ",\n".join(pad + _compact(inner, depth + 1) for inner in value) + "\n" + " " * depth + "]"


# What was checked, and how ------------------------------------------------------------------------------------------


def _how(report: Report) -> Iterator[str]:
    policy, operator = report["policy"], report["operator"]
    yield '<section class="how" aria-labelledby="how"><h2 id="how" tabindex="-1">What was checked, and how</h2><dl>'
    yield f"<dt>Checked at</dt><dd>{_time(report['checked_at'])}</dd>"
    yield from _told({"DSM": f"{report['dsm']['endpoint']}, version {report['dsm']['version'] or 'not told'}"})
    who = operator and f"client ID {operator['client_id'] or 'not told'}, tenant {operator['tenant_id'] or 'not told'}"
    yield from _told({"operator in Azure": f"{who}, {operator['cloud']}" if operator else "nobody looked in Azure"})
    yield from _told({"collection": f"fortanix.dsm{_version(report)}", "report": report["format"]})
    manifest = _html(manifest_of(report))
    yield f"<dt>SHA-256 manifest</dt><dd><code>{manifest}</code>, beside this page."
    yield f" <code>sha256sum -c {manifest}</code> tells whether a file has changed since the run.</dd></dl>"
    yield "<h3>Options</h3><dl>"
    yield from _options(report["options"])
    yield "</dl><h3>Policy</h3><dl>"
    yield from _options({name: value for name, value in policy.items() if name != "waivers"})
    yield "</dl>"
    if policy["waivers"]:
        rows = ([one["id"], one["group"] or "all", one["expires"], one["reason"]] for one in policy["waivers"])
        yield from _table("Waivers", ("finding", "group", "expires", "reason"), rows)
    checks = ([name, kind.title, kind.section] for name, kind in CHECKS.items())
    yield from _table("Checks of each group", ("check", "ok means", "guide"), checks)
    yield from _table("Words", ("word", "what it says of a finding"), ([*pair] for pair in _WORDS.items()))
    yield "<p>A login that sees few groups finds few. That DSM connects is the word of its own test, and what that"
    yield " tries is not public. The exact values are those of the JSON report. Printed, this page shows everything,"
    yield " whatever the filter.</p></section>"


def _table(title: str, heads: Iterable[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    yield f"<h3>{_html(title)}</h3><table><thead><tr>"
    yield "".join(f'<th scope="col">{_html(head)}</th>' for head in heads) + "</tr></thead><tbody>"
    for first, *others in rows:
        cells = "".join(f"<td>{_html(value)}</td>" for value in others)
        yield f'<tr><th scope="row">{_html(first)}</th>{cells}</tr>'
    yield "</tbody></table>"


def _options(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield f"<dt><code>{_html(name)}</code></dt><dd>{_html(_plain(value))}</dd>"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_shown(value), ensure_ascii=False)


# Parts --------------------------------------------------------------------------------------------------------------


def _told(facts: Mapping[str, Any]) -> Iterator[str]:
    """Names and values; what is empty is left out."""
    for name, value in facts.items():
        if value:
            yield f"<dt>{_html(name[0].upper() + name[1:])}</dt><dd>{_html(value)}</dd>"


def _status(finding: Mapping[str, Any]) -> str:
    """Status and outcome: what fails is filled, what is waived dashed, and readers of other kinds are told."""
    look, more = {
        FAIL: (" filled", '<span class="unseen">, fails</span>'),
        WAIVED: (" dashed", ", waived"),
    }.get(finding["outcome"], ("", ""))
    return f'<span class="status {_html(finding["status"])}{look}">{_html(finding["status"])}{more}</span>'


def _verdict(group: Mapping[str, Any]) -> str:
    look = " filled" if group["verdict"] == FAIL else ""
    return f'<span class="status {_html(group["verdict"])}{look}">{_html(group["verdict"])}</span>'


def _name(group: Mapping[str, Any]) -> str:
    """Isolated, as a name may be of a script that runs from right to left."""
    return f"<bdi>{_html(group['name']) or '(no name)'}</bdi>"


def _version(report: Report) -> str:
    return f" {_html(report['collection_version'])}" if report["collection_version"] else ", a checkout"


def _time(value: Any) -> str:
    return f'<time datetime="{_html(value)}">{_html(value)}</time>'


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _html(value: Any) -> str:
    return html.escape(line(value), quote=True)
