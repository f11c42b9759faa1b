# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is when a schedule begins, and the operations that can meet in it.

Each scene is built once, by our own operations and by other people's deeds, and kept. In each there is somebody else's
property at every place that an operation of ours replaces as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_access,
    azure_kv_app,
    azure_kv_prereqs,
    azure_kv_vault,
    cdc_credential,
    cdc_group,
    cdc_key,
    cdc_tls,
    cdc_vault_select,
)
from sandbox import Profile, Sandbox
from sandbox.authorities import Pair, self_signed
from sandbox.azure.clouds import PUBLIC
from sandbox.azure.rights.effective import GUIDE_PERMISSIONS
from support import worlds
from support.worlds import Job, Kept, Outcome, World

from . import claims
from .facts import Fact, Picture, picture

MARK = "fortanix-dsm-ansible"
NAME = f"{MARK} cdc_credential"
APP = "fortanix-dsm-cdc"
POLICY_VAULT, RBAC_VAULT, NEW_VAULT = "akv-sandbox-prem", "akv-sandbox-std", "kv-new"
# Facts that end with their vault.
OF_VAULT = ("vault", "version", "deleted-key", "setting", "tag", "ip", "network", "policy")
# Somebody has synced while the vault was deleting the key: DSM has destroyed its records for ever.
_TOO_EARLY = "DSM does not show the key as deleted, also after a sync"
STRANGER = "99999999-2222-4333-8444-555555555555"
GRAPH_APP, USER_READ = "00000003-0000-0000-c000-000000000000", "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
MAIL_READ = "810c84a8-4a9e-49e6-bf7d-12d183f40d01"
# Virtual seconds. Long enough for what comes after a while, short of the lifetime of a token.
PATIENCE = {"wait_timeout": 120, "wait_interval": 5}
SHORT, DUE, LONG = 40, 60, 200

Removes = Callable[[Fact], bool]
Claim = Callable[["Scene", Picture, Picture, Outcome], Iterable[str]]


@dataclass(frozen=True)
class Deed:
    """A job with what it may do to others, and what its result claims.

    ``removes``: which facts it may take away. ``breaks``: the aspects of a group's health that it may end. ``touches``:
    planes on which it meets others. ``claims``: what is wrong with its result, by the states before and after its run.
    """

    job: Job
    touches: frozenset[str]
    removes: Removes
    breaks: frozenset[str] = frozenset()
    claims: tuple[Claim, ...] = ()
    destroys: bool = False
    # Not a client of ours: nothing to converge, nothing to kill.
    foreign: bool = False
    # Whether a second run has nothing to do, and a refusal that is right although nobody else is there.
    idempotent: bool = True
    refuses: str = ""
    # Whether it looks at the groups of the application when it has written.
    tests_groups: bool = False
    # Whether it says which credential a link is to have; then it and a rotation undo each other for ever.
    declares_credential: bool = False
    # Which credential it wants the groups to have; runs that want different ones undo each other for ever.
    settles: str = ""
    # Whether a result claims to be the end of it; others say themselves that something is still under way.
    is_final: Callable[[Mapping[str, Any]], bool] = lambda _result: True
    # Beginnings of facts that are there, or are not, when it says ok.
    wants: tuple[Fact, ...] = ()
    unwanted: tuple[Fact, ...] = ()

    @property
    def name(self) -> str:
        return self.job.name


