# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of one key over the wire: deleted, purged, its records removed; and its return."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Fault, Profile, Sandbox
from support.approver import Approver, logged_in
from support.azure_rights import TEN, AzureRights
from support.one_key import OneKey
from support.operate import Operator
from support.passing import Passing
from support.playbook import Ansible
from unit.builders import ROOT

SCAN = "/sys/v1/groups/{group_id}/hmg/scan"
KEY = "/crypto/v1/keys/{kid}"
DELETION, PURGE = f"{KEY}/schedule_deletion", f"{KEY}/delete_key_material"
RECOVERY = f"{KEY}/cancel_deletion"
VERSION = "/keys/{name}/{version}"
LATER = "2031-01-01T00:00:00Z"
NO_KEY = json.dumps({"error": {"code": "KeyNotFound", "message": "A key with (name/id) payments was not found."}})
TRANSITION = 60


class Fading(OneKey):
    """A key that is taken to its end. Its vault has no purge protection."""

    def __init__(self, azure: AzureRights) -> None:
        super().__init__(azure)
        azure.do(lambda state: setattr(state.store(azure.vault), "purge_protection", False))
        if self.is_pool:
            azure.do(lambda state: state.assign_local_role(azure.vault, azure.app, "Managed HSM Crypto Officer"))

    @property
    def is_pool(self) -> bool:
        return self.azure.stores[self.azure.vault].type == "MANAGED"

    def to(self, state: str, **options: Any) -> dict[str, Any]:
        """Take the key to a state. Consumers are not searched, unless told."""
        confirmed = {"confirm_purge": options.get("name", "payments")} if state == "purged" else {}
        return self(**{"state": state, "consumers": "skip", **confirmed, **options})

    def down_to(self, state: str, **options: Any) -> None:
        """Step by step."""
        for step in ("deleted", "purged", "absent"):
            assert self.to(step, **options)["changed"]
            if step == state:
                return

    def in_vault(self, name: str = "payments") -> str:
        def look(cloud: Any) -> str:
            store = cloud.store(self.azure.vault)
            if store.key(name):
                return "live"
            return "deleted" if name in store.still_deleted(cloud.clock.now()) else "gone"

        found: str = self.azure.do(look)
        return found

    def records(self, name: str = "payments") -> list[tuple[str, str]]:
        """State and Azure's state of DSM's records of the key."""

        def look(state: Any) -> list[tuple[str, str]]:
            group = state.dsm.find_group(self.group)
            mine = [one for one in state.dsm.keys_in(group.group_id) if one.external["id"]["label"] == name]
            return sorted((one.state, one.custom_metadata["azure-key-state"]) for one in mine)

        found: list[tuple[str, str]] = self.azure.sandbox.do(look)
        return found

    def stranger(self, *deeds: str, name: str = "payments") -> None:
        """What somebody does in Azure: `add`, `rotate`, `delete`, `recover`, `purge`; each is complete afterwards."""
        for deed in deeds:
            more = ("RSA-HSM",) if deed == "add" else ()
            self.azure.do(
                lambda state, act=f"{deed}_key", more=more: getattr(state, act)(self.azure.vault, name, *more)
            )
            self.azure.sandbox.clock.advance(TRANSITION)

    def protect(self) -> None:
        self.azure.do(lambda state: setattr(state.store(self.azure.vault), "purge_protection", True))

    def sync(self) -> None:
        Operator(self.azure.sandbox.environment())(cdc_sync, group_name=self.group)

    def routes(self, mark: int) -> list[str]:
        """What was written by DSM's clients and the operator, in its order."""
        own = self.azure.sandbox.journal.writes(since=mark)
        return [entry.route for entry in own if entry.plane == "dsm"]


@pytest.fixture
def awake(passing: Passing, azure: AzureRights, monkeypatch: pytest.MonkeyPatch) -> Passing:
    """A wait of the client is one of the services, too."""
    slept = _time.sleep

    def sleep(seconds: float) -> None:
        azure.sandbox.clock.advance(seconds)
        slept(seconds)

    monkeypatch.setattr(_time, "sleep", sleep)
    return passing


@pytest.fixture(params=["azure", "government", "pool"])
def anywhere(request: pytest.FixtureRequest, awake: Passing) -> Fading:
    """In both clouds, and in a Managed HSM."""
    return Fading(request.getfixturevalue(request.param))


@pytest.fixture
def key(azure: AzureRights, awake: Passing) -> Fading:
    return Fading(azure)


# One step after the other ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_key_goes_down_step_by_step_each_once_as_predicted(anywhere: Fading, with_azure: bool) -> None:
    anywhere.copy(anywhere.source("master"))
    ends = {"deleted": ("deleted", "soft_deleted"), "purged": ("gone", "destroyed"), "absent": ("gone", None)}
    before = "live"
    for state, (in_vault, shown) in ends.items():
        mark = anywhere.mark()
        planned = anywhere.to(state, with_azure=with_azure, check_mode=True)
        assert anywhere.writes(mark) == []

        first = anywhere.to(state, with_azure=with_azure)
        written = anywhere.mark()
        second = anywhere.to(state, with_azure=with_azure)

        assert (anywhere.in_vault(), anywhere.writes(written)) == (in_vault, [])
        assert [planned["changed"], first["changed"], second["changed"]] == [True, True, False]
        if with_azure:
            assert (planned["plan"], planned["prediction"]) == (first["plan"], None)
        # The syncs of the group are no part of what becomes of the key.
        reached = shown or "absent"
        assert planned["diff"] == first["diff"] == anywhere.diff({"state": before}, {"state": reached})
        before = reached
        actions = [[one["action"] for one in result["plan"]] for result in (planned, first)]
        assert actions[0] == actions[1]
        for result in (planned, first, second):
            assert (result["key"] or {}).get("state") == shown
        attested = with_azure or state == "absent"
        assert first["unverified"] == second["unverified"] == ([] if attested else ["state"])
    assert anywhere.records() == []


@pytest.mark.parametrize("with_azure", [True, False])
def test_nothing_is_done_for_a_key_that_has_gone_further(key: Fading, with_azure: bool) -> None:
    key.generate()
    further = {"deleted": ["deleted"], "purged": ["deleted", "purged"], "absent": ["deleted", "purged", "absent"]}
    for state, wanted in further.items():
        key.to(state)
        mark = key.mark()
        for one in wanted:
            assert key.to(one, with_azure=with_azure)["changed"] is False
        assert key.writes(mark) == []


