# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes of a key over the wire: those of both sides, those of one, and what DSM does not pass on to Azure."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_sync
from sandbox import Fault, Profile
from support.approver import logged_in
from support.azure_rights import AzureRights
from support.one_key import OneKey
from support.operate import Operator

KEY, UPDATE = "/crypto/v1/keys/{kid}", "/keys/{name}/{version}"
AZURE_WRITES = [("vault", "PATCH", UPDATE)]
LATER, LATEST = "2031-01-01T00:00:00Z", "2032-01-01T00:00:00Z"
LATER_SECONDS = 1924992000
ORIGIN = "fortanix-dsm-ansible-key-origin"


@pytest.fixture(params=["azure", "government", "pool"])
def anywhere(request: pytest.FixtureRequest) -> OneKey:
    """In both clouds, and in a Managed HSM."""
    return OneKey(request.getfixturevalue(request.param))


@pytest.fixture
def key(azure: AzureRights) -> OneKey:
    return OneKey(azure)


def stored(key: OneKey, name: str = "payments") -> Any:
    """DSM's record."""
    return key.azure.sandbox.do(lambda state: state.dsm.default_account.keys.named(name))


def in_azure(key: OneKey, **members: Any) -> None:
    """Somebody changes the current version in the vault."""
    name = key.azure.vault
    key.azure.do(lambda state: vars(state.store(name).keys["payments"].versions[-1]).update(members))


# What DSM does not pass on --------------------------------------------------------------------------------------------

WANTED: dict[str, Any] = {"enabled": False, "expires": LATER, "operations": ["sign", "verify"]}
ARRIVES = {
    "none": set(),
    "enabled": {"enabled"},
    "enabled+dates": {"enabled", "expires"},
    "all": {"enabled", "expires", "operations"},
}


@pytest.mark.parametrize("pushes", Profile.settings()["pushes"])
def test_what_dsm_does_not_pass_on_is_set_in_azure(key: OneKey, pushes: str) -> None:
    key.generate()
    key.azure.sandbox.profile = Profile(pushes=pushes)
    missing = sorted(WANTED.keys() - ARRIVES[pushes])

    planned = key(check_mode=True, **WANTED)
    first = key(**WANTED)
    mark = key.mark()
    second = key(**WANTED)

    assert planned["diff"] == first["diff"]
    assert [change["plane"] for change in first["plan"]] == (["DSM", "Azure"] if missing else ["DSM"])
    assert sorted(first["plan"][-1]["after"]) == (missing or sorted(WANTED))
    assert (first["key"]["enabled"], first["key"]["expires"]) == (False, LATER)
    assert (first["key"]["operations"], first["unverified"]) == (["sign", "verify"], [])
    (version,) = key.versions()
    assert (version.enabled, version.expires, version.key_ops) == (False, LATER_SECONDS, ["sign", "verify"])
    assert (second["changed"], key.writes(mark)) == (False, [])


@pytest.mark.parametrize("pushes", Profile.settings()["pushes"])
def test_a_new_key_is_as_requested_whatever_dsm_passes_on(anywhere: OneKey, pushes: str) -> None:
    anywhere.azure.sandbox.profile = Profile(pushes=pushes)
    wanted = {**WANTED, "tags": {"team": "payments"}}

    planned = anywhere.generate(check_mode=True, **wanted)
    first = anywhere.generate(**wanted)
    mark = anywhere.mark()

    assert planned["diff"] == first["diff"]
    assert anywhere.generate(**wanted)["changed"] is False
    assert anywhere.writes(mark) == []
    (version,) = anywhere.versions()
    assert (version.enabled, version.expires, version.tags) == (False, LATER_SECONDS, {"team": "payments"})


