# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory whose hosts are set up, and what somebody may do to each of them behind its back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_app,
    azure_kv_prereqs,
    azure_kv_vault,
    cdc_group,
)
from sandbox.authorities import self_signed
from sandbox.azure.rights.roles import PermissionSet
from support.azure_rights import TEN, AzureRights
from support.operate import Operator

SHARED_APPLICATION, SHARED_VAULT = "fortanix-shared", "akv-shared"
METADATA = {"owner": "payments", "stage": "production"}
TLS = {"validate_host": True, "ca_certificates": []}
# State of the sandbox, and the names that a deed needs.
Deed = Callable[[Any, "Declared"], None]


@dataclass(frozen=True)
class Declared:
    """One host. ``variables``: those of the role cdc_setup."""

    host: str
    application: str
    vault: str
    variables: Mapping[str, Any]

    def group(self, state: Any) -> Any:
        return state.dsm.find_group(self.host)

    def link(self, state: Any) -> dict[str, Any]:
        (link,) = self.group(state).hmg.values()
        return dict(link)

    def change_link(self, state: Any, **values: Any) -> None:
        (stored,) = self.group(state).hmg.values()
        stored.update(values)

    def app(self, state: Any) -> Any:
        apps = state.azure.public.directory.applications.values()
        (found,) = [one for one in apps if one.unique_name == self.application]
        return found


@dataclass(frozen=True)
class Deviation:
    """What was done to the group of one host, or to what only it stands on. ``findings``: all that is not as declared.

    What follows from a deviation is one, too: without its policies, a vault that uses them gives no rights.
    """

    title: str
    findings: frozenset[str]
    deed: Deed
    own_application: bool = False
    own_vault: bool = False
    permission_model: str = "rbac"
    declares_tls: bool = False


_GROUP, _APPLICATION = "group-differs-from-declared", "application-differs-from-declared"
_VAULT, _RIGHTS = "vault-differs-from-declared", "rights-differ-from-declared"
_MISSING, _UNSEEN = "declared-group-missing", "drift-not-checked"


def _dsm(title: str, deed: Deed, finding: str = _GROUP) -> Deviation:
    return Deviation(title, frozenset({finding}), deed)


def _link(title: str, **values: Any) -> Deviation:
    return _dsm(title, lambda state, it: it.change_link(state, **values))


def _entra(title: str, deed: Deed, *more: str) -> Deviation:
    return Deviation(title, frozenset({_APPLICATION, *more}), deed, own_application=True)


def _vault(title: str, deed: Deed, *more: str) -> Deviation:
    return Deviation(title, frozenset({_VAULT, *more}), deed, own_vault=True)


def _set(name: str, value: Any) -> Deed:
    return lambda state, it: setattr(state.azure.public.vault(it.vault), name, value)


def _rights(title: str, deed: Deed, model: str = "rbac") -> Deviation:
    return Deviation(title, frozenset({_RIGHTS}), deed, own_vault=True, permission_model=model)


def _policy(title: str, *permissions: str) -> Deviation:
    def deed(state: Any, it: Declared) -> None:
        state.azure.public.set_access_policy(it.vault, it.app(state), permissions)

    return _rights(title, deed, "access_policy")


def _take_roles(which: Callable[[Any], bool]) -> Deed:
    def deed(state: Any, it: Declared) -> None:
        azure = state.azure.public
        scope, principal = azure.vault(it.vault).resource_id.lower(), it.app(state).service_principal_id
        kept = [
            one
            for one in azure.rights.assignments
            if (one.scope.lower(), one.principal_id) != (scope, principal)
            or not which(azure.rights.roles[one.role_guid])
        ]
        assert len(kept) < len(azure.rights.assignments)
        azure.rights.assignments = kept

    return deed


def _description(state: Any, it: Declared) -> None:
    it.group(state).description = "somebody's"


def _metadata(**values: str | None) -> Deed:
    def deed(state: Any, it: Declared) -> None:
        group = it.group(state)
        merged = {**(group.custom_metadata or {}), **values}
        group.custom_metadata = {name: value for name, value in merged.items() if value is not None}

    return deed


def _record_another_certificate(state: Any, it: Declared) -> None:
    group = it.group(state)
    (fact,) = [name for name in group.custom_metadata if name.endswith("-link-credential")]
    group.custom_metadata[fact] = "certificate:" + "0" * 40


