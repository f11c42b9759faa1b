# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a matrix runs every day, where all of it is long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import pytest

Setting = tuple[str, Any]

# The old generation sets many of the others itself, so that it is only ever seen alone.
_ALONE = "generation"


def combined(
    settings: Iterable[Setting], fit: Callable[[set[Setting]], bool] = lambda _chosen: True
) -> list[dict[str, Any]]:
    """Each setting in one of the combinations, as many together as ``fit``."""
    rows: list[dict[str, Any]] = []
    for name, value in settings:
        for row in rows:
            together = {**row, name: value}
            if name not in row and _ALONE not in together and fit(set(together.items())):
                row[name] = value
                break
        else:
            rows.append({name: value})
    return rows


def thinned(values: Iterable[Any], *everyday: Any) -> list[Any]:
    """The values of a parameter, of which only some are for every day."""
    return [one if one in everyday else pytest.param(one, marks=pytest.mark.long) for one in values]


def diagonal(many: Sequence[Any], *few: Sequence[Any]) -> list[Any]:
    """All combinations, of which those are for every day that have each value once, or those of the shorter ones often.

    The first has the most values.
    """
    daily = [tuple(values[number % len(values)] for values in (many, *few)) for number in range(len(many))]
    return [
        pytest.param(*row, marks=() if any(row == one for one in daily) else pytest.mark.long)
        for row in product(many, *few)
    ]