@pytest.mark.parametrize("pushes", Profile.settings()["pushes"])
def test_without_operator_credentials_what_dsm_passes_on_is_not_verified(key: OneKey, pushes: str) -> None:
    key.generate()
    key.azure.sandbox.profile = Profile(pushes=pushes)

    found = key(with_azure=False, **WANTED)

    assert (found["changed"], found["unverified"]) == (True, sorted(WANTED))
    assert key(with_azure=False, **WANTED)["changed"] is False


CHANGED_IN_AZURE = [
    ({"enabled": False}, {"enabled": True}),
    ({"expires": LATER_SECONDS + 1}, {"expires": LATER}),
    ({"not_before": 1000}, {"not_before": "2026-01-01T00:00:00Z"}),
    ({"key_ops": ["sign", "verify", "encrypt"]}, {"operations": ["sign", "verify"]}),
    ({"tags": {"team": "other", "more": "1"}}, {"tags": {"team": "payments"}}),
]


@pytest.mark.parametrize(("members", "wanted"), CHANGED_IN_AZURE, ids=lambda one: next(iter(one)))
def test_what_somebody_has_changed_in_azure_alone_is_set_there_again(
    anywhere: OneKey, members: dict[str, Any], wanted: dict[str, Any]
) -> None:
    """DSM has what is requested: it gets no request."""
    anywhere.generate(**wanted)
    before = vars(anywhere.versions()[0]).copy()
    in_azure(anywhere, **members)
    mark = anywhere.mark()

    planned = anywhere(check_mode=True, **wanted)
    assert anywhere.writes(mark) == []
    found = anywhere(**wanted)

    assert anywhere.writes(mark) == AZURE_WRITES
    assert (planned["diff"], planned["plan"]) == (found["diff"], found["plan"])
    assert [change["plane"] for change in found["plan"]] == ["Azure"]
    assert {name: vars(anywhere.versions()[0])[name] for name in members} == {name: before[name] for name in members}
    mark = anywhere.mark()
    assert (anywhere(**wanted)["changed"], anywhere.writes(mark)) == (False, [])


def test_other_attributes_of_the_version_stay(key: OneKey) -> None:
    key.generate(expires=LATER, tags={"team": "payments"}, operations=["sign", "verify"])
    before = vars(key.versions()[0]).copy()
    in_azure(key, enabled=False)

    key(enabled=True)

    after = vars(key.versions()[0])
    assert {name for name in before if before[name] != after[name]} <= {"updated"}


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_foreign_key_is_not_written_to_in_azure(key: OneKey, with_azure: bool) -> None:
    key.azure.do(lambda state: state.add_key(key.azure.vault, "payments", "RSA-HSM", days_ago=2.0))
    mark = key.mark()
    for check_mode in (True, False):
        tags = {"a": "b"} if with_azure else None
        failure = key.failed(key, enabled=False, tags=tags, with_azure=with_azure, check_mode=check_mode)
        assert failure.next_step
    assert [one for one in key.writes(mark) if one[1] == "PATCH"] == []


def test_the_key_of_a_certificate_is_not_written_to(key: OneKey) -> None:
    key.generate()
    name = key.azure.vault
    key.azure.do(lambda state: setattr(state.store(name).keys["payments"], "managed", True))
    mark = key.mark()
    assert "certificate" in key.failed(key, enabled=False, tags={"a": "b"}).problem
    assert key.writes(mark) == []


def test_an_operator_without_permission_to_update_is_told_what_to_grant(key: OneKey) -> None:
    key.generate()
    client_id = key.azure.view.operator_client_id
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, client_id, ["get", "list"]))

    failure = key.failed(key, enabled=False, tags={"a": "b"})

    assert (failure.plane, "keys/update" in failure.next_step) == ("Azure", True)
    assert [one.action for one in failure.wrote] == [f"PATCH {KEY}"]
    assert key(enabled=False)["changed"] is False
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, client_id, ["get", "update"]))
    assert key(enabled=False, tags={"a": "b"})["changed"]


