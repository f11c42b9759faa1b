# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in the simulated DSM (DSM contract §1.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..profiles import Profile
from .errors import forbidden, not_found
from .state import ADMINISTRATOR, AUDITOR, Account, App, Membership, User
from .values import Group


@dataclass(frozen=True)
class Principal:
    """An authenticated caller in the account he works in."""

    subject: User | App
    account: Account

    @property
    def entity_id(self) -> str:
        return self.subject.user_id if isinstance(self.subject, User) else self.subject.app_id

    @property
    def as_creator(self) -> dict[str, str]:
        return {"user" if isinstance(self.subject, User) else "app": self.entity_id}

    @property
    def membership(self) -> Membership | None:
        return self.subject.memberships.get(self.account.acct_id) if isinstance(self.subject, User) else None

    @property
    def is_administrator(self) -> bool:
        if isinstance(self.subject, App):
            return self.subject.role == "admin"
        return bool(self.membership and ADMINISTRATOR in self.membership.flags)

    @property
    def is_auditor(self) -> bool:
        return bool(self.membership and AUDITOR in self.membership.flags)

    @property
    def sees_all_groups(self) -> bool:
        return self.is_administrator or self.is_auditor

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group id -> roles (users) or permissions (apps), explicit ones only."""
        if isinstance(self.subject, App):
            return self.subject.groups
        return self.membership.groups if self.membership else {}

    def may_read(self, group: Group) -> bool:
        return self.sees_all_groups or group.group_id in self.groups

    def administers(self, group: Group) -> bool:
        """Whether he may change the group: a crypto app never may, whatever its permissions in it are."""
        if self.is_administrator:
            return True
        return isinstance(self.subject, User) and "GROUPADMINISTRATOR" in self.groups.get(group.group_id, [])

    def visible(self, ids: Iterator[str]) -> Iterator[Group]:
        """The groups of these ids that he may read, in the given order."""
        every = self.sees_all_groups
        for group_id in ids:
            group = self.account.groups.get(group_id)
            if group and (every or group_id in self.groups):
                yield group


def readable_group(principal: Principal, group_id: str, profile: Profile) -> Group:
    """The group, or 404 when there is none, or the profile's refusal when it is not his to see."""
    group = principal.account.groups.get(group_id)
    if group is None:
        raise not_found("group does not exist")
    if not principal.may_read(group):
        if profile.hidden_group == 404:
            raise not_found("group does not exist")
        raise forbidden("The operation needs the permission GET_GROUP in this group")
    return group


def changeable_group(principal: Principal, group_id: str, permission: str, profile: Profile) -> Group:
    """The group, if the principal may do to it what the named group permission stands for."""
    group = readable_group(principal, group_id, profile)
    if not principal.administers(group):
        raise forbidden(f"The operation needs the permission {permission} in this group")
    return group


def scannable_group(principal: Principal, group_id: str, profile: Profile) -> Group:
    """The group, if the principal may scan it. The permissions of apps have no name for it (Q68)."""
    group = readable_group(principal, group_id, profile)
    is_crypto_app = isinstance(principal.subject, App) and principal.subject.role != "admin"
    if not (is_crypto_app and profile.crypto_app_scan == "allowed"):
        group = changeable_group(principal, group_id, "SCAN_EXTERNAL_SOBJECTS", profile)
    return group


def require_overview(principal: Principal, permission: str) -> None:
    """Reading what belongs to others: administrators and auditors."""
    if not (principal.is_administrator or principal.is_auditor):
        raise forbidden(f"The operation needs the account permission {permission}")


_ADMIN_APP_LIMITS = {
    "unlimited": (),
    "no_keys": ("GET_SOBJECTS",),
    "no_scan": ("GET_SOBJECTS", "SCAN_EXTERNAL_SOBJECTS"),
    "no_links": ("GET_SOBJECTS", "SCAN_EXTERNAL_SOBJECTS", "CHECK", "LIST_VAULTS"),
}


def require_usable(principal: Principal, deed: str, profile: Profile) -> None:
    """An administrative app may be kept from working over links and with keys (Q41)."""
    is_admin_app = isinstance(principal.subject, App) and principal.subject.role == "admin"
    if is_admin_app and deed in _ADMIN_APP_LIMITS[profile.admin_app]:
        raise forbidden(f"Administrative apps lack the permission for this operation: {deed}")


def require_account_permission(principal: Principal, permission: str) -> None:
    """Creating groups, and trying out links that belong to no group yet: administrators and account members."""
    may = principal.is_administrator or (isinstance(principal.subject, User) and not principal.is_auditor)
    if not may:
        raise forbidden(f"The operation needs the account permission {permission}")


def require_feature(account: Account, kind: str) -> None:
    """External links are licensed; the refusal's status is this simulator's choice (DSM contract §1.6)."""
    missing = sorted({"HMG", "AZUREBYOK"} - account.features) if account.features is not None else []
    if missing:
        raise forbidden(f"The account's subscription lacks {', '.join(missing)}, needed for a link of kind {kind}")
