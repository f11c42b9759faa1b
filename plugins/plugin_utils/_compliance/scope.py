# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What a compliance report is about, as texts that every format shows. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_NOT_REPORTED = "not reported"
_SELECTION = ("all_groups", "group_names", "group_ids")


def scope_of(report: Mapping[str, Any]) -> dict[str, str]:
    """Name -> text: where, when, by whom and with which options. Without it, a report proves nothing."""
    dsm, options = report["dsm"], report["options"]
    return {
        "Checked at": str(report["checked_at"]),
        "DSM": f"{dsm['endpoint']}, version {dsm['version'] or _NOT_REPORTED}",
        "DSM account": account_of(report),
        "DSM identity": identity_of(report),
        "Azure operator": operator_of(report),
        "Groups": _selection(options),
        "Options": ", ".join(
            f"{name}={json.dumps(value, ensure_ascii=False)}"
            for name, value in options.items()
            if name not in _SELECTION
        ),
        "Collection": collection_of(report),
    }


def account_of(report: Mapping[str, Any]) -> str:
    account = report["dsm"]["account"] or {}
    return _named(account.get("name"), account.get("account_id"))


def identity_of(report: Mapping[str, Any]) -> str:
    principal = report["dsm"]["principal"]
    return f"{principal['kind']} {_named(principal['name'], principal['id'])}"


def operator_of(report: Mapping[str, Any]) -> str:
    operator = report["operator"]
    if operator is None:
        return "none; Azure was not read"
    client, tenant = (operator[name] or _NOT_REPORTED for name in ("client_id", "tenant_id"))
    found = f"client ID {client}, object ID {operator['object_id'] or _NOT_REPORTED}, tenant {tenant}"
    who = f"{operator['name']}, " if operator["name"] else ""
    return f"{who}{found}, {operator['cloud']}"


def collection_of(report: Mapping[str, Any]) -> str:
    return f"fortanix.dsm {report['collection_version'] or '(a checkout)'}"


def _selection(options: Mapping[str, Any]) -> str:
    if options["all_groups"]:
        return "all with a link to Azure Key Vault that the DSM identity can see"
    chosen = {"name": options.get("group_names") or [], "ID": options.get("group_ids") or []}
    return "; ".join(f"by {kind}: {', '.join(map(str, found))}" for kind, found in chosen.items() if found) or "some"


def _named(name: str | None, key: str | None) -> str:
    if name and key:
        return f"{name} ({key})"
    return name or key or _NOT_REPORTED
