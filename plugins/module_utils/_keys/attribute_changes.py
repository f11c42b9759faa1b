# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Which requested attributes of a key differ, in DSM and in the vault. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._dsm.keys.key_records import DsmKey
from .._dsm.keys.rotation_policies import RotationPolicy
from .._timestamps import iso_or_none
from .attributes import ATTRIBUTES_OF_BOTH, ATTRIBUTES_OF_DSM, own_tags
from .desired_key import DesiredKey
from .key_terms import usual_operations
from .reconciliation import ReconciledKey


@dataclass(frozen=True)
class AttributeChanges:
    """Attributes that differ from what is requested, on at least one side.

    Attributes:
        values: attribute -> its value before and after. The value before is the vault's if that differs.
        in_dsm, in_azure: which of them differ there.
        unverified: requested attributes that the vault has too, and that were not read there.
    """

    values: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    in_dsm: tuple[str, ...] = ()
    in_azure: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()


def differs(names: Collection[str], where: str = "") -> str:
    """Why these attributes are to be changed. ``where``: on which side, if not on any."""
    return f"not as requested{where and ' '}{where}: {', '.join(names)}"


def changes_of(desired: DesiredKey, key: ReconciledKey, newest: DsmKey, *, with_azure: bool) -> AttributeChanges:
    """What differs of the current version. ``newest``: DSM's record. ``with_azure``: whether the vault was read."""
    stored, shown = _in_dsm(newest), _in_azure(key) if with_azure else {}
    values: dict[str, tuple[Any, Any]] = {}
    in_dsm, in_azure, unverified = [], [], []
    for name in (*ATTRIBUTES_OF_DSM, "tags"):
        wanted = _requested(desired, name, newest)
        if wanted is None:
            continue
        if name not in shown and name not in _OF_DSM_ALONE:
            unverified.append(name)
        differing = []
        if name in shown and shown[name] != wanted:
            in_azure.append(name)
            differing.append(shown[name])
        if name in stored and stored[name] != wanted:
            in_dsm.append(name)
            differing.append(stored[name])
        if differing:
            values[name] = _shown(differing[0]), _shown(wanted)
    return AttributeChanges(values, tuple(in_dsm), tuple(in_azure), tuple(unverified))


_OF_DSM_ALONE = set(ATTRIBUTES_OF_DSM).difference(ATTRIBUTES_OF_BOTH)


def _in_dsm(newest: DsmKey) -> dict[str, Any]:
    return {
        "enabled": newest.key.enabled,
        "operations": usual_operations(newest.operations),
        "expires": newest.expires,
        "not_before": newest.activates,
        "description": newest.description,
        "metadata": newest.own_metadata,
        "rotation_policy": newest.rotation_policy,
    }


def _in_azure(key: ReconciledKey) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if key.attributes is not None:
        found = {
            "enabled": key.attributes.enabled,
            "expires": key.attributes.expires,
            "not_before": key.attributes.not_before,
            "tags": own_tags(key.attributes.tags),
        }
    if key.current is not None and key.current.public is not None:
        found["operations"] = usual_operations(key.current.public.operations)
    return found


def _requested(desired: DesiredKey, name: str, newest: DsmKey) -> Any:
    wanted = getattr(desired, name)
    if name == "operations" and wanted is not None:
        return frozenset(wanted)
    return wanted.over(newest.rotation_policy) if isinstance(wanted, RotationPolicy) else wanted


def _shown(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, RotationPolicy):
        return value.view()
    return value if value is None or isinstance(value, (bool, str, dict)) else iso_or_none(value)
