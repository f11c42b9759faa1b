# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The changes that bring a vault or a managed HSM to the desired state. Sends no requests.

Only options that the user set change anything. Changes that may interrupt access or cannot be undone must be listed in
`allow_disruptive`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._argspec import ArgumentSpec
from ..._errors import InvalidInput, TaskError
from ..._ids import checked_uuid
from ..._names import checked_tags, location_key, merged_tags, tag_keys
from ..rights.facts import MANAGED_HSM, VAULT, KeyStore

ACCESS_POLICY, RBAC = "access_policy", "rbac"
# What `allow_disruptive` may name.
GUARDED = ("permission_model", "purge_protection", "type", "default_action", "public_network_access")
# Days; the default of Azure (Azure contract §1.2).
RETENTION = 90
# The smallest managed HSM (Azure contract §1.6).
_HSM_SKU = {"family": "B", "name": "Standard_B1"}
_LOST_ADDRESSES = "these addresses are no longer allowed"

# The options of azure_kv_vault that describe a vault.
OPTIONS = ArgumentSpec(
    argument_spec={
        "name": {"type": "str", "required": True},
        "resource_group": {"type": "str", "required": True},
        "location": {"type": "str"},
        "type": {"type": "str", "choices": ["standard", "premium", "managed_hsm"]},
        "permission_model": {"type": "str", "choices": ["access_policy", "rbac"]},
        "purge_protection": {"type": "bool"},
        "retention_days": {"type": "int"},
        "public_network_access": {"type": "str", "choices": ["enabled", "disabled"]},
        "default_action": {"type": "str", "choices": ["allow", "deny"]},
        "ip_rules": {"type": "list", "elements": "str"},
        "tags": {"type": "dict"},
        "initial_admin_object_ids": {"type": "list", "elements": "str"},
    },
)

# Before and after.
Change = tuple[Any, Any]
# By the names of options.
Changes = dict[str, Change]


@dataclass(frozen=True)
class DesiredVault:
    """The options, validated. None: not set. ``type``: `standard`, `premium` or `managed_hsm`."""

    kind: str
    type: str | None = None
    location: str | None = None
    permission_model: str | None = None
    purge_protection: bool | None = None
    retention_days: int | None = None
    public_network_access: str | None = None
    default_action: str | None = None
    ip_rules: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    administrators: tuple[str, ...] = ()

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> DesiredVault:
        """From the options of the task, with all checks that need no request.

        Raises:
            InvalidInput: an option is wrong.
        """
        is_hsm = params["type"] == MANAGED_HSM
        if is_hsm and params["permission_model"] is not None:
            raise InvalidInput(
                "permission_model", "a managed HSM has local roles and no permission model", "omit permission_model"
            )
        if not is_hsm and params["initial_admin_object_ids"]:
            raise InvalidInput(
                "initial_admin_object_ids",
                "only a managed HSM has initial administrators",
                "omit initial_admin_object_ids, or set type: managed_hsm",
            )
        rules = params["ip_rules"]
        return cls(
            kind=MANAGED_HSM if is_hsm else VAULT,
            type=params["type"],
            location=params["location"],
            permission_model=params["permission_model"],
            purge_protection=params["purge_protection"],
            retention_days=params["retention_days"],
            public_network_access=params["public_network_access"],
            default_action=params["default_action"],
            ip_rules=None if rules is None else tuple(dict.fromkeys(_network(rule) for rule in rules)),
            tags=checked_tags("tags", params["tags"] or {}),
            administrators=tuple(
                checked_uuid("initial_admin_object_ids", one) for one in params["initial_admin_object_ids"] or ()
            ),
        )


def _network(text: str) -> str:
    """One spelling for each rule: Azure stores a single address with or without its `/32`."""
    try:
        return spelled(text)
    except ValueError:
        raise InvalidInput(
            "ip_rules", f'"{text}" is not an IPv4 address or CIDR block', "write it as 198.51.100.7 or 198.51.100.0/24"
        ) from None


def spelled(text: str) -> str:
    """An IPv4 address or CIDR block in the spelling in which rules are compared."""
    return str(ipaddress.IPv4Network(text.strip(), strict=False)).removesuffix("/32")


# Creation -----------------------------------------------------------------------------------------------------------


def refuse_incomplete(wanted: DesiredVault, *, accepts_cost: bool) -> None:
    """Fail if options for the creation are missing.

    Raises:
        InvalidInput: names the missing options.
    """
    needed = {"location": wanted.location}
    if wanted.kind == MANAGED_HSM:
        needed["initial_admin_object_ids"] = ",".join(wanted.administrators)
    else:
        needed |= {"type": wanted.type, "permission_model": wanted.permission_model}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise InvalidInput(
            ", ".join(missing),
            "the vault does not exist, and creating it needs this option",
            "set it, or check name, resource_group, subscription_id and type if the vault should exist",
        )
    if wanted.kind == MANAGED_HSM and not accepts_cost:
        raise InvalidInput(
            "i_accept_hourly_cost",
            "the managed HSM does not exist, and a new one is billed by the hour from its creation",
            "set i_accept_hourly_cost: true to create it",
        )


