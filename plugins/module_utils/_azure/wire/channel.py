# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Clients for Resource Manager, Microsoft Graph and a Managed HSM: timeouts, retries, and a guard against writes.

Uses the SDK's clients with our own list of policies for Resource Manager. The SDK's default list registers resource
providers: a write, and an endless wait, within a read (Azure contract §0.8, T34).
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from ... import _deps, _time
from ..._errors import TaskError
from ..._journal import UNKNOWN, Journal
from ..._rest.limits import MOST_PAGES, LimitExceeded
from ..._rest.shapes import Shape, from_json
from ..._rest.statuses import OK, SUCCESSES
from ..._time import ServiceClock
from . import shapes
from .cloud import check_uri
from .credential import Operator
from .errors import LOGIN, AzureError, is_in_doubt, refusal
from .foreign import foreign
from .sdk_failures import UNREADABLE, failure_of, never_sent, not_from_service, unreachable, unreadable
from .transport import client_options, exceeded, retry_policy, transport

T = TypeVar("T")

_USER_AGENT = "fortanix.dsm"
_OLDEST_KEY_VAULT_SDK = 14
_HTTPS_PORT = 443
# Characters of OData's `$filter`; unescaped, they stay readable in the log of a proxy.
_SAFE_IN_QUERY = "$,()'/:"
# POSTs of Graph that change nothing: which groups an object is in (Azure contract §2 T7).
_GRAPH_QUESTIONS = re.compile(r"(?:/v1\.0)?/(?:servicePrincipals|directoryObjects)/[^/]+/(?:check|get)MemberGroups")
# Whether a name is free (Azure contract §1.2); a query of Azure Resource Graph (Azure contract §1.10).
_ARM_QUESTIONS = re.compile(
    r"/subscriptions/[^/]+/providers/Microsoft\.KeyVault/check(?:Mhsm)?NameAvailability"
    r"|/providers/Microsoft\.ResourceGraph/resources"
)

# The SDK does not repeat a request with these options.
_SENT_ONCE: Mapping[str, Any] = {"retry_total": 0}


class WriteRefused(Exception):
    """A defect of the caller: a write on a read-only client."""


class ReadOnly:
    """Policy of a read-only client: raises for every request that is not known to be a read, before it is sent.

    It has the interface of azure-core's HTTPPolicy (``next``, ``send``) without its class, because the SDK is imported
    only when it is used.
    """

    next: Any = None

    def send(self, request: Any) -> Any:
        http = request.http_request
        if not is_read(http.method, urllib.parse.urlsplit(http.url).path, getattr(http, "content", None)):
            raise WriteRefused(f"{http.method} {http.url.partition('?')[0]} on a read-only client")
        return self.next.send(request)


class FromService:
    """Policy that raises for a response that is not from the service, before anything looks at its status.

    ``journal``: has the object of the request. It has the interface of azure-core's HTTPPolicy, like :class:`ReadOnly`.
    """

    next: Any = None

    def __init__(self, plane: str, journal: Journal) -> None:
        self._plane, self._journal = plane, journal

    def send(self, request: Any) -> Any:
        response = self.next.send(request)
        _refuse_foreign(response.http_response, request.http_request, plane=self._plane, obj=self._journal.about)
        return response


def _refuse_foreign(answer: Any, request: Any, *, plane: str, obj: str) -> None:
    found = foreign(answer.status_code, answer.headers, answer.text())
    if found is None:
        return
    address = urllib.parse.urlsplit(request.url)
    raise not_from_service(
        found,
        plane=plane,
        obj=obj,
        label=f"{request.method} {address.path}",
        host=address.hostname or "",
        writes=not is_read(request.method, address.path, getattr(request, "content", None)),
    )


