# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Requests to DSM and their answers: TLS, proxy, keep-alive, time budget, repetition of what is safe to repeat."""

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
from ..._rest.statuses import REDIRECTIONS
from ..._time import ServiceClock
from . import routes
from .budget import Budget, OutOfTime
from .errors import DsmError, OutcomeUnknown, UnreadableAnswer, meaning_of, refusal, server_words
from .login import AppCertificate
from .pauses import pause_before_next

_CONNECT_SECONDS = 10
_TRIES = 4
_CHECK_THE_WAY = "check dsm_endpoint, the network and the firewall between this host and DSM"


@dataclass(frozen=True)
class Request:
    """``url``: path and query. ``budget``: a time of its own, instead of the task's."""

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


def tls_context(validate: bool, ca_path: str | None, certificate: AppCertificate | None) -> ssl.SSLContext:
    """The TLS settings of the connection to DSM.

    Raises:
        InvalidInput: a file that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except (OSError, ssl.SSLError) as error:
        cause = error.strerror or "it holds no certificate in PEM form"
    else:
        if not validate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate is not None:
            _present(context, certificate)
        return context
    raise InvalidInput(
        "dsm_ca_path", f"{ca_path!r} cannot be used: {cause}", "name a file of CA certificates in PEM form"
    )


def _present(context: ssl.SSLContext, login: AppCertificate) -> None:
    """Have the context present the app's certificate whenever DSM asks for one: at each new connection."""
    key = login.key or login.certificate
    for option, path in (("dsm_client_cert", login.certificate), ("dsm_client_key", key)):
        _refuse_unreadable(option, path)
    try:
        # Without a passphrase: the module would wait for somebody to type it.
        context.load_cert_chain(login.certificate, key, password="")
    except (OSError, ValueError):
        # In another form than the one that TLS reads: encrypted, DER, PKCS#12, a chain in another order.
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
        refused = InvalidInput(option, "TLS does not take it", "give certificate and key in PEM form")
    path = key if refused.obj == key_option else certificate
    problem = f"{loading.shown(path)} cannot be used: {refused.problem}"
    raise InvalidInput(refused.obj, problem, refused.next_step)


