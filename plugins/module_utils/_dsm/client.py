# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The HTTP client of DSM's REST API: login, TLS, proxy, keep-alive, bounded retries, errors (DSM contract §1)."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .. import _deps
from .._errors import InvalidInput, TaskError, quotable
from .._task import Task
from . import routes
from .errors import DsmError, OutcomeUnknown, refusal, server_words
from .login import ApiKey, UserPassword, login_from

_CONNECT_SECONDS = 10
_TRIES = 4
_LONGEST_PAUSE = 30.0
_PASSING_TROUBLE = frozenset({429, 502, 503, 504})


class ReadOnlyViolation(Exception):
    """A write was attempted by a client that may only read: a defect of the collection, stopped before the wire."""


@contextmanager
def connect(task: Task, *, read_only: bool) -> Iterator[DsmClient]:
    """A client for the DSM that the task's ``dsm_*`` options name; it logs in when it is first used.

    Raises:
        InvalidInput: an option cannot be right. No request has been made then.
    """
    params = task.params
    login = login_from(params)
    endpoint = checked_endpoint(params["dsm_endpoint"])
    if params["dsm_timeout"] < 1:
        raise InvalidInput("dsm_timeout", "it is below one second", "set a number of seconds, 60 is the default")
    if not params["dsm_validate_certs"]:
        task.warn("dsm_validate_certs is false: whoever sits between here and DSM can read the login and the link.")
    client = DsmClient(
        endpoint,
        login,
        tls=_tls_context(params["dsm_validate_certs"], params.get("dsm_ca_path")),
        proxy=task.proxy,
        timeout=params["dsm_timeout"],
        read_only=read_only,
    )
    try:
        yield client
    finally:
        client.close()


def checked_endpoint(url: str) -> str:
    """The base address of DSM without a trailing slash.

    Raises:
        InvalidInput: it is no ``https://host[:port]``.
    """
    example = "give the address of DSM's REST API, for example https://dsm.example.com"
    try:
        parts = urllib.parse.urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise InvalidInput("dsm_endpoint", "it is not an address", example) from None
    if parts.scheme != "https":
        raise InvalidInput(
            "dsm_endpoint", "it does not begin with https://, so the login would travel in clear", example
        )
    if not parts.hostname or "@" in parts.netloc:
        raise InvalidInput("dsm_endpoint", "it has no host name, or a user name before it", example)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidInput("dsm_endpoint", "something follows the host name", example)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}:{port}" if port else f"https://{host}"


def _tls_context(validate: bool, ca_path: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_path)
    except (OSError, ssl.SSLError) as error:
        cause = error.strerror or "it holds no certificate in PEM form"
    else:
        if not validate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
    raise InvalidInput(
        "dsm_ca_path", f"{ca_path!r} cannot be used: {cause}", "name a file of CA certificates in PEM form"
    )


@dataclass(frozen=True)
class _Request:
    """``url``: path and query. ``timeout``: seconds to wait for the answer."""

    method: str
    route: str
    url: str
    obj: str
    timeout: float
    body: Any = None

    @property
    def is_read(self) -> bool:
        return routes.is_read(self.method, self.route)


