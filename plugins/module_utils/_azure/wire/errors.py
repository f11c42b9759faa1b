# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Refusals of Entra, Resource Manager, Graph and Managed HSM as errors, and what to do about each.

Codes: Azure contract §1.2, §1.7, §2 (T20, T33 to T36), §3. Nothing of the SDK is imported: its exceptions are told by
their names, so that this is a pure part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..._errors import TaskError
from . import refusing_policies

GRAPH_DENIED = "Authorization_RequestDenied"
SCOPE_LOCKED, DISALLOWED = "ScopeLocked", "RequestDisallowedByPolicy"
_LOCKED_SCOPES = re.compile(r"scope\(s\) are locked: '([^']+)'")
_ACTION_AND_SCOPE = re.compile(r"perform action '([^']+)'.*?over scope '([^']+)'", re.DOTALL)

# Codes of Resource Manager, Graph and the data plane -> (problem, next step).
_CODES: Mapping[str, tuple[str, str]] = {
    "AuthorizationFailed": (
        "the operator may not do this",
        "give the operator a role that allows it; a new role takes up to ten minutes to have an effect",
    ),
    "LinkedAuthorizationFailed": (
        "the operator may not use an object that this refers to",
        "see that the identity is of the same tenant as the subscription, and that the operator has rights there too",
    ),
    "InsufficientPermissions": (
        "the operator may not change the permission model of the vault",
        "use an operator who may also assign roles without a condition (Owner or User Access Administrator)",
    ),
    GRAPH_DENIED: (
        "the operator may not do this in Microsoft Graph",
        "give the operator's application the permission of Graph that this needs (Application.Read.All to look at "
        "applications, GroupMember.Read.All to look at groups) with an administrator's consent",
    ),
    "MissingSubscriptionRegistration": (
        "the resource provider is not registered in the subscription",
        "run `az provider register --namespace Microsoft.KeyVault` in the subscription once; this collection never "
        "registers it by itself",
    ),
    "SubscriptionNotFound": (
        "the operator sees no such subscription",
        "check subscription_id, tenant and cloud_environment, and that the operator has a role in the subscription",
    ),
    "ResourceGroupNotFound": ("there is no such resource group", "check the name of the resource group"),
    "VaultAlreadyExists": (
        "the name is taken: by a vault, or by a soft-deleted one, which may be in another subscription",
        "choose another name; names of vaults are unique in the whole cloud",
    ),
    "VaultNameNotValid": ("this cannot be the name of a vault", "give 3 to 24 letters, digits and single hyphens"),
    "RegionNotSupported": ("this is not offered in the location", "choose another location"),
    "SkuNotSupported": ("the type is not offered there", "choose another type or location"),
    "ResourceNotFound": (
        "there is no such object, or the operator does not see it",
        "check its name, resource group and subscription",
    ),
    "Request_ResourceNotFound": (
        "there is no such object in the tenant",
        "check its ID and the tenant; an object that was just made is visible after some seconds",
    ),
    "CredentialTypeNotAllowedAsPerAppPolicy": (
        "an app management policy of the tenant forbids credentials of this kind",
        "use a certificate in the place of a secret or the other way round, one of a trusted authority where that is "
        "demanded, or have the application exempted",
    ),
    "CredentialInvalidLifetimeAsPerAppPolicy": (
        "an app management policy of the tenant forbids credentials that are valid for so long",
        "make one that is valid for a shorter time, or have the application exempted",
    ),
    DISALLOWED: (
        "an Azure Policy forbids this",
        "have those who own the policy make an exemption, or set what it allows",
    ),
    SCOPE_LOCKED: (
        "a lock forbids this",
        "have the lock taken off for the time of the change (`az lock list`, `az lock delete`), and run the task again",
    ),
    "ConflictError": ("something else is changing the same object", "run the task again when that is done"),
    "PrincipalNotFound": (
        "the service principal is not known to Resource Manager",
        "wait some minutes when it was just made; otherwise check app_client_id and the tenant of the subscription",
    ),
    "RoleAssignmentLimitExceeded": (
        "the subscription holds as many role assignments as are allowed",
        "have assignments removed that nobody needs, or give the role to a group",
    ),
    "TooManyRequests": ("the server limits the rate of requests", "run again later or with fewer forks"),
    "ForbiddenByFirewall": (
        "the firewall of the vault refuses the address of the machine that runs the module",
        "run the module from an address that the firewall allows; what it says of this machine says nothing of DSM",
    ),
    "ForbiddenByConnection": (
        "the vault accepts connections over private endpoints only",
        "run the module where the private endpoint can be reached; this says nothing of DSM's way",
    ),
    "ForbiddenByRbac": (
        "no role allows the operator to do this in the vault or pool",
        "give the operator the role that the server names; a managed HSM has roles of its own",
    ),
}
_STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("the request was refused as wrong", "correct what the server names"),
    401: (
        "the operator's token is not accepted",
        "check tenant and cloud_environment: they have to be those of the subscription",
    ),
    403: ("the operator may not do this", "give the operator the right that the server names"),
    404: _CODES["ResourceNotFound"],
    409: ("the object is not in a state that allows this", "see what the server says, and run the task again"),
    429: _CODES["TooManyRequests"],
}
TROUBLE = ("Azure or something in front of it is in trouble", "run again when it is healthy")