def creation(wanted: DesiredVault, tenant_id: str) -> dict[str, Any]:
    """The body that creates it. It always sets the permission model: its default has changed (Azure contract §1.4)."""
    properties: dict[str, Any] = {
        "tenantId": tenant_id,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": wanted.retention_days or RETENTION,
    }
    # True or absent: Azure refuses false (Azure contract §1.2).
    if wanted.purge_protection is not False:
        properties["enablePurgeProtection"] = True
    if wanted.public_network_access is not None:
        properties["publicNetworkAccess"] = wanted.public_network_access
    if wanted.default_action is not None or wanted.ip_rules is not None:
        properties["networkAcls"] = _network_rules({}, wanted)
    body = {"location": wanted.location, "tags": dict(wanted.tags), "properties": properties}
    if wanted.kind == MANAGED_HSM:
        properties["initialAdminObjectIds"] = list(wanted.administrators)
        return {**body, "sku": dict(_HSM_SKU)}
    properties |= {
        "sku": {"family": "A", "name": wanted.type},
        "accessPolicies": [],
        "enableRbacAuthorization": wanted.permission_model == RBAC,
    }
    return body


# Changes --------------------------------------------------------------------------------------------------------------


def settings(store: KeyStore) -> dict[str, Any]:
    """The current values of the options, by name."""
    rules = store.firewall
    access = "secured_by_perimeter" if rules.has_perimeter else "enabled" if rules.public_access else "disabled"
    shown: dict[str, Any] = {
        "type": MANAGED_HSM if store.is_hsm else store.sku,
        "location": store.location,
        "purge_protection": store.purge_protection,
        "retention_days": store.retention_days,
        "public_network_access": access,
        "default_action": "allow" if rules.default_allow else "deny",
        "ip_rules": sorted(spelled(rule) for rule in rules.ip_rules),
        "tags": dict(store.tags),
    }
    return shown if store.is_hsm else {**shown, "permission_model": RBAC if store.rbac else ACCESS_POLICY}


def same_settings(one: KeyStore, other: KeyStore) -> bool:
    """Whether both have the same settings. Azure may return another spelling of a location or of a tag's name."""
    compared = [
        {**settings(store), "location": location_key(store.location), "tags": tag_keys(store.tags)}
        for store in (one, other)
    ]
    return compared[0] == compared[1]


def changes(store: KeyStore, wanted: DesiredVault) -> Changes:
    """What differs from the options that the user set, by option.

    Raises:
        TaskError: a setting differs that cannot be changed.
    """
    now = settings(store)
    goal: dict[str, Any] = {
        "type": wanted.type,
        "permission_model": wanted.permission_model,
        "purge_protection": wanted.purge_protection,
        "retention_days": wanted.retention_days,
        "public_network_access": wanted.public_network_access,
        "default_action": wanted.default_action,
        "ip_rules": None if wanted.ip_rules is None else sorted(wanted.ip_rules),
        "tags": merged_tags(store.tags, wanted.tags),
    }
    found = {name: (now.get(name), value) for name, value in goal.items() if value not in (None, now.get(name))}
    fixed = {
        "retention_days": "the retention is fixed at creation",
        **({"purge_protection": "it cannot be disabled again"} if wanted.purge_protection is False else {}),
    }
    stuck = [f"{name}: it is {found[name][0]}, and {why}" for name, why in fixed.items() if name in found]
    if wanted.location is not None and location_key(wanted.location) != location_key(store.location):
        stuck.append(f"location: it is {store.location}, and a vault cannot be moved")
    if stuck:
        raise TaskError(
            f"the existing vault cannot be changed as requested ({'; '.join(stuck)})",
            plane="Azure",
            obj=f"vault {store.name}",
            next_step="omit these options, or create a vault with another name",
            unchanged=True,
        )
    return found


def patch(body: Mapping[str, Any], found: Collection[str], wanted: DesiredVault) -> dict[str, Any]:
    """The body of a PATCH for only these changes: never the access policies (Azure contract §1.3).

    ``body``: the current one. Azure replaces tags and network rules completely, so the entries to keep are sent again.
    """
    properties: dict[str, Any] = {}
    if "type" in found:
        properties["sku"] = {"family": "A", "name": wanted.type}
    if "permission_model" in found:
        properties["enableRbacAuthorization"] = wanted.permission_model == RBAC
    if "purge_protection" in found:
        properties["enablePurgeProtection"] = True
    if "public_network_access" in found:
        properties["publicNetworkAccess"] = wanted.public_network_access
    if {"default_action", "ip_rules"} & set(found):
        properties["networkAcls"] = _network_rules(body["properties"].get("networkAcls") or {}, wanted)
    sent: dict[str, Any] = {"properties": properties} if properties else {}
    if "tags" in found:
        sent["tags"] = merged_tags(body.get("tags") or {}, wanted.tags)
    return sent


