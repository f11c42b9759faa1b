# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services of Azure share: error shape, paging, the middleware that turns refusals into answers."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ..profiles import Profile
from ..runtime import Runtime
from ..wire import (
    crash_report,
    date_middleware,
    fault_middleware,
    journal_middleware,
    json_response,
    name_principal,
)
from .entra.tokens import Caller
from .state import CloudState

T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """One cloud and the world it lives in."""

    state: CloudState
    runtime: Runtime

    @property
    def profile(self) -> Profile:
        return self.runtime.profile


class AzureError(Exception):
    """A refusal in the shape of ARM and Key Vault (Azure contract §1.1)."""

    def __init__(
        self, status: int, code: str, message: str, inner: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body: dict[str, Any] = {"error": {"code": code, "message": message}}
        if inner:
            self.body["error"]["innererror"] = {"code": inner}


def _nothing_there(path: str, version: str) -> AzureError:
    del path, version
    return AzureError(404, "NotFound", "Not Found")


def application(
    plane: str, service: Service, unserved: Callable[[str, str], AzureError] = _nothing_there
) -> web.Application:
    """An application with the middlewares of all of Azure's planes.

    ``unserved``: the refusal of a path and an api-version for which there is no route.
    """
    middlewares = [
        journal_middleware(plane, service.runtime),
        date_middleware(plane, service.runtime),
        fault_middleware(plane, service.runtime),
        _error_middleware(service.runtime, unserved),
    ]
    return web.Application(middlewares=middlewares)


def ignore_case_of_paths(app: web.Application) -> None:
    """Let the fixed parts of all routes be found in any letter case, but the first segment.

    Source: learn.microsoft.com, "Naming rules and restrictions for Azure resources": resource IDs, too, come back in
    other cases than they were given.
    """
    for resource in app.router.resources():
        if isinstance(resource, web.DynamicResource):
            resource._pattern = re.compile(resource._pattern.pattern, re.IGNORECASE)


def _error_middleware(runtime: Runtime, unserved: Callable[[str, str], AzureError]) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except AzureError as error:
            return json_response(error.body, error.status, error.headers)
        except web.HTTPNotFound:
            missing = unserved(request.path, request.query.get("api-version", ""))
            return json_response(missing.body, missing.status)
        except web.HTTPException as error:
            return json_response(
                {"error": {"code": error.reason.replace(" ", ""), "message": error.reason}}, error.status
            )
        except Exception as error:
            crash_report(runtime, error)
            return json_response({"error": {"code": "InternalServerError", "message": "sandbox defect"}}, 500)

    return middleware


def announce(request: web.Request, caller: Caller) -> Caller:
    """Name the caller in the journal."""
    name_principal(request, f"app:{caller.name}")
    return caller


def require_api_version(request: web.Request) -> str:
    version = request.query.get("api-version")
    if not version:
        raise AzureError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    return version


def page_of(
    items: Sequence[T], request: web.Request, size: int, render: Callable[[T], dict[str, Any]], size_parameter: str
) -> dict[str, Any]:
    """One page in the shape of Azure's lists: `value`, and an absolute `nextLink` while there is more."""
    wanted = request.query.get(size_parameter, "")
    size = min(size, int(wanted)) if wanted.isdigit() and int(wanted) > 0 else size
    start = _position(request.query.get("$skiptoken"))
    page: dict[str, Any] = {"value": [render(item) for item in items[start : start + size]], "nextLink": None}
    if start + size < len(items):
        token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        query = {**request.query, "$skiptoken": token}
        page["nextLink"] = str(request.url.with_scheme("https").with_query(query))
    return page


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise AzureError(400, "InvalidSkipToken", "The $skiptoken is not valid.") from error
