# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be broken on purpose, each as what somebody has done in Azure or DSM.

They concern the group of the file my-group.yml and its vault. What a user reads then is in
tests/integration/test_rehearsal.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..azure.rights.effective import GUIDE_PERMISSIONS
from ..azure.state import CloudState
from ..dsm.state import DsmState
from ..faults import Fault, Faults
from ..world import AzureView

GROUP, VAULT = "akv-production", "akv-sandbox-std"


class NotPossible(Exception):
    """A break for which something is missing; the text says what."""


@dataclass(frozen=True)
class Scene:
    """What a break can touch."""

    azure: CloudState
    dsm: DsmState
    faults: Faults
    view: AzureView

    @property
    def application(self) -> str:
        return self.view.client_id

    @property
    def resource_group(self) -> str:
        return self.azure.vault(VAULT).resource_id.rpartition("/providers/")[0]


@dataclass(frozen=True)
class Break:
    """``happened``: in the words of the one who did it. ``found_with``: the module that shows the cause."""

    happened: str
    found_with: str
    deed: Callable[[Scene], object]


def _remove_list(scene: Scene) -> None:
    left = [name for name in GUIDE_PERMISSIONS if name != "list"]
    scene.azure.set_access_policy(VAULT, scene.application, left)


def _revoke_role(scene: Scene) -> None:
    """What is gone already, by another break, is fine."""
    rights, vault = scene.azure.rights, scene.azure.vault(VAULT)
    mine = rights.identities(scene.azure.application(scene.application).service_principal_id)
    rights.revoke(
        [entry for entry in rights.assignments if entry.principal_id in mine and entry.scope == vault.resource_id]
    )


def _lock(scene: Scene) -> None:
    _revoke_role(scene)
    scene.azure.lock(scene.resource_group, "change-freeze", "ReadOnly")


def _deny_role_assignments(scene: Scene) -> None:
    _revoke_role(scene)
    assignments = "Microsoft.Authorization/roleAssignments"
    scene.azure.assign_policy(scene.resource_group, "No new role assignments", "deny", resource_type=assignments)


def _rename_group(scene: Scene) -> None:
    group = scene.dsm.find_group(GROUP)
    if group is None:
        raise NotPossible(f"There is no group {GROUP} in DSM. Set it up with my-group.yml first.")
    scene.dsm.default_account.groups.rename(group, f"{GROUP}-old")


def _throttle(scene: Scene) -> None:
    body = '{"error":{"code":"TooManyRequests","message":"The request was throttled."}}'
    busy = Fault(
        "vault", status=429, body=body, content_type="application/json", retry_after=10, times=None, origin="dsm"
    )
    scene.faults.add(busy)


def _change_keys(scene: Scene) -> None:
    """What is deleted already, by an earlier run of this break, stays so."""
    azure = scene.azure
    azure.rotate_key(VAULT, "app-signing")
    azure.disable_key(VAULT, "app-signing")
    if azure.store(VAULT).key("invoices") is not None:
        azure.delete_key(VAULT, "invoices")
    azure.add_key(VAULT, "unknown-owner", kty="EC")


BREAKS: Mapping[str, Break] = {
    "permission": Break(
        "the key permission `list` was removed from the access policy of the application",
        "cdc_connection",
        _remove_list,
    ),
    "role": Break(
        "the role assignment of the application at the vault was deleted",
        "cdc_connection",
        _revoke_role,
    ),
    "secret": Break(
        "the client secret of the application has expired",
        "cdc_connection",
        lambda scene: scene.azure.expire_secret(scene.application),
    ),
    "application": Break(
        "the service principal of the application was disabled",
        "cdc_connection",
        lambda scene: scene.azure.disable_service_principal(scene.application),
    ),
    "firewall": Break(
        "the firewall of the vault was closed for all addresses",
        "cdc_connection",
        lambda scene: scene.azure.set_firewall(VAULT, default_action="Deny", ip_rules=[]),
    ),
    "perimeter": Break(
        "the vault was put into a network security perimeter",
        "cdc_connection",
        lambda scene: scene.azure.set_firewall(VAULT, perimeter="Enforced"),
    ),
    "delete-vault": Break(
        "the vault was deleted; Azure keeps it as soft-deleted",
        "cdc_connection",
        lambda scene: scene.azure.delete_vault(VAULT),
    ),
    "lock": Break(
        "the resource group of the vault was locked as ReadOnly, and the role assignment of the application is missing",
        "azure_kv_prereqs",
        _lock,
    ),
    "policy": Break(
        "an Azure Policy denies role assignments in the resource group, and that of the application is missing",
        "azure_kv_prereqs",
        _deny_role_assignments,
    ),
    "rename": Break(
        "the group in DSM was renamed",
        "cdc_connection",
        _rename_group,
    ),
    "keys": Break(
        "a stranger has rotated a key and disabled the new version, deleted another key, and created a third one",
        "cdc_key_info",
        _change_keys,
    ),
    "throttle": Break(
        "the vault throttles DSM",
        "cdc_connection",
        _throttle,
    ),
}