def test_a_deleted_key_has_the_date_of_its_purge(key: Fading) -> None:
    key.generate()
    shown = key.to("deleted")["key"]
    assert (shown["purge_date"][:2], shown["enabled"]) == ("20", True)
    assert key.to("deleted", with_azure=False)["key"]["purge_date"] is None


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("state", ["deleted", "absent"])
def test_a_key_that_has_ended_takes_three_requests_by_dsm_alone(key: Fading, state: str, with_azure: bool) -> None:
    """The group, and two pages of its keys of which the second is empty; of no keys, there is one page."""
    key.generate(name="other")
    key.generate()
    key.down_to(state)
    mark = key.mark()

    key.to(state, with_azure=with_azure)

    requests = [entry for entry in key.azure.sandbox.journal.requests(since=mark) if entry.plane == "dsm"]
    assert len(requests) <= 3


# Refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
def test_more_than_one_step_is_refused_before_a_write_and_the_next_step_is_named(
    anywhere: Fading, with_azure: bool
) -> None:
    anywhere.generate()
    mark = anywhere.mark()
    for check_mode in (True, False):
        options = {"with_azure": with_azure, "check_mode": check_mode}
        assert "state: deleted first" in anywhere.failed(anywhere.to, "purged", **options).next_step
        assert "state: deleted, then state: purged" in anywhere.failed(anywhere.to, "absent", **options).next_step
    assert anywhere.writes(mark) == []
    anywhere.to("deleted")
    mark = anywhere.mark()
    assert (
        "state: purged with confirm_purge, then state: absent"
        in anywhere.failed(anywhere.to, "absent", with_azure=with_azure).next_step
    )
    assert anywhere.writes(mark) == []


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_live_key_is_purged_in_one_task_only_if_skipping_is_allowed(anywhere: Fading, with_azure: bool) -> None:
    anywhere.generate()
    given = {"allow_skip": True, "with_azure": with_azure}
    planned = anywhere.to("purged", check_mode=True, **given)

    first = anywhere.to("purged", **given)

    actions = [one["action"] for one in first["plan"]]
    assert actions == [one["action"] for one in planned["plan"]]
    assert [one for one in actions if one != "sync"] == ["delete", "purge"]
    assert (anywhere.in_vault(), anywhere.records()) == ("gone", [("Destroyed", "purged")])
    assert anywhere.to("purged", **given)["changed"] is False


@pytest.mark.parametrize(
    "options",
    [
        {"state": "purged"},
        {"state": "purged", "confirm_purge": "payment"},
        {"state": "deleted", "confirm_purge": "payments"},
        {"state": "present", "confirm_purge": "payments"},
        {"state": "deleted", "allow_skip": True},
        {"state": "deleted", "name": "pay_ments"},
    ],
    ids=str,
)
def test_a_purge_is_confirmed_by_the_name_before_any_request(key: Fading, options: dict[str, Any]) -> None:
    mark = key.mark()
    failure = key.failed(key, **options)
    assert isinstance(failure, InvalidInput)
    assert failure.next_step
    assert key.azure.sandbox.journal.requests(since=mark) == []


def test_a_name_is_confirmed_without_letter_case(key: Fading) -> None:
    key.generate()
    key.to("deleted")
    assert key.to("purged", confirm_purge="PayMents")["changed"]


@pytest.mark.parametrize("with_azure", [True, False])
def test_purge_protection_is_told_with_its_date_and_before_a_write_if_the_vault_is_read(
    anywhere: Fading, with_azure: bool
) -> None:
    anywhere.protect()
    anywhere.generate()
    failure = anywhere.failed(anywhere.to, "purged", allow_skip=True) if with_azure else None
    assert failure is None or "purge protection" in failure.problem
    assert anywhere.in_vault() == "live"
    due = anywhere.to("deleted")["key"]["purge_date"][:10]
    mark = anywhere.mark()

    failure = anywhere.failed(anywhere.to, "purged", with_azure=with_azure)

    assert "purge protection holds the key" in failure.problem
    assert (f"until {due}; nobody can purge it earlier" in failure.problem) == with_azure
    assert anywhere.routes(mark) == ([] if with_azure else [SCAN, PURGE])
    assert anywhere.in_vault() == "deleted"


@pytest.mark.parametrize("status", Profile.settings()["azure_failure_status"])
def test_azures_refusal_of_a_purge_is_explained_whatever_status_dsm_gives_it(key: Fading, status: int) -> None:
    key.protect()
    key.generate()
    key.to("deleted")
    key.azure.sandbox.profile = Profile(azure_failure_status=status)

    failure = key.failed(key.to, "purged", with_azure=False)

    assert "purge protection holds the key: nobody can purge it before its retention ends" in failure.problem
    assert 'Operation "purge" is not allowed' in failure.server_words
    done = [one.action for one in failure.wrote if one.outcome == "done"]
    assert (failure.next_step, done) == ("leave the key soft-deleted", [f"POST {SCAN}"])


# Foreign keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("deeds", [("add",), ("add", "delete")], ids=str)
def test_a_foreign_key_is_never_touched(anywhere: Fading, deeds: tuple[str, ...], with_azure: bool) -> None:
    anywhere.stranger(*deeds)
    before, mark = anywhere.in_vault(), anywhere.mark()
    for state in ("deleted", "purged", "absent"):
        refused = with_azure and (state == "purged" or (state == "deleted" and before == "live"))
        if refused:
            assert "that DSM does not have" in anywhere.failed(anywhere.to, state).problem
        else:
            assert anywhere.to(state, with_azure=with_azure)["changed"] is False
    assert (anywhere.in_vault(), anywhere.writes(mark)) == (before, [])


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("synced", [True, False])
def test_a_key_that_somebody_has_created_under_the_name_is_not_deleted_by_the_task_that_syncs_it(
    anywhere: Fading, with_azure: bool, synced: bool
) -> None:
    """DSM knows a key of this name, which was purged behind its back."""
    anywhere.generate()
    anywhere.stranger("delete", "purge")
    if synced:
        anywhere.sync()
    anywhere.stranger("add")
    mark = anywhere.mark()

    if synced and not with_azure:
        # For DSM, the key is purged, and nothing is left to do.
        assert anywhere.to("deleted", with_azure=False)["changed"] is False
    else:
        failure = anywhere.failed(anywhere.to, "deleted", with_azure=with_azure)
        assert "somebody has created another one" in failure.problem
        assert anywhere.routes(mark) == [SCAN]
    assert anywhere.in_vault() == "live"


