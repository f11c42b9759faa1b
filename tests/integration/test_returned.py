# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each module returns what its RETURN documents: planned, first run, second run, absent, pending approval, failure.

Every other test here compares its results as well (``results_as_documented`` in conftest.py). These make sure that none
of the modules, and none of the kinds of result, is missed.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Profile
from support.azure_rights import AzureRights
from support.azure_vaults import NEW
from support.operate import Operator
from support.returned import MODULES, Comparison, documentation

_OPERATIONS = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"
_QUICK = {"wait_interval": 0, "wait_timeout": 20, "key_size": 2048, "takeover_after": 0}
NOBODY = "99999999-9999-4999-8999-999999999999"
GONE = {"name": "kv-gone", "resource_group": "rg-keys"}


@dataclass
class Tasks:
    """Runs any module in this process, with both logins where it has them."""

    azure: AzureRights
    directory: Path

    def __call__(self, module: str, **options: Any) -> dict[str, Any]:
        operation = importlib.import_module(f"{_OPERATIONS}.{module}")
        usual = {**self.azure.operator, **_QUICK}
        known = {name: value for name, value in usual.items() if name in operation.SPEC.argument_spec}
        # The validator fills in what is not set in suboptions: in dictionaries of its own.
        given = json.loads(json.dumps({**known, **options}))
        operate = Operator(self.azure.sandbox.environment())
        return operate(operation, no_log=bool(options.get("return_secret")), **given)

    def planned_and_done(self, module: str, **options: Any) -> dict[str, Any]:
        """The result of the first run, between check mode and a second run."""
        self(module, check_mode=True, **options)
        result = self(module, **options)
        self(module, **options)
        return result

    def failed(self, module: str, **options: Any) -> TaskError:
        with pytest.raises(TaskError) as failed:
            self(module, **options)
        return failed.value

    @property
    def ids(self) -> dict[str, str]:
        view = self.azure.view
        return {"link_tenant_id": view.tenant_id, "link_subscription_id": view.subscription_id}

    @property
    def secret(self) -> dict[str, str]:
        return {"link_client_secret": self.azure.view.client_secret}

    @property
    def link(self) -> dict[str, str]:
        return {**self.ids, "link_client_id": self.azure.view.client_id, **self.secret}

    def let_operator_read_keys(self) -> None:
        client_id = self.azure.view.operator_client_id
        self.azure.do(lambda state: state.set_access_policy(self.azure.vault, client_id, ["get", "list", "update"]))

    def demand_approval(self, name: str) -> None:
        """Put a group and its keys under the approval of the administrator."""
        policy: dict[str, Any] = {
            "quorum": {"n": 1, "members": [{"user": self.azure.sandbox.world.administrator.user_id}]}
        }
        policy["protect_permissions"] = ["CREATE_SOBJECTS"]
        self.azure.sandbox.do(lambda state: setattr(state.dsm.find_group(name), "approval_policy", policy))


def an_application(run: Tasks) -> None:
    pair = {"certificate_path": str(run.directory / "a.crt"), "key_path": str(run.directory / "a.key")}
    named = {"app_unique_name": "fortanix-returned"}
    run.planned_and_done("azure_kv_app", **named, generate_certificate={**pair, "key_size": 2048})
    run("azure_kv_app", **named, return_secret=True)
    run("azure_kv_app", state="absent", app_unique_name="nobody")
    run("azure_kv_app", app_client_id=run.azure.app, api_permission=False)
    run("azure_kv_app", app_client_id=run.azure.app, state="absent")
    run.planned_and_done("azure_kv_app", **named, state="absent")
    run("azure_kv_app", **named, state="absent", remove_application=True)
    run("azure_kv_app", **named, on_soft_deleted="recover", check_mode=True)
    run.failed("azure_kv_app", **named)


def a_vault(run: Tasks) -> None:
    run.planned_and_done("azure_kv_vault", **NEW)
    named = {name: NEW[name] for name in ("name", "resource_group")}
    to_rbac = {"permission_model": "rbac", "allow_disruptive": ["permission_model"]}
    run("azure_kv_vault", **named, **to_rbac, check_mode=True)
    there = {"name": run.azure.vault, "resource_group": "rg-keys"}
    run("azure_kv_vault", **there, **to_rbac, check_mode=True)
    run("azure_kv_vault", name="hsm-sandbox", resource_group="rg-hsm", type="managed_hsm")
    run.planned_and_done("azure_kv_vault", **named, state="absent")
    run("azure_kv_vault", **named, on_soft_deleted="recover", check_mode=True)
    run.failed("azure_kv_vault", **NEW)


