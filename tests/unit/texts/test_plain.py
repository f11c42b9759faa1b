# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a play as plain dictionaries and lists."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._texts.plain import readable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("payments", "payments"),
        ("Schlüssel 🔑", "Schlüssel 🔑"),
        ("half of \ud83d a pair", "half of \ufffd a pair"),
        ({"\ud83d": ["\ud83d", None, 1]}, {"\ufffd": ["\ufffd", None, 1]}),
    ],
)
def test_only_unpaired_surrogates_are_replaced(value: object, expected: object) -> None:
    assert readable(value) == expected


def test_many_records_share_their_names_and_values() -> None:
    """Given two records with the same members; then the texts are not copied, which would double a large result."""
    name, state = "".join(["sta", "te"]), "".join(["li", "ve"])

    first, second = readable([{name: state}, {name: state}])

    for one in (first, second):
        assert [(key is name, value is state) for key, value in one.items()] == [(True, True)]
