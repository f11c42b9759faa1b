# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans, and the difference of two views."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._plan import Change, Plan, difference

EMPTY = (None, "", [], {})
# Texts, numbers and lists of texts are all that records hold.
leaves = st.sampled_from([None, "", "a", "b", 0, 2, [], ["a"]])
views = st.dictionaries(
    st.sampled_from("xyz"),
    st.recursive(leaves, lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3), max_leaves=6),
    max_size=3,
)


def without_empties(view: dict[str, Any]) -> dict[str, Any]:
    pruned = {key: without_empties(value) if isinstance(value, dict) else value for key, value in view.items()}
    return {key: value for key, value in pruned.items() if value not in EMPTY}


@given(views, views)
def test_there_is_a_difference_exactly_when_the_views_differ_in_more_than_empties(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert (difference(before, after) == ({}, {})) == (without_empties(before) == without_empties(after))


@given(views, views)
def test_both_sides_of_a_difference_name_the_same_parts(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = difference(before, after)

    assert list(old) == list(new)


@given(views, views)
def test_a_difference_turns_round_with_its_views(before: dict[str, Any], after: dict[str, Any]) -> None:
    there, back = before, after
    assert difference(there, back) == difference(back, there)[::-1]


def test_a_difference_has_dotted_names() -> None:
    before = {"link": {"vault": {"uri": "https://one/", "type": "premium"}}}
    after = {"link": {"vault": {"uri": "https://two/", "type": "premium"}}}

    assert difference(before, after) == ({"link.vault.uri": "https://one/"}, {"link.vault.uri": "https://two/"})


def test_false_is_a_value_and_not_an_absence() -> None:
    assert difference({"validate_host": False}, {}) == ({"validate_host": False}, {"validate_host": None})


def test_a_plan_is_true_when_it_holds_a_change() -> None:
    assert (bool(Plan()), bool(Plan((Change("DSM", "group", "delete", {}, {}, "because"),)))) == (False, True)


def test_a_change_has_the_documented_keys() -> None:
    result = Plan((Change("DSM", "group", "delete", {"a": 1}, {}, "because"),)).as_result()

    assert result == [
        {"plane": "DSM", "object": "group", "action": "delete", "before": {"a": 1}, "after": {}, "reason": "because"}
    ]