@dataclass
class Scene:
    """A kept state with its deeds by name."""

    name: str
    world: World
    kept: Kept
    deeds: dict[str, Deed]
    start: Picture
    principal_id: str
    notes: dict[str, Any] = field(default_factory=dict)

    def look(self) -> Picture:
        return self.world.sandbox.do(picture)

    def rights_of(self, seen: Picture) -> set[Fact]:
        """What the application holds at the two vaults."""
        return {fact for fact in seen.facts if is_right(fact, self.principal_id)}

    def stamp(self, outcome: Outcome) -> str:
        """The services' time at the end of a run, as results write it."""
        moment = datetime.fromtimestamp(self.kept.began + outcome.elapsed, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def sha256_of(pem: str) -> str:
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


def is_right(fact: Fact, principal_id: str) -> bool:
    """Whether it is a right of the principal at one of the two vaults."""
    at_vault = fact[0] == "role" and any(f"/vaults/{name}" in fact[1] for name in (POLICY_VAULT, RBAC_VAULT))
    return (at_vault or fact[0] == "policy") and fact[2] == principal_id


def _nothing(_fact: Fact) -> bool:
    return False


class Builder:
    """One sandbox for all scenes of the process."""

    def __init__(self) -> None:
        worlds.install()
        self.sandbox = Sandbox.start()
        for variable, value in self.sandbox.environment().items():
            if not variable.startswith(("DSM_", "AZURE_")):
                os.environ[variable] = value
        self.world = World(self.sandbox)
        self.view = self.sandbox.world.public
        environment = self.environment = self.sandbox.environment()
        self.dsm = {
            "dsm_endpoint": environment["DSM_ENDPOINT"],
            "dsm_api_key": environment["DSM_API_KEY"],
            "dsm_ca_path": environment["SSL_CERT_FILE"],
            # Not what is explored: one that waits for another for long must not fail for that.
            "dsm_timeout": 3000,
        }
        self.azure = {
            "tenant": self.view.tenant_id,
            "client_id": self.view.operator_client_id,
            "secret": self.view.operator_client_secret,
            "subscription_id": self.view.subscription_id,
            "cloud_environment": "AzureCloud",
        }
        self.pairs: dict[str, Pair] = {
            name: self_signed(name, algorithm="rsa") for name in ("theirs", "given", "other", "own", "late")
        }
        self._prepare()
        self._base = self.world.keep()
        self._scenes: dict[str, Scene] = {}

    def close(self) -> None:
        self.world.close()
        self.sandbox.stop()
        worlds.uninstall()

    def scene(self, name: str) -> Scene:
        if name not in self._scenes:
            self._notes: dict[str, Any] = {}
            self.world.reset(self._base, f"scene {name}")
            deeds = getattr(self, f"_{name}")()
            kept = self.world.keep()
            start = self.sandbox.do(picture)
            principal = self.view.service_principal_id
            made = Scene(name, self.world, kept, {one.name: one for one in deeds}, start, principal, self._notes)
            self._scenes[name] = made
        return self._scenes[name]

    # What all scenes have --------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Somebody else's property."""
        theirs = self.pairs["theirs"].certificate

        def deed(azure: Any) -> None:
            app = azure.application(self.view.client_id)
            azure.add_certificate(app, theirs, "theirs")
            azure.add_secret(app, timedelta(days=300), "theirs")
            azure.wish_access(app, GRAPH_APP, USER_READ)
            for name in (POLICY_VAULT, RBAC_VAULT):
                vault = azure.vault(name)
                azure.add_access_policy(name, STRANGER, ["get", "sign"])
                azure.set_firewall(vault, virtual_network_rules=[self.subnet("theirs")], ip_rules=["192.0.2.0/24"])
                vault.tags["owner"] = "them"
            azure.vault(RBAC_VAULT).rbac = True
            azure.assign_role(app, RBAC_VAULT, "Key Vault Crypto Officer")
            azure.assign_role(self.view.operator_client_id, RBAC_VAULT, "Reader")

        self.world.do(deed)

    def subnet(self, name: str) -> str:
        scope = f"/subscriptions/{self.view.subscription_id}/resourceGroups/rg-net/providers/Microsoft.Network"
        return f"{scope}/virtualNetworks/net/subnets/{name}"

    def ran(self, job: Job) -> dict[str, Any]:
        """What has to work when a scene is built."""
        outcome = self.world.alone(job)
        if outcome.result is None:
            raise AssertionError(f"{job.name}: {outcome}") from outcome.crash or outcome.failure
        return outcome.result

    def group(self, name: str, vault: str = POLICY_VAULT, **options: Any) -> dict[str, Any]:
        return {
            "name": name,
            "link_tenant_id": self.view.tenant_id,
            "link_subscription_id": self.view.subscription_id,
            "vault": {"name": vault},
            **options,
        }

    def given_group(self, name: str, vault: str = POLICY_VAULT, **options: Any) -> None:
        """A group with the secret that somebody has made by hand."""
        link = {"link_client_id": self.view.client_id, "link_client_secret": self.view.client_secret}
        self.ran(Job(name, cdc_group, {**self.dsm, **self.group(name, vault), **link, **options}))

    def mark_groups(self, *names: str) -> None:
        """Metadata of somebody else."""

        def deed(state: Any) -> None:
            for name in names:
                group = state.dsm.find_group(name)
                group.custom_metadata = {**(group.custom_metadata or {}), "team": "keys"}

        self.sandbox.do(deed)

    # Deeds -----------------------------------------------------------------------------------------------------------

    def credential(self, name: str, **options: Any) -> Deed:
        given = {
            **self.dsm,
            **self.azure,
            "app_client_id": self.view.client_id,
            "key_size": 2048,
            "renew_before_days": DUE,
            "valid_days": LONG,
            **PATIENCE,
            "wait_timeout": 300,
            **options,
        }

        def removes(fact: Fact) -> bool:
            kind, owner = fact[0], fact[1]
            if kind in ("secret", "certificate"):
                return owner == APP and fact[3].startswith(MARK)
            if kind == "metadata":
                return fact[2].startswith(MARK)
            return kind in ("auth", "tls")

        touches = frozenset({"credentials", "groups"})
        once = options.get("renew") != "always"
        settles = "own pair" if "link_certificate" in options else options.get("type", "") if once else "always"
        return Deed(
            Job(name, cdc_credential, given),
            touches,
            removes,
            claims=(claims.of_credential,),
            idempotent=once,
            tests_groups=True,
            settles=settles,
        )

    def application(self, name: str, **options: Any) -> Deed:
        given = {**self.azure, "app_client_id": self.view.client_id, **PATIENCE, **options}
        absent = options.get("state") == "absent"

        def removes(fact: Fact) -> bool:
            return absent and fact[0] in ("secret", "certificate") and fact[1] == APP and fact[3].startswith(MARK)

        breaks = frozenset({"credential"}) if absent else frozenset[str]()
        touches = frozenset({"credentials", "application"})
        who = options.get("app_unique_name", APP)
        thumbprints = [sha256_of(one) for one in options.get("certificates") or []]
        wants: list[Fact] = [("certificate", who, one) for one in thumbprints]
        if options.get("api_permission", True) and not absent:
            wants.append(("permission", who, PUBLIC.key_vault_app_id))
        if options.get("admin_consent"):
            wants.append(("consent", self.view.service_principal_id))
        if who != APP:
            wants += [("application", who, who), ("principal", who)]
        job, told = Job(name, azure_kv_app, given), (claims.of_application,)
        refuses = "would lose their connection" if absent else ""
        return Deed(job, touches, removes, breaks, told, destroys=absent, refuses=refuses, wants=tuple(wants))

    def vault(self, name: str, vault: str, **options: Any) -> Deed:
        given = {**self.azure, "name": vault, "resource_group": "rg-keys", **PATIENCE, **options}
        absent = options.get("state") == "absent"
        tags, rules = options.get("tags") or {}, options.get("ip_rules")

        def removes(fact: Fact) -> bool:
            if absent:
                at_it = fact[0] == "role" and fact[1].endswith(f"/vaults/{vault}")
                return at_it or (fact[1] == vault and fact[0] in OF_VAULT)
            return (fact[0] == "tag" and fact[1] == vault and fact[2] in tags) or (
                fact[0] == "ip" and fact[1] == vault and rules is not None
            )

        breaks = frozenset({"rights"}) if absent else frozenset[str]()
        touches = frozenset({f"vault {vault}"})
        wants: list[Fact] = [("tag", vault, key, value) for key, value in tags.items()]
        wants += [("ip", vault, rule) for rule in rules or ()]
        if not absent:
            wants.append(("vault", vault))
        unwanted = (("vault", vault),) if absent else ()
        job, told = Job(name, azure_kv_vault, given), (claims.of_vault,)
        return Deed(job, touches, removes, breaks, told, destroys=absent, wants=tuple(wants), unwanted=unwanted)

    def prerequisites(self, name: str, vault: str, **options: Any) -> Deed:
        store = self.view.vaults[vault]
        given = {
            **self.azure,
            "app_client_id": self.view.client_id,
            "vault": {"resource_id": store.resource_id},
            "rights_profile": "guide",
            **PATIENCE,
            **options,
        }
        absent = options.get("state") == "absent"
        principal = self.view.service_principal_id

        def removes(fact: Fact) -> bool:
            if not absent:
                return False
            return (fact[0] == "policy" and fact[1] == vault and fact[2] == principal) or (
                fact[0] == "role" and fact[1] == store.resource_id.lower() and fact[2] == principal
            )

        breaks = frozenset({"rights"}) if absent else frozenset[str]()
        touches = frozenset({f"rights {vault}"})
        at_it = ("role", store.resource_id.lower(), principal)
        wants: tuple[Fact, ...] = () if absent else (at_it,)
        if vault == POLICY_VAULT and not absent:
            wants = (at_it, *(("policy", vault, principal, "", "key", one) for one in GUIDE_PERMISSIONS))
        job, told = Job(name, azure_kv_prereqs, given), (claims.of_prerequisites,)
        # A role that somebody else has assigned stays.
        gone: tuple[Fact, ...] = (("policy", vault, principal),) if absent else ()

        def is_final(result: Mapping[str, Any]) -> bool:
            return result["effect"] in ("effective", "removed", "unchanged")

        return Deed(job, touches, removes, breaks, told, destroys=absent, wants=wants, unwanted=gone, is_final=is_final)

    def access(self, name: str, state: str, record: Mapping[str, Any] | None, **options: Any) -> Deed:
        stores = [{"resource_id": self.view.vaults[one].resource_id} for one in (POLICY_VAULT, RBAC_VAULT)]
        given = {
            **self.azure,
            "state": state,
            "app_client_id": self.view.client_id,
            "confirm_client_id": self.view.client_id,
            "vaults": stores if state == "revoked" else [],
            "record": record,
            **PATIENCE,
            **options,
        }
        revoked, credentials = state == "revoked", bool(options.get("cut_credentials"))
        principal = self.view.service_principal_id

        def removes(fact: Fact) -> bool:
            if fact[0] == "enabled":
                return fact[1] == APP
            if not revoked:
                return False
            if fact[0] in ("secret", "certificate"):
                return credentials and fact[1] == APP
            return fact[0] in ("policy", "role") and fact[2] == principal

        breaks = (
            frozenset({"login", "rights", *(["credential"] if credentials else [])}) if revoked else frozenset[str]()
        )
        touches = frozenset({"credentials", "application", *(f"rights {one}" for one in (POLICY_VAULT, RBAC_VAULT))})
        claim = partial(claims.of_access, revoked=revoked)
        # What has come up since the record was taken is not removed without a new one.
        refuses = "because the record does not contain it" if revoked else ""
        job = Job(name, azure_kv_access, given)
        return Deed(job, touches, removes, breaks, (claim,), destroys=revoked, refuses=refuses)

    def key(self, name: str, key: str, **options: Any) -> Deed:
        """One key in the vault of the group g1. It never takes anything away, but brings a deleted key back."""
        given = {**self.azure, **self.dsm, "group_name": "g1", "name": key, **options}
        wants = (("key", "g1", key),)

        def removes(fact: Fact) -> bool:
            recovers = options.get("on_soft_deleted") == "recover"
            # A sync shows DSM what the vault does not have, also while the vault is still deleting or recovering it.
            return fact[0] == "key" or (recovers and fact[0] == "deleted-key" and fact[2] == key)

        return Deed(Job(name, cdc_key, given), frozenset({"keys"}), removes, claims=(claims.of_key,), wants=wants)

    def ending(self, name: str, key: str, state: str, **options: Any) -> Deed:
        """The end of one key in the vault of the group g1. It takes away this key and its records, and nothing else."""
        confirmed = {"confirm_purge": key} if state == "purged" else {}
        given = {**self.azure, **self.dsm, "group_name": "g1", "name": key, "state": state, "consumers": "skip"}

        def removes(fact: Fact) -> bool:
            return fact[0] == "key" or (fact[0] in ("version", "deleted-key") and fact[2] == key)

        job, told = (
            Job(name, cdc_key, {**given, **confirmed, **options}),
            partial(claims.of_ending, name=key, state=state),
        )
        return Deed(job, frozenset({"keys"}), removes, claims=(told,), destroys=True, refuses=_TOO_EARLY)

    def groups(self, name: str, group: str, operation: Any = cdc_group, **options: Any) -> Deed:
        named = {"name": group} if operation is cdc_group else {"group_name": group}
        given = {**self.dsm, **named, **options}
        absent = options.get("state") == "absent" and operation is cdc_group
        metadata = options.get("custom_metadata") or {}

        def removes(fact: Fact) -> bool:
            if fact[1] != group:
                return False
            if absent:
                return fact[0] in ("group", "description", "metadata", "linked", "link", "tls", "auth")
            if fact[0] == "metadata":
                return fact[2].startswith(MARK) or fact[2] in metadata
            if fact[0] == "link":
                return operation is cdc_vault_select and fact[2] in ("url", "key_vault_type")
            if fact[0] == "tls":
                return operation is cdc_tls
            if fact[0] == "auth":
                # DSM replaces a link whole, so that the credential is sent, too.
                return "link_client_secret" in options
            return fact[0] == "description" and "description" in options

        breaks = frozenset({"exists"}) if absent else frozenset[str]()
        touches = frozenset({"groups"})
        wants: list[Fact] = [("metadata", group, key, value) for key, value in metadata.items()]
        if "description" in options:
            wants.append(("description", group, options["description"]))
        if operation is cdc_vault_select:
            wants.append(("link", group, "key_vault_type", '"STANDARD"'))
        if not absent:
            wants.append(("linked", group))
        unwanted = (("group", group),) if absent else ()
        job, told = Job(name, operation, given), (claims.of_group,)
        return Deed(
            job,
            touches,
            removes,
            breaks,
            told,
            destroys=options.get("state") == "absent",
            refuses="" if operation is cdc_group else "the group does not exist",
            wants=tuple(wants),
            unwanted=unwanted,
            declares_credential="link_client_secret" in options,
        )

    def somebody(self, name: str, touches: str, deed: Callable[[Any], None]) -> Deed:
        """A person in the portal, or Terraform: adds something and goes."""
        job = Job(name, deed=lambda world: world.do(deed))
        return Deed(job, frozenset({touches}), lambda _fact: False, foreign=True)

    def people(self) -> list[Deed]:
        late = self.pairs["late"].certificate

        def permission(azure: Any) -> None:
            for resource in azure.application(self.view.client_id).required_access:
                if resource["resourceAppId"] == GRAPH_APP:
                    resource["resourceAccess"] = [*resource["resourceAccess"], {"id": MAIL_READ, "type": "Scope"}]

        def at_vault(change: Callable[[Any], object]) -> Callable[[Any], None]:
            """Nobody changes a vault that is gone."""

            def carry_out(azure: Any) -> None:
                if POLICY_VAULT in azure.vaults:
                    change(azure)

            return carry_out

        def network(azure: Any) -> None:
            vault = azure.vault(POLICY_VAULT)
            rules = [*vault.firewall.virtual_network_rules, self.subnet("late")]
            azure.set_firewall(vault, virtual_network_rules=rules)

        return [
            self.somebody(
                "somebody: certificate",
                "credentials",
                lambda azure: azure.add_certificate(self.view.client_id, late, "late"),
            ),
            self.somebody("somebody: permission", "application", permission),
            self.somebody(
                "somebody: tag",
                f"vault {POLICY_VAULT}",
                at_vault(lambda azure: azure.vault(POLICY_VAULT).tags.update(late="yes")),
            ),
            self.somebody(
                "somebody: policy",
                f"rights {POLICY_VAULT}",
                at_vault(lambda azure: azure.add_access_policy(POLICY_VAULT, STRANGER.replace("9", "8"), ["get"])),
            ),
            self.somebody("somebody: network", f"vault {POLICY_VAULT}", at_vault(network)),
        ]

    def _pem(self, name: str) -> str:
        return self.pairs[name].certificate_pem

    def _only_login_counts(self) -> None:
        """A scene in which nobody touches rights: DSM's test ends with the login, which is a fifth of its cost."""
        self.sandbox.profile = Profile(check_depth="token")

    # Scenes ----------------------------------------------------------------------------------------------------------

    def _shared(self, kind: str) -> list[Deed]:
        """Two groups with a credential that a first run has made, and that is due."""
        self._only_login_counts()
        first = {"type": kind, "new_groups": [self.group("g1"), self.group("g2")], "valid_days": SHORT}
        self.ran(self.credential("first", renew_before_days=30, **first).job)
        self.mark_groups("g1", "g2")
        self.world.pass_time(86400)
        own = {"link_certificate": self._pem("own"), "link_private_key": self.pairs["own"].key_pem}
        return [
            self.credential("rotate"),
            self.credential("rotate, other run"),
            self.credential("rotate, always", renew="always"),
            self.credential("rotate, own pair", **own),
            self.credential("first use", new_groups=[self.group("g3")], type=kind),
            self.application("app: certificate", certificates=[self._pem("given")], api_permission=True),
            self.application("app: other certificate", certificates=[self._pem("other")], api_permission=False),
            self.application("app: absent", state="absent", **self.dsm),
            self.groups("group: edit", "g1", custom_metadata={"site": "north"}, description="edited"),
            self.groups("group: other edit", "g1", custom_metadata={"floor": "2"}),
            self.groups("group: absent", "g1", state="absent"),
            *self.people()[:2],
        ]

    def _secrets(self) -> list[Deed]:
        return self._shared("secret")

    def _certificates(self) -> list[Deed]:
        return self._shared("certificate")

    def _vaults(self) -> list[Deed]:
        """Vaults to be made, edited and removed; nobody in DSM uses them."""
        new = {"type": "premium", "permission_model": "access_policy", "location": "westeurope"}
        return [
            self.vault("vault: new", NEW_VAULT, **new, tags={"made": "here"}),
            self.vault("vault: new, other run", NEW_VAULT, **new, tags={"built": "there"}, ip_rules=["203.0.113.0/24"]),
            self.vault("vault: new, absent", NEW_VAULT, state="absent", delete_vault_named=NEW_VAULT),
            self.vault("vault: tags", POLICY_VAULT, tags={"tier": "gold", "cost": "1"}),
            self.vault("vault: other tags", POLICY_VAULT, tags={"site": "north"}),
            self.vault("vault: rules", POLICY_VAULT, ip_rules=["192.0.2.0/24", "198.51.100.0/24"]),
            self.vault("vault: absent", POLICY_VAULT, state="absent", delete_vault_named=POLICY_VAULT),
            self.prerequisites("prereqs: present", POLICY_VAULT),
            self.prerequisites("prereqs: absent", POLICY_VAULT, state="absent", confirm_remove_policy=True),
            self.prerequisites("prereqs: present, RBAC", RBAC_VAULT),
            *self.people()[2:],
        ]

    def _rights(self) -> list[Deed]:
        """An application whose rights at the vaults are incomplete, and groups that use it."""
        for vault in (POLICY_VAULT, RBAC_VAULT):
            self.given_group(f"g {vault}", vault)

        def deed(azure: Any) -> None:
            azure.set_access_policy(POLICY_VAULT, self.view.client_id, ["get", "list"])
            azure.revoke_role(self.view.client_id, RBAC_VAULT, "Key Vault Crypto Officer")
            azure.assign_role(self.view.client_id, RBAC_VAULT, "Key Vault Crypto User")

        self.world.do(deed)
        absent = {"state": "absent", "confirm_remove_policy": True}
        record = self._record()
        return [
            self.prerequisites("prereqs: present", POLICY_VAULT),
            self.prerequisites("prereqs: present, other run", POLICY_VAULT),
            self.prerequisites("prereqs: absent", POLICY_VAULT, **absent),
            self.prerequisites("prereqs: present, RBAC", RBAC_VAULT),
            self.prerequisites("prereqs: present, RBAC, other run", RBAC_VAULT),
            self.prerequisites("prereqs: absent, RBAC", RBAC_VAULT, **absent),
            self.access("access: revoked", "revoked", record),
            self.vault("vault: tags", POLICY_VAULT, tags={"tier": "gold", "cost": "1"}),
            self.vault("vault: rules", POLICY_VAULT, ip_rules=["192.0.2.0/24", "198.51.100.0/24"]),
            self.people()[3],
        ]

    def _record(self, **options: Any) -> dict[str, Any]:
        """The record of a cut, as the playbook takes it in check mode."""
        seen, principal = self.sandbox.do(picture), self.view.service_principal_id
        self._notes["held"] = {fact for fact in seen.facts if is_right(fact, principal)}
        self._notes["certificates"] = {fact[2] for fact in seen.all("certificate", APP)}
        deed = self.access("record", "revoked", None, **options)
        planned: dict[str, Any] = self.ran(Job("record", azure_kv_access, deed.job.options, check_mode=True))["record"]
        return json.loads(json.dumps(planned))  # type: ignore[no-any-return]

    def _cut(self) -> list[Deed]:
        """An application that has been cut off, certificates included, and what brings it back."""
        pair = {"link_certificate": self._pem("own"), "link_private_key": self.pairs["own"].key_pem}
        self.world.do(lambda azure: azure.add_certificate(self.view.client_id, self.pairs["own"].certificate, "own"))
        self.given_group("g1", link_client_secret=None, **pair)
        self.given_group("g2", RBAC_VAULT)
        record = self._record(cut_credentials=True)
        done = self.ran(self.access("cut", "revoked", record, cut_credentials=True).job)
        record = json.loads(json.dumps(done["record"]))
        return [
            self.access("access: restored", "restored", record),
            self.access("access: restored, other run", "restored", record),
            self.access("access: revoked", "revoked", record),
            self.access("access: revoked, credentials", "revoked", record, cut_credentials=True),
            self.application("app: certificate", certificates=[self._pem("given")], api_permission=True),
            self.prerequisites("prereqs: present", POLICY_VAULT),
            self.people()[0],
        ]

    def _whole(self) -> list[Deed]:
        """An application in use, to be cut off while others work at it."""
        self.given_group("g1")
        self.given_group("g2", RBAC_VAULT)
        record = self._record(cut_credentials=True)
        return [
            self.access("access: revoked", "revoked", record),
            self.access("access: revoked, credentials", "revoked", record, cut_credentials=True),
            self.access("access: revoked, other run", "revoked", record, cut_credentials=True),
            self.application("app: certificate", certificates=[self._pem("given")], api_permission=True),
            self.credential("rotate", type="certificate", renew="always"),
            self.prerequisites("prereqs: present", POLICY_VAULT),
            self.people()[0],
        ]

    def _links(self) -> list[Deed]:
        """A group whose link is edited by several, with the secret that somebody has made by hand."""
        self.given_group("g1", custom_metadata={"team": "keys"}, description="first")
        secret = {"link_client_secret": self.view.client_secret}
        new = {"link_client_id": self.view.client_id, **secret}
        made = {name: value for name, value in self.group("g2").items() if name != "name"}
        return [
            self.groups("group: edit", "g1", custom_metadata={"site": "north"}, description="edited"),
            self.groups("group: other edit", "g1", custom_metadata={"floor": "2"}),
            self.groups("group: absent", "g1", state="absent"),
            self.groups("group: new", "g2", **made, **new),
            self.groups("group: new, other run", "g2", **made, **new, custom_metadata={"site": "south"}),
            self.groups("group: new, absent", "g2", state="absent"),
            self.groups("tls", "g1", cdc_tls, validate_host=False, **secret),
            self.groups("tls: absent", "g1", cdc_tls, state="absent", **secret),
            self.groups("vault select", "g1", cdc_vault_select, vault={"name": RBAC_VAULT}, **secret),
            self.credential("rotate", type="secret", current_credential=secret, renew="always"),
            self.credential("first use", new_groups=[self.group("g2")], type="secret"),
        ]

    def _keys(self) -> list[Deed]:
        """A group with two keys of its own in its vault, one of which is changed by several."""
        self._only_login_counts()
        self.given_group("g1")
        self.mark_groups("g1")
        client_id = self.view.operator_client_id
        self.world.do(lambda azure: azure.set_access_policy(POLICY_VAULT, client_id, ["get", "list"]))
        new = {"origin": "azure", "type": "EC", "curve": "P-256", "protection": "hsm"}
        for name in ("made", "kept", "left", "deleted", "doomed", "gone"):
            self.ran(self.key(f"given {name}", name, **new).job)
        for name in ("deleted", "doomed"):
            self.ran(self.ending(f"given {name}, ended", name, "deleted").job)
        self.ran(self.ending("given gone, ended", "gone", "purged", allow_skip=True).job)
        return [
            self.key("key: new", "new", **new),
            self.key("key: new, other run", "new", **new, expires="2031-01-01T00:00:00Z"),
            self.key("key: new, without Azure", "new", **new, look_in_azure=False),
            self.key("key: disabled", "made", enabled=False),
            self.key("key: expiry", "made", expires="2031-01-01T00:00:00Z"),
            self.key("key: recovered", "deleted", on_soft_deleted="recover"),
            self.ending("key: deleted", "left", "deleted"),
            self.ending("key: deleted, without Azure", "left", "deleted", look_in_azure=False),
            self.ending("key: deleted and purged", "left", "purged", allow_skip=True),
            self.ending("key: purged", "doomed", "purged"),
            self.ending("key: absent", "gone", "absent"),
        ]

    def _applications(self) -> list[Deed]:
        """Applications that are made by several, and one that lacks a permission; no group is there yet."""
        self._only_login_counts()

        def deed(azure: Any) -> None:
            app = azure.application(self.view.client_id)
            app.required_access = [one for one in app.required_access if one["resourceAppId"] == GRAPH_APP]
            azure.add_certificate(app, self.pairs["own"].certificate, MARK)

        self.world.do(deed)
        new = {"app_client_id": None, "app_unique_name": "new-app"}
        return [
            self.application("app: permission", api_permission=True),
            self.application("app: certificate", certificates=[self._pem("given")], api_permission=True),
            self.application("app: other certificate", certificates=[self._pem("other")], api_permission=False),
            self.application("app: consent", api_permission=True, admin_consent=True),
            self.application("app: absent", state="absent"),
            self.application("app: new", **new, certificates=[self._pem("given")]),
            self.application("app: new, other run", **new, certificates=[self._pem("other")]),
            self.credential("first use", new_groups=[self.group("g1")], type="certificate"),
            self.credential("first use, other run", new_groups=[self.group("g2")], type="certificate"),
            *self.people()[:2],
        ]


SCENES = ("secrets", "certificates", "links", "applications", "vaults", "rights", "cut", "whole", "keys")
