# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The tables of ``playbooks/overview.yml``, from the results of three modules. Pure.

A name may contain anything, including line breaks: each one is made printable before it is put into a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..module_utils._errors import printable

Result = Mapping[str, Any]


def tables(account: Result, groups: Result, user: Result, limit: int) -> dict[str, list[str]]:
    """The lines of each table, at most ``limit`` rows of groups in each.

    Args:
        account: Of the module cdc_account_info.
        groups: Of the module cdc_group_info.
        user: Of the module cdc_user_info.
        limit: Rows.
    """
    return {
        "account": list(_account(account)),
        "groups": list(_groups(groups, user, limit)),
        "user": list(_user(user, limit)),
    }


def _account(found: Result) -> Iterator[str]:
    who = found["principal"]
    yield _row("DSM      %s", (found.get("version") or {}).get("text") or "version not reported")
    yield _row("Account  %s", (found.get("account") or {}).get("name") or "not reported")
    yield _row("Identity %s %s", who["kind"], who["name"] or who["id"] or "not reported")
    for job, told in found["permissions"].items():
        # Unknown alone helps nobody.
        unknown = told["verdict"] == "unknown" and told["reason"]
        yield _row("%-13s %s", job, f"unknown: {unknown}" if unknown else told["verdict"])
    for one in found["lacking"]:
        yield _row("Missing: %s. Next: %s.", one["reason"], one["remedy"])


def _groups(found: Result, user: Result, limit: int) -> Iterator[str]:
    states = {group["group_id"]: group["connection"] for group in user["groups"]}
    yield _row("%-1s %-14s %-32s %-26s %s", "", "KIND", "GROUP", "VAULT", "CONNECTION")
    for group in found["groups"][:limit]:
        kind, link = group["external_kms"], group["link"]
        yield _row(
            "%-1s %-14s %-32s %-26s %s",
            "*" if kind else "",
            kind or "local",
            group["name"],
            (link["vault"]["name"] or "not selected") if link else "-",
            (states.get(group["group_id"]) or "not_checked") if link else "-",
        )
    linked = sum(bool(group["link"]) for group in found["groups"])
    yield _row("%s groups, %s linked to Azure. * external KMS", len(found["groups"]), linked)


def _user(found: Result, limit: int) -> Iterator[str]:
    who = found["user"]
    roles = ", ".join(who.get("account_roles") or []) or who.get("app_role") or "not reported"
    yield _row("%s %s, roles in the account: %s", who["kind"], who["name"] or who["id"] or "not reported", roles)
    yield _row("%-1s %-32s %-24s %-26s %s", "", "GROUP", "ROLE", "VAULT", "CONNECTION")
    for group in found["groups"][:limit]:
        role = ", ".join(group["roles"] or ["member"]) + (" (account)" if group["explicit"] is False else "")
        yield _row(
            "%-1s %-32s %-24s %-26s %s",
            "*" if group["external_kms"] else "",
            group["name"] or group["group_id"],
            role,
            group["vault"] or "-",
            group["connection"] or "-",
        )
    yield _row(
        "%s groups, %s linked to Azure, %s not checked",
        found["group_count"],
        found["azure_count"],
        found["not_checked"],
    )
    if not found["complete"]:
        yield _row("Not complete: %s.", found["incomplete_reason"])


def _row(form: str, *cells: Any) -> str:
    return (form % tuple(printable(str(cell)) for cell in cells)).rstrip()
