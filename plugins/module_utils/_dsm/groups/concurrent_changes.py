# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Somebody else changes the same group at the same time: found before the write, or after it. No I/O.

DSM has no conditional write: no ETag, no revision (DSM contract §0, §2.4). So the group is read again immediately
before it is written, and once more after that. What remains is a change of the same part that DSM carries out between
the second reading and our write, a time of one round trip: ours replaces it, and nothing that DSM shows tells of it. A
mark of our own in the group's metadata would be replaced in the same way, hence there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._errors import TaskError
from ..._plan import difference
from ..wire.errors import NotDone
from .stored_groups import CREDENTIAL_FACT, Group

_AGAIN = "run the task again, which goes by what is there now"
# Member of a request's body -> the part of a view that it replaces.
_PARTS = {"name": "name", "description": "description", "custom_metadata": "custom_metadata", "mod_hmg": "link"}


def lost(
    problem: str, label: str, next_step: str = _AGAIN, *, kind: type[TaskError] = TaskError, **details: Any
) -> TaskError:
    """A failure that a repetition of the task may mend: ``failure.retryable`` is true in its result.

    ``kind``: :class:`NotDone` where it is certain that the task has written nothing.
    """
    return kind(problem, plane="DSM", obj=label, next_step=next_step, retryable=True, **details)


def refuse_if_changed(before: Group, now: Group, body: Mapping[str, Any]) -> None:
    """Refuse a write that would undo what somebody else has done since the plan was made.

    A change of parts that the write leaves alone is no matter: DSM leaves an omitted field as it is.

    Raises:
        TaskError: a part that is to be written is not what it was.
    """
    found = [name for name in _changed(before, now) if _is_written(name, body)]
    replaced = "mod_hmg" in body and now.azure_link.hmg_id != before.azure_link.hmg_id
    if found or replaced:
        raise lost(
            f"somebody else has changed it since this task has read it: {', '.join(found) or 'the link'}; it was left "
            "as it is",
            before.label,
            kind=NotDone,
            changed_meanwhile=found,
        )


def is_done(wanted: Group, now: Group, body: Mapping[str, Any], credential_fact: str | None) -> bool:
    """Whether somebody else has made the very same change. Without a record of the credential that cannot be told."""
    if "mod_hmg" in body and (credential_fact is None or now.custom_metadata.get(CREDENTIAL_FACT) != credential_fact):
        return False
    return not any(_is_written(name, body) for name in _changed(wanted, now))


def refuse_if_other(wanted: Group, now: Group, credential_fact: str | None) -> None:
    """Refuse a group that somebody else has created under the wanted name, unless it is the very same.

    Raises:
        TaskError: it is not.
    """
    before, after = difference(wanted.view(), now.view())
    if not after and now.custom_metadata.get(CREDENTIAL_FACT) == credential_fact:
        return
    raise lost(
        f"somebody else has created a group of this name at the same time, with another "
        f"{', '.join(after) or 'credential'}; it was left as it is",
        f"{now.label} ({now.group_id})",
        "run the task again, which then edits that group; or choose another name, if it is meant to be another group",
        kind=NotDone,
        wanted={name: before[name] for name in after},
        found=after,
    )


def verify(wanted: Group, actual: Group, body: Mapping[str, Any]) -> list[str]:
    """Compare what was written with what is there; the parts that somebody else has changed besides.

    Raises:
        TaskError: a part that was written is not what was written.
    """
    before, after = difference(wanted.view(), actual.view())
    if actual.link is not None and actual.link.auth_mode is None:
        after.pop("link.auth_mode", None)
    written, found = (
        (body.get("custom_metadata") or {}).get(CREDENTIAL_FACT),
        actual.custom_metadata.get(CREDENTIAL_FACT),
    )
    if None not in (written, found) and written != found:
        raise lost("DSM accepted the write, and now another credential is on record than was written", wanted.label)
    ours = {
        name: value
        for name, value in after.items()
        if ("add_hmg" in body or _is_written(name, body)) and not _was_added(name, before)
    }
    if ours:
        raise lost(
            f"DSM accepted the write, but holds something else in: {', '.join(ours)}",
            wanted.label,
            "run the task again; if that does not help, somebody else or DSM itself changes these fields",
            wanted={name: before[name] for name in ours},
            found=ours,
        )
    return sorted(after)


def _changed(before: Group, now: Group) -> list[str]:
    """Dotted names of what differs. The record of the credential belongs to the link, and is named as such."""
    _before, after = difference(before.view(), now.view())
    return [
        *after,
        *(f"link.{name}" for name in _changed_foreign(before, now)),
        *(["link.credential"] if before.recorded != now.recorded else []),
    ]


def _changed_foreign(before: Group, now: Group) -> list[str]:
    """Members of the link that this collection does not know. A link is replaced whole, so that they are sent again."""
    was, is_now = (one.link.foreign if one.link is not None else {} for one in (before, now))
    return sorted(name for name in {*was, *is_now} if was.get(name) != is_now.get(name))


def _was_added(name: str, before: Mapping[str, Any]) -> bool:
    """Whether it is an entry of the metadata that somebody else has added, which takes nothing away."""
    return name.startswith("custom_metadata.") and before.get(name) is None


def _is_written(name: str, body: Mapping[str, Any]) -> bool:
    if name == "link.credential":
        # Its record is in the metadata, which a request replaces whole.
        return "mod_hmg" in body or "custom_metadata" in body
    return any(member in body and name.split(".")[0] == part for member, part in _PARTS.items())