@pytest.mark.parametrize("fault", [{"reset": "after"}, {"status": 503}, {"status": 429, "body": "{}"}], ids=str)
def test_an_update_in_azure_is_repeated_after_a_temporary_failure(key: OneKey, fault: dict[str, Any]) -> None:
    key.generate()
    key.azure.sandbox.faults.add(Fault("vault", "PATCH", UPDATE, **fault))

    assert key(tags={"a": "b"})["key"]["tags"] == {"a": "b"}


def test_an_update_that_azure_does_not_keep_is_a_failure(key: OneKey) -> None:
    key.generate()

    def stranger() -> None:
        version = key.azure.sandbox._state.azure.public.store(key.azure.vault).keys["payments"].versions[-1]
        version.tags = {"by": "a policy"}

    key.azure.sandbox.faults.add(Fault("vault", "PATCH", UPDATE, then=stranger))

    failure = key.failed(key, tags={"a": "b"})

    assert failure.details["differs"] == {"tags": {"found": {"by": "a policy"}, "requested": {"a": "b"}}}
    assert "find out who changes the key" in failure.next_step


# All versions ---------------------------------------------------------------------------------------------------------

SHUT: dict[str, Any] = {"enabled": False, "enabled_versions": "all"}


def with_three_versions(key: OneKey, known: int) -> None:
    """A key with three versions in the vault, of which DSM knows so many."""
    key.generate()
    for number in (2, 3):
        # In one second, it is not known which version is the newer one.
        key.azure.sandbox.clock.advance(1.1)
        key.azure.do(lambda state: state.rotate_key(key.azure.vault, "payments"))
        if number <= known:
            Operator(key.azure.sandbox.environment())(cdc_sync, group_name=key.group)


def enabled(key: OneKey) -> list[bool]:
    return [one.enabled for one in key.versions()]


@pytest.mark.parametrize("known", [1, 2, 3])
@pytest.mark.parametrize("pushes", Profile.settings()["pushes"])
def test_all_versions_are_disabled_whoever_has_them(key: OneKey, known: int, pushes: str) -> None:
    with_three_versions(key, known)
    key.azure.sandbox.profile = Profile(pushes=pushes)

    planned, first = key(check_mode=True, **SHUT), key(**SHUT)
    mark = key.mark()
    second = key(**SHUT)

    assert (enabled(key), first["key"]["enabled"], first["unverified"]) == ([False] * 3, False, [])
    assert planned["diff"] == first["diff"]
    assert planned["plan"] == first["plan"][: len(planned["plan"])]
    assert [change["plane"] for change in planned["plan"]].count("DSM") == known
    # The version in use is the last one.
    assert list(planned["plan"][-1]["after"]) == ["enabled"]
    assert (second["changed"], key.writes(mark)) == (False, [])


def test_all_versions_are_disabled_in_each_cloud(anywhere: OneKey) -> None:
    with_three_versions(anywhere, 2)
    assert anywhere(**SHUT)["changed"]
    assert (enabled(anywhere), anywhere(**SHUT)["changed"]) == ([False] * 3, False)


def test_without_operator_credentials_the_versions_are_disabled_that_dsm_has(key: OneKey) -> None:
    with_three_versions(key, 2)

    planned, first = key(with_azure=False, check_mode=True, **SHUT), key(with_azure=False, **SHUT)

    assert (planned["diff"], planned["plan"]) == (first["diff"], first["plan"])
    assert (enabled(key), first["unverified"]) == ([False, False, True], ["enabled", "versions"])
    assert key(with_azure=False, **SHUT)["changed"] is False


def test_an_operator_that_cannot_list_versions_disables_those_that_are_known(key: OneKey) -> None:
    with_three_versions(key, 1)
    client_id = key.azure.view.operator_client_id
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, client_id, ["get", "update"]))

    found = key(**SHUT)

    assert (enabled(key), found["unverified"]) == ([False, True, False], ["versions"])


