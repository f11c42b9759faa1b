# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tasks change one group at once. Who comes first is forced: the sandbox holds one until the other is in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_tls, cdc_vault_select
from sandbox import Fault, Profile, Sandbox
from support.operate import Operator
from support.playbook import Ansible

GROUPS, GROUP = "/sys/v1/groups", "/sys/v1/groups/{group_id}"
PREMIUM, STANDARD = {"name": "akv-sandbox-prem"}, {"name": "akv-sandbox-std"}
Given = Callable[..., dict[str, Any]]
Run = Callable[[], Any]
Tasks = Callable[..., Run]


def race(sandbox: Sandbox, first: Run, second: Run) -> tuple[Any, Any]:
    """Run both at once. The second begins when the first is held by a fault."""
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(first)
        while not sandbox.faults.holding and not early.done():
            time.sleep(0.02)
        assert not early.done(), early.result()
        late = pool.submit(second)
        return early.result(), late.result()


@pytest.fixture
def task(sandbox: Sandbox) -> Tasks:
    """A task that is run when it is called: what it returns, also when it fails, with its warnings."""

    def make(operation: ModuleType, **options: Any) -> Run:
        def run() -> dict[str, Any]:
            operate = Operator(sandbox.environment())
            try:
                return {**operate(operation, **options), "warnings": operate.warnings}
            except TaskError as error:
                return {"failed": True, **error.to_fail_json()}

        return run

    return make


def hold(sandbox: Sandbox, method: str, route: str, until: tuple[str, str, int], skip: int = 0) -> None:
    sandbox.faults.add(Fault(plane="dsm", method=method, route=route, until=until, skip=skip))


def stored(sandbox: Sandbox, name: str) -> Any:
    return sandbox.do(lambda state: state.dsm.find_group(name))


def link_of(group: Any) -> Mapping[str, Any]:
    (link,) = group.hmg.values()
    return dict(link)


@pytest.fixture
def secret(link: Mapping[str, str]) -> dict[str, str]:
    return {"link_client_secret": link["link_client_secret"]}


@pytest.mark.long
def test_two_plays_keep_the_edits_of_both(
    sandbox: Sandbox, tmp_path: Path, given_group: Given, name: str, secret: Any
) -> None:
    """The next test in two processes of ansible-playbook."""
    given_group(vault=PREMIUM)
    hold(sandbox, "GET", GROUP, until=("PATCH", GROUP, 1))
    plays = [Ansible(sandbox.environment(), tmp_path / side) for side in ("first", "second")]

    one, other = race(
        sandbox,
        partial(plays[0].tasks, {"cdc_group": {"name": name, "description": "one"}}),
        partial(plays[1].tasks, {"cdc_vault_select": {"group_name": name, "vault": STANDARD, **secret}}),
    )

    assert (one.code, other.code) == (0, 0), one.output + other.output
    assert (stored(sandbox, name).description, link_of(stored(sandbox, name))["key_vault_type"]) == ("one", "STANDARD")
    assert any("Somebody else changed" in warning and "link.vault" in warning for warning in one[0]["warnings"])


def test_edits_of_different_parts_are_both_kept(
    sandbox: Sandbox, task: Tasks, given_group: Given, name: str, secret: Any
) -> None:
    given_group(vault=PREMIUM)
    hold(sandbox, "GET", GROUP, until=("PATCH", GROUP, 1))

    one, other = race(
        sandbox,
        task(cdc_group, name=name, description="one"),
        task(cdc_vault_select, group_name=name, vault=STANDARD, **secret),
    )

    assert not {"failed"} & {*one, *other}, (one, other)
    assert (stored(sandbox, name).description, link_of(stored(sandbox, name))["key_vault_type"]) == ("one", "STANDARD")
    assert one["group"]["link"]["vault"]["type"] == "standard"
    assert any("Somebody else changed" in warning and "link.vault" in warning for warning in one["warnings"])


