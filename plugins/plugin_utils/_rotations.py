# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The applications of an account and the results of rotations, for the role cdc_rotate. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils._names import name_key

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def applications_in_use(groups: Iterable[Mapping[str, Any]], azure_service: str) -> list[dict[str, str]]:
    """Each application of a link to this Azure service once, by client ID, without links with an invalid client ID."""
    links = [group["link"] for group in groups if group.get("link")]
    found = {name_key(link["client_id"]) for link in links if link["azure_service"] == azure_service}
    return [{"client_id": one} for one in sorted(found) if _UUID.fullmatch(one)]


def summary(result: Mapping[str, Any], application: Mapping[str, Any]) -> dict[str, Any]:
    """The result for one application's credential. ``result``: of the module cdc_credential, failed or not."""
    credential = result.get("credential") or {}
    found = {
        "application": application.get("client_id") or application.get("unique_name"),
        "type": credential.get("type"),
        "ends": credential.get("ends"),
        "days_left": result.get("days_left"),
        "groups": len(result.get("groups") or []),
        "reason": result.get("reason"),
        "changed": bool(result.get("changed")),
        "planned": bool(result.get("planned")),
        "error": result.get("msg") if result.get("failed") else None,
    }
    return {**found, "line": _line(found)}


def _line(found: Mapping[str, Any]) -> str:
    if found["error"]:
        return f"{found['application']}: {found['error']}"
    done = "planned" if found["planned"] else "renewed" if found["changed"] else "unchanged"
    reason = f", {found['reason']}" if found["reason"] else ""
    return f"{found['application']}: {found['type']} until {found['ends']}, {found['groups']} group(s), {done}{reason}"
