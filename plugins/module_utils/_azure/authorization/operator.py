# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Checks whether the operator has the permissions that a task needs. Read-only."""

from __future__ import annotations

from collections.abc import Sequence

from ..._errors import TaskError
from ..rights.evaluation import grants
from ..rights.facts import RoleDefinition
from ..wire.session import Azure
from . import role_assignments


def refuse_lacking(azure: Azure, needed: Sequence[tuple[str, str]], *, obj: str, remedy: str) -> None:
    """Fail before the first write if the operator lacks permissions. ``needed``: actions and scopes.

    Raises:
        TaskError: names the actions and the scopes.
    """
    # The response does not contain conditions on the operator's roles.
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
            f"the operator lacks permissions for the required changes: {listed}",
            plane="Azure",
            obj=obj,
            next_step=remedy,
            unchanged=True,
            lacking=[{"action": action, "scope": scope} for action, scope in lacking],
        )
