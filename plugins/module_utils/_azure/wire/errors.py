# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Errors for requests that Entra or Azure rejects, with the meanings of ``meanings.py``. Pure.

Failures without a meaningful response are in ``sdk_failures.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..._errors import TaskError
from ..._names import last_segment
from ..._rest import statuses
from .meanings import (
    ANSWERED,
    AUTHORIZATION_FAILED,
    DISALLOWED,
    GRAPH_DENIED,
    SCOPE_LOCKED,
    Lasts,
    key_of,
    meaning_of,
    meaning_of_status,
)

# Outer code of the data plane, around its specific codes.
_FORBIDDEN = "Forbidden"
# Outer codes of Azure Resource Graph, whose message has only a time and an ID (Azure contract §1.10).
_WITH_DETAILS = frozenset({"BadRequest", "AccessDenied"})
# The object of errors about the operator's authentication.
LOGIN = "operator"
_LOCKED_SCOPES = re.compile(r"scope\(s\) are locked: '([^']+)'")
_ACTION_AND_SCOPE = re.compile(r"perform action '([^']+)'.*?over scope '([^']+)'", re.DOTALL)
# The names of an Azure Policy in `additionalInfo`, the best one first.
_POLICY_NAMES = (
    "policyAssignmentDisplayName",
    "policyDefinitionDisplayName",
    "policyAssignmentName",
    "policyDefinitionName",
)
# Older responses name the assignment only in their message.
_POLICY_IN_WORDS = re.compile(r'"policyAssignment"\s*:\s*\{\s*"name"\s*:\s*"([^"]+)"')
# The built-in policy against vaults with access policies (Azure contract §1.4).
_NO_ACCESS_POLICIES = "12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5"


def _how_long(status: int | None, code: str) -> Lasts:
    """How long a rejection lasts. A failing service's response about a request is not final."""
    by_status = None if status is None else meaning_of_status(status).lasts
    if by_status is Lasts.UNTIL_RECOVERED:
        return by_status
    return meaning_of(code).lasts or by_status or Lasts.UNTIL_CORRECTED


