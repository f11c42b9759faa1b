# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One key over the wire: created from DSM or by Azure, kept as requested, and what is refused or was lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Fault, Profile, Sandbox
from support.approver import REQUESTS, Approver, logged_in
from support.azure_rights import AzureRights
from support.one_key import OneKey
from support.operate import Operator
from support.passing import Passing
from support.playbook import Ansible

COPY, KEYS, KEY = "/crypto/v1/keys/copy", "/crypto/v1/keys", "/crypto/v1/keys/{kid}"
SCAN = "/sys/v1/groups/{group_id}/hmg/scan"
LATER, LATEST = "2031-01-01T00:00:00Z", "2032-01-01T00:00:00Z"


def _forget(state: Any, name: str) -> None:
    """DSM had no time to record what it has brought into the vault."""
    keys = state.dsm.default_account.keys
    keys.remove(keys.named(name))


@pytest.fixture(params=["azure", "government", "pool"])
def anywhere(request: pytest.FixtureRequest) -> OneKey:
    """In both clouds, and in a Managed HSM."""
    return OneKey(request.getfixturevalue(request.param))


@pytest.fixture
def key(azure: AzureRights) -> OneKey:
    return OneKey(azure)


# Created --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_key_of_dsm_is_copied_once_as_predicted(anywhere: OneKey, with_azure: bool) -> None:
    kid = anywhere.source("master", size=3072)
    given = {"expires": LATER, "operations": ["wrap_key", "unwrap_key"], "with_azure": with_azure}
    mark = anywhere.mark()

    planned = anywhere.copy(kid, check_mode=True, **given)
    assert anywhere.writes(mark) == []
    first = anywhere.copy(kid, **given)
    written = anywhere.mark()
    second = anywhere.copy(kid, **given)

    assert anywhere.writes(written) == []
    assert [planned["changed"], first["changed"], second["changed"]] == [True, True, False]
    assert (planned["prediction"], first["prediction"]) == (None if with_azure else "unknown", None)
    assert planned["diff"]["after"].items() >= {"size": 3072, "protection": "hsm", "expires": LATER}.items()
    assert [change["action"] for change in first["plan"]] == (["create"] if with_azure else ["sync", "create"])
    made = first["key"]
    assert second["key"] == made
    not_read = {"material", "operations", "expires"} | ({"protection"} if "hsm" not in anywhere.azure.vault else set())
    assert set(second["unverified"]) == (set() if with_azure else not_read)
    assert set(first["unverified"]) == (set() if with_azure else {*not_read, "versions"})
    assert (made["state"], made["origin"], made["source_kid"]) == ("live", "copy", kid)
    assert (made["size"], made["protection"], made["expires"]) == (3072, "hsm", LATER)
    assert made["operations"] == ["unwrap_key", "wrap_key"]
    assert len(anywhere.versions()) == 1
    assert made["version"] == anywhere.versions()[0].version