def test_a_key_that_somebody_has_created_under_the_name_is_not_changed_by_the_task_that_syncs_it(
    anywhere: Fading,
) -> None:
    """Without `origin`, nothing else would tell it from the one that DSM had."""
    anywhere.generate()
    anywhere.stranger("delete", "purge", "add")
    before, mark = [(one.enabled, one.expires) for one in anywhere.versions()], anywhere.mark()

    failure = anywhere.failed(anywhere, enabled=False, expires=LATER, consumers="skip")

    assert "somebody has created another one" in failure.problem
    assert (anywhere.routes(mark), [(one.enabled, one.expires) for one in anywhere.versions()]) == ([SCAN], before)


def test_a_key_that_somebody_has_created_under_the_name_is_changed_if_it_may_be_adopted(key: Fading) -> None:
    key.generate()
    key.stranger("delete", "purge", "add")
    assert key(enabled=False, adopt=True, consumers="skip")["key"]["state"] == "disabled"


def test_a_key_that_somebody_has_rotated_is_still_the_same_one(key: Fading) -> None:
    key.generate()
    key.stranger("rotate", "delete", "recover")
    assert key(enabled=False, consumers="skip")["key"]["state"] == "disabled"


def test_a_key_that_somebody_has_created_and_deleted_under_the_name_is_neither_purged_nor_recovered(
    anywhere: Fading,
) -> None:
    anywhere.generate()
    anywhere.stranger("delete", "purge", "add", "delete")
    mark = anywhere.mark()

    assert "current version that DSM does not have" in anywhere.failed(anywhere.to, "purged").problem
    assert "that DSM does not have" in anywhere.failed(anywhere.generate, on_soft_deleted="recover").problem

    assert set(anywhere.routes(mark)) <= {SCAN}
    assert anywhere.in_vault() == "deleted"


def test_a_key_that_a_sync_has_brought_in_is_deleted_as_its_name_says(key: Fading) -> None:
    key.stranger("add")
    key.sync()
    assert key.to("deleted")["key"]["origin"] == "unknown"
    assert key.in_vault() == "deleted"


def test_the_key_of_a_certificate_is_refused(key: Fading) -> None:
    key.stranger("add")
    key.azure.do(lambda state: setattr(state.key(key.azure.vault, "payments"), "managed", True))
    key.sync()
    mark = key.mark()
    for options in ({}, {"check_mode": True}):
        assert "certificate" in key.failed(key.to, "deleted", **options).problem
    assert key.writes(mark) == []


# What others have done ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["deleted", "purged"])
def test_what_somebody_has_done_in_azure_is_synced_and_not_done_again(anywhere: Fading, state: str) -> None:
    anywhere.generate()
    anywhere.stranger("delete", *(["purge"] if state == "purged" else []))
    mark = anywhere.mark()

    first = anywhere.to(state)

    assert [one["action"] for one in first["plan"]] == ["sync"]
    assert anywhere.routes(mark) == [SCAN]
    assert anywhere.records() == [("Active", "deleted") if state == "deleted" else ("Destroyed", "purged")]
    mark = anywhere.mark()
    assert anywhere.to(state)["changed"] is False
    assert anywhere.writes(mark) == []


def test_a_key_that_was_recovered_in_azure_is_deleted_again(anywhere: Fading) -> None:
    anywhere.generate()
    anywhere.to("deleted")
    anywhere.stranger("recover")
    assert [one["action"] for one in anywhere.to("deleted")["plan"]] == ["sync", "delete", "sync"]
    assert anywhere.in_vault() == "deleted"


def test_a_key_that_azure_has_purged_meanwhile_is_synced_before_its_records_are_removed(anywhere: Fading) -> None:
    anywhere.generate()
    anywhere.to("deleted")
    anywhere.azure.sandbox.clock.advance(91 * 86400)

    removed = anywhere.to("absent")

    assert [one["action"] for one in removed["plan"]] == ["sync", "remove"]
    assert (removed["key"], anywhere.records()) == (None, [])


def test_a_key_with_an_unknown_newer_version_is_synced_and_deleted_with_all_of_them(key: Fading) -> None:
    key.generate()
    key.stranger("rotate")
    assert [one["action"] for one in key.to("deleted")["plan"]] == ["sync", "delete", "sync"]
    assert set(key.records()) == {("Active", "deleted")}