def test_a_version_that_cannot_be_disabled_does_not_keep_the_others_enabled(key: OneKey) -> None:
    with_three_versions(key, 3)
    key.azure.sandbox.faults.add(Fault("dsm", "PATCH", KEY, status=500))
    client_id = key.azure.view.operator_client_id
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, client_id, ["get", "list"]))

    failure = key.failed(key, **SHUT)

    assert enabled(key) == [True, False, False]
    assert failure.details["versions"] == [key.versions()[0].version]
    assert "still enabled" in failure.problem
    assert key(**SHUT)["changed"]
    assert enabled(key) == [False] * 3


def test_what_dsm_does_not_disable_is_disabled_in_azure_nevertheless(key: OneKey) -> None:
    """DSM refuses to change a version that it has deactivated, or the application of the link lacks the permission."""
    with_three_versions(key, 3)
    key.azure.do(lambda state: state.set_access_policy(key.azure.vault, key.azure.app, ["get", "list"]))
    key.azure.sandbox.do(
        lambda state: setattr(state.dsm.default_account.keys.named("payments"), "state", "Deactivated")
    )

    failure = key.failed(key, **SHUT)

    assert enabled(key) == [False] * 3
    assert len(failure.details["versions"]) == 2
    assert "still enabled in DSM, and disabled in the vault: " in failure.problem


def test_versions_that_dsm_has_deactivated_are_named_if_the_vault_is_not_read(key: OneKey) -> None:
    with_three_versions(key, 2)
    key.azure.sandbox.do(
        lambda state: setattr(state.dsm.default_account.keys.named("payments"), "state", "Deactivated")
    )
    key(with_azure=False, **SHUT)
    assert any(key.versions()[0].version in text for text in key.warnings)
    key(**SHUT)
    assert enabled(key) == [False] * 3


def test_a_version_that_dsm_shows_late_does_not_stop_the_emergency(key: OneKey) -> None:
    """A key that lags would be synced, and refused if that does not help."""
    with_three_versions(key, 1)
    mark = key.mark()
    key(**SHUT)
    assert [one for one in key.writes(mark) if one[2] == "/sys/v1/groups/{group_id}/hmg/scan"] == []


def test_all_versions_are_disabled_before_other_attributes_are_changed(key: OneKey) -> None:
    with_three_versions(key, 3)
    wanted = {**SHUT, "tags": {"incident": "7"}, "description": "leaked"}
    planned, first = key(check_mode=True, **wanted), key(**wanted)
    mark = key.mark()
    assert planned["diff"] == first["diff"]
    assert (enabled(key), first["key"]["tags"]) == ([False] * 3, {"incident": "7"})
    assert (key(**wanted)["changed"], key.writes(mark)) == (False, [])


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_new_key_can_be_disabled_in_all_its_versions(key: OneKey, with_azure: bool) -> None:
    assert key.generate(with_azure=with_azure, **SHUT)["key"]["enabled"] is False
    assert enabled(key) == [False]


@pytest.mark.parametrize("with_azure", [True, False])
def test_older_versions_that_stay_enabled_are_named_in_a_warning(key: OneKey, with_azure: bool) -> None:
    with_three_versions(key, 3)
    for _run in range(2):
        key.warnings.clear()
        key(enabled=False, with_azure=with_azure)
        (warning,) = [text for text in key.warnings if "Older versions" in text]
        assert ("enabled_versions: all" in warning, key.versions()[1].version in warning) == (True, True)
        assert key.versions()[2].version not in warning
    assert enabled(key) == [True, True, False]


def test_the_permission_to_disable_versions_is_asked_for_each(key: OneKey) -> None:
    with_three_versions(key, 2)
    sandbox = key.azure.sandbox
    policy = {"user": sandbox.world.administrator.user_id, "protect_manage_operations": True}
    sandbox.do(lambda state: setattr(state.dsm.find_group(key.group), "approval_policy", policy))
    assert key(check_mode=True, **SHUT)["approval"]["status"] == "needed"

    first, second = key(**SHUT), key(**SHUT)

    assert (first["pending"], second["pending"]) == (True, True)
    # Of the third version, DSM has no record, and nothing to approve.
    assert enabled(key) == [True, True, False]
    with logged_in(sandbox) as approver:
        asked = approver.pending()
        assert len(asked) == 2
        for request in asked:
            approver("POST", f"/sys/v1/approval_requests/{request['request_id']}/approve", {})
    assert key(**SHUT)["pending"] is False
    assert enabled(key) == [False] * 3