FORMS = [
    {"type": "RSA", "size": 4096},
    {"type": "EC", "curve": "P-256K"},
    {"type": "EC", "curve": "P-521", "operations": ["sign", "verify"]},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_azure_generates_a_key_once_as_predicted(anywhere: OneKey, form: dict[str, Any]) -> None:
    given = {"size": None, **form}
    planned = anywhere.generate(check_mode=True, **given)
    first = anywhere.generate(**given)
    written = anywhere.mark()
    second = anywhere.generate(**given)

    assert (planned["diff"], planned["plan"]) == (first["diff"], first["plan"])
    assert (planned["key"]["state"], planned["key"]["kid"], planned["key"]["version"]) == ("planned", None, None)
    assert (first["changed"], second["changed"], anywhere.writes(written)) == (True, False, [])
    made = first["key"]
    assert (made["origin"], made["protection"], made["source_kid"]) == ("azure", "hsm", None)
    assert {name: made[name] for name in form} == form
    assert anywhere.versions()[0].kty == f"{form['type']}-HSM"


@pytest.mark.parametrize("origin", ["copy", "azure"])
def test_in_a_premium_vault_software_protects_what_is_to_be_protected_by_software(key: OneKey, origin: str) -> None:
    made = (
        key.copy(key.source("master"), protection="software")
        if origin == "copy"
        else key.generate(protection="software")
    )
    assert (made["key"]["protection"], key.versions()[0].kty) == ("software", "RSA")


def test_the_name_in_dsm_is_chosen(key: OneKey) -> None:
    """Names are unique in an account, and a source often has the name that the copy is to have in the vault."""
    kid = key.source("payments")
    failure = key.failed(key.copy, kid)
    assert f'another object with the name "payments" ({kid}' in failure.problem
    assert "set dsm_name" in failure.next_step

    made = key.copy(kid, dsm_name="payments of prod")
    assert (made["key"]["name"], made["key"]["dsm_name"]) == ("payments", "payments of prod")
    assert key.copy(kid, dsm_name="payments of prod")["changed"] is False
    assert key.copy(kid)["changed"] is False


@pytest.mark.parametrize("rotates_by", Profile.settings()["copy_rotates_by"])
@pytest.mark.parametrize("origin", ["copy", "azure"])
def test_a_name_in_dsm_that_another_key_has_is_refused_before_a_write(
    key: OneKey, origin: str, rotates_by: str
) -> None:
    """A copy with the name of another key may become a version of that one (Q48)."""
    key.generate(name="first", dsm_name="taken")
    kid = key.source("master")
    key.azure.sandbox.profile = Profile(copy_rotates_by=rotates_by)
    mark = key.mark()
    for options in ({}, {"check_mode": True}, {"with_azure": False}):
        act = (lambda **o: key.copy(kid, **o)) if origin == "copy" else key.generate
        failure = key.failed(act, dsm_name="taken", **options)
        assert (failure.obj, 'another object with the name "taken"' in failure.problem) == ("dsm_name", True)
    assert key.writes(mark) == []


def test_a_name_in_dsm_that_was_taken_meanwhile_is_named_with_the_remedy(key: OneKey) -> None:
    kid = key.source("master")
    key.azure.sandbox.faults.add(Fault("dsm", "POST", COPY, status=409))

    failure = key.failed(key.copy, kid)

    assert 'another object with the name "payments"' in failure.next_step
    assert "set dsm_name" in failure.next_step


def test_a_source_is_found_by_its_name(key: OneKey) -> None:
    kid = key.source("master")
    assert key.copy(kid)["changed"]
    found = key(origin="copy", source={"name": "master"}, protection="hsm")
    assert (found["changed"], found["key"]["source_kid"]) == (False, kid)


# Speed ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("origin", "most"), [("azure", 3), ("copy", 4)])
def test_a_key_that_is_as_requested_takes_few_requests(key: OneKey, origin: str, most: int) -> None:
    """The group, two pages of its keys of which the second is empty, and the source."""
    kid = key.source("master")
    act = (lambda **options: key.copy(kid, **options)) if origin == "copy" else key.generate
    act()
    mark = key.mark()

    assert act(with_azure=False)["changed"] is False

    requests = key.azure.sandbox.journal.requests(since=mark)
    assert {entry.plane for entry in requests} == {"dsm"}
    assert len(requests) == most


def test_the_vault_takes_one_request_more(key: OneKey) -> None:
    key.generate()
    mark = key.mark()

    key.generate()

    of_vault = [entry for entry in key.azure.sandbox.journal.requests(since=mark) if entry.plane == "vault"]
    # The first one is the challenge that names the tenant.
    assert [entry.status for entry in of_vault] in ([401, 200], [200])


def test_a_sync_takes_one_more_reading_of_the_keys(key: OneKey) -> None:
    """A page of no keys before the sync; a page of one key, and one of no more, afterwards."""
    key.azure.do(lambda state: state.add_key(key.azure.vault, "payments", "RSA-HSM", days_ago=2.0))
    mark = key.mark()

    key.generate(adopt=True)

    routes = [entry.route for entry in key.azure.sandbox.journal.requests(since=mark)]
    assert (routes.count(SCAN), routes.count(KEYS)) == (1, 3)


# Changed --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
def test_attributes_are_changed_on_both_sides_as_predicted(anywhere: OneKey, with_azure: bool) -> None:
    anywhere.generate(expires=LATER)
    wanted = {"enabled": False, "expires": LATEST, "with_azure": with_azure}
    planned = anywhere(check_mode=True, **wanted)

    first = anywhere(**wanted)
    written = anywhere.mark()
    second = anywhere(**wanted)

    assert (planned["diff"], planned["plan"]) == (first["diff"], first["plan"])
    assert planned["key"] == first["key"]
    assert first["diff"] == anywhere.diff({"enabled": True, "expires": LATER}, {"enabled": False, "expires": LATEST})
    assert (first["changed"], second["changed"], anywhere.writes(written)) == (True, False, [])
    assert first["unverified"] == ([] if with_azure else ["enabled", "expires"])
    (version,) = anywhere.versions()
    assert (version.enabled, version.expires) == (False, 1956528000)
    assert anywhere(enabled=True, with_azure=with_azure)["key"]["state"] == "live"


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_change_that_no_key_of_this_kind_can_have_is_refused_before_a_write(key: OneKey, with_azure: bool) -> None:
    key.generate(type="EC", size=None, curve="P-256")
    mark = key.mark()
    for check_mode in (True, False):
        failure = key.failed(key, operations=["wrap_key"], check_mode=check_mode, with_azure=with_azure)
        assert "is an EC key" in failure.problem
    assert key.writes(mark) == []


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_key_that_dsm_has_deactivated_is_not_changed(key: OneKey, with_azure: bool) -> None:
    """DSM deactivates a key at its expiry, for ever."""
    key.generate(expires=LATER)
    key.azure.sandbox.do(
        lambda state: setattr(state.dsm.default_account.keys.named("payments"), "state", "Deactivated")
    )
    mark = key.mark()
    for check_mode in (True, False):
        failure = key.failed(key, expires=LATEST, check_mode=check_mode, with_azure=with_azure)
        assert "in the state deactivated" in failure.problem
    assert key(expires=LATER, with_azure=with_azure)["changed"] is False
    assert key.writes(mark) == []


# Never written to -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["copy", "azure"])
@pytest.mark.parametrize("with_azure", [True, False])
def test_a_foreign_key_gets_no_new_version(anywhere: OneKey, origin: str, with_azure: bool) -> None:
    """Versionless consumers of that key would use the new version at once."""
    anywhere.azure.do(lambda state: state.add_key(anywhere.azure.vault, "Payments", "RSA-HSM", days_ago=2.0))
    kid = anywhere.source("master")
    mark = anywhere.mark()

    if origin == "copy":
        failure = anywhere.failed(anywhere.copy, kid, with_azure=with_azure)
    else:
        failure = anywhere.failed(anywhere.generate, with_azure=with_azure)

    assert [route for _plane, _method, route in anywhere.writes(mark)] == ([] if with_azure else [SCAN])
    assert len(anywhere.versions()) == 1
    assert failure.next_step


def test_a_foreign_key_is_adopted_on_request_with_a_sync_alone(anywhere: OneKey) -> None:
    anywhere.azure.do(lambda state: state.add_key(anywhere.azure.vault, "payments", "RSA-HSM", days_ago=2.0))
    mark = anywhere.mark()
    planned = anywhere.generate(adopt=True, check_mode=True)

    first = anywhere.generate(adopt=True)
    written = anywhere.mark()
    second = anywhere.generate(adopt=True)

    assert (planned["changed"], planned["prediction"], first["changed"]) == (True, "unknown", True)
    assert (
        [change["action"] for change in planned["plan"]] == [change["action"] for change in first["plan"]] == ["sync"]
    )
    assert [route for _plane, _method, route in anywhere.writes(mark)] == [SCAN]
    assert (second["changed"], anywhere.writes(written), len(anywhere.versions())) == (False, [], 1)
    assert (first["key"]["origin"], first["key"]["state"]) == ("unknown", "live")
    assert first["unverified"] == second["unverified"] == ["origin"]


def test_the_copy_of_an_interrupted_task_is_recognized_by_its_public_key(key: OneKey) -> None:
    kid = key.source("master")
    public = key.copy(kid)["key"]["public_key_sha256"]
    key.azure.sandbox.do(lambda state: _forget(state, "payments"))

    found = key.copy(kid)

    assert [change["action"] for change in found["plan"]] == ["sync"]
    assert (found["key"]["state"], found["key"]["public_key_sha256"], len(key.versions())) == ("live", public, 1)
    assert key.copy(kid)["changed"] is False


def test_a_version_that_azure_created_is_refused_for_a_copy(key: OneKey) -> None:
    kid = key.source("master")
    key.copy(kid)
    key.azure.do(lambda state: state.rotate_key(key.azure.vault, "payments"))

    failure = key.failed(key.copy, kid)

    assert failure.next_step
    assert len(key.versions()) == 2
    mark = key.mark()
    assert key.failed(key.copy, kid).problem == failure.problem
    assert [route for _plane, _method, route in key.writes(mark) if route != SCAN] == []


def test_the_origin_of_a_key_is_not_changed(key: OneKey) -> None:
    kid, other = key.source("master"), key.source("other")
    key.copy(kid)
    mark = key.mark()
    assert "copy of a key in DSM" in key.failed(key.generate).problem
    assert "copy of another key in DSM" in key.failed(key.copy, other).problem
    assert "protection: software is requested" in key.failed(key.copy, kid, protection="software").problem
    assert "size 4096 is requested" in key.failed(key, size=4096).problem
    assert key.writes(mark) == []


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_soft_deleted_key_is_refused_and_its_purge_date_named(key: OneKey, with_azure: bool) -> None:
    key.generate()
    key.azure.do(lambda state: state.delete_key(key.azure.vault, "payments"))
    assert "purges it on 2" in key.failed(key.generate).problem
    Operator(key.azure.sandbox.environment())(cdc_sync, group_name=key.group)
    mark = key.mark()

    failure = key.failed(key.generate, with_azure=with_azure)

    assert failure.problem.startswith("the key is soft-deleted")
    assert key.writes(mark) == []


# Refused before the first write ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"exportable": False}, "cannot be exported"),
        ({"size": 1024}, "Azure does not accept"),
        ({"obj_type": "EC", "curve": "P-256", "elliptic_curve": "NistP192"}, "Azure does not accept"),
        ({"obj_type": "AES", "size": 256}, "Azure does not accept"),
        ({"state": "Deactivated"}, "in the state deactivated"),
        ({"state": "Compromised"}, "in the state compromised"),
        ({"enabled": False}, "is disabled"),
        ({"public_only": True}, "private half is not in DSM"),
    ],
    ids=str,
)
def test_a_source_that_cannot_be_copied_is_refused(key: OneKey, fields: dict[str, Any], problem: str) -> None:
    mark = key.mark()
    failure = key.failed(key.copy, key.source("master", **fields))
    assert (failure.obj, key.writes(mark)) == ("source", [])
    assert problem in failure.problem