def begin_deletion(key: Fading, kid: str) -> None:
    """What a task sends that is interrupted then."""
    environment = key.azure.sandbox.environment()
    request = urllib.request.Request(
        environment["DSM_ENDPOINT"] + DELETION.format(kid=kid),
        data=b"{}",
        headers={"Authorization": f"Basic {environment['DSM_API_KEY']}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    proxy = urllib.request.ProxyHandler({"https": environment["HTTPS_PROXY"]})
    urllib.request.build_opener(proxy, urllib.request.HTTPSHandler(context=context)).open(request).close()


@pytest.mark.parametrize("transition", [2, 20])
def test_the_records_of_a_key_that_azure_is_still_deleting_are_not_removed(key: Fading, transition: int) -> None:
    """In between, it is in no list, as a purged one is."""
    key.generate()
    key.azure.sandbox.profile = Profile(key_transition=transition)
    kid = key.azure.sandbox.do(lambda state: state.dsm.default_account.keys.named("payments").kid)
    begin_deletion(key, kid)

    failure = key.failed(key.to, "absent")

    assert "soft-deleted" in failure.problem
    assert [azure for _state, azure in key.records()] == ["deleted"]


# Brought back ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_deleted_key_is_recovered_and_then_kept_as_requested_as_predicted(anywhere: Fading, with_azure: bool) -> None:
    kid = anywhere.source("master")
    version = anywhere.copy(kid)["key"]["version"]
    anywhere.to("deleted")
    given = {"on_soft_deleted": "recover", "expires": LATER, "with_azure": with_azure}
    mark = anywhere.mark()
    planned = anywhere.copy(kid, check_mode=True, **given)
    assert anywhere.writes(mark) == []

    first = anywhere.copy(kid, **given)
    written = anywhere.mark()
    second = anywhere.copy(kid, **given)

    assert (anywhere.in_vault(), anywhere.writes(written)) == ("live", [])
    assert [planned["changed"], first["changed"], second["changed"]] == [True, True, False]
    if with_azure:
        assert (planned["plan"], planned["diff"], planned["prediction"]) == (first["plan"], first["diff"], None)
    assert [one["action"] for one in planned["plan"]] == ["recover", "sync", "update"]
    assert (first["key"]["state"], first["key"]["version"]) == ("live", version)
    assert first["key"]["expires"] == LATER
    assert anywhere.records() == [("Active", "created")]


def test_a_key_is_not_recovered_unless_that_is_requested(key: Fading) -> None:
    key.generate()
    key.to("deleted")
    mark = key.mark()
    failure = key.failed(key.generate)
    assert ("purges it on 20" in failure.problem, "on_soft_deleted: recover" in failure.next_step) == (True, True)
    assert key.writes(mark) == []


def test_nothing_is_recovered_that_cannot_become_as_requested(key: Fading) -> None:
    kid, other = key.source("master"), key.source("other")
    key.copy(kid)
    key.to("deleted")
    mark = key.mark()
    for check_mode in (True, False):
        given = {"on_soft_deleted": "recover", "check_mode": check_mode}
        assert "copy of another key" in key.failed(key.copy, other, **given).problem
        assert "size 4096 is requested" in key.failed(key, size=4096, **given).problem
    assert key.writes(mark) == []


def test_a_key_that_somebody_has_deleted_in_azure_is_synced_before_it_is_recovered(anywhere: Fading) -> None:
    anywhere.generate()
    anywhere.stranger("delete")
    assert [one["action"] for one in anywhere.generate(on_soft_deleted="recover")["plan"]] == [
        "sync",
        "recover",
        "sync",
    ]
    assert anywhere.in_vault() == "live"


def test_a_foreign_deleted_key_is_not_recovered(key: Fading) -> None:
    key.stranger("add", "delete")
    mark = key.mark()
    assert "that DSM does not have" in key.failed(key.generate, on_soft_deleted="recover").problem
    assert key.writes(mark) == []


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("state", ["purged", "behind"])
def test_a_purged_key_is_copied_again_only_on_request(anywhere: Fading, state: str, with_azure: bool) -> None:
    """Also a key that somebody has purged in Azure, so that DSM has not destroyed its records."""
    kid = anywhere.source("master")
    old = anywhere.copy(kid)["key"]
    if state == "purged":
        anywhere.down_to("purged")
    else:
        anywhere.to("deleted")
        anywhere.stranger("purge")
    mark = anywhere.mark()
    given = {"with_azure": with_azure}
    if with_azure:
        refused = anywhere.failed(anywhere.copy, kid)
        assert ("material is gone" in refused.problem, "allow_recreate" in refused.next_step) == (True, True)
    planned = anywhere.copy(kid, allow_recreate=True, check_mode=True, **given) if state == "purged" else None
    assert anywhere.writes(mark) == []
    if state == "behind" and not with_azure:
        # For DSM, the key is still soft-deleted.
        anywhere.sync()

    made = anywhere.copy(kid, allow_recreate=True, **given)

    actions = [one["action"] for one in made["plan"]]
    assert [one for one in actions if one != "sync"] == ["remove", "create"]
    if planned is not None and with_azure:
        assert (planned["plan"], planned["diff"]) == (made["plan"], made["diff"])
    assert made["diff"]["before"]["state"] in ("destroyed", "purged")
    assert made["diff"]["after"]["state"] == made["key"]["state"] == "live"
    assert (made["key"]["public_key_sha256"], made["key"]["version"] == old["version"]) == (
        old["public_key_sha256"],
        False,
    )
    assert anywhere.records() == [("Active", "created")]
    written = anywhere.mark()
    assert anywhere.copy(kid, allow_recreate=True, **given)["changed"] is False
    assert anywhere.writes(written) == []


def test_a_key_that_azure_generated_is_not_made_again_under_the_name_of_a_purged_one(key: Fading) -> None:
    key.generate()
    key.down_to("purged")
    mark = key.mark()
    assert "state: absent" in key.failed(key.generate, allow_recreate=True).next_step
    assert key.writes(mark) == []
    key.to("absent")
    assert key.generate()["key"]["state"] == "live"


def test_no_record_is_removed_for_a_copy_that_cannot_be_made(key: Fading) -> None:
    kid = key.source("master")
    key.copy(kid)
    key.down_to("purged")
    mark = key.mark()
    for options in ({"protection": None}, {"size": 4096}):
        for check_mode in (True, False):
            key.failed(key.copy, kid, allow_recreate=True, check_mode=check_mode, **options)
    assert key.writes(mark) == []
    assert key.records() == [("Destroyed", "purged")]


# Servers without these requests ---------------------------------------------------------------------------------------


def allow(key: Fading, *permissions: str) -> None:
    operator = key.azure.view.operator_client_id
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, operator, ["get", "list", *permissions]))


@pytest.mark.parametrize("generation", Profile.settings()["generation"])
def test_without_dsms_requests_the_operator_deletes_and_purges(key: Fading, generation: str) -> None:
    key.generate()
    key.azure.sandbox.profile = Profile(generation=generation, deletion_routes="404")
    allow(key, "delete", "purge")

    for state in ("deleted", "purged"):
        done = key.to(state)
        assert [(one["plane"], one["action"]) for one in done["plan"]] == [
            ("Azure", "delete" if state == "deleted" else "purge"),
            ("DSM", "sync"),
        ]
        written = key.mark()
        assert (key.to(state)["changed"], key.writes(written)) == (False, [])
    assert key.in_vault() == "gone"
    assert key.to("absent")["key"] is None


@pytest.mark.parametrize("route", Profile.settings()["recover_route"])
def test_a_key_is_recovered_whatever_the_server_has(anywhere: Fading, route: str) -> None:
    anywhere.generate()
    anywhere.to("deleted")
    anywhere.azure.sandbox.profile = Profile(recover_route=route)
    if not anywhere.is_pool:
        allow(anywhere, "recover")

    done = anywhere.generate(on_soft_deleted="recover")

    planes = [(one["plane"], one["action"]) for one in done["plan"]]
    assert planes == [("DSM" if route == "served" else "Azure", "recover"), ("DSM", "sync")]
    assert anywhere.in_vault() == "live"


def test_the_operator_deletes_and_purges_in_a_managed_hsm_too(pool: AzureRights, awake: Passing) -> None:
    key = Fading(pool)
    key.generate()
    key.azure.sandbox.profile = Profile(deletion_routes="404")
    assert key.to("purged", allow_skip=True)["plan"][0]["plane"] == "Azure"
    assert key.in_vault() == "gone"