def _tls(title: str, values: Callable[[], Mapping[str, Any]]) -> Deviation:
    def deed(state: Any, it: Declared) -> None:
        it.change_link(state, tls={**it.link(state)["tls"], **values()})

    return Deviation(title, frozenset({_GROUP}), deed, declares_tls=True)


def _pinned() -> dict[str, Any]:
    lines = self_signed("Somebody's CA", days=90).certificate_pem.splitlines()
    return {"ca": {"pinned": ["".join(line for line in lines if not line.startswith("-----"))]}}


def _unlink(state: Any, it: Declared) -> None:
    it.group(state).hmg.clear()


def _link_twice(state: Any, it: Declared) -> None:
    it.group(state).hmg[str(uuid4())] = it.link(state)


def _delete_group(state: Any, it: Declared) -> None:
    state.dsm.remove_group(it.group(state))


def _deny(state: Any, it: Declared) -> None:
    denied = PermissionSet(data_actions=("Microsoft.KeyVault/vaults/keys/read",))
    state.azure.public.add_deny_assignment(it.vault, denied)


def _shrink(state: Any, it: Declared) -> None:
    """The custom role of the pair, without an action that it had: only at this vault, by another role in its place."""
    azure = state.azure.public
    _take_roles(lambda role: bool(role.data_actions))(state, it)
    fewer = PermissionSet(data_actions=("Microsoft.KeyVault/vaults/keys/read",))
    name = f"fewer-{uuid4()}"
    azure.add_custom_role(it.app(state).tenant_id, name, fewer, scopes=["/"])
    azure.assign_role(it.app(state), it.vault, name)


DEVIATIONS = (
    # DSM
    _dsm("the description was changed", _description),
    _dsm("a value of the metadata was changed", _metadata(owner="somebody")),
    _dsm("a value of the metadata was removed", _metadata(stage=None)),
    _dsm("another certificate is on record", _record_another_certificate),
    _tls("the host name is not validated any more", lambda: {"validate_hostname": False}),
    _tls("TLS is only opportunistic", lambda: {"mode": "opportunistic"}),
    _tls("a CA was pinned", _pinned),
    _link("another application", client_id="11111111-2222-4333-8444-555555555555"),
    _link("another tenant", tenant_id="11111111-2222-4333-8444-555555555555"),
    _link("another subscription", subscription_id="11111111-2222-4333-8444-555555555555"),
    _link("another vault", url="https://akv-sandbox-std.vault.azure.net/"),
    _link("another type of vault", key_vault_type="STANDARD"),
    _link("no vault any more", url="", key_vault_type=None),
    _dsm("the link was removed", _unlink),
    _dsm("a second link was added", _link_twice),
    _dsm("the group was deleted", _delete_group, _MISSING),
    # Entra
    _entra("the certificate was removed", lambda state, it: state.azure.public.remove_certificates(it.app(state))),
    _entra("the API permission was removed", lambda state, it: it.app(state).required_access.clear()),
    _entra(
        "the service principal was deleted", lambda s, it: s.azure.public.remove_service_principal(it.app(s)), _UNSEEN
    ),
    _entra("the application was deleted", lambda state, it: state.azure.public.remove_application(it.app(state))),
    # The vault
    _vault("the vault was deleted", lambda state, it: state.azure.public.delete_vault(it.vault)),
    _vault("the vault is a standard one", _set("sku", "standard"), _GROUP),
    _vault("the vault has lost its purge protection", _set("purge_protection", False)),
    _vault("the vault has another retention", _set("retention_days", 7)),
    _vault("the vault uses access policies now", _set("rbac", False), _RIGHTS),
    _vault(
        "a tag of the vault was changed", lambda s, it: s.azure.public.vault(it.vault).tags.update(owner="somebody")
    ),
    _vault("a tag of the vault was removed", lambda state, it: state.azure.public.vault(it.vault).tags.clear()),
    # Rights
    _rights("the role for keys was taken away", _take_roles(lambda role: bool(role.data_actions))),
    _rights("the role for the vault was taken away", _take_roles(lambda role: not role.data_actions)),
    _rights("all roles were taken away", _take_roles(lambda _role: True)),
    _rights("a smaller role was given", _shrink),
    _rights("a deny assignment forbids to read keys", _deny),
    _policy("the policy was removed"),
    _policy("a permission of the policy was removed", *(name for name in TEN if name != "backup")),
    _policy("the policy allows to list only", "list"),
)