def test_a_virtual_key_and_a_missing_one_are_no_sources(key: OneKey) -> None:
    kid = key.generate(name="native")["key"]["kid"]
    mark = key.mark()
    assert "virtual key" in key.failed(key.copy, kid).problem
    assert "does not exist" in key.failed(key.copy, "3fa85f64-5717-4562-b3fc-2c963f66afa6").problem
    assert "does not exist" in key.failed(key, origin="copy", source={"name": "nobody"}).problem
    assert key.writes(mark) == []


def test_nothing_is_requested_for_an_option_that_no_key_can_have(key: OneKey) -> None:
    mark = key.mark()
    for options in (
        {"name": "pay_ments"},
        {"operations": ["HIGHVOLUME"]},
        {"operations": ["EXPORT"]},
        {"expires": "2020-01-01T00:00:00Z"},
        {"type": "EC", "curve": "P-256", "size": None, "operations": ["wrap_key"]},
    ):
        failure = key.failed(key.generate, **options)
        assert failure.next_step
    assert key.azure.sandbox.journal.requests(since=mark) == []


@pytest.mark.parametrize(
    ("vault", "protection"), [("akv-sandbox-std", "hsm"), ("hsm-sandbox", "software")], ids=["standard", "pool"]
)
def test_a_protection_that_the_vault_does_not_have_is_refused(azure: AzureRights, vault: str, protection: str) -> None:
    one = OneKey(AzureRights(azure.sandbox, vault=vault))
    mark = one.mark()
    assert one.failed(one.generate, protection=protection).obj == "protection"
    assert one.writes(mark) == []
    assert one.generate(protection=None)["key"]["protection"] == ("software" if protection == "hsm" else "hsm")


def test_in_a_premium_vault_the_protection_must_be_chosen(key: OneKey) -> None:
    assert key.failed(key.generate, protection=None).obj == "protection"
    assert key.failed(key).obj == "origin"


# Lost answers and interference ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["copy", "azure"])
@pytest.mark.parametrize(
    "fault",
    [{"reset": "after"}, {"status": 504, "after_work": True}, {"status": 404, "after_work": True}],
    ids=str,
)
def test_a_lost_answer_is_looked_up_and_never_repeated(key: OneKey, origin: str, fault: dict[str, Any]) -> None:
    kid, route = key.source("master"), COPY if origin == "copy" else KEYS
    key.azure.sandbox.faults.add(Fault("dsm", "POST", route, **fault))
    mark = key.mark()

    made = key.copy(kid) if origin == "copy" else key.generate()

    assert [one for one in key.writes(mark) if one[0] == "dsm"] == [("dsm", "POST", route)]
    assert (made["changed"], made["key"]["state"], len(key.versions())) == (True, "live", 1)


