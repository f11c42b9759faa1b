# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that writes an account down as an inventory, and the set-up on that inventory."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Sandbox
from sandbox.authorities import self_signed
from support.operate import Operator
from support.playbook import ROOT, Ansible, Run

from .test_inventory_cdc import EVIL, add_groups

Given = Callable[..., dict[str, Any]]
EXPORT = ROOT / "playbooks" / "export.yml"
SETUP: list[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, "roles": ["fortanix.dsm.cdc_setup"]}]


@pytest.fixture
def sandbox(own_sandbox: Sandbox) -> Sandbox:
    """The account of each test is its own: an export is of all the groups there are."""
    return own_sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cdc.yml"


@pytest.fixture
def export(ansible: Ansible, file: Path) -> Callable[..., Run]:
    def run(**options: Any) -> Run:
        return ansible.playbook(EXPORT, variables={"export_file": str(file)}, **options)

    return run


def left_out(run: Run) -> dict[str, str]:
    """Group ID -> the name as it is shown."""
    return {one["group_id"]: one["name"] for one in run.named("left out")["msg"]}


@pytest.fixture
def account(sandbox: Sandbox, operate: Operator, given_group: Given) -> int:
    """An account with all that an export has to carry, set up to the end; how many groups it holds."""
    standard, premium = {"name": "akv-sandbox-std"}, {"name": "akv-sandbox-prem"}
    authority = sandbox.ca_bundle.read_text("utf-8")
    given_group(name="Akv Prod", vault=premium, description="Two lines:\n- of text", custom_metadata={"owner": EVIL})
    given_group(name="akv-prod", vault=standard, tls={"validate_host": False, "ca_certificates": [authority]})
    given_group(name="without a vault")
    given_group(name=EVIL, vault=premium, description=EVIL, custom_metadata={EVIL: "[1]"})
    for name in ("Akv Prod", "akv-prod", EVIL):
        operate(cdc_sync, group_name=name)
    return 4


@pytest.mark.every_core
@pytest.mark.parametrize("with_credential", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_set_up_on_the_export_changes_nothing(
    ansible: Ansible,
    sandbox: Sandbox,
    account: int,
    export: Callable[..., Run],
    file: Path,
    link: Mapping[str, str],
    with_credential: bool,
) -> None:
    credential = {"cdc_setup_link_client_secret": link["link_client_secret"]} if with_credential else {}
    exported = export()
    mark = sandbox.journal.mark()

    run = ansible.playbook(SETUP, arguments=["-i", str(file)], variables=credential)

    assert left_out(exported) == {}
    assert run.code == 0
    assert len({outcome.host for outcome in run.outcomes if outcome.task.endswith("Summary")}) == account
    assert run.changed == []
    assert sandbox.journal.writes(since=mark) == []
    assert "ran+away" not in run.output


def test_a_set_up_on_the_export_keeps_certificates_and_government_links(
    ansible: Ansible, sandbox: Sandbox, given_group: Given, export: Callable[..., Run], file: Path
) -> None:
    azure, pair, client = sandbox.world.government, self_signed("link", algorithm="rsa"), sandbox.fronts.client_pair
    sandbox.do(lambda state: state.azure.government.add_certificate(azure.client_id, pair.certificate))
    given_group(
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
    export()
    mark = sandbox.journal.mark()
    operator = sandbox.operator_environment(azure)

    run = ansible.playbook(
        SETUP, arguments=["-i", str(file)], variables={"cdc_setup_sync": "never"}, environment=operator
    )

    assert run.code == 0
    assert run.named("Summary").host == "government"
    assert run.changed == []
    assert sandbox.journal.writes(since=mark) == []


def test_the_file_is_for_its_owner_alone_and_holds_no_secret(
    sandbox: Sandbox, account: int, export: Callable[..., Run], file: Path
) -> None:
    run = export(verbosity=3)

    assert run.code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets = (sandbox.world.public.client_secret, sandbox.world.admin_app.api_key)
    assert [secret for secret in secrets if secret in file.read_text("utf-8") + run.output] == []


@pytest.mark.every_core
def test_check_mode_shows_the_file_and_does_not_write_it(account: int, export: Callable[..., Run], file: Path) -> None:
    planned = export(check=True)

    assert planned.code == 0
    assert not file.exists()
    assert 'cdc_setup_name: !unsafe "akv-prod"' in planned.output


def test_a_second_export_changes_nothing_and_a_changed_file_is_kept(
    account: int, export: Callable[..., Run], file: Path
) -> None:
    export()
    assert export().changed == []

    file.write_text("mine", encoding="utf-8")
    assert export().changed == ["Write the inventory"]
    assert [path.read_text("utf-8") for path in file.parent.glob("cdc.yml.*~")] == ["mine"]


def test_groups_that_the_role_could_not_tell_are_left_out_and_named(
    ansible: Ansible, sandbox: Sandbox, export: Callable[..., Run], file: Path
) -> None:
    shown = {"first\nsecond": "first second", "   ": "", "['a']": "['a']"}
    add_groups(sandbox, *shown, "usable")
    sandbox.do(lambda state: state.dsm.add_group("local"))
    ids = sandbox.do(lambda state: {name: state.dsm.find_group(name).group_id for name in shown})

    run = export()

    assert left_out(run) == {ids[name]: text for name, text in shown.items()}
    assert list(ansible.inventory(file).hosts) == ["usable"]


@pytest.mark.every_core
def test_the_file_has_to_be_named(ansible: Ansible) -> None:
    run = ansible.playbook(EXPORT)

    assert run.code != 0
    assert "export_file" in run.message


def test_the_file_has_an_absolute_path(ansible: Ansible) -> None:
    run = ansible.playbook(EXPORT, variables={"export_file": "cdc.yml"})

    assert '"cdc.yml" is not an absolute path. Set export_file to the absolute path' in run.message
