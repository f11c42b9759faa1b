# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The failure of a write after which a side does not have what was requested."""

from __future__ import annotations

from .._errors import TaskError
from .._keys.key_decisions import Decision, SeenKey
from .observed_key import ObservedKey
from .report import Report


def unlike(key: ObservedKey, report: Report, written: Decision, seen: SeenKey, left: Decision) -> TaskError:
    """The failure, with what differs.

    Args:
        written: what was decided before the write.
        seen: what was read after it.
        left: what is still to be done.
    """
    values = left.changes.values
    accepted = "new key" if written.action == "create" else "change"
    return TaskError(
        f"{'Azure' if _is_of_azure(report, left) else 'DSM'} accepted the {accepted}, but {_remainder(left)}",
        plane="Azure" if seen.with_azure else "DSM",
        obj=key.label,
        next_step=left.next_step or _kept_entries(left) or _again(report, left),
        key=key.shown(seen.key),
        differs={name: {"found": found, "requested": wanted} for name, (found, wanted) in values.items()},
    )


def _is_of_azure(report: Report, left: Decision) -> bool:
    """Whether the operator has written to the vault what differs there now."""
    return left.is_left_in_azure and any(one.plane == "Azure" for one in report.plan)


def _remainder(left: Decision) -> str:
    """What a write has not reached, for a message."""
    if left.action != "update":
        return left.reason or "the key was not found afterwards"
    return "; ".join(f"{name} is {found}, and not {wanted}" for name, (found, wanted) in left.changes.values.items())


def _kept_entries(left: Decision) -> str:
    """The remedy for entries of the metadata that DSM has kept in spite of the change (DSM contract §7, Q58)."""
    found, wanted = left.changes.values.get("metadata", ({}, {}))
    kept = sorted(found.keys() - wanted.keys())
    if not kept:
        return ""
    return (
        f"remove {', '.join(kept)} in DSM, or list them in metadata: this DSM keeps the entries that a change does not "
        "name"
    )


def _again(report: Report, left: Decision) -> str:
    whose = "find out who changes the key" if _is_of_azure(report, left) else "DSM does not store this as requested"
    again = f"run the task again; if the difference remains, {whose}, or omit the option"
    if report.approval is None or report.approval.status != "approved":
        return again
    return (
        "run the task again, which files a new request, if somebody has changed the key since the approval; otherwise "
        f"{whose}, or omit the option"
    )
