# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an empty subscription to a connected group and back: application, vault, rights, group (guide 4.1 to 4.7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Fault, Sandbox
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run

pytestmark = pytest.mark.long

TEARDOWN = ROOT / "playbooks" / "teardown.yml"
VAULT = "akv-from-nothing"
NAME = "akv-chain"
_PROVIDER = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
_ROLES = "/{scope}providers/Microsoft.Authorization"
# The writes of a set-up on a vault in RBAC mode, in their order: plane, method, route.
WRITES = [
    ("graph", "PATCH", "/v1.0/applications(uniqueName='{unique_name}')"),
    ("graph", "POST", "/v1.0/servicePrincipals"),
    ("graph", "PATCH", "/v1.0/applications/{id}"),
    ("arm", "PUT", _PROVIDER),
    ("arm", "PUT", f"{_ROLES}/roleAssignments/{{name}}"),
    ("arm", "PUT", f"{_ROLES}/roleDefinitions/{{name}}"),
    ("arm", "PUT", f"{_ROLES}/roleAssignments/{{name}}"),
    ("dsm", "POST", "/sys/v1/groups"),
    ("dsm", "POST", "/sys/v1/groups/{group_id}/hmg/scan"),
]


# A client secret is returned to a task that keeps it out of all output, once.
_MAKE_SECRET = {
    "name": "Application with a client secret",
    "fortanix.dsm.azure_kv_app": {
        "app_unique_name": "{{ cdc_setup_application.unique_name }}",
        "display_name": "{{ cdc_setup_application.display_name }}",
        "return_secret": True,
    },
    "no_log": True,
    "register": "chain_made",
}


class Chain:
    """The whole set-up in one cloud, with files of its own."""

    def __init__(self, sandbox: Sandbox, directory: Path, cloud: str, model: str, form: str) -> None:
        self.sandbox, self.cloud, self.form = sandbox, cloud, form
        self.written: list[tuple[str, str, str]] = []
        view = getattr(sandbox.world, cloud)
        operator = sandbox.operator_environment(view)
        self._ansible = Ansible({**sandbox.environment(), **operator}, directory)
        self.variables: dict[str, Any] = {
            "cdc_setup_name": NAME,
            "cdc_setup_link_tenant_id": view.tenant_id,
            "cdc_setup_link_subscription_id": view.subscription_id,
            "cdc_setup_repair_prerequisites": True,
            "cdc_setup_application": {
                "unique_name": "fortanix-chain",
                "display_name": "Fortanix chain",
                "generate_certificate": {
                    "certificate_path": str(directory / "app.crt"),
                    "key_path": str(directory / "app.key"),
                },
            },
            "cdc_setup_azure_vault": {
                "name": VAULT,
                "resource_group": "rg-keys",
                "location": "westeurope",
                "type": "premium",
                "permission_model": model,
            },
        }
        if cloud == "government":
            self.variables["cdc_setup_azure_service"] = "us_government"
        if form == "made":
            application = self.variables["cdc_setup_application"]
            del application["generate_certificate"]
            application["credential"] = {"type": "secret"}
        if form == "secret":
            del self.variables["cdc_setup_application"]["generate_certificate"]
            # Made in this play: only the run that makes it has it, and a run that changes no link needs none.
            self.variables["cdc_setup_link_client_secret"] = "{{ chain_made.client_secret | default(omit, true) }}"

    def set_up(self, *, check: bool = False) -> Run:
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            # Nothing lags here, so there is nothing to wait for between two looks.
            "module_defaults": {
                f"fortanix.dsm.{module}": {"wait_interval": 0}
                for module in ("azure_kv_app", "azure_kv_vault", "azure_kv_prereqs")
            },
            "pre_tasks": [_MAKE_SECRET] if self.form == "secret" else [],
            "roles": [{"role": "fortanix.dsm.cdc_setup"}],
        }
        return self._ansible.playbook([play], variables=self.variables, check=check)

    def take_down(self, *, check: bool = False, **more: Any) -> Run:
        return self._ansible.playbook(TEARDOWN, variables={**self.variables, **more}, check=check)

    def add_key(self, *, sync: bool = True) -> None:
        """A key in the vault, that DSM knows: a group without any is synced in every run."""
        self.sandbox.do(lambda state: getattr(state.azure, self.cloud).add_key(VAULT, "first"))
        if sync:
            Operator(self.sandbox.environment())(cdc_sync, group_name=NAME)

    def writes(self, mark: int = 0) -> list[str]:
        return [entry.plane for entry in self.sandbox.journal.writes(since=mark)]

    def done(self) -> list[tuple[str, str, str]]:
        """Plane, method and route of each write that was not refused, in their order."""
        entries = self.sandbox.journal.writes()
        return [(entry.plane, entry.method, entry.route) for entry in entries if entry.status < 300]

    def results(self, run: Run) -> Any:
        return run.named("Group | Summary")["ansible_facts"]["cdc_setup_results"][0]


