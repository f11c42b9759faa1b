# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads the keys of a group, and the source keys of copies (DSM contract §4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..._names import same_name
from ..._rest.statuses import FORBIDDEN, NOT_FOUND
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import DsmError
from ..wire.paging import foreign
from . import virtual_keys
from .key_records import DsmKey, Sources

# As many sources are read one by one; for more, all keys of their group are listed.
_MOST_SINGLE = 5
# Of one chain of rotations, from the source of the oldest copy to the key that is used today.
_LONGEST_CHAIN = 50


def list_keys(dsm: DsmClient, group_id: str, label: str) -> list[DsmKey]:
    """All keys of the group, with deleted and destroyed ones and their public halves. One request for each 1,000."""
    return [DsmKey.from_stored(one) for one in virtual_keys.stored_keys(dsm, group_id, label, public_keys=True)]


def read_sources(dsm: DsmClient, keys: Iterable[DsmKey]) -> Sources:
    """The source keys of copies, and the keys that have replaced them.

    Raises:
        TaskError: DSM does not answer. A source that this identity cannot read is in ``unread``.
    """
    return read_chains(dsm, {key.copied_from for key in keys if key.copied_from is not None})


def read_chains(dsm: DsmClient, kids: Iterable[str], *known: DsmKey) -> Sources:
    """The keys with these IDs, and the keys that have replaced them.

    A source is usually in another group, which it names. So one source is read, and then all keys of its group if many
    others are still missing.

    Args:
        known: keys that were read before.

    Raises:
        TaskError: as :func:`read_sources`.
    """
    found = {one.key.kid: one for one in known}
    unread: set[str] = set()
    listed: set[str] = set()
    visited: set[str] = set()
    current = set(kids)
    for _step in range(_LONGEST_CHAIN):
        visited |= current
        for number, kid in enumerate(open_ones := sorted(current - found.keys())):
            if kid in found:
                continue
            one = read_one(dsm, {"kid": kid}, f"key {kid}")
            if one is None:
                unread.add(kid)
                continue
            found[kid] = one
            many = len(open_ones) - number > _MOST_SINGLE
            if many and one.group_id is not None and one.group_id not in listed:
                listed.add(one.group_id)
                found.update((each.key.kid, each) for each in list_keys(dsm, one.group_id, f"group {one.group_id}"))
        # What has replaced these; other keys of a group that was listed have chains of their own.
        later = {found[kid].replacement for kid in current & found.keys()}
        current = {kid for kid in later if kid is not None} - visited
        if not current:
            break
    return Sources(found, frozenset(unread | (current - found.keys())))


def read_one(dsm: DsmClient, which: Mapping[str, str], label: str) -> DsmKey | None:
    """A key, by ``kid`` or ``name``; None if this identity cannot see it. One request."""
    query = {"show_pub_key": "true", "show_destroyed": "true", "show_deleted": "true"}
    try:
        found = dsm.call("POST", routes.KEY_INFO, query=query, body=dict(which), obj=label)
    except DsmError as error:
        if error.status in (FORBIDDEN, NOT_FOUND):
            return None
        raise
    if not all(same_name(found.get(member), value) for member, value in which.items()):
        raise foreign("the response is about another key", label)
    return DsmKey.from_stored(found)
