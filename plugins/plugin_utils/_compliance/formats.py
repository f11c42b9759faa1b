# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A compliance report as Markdown, JUnit XML and SARIF 2.1.0. Pure; each format escapes all values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from ...module_utils._compliance.controls import CONTROLS
from ...module_utils._compliance.policy import FAIL, WAIVED, rank, worst_of
from ...module_utils._errors import printable, sentence
from ...module_utils._findings.catalog import CATALOG, CHECKS
from ...module_utils._findings.finding import FAILED, OK, UNKNOWN
from ...module_utils._texts.plain import readable
from .scope import scope_of

Report = Mapping[str, Any]
# The document to whose sections reports refer.
GUIDE = "Fortanix DSM \u2013 Azure Key Vault CDC Group Setup (support.fortanix.com)"
# In CommonMark, a backslash before any of these means the literal character; an escaped colon prevents autolinks.
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~&:@$^]|(?<=www)\.)", re.IGNORECASE)
# Characters that XML 1.0 cannot contain, not even escaped.
_NOT_XML = re.compile(r"[\ufffe\uffff]")
_SARIF_LEVELS = {"high": "error", "medium": "warning", "low": "note", "info": "note"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def line(value: Any) -> str:
    """The value as one line of text without control characters, which every format can contain."""
    return printable(readable(str(value)))


def stem_of(report: Report) -> str:
    """The common prefix of a report's file names. It is unique, so a run does not overwrite the files of another."""
    return "compliance-" + str(report["checked_at"]).replace(":", "")


def manifest_of(report: Report) -> str:
    """The name of the file with the SHA-256 of the others."""
    return f"{stem_of(report)}.sha256"


def each(report: Report) -> Iterator[tuple[Mapping[str, Any] | None, Mapping[str, Any]]]:
    """Every finding with its group; None for findings of the run."""
    yield from ((None, finding) for finding in report["findings"])
    yield from ((group, finding) for group in report["groups"] for finding in group["findings"])


def by_severity(report: Report) -> list[tuple[Mapping[str, Any] | None, Mapping[str, Any]]]:
    """Every finding with its group, the most severe first, whichever group it is of."""
    return sorted(each(report), key=lambda one: rank(one[1])[:-1])


def word(finding: Mapping[str, Any]) -> str:
    """The status, and whether the finding fails or is waived."""
    outcome = {FAIL: " (fails)", WAIVED: " (waived)"}.get(finding["outcome"], "")
    return f"{finding['status']}{outcome}"


def status_of(group: Mapping[str, Any], check: str) -> str:
    """The word for one check of a group, `-` if the check was not run."""
    worst = worst_of((None, finding) for finding in group["findings"] if finding["check"] == check)
    return word(worst[1]) if worst else "-"


# Markdown -----------------------------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """For people: the result, a table of groups and checks, and each finding that is not ok with its remedy."""
    summary = report["summary"]
    lines = [
        "# Compliance of CDC groups",
        "",
        f"**{_md(report['verdict']).upper()}**, status {_md(report['status'])}, at {_md(report['checked_at'])}.",
        f"{summary['groups']} groups: {summary['groups_passed']} pass, {summary['groups_failed']} fail. "
        f"{summary['failing']} findings fail, {summary['waived']} are waived.",
        "",
        *(f"- {_md(name)}: {_md(value)}" for name, value in scope_of(report).items()),
        f"- Guide: {_md(GUIDE)}",
        "",
        "| Group | Result | " + " | ".join(CHECKS) + " |",
        "| --- | --- |" + " --- |" * len(CHECKS),
    ]
    for group in report["groups"]:
        cells = [_md(status_of(group, check)) for check in CHECKS]
        lines.append(f"| {_md(group['name'])} | {_md(group['verdict'])} | {' | '.join(cells)} |")
    for group, finding in by_severity(report):
        if finding["status"] != OK:
            lines += ["", *_md_finding(group, finding)]
    return "\n".join(lines) + "\n"


def _md_finding(group: Mapping[str, Any] | None, finding: Mapping[str, Any]) -> Iterator[str]:
    where = _md(group["name"]) if group else "The run"
    yield f"## {where}: {_md(finding['title'])}"
    yield ""
    yield f"- {_md(finding['id'])}, {_md(finding['severity'])}, {_md(word(finding))}, guide {_md(finding['section'])}"
    yield f"- {_md(finding['plane'])}, {_md(finding['object'])}"
    yield f"- Expected: {_md(finding['expected'])}"
    yield f"- Actual: {_md(finding['actual'])}"
    if finding["remedy"]:
        yield f"- Next: {_md(finding['remedy'])}"
    if finding["waiver"]:
        yield f"- Waived until {_md(finding['waiver']['expires'])}: {_md(finding['waiver']['reason'])}"


def _md(value: Any) -> str:
    return _MARKUP.sub(r"\\\1", line(value))


# JUnit --------------------------------------------------------------------------------------------------------------


def junit(report: Report) -> str:
    """For CI: a suite for each group, a case for each finding. A finding that is waived or passes counts as skipped.

    The first suite is the run, with what the report is about as properties, whether or not it has findings.
    """
    suites = ElementTree.Element("testsuites", {"name": "Compliance of CDC groups"})
    timestamp = str(report["checked_at"]).removesuffix("Z")
    of_run = _suite(suites, "The run", report["findings"], timestamp)
    properties = ElementTree.Element("properties")
    for name, value in scope_of(report).items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": _xml(value)})
    of_run.insert(0, properties)
    for group in report["groups"]:
        _suite(suites, group["name"], group["findings"], timestamp)
    text = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(
    suites: ElementTree.Element, name: str, findings: list[Mapping[str, Any]], timestamp: str
) -> ElementTree.Element:
    failing = [finding for finding in findings if finding["outcome"] == FAIL]
    unknown = sum(finding["status"] == UNKNOWN for finding in failing)
    numbers = {
        "tests": len(findings),
        "failures": len(failing) - unknown,
        "errors": unknown,
        "skipped": sum(finding["status"] != OK for finding in findings) - len(failing),
    }
    attributes = {"name": _xml(name), "timestamp": _xml(timestamp), "time": "0"}
    suite = ElementTree.SubElement(suites, "testsuite", {**attributes, **{key: str(n) for key, n in numbers.items()}})
    for finding in findings:
        title = f"{finding['id']}: {finding['object']}"
        case = {"classname": _xml(f"{name}.{finding['check']}"), "name": _xml(title), "time": "0"}
        _outcome(ElementTree.SubElement(suite, "testcase", case), finding)
    return suite


def _outcome(case: ElementTree.Element, finding: Mapping[str, Any]) -> None:
    if finding["status"] == OK:
        return
    text = (
        f"{sentence(finding['title'])} Expected: {sentence(finding['expected'])} Actual: {sentence(finding['actual'])} "
        f"Next: {sentence(finding['remedy'])}"
    )
    if finding["outcome"] == FAIL:
        # In JUnit, an error is a case without a result.
        tag = "error" if finding["status"] == UNKNOWN else "failure"
        told = {"message": _xml(finding["title"]), "type": _xml(finding["severity"])}
        ElementTree.SubElement(case, tag, told).text = _xml(text)
        return
    waiver = finding["waiver"]
    message = f"waived until {waiver['expires']}: {waiver['reason']}" if waiver else finding["status"]
    ElementTree.SubElement(case, "skipped", {"message": _xml(f"{message} ({text})")})


def _xml(value: Any) -> str:
    """The escaping itself is the library's."""
    return _NOT_XML.sub(" ", line(value))


# SARIF --------------------------------------------------------------------------------------------------------------


def sarif(report: Report) -> str:
    """For tools that collect findings: a rule for each kind, and a result for each finding that is not ok."""
    shown = [(group, finding) for group, finding in by_severity(report) if finding["status"] != OK]
    rules = sorted({finding["id"] for _group, finding in shown})
    driver = {
        "name": "fortanix.dsm cdc_compliance",
        **({"version": line(report["collection_version"])} if report["collection_version"] else {}),
        "rules": [
            {
                "id": rule,
                "shortDescription": {"text": CATALOG[rule].title},
                "properties": {
                    "section": CATALOG[rule].section,
                    "tags": CONTROLS[rule].listed() if rule in CONTROLS else [],
                },
            }
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "startTimeUtc": line(report["checked_at"])}],
        "properties": {name: line(value) for name, value in scope_of(report).items()},
        "results": [_sarif_result(group, finding, rules.index(finding["id"])) for group, finding in shown],
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_text(value: Any) -> str:
    """A message without placeholders (braces) and embedded links (SARIF 2.1.0, 3.11.5, 3.11.6)."""
    return line(value).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _sarif_result(group: Mapping[str, Any] | None, finding: Mapping[str, Any], rule: int) -> dict[str, Any]:
    where = "run" if group is None else f"group/{group['group_id'] or group['name']}"
    fails = finding["outcome"] == FAIL or finding["status"] == FAILED
    told = (
        f"{finding['object']}: {sentence(finding['title'])} Actual: {sentence(finding['actual'])} "
        f"Next: {sentence(finding['remedy'])}"
    )
    waiver = finding["waiver"]
    identity = "\n".join((where, finding["id"], finding["object"]))
    return {
        "ruleId": finding["id"],
        "ruleIndex": rule,
        "level": _SARIF_LEVELS[finding["severity"]] if fails else "note",
        "message": {"text": _sarif_text(told)},
        "locations": [
            {
                "logicalLocations": [
                    {
                        "name": line(group["name"] if group else "run"),
                        "fullyQualifiedName": line(where),
                        "kind": "resource",
                    }
                ]
            }
        ],
        "partialFingerprints": {"finding/v1": hashlib.sha256(readable(identity).encode()).hexdigest()},
        "properties": {
            **{name: line(finding[name]) for name in ("check", "status", "severity", "outcome", "section", "plane")}
        },
        **(
            {
                "suppressions": [
                    {
                        "kind": "external",
                        "status": "accepted",
                        "justification": line(f"{waiver['reason']} (until {waiver['expires']})"),
                    }
                ]
            }
            if waiver
            else {}
        ),
    }
