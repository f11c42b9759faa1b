# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What each code and HTTP status of Entra and Azure means, and refusals as errors.

``MEANINGS`` is the one place that says what a code means and what follows from it; everything else is derived from it.
Failures without an answer that says anything are in sdk_failures.py. Codes: Azure contract §1.2, §1.7, §2 (T20, T33
to T36), §3; each group names its public source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..._errors import TaskError
from ..._rest import statuses
from . import refusing_policies

# Codes that are compared with, here or in other files.
TENANT_UNKNOWN = "AADSTS90002"
AUTHORIZATION_FAILED = "AuthorizationFailed"
GRAPH_DENIED = "Authorization_RequestDenied"
DISALLOWED = "RequestDisallowedByPolicy"
SCOPE_LOCKED = "ScopeLocked"
CONFLICT_ERROR = "ConflictError"
NAME_TAKEN = "VaultAlreadyExists"
RESOURCE_NOT_FOUND = "ResourceNotFound"
GROUP_NOT_FOUND = "ResourceGroupNotFound"
SUBSCRIPTION_NOT_FOUND = "SubscriptionNotFound"
PRINCIPAL_NOT_FOUND = "PrincipalNotFound"
# Without a meaning of its own: whoever creates the assignment takes it for done.
ROLE_ASSIGNMENT_EXISTS = "RoleAssignmentExists"
# A tenant without the licence for PIM has nothing in it; in lower case (Azure contract §1.7).
WITHOUT_PIM = frozenset({"aadpremiumlicenserequired", "tenantnotonboarded", "methodnotallowed"})
# What the data plane puts around its codes.
_FORBIDDEN = "Forbidden"


class Lasts(Enum):
    """How long a refusal stays, and so whether a repetition may help."""

    # It is about the service and not about the request: a failure is always marked as ``retryable``.
    UNTIL_RECOVERED = "until the service has recovered"
    # The same request may succeed a moment later.
    UNTIL_SETTLED = "until another change is done, or known everywhere"
    UNTIL_CORRECTED = "until somebody removes the cause"


class Sign(Enum):
    """What a refusal of a login is a sign of, besides its cause."""

    WRONG_CLOCK = "the clock of the machine that runs the module may be wrong"
    OWN_ADDRESS = "it is about the address of the machine that runs the module, and says nothing of DSM"
    NOT_KNOWN_YET = "one of Entra's places may not know yet what was just created"


@dataclass(frozen=True)
class Meaning:
    """What a code or a status means to the operator, and what follows from it.

    ``keys``: the codes and HTTP statuses that mean this. ``problem``, ``next_step``: of the message; both empty where a
    code says nothing more than its status, or than any refusal by Entra. ``lasts``: None where the status says it; a
    refusal without a status lasts until it is corrected. ``in_doubt``: whether a write that was answered with this
    status may have been carried out.
    """

    keys: tuple[str | int, ...]
    problem: str = ""
    next_step: str = ""
    lasts: Lasts | None = None
    sign: Sign | None = None
    in_doubt: bool = False


_NO_SUCH_OBJECT = (
    "there is no such object, or the operator does not see it",
    "check its name, resource group and subscription",
)
_THROTTLED = ("the server limits the rate of requests", "run again later or with fewer forks")
# The one problem with blanks, which are filled in.
_ANSWERED = ("{label} was answered with HTTP status {status}", "see what the server says")

