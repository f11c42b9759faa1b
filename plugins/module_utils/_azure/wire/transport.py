# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The transport of every client and credential of the Azure SDKs: each request has a total time and a largest response.

The SDKs, and requests below them, limit only the time between two bytes, and unpack a response of any size.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

from ... import _deps, _time
from ..._rest.connections import pool_classes, read_body
from ..._rest.limits import LimitExceeded, Limits, current, limited
from .errors import AzureError
from .sdk_failures import UNREADABLE, about_response, causes

# For one attempt of a request: connection, TLS, tunnel of a proxy, head and body of the response.
REQUEST_SECONDS = 60
# Seconds. If a server requests a longer pause, the task fails and reports the request.
LONGEST_PAUSE = 60
# A body that has been unpacked, and is no longer on its way.
_OF_THE_WIRE = frozenset(["content-encoding", "content-length", "transfer-encoding"])


def client_options(network: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one client or credential: those of the network, and a transport of its own."""
    return {**network, "transport": transport(network)}


def transport(network: Mapping[str, Any]) -> Any:
    """The connections of one client or credential."""
    return _classes()[0](**network)


def retry_policy() -> Any:
    """The class of the SDK's retries, which do not wait for longer than a minute."""
    return _classes()[1]


def limit_in(error: BaseException) -> LimitExceeded | None:
    """The exceeded limit that an exception of the SDKs is about."""
    return next((one for one in causes(error) if isinstance(one, LimitExceeded)), None)


def exceeded(limit: LimitExceeded, *, plane: str, obj: str, label: str = "", writes: bool = False) -> AzureError:
    """The error for a response that exceeds a limit. ``label``: method and path of the request."""
    return about_response(
        f"cannot be read: {limit}",
        label,
        unknown=writes and limit.sent,
        plane=plane,
        obj=obj,
        next_step="run the task again; if the problem persists, check whether a proxy or gateway delays or changes the "
        "responses of Azure",
        retryable=True,
    )


@cache
def _classes() -> tuple[Any, Any]:
    """Subclasses of the SDK's transport and retries, which are imported only when they are used."""
    requests, urllib3 = _deps.load("requests"), _deps.load("urllib3")
    sdk, policies = _deps.load("azure.core.pipeline.transport"), _deps.load("azure.core.pipeline.policies")

    class Adapter(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        """Connections within limits; reads the complete response before it returns."""

        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            self.poolmanager.pool_classes_by_scheme = pool_classes()

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **options)
            if not proxy.lower().startswith("socks"):
                manager.pool_classes_by_scheme = pool_classes()
            return manager

        def send(self, request: Any, **options: Any) -> Any:
            request.headers["Accept-Encoding"] = "gzip"
            known, lost = requests.exceptions, ""
            try:
                return super().send(request, **options)
            except known.ProxyError as error:
                running = current()
                if running is None or not running.sent:
                    raise
                lost = str(getattr(getattr(error.args[0], "reason", None), "original_error", error))
            # urllib3 blames the proxy for each connection that breaks behind it. The SDK would conclude that nothing
            # was sent.
            raise known.RequestException(f"the connection broke after the request was sent: {lost}", request=request)

        def build_response(self, request: Any, response: Any) -> Any:
            failures, known = urllib3.exceptions, requests.exceptions
            try:
                body = read_body(response)
            except failures.ReadTimeoutError as error:
                # requests would call it a failed connection, and the SDK conclude that nothing was sent.
                raise known.ReadTimeout(error, request=request) from error
            except failures.ProtocolError as error:
                raise known.ChunkedEncodingError(error, request=request) from error
            held = urllib3.HTTPResponse(
                body=io.BytesIO(body),
                headers=[item for item in response.headers.items() if item[0].lower() not in _OF_THE_WIRE],
                status=response.status,
                reason=response.reason,
                preload_content=False,
                original_response=getattr(response, "_original_response", None),
            )
            return super().build_response(request, held)

    class Transport(sdk.RequestsTransport):  # type: ignore[misc, name-defined]
        def _init_session(self, session: Any) -> None:
            super()._init_session(session)
            for scheme in self._protocols:
                session.mount(scheme, Adapter())

        def send(self, request: Any, **options: Any) -> Any:
            with limited(Limits(REQUEST_SECONDS)):
                return super().send(request, **options)

        def sleep(self, duration: float) -> None:
            _time.sleep(min(duration, LONGEST_PAUSE))

    class Retries(policies.RetryPolicy):  # type: ignore[misc, name-defined]
        def get_retry_after(self, response: Any) -> float | None:
            try:
                asked = super().get_retry_after(response)
            except UNREADABLE:
                return None
            # One that is not a number is not smaller than anything either.
            return asked if asked is None or asked >= 0 else None

        def is_retry(self, settings: Any, response: Any) -> bool:
            too_long = (self.get_retry_after(response) or 0) > LONGEST_PAUSE
            return not too_long and bool(super().is_retry(settings, response))

    return Transport, Retries
