# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A renewal that is killed, refused, or not alone: no group is ever without a credential that works."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault, Profile
from support.azure_rights import AzureRights
from support.rotations import DUE, LONG, SHORT, Rotations

CHECK_CONFIG = "/sys/v1/groups/hmg/check"
CHECK_GROUP = "/sys/v1/groups/{group_id}/hmg/check"
GROUP = "/sys/v1/groups/{group_id}"
NO = '{"error": {"code": "Stopped", "message": "stopped by the test"}}'


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


# Killed -------------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(("kind", "names"), [("secret", ("one", "two")), ("certificate", ("one",))])
def test_a_run_that_is_killed_after_any_request_is_run_again_to_the_same_end(
    rotations: Rotations, tmp_path: Path, kind: str, names: tuple[str, ...]
) -> None:
    rotations.started(*names, type=kind)
    mark = rotations.azure.sandbox.journal.mark()

    def due(days: int) -> dict[str, int]:
        """What a run with less days has made does not last long enough for it."""
        return {"renew_before_days": days, "valid_days": days + 1}

    whole = rotations.process(tmp_path, **due(DUE))
    printed, _nothing = whole.communicate(timeout=120)
    assert whole.returncode == 0, printed
    positions = len(rotations.requests(mark))
    assert positions > 15

    for position in range(positions):
        options = due(DUE + 2 * (position + 1))
        assert rotations.killed_after(position, tmp_path, **options), position
        # At this moment, what DSM holds for each group is a credential that the application has.
        assert None not in rotations.held().values(), position

        rotations(**options)

        (only,) = rotations.ours()
        assert rotations.held() == dict.fromkeys(names, only), position
    assert all(rotations.connects(name) for name in names)


# Not alone ----------------------------------------------------------------------------------------------------------


def started(rotations: Rotations, directory: Path, mark: int, route: str, **options: Any) -> subprocess.Popen[str]:
    """A run in a process of its own that has come to a request for this route."""
    directory.mkdir()
    process = rotations.process(directory, renew_before_days=DUE, valid_days=LONG, **options)
    end = time.monotonic() + 60
    while not any(entry.route == route for entry in rotations.requests(mark)):
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    return process


def test_a_second_run_waits_for_the_first_and_finds_its_work_done(rotations: Rotations, tmp_path: Path) -> None:
    rotations.started("one", "two", type="secret")
    mark = rotations.azure.sandbox.journal.mark()
    # The first run takes its time to write.
    rotations.azure.sandbox.faults.add(Fault("dsm", "PATCH", GROUP, delay=1.5))
    first = started(rotations, tmp_path / "first", mark, CHECK_CONFIG)

    result = rotations.due(takeover_after=120, wait_timeout=60, wait_interval=1)

    printed, _nothing = first.communicate(timeout=60)
    assert first.returncode == 0, printed
    assert not result["changed"]
    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}


def test_a_second_run_that_cannot_wait_says_so_and_changes_nothing(rotations: Rotations, tmp_path: Path) -> None:
    rotations.started("one", type="secret")
    rotations.killed_after(_position_of_add(rotations), tmp_path, renew_before_days=DUE, valid_days=LONG)
    mark = rotations.azure.sandbox.journal.mark()

    with pytest.raises(TaskError, match="another run seems to be active") as refused:
        rotations.due(takeover_after=120, wait_timeout=0, wait_interval=1)

    assert refused.value.details["retryable"] is True
    assert rotations.azure.sandbox.journal.writes(since=mark) == []


def _position_of_add(rotations: Rotations) -> int:
    """How many requests of a run come before the one that adds a secret."""
    mark = rotations.azure.sandbox.journal.mark()
    rotations(renew="always", valid_days=SHORT)
    return [one.route.endswith("addPassword") for one in rotations.requests(mark)].index(True)


def test_of_two_runs_at_once_one_wins_and_the_other_leaves_no_trace(rotations: Rotations, tmp_path: Path) -> None:
    rotations.started("one", "two", type="secret")
    mark = rotations.azure.sandbox.journal.mark()
    # The first run is held up before it writes anything, and counts as given up.
    rotations.azure.sandbox.faults.add(Fault("dsm", "POST", CHECK_CONFIG, skip=1, delay=4))
    first = started(rotations, tmp_path / "first", mark, CHECK_CONFIG, wait_timeout=3, wait_interval=1)

    rotations.due(wait_interval=1)

    printed, _nothing = first.communicate(timeout=60)
    held = rotations.held()
    assert None not in held.values(), printed
    assert len(set(held.values())) == 1
    assert rotations.ours() == set(held.values())


# Refused half-way ---------------------------------------------------------------------------------------------------


def test_a_new_secret_that_entra_does_not_know_yet_is_waited_for(rotations: Rotations) -> None:
    rotations.started("one", "two", type="secret")

    def lag(state: Any) -> None:
        state.directory.credential_misses = 5

    rotations.azure.do(lag)

    rotations.due()

    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}


def test_one_that_never_works_is_taken_back_and_no_group_is_changed(rotations: Rotations) -> None:
    rotations.started("one", type="secret")
    (old,) = rotations.ours()
    rotations.azure.do(lambda state: setattr(state.directory, "credential_misses", 1_000_000))

    with pytest.raises(TaskError, match="Entra rejects the new credential") as failed:
        rotations.due(wait_timeout=1)

    assert "no group has the new credential, and it was removed" in str(failed.value)
    assert rotations.ours() == {old}
    assert rotations.held() == {"one": old}