class Noted:
    """Policy that records every write in the journal of the task, including writes that an SDK sends by itself.

    It has the interface of azure-core's HTTPPolicy, like :class:`ReadOnly`.
    """

    next: Any = None

    def __init__(self, plane: str, journal: Journal) -> None:
        self._plane, self._journal = plane, journal

    def send(self, request: Any) -> Any:
        http = request.http_request
        path = urllib.parse.urlsplit(http.url).path
        if is_read(http.method, path, getattr(http, "content", None)):
            return self.next.send(request)
        # For Resource Manager, provider, type and name are enough; the part before is long.
        action = f"{http.method} {path.rpartition('/providers/')[2]}"
        try:
            response = self.next.send(request)
        except BaseException as error:
            # An interruption, too: the request may be on its way.
            if not _never_sent(error):
                self._journal.note(self._plane, "", action, UNKNOWN)
            raise
        status = response.http_response.status_code
        if status in SUCCESSES:
            self._journal.note(self._plane, "", action)
        elif is_in_doubt(status):
            self._journal.note(self._plane, "", action, UNKNOWN)
        return response


class Timed:
    """Policy that takes the time from each response, those of the SDK's operations included.

    It has the interface of azure-core's HTTPPolicy, like :class:`ReadOnly`.
    """

    next: Any = None

    def __init__(self, plane: str, clock: ServiceClock) -> None:
        self._plane, self._clock = plane, clock

    def send(self, request: Any) -> Any:
        sent = _time.utc_now()
        response = self.next.send(request)
        self._clock.observe(self._plane, response.http_response.headers, sent)
        return response


def _never_sent(error: BaseException) -> bool:
    """Whether no request has reached the service, least of all if there was no token for it."""
    if isinstance(error, LimitExceeded):
        return not error.sent
    return never_sent(error) or (isinstance(error, AzureError) and error.obj == LOGIN)


