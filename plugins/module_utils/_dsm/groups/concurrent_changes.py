# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Concurrent changes of a group by somebody else: detected before the write or after it. No I/O.

DSM has no conditional writes: no ETag, no revision (DSM contract §0, §2.4). The group is therefore read again
immediately before it is written, and once more afterwards. One window of one round trip remains: if DSM carries out
another change of the same part between the second read and this write, the write replaces it and nothing shows that. A
mark in the group's metadata would be replaced as well, so there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._errors import TaskError
from ..._plan import difference
from ..wire.errors import NotDone
from .stored_groups import CREDENTIAL_FACT, Group

_AGAIN = "run the task again; it uses the current state"
# Member of a request's body -> the part of a view that it replaces.
_PARTS = {"name": "name", "description": "description", "custom_metadata": "custom_metadata", "mod_hmg": "link"}


def lost(
    problem: str, label: str, next_step: str = _AGAIN, *, kind: type[TaskError] = TaskError, **details: Any
) -> TaskError:
    """A failure that running the task again may resolve: ``failure.retryable`` is true in its result.

    ``kind``: :class:`NotDone` if the task has certainly written nothing.
    """
    return kind(problem, plane="DSM", obj=label, next_step=next_step, retryable=True, **details)


def refuse_if_changed(before: Group, now: Group, body: Mapping[str, Any]) -> None:
    """Refuse a write that would undo a change that somebody else has made since the group was read.

    Changes of other parts do not matter: DSM does not change omitted fields.

    Raises:
        TaskError: a part that the task would write has changed.
    """
    found = [name for name in _changed(before, now) if _is_written(name, body)]
    replaced = "mod_hmg" in body and now.azure_link.hmg_id != before.azure_link.hmg_id
    if found or replaced:
        raise lost(
            f"somebody else changed this group after this task read it: {', '.join(found) or 'the link'}; this task "
            "did not change it",
            before.label,
            kind=NotDone,
            changed_meanwhile=found,
        )


def is_done(wanted: Group, now: Group, body: Mapping[str, Any], credential_fact: str | None) -> bool:
    """Whether somebody else has made exactly the same change. Unknown, so false, without a record of the credential."""
    if "mod_hmg" in body and (credential_fact is None or now.custom_metadata.get(CREDENTIAL_FACT) != credential_fact):
        return False
    return not any(_is_written(name, body) for name in _changed(wanted, now))


def refuse_if_other(wanted: Group, now: Group, credential_fact: str | None) -> None:
    """Refuse a group that somebody else has created with the requested name, unless it is equal.

    Raises:
        TaskError: it is not equal.
    """
    before, after = difference(wanted.view(), now.view())
    if not after and now.custom_metadata.get(CREDENTIAL_FACT) == credential_fact:
        return
    raise lost(
        f"somebody else created a group with this name at the same time, with a different "
        f"{', '.join(after) or 'credential'}; this task did not change it",
        f"{now.label} ({now.group_id})",
        "run the task again to change that group, or choose another name if it is not the intended group",
        kind=NotDone,
        wanted={name: before[name] for name in after},
        found=after,
    )


def verify(wanted: Group, actual: Group, body: Mapping[str, Any]) -> list[str]:
    """Compare the group with what was written; the parts that somebody else has changed in addition.

    Raises:
        TaskError: a part differs from what was written.
    """
    before, after = difference(wanted.view(), actual.view())
    if actual.link is not None and actual.link.auth_mode is None:
        after.pop("link.auth_mode", None)
    written, found = (
        (body.get("custom_metadata") or {}).get(CREDENTIAL_FACT),
        actual.custom_metadata.get(CREDENTIAL_FACT),
    )
    if None not in (written, found) and written != found:
        raise lost("DSM accepted the write, but the group now has the record of another credential", wanted.label)
    ours = {
        name: value
        for name, value in after.items()
        if ("add_hmg" in body or _is_written(name, body)) and not _was_added(name, before)
    }
    if ours:
        raise lost(
            f"DSM accepted the write, but these fields have other values: {', '.join(ours)}",
            wanted.label,
            "run the task again; if that does not help, find out whether somebody else or DSM changes these fields",
            wanted={name: before[name] for name in ours},
            found=ours,
        )
    return sorted(after)


def _changed(before: Group, now: Group) -> list[str]:
    """The dotted names of the differences. The record of the credential belongs to the link and is named so."""
    _before, after = difference(before.view(), now.view())
    return [
        *after,
        *(f"link.{name}" for name in _changed_foreign(before, now)),
        *(["link.credential"] if before.recorded != now.recorded else []),
    ]


def _changed_foreign(before: Group, now: Group) -> list[str]:
    """Members of the link that this collection does not know. They are sent again, as DSM replaces all of them."""
    was, is_now = (one.link.foreign if one.link is not None else {} for one in (before, now))
    return sorted(name for name in {*was, *is_now} if was.get(name) != is_now.get(name))


def _was_added(name: str, before: Mapping[str, Any]) -> bool:
    """Whether it is a metadata entry that somebody else has added, so that nothing was lost."""
    return name.startswith("custom_metadata.") and before.get(name) is None


def _is_written(name: str, body: Mapping[str, Any]) -> bool:
    if name == "link.credential":
        # Its record is in the metadata, which a request replaces completely.
        return "mod_hmg" in body or "custom_metadata" in body
    return any(member in body and name.split(".")[0] == part for member, part in _PARTS.items())