class World:
    """The hosts, one for each deviation and one that nobody touches, set up; no deviation is there yet."""

    def __init__(self, azure: AzureRights, directory: Path) -> None:
        self._azure = azure
        self._operate = Operator(azure.sandbox.environment())
        self.hosts = [self._host("akv-untouched", None, directory)]
        self.hosts += [self._host(f"akv-{number:02}", one, directory) for number, one in enumerate(DEVIATIONS)]
        self._set_up()

    @property
    def inventory(self) -> dict[str, Any]:
        """As a file of Ansible has it."""
        return {"cdc": {"hosts": {one.host: dict(one.variables) for one in self.hosts}}}

    @property
    def one_of_each_form(self) -> list[str]:
        """Hosts that stand for all: what is declared differs by the form alone."""
        forms = {
            (one.own_application, one.own_vault, one.permission_model, one.declares_tls): host.host
            for host, one in zip(self.hosts[1:], DEVIATIONS, strict=True)
        }
        return list(forms.values())

    def deviate(self) -> dict[str, Deviation]:
        """Do all that is to be done; host -> what was done to it."""
        done = dict(zip([one.host for one in self.hosts[1:]], DEVIATIONS, strict=True))

        def deed(state: Any) -> None:
            for declared in self.hosts[1:]:
                done[declared.host].deed(state, declared)

        self._azure.sandbox.do(deed)
        return done

    def _host(self, host: str, deviation: Deviation | None, directory: Path) -> Declared:
        application = f"fortanix-{host}" if deviation and deviation.own_application else SHARED_APPLICATION
        vault = host if deviation and deviation.own_vault else SHARED_VAULT
        files = {name: f"{directory}/{application}.{name[:3]}" for name in ("certificate_path", "key_path")}
        tls = {"cdc_setup_tls": TLS} if deviation and deviation.declares_tls else {}
        return Declared(
            host,
            application,
            vault,
            {
                **tls,
                "cdc_setup_name": host,
                "cdc_setup_description": "Keys of the payments",
                "cdc_setup_custom_metadata": METADATA,
                "cdc_setup_link_tenant_id": self._azure.view.tenant_id,
                "cdc_setup_link_subscription_id": self._azure.view.subscription_id,
                "cdc_setup_application": {"unique_name": application, "generate_certificate": files},
                "cdc_setup_azure_vault": {
                    "name": vault,
                    "resource_group": "rg-keys",
                    "location": "westeurope",
                    "type": "premium",
                    "permission_model": deviation.permission_model if deviation else "rbac",
                    "purge_protection": True,
                    "retention_days": 90,
                    "tags": {"owner": "payments"},
                },
                "cdc_setup_repair_prerequisites": True,
                # Without keys, each run would sync.
                "cdc_setup_sync": "never",
                "cdc_setup_wait_interval": 0,
            },
        )

    def _set_up(self) -> None:
        """What the role would do, with its modules in this process: as a start, and faster."""
        made: dict[str, dict[str, Any]] = {}
        for one in self.hosts:
            given = one.variables
            if one.application not in made:
                application = given["cdc_setup_application"]
                made[one.application] = self._operated(
                    azure_kv_app,
                    app_unique_name=one.application,
                    generate_certificate=application["generate_certificate"],
                )["application"]
            client_id = made[one.application]["client_id"]
            if one.vault not in made:
                made[one.vault] = self._operated(azure_kv_vault, **given["cdc_setup_azure_vault"])["vault"]
            vault, pair = made[one.vault], f"{one.application} at {one.vault}"
            if pair not in made:
                made[pair] = self._operated(
                    azure_kv_prereqs,
                    vault={"resource_id": vault["resource_id"]},
                    app_client_id=client_id,
                    rights_profile="guide",
                )
            files = given["cdc_setup_application"]["generate_certificate"]
            self._operate(
                cdc_group,
                name=one.host,
                description=given["cdc_setup_description"],
                custom_metadata=METADATA,
                link_tenant_id=given["cdc_setup_link_tenant_id"],
                link_client_id=client_id,
                link_subscription_id=given["cdc_setup_link_subscription_id"],
                link_certificate=files["certificate_path"],
                link_private_key=files["key_path"],
                tls=TLS,
                vault={"uri": vault["uri"], "type": vault["type"]},
            )

    def _operated(self, operation: Any, **options: Any) -> dict[str, Any]:
        return self._operate(operation, **{**self._azure.operator, "wait_interval": 0, **options})