def is_read(method: str, path: str, content: Any = None) -> bool:
    """Whether a request changes nothing. A Graph batch is a read if each of its requests is one."""
    if method in ("GET", "HEAD"):
        return True
    if method != "POST":
        return False
    if not shapes.BATCH.fullmatch(path):
        return bool(_GRAPH_QUESTIONS.fullmatch(path) or _ARM_QUESTIONS.fullmatch(path))
    try:
        parts = [(part["method"], part["url"].partition("?")[0]) for part in json.loads(content)["requests"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return all(is_read(kind, url) and not shapes.BATCH.search(url) for kind, url in parts)


class Channel:
    """The client of one service.

    ``sdk``: the SDK's client, for operations of more than one request; use it within :meth:`explained`.
    ``authorization``: of Resource Manager, makes the SDK's client for one version of Microsoft.Authorization. It sends
    its requests through the same policies and connections; its operations are arguments of :meth:`entries`,
    :meth:`body` and :meth:`write`.
    """

    def __init__(
        self,
        sdk: Any,
        *,
        plane: str,
        base: str,
        clock: ServiceClock | None = None,
        journal: Journal | None = None,
        authorization: Callable[[str], Any] | None = None,
    ) -> None:
        self.sdk = sdk
        self.authorization = cache(authorization or _unavailable)
        self.plane = plane
        self.base = base.rstrip("/")
        self.clock = clock or ServiceClock()
        self.journal = journal or Journal()
        self._request = _deps.load("azure.core.rest").HttpRequest

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *exception: object) -> None:
        self.sdk.close()

    def get(self, path: str, *, obj: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self.send("GET", path, obj=obj, query=query)

    def send(
        self,
        method: str,
        path: str,
        *,
        obj: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        """The JSON of a successful response; an empty mapping for a write without a response body.

        A write is sent once: when the SDK would repeat it, its body may be based on an outdated read, and a creation
        may have been carried out. The caller reads again and then decides.

        Args:
            method: Of HTTP.
            path: Below the service's address, beginning with a slash, or a complete address of this service.
            obj: The object, for error messages.
            query: Parameters, unescaped. Resource Manager requires ``api-version`` in each request.
            body: Sent as JSON.
            headers: In addition to those of every request.
            repeatable: A write whose body depends on nothing that was read, and that is idempotent. The SDK may repeat
                it.

        Raises:
            AzureError: the service or Entra rejects the request or cannot be reached; or the response is not a JSON
                object, or the response to a read has unexpected types.
            WriteRefused: this client is read-only, and the request is a write.
        """
        url = path if path.startswith("https://") else self.base + path
        if query:
            url += "?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote, safe=_SAFE_IN_QUERY)
        request = self._request(method, url, headers=dict(headers or {}), **({} if body is None else {"json": body}))
        path = urllib.parse.urlsplit(url).path
        reads, label = is_read(method, path, request.content), f"{method} {path}"
        with self.explained(obj, writes=not reads, label=label):
            response = self.sdk.send_request(request, **_repetition(method, reads, repeatable))
            status, content = response.status_code, response.content
        found = _decoded(content)
        if status not in SUCCESSES:
            raise refusal(
                status,
                found if isinstance(found, dict) else content.decode("utf-8", "replace"),
                plane=self.plane,
                obj=obj,
                retry_after=response.headers.get("Retry-After"),
                label=label,
            )
        parts = body["requests"] if shapes.BATCH.fullmatch(path) else None
        wrong = _complaint_about(path, content, parts, writes=not reads)
        if wrong is not None:
            raise self._unreadable_answer(obj, wrong, label, writes=not reads)
        answer: dict[str, Any] = found
        return answer

    def pages(self, path: str, *, obj: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The elements of a list, from all of its pages.

        Raises:
            AzureError: as :meth:`send`, or the list continues at another address, or in a loop.
        """
        page = self.get(path, obj=obj, query=query)
        seen: set[str] = set()
        while True:
            yield from self._values(page, obj)
            following = self._next_page(page, obj, seen)
            if not following:
                return
            page = self.get(following, obj=obj)

    def listed(self, read: Callable[..., Iterable[Any]], shape: Shape, *, obj: str) -> list[Any]:
        """The elements of a list that an operation of the SDK reads, from pages of this shape.

        Raises:
            AzureError: as :meth:`pages`.
        """
        return self._paged(read, shape, obj, lambda _page: None)

    def one(self, read: Callable[..., T], shape: Shape, *, obj: str) -> T:
        """An object that an operation of the SDK reads, from a response of this shape.

        Raises:
            AzureError: as :meth:`send`.
        """
        with self.explained(obj):
            return read(raw_response_hook=self._checked(shape, obj))

    def entries(self, read: Callable[..., Iterable[Any]], *, obj: str) -> list[dict[str, Any]]:
        """The elements of a list that an operation of the SDK reads, as Azure sent them.

        The SDK's models are not used: they lack members that are newer than their version, keep a time without a zone
        as it is, and reject a list for a member that nobody reads.

        Raises:
            AzureError: as :meth:`pages`.
        """
        found: list[dict[str, Any]] = []
        self._paged(read, None, obj, lambda page: found.extend(self._values(page, obj)))
        return found

    def body(self, read: Callable[..., object], *, obj: str) -> dict[str, Any]:
        """The object that an operation of the SDK reads, as Azure sent it.

        Raises:
            AzureError: as :meth:`send`.
        """
        found: list[dict[str, Any]] = []
        with self.explained(obj):
            read(raw_response_hook=self._checked(None, obj, found.append))
        return found[-1]

    def write(self, send: Callable[..., object], *, obj: str, shape: Shape | None = None) -> None:
        """Carry out an operation of the SDK that changes something. It is sent once, as by :meth:`send`.

        Args:
            send: The operation.
            obj: The object, for error messages.
            shape: Of the response, if the SDK is to read it.

        Raises:
            AzureError: as :meth:`send`.
        """
        rejected = _deps.load("azure.core.exceptions").HttpResponseError
        accepted: list[dict[str, Any]] = []
        with self.explained(obj, writes=True):
            try:
                send(raw_response_hook=self._checked(shape, obj, accepted.append, writes=True), **_SENT_ONCE)
            except rejected as error:
                # The SDK expects 201 for a role definition, even if one is replaced.
                if not accepted or error.status_code != OK:
                    raise

    def _paged(
        self, read: Callable[..., Iterable[Any]], shape: Shape | None, obj: str, take: Callable[[Any], object]
    ) -> list[Any]:
        """The elements of all pages as the SDK returns them. ``take``: gets each page as Azure sent it."""
        seen: set[str] = set()
        pages = 0

        def then(page: Any) -> None:
            nonlocal pages
            pages += 1
            take(page)
            self._next_page(page, obj, seen)

        with self.explained(obj):
            found = list(read(raw_response_hook=self._checked(shape, obj, then)))
        if len(seen) >= max(pages, 1):
            raise self._unreadable(obj, "the list continues in a way that the SDK does not follow")
        return found

    def _checked(
        self, shape: Shape | None, obj: str, then: Callable[[Any], object] | None = None, *, writes: bool = False
    ) -> Callable[[Any], None]:
        """A hook of the SDK that checks each successful response before the SDK reads it, and then calls ``then``.

        ``shape``: None for that of the request's path. What the SDK returns is not used then, and it only gets the
        address of the next page.
        """
        decoded = _deps.load("azure.core.pipeline.policies").ContentDecodePolicy.CONTEXT_NAME

        def check(response: Any) -> None:
            answer = response.http_response
            if answer.status_code in SUCCESSES:
                # In the clients of the data plane, the SDK calls its hook before the policies of ours.
                _refuse_foreign(answer, answer.request, plane=self.plane, obj=obj)
                path, content = urllib.parse.urlsplit(answer.request.url).path, _content_of(answer)
                found = _decoded(content)
                wrong = (
                    _complaint_about(path, content, writes=writes)
                    if shape is None
                    else next(shape(found, "the response"), None)
                )
                if wrong is not None:
                    raise self._unreadable_answer(obj, wrong, f"{answer.request.method} {path}", writes=writes)
                if then is not None:
                    then(found)
                if shape is None:
                    response.context[decoded] = {"value": [], "nextLink": found.get("nextLink")}

        return check

    def _values(self, page: Mapping[str, Any], obj: str) -> list[Any]:
        values = page.get("value")
        if not isinstance(values, list):
            raise self._unreadable(obj, "the response is not a list")
        return values

    def _next_page(self, page: Mapping[str, Any], obj: str, seen: set[str]) -> str:
        """The address of the next page; empty after the last page. ``seen``: those of the pages before."""
        following = str(page.get("nextLink") or page.get("@odata.nextLink") or "")
        if not following:
            return ""
        # The token is sent too: never to another host.
        if not self._is_here(following):
            raise self._unreadable(obj, "the next page of the list is at another address")
        if following in seen:
            raise self._unreadable(obj, "the pages of the list form a loop")
        seen.add(following)
        if len(seen) >= MOST_PAGES:
            raise self._unreadable(obj, f"the list does not end within {MOST_PAGES} pages")
        return following

    def _is_here(self, address: str) -> bool:
        # Of an address without a port, and of one with the default port.
        def host(parts: urllib.parse.SplitResult) -> tuple[str | None, int]:
            return parts.hostname, parts.port or _HTTPS_PORT

        try:
            there, here = urllib.parse.urlsplit(address), urllib.parse.urlsplit(self.base)
            is_same = host(there) == host(here)
        except ValueError:
            return False
        # The SDK resolves the path on its own, and takes one that begins with two slashes for a host.
        return is_same and address.startswith("https://") and "@" not in there.netloc and there.path[:2] != "//"

    @contextmanager
    def explained(self, obj: str, *, writes: bool = False, label: str = "") -> Iterator[None]:
        """Turns the SDK's exceptions into :class:`AzureError`, including those about unreadable responses.

        ``writes``: whether the request may have changed something if its response cannot be read. ``label``: method
        and path.
        """
        base_class = _deps.load("azure.core.exceptions").AzureError
        failure, last = None, self.journal.last
        try:
            with self.journal.concerning(obj):
                yield
        except base_class as error:
            clock = self.clock.compared(None, "Entra")
            failure = failure_of(error, plane=self.plane, obj=obj, clock=clock, writes=writes)
        except LimitExceeded as error:
            failure = exceeded(error, plane=self.plane, obj=obj, label=label, writes=writes)
        except OSError as error:
            # The SDK wraps those of a connection, but not that of a file with CA certificates that does not exist.
            failure = unreachable(error, plane=self.plane, obj=obj)
        except UNREADABLE as error:
            problem = f"the SDK cannot read it ({type(error).__name__})"
            failure = self._unreadable(obj, problem, label, writes=writes)
        if failure is not None:
            if failure.tells_unknown and self.journal.last is not last:
                self.journal.doubt()
            raise failure

    def _unreadable_answer(self, obj: str, problem: str, label: str, *, writes: bool) -> AzureError:
        """For a request with a response: the journal already has a write as done."""
        if writes:
            self.journal.doubt()
        return self._unreadable(obj, problem, label, writes=writes)

    def _unreadable(self, obj: str, problem: str, label: str = "", *, writes: bool = False) -> AzureError:
        return unreadable(problem, plane=self.plane, obj=obj, label=label, writes=writes)


def arm(operator: Operator, *, read_only: bool) -> Channel:
    """The client for Resource Manager. ``sdk`` is a KeyVaultManagementClient.

    Raises:
        TaskError: azure-mgmt-keyvault is missing, or too old for the current API versions.
    """
    check_key_vault_sdk()
    cloud = operator.cloud
    authentication = _deps.load("azure.mgmt.core.policies").ARMChallengeAuthenticationPolicy
    # One for all clients of Resource Manager: they have the same guards, connections and tokens.
    pipeline = _deps.load("azure.core.pipeline").Pipeline(
        transport(operator.network),
        _policies("Azure", authentication(operator.credential, cloud.arm_scope), operator, read_only=read_only),
    )
    settings: dict[str, Any] = {
        "credential": operator.credential,
        # Only used in addresses that the SDK builds itself.
        "subscription_id": operator.subscription_id or "",
        "base_url": cloud.arm,
        "credential_scopes": [cloud.arm_scope],
        "pipeline": pipeline,
    }
    client = _deps.load("azure.mgmt.keyvault").KeyVaultManagementClient(
        cloud_setting=_deps.load("azure.core").AzureClouds[cloud.setting], **settings
    )

    def authorization(version: str) -> Any:
        return _deps.load(f"azure.mgmt.authorization.{version}").AuthorizationManagementClient(**settings)

    return Channel(
        client,
        plane="Azure",
        base=cloud.arm,
        clock=operator.clock,
        journal=operator.journal,
        authorization=authorization,
    )


def graph(operator: Operator, *, read_only: bool) -> Channel:
    """The client for Microsoft Graph, without its SDK, which is many times larger than all the others together."""
    cloud = operator.cloud
    authentication = _deps.load("azure.core.pipeline.policies").BearerTokenCredentialPolicy
    client = _deps.load("azure.core").PipelineClient(
        cloud.graph,
        policies=_policies(
            "Entra", authentication(operator.credential, cloud.graph_scope), operator, read_only=read_only
        ),
        **client_options(operator.network),
    )
    return Channel(client, plane="Entra", base=cloud.graph, clock=operator.clock, journal=operator.journal)


def hsm_access(operator: Operator, uri: str, *, read_only: bool) -> Channel:
    """The client for the roles of one Managed HSM. ``sdk`` is a KeyVaultAccessControlClient.

    Raises:
        InvalidInput: the address is not in the operator's cloud (T32).
    """
    check_uri("vault.uri", uri, operator.cloud)
    client = _deps.load("azure.keyvault.administration").KeyVaultAccessControlClient(
        uri,
        operator.credential,
        **_data_plane(operator, read_only=read_only),
    )
    return Channel(client, plane="Azure", base=uri, clock=operator.clock, journal=operator.journal)


def keys(operator: Operator, uri: str, *, read_only: bool = True) -> Channel:
    """The client for the keys of one vault or Managed HSM. ``sdk`` is a KeyClient.

    Raises:
        InvalidInput: the address is not in the operator's cloud (T32).
    """
    check_uri("vault.uri", uri, operator.cloud)
    client = _deps.load("azure.keyvault.keys").KeyClient(
        uri,
        operator.credential,
        **_data_plane(operator, read_only=read_only),
    )
    return Channel(client, plane="Azure", base=uri, clock=operator.clock, journal=operator.journal)


def check_key_vault_sdk() -> None:
    """Reject an azure-mgmt-keyvault whose API versions are retired on 27 February 2027 (Azure contract §0.2).

    Raises:
        TaskError: it is missing or too old. Nothing has been imported or sent.
    """
    name, installed, cause = "azure-mgmt-keyvault", "", ""
    required = f"{name} >= {_OLDEST_KEY_VAULT_SDK}"
    try:
        installed = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as error:
        cause = str(error)
    if not installed:
        raise _deps.missing(required, cause)
    if int(installed.partition(".")[0]) < _OLDEST_KEY_VAULT_SDK:
        raise TaskError(
            f"{name} {installed} is installed, but {required} is required: the API versions of the installed release "
            "are retired on 27 February 2027, and it does not know that new vaults use RBAC",
            plane="Controller",
            obj=f"Python library {name}",
            next_step="install the collection's requirements.txt in a separate Python environment, because "
            "azure.azcollection pins an older release, and set ansible_python_interpreter to it for these tasks",
        )


def _unavailable(version: str) -> Any:
    raise AssertionError(f"Microsoft.Authorization {version} is only asked of Resource Manager")


def _data_plane(operator: Operator, *, read_only: bool) -> dict[str, Any]:
    """The settings of a client for the data plane of a vault or Managed HSM."""
    return {
        # Not `policies`, which would replace the challenge policy: it checks that the vault requests tokens for itself.
        "per_call_policies": _guards("Azure", operator, read_only=read_only),
        "retry_policy": _retries(operator),
        "permit_redirects": False,
        "user_agent": _USER_AGENT,
        **client_options(operator.network),
    }


def _guards(plane: str, operator: Operator, *, read_only: bool) -> list[Any]:
    return [ReadOnly() if read_only else Noted(plane, operator.journal), FromService(plane, operator.journal)]


def _policies(plane: str, authentication: Any, operator: Operator, *, read_only: bool) -> list[Any]:
    """The policies of a request, in their order. No redirects are followed, no providers are registered."""
    known = _deps.load("azure.core.pipeline.policies")
    return [
        # Before all others: what they are for needs the final response, from the service.
        known.CustomHookPolicy(),
        Timed(plane, operator.clock),
        *_guards(plane, operator, read_only=read_only),
        known.RequestIdPolicy(),
        known.HeadersPolicy(),
        known.UserAgentPolicy(base_user_agent=_USER_AGENT),
        known.ProxyPolicy(),
        known.ContentDecodePolicy(),
        _retries(operator),
        authentication,
    ]


def _retries(operator: Operator) -> Any:
    """The SDK's retries, without long waits. :meth:`Channel.send` decides which requests are retried."""
    return retry_policy()(retry_total=operator.network["retry_total"])


def _repetition(method: str, reads: bool, repeatable: bool) -> Mapping[str, Any]:
    """How the SDK repeats a request. A POST that only reads is repeated like a GET (Azure contract §0.10)."""
    if reads and method == "POST":
        return {"retry_on_methods": frozenset({method})}
    return {} if reads or repeatable else _SENT_ONCE


def _complaint_about(
    path: str, content: bytes, parts: Iterable[Mapping[str, Any]] | None = None, *, writes: bool = False
) -> str | None:
    """What is wrong with the body of a successful response; None if it is correct."""
    if not writes and not content.strip():
        return "the response is empty"
    found = _decoded(content)
    if not isinstance(found, dict):
        return "the response is not a JSON object"
    return shapes.complaint_about(path, found, parts, writes=writes)


def _content_of(answer: Any) -> bytes:
    """The body of a response of azure-core, of its older kind too, which azure-mgmt-authorization 4 uses."""
    content: bytes = answer.content if hasattr(answer, "content") else answer.body()
    return content


def _decoded(content: bytes) -> Any:
    """The JSON of a body; an empty mapping for an empty body; None for anything else."""
    if not content.strip():
        return {}
    try:
        return from_json(content)
    except (ValueError, RecursionError):
        return None
