# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The client of DSM's REST API: authentication, sessions, and a read-only mode (DSM contract §1)."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from ..._errors import InvalidInput, TaskError
from ..._journal import DONE, UNKNOWN, Journal
from ..._names import same_name
from ..._rest.statuses import FORBIDDEN, UNAUTHORIZED
from ..._task import Task
from ..._time import ServiceClock
from . import routes
from .budget import Budget
from .errors import DsmError, UnreadableAnswer, outcome_is_open
from .login import ApiKey, AppCertificate, Login, UserPassword, login_from
from .paging import items
from .shapes import complaint_about
from .transport import Request, Transport, tls_context

_LOGOUT_SECONDS = 5
# The object of failures before there is a session.
_OBJ = "authentication"
# The nodes of a cluster learn of a selected account one after the other (DSM contract §1.5 and §7, Q19).
_SETTLING_PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 4.0)


class ReadOnlyViolation(Exception):
    """A read-only client was used for a write: a defect of the collection. No request was sent."""


@dataclass(frozen=True)
class DsmIdentity:
    """The DSM identity, as far as authentication reveals it. ``account_id``: the account that a user has selected."""

    kind: str
    entity_id: str | None
    account_id: str | None


@contextmanager
def connect(task: Task, *, read_only: bool) -> Iterator[DsmClient]:
    """A client for the DSM that the task's ``dsm_*`` options name; it authenticates when it is first used.

    The time budget of the task, ``dsm_timeout``, begins here.

    Raises:
        InvalidInput: an option is not valid. No request has been sent.
    """
    with connect_several(task, 1, read_only=read_only) as (client,):
        yield client


@contextmanager
def connect_several(task: Task, number: int, *, read_only: bool) -> Iterator[tuple[DsmClient, ...]]:
    """As :func:`connect`, for threads: a client is for one of them at a time, and has its own session and time budget.

    Raises:
        InvalidInput: an option is not valid. No request has been sent.
    """
    params = task.params
    login = login_from(params)
    endpoint = checked_endpoint(params["dsm_endpoint"])
    certificate = login if isinstance(login, AppCertificate) else None
    tls = tls_context(params["dsm_validate_certs"], params.get("dsm_ca_path"), certificate)
    if not params["dsm_validate_certs"]:
        task.warn(
            "dsm_validate_certs is false: anyone on the network path to DSM can read the DSM credentials and the link."
        )
    with ExitStack() as stack:
        clients = []
        for _number in range(number):
            budget = Budget(params["dsm_timeout"], "dsm_timeout")
            transport = Transport(
                endpoint,
                tls=tls,
                proxy=task.proxy,
                budget=budget,
                presents_certificate=certificate is not None,
                clock=task.clock,
            )
            clients.append(
                DsmClient(login, transport, budget=budget, read_only=read_only, clock=task.clock, journal=task.journal)
            )
            stack.callback(clients[-1].close)
        yield tuple(clients)


def checked_endpoint(url: str) -> str:
    """The base address of DSM without a trailing slash.

    Raises:
        InvalidInput: it is not ``https://host[:port]``.
    """
    example = "set it to the address of DSM's REST API, for example https://dsm.example.com"
    try:
        parts = urllib.parse.urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise InvalidInput("dsm_endpoint", "it is not a valid URL", example) from None
    if parts.scheme != "https":
        raise InvalidInput(
            "dsm_endpoint", "it does not begin with https://, so the credentials would be sent unencrypted", example
        )
    if "@" in parts.netloc:
        raise InvalidInput("dsm_endpoint", "it contains a user name or a password", example)
    if not parts.hostname:
        raise InvalidInput("dsm_endpoint", "it has no host name", example)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidInput("dsm_endpoint", "it contains a path, a query or a fragment after the host name", example)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}:{port}" if port else f"https://{host}"


