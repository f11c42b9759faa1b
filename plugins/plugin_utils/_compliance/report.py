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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ...module_utils._compliance.policy import FAIL, Policy, judge
from ...module_utils._errors import InvalidInput
from ...module_utils._findings.catalog import NOTHING_CHECKED
from ...module_utils._texts.plain import readable
from .formats import by_severity, junit, manifest_of, markdown, sarif, stem_of
from .page import page

# Of docs/compliance-report.schema.json. An incompatible change increments the number.
FORMAT = "fortanix.dsm.compliance/1"
# Return values of the module that a report contains unchanged.
_TAKEN = ("checked_at", "dsm", "operator", "options")
# Ansible passes its own container types to filters, and a filter cannot return them: each value is converted.
_READ = (*_TAKEN, "groups", "findings")
_CHOSEN = ("group_names", "group_ids")
_OF_BATCH = ("all_groups", *_CHOSEN)
# Format -> the end of the file name, and what makes the text from the report and the names of all files of the run.
_WRITERS: Mapping[str, tuple[str, Callable[[Mapping[str, Any], Collection[str]], str]]] = {
    "json": ("json", lambda report, _names: json.dumps(report, indent=2, ensure_ascii=True) + "\n"),
    "markdown": ("md", lambda report, _names: markdown(report)),
    "junit": ("junit.xml", lambda report, _names: junit(report)),
    "sarif": ("sarif", lambda report, _names: sarif(report)),
    "html": ("html", page),
}
FORMATS = tuple(_WRITERS)


def merged(results: Sequence[Mapping[str, Any]], all_groups: bool | None) -> dict[str, Any]:
    """The results of the batches of one run as one result; its time is that of the first batch.

    Args:
        all_groups: whether the batches together contain all groups, which no batch can know; None keeps its own value.

    Raises:
        InvalidInput: the results are of different accounts, identities or options, so no report could name its scope.
    """
    plain = [{name: readable(result[name]) for name in _READ} for result in results]
    first, groups = plain[0], sorted((group for one in plain for group in one["groups"]), key=lambda one: one["name"])
    # A batch without groups is irrelevant if another batch has groups.
    findings = [
        one for result in plain for one in result["findings"] if not (groups and one["id"] == NOTHING_CHECKED.id)
    ]
    for one in plain[1:]:
        _check_same_scope(first, one)
    chosen = {name: list(dict.fromkeys(i for one in plain for i in one["options"][name])) for name in _CHOSEN}
    options = {**first["options"], **chosen}
    if all_groups is not None:
        options["all_groups"] = all_groups
    if options["all_groups"]:
        # The names and IDs are those of the batches.
        options.update({name: [] for name in _CHOSEN})
    return {
        **first,
        "checked_at": min(result["checked_at"] for result in plain),
        **{name: _best_known(result[name] for result in plain) for name in ("dsm", "operator")},
        "options": options,
        "groups": groups,
        "findings": findings,
    }


def _best_known(values: Iterable[Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    """The value with the most known members: a batch that reads nothing in Azure sees no token of the operator."""
    return max(values, key=lambda one: sum(member is not None for member in (one or {}).values()))


def _check_same_scope(first: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    def scope(result: Mapping[str, Any]) -> dict[str, Any]:
        dsm, operator = result["dsm"], result["operator"]
        return {
            "DSM": dsm["endpoint"],
            "DSM account": (dsm["account"] or {}).get("account_id"),
            "DSM identity": dsm["principal"]["id"],
            "Azure operator": (operator or {}).get("object_id"),
            "cloud": (operator or {}).get("cloud"),
            "options": {name: value for name, value in result["options"].items() if name not in _OF_BATCH},
        }

    one, two = scope(first), scope(other)
    # What one of them does not know is no difference.
    different = [name for name in one if None not in (one[name], two[name]) and one[name] != two[name]]
    if different:
        raise InvalidInput(
            "results",
            f"they differ in {', '.join(different)}, so one report cannot state what was checked",
            "create one report for each account and each set of options",
        )


def report(
    results: Sequence[Mapping[str, Any]], option: Any, collection_version: str | None, all_groups: bool | None = None
) -> dict[str, Any]:
    """The report, as docs/compliance-report.schema.json describes it.

    Args:
        results: of the module cdc_compliance_info, one for each batch of groups.
        option: the policy.
        all_groups: as of :func:`merged`.

    Raises:
        InvalidInput: the policy is wrong, or the results do not belong together.
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
    """A sentence about the findings of a report that fail, the most severe first."""
    failing = (finding for _group, finding in by_severity(made) if finding["outcome"] == FAIL)
    ids = dict.fromkeys(finding["id"] for finding in failing)
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
    writers = {f"{stem}.{end}": write for end, write in (_WRITERS[name] for name in dict.fromkeys(formats))}
    texts = {name: write(made, writers) for name, write in writers.items()}
    sums = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in texts.items()]
    return {**texts, manifest_of(made): "".join(sums)}
