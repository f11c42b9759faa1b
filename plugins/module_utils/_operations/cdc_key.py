# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""One key of a CDC group: created as a copy of a key in DSM or by Azure, and kept as requested (guide 1.2, 5.0)."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.wire import channel
from .._azure.wire.cloud import is_hsm_uri
from .._azure.wire.credential import operator_of
from .._dsm.account.approvals import Asking
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.wire.client import connect
from .._errors import TaskError
from .._key_lifecycle.consumers_check import AUTO, REFUSE, SKIP, WARN
from .._key_lifecycle.ending import end
from .._key_lifecycle.observed_key import ObservedKey
from .._key_lifecycle.presence import keep
from .._keys.desired_key import ALL, COPY, CURRENT, GENERATED, HSM, MANAGED_HSM, SOFTWARE, DesiredKey, checked_name
from .._keys.key_endings import ABSENT, DELETED, PRESENT, PURGED, DesiredEnding, check_options
from .._keys.key_terms import DSM_CURVES, EC, RSA, SIZES
from .._options import APPROVAL, AZURE, DSM, ONE_GROUP
from .._task import Task

SPEC = AZURE.merge(
    DSM,
    ONE_GROUP,
    ArgumentSpec(
        argument_spec={
            "name": {"type": "str", "required": True},
            "dsm_name": {"type": "str"},
            "state": {"type": "str", "choices": [PRESENT, DELETED, PURGED, ABSENT], "default": PRESENT},
            "confirm_purge": {"type": "str"},
            "allow_skip": {"type": "bool", "default": False},
            "on_soft_deleted": {"type": "str", "choices": ["fail", "recover"], "default": "fail"},
            "allow_recreate": {"type": "bool", "default": False},
            "consumers": {"type": "str", "choices": [AUTO, REFUSE, WARN, SKIP], "default": AUTO},
            "wait": {"type": "int", "default": 120},
            "origin": {"type": "str", "choices": [COPY, GENERATED]},
            "source": {
                "type": "dict",
                "options": {"kid": {"type": "str"}, "name": {"type": "str"}},
                "mutually_exclusive": [("kid", "name")],
                "required_one_of": [("kid", "name")],
            },
            "type": {"type": "str", "choices": [RSA, EC]},
            "size": {"type": "int", "choices": list(SIZES)},
            "curve": {"type": "str", "choices": list(DSM_CURVES)},
            "protection": {"type": "str", "choices": [SOFTWARE, HSM]},
            "operations": {"type": "list", "elements": "str"},
            "enabled": {"type": "bool"},
            "enabled_versions": {"type": "str", "choices": [CURRENT, ALL], "default": CURRENT},
            "expires": {"type": "str"},
            "not_before": {"type": "str"},
            "valid_days": {"type": "int"},
            "tags": {"type": "dict"},
            "description": {"type": "str"},
            "metadata": {"type": "dict"},
            "rotation_policy": {
                "type": "dict",
                "options": {
                    "interval_days": {"type": "int"},
                    "interval_months": {"type": "int"},
                    "effective_at": {"type": "str"},
                },
                "mutually_exclusive": [("interval_days", "interval_months")],
                "required_one_of": [("interval_days", "interval_months")],
            },
            "adopt": {"type": "bool", "default": False},
            "look_in_azure": {"type": "bool", "default": True},
            "sync_timeout": {"type": "int", "default": 600},
        },
        mutually_exclusive=(("expires", "valid_days"),),
    ),
    APPROVAL,
)


def run(task: Task) -> dict[str, Any]:
    params = task.params
    check_options(params)
    present = params["state"] == PRESENT
    desired = DesiredKey.from_params(params, task.clock.now()) if present else None
    name = checked_name(params["name"])
    selection, asking = Selection.from_params(task.params), Asking.from_params(task.params)
    operator = operator_of(task) if task.params["look_in_azure"] else None
    with ExitStack() as stack:
        dsm = stack.enter_context(connect(task, read_only=task.check_mode))
        group = resolve(dsm, selection, check_mode=task.check_mode)
        if present:
            # Again, by the clock of a service: the control node's may be wrong.
            desired = DesiredKey.from_params(params, task.clock.now())
        vault_type, uri = _vault_type(group), group.azure_link.vault_uri
        vault = None
        if operator is not None and group.group_id is not None and uri:
            vault = stack.enter_context(channel.keys(operator, uri, read_only=task.check_mode))
        key = ObservedKey(task, dsm, group, name, vault_type, operator, vault, asking)
        if desired is not None:
            key.with_versions = desired.all_versions
            key.with_rotation = desired.rotation_policy is not None
            return keep(key, desired)
        return end(key, DesiredEnding(name, params["state"], params["allow_skip"]))


def _vault_type(group: Group) -> str | None:
    """The type of the vault of the link; None if it is not known, such as that of a group that is only planned.

    Raises:
        TaskError: the link has no vault.
    """
    link = group.azure_link
    if not link.vault_uri and not group.planned:
        raise TaskError(
            "no vault is selected",
            plane="DSM",
            obj=f"link of {group.label}",
            next_step="select one with fortanix.dsm.cdc_vault_select",
            unchanged=True,
        )
    return MANAGED_HSM if is_hsm_uri(link.vault_uri) else link.vault_type