@pytest.mark.parametrize("origin", ["copy", "azure"])
def test_a_request_that_was_lost_before_its_work_fails_and_may_be_run_again(key: OneKey, origin: str) -> None:
    kid, route = key.source("master"), COPY if origin == "copy" else KEYS
    act = (lambda: key.copy(kid)) if origin == "copy" else key.generate
    key.azure.sandbox.faults.add(Fault("dsm", "POST", route, status=503))
    mark = key.mark()

    failure = key.failed(act)

    assert "the key was not found afterwards" in failure.problem
    assert failure.details["retryable"] is True
    assert [one.outcome for one in failure.wrote] == ["unknown"]
    assert [one for one in key.writes(mark) if one[0] == "dsm"] == [("dsm", "POST", route)]
    assert act()["changed"]
    assert len(key.versions()) == 1


@pytest.mark.parametrize("fault", [{"reset": "after"}, {"status": 504, "after_work": True}], ids=str)
def test_a_change_whose_answer_was_lost_is_verified(key: OneKey, fault: dict[str, Any]) -> None:
    key.generate()
    key.azure.sandbox.faults.add(Fault("dsm", "PATCH", KEY, **fault))

    assert key(enabled=False)["key"]["enabled"] is False


def test_a_change_that_was_lost_before_its_work_fails_with_that(key: OneKey) -> None:
    key.generate()
    key.azure.sandbox.faults.add(Fault("dsm", "PATCH", KEY, status=503))

    failure = key.failed(key, enabled=False)

    assert "503" in failure.problem
    assert key(enabled=False)["changed"]


def test_a_key_that_came_out_with_another_protection_is_a_failure_with_evidence(key: OneKey) -> None:
    def soften() -> None:
        state = key.azure.sandbox._state.azure.public
        (version,) = state.store(key.azure.vault).keys["payments"].versions
        version.kty, version.hsm_platform = "RSA", "0"

    kid = key.source("master")
    key.azure.sandbox.faults.add(Fault("dsm", "POST", COPY, then=soften))

    failure = key.failed(key.copy, kid)

    assert "DSM accepted the new key, but the key is protected by software" in failure.problem
    assert failure.details["key"]["protection"] == "software"
    assert failure.details["key"]["hsm_platform"] == "0"
    assert [one.action for one in failure.wrote] == [f"POST {COPY}"]


@pytest.mark.parametrize("origin", ["copy", "azure"])
def test_a_new_key_that_became_a_version_of_a_foreign_key_is_a_failure(anywhere: OneKey, origin: str) -> None:
    """Somebody creates a key of this name after the task has looked."""

    def stranger() -> None:
        azure = anywhere.azure.sandbox._state.azure
        cloud = azure.government if anywhere.azure.cloud == "government" else azure.public
        cloud.add_key(anywhere.azure.vault, "payments", "RSA-HSM", days_ago=0.001)

    kid = anywhere.source("master")
    anywhere.azure.sandbox.faults.add(Fault("vault", "GET", "/deletedkeys/{name}", then=stranger))

    failure = anywhere.failed(anywhere.copy, kid) if origin == "copy" else anywhere.failed(anywhere.generate)

    assert "somebody else has created a key of this name" in failure.problem
    assert failure.details["older_versions"] == [anywhere.versions()[0].version]
    assert failure.details["key"]["version"] == anywhere.versions()[1].version
    assert len(failure.wrote) == 1


NO_VERSIONS = json.dumps({"value": [], "nextLink": None}).encode()
NO_KEY = json.dumps({"error": {"code": "KeyNotFound", "message": "A key with (name/id) payments was not found."}})


@pytest.mark.parametrize(
    "fault", [{"rewrite": lambda _found: NO_VERSIONS}, {"status": 404, "body": NO_KEY}], ids=["none", "not found"]
)
def test_versions_that_the_vault_does_not_list_yet_are_not_verified(key: OneKey, fault: dict[str, Any]) -> None:
    """A replica that lags lists none."""
    key.azure.sandbox.faults.add(Fault("vault", "GET", "/keys/{name}/versions", **fault))

    made = key.generate()

    assert (made["changed"], made["unverified"]) == (True, ["versions"])


def test_azures_refusal_is_told_as_azures(key: OneKey) -> None:
    """The link's own identity imports the key, and lacks the permission."""
    client_id = key.azure.app
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, client_id, ["get", "list"]))

    failure = key.failed(key.copy, key.source("master"))

    assert "DSM cannot create the key" in failure.problem
    assert failure.server_words
    assert failure.next_step


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize("origin", ["copy", "azure"])
def test_a_deleted_key_that_nobody_has_seen_is_refused_with_the_remedy(key: OneKey, origin: str, status: int) -> None:
    """Its name is free in DSM, and only Azure knows that it is taken."""
    key.azure.do(lambda state: state.add_key(key.azure.vault, "payments", "RSA-HSM", days_ago=2.0))
    key.azure.do(lambda state: state.delete_key(key.azure.vault, "payments"))
    kid = key.source("master")
    key.azure.sandbox.profile = Profile(azure_failure_status=status)
    act = (lambda: key.copy(kid, with_azure=False)) if origin == "copy" else (lambda: key.generate(with_azure=False))

    failure = key.failed(act)

    assert "ObjectIsDeletedButRecoverable" in failure.server_words
    assert "recover it in Azure" in failure.next_step
    assert "dsm_name" not in failure.next_step


@pytest.mark.parametrize("status", [403, 503])
def test_azures_refusal_keeps_its_remedy_whatever_status_dsm_gives_it(key: OneKey, status: int) -> None:
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, key.azure.app, ["get", "list"]))
    kid = key.source("master")
    key.azure.sandbox.profile = Profile(azure_failure_status=status)

    failure = key.failed(key.copy, kid)

    assert (bool(failure.details["diagnosis"]), "run the task again: it" in failure.next_step) == (True, False)


# What servers do, as far as it is not public --------------------------------------------------------------------------

