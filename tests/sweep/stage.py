# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenes of the exploration, with time limits as users have them, and those that only the sweep has."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    cdc_account_info,
    cdc_compliance_info,
    cdc_connection,
    cdc_group_info,
    cdc_groups,
    cdc_key_consumers_info,
    cdc_key_info,
    cdc_sync,
    cdc_tls,
    cdc_user_info,
    cdc_vault_info,
)
from explore.facts import Fact
from explore.scenes import MARK, NEW_VAULT, PATIENCE, POLICY_VAULT, RBAC_VAULT, Builder, Deed, Scene
from support.challenges import forget_challenges
from support.role_in_process import PlaybookPlayer, RolePlayer
from support.worlds import Job

from .shown import PlayJob, ShownJob, lines_of_key

POOL = "hsm-sandbox"
_GENERATED = {"origin": "azure", "type": "EC", "curve": "P-256", "protection": "hsm"}


class Stage(Builder):
    """One sandbox for all subjects of the process, and one folder for the files that operations write."""

    def __init__(self) -> None:
        super().__init__()
        del self.dsm["dsm_timeout"]
        self.files = Path(tempfile.mkdtemp(prefix="sweep-"))
        self.world.keeps_tokens = False
        # By scene: what there is in the folder when a run starts.
        self._given_files: dict[str, dict[Path, str]] = {}

    def close(self) -> None:
        shutil.rmtree(self.files)
        super().close()

    def deed(self, scene_name: str, name: str) -> tuple[Scene, Deed]:
        """A deed whose job shows what users see."""
        scene = self.scene(scene_name)
        deed = scene.deeds[name]
        job = deed.job
        if isinstance(job, PlayJob):
            return scene, deed
        return scene, replace(deed, job=ShownJob(job.name, job.operation, job.options, check_mode=job.check_mode))

    def begin(self, scene: Scene) -> None:
        """The state from which each run of the scene starts."""
        forget_challenges()
        shutil.rmtree(self.files)
        self.files.mkdir()
        for path, content in self._given_files.get(scene.name, {}).items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        self.world.reset(scene.kept)

    def secrets(self) -> frozenset[str]:
        """The credentials that operations are given."""
        given = {str(self.dsm["dsm_api_key"]), self.azure["secret"], self.view.client_secret}
        given.add(self.sandbox.world.administrator.password)
        for pair in self.pairs.values():
            given.update(lines_of_key(pair.key_pem))
        return frozenset(given)

    # Deeds ------------------------------------------------------------------------------------------------------------

    def _reading(self, name: str, operation: Any, **options: Any) -> Deed:
        known = operation.SPEC.argument_spec
        logins = {option: value for option, value in {**self.azure, **self.dsm}.items() if option in known}
        return Deed(Job(name, operation, {**logins, **options}), frozenset(), _nothing)

    def _writing(self, name: str, operation: Any, wants: tuple[Fact, ...], **options: Any) -> Deed:
        """A deed that adds something, and takes nothing away but what a run of it before has left half-done."""
        deed = self._reading(name, operation, **options)
        return replace(deed, wants=wants, removes=_is_orphan)

    @property
    def _as_user(self) -> dict[str, Any]:
        """A login with a session, which ends."""
        user, account = self.sandbox.world.administrator, self.sandbox.world.account_name
        return {
            "dsm_api_key": None,
            "dsm_username": user.email,
            "dsm_password": user.password,
            "dsm_account": account,
        }

    # Scenes -----------------------------------------------------------------------------------------------------------

    def _groups(self) -> list[Deed]:
        """Groups with keys in their vaults, of which DSM knows none; services that use one of them."""
        secret = {"link_client_secret": self.view.client_secret}
        for name in ("g1", "g2"):
            self.given_group(name, tls={"validate_host": False})
        self.mark_groups("g1", "g2")
        self.world.do(_add_key_consumers)
        client_id = self.view.operator_client_id
        self.world.do(lambda azure: azure.set_access_policy(POLICY_VAULT, client_id, ["get", "list", "update"]))
        keys = tuple(("key", "g1", key) for key in ("payments", "customer-data", "code-signing", "archive"))
        as_user = self.groups("group: edit, as a user", "g1", custom_metadata={"site": "north"}, **self._as_user)
        return [
            self.groups("tls: absent", "g1", cdc_tls, state="absent", **secret),
            as_user,
            self._writing("sync", cdc_sync, keys, group_name="g1"),
            self._writing("sync, as a user", cdc_sync, keys, group_name="g1", **self._as_user),
            self.key("key", "swept", **_GENERATED, valid_days=90, tags={"team": "sweep"}, metadata={"team": "sweep"}),
            self.key("key: all versions", "payments", adopt=True, enabled=False, enabled_versions="all"),
            self._reading("connection", cdc_connection, group_name="g1"),
            self._reading("vaults", cdc_vault_info, group_name="g1", **secret),
            self._reading("groups", cdc_group_info),
            self._reading("keys", cdc_key_info, depth="versions"),
            self._reading("key consumers", cdc_key_consumers_info, group_name="g1", read_services=True),
            self._reading("user", cdc_user_info, check_connections=True, **self._as_user),
            self._reading("account", cdc_account_info),
            self._reading("compliance", cdc_compliance_info, concurrency=1),
            self._reading(
                "prereqs: info",
                azure_kv_prereqs_info,
                app_client_id=self.view.client_id,
                vault={"resource_id": self.view.vaults[POLICY_VAULT].resource_id},
            ),
        ]

    def _endings(self) -> list[Deed]:
        """Keys of a group, each with one step left to its end: live, deleted twice, and purged."""
        self.given_group("g1")
        self.mark_groups("g1")
        client_id = self.view.operator_client_id
        self.world.do(lambda azure: azure.set_access_policy(POLICY_VAULT, client_id, ["get", "list"]))
        made = {"origin": "azure", "type": "EC", "curve": "P-256", "protection": "hsm"}
        for name, state in (("live", None), ("deleted", "deleted"), ("recovered", "deleted"), ("purged", "purged")):
            self.ran(self.key(f"given {name}", name, **made).job)
            if state is not None:
                self.ran(self.ending(f"given {name}, ended", name, state, allow_skip=state == "purged").job)
        return [
            self.ending("key: deleted", "live", "deleted"),
            self.ending("key: purged", "deleted", "purged"),
            self.ending("key: absent", "purged", "absent"),
            self.key("key: recovered", "recovered", on_soft_deleted="recover"),
        ]

    def _fleet(self) -> list[Deed]:
        """Nothing is there but what belongs to others: whole set-ups."""
        made, two = self._declaration("g1"), ["g1", "g2"]
        made["application"]["credential"] = {"type": "secret"}
        given = self._declaration("g1", application=None, azure_vault=None, check_prerequisites=False)
        given |= {"link_client_id": self.view.client_id, "link_client_secret": self.view.client_secret}
        given["vault"] = {"name": POLICY_VAULT}
        whole = (("application", "Sweep", "sweep"), ("principal", "Sweep"), ("vault", NEW_VAULT), ("linked", "g1"))
        return [
            self._writing("whole", cdc_groups, whole, groups=[made], concurrency=1),
            self._writing(
                "two groups",
                cdc_groups,
                tuple(("linked", name) for name in two),
                groups=[{**given, "name": name} for name in two],
                concurrency=1,
            ),
        ]

    def _declaration(self, name: str, **more: Any) -> dict[str, Any]:
        declared = {
            "name": name,
            "link_tenant_id": self.view.tenant_id,
            "link_subscription_id": self.view.subscription_id,
            "repair_prerequisites": True,
            "application": {"unique_name": "sweep", "display_name": "Sweep"},
            "azure_vault": {
                "name": NEW_VAULT,
                "resource_group": "rg-keys",
                "location": "westeurope",
                "type": "premium",
                "permission_model": "rbac",
            },
            **more,
        }
        return {option: value for option, value in declared.items() if value is not None}

    @property
    def _pair(self) -> dict[str, Any]:
        paths = {"certificate_path": str(self.files / "app.crt"), "key_path": str(self.files / "app.key")}
        return {**paths, "key_size": 2048}

    def _registrations(self) -> list[Deed]:
        """What azure_kv_app makes beside an application, removes and brings back."""
        self._only_login_counts()
        gone = self.application("gone", app_client_id=None, app_unique_name="gone")
        self.ran(gone.job)
        self.world.do(lambda azure: azure.delete_application(_named(azure, "gone")))
        ours = self.application("ours", app_client_id=None, app_unique_name="ours")
        self.ran(ours.job)
        new = {"app_client_id": None, "app_unique_name": "new-app"}
        deleted = {"app_client_id": None, "app_unique_name": "gone", "on_soft_deleted": "recover"}
        removed = self.application(
            "app: removed", app_client_id=None, app_unique_name="ours", state="absent", remove_application=True
        )
        return [
            self.application("app: new pair", **new, generate_certificate=self._pair),
            self.application("app: new secret", **new, return_secret=True),
            self.application("app: recovered", **deleted),
            replace(removed, removes=lambda fact: fact[1] == "ours", wants=(), unwanted=(("application", "ours"),)),
        ]

    def _stores(self) -> list[Deed]:
        """A vault that was deleted, and a managed HSM without the application's rights."""
        self.world.do(lambda azure: azure.delete_vault(RBAC_VAULT))

        def deed(azure: Any) -> None:
            pool = azure.managed_hsm(POOL)
            pool.local_roles = [one for one in pool.local_roles if one.principal_id != self.view.service_principal_id]

        self.world.do(deed)
        pool, app = self.view.managed_hsms[POOL], {"app_client_id": self.view.client_id}
        at_pool = {**app, "vault": {"resource_id": pool.resource_id}, "rights_profile": "guide", **PATIENCE}
        recovered = self.vault("vault: recovered", RBAC_VAULT, on_soft_deleted="recover")
        tags = {"resource_group": pool.resource_group, "type": "managed_hsm", "tags": {"tier": "gold"}}
        return [
            replace(recovered, removes=lambda fact: fact == ("deleted-vault", RBAC_VAULT)),
            self._writing("pool: present", azure_kv_prereqs, (("local-role", POOL),), **at_pool),
            replace(self.vault("pool: tags", POOL, **tags), wants=(), claims=()),
        ]

    # Plays ------------------------------------------------------------------------------------------------------------

    def _play(self, name: str, player: Any, variables: Mapping[str, Any]) -> PlayJob:
        options = {**self.azure, **self.dsm, **PATIENCE}
        # Any operation: what a play runs is in its file.
        return PlayJob(name, cdc_groups, options, player=player, variables=variables)

    def _empty(self) -> list[Deed]:
        """Nothing is there but what belongs to others: the role sets a group up."""
        declared = self._declaration("g1")
        declared["application"]["generate_certificate"] = self._pair
        variables = {f"cdc_setup_{option}": value for option, value in declared.items()}
        wants: tuple[Fact, ...] = (("application", "Sweep"), ("principal", "Sweep"), ("vault", NEW_VAULT))
        deed = Deed(self._play("role", RolePlayer("cdc_setup"), variables), frozenset(), _nothing)
        return [replace(deed, wants=(*wants, ("linked", "g1")))]

    def _emergency(self) -> list[Deed]:
        """An application in use, to be cut off by the playbook."""
        self.given_group("g1")
        self.given_group("g2", RBAC_VAULT)
        return [self._break_glass(), self._break_glass(credentials=True)]

    def _break_glass(self, *, credentials: bool = False) -> Deed:
        variables = {
            "break_glass_client_id": self.view.client_id,
            "break_glass_confirm": self.view.client_id,
            "break_glass_directory": str(self.files / "emergency"),
            "break_glass_who": "somebody on call",
            "break_glass_cut_credentials": credentials,
        }
        name = "break glass, credentials" if credentials else "break glass"
        deed = self.access("access", "revoked", None, cut_credentials=credentials)
        return replace(deed, job=self._play(name, PlaybookPlayer("break_glass"), variables), claims=())

    def _afterwards(self) -> list[Deed]:
        """An application that the playbook has cut off, to be brought back by the other playbook."""
        self.given_group("g1")
        self.given_group("g2", RBAC_VAULT)
        self.ran(self._break_glass().job)
        self._given_files["afterwards"] = {
            path: path.read_text(encoding="utf-8") for path in self.files.glob("emergency/record-*.json")
        }
        variables = {
            "restore_access_client_id": self.view.client_id,
            "restore_access_directory": str(self.files / "emergency"),
        }
        deed = self.access("access", "restored", {})
        return [replace(deed, job=self._play("restore access", PlaybookPlayer("restore_access"), variables), claims=())]


def _add_key_consumers(azure: Any) -> None:
    azure.add_storage_account("stsweep", POLICY_VAULT, "payments")
    azure.add_disk_encryption_set("des-sweep", POLICY_VAULT, "payments", 1)
    azure.add_sql_server("sql-sweep", POLICY_VAULT, "payments")


def _is_orphan(fact: Fact) -> bool:
    """A credential that this collection has created for an application of its own."""
    return fact[0] in ("secret", "certificate") and fact[1] == "Sweep" and fact[3].startswith(MARK)


def _nothing(_fact: Fact) -> bool:
    return False


def _named(azure: Any, unique_name: str) -> Any:
    return next(app for app in azure.directory.applications.values() if app.unique_name == unique_name)
