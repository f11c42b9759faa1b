# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The vaults that a link can see, and the choice of one (guide 4.5, DSM contract §3.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..._errors import InvalidInput, TaskError, quoted
from ..._names import checked_tags, has_tags, name_key, same_name, same_path
from ..._plan import refuse_planned
from ..wire import routes
from ..wire.client import DsmClient
from .azure_link import ENDPOINTS, Link, checked_vault_uri, is_vault_name, normal_uri, vault_name_of, vault_type_of
from .handed_on import explained


@dataclass(frozen=True)
class Vault:
    """A vault as DSM lists it."""

    resource_id: str
    name: str
    type: str
    uri: str
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    retention_days: int | None = None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Vault:
        return cls(
            resource_id=str(stored["id"]),
            name=str(stored["name"]),
            type=vault_type_of(stored["vault_type"]) or "",
            uri=normal_uri(str(stored["uri"])),
            location=str(stored.get("location") or ""),
            tags=dict(stored.get("tags") or {}),
            retention_days=stored.get("retention"),
        )

    def record(self) -> dict[str, Any]:
        return {
            "resource_id": self.resource_id,
            "name": self.name,
            "type": self.type,
            "uri": self.uri,
            "location": self.location,
            "tags": dict(self.tags),
            "retention_days": self.retention_days,
        }


@dataclass(frozen=True)
class VaultSelector:
    """The ``vault`` option: what identifies a vault, and the type that it must have."""

    name: str | None = None
    resource_id: str | None = None
    uri: str | None = None
    tags: Mapping[str, str] | None = None
    type: str | None = None
    planned: bool = False

    @classmethod
    def from_option(cls, option: Mapping[str, Any]) -> VaultSelector:
        """From the validated ``vault`` option.

        Raises:
            InvalidInput: a value that cannot identify a vault.
        """
        for key in ("name", "resource_id", "uri"):
            if option.get(key) is not None and not option[key].strip():
                raise InvalidInput(
                    f"vault.{key}", "it is empty", "set it to a value that identifies the vault, or omit it"
                )
        name, resource_id = option.get("name"), option.get("resource_id")
        if name is not None and not is_vault_name(name):
            raise InvalidInput(
                "vault.name",
                f"{quoted(name)} is not a valid vault name",
                "set a name of 3 to 24 letters, digits and hyphens; for a complete URI use vault.uri",
            )
        if resource_id is not None and _parts_of(resource_id) is None:
            raise InvalidInput(
                "vault.resource_id",
                f"{quoted(resource_id)} is not the resource ID of a vault",
                "set it to /subscriptions/<ID>/resourceGroups/<group>/providers/Microsoft.KeyVault/vaults/<name>",
            )
        if option.get("tags") is not None and not option["tags"]:
            raise InvalidInput("vault.tags", "it is empty, so every vault would match", "set at least one tag")
        tags = checked_tags("vault.tags", option["tags"]) if option.get("tags") else None
        uri = checked_vault_uri("vault.uri", option["uri"], "") if option.get("uri") else None
        return cls(name, resource_id, uri, tags, option.get("type"), bool(option.get("planned")))

    def refuse_planned(self, *, check_mode: bool) -> None:
        """Refuse, outside of check mode, a vault that a previous step has only planned.

        Raises:
            InvalidInput: the vault is only planned.
        """
        if not check_mode:
            refuse_planned("vault.planned", self.planned, "the vault", "creates the vault")

    def __str__(self) -> str:
        asked = {
            "name": self.name,
            "resource ID": self.resource_id,
            "URI": self.uri,
            "tags": self.tags,
            "type": self.type,
        }
        return ", ".join(f"{key} {value}" for key, value in asked.items() if value)

    def fits(self, vault: Vault) -> bool:
        """Whether this vault matches, apart from its type."""
        return (
            (self.name is None or same_name(self.name, vault.name))
            and (self.resource_id is None or same_path(self.resource_id, vault.resource_id))
            and (self.uri is None or self.uri == vault.uri)
            and (self.tags is None or has_tags(vault.tags, self.tags))
        )

    def is_stored_in(self, link: Link) -> bool:
        """Whether the link already has this vault and type, as far as that is known without listing the vaults.

        Vault names are unique in their cloud, so a name or a resource ID in the link's subscription identifies the
        vault. Tags do not.
        """
        if self.tags is not None or not link.vault_uri or self.type not in (None, link.vault_type):
            return False
        if self.uri is not None:
            return self.uri == link.vault_uri
        stored_name = vault_name_of(link.vault_uri) or ""
        if self.resource_id is not None:
            kind = "managedhsms" if ".managedhsm." in link.vault_uri else "vaults"
            return _parts_of(self.resource_id) == (link.subscription_id, kind, stored_name)
        return same_name(self.name, stored_name)

    def without_listing(self, link: Link) -> tuple[str, str] | None:
        """URI and type of the vault if both follow from the options; for a link that cannot list vaults yet."""
        uri = self.likely_uri(link)
        return (uri, self.type) if uri and self.type else None

    def likely_uri(self, link: Link) -> str | None:
        """The URI that follows from the name or the resource ID of a vault; None for tags."""
        parts = _parts_of(self.resource_id) if self.resource_id else None
        if parts is not None and parts[0] != link.subscription_id:
            return None
        name = parts[2] if parts is not None else self.name
        key = "key_vault_managed_hsm" if self.type == "managed_hsm" else "key_vault"
        suffix = ENDPOINTS.get(link.azure_service, {}).get(key)
        named = name is not None and is_vault_name(name) and suffix is not None
        return self.uri or (f"https://{name_key(name)}.{suffix}/" if named else None)


