# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Exceptions of azure-core and azure-identity, and answers that nobody can read, as errors. Pure.

Nothing of the SDK is imported: its exceptions are recognised by their names. What a code of Entra means is in
errors.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..._rest.statuses import INTERNAL_SERVER_ERROR, SUCCESSES
from .errors import LOGIN, TENANT_UNKNOWN, AzureError, Sign, meaning_of, meaning_of_status, refusal

_AADSTS = re.compile(r"\bAADSTS\d+\b")
# What Entra appends to its sentence: noise that differs each time.
_TRACE = re.compile(r"\s*(?:Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)
# How azure-identity tells an outage of Entra: by the same class as a wrong secret, told apart by its words only.
_OUTAGE = re.compile(r"\bHTTP Error: 5\d\d\b")
# A refusal by Entra with a code that says nothing more.
_ANY_REFUSAL = ("Entra refuses the operator's login", "look the code up that Entra names")
# No connection, or no token: classes of azure-core and azure-identity.
_BEFORE_SENDING = frozenset({"ServiceRequestError", "ClientAuthenticationError", "CredentialUnavailableError"})
# What code raises, ours or that of an SDK, over an answer whose parts have other types than Azure's contract says.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_OUTCOME_UNKNOWN = "whether the change was carried out is unknown"
_FOREIGN_ANSWER = "run the task again; if it stays so, see whether a proxy or gateway answers in the place of Azure"


def entra_codes(words: str) -> tuple[str, ...]:
    """The AADSTS codes in Entra's words."""
    return tuple(_AADSTS.findall(words))


def without_trace(words: str) -> str:
    """Entra's words without what differs each time."""
    return _TRACE.sub("", words).strip()


def never_sent(error: BaseException) -> bool:
    """Whether an exception of azure-core or azure-identity says that no request has reached the service."""
    return any(base.__name__ in _BEFORE_SENDING for base in type(error).__mro__)


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
    """An answer that is not what Azure's contract has: most likely it is not from Azure.

    Args:
        problem: What is wrong with it.
        plane: Whose answer it should be.
        obj: What the request is about.
        label: Method and path of the request.
        writes: Whether the request is a write, whose outcome is unknown then.
        words: The error text, of the SDK or of the answer.
        status: Of HTTP, if known.
    """
    asked = f" to {label}" if label else ""
    error = AzureError(
        f"the answer{asked} is not what Azure's contract has: {problem}" + (f"; {_OUTCOME_UNKNOWN}" if writes else ""),
        plane=plane,
        obj=obj,
        words=words,
        next_step=_FOREIGN_ANSWER,
        status=status,
        retryable=True,
    )
    error.tells_unknown = writes
    return error


def failure_of(error: BaseException, *, plane: str, obj: str, clock: str = "", writes: bool = False) -> AzureError:
    """An exception of azure-core or azure-identity.

    ``clock``: how this machine's clock differs from Entra's, which the advice names where the time may be the cause.
    ``writes``: whether the request is a write, whose outcome is unknown when its answer cannot be read.
    """
    chain = list(_chain(error))
    names = {base.__name__ for link in chain for base in type(link).__mro__}
    words = _TRACE.sub("", str(error)).strip()
    found = _AADSTS.search(words)
    if found:
        return _entra_refusal(found[0], words[found.start() :], clock)
    if "CredentialUnavailableError" in names:
        return AzureError(
            "the source of the operator's login gives none",
            plane="Entra",
            obj=LOGIN,
            words=words,
            next_step="for the Azure CLI, install it and run `az login` where the module runs; for msi, give that "
            "machine a managed identity; or choose another auth_source",
        )
    if "ServiceRequestError" in names or "ServiceResponseError" in names:
        # What the innermost says is the cause; what is around it repeats it.
        return _unreachable(names, " ".join(dict.fromkeys(map(str, chain))), plane=plane, obj=obj)
    status, body = getattr(error, "status_code", None), _body_of(error)
    if status is not None and status >= 300 and body is not None:
        return refusal(status, body, plane=plane, obj=obj)
    if "ClientAuthenticationError" in names:
        outage = _OUTAGE.search(words) is not None
        if outage:
            problem = "Entra or something in front of it is in trouble"
            advice = meaning_of_status(INTERNAL_SERVER_ERROR).next_step
        elif "authority configuration" in words:
            problem, advice = meaning_of(TENANT_UNKNOWN).problem, meaning_of(TENANT_UNKNOWN).next_step
        else:
            problem, advice = "the operator's login was refused", "check tenant, client_id and its credential"
        return AzureError(
            problem,
            plane="Entra",
            obj=LOGIN,
            words=words,
            next_step=advice,
            status=status,
            retryable=outage or None,
        )
    uncertain = writes and (status is None or status in SUCCESSES)
    return unreadable("it cannot be read", plane=plane, obj=obj, writes=uncertain, words=words, status=status)


def _entra_refusal(code: str, words: str, clock: str) -> AzureError:
    meaning = meaning_of(code)
    problem, advice = (meaning.problem, meaning.next_step) if meaning.problem else _ANY_REFUSAL
    if clock and meaning.sign is Sign.WRONG_CLOCK:
        advice = (
            f"correct the clock of the machine that runs the module (NTP): {clock}; if that does not help, {advice}"
        )
    return AzureError(problem, plane="Entra", obj=LOGIN, words=words, next_step=advice, code=code)


def _unreachable(names: set[str], words: str, *, plane: str, obj: str) -> AzureError:
    known = (
        ("ProxyError", "the proxy refuses or cannot be reached", "check HTTPS_PROXY and NO_PROXY"),
        (
            "SSLError",
            "TLS with it fails",
            "trust the CA of a proxy that answers in its place: REQUESTS_CA_BUNDLE names the file of CA certificates",
        ),
        ("NameResolutionError", "its name cannot be resolved", "check DNS, and HTTPS_PROXY if one is needed"),
        ("ReadTimeout", "it did not answer in time", "run again; if it stays so, check the proxy on the way"),
        ("ConnectTimeout", "no connection in time", "check HTTPS_PROXY and the firewall on the way"),
    )
    # The kinds of a failed connection are told by class or, inside of requests' exceptions, only in its words.
    problem, advice = next(
        ((problem, advice) for kind, problem, advice in known if kind in names or f"{kind}(" in words),
        ("no connection", "check HTTPS_PROXY and the firewall on the way"),
    )
    return AzureError(f"the service cannot be reached: {problem}", plane=plane, obj=obj, words=words, next_step=advice)


def _body_of(error: BaseException) -> Any:
    """The decoded body of the answer that an exception is about; None when there is none that says anything."""
    response = getattr(error, "response", None)
    try:
        found = None if response is None else json.loads(response.text())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or getattr(error, "inner_exception", None) or error.__context__