def test_of_two_edits_of_the_link_the_later_says_so_and_loses_nothing(
    sandbox: Sandbox, task: Tasks, given_group: Given, name: str, secret: Any
) -> None:
    given_group(vault=PREMIUM)
    hold(sandbox, "GET", GROUP, until=("PATCH", GROUP, 1))
    late = task(cdc_vault_select, group_name=name, vault=STANDARD, **secret)

    loser, winner = race(sandbox, late, task(cdc_tls, group_name=name, validate_host=False, **secret))

    assert "failed" not in winner, winner
    assert loser["failed"]
    assert loser["failure"]["retryable"] is True
    assert "link.tls.validate_host" in loser["failure"]["changed_meanwhile"]
    assert link_of(stored(sandbox, name))["key_vault_type"] == "PREMIUM"
    assert "failed" not in late()
    link = link_of(stored(sandbox, name))
    assert (link["key_vault_type"], link["tls"]["validate_hostname"]) == ("STANDARD", False)


def test_the_same_edit_twice_is_made_once(
    sandbox: Sandbox, task: Tasks, given_group: Given, name: str, secret: Any
) -> None:
    given_group(vault=PREMIUM)
    hold(sandbox, "GET", GROUP, until=("PATCH", GROUP, 1))
    edit = task(cdc_vault_select, group_name=name, vault=STANDARD, **secret)
    mark = sandbox.journal.mark()

    one, other = race(sandbox, edit, edit)

    assert (one["changed"], other["changed"]) == (False, True), (one, other)
    assert one["group"]["link"]["vault"]["type"] == "standard"
    assert len([entry for entry in sandbox.journal.since(mark) if entry.method == "PATCH"]) == 1


def test_an_edit_that_is_overwritten_in_the_last_moment_is_seen_by_its_reading_back(
    sandbox: Sandbox, task: Tasks, given_group: Given, name: str, secret: Any
) -> None:
    """The first writes between the write and the reading back of the second."""
    given_group(vault=PREMIUM)
    hold(sandbox, "PATCH", GROUP, until=("PATCH", GROUP, 1))
    # Read again by the first, then by the second, who then reads back.
    hold(sandbox, "GET", GROUP, until=("PATCH", GROUP, 2), skip=2)

    first, second = race(
        sandbox,
        task(cdc_vault_select, group_name=name, vault=STANDARD, **secret),
        task(cdc_tls, group_name=name, validate_host=False, **secret),
    )

    assert "failed" not in first, first
    assert second["failure"]["retryable"] is True, second
    assert "these fields have other values: link.tls.validate_host" in second["msg"]


@pytest.mark.parametrize("vault", [STANDARD, PREMIUM], ids=["another", "the same"])
def test_one_name_is_created_once(
    sandbox: Sandbox, task: Tasks, name: str, link: Mapping[str, str], vault: Any
) -> None:
    hold(sandbox, "POST", GROUPS, until=("POST", GROUPS, 1))
    late = task(cdc_group, name=name, **link, vault=vault)

    loser, winner = race(sandbox, late, task(cdc_group, name=name, **link, vault=PREMIUM))

    assert winner["changed"], winner
    if vault == PREMIUM:
        assert loser.get("changed") is False, loser
        assert loser["group"]["group_id"] == winner["group"]["group_id"]
    else:
        assert loser["failure"]["retryable"] is True, loser
        assert "link.vault" in loser["msg"]
        assert link_of(stored(sandbox, name))["key_vault_type"] == "PREMIUM"
        assert "failed" not in late()
    assert len(sandbox.do(lambda state: [one for one in state.dsm.default_account.groups if one.name == name])) == 1


def test_an_edit_of_a_group_that_is_removed_meanwhile(
    sandbox: Sandbox, task: Tasks, given_group: Given, name: str
) -> None:
    given_group()
    hold(sandbox, "GET", GROUP, until=("DELETE", GROUP, 1))

    edit, removal = race(
        sandbox, task(cdc_group, name=name, description="x"), task(cdc_group, name=name, state="absent")
    )

    assert "failed" not in removal, removal
    assert edit["failure"]["retryable"] is True
    assert "somebody else deleted this group" in edit["msg"]


