# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups and security objects of the simulated DSM, as values that its state and its indexes share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Group:
    group_id: str
    acct_id: str
    name: str
    created_at: str
    creator: dict[str, str]
    description: str = ""
    hmg: dict[str, dict[str, Any]] = field(default_factory=dict)
    custom_metadata: dict[str, str] | None = None
    approval_policy: dict[str, Any] | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    scans: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class SecurityObject:
    kid: str
    acct_id: str
    group_id: str
    name: str
    obj_type: str
    created_at: str
    creator: dict[str, str]
    key_size: int | None = None
    elliptic_curve: str | None = None
    origin: str = "FortanixHSM"
    state: str = "Active"
    enabled: bool = True
    key_ops: list[str] = field(default_factory=list)
    external: dict[str, Any] | None = None
    custom_metadata: dict[str, str] = field(default_factory=dict)
    deactivation_date: str | None = None
    pub_key: str | None = None