def link_to_list_with(link: Link, selector: VaultSelector) -> Link:
    """The link to send to list vaults. Some servers accept no link without a URL (DSM contract §7, Q18)."""
    return link if link.vault_uri else replace(link, vault_uri=selector.likely_uri(link) or "")


def list_vaults(dsm: DsmClient, config: Mapping[str, Any], link: Link, label: str) -> list[Vault]:
    """The vaults and Managed HSMs that the link's application sees in its subscription, by name.

    ``config``: the link with its credential. DSM lists vaults only for a complete configuration, not for a saved group.
    """
    with explained("list the vaults", link):
        answer = dsm.call("POST", routes.AZURE_VAULTS, body=config, obj=label)
    return sorted(map(Vault.from_stored, answer or []), key=lambda vault: vault.name)


def choose(selector: VaultSelector, vaults: Sequence[Vault], label: str) -> Vault:
    """The one vault that matches the selector.

    Raises:
        TaskError: none or several match, or the vault has another type; the error names the candidates.
    """
    found = [vault for vault in vaults if selector.fits(vault)]
    of_type = [vault for vault in found if selector.type in (None, vault.type)]
    if len(of_type) == 1:
        return of_type[0]
    if not vaults:
        problem = "the application sees no vault in the subscription"
        next_step = (
            "assign the application a role with Microsoft.KeyVault/vaults/read on the vault, for example Key Vault "
            "Contributor"
        )
    elif len(of_type) > 1:
        problem = f"several vaults match ({selector}): {_list(of_type)}"
        next_step = "set vault.uri to the URI of one of them"
    elif found:
        problem = f"the type of the vault is not {selector.type}: {_list(found)}"
        next_step = "correct vault.type, or select another vault"
    else:
        problem = f"no vault matches ({selector}); the application sees: {_list(vaults)}"
        next_step = (
            "correct the vault option, or assign the application a role with Microsoft.KeyVault/vaults/read on the "
            "vault"
        )
    if selector.type == "managed_hsm" and not any(vault.type == "managed_hsm" for vault in vaults):
        next_step = (
            "check that DSM has version 4.6 or later, which Managed HSMs require, and assign the application a role "
            "with Microsoft.KeyVault/managedHSMs/read on the Managed HSM, for example Reader; Key Vault Contributor "
            "does not include it"
        )
    candidates = [vault.record() for vault in (of_type or found or vaults)]
    raise TaskError(problem, plane="Azure", obj=f"vault of {label}", next_step=next_step, candidates=candidates)


def _list(vaults: Sequence[Vault]) -> str:
    return ", ".join(f"{vault.name} ({vault.type}, {vault.uri})" for vault in vaults)


def _parts_of(resource_id: str) -> tuple[str, str, str] | None:
    """Subscription, ``vaults`` or ``managedhsms``, and name in the resource ID of a vault, all in lower case."""
    found = re.fullmatch(
        r"/?subscriptions/([^/]+)/resourcegroups/[^/]+/providers/microsoft\.keyvault/(vaults|managedhsms)/([^/]+)/?",
        name_key(resource_id).strip(),
    )
    return (found[1], found[2], found[3]) if found and is_vault_name(found[3]) else None
