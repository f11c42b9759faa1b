# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Approval requests as values, and how one is recognized again (DSM contract §2.10). No I/O.

Whether DSM returns the body of a request completely, masked or not at all is not public. A request is therefore
identified by its operation and by a mark in its description. The mark is a hash of the operation without its secrets.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._ids import is_uuid
from ..._names import is_within, name_key, same_path
from ..._timestamps import iso_or_none, parse_compact, parse_iso
from ..wire import routes

PENDING, APPROVED, DENIED, FAILED = "PENDING", "APPROVED", "DENIED", "FAILED"

_MARK = re.compile(r"\[fortanix\.dsm ([0-9a-f]{12})/([0-9a-f]{32})\]")
# The members of a link whose values are part of the mark. Of all others, only the name is: the value may be a secret.
_LINK_MEMBERS = frozenset(
    {"kind", "url", "tenant_id", "client_id", "subscription_id", "key_vault_type", "endpoints", "hsm_order"}
)
_TLS_MEMBERS = frozenset({"mode", "validate_hostname", "ca", "client_cert"})
_AUTH_MEMBERS = frozenset({"mode", "client_cert"})


@dataclass(frozen=True)
class GuardedOperation:
    """A write that may need an approval.

    Args:
        label: the object, for messages: ``group "akv-prod"``.
        summary: what changes, for the approvers: ``update of link.vault.uri``. No secret.
        name: the name of the group or key to create, which distinguishes such operations.
        vault_key: the key to create in a vault: ID of the group, name in the vault. Several operations can create it.
        credential_fact: what may be disclosed about the credential in the body (``LinkCredential.fact``).
        timeout: seconds that the operation may take, if it has its own time limit.
    """

    method: str
    route: str
    label: str
    summary: str
    path: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    name: str | None = None
    vault_key: tuple[str, str] | None = None
    credential_fact: str | None = None
    timeout: float | None = None

    @property
    def operation(self) -> str:
        """The path, as an approval request names it."""
        return self.route.format(**self.path)

    @property
    def description(self) -> str:
        """The text that approvers read, and the mark."""
        return f"Ansible: {self.summary}, {self.label} [fortanix.dsm {self._object_mark()}/{self.mark()}]"

    def mark(self) -> str:
        """Equal for the same operation with the same content, apart from secrets."""
        content = {
            "method": self.method,
            "operation": self.operation,
            "body": _plain(self.body or {}),
            "credential": self.credential_fact,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def _object_mark(self) -> str:
        created = [self.operation, self.name] if self.vault_key is None else list(map(name_key, self.vault_key))
        return hashlib.sha256(json.dumps(created).encode()).hexdigest()[:12]

    def is_asked_by(self, request: ApprovalRequest) -> bool:
        """Whether the request is for exactly this operation. One without content is identified by its path alone."""
        if not request.is_for(self.method, self.operation):
            return False
        return request.mark == self.mark() or not self.body

    def is_crossed_by(self, request: ApprovalRequest) -> bool:
        """Whether the request would change the same object in another way."""
        if self.is_asked_by(request):
            return False
        if self.vault_key is not None:
            # Each of them would create a version, whatever its name in DSM and wherever its material is from.
            same_key = request.object_mark == self._object_mark() or request.vault_key == _plain_key(*self.vault_key)
            creates = any(request.is_for("POST", route) for route in (routes.KEYS, routes.KEYS_COPY))
            return creates and (same_key or request.body_name == self.name)
        if self.name is not None:
            named = request.object_mark == self._object_mark() or request.body_name == self.name
            return request.is_for(self.method, self.operation) and named
        if self.route == routes.SCAN:
            return False
        return any(request.is_for(method, self.operation) for method in ("PATCH", "DELETE"))


@dataclass(frozen=True)
class ApprovalRequest:
    """An approval request as DSM stores it. ``requester``: kind and ID, ``app 7b1d...``; times are ISO 8601, UTC."""

    request_id: str
    status: str
    method: str
    operation: str
    requester: str
    created: str
    expires: str | None
    description: str
    body_name: str | None
    denier: str | None
    denial_reason: str | None
    result_viewed: bool
    # Client IDs of the links that it would write; None if the body does not show them.
    client_ids: frozenset[str] | None = None
    # The key that it would create in a vault: ID of the group and name, as comparison keys.
    vault_key: tuple[str, str] | None = None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> ApprovalRequest:
        body = stored.get("body")
        return cls(
            request_id=str(stored["request_id"]),
            status=str(stored["status"]).upper(),
            method=str(stored["method"]).upper(),
            operation="/" + str(stored["operation"]).strip("/"),
            requester=_principal(stored.get("requester")),
            created=iso_or_none(parse_compact(stored.get("created_at"))) or "",
            expires=iso_or_none(parse_compact(stored.get("expiry"))),
            description=str(stored.get("description") or ""),
            body_name=body.get("name") if isinstance(body, dict) else None,
            denier=_principal(stored["denier"]) if stored.get("denier") else None,
            denial_reason=stored.get("denial_reason") or None,
            result_viewed=bool(stored.get("result_viewed")),
            client_ids=_client_ids(body),
            vault_key=_vault_key(body),
        )

    def may_write_link_of(self, client_id: str) -> bool:
        """Whether it creates or changes a group, and may write a credential of this application to it."""
        is_of_group = self.method in ("POST", "PATCH") and is_within(self.operation, routes.GROUPS)
        return is_of_group and (self.client_ids is None or name_key(client_id) in self.client_ids)

    @property
    def mark(self) -> str | None:
        match = _MARK.search(self.description)
        return match.group(2) if match else None

    @property
    def object_mark(self) -> str | None:
        match = _MARK.search(self.description)
        return match.group(1) if match else None

    def is_for(self, method: str, operation: str) -> bool:
        return self.method == method and same_path(self.operation, operation)

    def has_expired(self, now: datetime.datetime) -> bool:
        """An expired request can no longer be approved, whatever its status."""
        expires = parse_iso(self.expires)
        return expires is not None and expires <= now

    @property
    def label(self) -> str:
        """For messages: who filed it, when, and for what."""
        text = _MARK.sub("", self.description).strip()
        return f"request {self.request_id}, filed by {self.requester} at {self.created}" + (
            f' ("{text}")' if text else ""
        )


def choose(
    operation: GuardedOperation, requests: Iterable[ApprovalRequest], now: datetime.datetime
) -> ApprovalRequest | None:
    """The request for the operation: a pending one, otherwise the latest whose result was not reported yet.

    A denial counts until it expires. The result of an approved or failed request is reported once.
    """
    same = [one for one in requests if operation.is_asked_by(one) and not one.has_expired(now)]
    same.sort(key=lambda one: one.created, reverse=True)
    pending = next((one for one in same if one.status == PENDING), None)
    if pending is not None or not same:
        return pending
    told = same[0].status in (APPROVED, FAILED) and same[0].result_viewed
    return None if told else same[0]


def crossing(
    operation: GuardedOperation, requests: Iterable[ApprovalRequest], now: datetime.datetime
) -> ApprovalRequest | None:
    """A pending request that would change the same object in another way."""
    waiting = (one for one in requests if one.status == PENDING and not one.has_expired(now))
    return next(filter(operation.is_crossed_by, waiting), None)


def _client_ids(body: Any) -> frozenset[str] | None:
    """The applications of the links in the body of a request; None if the body is missing or masked."""
    if not isinstance(body, dict):
        return None
    links = [*(body.get("add_hmg") or []), *(body.get("mod_hmg") or {}).values()]
    found = [name_key((link if isinstance(link, dict) else {}).get("client_id")) for link in links]
    return frozenset(found) if all(map(is_uuid, found)) else None


def _vault_key(body: Any) -> tuple[str, str] | None:
    """The key that a request creates in a vault; None if the body does not show it."""
    metadata = body.get("custom_metadata") if isinstance(body, dict) else None
    name = metadata.get("azure-key-name") if isinstance(metadata, dict) else None
    return None if name is None else _plain_key(body.get("group_id"), name)


def _plain_key(group_id: Any, name: Any) -> tuple[str, str]:
    return name_key(group_id), name_key(name)


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without secrets: of links, only the allowed members; the others by name."""
    plain = {name: value for name, value in body.items() if name not in ("add_hmg", "mod_hmg")}
    if body.get("add_hmg"):
        plain["add_hmg"] = [_plain_link(link) for link in body["add_hmg"]]
    if body.get("mod_hmg"):
        plain["mod_hmg"] = {hmg_id: _plain_link(link) for hmg_id, link in body["mod_hmg"].items()}
    return plain


def _plain_link(link: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_allowed(link, _LINK_MEMBERS),
        "tls": _allowed(link.get("tls") or {}, _TLS_MEMBERS),
        "auth_config": _allowed(link.get("auth_config") or {}, _AUTH_MEMBERS),
    }


def _allowed(given: Mapping[str, Any], members: frozenset[str]) -> dict[str, Any]:
    return {name: value if name in members else None for name, value in given.items()}


def _principal(stored: Any) -> str:
    """``app 7b1d...``, ``user 0a3e...``; for a user who acts through an app, both in DSM's form."""
    if isinstance(stored, dict):
        return ", ".join(
            f"{kind} {value if isinstance(value, str) else json.dumps(value, sort_keys=True)}"
            for kind, value in sorted(stored.items())
        )
    return str(stored) if stored else "unknown"