@pytest.mark.parametrize("route", ["404", "405", "400"])
def test_without_an_operator_it_is_explained_what_the_server_does_not_have(key: Fading, route: str) -> None:
    key.generate()
    key.azure.sandbox.profile = Profile(deletion_routes="404")
    failure = key.failed(key.to, "deleted", with_azure=False)
    assert "this DSM cannot delete a key in Azure" in failure.problem
    assert "keys/delete" in failure.next_step
    assert key.in_vault() == "live"
    key.azure.sandbox.profile = Profile(recover_route=route)
    key.to("deleted")
    failure = key.failed(key.generate, on_soft_deleted="recover", with_azure=False)
    assert "this DSM cannot recover a key in Azure" in failure.problem
    assert "look_in_azure: true" in failure.next_step


@pytest.mark.parametrize(("step", "permission"), [("deleted", "delete"), ("purged", "purge"), ("present", "recover")])
def test_the_operators_permission_is_needed_and_named(key: Fading, step: str, permission: str) -> None:
    key.generate()
    if step != "deleted":
        key.to("deleted")
    key.azure.sandbox.profile = Profile(deletion_routes="404", recover_route="404")
    act = (lambda: key.generate(on_soft_deleted="recover")) if step == "present" else (lambda: key.to(step))
    before = key.in_vault()

    failure = key.failed(act)

    assert (failure.plane, failure.details["status"], key.in_vault()) == ("Azure", 403, before)
    allow(key, permission)
    assert act()["changed"]


# Azure is at work, and answers are lost -------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("transition", Profile.settings()["key_transition"])
def test_azure_is_waited_for_however_long_it_works(key: Fading, transition: Any, with_azure: bool) -> None:
    kid = key.source("master")
    key.copy(kid)
    key.azure.sandbox.profile = Profile(key_transition=transition)
    given = {"with_azure": with_azure}
    assert key.to("deleted", **given)["key"]["state"] == "soft_deleted"
    assert key.copy(kid, on_soft_deleted="recover", enabled=False, **given)["key"]["state"] == "disabled"
    assert key.to("purged", allow_skip=True, **given)["key"]["state"] == "destroyed"
    assert key.copy(kid, allow_recreate=True, **given)["key"]["state"] == "live"
    assert len(key.versions()) == 1


def test_the_wait_is_bounded(key: Fading) -> None:
    key.generate()
    key.azure.sandbox.profile = Profile(key_transition=20)

    failure = key.failed(key.to, "deleted", wait=5)

    assert "is not deleted after 5 seconds" in failure.problem
    assert [one.action for one in failure.wrote] == [f"POST {DELETION}"]
    mark = key.mark()
    assert key.to("deleted")["key"]["state"] == "soft_deleted"
    assert DELETION not in key.routes(mark)


@pytest.mark.parametrize("step", ["deleted", "purged", "absent", "present"])
@pytest.mark.parametrize("fault", [{"reset": "after"}, {"status": 504, "after_work": True}], ids=str)
@pytest.mark.parametrize("with_azure", [True, False])
def test_a_lost_answer_is_looked_up_and_never_repeated(
    key: Fading, step: str, fault: dict[str, Any], with_azure: bool
) -> None:
    key.generate()
    before = {"purged": "deleted", "absent": "purged", "present": "deleted"}.get(step)
    if before:
        key.down_to(before)
    method, route = {
        "deleted": ("POST", DELETION),
        "purged": ("POST", PURGE),
        "absent": ("DELETE", KEY),
        "present": ("POST", RECOVERY),
    }[step]
    key.azure.sandbox.faults.add(Fault("dsm", method, route, **fault))
    mark = key.mark()

    done = key.to(step, on_soft_deleted="recover", with_azure=with_azure)

    assert done["changed"]
    assert key.routes(mark).count(route) == 1


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("step", ["deleted", "purged", "absent", "present"])
def test_a_request_that_was_lost_before_its_work_fails_and_may_be_run_again(
    key: Fading, step: str, with_azure: bool
) -> None:
    key.generate()
    before = {"purged": "deleted", "absent": "purged", "present": "deleted"}.get(step)
    if before:
        key.down_to(before)
    routes = {"deleted": DELETION, "purged": PURGE, "absent": KEY, "present": RECOVERY}
    method = "DELETE" if step == "absent" else "POST"
    key.azure.sandbox.faults.add(Fault("dsm", method, routes[step], status=503))
    mark = key.mark()

    failure = key.failed(key.to, step, on_soft_deleted="recover", with_azure=with_azure)

    assert failure.details["status"] == 503
    assert key.routes(mark).count(routes[step]) == 1
    assert key.to(step, on_soft_deleted="recover", with_azure=with_azure)["changed"]


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("step", ["deleted", "purged", "present"])
def test_a_step_that_another_task_has_done_meanwhile_is_no_failure(key: Fading, step: str, with_azure: bool) -> None:
    """DSM refuses it then, because the key is there already."""
    key.generate()
    if step != "deleted":
        key.to("deleted")
    deed, word = {
        "deleted": ("delete", "deleted"),
        "purged": ("purge", "purged"),
        "present": ("recover", "created"),
    }[step]

    world = key.azure.sandbox.do(lambda state: state)

    def other_task() -> None:
        getattr(getattr(world.azure, key.azure.cloud), f"{deed}_key")(key.azure.vault, "payments")
        world.dsm.mark(world.dsm.default_account.keys.named("payments"), word, Profile())

    if with_azure:
        read = Fault("vault", "GET", "/keys/{name}/" if step == "deleted" else "/deletedkeys/{name}", then=other_task)
    else:
        # The second page of the keys, an empty one, is read last; in two of these steps, again after a sync.
        read = Fault("dsm", "GET", "/crypto/v1/keys", skip=1 if step == "present" else 3, then=other_task)
    key.azure.sandbox.faults.add(read)
    mark = key.mark()

    done = key.to(step, on_soft_deleted="recover", with_azure=with_azure)

    route = {"deleted": DELETION, "purged": PURGE, "present": RECOVERY}[step]
    assert key.routes(mark).count(route) == 1
    assert {"delete", "purge", "recover"}.isdisjoint(one["action"] for one in done["plan"])
    assert key.in_vault() == {"deleted": "deleted", "purged": "gone", "present": "live"}[step]


