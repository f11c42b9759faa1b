# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may hold a new credential: a group does from before its request leaves until a refusal is proven."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from sandbox.authorities import self_signed
from sandbox.azure.entra.directory import new_secret
from support.azure_rights import AzureRights
from support.rotations import LONG, NAME, SHORT, Rotations

GROUPS, GROUP = "/sys/v1/groups", "/sys/v1/groups/{group_id}"
APPLICATION = "/v1.0/applications/{id}"
# Nobody looks into it.
KEY = base64.b64encode(b"a key").decode()
UNDONE = "no group has the new credential"


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


def first_use(rotations: Rotations, *names: str, **options: Any) -> TaskError:
    """Groups that are created with a new credential, and fail to be."""
    with pytest.raises(TaskError) as failed:
        rotations(new_groups=[rotations.new_group(name) for name in names], type="secret", valid_days=SHORT, **options)
    return failed.value


# Answers that prove nothing -----------------------------------------------------------------------------------------

PAGE = "<html><body>Bad gateway</body></html>"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502, "body": PAGE, "content_type": "text/html"},
        {"status": 504, "body": "timeout"},
        {"status": 200, "body": PAGE, "content_type": "text/html"},
        {"status": 429, "body": "slow down"},
        {"reset": "after"},
        {"truncate": True},
    ],
    ids=lambda fault: "-".join(f"{name}-{value}"[:20] for name, value in fault.items()),
)
def test_a_group_that_was_created_without_an_answer_keeps_its_credential(
    rotations: Rotations, fault: dict[str, Any]
) -> None:
    after_work = {"after_work": True} if "status" in fault else {}
    rotations.azure.sandbox.faults.add(Fault("dsm", "POST", GROUPS, **after_work, **fault))

    failure = first_use(rotations, "one")

    assert UNDONE not in str(failure)
    assert 'the new credential is kept because group "one" may use it' in str(failure)
    assert rotations.held() == dict.fromkeys(["one"], *rotations.ours())
    assert rotations.connects("one")


@pytest.mark.parametrize("answer", [{"status": 503}, {"status": 404}])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_group_that_cannot_be_read_back_keeps_its_credential(
    rotations: Rotations, answer: dict[str, int], skip: int
) -> None:
    """Reads are repeated after 503, so that the whole service has to fail."""
    times = 1 if answer["status"] == 404 else None
    rotations.azure.sandbox.faults.add(Fault("dsm", "GET", GROUP, skip=skip, times=times, body="no", **answer))

    failure = first_use(rotations, "one", dsm_timeout=5)

    assert UNDONE not in str(failure)
    assert rotations.held() == dict.fromkeys(["one"], *rotations.ours())


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_a_group_whose_creation_was_refused_holds_nothing(rotations: Rotations, status: int) -> None:
    rotations.azure.sandbox.faults.add(Fault("dsm", "POST", GROUPS, status=status, body="not like this", times=None))

    failure = first_use(rotations, "one")

    assert f"{UNDONE}, and it was removed" in str(failure)
    assert rotations.ours() == set()


def test_a_new_group_that_waits_for_an_approval_holds_its_credential(rotations: Rotations) -> None:
    """One group waits, the next one fails: what the approvers create later must work."""
    azure = rotations.azure

    policy = {"quorum": {"n": 1, "members": [{"user": azure.sandbox.world.administrator.user_id}]}}
    guard = {"policy": policy, "manage_groups": True}
    azure.sandbox.do(lambda state: setattr(state.dsm.default_account, "approval_policy", guard))
    azure.sandbox.faults.add(Fault("dsm", "POST", "/sys/v1/approval_requests", skip=1, status=403, body="no"))

    failure = first_use(rotations, "one", "two")

    assert 'the new credential is kept because group "one" may use it' in str(failure)
    assert len(rotations.ours()) == 1


def test_a_refusal_after_other_writes_does_not_say_that_nothing_was_changed(rotations: Rotations) -> None:
    rotations.started("one", "two", type="secret")
    rotations.azure.sandbox.faults.add(Fault("dsm", "PATCH", GROUP, skip=1, status=400, body="wrong"))

    with pytest.raises(TaskError, match=r"Already done: .*group \"one\"") as failed:
        rotations(renew="always")

    assert "nothing" not in str(failed.value)


