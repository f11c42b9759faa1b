# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be observed of rights in Azure, as values: an application, a vault, a pool, and who gave what to whom."""

from __future__ import annotations

import importlib
import io
import json
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import requests
from azure.core.credentials import TokenCredential
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import ContentDecodePolicy, CustomHookPolicy, RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.keyvault import KeyVaultManagementClient

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization import role_assignments
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.evaluation import (
    RequiredRights,
    Verdict,
    judge,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    MANAGED_HSM,
    VAULT,
    Access,
    ApplicationIdentity,
    DenyAssignment,
    KeyStore,
    PermissionSet,
    PolicyEntry,
    RoleAssignment,
    RoleDefinition,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import Channel

HOME = "aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa"
ELSEWHERE = "bbbbbbbb-1111-4111-8111-bbbbbbbbbbbb"
APP = "cccccccc-1111-4111-8111-cccccccccccc"
REGISTRATION = "cccccccc-2222-4222-8222-cccccccccccc"
CLIENT = "cccccccc-3333-4333-8333-cccccccccccc"
GROUP = "dddddddd-1111-4111-8111-dddddddddddd"
STRANGER = "eeeeeeee-1111-4111-8111-eeeeeeeeeeee"
EVERYONE = "00000000-0000-0000-0000-000000000000"

SUBSCRIPTION = "/subscriptions/99999999-1111-4111-8111-999999999999"
RESOURCE_GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-keys"
VAULT_ID = f"{RESOURCE_GROUP}/providers/Microsoft.KeyVault/vaults/kv-one"
POOL_ID = f"{RESOURCE_GROUP}/providers/Microsoft.KeyVault/managedHSMs/hsm-one"
MANAGEMENT_GROUP = "/providers/Microsoft.Management/managementGroups/mg-corp"

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
LONG_AGO = NOW - timedelta(days=30)

TEN = ("get", "list", "update", "create", "import", "delete", "recover", "backup", "restore", "purge")
NINE = TEN[:-1]
KEYS = "Microsoft.KeyVault/vaults/keys"
TEN_ACTIONS = (
    f"{KEYS}/read",
    f"{KEYS}/update/action",
    f"{KEYS}/create/action",
    f"{KEYS}/import/action",
    f"{KEYS}/delete",
    f"{KEYS}/recover/action",
    f"{KEYS}/backup/action",
    f"{KEYS}/restore/action",
    f"{KEYS}/purge/action",
)
HSM_KEYS = "Microsoft.KeyVault/managedHsm/keys"


def role(guid: str, name: str, **permissions: tuple[str, ...]) -> RoleDefinition:
    return RoleDefinition(guid, name, (PermissionSet(**permissions),))


CONTRIBUTOR_OF_VAULTS = role(
    "f25e0fa2-a7c8-4377-a976-54943a77a395",
    "Key Vault Contributor",
    actions=("Microsoft.KeyVault/*", "Microsoft.Authorization/*/read", "Microsoft.Resources/deployments/*"),
    not_actions=(
        "Microsoft.KeyVault/locations/deletedVaults/purge/action",
        "Microsoft.KeyVault/hsmPools/*",
        "Microsoft.KeyVault/managedHsms/*",
    ),
)
OWNER = role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", actions=("*",))
CONTRIBUTOR = role(
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Contributor",
    actions=("*",),
    not_actions=("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"),
)
READER = role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", actions=("*/read",))
CONTRIBUTOR_OF_HSMS = role(
    "18500a29-7fe2-46b2-a342-b16a415e101d",
    "Managed HSM contributor",
    actions=("Microsoft.KeyVault/managedHSMs/*", "Microsoft.KeyVault/deletedManagedHsms/read"),
)
CRYPTO_OFFICER = role(
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
    "Key Vault Crypto Officer",
    data_actions=(f"{KEYS}/*", "Microsoft.KeyVault/vaults/keyrotationpolicies/*"),
)
ACCESS_ADMINISTRATOR = role(
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "User Access Administrator",
    actions=("*/read", "Microsoft.Authorization/*"),
)
# Custom roles with just what is needed.
EXACT_KEYS = role("12121212-1111-4111-8111-121212121212", "Exactly the ten", data_actions=TEN_ACTIONS)
EXACT_VAULT = role(
    "13131313-1111-4111-8111-131313131313",
    "Manager of vaults",
    actions=("Microsoft.KeyVault/vaults/*",),
)
ROLES = (
    CONTRIBUTOR_OF_VAULTS,
    OWNER,
    CONTRIBUTOR,
    READER,
    CONTRIBUTOR_OF_HSMS,
    CRYPTO_OFFICER,
    ACCESS_ADMINISTRATOR,
    EXACT_KEYS,
    EXACT_VAULT,
)

HSM_USER = role(
    "21dbd100-6940-42c2-9190-5d6cb909625b",
    "Managed HSM Crypto User",
    data_actions=(
        f"{HSM_KEYS}/read/action",
        f"{HSM_KEYS}/write/action",
        f"{HSM_KEYS}/create",
        f"{HSM_KEYS}/import/action",
        f"{HSM_KEYS}/delete",
        f"{HSM_KEYS}/backup/action",
        f"{HSM_KEYS}/restore/action",
        f"{HSM_KEYS}/encrypt/action",
    ),
)
HSM_OFFICER = role(
    "515eb02d-2335-4d2d-92f2-b1cbdf9c3778",
    "Managed HSM Crypto Officer",
    data_actions=(
        f"{HSM_KEYS}/deletedKeys/recover/action",
        f"{HSM_KEYS}/deletedKeys/delete",
        "Microsoft.KeyVault/managedHsm/roleAssignments/write/action",
        "Microsoft.KeyVault/managedHsm/roleDefinitions/write/action",
    ),
)
HSM_DELETED = role(
    "14141414-1111-4111-8111-141414141414",
    "Recover and purge",
    data_actions=(f"{HSM_KEYS}/deletedKeys/recover/action", f"{HSM_KEYS}/deletedKeys/delete"),
)
LOCAL_ROLES = (HSM_USER, HSM_OFFICER, HSM_DELETED)


def identity(**changes: Any) -> ApplicationIdentity:
    known = ApplicationIdentity(
        CLIENT, APP, application_object_id=REGISTRATION, home_tenant_id=HOME, groups=frozenset()
    )
    return replace(known, **changes)


def vault(*policies: PolicyEntry, rbac: bool = False, **changes: Any) -> KeyStore:
    store = KeyStore(VAULT_ID, "kv-one", "https://kv-one.vault.azure.net/", VAULT, HOME, "westeurope", "premium", rbac)
    return replace(store, policies=policies, **changes)


def pool(**changes: Any) -> KeyStore:
    uri = "https://hsm-one.managedhsm.azure.net/"
    store = KeyStore(POOL_ID, "hsm-one", uri, MANAGED_HSM, HOME, "westeurope", "standard_b1", True)
    return replace(store, **{"activation": "Active", **changes})


def policy(*keys: str, object_id: str = APP, tenant_id: str = HOME, application_id: str | None = None) -> PolicyEntry:
    return PolicyEntry(tenant_id, object_id, keys, application_id)


def assigned(definition: RoleDefinition, scope: str = VAULT_ID, **changes: Any) -> RoleAssignment:
    assignment = RoleAssignment(f"{scope}/roleAssignments/{definition.name}", scope, definition.guid, APP)
    return replace(assignment, **{"created": LONG_AGO, **changes})


def through(group: str, definition: RoleDefinition, scope: str = VAULT_ID, **changes: Any) -> RoleAssignment:
    return assigned(definition, scope, principal_id=group, principal_type="Group", **changes)


def local(definition: RoleDefinition, scope: str = "/keys", **changes: Any) -> RoleAssignment:
    return replace(RoleAssignment(definition.name, scope, definition.guid, APP), **changes)


def denying(action: str, *, data: bool = False, principals: tuple[str, ...] = (APP,), **changes: Any) -> DenyAssignment:
    permissions = PermissionSet(data_actions=(action,)) if data else PermissionSet(actions=(action,))
    deny = DenyAssignment("deny-one", "managed application", RESOURCE_GROUP, (permissions,), principals)
    return replace(deny, **changes)


def access(
    store: KeyStore, *assignments: RoleAssignment, roles: Iterable[RoleDefinition] = (), **changes: Any
) -> Access:
    """What was read; all the roles of this file are known, and more of them with ``roles``."""
    definitions = {one.guid: one for one in (*ROLES, *roles)}
    seen = Access(
        store=store,
        identity=identity(),
        now=NOW,
        assignments=assignments,
        roles=definitions,
        local_roles={one.guid: one for one in LOCAL_ROLES},
    )
    return replace(seen, **changes)


def verdict_on(seen: Access, requirement: str, wanted: RequiredRights | None = None) -> Verdict:
    """The one verdict on a requirement, by default under the guide's demands."""
    found = {one.requirement: one for one in judge(seen, wanted or RequiredRights.guide())}
    return found[requirement]


def verdicts_on_keys(seen: Access, wanted: RequiredRights | None = None) -> dict[str, str]:
    """Key permission -> verdict."""
    verdicts = judge(seen, wanted or RequiredRights.guide())
    return {
        one.requirement.removeprefix("keys/"): one.verdict for one in verdicts if one.requirement.startswith("keys/")
    }


# Each request for roles, at a scope.
ROLE_READS: tuple[Callable[[Channel, str], object], ...] = (
    lambda arm, scope: role_assignments.assignments(arm, scope, APP),
    lambda arm, scope: role_assignments.role(arm, scope, READER.guid),
    lambda arm, scope: role_assignments.activations(arm, scope, APP),
    lambda arm, scope: role_assignments.eligible(arm, scope, APP),
    role_assignments.denies,
)
ASSIGNMENT = {"role_definition_id": "/r", "principal_id": APP, "principal_type": "ServicePrincipal"}
ROLE_WRITES: tuple[Callable[[Channel, str], object], ...] = (
    lambda arm, scope: role_assignments.assign(arm, scope, APP, ASSIGNMENT, obj="assignment"),
    lambda arm, scope: role_assignments.unassign(arm, f"{scope}/{role_assignments.PROVIDER}/roleAssignments/{APP}"),
    lambda arm, scope: role_assignments.define(
        arm, scope, APP, {"role_name": "DSM", "description": "keys"}, PermissionSet(("a",), (), ("b",))
    ),
)


class _Wire(requests.adapters.BaseAdapter):
    """Answers by path instead of a service, and notes what it was asked.

    An answer that is an error is raised; one that is a function gets the request and makes the answer.
    """

    def __init__(self, answers: Mapping[str, Any], asked: list[str]) -> None:
        super().__init__()
        self.answers, self.asked = answers, asked

    def send(self, request: requests.PreparedRequest, *_more: Any, **_options: Any) -> requests.Response:
        path = urllib.parse.unquote(urllib.parse.urlsplit(request.url or "").path)
        self.asked.append(f"{request.method} {path}")
        answer = self.answers[path]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.request, response.url = request, request.url or ""
        response.status_code = 201 if request.method == "PUT" else 200
        response.headers["Content-Type"] = "application/json"
        response.raw = io.BytesIO(json.dumps({"value": answer} if isinstance(answer, list) else answer).encode())
        return response

    def close(self) -> None:
        """Nothing is open."""


def saying(answers: Mapping[str, Any], asked: list[str] | None = None) -> Channel:
    """A channel that gets these answers by path, a list as its only page; ``asked`` collects what it asks."""
    session, policies = requests.Session(), [CustomHookPolicy(), ContentDecodePolicy(), RetryPolicy()]
    session.mount("https://", _Wire(answers, [] if asked is None else asked))
    settings: dict[str, Any] = {
        "credential": cast(TokenCredential, "not used"),
        "subscription_id": "",
        "base_url": "https://service.example",
        "pipeline": Pipeline(RequestsTransport(session=session), policies),
    }
    return Channel(
        KeyVaultManagementClient(**settings),
        plane="Azure",
        base=settings["base_url"],
        authorization=lambda version: importlib.import_module(
            f"azure.mgmt.authorization.{version}"
        ).AuthorizationManagementClient(**settings),
    )
