# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Selects, finds and reads vaults and managed HSMs in Resource Manager (Azure contract §1.2, §1.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._errors import InvalidInput, TaskError
from ..._ids import is_uuid
from ..._names import checked_tags, has_tags, name_key, same_name, same_path
from ..._rest.replacement import Incomplete, check_id
from ..._rest.statuses import NOT_FOUND
from ..rights.facts import MANAGED_HSM, VAULT, Firewall, KeyStore, PolicyEntry
from ..wire.channel import Channel
from ..wire.cloud import Cloud, check_uri, is_hsm_uri
from ..wire.credential import Operator

# The oldest version that is not retired on 27 February 2027 (Azure contract §0.2).
API = {"api-version": "2026-02-01"}

_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.KeyVault/(?P<segment>vaults|managedHSMs)/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?!.*--)[a-z][a-z0-9-]{1,22}[a-z0-9]", re.IGNORECASE)
# Letters and digits of any script, underscores, hyphens, periods and parentheses; no period at the end.
_GROUP_NAME = re.compile(r"[\w.()-]{0,89}[\w()-]")
_SEGMENTS = {VAULT: "vaults", MANAGED_HSM: "managedHSMs"}
MODEL = "enableRbacAuthorization"
# Lists of network rules, and the member that identifies a rule.
_RULES = {"ipRules": "value", "virtualNetworkRules": "id"}


@dataclass(frozen=True)
class VaultAddress:
    """The address of a vault or managed HSM in Resource Manager."""

    subscription_id: str
    resource_group: str
    kind: str
    name: str

    @classmethod
    def parse(cls, resource_id: str) -> VaultAddress | None:
        found = _RESOURCE.fullmatch(resource_id.strip().rstrip("/"))
        if found is None:
            return None
        kind = VAULT if same_name(found["segment"], _SEGMENTS[VAULT]) else MANAGED_HSM
        return cls(found["subscription"], found["group"], kind, found["name"])

    @property
    def label(self) -> str:
        return f"{'managed HSM' if self.kind == MANAGED_HSM else 'vault'} {self.name}"

    @property
    def group_id(self) -> str:
        """Resource ID of its resource group."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"

    @property
    def resource_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.KeyVault/{_SEGMENTS[self.kind]}/{self.name}"

    def uri(self, cloud: Cloud) -> str:
        """The address that it has, or would have, in this cloud."""
        suffix = cloud.hsm_suffix if self.kind == MANAGED_HSM else cloud.vault_suffix
        return f"https://{name_key(self.name)}.{suffix}/"


def checked_name(option: str, name: str) -> str:
    """The name, if it is valid for a vault or managed HSM (`VaultNameNotValid`, Azure contract §1.2).

    Raises:
        InvalidInput: it is not valid.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            option,
            f'"{name}" is not a valid vault name',
            "use 3 to 24 letters, digits and single hyphens; start with a letter and do not end with a hyphen",
        )
    return name


def checked_group(option: str, name: str) -> str:
    """The name, if it is valid for a resource group (Azure contract §1.2).

    Raises:
        InvalidInput: it is not valid.
    """
    if not _GROUP_NAME.fullmatch(name):
        raise InvalidInput(
            option,
            f'"{name}" is not a valid name of a resource group',
            "use 1 to 90 letters, digits, underscores, hyphens, periods and parentheses; do not end with a period",
        )
    return name