@pytest.fixture
def chain(own_sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Chain:
    """Of a cloud, a permission model and a form of the credential, which are these where a test does not say."""
    cloud, model, form = getattr(request, "param", ("public", "rbac", "certificate"))
    return Chain(own_sandbox, tmp_path, cloud, model, form)


# Both kinds of a given credential, and one that only DSM gets: each in both clouds and with both permission models, and
# each cloud with each model. What depends on all three at once there is nowhere in the role.
FORMS = [
    ("public", "rbac", "certificate"),
    ("government", "access_policy", "certificate"),
    ("public", "access_policy", "secret"),
    ("government", "rbac", "secret"),
    ("public", "access_policy", "made"),
    ("government", "rbac", "made"),
]


@pytest.mark.parametrize("chain", FORMS, indirect=True, ids="-".join)
def test_an_empty_subscription_is_planned_set_up_and_done(chain: Chain) -> None:
    planned = chain.set_up(check=True)
    assert planned.code == 0, planned.output
    assert chain.writes() == []
    assert (chain.results(planned)["planned"], chain.results(planned)["changed"]) == (True, True)
    planes = [change["plane"] for change in planned.plan]
    assert planes.index("Entra") < planes.index("Azure") < planes.index("dsm")
    # There is no credential yet, and the plan invents none.
    assert planned.named("The group and its link")["group"]["link"]["auth_mode"] is None

    made = chain.set_up()
    assert made.code == 0, made.output
    assert (chain.results(made)["status"], chain.results(made)["changed"]) == ("connected", True)
    mode = {"certificate": "certificate", "secret": "client_secret", "made": "client_secret"}[chain.form]
    assert made.named("The group and its link")["group"]["link"]["auth_mode"] == mode
    # One write makes the group with link, vault and TLS; the other is the sync.
    assert chain.writes().count("dsm") == 2

    chain.add_key()
    mark = chain.sandbox.journal.mark()
    again = chain.set_up()
    assert again.changed == []
    assert chain.writes(mark) == []
    assert chain.results(again)["key_count"] == 1


REFUSED = '{"error": {"code": "Stopped", "message": "stopped by the test"}}'


def test_a_chain_that_stopped_at_each_of_its_writes_resumes_there_to_the_same_end(chain: Chain) -> None:
    for position in range(len(WRITES)):
        # The write that the run before stopped at passes; this one and all that come after it are refused.
        passing = WRITES[max(position - 1, 0) : position]
        for write in WRITES[position:]:
            refusal = Fault(*write, skip=passing.count(write), times=None, status=403, body=REFUSED)
            chain.sandbox.faults.add(refusal)

        stopped = chain.set_up()

        chain.sandbox.faults.clear()
        assert stopped.code != 0
        # What was done before has been done once, and is not done again.
        assert chain.done() == WRITES[:position]

    resumed = chain.set_up()

    assert resumed.code == 0, resumed.output
    assert chain.results(resumed)["status"] == "connected"
    assert chain.done() == WRITES


def test_a_chain_that_went_on_beside_what_stopped_resumes_to_the_same_end(chain: Chain) -> None:
    """The vault does not wait for the application."""
    chain.sandbox.faults.add(Fault(*WRITES[0], status=403, body=REFUSED))
    stopped = chain.set_up()

    resumed = chain.set_up()

    assert (stopped.code != 0, resumed.code) == (True, 0), resumed.output
    assert chain.results(resumed)["status"] == "connected"
    assert sorted(chain.done()) == sorted(WRITES)


@pytest.mark.every_core
def test_what_was_set_up_is_taken_down_again(chain: Chain) -> None:
    chain.variables["cdc_setup_sync"] = "never"
    chain.set_up()
    everything = {"teardown_group": NAME, "teardown_remove_application": True, "teardown_remove_vault": True}

    mark = chain.sandbox.journal.mark()
    planned = chain.take_down(check=True, **everything)
    assert planned.code == 0, planned.output
    assert chain.writes(mark) == []
    removed = chain.take_down(**everything)
    assert removed.code == 0, removed.output
    assert chain.take_down(**everything).changed == []

    def left(state: Any) -> tuple[Any, Any]:
        cloud = state.azure.public
        names = {app.name for app in cloud.directory.applications.values()}
        return names & {"Fortanix chain"}, VAULT in cloud.vaults

    assert chain.sandbox.do(left) == (set(), False)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A set-up that nothing below changes; its group holds a key."""
    with Sandbox.start() as sandbox:
        chain = Chain(sandbox, tmp_path_factory.mktemp("standing"), "public", "rbac", "certificate")
        assert chain.set_up().code == 0
        chain.written = chain.done()
        chain.add_key()
        yield chain
        assert sandbox.crashes == []


def test_a_set_up_from_nothing_takes_these_writes_and_no_other(standing: Chain) -> None:
    assert standing.written == WRITES


def test_a_group_is_taken_down_only_by_its_name(standing: Chain) -> None:
    mark = standing.sandbox.journal.mark()

    refused = standing.take_down(teardown_group="another")

    assert f"Set teardown_group to the name of the group to take down ({NAME})." in refused.message
    assert standing.sandbox.journal.since(mark) == []


def test_a_group_that_holds_keys_stays_with_all_its_rights(standing: Chain) -> None:
    mark = standing.sandbox.journal.mark()

    refused = standing.take_down(teardown_group=NAME)

    assert "it holds 1 key(s)" in refused.message
    assert standing.writes(mark) == []