# Tags -----------------------------------------------------------------------------------------------------------------


def test_tags_are_the_whole_set_apart_from_the_reserved_one(anywhere: OneKey) -> None:
    mine = {"fortanix-dsm-source": "3fa85f64"}
    anywhere.generate(tags={"team": "payments", "stage": 2, "live": True})
    assert anywhere.versions()[0].tags == {"team": "payments", "stage": "2", "live": "true"}
    in_azure(anywhere, tags={"team": "payments", "more": "1", **mine})

    changed = anywhere(tags={"team": "orders"})

    assert changed["diff"] == anywhere.diff({"tags": {"team": "payments", "more": "1"}}, {"tags": {"team": "orders"}})
    (step,) = changed["plan"]
    assert step["reason"] == "not as requested in the vault: tags"
    assert anywhere.versions()[0].tags == {"team": "orders", **mine}
    assert anywhere(tags={})["changed"]
    assert (anywhere.versions()[0].tags, anywhere(tags={})["changed"]) == (mine, False)


# What only DSM has ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
@pytest.mark.parametrize("metadata_patch", Profile.settings()["metadata_patch"])
def test_description_and_metadata_are_kept_in_dsm(key: OneKey, metadata_patch: str, with_azure: bool) -> None:
    key.azure.sandbox.profile = Profile(metadata_patch=metadata_patch)
    wanted = {"description": "Signs invoices", "metadata": {"owner": "finance"}, "with_azure": with_azure}
    made = key.generate(**wanted)
    assert (made["key"]["description"], made["key"]["metadata"]) == ("Signs invoices", {"owner": "finance"})
    assert key.generate(**wanted)["changed"] is False

    wanted |= {"description": "", "metadata": {"owner": "sales", "note": "1"}}
    planned, first = key(check_mode=True, **wanted), key(**wanted)
    mark = key.mark()

    assert (planned["diff"], planned["plan"]) == (first["diff"], first["plan"])
    assert (first["key"]["description"], first["key"]["metadata"]) == ("", {"owner": "sales", "note": "1"})
    assert (first["unverified"], key(**wanted)["changed"], key.writes(mark)) == ([], False, [])
    assert stored(key).custom_metadata.items() >= {"azure-key-name": "payments", ORIGIN: "azure"}.items()


@pytest.mark.parametrize("metadata_patch", Profile.settings()["metadata_patch"])
def test_an_entry_that_dsm_does_not_remove_is_named(key: OneKey, metadata_patch: str) -> None:
    key.generate(metadata={"owner": "finance", "note": "1"})
    key.azure.sandbox.profile = Profile(metadata_patch=metadata_patch)
    if metadata_patch == "replace":
        assert key(metadata={})["key"]["metadata"] == {}
        assert stored(key).custom_metadata.items() >= {"azure-key-name": "payments", ORIGIN: "azure"}.items()
        return
    failure = key.failed(key, metadata={"owner": "finance"})
    assert "remove note in DSM" in failure.next_step


def test_the_origin_of_a_key_is_known_after_a_change_of_its_metadata(key: OneKey) -> None:
    kid = key.source("master")
    key.copy(kid, metadata={"a": "b"})
    key.copy(kid, metadata={"a": "c"})
    found = key.copy(kid, metadata={"a": "c"})
    assert (found["changed"], found["key"]["origin"], found["key"]["source_kid"]) == (False, "copy", kid)


