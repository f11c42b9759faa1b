# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of the sandbox as facts that can be compared, lost and duplicated; and which groups would work by it.

Nothing is asked of a service and nothing of the client is used: this is what is really so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.azure.entra.directory import Application
from sandbox.azure.rights.effective import DATA_ACTIONS, VAULT_READ
from sandbox.azure.vaults import ManagedHsm, Vault

Fact = tuple[str, ...]
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Health:
    """Whether a group would work: what it holds is good, its application may log in, and may use the vault."""

    credential: bool
    login: bool
    rights: bool

    @property
    def works(self) -> bool:
        return self.credential and self.login and self.rights


@dataclass(frozen=True)
class Picture:
    """Everything that can be lost, as a multiset, and the health of each group by name."""

    facts: Counter[Fact]
    health: Mapping[str, Health]
    held: Mapping[str, str]
    """Group -> ID of the credential that DSM holds; empty for what no application has."""
    key_ids: frozenset[str]
    """Of all credentials of all applications."""

    @property
    def print(self) -> str:
        """The same for two states that differ in nothing but times, and IDs that were drawn."""
        rows = [_TIME.sub("(time)", " ".join(fact)) for fact in self.facts.elements()]
        rows += [f"holds {group} {key_id}" for group, key_id in self.held.items()]
        names: dict[str, str] = {}
        for _round in range(2):
            names = _named_by_place(rows, names)
        text = "\n".join(sorted(_ID.sub(lambda hit: names[hit[0]], row) for row in rows))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def masked(self) -> Counter[str]:
        """The facts without IDs and times."""
        return Counter(_ID.sub("#", _TIME.sub("(time)", " ".join(fact))) for fact in self.facts.elements())

    def differences(self, other: Picture) -> list[str]:
        """What this has and the other lacks, then the other way round."""
        mine, theirs = self.masked, other.masked
        return [f"+ {one}" for one in (mine - theirs).elements()] + [f"- {one}" for one in (theirs - mine).elements()]

    def all(self, *beginning: str) -> list[Fact]:
        return [fact for fact in self.facts if fact[: len(beginning)] == beginning]

    def duplicates(self) -> list[Fact]:
        return [fact for fact, number in self.facts.items() if number > 1]


