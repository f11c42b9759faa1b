# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that `make demo-compliance` checks: groups, each with its own vault, and later changes to them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox import Sandbox, State
from sandbox.authorities import self_signed
from sandbox.azure.firewall import Firewall

# The permissions of the profile least_privilege at a vault, in addition to the role that lists the vault.
PERMISSIONS = ("get", "list", "update", "create", "import", "delete", "recover", "backup", "restore")
# Group -> keys of its vault. The first two groups are not changed.
KEYS = {
    "akv-ledger": ("signing", "archive"),
    "akv-payments": ("payments", "refunds"),
    "akv-archive": (),
    "akv-audit": (),
    "akv-backup": ("nightly", "weekly"),
    "akv-billing": (),
    "akv-exports": ("partners",),
    "akv-orders": (),
    "akv-partner": (),
    "akv-proxy": (),
    "akv-renamed": (),
    "akv-reports": (),
    "akv-acquired": (),
    "akv-legacy": (),
    "akv-forgotten": (),
}
# A change of an application affects all of its groups. These two groups have their own application.
OWN_APPLICATION = ("akv-legacy", "akv-forgotten")
# In the subscription of an acquired company.
ACQUIRED = "akv-acquired"
# Everyone who can name a group can write this, and people read the report in a browser or at a terminal.
HOSTILE = 'akv-<img src=x onerror=alert(1)> | [x](http://a.example) "& {{ 6*7 }} \x1b[31m'
# The declarations of the inventory differ.
DIFFERS, RIGHTS_DIFFER = "group-differs-from-declared", "rights-differ-from-declared"
_LONG_AGO = 30 * 86400.0


@dataclass(frozen=True)
class Seed:
    """A change, and the IDs of all findings that a run must report for the group afterwards.

    ``called``: the new name of the group, if the change is a new name. ``missed``: the IDs of the findings that a run
    must then report for the name in the inventory.
    """

    group: str
    title: str
    change: Callable[[State], None]
    findings: tuple[str, ...]
    called: str | None = None
    missed: tuple[str, ...] = ()


def build(sandbox: Sandbox) -> dict[str, Any]:
    """Create vaults, their keys, and applications with the required permissions. Returns the variables of the setup."""
    world = sandbox.world.public
    let_in = Firewall(default_action="Deny", ip_rules=[sandbox.dsm_egress_address, sandbox.client_address])

    def create(state: State) -> dict[str, Any]:
        azure = state.azure.public
        acquired = azure.add_subscription(world.tenant_id)
        azure.assign_role(world.operator_client_id, acquired.scope, "Owner")
        groups: dict[str, list[dict[str, Any]]] = {}
        for name, keys in KEYS.items():
            client_id = world.client_id
            if name in OWN_APPLICATION:
                application = azure.add_application(world.tenant_id, f"fortanix-dsm-{name}")
                azure.wish_access(application, azure.cloud.key_vault_app_id, azure.cloud.user_impersonation_id)
                client_id = application.client_id
            subscription = acquired.subscription_id if name == ACQUIRED else world.subscription_id
            vault = azure.add_vault(name, "premium", subscription_id=subscription)
            vault.purge_protection, vault.firewall = True, replace(let_in)
            azure.assign_role(client_id, vault, "Reader")
            azure.set_access_policy(vault, client_id, PERMISSIONS)
            azure.set_access_policy(vault, world.operator_client_id, ["list"])
            for key in keys:
                azure.add_key(vault, key, kty="RSA-HSM")
            link = {"link_tenant_id": world.tenant_id, "link_subscription_id": subscription}
            groups.setdefault(client_id, []).append({"name": name, **link, "vault": {"name": name}})
        # A role assignment that is minutes old is a finding.
        assignments = azure.rights.assignments
        azure.rights.assignments = [replace(entry, created=entry.created - _LONG_AGO) for entry in assignments]
        return {
            "demo_applications": [{"client_id": client_id, "groups": own} for client_id, own in groups.items()],
            "demo_with_keys": [name for name, keys in KEYS.items() if keys],
        }

    return sandbox.do(create)


def inventory(sandbox: Sandbox) -> dict[str, Any]:
    """The declarations of the hosts of an inventory: each host declares the group with its name."""

    def declared(state: State, name: str) -> dict[str, Any]:
        link = _link(state, name)
        return {
            "cdc_setup_name": name,
            **{f"cdc_setup_link_{field}": link[field] for field in ("tenant_id", "client_id", "subscription_id")},
            "cdc_setup_tls": {"validate_host": True, "ca_certificates": []},
            "cdc_setup_vault": {"name": name, "type": "premium"},
            "cdc_setup_rights_profile": "least_privilege",
        }

    return {"cdc": {"hosts": sandbox.do(lambda state: {name: declared(state, name) for name in KEYS})}}