SETTINGS = [
    (name, value)
    for name in (
        "virtual_pub_key",
        "key_by_path",
        "metadata_patch",
        "create_on_existing",
        "copy_rotates_by",
        "import_limit",
        "pulls",
        "hsm_software_kty",
        "scan_recognises",
        "recover_route",
        "generation",
    )
    for value in Profile.settings()[name]
]


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize(("name", "value"), SETTINGS, ids=str)
def test_keys_are_created_and_changed_whatever_the_servers_do(
    key: OneKey, name: str, value: Any, with_azure: bool
) -> None:
    kid = key.source("master")
    key.azure.sandbox.profile = Profile(**{name: value})
    for act in (lambda **o: key.copy(kid, **o), lambda **o: key.generate(name="native", **o)):
        assert act(with_azure=with_azure)["changed"]
        assert act(with_azure=with_azure, enabled=False)["changed"]
        mark = key.mark()
        assert act(with_azure=with_azure, enabled=False)["changed"] is False
        assert key.writes(mark) == []
    assert [len(key.versions("payments")), len(key.versions("native"))] == [1, 1]


# Approvals ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(key: OneKey) -> Iterator[tuple[OneKey, Approver]]:
    key.guard(key.group, protect_permissions=["CREATE_SOBJECTS"])
    with logged_in(key.azure.sandbox) as approver:
        yield key, approver


@pytest.fixture
def managed(key: OneKey) -> Iterator[tuple[OneKey, Approver]]:
    """A key whose changes need an approval."""
    key.generate()
    key.guard(key.group, protect_manage_operations=True)
    with logged_in(key.azure.sandbox) as approver:
        yield key, approver


@pytest.mark.parametrize("execution", Profile.settings()["approval_execution"])
def test_a_key_that_must_be_approved_is_filed_once_and_created_once(
    guarded: tuple[OneKey, Approver], execution: str
) -> None:
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution=execution)
    kid = key.source("master")
    assert key.copy(kid, check_mode=True)["approval"]["status"] == "needed"

    first, second = key.copy(kid, expires=LATER), key.copy(kid, expires=LATER)

    assert (first["changed"], first["pending"], first["approval"]["filed"]) == (True, True, True)
    assert (second["changed"], second["pending"], second["approval"]["filed"]) == (False, True, False)
    assert first["approval"]["id"] == second["approval"]["id"]
    assert (first["key"]["state"], first["key"]["kid"]) == ("planned", None)
    approver.decide()
    third = key.copy(kid, expires=LATER)
    assert (third["pending"], third["key"]["state"], len(key.versions())) == (False, "live", 1)
    assert key.copy(kid, expires=LATER)["changed"] is False
    assert approver.pending() == []


@pytest.mark.parametrize(
    "other",
    [
        {"dsm_name": "another"},
        {"name": "Payments"},
        {"origin": "azure", "type": "RSA", "size": 2048, "source": None},
        {"expires": LATER},
    ],
    ids=str,
)
def test_two_requests_for_one_key_never_wait_at_the_same_time(
    guarded: tuple[OneKey, Approver], other: dict[str, Any]
) -> None:
    """Both would be approved, and each creates a version."""
    key, approver = guarded
    kid = key.source("master")
    first = key.copy(kid)

    failure = key.failed(key.copy, kid, **other)

    assert failure.details["approval"]["id"] == first["approval"]["id"]
    assert "each of them would create a version" in failure.next_step
    assert key.failed(key.copy, kid, check_mode=True, **other).problem == failure.problem
    approver.decide()
    assert key.copy(kid)["key"]["state"] == "live"
    assert len(key.versions()) == 1


@pytest.mark.parametrize("setting", [{"approval_body": "omitted"}, {"approval_subjects": "key"}], ids=str)
def test_a_request_of_ours_that_shows_nothing_is_not_filed_again(
    guarded: tuple[OneKey, Approver], setting: dict[str, Any]
) -> None:
    key, approver = guarded
    kid = key.source("master")
    key.azure.sandbox.profile = Profile(**{"approval_description": "dropped", "approval_body": "omitted", **setting})
    first = key.copy(kid)["approval"]["id"]

    failure = key.failed(key.copy, kid)

    assert failure.details["approval"]["id"] == first
    assert "may even be for the same change" in failure.problem
    assert len(approver.pending()) == 1


def _pending_copy(key: OneKey, approver: Approver, **body: Any) -> str:
    """The ID of a request that somebody else has filed, for a copy of another source."""
    content = {
        "key": {"kid": key.source("another master")},
        "name": "theirs",
        "group_id": key.azure.sandbox.do(lambda state: state.dsm.find_group(key.group).group_id),
        "custom_metadata": {"azure-key-name": "Payments", "azure-key-type": "hardware"},
        **body,
    }
    found: str = approver("POST", REQUESTS, {"method": "POST", "operation": COPY, "body": content})["request_id"]
    return found


@pytest.mark.parametrize("subjects", Profile.settings()["approval_subjects"])
def test_a_copy_of_any_source_that_somebody_else_has_filed_is_seen(
    guarded: tuple[OneKey, Approver], subjects: str
) -> None:
    """DSM may name that source as the only subject of the request."""
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_subjects=subjects)
    if subjects == "key":
        # Some servers ask the quorum of the source for a copy, and name nothing else.
        key.guard("sources", protect_crypto_operations=True)
    theirs = _pending_copy(key, approver)

    failures = [key.failed(key.copy, key.source("master")), key.failed(key.generate)]

    assert [failure.details["approval"]["id"] for failure in failures] == [theirs, theirs]
    assert "was not filed by this collection" in failures[0].problem
    assert len(approver.pending()) == 1


