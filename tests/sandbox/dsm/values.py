# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups and security objects of the simulated DSM, as values that its state and its indexes share."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any


def new_id() -> str:
    return str(uuid.uuid4())


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
    enabled_before: bool = True
    """Before the deletion in Azure."""
    key_ops: list[str] = field(default_factory=list)
    external: dict[str, Any] | None = None
    custom_metadata: dict[str, str] = field(default_factory=dict)
    pub_key: str | None = None
    public_only: bool = False
    description: str | None = None
    links: dict[str, Any] = field(default_factory=dict)
    """In the words of the API: copiedFrom, copiedTo (a list), replaced, replacement, wrappingKey."""
    made_by_dsm: bool = False
    """Whether an operation of DSM made this virtual key, and no scan (Q51)."""
    activation_date: str | None = None
    deactivation_date: str | None = None
    compromise_date: str | None = None
    destruction_date: str | None = None
    deletion_date: str | None = None
    revocation_reason: dict[str, Any] | None = None
    rotation_policy: dict[str, Any] | None = None
    scheduled_rotation: str | None = None
    export_policy: dict[str, Any] | None = None
    never_exportable: bool | None = None
    key_creation_method: dict[str, Any] | None = None
    original_key_ops: list[str] | None = None
    azure_backup: str | None = None
    """What Azure gave for the case that the key is deleted (Q55)."""