def _load_from_memory(context: ssl.SSLContext, certificates: str, key: str) -> bool:
    """Load PEM texts, which the ssl module takes from files only: here from pipes, so that no key gets on a disk.

    Returns:
        Whether they could be used.
    """
    readers: list[int] = []
    try:
        for text in (certificates, key):
            reader, writer = os.pipe()
            readers.append(reader)
            # What does not fit into a pipe would wait for a reader for ever.
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
        f"{path!r} cannot be used: {cause}",
        "name a file of the app's that the user who runs the module can read",
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
            # The cause would quote the address, in which there may be a password.
            pass
        raise TaskError(
            "the address of the proxy cannot be used",
            plane="Controller",
            obj="environment variable HTTPS_PROXY",
            next_step="set it to http://host:port or https://host:port, with user:password@ before the host if needed",
        )

    def close(self) -> None:
        self._pool.clear()

    def send(self, request: Request, authorization: str | None) -> Any:
        """The decoded JSON of the answer, None when it is empty.

        Raises:
            DsmError: DSM refused.
            OutcomeUnknown: a write was sent and no answer came.
            OutOfTime: the budget was used up, by waiting for a read or before the request was sent.
            TaskError: DSM could not be reached, or answered with something other than JSON.
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
        """One try: the response, or the failure when a further try is safe and may help."""
        exceptions = self._urllib3.exceptions
        left = budget.require(request.obj)
        sent = _time.utc_now()
        try:
            # A redirect is not followed: it would carry the login to another place.
            response = self._pool.request(
                request.method,
                self.endpoint + request.url,
                headers=headers,
                body=content,
                timeout=self._urllib3.Timeout(connect=min(_CONNECT_SECONDS, left), read=left),
                retries=False,
                redirect=False,
            )
        except exceptions.HTTPError as error:
            cause = error
        else:
            self._clock.observe("DSM", response.headers, sent)
            return response
        if isinstance(cause, exceptions.ProxyError) and not _is_proxys_own(exceptions, cause.original_error):
            # urllib3 blames the proxy for a tunnel that broke later on; by then the request had been sent.
            cause = cause.original_error
        # A request that was certainly not sent may be repeated, whatever it is; one that was sent only if it is a read.
        not_sent = (exceptions.NewConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyError)
        hopeless = (exceptions.SSLError, exceptions.NameResolutionError, exceptions.ReadTimeoutError)
        safe = isinstance(cause, not_sent) or request.is_read
        failure = self._failure(cause, request, budget, safe=safe)
        if safe and not isinstance(cause, hopeless):
            return failure
        raise failure

    def _failure(self, cause: Any, request: Request, budget: Budget, *, safe: bool) -> TaskError:
        exceptions = self._urllib3.exceptions
        timed_out = isinstance(cause, exceptions.ReadTimeoutError)
        words = f"there was no answer in the time that is allowed ({budget.spent_words})" if timed_out else str(cause)
        if not safe:
            return OutcomeUnknown(
                f"the connection broke after {request.label} had been sent, so it is unknown whether DSM carried it "
                f"out: {quotable(words)}",
                plane="DSM",
                obj=request.obj,
                next_step="run the task again: it looks at what is there before it changes anything"
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

    def _advice(self, cause: Any, budget: Budget) -> str:
        exceptions = self._urllib3.exceptions
        if isinstance(cause, exceptions.SSLError) and "alert" in str(cause).lower():
            return (
                "DSM, or what stands before it, does not accept this side of the connection: see whether it demands "
                "a client certificate, and whether the one in dsm_client_cert is registered and not expired"
            )
        known = (
            (exceptions.NameResolutionError, "check the host name in dsm_endpoint, and HTTPS_PROXY if one is needed"),
            (
                exceptions.SSLError,
                "see that dsm_ca_path holds the CA of DSM's certificate, and that the host name is right",
            ),
            (exceptions.ProxyError, "check HTTPS_PROXY: the proxy cannot be reached or refuses this host"),
            (exceptions.ReadTimeoutError, budget.advice),
            (exceptions.NewConnectionError, _CHECK_THE_WAY),
            (exceptions.ConnectTimeoutError, _CHECK_THE_WAY),
        )
        advice = next((text for kind, text in known if isinstance(cause, kind)), None)
        if advice is None and self._presents_certificate:
            # With TLS 1.3 a server learns of the certificate after the handshake; some then hang up without a word.
            return f"see whether the certificate in dsm_client_cert is registered and not expired, and {_CHECK_THE_WAY}"
        return advice or _CHECK_THE_WAY

    def _decoded(self, response: Any, request: Request) -> Any:
        content_type = response.headers.get("Content-Type", "")
        if response.status in REDIRECTIONS:
            raise DsmError(
                response.status,
                f"redirect to {response.headers.get('Location', 'nowhere')}",
                method=request.method,
                route=request.route,
                obj=request.obj,
                next_step="set dsm_endpoint to the address of DSM itself",
            )
        if not 200 <= response.status < 300:
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
            return json.loads(response.data)
        except (ValueError, RecursionError):
            words = server_words(content_type, response.data)
        advice = "check that dsm_endpoint is DSM's REST API and not a login page, a gateway or a proxy"
        if not request.is_read:
            advice = "run the task again, which looks at what is there; if the answer stays like this, " + advice
        shape = (
            "JSON that breaks off or is damaged" if "json" in content_type.lower() else f"not JSON but {content_type}"
        )
        raise UnreadableAnswer(
            f"the answer to {request.label} is {shape if content_type else 'not JSON but of no stated type'}",
            plane="DSM",
            obj=request.obj or self.endpoint,
            server_words=words,
            next_step=advice,
        )

    def _advice_on_trouble(self, response: Any, request: Request) -> str:
        """What to do after an answer of a server that is overloaded; empty for other answers."""
        if not meaning_of(response.status).read_again:
            return ""
        asked = response.headers.get("Retry-After")
        when = f" after the time that the server asks for (Retry-After: {quotable(asked)})" if asked else " later"
        if request.is_read:
            return f"run the task again{when}, or with fewer forks; {(request.budget or self._budget).advice}"
        # Neither the status nor Retry-After proves that nothing was done, least of all from a gateway before DSM.
        return (
            f"run the task again{when}: a write is never repeated blindly, and the task looks at what is there before "
            "it changes anything"
        )


def _is_proxys_own(exceptions: Any, cause: Exception) -> bool:
    """Whether the proxy could not be reached, or refused to open the tunnel."""
    unreachable = isinstance(cause, (exceptions.NewConnectionError, exceptions.ConnectTimeoutError))
    return unreachable or "Tunnel connection failed" in str(cause)
