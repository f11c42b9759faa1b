# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A renewal of groups that a quorum guards: asked for once, gone on with when it is approved (DSM contract §2.10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from support.app_registrations import Apps
from support.approver import Approver, logged_in
from support.azure_rights import AzureRights
from support.rotations import SHORT, Rotations


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


@pytest.fixture
def approver(rotations: Rotations) -> Iterator[Approver]:
    with logged_in(rotations.azure.sandbox) as approver:
        yield approver


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_guarded_group_is_renewed_when_its_change_has_been_approved(
    rotations: Rotations, approver: Approver, kind: str
) -> None:
    rotations.started("free", "guarded", type=kind)
    (old,) = rotations.ours()
    approver.guard("guarded")

    filed = rotations.due()
    assert (filed["changed"], filed["pending"], filed["removed"]) == (True, True, [])
    assert [(one["group"], one["status"], one["filed"]) for one in filed["approvals"]] == [("guarded", "pending", True)]
    (new,) = rotations.ours() - {old}
    assert rotations.held() == {"free": new, "guarded": old}

    # Nobody has decided: nothing is written, in either mode.
    mark = rotations.azure.sandbox.journal.mark()
    for check_mode in (True, False):
        waiting = rotations.due(check_mode=check_mode)
        assert (waiting["changed"], waiting["pending"]) == (False, True)
    assert rotations.azure.sandbox.journal.writes(since=mark) == []
    assert len(approver.pending()) == 1

    approver.decide()
    done = rotations.due()

    assert (done["changed"], done["pending"]) == (True, False)
    assert [one["key_id"] for one in done["removed"]] == [old]
    assert rotations.held() == {"free": new, "guarded": new}
    assert not rotations.due()["changed"]


def test_a_renewal_that_was_denied_says_by_whom_and_cuts_nobody_off(rotations: Rotations, approver: Approver) -> None:
    rotations.started("guarded", type="secret")
    (old,) = rotations.ours()
    approver.guard("guarded")
    rotations.due()
    approver.decide("deny", {"reason": "not in the freeze"})

    with pytest.raises(TaskError, match=r"was denied by .*: not in the freeze"):
        rotations.due()

    assert rotations.held() == {"guarded": old}
    assert rotations.connects("guarded")


def test_without_the_wish_to_ask_the_new_credential_is_taken_back(rotations: Rotations, approver: Approver) -> None:
    rotations.started("guarded", type="secret")
    (old,) = rotations.ours()
    approver.guard("guarded")

    with pytest.raises(TaskError, match="set approval: request"):
        rotations.due(approval="fail")

    assert rotations.ours() == {old}
    assert approver.pending() == []


# Requests of an earlier run -----------------------------------------------------------------------------------------


def guard_new_groups(rotations: Rotations) -> None:
    sandbox = rotations.azure.sandbox
    policy = {"policy": {"user": sandbox.world.administrator.user_id}, "manage_groups": True}
    sandbox.do(lambda state: setattr(state.dsm.default_account, "approval_policy", policy))


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_request_that_waits_holds_the_credential_that_is_in_it(
    rotations: Rotations, approver: Approver, kind: str
) -> None:
    """A group waits to be created, and the nightly run renews the credential of the others."""
    rotations.started("free", type=kind)
    guard_new_groups(rotations)
    rotations(new_groups=[rotations.new_group("new")], type=kind, valid_days=SHORT)

    predicted, done = rotations.due(type=kind, check_mode=True), rotations.due(type=kind)

    assert (predicted["removed"], done["removed"]) == ([], [])
    assert any("a pending approval request may contain it" in one["reason"] for one in done["left"])
    approver.decide()
    assert None not in rotations.held().values()
    assert rotations.connects("new")


def test_a_request_holds_its_credential_also_when_the_policy_of_its_group_is_lifted(
    rotations: Rotations, approver: Approver
) -> None:
    rotations.started("free", "guarded", type="secret")
    approver.guard("guarded")
    rotations.due()
    rotations.azure.sandbox.do(lambda state: setattr(state.dsm.find_group("guarded"), "approval_policy", None))

    rotations.due()

    approver.decide()
    assert None not in rotations.held().values()


def test_a_group_that_waits_to_be_created_gets_no_second_credential(rotations: Rotations, approver: Approver) -> None:
    guard_new_groups(rotations)
    options = {"new_groups": [rotations.new_group("new")], "type": "secret", "valid_days": SHORT}
    rotations(**options)
    before = rotations.ours()

    with pytest.raises(TaskError, match=r"its creation is already pending approval.*No credential was created"):
        rotations(**options)

    assert (rotations.ours(), len(approver.pending())) == (before, 1)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_request_that_waits_keeps_the_application_from_being_taken_back(
    rotations: Rotations, approver: Approver, tmp_path: Path, check_mode: bool
) -> None:
    """What is approved later would be a group that is cut off from its first moment."""
    apps = Apps(rotations.azure, tmp_path)
    apps(app_client_id=rotations.azure.app, generate_certificate=apps.pair())
    guard_new_groups(rotations)
    rotations(new_groups=[rotations.new_group("new")], type="secret")
    (request,) = approver.pending()
    mark = apps.mark()

    with pytest.raises(
        TaskError, match=f"pending approval request may link a group to this application: {request['request_id']}"
    ):
        apps(app_client_id=rotations.azure.app, state="absent", check_mode=check_mode, **rotations.azure.dsm_login)

    assert apps.writes(mark) == []
