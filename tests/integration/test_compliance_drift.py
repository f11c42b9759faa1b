# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report beside the set-up: both say of the same hosts that they are not as declared, and of no other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.filter.declared_groups import declared_groups
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import CREDENTIAL_FACT
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_compliance_info
from sandbox import Fault
from support.azure_rights import AzureRights
from support.deviations import World
from support.operate import Operator
from support.playbook import ROOT, Ansible
from support.set_ups import SetUp


class Drift:
    """A world that is set up as an inventory declares, the report on that inventory, and the set-up of its hosts."""

    def __init__(self, azure: AzureRights, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self._azure = azure
        self._set_up = SetUp(azure.sandbox, patch, {})
        self.sandbox = azure.sandbox
        self.world = World(azure, directory)
        self._reports = directory / "reports"
        self._inventory = directory / "groups.yml"
        self._inventory.write_text(yaml.safe_dump(self.world.inventory), encoding="utf-8")
        environment = {**self.sandbox.environment(), **self.sandbox.operator_environment(self.sandbox.world.public)}
        self._ansible = Ansible(environment, directory, timeout=600)

    def deviating(self, hosts: Iterable[str]) -> set[str]:
        """Those of the hosts for which the set-up, in this process, would change something or stops."""
        variables = self.world.inventory["cdc"]["hosts"]
        plans = {host: self._set_up(check_mode=True, **variables[host]) for host in hosts}
        return {host for host, plan in plans.items() if plan.changed or plan.failure is not None}

    def look(self) -> dict[str, Any]:
        """The findings alone, by the module in this process: the same, and faster."""
        hosts = self.world.inventory["cdc"]["hosts"]
        declared = declared_groups(hosts, list(hosts))
        return Operator(self.sandbox.environment())(
            cdc_compliance_info, **self._azure.operator, declared=declared, check_connections=False
        )

    def report(self) -> dict[str, Any]:
        variables = {
            "cdc_compliance_declared_hosts": "cdc",
            "cdc_compliance_directory": str(self._reports),
            "cdc_compliance_formats": ["json"],
        }
        arguments = ["-i", str(self._inventory)]
        self._ansible.playbook(ROOT / "playbooks/compliance.yml", variables=variables, arguments=arguments, check=True)
        (file,) = self._reports.glob("*.json")
        report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return report


def drift(report: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Host -> what of it is not as declared, or was not seen."""
    found = {
        group["name"]: frozenset(
            one["id"] for one in group["findings"] if one["check"] == "drift" and one["status"] != "ok"
        )
        for group in report["groups"]
    }
    return {name: ids for name, ids in found.items() if ids}


@pytest.fixture
def declared(azure: AzureRights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drift:
    return Drift(azure, tmp_path, monkeypatch)


@pytest.mark.long
def test_the_report_and_the_plan_of_the_set_up_agree_on_every_deviation(declared: Drift) -> None:
    as_set_up = declared.look()
    assert (drift(as_set_up), len(as_set_up["groups"])) == ({}, len(declared.world.hosts))
    assert declared.deviating(declared.world.one_of_each_form) == set()
    mark = declared.sandbox.journal.mark()

    done = declared.world.deviate()
    report = declared.report()
    untouched = declared.world.hosts[0].host

    assert len(done) >= 30
    assert declared.deviating([untouched, *done]) == set(done)
    assert drift(report) == {host: one.findings for host, one in done.items()}
    assert declared.sandbox.journal.writes(since=mark) == []


# One group beside its declaration -------------------------------------------------------------------------------------


def compared(azure: AzureRights, declared: list[dict[str, Any]] | None, **options: Any) -> dict[str, dict[str, Any]]:
    """ID -> finding, of the drift of the one group that is checked."""
    given = {**azure.operator, "declared": declared, "check_connections": False, **options}
    given = {name: value for name, value in given.items() if value is not None}
    (group,) = Operator(azure.sandbox.environment())(cdc_compliance_info, **given)["groups"]
    return {one["id"]: one for one in group["findings"] if one["check"] == "drift"}


def declaration(azure: AzureRights, name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "host": "payments",
        "link_client_id": azure.app,
        "link_tenant_id": azure.view.tenant_id,
        "vault": {"name": azure.vault},
        **more,
    }


def test_what_differs_is_told_with_both_values_and_who_declares_it(azure: AzureRights) -> None:
    name = azure.group()

    found = compared(azure, [declaration(azure, name, description="Keys of the payments")])

    differs = found["group-differs-from-declared"]
    assert (differs["status"], differs["plane"], differs["expected"]) == (
        "failed",
        "DSM",
        "as declared by host payments",
    )
    assert differs["evidence"]["changes"] == [
        {"action": "update", "before": {"description": None}, "after": {"description": "Keys of the payments"}}
    ]


def test_nothing_is_compared_unless_it_is_asked_for(azure: AzureRights) -> None:
    azure.group()

    assert compared(azure, None) == {}


def test_a_group_that_no_host_declares_is_a_warning(azure: AzureRights) -> None:
    azure.group()

    found = compared(azure, [])

    assert {one["id"]: one["status"] for one in found.values()} == {"group-not-declared": "warning"}


def test_a_group_that_dsm_does_not_show_for_an_outage_is_not_called_missing(azure: AzureRights) -> None:
    name = azure.group()
    azure.sandbox.faults.add(Fault("dsm", "GET", "/sys/v1/groups", times=None, status=403))

    found = compared(azure, [declaration(azure, name)], group_names=[name])

    assert {one["id"]: one["status"] for one in found.values()} == {"drift-not-checked": "unknown"}


def test_without_a_look_at_azure_the_group_is_compared_and_the_rest_is_unknown(azure: AzureRights) -> None:
    name = azure.group(client_id="11111111-2222-4333-8444-555555555555")

    found = compared(azure, [declaration(azure, name)], look_in_azure=False)

    assert {one["id"]: one["status"] for one in found.values()} == {
        "group-differs-from-declared": "failed",
        "drift-not-checked": "unknown",
    }
    assert "look_in_azure is false" in found["drift-not-checked"]["actual"]


def test_an_operator_who_may_only_read_sees_what_the_set_up_would_need_rights_to_mend(azure: AzureRights) -> None:
    name = azure.group()
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, ["list"]))
    reader = azure.another_operator("Reader", graph=("Application.Read.All",))

    found = compared(azure, [declaration(azure, name, repair_prerequisites=True)], **reader)

    assert set(found) == {"rights-differ-from-declared"}
    assert "keys/create" in found["rights-differ-from-declared"]["actual"]


def test_a_group_that_is_declared_in_another_cloud_is_compared_in_dsm_alone(azure: AzureRights) -> None:
    name = azure.group()

    found = compared(azure, [declaration(azure, name, azure_service="us_government")])

    assert set(found) == {"group-differs-from-declared", "drift-not-checked"}
    assert "AzureUSGovernment" in found["drift-not-checked"]["actual"]


def test_a_value_that_cannot_be_is_unknown_at_its_group_and_stops_no_other(azure: AzureRights) -> None:
    name = azure.group()

    found = compared(azure, [declaration(azure, name, link_tenant_id="no-uuid")])

    assert {one["id"]: one["status"] for one in found.values()} == {"drift-not-checked": "unknown"}
    assert "link_tenant_id: it is not a UUID" in found["drift-not-checked"]["actual"]


@pytest.mark.parametrize(
    ("look_in_azure", "unclear"),
    [(False, {"vault": {"tags": {"env": "prod"}}}), (True, {"link_tenant_id": "not an ID"})],
    ids=["a vault that is not looked for", "a value that cannot be"],
)
def test_a_declared_group_that_is_not_there_is_missing_whatever_else_is_unclear(
    azure: AzureRights, look_in_azure: bool, unclear: dict[str, Any]
) -> None:
    found = compared(
        azure, [declaration(azure, "akv-gone", **unclear)], look_in_azure=look_in_azure, group_names=["akv-gone"]
    )

    assert found["declared-group-missing"]["status"] == "failed"


def test_a_group_that_is_declared_twice_is_refused_before_any_request(azure: AzureRights) -> None:
    mark = azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match="twice"):
        compared(azure, [declaration(azure, "akv"), declaration(azure, "akv")])

    assert azure.sandbox.journal.since(mark) == []


def test_a_certificate_that_is_not_on_this_machine_hides_nothing_else(azure: AzureRights) -> None:
    name = azure.group()
    azure.sandbox.do(lambda state: _record(state.dsm.find_group(name)))

    given = declaration(azure, name, description="Keys of the payments", link_certificate="/nowhere/link.crt")
    found = compared(azure, [given])

    assert {one["id"]: one["status"] for one in found.values()} == {
        "group-differs-from-declared": "failed",
        "drift-not-checked": "unknown",
    }
    assert "/nowhere/link.crt" in found["drift-not-checked"]["actual"]


def test_an_address_in_dsm_is_told_without_what_stands_around_its_host(azure: AzureRights) -> None:
    name = azure.group(url="https://operator:canary@akv-sandbox-std.vault.azure.net/?canary")

    found = compared(azure, [declaration(azure, name)])

    (change,) = found["group-differs-from-declared"]["evidence"]["changes"]
    assert change["before"]["link.vault.uri"] == "https://akv-sandbox-std.vault.azure.net/"
    assert "canary" not in str(found)


def test_a_vault_that_is_declared_by_its_tags_is_looked_for_in_the_subscription_of_the_link(azure: AzureRights) -> None:
    def build(state: Any) -> tuple[str, str]:
        other = state.add_subscription(azure.view.tenant_id)
        state.assign_role(azure.view.operator_client_id, other.scope, "Owner")
        vault = state.add_vault("akv-acquired", "premium", subscription_id=other.subscription_id)
        vault.tags["team"] = "payments"
        return other.subscription_id, vault.uri

    subscription, uri = azure.do(build)
    name = azure.group(subscription_id=subscription, url=uri)
    given = declaration(azure, name, link_subscription_id=subscription, check_prerequisites=False)

    found = compared(azure, [{**given, "vault": {"tags": {"team": "payments"}}}])

    assert {one["id"]: one["status"] for one in found.values()} == {"as-declared": "ok"}


def _record(group: Any) -> None:
    group.custom_metadata = {CREDENTIAL_FACT: "certificate:" + "0" * 40}
