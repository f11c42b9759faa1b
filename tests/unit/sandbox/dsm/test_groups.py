# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups: list, get, create, patch, delete, and who may (DSM contract §2)."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from sandbox import Profile, Sandbox

GROUPS = "/sys/v1/groups"


def test_create_answers_201_with_the_required_members_and_leaves_unset_ones_out(admin: Any, names: Any) -> None:
    answer = admin("POST", GROUPS, {"name": names.new()})

    assert answer.status == 201
    assert set(answer.json) == {"acct_id", "client_configurations", "created_at", "creator", "group_id", "name"}


def test_a_name_can_be_taken_once(admin: Any, group: Any) -> None:
    answer = admin("POST", GROUPS, {"name": group["name"]})

    assert (answer.status, answer.text) == (409, "group already exists")


@pytest.mark.parametrize("name", [None, "", "   ", "two\nlines", "x" * 4097, 7])
def test_a_bad_name_is_refused(admin: Any, name: Any) -> None:
    assert admin("POST", GROUPS, {"name": name}).status == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(admin: Any, body: bytes) -> None:
    assert admin("POST", GROUPS, body).status == 400


def test_patch_leaves_omitted_members_alone(admin: Any, names: Any) -> None:
    body = {"name": names.new(), "description": "first", "custom_metadata": {"a": "1"}}
    created = admin("POST", GROUPS, body).json

    patched = admin("PATCH", f"{GROUPS}/{created['group_id']}", {"description": "second"}).json

    assert patched == {**created, "description": "second"}


def test_patch_replaces_custom_metadata_whole(admin: Any, names: Any) -> None:
    created = admin("POST", GROUPS, {"name": names.new(), "custom_metadata": {"a": "1", "b": "2"}}).json

    patched = admin("PATCH", f"{GROUPS}/{created['group_id']}", {"custom_metadata": {"c": "3"}}).json

    assert patched["custom_metadata"] == {"c": "3"}


def test_a_renamed_group_is_found_under_its_new_name_only(admin: Any, group: Any, names: Any) -> None:
    new = names.new()
    admin("PATCH", f"{GROUPS}/{group['group_id']}", {"name": new})

    found = [admin("GET", GROUPS, filter=json.dumps({"name": {"$eq": name}})).json for name in (group["name"], new)]

    assert [len(groups) for groups in found] == [0, 1]


def test_redundancy_is_set_and_removed(admin: Any, group: Any) -> None:
    path = f"{GROUPS}/{group['group_id']}"

    assert admin("PATCH", path, {"hmg_redundancy": "PriorityFailover"}).json["hmg_redundancy"] == "PriorityFailover"
    assert "hmg_redundancy" not in admin("PATCH", path, {"hmg_redundancy": "remove"}).json
    assert admin("PATCH", path, {"hmg_redundancy": "Random"}).status == 400


def test_links_are_deleted_then_modified_then_added(admin: Any, linked: Any, make_estate: Any) -> None:
    (hmg_id,) = linked["hmg"]
    other = make_estate()
    path = f"{GROUPS}/{linked['group_id']}"

    patched = admin("PATCH", path, {"del_hmg": [hmg_id], "add_hmg": [other.link()]}).json

    assert [link["url"] for link in patched["hmg"].values()] == [other.url]


def test_a_patch_that_fails_in_part_changes_nothing(admin: Any, linked: Any) -> None:
    (hmg_id,) = linked["hmg"]
    path = f"{GROUPS}/{linked['group_id']}"

    refused = admin("PATCH", path, {"description": "new", "del_hmg": [hmg_id], "add_hmg": [{"kind": "AzureKeyVault"}]})

    assert refused.status == 400
    assert admin("GET", path).json == linked


@pytest.mark.parametrize("member", ["mod_hmg", "del_hmg"])
def test_an_unknown_link_is_404(admin: Any, linked: Any, estate: Any, member: str) -> None:
    unknown = str(uuid4())
    value = {unknown: estate.link()} if member == "mod_hmg" else [unknown]

    assert admin("PATCH", f"{GROUPS}/{linked['group_id']}", {member: value}).status == 404