@pytest.mark.parametrize("is_same", [True, False])
@pytest.mark.parametrize("seconds", [-2, 0, 60])
def test_of_two_requests_that_are_filed_at_the_same_time_the_earlier_one_stays(
    guarded: tuple[OneKey, Approver], seconds: int, is_same: bool
) -> None:
    """The other task has looked before this one filed, and the other way round."""
    key, approver = guarded
    sandbox, kid = key.azure.sandbox, key.source("master")
    approver("DELETE", f"{REQUESTS}/{key.copy(kid)['approval']['id']}")

    def moved(stamp: str, seconds: int) -> str:
        form = "%Y%m%dT%H%M%SZ"
        return (datetime.strptime(stamp, form) + timedelta(seconds=seconds)).strftime(form)

    def file() -> None:
        state = sandbox._state
        (ours,) = state.dsm.default_account.approvals.values()
        theirs = replace(
            ours,
            request_id=str(uuid4()),
            requester={"user": sandbox.world.administrator.user_id},
            created_at=moved(ours.created_at, seconds),
        )
        if not is_same:
            theirs.operation, theirs.body, theirs.description = KEYS, {**ours.body, "name": "theirs"}, "by hand"
        state.dsm.default_account.approvals[theirs.request_id] = theirs

    sandbox.faults.add(Fault("dsm", "POST", REQUESTS, then=file))
    if seconds > 0:
        assert key.copy(kid)["approval"]["filed"]
        assert len(approver.pending()) == 2
    else:
        outcome = key.copy(kid)["approval"] if is_same else key.failed(key.copy, kid).details["approval"]
        (left,) = approver.pending()
        assert (outcome["id"], outcome.get("filed", False)) == (left["request_id"], False)
        assert outcome["requester"] == f"user {sandbox.world.administrator.user_id}"


def test_an_approval_that_was_carried_out_before_is_not_taken_for_a_new_one(managed: tuple[OneKey, Approver]) -> None:
    """DSM carries a request out when it is approved; then somebody changes the key back."""
    key, approver = managed
    key.azure.sandbox.profile = Profile(approval_execution="on_approval")
    filed = set()
    for enabled in (False, True, False, True):
        result = key(enabled=enabled)
        assert (result["pending"], result["approval"]["filed"]) == (True, True)
        filed.add(result["approval"]["id"])
        assert key(enabled=enabled)["approval"]["id"] == result["approval"]["id"]
        approver.decide()
        assert key(enabled=enabled)["key"]["enabled"] is enabled
    assert len(filed) == 4


@pytest.mark.parametrize("execution", Profile.settings()["approval_execution"])
def test_an_approved_change_that_dsm_does_not_transfer_is_made_in_azure_and_not_requested_again(
    managed: tuple[OneKey, Approver], execution: str
) -> None:
    key, approver = managed
    key.azure.sandbox.profile = Profile(approval_execution=execution, pushes="enabled")
    assert key(expires=LATER)["pending"]
    approver.decide()

    found = key(expires=LATER)

    assert (found["changed"], found["key"]["expires"], found["plan"][-1]["plane"]) == (True, LATER, "Azure")
    assert approver.pending() == []
    assert key(expires=LATER)["changed"] is False


def test_an_approval_is_for_the_values_that_were_there(managed: tuple[OneKey, Approver]) -> None:
    """It is approved and not carried out yet, and somebody has changed the key directly since."""
    key, approver = managed
    key.azure.sandbox.profile = Profile(approval_execution="on_result")
    first = key(expires=LATEST)
    approver.decide()
    key.guard(key.group, off=True)
    assert key(expires=LATER)["approval"] is None
    key.guard(key.group, protect_manage_operations=True)

    second = key(expires=LATEST)

    assert (second["approval"]["filed"], second["approval"]["id"] == first["approval"]["id"]) == (True, False)
    assert second["key"]["expires"] == LATER
    approver.decide()
    assert key(expires=LATEST)["key"]["expires"] == LATEST


@pytest.mark.parametrize("reset", ["before", "after"])
def test_an_approved_change_whose_answer_was_lost_needs_no_second_approval(
    managed: tuple[OneKey, Approver], reset: str
) -> None:
    key, approver = managed
    key.azure.sandbox.profile = Profile(approval_execution="on_result")
    assert key(enabled=False)["pending"]
    approver.decide()
    key.azure.sandbox.faults.add(Fault("dsm", "POST", f"{REQUESTS}/{{req_id}}/result", reset=reset))
    if reset == "before":
        key.failed(key, enabled=False)

    assert key(enabled=False)["key"]["enabled"] is False
    assert key(enabled=False)["changed"] is False
    assert approver.pending() == []


ON_RECORD: dict[str, tuple[str, str, Any]] = {
    "change": ("PATCH", "", {"enabled": True}),
    "deletion of the record": ("DELETE", "", None),
    "revocation": ("POST", "/revoke", {"code": "Unspecified"}),
    **{deed: ("POST", f"/{deed}", {}) for deed in ("schedule_deletion", "delete_key_material", "destroy", "activate")},
}


@pytest.mark.parametrize("subjects", Profile.settings()["approval_subjects"])
@pytest.mark.parametrize("version", ["newest", "older"])
@pytest.mark.parametrize("deed", ON_RECORD)
def test_what_somebody_else_has_filed_for_any_version_is_seen_by_a_change(
    managed: tuple[OneKey, Approver], deed: str, version: str, subjects: str
) -> None:
    key, approver = managed
    key.azure.sandbox.profile = Profile(approval_subjects=subjects, lifecycle_gated="gated")
    kid = key()["key"]["kid"]
    if version == "older":
        key.azure.do(lambda state: state.rotate_key(key.azure.vault, "payments"))
        Operator(key.azure.sandbox.environment())(cdc_sync, group_name=key.group)
        assert key()["key"]["kid"] != kid
    method, path, body = ON_RECORD[deed]
    theirs = approver("POST", REQUESTS, {"method": method, "operation": f"{KEYS}/{kid}{path}", "body": body})

    failure = key.failed(key, expires=LATER)

    assert failure.details["approval"]["id"] == theirs["request_id"]
    assert "the later of two such changes would undo the earlier one" in failure.next_step
    assert key.failed(key, expires=LATER, check_mode=True).problem == failure.problem
    assert len(approver.pending()) == 1
    assert key()["changed"] is False