def test_an_answer_that_is_lost_is_called_unknown_once(rotations: Rotations) -> None:
    rotations.started("one", "two", type="secret")
    rotations.azure.sandbox.faults.add(Fault("dsm", "PATCH", GROUP, reset="after"))

    with pytest.raises(TaskError, match="so it is unknown whether DSM carried it out") as failed:
        rotations(renew="always")

    told = failed.value.to_fail_json()
    assert told["msg"].lower().count("it is unknown") == 1
    assert [one["object"] for one in told["failure"]["unknown"]] == ['group "one"']


def test_a_group_that_could_not_be_put_back_holds_the_new_credential(rotations: Rotations) -> None:
    """DSM answers that the group is not there, once, when its former credential is to be written."""
    rotations.given("one", "two")
    given = rotations.azure.view.client_secret
    faults = rotations.azure.sandbox.faults
    faults.add(Fault("dsm", "PATCH", GROUP, skip=1, status=403, body="not for you"))
    # Each group is read before it is written and, once it is, after that; the next read is for the way back.
    faults.add(Fault("dsm", "GET", GROUP, skip=3, status=404, body="no such group"))

    with pytest.raises(TaskError, match='the new credential is kept because group "one" may use it'):
        rotations(renew="always", current_credential={"link_client_secret": given})

    (new,) = rotations.ours()
    assert rotations.held()["one"] == new


def test_what_others_have_added_to_a_group_stays_when_it_is_put_back(rotations: Rotations) -> None:
    """Metadata that comes between the write of the link and its being read back, and then the way back."""
    rotations.given("one", "two")
    given, sandbox = rotations.azure.view.client_secret, rotations.azure.sandbox

    def add() -> None:
        group = sandbox._state.dsm.default_account.groups.named("one")
        group.custom_metadata = {**(group.custom_metadata or {}), "floor": "3"}

    sandbox.faults.add(Fault("dsm", "PATCH", GROUP, then=add))
    sandbox.faults.add(Fault("dsm", "PATCH", GROUP, status=403, body="not for you"))

    with pytest.raises(TaskError, match=UNDONE):
        rotations(renew="always", current_credential={"link_client_secret": given})

    group = sandbox.do(lambda state: state.dsm.find_group("one"))
    assert (group.custom_metadata or {})["floor"] == "3"
    assert set(rotations.held().values()) == {rotations.azure.view.client_secret_id}


# What is said of the one before -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gone", "words"), [(False, "the old one is still valid, too"), (True, "is no longer valid")])
def test_whether_the_one_before_is_valid_is_looked_up(rotations: Rotations, gone: bool, words: str) -> None:
    rotations.started("one", "two", type="secret")
    (old,) = rotations.ours()
    app = rotations.azure.do(lambda state: state.application(rotations.azure.app))

    def remove() -> None:
        if gone:
            app.secrets[:] = [one for one in app.secrets if one.key_id != old]

    rotations.azure.sandbox.faults.add(Fault("dsm", "PATCH", GROUP, skip=1, status=403, body="no", then=remove))

    with pytest.raises(TaskError, match=words):
        rotations.due()


# Other runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-5, 5], ids=["older", "newer"])
def test_the_secret_of_a_run_that_is_under_way_stays_whatever_its_order(rotations: Rotations, seconds: int) -> None:
    """It was created after this run has looked, a few seconds before or after this run's own."""
    rotations.started("one", type="secret")
    azure, sandbox = rotations.azure, rotations.azure.sandbox
    app = azure.do(lambda state: state.application(azure.app))
    made = new_secret(sandbox.clock.utc(), name=NAME)

    def meanwhile() -> None:
        made.starts = app.secrets[-1].starts + timedelta(seconds=seconds)
        app.secrets.append(made)

    sandbox.faults.add(Fault("graph", "POST", f"{APPLICATION}/addPassword", then=meanwhile))
    # The first run's own is too old to be another run's.
    azure.do(lambda _state: setattr(app.secrets[-1], "starts", app.created))

    result = rotations.due(takeover_after=120)

    assert made.key_id in rotations.ours()
    assert [one["reason"] for one in result["left"] if one["key_id"] == made.key_id] == [
        "it was just created, so another run may be about to write it to a group"
    ]


def test_a_new_certificate_that_an_overwrite_took_out_is_registered_again(rotations: Rotations) -> None:
    """A list that was built before it arrives when groups have it already: they would be cut off."""
    rotations.started("one", "two", type="certificate")
    azure, sandbox = rotations.azure, rotations.azure.sandbox
    app = azure.do(lambda state: state.application(azure.app))
    older = list(app.certificates)
    sandbox.faults.add(Fault("dsm", "PATCH", GROUP, skip=1, then=lambda: setattr(app, "certificates", list(older))))

    result = rotations.due(type="certificate")

    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}
    assert result["put_back"] == ["the new certificate of this run"]
    assert all(rotations.connects(name) for name in ("one", "two"))