# Rotation policies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
def test_dsm_rotates_a_key_whose_material_is_azures(anywhere: OneKey, with_azure: bool) -> None:
    def permit(state: Any) -> None:
        if "hsm" not in anywhere.azure.vault:
            rights = ["get", "list", "getrotationpolicy"]
            state.set_access_policy(anywhere.azure.vault, anywhere.azure.view.operator_client_id, rights)

    anywhere.azure.do(permit)
    policy = {"interval_days": 90, "effective_at": LATER}
    made = anywhere.generate(rotation_policy=policy, with_azure=with_azure)
    assert made["key"]["rotation_policy"] == {"interval_days": 90, "interval_months": None, "effective_at": LATER}
    assert made["key"]["next_rotation"] == LATER
    assert set(made["unverified"]) <= (
        {"versions"} if with_azure else {"rotation_policy", "protection", "size", "type", "versions"}
    )
    assert anywhere.generate(rotation_policy=policy, with_azure=with_azure)["changed"] is False

    wanted = {"rotation_policy": {"interval_months": 6}, "with_azure": with_azure}
    planned, first = anywhere(check_mode=True, **wanted), anywhere(**wanted)
    mark = anywhere.mark()

    assert (planned["diff"], planned["plan"]) == (first["diff"], first["plan"])
    assert first["key"]["rotation_policy"] == {"interval_days": None, "interval_months": 6, "effective_at": LATER}
    assert (anywhere(**wanted)["changed"], anywhere.writes(mark)) == (False, [])


def test_an_operator_that_cannot_read_azures_policy_is_told_so(key: OneKey) -> None:
    assert key.generate(rotation_policy={"interval_days": 90})["unverified"] == ["rotation_policy"]


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_copy_is_not_rotated_with_material_of_azure(key: OneKey, with_azure: bool) -> None:
    kid = key.source("master")
    policy = {"interval_days": 90}
    assert "rotate the source key" in key.failed(key.copy, kid, rotation_policy=policy, with_azure=with_azure).next_step
    key.copy(kid)
    mark = key.mark()
    for check_mode in (True, False):
        failure = key.failed(key, rotation_policy=policy, with_azure=with_azure, check_mode=check_mode)
        assert "is a copy of a key in DSM" in failure.problem
    assert key.writes(mark) == []


def test_a_key_of_unknown_origin_is_rotated_only_if_that_is_vouched_for(key: OneKey) -> None:
    key.azure.do(lambda state: state.add_key(key.azure.vault, "payments", "RSA-HSM", days_ago=2.0))
    key(adopt=True)
    policy = {"interval_days": 90}
    assert "origin of the key is not known" in key.failed(key, rotation_policy=policy, adopt=True).problem
    assert key(rotation_policy=policy, adopt=True, origin="azure")["key"]["rotation_policy"]["interval_days"] == 90


def test_two_policies_for_one_key_are_refused(anywhere: OneKey) -> None:
    anywhere.generate()
    vault = anywhere.azure.vault

    def deed(state: Any) -> None:
        state.set_rotation_policy(vault, "payments", rotate_after="P90D")
        if "hsm" not in vault:
            rights = ["get", "update", "getrotationpolicy"]
            state.set_access_policy(vault, anywhere.azure.view.operator_client_id, rights)

    anywhere.azure.do(deed)
    mark = anywhere.mark()
    for check_mode in (True, False):
        failure = anywhere.failed(anywhere, rotation_policy={"interval_days": 90}, check_mode=check_mode)
        assert "has one in Azure" in failure.problem
    assert anywhere.writes(mark) == []


