# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Who an access token of Entra is for, as evidence in reports. Never the basis of a decision (Azure contract §4)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

# A claim is only a text to show. A longer one is none.
_LONGEST = 256


@dataclass(frozen=True)
class TokenIdentity:
    """Each value is None if the token does not contain it. ``client_id``: of the app that requested the token."""

    client_id: str | None = None
    object_id: str | None = None
    tenant_id: str | None = None
    name: str | None = None
    # For a user, the app is a tool such as the Azure CLI.
    is_app: bool = False


def identity_of(token: Any) -> TokenIdentity:
    """From a token, which is not verified, as it came from Entra. It is opaque to clients: it may be unreadable."""
    try:
        payload = str(token).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, binascii.Error, ValueError, RecursionError):
        return TokenIdentity()
    if not isinstance(claims, dict):
        return TokenIdentity()

    def text(*names: str) -> str | None:
        values = (claims.get(name) for name in names)
        return next((value for value in values if isinstance(value, str) and 0 < len(value) <= _LONGEST), None)

    return TokenIdentity(
        # A token of version 2 has azp instead of appid.
        client_id=text("appid", "azp"),
        object_id=text("oid"),
        tenant_id=text("tid"),
        name=text("upn", "unique_name", "preferred_username", "app_displayname"),
        # Only a token for a user has the scopes that the user has delegated.
        is_app=claims.get("scp") is None,
    )
