# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `accessPolicies/add`, `replace` and `remove` do to a vault's list (Azure contract §1.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..rights.values import AccessPolicy


def identity(entry: AccessPolicy) -> tuple[str, str, str]:
    """Whose entry it is. Ids compare without case."""
    return entry.tenant_id.lower(), entry.object_id.lower(), (entry.application_id or "").lower()


def _added(policies: list[AccessPolicy], given: AccessPolicy) -> list[AccessPolicy]:
    """The given permissions united with the first stored entry of the identity."""
    for index, stored in enumerate(policies):
        if identity(stored) == identity(given):
            return [*policies[:index], _merged(stored, given, _union), *policies[index + 1 :]]
    return [*policies, given]


def _replaced(policies: list[AccessPolicy], given: AccessPolicy) -> list[AccessPolicy]:
    return [*(entry for entry in policies if identity(entry) != identity(given)), given]


def _removed(policies: list[AccessPolicy], given: AccessPolicy) -> list[AccessPolicy]:
    """The given permissions taken from the identity; an entry that holds none any more is gone."""
    left = [_merged(entry, given, _difference) if identity(entry) == identity(given) else entry for entry in policies]
    return [entry for entry in left if identity(entry) != identity(given) or _holds_any(entry)]


def _merged(
    entry: AccessPolicy, given: AccessPolicy, merge: Callable[[list[str], list[str]], list[str]]
) -> AccessPolicy:
    return replace(
        entry,
        key_permissions=merge(entry.key_permissions, given.key_permissions),
        secret_permissions=merge(entry.secret_permissions, given.secret_permissions),
        certificate_permissions=merge(entry.certificate_permissions, given.certificate_permissions),
        storage_permissions=merge(entry.storage_permissions, given.storage_permissions),
    )


def _holds_any(entry: AccessPolicy) -> bool:
    return bool(
        entry.key_permissions or entry.secret_permissions or entry.certificate_permissions or entry.storage_permissions
    )


def _union(stored: list[str], given: list[str]) -> list[str]:
    """Permission names compare without case; what is stored keeps its spelling and its place."""
    united: dict[str, str] = {}
    for name in (*stored, *given):
        united.setdefault(name.lower(), name)
    return list(united.values())


def _difference(stored: list[str], given: list[str]) -> list[str]:
    gone = {name.lower() for name in given}
    return [name for name in stored if name.lower() not in gone]


OPERATIONS: dict[str, Callable[[list[AccessPolicy], AccessPolicy], list[AccessPolicy]]] = {
    "add": _added,
    "replace": _replaced,
    "remove": _removed,
}
