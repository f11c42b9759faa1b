# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approval requests: filing, reviewing, carrying out (DSM contract §2.10, §7 Q9, Q31, Q32, Q67)."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..wire import json_response
from . import quorum
from .context import Dsm, caller, json_object, path_uuid, require_uuid
from .errors import DsmError, bad_request, forbidden, not_found
from .keys.operations import FORMS, KeyOperations
from .keys.rights import guarding, policy_of
from .permissions import Principal
from .state import Account, ApprovalRequest, User
from .values import new_id

STATUSES = ("PENDING", "APPROVED", "DENIED", "FAILED")
_SECRETS = frozenset({"client_secret", "secret_key", "client_key"})
_GROUPS = re.compile(r"/sys/v1/groups")
_GROUP = re.compile(r"/sys/v1/groups/([0-9a-fA-F-]{36})")
_SCAN = re.compile(r"/sys/v1/groups/([0-9a-fA-F-]{36})/hmg/scan")

# Carries an operation out for a principal, past the gate; status and body as a direct call has them.
Deed = Callable[[Principal, str, dict[str, Any]], Awaitable[tuple[int, Any]]]


@dataclass(frozen=True)
class _Target:
    """What an operation is about: its name, and the group or (of a key's operation) the key that its path names."""

    kind: str
    entity_id: str | None
    of_key: bool = False


