# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Management locks, which forbid changes at a scope and below regardless of roles. They are read, never changed.

`CanNotDelete` forbids deletions, those of role assignments included; `ReadOnly` forbids every write of Resource
Manager. Locks do not cover the local roles of a Managed HSM. Source: learn.microsoft.com, "Lock your resources to
protect your infrastructure".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..._errors import TaskError
from ..._names import is_within, last_segment, name_key, path_key, same_name
from ..wire.channel import Channel
from ..wire.meanings import SCOPE_LOCKED
from ..wire.optional_reads import Unread, optional
from .role_assignments import PROVIDER

API = {"api-version": "2020-05-01"}
READ_ONLY, CAN_NOT_DELETE = "ReadOnly", "CanNotDelete"

# An action of Azure's roles, and the scope where it is carried out.
Action = tuple[str, str]


@dataclass(frozen=True)
class Lock:
    """``level``: `CanNotDelete` or `ReadOnly`, as Azure spells it. ``scope``: the resource ID that it applies to."""

    name: str
    level: str
    scope: str
    notes: str = ""

    @property
    def label(self) -> str:
        return f'lock "{self.name}" ({self.level}) at {self.scope}'

    def record(self) -> dict[str, str]:
        return {"name": self.name, "level": self.level, "scope": self.scope, "notes": self.notes}

    def forbids(self, action: Action) -> bool:
        name, scope = action
        deletes = last_segment(name) == "delete"
        forbids = same_name(self.level, READ_ONLY) or (same_name(self.level, CAN_NOT_DELETE) and deletes)
        return forbids and is_within(scope, self.scope)


@dataclass(frozen=True)
class Locks:
    """The locks at some scopes and above them. ``unread``: why they are unknown; None if they are known."""

    found: tuple[Lock, ...] = ()
    unread: Unread | None = None
    scope: str = ""

    def record(self) -> list[dict[str, str]] | None:
        """As results show them; None if they cannot be read."""
        return None if self.unread is not None else [lock.record() for lock in self.found]

    def forbidden(self, needed: Iterable[Action]) -> list[tuple[Action, Lock]]:
        """Each action that a lock forbids, with the first lock that does."""
        pairs = ((action, next((lock for lock in self.found if lock.forbids(action)), None)) for action in needed)
        return [(action, lock) for action, lock in pairs if lock is not None]

    @property
    def warning(self) -> str | None:
        """The warning for the user if the locks are unknown; None otherwise."""
        if self.unread is None:
            return None
        problem = (
            f"It is unknown whether a lock forbids the changes at {self.scope}, because the locks cannot be read "
            f"({self.unread.why}). "
        )
        if self.unread.refused:
            return (
                f"{problem}Grant the operator Microsoft.Authorization/locks/read, so that locks are checked before the "
                "first write."
            )
        return f"{problem}Azure enforces them all the same."


NONE_READ = Locks()


def in_the_way_of(arm: Channel, needed: Sequence[Action]) -> Locks:
    """The locks at the scopes of these actions and above them: one request for nested scopes."""
    scopes = {path_key(scope): scope for _action, scope in needed}
    deepest = sorted(
        scope for key, scope in scopes.items() if not any(key != other and is_within(other, key) for other in scopes)
    )
    found: dict[tuple[str, str], Lock] = {}
    for scope in deepest:
        listed = optional(partial(_at, arm, scope))
        if isinstance(listed, Unread):
            # Azure itself enforces locks that could not be read, so the task can continue.
            return Locks(unread=listed, scope=scope)
        found |= {(path_key(lock.scope), name_key(lock.name)): lock for lock in listed}
    return Locks(tuple(found.values()))


def refuse_forbidden(locks: Locks, needed: Iterable[Action], *, obj: str) -> None:
    """Fail before the first write if a lock forbids a change.

    Raises:
        TaskError: names the locks, and what each forbids.
    """
    forbidden = locks.forbidden(needed)
    if forbidden:
        raise forbidden_by(forbidden, obj=obj)


def forbidden_by(forbidden: Sequence[tuple[Action, Lock]], *, obj: str, told: str = "") -> TaskError:
    """The failure for these actions and their locks.

    ``told``: a sentence about what the task has done; without it, the failure occurs before the first write.
    """
    return TaskError(
        f"locks forbid the required changes: {in_words(forbidden)}",
        plane="Azure",
        obj=obj,
        next_step="have the owners of the locks remove them for the duration of the change (`az lock list`, "
        f"`az lock delete`), and run the task again{f'. {told}' if told else ''}",
        unchanged=not told,
        code=SCOPE_LOCKED,
        locks=records(forbidden),
    )


def in_words(forbidden: Sequence[tuple[Action, Lock]]) -> str:
    """Which lock forbids which action, and where."""
    return "; ".join(f"{lock.label} forbids {action} at {scope}" for (action, scope), lock in forbidden)


def records(forbidden: Sequence[tuple[Action, Lock]]) -> list[dict[str, str]]:
    """The locks concerned, each once."""
    return [lock.record() for lock in dict.fromkeys(lock for _action, lock in forbidden)]


def _at(arm: Channel, scope: str) -> list[Lock]:
    path = f"{scope}/{PROVIDER}/locks"
    query = {**API, "$filter": "atScope()"}
    return [_lock(entry) for entry in arm.pages(path, obj=f"locks at {scope}", query=query)]


def _lock(entry: Mapping[str, Any]) -> Lock:
    identifier = str(entry.get("id") or "")
    # The scope is what stands before the last provider in the ID.
    scope = identifier[: name_key(identifier).rfind(name_key(f"/{PROVIDER}/locks/"))] if identifier else ""
    properties = entry.get("properties") or {}
    return Lock(
        str(entry.get("name") or ""), str(properties.get("level") or ""), scope, str(properties.get("notes") or "")
    )
