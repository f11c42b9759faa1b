# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security objects as the API shows them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ...profiles import Profile
from ..context import flag
from ..values import SecurityObject


def hidden(key: SecurityObject, query: Mapping[str, str]) -> bool:
    """Whether the object is in a state that the query has to ask for."""
    shown = {"Destroyed": "show_destroyed", "Deleted": "show_deleted"}.get(key.state)
    return shown is not None and not flag(query.get(shown))


_OPTIONAL = (
    *("key_size", "elliptic_curve", "external", "description", "links", "activation_date", "deactivation_date"),
    *("compromise_date", "destruction_date", "deletion_date", "revocation_reason", "rotation_policy"),
    *("scheduled_rotation", "export_policy", "never_exportable", "key_creation_method", "original_key_ops"),
)


def key_json(key: SecurityObject, profile: Profile, *, with_pub_key: bool = False) -> dict[str, Any]:
    """A security object as the API shows it: unset members are left out."""
    shown: dict[str, Any] = {
        "acct_id": key.acct_id,
        "created_at": key.created_at,
        "creator": key.creator,
        "enabled": key.enabled,
        "key_ops": key.key_ops,
        "obj_type": key.obj_type,
        "origin": key.origin,
        "public_only": key.public_only,
        "kid": key.kid,
        "name": key.name,
        "group_id": key.group_id,
        "state": key.state,
    }
    optional = {name: getattr(key, name) for name in _OPTIONAL}
    optional["custom_metadata"] = _metadata(key, profile)
    if with_pub_key and (key.external is None or profile.virtual_pub_key == "present"):
        optional["pub_key"] = key.pub_key
    return shown | {name: value for name, value in optional.items() if value not in (None, "", {}, [])}


def written_json(key: SecurityObject, profile: Profile) -> dict[str, Any]:
    """A security object in the answer to what has made or changed it."""
    return key_json(key, profile, with_pub_key=profile.pub_key_after_write == "present")


def _metadata(key: SecurityObject, profile: Profile) -> dict[str, str]:
    """The metadata, with Azure's state in the words of the profile (Q13), and with a backup where one is kept (Q55)."""
    state = key.custom_metadata.get("azure-key-state")
    if state is None:
        return key.custom_metadata
    shown = dict(key.custom_metadata)
    if profile.azure_backup == "set_at_delete" and state in ("deleted", "purged"):
        shown["azure-backup"] = key.azure_backup or base64.b64encode(f"backup of {key.kid}".encode()).decode()
    if profile.key_state_words != "lower":
        enabled = state == "created" and profile.key_state_words == "enabled"
        shown["azure-key-state"] = "Enabled" if enabled else state.capitalize()
    return shown