def test_a_group_that_dsm_does_not_get_through_for_stops_the_run_before_any_write(rotations: Rotations) -> None:
    rotations.started("one", "two", type="secret")
    (old,) = rotations.ours()
    rotations.azure.sandbox.faults.add(
        Fault("dsm", "POST", CHECK_CONFIG, skip=1, times=None, status=400, body="AADSTS7000215: Invalid client secret")
    )

    with pytest.raises(TaskError, match="the connection test with the new credential failed, so no group was changed"):
        rotations.due(wait_timeout=1, wait_interval=0)

    assert rotations.held() == {"one": old, "two": old}
    assert rotations.ours() == {old}


def test_a_run_that_fails_between_two_groups_leaves_both_connected_and_says_how_things_stand(
    rotations: Rotations,
) -> None:
    rotations.started("one", "two", type="secret")
    (old,) = rotations.ours()
    rotations.azure.sandbox.faults.add(Fault("dsm", "PATCH", GROUP, skip=1, status=403, body="not for you"))

    with pytest.raises(TaskError) as failed:
        rotations.due()

    details = failed.value.details
    assert details["switched"] == ["one"]
    assert details["removed"] == []
    kept = 'the new credential is kept because group "one" may use it; the old one is still valid, too'
    assert kept in str(failed.value)
    held = rotations.held()
    assert held["two"] == old
    assert held["one"] == details["new_credential"]["key_id"]
    assert all(rotations.connects(name) for name in ("one", "two"))

    rotations.due()
    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}


def test_with_the_present_credential_at_hand_a_failure_puts_it_back(rotations: Rotations) -> None:
    rotations.given("one", "two")
    given = rotations.azure.view.client_secret
    rotations.azure.sandbox.faults.add(Fault("dsm", "PATCH", GROUP, skip=1, status=403, body="not for you"))

    with pytest.raises(TaskError, match="no group has the new credential"):
        rotations(renew="always", current_credential={"link_client_secret": given})

    assert rotations.ours() == set()
    assert set(rotations.held().values()) == {rotations.azure.view.client_secret_id}


def test_an_old_credential_stays_when_somebody_has_written_it_again_meanwhile(rotations: Rotations) -> None:
    rotations.started("one", "two", type="secret")
    (old,) = rotations.ours()
    secret = rotations.azure.do(lambda state: state.application(rotations.azure.app).secrets[-1].value)

    def write_back(state: Any) -> None:
        group = state.dsm.default_account.groups.named("two")
        (link,) = group.hmg.values()
        link["auth_config"] = {"mode": "client_secret", "client_secret": secret}
        group.custom_metadata = {**group.custom_metadata, "fortanix-dsm-ansible-link-credential": f"key-id:{old}"}

    sandbox = rotations.azure.sandbox
    # After both groups have been written and tested, and before the last look at them.
    sandbox.faults.add(
        Fault("dsm", "POST", CHECK_GROUP, skip=1, origin="client", then=lambda: write_back(sandbox._state))
    )

    with pytest.raises(
        TaskError, match='the record of group "two" names another credential than the one that this run wrote'
    ) as failed:
        rotations.due()

    assert failed.value.details["retryable"] is True
    assert old in rotations.ours()
    assert None not in rotations.held().values()


def test_an_old_credential_stays_when_somebody_has_given_it_to_a_group_by_hand_meanwhile(rotations: Rotations) -> None:
    """As a task does that edits something else of the link, and sends the secret that its user has."""
    rotations.started("one", "two", type="secret")
    (old,) = rotations.ours()
    secret = rotations.azure.do(lambda state: state.application(rotations.azure.app).secrets[-1].value)
    sandbox = rotations.azure.sandbox

    def write_back() -> None:
        group = sandbox._state.dsm.default_account.groups.named("two")
        (link,) = group.hmg.values()
        link["auth_config"] = {"mode": "client_secret", "client_secret": secret}
        record = {"fortanix-dsm-ansible-link-credential": "client-secret:0123456789"}
        group.custom_metadata = {**group.custom_metadata, **record}

    sandbox.faults.add(Fault("dsm", "POST", CHECK_GROUP, skip=1, origin="client", then=write_back))

    replaced = 'the record of group "two" names another credential than the one that this run wrote'
    with pytest.raises(TaskError, match=replaced):
        rotations.due()

    assert old in rotations.ours()
    assert None not in rotations.held().values()


def test_a_sync_that_fails_keeps_the_old_credential(rotations: Rotations) -> None:
    rotations.started("one", type="secret")
    (old,) = rotations.ours()
    rotations.azure.sandbox.faults.add(
        Fault("dsm", "POST", "/sys/v1/groups/{group_id}/hmg/scan", status=403, body="Forbidden")
    )

    with pytest.raises(TaskError, match="Forbidden"):
        rotations.due(proof="sync")

    assert old in rotations.ours()
    assert rotations.connects("one")


@pytest.mark.parametrize("cache", ["none", "until_expiry"])
def test_a_dsm_that_keeps_tokens_is_renewed_too(rotations: Rotations, cache: Any) -> None:
    rotations.azure.sandbox.profile = Profile(dsm_token_cache=cache)
    rotations.started("one", type="secret")

    rotations.due()

    (only,) = rotations.ours()
    assert rotations.held() == {"one": only}
