# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""An application as results and diffs show it. Pure."""

from __future__ import annotations

from typing import Any

from ..._plan import NOT_YET_KNOWN
from .application_plan import Application, Permission, certificates_in


def application_record(found: Application, permission: Permission | None) -> dict[str, Any]:
    """The record. ``permission``: of Key Vault; None when it was not read, so that it is not reported."""
    planned = found.client_id == NOT_YET_KNOWN
    return {
        "client_id": found.client_id,
        "object_id": found.principal_id,
        "application_object_id": found.object_id,
        "display_name": found.display_name,
        "unique_name": found.unique_name,
        "enabled": found.enabled,
        "credentials": [one.record() for one in found.credentials],
        "api_permission": None if permission is None else permission.is_in(found.access),
        "made_by_collection": found.is_ours,
        "planned": planned,
        "exists": not planned,
    }


def application_view(found: Application | None, permission: Permission | None) -> dict[str, Any]:
    """The part that the module changes, for the diff."""
    if found is None:
        return {}
    view: dict[str, Any] = {
        "display_name": found.display_name,
        "unique_name": found.unique_name,
        "service_principal": found.principal_id is not None,
        "certificates": certificates_in(found),
        "secrets": sum(one.kind == "secret" for one in found.credentials),
    }
    if permission is not None:
        view["api_permission"] = permission.is_in(found.access)
    if found.consent is not None:
        view["admin_consent"] = " ".join(found.consent.scopes)
    return view
