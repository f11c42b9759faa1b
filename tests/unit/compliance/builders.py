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


def dsm(**changes: Any) -> dict[str, Any]:
    return {
        "endpoint": "https://dsm.example.com",
        "version": "5.8",
        "account": {"account_id": "id-of-account", "name": "Keys of Example"},
        "principal": {"kind": "app", "id": "id-of-app", "name": "auditor-app"},
        **changes,
    }


def operator(**changes: Any) -> dict[str, Any]:
    return {
        "client_id": "id-of-client",
        "object_id": "id-of-object",
        "name": "azure-auditor",
        "tenant_id": "id-of-tenant",
        "cloud": "AzureCloud",
        **changes,
    }


def options(**changes: Any) -> dict[str, Any]:
    return {"all_groups": True, "group_names": [], "group_ids": [], **changes}


def result(*groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "checked_at": AT,
        "dsm": dsm(),
        "operator": None,
        "options": options(),
        "groups": list(groups),
        "findings": [],
        **changes,
    }
