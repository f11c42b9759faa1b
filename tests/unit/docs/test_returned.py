# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RETURN documents every key at every level, in one form, and the comparison with real results sees deviations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from support import returned
from support.returned import ALWAYS, CONDITION, FREE, deviations, documentation, keys_of

GROUP = {
    "group_id": None,
    "name": "akv",
    "description": "",
    "custom_metadata": {"team": "blue"},
    "external_kms": None,
    "exists": False,
    "planned": True,
    "link": None,
}
CHANGE = {"plane": "DSM", "object": "", "action": "create", "before": {}, "after": {"name": "akv"}, "reason": ""}
RESULT = {"changed": True, "group": GROUP, "plan": [CHANGE], "pending": False, "approval": None, "diff": {}}

each_module = pytest.mark.parametrize("module", returned.MODULES)


def values(documented: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every documented key with its place, that of references left out."""
    for name, stated in documented.items():
        yield place + name, stated
        yield from values(stated.get("contains") or {}, f"{place}{name}.")


@each_module
def test_the_keys_of_every_dictionary_are_documented(module: str) -> None:
    undocumented = [
        place
        for place, stated in values(documentation(module))
        if "dict" in (stated["type"], stated.get("elements"))
        and place.rpartition(".")[2] not in FREE
        and keys_of(module, stated) is None
    ]

    assert undocumented == []


@each_module
def test_the_elements_of_every_list_have_a_type(module: str) -> None:
    lists = [(place, stated) for place, stated in values(documentation(module)) if stated["type"] == "list"]

    assert [place for place, stated in lists if "elements" not in stated] == []


@each_module
def test_what_is_returned_always_or_on_a_condition_is_said_in_one_form(module: str) -> None:
    stated = {place: one["returned"] for place, one in values(documentation(module)) if "returned" in one}

    wrong = {place: said for place, said in stated.items() if said not in ALWAYS and not CONDITION.fullmatch(said)}
    assert wrong == {}


@each_module
def test_no_key_is_of_any_type(module: str) -> None:
    of_any_type = [place for place, stated in values(documentation(module)) if stated["type"] == "raw"]

    # A number, or that it is unknown.
    assert set(of_any_type) <= {"groups.key_count"}


@each_module
def test_every_sample_is_a_value_of_its_key(module: str) -> None:
    wrong = [
        deviation
        for place, stated in values(documentation(module))
        if "sample" in stated
        for deviation in returned.of_value(module, place, stated, stated["sample"])
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("change", "deviation"),
    [
        ({}, []),
        ({"more": 1}, ["cdc_group.more is not documented"]),
        ({"pending": None}, ["cdc_group.pending is null, and its description has no V(null)"]),
        ({"pending": "no"}, ["cdc_group.pending is documented as bool, and is 'no'"]),
        ({"group": {**GROUP, "name": True}}, ["cdc_group.group.name is documented as str, and is True"]),
        ({"group": {**GROUP, "kind": "azure"}}, ["cdc_group.group.kind is not documented"]),
        (
            {"group": {name: value for name, value in GROUP.items() if name != "link"}},
            ["cdc_group.group.link is missing, and documented as always returned"],
        ),
        ({"plan": [{**CHANGE, "when": 1}, CHANGE]}, ["cdc_group.plan[].when is not documented"]),
        ({"plan": [None]}, ["cdc_group.plan[] is documented as dict, and is None"]),
    ],
)
def test_a_deviation_is_found_at_every_level(change: Mapping[str, Any], deviation: list[str]) -> None:
    assert deviations("cdc_group", {**RESULT, **change}) == deviation


def test_a_result_is_compared_through_a_reference_to_another_module() -> None:
    result = {"group": {**GROUP, "kind": "azure"}, "plan": [], "pending": False, "approval": None}

    assert deviations("cdc_tls", result) == ["cdc_tls.group.kind is not documented"]


def test_a_success_lacks_no_key_and_a_failure_may() -> None:
    missing = deviations("cdc_tls", {})

    assert missing == [
        f"cdc_tls.{name} is missing, and documented as always returned" for name in documentation("cdc_tls")
    ]
    assert deviations("cdc_tls", {}, failed=True) == []
