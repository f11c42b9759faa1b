# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The report of a compliance run, and its files: all of them made from the one report. Pure.

What a report holds comes from DSM, Azure and the user: names are foreign text. Each format escapes all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..module_utils._compliance_policy import Policy, judge
from ..module_utils._inventory import readable
from ._compliance_formats import junit, manifest_of, markdown, sarif, stem_of
from ._compliance_page import page

# Of docs/compliance-report.schema.json. A change that a reader could stumble over gets another number.
FORMAT = "fortanix.dsm.compliance/1"
# What a result of the module has, by the names that a report takes over as they are.
_TAKEN = ("checked_at", "dsm", "operator", "options")
_WRITERS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "json": ("json", lambda report: json.dumps(report, indent=2, ensure_ascii=True) + "\n"),
    "markdown": ("md", markdown),
    "junit": ("junit.xml", junit),
    "sarif": ("sarif", sarif),
    "html": ("html", page),
}
FORMATS = tuple(_WRITERS)


def report(result: Mapping[str, Any], option: Any, collection_version: str | None) -> dict[str, Any]:
    """The report, as docs/compliance-report.schema.json describes it.

    Args:
        result: of the module cdc_compliance_info.
        option: the policy.

    Raises:
        InvalidInput: the policy is wrong.
    """
    policy = Policy.from_option(option)
    # Ansible hands containers of its own to filters, which cannot be part of what one returns.
    plain = {name: readable(result[name]) for name in (*_TAKEN, "groups", "findings")}
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


def files(made: Mapping[str, Any], formats: Iterable[str]) -> dict[str, str]:
    """File name -> text, of the report in each format, and last the manifest with the SHA-256 of each file.

    The names carry the time of the run, so that no run writes over the evidence of another one.
    """
    stem = stem_of(made)
    texts = {f"{stem}.{_WRITERS[name][0]}": _WRITERS[name][1](made) for name in dict.fromkeys(formats)}
    sums = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in texts.items()]
    return {**texts, manifest_of(made): "".join(sums)}
