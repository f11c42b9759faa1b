# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a security object, and what leads from one to another (DSM contract §4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...clock import Clock
from ...profiles import Profile
from ..errors import bad_request
from ..values import SecurityObject
from .requests import seconds_of

_REASONS = (
    *("Unspecified", "KeyCompromise", "CACompromise", "AffiliationChanged", "Superseded", "CessationOfOperation"),
    "PrivilegeWithdrawn",
)
_COMPROMISING = ("KeyCompromise", "CACompromise")
_FINAL = ("Deactivated", "Compromised", "Destroyed", "Deleted")


def settle(key: SecurityObject, now: float) -> SecurityObject:
    """Let the dates of an object have their effect: an object changes its state by itself when its time has come."""
    if key.state == "PreActive" and key.activation_date and seconds_of(key.activation_date) <= now:
        key.state = "Active"
    if key.state == "Active" and key.deactivation_date and seconds_of(key.deactivation_date) <= now:
        key.state = "Deactivated"
    return key


def require_modifiable(key: SecurityObject) -> None:
    if key.state in _FINAL:
        raise bad_request(f"sobject is {key.state} and cannot be modified")
    _require_not_deleted_in_azure(key)


def require_rotatable(key: SecurityObject, profile: Profile) -> None:
    """Whether a key can be rotated that is not active is not public."""
    inactive = ("Deactivated", "Compromised") if profile.rotates_inactive == "allowed" else ()
    if key.state not in ("Active", *inactive):
        raise bad_request(f"sobject is {key.state} and cannot be rotated")
    _require_not_deleted_in_azure(key)


def _require_not_deleted_in_azure(key: SecurityObject) -> None:
    if key.custom_metadata.get("azure-key-state") in ("deleted", "purged"):
        raise bad_request("sobject is deleted in Azure Key Vault and cannot be modified")


def require_active(key: SecurityObject) -> None:
    if key.state != "Active":
        raise bad_request(f"sobject is {key.state}")


def activate(key: SecurityObject, clock: Clock) -> None:
    if key.state != "PreActive":
        raise bad_request(f"sobject is {key.state} and cannot be activated")
    key.state, key.activation_date = "Active", clock.dsm_stamp()


def revoke(key: SecurityObject, reason: Mapping[str, Any], clock: Clock) -> None:
    """To Compromised or to Deactivated, as the reason is; neither can be undone."""
    code = reason.get("code")
    if code not in _REASONS:
        raise bad_request("code is not a reason of revocation")
    allowed = ("PreActive", "Active", "Deactivated") if code in _COMPROMISING else ("PreActive", "Active")
    if key.state not in allowed:
        raise bad_request(f"sobject is {key.state} and cannot be revoked")
    key.revocation_reason = {
        name: reason[name] for name in ("code", "message", "compromise_occurance_date") if reason.get(name) is not None
    }
    if code in _COMPROMISING:
        key.state, key.compromise_date = "Compromised", clock.dsm_stamp()
    else:
        key.state, key.deactivation_date = "Deactivated", clock.dsm_stamp()


def destroy(key: SecurityObject, clock: Clock) -> None:
    """What is destroyed keeps its metadata. From which states that is possible is not public; from all others here."""
    if key.state in ("Destroyed", "Deleted"):
        raise bad_request(f"sobject is {key.state} already")
    key.state, key.destruction_date = "Destroyed", clock.dsm_stamp()
