# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DSM's request handlers need, and the checks that several of them share."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ..profiles import Profile
from ..runtime import Runtime
from .errors import bad_request
from .permissions import Principal
from .state import DsmState


@dataclass(frozen=True)
class Dsm:
    """The simulated DSM: its state and the world it lives in."""

    state: DsmState
    runtime: Runtime
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        return self.runtime.profile

    def lock(self, group_id: str) -> asyncio.Lock:
        """Held by whoever works over the links of a group: scans and operations on its keys go one after the other."""
        return self._locks.setdefault(group_id, asyncio.Lock())


def caller(request: web.Request) -> Principal:
    """The principal that the authentication middleware found."""
    principal: Principal = request["caller"]
    return principal


async def json_object(request: web.Request, required: bool = True) -> dict[str, Any]:
    """The request's body as a JSON object; an absent body is `{}` where that is allowed."""
    raw = await request.read()
    if not raw.strip():
        if required:
            raise bad_request("The request has no body")
        return {}
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise bad_request("The request's body is not valid JSON") from error
    if not isinstance(value, dict):
        raise bad_request("The request's body must be a JSON object")
    return value


def require_uuid(value: object, what: str) -> str:
    """A UUID in DSM's lower-case form, or 400."""
    if not isinstance(value, str) or len(value) != 36:
        raise bad_request(f"{what} is not a UUID")
    try:
        return str(uuid.UUID(value))
    except ValueError as error:
        raise bad_request(f"{what} is not a UUID") from error


def path_uuid(request: web.Request, name: str) -> str:
    return require_uuid(request.match_info[name], name)


def whole_number(text: str | None, what: str) -> int | None:
    """A non-negative integer of the query string, or None when it is absent."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"{what} is not a number")
    return int(text)


def flag(text: str | None) -> bool:
    return text is not None and text.lower() in ("", "true", "1")