def test_a_new_certificate_is_not_registered_again_at_an_application_that_was_cut_off(rotations: Rotations) -> None:
    rotations.started("one", "two", type="certificate")
    azure, sandbox = rotations.azure, rotations.azure.sandbox
    app = azure.do(lambda state: state.application(azure.app))

    def cut() -> None:
        app.certificates = []
        app.service_principal_enabled = False

    sandbox.faults.add(Fault("dsm", "PATCH", GROUP, skip=1, then=cut))

    with pytest.raises(TaskError) as failed:
        rotations.due(type="certificate", wait_timeout=2)

    assert app.certificates == [], str(failed.value)


def test_the_loser_of_a_race_says_what_is_so(rotations: Rotations) -> None:
    """Another run has written the group since this one has read it: the group is left as it is, and holds nothing."""
    rotations.started("one", type="secret")
    (old,) = rotations.ours()
    sandbox = rotations.azure.sandbox

    def meanwhile() -> None:
        group = sandbox._state.dsm.default_account.groups.named("one")
        group.description = "changed"
        group.custom_metadata = {**(group.custom_metadata or {}), "fortanix-dsm-ansible-link-credential": "key-id:x"}

    sandbox.faults.add(Fault("dsm", "POST", "/sys/v1/groups/hmg/check", then=meanwhile))

    with pytest.raises(TaskError, match="this task did not change it") as failed:
        rotations.due()

    assert f"{UNDONE}, and it was removed" in str(failed.value)
    assert "may use it" not in str(failed.value)
    assert failed.value.details["retryable"] is True
    assert rotations.ours() == {old}


def test_a_certificate_of_the_user_stays_when_another_run_has_brought_it_to_a_group(rotations: Rotations) -> None:
    """Both runs were given the same pair: the one that fails must not take it from the group of the other."""
    rotations.started("one", "two", type="certificate")
    pair = self_signed("given", days=LONG, algorithm="rsa")
    der = pair.certificate.public_bytes(Encoding.DER)
    sandbox = rotations.azure.sandbox

    def other_run() -> None:
        group = sandbox._state.dsm.default_account.groups.named("two")
        (link,) = group.hmg.values()
        link["auth_config"] = {
            "mode": "token_auth_config",
            "client_cert": base64.b64encode(der).decode(),
            "client_key": KEY,
        }
        record = {"fortanix-dsm-ansible-link-credential": f"certificate:{hashlib.sha256(der).hexdigest()[:40]}"}
        group.custom_metadata = {**(group.custom_metadata or {}), **record}

    sandbox.faults.add(Fault("dsm", "PATCH", GROUP, status=403, body="no", then=other_run))

    with pytest.raises(TaskError, match='the new credential is kept because group "two" may use it'):
        rotations(link_certificate=pair.certificate_pem, link_private_key=pair.key_pem)

    assert rotations.held()["two"] is not None


@pytest.mark.parametrize("shown_by", ["the list", "a search"])
def test_a_group_that_one_answer_does_not_show_is_not_written_to_as_a_new_one(
    rotations: Rotations, shown_by: str
) -> None:
    """It got the new credential as a member, was refused as a new group, and the credential was taken away again."""
    rotations.started("one", "two", type="secret", renew_before_days=1)
    held = rotations.held()
    # Not the first of the list: by that one it is tried whether a search finds what there is.
    hidden = rotations.azure.sandbox.do(
        lambda state: max(state.dsm.default_account.groups, key=lambda group: group.group_id).name
    )

    def without_it(body: bytes) -> bytes:
        found = json.loads(body)
        is_search = len(found) < 2
        if is_search == (shown_by == "a search"):
            return body
        return json.dumps([group for group in found if group["name"] != hidden]).encode()

    rotations.azure.sandbox.faults.add(Fault("dsm", "GET", GROUPS, times=None, rewrite=without_it))

    again = rotations(new_groups=[rotations.new_group(hidden)], type="secret", renew_before_days=1)

    rotations.azure.sandbox.faults.clear()
    assert (again["changed"], rotations.held()) == (False, held)
    assert rotations.connects(hidden)
