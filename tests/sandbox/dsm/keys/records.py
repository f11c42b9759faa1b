# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting new security objects into an account: names, members, and the records of keys in a vault."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ...custody.public_keys import in_dsms_terms
from ..azure_egress import as_expected
from ..context import Dsm
from ..errors import DsmError
from ..permissions import Principal
from ..state import Account
from ..values import SecurityObject
from .requests import KeyRequest, seconds_of
from .vault import identity_in

CREATED = 201
_LAST = "99991231T235959Z"
"""What a time of rotation is clamped at (API, `scheduled_rotation`)."""


def require_free(account: Account, name: str, besides: SecurityObject | None = None) -> None:
    """Names are unique in an account."""
    holder = account.keys.named(name)
    if holder is not None and holder is not besides:
        raise DsmError(409, "sobject already exists")


def scheduled(policy: Mapping[str, Any] | None, now: float) -> str | None:
    """The next time of a rotation policy."""
    if not policy:
        return None
    if policy.get("effective_at") and seconds_of(policy["effective_at"]) > now:
        return str(policy["effective_at"])
    then = datetime.fromtimestamp(now, UTC)
    try:
        if policy.get("interval_days"):
            then += timedelta(days=policy["interval_days"])
        else:
            months = then.month - 1 + int(policy["interval_months"])
            year, month = then.year + months // 12, months % 12 + 1
            then = then.replace(year=year, month=month, day=min(then.day, calendar.monthrange(year, month)[1]))
    except (OverflowError, ValueError):
        return _LAST
    return then.strftime("%Y%m%dT%H%M%SZ")


def first_state(wanted: KeyRequest, now: float) -> str:
    later = wanted.activation_date is not None and seconds_of(wanted.activation_date) > now
    return "PreActive" if later or wanted.state == "PreActive" else "Active"


def members_of(wanted: KeyRequest, now: float, operations: list[str]) -> dict[str, Any]:
    """The members of a new object that are as the request says, whatever its material is."""
    return {
        "state": first_state(wanted, now),
        "enabled": wanted.enabled is not False,
        "key_ops": operations,
        "original_key_ops": list(operations),
        "description": wanted.description,
        "activation_date": wanted.activation_date,
        "deactivation_date": wanted.deactivation_date,
        "rotation_policy": wanted.rotation_policy or None,
        "scheduled_rotation": scheduled(wanted.rotation_policy, now),
        "custom_metadata": dict(wanted.custom_metadata or {}),
    }


def record_version(
    dsm: Dsm,
    principal: Principal,
    group_id: str,
    name: str,
    bundle: Mapping[str, Any],
    members: Mapping[str, Any],
    replaced: SecurityObject | None = None,
) -> SecurityObject:
    """The virtual key of a version that Azure has just made. The name may have been taken in the meantime."""
    require_free(principal.account, name, replaced)
    with as_expected("vault"):
        label, version = identity_in(bundle)
        terms = in_dsms_terms(bundle["key"], ())
        hardware = str(bundle["key"]["kty"]).endswith("-HSM")
    metadata = dict(members["custom_metadata"]) | {"azure-key-name": label, "azure-key-state": "created"}
    if hardware:
        metadata["azure-key-type"] = "hardware"
    if replaced is not None and replaced.name == name:
        dsm.state.set_aside(replaced)
    made = dsm.state.add_virtual_key(
        group_id,
        label,
        version,
        name,
        **{**terms, **members, "custom_metadata": metadata},
        creator=principal.as_creator,
    )
    if replaced is not None:
        dsm.state.link_rotation(replaced, made)
    return made
