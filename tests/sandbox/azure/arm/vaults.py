# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes of vaults in Resource Manager, and of their access policies (Azure contract §1.2, §1.3, §1.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..entra.tokens import Caller
from ..firewall import Firewall
from ..rights.admin import Subscription
from ..rights.governance import VAULTS
from ..rights.values import AccessPolicy
from ..service import AzureError, Service
from ..vaults import Vault
from .governance import obeying_policy, refuse_locked
from .plane import (
    ArmPlane,
    bad_request,
    is_guid,
    location_name,
    not_found,
    object_body,
    tags_of,
)
from .policy_edits import OPERATIONS, identity
from .resources.versions import RBAC_DEFAULT_VERSION
from .shapes import firewall_of, policies_of, policy_json, vault_json

VAULT_WRITE = "Microsoft.KeyVault/vaults/write"
POLICY_WRITE = "Microsoft.KeyVault/vaults/accessPolicies/write"
VAULT_DELETE = "Microsoft.KeyVault/vaults/delete"
VAULT_NAME = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"


def add_vault_routes(app: web.Application, service: Service) -> None:
    writes = VaultWrites(service)
    app.router.add_put(_VAULT, writes.put)
    app.router.add_patch(_VAULT, writes.patch)
    app.router.add_delete(_VAULT, writes.delete)
    app.router.add_put(_VAULT + "/accessPolicies/{operation}", writes.access_policies)


@dataclass(frozen=True)
class _Place:
    """Where a request wants to write, and what is there."""

    caller: Caller
    subscription: Subscription
    group: str
    name: str
    scope: str
    vault: Vault | None

    @property
    def found(self) -> Vault:
        if self.vault is None:
            raise not_found("vaults", self.name, self.group)
        return self.vault