def test_a_change_and_a_deletion_of_ours_see_each_other(managed: tuple[OneKey, Approver]) -> None:
    key, approver = managed
    key.azure.sandbox.profile = Profile(lifecycle_gated="gated")
    for first, second in (({"enabled": False}, {"state": "deleted"}), ({"state": "deleted"}, {"enabled": False})):
        request_id = key(**first)["approval"]["id"]

        failure = key.failed(key, **second)

        assert failure.details["approval"]["id"] == request_id
        assert key(**first)["approval"]["id"] == request_id
        approver("DELETE", f"{REQUESTS}/{request_id}")


def test_a_change_sees_a_version_that_waits_for_an_approval(managed: tuple[OneKey, Approver]) -> None:
    key, approver = managed
    theirs = _pending_copy(key, approver)

    failure = key.failed(key, enabled=False)

    assert failure.details["approval"]["id"] == theirs
    assert "the other one would create a version of the key" in failure.next_step


def test_a_change_of_another_key_does_not_stand_in_the_way(managed: tuple[OneKey, Approver]) -> None:
    key, _approver = managed
    assert key(enabled=False)["pending"]
    assert key.generate(name="invoices")["pending"]


def _appear(key: OneKey) -> None:
    """Somebody else creates a key of this name in the vault."""
    key.azure.do(lambda state: state.add_key(key.azure.vault, "Payments", "RSA-HSM", days_ago=0.001))


@pytest.mark.parametrize("origin", ["copy", "azure"])
@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("is_approved", [False, True])
def test_a_foreign_key_that_appears_before_the_approval_gets_no_version(
    guarded: tuple[OneKey, Approver], origin: str, with_azure: bool, is_approved: bool
) -> None:
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution="on_result")
    kid = key.source("master")

    def act(**options: Any) -> dict[str, Any]:
        create = key.generate if origin == "azure" else lambda **given: key.copy(kid, **given)
        return create(with_azure=with_azure, **options)

    request_id = act()["approval"]["id"]
    _appear(key)
    if is_approved:
        approver.decide()

    # An adoption would leave the request behind, too.
    for options in ({}, {"check_mode": True}, {"adopt": True}):
        if with_azure or "check_mode" not in options:
            failure = key.failed(act, **options)
            assert failure.details["approval"]["id"] == request_id
            assert "have that request denied, or withdraw it in DSM" in failure.next_step
    assert len(key.versions()) == 1
    approver("DELETE", f"{REQUESTS}/{request_id}")
    assert "approval" not in key.failed(act).details


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_foreign_key_that_appears_while_a_task_waits_gets_no_version(
    guarded: tuple[OneKey, Approver], passing: Passing, with_azure: bool
) -> None:
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution="on_result")

    def meanwhile() -> None:
        _appear(key)
        approver.decide()

    passing.meanwhile = meanwhile
    failure = key.failed(key.copy, key.source("master"), with_azure=with_azure, approval_wait=30)

    assert "would add a version to it" in failure.problem
    assert len(key.versions()) == 1


def test_a_version_that_dsm_created_on_the_approval_is_reported_by_the_task_that_waited(
    guarded: tuple[OneKey, Approver], passing: Passing
) -> None:
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution="on_approval")

    def meanwhile() -> None:
        _appear(key)
        approver.decide()

    passing.meanwhile = meanwhile
    failure = key.failed(key.copy, key.source("master"), approval_wait=30)

    assert "somebody else has created a key of this name" in failure.problem


@pytest.mark.parametrize("is_synced", [True, False])
def test_a_version_that_dsm_created_on_the_approval_is_reported_by_the_next_run(
    guarded: tuple[OneKey, Approver], is_synced: bool
) -> None:
    """No task could prevent it. The report ends when somebody has dealt with it."""
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution="on_approval")
    kid = key.source("master")
    request_id = key.copy(kid)["approval"]["id"]
    key.azure.do(lambda state: state.add_key(key.azure.vault, "Payments", "RSA-HSM"))
    approver.decide()
    if is_synced:
        Operator(key.azure.sandbox.environment())(cdc_sync, group_name=key.group)

    for check_mode in (True, False):
        failure = key.failed(key.copy, kid, check_mode=check_mode)
        assert failure.details["older_versions"] == [key.versions()[0].version]
        assert "delete that request in DSM" in failure.next_step

    approver("DELETE", f"{REQUESTS}/{request_id}")
    assert key.copy(kid)["changed"] is False


def test_versions_from_before_the_request_are_no_ones_fault(guarded: tuple[OneKey, Approver]) -> None:
    key, approver = guarded
    key.azure.sandbox.profile = Profile(approval_execution="on_approval")
    kid = key.source("master")
    key.copy(kid)
    approver.decide()

    def earlier(state: Any) -> None:
        state.add_key(key.azure.vault, "payments", "RSA-HSM", days_ago=1.0)
        state.store(key.azure.vault).keys["payments"].versions.reverse()

    key.azure.do(earlier)
    assert len(key.versions()) == 2
    assert key.copy(kid)["changed"] is False


def test_a_later_version_of_azures_is_told_as_such_after_an_approval(guarded: tuple[OneKey, Approver]) -> None:
    """The approved request for the key is carried out: it adds nothing more."""
    key, approver = guarded
    kid = key.source("master")
    key.copy(kid)
    approver.decide()
    key.azure.do(lambda state: state.rotate_key(key.azure.vault, "payments", days_ago=-0.001))

    failure = key.failed(key.copy, kid)

    assert "approval" not in failure.details
    assert "older_versions" not in failure.details


def test_a_task_that_waits_creates_the_key(guarded: tuple[OneKey, Approver], passing: Passing) -> None:
    key, approver = guarded
    for execution in Profile.settings()["approval_execution"]:
        key.azure.sandbox.profile = Profile(approval_execution=execution)
        passing.meanwhile = approver.decide
        result = key.generate(name=execution.replace("_", "-"), approval_wait=30)
        assert (result["changed"], result["pending"], result["key"]["state"]) == (True, False, "live")