def test_records_that_another_task_has_removed_meanwhile_are_no_failure(key: Fading) -> None:
    key.generate()
    key.down_to("purged")

    keys = key.azure.sandbox.do(lambda state: state.dsm.default_account.keys)

    def other_task() -> None:
        keys.remove(keys.named("payments"))

    key.azure.sandbox.faults.add(Fault("vault", "GET", "/deletedkeys/{name}", origin="client", then=other_task))
    done = key.to("absent")
    assert (done["changed"], done["plan"], done["key"], key.records()) == (False, [], None, [])


# What servers do, as far as it is not public --------------------------------------------------------------------------

SETTINGS = [
    (name, value)
    for name in (
        "state_after_delete",
        "siblings_after_delete",
        "azure_backup",
        "delete_when",
        "delete_early",
        "lifecycle_gated",
        "recover_route",
        "restore_route",
        "pulls",
        "scan_recognises",
        "scan_versions",
        "scan_skips",
        "key_by_path",
        "virtual_pub_key",
        "generation",
    )
    for value in Profile.settings()[name]
]


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize(("name", "value"), SETTINGS, ids=str)
def test_a_key_of_two_versions_ends_whatever_the_servers_do(
    key: Fading, name: str, value: Any, with_azure: bool
) -> None:
    key.generate()
    key.stranger("rotate")
    key.sync()
    key.azure.sandbox.profile = Profile(**{name: value})
    with_azure = with_azure or value == "legacy"
    allow(key, "delete", "purge", "recover")
    given = {"with_azure": with_azure}
    assert key.to("deleted", **given)["changed"]
    if with_azure or name != "recover_route" or value == "served":
        assert key(on_soft_deleted="recover", **given)["changed"]
        assert key.to("deleted", **given)["changed"]
    for state in ("deleted", "purged", "absent"):
        if state != "deleted":
            assert key.to(state, **given)["changed"]
        mark = key.mark()
        again = key.to(state, **given)
        assert (again["changed"], key.writes(mark)) == (False, [])
        assert "azure-backup" not in str(again)
    assert (key.in_vault(), key.records()) == ("gone", [])


@pytest.mark.parametrize("with_azure", [True, False])
def test_in_a_vault_without_soft_delete_a_key_is_destroyed_only_by_a_confirmed_purge(
    key: Fading, with_azure: bool
) -> None:
    key.azure.do(lambda state: setattr(state.store(key.azure.vault), "soft_delete", False))
    key.generate()
    if with_azure:
        assert "no soft-delete" in key.failed(key.to, "deleted").problem
    planned = key.to("purged", allow_skip=True, check_mode=True)
    done = key.to("purged", allow_skip=True, with_azure=with_azure)
    assert (key.in_vault(), done["key"]["state"]) == ("gone", "destroyed")
    assert [one["action"] for one in planned["plan"]] == ["delete", "sync"]
    assert key.to("purged", with_azure=with_azure)["changed"] is False


@pytest.mark.parametrize("state", ["purged", "present"])
def test_a_deleted_key_whose_records_were_destroyed_too_early_is_left_to_azure(key: Fading, state: str) -> None:
    """Somebody has synced while the vault was deleting the key."""
    key.generate()
    key.azure.sandbox.profile = Profile(key_transition=20)
    kid = key.azure.sandbox.do(lambda state: state.dsm.default_account.keys.named("payments").kid)
    begin_deletion(key, kid)
    key.sync()
    key.azure.sandbox.clock.advance(TRANSITION)
    assert key.records() == [("Destroyed", "purged")]

    failure = key.failed(key.to, state, on_soft_deleted="recover")

    assert "also after a sync" in failure.problem
    assert "in Azure, and sync the keys" in failure.next_step
    assert key.to("deleted", with_azure=False)["key"]["state"] == "soft_deleted"
    assert key.in_vault() == "deleted"


# Consumers ------------------------------------------------------------------------------------------------------------


def used(key: Fading) -> None:
    key.azure.do(lambda state: state.add_storage_account("stpayments", key.azure.vault, "payments"))


def reads_everything(key: Fading) -> None:
    operator = key.azure.view.operator_client_id
    key.azure.do(lambda state: state.assign_role(operator, key.azure.subscription, "Reader"))


CASES = [
    # Options, what is done, mode -> refused.
    ("delete", "auto", False),
    ("delete", "warn", False),
    ("delete", "refuse", True),
    ("purge", "auto", True),
    ("purge", "warn", False),
    ("disable", "auto", False),
    ("disable", "refuse", True),
]


@pytest.mark.parametrize("knowledge", ["found", "unknown", "none_found", "no operator"])
@pytest.mark.parametrize(("deed", "mode", "refuses"), CASES)
def test_consumers_refuse_or_warn_before_a_write(
    key: Fading, deed: str, mode: str, refuses: bool, knowledge: str
) -> None:
    key.generate()
    if knowledge in ("found", "none_found"):
        reads_everything(key)
    if knowledge == "found":
        used(key)
    if knowledge == "unknown":
        key.azure.sandbox.faults.add(
            Fault("arm", "POST", "/providers/Microsoft.ResourceGraph/resources", status=503, times=100)
        )
    if deed == "purge":
        key.to("deleted")
    act: dict[str, Any] = {
        "delete": {"state": "deleted"},
        "purge": {"state": "purged", "confirm_purge": "payments"},
        "disable": {"enabled": False},
    }[deed]
    given = {**act, "consumers": mode, "with_azure": knowledge != "no operator"}
    refused = refuses and knowledge != "none_found"
    for check_mode in (True, False):
        mark = key.mark()
        key.warnings.clear()
        if refused:
            failure = key.failed(key, check_mode=check_mode, **given)
            assert "consumers: warn" in failure.next_step
            assert set(key.routes(mark)) <= {SCAN}
            found = failure.details["consumers"]
        else:
            result = key(check_mode=check_mode, **given)
            assert result["changed"]
            found = result["consumers"]
            assert bool(key.warnings) == (knowledge != "none_found")
        assert found["status"] == {"no operator": "unknown"}.get(knowledge, knowledge)
        assert bool(found["gaps"]) == (found["status"] == "unknown")
        assert [one["name"] for one in found["found"]] == (["stpayments"] if knowledge == "found" else [])
        assert found["blind_spots"]
    if not refused:
        mark = key.mark()
        again = key(**given)
        assert (again["consumers"], key.writes(mark)) == (None, [])
        assert not [one for one in key.azure.sandbox.journal.requests(since=mark) if one.plane == "arm"]


