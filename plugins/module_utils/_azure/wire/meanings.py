# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What each code and HTTP status of Entra and Azure means, and what follows from it. Pure.

``MEANINGS`` is the only definition; everything else is derived from it. Codes: Azure contract §1.2, §1.7, §2 (T20, T33
to T36), §3; each group names its public source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ..._rest import statuses
from ..._rest.azure_texts import ADDRESS_IS_REFUSED, DENY_ASSIGNMENT, PUBLIC_ACCESS_IS_OFF
from ..._rest.entra_codes import EntraCause, refusal_in

# Codes that other files compare with, too.
AUTHORIZATION_FAILED = "AuthorizationFailed"
GRAPH_DENIED = "Authorization_RequestDenied"
DISALLOWED = "RequestDisallowedByPolicy"
SCOPE_LOCKED = "ScopeLocked"
CONFLICT_ERROR = "ConflictError"
# Of Graph: another write in the tenant, not an object that exists. Its status is 409, as for one that exists.
DIRECTORY_BUSY = "Directory_ConcurrencyViolation"
NAME_TAKEN = "VaultAlreadyExists"
RESOURCE_NOT_FOUND = "ResourceNotFound"
GROUP_NOT_FOUND = "ResourceGroupNotFound"
SUBSCRIPTION_NOT_FOUND = "SubscriptionNotFound"
PRINCIPAL_NOT_FOUND = "PrincipalNotFound"
# Has no meaning here: the code that creates an assignment treats it as done.
ROLE_ASSIGNMENT_EXISTS = "RoleAssignmentExists"
# A tenant without a PIM license has no PIM assignments; in lower case (Azure contract §1.7).
WITHOUT_PIM = frozenset({"aadpremiumlicenserequired", "tenantnotonboarded", "methodnotallowed"})
NOT_REGISTERED = "MissingSubscriptionRegistration"
# Of Azure Resource Graph: none of the subscriptions can be read.
NO_VALID_SUBSCRIPTIONS = "NoValidSubscriptionsInQueryRequest"
_DENIED_BY_ASSIGNMENT = "DenyAssignmentAuthorizationFailed"
_BY_FIREWALL, _BY_CONNECTION, _BY_RBAC = "ForbiddenByFirewall", "ForbiddenByConnection", "ForbiddenByRbac"
_QUOTA = "QuotaExceeded"


class Lasts(Enum):
    """How long a rejection lasts, and so whether a repetition may succeed."""

    # Caused by the service, not by the request: the failure is always marked as ``retryable``.
    UNTIL_RECOVERED = "until the service has recovered"
    # The same request may succeed a moment later.
    UNTIL_SETTLED = "until another change is completed or replicated"
    UNTIL_CORRECTED = "until the cause is removed"


class Sign(Enum):
    """What a rejected authentication may indicate, besides its direct cause."""

    WRONG_CLOCK = "the clock of the machine that runs the module may be wrong"
    OWN_ADDRESS = "it concerns the address of the machine that runs the module, not DSM"


@dataclass(frozen=True)
class Meaning:
    """What a code or a status means to the operator, and what follows from it.

    ``keys``: the codes, causes and HTTP statuses that mean this. ``problem``, ``next_step``: of the message; both empty
    if the code is no more specific than its status, or than any rejection by Entra. ``lasts``: None if the status
    defines it; a rejection without a status lasts until it is corrected. ``in_doubt``: whether a write with this status
    may have been carried out.
    """

    keys: tuple[str | int | EntraCause, ...]
    problem: str = ""
    next_step: str = ""
    lasts: Lasts | None = None
    sign: Sign | None = None
    in_doubt: bool = False


_NO_SUCH_OBJECT = (
    "the object does not exist or is not visible to the operator",
    "check its name, resource group and subscription",
)
_THROTTLED = ("the server limits the rate of requests", "run again later or with fewer forks")
# The only problem with placeholders.
ANSWERED = ("{label} returned HTTP status {status}", "check the server's response")

