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
from .guarded_keys import KeyChange, VaultKey, creates_version, place_of, short_hash

PENDING, APPROVED, DENIED, FAILED = "PENDING", "APPROVED", "DENIED", "FAILED"

_MARK = re.compile(r"\[fortanix\.dsm ([0-9a-f]{12})/([0-9a-f]{32})(?:/([0-9a-f]{12}))?\]")
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
        name: in DSM, of the group to create, which distinguishes such operations, or of the key.
        vault_key: the key of a vault that it creates or changes: ID of the group, name in the vault. Several operations
            on several paths can do so.
        kids: IDs of the records of that key.
        undated: members of the body that depend on the time of the run, and what the mark has instead:
            ``{"deactivation_date": "90 days"}``. Otherwise, each run would be another operation.
        before: the values that it replaces. The same change of other values needs an approval of its own.
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
    kids: frozenset[str] = frozenset()
    undated: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def operation(self) -> str:
        """The path, as an approval request names it."""
        return self.route.format(**self.path)

    @property
    def description(self) -> str:
        """The text that approvers read, and the mark."""
        marks = [self._object_mark(), self.mark(), *filter(None, [self.before_mark()])]
        return f"Ansible: {self.summary}, {self.label} [fortanix.dsm {'/'.join(marks)}]"

    def mark(self) -> str:
        """Equal for the same operation with the same content, apart from secrets."""
        content = {
            "method": self.method,
            "operation": self.operation,
            "body": {**_plain(self.body or {}), **self.undated},
            "credential": self.credential_fact,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def before_mark(self) -> str | None:
        """Equal for the same values before the change; None if they do not matter."""
        return short_hash(self.before) if self.before else None

    def _object_mark(self) -> str:
        mark = None if self.key is None else self.key.mark
        return mark or short_hash([self.operation, self.name])

    @property
    def key(self) -> VaultKey | None:
        """The key of a vault that it is about."""
        if self.vault_key is None and not self.kids:
            return None
        return VaultKey(None if self.vault_key is None else place_of(*self.vault_key), self.kids, self.name)

    @property
    def creates_key(self) -> bool:
        """Whether it creates a version of the key."""
        return self.method == "POST" and creates_version(self.operation)

    def is_asked_by(self, request: ApprovalRequest) -> bool:
        """Whether the request is for exactly this operation. One without content is identified by its path alone."""
        if not request.is_for(self.method, self.operation):
            return False
        return request.mark == self.mark() or not self.body

    def starts_from(self, request: ApprovalRequest) -> bool:
        """Whether a request for this operation was filed for the values that it would replace now."""
        return None in (request.before_mark, self.before_mark()) or request.before_mark == self.before_mark()

    def is_crossed_by(self, request: ApprovalRequest) -> bool:
        """Whether the request would change the same object in another way, or may do so."""
        if self.is_asked_by(request):
            return False
        if self.key is not None:
            return request.is_about(self.key)
        if self.name is not None:
            named = request.object_mark == self._object_mark() or request.body_name == self.name
            return request.is_for(self.method, self.operation) and (named or request.is_unidentified)
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
    # What it shows about the key that it would create or change; None if it is about no key.
    key_change: KeyChange | None = None
    has_body: bool = False

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
            key_change=KeyChange.from_stored(stored),
            has_body=bool(body),
        )

    def may_write_link_of(self, client_id: str) -> bool:
        """Whether it creates or changes a group, and may write a credential of this application to it."""
        is_of_group = self.method in ("POST", "PATCH") and is_within(self.operation, routes.GROUPS)
        return is_of_group and (self.client_ids is None or name_key(client_id) in self.client_ids)

    @property
    def object_mark(self) -> str | None:
        return self._marked(1)

    @property
    def mark(self) -> str | None:
        return self._marked(2)

    @property
    def before_mark(self) -> str | None:
        return self._marked(3)

    def _marked(self, part: int) -> str | None:
        match = _MARK.search(self.description)
        return match.group(part) if match else None

    @property
    def is_unidentified(self) -> bool:
        """Whether neither a mark nor the content shows what it would create."""
        return self.mark is None and not self.has_body

    def is_about(self, key: VaultKey) -> bool:
        """Whether it would create or change this key, or may do so, because it does not show which one."""
        if self.key_change is None:
            return False
        if key.mark is not None and self.object_mark == key.mark:
            return True
        return self.key_change.is_of(key) or (self.mark is None and self.key_change.may_be_of(key))

    @property
    def creates_key(self) -> bool:
        """Whether it would create a key, or a version of one."""
        return self.key_change is not None and self.key_change.creates

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

    A denial counts until it expires. The result of an approved or failed request is reported once, and belongs to the
    values that the request was filed for: of others, somebody has changed them since, and nobody has approved that.
    """
    same = [one for one in requests if operation.is_asked_by(one) and not one.has_expired(now)]
    same.sort(key=lambda one: one.created, reverse=True)
    pending = next((one for one in same if one.status == PENDING), None)
    if pending is not None:
        return pending
    same = [one for one in same if one.status not in (APPROVED, FAILED) or operation.starts_from(one)]
    if not same:
        return None
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
