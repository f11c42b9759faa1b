# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The user's view (guide 4.9): the groups of a user or an app, and which of them are mapped to Azure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.account import users
from .._dsm.account.users import Membership, Principal
from .._dsm.groups import stored_groups
from .._dsm.groups.stored_groups import Group
from .._dsm.link.azure_link import vault_name_of
from .._dsm.link.connection import check_stored
from .._dsm.wire.budget import OutOfTime
from .._dsm.wire.client import DsmClient, connect
from .._dsm.wire.errors import DsmError
from .._errors import InvalidInput, quoted
from .._ids import checked_uuid
from .._options import DSM
from .._task import Task

_NOT_CHECKED = "not_checked"

SPEC = DSM.merge(
    ArgumentSpec(
        argument_spec={
            "user_id": {"type": "str"},
            "email": {"type": "str"},
            "kind": {"type": "str", "choices": ["azure", "external", "all"], "default": "all"},
            "check_connections": {"type": "bool", "default": False},
            "max_checks": {"type": "int", "default": 20},
        },
        mutually_exclusive=(("user_id", "email"),),
    ),
)


@dataclass(frozen=True)
class _Row:
    """A group and its member. ``group`` is None if the DSM identity has no permission to read it."""

    group_id: str
    membership: Membership
    group: Group | None
    connection: str | None = None
    message: str = ""

    @property
    def name(self) -> str:
        return self.group.name if self.group else ""

    @property
    def is_azure(self) -> bool:
        return self.group is not None and (self.group.link is not None or self.group.problem is not None)

    def is_of_kind(self, kind: str) -> bool:
        return kind == "all" or self.is_azure or (kind == "external" and bool(self.group and self.group.external_kms))

    def record(self) -> dict[str, Any]:
        link = self.group.link if self.group else None
        return {
            "group_id": self.group_id,
            "name": self.group.name if self.group else None,
            "roles": list(self.membership.roles),
            "permissions": list(self.membership.permissions),
            "explicit": self.membership.explicit,
            "external_kms": self.group.external_kms if self.group else None,
            "azure": self.is_azure if self.group else None,
            "vault": vault_name_of(link.vault_uri) if link else None,
            "vault_type": link.vault_type if link else None,
            "connection": self.connection,
            "message": self.message,
        }


def run(task: Task) -> dict[str, Any]:
    params = task.params
    user_id = checked_uuid("user_id", params["user_id"]) if params["user_id"] is not None else None
    if params["email"] is not None and "@" not in params["email"]:
        raise InvalidInput(
            "email", f"{quoted(params['email'])} is not an e-mail address", "set it as DSM shows it, or set user_id"
        )
    with connect(task, read_only=True) as dsm:
        principal, why = _principal(dsm, user_id, params["email"])
        visible = [Group.as_shown(stored) for stored in stored_groups.list_all(dsm)]
        rows = [row for row in _rows(principal, visible) if row.is_of_kind(params["kind"])]
        stored_groups.warn_of_problems(task.warn, [row.group for row in rows if row.group is not None])
        rows = _checked(dsm, rows, params["max_checks"] if params["check_connections"] else 0)
    return {
        "changed": False,
        "user": principal.record(),
        "groups": [row.record() for row in rows],
        "group_count": len(rows),
        "azure_count": len([row for row in rows if row.is_azure]),
        "not_checked": len([row for row in rows if row.connection == _NOT_CHECKED]),
        "complete": principal.groups is not None,
        "incomplete_reason": why if principal.groups is None else "",
    }


def _principal(dsm: DsmClient, user_id: str | None, email: str | None) -> tuple[Principal, str]:
    if user_id is None and email is None:
        return users.own(dsm)
    return users.other(dsm, user_id=user_id, email=email), "DSM does not report the groups of this user"


def _rows(principal: Principal, found: Iterable[Group]) -> list[_Row]:
    """The groups of a principal by name: those that it is a member of, and those that its account role includes."""
    visible = {group.group_id: group for group in found}
    members = dict(principal.groups or {})
    implied = principal.implied_role()
    if implied is not None:
        members = {str(i): Membership(roles=(implied,), explicit=False) for i in visible} | members
    rows = [_Row(group_id, membership, visible.get(group_id)) for group_id, membership in members.items()]
    return sorted(rows, key=lambda row: (row.group is None, row.name, row.group_id))


def _checked(dsm: DsmClient, rows: list[_Row], limit: int) -> list[_Row]:
    """The rows with the connection state of those in Azure, within the limits of number and time."""
    done = []
    for row in rows:
        if not row.is_azure:
            done.append(row)
        elif row.group is not None and row.group.problem is not None:
            # The group has several links, and DSM does not report which one its test uses.
            done.append(replace(row, connection="unknown", message=row.group.problem))
        elif limit < 1:
            done.append(replace(row, connection=_NOT_CHECKED))
        else:
            connection, message = _connection(dsm, row)
            # If there is no time left for this group, there is none for the following ones.
            limit = 0 if connection == _NOT_CHECKED else limit - 1
            done.append(replace(row, connection=connection, message=message))
    return done


def _connection(dsm: DsmClient, row: _Row) -> tuple[str, str]:
    try:
        found = check_stored(dsm, row.group_id, f'link of group "{row.name}"')
    except OutOfTime as error:
        return _NOT_CHECKED, error.problem
    except DsmError as error:
        # A refusal of the DSM identity. The state of the link is then unknown.
        return "unknown", error.server_words or f"HTTP status {error.status}"
    return found.status, found.words
