# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual keys, and what a sync changed (guide 4.7, DSM contract §4.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.virtual_keys import (
    KeyChanges,
    VirtualKey,
    compare,
    list_keys,
)
from unit.dsm.builders import GROUP_ID, FakeDsm


def stored_key(**changes: Any) -> dict[str, Any]:
    return {
        "kid": "66666666-6666-4666-8666-ffffffffffff",
        "name": "key-1",
        "state": "Active",
        "enabled": True,
        "external": {
            "hsm_group_id": GROUP_ID,
            "id": {"version": "0123ABCD-0123-0123-0123-0123456789AB", "label": "azure-key"},
        },
        "custom_metadata": {"azure-key-name": "azure-key", "azure-key-state": "Created"},
        **changes,
    }


KEY = VirtualKey.from_stored(stored_key())
states = st.sampled_from(["active", "preactive", "deactivated", "destroyed", "deleted"])
azure_states = st.sampled_from([None, "created", "deleted", "purged"])


def listings(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[VirtualKey]]:
    keys = st.builds(
        lambda number, **given: replace(KEY, kid=str(number), **given),
        st.integers(0, 5),
        **{"enabled": st.booleans(), "name": st.sampled_from("abc"), **fields},
    )
    return st.lists(keys, max_size=6, unique_by=lambda key: key.kid)


any_keys = listings(state=states, azure_state=azure_states)
live_keys = listings(state=st.sampled_from(["active", "preactive"]))


# --- One key ----------------------------------------------------------------------------------------------------------


def test_a_key_is_read_with_the_version_as_azure_writes_it() -> None:
    assert KEY.record() == {
        "kid": "66666666-6666-4666-8666-ffffffffffff",
        "name": "key-1",
        "azure_key_name": "azure-key",
        "azure_key_version": "0123abcd0123012301230123456789ab",
        "azure_key_state": "created",
        "state": "active",
        "enabled": True,
    }


@pytest.mark.parametrize(
    "absent", [{"external": None}, {"external": {}}, {"external": {"id": None}}, {"external": {"id": {}}}]
)
def test_the_name_in_azure_comes_from_the_metadata_when_dsm_tells_it_nowhere_else(absent: dict[str, Any]) -> None:
    key = VirtualKey.from_stored(stored_key(**absent))

    assert (key.azure_name, key.azure_version) == ("azure-key", None)


def test_a_key_of_which_dsm_tells_little_is_read_too() -> None:
    assert VirtualKey.from_stored({"kid": "1", "custom_metadata": None}) == VirtualKey(
        kid="1", name="", azure_name=None, azure_version=None, state="", enabled=False, azure_state=None
    )


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({}, False),
        ({"state": "Deactivated"}, False),
        ({"state": "Destroyed"}, True),
        ({"state": "Deleted"}, True),
        ({"custom_metadata": {"azure-key-state": "Deleted"}}, True),
        ({"custom_metadata": {"azure-key-state": "PURGED"}}, True),
    ],
)
def test_a_key_is_gone_in_the_words_of_either_side(change: dict[str, Any], gone: bool) -> None:
    assert VirtualKey.from_stored(stored_key(**change)).gone is gone


# --- Two listings -----------------------------------------------------------------------------------------------------


@given(any_keys)
def test_nothing_has_changed_between_a_listing_and_itself(keys: list[VirtualKey]) -> None:
    assert not compare(keys, keys)


@given(any_keys, st.randoms())
def test_the_order_of_a_listing_does_not_count(keys: list[VirtualKey], random: Any) -> None:
    shuffled = random.sample(keys, len(keys))

    assert not compare(keys, shuffled)


@given(live_keys, live_keys)
def test_what_is_new_one_way_has_vanished_the_other_way(before: list[VirtualKey], after: list[VirtualKey]) -> None:
    there, back = before, after
    assert compare(there, back).new == compare(back, there).vanished


@given(any_keys, any_keys)
def test_every_key_that_differs_is_reported_exactly_once(before: list[VirtualKey], after: list[VirtualKey]) -> None:
    changes = compare(before, after)

    reported = sorted(key.kid for key in (*changes.new, *changes.updated, *changes.vanished))
    assert reported == sorted({key.kid for key in set(before) ^ set(after)})


@pytest.mark.parametrize("change", [{"state": "destroyed"}, {"azure_state": "deleted"}])
def test_a_key_that_turned_deleted_has_vanished(change: dict[str, str]) -> None:
    after = replace(KEY, **change)

    assert compare([KEY], [after]) == KeyChanges(new=(), updated=(), vanished=(after,))


@pytest.mark.parametrize("change", [{"enabled": False}, {"azure_version": "0" * 32}, {"name": "other"}])
def test_a_key_of_which_something_else_changed_is_updated(change: dict[str, Any]) -> None:
    after = replace(KEY, **change)

    assert compare([KEY], [after]) == KeyChanges(new=(), updated=(after,), vanished=())


def test_changes_are_sorted_by_name() -> None:
    keys = [replace(KEY, kid=kid, name=name) for kid, name in (("1", "b"), ("2", "a"), ("3", "c"))]

    assert [key.name for key in compare([], keys).new] == ["a", "b", "c"]


# --- Listing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pages", [True, False])
@pytest.mark.parametrize("count", [0, 999, 1000, 1001, 2000])
def test_all_keys_are_listed_once_each(count: int, pages: bool) -> None:
    stored = [stored_key(kid=f"{number:08}") for number in range(count)]

    def answer(method: str, route: str, *, query: dict[str, Any], **details: Any) -> Any:
        return stored[query["offset"] : query["offset"] + query["limit"]] if pages else stored

    assert [key.kid for key in list_keys(FakeDsm(answer), GROUP_ID, "g")] == [key["kid"] for key in stored]


def test_deleted_and_destroyed_keys_are_asked_for() -> None:
    asked: dict[str, Any] = {}

    def answer(method: str, route: str, *, query: dict[str, Any], **details: Any) -> Any:
        asked.update(query)
        return {"items": [], "metadata": {}}

    list(list_keys(FakeDsm(answer), GROUP_ID, "g"))

    assert {"group_id": GROUP_ID, "show_destroyed": "true", "show_deleted": "true"}.items() <= asked.items()
