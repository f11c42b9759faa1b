# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The groups table and the HSM/KMS tab (guide 4.7, 4.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.groups import stored_groups
from .._dsm.groups.selection import checked_name
from .._dsm.groups.stored_groups import Group
from .._dsm.wire.client import DsmClient, connect
from .._ids import checked_uuid
from .._options import DSM
from .._task import Task

SPEC = DSM.merge(
    ArgumentSpec(
        argument_spec={
            "name": {"type": "str", "aliases": ["group_name"]},
            "group_id": {"type": "str"},
            "kind": {"type": "str", "choices": ["azure", "external", "all"], "default": "azure"},
        },
        mutually_exclusive=(("name", "group_id"),),
    ),
)


def run(task: Task) -> dict[str, Any]:
    name, group_id = task.params["name"], task.params["group_id"]
    name = checked_name("name", name) if name is not None else None
    group_id = checked_uuid("group_id", group_id) if group_id is not None else None
    with connect(task, read_only=True) as dsm:
        # A selected group that cannot be managed is an error; in a list of all groups it must not hide the others.
        read = Group.as_shown if name is None and group_id is None else Group.from_stored
        found = sorted(map(read, _stored(dsm, name, group_id)), key=lambda group: group.name)
    stored_groups.warn_of_problems(task.warn, found)
    return {
        "changed": False,
        "groups": [group.record() for group in found if _is_of_kind(group, task.params["kind"])],
        "not_managed": [
            {"group_id": group.group_id, "name": group.name, "reason": group.problem}
            for group in found
            if group.problem
        ],
    }


def _stored(dsm: DsmClient, name: str | None, group_id: str | None) -> Iterable[dict[str, Any]]:
    if name is None and group_id is None:
        return stored_groups.list_all(dsm)
    one = stored_groups.get(dsm, group_id) if group_id is not None else stored_groups.find_by_name(dsm, str(name))
    return [] if one is None else [one]


def _is_of_kind(group: Group, kind: str) -> bool:
    return kind == "all" or group.link is not None or (kind == "external" and group.external_kms is not None)
