# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A few combinations that have each setting of a server's profile: for every day, where the complete matrix is long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

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