def test_two_removals_are_both_content(sandbox: Sandbox, task: Tasks, given_group: Given, name: str) -> None:
    given_group()
    hold(sandbox, "DELETE", GROUP, until=("DELETE", GROUP, 1))
    removal = task(cdc_group, name=name, state="absent")

    one, other = race(sandbox, removal, removal)

    assert (one["changed"], other["changed"]) == (False, True), (one, other)
    assert not {"failed"} & {*one, *other}


@pytest.mark.parametrize("status", [409, 400])
def test_a_name_that_was_taken_in_the_last_moment_is_recognised_by_looking(
    operate: Operator, sandbox: Sandbox, given_group: Given, name: str, link: Mapping[str, str], status: Any
) -> None:
    """The first look does not find the group yet."""
    sandbox.profile = Profile(duplicate_name=status)
    given_group(description="theirs")
    sandbox.faults.add(
        Fault(plane="dsm", method="GET", route=GROUPS, status=200, body="[]", content_type="application/json")
    )

    with pytest.raises(TaskError, match="with a different description") as failure:
        operate(cdc_group, name=name, **link)

    assert failure.value.details["retryable"] is True
    assert stored(sandbox, name).description == "theirs"


def test_metadata_that_somebody_else_has_added_is_not_lost(
    operate: Operator, sandbox: Sandbox, given_group: Given, name: str
) -> None:
    given_group(custom_metadata={"team": "keys"})

    def somebody_else(state: Any) -> None:
        state.dsm.find_group(name).custom_metadata["site"] = "theirs"

    # The reading immediately before the write is the first of this route, and held until the other change is made.
    hold(sandbox, "GET", GROUP, until=("GET", "/sys/v1/version", 1))
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(operate, cdc_group, name=name, custom_metadata={"team": "vaults"})
        while not sandbox.faults.holding:
            time.sleep(0.02)
        sandbox.do(somebody_else)
        sandbox.faults.note_answer("GET", "/sys/v1/version")
        with pytest.raises(TaskError, match=r"custom_metadata\.site"):
            task.result()

    assert stored(sandbox, name).custom_metadata["site"] == "theirs"


# Answers that are short ----------------------------------------------------------------------------------------------


def test_a_group_is_not_removed_because_one_answer_shows_no_key(
    sandbox: Sandbox, operate: Operator, given_group: Given, name: str
) -> None:
    group_id = given_group(vault=PREMIUM)["group_id"]
    sandbox.do(lambda state: state.dsm.add_key(group_id))
    sandbox.faults.add(Fault("dsm", "GET", "/crypto/v1/keys", rewrite=lambda _body: b"[]"))

    with pytest.raises(TaskError, match="it contains 1 key;"):
        operate(cdc_group, name=name, state="absent")

    assert stored(sandbox, name) is not None


@pytest.mark.parametrize("position", [0, 1], ids=["found", "read before the write"])
def test_a_member_of_the_link_that_one_answer_lacks_is_not_lost(
    sandbox: Sandbox, operate: Operator, given_group: Given, name: str, secret: Any, position: int
) -> None:
    given_group(vault=PREMIUM)

    def add(state: Any) -> None:
        for link in state.dsm.find_group(name).hmg.values():
            link["hsm_order"] = 7

    sandbox.do(add)
    route = (GROUPS, GROUP)[position]
    sandbox.faults.add(Fault("dsm", "GET", route, rewrite=lambda body: body.replace(b'"hsm_order":7', b'"x":null')))

    with pytest.raises(TaskError, match=r"link\.hsm_order") as failed:
        operate(cdc_group, name=name, update_credential="always", **secret)

    assert failed.value.details["retryable"] is True
    assert link_of(stored(sandbox, name))["hsm_order"] == 7
