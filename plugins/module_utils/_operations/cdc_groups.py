# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The complete setup of CDC groups, for a list of declarations (guide 4.1 to 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._argspec import ArgumentSpec
from .._declaration.check import wrong_in
from .._declaration.groups import DECLARATIONS
from .._errors import printable
from .._fleet import run as fleet
from .._options import APPROVAL, AZURE, DSM
from .._task import Task

SPEC = DSM.merge(
    AZURE,
    APPROVAL,
    ArgumentSpec(
        argument_spec={
            "groups": DECLARATIONS,
            "on_error": {"type": "str", "choices": ["stop", "continue"], "default": "stop"},
            "time_budget": {"type": "int", "default": 0},
            "concurrency": {"type": "int", "default": 4},
        },
    ),
)


_MOST_TOLD = 5


def explained(given: Mapping[str, Any], message: str) -> str:
    """Why arguments are refused: with index, group and option if the problem is in one of the groups."""
    declared, options = given.get("groups"), DECLARATIONS["options"]
    if not isinstance(declared, list):
        return message
    wrong = [
        f'{problem.rstrip(".")} (group "{printable(str(one.get("name", "")))}").'
        for index, one in enumerate(declared)
        if isinstance(one, Mapping)
        for problem in wrong_in(f"groups[{index}].", one, options)
    ]
    more = f" And {len(wrong) - _MOST_TOLD} more." if len(wrong) > _MOST_TOLD else ""
    return f"{' '.join(wrong[:_MOST_TOLD])}{more} Nothing was changed." if wrong else message


def run(task: Task) -> dict[str, Any]:
    return fleet.run(task)
