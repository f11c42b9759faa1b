# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups as data, and how one is found among many (guide 4.3, 4.8; DSM contract §2.2, §2.3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import (
    CREDENTIAL_FACT,
    Group,
    find_by_name,
    list_all,
    those_of_application,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.builders import CANARY, texts_in
from unit.dsm.builders import CLIENT, GROUP_ID, HMG_ID, FakeDsm, answering, stored_group, stored_groups, stored_link

# --- From what DSM stores ---------------------------------------------------------------------------------------------


def test_an_azure_group_has_its_link() -> None:
    group = Group.from_stored(stored_group())

    assert (group.external_kms, group.azure_link.hmg_id) == ("AzureKeyVault", HMG_ID)


@pytest.mark.parametrize("hmg", [None, {}])
def test_a_group_without_a_link_is_local(hmg: Any) -> None:
    group = Group.from_stored(stored_group(hmg=hmg))

    assert (group.external_kms, group.link) == (None, None)


def test_a_group_that_is_linked_elsewhere_has_no_azure_link() -> None:
    group = Group.from_stored(stored_group(hmg={HMG_ID: {"kind": "AwsKms"}}))

    assert (group.external_kms, group.link) == ("AwsKms", None)


def test_a_group_with_two_azure_links_is_an_error_that_lists_them() -> None:
    hmg = {"one": stored_link(), "two": stored_link(kind="AZUREKEYVAULT")}

    with pytest.raises(TaskError, match=r"2 Azure links \(one, two\)"):
        Group.from_stored(stored_group(hmg=hmg))


@pytest.mark.parametrize("field", ["description", "custom_metadata"])
def test_null_absent_and_blank_are_the_same(field: str) -> None:
    blank = "" if field == "description" else {}
    absent, null, empty = (
        Group.from_stored(stored)
        for stored in (stored_group(), stored_group(**{field: None}), stored_group(**{field: blank}))
    )

    assert absent == null == empty


@pytest.mark.parametrize("client_id", [CLIENT, CLIENT.upper()])
def test_the_groups_of_an_application_are_found_however_its_id_is_spelled(client_id: str) -> None:
    stored = stored_group(hmg={HMG_ID: stored_link(client_id=CLIENT.upper())})

    assert [one.group_id for one in those_of_application([stored], client_id)] == [GROUP_ID]


# --- Records ----------------------------------------------------------------------------------------------------------


@given(stored_groups)
def test_a_record_always_has_the_same_keys(stored: dict[str, Any]) -> None:
    assert list(Group.from_stored(stored).record()) == [
        "group_id",
        "name",
        "description",
        "custom_metadata",
        "external_kms",
        "exists",
        "planned",
        "link",
    ]


@given(stored_groups)
def test_the_link_of_a_record_always_has_the_same_keys(stored: dict[str, Any]) -> None:
    link = Group.from_stored(stored).record()["link"]

    assert link is None or list(link) == [
        "hmg_id",
        "azure_service",
        "tenant_id",
        "client_id",
        "subscription_id",
        "auth_mode",
        "credential_match",
        "credential_expires",
        "vault",
        "tls",
    ]


def test_no_secret_that_dsm_returns_is_ever_shown() -> None:
    everywhere = stored_link(
        auth_config={"mode": "client_secret", "client_secret": CANARY, "client_key": CANARY, "x": CANARY},
        secret_key=CANARY,
        pin=CANARY,
        x_foreign={"private_key": CANARY},
        tls={"mode": "required", "ca": {"ca_set": "global_roots"}, "client_cert": CANARY, "client_key": CANARY},
    )
    group = Group.from_stored(stored_group(hmg={HMG_ID: everywhere}, x_foreign=CANARY))

    assert not [text for text in texts_in([group.record(), group.view()]) if CANARY in text]


@given(stored_groups)
def test_no_secret_is_shown_in_any_shape_of_group(stored: dict[str, Any]) -> None:
    group = Group.from_stored(stored)

    assert not [text for text in texts_in([group.record(), group.view()]) if CANARY in text]


def test_reserved_metadata_is_not_shown() -> None:
    group = Group.from_stored(stored_group(custom_metadata={"owner": "blue", CREDENTIAL_FACT: "fact"}))

    assert group.record()["custom_metadata"] == group.view()["custom_metadata"] == {"owner": "blue"}


@pytest.mark.parametrize(("metadata", "match"), [({}, "unknown"), ({CREDENTIAL_FACT: "fact"}, "recorded")])
def test_the_credential_is_on_record_or_unknown_and_never_more(metadata: dict[str, str], match: str) -> None:
    record = Group.from_stored(stored_group(custom_metadata=metadata)).record()

    assert record["link"]["credential_match"] == match


def test_a_view_leaves_out_what_dsm_assigns() -> None:
    assert not {GROUP_ID, HMG_ID} & set(texts_in(Group.from_stored(stored_group()).view()))


# --- Found among many -------------------------------------------------------------------------------------------------


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"group_id": f"{number:08}", "name": f"group {number}"} for number in range(count)]


def as_list(groups: list[dict[str, Any]]) -> Any:
    return groups


