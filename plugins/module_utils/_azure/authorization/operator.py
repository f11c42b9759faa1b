# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether the operator may do what a task needs, by what Azure says of its permissions. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from ..._errors import TaskError
from ..rights.evaluation import grants
from ..rights.facts import RoleDefinition
from ..wire.session import Azure
from . import role_assignments


def refuse_lacking(azure: Azure, needed: Sequence[tuple[str, str]], *, obj: str, remedy: str) -> None:
    """Refuse before the first write what the operator may not do. ``needed``: actions and where.

    Raises:
        TaskError: names the actions and the scopes.
    """
    # What the operator may do there. Conditions on its roles do not show in this answer.
    allowed = {
        scope: role_assignments.callers_permissions(azure.arm, scope) for scope in {at for _action, at in needed}
    }
    lacking = [
        (action, scope)
        for action, scope in needed
        if not grants(RoleDefinition("", "", allowed[scope]), action, data=False)
    ]
    if lacking:
        listed = "; ".join(f"{action} at {scope}" for action, scope in lacking)
        raise TaskError(
            f"the operator lacks rights for what has to be changed: {listed}",
            plane="Azure",
            obj=obj,
            next_step=remedy,
            unchanged=True,
            lacking=[{"action": action, "scope": scope} for action, scope in lacking],
        )