def permissions(run: Tasks) -> None:
    at = {"vault": {"resource_id": run.azure.resource_id}, "app_client_id": run.azure.app}
    pool = {"vault": {"resource_id": run.azure.stores["hsm-sandbox"].resource_id}, "app_client_id": run.azure.app}
    for where in (at, pool):
        run("azure_kv_prereqs_info", **where, dsm_egress_addresses=["198.51.100.7"])
        run.planned_and_done("azure_kv_prereqs", **where, rights_profile="guide")
        run("azure_kv_prereqs", **where, rights_profile="guide", state="absent")
        run.planned_and_done(
            "azure_kv_prereqs", **where, rights_profile="guide", state="absent", confirm_remove_policy=True
        )
        run("azure_kv_prereqs_info", **where)
    run("azure_kv_prereqs", **{**at, "vault": GONE}, rights_profile="guide", state="absent")
    run("azure_kv_prereqs", **{**at, "app_client_id": NOBODY}, rights_profile="guide", state="absent")
    run.failed("azure_kv_prereqs_info", **{**at, "vault": GONE})


def an_emergency(run: Tasks) -> None:
    cut = {"state": "revoked", "app_client_id": run.azure.app, "confirm_client_id": run.azure.app}
    cut |= {"vaults": [{"resource_id": run.azure.resource_id}]}
    run("cdc_group", name="cut", **run.link, vault={"name": run.azure.vault})
    record = run("azure_kv_access", **cut, check_mode=True)["record"]
    record = run("azure_kv_access", **cut, record=record)["record"]
    restored = {"state": "restored", "app_client_id": run.azure.app, "record": record}
    run.planned_and_done("azure_kv_access", **restored)
    run.failed("azure_kv_access", **{**cut, "vaults": [GONE]}, record=record)


def a_group(run: Tasks) -> None:
    vault, named = {"name": run.azure.vault}, {"name": "returned"}
    planned = run("cdc_group", **named, **run.link, check_mode=True)["group"]
    select = {"group_name": "returned"}
    run("cdc_sync", group=planned, check_mode=True)
    run("cdc_connection", group=planned, check_mode=True)
    run.planned_and_done("cdc_group", **named, **run.link, description="Keys")
    run.planned_and_done("cdc_vault_select", **select, **run.secret, vault=vault)
    run.planned_and_done("cdc_tls", **select, **run.secret, validate_host=False)
    run("cdc_vault_info", **run.link)
    run.azure.sandbox.do(lambda state: state.azure.public.add_key(run.azure.vault, "returned-key"))
    run.planned_and_done("cdc_sync", **select)
    run("cdc_sync", **select, only_when_empty=True)
    run("cdc_key_info", **select, look_in_azure=False)
    run("cdc_key_info", depth="versions", require_expiry=True)
    run("cdc_key_info", group=planned, check_mode=True)
    users_of_keys(run, select)
    native = {"origin": "azure", "type": "RSA", "size": 2048, "protection": "hsm"}
    run("cdc_key", name="made", group=planned, **native, look_in_azure=False, check_mode=True)
    run("cdc_key", name="seen", **select, **native, look_in_azure=False)
    run.let_operator_read_keys()
    told = {"description": "Signs", "metadata": {"owner": "us"}, "rotation_policy": {"interval_days": 90}}
    run.planned_and_done("cdc_key", name="made", **select, **native, **told, valid_days=90, tags={"team": "us"})
    run.planned_and_done("cdc_key", name="made", **select, enabled=False, enabled_versions="all", tags={})
    run.failed("cdc_key", name="nobody", **select)
    run.azure.sandbox.profile = Profile(key_transition=0)
    run.planned_and_done("cdc_key", name="made", **select, state="deleted")
    run.failed("cdc_key", name="made", **select, state="absent")
    run.planned_and_done("cdc_key", name="made", **select, on_soft_deleted="recover")
    skip = {"confirm_purge": "made", "allow_skip": True, "consumers": "warn"}
    run.planned_and_done("cdc_key", name="made", **select, state="purged", **skip)
    run.planned_and_done("cdc_key", name="made", **select, state="absent")
    run("cdc_connection", **select)
    run("cdc_connection", **select, **run.secret)
    wrong = {"link_client_secret": "wrong"}
    run("cdc_connection", **select, **wrong, on_not_connected="ignore")
    run.failed("cdc_connection", **select, **wrong)
    for kind in ("azure", "external", "all"):
        run("cdc_group_info", kind=kind)
        run("cdc_user_info", kind=kind, check_connections=True)
    run("cdc_account_info")
    run("cdc_account_info", gather=[])
    run("cdc_group", name="empty", **run.link)
    run.planned_and_done("cdc_group", name="empty", state="absent")


