# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""One host's part of a result of cdc_groups, as the result of a task of that host. No request is sent."""

from __future__ import annotations

from typing import Any

from .._argspec import ArgumentSpec
from .._errors import InvalidInput
from .._fleet.records import part
from .._rest.shapes import anything, list_of, map_of, optional, record, text
from .._task import Task

_RECORD = {"name", "status", "pending", "failed", "msg", "steps"}
_STEP = record(plan=optional(list_of(anything)))
_GROUP = record(name=text, steps=map_of(_STEP))
_SHARED = record(object=text, plan=optional(list_of(anything)))
_DIFF = record(before=optional(record()), after=optional(record()))

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
        InvalidInput: the input is not part of a result of cdc_groups.
    """
    for index, one in enumerate(task.params["groups"]):
        missing = sorted(_RECORD - one.keys())
        if missing:
            raise InvalidInput(
                f"groups[{index}]",
                f"it is not a record returned by the module cdc_groups: {', '.join(missing)} is missing",
                "set elements of `groups` from the result of that module",
            )
    for option, shape in (("groups", list_of(_GROUP)), ("shared", list_of(_SHARED)), ("diff", _DIFF)):
        wrong = next(shape(task.params[option], option), None)
        if wrong is not None:
            raise InvalidInput(
                option,
                f"it is not part of a result of the module cdc_groups: {wrong}",
                f"set it to `{option}` of that result",
            )
    return part(task.params["groups"], task.params["shared"], task.params["diff"])