MEANINGS: tuple[Meaning, ...] = (
    # Entra: what its codes mean is in _rest/entra_codes.py.
    Meaning(
        (EntraCause.SECRET_WRONG,),
        "the operator's client secret is wrong",
        "set the value of the secret, which Entra shows only when it is created, not the secret's ID",
    ),
    Meaning((EntraCause.SECRET_EXPIRED,), "the operator's client secret has expired", "create a new secret and set it"),
    Meaning(
        (EntraCause.CREDENTIAL_MISSING,),
        "the operator's application must prove its identity, and the request had no secret or certificate",
        "set client_id with secret, x509_certificate_path, oidc_token or oidc_token_file_path",
    ),
    Meaning(
        (EntraCause.APPLICATION_UNKNOWN,),
        "the operator's application is not in this tenant",
        "check client_id, tenant and cloud_environment",
    ),
    Meaning(
        (EntraCause.PRINCIPAL_UNKNOWN,),
        "the operator's application has no service principal in this tenant",
        "check tenant, or create the service principal there (`az ad sp create --id <client_id>`)",
    ),
    Meaning(
        (EntraCause.TENANT_UNKNOWN,), "the tenant does not exist in this cloud", "check tenant and cloud_environment"
    ),
    Meaning((EntraCause.TENANT_INVALID,), "the tenant is not valid", "check tenant"),
    Meaning(
        (EntraCause.TENANT_BLOCKED,),
        "the tenant is blocked",
        "have its administrators unblock it, as the page that the response names describes",
    ),
    Meaning(
        (EntraCause.TENANT_RESTRICTED,),
        "a restriction excludes this tenant: tenant restrictions that a proxy on the way adds to sign-ins, or the "
        "cross-tenant access settings of a tenant",
        "check tenant and HTTPS_PROXY, or have the owner of the proxy or of the settings allow the tenant",
    ),
    Meaning(
        (EntraCause.RESOURCE_UNKNOWN,),
        "the service for which the token was requested is unknown in this tenant",
        "check tenant and cloud_environment",
    ),
    Meaning(
        (EntraCause.RESOURCE_DISABLED,),
        "the service principal of the service for which the token was requested is disabled in this tenant",
        "enable it in Entra (enterprise applications)",
    ),
    Meaning(
        (EntraCause.CERTIFICATE_UNKNOWN,),
        "the operator's certificate is not registered with the application, or the signature is from another one",
        "register the certificate in x509_certificate_path with the application, or set the registered one",
    ),
    Meaning(
        (EntraCause.KEY_MISMATCH,),
        "the private key of the operator does not belong to the certificate that is registered with the application",
        "set x509_certificate_path to a file with the registered certificate and its own private key",
    ),
    Meaning(
        (EntraCause.CREDENTIAL_REFUSED,),
        "Entra rejects the operator's credentials",
        "search for the error code that Entra returned",
    ),
    Meaning(
        (EntraCause.ASSERTION_REFUSED,),
        "Entra rejects the signed assertion or the OIDC token of the operator",
        "check that client_id, tenant and the token in oidc_token or oidc_token_file_path belong together",
    ),
    Meaning(
        (EntraCause.FEDERATION_UNMATCHED,),
        "no federated credential of the operator's application matches issuer, subject and audience of the OIDC token",
        "compare the values in the response with the federated credential in Entra (Certificates & secrets), in which "
        "upper and lower case matter, and check client_id",
    ),
    Meaning(
        (EntraCause.ASSERTION_OUTSIDE_TIME,),
        "the signed assertion is outside its validity period",
        "check the clock of the machine that runs the module, or renew the OIDC token",
        sign=Sign.WRONG_CLOCK,
    ),
    Meaning(
        (EntraCause.CERTIFICATE_EXPIRED,),
        "the operator's certificate has expired or is not yet valid",
        "register a new certificate and set it",
        sign=Sign.WRONG_CLOCK,
    ),
    Meaning(
        (EntraCause.CERTIFICATE_REVOKED,),
        "the operator's certificate is revoked",
        "register a new certificate and set it",
    ),
    Meaning(
        (EntraCause.APPLICATION_DISABLED,),
        "the operator's application or its service principal is disabled",
        "enable it in Entra (enterprise applications), or use another application",
    ),
    Meaning(
        (EntraCause.CONDITIONAL_ACCESS,),
        "a Conditional Access policy blocks the operator on the machine that runs the module",
        "run the module from an address that the policy allows; this error concerns that machine, not DSM",
        sign=Sign.OWN_ADDRESS,
    ),
    Meaning(
        (EntraCause.RISK,),
        "Entra blocks the operator because of a risk; for a delegated administrator, in the home tenant",
        "have the risk remediated in Entra ID Protection, or use another operator",
    ),
    Meaning(
        (EntraCause.CONSENT_MISSING,),
        "nobody has consented to the access of this application to the service",
        "have an administrator grant consent in the tenant, or use another operator",
    ),
    Meaning(
        (EntraCause.OUTAGE,),
        "Entra is temporarily unavailable",
        "run again in a few minutes",
        lasts=Lasts.UNTIL_RECOVERED,
    ),
    Meaning(
        (EntraCause.WRONG_CLOUD,),
        "the application belongs to another cloud than the login endpoint",
        "check cloud_environment and tenant",
    ),
    # Users: the operator of the Azure CLI.
    Meaning(
        (EntraCause.MFA_REQUIRED,),
        "Entra requires multifactor authentication of the user that is signed in to the Azure CLI",
        "run `az login` with --tenant interactively where the module runs, or use an application as the operator",
    ),
    Meaning(
        (EntraCause.SESSION_EXPIRED,),
        "the sign-in of the Azure CLI has expired or was revoked",
        "run `az login` with --tenant again where the module runs, or use an application as the operator",
    ),
    Meaning(
        (EntraCause.DEVICE_REFUSED,),
        "a Conditional Access policy does not accept the machine on which the user is signed in to the Azure CLI",
        "run the module on a managed device, or use an application as the operator",
    ),
    Meaning(
        (EntraCause.USER_UNKNOWN,),
        "the user that is signed in to the Azure CLI is not in the tenant",
        "check tenant, or run `az login` with --tenant as a user of that tenant",
    ),
    Meaning(
        (EntraCause.USER_BLOCKED,),
        "the user that is signed in to the Azure CLI is disabled or locked",
        "have an administrator unlock the user, or use another operator",
    ),
    Meaning(
        (EntraCause.PASSWORD_REFUSED,),
        "the password of the user that is signed in to the Azure CLI is wrong or has expired",
        "change the password if it has expired, and run `az login` again where the module runs",
    ),
    Meaning(
        (EntraCause.NOT_ASSIGNED,),
        "the user that is signed in to the Azure CLI is not assigned to the application",
        "have an administrator assign the user, or use another operator",
    ),
    # Permissions in Resource Manager. Microsoft Learn, "Troubleshoot Azure RBAC" and "Troubleshoot common Azure
    # deployment errors".
    Meaning(
        (AUTHORIZATION_FAILED,),
        "the operator has no permission for this request",
        "assign the operator a role that permits it; a new role takes up to ten minutes to take effect",
    ),
    Meaning(
        ("LinkedAuthorizationFailed",),
        "the operator has no permission to use an object to which the request refers",
        "check that the identity belongs to the tenant of the subscription, and that the operator has a role there",
    ),
    Meaning(
        (_DENIED_BY_ASSIGNMENT,),
        "a deny assignment blocks the operator, whatever roles it has",
        "have the owner of the deny assignment (a deployment stack, a managed application) exclude the operator",
    ),
    Meaning(
        ("InsufficientPermissions",),
        "the operator has no permission to change the permission model of the vault",
        "use an operator that can also assign roles without a condition (Owner or User Access Administrator)",
    ),
    Meaning(
        (PRINCIPAL_NOT_FOUND,),
        "Resource Manager does not know the service principal",
        "wait a few minutes if it was just created; otherwise check app_client_id and the tenant of the subscription",
        lasts=Lasts.UNTIL_SETTLED,
    ),
    Meaning(
        ("RoleAssignmentLimitExceeded",),
        "the subscription has reached its limit of role assignments",
        "have unused assignments removed, or assign the role to a group",
    ),
    # Objects in Resource Manager. Microsoft Learn, "Troubleshoot common Azure deployment errors", "Resolve errors for
    # resource provider registration" and "Lock your resources to protect your infrastructure".
    Meaning(
        ("SubscriptionDisabled", "ReadOnlyDisabledSubscription", "DisabledSubscription"),
        "the subscription is disabled, and therefore read-only",
        "have the owner of the billing account reactivate the subscription, or check subscription_id",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("NoRegisteredProviderFound",),
        "Resource Manager does not know this type of resource for the location or for the API version of the request",
        "check location and cloud_environment; if they are right, run `az provider register --namespace "
        "Microsoft.KeyVault` in the subscription once",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("DisallowedProvider", "DisallowedOperation"),
        "the offer of the subscription does not allow this resource provider or operation",
        "use another subscription, or have the billing account changed to an offer with Azure Key Vault",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("RequestDisallowedByAzure",),
        "a restriction of Azure itself forbids this: on regions, or on changes without multifactor authentication",
        "follow the link in the response; choose another location, or sign in with multifactor authentication or as an "
        "application",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (_QUOTA, "ResourceQuotaExceeded", "QuotaExceededForOperation", "RoleDefinitionLimitExceeded"),
        "a quota is exhausted",
        "delete what is not needed, or have the quota that the response names increased",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("ResourceGroupBeingDeleted",),
        "the resource group is being deleted",
        "use another resource group, or run the task again after the deletion",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("LocationNotAvailableForResourceType", "LocationNotAvailableForResourceGroup"),
        "this location is not available for it",
        "choose another location",
    ),
    Meaning(
        ("InvalidResourceLocation",),
        "an object with this name exists in another location",
        "set location to that of the existing object, or choose another name",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(("InvalidSubscriptionId",), "the subscription ID is not valid", "check subscription_id"),
    Meaning(
        ("InvalidAuthenticationTokenTenant",),
        "the operator's token is from another tenant than the one that the subscription trusts",
        "set tenant to the tenant of the subscription, which the response names, or check subscription_id",
    ),
    Meaning(
        ("ExpiredAuthenticationToken",),
        "the operator's token has expired",
        "run the task again; if the problem persists, check the clock of the machine that runs the module",
    ),
    Meaning(
        (NOT_REGISTERED, "SubscriptionNotRegistered"),
        "the resource provider is not registered in the subscription",
        "run `az provider register --namespace Microsoft.KeyVault` in the subscription once; this collection does not "
        "register it",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (SUBSCRIPTION_NOT_FOUND,),
        "the subscription does not exist or is not visible to the operator",
        "check subscription_id, tenant and cloud_environment, and that the operator has a role in the subscription",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning((GROUP_NOT_FOUND,), "the resource group does not exist", "check the name of the resource group"),
    Meaning((RESOURCE_NOT_FOUND,), *_NO_SUCH_OBJECT),
    Meaning(
        (NAME_TAKEN,),
        "the name is already used by a vault or a soft-deleted vault, possibly in another subscription",
        "choose another name; vault names are unique across the cloud",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("VaultNameNotValid",),
        "this is not a valid vault name",
        "use 3 to 24 letters, digits and single hyphens",
    ),
    Meaning(("RegionNotSupported",), "Key Vault is not offered in this location", "choose another location"),
    Meaning(
        ("SkuNotSupported",), "this type of vault is not offered in this location", "choose another type or location"
    ),
    Meaning(
        (DISALLOWED,),
        "an Azure Policy forbids this",
        "have the owner of the policy grant an exemption, or set what the policy allows",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (SCOPE_LOCKED,),
        "a lock forbids this",
        "have the lock removed for the duration of the change (`az lock list`, `az lock delete`), and run the "
        "task again",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (CONFLICT_ERROR,),
        "another operation is changing the same object",
        "run the task again after that operation has finished",
        lasts=Lasts.UNTIL_SETTLED,
    ),
    Meaning(("TooManyRequests", "SubscriptionRequestsThrottled"), *_THROTTLED),
    # Graph. Microsoft Learn, "Microsoft Graph error responses and resource types"; what an app management policy
    # forbids: "appManagementPolicy resource type".
    Meaning(
        (GRAPH_DENIED,),
        "the operator has no permission for this request in Microsoft Graph",
        "grant the operator's application the required Graph permission (Application.Read.All to read applications, "
        "GroupMember.Read.All to read groups) with admin consent",
    ),
    Meaning(
        ("Directory_QuotaExceeded",),
        "the quota of objects in the tenant, or of those that the operator may create there, is exhausted",
        "have unused app registrations deleted, also from the recycle bin, or use an operator with a role that has no "
        "such quota",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("Directory_ResourceSizeExceeded",),
        "the object in Entra has reached its maximum size, usually by the number of its credentials",
        "remove expired credentials of the application",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        ("Request_ResourceNotFound",),
        "the object does not exist in the tenant",
        "check its ID and the tenant; a new object becomes visible after a few seconds",
    ),
    Meaning(
        (DIRECTORY_BUSY,),
        "another change in the tenant is being processed at the same time",
        "run the task again in a minute",
        lasts=Lasts.UNTIL_SETTLED,
    ),
    Meaning(
        ("CredentialTypeNotAllowedAsPerAppPolicy",),
        "an app management policy of the tenant forbids credentials of this kind",
        "use a certificate instead of a secret or vice versa, or a certificate of a trusted CA if the policy requires "
        "one, or have the application exempted",
    ),
    Meaning(
        ("CredentialInvalidLifetimeAsPerAppPolicy",),
        "an app management policy of the tenant forbids credentials with this long a validity",
        "create a credential with a shorter validity, or have the application exempted",
    ),
    # The data plane of vaults and Managed HSMs. Microsoft Learn, "Azure Key Vault REST API error codes".
    Meaning(
        (_BY_FIREWALL,),
        "the vault's firewall or network security perimeter blocks the address of the machine that runs the module",
        "run the module from an address that it allows; this error concerns that machine, not DSM",
    ),
    Meaning(
        (_BY_CONNECTION,),
        "the vault accepts connections only through private endpoints",
        "run the module where it can reach the private endpoint; this error concerns that machine, not DSM",
    ),
    Meaning(
        (_BY_RBAC,),
        "the operator has no role that permits this in the vault or Managed HSM",
        "assign the operator the role that the response names; a Managed HSM has its own roles",
    ),
    # HTTP. RFC 9110 §15 (HTTP Semantics), RFC 6585 §4 (429). Throttling leaves nothing in doubt: Azure
    # rejects the request before it begins (Azure contract §1.2).
    Meaning(
        (statuses.BAD_REQUEST,),
        "the request was rejected as invalid",
        "fix the cause in the server's error text",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (statuses.UNAUTHORIZED,),
        "the operator's token is not accepted",
        "run the task again, which requests a new token; if that does not help, check tenant and cloud_environment: "
        "they must be those of the subscription",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning(
        (statuses.FORBIDDEN,),
        "the operator has no permission for this request",
        "grant the operator the permission that the response names",
        lasts=Lasts.UNTIL_CORRECTED,
    ),
    Meaning((statuses.NOT_FOUND,), *_NO_SUCH_OBJECT, lasts=Lasts.UNTIL_CORRECTED),
    Meaning((statuses.REQUEST_TIMEOUT,), *ANSWERED, lasts=Lasts.UNTIL_SETTLED, in_doubt=True),
    Meaning(
        (statuses.CONFLICT,),
        "the state of the object does not allow this",
        "check the server's response, and run the task again",
        lasts=Lasts.UNTIL_SETTLED,
    ),
    Meaning((statuses.PRECONDITION_FAILED,), *ANSWERED, lasts=Lasts.UNTIL_SETTLED),
    Meaning((statuses.TOO_MANY_REQUESTS,), *_THROTTLED, lasts=Lasts.UNTIL_RECOVERED),
    # Every status from here on without its own entry (RFC 9110 §15: an unknown status counts as the first one of its
    # class).
    Meaning(
        (statuses.INTERNAL_SERVER_ERROR,),
        "Azure or a gateway in front of it is failing",
        "run again when the service is healthy",
        lasts=Lasts.UNTIL_RECOVERED,
        in_doubt=True,
    ),
)
_BY_KEY: Mapping[str | int | EntraCause, Meaning] = {key: meaning for meaning in MEANINGS for key in meaning.keys}
_OTHER_STATUS = Meaning((), *ANSWERED, lasts=Lasts.UNTIL_CORRECTED)
_OTHER_CODE = Meaning(())

# Codes with several meanings, and refusals without a specific code: the text decides. An empty set of codes stands for
# every code without a meaning of its own.
_BY_TEXT: tuple[tuple[frozenset[str], re.Pattern[str], str | EntraCause], ...] = tuple(
    (frozenset(codes), re.compile(text, re.IGNORECASE), key)
    for codes, text, key in (
        ((AUTHORIZATION_FAILED, _BY_RBAC), DENY_ASSIGNMENT, _DENIED_BY_ASSIGNMENT),
        ((DISALLOWED,), r"\bMFA\b|multi-?factor", EntraCause.MFA_REQUIRED),
        # Of the subscription with a private endpoint.
        ((AUTHORIZATION_FAILED,), r"provider must be registered", NOT_REGISTERED),
        ((), PUBLIC_ACCESS_IS_OFF, _BY_CONNECTION),
        ((), ADDRESS_IS_REFUSED, _BY_FIREWALL),
        ((), r"\bquota\b", _QUOTA),
    )
)


def meaning_of(code: str | EntraCause) -> Meaning:
    """The meaning of a code; empty for an unknown code. Of one of Entra's with several, the one without its text."""
    refused = refusal_in(code) if isinstance(code, str) else None
    key = code if refused is None else refused.cause
    return _OTHER_CODE if key is None else _BY_KEY.get(key, _OTHER_CODE)


def meaning_of_status(status: int) -> Meaning:
    """The meaning of an HTTP status, used if no code is more specific."""
    if status >= statuses.INTERNAL_SERVER_ERROR:
        return _BY_KEY.get(status, _BY_KEY[statuses.INTERNAL_SERVER_ERROR])
    return _BY_KEY.get(status, _OTHER_STATUS)


def key_of(status: int, code: str, words: str) -> str | EntraCause:
    """The code or cause whose meaning this refusal has: another one than the server's if the text decides so."""
    if status != statuses.FORBIDDEN:
        return code
    known = bool(meaning_of(code).problem)
    found = (key for codes, text, key in _BY_TEXT if (code in codes or not (codes or known)) and text.search(words))
    return next(found, code)
