# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, IDs and tags that Azure spells in another letter case are the same ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._names import (
    checked_tags,
    has_tags,
    is_within,
    last_segment,
    location_key,
    merged_tags,
    name_key,
    path_key,
    repeated,
    same_name,
    same_path,
)
from unit.azure.builders import RESOURCE_GROUP, SUBSCRIPTION, VAULT_ID

some_tags = st.dictionaries(st.sampled_from(["env", "Env", "ENV", "team", "Team"]), st.sampled_from(["a", "A"]))
tags_once = st.dictionaries(st.sampled_from(["env", "Env", "ENV", "team", "Team"]), st.sampled_from(["a", "A"])).filter(
    lambda tags: not repeated(tags)
)


# Names and IDs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("KV-One", "kv-one", True),
        ("kv-one", "kv-two", False),
        ("kv-one", None, False),
        (None, None, False),
        ("", "", True),
        ("straße", "STRASSE", False),
    ],
)
def test_a_name_is_the_same_in_any_letter_case(one: str | None, other: str | None, same: bool) -> None:
    pairs = ((one, other), (other, one))

    assert [same_name(*pair) for pair in pairs] == [same, same]


def test_no_name_has_an_empty_key() -> None:
    assert name_key(None) == ""


def test_a_location_has_a_display_name() -> None:
    assert location_key("West Europe") == location_key("westeurope")


def test_what_is_repeated_is_told_once_as_it_is_spelled_first() -> None:
    assert repeated(["Env", "team", "env", "ENV", "Team", "other"]) == ["Env", "team"]


# Paths ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [VAULT_ID.upper(), f"{VAULT_ID}/", f" {VAULT_ID} ", VAULT_ID.lstrip("/")])
def test_a_resource_id_is_the_same_in_any_spelling(other: str) -> None:
    assert same_path(VAULT_ID, other)
    assert path_key(VAULT_ID) == path_key(other)


def test_an_address_of_a_vault_is_the_same_with_a_slash() -> None:
    assert same_path("https://KV-One.vault.azure.net", "https://kv-one.vault.azure.net/")


@pytest.mark.parametrize(
    ("path", "scope", "within"),
    [
        (VAULT_ID, VAULT_ID.upper(), True),
        (VAULT_ID.upper(), f"{RESOURCE_GROUP}/", True),
        (VAULT_ID, SUBSCRIPTION.upper(), True),
        (VAULT_ID, "/", True),
        ("/keys", "/", True),
        (RESOURCE_GROUP, VAULT_ID, False),
        (f"{VAULT_ID}-two", VAULT_ID, False),
    ],
)
def test_a_scope_covers_what_is_below_it(path: str, scope: str, within: bool) -> None:
    assert is_within(path, scope) is within


@pytest.mark.parametrize("path", [VAULT_ID.upper(), f"{VAULT_ID}/", "kv-one"])
def test_the_last_segment_is_in_lower_case(path: str) -> None:
    assert last_segment(path) == "kv-one"


# Tags -----------------------------------------------------------------------------------------------------------------


def test_tags_become_texts() -> None:
    assert checked_tags("tags", {"cost": 7, 1: True}) == {"cost": "7", "1": "True"}


def test_tags_that_azure_takes_for_one_are_refused() -> None:
    with pytest.raises(InvalidInput, match='Option tags: it contains the tag "Env" twice') as refused:
        checked_tags("tags", {"Env": "a", "env": "a"})

    assert refused.value.details["option"] == "tags"


@pytest.mark.parametrize(
    ("wanted", "has"),
    [({"env": "prod"}, True), ({"ENV": "prod", "team": "x"}, True), ({"env": "Prod"}, False), ({"other": "x"}, False)],
)
def test_names_of_tags_ignore_letter_case_and_values_do_not(wanted: dict[str, str], has: bool) -> None:
    assert has_tags({"Env": "prod", "Team": "x"}, wanted) is has


def test_a_stored_tag_keeps_its_spelling() -> None:
    assert merged_tags({"Env": "old", "cost": "1"}, {"env": "new", "stage": "2"}) == {
        "Env": "new",
        "cost": "1",
        "stage": "2",
    }


@given(some_tags, tags_once)
def test_merged_tags_have_the_wanted_ones_and_no_other_names(stored: dict[str, str], wanted: dict[str, str]) -> None:
    merged = merged_tags(stored, wanted)

    assert has_tags(merged, wanted)
    assert len(merged) == len(stored) + len({*map(name_key, wanted)} - {*map(name_key, stored)})
    assert merged_tags(merged, wanted) == merged