class DsmClient:
    """Requests to one DSM with one login. A ``read_only`` client raises on any route that is not a known read."""

    def __init__(
        self,
        endpoint: str,
        login: ApiKey | UserPassword,
        *,
        tls: ssl.SSLContext,
        proxy: str | None,
        timeout: float,
        read_only: bool,
    ) -> None:
        self._urllib3 = _deps.load("urllib3")
        self._endpoint = endpoint
        self._login = login
        self._timeout = timeout
        self._read_only = read_only
        self._authorization: str | None = login.authorization() if isinstance(login, ApiKey) else None
        self._pool = self._open_pool(tls, proxy)

    def _open_pool(self, tls: ssl.SSLContext, proxy: str | None) -> Any:
        if proxy is None:
            return self._urllib3.PoolManager(ssl_context=tls, maxsize=1)
        # urllib3 leaves this off towards proxies, which costs 40 ms for each request with a body.
        options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        parts = urllib.parse.urlsplit(proxy if "//" in proxy else f"http://{proxy}")
        headers = {}
        if parts.username:
            user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            headers = self._urllib3.make_headers(proxy_basic_auth=user)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return self._urllib3.ProxyManager(
            address, ssl_context=tls, maxsize=1, proxy_headers=headers, socket_options=options
        )

    def call(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        obj: str = "",
        timeout: float | None = None,
    ) -> Any:
        """One request; the decoded JSON of its answer, None when it is empty.

        Args:
            route: a template of ``routes``; ``path`` fills it.
            obj: what the request is about, for error messages: ``group "akv-prod"``.
            timeout: seconds to wait for the answer, instead of ``dsm_timeout``.

        Raises:
            DsmError: DSM refused, or answered with something other than JSON.
            OutcomeUnknown: a write was sent and no answer came.
            TaskError: DSM could not be reached.
        """
        if self._read_only and not routes.is_read(method, route):
            raise ReadOnlyViolation(f"{method} {route}")
        if self._authorization is None and isinstance(self._login, UserPassword):
            self._open_session(self._login)
        target = route.format(**{name: urllib.parse.quote(value, safe="") for name, value in (path or {}).items()})
        url = target + ("?" + urllib.parse.urlencode(query) if query else "")
        return self._send(_Request(method, route, url, body=body, obj=obj, timeout=timeout or self._timeout))

    def close(self) -> None:
        """End the session, if there is one, and the connections."""
        try:
            if isinstance(self._login, UserPassword) and self._authorization is not None:
                self._send(_Request("POST", routes.TERMINATE, routes.TERMINATE, obj="logout", timeout=self._timeout))
        except TaskError:
            # The work is done and its outcome known; DSM ends an idle session by itself (DSM contract §1.5).
            self._authorization = None
        finally:
            self._pool.clear()

    def _open_session(self, login: UserPassword) -> None:
        answer = self._session_call("POST", routes.AUTH, authorization=login.authorization())
        if answer.get("challenge") or answer.get("fido2_assertion_options") or not answer.get("access_token"):
            raise TaskError(
                "the login asks for a second factor",
                plane="DSM",
                obj="login",
                next_step="use an app's API key (dsm_api_key), which automation is meant to use",
            )
        self._authorization = f"Bearer {answer['access_token']}"
        self._session_call("POST", routes.SELECT_ACCOUNT, body={"acct_id": self._account_id(login)})

    def _account_id(self, login: UserPassword) -> str:
        found = self._session_call("GET", routes.ACCOUNTS)
        accounts = {str(account["acct_id"]): str(account.get("name", "")) for account in found}
        wanted = login.account
        hits = [i for i, name in accounts.items() if wanted is None or wanted == name or wanted.lower() == i.lower()]
        if len(hits) == 1:
            return hits[0]
        names = ", ".join(f"{name} ({i})" for i, name in sorted(accounts.items(), key=lambda item: item[1])) or "none"
        problem = "names no account or several" if wanted else "is not set and the user has not exactly one account"
        raise TaskError(
            f"dsm_account {problem}; the user's accounts: {names}",
            plane="DSM",
            obj="account",
            next_step="set dsm_account to the name or the ID of one of them",
        )

    def _session_call(self, method: str, route: str, *, body: Any = None, authorization: str | None = None) -> Any:
        request = _Request(method, route, route, body=body, obj="login", timeout=self._timeout)
        return self._send(request, authorization)

    def _send(self, request: _Request, authorization: str | None = None) -> Any:
        authorization = authorization or self._authorization
        headers = {"Accept": "application/json", "User-Agent": "fortanix.dsm (Ansible collection)"}
        if authorization:
            headers["Authorization"] = authorization
        content = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(request.body).encode()
        for attempt in range(1, _TRIES):
            response = self._attempt(request, headers, content, may_repeat=True)
            if response is not None and not (response.status in _PASSING_TROUBLE and request.is_read):
                return self._decoded(response, request)
            time.sleep(_pause(attempt, None if response is None else response.headers.get("Retry-After")))
        return self._decoded(self._attempt(request, headers, content, may_repeat=False), request)

    def _attempt(
        self, request: _Request, headers: Mapping[str, str], content: bytes | None, *, may_repeat: bool
    ) -> Any:
        """One try: the response, or None when a further try is safe, may help, and is allowed."""
        exceptions = self._urllib3.exceptions
        limits = self._urllib3.Timeout(connect=min(_CONNECT_SECONDS, self._timeout), read=request.timeout)
        try:
            # A redirect is not followed: it would carry the login to another place.
            return self._pool.request(
                request.method,
                self._endpoint + request.url,
                headers=headers,
                body=content,
                timeout=limits,
                retries=False,
                redirect=False,
            )
        except exceptions.HTTPError as error:
            cause = error
        if isinstance(cause, exceptions.ProxyError) and not _is_proxys_own(exceptions, cause.original_error):
            # urllib3 blames the proxy for a tunnel that broke later on; by then the request had been sent.
            cause = cause.original_error
        # A request that was certainly not sent may be repeated, whatever it is; one that was sent only if it is a read.
        not_sent = (exceptions.NewConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyError)
        hopeless = (exceptions.SSLError, exceptions.NameResolutionError, exceptions.ReadTimeoutError)
        safe = isinstance(cause, not_sent) or request.is_read
        if safe and may_repeat and not isinstance(cause, hopeless):
            return None
        raise _transport_failure(exceptions, cause, self._endpoint, request, safe=safe)

    def _decoded(self, response: Any, request: _Request) -> Any:
        method, route, obj = request.method, request.route, request.obj
        content_type = response.headers.get("Content-Type", "")
        if 300 <= response.status < 400:
            raise DsmError(
                response.status,
                f"redirect to {response.headers.get('Location', 'nowhere')}",
                method=method,
                route=route,
                obj=obj,
                next_step="set dsm_endpoint to the address of DSM itself",
            )
        if not 200 <= response.status < 300:
            raise refusal(response.status, content_type, response.data, method=method, route=route, obj=obj)
        if not response.data.strip():
            return None
        try:
            return json.loads(response.data)
        except ValueError:
            words = server_words(content_type, response.data)
        raise TaskError(
            f"the answer to {method} {route} is not JSON but {content_type or 'of no stated type'}",
            plane="DSM",
            obj=obj or self._endpoint,
            server_words=words,
            next_step="check that dsm_endpoint is DSM's REST API and not a login page, a gateway or a proxy",
        )


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait before the next try: what the server asks for, within bounds, else 0.5, 1, 2."""
    if retry_after is not None and retry_after.strip().isdecimal():
        return min(float(retry_after), _LONGEST_PAUSE)
    return min(0.5 * 2.0 ** (attempt - 1), _LONGEST_PAUSE)


def _is_proxys_own(exceptions: Any, cause: Exception) -> bool:
    """Whether the proxy could not be reached, or refused to open the tunnel."""
    unreachable = isinstance(cause, (exceptions.NewConnectionError, exceptions.ConnectTimeoutError))
    return unreachable or "Tunnel connection failed" in str(cause)


def _transport_failure(exceptions: Any, cause: Exception, endpoint: str, request: _Request, *, safe: bool) -> TaskError:
    next_steps = (
        (exceptions.NameResolutionError, "check the host name in dsm_endpoint, and HTTPS_PROXY when a proxy is needed"),
        (
            exceptions.SSLError,
            "see that dsm_ca_path holds the CA of DSM's certificate, and that the host name is right",
        ),
        (exceptions.ProxyError, "check HTTPS_PROXY: the proxy cannot be reached or refuses this host"),
        (exceptions.ReadTimeoutError, "raise dsm_timeout, or see whether DSM is overloaded"),
    )
    default = "check dsm_endpoint, the network and the firewall between this host and DSM"
    advice = next((text for kind, text in next_steps if isinstance(cause, kind)), default)
    if safe:
        return TaskError(
            f"{endpoint} cannot be reached: {quotable(str(cause))}",
            plane="DSM",
            obj=request.obj,
            next_step=advice,
            endpoint=endpoint,
        )
    return OutcomeUnknown(
        f"the connection broke after {request.method} {request.route} had been sent, so it is unknown whether DSM "
        f"carried it out: {quotable(str(cause))}",
        plane="DSM",
        obj=request.obj,
        next_step="run the task again: it looks at what is there before it changes anything",
        endpoint=endpoint,
    )
