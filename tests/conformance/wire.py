# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes over the wire to DSM, recorded and judged by the schemas of its published API."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

SCHEMAS = Path(__file__).with_name("schemas")
NO_BODY = None

# (method, route) -> schema of the request's body, schema of the answer's body
ROUTES: dict[tuple[str, str], tuple[str | None, str | None]] = {
    ("GET", "/sys/v1/version"): (NO_BODY, "version"),
    ("GET", "/sys/v1/info"): (NO_BODY, "info"),
    ("GET", "/sys/v1/health"): (NO_BODY, NO_BODY),
    ("POST", "/sys/v1/session/auth"): ("auth-request", "auth-response"),
    ("POST", "/sys/v1/session/select_account"): ("select-account-request", "select-account-response"),
    ("POST", "/sys/v1/session/refresh"): (NO_BODY, NO_BODY),
    ("POST", "/sys/v1/session/reauth"): (NO_BODY, "auth-response"),
    ("POST", "/sys/v1/session/terminate"): (NO_BODY, NO_BODY),
    ("GET", "/sys/v1/accounts"): (NO_BODY, "list:account"),
    ("GET", "/sys/v1/accounts/{acct_id}"): (NO_BODY, "account"),
    ("GET", "/sys/v1/users"): (NO_BODY, "list:user"),
    ("GET", "/sys/v1/users/accounts"): (NO_BODY, "user-accounts"),
    ("GET", "/sys/v1/users/permissions"): (NO_BODY, "permissions"),
    ("GET", "/sys/v1/users/{user_id}"): (NO_BODY, "user"),
    ("GET", "/sys/v1/apps"): (NO_BODY, "list:app"),
    ("GET", "/sys/v1/apps/{app_id}"): (NO_BODY, "app"),
    ("GET", "/sys/v1/groups"): (NO_BODY, "group-list"),
    ("POST", "/sys/v1/groups"): ("group-request", "group"),
    ("POST", "/sys/v1/groups/hmg/check"): ("azure-link", NO_BODY),
    ("POST", "/sys/v1/groups/hmg/azure_vaults"): ("azure-link", "list:key-vault"),
    ("GET", "/sys/v1/groups/{group_id}"): (NO_BODY, "group"),
    ("PATCH", "/sys/v1/groups/{group_id}"): ("group-request", "group"),
    ("DELETE", "/sys/v1/groups/{group_id}"): (NO_BODY, NO_BODY),
    ("POST", "/sys/v1/groups/{group_id}/hmg/check"): ("check-request", NO_BODY),
    ("POST", "/sys/v1/groups/{group_id}/hmg/scan"): ("scan-request", "list:key"),
    ("POST", "/sys/v1/groups/{group_id}/hmg/scans"): (NO_BODY, "scan"),
    ("GET", "/sys/v1/groups/{group_id}/hmg/scans"): (NO_BODY, "scan-list"),
    ("GET", "/sys/v1/groups/{group_id}/hmg/scans/{scan_id}"): (NO_BODY, "scan"),
    ("GET", "/sys/v1/approval_requests"): (NO_BODY, "list:approval-request"),
    ("POST", "/sys/v1/approval_requests"): ("approval-request-request", "approval-request"),
    ("GET", "/sys/v1/approval_requests/{req_id}"): (NO_BODY, "approval-request"),
    ("DELETE", "/sys/v1/approval_requests/{req_id}"): (NO_BODY, NO_BODY),
    ("POST", "/sys/v1/approval_requests/{req_id}/approve"): ("approve-request", "approval-request"),
    ("POST", "/sys/v1/approval_requests/{req_id}/deny"): ("deny-request", "approval-request"),
    ("POST", "/sys/v1/approval_requests/{req_id}/result"): (NO_BODY, "approvable-result"),
    ("GET", "/crypto/v1/keys"): (NO_BODY, "key-list"),
    ("POST", "/crypto/v1/keys/info"): ("key-descriptor", "key"),
    ("GET", "/crypto/v1/keys/{kid}"): (NO_BODY, "key"),
    ("POST", "/crypto/v1/keys"): ("key-request", "key"),
    ("POST", "/crypto/v1/keys/copy"): ("copy-request", "key"),
    ("POST", "/crypto/v1/keys/rekey"): ("rekey-request", "key"),
    ("PATCH", "/crypto/v1/keys/{kid}"): ("key-request", "key"),
    ("DELETE", "/crypto/v1/keys/{kid}"): (NO_BODY, NO_BODY),
    ("POST", "/crypto/v1/keys/{kid}/destroy"): (NO_BODY, NO_BODY),
    ("POST", "/crypto/v1/keys/{kid}/revoke"): ("revoke-request", NO_BODY),
    ("POST", "/crypto/v1/keys/{kid}/activate"): (NO_BODY, NO_BODY),
    # The document has none of these; their answers are those of the calls beside them.
    ("POST", "/crypto/v1/keys/{kid}/schedule_deletion"): ("empty-request", "key"),
    ("POST", "/crypto/v1/keys/{kid}/delete_key_material"): (NO_BODY, "key"),
    ("POST", "/crypto/v1/keys/{kid}/cancel_deletion"): (NO_BODY, "key"),
    ("POST", "/crypto/v1/keys/{kid}/restore"): (NO_BODY, "key"),
}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    sent: bytes
    status: int
    received: bytes

    @property
    def route(self) -> str:
        """The route template, the literal one first: ``/groups/hmg/check`` is no check of a group named hmg."""
        fitting = [route for method, route in ROUTES if method == self.method and _fits(route, self.path)]
        assert fitting, f"{self.method} {self.path} is no route of the table"
        return min(fitting, key=lambda route: route.count("{"))

    def complaint_about_the_request(self) -> str | None:
        schema, _answer = ROUTES[self.method, self.route]
        # The credential of a login may go in the header instead of a body.
        if not self.sent and self.route.endswith("/session/auth"):
            return None
        return self._complaint("sends", self.sent, schema)

    def complaint_about_the_answer(self) -> str | None:
        _request, schema = ROUTES[self.method, self.route]
        if self.status >= 400:
            return None if self.received.strip() else f"{self}: an error without a word"
        if (schema is NO_BODY) != (self.status == 204):
            return f"{self}: status {self.status}"
        return self._complaint("answers", self.received, schema)

    def _complaint(self, verb: str, body: bytes, schema: str | None) -> str | None:
        if schema is NO_BODY:
            return f"{self} {verb} a body: {body!r}" if body else None
        try:
            error = best_match(validator(schema).iter_errors(json.loads(body)))
        except ValueError:
            return f"{self} {verb} what is not JSON: {body!r}"
        return f"{self} {verb} {error.json_path}: {error.message}" if error else None

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def _fits(route: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path) is not None


