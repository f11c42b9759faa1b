# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether links of groups would be cut off by what is going to be removed in Entra or Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._errors import TaskError
from .._task import Task
from . import approvals, connection, groups
from .client import DsmClient, connect
from .external_kms import Link, is_azure, normal_uri


def refuse_while_in_use(task: Task, client_id: str, *, what: str, vault_uri: str | None = None) -> None:
    """Look, where there is a login to DSM, whether a link logs in as this application.

    Args:
        task: with the options of ``OPTIONAL_DSM``, and ``group``: the record of a group that an earlier task removes.
        client_id: of the application.
        what: is going to be removed, as in "uses these rights".
        vault_uri: only links to this vault count, and those without a vault, which may get it any day.

    Raises:
        TaskError: some group does, or may by a request for an approval that waits.
    """
    if task.params["dsm_endpoint"] is None:
        task.warn(f"It was not looked at whether a group in DSM uses {what}, as there is no login to DSM.")
        return
    # In check mode, a group that an earlier task is going to remove is still there.
    going = task.params["group"] or {}
    gone = going.get("group_id") if task.check_mode and going.get("exists") is False else None
    with connect(task, read_only=True) as dsm:
        # That there is none is asked twice: what is removed then cannot be taken back, and one answer may be short.
        users = _users(dsm, client_id, vault_uri, gone) or _users(dsm, client_id, vault_uri, gone)
        requests = [] if users or vault_uri is not None else _requests(dsm, client_id)
    if requests:
        raise TaskError(
            f"a request for an approval waits that may link a group to it: {', '.join(requests)}",
            plane="DSM",
            obj=f"application {client_id}",
            next_step="have the request decided or withdrawn first; nothing was changed",
            requests=requests,
        )
    if users:
        used, other = ("application", "application")
        if vault_uri is not None:
            used, other = ("application with this vault", "application or vault")
        raise TaskError(
            f"groups in DSM use this {used} and would be cut off: {', '.join(users)}",
            plane="DSM",
            obj=f"application {client_id}",
            next_step=f"remove the groups first, or let them use another {other}",
            groups=users,
        )


def _requests(dsm: DsmClient, client_id: str) -> list[str]:
    """IDs of the requests that may bring a link of this application to a group, as far as this login sees them."""
    found = approvals.waiting(dsm, f"application {client_id}") or ()
    return [one.request_id for one in found if one.may_write_link_of(client_id.lower())]


def _users(dsm: DsmClient, client_id: str, vault_uri: str | None, gone: str | None) -> list[str]:
    return sorted(
        f'"{group["name"]}"'
        for group in groups.list_all(dsm)
        if group["group_id"] != gone and _uses(group, client_id.lower(), vault_uri)
    )


def tested(task: Task, client_id: str) -> list[dict[str, Any]] | None:
    """What DSM's test says now of each group whose link logs in as this application; None without a login to DSM."""
    if task.params["dsm_endpoint"] is None:
        return None
    with connect(task, read_only=True) as dsm:
        return [
            {
                "group": group.name,
                "connection": connection.check_stored(dsm, str(group.group_id), f"link of {group.label}").status,
            }
            for group in groups.linked_to_application(dsm, client_id.lower())
        ]


def _uses(stored: Mapping[str, Any], client_id: str, vault_uri: str | None) -> bool:
    configs = (stored.get("hmg") or {}).items()
    links = [Link.from_stored(hmg_id, config) for hmg_id, config in configs if is_azure(config)]
    vaults = None if vault_uri is None else ("", normal_uri(vault_uri))
    return any(link.client_id == client_id and (vaults is None or link.vault_uri in vaults) for link in links)
