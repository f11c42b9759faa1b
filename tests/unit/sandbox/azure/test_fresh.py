# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that do not know an object yet: by object, by the way in which it is used, and for so many requests."""

from __future__ import annotations

from sandbox.azure.fresh import Fresh
from sandbox.profiles import Profile


def test_nothing_is_unknown_by_default() -> None:
    assert not Fresh(Profile).is_unknown("consent", "a")


def test_the_first_requests_miss_it_and_the_others_do_not() -> None:
    fresh = Fresh(Profile, misses=2)

    assert [fresh.is_unknown("consent", "a") for _number in range(4)] == [True, True, False, False]


def test_each_object_and_each_reference_is_missed_for_itself() -> None:
    fresh = Fresh(Profile, misses=1)

    first = [fresh.is_unknown("consent", "a"), fresh.is_unknown("consent", "b"), fresh.is_unknown("token", "a")]

    assert (first, fresh.is_unknown("consent", "A")) == ([True, True, True], False)


def test_other_references_are_left_alone() -> None:
    fresh = Fresh(Profile, misses=9, only=frozenset({"token"}))

    assert (fresh.is_unknown("token", "a"), fresh.is_unknown("consent", "a")) == (True, False)