def test_delete_is_204_and_then_404(admin: Any, group: Any) -> None:
    path = f"{GROUPS}/{group['group_id']}"

    assert [admin("DELETE", path).status for _index in range(2)] == [204, 404]


def test_a_group_that_holds_keys_cannot_be_deleted(sb: Sandbox, admin: Any, group: Any) -> None:
    sb.do(lambda state: state.dsm.add_key(group["group_id"]))

    answer = admin("DELETE", f"{GROUPS}/{group['group_id']}")

    assert answer.status == 400
    assert "not empty" in answer.text


@pytest.mark.parametrize(("group_id", "status"), [("not-a-uuid", 400), ("00000000-0000-4000-8000-000000000000", 404)])
def test_a_group_id_must_exist_and_be_a_uuid(admin: Any, group_id: str, status: int) -> None:
    assert admin("GET", f"{GROUPS}/{group_id}").status == status


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_approval_policy_gates_changes_with_its_exact_text(sb: Sandbox, admin: Any, names: Any, method: str) -> None:
    policy = {"quorum": {"n": 1, "members": [{"user": sb.world.administrator.user_id}]}}
    group = admin("POST", GROUPS, {"name": names.new(), "approval_policy": policy}).json

    answer = admin(method, f"{GROUPS}/{group['group_id']}", {"description": "x"} if method == "PATCH" else None)

    assert (answer.status, answer.text) == (403, "This operation requires approval")


# Who may ----------------------------------------------------------------------------------------------------------


def test_an_auditor_reads_all_and_changes_nothing(auditor: Any, group: Any) -> None:
    path = f"{GROUPS}/{group['group_id']}"

    answers = [auditor("GET", path), auditor("PATCH", path, {"description": "x"}), auditor("DELETE", path)]
    answers.append(auditor("POST", GROUPS, {"name": "auditor's own"}))

    assert [answer.status for answer in answers] == [200, 403, 403, 403]


def test_a_crypto_app_sees_its_own_groups_only(sb: Sandbox, crypto: Any, admin: Any, names: Any) -> None:
    mine, other = (admin("POST", GROUPS, {"name": names.new()}).json for _index in range(2))
    app_id = sb.world.crypto_app.app_id
    sb.do(lambda state: state.dsm.grant(state.dsm.apps[app_id], state.dsm.group(mine["group_id"])))

    listed = {group["group_id"] for group in crypto("GET", GROUPS).json}

    assert mine["group_id"] in listed
    assert other["group_id"] not in listed
    assert crypto("GET", f"{GROUPS}/{other['group_id']}").status == 403
    assert crypto("PATCH", f"{GROUPS}/{mine['group_id']}", {"description": "x"}).status == 403


def test_an_account_member_administers_the_group_he_creates(sb: Sandbox, log_in: Any, group: Any, names: Any) -> None:
    member = log_in(sb.world.two_account_user, sb.world.account_id)

    own = member("POST", GROUPS, {"name": names.new()}).json

    assert member("PATCH", f"{GROUPS}/{own['group_id']}", {"description": "mine"}).status == 200
    assert member("GET", f"{GROUPS}/{group['group_id']}").status == 403


def test_a_link_needs_the_licence_features(sb: Sandbox, estate: Any, names: Any, log_in: Any) -> None:
    sb.do(lambda state: setattr(state.dsm.account_named("Sandbox Two"), "features", frozenset()))
    user = log_in(sb.world.two_account_user, sb.world.second_account_id)

    answer = user("POST", GROUPS, {"name": names.new(), "add_hmg": [estate.link()]})

    assert answer.status == 403
    assert "AZUREBYOK" in answer.text


# Lists ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(running: Sandbox) -> list[str]:
    return [
        running.do(lambda state, n=number: state.dsm.add_group(f"list-{n:02d}", description=f"about {n}")).name
        for number in range(25)
    ]


def names_of(groups: list[dict[str, Any]]) -> list[str]:
    return [group["name"] for group in groups if group["name"].startswith("list-")]


