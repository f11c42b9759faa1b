# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The arguments of each step of a setup, from a declaration and the results of earlier steps. Pure.

They equal the arguments of the tasks of the role cdc_setup; a test compares the two. A declaration contains only
options that are set. Defaults of the role count as set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .._options import APPROVAL, TLS_OPTIONS
from .applications import APPLICATION, Options
from .decisions import application_selector, chosen_vault
from .planned import planned_parts
from .shared import JUDGED
from .vaults import AZURE_VAULT

Declaration = Mapping[str, Any]
Arguments = dict[str, Any]

# Options with the credential of the link, and the formats in which it is written.
SECRETS = ("link_client_secret", "link_certificate", "link_private_key", "link_private_key_passphrase")
_FORMATS = ("link_format", "link_certificate_format")
_APPROVAL = tuple(APPROVAL.argument_spec)
_WAITS = ("wait_timeout", "wait_interval")
# The other options have no option of the same name in the module.
_APPLICATION = [name for name in APPLICATION if name not in ("client_id", "unique_name", "credential")]
_AZURE_VAULT = [name for name in AZURE_VAULT if name != "location"]
_GROUP = (
    "name",
    "description",
    "custom_metadata",
    "azure_service",
    "link_tenant_id",
    "link_subscription_id",
    "update_credential",
    "allow_disconnect",
    "allow_move",
)


