# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Attributes of a key that only one side has: tags, and description, metadata and rotation policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._dsm.keys.custom_metadata import RESERVED_ENTRIES, is_reserved
from .._dsm.keys.rotation_policies import RotationPolicy
from .._errors import InvalidInput, quoted
from .._names import checked_tags, name_key
from .._timestamps import parse_iso_or_none

ATTRIBUTES_OF_BOTH = ("enabled", "operations", "expires", "not_before")
ATTRIBUTES_OF_DSM = (*ATTRIBUTES_OF_BOTH, "description", "metadata", "rotation_policy")
# Azure's limits ("About keys", section "Key tags", on learn.microsoft.com).
_MOST_TAGS, _LONGEST_TAG = 15, 256
# This collection marks a key with it whose material it has brought into a vault itself.
_RESERVED_TAG = "fortanix-dsm-source"


def own_tags(stored: Mapping[str, str]) -> dict[str, str]:
    """The tags of a version that are the user's."""
    return {name: value for name, value in stored.items() if name_key(name) != _RESERVED_TAG}


def reserved_tags(stored: Mapping[str, str]) -> dict[str, str]:
    """The others, which a change keeps."""
    return {name: value for name, value in stored.items() if name_key(name) == _RESERVED_TAG}


# Options --------------------------------------------------------------------------------------------------------------


def tags_of(given: Mapping[str, Any] | None) -> dict[str, str] | None:
    """The option ``tags``.

    Raises:
        InvalidInput: Azure would reject them.
    """
    if given is None:
        return None
    checked_tags("tags", given)
    tags = _texts("tags", given)
    for name, value in tags.items():
        if name_key(name) == _RESERVED_TAG:
            raise InvalidInput(f"tags.{name}", "this tag is reserved", "choose another name")
        if max(len(name), len(value)) > _LONGEST_TAG:
            raise InvalidInput(
                "tags",
                f"name or value of the tag {quoted(name)} has more than {_LONGEST_TAG} characters",
                "shorten it, which Azure would otherwise reject",
            )
    if len(tags) > _MOST_TAGS:
        raise InvalidInput("tags", f"it contains {len(tags)} tags", f"set at most {_MOST_TAGS}, which Azure accepts")
    return tags


def metadata_of(given: Mapping[str, Any] | None) -> dict[str, str] | None:
    """The option ``metadata``.

    Raises:
        InvalidInput: an entry is reserved, or is no text.
    """
    if given is None:
        return None
    metadata = _texts("metadata", given)
    for name in metadata:
        if is_reserved(name):
            raise InvalidInput(
                f"metadata.{name}",
                f"entries that begin with {' or '.join(RESERVED_ENTRIES)} are reserved",
                "choose another name",
            )
    return metadata


def rotation_policy_of(given: Mapping[str, Any] | None, now: datetime) -> RotationPolicy | None:
    """The option ``rotation_policy``. A first rotation in the past is none that is to come, and not requested.

    Raises:
        InvalidInput: the time is not valid.
    """
    if given is None:
        return None
    first = parse_iso_or_none(given["effective_at"])
    if given["effective_at"] is not None and first is None:
        raise InvalidInput(
            "rotation_policy.effective_at",
            f"{quoted(given['effective_at'])} is not a time",
            "set a time in ISO 8601, such as 2027-12-31T00:00:00Z",
        )
    first = None if first is None or first <= now else first.replace(microsecond=0)
    return RotationPolicy(given["interval_days"], given["interval_months"], first)


def _texts(option: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Names and values as texts; of a number or a boolean, as YAML writes it."""
    found: dict[str, str] = {}
    for name, value in given.items():
        if not str(name).strip():
            raise InvalidInput(option, "it contains an entry without a name", "give each entry a name")
        if not isinstance(value, (str, int, float)):
            raise InvalidInput(f"{option}.{name}", "it is not a text", "set a text, or remove the entry")
        found[str(name)] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
