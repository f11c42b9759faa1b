# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Users and apps: the DSM identity, other users, and the groups of each (guide 4.9; DSM contract §1.6, §5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._errors import TaskError
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import DsmError
from ..wire.paging import PAGE, all_pages, items
from .capabilities import asked

# In lower case. Any other value is a state or the ID of a custom role.
_ACCOUNT_ROLES = {
    "accountadministrator": "administrator",
    "accountmember": "member",
    "accountauditor": "auditor",
}
_GROUP_ROLES = {"groupadministrator": "administrator", "groupauditor": "auditor"}
_STATES = frozenset({"stateenabled", "pendinginvite"})
# The account roles that see every group of the account, and the role that they have in it.
_SEES_ALL_GROUPS = {"administrator": "administrator", "auditor": "auditor"}


@dataclass(frozen=True)
class Membership:
    """``roles`` of a user, ``permissions`` of an app. ``explicit``: None if DSM does not report it."""

    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    explicit: bool | None = None


@dataclass(frozen=True)
class Principal:
    """A user or an app of the account. ``account_roles`` and ``groups``: None if DSM does not report them."""

    kind: str
    entity_id: str | None
    name: str | None = None
    account_id: str | None = None
    account_roles: tuple[str, ...] | None = None
    app_role: str | None = None
    groups: Mapping[str, Membership] | None = field(default=None)

    @classmethod
    def from_user(cls, stored: Mapping[str, Any], account_id: str | None = None) -> Principal:
        flags = stored.get("account_role")
        told = stored.get("groups")
        explicit = stored.get("explicit_groups")
        groups = None
        if told is not None or explicit is not None:
            merged = {**(explicit or {}), **(told or {})}
            groups = {
                group_id: Membership(
                    roles=_roles(roles, _GROUP_ROLES), explicit=None if explicit is None else group_id in explicit
                )
                for group_id, roles in merged.items()
            }
        elif "groups" in stored:
            groups = {}
        return cls(
            kind="user",
            entity_id=stored["user_id"],
            name=stored.get("user_email"),
            account_id=account_id,
            account_roles=None if flags is None else _roles(flags, _ACCOUNT_ROLES),
            groups=groups,
        )

    @classmethod
    def from_app(cls, stored: Mapping[str, Any]) -> Principal:
        told = stored.get("groups")
        groups: dict[str, Membership] | None = None
        if isinstance(told, Mapping):
            groups = {i: Membership(permissions=tuple(sorted(held or ())), explicit=True) for i, held in told.items()}
        elif told is not None:
            groups = {i: Membership(explicit=True) for i in told}
        membership = stored.get("account_membership")
        described = (membership or {}).get("roles") or ()
        return cls(
            kind="app",
            entity_id=stored["app_id"],
            name=stored.get("name"),
            account_id=stored.get("acct_id"),
            account_roles=_roles((str(role.get("value")) for role in described), _ACCOUNT_ROLES),
            app_role=(stored.get("role") or "").lower() or None,
            groups=groups,
        )

    @property
    def only_uses_keys(self) -> bool:
        """Whether it is an app with the role crypto alone. Together with account roles, that role means nothing."""
        return self.app_role == "crypto" and not self.account_roles

    def implied_role(self) -> str | None:
        """The role that this principal has in every group because of its role in the account."""
        if self.app_role == "admin":
            return "administrator"
        return next((_SEES_ALL_GROUPS[role] for role in self.account_roles or () if role in _SEES_ALL_GROUPS), None)

    def record(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "id": self.entity_id,
            "name": self.name,
            "account_roles": None if self.account_roles is None else list(self.account_roles),
            "app_role": self.app_role,
        }


def own(dsm: DsmClient) -> tuple[Principal, str]:
    """The DSM identity, and why not all of it is known (empty if all of it is).

    Raises:
        TaskError: DSM did not accept the credentials, or cannot be reached.
    """
    identity = dsm.identity()
    bare = Principal(identity.kind, identity.entity_id, account_id=identity.account_id)
    if identity.entity_id is None:
        return bare, "the DSM credentials do not contain the ID of the app"
    if identity.kind == "user":
        answer = _user(dsm, identity.entity_id)
        if not isinstance(answer, DsmError):
            return Principal.from_user(answer, identity.account_id), ""
    else:
        query = {"group_permissions": "true"}
        answer = asked(dsm, routes.APP, {"app_id": identity.entity_id}, query=query, obj="own app")
        if not isinstance(answer, DsmError):
            return Principal.from_app(answer), ""
    return bare, f"DSM does not let the {identity.kind} read its own record (HTTP status {answer.status})"


def other(dsm: DsmClient, *, user_id: str | None, email: str | None) -> Principal:
    """Another user of the account.

    Raises:
        TaskError: there is none, or the DSM identity has no permission to read users.
    """
    if user_id is not None:
        answer = dsm.call("GET", routes.USER, path={"user_id": user_id}, query=_WITH_GROUPS, obj=f"user {user_id}")
        return Principal.from_user(answer)
    wanted = str(email).strip().lower()
    hits = [user for user in _all_users(dsm) if str(user.get("user_email") or "").lower() == wanted]
    if len(hits) == 1:
        return Principal.from_user(hits[0])
    raise TaskError(
        f"{len(hits) or 'no'} users of the account have this e-mail address",
        plane="DSM",
        obj=f"user {email}",
        next_step="correct email, or set user_id instead",
    )


_WITH_GROUPS = {"with_groups": "all"}


def _user(dsm: DsmClient, user_id: str) -> Any:
    return asked(dsm, routes.USER, {"user_id": user_id}, query=_WITH_GROUPS, obj="own user")


def _all_users(dsm: DsmClient) -> Iterator[dict[str, Any]]:
    def page(offset: int) -> list[dict[str, Any]]:
        query = {"limit": PAGE, "offset": offset, **_WITH_GROUPS}
        return items(dsm.call("GET", routes.USERS, query=query, obj="users of the account"), "users")

    return all_pages(page, "user_id", "users of the account")


def _roles(given: Iterable[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Roles in one spelling, custom roles by their ID. Servers differ in case (DSM contract §7, Q16)."""
    words = [role.lower().replace("_", "") for role in given]
    return tuple(sorted(known.get(word, word) for word in words if word not in _STATES))
