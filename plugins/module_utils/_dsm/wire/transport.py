# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Requests to DSM and their responses: TLS, proxy, keep-alive, time budget, and retries where they are safe."""

from __future__ import annotations

import json
import os
import socket
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import _deps, _time
from ..._certificates import loading
from ..._errors import InvalidInput, TaskError, quotable
from ..._rest.connections import pool_classes, read_body
from ..._rest.limits import LimitExceeded, Limits, limited
from ..._rest.shapes import from_json
from ..._rest.statuses import REDIRECTIONS, SUCCESSES
from ..._time import ServiceClock
from . import routes
from .budget import Budget, OutOfTime
from .errors import DsmError, OutcomeUnknown, UnreadableAnswer, meaning_of, refusal, server_words
from .login import AppCertificate
from .pauses import pause_before_next

_CONNECT_SECONDS = 10
_TRIES = 4
_CHECK_NETWORK = "check dsm_endpoint, the network and the firewall between this host and DSM"


@dataclass(frozen=True)
class Request:
    """``url``: path and query. ``budget``: the request's own time budget, instead of the task's."""

    method: str
    route: str
    url: str
    obj: str
    body: Any = None
    budget: Budget | None = None

    @property
    def is_read(self) -> bool:
        return routes.is_read(self.method, self.route)

    @property
    def label(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    data: bytes


def tls_context(validate: bool, ca_path: str | None, certificate: AppCertificate | None) -> ssl.SSLContext:
    """The TLS settings of the connection to DSM.

    Raises:
        InvalidInput: a file that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except (OSError, ssl.SSLError) as error:
        cause = error.strerror or "it contains no PEM certificate"
    else:
        if not validate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate is not None:
            _present(context, certificate)
        return context
    raise InvalidInput(
        "dsm_ca_path", f"the file cannot be used: {cause}", "set it to a file with CA certificates in PEM format"
    )


def _present(context: ssl.SSLContext, login: AppCertificate) -> None:
    """Have the context present the app's certificate whenever DSM requests one: on each new connection."""
    key = login.key or login.certificate
    for option, path in (("dsm_client_cert", login.certificate), ("dsm_client_key", key)):
        _refuse_unreadable(option, path)
    try:
        # An empty passphrase: without one, the module would wait for input.
        context.load_cert_chain(login.certificate, key, password="")
    except (OSError, ValueError):
        # In a format that the ssl module cannot read: encrypted, DER, PKCS#12, a chain in another order.
        _present_converted(context, login.certificate, key)


def _present_converted(context: ssl.SSLContext, certificate: str, key: str) -> None:
    option, key_option = "dsm_client_cert", "dsm_client_key"
    try:
        found = loading.load_chain(option, certificate, key_option, key, None, None)
    except InvalidInput as error:
        refused = error
    else:
        if _load_from_memory(context, *loading.pem_of(*found)):
            return
        refused = InvalidInput(
            option,
            "the TLS library rejects the certificate or its key",
            "use a certificate whose key and signature OpenSSL accepts, for example RSA with 2048 bits and SHA-256",
        )
    path = key if refused.obj == key_option else certificate
    problem = f"{loading.shown(path)} cannot be used: {refused.problem}"
    raise InvalidInput(refused.obj, problem, refused.next_step)


def _load_from_memory(context: ssl.SSLContext, certificates: str, key: str) -> bool:
    """Load PEM texts, which the ssl module reads from files only: here from pipes, so that no key is written to disk.

    Returns:
        Whether they could be used.
    """
    readers: list[int] = []
    try:
        for text in (certificates, key):
            reader, writer = os.pipe()
            readers.append(reader)
            # A text that does not fit into the pipe would block forever.
            os.set_blocking(writer, False)
            with open(writer, "wb", buffering=0) as file:
                if file.write(text.encode("ascii")) != len(text):
                    return False
        context.load_cert_chain(*(f"/dev/fd/{reader}" for reader in readers))
    except (OSError, ValueError):
        return False
    finally:
        for reader in readers:
            os.close(reader)
    return True


def _refuse_unreadable(option: str, path: str) -> None:
    cause: str | None = None
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        cause = error.strerror or "it cannot be read"
    if cause is None or loading.is_text(path):
        return
    raise InvalidInput(
        option,
        f"{loading.shown(path)} cannot be used: {cause}",
        "set it to a file of the app that the user who runs the module can read",
    )


class Transport:
    """Sends requests to one DSM. All of them, and the pauses between them, share the time budget of the task."""

    def __init__(
        self,
        endpoint: str,
        *,
        tls: ssl.SSLContext,
        proxy: str | None,
        budget: Budget,
        presents_certificate: bool,
        clock: ServiceClock,
    ) -> None:
        self._urllib3 = _deps.load("urllib3")
        self.endpoint = endpoint
        self._budget = budget
        self._presents_certificate = presents_certificate
        self._clock = clock
        self._pool = self._open_pool(tls, proxy)

    def _open_pool(self, tls: ssl.SSLContext, proxy: str | None) -> Any:
        pool = self._pool_of(tls, proxy)
        pool.pool_classes_by_scheme = pool_classes()
        return pool

    def _pool_of(self, tls: ssl.SSLContext, proxy: str | None) -> Any:
        if proxy is None:
            return self._urllib3.PoolManager(ssl_context=tls, maxsize=1)
        # urllib3 leaves this off towards proxies, which costs 40 ms for each request with a body.
        options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        try:
            parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"http://{proxy}")
            headers = {}
            if parts.username:
                user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
                headers = self._urllib3.make_headers(proxy_basic_auth=user)
            address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            return self._urllib3.ProxyManager(
                address, ssl_context=tls, maxsize=1, proxy_headers=headers, socket_options=options
            )
        except (ValueError, self._urllib3.exceptions.HTTPError):
            # The cause would quote the address, which may contain a password.
            pass
        raise TaskError(
            "the address of the proxy is not valid",
            plane="Controller",
            obj="environment variable HTTPS_PROXY",
            next_step="set it to http://host:port or https://host:port, with user:password@ before the host if needed",
        )

    def close(self) -> None:
        self._pool.clear()

    def send(self, request: Request, authorization: str | None) -> Any:
        """The decoded JSON of the response, None when it is empty.

        Raises:
            DsmError: DSM refused.
            OutcomeUnknown: a write was sent and no response arrived.
            OutOfTime: the time budget expired while waiting for a read, or before the request was sent.
            TaskError: DSM could not be reached, or returned something other than JSON.
        """
        headers = {"Accept": "application/json", "User-Agent": "fortanix.dsm (Ansible collection)"}
        if authorization:
            headers["Authorization"] = authorization
        content = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(request.body).encode()
        budget = request.budget or self._budget
        for attempt in range(1, _TRIES + 1):
            outcome = self._attempt(request, headers, content, budget)
            failed = isinstance(outcome, TaskError)
            if not failed and not (meaning_of(outcome.status).read_again and request.is_read):
                return self._decoded(outcome, request)
            pause = pause_before_next(attempt, {} if failed else outcome.headers)
            if attempt == _TRIES or not budget.allows(pause):
                break
            budget.pause(pause)
        if failed:
            raise outcome
        return self._decoded(outcome, request)

    def _attempt(self, request: Request, headers: Mapping[str, str], content: bytes | None, budget: Budget) -> Any:
        """One attempt: the response, or the failure if another attempt is safe and may help."""
        exceptions = self._urllib3.exceptions
        left = budget.require(request.obj)
        sent, limits = _time.utc_now(), Limits(left)
        try:
            with limited(limits):
                # A redirect is not followed: it would send the credentials to another host.
                response = self._pool.request(
                    request.method,
                    self.endpoint + request.url,
                    headers=headers,
                    body=content,
                    timeout=self._urllib3.Timeout(connect=min(_CONNECT_SECONDS, left), read=left),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
                answer = _Answer(response.status, response.headers, read_body(response))
        except (exceptions.HTTPError, LimitExceeded) as error:
            cause: Any = error
        else:
            self._clock.observe("DSM", answer.headers, sent)
            return answer
        if isinstance(cause, exceptions.ProxyError) and not _is_proxys_own(exceptions, cause.original_error):
            # urllib3 reports a proxy error also for a tunnel that broke later; by then the request had been sent.
            cause = cause.original_error
        # Any request that was certainly not sent may be repeated; one that was sent, only if it is a read.
        not_sent = (exceptions.NewConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyError)
        hopeless = (exceptions.SSLError, exceptions.NameResolutionError, exceptions.ReadTimeoutError, LimitExceeded)
        safe = isinstance(cause, not_sent) or request.is_read or not limits.sent
        failure = self._failure(cause, request, budget, safe=safe)
        if safe and not isinstance(cause, hopeless):
            return failure
        raise failure

    def _failure(self, cause: Any, request: Request, budget: Budget, *, safe: bool) -> TaskError:
        exceptions = self._urllib3.exceptions
        limit = cause if isinstance(cause, LimitExceeded) else None
        timed_out = isinstance(cause, exceptions.ReadTimeoutError) if limit is None else limit.timed_out
        if limit is not None and not timed_out:
            return self._unreadable_within_limits(limit, request)
        words = f"no response arrived within the time limit ({budget.spent_words})" if timed_out else str(cause)
        if not safe:
            return OutcomeUnknown(
                f"the connection broke after {request.label} had been sent, so it is unknown whether DSM carried it "
                f"out: {quotable(words)}",
                plane="DSM",
                obj=request.obj,
                next_step="run the task again: it reads the current state before it changes anything"
                + (f"; {budget.advice}" if timed_out else ""),
                endpoint=self.endpoint,
            )
        return (OutOfTime if timed_out else TaskError)(
            f"{self.endpoint} {'was reached, but ' if timed_out else 'cannot be reached: '}{quotable(words)}",
            plane="DSM",
            obj=request.obj,
            next_step=self._advice(cause, budget),
            endpoint=self.endpoint,
        )

    def _unreadable_within_limits(self, limit: LimitExceeded, request: Request) -> TaskError:
        problem = f"the response to {request.label} cannot be read: {limit}"
        advice = "check that dsm_endpoint is DSM's REST API and not a gateway or a proxy"
        if request.is_read:
            return TaskError(problem, plane="DSM", obj=request.obj, next_step=advice, endpoint=self.endpoint)
        return OutcomeUnknown(
            f"{problem}, so it is unknown whether DSM carried out the request",
            plane="DSM",
            obj=request.obj,
            next_step=f"{advice}, and run the task again: it reads the current state before it changes anything",
            endpoint=self.endpoint,
        )

    def _advice(self, cause: Any, budget: Budget) -> str:
        exceptions = self._urllib3.exceptions
        if isinstance(cause, LimitExceeded):
            return budget.advice
        if isinstance(cause, exceptions.SSLError) and "alert" in str(cause).lower():
            return (
                "check whether DSM, or a gateway in front of it, requires a client certificate, and whether the one in "
                "dsm_client_cert is registered and has not expired: the server rejected the TLS connection"
            )
        known = (
            (exceptions.NameResolutionError, "check the host name in dsm_endpoint, and HTTPS_PROXY if one is needed"),
            (
                exceptions.SSLError,
                "check that dsm_ca_path contains the CA of DSM's certificate, and that the host name is correct",
            ),
            (exceptions.ProxyError, "check HTTPS_PROXY: the proxy cannot be reached or rejects this host"),
            (exceptions.ReadTimeoutError, budget.advice),
            (exceptions.NewConnectionError, _CHECK_NETWORK),
            (exceptions.ConnectTimeoutError, _CHECK_NETWORK),
        )
        advice = next((text for kind, text in known if isinstance(cause, kind)), None)
        if advice is None and self._presents_certificate:
            # With TLS 1.3 a server reads the certificate after the handshake; some then close without an alert.
            return f"check whether the certificate in dsm_client_cert is registered and valid, and {_CHECK_NETWORK}"
        return advice or _CHECK_NETWORK

    def _decoded(self, response: Any, request: Request) -> Any:
        content_type = response.headers.get("Content-Type", "")
        if response.status in REDIRECTIONS:
            raise DsmError(
                response.status,
                f"redirect to {response.headers.get('Location', 'nowhere')}",
                method=request.method,
                route=request.route,
                obj=request.obj,
                next_step="set dsm_endpoint to the base URL of DSM, not of a proxy or a redirect",
            )
        if response.status not in SUCCESSES:
            raise refusal(
                response.status,
                content_type,
                response.data,
                method=request.method,
                route=request.route,
                obj=request.obj,
                next_step=self._advice_on_trouble(response, request),
            )
        if not response.data.strip():
            return None
        try:
            return from_json(response.data)
        except (ValueError, RecursionError):
            words = server_words(content_type, response.data)
        advice = "check that dsm_endpoint is DSM's REST API and not a login page, a gateway or a proxy"
        if not request.is_read:
            advice = "run the task again, which reads the current state first; if the response is the same, " + advice
        shape = "incomplete or invalid JSON" if "json" in content_type.lower() else f"not JSON but {content_type}"
        raise UnreadableAnswer(
            f"the response to {request.label} is {shape if content_type else 'not JSON and has no content type'}",
            plane="DSM",
            obj=request.obj or self.endpoint,
            server_words=words,
            next_step=advice,
        )

    def _advice_on_trouble(self, response: Any, request: Request) -> str:
        """The next step after the response of an overloaded server; empty for other responses."""
        if not meaning_of(response.status).read_again:
            return ""
        asked = response.headers.get("Retry-After")
        when = f" after the time that the server requests (Retry-After: {quotable(asked)})" if asked else " later"
        if request.is_read:
            return f"run the task again{when}, or with fewer forks; {(request.budget or self._budget).advice}"
        # Neither the status nor Retry-After proves that nothing was changed, least of all if a gateway sent it.
        return (
            f"run the task again{when}: it reads the current state before it changes anything, so no write is repeated "
            "blindly"
        )


def _is_proxys_own(exceptions: Any, cause: Exception) -> bool:
    """Whether the proxy could not be reached, or refused to open the tunnel."""
    unreachable = isinstance(cause, (exceptions.NewConnectionError, exceptions.ConnectTimeoutError))
    return unreachable or "Tunnel connection failed" in str(cause)
