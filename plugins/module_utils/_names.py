# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Compares names, IDs and tags that ignore letter case. Pure.

Azure ignores letter case in names of resources, resource groups, locations, SKUs and roles, in resource IDs and in
names of tags, and may return another spelling than it received. Values of tags are case-sensitive. Sources, on
learn.microsoft.com: "Naming rules and restrictions for Azure resources" and "Use tags to organize your Azure resources
and management hierarchy". For object IDs, client IDs and permissions of access policies, see the Azure contract §1.3;
for IDs of role definitions, Azure contract §1.7. UUIDs and host names ignore it everywhere; names of groups in DSM are
case-sensitive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ._errors import InvalidInput

# Names and IDs --------------------------------------------------------------------------------------------------------


def name_key(name: object) -> str:
    """The comparison key of a name, UUID or host name; empty for None."""
    return "" if name is None else str(name).lower()


def same_name(one: object, other: object) -> bool:
    """Whether both are the same name, UUID or host name. None equals nothing."""
    return one is not None and other is not None and name_key(one) == name_key(other)


def location_key(location: object) -> str:
    """The same for locations: `West Europe` is the display name of `westeurope`."""
    return name_key(location).replace(" ", "")


def repeated(names: Iterable[object]) -> list[str]:
    """The names that occur more than once, in their first spelling."""
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(name_key(name), []).append(str(name))
    return [spelled[0] for spelled in spellings.values() if len(spelled) > 1]


# Paths ----------------------------------------------------------------------------------------------------------------


def path_key(path: object) -> str:
    """The comparison key of a resource ID, scope or address of a vault.

    It ignores slashes and blanks at both ends.
    """
    return name_key(path).strip().strip("/")


def same_path(one: object, other: object) -> bool:
    """Whether both are the same resource ID, scope or address of a vault. None equals nothing."""
    return one is not None and other is not None and path_key(one) == path_key(other)


def is_within(path: object, scope: object) -> bool:
    """Whether a resource ID or scope is this scope, or below it. Everything is below the scope `/`."""
    inner, outer = path_key(path), path_key(scope)
    return not outer or inner == outer or inner.startswith(f"{outer}/")


def last_segment(path: object) -> str:
    """The last segment of a resource ID in lower case: the GUID of a role definition or of an assignment.

    IDs of role definitions are compared by it, as the rest may or may not contain a subscription (Azure contract
    §1.7).
    """
    return path_key(path).rpartition("/")[2]


# Tags -----------------------------------------------------------------------------------------------------------------


def checked_tags(option: str, tags: Mapping[Any, Any]) -> dict[str, str]:
    """The tags of an option as texts.

    Raises:
        InvalidInput: two names differ in letter case only. Azure would keep one of them.
    """
    twice = repeated(tags)
    if twice:
        raise InvalidInput(
            option,
            f'it contains the tag "{twice[0]}" twice: Azure ignores letter case in names of tags',
            "remove one of them",
        )
    return {str(name): str(value) for name, value in tags.items()}


def tag_keys(tags: Mapping[str, Any]) -> dict[str, Any]:
    """The tags with comparison keys as names."""
    return {name_key(name): value for name, value in tags.items()}


def has_tags(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether these tags include all wanted ones, with their values."""
    return tag_keys(wanted).items() <= tag_keys(tags).items()


def merged_tags(stored: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The stored tags, updated with the wanted ones. A stored name keeps its spelling."""
    values, known = tag_keys(wanted), tag_keys(stored)
    kept = {name: values.get(name_key(name), value) for name, value in stored.items()}
    return {**kept, **{name: value for name, value in wanted.items() if name_key(name) not in known}}