def patched(body: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """The vault's body after the change."""
    properties = {**body["properties"], **sent.get("properties", {})}
    return {**body, **sent, "properties": properties}


def guarded(store: KeyStore, found: Mapping[str, Change]) -> dict[str, str]:
    """The changes that must be listed in `allow_disruptive`: name -> consequence."""
    texts: dict[str, str] = {}
    after = {name: change[1] for name, change in found.items()}
    if "permission_model" in after:
        texts["permission_model"] = (
            "access policies no longer apply, and only roles grant access to keys, secrets and certificates"
            if after["permission_model"] == RBAC
            else "roles no longer apply to keys, secrets and certificates, and the access policies that are stored in "
            "the vault take effect"
        )
    if "purge_protection" in after:
        texts["purge_protection"] = (
            "it cannot be disabled again, and deleted objects cannot be purged before their retention period expires"
        )
    if "type" in after:
        texts["type"] = (
            "premium has different prices"
            if after["type"] == "premium"
            else "a standard vault cannot create HSM-protected keys, and it is not known whether Azure accepts the "
            "change while the vault has such keys"
        )
    if "public_network_access" in after:
        texts["public_network_access"] = (
            "all clients without a private endpoint, including DSM, lose access to the keys"
            if after["public_network_access"] == "disabled"
            else "the keys are reachable from public addresses that the network rules allow"
        )
    denies = after.get("default_action", "allow" if store.firewall.default_allow else "deny") == "deny"
    if "default_action" in after:
        texts["default_action"] = (
            "all clients whose address no rule allows, possibly including DSM, lose access to the keys"
            if denies
            else "the keys are reachable from every address"
        )
    elif denies and "ip_rules" in found:
        gone = sorted(set(found["ip_rules"][0]) - set(found["ip_rules"][1]))
        if gone:
            texts["default_action"] = f"{_LOST_ADDRESSES}: {', '.join(gone)}"
    return texts


def refuse_disruptive(
    store: KeyStore, texts: Mapping[str, str], allowed: Collection[str], losers: Collection[Mapping[str, Any]] | None
) -> None:
    """Refuse disruptive changes that `allow_disruptive` does not list.

    Args:
        store: The current vault.
        texts: Of :func:`guarded`.
        allowed: The option `allow_disruptive`.
        losers: Who has permissions under the old permission model; None if that cannot be read.

    Raises:
        TaskError: names the consequences, and who is affected.
    """
    refused = {name: text for name, text in texts.items() if name not in allowed}
    if not refused:
        return
    problem = "; ".join(f"{name}: {text}" for name, text in refused.items())
    if "permission_model" in refused:
        problem += f". {who_loses(losers)}"
    # Fewer allowed addresses are guarded by the option that makes them matter, but set by another one.
    set_by = ["ip_rules" if text.startswith(_LOST_ADDRESSES) else name for name, text in refused.items()]
    raise TaskError(
        f"this change of the existing vault may interrupt access or cannot be undone ({problem})",
        plane="Azure",
        obj=f"vault {store.name}",
        next_step=f"omit {' and '.join(set_by)}, or allow it with allow_disruptive: [{', '.join(refused)}]",
        unchanged=True,
        disruptive=[{"option": name, "consequence": text} for name, text in refused.items()],
        loses_access=None if losers is None else list(losers),
    )


def who_loses(losers: Collection[Mapping[str, Any]] | None) -> str:
    """One sentence about them."""
    if losers is None:
        return "It cannot be read who would lose access"
    if not losers:
        return "No identity has permissions under the current model"
    alone = [
        f"{one['name']} ({one['object_id']})" if one["name"] else str(one["object_id"])
        for one in losers
        if not one["has_rights_in_new_model"]
    ]
    rest = len(losers) - len(alone)
    others = f"; {rest} more have permissions under both models, which may differ" if rest else ""
    return f"These identities would lose access: {', '.join(alone) or 'none'}{others}"


# Helpers --------------------------------------------------------------------------------------------------------------


def _network_rules(stored: Mapping[str, Any], wanted: DesiredVault) -> dict[str, Any]:
    action = wanted.default_action or str(stored.get("defaultAction") or "allow").lower()
    rules = dict(stored) or {"bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": []}
    rules["defaultAction"] = "Deny" if action == "deny" else "Allow"
    if wanted.ip_rules is not None:
        rules["ipRules"] = [{"value": rule} for rule in wanted.ip_rules]
    return rules
