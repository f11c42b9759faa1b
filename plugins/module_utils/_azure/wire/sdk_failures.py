# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Exceptions of azure-core and azure-identity, and unreadable responses, as errors. Pure.

Does not import the SDK: its exceptions are recognized by their names. The meanings of Entra's codes are in meanings.py.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from ..._rest.entra_codes import CODE, OF_USERS, EntraCause, EntraRefusal, refusal_in, refusals_in
from ..._rest.pages import tells_trouble
from ..._rest.statuses import SUCCESSES, TOO_MANY_REQUESTS
from .errors import LOGIN, AzureError, refusal
from .foreign import Foreign, foreign
from .meanings import Meaning, Sign, meaning_of, meaning_of_status

# What Entra adds to its message: it differs each time. What follows is kept: the Azure CLI appends its own remedy.
_TRACE = re.compile(r"\s*(?:(?:Trace|Correlation) ID: [\w-]+|Timestamp: \S+(?: [\d:.]+Z?)?)")
# The command in the remedy of the Azure CLI: the last one signs in.
_CLI_COMMAND = re.compile(r"\baz login(?: --[a-z-]+(?: (?:\"[^\"]*\"|'[^']*'|[^\s\"'`-][^\s\"'`]*))?)*")
# The texts of azure-identity for a token request, and of MSAL for the configuration of a tenant, with the status.
_HTTP_ERROR = re.compile(r"\bHTTP Error: (\d{3})\b")
_DISCOVERY = re.compile(r"\bHTTP status: (\d{3}), Error: (.*)", re.DOTALL)
# What MSAL raises for a response whose parts have unexpected types, and how azure-identity ends its text if a response
# has neither a token nor an error.
_NOT_ENTRAS = (AttributeError, LookupError, TypeError, json.JSONDecodeError)
_WITHOUT_TOKEN = "Authentication failed: None"
# In the address of each token request, also to a managed identity.
_TOKEN_PATH = "/oauth2/"
# A rejection by Entra with a code without a specific meaning.
_ANY_REFUSAL = ("Entra rejects the operator's credentials", "search for the error code that Entra returned")
# No connection, or no token: classes of azure-core and azure-identity.
_BEFORE_SENDING = frozenset({"ServiceRequestError", "ClientAuthenticationError", "CredentialUnavailableError"})
# Raised by our code or an SDK for a response whose parts have unexpected types.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
# The sender that a plane stands for.
_SERVICES = {"Entra": "Microsoft Entra ID or Microsoft Graph"}
_TRUST = "trust the CA of a proxy that intercepts TLS: set REQUESTS_CA_BUNDLE to a file with its CA certificate"
# What the Azure CLI prints if it cannot reach Entra.
_NO_CONNECTION = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|Max retries exceeded with url|TLS CA certificate bundle"
    r"|(?:SSL|Proxy|NewConnection|NameResolution|ConnectTimeout)Error\("
)
_OUTCOME_UNKNOWN = "it is unknown whether the change was carried out"
_FOREIGN_ANSWER = (
    "run the task again; if the problem persists, check whether a proxy or gateway responds instead of Azure"
)


def entra_meanings(words: str) -> tuple[Meaning, ...]:
    """The meanings of the AADSTS codes in Entra's error text."""
    return tuple(Meaning(()) if one.cause is None else meaning_of(one.cause) for one in refusals_in(words))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or getattr(error, "inner_exception", None) or error.__context__


def without_trace(words: str) -> str:
    """Entra's error text without the parts that differ each time."""
    return _TRACE.sub("", words).strip()


def never_sent(error: BaseException) -> bool:
    """Whether an exception of azure-core or azure-identity means that no request has reached the service."""
    if isinstance(error, OSError) and _NO_CONNECTION.search(str(error)):
        return True
    return any(base.__name__ in _BEFORE_SENDING for base in type(error).__mro__)


def about_response(problem: str, label: str, *, unknown: bool, **more: Any) -> AzureError:
    """The error about a response that is no refusal by the service.

    Args:
        problem: Continues "the response".
        label: Method and path of the request; empty if unknown.
        unknown: Whether it is to a write that may have been carried out.
        more: Of the error.
    """
    error = AzureError(
        f"the response{f' to {label}' if label else ''} {problem}" + (f"; {_OUTCOME_UNKNOWN}" if unknown else ""),
        **more,
    )
    error.tells_unknown = unknown
    return error


def unreadable(
    problem: str,
    *,
    plane: str,
    obj: str,
    label: str = "",
    writes: bool = False,
    words: str = "",
    status: int | None = None,
) -> AzureError:
    """A response that does not match Azure's API: most likely it is not from Azure.

    Args:
        problem: What is wrong with it.
        plane: The expected sender.
        obj: What the request is about.
        label: Method and path of the request.
        writes: Whether the request is a write, whose outcome is then unknown.
        words: The error text of the SDK or of the response.
        status: HTTP status, if known.
    """
    return about_response(
        f"does not match Azure's API: {problem}",
        label,
        unknown=writes,
        plane=plane,
        obj=obj,
        words=words,
        next_step=_FOREIGN_ANSWER,
        status=status,
        retryable=True,
    )


