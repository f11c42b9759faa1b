# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a teardown may do with the results that it has: guards first, revoking next, what cannot be undone last."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.plugin_utils import _teardown

VAULT = {"name": "akv-prod", "resource_group": "rg-keys", "type": "premium", "tags": {"a": "b"}}
VARIABLES = {
    "cdc_setup_name": "akv",
    "teardown_group": "akv",
    "cdc_setup_application": {"unique_name": "fortanix"},
    "cdc_setup_azure_vault": VAULT,
}
ALL = {"teardown_remove_application": True, "teardown_remove_vault": True}
GROUP = {"plan": [], "group": {"group_id": "g", "exists": False}, "pending": False, "approval": None}
APPLICATION = {"plan": [], "application": {"client_id": "c"}, "left": []}
DONE = {"plan": [], "left": []}
LOOKS = {"look_group": GROUP, "look_application": APPLICATION}


def asked(**more: Any) -> dict[str, Any]:
    return _teardown.request({**VARIABLES, **more}, [name for name in more if name.startswith("teardown_")])


def failed(message: str, **facts: Any) -> dict[str, Any]:
    return {"msg": message, "failed": False, "failed_when_result": False, "failure": {"plane": "Azure", **facts}}


def state(results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _teardown.state(asked(**more), results)


# The request ----------------------------------------------------------------------------------------------------------


def test_a_complete_request_has_no_problem() -> None:
    assert asked(**ALL)["problems"] == []


def test_the_vault_is_named_without_its_settings() -> None:
    assert asked()["vault"] == {"name": "akv-prod", "resource_group": "rg-keys", "type": "premium"}


def test_a_vault_of_others_may_be_named_by_tags() -> None:
    given = {"cdc_setup_azure_vault": None, "cdc_setup_vault": {"tags": {"a": "b"}}}

    assert asked(**given)["vault"] == {"tags": {"a": "b"}}


def test_without_the_file_of_the_set_up_the_name_is_missing() -> None:
    problems = _teardown.request({"teardown_group": "akv"}, ["teardown_group"])["problems"]

    assert any("cdc_setup_name is not set" in one and "-e @my-group.yml" in one for one in problems)


def test_a_list_of_groups_is_no_group() -> None:
    (problem, _group) = _teardown.request({"cdc_setup_groups": [{"name": "akv"}]}, [])["problems"]

    assert "a teardown removes one group" in problem


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"teardown_group": None}, r"Set teardown_group to the name of the group to tear down (akv)"),
    ({"teardown_group": "another"}, r"Set teardown_group to the name of the group to tear down (akv)"),
    ({"teardown_remove_valut": True}, "did you mean teardown_remove_vault?"),
    ({"teardown_remove_vault": "perhaps"}, "neither true nor false"),
    ({"teardown_remove_vault": True, "cdc_setup_azure_vault": None}, "in cdc_setup_azure_vault, which is not"),
    (
        {"teardown_delete_vault_named": "akv-prod", "cdc_setup_azure_vault": None},
        "in cdc_setup_azure_vault, which is not",
    ),
    ({"teardown_delete_vault_named": "akv-prd"}, 'the vault is "akv-prod"'),
    ({"teardown_remove_vault": True, "cdc_setup_azure_vault": {"name": "akv-prod"}}, "has no resource_group"),
    ({"teardown_remove_application": True, "cdc_setup_application": None}, "which names no application"),
    ({"cdc_setup_application": {}}, "whose permissions to revoke"),
    ({"cdc_setup_application": {"credential": {}}}, "names no application"),
    ({"cdc_setup_application": "fortanix"}, "is not a dictionary"),
    ({"cdc_setup_azure_vault": "akv-prod"}, "is not a dictionary"),
]


@pytest.mark.parametrize(("change", "problem"), PROBLEMS, ids=[str(one[0]) for one in PROBLEMS])
def test_what_is_wrong_with_the_variables_is_told(change: dict[str, Any], problem: str) -> None:
    assert [one for one in asked(**change)["problems"] if problem in one]


@pytest.mark.parametrize("value", [True, "true", "yes", 1])
def test_a_choice_may_come_as_text(value: Any) -> None:
    assert asked(teardown_remove_vault=value)["remove_vault"] is True


def test_the_name_of_the_vault_once_more_asks_for_its_removal() -> None:
    request = asked(teardown_delete_vault_named="AKV-Prod")

    assert (request["remove_vault"], request["problems"]) == (True, [])


# Guards ---------------------------------------------------------------------------------------------------------------


def test_a_group_that_holds_keys_stops_the_whole() -> None:
    assert state({"look_group": failed("it holds 1 key(s)", keys=1)})["stops"] == ["it holds 1 key(s)"]


@pytest.mark.parametrize("facts", [{"groups": ['"other"']}, {"contents": ["keys"]}, {"option": "name"}])
def test_a_vault_that_is_used_or_full_stops_the_whole(facts: dict[str, Any]) -> None:
    assert state({**LOOKS, "look_vault": failed("no", **facts)}, **ALL)["stops"] == ["no"]


