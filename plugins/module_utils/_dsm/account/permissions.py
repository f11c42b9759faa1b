# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The permissions that each job of this collection needs, and whether the DSM identity has them (DSM contract §1.6).

No I/O. A verdict is what DSM reports or what its API documents, otherwise ``unknown``. Nothing is inferred from names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GRANTED, LACKING, UNKNOWN = "granted", "lacking", "unknown"


@dataclass(frozen=True)
class Activity:
    """Something that this collection does, and all permissions that it needs."""

    name: str
    words: str
    account: tuple[str, ...] = ()
    group: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return self.account + self.group


JOBS = (
    Activity("create_group", "create a group that is linked to Azure", account=("CREATE_EXTERNAL_GROUPS",)),
    Activity("read_group", "read a group and test its connection", group=("GET_GROUP",)),
    Activity("edit_group", "change name, description and custom metadata of a group", group=("UPDATE_GROUP_PROFILE",)),
    Activity("edit_link", "change the link of a group", group=("UPDATE_GROUP_EXTERNAL_LINKS",)),
    Activity("sync", "sync the keys of a group", group=("SCAN_EXTERNAL_SOBJECTS", "GET_SOBJECTS")),
    Activity("delete_group", "delete a group", group=("DELETE_GROUP",)),
)


# The jobs that need neither keys nor a connection to Azure.
_OF_ADMINISTRATIVE_APPS = ("create_group", "edit_group", "edit_link", "delete_group")


@dataclass(frozen=True)
class PermissionVerdict:
    """``group_ids``: the only groups in which a job is granted; None if in all of them, or not about groups."""

    verdict: str
    reason: str
    group_ids: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Permissions:
    """The permissions of the DSM identity, as DSM reports them. ``all_groups``: those that it has in every group."""

    account: frozenset[str]
    all_groups: frozenset[str]
    groups: Mapping[str, frozenset[str]]

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Permissions:
        return cls(
            account=_upper(answer["account"]),
            all_groups=_upper(answer.get("all_groups") or ()),
            groups={group_id: _upper(held) for group_id, held in (answer.get("groups") or {}).items()},
        )

    def verdict(self, job: Activity) -> PermissionVerdict:
        missing = set(job.account) - self.account
        if missing:
            return PermissionVerdict(LACKING, f"DSM does not list {_listed(missing)} in the account")
        needed = set(job.group)
        if needed <= self.all_groups:
            return PermissionVerdict(GRANTED, f"DSM lists {_listed(job.needs)}" + (" in all groups" if needed else ""))
        where = tuple(sorted(i for i, held in self.groups.items() if needed <= held | self.all_groups))
        if where:
            return PermissionVerdict(
                GRANTED, f"DSM lists {_listed(needed)} in {len(where)} of {len(self.groups)} groups", where
            )
        reason = f"DSM does not list {_listed(needed)} in any group"
        if "CREATE_EXTERNAL_GROUPS" in self.account:
            return PermissionVerdict(
                UNKNOWN,
                f"{reason}, and does not report the permissions in a group that the DSM identity creates itself",
                (),
            )
        return PermissionVerdict(LACKING, reason, ())


def not_told(job: Activity, only_uses_keys: bool, why: str) -> PermissionVerdict:
    """The verdict if DSM does not list permissions. For one kind of app it is documented what it cannot do."""
    if only_uses_keys and job.name in ("create_group", "edit_group", "edit_link", "delete_group"):
        return PermissionVerdict(LACKING, "an app with the role crypto can use keys but cannot manage groups")
    return PermissionVerdict(UNKNOWN, why)


def by_role(job: Activity, kind: str, told: PermissionVerdict) -> PermissionVerdict:
    """The verdict on an administrator of the account about whom DSM's list of permissions says nothing.

    An account administrator is administrator of all groups, and an administrative app is like one, except for work with
    keys and links, whose limits are not public (DSM contract §1.6, Q41).

    Args:
        kind: user or app.
        told: the verdict by the list of permissions. It stays, unless it is unknown.
    """
    if told.verdict != UNKNOWN:
        return told
    if kind == "user":
        return PermissionVerdict(GRANTED, "an account administrator is administrator of all groups")
    if job.name in _OF_ADMINISTRATIVE_APPS:
        return PermissionVerdict(GRANTED, "an administrative app manages all groups of the account")
    return PermissionVerdict(
        UNKNOWN, f"{told.reason}; whether an administrative app can {job.words} is not public, so try it"
    )


def _upper(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.upper() for name in names)


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
