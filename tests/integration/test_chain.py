# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an empty subscription to a connected group and back: application, vault, rights, group (guide 4.1 to 4.7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from support.chain import NAME, REFUSED, VAULT, WRITES, Chain
from support.set_ups import way_to

pytestmark = pytest.mark.long


@pytest.fixture
def chain(own_sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Chain:
    """Of a cloud, a permission model and a form of the credential, which are these where a test does not say."""
    cloud, model, form = getattr(request, "param", ("public", "rbac", "certificate"))
    return Chain(own_sandbox, tmp_path, cloud, model, form)


# In each cloud, with each permission model; test_set_up_forms.py has a credential that is made, and a proxy as well.
FORMS = [
    ("government", "rbac", "certificate"),
    ("public", "access_policy", "secret"),
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
    mode = {"certificate": "certificate", "secret": "client_secret"}[chain.form]
    assert made.named("The group and its link")["group"]["link"]["auth_mode"] == mode
    # One write makes the group with link, vault and TLS; the other is the sync.
    assert chain.writes().count("dsm") == 2

    chain.add_key()
    mark = chain.sandbox.journal.mark()
    again = chain.set_up()
    assert again.changed == []
    assert chain.writes(mark) == []
    assert chain.results(again)["key_count"] == 1


# Between two phases; test_set_up_forms.py stops at each write.
def test_a_chain_that_stopped_at_a_write_resumes_there_to_the_same_end(chain: Chain) -> None:
    position = 7
    for write in WRITES[position:]:
        chain.sandbox.faults.add(
            Fault(*write, skip=WRITES[:position].count(write), times=None, status=403, body=REFUSED)
        )
    stopped = chain.set_up()
    chain.sandbox.faults.clear()
    assert stopped.code != 0
    assert chain.done() == WRITES[:position]

    resumed = chain.set_up()

    assert resumed.code == 0, resumed.output
    assert chain.results(resumed)["status"] == "connected"
    # What was done before has been done once, and is not done again.
    assert chain.done() == WRITES


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
    """A set-up that nothing below changes; its group holds a key. All by the same tasks in this process."""
    with pytest.MonkeyPatch.context() as patch, Sandbox.start() as sandbox:
        way_to(sandbox, patch)
        chain = Chain(sandbox, tmp_path_factory.mktemp("standing"), "public", "rbac", "certificate")
        assert chain.in_process().failure is None
        chain.written = chain.done()
        chain.add_key()
        yield chain
        assert sandbox.crashes == []


def test_a_set_up_from_nothing_takes_these_writes_and_no_other(standing: Chain) -> None:
    assert standing.written == WRITES


def test_a_group_is_taken_down_only_by_its_name(standing: Chain) -> None:
    mark = standing.sandbox.journal.mark()

    refused = standing.take_down_in_process(teardown_group="another")

    assert f"Set teardown_group to the name of the group to tear down ({NAME})." in str(refused.failure)
    assert standing.sandbox.journal.since(mark) == []


def test_a_group_that_holds_keys_stays_with_all_its_rights(standing: Chain) -> None:
    mark = standing.sandbox.journal.mark()

    refused = standing.take_down_in_process(teardown_group=NAME)

    assert "it holds 1 key(s)" in str(refused.failure)
    assert standing.writes(mark) == []