class DsmClient:
    """Requests to one DSM as one DSM identity. A ``read_only`` client raises on any route that is not a known read.

    ``clock``: ``clock.now("DSM")`` is the time that DSM uses to decide whether something has expired.
    """

    def __init__(
        self,
        login: Login,
        transport: Transport,
        *,
        budget: Budget,
        read_only: bool,
        clock: ServiceClock,
        journal: Journal | None = None,
    ) -> None:
        self.clock = clock
        self.journal = journal or Journal()
        # Whether the list of groups supports a filter by name; None until tested.
        self.filters_groups: bool | None = None
        self._login = login
        self._transport = transport
        self._budget = budget
        self._read_only = read_only
        self._token: str | None = None
        self._entity_id: str | None = None
        self._account_id: str | None = None

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
        """One request; the decoded JSON of its response, None if it is empty.

        Args:
            route: a template of ``routes``; ``path`` fills it.
            obj: what the request is about, for error messages: ``group "akv-prod"``.
            timeout: seconds that this request may take, instead of a part of ``dsm_timeout``: for ``sync_timeout``.

        Raises:
            DsmError: DSM refused, or returned something other than JSON.
            OutcomeUnknown: a write was sent and no response arrived.
            TaskError: DSM could not be reached.
        """
        if self._read_only and not routes.is_read(method, route):
            raise ReadOnlyViolation(f"{method} {route}")
        target = route.format(**{name: urllib.parse.quote(value, safe="") for name, value in (path or {}).items()})
        url = target + ("?" + urllib.parse.urlencode(query) if query else "")
        self._log_in()
        if timeout is None:
            return self._answer(Request(method, route, url, obj, body))
        own = Budget(timeout, "sync_timeout")
        try:
            return self._answer(Request(method, route, url, obj, body, own))
        finally:
            self._budget.prolong(timeout - own.left())

    def identity(self) -> DsmIdentity:
        """The DSM identity. Opens a session, if these credentials need one; sends no request with an API key."""
        if isinstance(self._login, ApiKey):
            return DsmIdentity("app", self._login.app_id, None)
        self._log_in()
        if isinstance(self._login, UserPassword):
            return DsmIdentity("user", self._entity_id, self._account_id)
        return DsmIdentity("app", self._entity_id or self._login.app_id, None)

    def _note(self, request: Request, outcome: str | None) -> None:
        # The request for the result of an approved operation is not a read, and usually not a write either. Its caller
        # knows what the operation has changed.
        if outcome is not None and not request.is_read and request.route != routes.APPROVAL_RESULT:
            self.journal.note("DSM", request.obj, request.label, outcome)

    def begin_anew(self) -> None:
        """Give the following requests the full time budget: for a task that handles many groups."""
        self._budget.prolong(self._budget.seconds - self._budget.left())

    def pause(self, seconds: float) -> None:
        """Wait for the decision of an approver. This does not count towards the time limit of the task."""
        self._budget.pause(seconds)
        self._budget.prolong(seconds)

    def close(self) -> None:
        """Close the session, if there is one, and the connections."""
        try:
            if self._token is not None:
                logout = Budget(_LOGOUT_SECONDS, "logout")
                self._send(Request("POST", routes.TERMINATE, routes.TERMINATE, "logout", budget=logout))
        except TaskError:
            # The work is done and its outcome known; DSM closes an idle session itself (DSM contract §1.5).
            self._token = None
        finally:
            self._transport.close()

    # Sessions --------------------------------------------------------------------------------------------------------

    def _log_in(self) -> None:
        if isinstance(self._login, ApiKey) or self._token is not None:
            return
        answer = self._send(Request("POST", routes.AUTH, routes.AUTH, _OBJ), self._login.authorization() or "")
        answer = answer or {}
        if answer.get("challenge") or answer.get("fido2_assertion_options") or not answer.get("access_token"):
            raise TaskError(
                "DSM requires a second factor for this user",
                plane="DSM",
                obj=_OBJ,
                next_step="use an app's API key (dsm_api_key), which is intended for automation",
            )
        self._token = answer["access_token"]
        self._entity_id = answer.get("entity_id")
        if isinstance(self._login, UserPassword):
            self._account_id = self._account_id or self._find_account(self._login)
            selection = {"acct_id": self._account_id}
            self._send(Request("POST", routes.SELECT_ACCOUNT, routes.SELECT_ACCOUNT, _OBJ, selection))

    def _find_account(self, login: UserPassword) -> str:
        found = items(self._send(Request("GET", routes.ACCOUNTS, routes.ACCOUNTS, _OBJ)), "accounts")
        accounts: dict[str, str] = {account["acct_id"]: account.get("name") or "" for account in found}
        wanted = login.account
        hits = [i for i, name in accounts.items() if wanted is None or wanted == name or same_name(wanted, i)]
        if len(hits) == 1:
            return hits[0]
        names = ", ".join(f"{name} ({i})" for i, name in sorted(accounts.items(), key=lambda item: item[1])) or "none"
        problem = (
            "matches no account or several" if wanted else "is not set, and the user does not have exactly one account"
        )
        raise TaskError(
            f"dsm_account {problem}; the user's accounts: {names}",
            plane="DSM",
            obj="account",
            next_step="set dsm_account to the name or the ID of one of these accounts",
        )

    def _answer(self, request: Request) -> Any:
        """Send a request in a session that may have expired, or whose account is not yet known to every node.

        DSM refuses such a request before it carries out anything, so even a write may be repeated.
        """
        renewed = isinstance(self._login, ApiKey)
        pauses = iter(_SETTLING_PAUSES if isinstance(self._login, UserPassword) else ())
        while True:
            try:
                return self._send(request)
            except DsmError as error:
                refused = error
            pause = next(pauses, None) if _misses_account(refused) else None
            if pause is not None and self._budget.allows(pause):
                self._budget.pause(pause)
            elif not renewed and _speaks_of_session(refused):
                renewed, self._token = True, None
                self._log_in()
            else:
                raise refused

    def _send(self, request: Request, authorization: str | None = None) -> Any:
        if authorization is None:
            authorization = self._login.authorization() if isinstance(self._login, ApiKey) else f"Bearer {self._token}"
        try:
            answer = self._transport.send(request, authorization)
        except TaskError as error:
            self._note(request, UNKNOWN if outcome_is_open(error) else None)
            raise
        self._note(request, DONE)
        complaint = complaint_about(request.method, request.route, answer)
        if complaint is None:
            return answer
        raise UnreadableAnswer(
            f"the response to {request.label} does not match DSM's API: {complaint}",
            plane="DSM",
            obj=request.obj,
            next_step=("" if request.is_read else "DSM has carried out the request; ")
            + "check that dsm_endpoint is DSM's REST API; if it is, report it with the DSM version to the "
            "repository of this collection",
        )


def _misses_account(refused: DsmError) -> bool:
    words = refused.words.lower()
    return refused.status == UNAUTHORIZED and "account" in words and "select" in words


def _speaks_of_session(refused: DsmError) -> bool:
    """Whether the session seems to have expired: 401, or 403 with such an error text (DSM contract §7, Q7)."""
    if refused.status == UNAUTHORIZED:
        return True
    return refused.status == FORBIDDEN and re.search(r"\b(session|token)\b", refused.words, re.IGNORECASE) is not None
