# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles of groups and sessions, and of the profiles themselves (DSM contract §7)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import urllib3

import sandbox
from sandbox import Profile, Sandbox
from sandbox.profiles import LEGACY
from support.matrix import combined

GROUPS, AUTH = "/sys/v1/groups", "/sys/v1/session/auth"
POLICY = {"quorum": {"n": 1, "members": []}}
DOCUMENT = Path(sandbox.__file__).with_name("PROFILES.md")


# Groups -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        ("json", lambda body: body["message"]),
        ("json_errors", lambda body: body["errors"][0]["message"]),
        ("json_string", lambda body: body),
    ],
)
def test_q6_forms_of_an_errors_body(sb: Sandbox, admin: Any, setting: Any, read: Any) -> None:
    sb.profile = Profile(error_body=setting)

    answer = admin("GET", f"{GROUPS}/nonsense")

    assert answer.headers["Content-Type"].startswith("application/json")
    assert read(answer.json) == "group_id is not a UUID"


@pytest.mark.parametrize("setting", ["exact", "sentence"])
def test_q9_the_words_for_an_approval(sb: Sandbox, admin: Any, names: Any, setting: Any) -> None:
    sb.profile = Profile(approval_answer=setting)
    group = sb.do(lambda state: state.dsm.add_group(names.new(), approval_policy=POLICY))

    answer = admin("PATCH", f"{GROUPS}/{group.group_id}", {"description": "x"})

    assert answer.status == 403
    assert answer.text.startswith("This operation requires approval")
    assert (answer.text == "This operation requires approval") is (setting == "exact")


@pytest.mark.parametrize("status", [400, 409])
def test_q10_a_group_with_keys(sb: Sandbox, admin: Any, group: Any, status: Any) -> None:
    sb.profile = Profile(delete_not_empty=status)
    sb.do(lambda state: state.dsm.add_key(group["group_id"]))

    answer = admin("DELETE", f"{GROUPS}/{group['group_id']}")

    assert answer.status == status
    assert "not empty" in answer.text


def test_q11_a_server_of_the_middle_era_knows_sort_start_limit_and_offset(sb: Sandbox, admin: Any, group: Any) -> None:
    everything = sorted(found["group_id"] for found in admin("GET", GROUPS).json)
    sb.profile = Profile(group_paging="middle")

    def ids(**query: str) -> list[str]:
        return [found["group_id"] for found in admin("GET", GROUPS, **query).json]

    assert ids(sort="group_id:asc", start=everything[0], limit="1") == everything[1:2]
    assert ids(limit="1", offset="1") == everything[1:2]
    assert ids(continuation_token="", sort_by="group_name:desc", filter='{"name":{"$eq":"no"}}') == everything


@pytest.mark.parametrize(("setting", "shown"), [("omitted", None), ("empty", "")])
def test_q17_a_blank_description(sb: Sandbox, admin: Any, group: Any, setting: Any, shown: str | None) -> None:
    sb.profile = Profile(blank_description=setting)

    assert admin("GET", f"{GROUPS}/{group['group_id']}").json.get("description") == shown


@pytest.mark.parametrize("status", [400, 409])
def test_q21_a_name_that_is_taken(sb: Sandbox, admin: Any, group: Any, status: Any) -> None:
    sb.profile = Profile(duplicate_name=status)

    answer = admin("POST", GROUPS, {"name": group["name"]})

    assert (answer.status, answer.text) == (status, "group already exists")


@pytest.mark.parametrize(("setting", "status"), [("allowed", 204), ("refused", 400)])
def test_q25_a_group_with_a_link_and_no_keys(sb: Sandbox, admin: Any, linked: Any, setting: Any, status: int) -> None:
    sb.profile = Profile(delete_linked=setting)

    assert admin("DELETE", f"{GROUPS}/{linked['group_id']}").status == status


