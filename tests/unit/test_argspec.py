# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications that can be merged."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._argspec import ArgumentSpec

A = ArgumentSpec(argument_spec={"a": {"type": "str"}}, mutually_exclusive=(("a", "b"),))
B = ArgumentSpec(
    argument_spec={"b": {"type": "int"}},
    mutually_exclusive=(("b", "c"),),
    required_one_of=(("b",),),
    required_if=(("c", "d", ("b",)),),
)


def test_a_merge_has_the_options_and_the_rules_of_all() -> None:
    assert A.merge(B).as_module_arguments() == {
        "argument_spec": {"a": {"type": "str"}, "b": {"type": "int"}},
        "mutually_exclusive": (("a", "b"), ("b", "c")),
        "required_together": (),
        "required_one_of": (("b",),),
        "required_if": (("c", "d", ("b",)),),
    }


def test_a_merge_leaves_its_parts_alone() -> None:
    A.merge(B)

    assert set(A.argument_spec) == {"a"}


def test_an_option_that_is_defined_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="defined twice: a"):
        A.merge(B, A)