def seeds(sandbox: Sandbox) -> tuple[Seed, ...]:
    """Changes on all three planes, each by somebody who has the permission for it."""
    operator = sandbox.world.public.operator_client_id
    global_roots = sandbox.authorities.global_roots_pem()

    def revoke_permissions(state: State) -> None:
        client_id = _link(state, "akv-archive")["client_id"]
        state.azure.public.set_access_policy("akv-archive", client_id, ["list"])

    def open_to_all_networks(state: State) -> None:
        state.azure.public.set_firewall("akv-audit", default_action="Allow")

    def delete_key(state: State) -> None:
        state.azure.public.delete_key("akv-backup", "weekly")

    def create_key(state: State) -> None:
        state.azure.public.add_key("akv-billing", "invoices", kty="RSA-HSM")

    def disable_key(state: State) -> None:
        state.azure.public.vault("akv-exports").keys["partners"].current.enabled = False

    def drop_purge_protection(state: State) -> None:
        state.azure.public.vault("akv-orders").purge_protection = False

    def disable_host_validation(state: State) -> None:
        _link(state, "akv-partner")["tls"]["validate_hostname"] = False

    def pin_ca_that_expires(state: State) -> None:
        pinned = [_stored(global_roots), _stored(self_signed("Proxy of the branch", days=20).certificate_pem)]
        _link(state, "akv-proxy")["tls"]["ca"] = {"pinned": pinned}

    def rename(state: State) -> None:
        groups = state.dsm.default_account.groups
        group = groups.named("akv-renamed")
        assert group is not None
        groups.remove(group)
        group.name = HOSTILE
        groups.add(group)

    def choose_wrong_type(state: State) -> None:
        _link(state, "akv-reports")["key_vault_type"] = "STANDARD"

    def revoke_operator_access(state: State) -> None:
        subscription = state.azure.public.vault(ACQUIRED).subscription_id
        state.azure.public.revoke_role(operator, f"/subscriptions/{subscription}", "Owner")

    def disable_application(state: State) -> None:
        state.azure.public.disable_service_principal(_link(state, "akv-legacy")["client_id"])

    def expire_credential(state: State) -> None:
        state.azure.public.expire_secret(_link(state, "akv-forgotten")["client_id"])

    return (
        Seed("akv-archive", "Azure: key permissions revoked", revoke_permissions, ("right-missing", RIGHTS_DIFFER)),
        Seed("akv-audit", "Azure: network rules removed", open_to_all_networks, ("vault-open-to-all-networks",)),
        Seed("akv-backup", "Azure: key deleted", delete_key, ("key-soft-deleted",)),
        Seed("akv-billing", "Azure: key created outside DSM", create_key, ("keys-only-in-azure",)),
        Seed("akv-exports", "Azure: key disabled", disable_key, ("keys-enabled-differs",)),
        Seed("akv-orders", "Azure: no purge protection", drop_purge_protection, ("no-purge-protection",)),
        Seed("akv-partner", "DSM: host validation off", disable_host_validation, ("host-validation-off", DIFFERS)),
        Seed("akv-proxy", "DSM: pinned CA expires soon", pin_ca_that_expires, ("pinned-ca-expires-soon", DIFFERS)),
        Seed(
            "akv-renamed",
            "DSM: renamed to a hostile name",
            rename,
            ("group-not-declared",),
            called=HOSTILE,
            missed=("declared-group-missing", "group-not-found"),
        ),
        Seed("akv-reports", "DSM: wrong vault type", choose_wrong_type, ("vault-type-differs", DIFFERS)),
        Seed(
            ACQUIRED,
            "Azure: operator access revoked",
            revoke_operator_access,
            ("drift-not-checked", "keys-not-checked", "rights-not-checked", "vault-not-checked"),
        ),
        Seed(
            "akv-legacy", "Entra: application disabled", disable_application, ("application-disabled", "not-connected")
        ),
        Seed(
            "akv-forgotten",
            "Entra: credential expired",
            expire_credential,
            ("credentials-expired", "link-credential-not-valid", "not-connected"),
        ),
    )


def _link(state: State, group: str) -> dict[str, Any]:
    """The link of a group, as DSM stores it."""
    found = state.dsm.find_group(group)
    assert found is not None
    (link,) = found.hmg.values()
    return link


def _stored(pem: str) -> str:
    """A certificate as DSM stores it: base64 of DER."""
    return base64.b64encode(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)).decode()
