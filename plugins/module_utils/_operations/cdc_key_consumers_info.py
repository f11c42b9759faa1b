# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The Azure resources that use the keys of one vault or Managed HSM. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.consumers.consumer_records import ConsumerSearch
from .._azure.consumers.consumer_search import search
from .._azure.consumers.key_references import Host, checked_names
from .._azure.wire import channel
from .._azure.wire.cloud import check_uri
from .._azure.wire.credential import operator_of
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.wire.client import connect
from .._errors import InvalidInput, TaskError
from .._ids import checked_uuid
from .._options import AZURE, GROUP_SELECTION, OPTIONAL_DSM
from .._task import Task
from .._timestamps import iso

_PLACES = ("vault_uri", "group_name", "group_id", "group")
SPEC = AZURE.merge(
    OPTIONAL_DSM,
    ArgumentSpec(
        argument_spec={
            **GROUP_SELECTION.argument_spec,
            "vault_uri": {"type": "str"},
            "names": {"type": "list", "elements": "str", "default": []},
            "subscriptions": {"type": "list", "elements": "str", "default": []},
            "read_services": {"type": "bool", "default": False},
            "max_requests": {"type": "int", "default": 500},
        },
        mutually_exclusive=(_PLACES,),
        required_one_of=(_PLACES,),
    ),
)


def run(task: Task) -> dict[str, Any]:
    params = task.params
    names = checked_names(params["names"])
    subscriptions = tuple(dict.fromkeys(checked_uuid("subscriptions", one) for one in params["subscriptions"]))
    operator = operator_of(task)
    group, uri = _place(task)
    check_uri("vault_uri" if group is None else "group", uri, operator.cloud)
    with channel.arm(operator, read_only=True) as arm:
        found = search(
            arm,
            uri,
            names=names.keys(),
            subscriptions=subscriptions,
            read_services=params["read_services"],
            confirm=group is None,
            most_requests=params["max_requests"],
        )
    return {
        "changed": False,
        "checked_at": iso(task.clock.now()),
        "group": None if group is None else {"group_id": group.group_id, "name": group.name},
        "vault_uri": uri,
        "keys": _keys(found, names, Host.of(uri)),
        "complete": found.is_complete,
        "searched": [one.record() for one in found.searched],
        "not_searched": list(found.not_searched),
        "mentions": [one.record() for one in found.mentions],
        "not_read": [{"what": what, "reason": reason} for what, reason in sorted(found.gaps.items())],
        "blind_spots": list(found.blind_spots),
    }


def _place(task: Task) -> tuple[Group | None, str]:
    """The group, if one is selected, and the address of its vault or of the one that is set.

    Raises:
        TaskError: the group cannot be read, or has no vault.
    """
    params = task.params
    if params["vault_uri"] is not None:
        return None, params["vault_uri"]
    selection = Selection.from_params(params)
    if params["dsm_endpoint"] is None:
        raise InvalidInput(
            "dsm_endpoint",
            "it is missing, but a group is set, whose vault only DSM knows",
            "set dsm_endpoint and the DSM credentials, or set vault_uri in place of the group",
        )
    with connect(task, read_only=True) as dsm:
        group = resolve(dsm, selection, check_mode=task.check_mode)
    if not group.azure_link.vault_uri:
        raise TaskError(
            "no vault is selected",
            plane="DSM",
            obj=group.label,
            next_step="select one with fortanix.dsm.cdc_vault_select",
        )
    return group, group.azure_link.vault_uri


def _keys(found: ConsumerSearch, names: Mapping[str, str], host: Host) -> list[dict[str, Any]]:
    """The requested keys; without a request, those that are in use."""
    shown = dict(names) or {key: key for key in found.keys}
    return [
        {
            "name": name,
            "versionless_id": host.key_id(name),
            "status": found.status(key),
            "consumers": [one.record() for one in found.of(key)],
        }
        for key, name in sorted(shown.items())
    ]
