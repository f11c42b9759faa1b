# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Searches for the resources that use a key, before it is disabled, deleted or purged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .._azure.consumers.consumer_records import FOUND, UNKNOWN, ConsumerSearch
from .._azure.consumers.consumer_search import search
from .._azure.wire import channel
from .._errors import TaskError
from .._names import name_key
from .observed_key import ObservedKey
from .report import Report

AUTO, REFUSE, WARN, SKIP = "auto", "refuse", "warn", "skip"
Ends = Literal["disabled", "deleted", "purged"]
# Requests to Resource Manager. More are a gap.
_MOST_REQUESTS = 500
# How many consumers and gaps a message names. The result has all of them.
_MOST_NAMED = 5


def check(key: ObservedKey, report: Report, ends: Ends) -> None:
    """Search once for the consumers of the key; refuse or warn as the options say.

    Raises:
        TaskError: resources use the key, or it is unknown whether some do, and the options refuse that.
    """
    mode = key.task.params["consumers"]
    if mode == AUTO:
        mode = REFUSE if ends == "purged" else WARN
    if mode == SKIP or report.consumers is not None:
        return
    report.consumers = _searched(key)
    status, gaps = report.consumers["status"], report.consumers["gaps"]
    if status == FOUND:
        users = [f"{one['type']} {one['name']}" for one in report.consumers["found"]]
        problem = f"Azure resources use the key: {_listed(users)}"
        advice = "move these resources to another key"
    elif status == UNKNOWN:
        reasons = [f"{one['what']}: {one['reason']}" for one in gaps]
        problem = f"it is unknown whether Azure resources use the key ({_listed(reasons)})"
        advice = "close these gaps"
    else:
        return
    if mode == REFUSE:
        raise TaskError(
            f"{problem}; consumers: refuse applies, and the key would be {ends}",
            plane="Azure",
            obj=key.label,
            next_step=f"{advice}; or set consumers: warn to go on in spite of that",
            unchanged=True,
            consumers=report.consumers,
        )
    key.task.warn(f"{key.label}: {problem}. It is {ends} nevertheless.")


def _searched(key: ObservedKey) -> Mapping[str, Any]:
    if key.operator is None:
        reason = "no operator credentials are used, because look_in_azure is false"
        return _record(ConsumerSearch(()), UNKNOWN, key, {"operator": reason})
    try:
        with channel.arm(key.operator, read_only=True) as arm:
            found = search(
                arm, key.group.azure_link.vault_uri, names={name_key(key.name)}, most_requests=_MOST_REQUESTS
            )
    except TaskError as error:
        # A search that fails says nothing about the key. The reason is in the gaps.
        return _record(ConsumerSearch(()), UNKNOWN, key, {"search": error.reason})
    return _record(found, found.status(key.name), key, found.gaps)


def _record(found: ConsumerSearch, status: str, key: ObservedKey, gaps: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "status": status,
        "found": [one.record() for one in found.of(key.name)],
        "blind_spots": list(found.blind_spots),
        "gaps": [{"what": what, "reason": reason} for what, reason in sorted(gaps.items())],
    }


def _listed(entries: list[str]) -> str:
    more = len(entries) - _MOST_NAMED
    return "; ".join(entries[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
