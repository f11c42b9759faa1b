# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""DSM's rotation policy of a key: when DSM replaces it by a new version (DSM contract §4.6). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..._timestamps import compact, iso_or_none, parse_compact

# Members of a stored policy that this collection does not set, and keeps.
_KEPT = ("deactivate_rotated_key", "rotate_copied_keys")


@dataclass(frozen=True)
class RotationPolicy:
    """``interval_days`` or ``interval_months``. ``effective_at``: the first rotation; None if DSM decides."""

    interval_days: int | None = None
    interval_months: int | None = None
    effective_at: datetime | None = None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> RotationPolicy:
        return cls(
            stored.get("interval_days"), stored.get("interval_months"), parse_compact(stored.get("effective_at"))
        )

    def over(self, stored: RotationPolicy | None) -> RotationPolicy:
        """The policy with what a stored one has and this one does not set."""
        if stored is None or self.effective_at is not None:
            return self
        return replace(self, effective_at=stored.effective_at)

    def body(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """As DSM takes it. ``stored``: the policy that it replaces, as DSM returned it."""
        members = {
            "interval_days": self.interval_days,
            "interval_months": self.interval_months,
            "effective_at": None if self.effective_at is None else compact(self.effective_at),
            **{name: stored.get(name) for name in _KEPT},
        }
        return {name: value for name, value in members.items() if value is not None}

    def view(self) -> dict[str, Any]:
        return {
            "interval_days": self.interval_days,
            "interval_months": self.interval_months,
            "effective_at": iso_or_none(self.effective_at),
        }