def _named_by_place(rows: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """For each ID a name that follows from where it occurs; ``names``: what the IDs were called before."""
    places: dict[str, list[str]] = {}
    for row in rows:
        masked = _ID.sub(lambda hit: names.get(hit[0], "#"), row)
        for found in set(_ID.findall(row)):
            places.setdefault(found, []).append(masked)
    return {
        found: hashlib.sha256("\n".join(sorted(where)).encode()).hexdigest()[:12] for found, where in places.items()
    }


def picture(state: Any) -> Picture:
    """Of the public cloud and the first account; to be called in the sandbox's thread."""
    azure, account = state.azure.public, state.dsm.default_account
    facts: Counter[Fact] = Counter()
    for app in azure.directory.applications.values():
        facts.update(_application(app))
    for grant in azure.directory.grants.values():
        facts.update(
            ("consent", grant.client_principal_id, grant.resource_principal_id, w) for w in grant.scope.split()
        )
    for vault in azure.vaults.values():
        facts.update(_vault(vault))
        # Without its ID, which is drawn.
        facts.update(
            ("version", vault.name, key.name, str(number))
            for key in vault.keys.values()
            for number, _version in enumerate(key.versions)
        )
        facts.update(("deleted-key", vault.name, gone.key.name) for gone in vault.deleted_keys.values())
    facts.update(("deleted-vault", name) for name in azure.deleted_vaults)
    for pool in azure.managed_hsms.values():
        facts.update(("local-role", pool.name, one.scope, one.principal_id, one.role_guid) for one in pool.local_roles)
        facts.update(("tag", pool.name, key, value) for key, value in pool.tags.items())
    for one in azure.rights.assignments:
        facts[("role", one.scope.lower(), one.principal_id, one.role_guid, one.condition or "")] += 1
    for role in azure.rights.roles.values():
        if role.custom and not role.retired:
            facts[("role-definition", role.name, str(sorted(role.data_actions)))] += 1
    health, held = {}, {}
    for group in account.groups:
        facts.update(_group(group))
        for link in group.hmg.values():
            health[group.name] = _health(azure, link)
            held[group.name] = credential_of(azure, link)
        facts.update(("key", group.name, key.name, key.state) for key in account.keys.in_group(group.group_id))
    for request in account.approvals.values():
        facts[("approval", request.method, request.operation, request.status)] += 1
    apps = azure.directory.applications.values()
    key_ids = frozenset(one.key_id for app in apps for one in (*app.secrets, *app.certificates))
    return Picture(facts, health, held, key_ids)


def _application(app: Application) -> Iterator[Fact]:
    who = app.name
    yield ("application", app.name, app.unique_name or "")
    if app.has_service_principal:
        yield ("principal", who)
    yield ("enabled", who, str(app.enabled), str(app.service_principal_enabled))
    for tag in app.tags:
        yield ("app-tag", who, tag)
    for secret in app.secrets:
        yield ("secret", who, secret.key_id, secret.name or "")
    for entry in app.certificates:
        yield ("certificate", who, entry.sha256.hex(), entry.name or "")
    for resource in app.required_access:
        for one in resource.get("resourceAccess", ()):
            yield ("permission", who, str(resource.get("resourceAppId")), str(one.get("id")))


def _vault(vault: Vault) -> Iterator[Fact]:
    name = vault.name
    yield ("vault", name)
    rules = vault.firewall
    settings = {
        "sku": vault.sku,
        "rbac": bool(vault.rbac),
        "location": vault.location,
        "retention": vault.retention_days,
        "purge_protection": vault.purge_protection,
        "public_access": rules.public_access,
        "default_action": rules.default_action,
        "bypass": rules.bypass,
    }
    for key, value in settings.items():
        yield ("setting", name, key, str(value))
    for key, value in vault.tags.items():
        yield ("tag", name, key, value)
    for rule in rules.ip_rules:
        yield ("ip", name, rule)
    for rule in rules.virtual_network_rules:
        yield ("network", name, rule)
    for entry in vault.access_policies:
        kinds = ("key", "secret", "certificate", "storage")
        for kind in kinds:
            for permission in getattr(entry, f"{kind}_permissions"):
                yield ("policy", name, entry.object_id, entry.application_id or "", kind, permission.lower())


def _group(group: Any) -> Iterator[Fact]:
    yield ("group", group.name)
    if group.description:
        yield ("description", group.name, group.description)
    for key, value in (group.custom_metadata or {}).items():
        yield ("metadata", group.name, key, value)
    for link in group.hmg.values():
        yield ("linked", group.name)
        parts = {name: value for name, value in link.items() if name not in ("auth_config", "tls")}
        for key, value in parts.items():
            yield ("link", group.name, key, json.dumps(value, sort_keys=True))
        tls = json.dumps(
            {**link.get("tls", {}), "client_key": bool(link.get("tls", {}).get("client_key"))}, sort_keys=True
        )
        yield ("tls", group.name, tls)
        yield ("auth", group.name, _digest(link))


def _digest(link: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(link.get("auth_config"), sort_keys=True).encode()).hexdigest()


def credential_of(azure: Any, link: Mapping[str, Any]) -> str:
    """The ID of the secret or certificate that the link holds, while the application has it; else empty."""
    app = azure.directory.applications.get(str(link["client_id"]))
    auth = link.get("auth_config") or {}
    if app is None:
        return ""
    if auth.get("mode") == "client_secret":
        return next((one.key_id for one in app.secrets if one.value == auth["client_secret"]), "")
    der = _der(str(auth.get("client_cert") or ""))
    certificates = (one for one in app.certificates if one.certificate.public_bytes(Encoding.DER) == der)
    return next((one.key_id for one in certificates), "")


def _der(blob: str) -> bytes:
    raw = base64.b64decode(blob)
    if raw.lstrip().startswith(b"-----"):
        return x509.load_pem_x509_certificate(raw).public_bytes(Encoding.DER)
    return raw


def _health(azure: Any, link: Mapping[str, Any]) -> Health:
    app = azure.directory.applications.get(str(link["client_id"]))
    if app is None or app.tenant_id != link["tenant_id"]:
        return Health(False, False, False)
    held, now = credential_of(azure, link), azure.clock.utc()
    good = any(one.key_id == held and one.expires > now for one in app.secrets) or any(
        one.key_id == held and one.certificate.not_valid_after_utc > now for one in app.certificates
    )
    login = app.enabled and app.has_service_principal and app.service_principal_enabled
    return Health(good, login, _may_use(azure, app, link))


def _may_use(azure: Any, app: Application, link: Mapping[str, Any]) -> bool:
    host = (urlsplit(link["url"]).hostname or "").lower()
    stores = [*azure.vaults.values(), *azure.managed_hsms.values()]
    store = next((one for one in stores if (urlsplit(one.uri).hostname or "").lower() == host), None)
    if not link["url"]:
        return True
    if store is None or isinstance(store, ManagedHsm):
        return store is not None
    return azure.rights.may(app.service_principal_id, VAULT_READ, store.resource_id) and "list" in usable(
        azure, app.service_principal_id, store
    )


def usable(azure: Any, principal_id: str, vault: Vault) -> set[str]:
    """The key permissions that the principal has by what is stored, whatever is still on its way."""
    if vault.rbac:
        scope = vault.resource_id
        return {name for name, act in DATA_ACTIONS.items() if azure.rights.may_with_data(principal_id, act, scope)}
    identities = azure.rights.identities(principal_id)
    held = {
        permission.lower()
        for entry in vault.access_policies
        if entry.application_id is None and entry.object_id.lower() in identities
        for permission in entry.key_permissions
    }
    return held | (set(DATA_ACTIONS) - {"purge"} if "all" in held else set())