@cache
def registry() -> Registry[Any]:
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))]
    return Registry().with_resources((content["$id"], Resource.from_contents(content)) for content in contents)


@cache
def validator(name: str) -> Draft202012Validator:
    """For the schema of that name, or ``list:`` and the schema of the items."""
    kind, separator, item = name.partition(":")
    reference = {"$ref": f"urn:dsm:{item or kind}"}
    return Draft202012Validator({"type": "array", "items": reference} if separator else reference, registry=registry())


def _again(response: Any, received: bytes, *, preload_content: bool) -> urllib3.HTTPResponse:
    """The same response, whose body can be read once more."""
    return urllib3.HTTPResponse(
        io.BytesIO(received), response.headers, response.status, preload_content=preload_content
    )


@contextmanager
def recorded(host: str) -> Iterator[list[Exchange]]:
    """All that this process exchanges with the host through urllib3, whatever the code above it."""
    exchanges: list[Exchange] = []
    original = urllib3.PoolManager.urlopen

    def urlopen(pool: urllib3.PoolManager, method: str, url: str, *args: Any, **options: Any) -> Any:
        response = original(pool, method, url, *args, **options)
        parts = urlsplit(url)
        if parts.hostname != host:
            return response
        sent = options.get("body") or b""
        body = sent if isinstance(sent, bytes) else str(sent).encode()
        received = response.read(decode_content=False) if options.get("preload_content") is False else None
        again = response if received is None else _again(response, received, preload_content=True)
        exchanges.append(Exchange(method, parts.path, body, response.status, again.data))
        return response if received is None else _again(response, received, preload_content=False)

    urllib3.PoolManager.urlopen = urlopen  # type: ignore[method-assign]
    try:
        yield exchanges
    finally:
        urllib3.PoolManager.urlopen = original  # type: ignore[method-assign]