@dataclass(frozen=True)
class Locator:
    """How the user selects the vault: by one of name, resource ID, URI or tags. ``type``: the requested type."""

    name: str | None = None
    resource_id: str | None = None
    uri: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    resource_group: str | None = None
    type: str | None = None
    planned: bool = False

    @classmethod
    def from_option(cls, option: Mapping[str, Any], cloud: Cloud) -> Locator:
        """From the validated ``vault`` option, with all checks that need no request.

        Raises:
            InvalidInput: it cannot be a vault, or not one of this cloud (T32), or the type contradicts it.
        """
        given = {name: value for name, value in option.items() if value is not None}
        if "tags" in given:
            if not given["tags"]:
                raise InvalidInput("vault.tags", "it is empty, so every vault would match", "set at least one tag")
            given["tags"] = checked_tags("vault.tags", given["tags"])
        if "resource_id" in given:
            given["resource_id"] = given["resource_id"].strip().rstrip("/")
        locator = cls(**given)
        if locator.resource_id is not None and VaultAddress.parse(locator.resource_id) is None:
            raise InvalidInput(
                "vault.resource_id",
                "it is not the resource ID of a vault or a managed HSM",
                "copy it from the properties of the vault or managed HSM: "
                "/subscriptions/<ID>/resourceGroups/<group>/providers/Microsoft.KeyVault/vaults/<name>, or the same "
                "with managedHSMs/<name>",
            )
        if locator.name is not None:
            checked_name("vault.name", locator.name)
        if locator.resource_group is not None:
            checked_group("vault.resource_group", locator.resource_group)
        if locator.uri is not None:
            check_uri("vault.uri", locator.uri, cloud)
        kind = locator.kind
        if locator.type is not None and kind is not None and (locator.type == MANAGED_HSM) != (kind == MANAGED_HSM):
            named = "a managed HSM" if kind == MANAGED_HSM else "a vault"
            problem = f"it is {locator.type}, but the selected object is {named}"
            raise InvalidInput("vault.type", problem, "correct vault.type or the selection of the vault")
        return locator

    @property
    def kind(self) -> str | None:
        """Vault or managed HSM, if the options determine it."""
        if self.resource_id is not None:
            place = VaultAddress.parse(self.resource_id)
            return place.kind if place else None
        if self.uri is not None:
            return MANAGED_HSM if is_hsm_uri(self.uri) else VAULT
        if self.type is not None:
            return MANAGED_HSM if self.type == MANAGED_HSM else VAULT
        return None

    def __str__(self) -> str:
        if self.tags:
            return "tags " + ", ".join(f"{name}={value}" for name, value in sorted(self.tags.items()))
        return self.name or self.resource_id or self.uri or ""

    def fits(self, listed: Mapping[str, Any]) -> bool:
        """Whether an entry of a list matches."""
        properties = listed.get("properties") or {}
        place = VaultAddress.parse(str(listed["id"]))
        group = None if place is None else place.resource_group
        if self.resource_group is not None and not same_name(group, self.resource_group):
            return False
        if self.name is not None:
            return same_name(listed["name"], self.name)
        if self.uri is not None:
            return same_path(properties.get("vaultUri") or properties.get("hsmUri"), self.uri)
        return has_tags(listed.get("tags") or {}, self.tags)


def find(arm: Channel, locator: Locator, operator: Operator) -> KeyStore:
    """The vault or managed HSM that the locator selects. A list is only used to find its resource ID.

    Lists may lag (Azure contract §1.2).

    Raises:
        TaskError: none or several match, or it cannot be read.
    """
    if locator.resource_id is not None:
        return read(arm, locator.resource_id)
    subscription_id = operator.subscription
    if locator.name is not None and locator.resource_group is not None:
        return read(arm, _resource_id(subscription_id, locator))
    listed: list[Mapping[str, Any]] = []
    for kind in (VAULT, MANAGED_HSM):
        # Most are vaults: managed HSMs are listed only if no vault matches, or if they are selected.
        if locator.kind in (None, kind) and not listed:
            listed = [entry for entry in list_all(arm, kind, subscription_id) if locator.fits(entry)]
    if len(listed) != 1:
        names = ", ".join(sorted(str(entry["id"]) for entry in listed))
        raise TaskError(
            f"several vaults match: {names}" if listed else "no vault that is visible to the operator matches",
            plane="Azure",
            obj=f"vault ({locator})",
            next_step="select one by its resource ID"
            if listed
            else f"check the name and the subscription ({subscription_id}), and that the operator can read the vault",
            status=None if listed else NOT_FOUND,
        )
    return read(arm, str(listed[0]["id"]))


def planned(locator: Locator, operator: Operator, *, rbac: bool) -> KeyStore:
    """The vault that an earlier task in check mode planned, derived from its resource ID.

    Raises:
        InvalidInput: it is not selected by its resource ID.
    """
    place = None if locator.resource_id is None else VaultAddress.parse(locator.resource_id)
    if place is None:
        raise InvalidInput("vault.planned", "a planned vault needs its resource ID", "set vault.resource_id")
    is_hsm, tenant = place.kind == MANAGED_HSM, operator.tenant_id or ""
    return KeyStore(
        resource_id=str(locator.resource_id),
        name=place.name,
        uri=place.uri(operator.cloud),
        kind=place.kind,
        # The operator's tenant may be set as a domain, or not at all.
        tenant_id=tenant if is_uuid(tenant) else "",
        location="",
        sku="" if is_hsm else locator.type or "",
        rbac=rbac or is_hsm,
        planned=True,
    )


