# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""How names, IDs and tags are compared that ignore letter case. Pure.

Azure ignores it in names of resources, resource groups, locations, SKUs and roles, in resource IDs and in names of
tags, and may return another spelling than it was given. It does not ignore it in values of tags. Sources, on
learn.microsoft.com: "Naming rules and restrictions for Azure resources" and "Use tags to organize your Azure resources
and management hierarchy". For object IDs, client IDs and permissions of access policies, see the Azure contract §1.3;
for IDs of role definitions, Azure contract §1.7. UUIDs and host names ignore it everywhere; names of groups in DSM do
not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ._errors import InvalidInput

# Names and IDs --------------------------------------------------------------------------------------------------------


def name_key(name: object) -> str:
    """What two spellings of one name, UUID or host name have in common; empty for None."""
    return "" if name is None else str(name).lower()


def same_name(one: object, other: object) -> bool:
    """Whether both are one name, UUID or host name. None is the same as nothing."""
    return one is not None and other is not None and name_key(one) == name_key(other)


def location_key(location: object) -> str:
    """The same for locations: `West Europe` is the display name of `westeurope`."""
    return name_key(location).replace(" ", "")


def repeated(names: Iterable[object]) -> list[str]:
    """The names that are given more than once, as they are spelled first."""
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(name_key(name), []).append(str(name))
    return [spelled[0] for spelled in spellings.values() if len(spelled) > 1]


# Paths ----------------------------------------------------------------------------------------------------------------


def path_key(path: object) -> str:
    """What two spellings of one resource ID, scope or address of a vault have in common.

    Slashes at its ends and blanks around it do not count.
    """
    return name_key(path).strip().strip("/")


def same_path(one: object, other: object) -> bool:
    """Whether both are one resource ID, scope or address of a vault. None is the same as nothing."""
    return one is not None and other is not None and path_key(one) == path_key(other)


def is_within(path: object, scope: object) -> bool:
    """Whether a resource ID or scope is this scope, or below it. Everything is below the scope `/`."""
    inner, outer = path_key(path), path_key(scope)
    return not outer or inner == outer or inner.startswith(f"{outer}/")


def last_segment(path: object) -> str:
    """The last segment of a resource ID in lower case: the GUID of a role definition or of an assignment.

    IDs of role definitions are compared by it, as what stands before may name a subscription or none (Azure
    contract §1.7).
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
            f'it has the tag "{twice[0]}" twice: Azure ignores letter case in names of tags',
            "remove one of them",
        )
    return {str(name): str(value) for name, value in tags.items()}


def tag_keys(tags: Mapping[str, Any]) -> dict[str, Any]:
    """The tags by what the spellings of a name have in common, to compare them."""
    return {name_key(name): value for name, value in tags.items()}


def has_tags(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all wanted tags are among these, with these values."""
    return tag_keys(wanted).items() <= tag_keys(tags).items()


def merged_tags(stored: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The stored tags with the wanted ones in them. A name that is stored keeps its spelling."""
    values, known = tag_keys(wanted), tag_keys(stored)
    kept = {name: values.get(name_key(name), value) for name, value in stored.items()}
    return {**kept, **{name: value for name, value in wanted.items() if name_key(name) not in known}}
