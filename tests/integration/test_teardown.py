# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A teardown gets to its end: over what is gone, past what fails, and with nothing removed too early.

The tasks of the playbook run in this process; test_chain.py has it run by ansible-playbook.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from sandbox.azure.rights.governance import CAN_NOT_DELETE
from support.azure_rights import AzureRights
from support.chain import NAME, REFUSED, VAULT, Chain
from support.role_in_process import PlaybookPlayer, RoleRun
from support.set_ups import way_to

pytestmark = pytest.mark.long

WANTED = {"teardown_group": NAME}
EVERYTHING = {**WANTED, "teardown_remove_application": True, "teardown_remove_vault": True}
_ASSIGNMENT = "/{scope}providers/Microsoft.Authorization/roleAssignments/{name}"


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Any]]:
    with pytest.MonkeyPatch.context() as patch, Sandbox.start() as sandbox:
        way_to(sandbox, patch)
        chain = Chain(sandbox, tmp_path_factory.mktemp("teardown"), "public", "rbac", "certificate")
        chain.variables["cdc_setup_sync"] = "never"
        assert chain.in_process().failure is None
        yield chain, sandbox.snapshot()
        assert sandbox.crashes == []


@pytest.fixture
def chain(set_up: tuple[Chain, Any]) -> Iterator[Chain]:
    """A group that was set up from nothing, with its application, vault and rights, as at the start of each test."""
    chain, snapshot = set_up
    yield chain
    chain.sandbox.faults.clear()
    chain.sandbox.restore(snapshot)


def there(chain: Chain) -> dict[str, bool]:
    """What of the set-up exists, by what it is."""

    def look(state: Any) -> dict[str, bool]:
        cloud = state.azure.public
        apps = [app for app in cloud.directory.applications.values() if app.name == "Fortanix chain"]
        held = {entry.principal_id for entry in cloud.rights.assignments}
        return {
            "group": state.dsm.find_group(NAME) is not None,
            "application": apps != [],
            "credential": any(app.certificates or app.secrets for app in apps),
            "rights": any(app.service_principal_id in held for app in apps),
            "vault": VAULT in cloud.vaults,
        }

    return chain.sandbox.do(look)


def delete_the_vault(chain: Chain) -> None:
    chain.sandbox.do(lambda state: state.azure.public.delete_vault(VAULT))


def lock_the_vault(chain: Chain) -> None:
    def deed(state: Any) -> None:
        cloud = state.azure.public
        cloud.lock(cloud.vault(VAULT).resource_id, "hands-off", CAN_NOT_DELETE)

    chain.sandbox.do(deed)


def test_everything_is_there_at_the_start(chain: Chain) -> None:
    assert set(there(chain).values()) == {True}


@pytest.mark.parametrize("given", [WANTED, EVERYTHING], ids=["what is its own", "everything"])
def test_a_vault_that_was_deleted_by_hand_stops_nothing(chain: Chain, given: dict[str, Any]) -> None:
    delete_the_vault(chain)

    run = chain.take_down_in_process(**given)

    assert run.failure is None
    left = there(chain)
    assert (left["group"], left["credential"]) == (False, False)


def test_a_lock_keeps_what_cannot_be_undone_and_access_is_revoked(chain: Chain) -> None:
    lock_the_vault(chain)

    run = chain.take_down_in_process(**EVERYTHING)

    assert run.failure is not None
    assert 'lock "hands-off" (CanNotDelete)' in str(run.failure)
    assert there(chain) == {"group": True, "application": True, "credential": False, "rights": True, "vault": True}


def test_check_mode_promises_with_a_lock_what_the_run_does(chain: Chain) -> None:
    lock_the_vault(chain)
    mark = chain.sandbox.journal.mark()

    planned = chain.take_down_in_process(check_mode=True, **EVERYTHING)

    assert planned.failure is not None
    assert 'lock "hands-off" (CanNotDelete)' in str(planned.failure)
    assert chain.writes(mark) == []
    run = chain.take_down_in_process(**EVERYTHING)
    assert (planned.changed, planned.failure) == (run.changed, run.failure)


