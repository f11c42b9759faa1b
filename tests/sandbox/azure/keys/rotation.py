# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure's own rotation: what a rotation policy may say, and the version that it makes (Azure contract §1.11).

Sources of the bounds: learn.microsoft.com, "Configure cryptographic key auto-rotation in Azure Key Vault" and
"Configure key autorotation in Azure Key Vault Managed HSM". The texts of the refusals are not public.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .bodies import refused
from .values import LifetimeAction, RotationPolicy

_DURATION = re.compile(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", re.IGNORECASE)
_DAYS = (365, 30, 7, 1)
_DEFAULT = LifetimeAction("Notify", before_expiry="P30D")
_LEAST_EXPIRY = 28


@dataclass(frozen=True)
class Rules:
    """What differs between vaults and managed HSMs."""

    notifies: bool
    least_days: int
    """Between two rotations."""
    needs_policy: bool
    """Whether only keys with a policy can be rotated (learn.microsoft.com, "Configure key autorotation")."""


def days_of(duration: object) -> int:
    """The days of an ISO 8601 duration without hours; a month counts thirty."""
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if found is None:
        raise refused(f"Invalid duration: {duration}")
    return sum(int(number or 0) * days for number, days in zip(found.groups(), _DAYS, strict=True))


def policy_of(body: Mapping[str, Any], rules: Rules, before: RotationPolicy | None, now: int) -> RotationPolicy | None:
    """The policy of a request; None where it removes that of a key of a managed HSM.

    A vault adds a notification; where there was a policy before, it keeps the date on which that was made.
    """
    attributes, entries = body.get("attributes") or {}, body.get("lifetimeActions") or []
    if not isinstance(attributes, dict) or not isinstance(entries, list):
        raise refused("A rotation policy has a list of lifetimeActions and an object of attributes.")
    expiry = attributes.get("expiryTime")
    if expiry is not None and days_of(expiry) < _LEAST_EXPIRY:
        raise refused(f"The expiryTime must be at least {_LEAST_EXPIRY} days.")
    actions = [_action(entry, expiry, rules) for entry in entries]
    kinds = [action.action.lower() for action in actions]
    if len(set(kinds)) < len(kinds):
        raise refused("Each type of lifetime action can be there once.")
    if rules.notifies and "notify" not in kinds:
        actions.append(_DEFAULT)
    if not actions and not expiry:
        return None
    return RotationPolicy(tuple(actions), before.created if before else now, now, expiry)


def _action(entry: Any, expiry: str | None, rules: Rules) -> LifetimeAction:
    try:
        spelling, trigger = entry["action"]["type"], entry["trigger"]
        after, before = trigger.get("timeAfterCreate"), trigger.get("timeBeforeExpiry")
    except (KeyError, TypeError, AttributeError) as error:
        raise refused("A lifetime action has a trigger and an action.") from error
    kind = str(spelling).lower()
    if kind not in (("rotate", "notify") if rules.notifies else ("rotate",)):
        raise refused(f"Invalid lifetime action: {spelling}")
    if (after is None) == (before is None) or (kind == "notify" and before is None):
        raise refused(f"Invalid trigger of the lifetime action {spelling}.")
    if kind == "rotate":
        _check_rotation(after, before, expiry, rules)
    elif days_of(before) < 1:
        raise refused("The notification must be at least one day before expiry.")
    return LifetimeAction(kind.capitalize() if rules.notifies else str(spelling), after, before)


def _check_rotation(after: str | None, before: str | None, expiry: str | None, rules: Rules) -> None:
    least = rules.least_days
    if before is not None and expiry is None:
        raise refused("The trigger timeBeforeExpiry needs an expiryTime.")
    lives = days_of(expiry) if expiry else None
    if after is not None:
        between, left = days_of(after), None if lives is None else lives - days_of(after)
    else:
        assert lives is not None
        between, left = lives - days_of(before), days_of(before)
    if between < least:
        raise refused(f"A key cannot be rotated more often than every {least} days.")
    if left is not None and left < 7 and rules.notifies:
        raise refused("A key must be rotated at least 7 days before expiry.")