def as_object(groups: list[dict[str, Any]]) -> Any:
    return {"items": groups, "metadata": {"count": len(groups)}}


def server(
    groups: list[dict[str, Any]], *, filters: bool = True, pages: bool = True, shape: Callable[..., Any] = as_list
) -> FakeDsm:
    """A DSM with these groups; an old one ignores filters or paging."""

    def answer(method: str, route: str, *, query: dict[str, Any], **details: Any) -> Any:
        found = groups
        if filters and "filter" in query:
            found = [group for group in groups if group["name"] == json.loads(query["filter"])["name"]["$eq"]]
        first = query.get("offset", 0)
        return shape(found[first : first + query["limit"]] if pages else found)

    return FakeDsm(answer)


@pytest.mark.parametrize("shape", [as_list, as_object])
def test_a_group_is_found_by_one_request_when_the_filter_is_honoured(shape: Callable[..., Any]) -> None:
    dsm = server(numbered(3000), shape=shape)

    assert (find_by_name(dsm, "group 2999"), len(dsm.calls)) == ({"group_id": "00002999", "name": "group 2999"}, 1)


@pytest.mark.parametrize("pages", [True, False])
@pytest.mark.parametrize("shape", [as_list, as_object])
def test_a_group_is_found_although_the_filter_is_ignored(pages: bool, shape: Callable[..., Any]) -> None:
    dsm = server(numbered(2500), filters=False, pages=pages, shape=shape)

    assert find_by_name(dsm, "group 2400") == {"group_id": "00002400", "name": "group 2400"}


def test_a_miss_under_a_filter_takes_one_request_for_a_reader() -> None:
    dsm = server(numbered(3))

    assert (find_by_name(dsm, "group 9"), len(dsm.calls)) == (None, 1)


def test_a_miss_under_a_filter_is_not_yet_absence_for_one_who_has_to_be_sure() -> None:
    def answer(method: str, route: str, *, query: dict[str, Any], **details: Any) -> Any:
        return [] if "filter" in query else [{"group_id": "1", "name": "hidden"}]

    assert find_by_name(FakeDsm(answer), "hidden", thorough=True) == {"group_id": "1", "name": "hidden"}


def test_a_server_that_is_known_to_filter_is_believed_by_one_who_only_creates() -> None:
    dsm = server(numbered(3000))

    found = [find_by_name(dsm, f"new-{number}", thorough=True, creates=True) for number in range(3)]

    # The first miss: a group that is there, found by its name. From then on a miss costs one request.
    assert (found, len(dsm.calls)) == ([None, None, None], 3 + 2)
    assert dsm.queries[1] == {"limit": 1}


def test_a_server_that_finds_nothing_by_a_filter_is_not_believed() -> None:
    def answer(method: str, route: str, *, query: dict[str, Any], **details: Any) -> Any:
        return [] if "filter" in query else [{"group_id": "1", "name": "hidden"}]

    dsm = FakeDsm(answer)

    assert find_by_name(dsm, "hidden", thorough=True, creates=True) == {"group_id": "1", "name": "hidden"}
    assert dsm.filters_groups is False


def test_an_account_without_groups_teaches_nothing_about_its_server() -> None:
    groups: list[dict[str, Any]] = []
    dsm = server(groups)

    assert find_by_name(dsm, "first", thorough=True, creates=True) is None
    groups += numbered(1)

    assert find_by_name(dsm, "second", thorough=True, creates=True) is None
    assert dsm.filters_groups is True


@pytest.mark.parametrize("filters", [True, False])
def test_names_are_compared_exactly(filters: bool) -> None:
    dsm = server([{"group_id": "1", "name": "AKV"}, {"group_id": "2", "name": "akv "}], filters=filters)

    assert find_by_name(dsm, "akv") is None


@pytest.mark.parametrize("filters", [True, False])
def test_several_groups_of_one_name_are_an_error_that_lists_their_ids(filters: bool) -> None:
    dsm = server([*numbered(1), {"group_id": "b", "name": "x"}, {"group_id": "a", "name": "x"}], filters=filters)

    with pytest.raises(TaskError, match="2 groups have this name: a, b"):
        find_by_name(dsm, "x")


@pytest.mark.parametrize("pages", [True, False])
@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000, 2001])
def test_all_groups_are_listed_once_each(count: int, pages: bool) -> None:
    dsm = server(numbered(count), pages=pages)

    assert list(list_all(dsm)) == numbered(count)


@pytest.mark.parametrize("answer", [None, {"message": "hello"}, "groups", {"items": None}])
def test_an_answer_that_is_no_list_is_an_error_and_not_an_empty_account(answer: Any) -> None:
    with pytest.raises(TaskError, match="neither a list nor"):
        list(list_all(answering(answer)))


def test_a_server_that_caps_its_pages_does_not_hide_groups() -> None:
    everything = numbered(250)

    def answer(method: str, route: str, *, query: dict[str, Any], **details: Any) -> Any:
        return everything[query["offset"] : query["offset"] + 100]

    assert len(list(list_all(FakeDsm(answer)))) == 250