def test_a_teardown_goes_on_when_the_lock_is_gone(chain: Chain) -> None:
    lock_the_vault(chain)
    chain.take_down_in_process(**EVERYTHING)
    chain.sandbox.do(lambda state: state.azure.public.locks.clear())

    again = chain.take_down_in_process(**EVERYTHING)

    assert again.failure is None
    assert set(there(chain).values()) == {False}


def test_rights_at_a_locked_vault_may_be_left(chain: Chain) -> None:
    lock_the_vault(chain)

    run = chain.take_down_in_process(**WANTED, teardown_keep_rights=True)

    assert run.failure is None
    left = there(chain)
    assert (left["group"], left["credential"], left["rights"]) == (False, False, True)


def test_rights_are_taken_back_though_the_credential_cannot_be_revoked(chain: Chain) -> None:
    chain.sandbox.faults.add(Fault("graph", "PATCH", "/v1.0/applications/{id}", times=None, status=403, body=REFUSED))

    run = chain.take_down_in_process(**WANTED)

    assert "stopped by the test" in str(run.failure)
    left = there(chain)
    assert (left["group"], left["credential"], left["rights"]) == (True, True, False)


def test_all_failures_are_told_at_the_end(chain: Chain) -> None:
    chain.sandbox.faults.add(Fault("graph", "PATCH", "/v1.0/applications/{id}", times=None, status=403, body=REFUSED))
    chain.sandbox.faults.add(Fault("arm", "DELETE", _ASSIGNMENT, times=None, status=403, body=REFUSED))

    run = chain.take_down_in_process(**WANTED)

    assert "Credential of the application:" in str(run.failure)
    assert "Permissions at the vault:" in str(run.failure)
    assert there(chain)["group"] is True


def test_access_is_revoked_before_anything_is_removed_for_good(chain: Chain) -> None:
    mark = chain.sandbox.journal.mark()

    run = chain.take_down_in_process(**EVERYTHING)

    assert run.failure is None
    assert chain.writes(mark) == ["graph", "arm", "arm", "dsm", "graph", "arm"]


def test_a_vault_that_another_group_uses_stays_whatever_its_letter_case(chain: Chain) -> None:
    def deed(state: Any) -> None:
        link = next(iter(state.dsm.find_group(NAME).hmg.values()))
        state.dsm.add_group("another", hmg={**link, "client_id": "7d3c6f0e-0000-4000-8000-000000000001"})

    chain.sandbox.do(deed)
    mark = chain.sandbox.journal.mark()
    given = {**EVERYTHING, "cdc_setup_azure_vault": {**chain.variables["cdc_setup_azure_vault"], "name": VAULT.upper()}}

    refused = chain.take_down_in_process(**given)

    assert '"another"' in str(refused.failure)
    assert chain.writes(mark) == []
    assert set(there(chain).values()) == {True}


def test_a_vault_that_is_not_empty_stops_before_anything_is_removed(chain: Chain) -> None:
    chain.add_key(sync=False)
    mark = chain.sandbox.journal.mark()

    refused = chain.take_down_in_process(**EVERYTHING)

    assert "it contains keys" in str(refused.failure)
    assert chain.writes(mark) == []


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (WANTED, "cdc_setup_name is not set"),
        (
            {"cdc_setup_name": NAME, **WANTED, "teardown_remove_vault": True},
            "apply to the vault in cdc_setup_azure_vault, which is not set",
        ),
        ({"cdc_setup_name": NAME, **WANTED, "teardown_remove_valut": True}, "did you mean teardown_remove_vault?"),
    ],
)
def test_a_forgotten_variable_is_named_before_any_request(
    azure: AzureRights, variables: dict[str, Any], told: str
) -> None:
    options = {**azure.operator, **azure.dsm_login}

    refused = PlaybookPlayer("teardown").play(RoleRun(variables, options, azure.sandbox.proxy_url))

    assert told in str(refused.failure)
    assert refused.steps == []
    assert azure.sandbox.journal.since(0) == []