def test_a_skipped_purge_is_refused_before_the_deletion(key: Fading) -> None:
    key.generate()
    used(key)
    mark = key.mark()
    given = {"state": "purged", "confirm_purge": "payments", "allow_skip": True}
    for check_mode in (True, False):
        assert "stpayments" in key.failed(key, check_mode=check_mode, **given).problem
    assert (key.writes(mark), key.in_vault()) == ([], "live")


# Approvals ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(key: Fading) -> Iterator[tuple[Fading, Approver]]:
    sandbox = key.azure.sandbox
    key.generate()
    policy = {"user": sandbox.world.administrator.user_id, "protect_manage_operations": True}
    sandbox.do(lambda state: setattr(state.dsm.find_group(key.group), "approval_policy", policy))
    with logged_in(sandbox) as approver:
        yield key, approver


def test_the_operator_does_not_act_without_the_approvers(guarded: tuple[Fading, Approver]) -> None:
    """Where DSM does not have the request, nothing asks its approvers."""
    key, _approver = guarded
    key.azure.sandbox.profile = Profile(deletion_routes="404")
    allow(key, "delete")
    mark = key.mark()

    failure = key.failed(key.to, "deleted")

    assert "the operator would act without the approvers" in failure.problem
    assert "sync the keys" in failure.next_step
    assert (key.in_vault(), [plane for plane, _method, _route in key.writes(mark) if plane != "dsm"]) == ("live", [])


@pytest.mark.parametrize("execution", Profile.settings()["approval_execution"])
@pytest.mark.parametrize("gated", Profile.settings()["lifecycle_gated"])
def test_each_step_is_filed_once_and_carried_out_once(
    guarded: tuple[Fading, Approver], execution: str, gated: str
) -> None:
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution=execution, lifecycle_gated=gated)
    for state, before in (("deleted", "live"), ("purged", "deleted"), ("absent", "gone")):
        planned = key.to(state, check_mode=True)
        # An approved purge that was carried out at once is not synced yet.
        assert planned["prediction"] == "unknown" or planned["approval"]["status"] == "needed"
        first = key.to(state)
        if gated == "free" and state != "absent":
            assert (first["changed"], first["pending"]) == (True, False)
            continue
        second = key.to(state)
        assert (first["changed"], first["pending"], first["approval"]["filed"]) == (True, True, True)
        assert (second["changed"], second["pending"]) == (False, True)
        assert key.to(state, check_mode=True)["changed"] is False
        assert first["approval"]["id"] == second["approval"]["id"]
        assert key.in_vault() == before
        approver.decide()
        third = key.to(state)
        assert third["pending"] is False
        assert key.to(state)["changed"] is False
    assert (key.in_vault(), key.records(), approver.pending()) == ("gone", [], [])


def test_a_deletion_that_was_carried_out_at_its_approval_and_undone_since_is_filed_again(
    guarded: tuple[Fading, Approver],
) -> None:
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution="on_approval", lifecycle_gated="gated")
    assert key.to("deleted")["pending"]
    approver.decide()
    key.azure.sandbox.clock.advance(TRANSITION)
    key.stranger("recover")
    key.sync()

    again = key.to("deleted")

    assert (again["pending"], again["approval"]["filed"], key.in_vault()) == (True, True, "live")


def test_a_pending_deletion_and_another_change_of_the_key_exclude_each_other(guarded: tuple[Fading, Approver]) -> None:
    key, _approver = guarded
    key.azure.sandbox.profile = Profile(lifecycle_gated="gated")
    filed = key.to("deleted")["approval"]["id"]
    failure = key.failed(key, enabled=False, consumers="skip")
    assert failure.details["approval"]["id"] == filed


def test_the_removals_of_several_records_are_filed_together(guarded: tuple[Fading, Approver]) -> None:
    key, approver = guarded
    key.stranger("rotate")
    key.sync()
    key.down_to("purged")

    first = key.to("absent")

    assert (first["pending"], len(approver.pending())) == (True, 2)
    assert key.to("absent")["changed"] is False


@pytest.mark.parametrize("gated", Profile.settings()["lifecycle_gated"])
def test_a_recovery_is_filed_once(guarded: tuple[Fading, Approver], gated: str) -> None:
    key, approver = guarded
    key.to("deleted")
    key.azure.sandbox.profile = Profile(lifecycle_gated=gated)
    first = key.generate(on_soft_deleted="recover")
    assert first["pending"] == (gated == "gated")
    if first["pending"]:
        approver.decide()
    assert key.generate(on_soft_deleted="recover")["key"]["state"] == "live"
    assert key.in_vault() == "live"


# Permissions ----------------------------------------------------------------------------------------------------------

# docs/permissions.md and docs/keys.md: step -> state before, permissions of the application, of the DSM identity.
NEEDED = {
    "deleted": (None, ["delete", "get", "list"], ["DELETE_KEY_MATERIAL", "SCAN_EXTERNAL_SOBJECTS"]),
    "purged": ("deleted", ["purge", "get", "list"], ["DELETE_KEY_MATERIAL", "SCAN_EXTERNAL_SOBJECTS"]),
    "present": ("deleted", ["recover", "get", "list"], ["DELETE_KEY_MATERIAL", "SCAN_EXTERNAL_SOBJECTS"]),
    "absent": ("purged", [], ["DELETE_SOBJECTS"]),
}


@pytest.mark.parametrize("step", NEEDED)
def test_the_documented_permissions_of_the_application_suffice_and_each_is_needed(key: Fading, step: str) -> None:
    before, needed, _of_dsm = NEEDED[step]
    for number in range(len(needed) + 1):
        name = f"key-{number}"
        key.azure.do(lambda state: state.set_access_policy(key.azure.vault, key.azure.app, list(TEN)))
        key.generate(name=name)
        if before is not None:
            key.down_to(before, name=name)
        missing = needed[number : number + 1]
        held = [one for one in needed if one not in missing]
        key.azure.do(lambda state, held=held: state.set_access_policy(key.azure.vault, key.azure.app, held))
        if missing:
            assert key.failed(key.to, step, name=name, on_soft_deleted="recover").server_words
        else:
            assert key.to(step, name=name, on_soft_deleted="recover")["changed"]