class AzureError(TaskError):
    """A rejection by Entra or Azure, or a blocked connection to it.

    ``status``: HTTP status, None without a response. ``code``: the innermost one that the server names, or
    ``AADSTS<number>``; empty without one. ``retry_after``: seconds that the server requests to wait, if it does.
    ``retryable``: running the task again may help; by default after a response about the server's own state.
    """

    def __init__(
        self,
        problem: str,
        *,
        plane: str,
        obj: str,
        words: str = "",
        next_step: str,
        status: int | None = None,
        code: str = "",
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        self.status, self.code, self.words, self.retry_after = status, code, words, retry_after
        passing = _how_long(status, code) is Lasts.UNTIL_RECOVERED
        facts = (("status", status), ("code", code), ("retryable", passing if retryable is None else retryable))
        details: dict[str, Any] = {name: value for name, value in facts if value}
        super().__init__(problem, plane=plane, obj=obj, server_words=words, next_step=next_step, **details)


def code_of(error: Exception) -> str:
    """The server's code of a failure; empty for other failures."""
    return error.code if isinstance(error, AzureError) else ""


def status_of(error: Exception) -> int | None:
    """The HTTP status of a failure; None without a response, and for other failures."""
    return error.status if isinstance(error, AzureError) else None


def may_pass(error: TaskError) -> bool:
    """Whether the same request may succeed soon: after a conflict with another change, throttling, or an outage."""
    if error.details.get("retryable"):
        return True
    return _how_long(status_of(error), code_of(error)) is not Lasts.UNTIL_CORRECTED


def denied(action: str, permission: str, obj: str, words: str) -> AzureError:
    """A rejection by Graph for a request whose required permission is known (Azure contract §3)."""
    return AzureError(
        f"the operator has no permission to {action} in Microsoft Graph",
        plane="Entra",
        obj=obj,
        words=words,
        next_step=f"grant the operator's application {permission} with admin consent",
        status=statuses.FORBIDDEN,
        code=GRAPH_DENIED,
    )


def refusal(
    status: int, body: Any, *, plane: str, obj: str, retry_after: str | None = None, label: str = "the request"
) -> AzureError:
    """The error of an unsuccessful response. ``body``: decoded JSON, or text. ``label``: method and path."""
    code, words = _code_and_words(body)
    meaning = meaning_of(key_of(status, code, words))
    if not meaning.problem:
        meaning = meaning_of_status(status)
    problem, advice = meaning.problem, meaning.next_step
    if meaning.problem == ANSWERED[0]:
        problem = problem.format(label=label, status=status)
    denied = _ACTION_AND_SCOPE.search(words)
    if code == AUTHORIZATION_FAILED and denied and meaning is meaning_of(code):
        action, scope = denied.groups()
        problem = f"the operator has no permission for {action}"
        advice = f"assign the operator a role with {action} at {scope}; it takes up to ten minutes to take effect"
    by_policy = meaning is meaning_of(DISALLOWED)
    policies = _policies_in(body, words) if by_policy else []
    problem += _listed(policies)
    if by_policy:
        advice += _advice_about(policies)
    locked = _LOCKED_SCOPES.search(words)
    if code == SCOPE_LOCKED and locked:
        problem = f"a lock at {locked[1].replace(',', ', ')} forbids this"
    if retry_after:
        advice += f" (the server requests to wait: Retry-After {retry_after})"
    quoted = f"{code}: {words}" if code and words else code or words or f"HTTP status {status}"
    error = AzureError(
        problem,
        plane=plane,
        obj=obj,
        words=quoted,
        next_step=advice,
        status=status,
        code=code,
        retry_after=seconds_of(retry_after),
    )
    if policies:
        error.details["policies"] = policies
    return error


def seconds_of(retry_after: str | None) -> float | None:
    """The value of the header if it is a number (RFC 9110 §10.2.3); for a date, the caller's own pauses apply."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdecimal() else None


def may_have_worked(error: Exception) -> bool:
    """Whether a write may have been carried out: without a usable response, or after one from a failing server."""
    status = status_of(error)
    return status is None or status in statuses.SUCCESSES or is_in_doubt(status)


def is_in_doubt(status: int) -> bool:
    """Whether a write with this status may have been carried out: a response of a gateway or a failing server."""
    return meaning_of_status(status).in_doubt


def _code_and_words(body: Any) -> tuple[str, str]:
    """The innermost code and the message of an error body; the text itself without them."""
    if not isinstance(body, Mapping):
        return "", str(body or "")
    error = body.get("error")
    if not isinstance(error, Mapping):
        # A token response has the code in `error` itself.
        return str(error or ""), str(body.get("error_description") or "")
    code, inner = str(error.get("code") or ""), error.get("innererror")
    causes = _causes_in(error) if code in _WITH_DETAILS else []
    if causes:
        return causes[0][0] or code, "; ".join(words for _code, words in causes if words)
    # Only in the data plane is the inner code meaningful; elsewhere it is a server-internal number.
    if code == _FORBIDDEN and isinstance(inner, Mapping) and inner.get("code"):
        code = str(inner["code"])
    return code, str(error.get("message") or "")


def _causes_in(error: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Code and message of each detail of an error."""
    details = error.get("details")
    return [
        (str(one.get("code") or ""), str(one.get("message") or ""))
        for one in (details if isinstance(details, list) else [])
        if isinstance(one, Mapping) and (one.get("code") or one.get("message"))
    ]


# Azure Policy, not the access policies of a vault. Source: learn.microsoft.com, "Resolve errors for request disallowed
# by policy".


def _policies_in(body: Any, words: str) -> list[dict[str, str]]:
    """The policies that a rejection names: each with `name`, `assignment` and `definition` (IDs), and `effect`.

    What the response does not contain is empty. ``words``: the message of the response.
    """
    error = body.get("error") if isinstance(body, Mapping) else None
    details = error.get("additionalInfo") if isinstance(error, Mapping) else None
    entries = [one.get("info") for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    found = [_policy(info) for info in entries if isinstance(info, Mapping)]
    return found or [
        {"name": one, "assignment": "", "definition": "", "effect": ""} for one in _POLICY_IN_WORDS.findall(words)
    ]


def _policy(info: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": next((str(info[name]) for name in _POLICY_NAMES if info.get(name)), ""),
        "assignment": str(info.get("policyAssignmentId") or ""),
        "definition": str(info.get("policyDefinitionId") or ""),
        "effect": str(info.get("policyDefinitionEffect") or ""),
    }


def _listed(policies: Sequence[Mapping[str, str]]) -> str:
    """The policies as the end of a sentence; empty without policies."""
    return ": " + "; ".join(map(_shown, policies)) if policies else ""


def _shown(policy: Mapping[str, str]) -> str:
    facts = [fact for fact in (policy["effect"], policy["assignment"]) if fact]
    return f'"{policy["name"]}"' + (f" ({', '.join(facts)})" if facts else "")


def _advice_about(policies: Sequence[Mapping[str, str]]) -> str:
    """The advice about the most common policy, unless the response certainly names another one."""
    definitions = [policy["definition"] for policy in policies]
    if definitions and all(one and last_segment(one) != _NO_ACCESS_POLICIES for one in definitions):
        return ""
    return (
        f"; the built-in policy {_NO_ACCESS_POLICIES} denies vaults with access policies and allows the permission "
        "model rbac"
    )