# Expiry that is counted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_azure", [True, False])
def test_days_of_validity_count_from_the_creation_and_change_nothing_later(anywhere: OneKey, with_azure: bool) -> None:
    given = {"valid_days": 365, "with_azure": with_azure}
    planned = anywhere.generate(check_mode=True, **given)
    first = anywhere.generate(**given)
    anywhere.azure.sandbox.clock.advance(2 * 86_400)
    mark = anywhere.mark()
    second = anywhere.generate(**given)

    day = first["diff"]["after"]["expires"]
    assert planned["diff"]["after"]["expires"] == planned["key"]["expires"] == day
    assert (len(day), first["key"]["expires"][:10]) == (len("2027-01-01"), day)
    assert ("expires" in first["unverified"]) is not with_azure
    assert (second["changed"], anywhere.writes(mark)) == (False, [])
    assert second["key"]["expires"] == first["key"]["expires"]
    assert anywhere(valid_days=30, with_azure=with_azure)["changed"] is False


def test_an_expiry_that_is_counted_is_approved_once(key: OneKey) -> None:
    """Each run counts it anew: the request of the run before is found nevertheless."""
    sandbox = key.azure.sandbox
    policy = {"user": sandbox.world.administrator.user_id, "protect_permissions": ["CREATE_SOBJECTS"]}
    sandbox.do(lambda state: setattr(state.dsm.find_group(key.group), "approval_policy", policy))
    given = {"valid_days": 365, "tags": {"team": "payments"}}
    first = key.generate(**given)
    sandbox.clock.advance(3600)
    second = key.generate(**given)
    assert (first["approval"]["filed"], second["approval"]["filed"]) == (True, False)
    assert first["approval"]["id"] == second["approval"]["id"]
    with logged_in(sandbox) as approver:
        approver.decide()
    sandbox.clock.advance(3600)
    third = key.generate(**given)
    assert (third["pending"], third["key"]["state"], third["key"]["tags"]) == (False, "live", {"team": "payments"})
    assert key.generate(**given)["changed"] is False


# Refused before the first request -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"tags": {f"t{number}": "" for number in range(16)}}, "tags"),
        ({"tags": {"a": "x" * 257}}, "tags"),
        ({"tags": {"x" * 257: ""}}, "tags"),
        ({"tags": {"a": "1", "A": "2"}}, "tags"),
        ({"tags": {"": "1"}}, "tags"),
        ({"tags": {"a": ["b"]}}, "tags.a"),
        ({"tags": {"a": None}}, "tags.a"),
        ({"tags": {"a": "x\0"}}, "tags.a"),
        ({"tags": {"Fortanix-DSM-Source": "1"}}, "tags.Fortanix-DSM-Source"),
        ({"tags": {"a": "b"}, "with_azure": False}, "tags"),
        ({"metadata": {"azure-key-name": "other"}}, "metadata.azure-key-name"),
        ({"metadata": {"Azure-Backup": "other"}}, "metadata.Azure-Backup"),
        ({"metadata": {ORIGIN: "copy"}}, f"metadata.{ORIGIN}"),
        ({"metadata": {"a": {"b": "c"}}}, "metadata.a"),
        ({"metadata": {" ": "c"}}, "metadata"),
        ({"description": "a\0"}, "description"),
        ({"enabled": True, "enabled_versions": "all"}, "enabled_versions"),
        ({"enabled_versions": "all"}, "enabled_versions"),
        ({"valid_days": 0}, "valid_days"),
        ({"valid_days": 3651}, "valid_days"),
        ({"valid_days": 30, "not_before": "2100-01-01T00:00:00Z"}, "not_before"),
        ({"rotation_policy": {"interval_days": 0}}, "rotation_policy.interval_days"),
        ({"rotation_policy": {"interval_months": 121}}, "rotation_policy.interval_months"),
        ({"rotation_policy": {"interval_days": 9, "effective_at": "soon"}}, "rotation_policy.effective_at"),
    ],
    ids=str,
)
def test_an_attribute_that_no_key_can_have_is_refused_before_the_first_request(
    key: OneKey, options: dict[str, Any], option: str
) -> None:
    mark = key.mark()
    failure = key.failed(key.generate, **options)
    assert (failure.plane, failure.obj, bool(failure.next_step)) == ("Option", option, True)
    assert key.azure.sandbox.journal.requests(since=mark) == []