@pytest.mark.parametrize("step", NEEDED)
def test_the_documented_permissions_of_the_dsm_identity_suffice_and_each_is_needed(key: Fading, step: str) -> None:
    before, _of_azure, needed = NEEDED[step]
    key.generate()
    if before is not None:
        key.down_to(before)
    account, sandbox = key.azure.sandbox.world.account_id, key.azure.sandbox

    def login(missing: str | None) -> dict[str, str]:
        """A user with the permissions but one. Only administrators of a group sync it in the sandbox."""

        def add(state: Any) -> Any:
            user = state.dsm.add_user(f"{missing}@example.com", {account: ["ACCOUNTMEMBER"]})
            held = [one for one in needed if one != missing]
            syncs = [] if missing is not None or step == "absent" else ["GROUPADMINISTRATOR"]
            state.dsm.grant(user, state.dsm.find_group(key.group), ["GET_SOBJECTS", *held, *syncs])
            return user

        user = sandbox.do(add)
        account_name = sandbox.world.account_name
        return {"dsm_username": user.email, "dsm_password": user.password, "dsm_account": account_name}

    failure = key.failed(key.to, step, on_soft_deleted="recover", **login(needed[0]))
    assert (failure.details["status"], needed[0] in failure.next_step, failure.wrote) == (403, True, ())
    assert key.to(step, on_soft_deleted="recover", **login(None))["changed"]


def test_a_sync_that_comes_too_early_after_a_recovery_is_repeated(key: Fading) -> None:
    """DSM reads another replica than the operator, which does not have the key yet."""
    key.generate()
    key.to("deleted")
    lagging = [
        Fault("vault", "GET", "/keys", origin="dsm", rewrite=lambda _found: b'{"value": [], "nextLink": null}'),
        Fault("vault", "GET", VERSION, origin="dsm", status=404, body=NO_KEY),
    ]
    for fault in lagging:
        key.azure.sandbox.faults.add(fault)
    mark = key.mark()

    done = key.to("present", on_soft_deleted="recover")

    assert (done["key"]["state"], key.routes(mark)) == ("live", [RECOVERY, SCAN, SCAN])


def test_a_response_about_the_deleted_key_is_not_taken_for_one_about_a_live_key(key: Fading) -> None:
    """A gateway that mixes up responses: the two have the same members, and some more."""
    key.generate()
    key.to("deleted")
    bundle = {"deletedDate": 1780000000, "scheduledPurgeDate": 1790000000}

    def mixed_up(found: bytes) -> bytes:
        return json.dumps({**json.loads(found), **bundle}).encode()

    key.stranger("recover")
    key.azure.sandbox.faults.add(Fault("vault", "GET", "/keys/{name}/", origin="client", rewrite=mixed_up))
    mark = key.mark()

    failure = key.failed(key.to, "deleted")

    assert ("is that of a deleted key" in failure.problem, key.writes(mark)) == (True, [])


def test_without_a_permission_for_the_sync_the_step_is_done_and_told(key: Fading) -> None:
    key.generate()
    account, sandbox = key.azure.sandbox.world.account_id, key.azure.sandbox

    def add(state: Any) -> Any:
        user = state.dsm.add_user("no-sync@example.com", {account: ["ACCOUNTMEMBER"]})
        state.dsm.grant(user, state.dsm.find_group(key.group), ["GET_SOBJECTS", "DELETE_KEY_MATERIAL"])
        return user

    user = sandbox.do(add)
    login = {"dsm_username": user.email, "dsm_password": user.password, "dsm_account": sandbox.world.account_name}

    failure = key.failed(key.to, "deleted", **login)

    assert ([one.action for one in failure.wrote], key.in_vault()) == ([f"POST {DELETION}"], "deleted")
    assert "SCAN_EXTERNAL_SOBJECTS" in failure.next_step


def test_at_a_managed_hsm_a_crypto_user_deletes_a_key_and_cannot_sync_it(pool: AzureRights, awake: Passing) -> None:
    """The deleted keys need a role of their own, and the failure names it."""
    key = Fading(pool)
    key.azure.do(lambda state: state.revoke_local_roles(pool.vault, pool.app))
    key.azure.do(lambda state: state.assign_local_role(pool.vault, pool.app, "Managed HSM Crypto User"))
    key.generate()

    failure = key.failed(key.to, "deleted")

    assert "managed-hsm-application-recover-purge.json" in failure.next_step
    assert key.in_vault() == "deleted"
    role = json.loads(
        (ROOT / "docs/azure-roles/managed-hsm-application-recover-purge.json").read_text(encoding="utf-8")
    )

    def grant(state: Any) -> None:
        made = state.add_local_role(pool.vault, role["roleName"], role["dataActions"])
        state.assign_local_role(pool.vault, pool.app, made.guid)

    key.azure.do(grant)
    assert key.to("purged")["key"]["state"] == "destroyed"
    assert key.in_vault() == "gone"


def test_an_operator_who_cannot_read_deleted_keys_leaves_the_state_unverified(
    pool: AzureRights, awake: Passing
) -> None:
    key = Fading(pool)
    key.azure.do(lambda state: state.revoke_local_roles(pool.vault, pool.view.operator_client_id))
    key.azure.do(
        lambda state: state.assign_local_role(pool.vault, pool.view.operator_client_id, "Managed HSM Crypto User")
    )
    key.generate()
    for state, shown in (("deleted", "soft_deleted"), ("purged", "destroyed")):
        done = key.to(state)
        assert (done["key"]["state"], done["unverified"]) == (shown, ["state"])
        assert key.to(state)["changed"] is False
    assert key.to("absent")["key"] is None


# Plays ----------------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_a_play_deletes_and_recovers_a_key(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Callable[..., dict[str, Any]]
) -> None:
    given_group(vault={"name": "akv-sandbox-std"})
    sandbox.profile = Profile(key_transition=0)
    usual = {"group_name": name, "name": name, "look_in_azure": False, "wait": 0, "consumers": "skip"}
    made = {"cdc_key": {**usual, "origin": "azure", "type": "EC", "curve": "P-256"}}
    ended = {"cdc_key": {**usual, "state": "deleted"}}
    back = {"cdc_key": {**usual, "on_soft_deleted": "recover"}}

    run = ansible.tasks(made, {**ended, "check_mode": True}, ended, ended, back, back)

    assert [one.changed for one in run.outcomes] == [True, True, True, False, True, False]
    assert [one["key"]["state"] for one in run.outcomes[2:]] == ["soft_deleted", "soft_deleted", "live", "live"]