class VaultWrites(ArmPlane):
    async def put(self, request: web.Request) -> web.Response:
        place = self._place(request, VAULT_WRITE)
        body = self._obeying_policy(place, await object_body(request), request.query["api-version"])
        if not VAULT_NAME.fullmatch(place.name):
            raise bad_request(f"The vault name '{place.name}' is invalid.", "VaultNameNotValid")
        properties = body.get("properties", {})
        if properties.get("createMode") == "recover":
            return self._shown(self._recovered(place), 200)
        if place.vault is None:
            return self._shown(self._created(place, body, request.query["api-version"]), 201)
        vault = place.vault
        if location_name(body.get("location")) != location_name(vault.location):
            message = f"The resource '{vault.name}' already exists in location '{vault.location}'."
            raise AzureError(409, "InvalidResourceLocation", message)
        sku = _sku(properties, required=True)
        rbac = self._model(place.caller, vault, properties)
        policies = _replacing_policies(properties, rbac)
        self._state.remember_vault(vault)
        self._update(vault, properties, sku, rbac, Firewall(private_endpoints=vault.firewall.private_endpoints))
        self._rights.set_policies(vault, policies)
        vault.tags = tags_of(body)
        return self._shown(vault, 200)

    async def patch(self, request: web.Request) -> web.Response:
        place = self._place(request, VAULT_WRITE)
        body = await object_body(request)
        vault = place.found
        body = obeying_policy(self._state.policy_assignments, VAULTS, place.scope, body, _stored(vault))
        properties = body.get("properties", {})
        sku = _sku(properties, required=False)
        rbac = self._model(place.caller, vault, properties)
        policies = policies_of(properties) if properties.get("accessPolicies") is not None else None
        self._state.remember_vault(vault)
        self._update(vault, properties, sku, rbac, vault.firewall)
        if policies is not None:
            self._rights.set_policies(vault, policies)
        if body.get("tags") is not None:
            vault.tags = tags_of(body)
        return self._shown(vault, 200)

    async def delete(self, request: web.Request) -> web.Response:
        place = self._place(request, VAULT_DELETE)
        if place.vault is None:
            return web.Response(status=204)
        self._state.delete_vault(place.vault)
        return web.Response(status=200)

    async def access_policies(self, request: web.Request) -> web.Response:
        place = self._place(request, POLICY_WRITE, VAULT_WRITE)
        vault, operation = place.found, request.match_info["operation"].lower()
        if operation not in OPERATIONS:
            raise bad_request(f"The access policy operation '{operation}' is not valid.")
        given = policies_of((await object_body(request)).get("properties", {}))
        if self._state.fresh.is_unknown("policy_vault", vault.resource_id):
            raise not_found("vaults", place.name, place.group)
        if any(self._state.fresh.is_unknown("policy", entry.object_id) for entry in given):
            raise bad_request("An invalid value was provided for 'accessPolicies'.")
        policies = list(vault.access_policies)
        for entry in given:
            policies = OPERATIONS[operation](policies, entry)
        known = {identity(entry) for entry in vault.access_policies}
        self._rights.set_policies(vault, policies)
        answer = {
            "id": f"{vault.resource_id}/accessPolicies/",
            "type": "Microsoft.KeyVault/vaults/accessPolicies",
            "location": vault.location,
            "properties": {"accessPolicies": [policy_json(entry) for entry in policies]},
        }
        return json_response(answer, 200 if {identity(entry) for entry in policies} <= known else 201)

    # Helpers -------------------------------------------------------------------------------------------------------

    def _place(self, request: web.Request, action: str, *alternatives: str) -> _Place:
        """The caller may do it, the provider is registered, the resource group exists."""
        caller = self._caller(request)
        names = request.match_info
        subscription = self._subscription(names["subscription"], caller)
        scope = (
            f"{subscription.scope}/resourceGroups/{names['group']}/providers/Microsoft.KeyVault/vaults/{names['name']}"
        )
        self._require(caller, action, scope, *alternatives)
        refuse_locked(self._state.locks, scope, deletes=action == VAULT_DELETE)
        self._require_provider(subscription)
        group = self._require_group(subscription, names["group"])
        vault = self._state.vaults.get(names["name"].lower())
        here = vault is not None and vault.resource_id.lower() == scope.lower()
        return _Place(caller, subscription, group, names["name"], scope, vault if here else None)

    def _obeying_policy(self, place: _Place, body: dict[str, Any], version: str) -> dict[str, Any]:
        """The body of a PUT; a request that is silent about the permission model is judged by the model it gets."""
        if body.get("properties", {}).get("createMode") == "recover":
            return body
        rbac = place.vault.rbac if place.vault is not None else version[:10] >= RBAC_DEFAULT_VERSION
        silent = {"properties": {"enableRbacAuthorization": bool(rbac)}}
        return obeying_policy(self._state.policy_assignments, VAULTS, place.scope, body, silent)

    def _created(self, place: _Place, body: dict[str, Any], version: str) -> Vault:
        properties = body.get("properties", {})
        gone = self._state.deleted_vault(place.name)
        if place.name.lower() in self._state.vaults or gone is not None:
            own = gone is not None and gone.vault.subscription_id == place.subscription.subscription_id
            raise name_taken(place.name, own and self._service.profile.deleted_name == "conflict_error", "vault")
        if not body.get("location"):
            raise bad_request("The location property is required for this definition.", "LocationRequired")
        if str(properties.get("tenantId", "")).lower() != place.subscription.tenant_id:
            raise bad_request("The tenant of a vault must be the tenant of its subscription.")
        rbac = properties.get("enableRbacAuthorization")
        if rbac is None and version[:10] >= RBAC_DEFAULT_VERSION:
            rbac = True
        sku = _sku(properties, required=True)
        policies = _replacing_policies(properties, rbac)
        refuse_flags(properties)
        days, firewall = retention_of(properties), firewall_of(properties, Firewall())
        vault = self._state.add_vault(
            place.name,
            sku,
            place.group,
            location_name(body["location"]),
            place.subscription.subscription_id,
            rbac,
            tags_of(body),
        )
        vault.access_policies = policies
        vault.retention_days = days or vault.retention_days
        vault.purge_protection = bool(properties.get("enablePurgeProtection"))
        vault.firewall = firewall
        vault.reads_until_ready = self._state.provisioning_reads
        return vault

    def _recovered(self, place: _Place) -> Vault:
        gone = self._state.deleted_vault(place.name)
        if gone is None or gone.vault.resource_id.lower() != place.scope.lower():
            raise not_found("vaults", place.name, place.group)
        return self._state.recover_vault(place.name)

    def _model(self, caller: Caller, vault: Vault, properties: dict[str, Any]) -> bool | None:
        """The permission model after a write. Its change needs a right beyond the vault's own."""
        wanted = properties.get("enableRbacAuthorization")
        if wanted is None or bool(wanted) == bool(vault.rbac):
            return vault.rbac
        if not self._rights.may_assign(caller.object_id, None, vault.resource_id):
            raise AzureError(
                403,
                "InsufficientPermissions",
                "Caller is not allowed to change permission model. Caller must have 'Microsoft.Authorization/"
                f"roleAssignments/write' without restrictions at the scope '{vault.resource_id}'.",
            )
        return bool(wanted)

    @staticmethod
    def _update(vault: Vault, properties: dict[str, Any], sku: str, rbac: bool | None, base: Firewall) -> None:
        """Write what is common to replacing and merging."""
        refuse_flags(properties)
        days = retention_of(properties)
        if days not in (None, vault.retention_days):
            raise bad_request("The property 'softDeleteRetentionInDays' has been set already and it can't be modified.")
        vault.firewall = firewall_of(properties, base)
        vault.sku, vault.rbac = sku or vault.sku, rbac
        vault.purge_protection = vault.purge_protection or bool(properties.get("enablePurgeProtection"))

    @staticmethod
    def _shown(vault: Vault, status: int) -> web.Response:
        return json_response(vault_json(vault, vault.access_policies), status)