def not_from_service(
    found: Foreign, *, plane: str, obj: str, label: str = "", host: str = "", writes: bool = False
) -> AzureError:
    """The error for a response of something on the way to a service. It has no status: that is not the service's."""
    return about_response(
        f"is not from {_SERVICES.get(plane, plane)}: {found.problem}",
        label,
        unknown=writes,
        plane=plane,
        obj=obj,
        words=found.words,
        next_step=f"have the proxy, gateway or captive portal that responds instead let {host or 'the service'} pass, "
        "or check HTTPS_PROXY and NO_PROXY where the module runs; this says nothing about permissions or objects",
    )


def failure_of(error: BaseException, *, plane: str, obj: str, clock: str = "", writes: bool = False) -> AzureError:
    """The error for an exception of azure-core or azure-identity.

    ``clock``: how this machine's clock differs from Entra's; used in the advice if time may be the cause.
    ``writes``: whether the request is a write, whose outcome is unknown if its response cannot be read.
    """
    chain = list(causes(error))
    names = {base.__name__ for link in chain for base in type(link).__mro__}
    own = next((link for link in chain if isinstance(link, AzureError)), None)
    if own is not None:
        # Raised by a hook of ours within the SDK, which has wrapped it.
        return own
    words = without_trace(str(error))
    status, body = getattr(error, "status_code", None), _body_of(error)
    # A service that is not Entra may quote it.
    refused = None if isinstance((body or {}).get("error"), Mapping) else refusal_in(words)
    if refused is not None:
        return _entra_refusal(refused, words, clock)
    if "CredentialUnavailableError" in names:
        return AzureError(
            "the configured source returned no operator credentials",
            plane="Entra",
            obj=LOGIN,
            words=words,
            next_step=(_cli_command(words) if "--" in words else "")
            or "for the Azure CLI, install it and run `az login` where the module runs; for msi, assign a managed "
            "identity to that machine; or set another auth_source",
        )
    if "ServiceRequestError" in names or "ServiceResponseError" in names or _NO_CONNECTION.search(words):
        # The innermost text is the cause; the outer ones repeat it.
        return _unreachable(names, " ".join(dict.fromkeys(map(str, chain))), plane=plane, obj=obj)
    alien = _foreign_in(error)
    if alien is not None:
        return not_from_service(alien, plane=plane, obj=obj, host=_host_of(error), writes=writes)
    response: Any = getattr(error, "response", None)
    # Operations of the SDKs raise this class for each response with status 401.
    of_service = _is_empty(response) and _TOKEN_PATH not in _label_of(response)
    login = "ClientAuthenticationError" in names and not of_service
    # One without a body is from the service, too, if it is not foreign: Azure has numbered it.
    if status is not None and (
        (status >= 300 and body is not None) or (not login and (tells_trouble(status) or _is_empty(response)))
    ):
        asked = getattr(response, "headers", {}).get("Retry-After")
        told = _text_of(response) if body is None else body
        return refusal(status, told, plane=plane, obj=obj, retry_after=asked, label=_label_of(response))
    if login:
        return _login_failure(chain, words, status)
    uncertain = writes and (status is None or status in SUCCESSES)
    # Another status would say something about permissions or objects.
    known = status if status in SUCCESSES else None
    return unreadable("the SDK cannot read it", plane=plane, obj=obj, writes=uncertain, words=words, status=known)


def _login_failure(chain: list[BaseException], words: str, status: int | None) -> AzureError:
    """Why there is no token, although Entra has not refused it with a code.

    azure-identity raises one class for a wrong secret, an outage of Entra, and a response that it cannot read.
    """
    discovery = next((hit for link in chain if (hit := _DISCOVERY.search(str(link)))), None)
    http = discovery or _HTTP_ERROR.search(words)
    trouble = int(http[1]) if http is not None and tells_trouble(int(http[1])) else None
    if trouble is not None:
        state = "limits the rate of requests" if trouble == TOO_MANY_REQUESTS else "is temporarily unavailable"
        return AzureError(
            f"Entra or a gateway in front of it {state}",
            plane="Entra",
            obj=LOGIN,
            words=words,
            next_step=meaning_of_status(trouble).next_step,
            status=status,
            retryable=True,
        )
    if any(isinstance(link, _NOT_ENTRAS) or type(link).__name__ == "DecodeError" for link in chain) or (
        words.endswith(_WITHOUT_TOKEN)
    ):
        return unreadable(
            "it is not what Entra returns for a login", plane="Entra", obj=LOGIN, label="the token request"
        )
    if discovery is not None and CODE.search(discovery[2]) is None:
        return unreadable(
            f"the configuration of the tenant was answered with HTTP status {discovery[1]}, without a code of Entra",
            plane="Entra",
            obj=LOGIN,
            label="the token request",
            words=discovery[2],
        )
    if "authority configuration" in words:
        unknown = meaning_of(EntraCause.TENANT_UNKNOWN)
        problem, advice = unknown.problem, unknown.next_step
    else:
        problem, advice = "the operator's credentials were rejected", "check tenant, client_id and its credential"
    return AzureError(problem, plane="Entra", obj=LOGIN, words=words, next_step=advice, status=status)