def read(arm: Channel, resource_id: str) -> KeyStore:
    """The vault or managed HSM with this resource ID, by GET."""
    place, body = body_at(arm, resource_id)
    return store_of(place.kind, body)


def body_at(arm: Channel, resource_id: str) -> tuple[VaultAddress, dict[str, Any]]:
    """The body of the vault or managed HSM with this resource ID.

    A single answer without a permission model or access policies is not trusted: they decide who has access.

    Raises:
        AzureError: it does not exist, or cannot be read.
        Incomplete: the answer is not usable.
    """
    place = VaultAddress.parse(resource_id)
    if place is None:
        raise AssertionError(f"not a resource ID of Key Vault: {resource_id}")
    body = checked(place, arm.get(place.resource_id, obj=place.label, query=API))
    if MODEL in gaps(place.kind, body) or (place.kind == VAULT and not body["properties"].get("accessPolicies")):
        body = checked(place, arm.get(place.resource_id, obj=place.label, query=API))
    return place, body


def checked(place: VaultAddress, body: dict[str, Any]) -> dict[str, Any]:
    """The body, if it is about this vault and has what every vault has.

    Raises:
        Incomplete: it is about another one, or a member is missing or of another type.
    """
    check_id(body, place.resource_id, plane="Azure", obj=place.label)
    properties = body.get("properties")
    wrong = [] if isinstance(properties, Mapping) else ["properties"]
    facts: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
    if not same_name(body.get("name"), place.name):
        wrong.append("name")
    texts = {"location": body.get("location"), "properties.tenantId": facts.get("tenantId")}
    if place.kind == VAULT:
        sku = facts.get("sku")
        texts["properties.sku.name"] = sku.get("name") if isinstance(sku, Mapping) else None
        texts["properties.vaultUri"] = facts.get("vaultUri")
    wrong += [name for name, value in texts.items() if not isinstance(value, str) or not value]
    tags, rules = body.get("tags"), facts.get("networkAcls")
    if tags is not None and not (isinstance(tags, Mapping) and all(isinstance(one, str) for one in tags.values())):
        wrong.append("tags")
    if rules is not None and not isinstance(rules, Mapping):
        wrong.append("properties.networkAcls")
    elif rules is not None:
        wrong += [f"properties.networkAcls.{name}" for name, key in _RULES.items() if not _are_rules(rules, name, key)]
    if wrong:
        raise Incomplete(f"the response has no usable {', '.join(wrong)}", plane="Azure", obj=place.label)
    return body


def gaps(kind: str, body: Mapping[str, Any]) -> frozenset[str]:
    """Optional members that this answer lacks: absent, null or of another type.

    Code that reads such a gap as "none" or as the default needs a second answer with the same gaps.
    """
    properties = body["properties"]
    rules = properties.get("networkAcls")
    days = properties.get("softDeleteRetentionInDays")
    has = {
        "tags": body.get("tags") is not None,
        "networkAcls": rules is not None,
        "softDeleteRetentionInDays": isinstance(days, int) and not isinstance(days, bool) and days > 0,
        "enablePurgeProtection": isinstance(properties.get("enablePurgeProtection"), bool),
        "publicNetworkAccess": bool(properties.get("publicNetworkAccess")),
        "provisioningState": bool(properties.get("provisioningState")),
        **{name: bool((rules or {}).get(name)) for name in ("bypass", "defaultAction")},
        **{name: isinstance((rules or {}).get(name), list) for name in _RULES},
    }
    if kind == VAULT:
        has |= {
            MODEL: isinstance(properties.get(MODEL), bool),
            "accessPolicies": isinstance(properties.get("accessPolicies"), list),
        }
    else:
        domain = properties.get("securityDomainProperties")
        has |= {
            "hsmUri": bool(properties.get("hsmUri")),
            "activationStatus": isinstance(domain, Mapping) and bool(domain.get("activationStatus")),
        }
    return frozenset(name for name, is_there in has.items() if not is_there)


def _are_rules(rules: Mapping[str, Any], name: str, key: str) -> bool:
    listed = rules.get(name)
    return listed is None or (
        isinstance(listed, list)
        and all(isinstance(rule, Mapping) and isinstance(rule.get(key), str) and rule[key] for rule in listed)
    )