def test_q25_without_its_link_the_group_can_go(sb: Sandbox, admin: Any, linked: Any) -> None:
    sb.profile = Profile(delete_linked="refused")
    path = f"{GROUPS}/{linked['group_id']}"

    assert admin("PATCH", path, {"del_hmg": list(linked["hmg"])}).status == 200
    assert admin("DELETE", path).status == 204


@pytest.mark.parametrize(("setting", "status"), [("gated", 403), ("free", 200)])
def test_q32_link_edits_under_a_quorum(
    sb: Sandbox, admin: Any, estate: Any, names: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(link_edits_gated=setting)
    group = sb.do(lambda state: state.dsm.add_group(names.new(), approval_policy=POLICY))
    path = f"{GROUPS}/{group.group_id}"

    assert admin("PATCH", path, {"add_hmg": [estate.link()]}).status == status
    assert admin("PATCH", path, {"del_hmg": [], "description": "x"}).status == 403


@pytest.mark.parametrize(("setting", "status"), [("accepted", 200), ("refused", 400)])
def test_q33_sort_by_without_a_previous_value(sb: Sandbox, admin: Any, setting: Any, status: int) -> None:
    sb.profile = Profile(sort_by_alone=setting)

    assert admin("GET", GROUPS, sort_by="group_name:asc").status == status
    assert admin("GET", GROUPS, sort_by="group_name:asc", previous_sort_value="a").status == 200


@pytest.mark.parametrize(
    ("metadata", "status"),
    [({"a": "b"}, 200), ({"a": "b" * 65}, 400), ({str(number): "" for number in range(9)}, 400)],
)
def test_q43_metadata_may_be_limited(
    sb: Sandbox, admin: Any, linked: Any, group: Any, metadata: dict[str, str], status: int
) -> None:
    sb.profile = Profile(metadata="limited")

    assert admin("PATCH", f"{GROUPS}/{linked['group_id']}", {"custom_metadata": metadata}).status == status
    assert admin("PATCH", f"{GROUPS}/{group['group_id']}", {"custom_metadata": metadata}).status == 200


# Sessions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_q7_an_expired_token(status: Any) -> None:
    with (
        Sandbox.start(profile=Profile(expired_token=status)) as own,
        urllib3.ProxyManager(own.proxy_url, ca_certs=str(own.ca_bundle)) as pool,
    ):

        def call(method: str, path: str, header: str) -> Any:
            url = own.world.dsm_endpoint + path
            return pool.request(method, url, headers={"Authorization": header}, retries=False)

        token = call("POST", AUTH, f"Basic {own.world.admin_app.api_key}").json()["access_token"]
        own.clock.advance(3600)
        answer = call("GET", GROUPS, f"Bearer {token}")

    assert answer.status == status
    assert b"session token" in answer.data


@pytest.mark.parametrize(("setting", "body"), [("object", b"{}"), ("cookie", b'{"cookie":null}'), ("empty", b"")])
def test_q19_the_answer_to_select_account(sb: Sandbox, log_in: Any, setting: Any, body: bytes) -> None:
    sb.profile = Profile(select_account_body=setting)
    client = log_in(sb.world.administrator)

    answer = client("POST", "/sys/v1/session/select_account", {"acct_id": sb.world.account_id})

    assert (answer.status, answer.body) == (200, body)


def test_q19_a_selected_account_may_take_some_calls(sb: Sandbox, log_in: Any) -> None:
    sb.profile = Profile(account_switch="unselected", account_switch_calls=3)
    client = log_in(sb.world.administrator, sb.world.account_id)

    answers = [client("GET", GROUPS) for _number in range(4)]

    assert [answer.status for answer in answers] == [401, 401, 401, 200]
    assert "account to be selected" in answers[0].text


def test_q19_meanwhile_the_account_selected_before_may_answer(sb: Sandbox, log_in: Any, names: Any) -> None:
    first, second = sb.world.account_id, sb.world.second_account_id
    client = log_in(sb.world.two_account_user, first)
    sb.profile = Profile(account_switch="stale", account_switch_calls=1)
    assert client("POST", "/sys/v1/session/select_account", {"acct_id": second}).status == 200

    made = [client("POST", GROUPS, {"name": names.new()}).json["acct_id"] for _number in range(2)]

    assert made == [first, second]


# The profiles themselves --------------------------------------------------------------------------------------------


def test_the_first_value_of_each_setting_is_the_default() -> None:
    assert {name: values[0] for name, values in Profile.settings().items()} == {
        name: getattr(Profile(), name) for name in Profile.settings()
    }


@pytest.mark.parametrize("name", Profile.settings())
def test_each_setting_has_several_values(name: str) -> None:
    assert len(set(Profile.settings()[name])) > 1


def test_the_old_generation_sets_what_it_means_and_keeps_the_rest() -> None:
    profile = Profile(generation="legacy", kind_spelling="modern", create_status=200)

    assert {name: getattr(profile, name) for name in LEGACY} == LEGACY
    assert profile.create_status == 200


def test_all_questions_and_settings_are_in_the_document() -> None:
    text = DOCUMENT.read_text()
    rows = re.findall(r"^\| Q(\d+) \|", text, re.MULTILINE)

    assert [int(row) for row in rows] == list(range(1, 69))
    assert [name for name in Profile.settings() if f"`{name}`" not in text] == []


def test_the_document_names_no_setting_that_does_not_exist() -> None:
    names = set(re.findall(r"`([a-z0-9_]+)`:", DOCUMENT.read_text()))

    assert names == set(Profile.settings())


EVERY = [(name, value) for name, values in Profile.settings().items() for value in values[1:]]


COMBINED = combined(EVERY)


@pytest.mark.parametrize("number", range(len(COMBINED)))
def test_under_settings_together_a_whole_journey_has_no_defect(
    sb: Sandbox, admin: Any, auditor: Any, estate: Any, names: Any, number: int
) -> None:
    expect_no_defect(sb, admin, auditor, estate, names, COMBINED[number])


@pytest.mark.long
@pytest.mark.parametrize(("name", "value"), EVERY, ids=[f"{name}={value}" for name, value in EVERY])
def test_under_each_setting_a_whole_journey_has_no_defect(
    sb: Sandbox, admin: Any, auditor: Any, estate: Any, names: Any, name: str, value: Any
) -> None:
    expect_no_defect(sb, admin, auditor, estate, names, {name: value})


def expect_no_defect(sb: Sandbox, admin: Any, auditor: Any, estate: Any, names: Any, settings: dict[str, Any]) -> None:
    """Requests in both generations' forms; whatever they are answered, nothing is answered with a defect."""
    sb.profile = Profile(**settings)
    crashes = len(sb.crashes)
    old = estate.link(kind="AZUREKEYVAULT", auth_config=None, secret_key=estate.client_secret)
    answers = []
    for config in (estate.link(), old):
        made = admin("POST", GROUPS, {"name": names.new(), "add_hmg": [config]})
        answers += [made, admin("POST", "/sys/v1/groups/hmg/azure_vaults", config)]
        if made.status < 300:
            path = f"{GROUPS}/{made.json['group_id']}"
            answers += [
                admin("POST", f"{path}/hmg/check", {}),
                admin("POST", f"{path}/hmg/scan", {}),
                admin("GET", f"{path}/hmg/scans"),
                admin("PATCH", path, {"mod_hmg": {next(iter(made.json["hmg"])): config}, "description": ""}),
                admin("GET", "/crypto/v1/keys", group_id=made.json["group_id"]),
                admin("DELETE", path),
            ]
    answers += [
        admin("GET", GROUPS, filter=json.dumps({"name": {"$eq": "x"}}), limit="2", sort_by="group_name:asc"),
        admin("GET", f"/sys/v1/apps/{sb.world.admin_app.app_id}"),
        auditor("GET", "/sys/v1/users", limit="2"),
        auditor("GET", "/sys/v1/users/permissions"),
    ]

    assert sb.crashes[crashes:] == []
    assert [answer.status for answer in answers if answer.status >= 500] == []
    assert [answer.text for answer in answers if answer.status == 404] == []