def _entra_refusal(refused: EntraRefusal, words: str, clock: str) -> AzureError:
    meaning = Meaning(()) if refused.cause is None else meaning_of(refused.cause)
    problem, advice = (meaning.problem, meaning.next_step) if meaning.problem else _ANY_REFUSAL
    command = _cli_command(words)
    if command and refused.cause in OF_USERS:
        advice = f"{command}; or use an application as the operator"
    elif command:
        # The Azure CLI names it for expired secrets, too.
        advice = f"{advice}; then {command}" if meaning.problem else command
    if clock and meaning.sign is Sign.WRONG_CLOCK:
        advice = (
            f"correct the clock of the machine that runs the module (NTP): {clock}; if that does not help, {advice}"
        )
    first = CODE.search(words)
    text = words if first is None else words[first.start() :]
    return AzureError(problem, plane="Entra", obj=LOGIN, words=text, next_step=advice, code=refused.code)


def _cli_command(words: str) -> str:
    """The Azure CLI's own remedy, as an instruction; empty without one."""
    commands = _CLI_COMMAND.findall(words)
    return f"run the command that the Azure CLI names where the module runs: `{commands[-1]}`" if commands else ""


def unreachable(error: OSError, *, plane: str, obj: str) -> AzureError:
    """The error for a failure of the operating system, raised before a connection is made."""
    return _unreachable(set(), str(error), plane=plane, obj=obj)


def _unreachable(names: set[str], words: str, *, plane: str, obj: str) -> AzureError:
    known = (
        ("ProxyError", "the proxy rejects the connection or cannot be reached", "check HTTPS_PROXY and NO_PROXY"),
        *(
            (kind, "the TLS connection fails: " + problem, advice)
            for kind, problem, advice in (
                (
                    "Hostname mismatch",
                    "the certificate is for another host, so something else answers",
                    "check DNS and HTTPS_PROXY where the module runs",
                ),
                (
                    "certificate has expired",
                    "the certificate that is presented has expired",
                    "have the certificate of the proxy that intercepts TLS renewed, and check the clock of the machine "
                    "that runs the module",
                ),
                (
                    "certificate is not yet valid",
                    "the certificate that is presented is not yet valid",
                    "check the clock of the machine that runs the module",
                ),
                (
                    "CERTIFICATE_VERIFY_FAILED",
                    "the CA of the certificate is not trusted, as behind a proxy that intercepts TLS",
                    _TRUST,
                ),
            )
        ),
        ("SSLError", "the TLS connection fails", _TRUST),
        ("TLS CA certificate bundle", "the file with trusted CA certificates does not exist", _TRUST),
        (
            "NameResolutionError",
            "its host name cannot be resolved",
            "check DNS, and HTTPS_PROXY if a proxy is required",
        ),
        ("ReadTimeout", "it did not respond in time", "run again; if the problem persists, check the proxy"),
        ("ConnectTimeout", "the connection timed out", "check HTTPS_PROXY and the firewall"),
    )
    # The kind of a failed connection is in the class or, inside of requests' exceptions, only in the text.
    problem, advice = next(
        ((problem, advice) for kind, problem, advice in known if kind in names or _is_named(kind, words)),
        ("the connection failed", "check HTTPS_PROXY and the firewall"),
    )
    return AzureError(f"the service cannot be reached: {problem}", plane=plane, obj=obj, words=words, next_step=advice)


def _is_named(kind: str, words: str) -> bool:
    """Whether a text contains the name of an exception, or a phrase."""
    return f"{kind}(" in words or ((" " in kind or "_" in kind) and kind in words)


def _foreign_in(error: BaseException) -> Foreign | None:
    """What the response of an exception is, if it is not from the service."""
    response = getattr(error, "response", None)
    if response is None or not isinstance(getattr(response, "status_code", None), int):
        return None
    try:
        return foreign(response.status_code, getattr(response, "headers", {}), response.text())
    except ValueError:
        return None


def _text_of(response: Any) -> str:
    try:
        return "" if response is None else str(response.text())
    except ValueError:
        return ""


def _is_empty(response: Any) -> bool:
    """Whether a response is an unsuccessful one without a body."""
    try:
        return response is not None and response.status_code not in SUCCESSES and not response.text().strip()
    except ValueError:
        return False


def _label_of(response: Any) -> str:
    """Method and path of the request that a response belongs to."""
    request: Any = getattr(response, "request", None)
    path = urllib.parse.urlsplit(str(getattr(request, "url", ""))).path
    return f"{request.method} {path}" if path else "the request"


def _host_of(error: BaseException) -> str:
    url = getattr(getattr(getattr(error, "response", None), "request", None), "url", "")
    return urllib.parse.urlsplit(str(url)).hostname or ""


def _body_of(error: BaseException) -> Any:
    """The decoded body of the response that an exception is about; None without a meaningful one."""
    response = getattr(error, "response", None)
    try:
        found = None if response is None else json.loads(response.text())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None