def store_of(kind: str, body: Mapping[str, Any]) -> KeyStore:
    """The vault or managed HSM that a body of Resource Manager describes."""
    return _pool(body) if kind == MANAGED_HSM else _vault(body)


def record(store: KeyStore) -> dict[str, Any]:
    """A vault or managed HSM as results show it."""
    return {
        "resource_id": store.resource_id,
        "name": store.name,
        "uri": store.uri,
        "type": "managed_hsm" if store.is_hsm else store.sku,
        "location": store.location,
        "tenant_id": store.tenant_id,
        "permission_model": "local_roles" if store.is_hsm else "rbac" if store.rbac else "access_policy",
        "soft_delete": store.soft_delete,
        "retention_days": store.retention_days,
        "purge_protection": store.purge_protection,
        "activation": store.activation,
        "planned": store.planned,
        "exists": not store.planned,
    }


def _resource_id(subscription_id: str, locator: Locator) -> str:
    kind = MANAGED_HSM if locator.kind == MANAGED_HSM else VAULT
    return VaultAddress(subscription_id, str(locator.resource_group), kind, str(locator.name)).resource_id


def list_all(arm: Channel, kind: str, subscription_id: str) -> Iterator[Mapping[str, Any]]:
    """The entries that Resource Manager lists of one kind in a subscription. Lists may lag (Azure contract §1.2)."""
    segment = "vaults" if kind == VAULT else "managedHSMs"
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/{segment}"
    return arm.pages(path, obj=f"{segment} of subscription {subscription_id}", query=API)


def _vault(body: Mapping[str, Any]) -> KeyStore:
    properties = body["properties"]
    rbac, policies = properties.get(MODEL) is True, properties.get("accessPolicies")
    if not rbac and not isinstance(policies, list):
        # They decide who has access to this vault: an answer without them does not mean that nobody has.
        obj = f"vault {body['name']}"
        raise Incomplete("the response has no list accessPolicies", plane="Azure", obj=obj)
    return KeyStore(
        **_common(body),
        uri=str(properties.get("vaultUri") or ""),
        kind=VAULT,
        sku=name_key(properties["sku"]["name"]),
        rbac=rbac,
        states_model=properties.get(MODEL) is not None,
        policies=tuple(_entry(entry) for entry in policies or []),
    )


def _pool(body: Mapping[str, Any]) -> KeyStore:
    properties = body["properties"]
    return KeyStore(
        **_common(body),
        uri=str(properties.get("hsmUri") or ""),
        kind=MANAGED_HSM,
        sku=name_key((body.get("sku") or {}).get("name")),
        rbac=True,
        activation=(properties.get("securityDomainProperties") or {}).get("activationStatus"),
    )


def _common(body: Mapping[str, Any]) -> dict[str, Any]:
    """What vaults and managed HSMs have in common."""
    properties = body["properties"]
    return {
        "resource_id": str(body["id"]),
        "name": str(body["name"]),
        "tenant_id": str(properties["tenantId"]),
        "location": str(body.get("location") or ""),
        # Missing means on: it can no longer be disabled (Azure contract §1.2).
        "soft_delete": properties.get("enableSoftDelete") is not False,
        "retention_days": properties.get("softDeleteRetentionInDays"),
        "purge_protection": properties.get("enablePurgeProtection") is True,
        "firewall": _firewall(properties),
        "provisioning": str(properties.get("provisioningState") or ""),
        "tags": dict(body.get("tags") or {}),
    }


def _entry(entry: Mapping[str, Any]) -> PolicyEntry:
    return PolicyEntry(
        tenant_id=str(entry["tenantId"]),
        object_id=str(entry["objectId"]),
        application_id=entry.get("applicationId"),
        keys=tuple(str(name) for name in (entry.get("permissions") or {}).get("keys") or []),
    )


def _firewall(properties: Mapping[str, Any]) -> Firewall:
    rules = properties.get("networkAcls") or {}
    access = str(properties.get("publicNetworkAccess") or "enabled").lower()
    return Firewall(
        # The third value is SecuredByPerimeter, where the perimeter's rules decide.
        public_access=access != "disabled",
        has_perimeter=access == "securedbyperimeter",
        default_allow=str(rules.get("defaultAction") or "Allow").lower() == "allow",
        ip_rules=tuple(str(rule["value"]) for rule in rules.get("ipRules") or []),
        subnet_rules=len(rules.get("virtualNetworkRules") or []),
        private_endpoints=len(properties.get("privateEndpointConnections") or []),
    )
