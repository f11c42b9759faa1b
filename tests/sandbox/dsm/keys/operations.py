# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All operations that write security objects: as routes, and as what an approval request can carry out."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..context import Dsm, caller, json_object, path_uuid
from ..errors import not_found
from ..permissions import Principal
from ..state import Account
from ..values import SecurityObject
from .changing import Changing
from .copying import Copying
from .ending import Ending
from .making import Making
from .rights import Need

_KEY = r"/crypto/v1/keys/([0-9a-fA-F-]{36})"
STATE_DEEDS = ("destroy", "revoke", "activate")
ENDING_DEEDS = ("schedule_deletion", "delete_key_material", "cancel_deletion", "restore")

FORMS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("POST", "create", re.compile("/crypto/v1/keys")),
    ("POST", "copy", re.compile("/crypto/v1/keys/copy")),
    ("POST", "rekey", re.compile("/crypto/v1/keys/rekey")),
    ("PATCH", "change", re.compile(_KEY)),
    ("DELETE", "delete", re.compile(_KEY)),
    *(("POST", deed, re.compile(f"{_KEY}/{deed}")) for deed in (*STATE_DEEDS, *ENDING_DEEDS)),
)
"""Method, operation, path."""


class KeyOperations:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm
        self._making, self._copying, self._changing = Making(dsm), Copying(dsm), Changing(dsm)
        self._ending = Ending(dsm, self._copying)

    # Routes ----------------------------------------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.Response:
        return await self._called(request, "create", None)

    async def copy(self, request: web.Request) -> web.Response:
        return await self._called(request, "copy", None)

    async def rekey(self, request: web.Request) -> web.Response:
        return await self._called(request, "rekey", None)

    async def change(self, request: web.Request) -> web.Response:
        return await self._called(request, "change", path_uuid(request, "kid"))

    async def delete(self, request: web.Request) -> web.Response:
        return await self._called(request, "delete", path_uuid(request, "kid"))

    async def deed(self, request: web.Request) -> web.Response:
        """What the last segment of the path names."""
        return await self._called(request, request.path.rsplit("/", 1)[1], path_uuid(request, "kid"))

    async def _called(self, request: web.Request, operation: str, kid: str | None) -> web.Response:
        body = await json_object(request, required=operation in ("create", "copy", "rekey", "change", "revoke"))
        status, shown = await self.carry_out(caller(request), operation, kid, body)
        return web.Response(status=status) if status == 204 else json_response(shown, status)

    # Operations ------------------------------------------------------------------------------------------------------

    async def carry_out(
        self, principal: Principal, operation: str, kid: str | None, body: dict[str, Any], approved: bool = False
    ) -> tuple[int, Any]:
        """Direct, or as `approved` by a quorum: status and body of the answer."""
        whole = {"create": self._making.create, "copy": self._copying.copy, "rekey": self._making.rekey}
        if operation in whole:
            return await whole[operation](principal, body, approved)
        assert kid is not None
        if operation in ENDING_DEEDS:
            return await self._ending.carry_out(principal, kid, operation, approved)
        if operation in STATE_DEEDS:
            return await self._changing.state_deed(principal, kid, body, operation, approved)
        one = self._changing.change if operation == "change" else self._changing.remove
        return await one(principal, kid, body, approved)

    def needs(
        self, account: Account, operation: str, kid: str | None, body: dict[str, Any]
    ) -> tuple[list[Need], SecurityObject | None]:
        """What an operation needs, and the key that it is about, if that exists already."""
        if operation == "create":
            return self._making.needs_to_create(account, body), None
        key = self._subject(account, operation, kid, body)
        if operation == "copy":
            return self._copying.needs(account, key, body), key
        if operation == "change":
            return self._changing.needs_to_change(account, key, body), key
        if operation in ENDING_DEEDS:
            self._ending.require_served(operation)
            return self._ending.needs(account, key, operation), key
        if operation == "rekey":
            return self._making.needs_to_rotate(account, key), key
        return self._changing.needs_of(account, key, operation), key

    def _subject(self, account: Account, operation: str, kid: str | None, body: dict[str, Any]) -> SecurityObject:
        if operation == "rekey":
            found = self._making.rotated(account, body)
        elif operation == "copy":
            descriptor = body.get("key")
            named: dict[str, Any] = descriptor if isinstance(descriptor, dict) else {}
            found = account.keys.get(str(named.get("kid"))) or account.keys.named(str(named.get("name")))
        else:
            found = account.keys.get((kid or "").lower())
        if found is None:
            raise not_found("sobject does not exist")
        return found
