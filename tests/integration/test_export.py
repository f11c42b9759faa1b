# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that writes an account down as an inventory, and the set-up on that inventory.

The complete account is exported and set up by ansible-playbook once; the rest is the same tasks in this process.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_sync
from integration.conftest import link_options
from sandbox import Sandbox
from sandbox.authorities import self_signed
from support.azure_rights import AzureRights
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run
from support.role_in_process import PlaybookPlayer, RoleRun

from .test_inventory_cdc import EVIL, add_groups

EXPORT = ROOT / "playbooks" / "export.yml"
SETUP: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["fortanix.dsm.cdc_setup"]}]


def left_out(run: Run | RoleRun) -> dict[str, str]:
    """Group ID -> the name as it is shown."""
    return {one["group_id"]: one["name"] for one in run.named("left out")["msg"]}


class Export:
    """The export of one account, of which all the groups are, to a file of its own."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self.sandbox, self.file = sandbox, directory / "cdc.yml"
        self.ansible = Ansible(sandbox.environment(), directory)
        self.operate = Operator(sandbox.environment())

    @property
    def variables(self) -> dict[str, Any]:
        return {"export_file": str(self.file)}

    def run(self, **options: Any) -> Run:
        return self.ansible.playbook(EXPORT, variables=self.variables, **options)

    def in_process(self, **variables: Any) -> RoleRun:
        run = RoleRun({**self.variables, **variables}, AzureRights(self.sandbox).dsm_login, self.sandbox.proxy_url)
        return PlaybookPlayer("export").play(run)

    def group(self, **options: Any) -> None:
        self.operate(cdc_group, **{**link_options(self.sandbox), **options})

    def fill(self) -> int:
        """All that an export has to carry, set up to the end; how many groups there are."""
        standard, premium = {"name": "akv-sandbox-std"}, {"name": "akv-sandbox-prem"}
        authority = self.sandbox.ca_bundle.read_text("utf-8")
        lines = "Two lines:\n- of text"
        self.group(name="Akv Prod", vault=premium, description=lines, custom_metadata={"owner": EVIL})
        self.group(name="akv-prod", vault=standard, tls={"validate_host": False, "ca_certificates": [authority]})
        self.group(name="without a vault")
        self.group(name=EVIL, vault=premium, description=EVIL, custom_metadata={EVIL: "[1]"})
        for name in ("Akv Prod", "akv-prod", EVIL):
            self.operate(cdc_sync, group_name=name)
        return 4


@pytest.fixture
def export(azure: AzureRights, tmp_path: Path) -> Export:
    return Export(azure.sandbox, tmp_path)


# By ansible-playbook --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exported:
    """A plan over a file that is there, the export over it, and a set-up on it. ``written``: by the set-up."""

    count: int
    file: Path
    planned: Run
    file_then: str
    run: Run
    mode: int
    set_up: Run
    written: Sequence[Any]
    sandbox: Sandbox


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    with Sandbox.start() as sandbox:
        export = Export(sandbox, tmp_path_factory.mktemp("export"))
        count = export.fill()
        export.file.write_text("mine", encoding="utf-8")
        planned = export.run(check=True)
        file_then = export.file.read_text(encoding="utf-8")
        run = export.run(verbosity=3)
        mark = sandbox.journal.mark()
        set_up = export.ansible.playbook(SETUP, arguments=["-i", str(export.file)])
        written = sandbox.journal.writes(since=mark)
        mode = stat.S_IMODE(export.file.stat().st_mode)
        yield Exported(count, export.file, planned, file_then, run, mode, set_up, written, sandbox)
        assert sandbox.crashes == []


@pytest.mark.every_core
def test_check_mode_shows_the_file_and_does_not_write_it(exported: Exported) -> None:
    assert exported.planned.code == 0
    assert exported.planned.changed == ["Write the inventory"]
    assert exported.file_then == "mine"
    assert 'cdc_setup_name: !unsafe "akv-prod"' in exported.planned.output


@pytest.mark.every_core
def test_the_file_is_for_its_owner_alone_and_holds_no_secret(exported: Exported) -> None:
    world = exported.sandbox.world
    assert exported.run.code == 0
    assert exported.mode == 0o600
    secrets = (world.public.client_secret, world.admin_app.api_key)
    shown = exported.file.read_text("utf-8") + exported.run.output
    assert [secret for secret in secrets if secret in shown] == []


def test_a_file_that_differs_is_kept(exported: Exported) -> None:
    assert exported.run.changed == ["Write the inventory"]
    assert [path.read_text("utf-8") for path in exported.file.parent.glob("cdc.yml.*~")] == ["mine"]


@pytest.mark.every_core
def test_a_set_up_on_the_export_changes_nothing(exported: Exported) -> None:
    run = exported.set_up
    assert left_out(exported.run) == {}
    assert run.code == 0
    assert (
        len({outcome.host for outcome in run.outcomes if outcome.task.endswith("Keep the summary")}) == exported.count
    )
    assert (run.changed, exported.written) == ([], [])
    assert "ran+away" not in run.output


@pytest.mark.every_core
def test_the_file_has_to_be_named(ansible: Ansible) -> None:
    run = ansible.playbook(EXPORT)

    assert run.code != 0
    assert "export_file" in run.message


# By the same tasks in this process ------------------------------------------------------------------------------------


def declared(file: Path) -> dict[str, dict[str, Any]]:
    """Host -> variables, out of an inventory file."""
    (group,) = DataLoader().load_from_file(str(file)).values()
    found: dict[str, dict[str, Any]] = group["hosts"]
    return found


def set_up_of(export: Export, azure: AzureRights, variables: dict[str, Any]) -> RoleRun:
    options = {**azure.operator, **azure.dsm_login}
    return PlaybookPlayer("setup").play(RoleRun(variables, options, export.sandbox.proxy_url))


def test_a_set_up_on_the_export_with_the_credential_changes_nothing(export: Export, azure: AzureRights) -> None:
    export.fill()
    assert export.in_process().failure is None
    credential = {"cdc_setup_link_client_secret": azure.view.client_secret}
    mark = export.sandbox.journal.mark()

    runs = [set_up_of(export, azure, {**given, **credential}) for given in declared(export.file).values()]

    assert [(run.failure, run.changed) for run in runs] == [(None, [])] * 4
    assert export.sandbox.journal.writes(since=mark) == []


def test_a_set_up_on_the_export_keeps_certificates_and_government_links(
    export: Export, government: AzureRights
) -> None:
    sandbox = export.sandbox
    azure, pair, client = sandbox.world.government, self_signed("link", algorithm="rsa"), sandbox.fronts.client_pair
    government.do(lambda state: state.add_certificate(azure.client_id, pair.certificate))
    export.group(
        name="government",
        azure_service="us_government",
        link_tenant_id=azure.tenant_id,
        link_client_id=azure.client_id,
        link_subscription_id=azure.subscription_id,
        link_client_secret=None,
        link_certificate=pair.certificate_pem,
        link_private_key=pair.key_pem,
        tls={"client_certificate": client.certificate_pem, "client_key": client.key_pem},
        vault={"name": "akv-sandbox-gov-prem"},
    )
    assert export.in_process().failure is None
    ((host, given),) = declared(export.file).items()
    mark = sandbox.journal.mark()

    run = set_up_of(export, government, {**given, "cdc_setup_sync": "never"})

    assert (host, run.failure, run.changed) == ("government", None, [])
    assert run.facts["cdc_setup_results"][0]["status"] == "connected"
    assert sandbox.journal.writes(since=mark) == []


def test_a_second_export_changes_nothing(export: Export) -> None:
    export.fill()
    assert export.in_process().changed == ["Write the inventory"]

    again = export.in_process()

    assert (again.failure, again.changed) == (None, [])


def test_groups_that_the_role_could_not_tell_are_left_out_and_named(export: Export) -> None:
    sandbox = export.sandbox
    shown = {"first\nsecond": "first second", "   ": "", "['a']": "['a']"}
    add_groups(sandbox, *shown, "usable")
    sandbox.do(lambda state: state.dsm.add_group("local"))
    ids = sandbox.do(lambda state: {name: state.dsm.find_group(name).group_id for name in shown})

    run = export.in_process()

    assert left_out(run) == {ids[name]: text for name, text in shown.items()}
    assert list(export.ansible.inventory(export.file).hosts) == ["usable"]


def test_the_file_has_an_absolute_path(export: Export) -> None:
    run = export.in_process(export_file="cdc.yml")

    assert '"cdc.yml" is not an absolute path. Set export_file to the absolute path' in str(run.failure)
