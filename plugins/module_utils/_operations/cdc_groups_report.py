# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""One host's part of a result of cdc_groups, as the result of a task of that host. No request is sent."""

from __future__ import annotations

from typing import Any

from .._argspec import ArgumentSpec
from .._errors import InvalidInput
from .._fleet.records import failure_in, part
from .._journal import UNKNOWN
from .._task import Task

_RECORD = {"name", "status", "pending", "failed", "msg", "steps"}

SPEC = ArgumentSpec(
    argument_spec={
        "groups": {"type": "list", "elements": "dict", "required": True},
        "shared": {"type": "list", "elements": "dict", "default": []},
        "diff": {"type": "dict", "default": {}},
    },
)


def run(task: Task) -> dict[str, Any]:
    """The operation of the module.

    Raises:
        TaskError: one of the groups has failed.
    """
    groups = task.params["groups"]
    for index, one in enumerate(groups):
        missing = sorted(_RECORD - one.keys())
        if missing:
            raise InvalidInput(
                f"groups[{index}]",
                f"it is no record of the module cdc_groups: {', '.join(missing)} is missing",
                "give it elements of `groups` of that module's result",
            )
    result = part(groups, task.params["shared"], task.params["diff"])
    failed = [one for one in groups if one["failed"]]
    failures = [one.get("failure") or {} for one in failed]
    failure = failure_in(
        [(f'group "{one["name"]}"', str(one["msg"])) for one in failed],
        len(groups),
        failed=[one["name"] for one in failed],
        done=[write for one in failures for write in one.get("done") or ()],
    )
    if failure is None:
        return result
    for write in (write for one in failures for write in one.get("unknown") or ()):
        task.journal.note(write["plane"], write["object"], write["action"], UNKNOWN)
    # The messages of the groups tell them.
    failure.tells_unknown = True
    failure.returned = result
    raise failure
