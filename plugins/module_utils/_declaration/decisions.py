# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Decisions between the steps of a setup, based on the results of earlier steps. No I/O.

The role cdc_setup has a task for each step; the module cdc_groups runs them all.

A result is what a module returned. The result of a skipped task has only ``changed``, and no return values of the
module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._errors import printable
from .._texts.plain import bare
from .applications import SELECTORS

Result = Mapping[str, Any]


def application_selector(application: Mapping[str, Any]) -> dict[str, Any]:
    """The option that identifies the application: client ID, else unique name, else display name."""
    for by in SELECTORS:
        if application.get(by):
            return {by: application[by]}
    return {}


def chosen_vault(
    made: Result, azure_vault: Mapping[str, Any], vault: Mapping[str, Any], by: str, *, planned: bool = False
) -> dict[str, Any]:
    """The vault for a later task, or empty.

    Args:
        made: Of the module azure_kv_vault.
        azure_vault: The declared vault that the role creates.
        vault: The declared vault that already exists.
        by: ``uri`` for DSM, ``resource_id`` for Azure.
        planned: Whether the vault counts as only planned, whatever its result.
    """
    found = _chosen_vault(made, azure_vault, vault, by)
    return {**found, "planned": True} if found and planned else found


def _chosen_vault(made: Result, azure_vault: Mapping[str, Any], vault: Mapping[str, Any], by: str) -> dict[str, Any]:
    record = made.get("vault")
    if record:
        return {by: record[by], "type": record["type"], "planned": record["planned"]}
    if azure_vault.get("name"):
        # Its task may have been skipped by tags; then the vault is found by its name.
        return {"name": azure_vault["name"]}
    # DSM knows no resource groups.
    return {name: bare(value) for name, value in vault.items() if by == "resource_id" or name != "resource_group"}


def groups_in_approval(credential: Result) -> list[str]:
    """The names of groups whose creation is pending approval. ``credential``: result of the module cdc_credential."""
    groups = credential.get("new_groups") or []
    return [str(group["name"]) for group in groups if not group["exists"] and not group["planned"]]


def sync_conditions(results: Mapping[str, Result], sync: str) -> dict[str, bool]:
    """``sync``: whether to sync at all; ``only_when_empty``: whether to sync only a group without keys."""
    wanted = (
        sync != "never"
        and not results["group"]["pending"]
        and results["connection"].get("status") != "not_connected"
        and _record(results)["link"]["vault"]["uri"] is not None
    )
    return {"sync": wanted, "only_when_empty": sync == "on_change" and not _changed(results, "group", "tls", "vault")}


SUMMARY = ("name", "group_id", "status", "pending", "vault", "key_count", "changed", "planned")


def summary(results: Mapping[str, Result]) -> dict[str, Any]:
    """What was done for one group, with the members of :data:`SUMMARY`.

    Args:
        results: of the tasks of the group by name; ``shared``: whether its application, vault or permissions changed.
    """
    record, sync = _record(results), results.get("sync") or {}
    pending = results["group"]["pending"]
    return {
        "name": record["name"],
        "group_id": record["group_id"],
        "status": "pending approval" if pending else results["connection"]["status"],
        "pending": pending or bool(sync.get("pending")),
        "vault": record["link"]["vault"]["name"],
        # In check mode, the module returns this where it cannot predict the sync.
        "key_count": "unknown" if sync.get("prediction", "unknown") == "unknown" else sync["key_count"],
        "changed": _changed(results, "shared", "credential", "group", "tls", "vault", "sync"),
        "planned": record["planned"],
    }


def line(found: Mapping[str, Any]) -> str:
    """A summary in one line."""
    done = "planned" if found["planned"] else "changed" if found["changed"] else "unchanged"
    vault = found["vault"] or "not selected"
    return printable(f"{found['name']}: {found['status']}, vault {vault}, keys {found['key_count']}, {done}")


def _record(results: Mapping[str, Result]) -> Mapping[str, Any]:
    """The group as returned by the last task that wrote it."""
    record: Mapping[str, Any] = (results.get("vault") or {}).get("group") or results["group"]["group"]
    return record


def _changed(results: Mapping[str, Result], *names: str) -> bool:
    return any((results.get(name) or {}).get("changed") for name in names)