@pytest.mark.parametrize("facts", [{"locks": [{}]}, {"lacking": [{}]}, {"status": 500}])
def test_an_obstacle_at_the_vault_does_not_keep_access_from_being_revoked(facts: dict[str, Any]) -> None:
    found = state({**LOOKS, "look_vault": failed("no", **facts)}, **ALL)

    assert (found["stops"], found["credential"], found["rights"], found["holds"]) == ([], True, True, True)


@pytest.mark.parametrize("step", ["look_application", "look_removal"])
def test_an_application_that_cannot_go_as_told_stops_the_whole(step: str) -> None:
    assert state({**LOOKS, step: failed("no", groups=['"other"'])}, **ALL)["stops"] == ["no"]


@pytest.mark.parametrize("status", ["needed", "pending"])
def test_an_approval_is_waited_for_before_anything_goes(status: str) -> None:
    assert state({"look_group": {**GROUP, "approval": {"status": status}}})["waits"] is True


def test_an_approval_that_was_given_is_not_waited_for() -> None:
    assert state({"look_group": {**GROUP, "approval": {"status": "approved"}}})["waits"] is False


# Revoking -------------------------------------------------------------------------------------------------------------


def test_the_client_id_comes_from_the_application() -> None:
    assert state(LOOKS)["client_id"] == "c"


def test_the_client_id_of_an_application_that_others_use_comes_from_the_refusal() -> None:
    used = failed("no", groups=['"other"'], client_id="c")

    found = state({"look_group": GROUP, "look_application": used})

    assert (found["client_id"], found["credential"], found["rights"]) == ("c", False, True)
    assert (found["failures"], '"other"' in found["notes"][0]) == ([], True)


def test_rights_that_others_use_are_no_failure() -> None:
    found = state({**LOOKS, "credential": DONE, "rights": failed("no", groups=['"other"'])})

    assert (found["holds"], found["failures"]) == (False, [])


def test_an_application_that_is_gone_has_nothing_to_revoke() -> None:
    found = state({"look_group": GROUP, "look_application": {**APPLICATION, "application": None}})

    assert (found["credential"], found["rights"], found["holds"]) == (False, False, False)


def test_rights_are_tried_after_a_credential_that_failed() -> None:
    found = state({**LOOKS, "credential": failed("Graph is down")})

    assert (found["rights"], found["holds"]) == (True, True)


def test_rights_that_are_to_stay_are_not_tried() -> None:
    found = state(LOOKS, teardown_keep_rights=True)

    assert (found["rights"], [one for one in found["notes"] if "teardown_keep_rights" in one] != []) == (False, True)


# What cannot be undone ------------------------------------------------------------------------------------------------


def test_after_a_failure_nothing_goes_that_cannot_come_back() -> None:
    found = state({**LOOKS, "credential": DONE, "rights": failed("locked")}, **ALL)

    assert (found["holds"], found["application"], found["vault"]) == (True, False, False)


def test_all_failures_are_told_together() -> None:
    down, locked = failed("Graph is down. Next: wait."), failed("it is locked. Next: have the lock removed.")
    found = state({**LOOKS, "credential": down, "rights": locked})

    assert found["failures"] == [
        "Credential of the application: Graph is down.",
        "Permissions at the vault: it is locked.",
        "After this failure, irreversible steps were not run (group, application, vault). Next: wait; have the "
        "lock removed; correct the cause and run the teardown again; it continues from here.",
    ]


@pytest.mark.parametrize("told", ["done", "unknown"])
def test_what_may_be_gone_is_not_said_to_stay(told: str) -> None:
    lost = failed("the connection broke", **{told: [{"plane": "DSM", "action": "DELETE"}]})
    found = state({**LOOKS, "credential": DONE, "rights": DONE, "group": lost}, **ALL)

    assert "irreversible steps were not run (application, vault)" in found["failures"][-1]


def test_a_failed_look_is_forgotten_when_the_step_itself_has_worked() -> None:
    found = state({"look_group": GROUP, "look_application": failed("busy"), "credential": DONE})

    assert found["failures"] == []


def test_a_module_that_crashed_is_a_failure() -> None:
    assert state({**LOOKS, "credential": {"msg": "MODULE FAILURE", "rc": 1}})["holds"] is True


def test_a_step_that_was_skipped_is_none() -> None:
    assert state({**LOOKS, "credential": {"skipped": True, "changed": False}})["holds"] is False


def test_when_all_has_worked_the_rest_goes() -> None:
    found = state({**LOOKS, "credential": DONE, "rights": DONE, "group": GROUP}, **ALL)

    assert (found["holds"], found["application"], found["vault"], found["failures"]) == (False, True, True, [])


def test_a_group_whose_removal_waits_after_all_keeps_the_rest() -> None:
    assert state({**LOOKS, "credential": DONE, "group": {**GROUP, "pending": True}})["waits"] is True


def test_what_is_left_is_told() -> None:
    left = [{"what": "key permissions in the access policy", "permissions": ["get"], "reason": "confirm it"}]

    found = state({**LOOKS, "rights": {"plan": [], "left": left}})

    assert [one for one in found["notes"] if "key permissions in the access policy" in one]