def declared(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options and suboptions that are set. The validator adds all others as None."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        inner = options.get(name, {}).get("options")
        found[name] = declared(inner, value) if inner and isinstance(value, Mapping) else value
    return found


def _some(given: Mapping[str, Any], names: Iterable[str]) -> Arguments:
    return {name: given[name] for name in names if name in given}


def _cloud(one: Declaration) -> Arguments:
    """The operator's cloud is that of the link. For the public cloud, the operator's own setting is kept."""
    return {"cloud_environment": "AzureUSGovernment"} if one.get("azure_service") == "us_government" else {}


def _subscription(one: Declaration) -> Arguments:
    return {"subscription_id": one["link_subscription_id"]} if "link_subscription_id" in one else {}


@dataclass(frozen=True)
class Earlier:
    """The results of earlier steps, each empty if it has not run. ``group``: of the step that creates the group."""

    check_mode: bool = False
    application: Mapping[str, Any] = field(default_factory=dict)
    vault: Mapping[str, Any] = field(default_factory=dict)
    rights: Mapping[str, Any] = field(default_factory=dict)
    credential: Mapping[str, Any] = field(default_factory=dict)
    group: Mapping[str, Any] = field(default_factory=dict)
    gives_certificate: bool = False

    @cached_property
    def planned(self) -> dict[str, bool | str]:
        made = {name: getattr(self, name) for name in ("application", "vault", "rights", "credential")}
        return planned_parts({**made, "gives_certificate": self.gives_certificate}, check_mode=self.check_mode)

    @property
    def group_is_planned(self) -> bool:
        return bool(self.group and self.group["group"]["planned"])

    @property
    def permission_model(self) -> str:
        vault_made = self.vault.get("vault") or {}
        return str(vault_made["permission_model"]) if vault_made.get("planned") else "any"

    def client_id(self, one: Declaration) -> str | None:
        found = self.application.get("application")
        return found["client_id"] if found else one.get("link_client_id")

    def vault_in_dsm(self, one: Declaration, *, planned: bool = False) -> Arguments:
        """The vault as DSM knows it, or empty. ``planned``: it counts as planned, whatever its result."""
        return chosen_vault(self.vault, one.get("azure_vault", {}), one.get("vault", {}), "uri", planned=planned)

    def vault_in_azure(self, one: Declaration) -> Arguments:
        return chosen_vault(self.vault, one.get("azure_vault", {}), one.get("vault", {}), "resource_id")

    def secrets(self, one: Declaration) -> Arguments:
        """The credential of the link: the declared one, else the certificate that the application's step generated."""
        is_planned = (self.application.get("certificate") or {}).get("planned", False)
        pair = {} if is_planned else one.get("application", {}).get("generate_certificate", {})
        of_pair = {"link_certificate": pair.get("certificate_path"), "link_private_key": pair.get("key_path")}
        return {**{name: path for name, path in of_pair.items() if path is not None}, **_some(one, SECRETS)}

    def selected(self, one: Declaration) -> Arguments:
        return {"group": self.group["group"]} if self.group else {"group_name": one["name"]}


# What groups share ----------------------------------------------------------------------------------------------------


def application(one: Declaration) -> Arguments:
    """Of the module azure_kv_app."""
    wanted = one["application"]
    selector = {f"app_{by}": value for by, value in application_selector(wanted).items()}
    return {**selector, **_some(wanted, _APPLICATION), **_cloud(one), **_some(one, _WAITS)}


def azure_vault(one: Declaration) -> Arguments:
    """Of the module azure_kv_vault."""
    wanted = one["azure_vault"]
    # AWX sends an empty string for a survey question without an answer.
    location = {"location": wanted["location"]} if wanted.get("location") else {}
    return {**_some(wanted, _AZURE_VAULT), **location, **_subscription(one), **_cloud(one), **_some(one, _WAITS)}


def judged(one: Declaration, earlier: Earlier) -> Arguments:
    """Of the module azure_kv_prereqs_info."""
    return {
        "vault": earlier.vault_in_azure(one),
        "app_client_id": earlier.planned["client_id"] or earlier.client_id(one),
        "credential_planned": earlier.planned["registration"],
        "permission_model": earlier.permission_model,
        **_subscription(one),
        **_cloud(one),
        **_some(one, JUDGED),
    }


def granted(one: Declaration, earlier: Earlier) -> Arguments:
    """Of the module azure_kv_prereqs."""
    return {**judged(one, earlier), **_some(one, ("data_role", *_WAITS))}


def credential(one: Declaration, earlier: Earlier, new_groups: list[Arguments]) -> Arguments:
    """Of the module cdc_credential. ``new_groups``: of all groups that use the application."""
    return {
        "app_client_id": earlier.client_id(one),
        "principal_planned": earlier.planned["principal"],
        **one["application"]["credential"],
        "new_groups": new_groups,
        **_some(one, ("sync_timeout", *_APPROVAL, *_WAITS)),
        **_cloud(one),
    }


def new_group(one: Declaration, earlier: Earlier) -> Arguments:
    """An element of ``new_groups`` of the module cdc_credential."""
    vault = earlier.vault_in_dsm(one)
    names = ("name", "description", "custom_metadata", "link_tenant_id", "link_subscription_id", "tls")
    return {
        **_some(one, names),
        "azure_service": one.get("azure_service", "global"),
        "link_format": one.get("link_format", "modern"),
        "link_certificate_format": one.get("link_certificate_format", "der"),
        **({"vault": vault} if vault else {}),
    }


# Groups ---------------------------------------------------------------------------------------------------------------


def group(one: Declaration, earlier: Earlier) -> Arguments:
    """Of the module cdc_group."""
    client_id = earlier.client_id(one)
    vault = earlier.vault_in_dsm(one, planned=bool(earlier.planned["vault"]))
    return {
        **_some(one, _GROUP),
        **({} if client_id is None else {"link_client_id": client_id}),
        **earlier.secrets(one),
        **_some(one, _FORMATS),
        "credential_planned": earlier.planned["credential"],
        **_some(one, ("tls",)),
        **({"vault": vault} if vault else {}),
        **_some(one, _APPROVAL),
    }


def tls(one: Declaration, earlier: Earlier) -> Arguments:
    """Of the module cdc_tls."""
    return {
        **earlier.selected(one),
        **_some(one["tls"], TLS_OPTIONS),
        **earlier.secrets(one),
        **_some(one, _FORMATS),
        **_some(one, ("allow_disconnect", *_APPROVAL)),
    }


def connection(one: Declaration, earlier: Earlier) -> Arguments:
    """Of the module cdc_connection: a group that is only planned is tested with its future credential."""
    is_planned = earlier.group_is_planned
    return {
        **earlier.selected(one),
        **({**earlier.secrets(one), **_some(one, ("tls",))} if is_planned else {}),
        **_some(one, _FORMATS),
        "link_planned": earlier.planned["link"],
        **_some(one, ("on_not_connected",)),
    }


def vault(one: Declaration, earlier: Earlier) -> Arguments:
    """Of the module cdc_vault_select."""
    given = one.get("tls", {})
    # The text of the certificate may contain the key.
    key = given.get("client_key", given.get("client_certificate"))
    passphrase = _some(given, ("client_key_passphrase",))
    return {
        **earlier.selected(one),
        "vault": earlier.vault_in_dsm(one, planned=bool(earlier.planned["vault"])),
        **earlier.secrets(one),
        **_some(one, _FORMATS),
        **({"tls_client_key": key} if key else {}),
        **{f"tls_{name}": value for name, value in passphrase.items()},
        **_some(one, ("allow_disconnect", "allow_move", *_APPROVAL)),
    }


def sync(one: Declaration, earlier: Earlier, *, only_when_empty: bool) -> Arguments:
    """Of the module cdc_sync."""
    return {
        **earlier.selected(one),
        "only_when_empty": only_when_empty,
        **_some(one, ("sync_timeout", *_APPROVAL)),
    }