class Approvals:
    """`deeds` are the direct calls' own handlers: (method, kind of operation) -> handler; those of keys go by name."""

    def __init__(self, dsm: Dsm, deeds: Mapping[tuple[str, str], Deed], keys: KeyOperations) -> None:
        self._dsm = dsm
        self._deeds = deeds
        self._keys = keys

    # Routes ----------------------------------------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.Response:
        principal = caller(request)
        body = await json_object(request)
        method, operation = body.get("method"), body.get("operation")
        if not isinstance(method, str) or not isinstance(operation, str):
            raise bad_request("method and operation are needed")
        target = self._target(method.upper(), operation)
        policy, subjects = self._policy(principal.account, target, body.get("body"))
        clock = self._dsm.runtime.clock
        filed = ApprovalRequest(
            request_id=new_id(),
            acct_id=principal.account.acct_id,
            requester=principal.as_creator,
            created_at=clock.dsm_stamp(),
            expires=clock.now() + principal.account.approval_expiry,
            method=method.upper(),
            operation=operation,
            body=body.get("body"),
            description=body.get("description"),
            subjects=subjects,
            policy=policy,
        )
        principal.account.approvals[filed.request_id] = filed
        return json_response(self._shown(filed), 201)

    async def list_requests(self, request: web.Request) -> web.Response:
        principal, query = caller(request), dict(request.query)
        if self._dsm.profile.approval_filter == "ignored":
            query = {}
        if query.get("status") not in (None, *STATUSES):
            raise bad_request("status has an unknown value")
        wanted = {
            name: require_uuid(query[name], name) for name in ("requester", "reviewer", "subject") if name in query
        }
        found = [
            one
            for one in self._kept(principal.account)
            if self._may_see(principal, one)
            and query.get("status") in (None, one.status)
            and wanted.get("requester") in (None, *one.requester.values())
            and wanted.get("reviewer") in (None, *(value for _kind, value in quorum.reviewers(one.policy)))
            and wanted.get("subject") in (None, *(value for subject in one.subjects for value in subject.values()))
        ]
        return json_response([self._shown(one) for one in found])

    async def get(self, request: web.Request) -> web.Response:
        return json_response(self._shown(self._visible(request)))

    async def approve(self, request: web.Request) -> web.Response:
        principal, one = caller(request), self._reviewable(request)
        body = await json_object(request, required=False)
        self._require_password(principal, one, body)
        if principal.as_creator not in one.approvers:
            one.approvers.append(principal.as_creator)
        if quorum.is_reached(one.policy, one.approvers):
            one.status = "APPROVED"
            one.expires = self._dsm.runtime.clock.now() + principal.account.approval_expiry
            if self._dsm.profile.approval_execution == "on_approval":
                await self._carry_out(principal.account, one)
        return json_response(self._shown(one))

    async def deny(self, request: web.Request) -> web.Response:
        principal, one = caller(request), self._reviewable(request)
        reason = (await json_object(request, required=False)).get("reason")
        if reason is not None and not isinstance(reason, str):
            raise bad_request("reason must be a string")
        one.status, one.denier, one.denial_reason = "DENIED", principal.as_creator, reason
        return json_response(self._shown(one))

    async def result(self, request: web.Request) -> web.Response:
        """The result, for the requester. Whether the operation is carried out only now is not public."""
        principal, one = caller(request), self._visible(request)
        if one.requester != principal.as_creator:
            raise forbidden("Only the requester may see the result")
        if one.status not in ("APPROVED", "FAILED"):
            raise bad_request("The approval request has no result yet")
        if one.result is None:
            await self._carry_out(principal.account, one)
        one.result_viewed = True
        status, body = one.result or (500, "The result is lost")
        return json_response({"status": status, "body": body})

    async def withdraw(self, request: web.Request) -> web.Response:
        principal, one = caller(request), self._visible(request)
        if one.requester != principal.as_creator and not principal.is_administrator:
            raise forbidden("Only the requester or an administrator may delete an approval request")
        del principal.account.approvals[one.request_id]
        return web.Response(status=204)

    # Rules -----------------------------------------------------------------------------------------------------------

    def _target(self, method: str, operation: str) -> _Target:
        """What an operation is about. Which ones can be approved is not public."""
        path = operation if operation.startswith("/") else f"/{operation}"
        forms = (
            ("POST", "groups", _GROUPS),
            ("PATCH", "group", _GROUP),
            ("DELETE", "group", _GROUP),
            ("POST", "scan", _SCAN),
        )
        for allowed, kind, form in forms:
            match = form.fullmatch(path)
            if match and allowed == method:
                if self._dsm.profile.approvable == "create_update" and (method == "DELETE" or kind == "scan"):
                    break
                return _Target(kind, match.group(1).lower() if match.groups() else None)
        for allowed, kind, form in FORMS:
            match = form.fullmatch(path)
            if match and allowed == method:
                return _Target(kind, match.group(1).lower() if match.groups() else None, of_key=True)
        raise bad_request("The operation cannot be approved by an approval request")

    def _policy(self, account: Account, target: _Target, body: Any) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """Who has to approve, and what the request is about."""
        if target.of_key:
            policy, subjects = self._policy_of_key(account, target, body)
        elif target.kind == "groups":
            policy, subjects = quorum.for_new_groups(account), [{"account": account.acct_id}]
        else:
            group = account.groups.get(target.entity_id or "")
            if group is None:
                raise not_found("group does not exist")
            policy, subjects = group.approval_policy, [{"group": group.group_id}]
        if not policy:
            raise bad_request("The operation does not require approval")
        return policy, subjects

    def _policy_of_key(
        self, account: Account, target: _Target, body: Any
    ) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
        """By the policies of all groups that the operation touches. How DSM names its subjects is not public (Q67)."""
        if not isinstance(body or {}, dict):
            raise bad_request("The request's body must be a JSON object")
        needs, key = self._keys.needs(account, target.kind, target.entity_id, body or {})
        groups = guarding(needs, self._dsm.profile)
        subjects = [{"sobject": key.kid}] if key else []
        if not key or self._dsm.profile.approval_subjects == "key+group":
            subjects += [{"group": group.group_id} for group in groups]
        return (policy_of(groups) if groups else None), subjects

    async def _carry_out(self, account: Account, one: ApprovalRequest) -> None:
        """As the direct call would be, for the requester and with his rights as they are now."""
        state = self._dsm.state
        ((kind, entity_id),) = one.requester.items()
        subject = (state.users if kind == "user" else state.apps).get(entity_id)
        target = self._target(one.method, one.operation)
        try:
            if subject is None:
                raise forbidden("The requester is no longer there")
            if not isinstance(one.body or {}, dict):
                raise bad_request("The request's body must be a JSON object")
            principal = Principal(subject, account)
            one.result = await self._done(principal, target, one)
        except DsmError as error:
            one.status, one.result = "FAILED", (error.status, error.message)

    async def _done(self, principal: Principal, target: _Target, one: ApprovalRequest) -> tuple[int, Any]:
        body = one.body or {}
        if target.of_key:
            return await self._keys.carry_out(principal, target.kind, target.entity_id, body, approved=True)
        return await self._deeds[one.method, target.kind](principal, target.entity_id or "", body)

    def _require_password(self, principal: Principal, one: ApprovalRequest, body: Mapping[str, Any]) -> None:
        if not isinstance(principal.subject, User) or not quorum.demands_password(one.policy):
            return
        given = str(body.get("password") or "")
        if not hmac.compare_digest(given.encode(), principal.subject.password.encode()):
            raise forbidden("The approval policy requires the password")

    def _may_see(self, principal: Principal, one: ApprovalRequest) -> bool:
        own = principal.as_creator == one.requester
        return own or principal.sees_all_groups or _pair(principal) in quorum.reviewers(one.policy)

    def _visible(self, request: web.Request) -> ApprovalRequest:
        principal, request_id = caller(request), path_uuid(request, "req_id")
        for one in self._kept(principal.account):
            if one.request_id == request_id:
                if not self._may_see(principal, one):
                    raise forbidden("The approval request is not yours to see")
                return one
        raise not_found("approval request does not exist")

    def _reviewable(self, request: web.Request) -> ApprovalRequest:
        one = self._visible(request)
        if _pair(caller(request)) not in quorum.reviewers(one.policy):
            raise forbidden("You are not a reviewer of this approval request")
        if one.status != "PENDING":
            raise bad_request("The approval request has been decided")
        if one.expires <= self._dsm.runtime.clock.now():
            raise bad_request("The approval request has expired")
        return one

    def _kept(self, account: Account) -> list[ApprovalRequest]:
        """Those that have not expired; whether expired ones are kept is a setting of the cluster (Q31)."""
        if self._dsm.profile.approval_expired == "dropped":
            now = self._dsm.runtime.clock.now()
            account.approvals = {key: one for key, one in account.approvals.items() if one.expires > now}
        return list(account.approvals.values())

    def _shown(self, one: ApprovalRequest) -> dict[str, Any]:
        profile = self._dsm.profile
        shown: dict[str, Any] = {
            "request_id": one.request_id,
            "acct_id": one.acct_id,
            "requester": one.requester,
            "created_at": one.created_at,
            "expiry": self._dsm.runtime.clock.dsm_stamp_of(one.expires),
            "method": one.method,
            "operation": one.operation.lstrip("/") if profile.approval_operation == "without_slash" else one.operation,
            "approvers": one.approvers,
            "reviewers": [{kind: entity_id} for kind, entity_id in quorum.reviewers(one.policy)],
            "subjects": one.subjects,
            "status": one.status,
            "result_viewed": one.result_viewed,
        }
        optional = {
            "denier": one.denier,
            "denial_reason": one.denial_reason,
            "description": one.description if profile.approval_description == "kept" else None,
        }
        if one.body is not None and profile.approval_body != "omitted":
            optional["body"] = one.body if profile.approval_body == "echo" else _masked(one.body)
        return shown | {name: value for name, value in optional.items() if value is not None}


def _pair(principal: Principal) -> tuple[str, str]:
    ((kind, entity_id),) = principal.as_creator.items()
    return kind, entity_id


def _masked(value: Any) -> Any:
    """A copy without the secrets of links."""
    if isinstance(value, dict):
        return {name: "***" if name in _SECRETS else _masked(inner) for name, inner in value.items()}
    return [_masked(inner) for inner in value] if isinstance(value, list) else json.loads(json.dumps(value))
