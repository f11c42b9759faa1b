# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The report of a compliance run, and its files, which are all generated from this report. Pure.

A report contains untrusted text from DSM, Azure and the user, such as names. Each format escapes all values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...module_utils._compliance.policy import FAIL, Policy, judge
from ...module_utils._findings.catalog import NOTHING_CHECKED
from ...module_utils._texts.plain import readable
from .formats import junit, manifest_of, markdown, sarif, stem_of
from .page import page

# Of docs/compliance-report.schema.json. An incompatible change increments the number.
FORMAT = "fortanix.dsm.compliance/1"
# Return values of the module that a report contains unchanged.
_TAKEN = ("checked_at", "dsm", "operator", "options")
# Ansible passes its own container types to filters, and a filter cannot return them: each value is converted.
_READ = (*_TAKEN, "groups", "findings")
_WRITERS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "json": ("json", lambda report: json.dumps(report, indent=2, ensure_ascii=True) + "\n"),
    "markdown": ("md", markdown),
    "junit": ("junit.xml", junit),
    "sarif": ("sarif", sarif),
    "html": ("html", page),
}
FORMATS = tuple(_WRITERS)


def merged(results: Sequence[Mapping[str, Any]], all_groups: bool | None) -> dict[str, Any]:
    """The results of the batches of one run as one result; its time is that of the first batch.

    Args:
        all_groups: whether the batches together contain all groups, which no batch can know; None keeps its own value.
    """
    plain = [{name: readable(result[name]) for name in _READ} for result in results]
    groups = sorted((group for one in plain for group in one["groups"]), key=lambda group: group["name"])
    # A batch without groups is irrelevant if another batch has groups.
    findings = [
        one for result in plain for one in result["findings"] if not (groups and one["id"] == NOTHING_CHECKED.id)
    ]
    options = plain[0]["options"] if all_groups is None else {**plain[0]["options"], "all_groups": all_groups}
    return {
        **plain[0],
        "checked_at": min(result["checked_at"] for result in plain),
        "options": options,
        "groups": groups,
        "findings": findings,
    }


def report(
    results: Sequence[Mapping[str, Any]], option: Any, collection_version: str | None, all_groups: bool | None = None
) -> dict[str, Any]:
    """The report, as docs/compliance-report.schema.json describes it.

    Args:
        results: of the module cdc_compliance_info, one for each batch of groups.
        option: the policy.
        all_groups: as of :func:`merged`.

    Raises:
        InvalidInput: the policy is wrong.
    """
    policy = Policy.from_option(option)
    plain = merged(results, all_groups)
    judged = judge(policy, plain)
    return {
        "format": FORMAT,
        "verdict": judged["verdict"],
        "status": judged["status"],
        "summary": judged["summary"],
        "collection_version": collection_version,
        **{name: plain[name] for name in _TAKEN},
        "policy": policy.record(),
        "findings": judged["findings"],
        "groups": judged["groups"],
    }


def failure(made: Mapping[str, Any]) -> str:
    """A sentence about the findings of a report that fail."""
    findings = [*made["findings"], *(finding for group in made["groups"] for finding in group["findings"])]
    ids = sorted({finding["id"] for finding in findings if finding["outcome"] == FAIL})
    summary = made["summary"]
    return (
        f"{summary['failing']} finding(s) fail, in {summary['groups_failed']} of {summary['groups']} group(s): "
        f"{', '.join(ids)}."
    )


def files(made: Mapping[str, Any], formats: Iterable[str]) -> dict[str, str]:
    """File name -> text, of the report in each format, and last the manifest with the SHA-256 of each file.

    The names carry the time of the run, so that no run writes over the evidence of another one.
    """
    stem = stem_of(made)
    texts = {f"{stem}.{_WRITERS[name][0]}": _WRITERS[name][1](made) for name in dict.fromkeys(formats)}
    sums = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in texts.items()]
    return {**texts, manifest_of(made): "".join(sums)}