MEANINGS: tuple[Meaning, ...] = (
    # Entra. Microsoft Learn, "Microsoft Entra authentication and authorization error codes"; the codes of certificates:
    # github.com/AzureAD/microsoft-identity-web, issue 3653. Microsoft may change the numbers: they are hints (T20).
    Meaning(
        ("AADSTS7000215",),
        "the operator's client secret is wrong",
        "set the value of the secret, which Entra shows once when it is made, and not the secret's ID",
        sign=Sign.NOT_KNOWN_YET,
    ),
    Meaning(("AADSTS7000222",), "the operator's client secret has expired", "make a new secret, and set it"),
    Meaning(
        ("AADSTS700016", "AADSTS70001"),
        "the operator's application is not in this tenant",
        "check client_id, tenant and cloud_environment",
        sign=Sign.NOT_KNOWN_YET,
    ),
    Meaning((TENANT_UNKNOWN,), "there is no such tenant in this cloud", "check tenant and cloud_environment"),
    Meaning(("AADSTS900023",), "this cannot be a tenant", "check tenant"),
    Meaning(
        ("AADSTS500011",),
        "the service that the token is for is unknown in this tenant",
        "check tenant and cloud_environment",
    ),
    Meaning(
        ("AADSTS500014",),
        "the service principal of the service that the token is for is disabled in this tenant",
        "have it enabled in Entra (enterprise applications)",
    ),
    Meaning(
        ("AADSTS700027",),
        "the operator's certificate is not registered with the application, or the signature is not its own",
        "register the certificate in x509_certificate_path with the application, or set the one that is",
        sign=Sign.NOT_KNOWN_YET,
    ),
    Meaning(("AADSTS50012", "AADSTS7000229"), sign=Sign.NOT_KNOWN_YET),
    Meaning(
        ("AADSTS700024",),
        "the signed statement is outside of its time window",
        "compare the clock of the machine that runs the module, or have the OIDC token renewed",
        sign=Sign.WRONG_CLOCK,
    ),
    Meaning(
        ("AADSTS1000502", "AADSTS7000274"),
        "the operator's certificate is outside of its validity",
        "register a new certificate, and set it",
        sign=Sign.WRONG_CLOCK,
    ),
    Meaning(
        ("AADSTS7000214", "AADSTS7000277"),
        "the operator's certificate is revoked",
        "register a new certificate, and set it",
    ),
    Meaning(
        ("AADSTS7000112",),
        "the operator's application or its service principal is disabled",
        "have it enabled in Entra (enterprise applications), or use another one",
    ),
    Meaning(
        ("AADSTS53003", "AADSTS530003"),
        "a Conditional Access policy refuses a login from here",
        "run the module from an address that the policy allows; what it says of this machine says nothing of DSM",
        sign=Sign.OWN_ADDRESS,
    ),
    Meaning(
        ("AADSTS90033",),
        "Entra is in trouble for the moment",
        "run again in some minutes",
        lasts=Lasts.UNTIL_RECOVERED,
    ),
    Meaning(
        ("AADSTS900382", "AADSTS900432", "AADSTS900439"),
        "the application is of another cloud than the login address",
        "check cloud_environment and tenant",
    ),
    # Rights in Resource Manager. Microsoft Learn, "Troubleshoot Azure RBAC" and "Troubleshoot common Azure deployment
    # errors".
    Meaning(
        (AUTHORIZATION_FAILED,),
        "the operator may not do this",
        "give the operator a role that allows it; a new role takes up to ten minutes to have an effect",
    ),
    Meaning(
        ("LinkedAuthorizationFailed",),
        "the operator may not use an object that this refers to",
        "see that the identity is of the same tenant as the subscription, and that the operator has rights there too",
    ),
    Meaning(
        ("InsufficientPermissions",),
        "the operator may not change the permission model of the vault",
        "use an operator who may also assign roles without a condition (Owner or User Access Administrator)",
    ),
    Meaning(
        (PRINCIPAL_NOT_FOUND,),
        "the service principal is not known to Resource Manager",
        "wait some minutes when it was just made; otherwise check app_client_id and the tenant of the subscription",
        lasts=Lasts.UNTIL_SETTLED,
    ),
    Meaning(
        ("RoleAssignmentLimitExceeded",),
        "the subscription holds as many role assignments as are allowed",
        "have assignments removed that nobody needs, or give the role to a group",
    ),
    # Objects in Resource Manager. Microsoft Learn, "Troubleshoot common Azure deployment errors", "Resolve errors for
    # resource provider registration" and "Lock your resources to protect your infrastructure".
    Meaning(
        ("MissingSubscriptionRegistration",),
        "the resource provider is not registered in the subscription",
        "run `az provider register --namespace Microsoft.KeyVault` in the subscription once; this collection never "
        "registers it by itself",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (SUBSCRIPTION_NOT_FOUND,),
        "the operator sees no such subscription",
        "check subscription_id, tenant and cloud_environment, and that the operator has a role in the subscription",
    ),
    Meaning((GROUP_NOT_FOUND,), "there is no such resource group", "check the name of the resource group"),
    Meaning((RESOURCE_NOT_FOUND,), *_NO_SUCH_OBJECT),
    Meaning(
        (NAME_TAKEN,),
        "the name is taken: by a vault, or by a soft-deleted one, which may be in another subscription",
        "choose another name; names of vaults are unique in the whole cloud",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("VaultNameNotValid",),
        "this cannot be the name of a vault",
        "give 3 to 24 letters, digits and single hyphens",
    ),
    Meaning(("RegionNotSupported",), "this is not offered in the location", "choose another location"),
    Meaning(("SkuNotSupported",), "the type is not offered there", "choose another type or location"),
    Meaning(
        (DISALLOWED,),
        "an Azure Policy forbids this",
        "have those who own the policy make an exemption, or set what it allows",
    ),
    Meaning(
        (SCOPE_LOCKED,),
        "a lock forbids this",
        "have the lock taken off for the time of the change (`az lock list`, `az lock delete`), and run the task again",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (CONFLICT_ERROR,),
        "something else is changing the same object",
        "run the task again when that is done",
        lasts=Lasts.UNTIL_SETTLED,
    ),
    Meaning(("TooManyRequests",), *_THROTTLED),
    # Graph. Microsoft Learn, "Microsoft Graph error responses and resource types"; what an app management policy
    # forbids: "appManagementPolicy resource type".
    Meaning(
        (GRAPH_DENIED,),
        "the operator may not do this in Microsoft Graph",
        "give the operator's application the permission of Graph that this needs (Application.Read.All to look at "
        "applications, GroupMember.Read.All to look at groups) with an administrator's consent",
    ),
    Meaning(
        ("Request_ResourceNotFound",),
        "there is no such object in the tenant",
        "check its ID and the tenant; an object that was just made is visible after some seconds",
    ),
    Meaning(
        ("CredentialTypeNotAllowedAsPerAppPolicy",),
        "an app management policy of the tenant forbids credentials of this kind",
        "use a certificate in the place of a secret or the other way round, one of a trusted authority where that is "
        "demanded, or have the application exempted",
    ),
    Meaning(
        ("CredentialInvalidLifetimeAsPerAppPolicy",),
        "an app management policy of the tenant forbids credentials that are valid for so long",
        "make one that is valid for a shorter time, or have the application exempted",
    ),
    # The data plane of vaults and pools. Microsoft Learn, "Azure Key Vault REST API error codes".
    Meaning(
        ("ForbiddenByFirewall",),
        "the firewall of the vault refuses the address of the machine that runs the module",
        "run the module from an address that the firewall allows; what it says of this machine says nothing of DSM",
    ),
    Meaning(
        ("ForbiddenByConnection",),
        "the vault accepts connections over private endpoints only",
        "run the module where the private endpoint can be reached; this says nothing of DSM's way",
    ),
    Meaning(
        ("ForbiddenByRbac",),
        "no role allows the operator to do this in the vault or pool",
        "give the operator the role that the server names; a managed HSM has roles of its own",
    ),
    # HTTP. RFC 9110 §15 (HTTP Semantics), RFC 6585 §4 (429). A limit on rates leaves nothing in doubt: Azure refuses
    # before it begins (Azure contract §1.2).
    Meaning(
        (statuses.BAD_REQUEST,),
        "the request was refused as wrong",
        "correct what the server names",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (statuses.UNAUTHORIZED,),
        "the operator's token is not accepted",
        "check tenant and cloud_environment: they have to be those of the subscription",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (statuses.FORBIDDEN,),
        "the operator may not do this",
        "give the operator the right that the server names",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning((statuses.NOT_FOUND,), *_NO_SUCH_OBJECT, lasts=Lasts.UNTIL_CORRECTED),
    Meaning((statuses.REQUEST_TIMEOUT,), *_ANSWERED, lasts=Lasts.UNTIL_SETTLED, in_doubt=True),
    Meaning(
        (statuses.CONFLICT,),
        "the object is not in a state that allows this",
        "see what the server says, and run the task again",
        lasts=Lasts.UNTIL_SETTLED,
    ),
    Meaning((statuses.PRECONDITION_FAILED,), *_ANSWERED, lasts=Lasts.UNTIL_SETTLED),
    Meaning((statuses.TOO_MANY_REQUESTS,), *_THROTTLED, lasts=Lasts.UNTIL_RECOVERED),
    # Every status from here on without a row of its own (RFC 9110 §15: a status that is not known is taken for the
    # first one of its class).
    Meaning(
        (statuses.INTERNAL_SERVER_ERROR,),
        "Azure or something in front of it is in trouble",
        "run again when it is healthy",
        lasts=Lasts.UNTIL_RECOVERED,
        in_doubt=True,
    ),
)
_BY_KEY: Mapping[str | int, Meaning] = {key: meaning for meaning in MEANINGS for key in meaning.keys}
_OTHER_STATUS = Meaning((), *_ANSWERED, lasts=Lasts.UNTIL_CORRECTED)
_OTHER_CODE = Meaning(())

# What a failure of the operator's login is about.
LOGIN = "operator"
_LOCKED_SCOPES = re.compile(r"scope\(s\) are locked: '([^']+)'")
_ACTION_AND_SCOPE = re.compile(r"perform action '([^']+)'.*?over scope '([^']+)'", re.DOTALL)


def meaning_of(code: str) -> Meaning:
    """What a code means; nothing is in it for a code that is not known."""
    return _BY_KEY.get(code, _OTHER_CODE)


def meaning_of_status(status: int) -> Meaning:
    """What an HTTP status means, where no code says more."""
    if status >= statuses.INTERNAL_SERVER_ERROR:
        return _BY_KEY.get(status, _BY_KEY[statuses.INTERNAL_SERVER_ERROR])
    return _BY_KEY.get(status, _OTHER_STATUS)


def _how_long(status: int | None, code: str) -> Lasts:
    """How long a refusal stays. What a service in trouble says of a request is not final."""
    by_status = None if status is None else meaning_of_status(status).lasts
    if by_status is Lasts.UNTIL_RECOVERED:
        return by_status
    return meaning_of(code).lasts or by_status or Lasts.UNTIL_CORRECTED


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
        passing = _how_long(status, code) is Lasts.UNTIL_RECOVERED
        facts = (("status", status), ("code", code), ("retryable", passing if retryable is None else retryable))
        details: dict[str, Any] = {name: value for name, value in facts if value}
        super().__init__(problem, plane=plane, obj=obj, server_words=words, next_step=next_step, **details)


def code_of(error: Exception) -> str:
    """The server's code of a failure; empty for failures of another kind."""
    return error.code if isinstance(error, AzureError) else ""


def status_of(error: Exception) -> int | None:
    """The HTTP status of a failure; None when there was no answer, or it is of another kind."""
    return error.status if isinstance(error, AzureError) else None


def may_pass(error: TaskError) -> bool:
    """Whether the same request may succeed a moment later: a conflict with another change, a limit, an outage."""
    if error.details.get("retryable"):
        return True
    return _how_long(status_of(error), code_of(error)) is not Lasts.UNTIL_CORRECTED


def denied(deed: str, permission: str, obj: str, words: str) -> AzureError:
    """A refusal of Graph, where it is known which of its permissions the request needs (Azure contract §3)."""
    return AzureError(
        f"the operator may not {deed} in Microsoft Graph",
        plane="Entra",
        obj=obj,
        words=words,
        next_step=f"give the operator's application {permission}, with an administrator's consent",
        status=statuses.FORBIDDEN,
        code=GRAPH_DENIED,
    )


def refusal(
    status: int, body: Any, *, plane: str, obj: str, retry_after: str | None = None, label: str = "the request"
) -> AzureError:
    """An answer that is no success. ``body``: decoded JSON, or text. ``label``: method and path, for other answers."""
    code, words = _code_and_words(body)
    meaning = meaning_of(code)
    if not meaning.problem:
        meaning = meaning_of_status(status)
    problem, advice = meaning.problem, meaning.next_step
    if meaning.problem == _ANSWERED[0]:
        problem = problem.format(label=label, status=status)
    denied = _ACTION_AND_SCOPE.search(words)
    if code == AUTHORIZATION_FAILED and denied:
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
    return status is None or status in statuses.SUCCESSES or is_in_doubt(status)


def is_in_doubt(status: int) -> bool:
    """Whether a write that was answered with this may have been carried out: by a gateway, or a server in trouble."""
    return meaning_of_status(status).in_doubt


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
    if code == _FORBIDDEN and isinstance(inner, Mapping) and inner.get("code"):
        code = str(inner["code"])
    return code, str(error.get("message") or "")