def test_limit_and_offset_cut_the_list_into_parts(admin: Any, listed: list[str]) -> None:
    query = {"sort_by": "group_name:asc", "filter": '{"name":{"$text":{"$search":"list-"}}}'}

    parts = [admin("GET", GROUPS, limit=10, offset=offset, **query).json for offset in (0, 10, 20)]

    assert [names_of(part) for part in parts] == [listed[:10], listed[10:20], listed[20:]]


def test_a_token_chain_yields_each_group_once(admin: Any, listed: list[str]) -> None:
    seen, token = [], ""
    while token is not None:
        page = admin("GET", GROUPS, limit=7, continuation_token=token, sort_by="group_name:desc").json
        seen += names_of(page["items"])
        token = page["metadata"].get("continuation_token")

    assert seen == listed[::-1]
    assert page["metadata"]["count"] >= 25


def test_the_last_page_carries_no_token_even_when_it_is_full(admin: Any, listed: list[str]) -> None:
    query = {"filter": '{"name":{"$text":{"$search":"list-"}}}', "continuation_token": ""}

    one_short, exact = (admin("GET", GROUPS, limit=limit, **query).json["metadata"] for limit in (24, 25))

    assert ("continuation_token" in one_short, "continuation_token" in exact) == (True, False)


def test_keyset_paging_by_id_goes_on_behind_the_previous_one(admin: Any, listed: list[str]) -> None:
    first = admin("GET", GROUPS, limit=3, sort_by="group_id:asc").json
    second = admin("GET", GROUPS, limit=3, sort_by="group_id:asc", previous_id=first[-1]["group_id"]).json
    older = admin("GET", GROUPS, limit=3, sort="group_id:asc", start=first[-1]["group_id"]).json

    assert [group["group_id"] for group in first + second] == sorted(group["group_id"] for group in first + second)
    assert older == second


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"name": {"$eq": "list-03"}}, ["list-03"]),
        ({"name": {"$in": ["list-04", "list-03", "nobody"]}}, ["list-03", "list-04"]),
        ({"description": {"$eq": "about 5"}}, ["list-05"]),
        ({"$or": [{"name": {"$eq": "list-01"}}, {"description": {"$eq": "about 2"}}]}, ["list-01", "list-02"]),
        ({"$and": [{"name": {"$eq": "list-01"}}, {"description": {"$eq": "about 2"}}]}, []),
        ({"$and": [{"name": {"$in": ["list-01", "list-02"]}}, {"name": {"$ne": "list-01"}}]}, ["list-02"]),
    ],
)
def test_filters_narrow_the_list(admin: Any, listed: list[str], query: Any, expected: list[str]) -> None:
    answer = admin("GET", GROUPS, filter=json.dumps(query), sort_by="group_name:asc")

    assert [group["name"] for group in answer.json] == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"hmg":{"$eq":1}}', '{"name":{"$like":"x"}}', '{"name":"x"}'])
def test_a_bad_filter_is_refused(admin: Any, text: str) -> None:
    assert admin("GET", GROUPS, filter=text).status == 400


@pytest.mark.parametrize("query", [{"limit": "x"}, {"offset": "-1"}, {"sort_by": "name:asc"}])
def test_bad_paging_is_refused(admin: Any, query: dict[str, str]) -> None:
    assert admin("GET", GROUPS, **query).status == 400


def test_an_old_server_ignores_all_parameters(sb: Sandbox, admin: Any, listed: list[str]) -> None:
    sb.profile = Profile(group_paging="none")

    answer = admin("GET", GROUPS, limit=1, continuation_token="", filter='{"name":{"$eq":"nobody"}}')

    assert isinstance(answer.json, list)
    assert sorted(names_of(answer.json)) == listed


def test_a_server_that_ignores_filters_returns_everything(sb: Sandbox, admin: Any, listed: list[str]) -> None:
    sb.profile = Profile(group_filter="ignored")

    answer = admin("GET", GROUPS, filter='{"name":{"$eq":"list-00"}}')

    assert sorted(names_of(answer.json)) == listed
