# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""DSM, the account and the DSM identity: what Azure Key Vault needs, and what is missing (guide 2.0, 3.0)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.account import capabilities, users
from .._dsm.account.capabilities import Account, Version, asked, gate_verdict, link_verdict
from .._dsm.account.permissions import (
    JOBS,
    LACKING,
    UNKNOWN,
    Activity,
    Permissions,
    PermissionVerdict,
    by_role,
    not_told,
)
from .._dsm.account.users import Principal
from .._dsm.wire.client import DsmClient, connect
from .._dsm.wire.errors import DsmError
from .._dsm.wire.routes import USER_PERMISSIONS
from .._errors import TaskError
from .._options import DSM
from .._task import Task

_PARTS = ["version", "account", "principal", "permissions"]
# The part that each need depends on. Needs that are jobs depend on permissions.
_PART_OF_NEED = {"azure_link": "account", "managed_hsm": "version", **{job.name: "permissions" for job in JOBS}}
_REMEDIES = {
    "azure_link": "have Fortanix add the missing features to the account's subscription",
    "managed_hsm": "choose a key vault instead of a Managed HSM, or have DSM upgraded",
    **{
        job.name: f"use a DSM identity that can {job.words}, or have {' and '.join(job.needs)} granted to it"
        for job in JOBS
    },
}
_NOT_REQUESTED = "it was not requested (option gather)"

SPEC = DSM.merge(
    ArgumentSpec(
        argument_spec={
            "gather": {"type": "list", "elements": "str", "choices": _PARTS, "default": _PARTS},
            "needs": {"type": "list", "elements": "str", "choices": list(_PART_OF_NEED), "default": []},
        },
    ),
)


@dataclass(frozen=True)
class _Found:
    """What DSM returned. ``why``: for each part that it did not return, or that was not requested, the reason."""

    version: Version | None
    account: Account | None
    principal: Principal | None
    permissions: Permissions | None
    why: Mapping[str, str]


def run(task: Task) -> dict[str, Any]:
    with connect(task, read_only=True) as dsm:
        return run_with(task, dsm)


def run_with(task: Task, dsm: DsmClient) -> dict[str, Any]:
    """The work of :func:`run` with this client."""
    needs = task.params["needs"]
    parts = {*task.params["gather"], *(_PART_OF_NEED[need] for need in needs)}
    found = _read(dsm, parts)
    verdicts = _verdicts(found)
    _require(needs, verdicts)
    considered = {name: verdict for name, verdict in verdicts.items() if _PART_OF_NEED[name] in parts}
    return {
        "changed": False,
        "version": found.version.record() if found.version else None,
        "account": found.account.record() if found.account else None,
        "principal": found.principal.record() if found.principal else None,
        "capabilities": {name: _record(verdicts[name]) for name in ("azure_link", "managed_hsm")},
        "permissions": {
            job.name: {
                **_record(verdicts[job.name]),
                "needs": list(job.needs),
                "group_ids": _groups(verdicts[job.name]),
            }
            for job in JOBS
        },
        "lacking": [
            {"id": name, "reason": verdict.reason, "remedy": _REMEDIES[name]}
            for name, verdict in considered.items()
            if verdict.verdict == LACKING
        ],
        "unknown": [
            {"id": name, "reason": verdict.reason} for name, verdict in considered.items() if verdict.verdict == UNKNOWN
        ],
    }


def _read(dsm: DsmClient, parts: set[str]) -> _Found:
    # Authenticate first: if DSM refuses the credentials, the task fails and nothing is "unknown".
    identity = dsm.identity()
    why = dict.fromkeys(_PARTS, _NOT_REQUESTED)

    def told(part: str, answer: Any) -> Any:
        """The response; None if DSM refused the request, and then the reason is noted."""
        why[part] = f"DSM did not return it (HTTP status {answer.status})" if isinstance(answer, DsmError) else ""
        return None if isinstance(answer, DsmError) else answer

    version = told("version", capabilities.get_version(dsm)) if "version" in parts else None
    principal: Principal | None = None
    # The role of an app counts if DSM does not list permissions.
    if parts & {"principal", "permissions"}:
        principal, why["principal"] = users.own(dsm)
    found_account: Account | None = None
    if "account" in parts:
        account_id = principal.account_id if principal else identity.account_id
        found_account = told("account", capabilities.get_account(dsm, account_id))
        if found_account is None and account_id is None and not why["account"]:
            principal, why["principal"] = users.own(dsm)
            why["account"] = "the DSM identity sees several accounts, and DSM does not report which one is its own"
            if principal.account_id is not None:
                found_account = told("account", capabilities.get_account(dsm, principal.account_id))
    permissions: Permissions | None = None
    if "permissions" in parts:
        answer = told("permissions", asked(dsm, USER_PERMISSIONS, query={"with_implied": "true"}, obj="permissions"))
        permissions = Permissions.from_answer(answer) if answer is not None else None
    return _Found(version, found_account, principal, permissions, why)


def _verdicts(found: _Found) -> dict[str, PermissionVerdict]:
    only_uses_keys = found.principal is not None and found.principal.only_uses_keys
    judge: Callable[[Any], PermissionVerdict] = (
        found.permissions.verdict
        if found.permissions is not None
        else lambda job: not_told(job, only_uses_keys, found.why["permissions"])
    )
    principal = found.principal
    administers = principal is not None and principal.implied_role() == "administrator"

    def verdict(job: Activity) -> PermissionVerdict:
        told = judge(job)
        return by_role(job, principal.kind, told) if principal is not None and administers else told

    return {
        "azure_link": link_verdict(found.account, found.why["account"]),
        "managed_hsm": gate_verdict("managed_hsm", found.version, found.why["version"]),
        **{job.name: verdict(job) for job in JOBS},
    }


def _require(needs: list[str], verdicts: Mapping[str, PermissionVerdict]) -> None:
    """Fail for what is certainly missing. What is unknown is left to the operation that needs it."""
    lacking = [name for name in needs if verdicts[name].verdict == LACKING]
    if not lacking:
        return
    raise TaskError(
        f"a requirement is not met: {'; '.join(verdicts[name].reason for name in lacking)}",
        plane="DSM",
        obj="account and DSM identity",
        next_step="; ".join(_REMEDIES[name] for name in lacking),
        lacking=lacking,
    )


def _record(verdict: PermissionVerdict) -> dict[str, Any]:
    return {"verdict": verdict.verdict, "reason": verdict.reason}


def _groups(verdict: PermissionVerdict) -> list[str] | None:
    return None if verdict.group_ids is None else list(verdict.group_ids)
