# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Names what the user can set: in a role of this collection, its variables instead of the options of its tasks.

A remedy names an option of the module. Whoever runs a role, or a job template of AWX that runs it, does not see that
option, but the role's variable for it, which has the role's name as a prefix.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

_NEXT = " Next: "
# Only a name with an underscore cannot be a word of the sentence.
_OPTION = re.compile(r"(?<![\w./$`{-])[a-z]+(?:_[a-z]+)+(?![\w/(-])")


@cache
def variables_of(role_path: str) -> frozenset[str]:
    """The variables that a role documents."""
    file = Path(role_path, "meta", "argument_specs.yml")
    try:
        found = yaml_load(file.read_text(encoding="utf-8"))
        specs = found["argument_specs"].values()
        return frozenset(name for spec in specs for name in spec.get("options") or {})
    except (OSError, LookupError, TypeError, AttributeError):
        return frozenset()


def renamed(
    result: Mapping[str, Any], role: str, variables: Collection[str], options: Collection[str]
) -> dict[str, Any]:
    """A failed result whose next step names the role's variables.

    Args:
        role: The name of the role, without its collection.
        variables: Those of the role.
        options: Those of the module that its task runs.
    """
    failure, message = result.get("failure"), result.get("msg")
    if not result.get("failed") or not isinstance(failure, Mapping) or not isinstance(message, str):
        return dict(result)
    step = failure.get("next_step")
    if not isinstance(step, str):
        return dict(result)

    def variable(found: re.Match[str]) -> str:
        name = f"{role}_{found[0]}"
        return name if found[0] in options and name in variables else found[0]

    told = _OPTION.sub(variable, step)
    cause, mark, rest = message.rpartition(_NEXT)
    if not mark or told == step:
        return dict(result)
    return {**result, "msg": cause + mark + _OPTION.sub(variable, rest), "failure": {**failure, "next_step": told}}
