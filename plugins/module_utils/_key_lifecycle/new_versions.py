# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether a new key is a key of its own, and not a version of one that somebody else has created meanwhile."""

from __future__ import annotations

from dataclasses import replace

from .._errors import TaskError
from .._keys.key_decisions import Decision, SeenKey
from .observed_key import ObservedKey

VERSIONS = "versions"


def checked_versions(key: ObservedKey, seen: SeenKey, left: Decision) -> Decision:
    """Azure adds a version to a key of this name that somebody has created meanwhile.

    Raises:
        TaskError: the new key has older versions.
    """
    current, listed = None if seen.key is None else seen.key.current, key.read_versions(seen.key)
    ids = {one.id for one in listed or ()}
    # Of a list that lags, nothing is known; nor without one.
    if current is None or current.id not in ids:
        return replace(left, unverified=(*left.unverified, VERSIONS))
    older = sorted(ids - {current.id})
    if not older:
        return left
    raise TaskError(
        f"somebody else has created a key of this name in the vault at the same time: the new key is a version "
        f"of it ({current.id}), and the older versions are not from this task ({', '.join(older)})",
        plane="Azure",
        obj=key.label,
        next_step="find out who uses that key: whoever names no version now uses the new one, and can name an "
        "older version instead; then choose another name for the new key",
        key=key.shown(seen.key),
        older_versions=older,
    )
