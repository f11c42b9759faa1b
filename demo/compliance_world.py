# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make demo-compliance` looks at: groups with a vault each, and what people do to them afterwards."""

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

# What the profile least_privilege wants at a vault, besides the role that lets it be seen.
PERMISSIONS = ("get", "list", "update", "create", "import", "delete", "recover", "backup", "restore")
# Group -> keys of its vault. What happens to the first two is nothing.
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
# What happens to an application happens to all of its groups: these two have one of their own.
OWN_APPLICATION = ("akv-legacy", "akv-forgotten")
# A subscription that came with a company, so to speak.
ACQUIRED = "akv-acquired"
# Whoever may name a group can write this, and somebody reads the report in a browser or at a terminal.
HOSTILE = 'akv-<img src=x onerror=alert(1)> | [x](http://a.example) "& {{ 6*7 }} \x1b[31m'
# What the inventory declares is another thing.
DIFFERS, RIGHTS_DIFFER = "group-differs-from-declared", "rights-differ-from-declared"
_LONG_AGO = 30 * 86400.0


@dataclass(frozen=True)
class Seed:
    """What somebody has done, and the IDs of all that a run is to find at the group from then on.

    ``called``: the name of the group afterwards, where that is what has changed; ``missed``: what is then to be found
    under the name that the inventory declares.
    """

    group: str
    title: str
    deed: Callable[[State], None]
    findings: tuple[str, ...]
    called: str | None = None
    missed: tuple[str, ...] = ()


def build(sandbox: Sandbox) -> dict[str, Any]:
    """Vaults, their keys, and applications with the rights that they need. Returns the variables of the set-up."""
    world = sandbox.world.public
    let_in = Firewall(default_action="Deny", ip_rules=[sandbox.dsm_egress_address, sandbox.client_address])

    def deed(state: State) -> dict[str, Any]:
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
        # A role that is minutes old is a finding.
        assignments = azure.rights.assignments
        azure.rights.assignments = [replace(entry, created=entry.created - _LONG_AGO) for entry in assignments]
        return {
            "demo_applications": [{"client_id": client_id, "groups": own} for client_id, own in groups.items()],
            "demo_with_keys": [name for name, keys in KEYS.items() if keys],
        }

    return sandbox.do(deed)


def inventory(sandbox: Sandbox) -> dict[str, Any]:
    """What the hosts of an inventory declare: each one the group that is set up under its name."""

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
    """Deeds on all three planes, each by somebody who has the right to do it there."""
    operator = sandbox.world.public.operator_client_id
    global_roots = sandbox.authorities.global_roots_pem()

    def take_rights_away(state: State) -> None:
        client_id = _link(state, "akv-archive")["client_id"]
        state.azure.public.set_access_policy("akv-archive", client_id, ["list"])

    def open_to_all_networks(state: State) -> None:
        state.azure.public.set_firewall("akv-audit", default_action="Allow")

    def delete_key(state: State) -> None:
        state.azure.public.delete_key("akv-backup", "weekly")

    def make_key(state: State) -> None:
        state.azure.public.add_key("akv-billing", "invoices", kty="RSA-HSM")

    def disable_key(state: State) -> None:
        state.azure.public.vault("akv-exports").keys["partners"].current.enabled = False

    def drop_purge_protection(state: State) -> None:
        state.azure.public.vault("akv-orders").purge_protection = False

    def take_any_host(state: State) -> None:
        _link(state, "akv-partner")["tls"]["validate_hostname"] = False

    def pin_ca_that_ends(state: State) -> None:
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

    def shut_operator_out(state: State) -> None:
        subscription = state.azure.public.vault(ACQUIRED).subscription_id
        state.azure.public.revoke_role(operator, f"/subscriptions/{subscription}", "Owner")

    def disable_application(state: State) -> None:
        state.azure.public.disable_service_principal(_link(state, "akv-legacy")["client_id"])

    def let_credential_end(state: State) -> None:
        state.azure.public.expire_secret(_link(state, "akv-forgotten")["client_id"])

    return (
        Seed("akv-archive", "Azure: key permissions taken away", take_rights_away, ("right-missing", RIGHTS_DIFFER)),
        Seed("akv-audit", "Azure: network rules lifted", open_to_all_networks, ("vault-open-to-all-networks",)),
        Seed("akv-backup", "Azure: a key deleted", delete_key, ("keys-only-in-dsm",)),
        Seed("akv-billing", "Azure: a key made past DSM", make_key, ("keys-only-in-azure",)),
        Seed("akv-exports", "Azure: a key disabled", disable_key, ("keys-enabled-differs",)),
        Seed("akv-orders", "Azure: no purge protection", drop_purge_protection, ("no-purge-protection",)),
        Seed("akv-partner", "DSM: host validation off", take_any_host, ("host-validation-off", DIFFERS)),
        Seed("akv-proxy", "DSM: pinned a CA that ends soon", pin_ca_that_ends, ("pinned-ca-expires-soon", DIFFERS)),
        Seed(
            "akv-renamed",
            "DSM: given a hostile name",
            rename,
            ("group-not-declared",),
            called=HOSTILE,
            missed=("declared-group-missing", "group-not-found"),
        ),
        Seed("akv-reports", "DSM: wrong vault type", choose_wrong_type, ("vault-type-differs", DIFFERS)),
        Seed(
            ACQUIRED,
            "Azure: the operator shut out",
            shut_operator_out,
            ("drift-not-checked", "keys-not-checked", "rights-not-checked", "vault-not-checked"),
        ),
        Seed("akv-legacy", "Entra: application off", disable_application, ("application-disabled", "not-connected")),
        Seed(
            "akv-forgotten",
            "Entra: the credential ended",
            let_credential_end,
            ("credentials-expired", "link-credential-not-valid", "not-connected"),
        ),
    )


def _link(state: State, group: str) -> dict[str, Any]:
    """The one link of a group, as DSM keeps it."""
    found = state.dsm.find_group(group)
    assert found is not None
    (link,) = found.hmg.values()
    return link


def _stored(pem: str) -> str:
    """A certificate as DSM keeps it: base64 of DER."""
    return base64.b64encode(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)).decode()
