# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cdc_compliance_info returns, as short as it can be."""

from __future__ import annotations

from typing import Any

AT = "2026-11-25T04:10:00Z"


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "check": "link",
        "id": "tls-not-required",
        "status": "failed",
        "severity": "high",
        "section": "4.4",
        "title": "Link permits connections to Azure without verified TLS",
        "plane": "DSM",
        "object": "link of group",
        "expected": "mode required",
        "actual": "mode opportunistic",
        "evidence": {"mode": "opportunistic"},
        "remedy": "set it",
        **changes,
    }


def group(*findings: dict[str, Any], name: str = "one", **changes: Any) -> dict[str, Any]:
    return {
        "group_id": f"id-of-{name}",
        "name": name,
        "link": None,
        "status": "failed",
        "findings": list(findings),
        **changes,
    }


def result(*groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "checked_at": AT,
        "dsm": {"endpoint": "https://dsm.example.com", "version": "5.8"},
        "operator": None,
        "options": {"all_groups": True},
        "groups": list(groups),
        "findings": [],
        **changes,
    }