def users_of_keys(run: Tasks, select: dict[str, str]) -> None:
    """Of the vault of a group, and of a vault by its address."""

    def deed(state: Any) -> None:
        cloud, vault = state.azure.public, run.azure.vault
        cloud.add_storage_account("streturned", vault, "returned-key")
        cloud.add_disk_encryption_set("des-returned", vault, "returned-key", 2)
        cloud.add_sql_server("sql-returned", vault, "returned-key", follows=False)
        cloud.add_resource("Microsoft.Example/things", "thing", {"store": run.azure.stores[vault].uri})

    run.azure.sandbox.do(deed)
    run("cdc_key_consumers_info", **select)
    place = {"vault_uri": run.azure.stores[run.azure.vault].uri, "subscriptions": [NOBODY]}
    run("cdc_key_consumers_info", **place, names=["returned-key"], read_services=True, max_requests=0)
    run.failed("cdc_key_consumers_info", **place, names=["returned key"])


def approvals(run: Tasks) -> None:
    run.azure.sandbox.profile = Profile(approvable="all", scan_gated="gated")
    vault = {"name": run.azure.vault}
    changes: dict[str, dict[str, Any]] = {
        "cdc_group": {**run.link, "description": "Guarded"},
        "cdc_vault_select": {**run.secret, "vault": vault},
        "cdc_tls": {**run.secret, "validate_host": False},
        "cdc_sync": {},
        "cdc_key": {"name": "guarded", "origin": "azure", "type": "EC", "curve": "P-256", "protection": "software"},
    }
    changes["cdc_key"]["look_in_azure"] = False
    for module, change in changes.items():
        run("cdc_group", name=module, **run.link, vault=None if module == "cdc_vault_select" else vault)
        run.demand_approval(module)
        named = {"name" if module == "cdc_group" else "group_name": module}
        assert run.planned_and_done(module, **named, **change)["pending"], module
        run.failed(module, **named, **change, approval="fail")


def a_credential(run: Tasks) -> None:
    of = {"app_client_id": run.azure.app}
    new = {"name": "renewed", **run.ids, "azure_service": "global", "vault": {"name": run.azure.vault}}
    run.planned_and_done("cdc_credential", **of, new_groups=[new])
    run("cdc_credential", **of, renew="always", type="secret")
    run("cdc_group", name="guarded", **run.link)
    run.demand_approval("guarded")
    # Of credentials that were created in the same second, none is the later one.
    run.azure.sandbox.clock.advance(60)
    run.planned_and_done("cdc_credential", **of, renew_before_days=100, valid_days=400)


def many_groups(run: Tasks) -> None:
    registered = {"unique_name": "fortanix-many", "credential": {"type": "secret"}}
    own = {"application": registered, "azure_vault": NEW, "repair_prerequisites": True, **run.ids, "wait_interval": 0}
    groups = [{"name": "many-1", **run.link, "vault": {"name": run.azure.vault}, "check_prerequisites": False}]
    groups += [{"name": f"many-{number}", **own, "host": f"host-{number}"} for number in (2, 3)]
    run("cdc_groups", groups=groups, check_mode=True)
    made = run("cdc_groups", groups=groups)
    run("cdc_groups", groups=groups)
    run("cdc_groups_report", groups=made["groups"], shared=made["shared"], diff=made["diff"])
    wrong = {"name": "many-4", **run.link, "vault": {"name": "nowhere"}, "check_prerequisites": False}
    returned = run.failed("cdc_groups", groups=[wrong, {**wrong, "name": "many-5"}], concurrency=1).returned
    run("cdc_groups_report", groups=returned["groups"], shared=returned["shared"], diff=returned["diff"])
    run("cdc_compliance_info")
    run("cdc_compliance_info", look_in_azure=False, check_connections=False, group_names=["many-1", "nobody"])
    run("cdc_compliance_info", declared=[{"name": "many-1", "description": "Other"}, {"name": "nobody"}])


RUNS: dict[Callable[[Tasks], None], set[str]] = {
    an_application: {"azure_kv_app"},
    a_vault: {"azure_kv_vault"},
    permissions: {"azure_kv_prereqs", "azure_kv_prereqs_info"},
    an_emergency: {"azure_kv_access"},
    a_group: {
        "cdc_account_info",
        "cdc_connection",
        "cdc_group",
        "cdc_group_info",
        "cdc_key",
        "cdc_key_consumers_info",
        "cdc_key_info",
        "cdc_sync",
        "cdc_tls",
        "cdc_user_info",
        "cdc_vault_info",
        "cdc_vault_select",
    },
    approvals: {"cdc_group", "cdc_key", "cdc_sync", "cdc_tls", "cdc_vault_select"},
    a_credential: {"cdc_credential"},
    many_groups: {"cdc_compliance_info", "cdc_groups", "cdc_groups_report"},
}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_modules_return_what_they_document(
    run: Callable[[Tasks], None], azure: AzureRights, tmp_path: Path, comparison: Comparison
) -> None:
    comparison.returned.clear()

    run(Tasks(azure, tmp_path))

    for module in RUNS[run]:
        assert documentation(module).keys() - comparison.returned[module] == set(), module


def test_no_module_is_left_out() -> None:
    assert sorted(set().union(*RUNS.values())) == MODULES