def _stored(vault: Vault) -> dict[str, Any]:
    """The vault as Azure Policy sees it. A model that was never stated is the one that decides: access policies."""
    shown = vault_json(vault, vault.access_policies)
    return {**shown, "properties": {**shown["properties"], "enableRbacAuthorization": bool(vault.rbac)}}


def name_taken(name: str, is_conflict: bool, what: str) -> AzureError:
    """A name that is taken. ``is_conflict``: by a soft-deleted one of the caller's subscription, which Azure names."""
    if is_conflict:
        existing = "key vault" if what == "vault" else what
        message = (
            f"A {what} with the same name already exists in deleted state. You need to either recover or purge "
            f"existing {existing}. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more "
            "information on soft delete."
        )
        return AzureError(409, "ConflictError", message)
    message = (
        f"The vault name '{name}' is already in use. Vault names are globaly unique so it is possible that the name is "
        "already taken. If you are sure that the vault name was not taken then it is possible that a vault with the "
        "same name was recently deleted but not purged after being placed in a recoverable state."
    )
    return AzureError(409, "VaultAlreadyExists", message)


def refuse_flags(properties: dict[str, Any]) -> None:
    for name in ("enableSoftDelete", "enablePurgeProtection"):
        if properties.get(name) is False:
            raise bad_request(f"The property '{name}' cannot be set to false.")
    if properties.get("enableRbacAuthorization") not in (None, True, False):
        raise bad_request("The property 'enableRbacAuthorization' must be true or false.")


def retention_of(properties: dict[str, Any]) -> int | None:
    days = properties.get("softDeleteRetentionInDays")
    if days is not None and not (isinstance(days, int) and 7 <= days <= 90):
        raise bad_request("The property 'softDeleteRetentionInDays' must be between 7 and 90.")
    return days


def _sku(properties: dict[str, Any], required: bool) -> str:
    """`standard` or `premium`, in lower case; empty where it is not given and need not be."""
    sku = properties.get("sku")
    if sku is None and not required:
        return ""
    name = str(sku.get("name", "")).lower() if isinstance(sku, dict) else ""
    if name not in ("standard", "premium") or (required and not is_guid(properties.get("tenantId"))):
        raise bad_request("The parameters sku and tenantId are required, and sku.name is standard or premium.")
    return name


def _replacing_policies(properties: dict[str, Any], rbac: bool | None) -> list[AccessPolicy]:
    """The complete list of a PUT. Only a vault that does not use it may leave it out, and loses it by that."""
    if rbac and properties.get("accessPolicies") is None:
        return []
    return policies_of(properties)
