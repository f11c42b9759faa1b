# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether groups would lose their connection because of a removal in Entra or Azure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._errors import TaskError
from ..._names import same_name
from ..._task import Task
from ..account import approvals
from ..link import connection
from ..link.azure_link import Link, normal_uri
from ..wire.client import DsmClient, connect
from ..wire.kinds import is_azure
from . import stored_groups


def refuse_while_in_use(task: Task, client_id: str, *, what: str, vault_uri: str | None = None) -> None:
    """Check, if ``dsm_endpoint`` is set, whether a link uses this application.

    Args:
        task: with the options of ``OPTIONAL_DSM``, and ``group``: the record of a group that an earlier task removes.
        client_id: of the application.
        what: what will be removed, as in "uses this application".
        vault_uri: only links to this vault count, and links without a vault, which may get it later.

    Raises:
        TaskError: a group does, or may because of a pending approval request.
    """
    may_be_linked = client_id if vault_uri is None else None
    users, requests = _users_of(task, lambda group: _uses(group, client_id, vault_uri), what, may_be_linked)
    if requests:
        raise TaskError(
            f"a pending approval request may link a group to this application: {', '.join(requests)}",
            plane="DSM",
            obj=f"application {client_id}",
            next_step="have the request decided or withdrawn first, then run the task again",
            unchanged=True,
            requests=requests,
        )
    if users:
        used, other = ("application", "application")
        if vault_uri is not None:
            used, other = ("application with this vault", "application or vault")
        raise TaskError(
            f"groups in DSM use this {used} and would lose their connection: {', '.join(users)}",
            plane="DSM",
            obj=f"application {client_id}",
            next_step=f"delete these groups first, or change their links to another {other}",
            groups=users,
            client_id=client_id,
        )


def refuse_while_vault_in_use(task: Task, vault_uri: str, *, label: str) -> None:
    """Check, if ``dsm_endpoint`` is set, whether a link points to this vault or Managed HSM.

    Args:
        task: as for :func:`refuse_while_in_use`.
        vault_uri: of the vault; letter case and a trailing slash do not matter.
        label: the vault, for the message.

    Raises:
        TaskError: a group does. Its keys are in the vault, or will be.
    """
    users, _requests = _users_of(task, lambda group: normal_uri(vault_uri) in _vaults_of(group), f"the {label}")
    if users:
        raise TaskError(
            f"groups in DSM use this vault and would lose their keys: {', '.join(users)}",
            plane="DSM",
            obj=label,
            next_step="delete these groups first, or change their links to another vault",
            unchanged=True,
            groups=users,
        )


def _users_of(
    task: Task, uses: Callable[[Mapping[str, Any]], bool], what: str, may_be_linked: str | None = None
) -> tuple[list[str], list[str]]:
    """The names of the matching groups, and the approval requests that may create another one.

    Both as far as the DSM identity sees them. ``may_be_linked``: the application of such requests; None to skip them.
    """
    if task.params["dsm_endpoint"] is None:
        task.warn(f"It was not checked whether a group in DSM uses {what}: dsm_endpoint is not set.")
        return [], []
    # In check mode, a group that the play removes first still exists and does not count. In a run, that is so only for
    # the record of a planned removal: if a group still exists after a real removal, it counts.
    going = task.params["group"] or {}
    is_going = going.get("exists") is False and (task.check_mode or going.get("planned") is True)
    gone = going.get("group_id") if is_going else None
    with connect(task, read_only=True) as dsm:
        # An empty result is read twice: the removal cannot be undone, and one response may be incomplete.
        users = _users(dsm, uses, gone) or _users(dsm, uses, gone)
        return users, [] if users or may_be_linked is None else _requests(dsm, may_be_linked)


def _requests(dsm: DsmClient, client_id: str) -> list[str]:
    found = approvals.waiting(dsm, f"application {client_id}") or ()
    return [one.request_id for one in found if one.may_write_link_of(client_id)]


def _users(dsm: DsmClient, uses: Callable[[Mapping[str, Any]], bool], gone: str | None) -> list[str]:
    listed = stored_groups.list_all(dsm)
    return sorted(f'"{group["name"]}"' for group in listed if not same_name(group["group_id"], gone) and uses(group))


def tested(task: Task, client_id: str) -> list[dict[str, Any]] | None:
    """The current test result of each group whose link uses this application; None if ``dsm_endpoint`` is not set."""
    if task.params["dsm_endpoint"] is None:
        return None
    with connect(task, read_only=True) as dsm:
        return [
            {
                "group": group.name,
                "connection": connection.check_stored(dsm, str(group.group_id), f"link of {group.label}").status,
            }
            for group in stored_groups.linked_to_application(dsm, client_id)
        ]


def _uses(stored: Mapping[str, Any], client_id: str, vault_uri: str | None) -> bool:
    vaults = None if vault_uri is None else ("", normal_uri(vault_uri))
    return any(
        same_name(link.client_id, client_id) and (vaults is None or link.vault_uri in vaults) for link in _links(stored)
    )


def _vaults_of(stored: Mapping[str, Any]) -> set[str]:
    return {link.vault_uri for link in _links(stored)}


def _links(stored: Mapping[str, Any]) -> list[Link]:
    configs = (stored.get("hmg") or {}).items()
    return [Link.from_stored(hmg_id, config) for hmg_id, config in configs if is_azure(config)]