def test_a_policy_of_the_sources_group_is_predicted_too(guarded: tuple[OneKey, Approver]) -> None:
    """It covers copies as cryptographic operations."""
    key, approver = guarded
    sandbox, kid = key.azure.sandbox, key.source("master")

    def put(state: Any) -> None:
        target, home = state.dsm.find_group(key.group), state.dsm.find_group("sources")
        policy = {"user": sandbox.world.administrator.user_id, "protect_crypto_operations": True}
        target.approval_policy, home.approval_policy = None, policy

    sandbox.do(put)
    assert key.copy(kid, check_mode=True)["approval"]["status"] == "needed"

    first = key.copy(kid)
    assert (first["pending"], key.copy(kid, check_mode=True)["changed"]) == (True, False)

    approver.decide()
    assert key.copy(kid)["key"]["state"] == "live"
    assert key.copy(kid, check_mode=True)["approval"] is None


# Plays ----------------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_a_play_copies_a_key_of_dsm_into_the_vault(
    ansible: Ansible, sandbox: Sandbox, name: str, given_group: Callable[..., dict[str, Any]]
) -> None:
    given_group(vault={"name": "akv-sandbox-std"})

    def deed(state: Any) -> None:
        group = state.dsm.find_group("sources") or state.dsm.add_group("sources")
        state.dsm.add_source_key(group.group_id, f"source of {name}")

    sandbox.do(deed)
    source = {"origin": "copy", "source": {"name": f"source of {name}"}}
    task = {"cdc_key": {"group_name": name, "name": name, **source, "look_in_azure": False, "expires": LATER}}
    mark = sandbox.journal.mark()

    run = ansible.tasks({**task, "check_mode": True}, task, task)

    planned, first, second = run.outcomes
    assert [planned.changed, first.changed, second.changed] == [True, True, False]
    assert [entry.route for entry in sandbox.journal.writes(since=mark, plane="dsm")] == [SCAN, COPY]
    assert first["key"]["origin"] == "copy"
    assert second["key"]["versionless_id"] == f"https://akv-sandbox-std.vault.azure.net/keys/{name}"


# Permissions ----------------------------------------------------------------------------------------------------------

NEEDED = {"copy": ["get", "import"], "azure": ["create"], "change": ["update"]}


@pytest.mark.parametrize("work", NEEDED)
def test_the_documented_permissions_of_the_application_suffice_and_each_is_needed(key: OneKey, work: str) -> None:
    """docs/permissions.md; the operator reads the key with permissions of its own."""
    kid = key.source("master")
    key.generate(name="made")

    def permit(permissions: list[str]) -> None:
        key.azure.do(lambda state: state.set_access_policy(key.azure.vault, key.azure.app, permissions))

    def act(name: str) -> dict[str, Any]:
        if work == "change":
            return key(name="made", enabled=False)
        return key.copy(kid, name=name) if work == "copy" else key.generate(name=name)

    for missing in NEEDED[work]:
        permit([one for one in NEEDED[work] if one != missing])
        # Azure may have carried out a part: another key each time.
        assert key.failed(act, f"without-{missing}").server_words
    permit(NEEDED[work])
    assert act("with-all")["changed"]


def test_the_operator_needs_to_get_keys_and_no_more(key: OneKey) -> None:
    client_id = key.azure.view.operator_client_id
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, client_id, ["get"]))
    made = key.generate()
    assert (made["changed"], made["unverified"]) == (True, ["versions"])
    assert key.generate()["unverified"] == []
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, client_id, ["list"]))
    mark = key.mark()

    failure = key.failed(key.generate)

    assert (failure.plane, key.writes(mark)) == ("Azure", [])


@pytest.mark.parametrize("allowed", Profile.settings()["admin_app_keys"])
def test_a_dsm_identity_that_may_not_create_keys_is_told_so(key: OneKey, allowed: str) -> None:
    """Q68: whether an administrative app may is not public."""
    kid = key.source("master")
    key.azure.sandbox.profile = Profile(admin_app_keys=allowed)
    if allowed != "none":
        assert key.copy(kid)["changed"]
        return
    failure = key.failed(key.copy, kid)
    assert (failure.details["status"], bool(failure.server_words)) == (403, True)
    assert "COPY_SOBJECTS and EXPORT_SOBJECTS in the group of its source" in failure.next_step
    assert key.azure.do(lambda state: "payments" in state.store(key.azure.vault).keys) is False


def test_a_user_creates_a_key_too(key: OneKey) -> None:
    """A session takes requests of its own, and the same request for the key."""
    administrator = key.azure.sandbox.world.administrator
    user = {"dsm_username": administrator.email, "dsm_password": administrator.password}
    user["dsm_account"] = key.azure.sandbox.world.account_name
    kid = key.source("master")

    assert key.copy(kid, **user)["changed"]
    assert key.copy(kid, with_azure=False, **user)["changed"] is False
    assert len(key.versions()) == 1


# Clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("behind", [timedelta(days=3), timedelta(days=-3)], ids=["behind", "ahead"])
def test_the_validity_of_a_version_is_counted_by_the_clock_of_the_services(
    key: OneKey, monkeypatch: pytest.MonkeyPatch, behind: timedelta, with_azure: bool
) -> None:
    real = _time.utc_now
    monkeypatch.setattr(_time, "utc_now", lambda: real() - behind)
    key.generate(valid_days=10, with_azure=with_azure)
    version = key.versions()[0]
    assert abs(version.expires - version.created - 10 * 86400) < 300


def test_a_date_that_is_past_for_the_services_is_refused_although_the_control_node_is_behind(
    key: OneKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = _time.utc_now
    monkeypatch.setattr(_time, "utc_now", lambda: real() - timedelta(days=3))
    mark = key.mark()
    failure = key.failed(key.generate, expires=(real() - timedelta(days=1)).isoformat())
    assert ("expires" in str(failure), key.writes(mark)) == (True, [])
