# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Attributes that DSM has not passed on to the vault, or cannot: written there with the operator's login."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .._azure.keys import attribute_writes
from .._keys.attribute_changes import AttributeChanges, differs
from .._keys.desired_key import DesiredKey
from .._keys.key_decisions import Decision, SeenKey
from .._keys.key_requests import changed_in_azure
from .observed_key import ObservedKey
from .report import Report


def _certain(changes: AttributeChanges) -> tuple[str, ...]:
    """Those that DSM does not pass on in any case: it has them already as requested, or does not know them."""
    return tuple(name for name in changes.in_azure if name not in changes.in_dsm)


def plan(report: Report, values: Mapping[str, tuple[Any, Any]], names: Collection[str]) -> None:
    before = {name: values[name][0] for name in names}
    after = {name: values[name][1] for name in names}
    report.add("update", before, after, differs(names, "in the vault"), plane="Azure")


def predict(report: Report, desired: DesiredKey, decision: Decision) -> None:
    """Plan what follows in the vault, as far as it does not depend on what DSM passes on."""
    if report.approval is not None and report.approval.is_pending:
        return
    report.wrote = True
    if decision.action == "create":
        values: dict[str, Any] = {"tags": ({}, dict(desired.tags))} if desired.tags else {}
    else:
        values = {name: decision.changes.values[name] for name in _certain(decision.changes)}
    if values:
        plan(report, values, values)


def write(key: ObservedKey, desired: DesiredKey, seen: SeenKey, names: Collection[str]) -> None:
    """Set these attributes of the current version in the vault.

    Raises:
        AzureError: the operator has no permission, or the vault rejects it.
    """
    current = None if seen.key is None else seen.key.current
    if key.vault is None or current is None:
        raise AssertionError("what the vault lacks is known only if it was read")
    attribute_writes.update(
        key.vault, key.name, current.id, key.vault_label, **changed_in_azure(desired, names, current)
    )