_TIMED_OUT, _THROTTLED, _SERVER_TROUBLE = 408, 429, 500
SUCCESSES = range(200, 300)
# What a failure of the operator's login is about.
LOGIN = "operator"


class AzureError(TaskError):
    """A refusal of Entra or Azure, or a way to it that is blocked.

    ``status``: of HTTP, None when there was no answer. ``code``: the innermost one that the server names, or
    ``AADSTS<number>``; empty when there is none. ``retry_after``: seconds that the server asks to wait, if it does.
    ``retryable``: running the task again may help; by default after an answer that is about the server's own state.
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
        passing = status is not None and (status == _THROTTLED or status >= _SERVER_TROUBLE)
        facts = (("status", status), ("code", code), ("retryable", passing if retryable is None else retryable))
        details: dict[str, Any] = {name: value for name, value in facts if value}
        super().__init__(problem, plane=plane, obj=obj, server_words=words, next_step=next_step, **details)


def code_of(error: Exception) -> str:
    """The server's code of a failure; empty for failures of another kind."""
    return error.code if isinstance(error, AzureError) else ""


def status_of(error: Exception) -> int | None:
    """The HTTP status of a failure; None when there was no answer, or it is of another kind."""
    return error.status if isinstance(error, AzureError) else None


# What stays as it is until somebody does something about it, although the status is that of a conflict.
_LASTING_CONFLICTS = frozenset({SCOPE_LOCKED, "VaultAlreadyExists", "MissingSubscriptionRegistration"})


def may_pass(error: TaskError) -> bool:
    """Whether the same request may succeed a moment later: a conflict with another change, a limit, an outage."""
    if error.details.get("retryable"):
        return True
    status = status_of(error)
    if status is None or code_of(error) in _LASTING_CONFLICTS:
        return code_of(error) == "PrincipalNotFound"
    return status in (408, 409, 412, 429) or status >= 500 or code_of(error) == "PrincipalNotFound"


def denied(deed: str, permission: str, obj: str, words: str) -> AzureError:
    """A refusal of Graph, where it is known which of its permissions the request needs (Azure contract §3)."""
    return AzureError(
        f"the operator may not {deed} in Microsoft Graph",
        plane="Entra",
        obj=obj,
        words=words,
        next_step=f"give the operator's application {permission}, with an administrator's consent",
        status=403,
        code=GRAPH_DENIED,
    )


def refusal(
    status: int, body: Any, *, plane: str, obj: str, retry_after: str | None = None, label: str = "the request"
) -> AzureError:
    """An answer that is no success. ``body``: decoded JSON, or text. ``label``: method and path, for other answers."""
    code, words = _code_and_words(body)
    problem, advice = _CODES.get(code) or _STATUSES.get(status) or TROUBLE
    if code not in _CODES and not (status in _STATUSES or status >= 500):
        problem, advice = f"{label} was answered with HTTP status {status}", "see what the server says"
    denied = _ACTION_AND_SCOPE.search(words)
    if code == "AuthorizationFailed" and denied:
        action, scope = denied.groups()
        problem = f"the operator may not do {action}"
        advice = f"give the operator a role with {action} at {scope}; it takes up to ten minutes to have an effect"
    policies = refusing_policies.named_in(body, words) if code == DISALLOWED else []
    problem += refusing_policies.told(policies)
    if code == DISALLOWED:
        advice += refusing_policies.advice(policies)
    locked = _LOCKED_SCOPES.search(words)
    if code == SCOPE_LOCKED and locked:
        problem = f"a lock at {locked[1].replace(',', ', ')} forbids this"
    if retry_after:
        advice += f" (the server asks to wait: Retry-After {retry_after})"
    quoted = f"{code}: {words}" if code and words else code or words or f"HTTP status {status}"
    error = AzureError(
        problem,
        plane=plane,
        obj=obj,
        words=quoted,
        next_step=advice,
        status=status,
        code=code,
        retry_after=_seconds(retry_after),
    )
    if policies:
        error.details["policies"] = policies
    return error


def _seconds(retry_after: str | None) -> float | None:
    """The value of the header where it is a number (RFC 9110 §10.2.3); a date is left to the caller's own pauses."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdecimal() else None


def may_have_worked(error: Exception) -> bool:
    """Whether a write may have been carried out: no usable answer came, or one of a gateway or a server in trouble."""
    status = status_of(error)
    return status is None or status in SUCCESSES or status >= _SERVER_TROUBLE


def is_in_doubt(status: int) -> bool:
    """Whether a write that was answered with this may have been carried out: by a gateway, or a server in trouble.

    A limit on rates is none: Azure refuses before it begins (Azure contract §1.2).
    """
    return status >= _SERVER_TROUBLE or status == _TIMED_OUT


def _code_and_words(body: Any) -> tuple[str, str]:
    """The innermost code and the message of an error body; the text itself when there is none."""
    if not isinstance(body, Mapping):
        return "", str(body or "")
    error = body.get("error")
    if not isinstance(error, Mapping):
        # A token answer has the code in `error` itself.
        return str(error or ""), str(body.get("error_description") or "")
    code, inner = str(error.get("code") or ""), error.get("innererror")
    # Only the data plane says in the inner one what it means; elsewhere it is a number of the server's own.
    if code == "Forbidden" and isinstance(inner, Mapping) and inner.get("code"):
        code = str(inner["code"])
    return code, str(error.get("message") or "")
