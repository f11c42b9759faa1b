# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The reasons why a link does not connect: data for ``diagnosis``, and the source of docs/troubleshooting.md.

DSM's own error texts are not public. A class is therefore recognized by what the services behind DSM return: first by
the codes of Entra, Azure Resource Manager and Key Vault, then by the error texts of operating systems and TLS
libraries. Microsoft reserves the right to change its codes, so every cause is reported as a likely one, next to the
server's error text.

Guide sections refer to *Fortanix DSM - Azure Key Vault CDC Group Setup*:
https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..._rest.azure_texts import ADDRESS_IS_REFUSED, DENY_ASSIGNMENT, PUBLIC_ACCESS_IS_OFF
from ..._rest.entra_codes import EntraCause

ENTRA, ARM, VAULT, MANAGED_HSM, DSM, UNKNOWN = "entra", "arm", "vault", "managed_hsm", "dsm", "unknown"

LEG_NAMES = {
    ENTRA: "Microsoft Entra ID",
    ARM: "Azure Resource Manager",
    VAULT: "Azure Key Vault",
    MANAGED_HSM: "Azure Managed HSM",
    DSM: "Fortanix DSM",
    UNKNOWN: "unknown service",
}

# The values of the field ``class`` of a diagnosis. A cause that states the same fact as a finding has the finding's ID;
# a narrower one (an expired secret) or a wider one (two clouds in one link) has its own ID.
ClassId = Literal[
    "dsm-gateway",
    "not-from-azure",
    "secret-wrong",
    "secret-expired",
    "certificate-expired",
    "certificate-revoked",
    "assertion-outside-time",
    "assertion-refused",
    "tenant-unknown",
    "tenant-blocked",
    "tenant-restricted",
    "application-missing",
    "application-disabled",
    "conditional-access",
    "consent-missing",
    "resource-missing",
    "subscription-unknown",
    "subscription-of-other-tenant",
    "subscription-disabled",
    "provider-not-registered",
    "arm-denied",
    "firewall-blocks-dsm",
    "keys-denied-by-role",
    "denied-by-assignment",
    "keys-denied-by-policy",
    "hsm-keys-denied",
    "hsm-not-activated",
    "vault-in-foreign-tenant",
    "token-audience",
    "no-vault-visible",
    "vault-not-in-subscription",
    "vault-type-differs",
    "wrong-cloud",
    "tls-client-certificate-required",
    "tls-client-certificate-refused",
    "tls-host-mismatch",
    "tls-server-certificate-expired",
    "tls-unknown-ca",
    "tls-certificate-refused",
    "tls-failed",
    "dns-failure",
    "connection-refused",
    "network-unreachable",
    "timed-out",
    "connection-broken",
    "azure-trouble",
    "credential-refused",
    "unknown",
]


@dataclass(frozen=True)
class DiagnosisClass:
    """One reason.

    Attributes:
        title: the title of the finding, if the cause is also a finding.
        leg: where it fails; ``unknown`` if only the error text, or the host in it, can tell.
        codes: error codes of Azure that identify the class; compared in full, ignoring case.
        causes: reasons of Entra for which it issues no token; ``_rest/entra_codes.py`` finds them in a text.
        patterns: regular expressions for error texts without a known code, tried in the order of the table.
        examples: error texts that are recognized as this class; docs/troubleshooting.md shows them.
        guide: section of the product guide that describes the correct setup.
    """

    id: ClassId
    leg: str
    title: str
    cause: str
    remedy: str
    guide: str
    codes: tuple[str, ...] = ()
    causes: tuple[EntraCause, ...] = ()
    patterns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


CLASSES: tuple[DiagnosisClass, ...] = (
    # In front of DSM -----------------------------------------------------------------------------------------------
    DiagnosisClass(
        id="dsm-gateway",
        leg=DSM,
        title="Gateway answered instead of DSM",
        cause="a load balancer or proxy in front of DSM timed out waiting for DSM, or has no healthy DSM node behind "
        "it",
        remedy="check that DSM is healthy, and that the gateway's timeout is longer than DSM's own timeout for "
        "requests to Azure",
        guide="4.3 (4)",
        patterns=(r"upstream (?:connect error|request timeout)", r"no healthy upstream"),
        examples=("upstream connect error or disconnect/reset before headers", "no healthy upstream"),
    ),
    DiagnosisClass(
        id="not-from-azure",
        leg=UNKNOWN,
        title="Proxy or gateway answered instead of Azure",
        cause="DSM received a web page or a text that is not from Azure: a proxy between DSM and Azure blocks the "
        "request or requires a sign-in. It says nothing about permissions or vaults",
        remedy="have the administrators of the proxy between DSM and Azure let DSM reach the host, with the hosts of "
        "docs/tls-and-proxies.md",
        guide="4.4",
        patterns=(
            r"<(?:!doctype )?html\b|</html>|text/html",
            r"proxy authentication required|\b407 |network authentication required|\b511 ",
            # Of parsers that expect JSON: serde_json, Go, Python, Java.
            r"expected value at line 1 column 1|invalid character '<' looking|unexpected (?:character|token) \(?'?<",
            r"the answer is not json",
        ),
        examples=(
            "Azure Resource Manager (management.azure.com): HTTP 403 <html><body>Access to this site is blocked</body>"
            "</html>",
            "error decoding response body: expected value at line 1 column 1",
        ),
    ),
    # Entra: the credential -----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="secret-wrong",
        leg=ENTRA,
        title="Wrong client secret",
        cause="the client secret in the link is not one of the application's secrets: often it is the secret's ID "
        "instead of its Value, or the secret was deleted",
        remedy="create a client secret for the application and set link_client_secret to its Value (Azure shows it "
        "only once)",
        guide="4.1 (3)",
        causes=(EntraCause.SECRET_WRONG,),
        patterns=(r"invalid client secret",),
        examples=(
            "AADSTS7000215: Invalid client secret provided.",
            "AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.",
        ),
    ),
    DiagnosisClass(
        id="secret-expired",
        leg=ENTRA,
        title="Client secret has expired",
        cause="the client secret in the link has expired",
        remedy="create a new client secret and write it to the link with fortanix.dsm.cdc_group; keep the old one "
        "until this test succeeds",
        guide="4.1 (3)",
        causes=(EntraCause.SECRET_EXPIRED,),
        patterns=(r"client secret(?: keys?)?\b.{0,80}\bexpired", r"expired client secret"),
        examples=(
            "AADSTS7000222: The provided client secret keys are expired.",
            "the client secret for this application has expired",
        ),
    ),
    DiagnosisClass(
        id="certificate-expired",
        leg=ENTRA,
        title="Certificate of the link credential has expired or is not yet valid",
        cause="the certificate with which DSM authenticates to Entra has expired or is not valid yet",
        remedy="create a new certificate, upload it to the application, and write the certificate and its private key "
        "to the link",
        guide="4.1 (3)",
        causes=(EntraCause.CERTIFICATE_EXPIRED,),
        patterns=(r"the key used is expired",),
        examples=(
            "AADSTS1000502: The provided certificate is not within its specified validity time window.",
            "AADSTS700027: The certificate with identifier used to sign the client assertion is expired on "
            "application. [Reason - The key used is expired.]",
            "AADSTS50012: Client assertion contains an invalid signature. [Reason - The key used is expired.]",
        ),
    ),
    DiagnosisClass(
        id="certificate-revoked",
        leg=ENTRA,
        title="Certificate of the link credential is revoked",
        cause="the certificate with which DSM authenticates to Entra has been revoked",
        remedy="create a new certificate, upload it to the application, and write the certificate and its private key "
        "to the link",
        guide="4.1 (3)",
        causes=(EntraCause.CERTIFICATE_REVOKED,),
        examples=("AADSTS7000214: The certificate has been revoked.",),
    ),
    DiagnosisClass(
        id="assertion-outside-time",
        leg=ENTRA,
        title="Signed assertion is outside its validity period",
        cause="DSM signed a client assertion with a time that Entra does not accept; most likely DSM's clock is wrong",
        remedy="compare the clocks of the DSM nodes with the correct time, and have their time synchronization "
        "repaired",
        guide="4.1 (3)",
        causes=(EntraCause.ASSERTION_OUTSIDE_TIME,),
        patterns=(r"client assertion is not within its valid time range",),
        examples=("AADSTS700024: Client assertion is not within its valid time range.",),
    ),
    DiagnosisClass(
        id="assertion-refused",
        leg=ENTRA,
        title="Certificate is not registered, or the assertion is rejected",
        cause="the certificate with which DSM authenticates is not registered with the application, belongs to another "
        "application, or does not match its private key",
        remedy="compare the thumbprint of the link's certificate with those under Certificates & secrets of the "
        "application; upload the certificate there, or write the matching certificate and key to the link",
        guide="4.1 (3)",
        causes=(EntraCause.CERTIFICATE_UNKNOWN, EntraCause.KEY_MISMATCH, EntraCause.ASSERTION_REFUSED),
        patterns=(r"client assertion contains an invalid signature", r"client assertion failed signature validation"),
        examples=(
            "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on "
            "application. [Reason - The key was not found.]",
            "AADSTS700027: Client assertion failed signature validation. [Reason - The key was found, but use of the "
            "key to verify the signature failed.]",
            "AADSTS50012: Client assertion contains an invalid signature.",
        ),
    ),
    # Entra: tenant and application ---------------------------------------------------------------------------------
    DiagnosisClass(
        id="tenant-unknown",
        leg=ENTRA,
        title="Unknown tenant",
        cause="the tenant does not exist in the cloud that the link names: the tenant ID is wrong, or the tenant is in "
        "the other cloud",
        remedy="compare link_tenant_id with the Directory (tenant) ID on the application's overview page, and "
        "azure_service with the cloud of the tenant",
        guide="4.3 (2.5)",
        causes=(EntraCause.TENANT_UNKNOWN, EntraCause.TENANT_INVALID),
        patterns=(r"\btenant\b.{0,80}\b(?:was )?not found",),
        examples=(
            "AADSTS90002: Tenant 'contoso' not found.",
            "Specified tenant identifier was refused: AADSTS900023",
            "invalid_request: Tenant 5a3f5e0c-3b1c-4f8e-9c3a-0d6f7b1c2e11 was not found",
        ),
    ),
    DiagnosisClass(
        id="tenant-blocked",
        leg=ENTRA,
        title="Tenant is blocked",
        cause="Entra has blocked the tenant, for example because nobody used it",
        remedy="have the administrators of the tenant unblock it, as the page that the error text names describes",
        guide="4.3 (2.5)",
        causes=(EntraCause.TENANT_BLOCKED,),
        examples=("AADSTS5000225: This tenant has been blocked due to inactivity.",),
    ),
    DiagnosisClass(
        id="tenant-restricted",
        leg=ENTRA,
        title="Tenant restrictions exclude the tenant",
        cause="a proxy between DSM and Entra adds tenant restrictions to sign-ins, and the link's tenant is not in its "
        "list; or cross-tenant access settings exclude the tenant",
        remedy="have the owner of the proxy add the link's tenant to the tenants that it allows, and compare "
        "link_tenant_id with the Directory (tenant) ID on the application's overview page",
        guide="4.4",
        causes=(EntraCause.TENANT_RESTRICTED,),
        examples=("AADSTS500021: Access to 'Contoso' tenant is denied.",),
    ),
    DiagnosisClass(
        id="application-missing",
        leg=ENTRA,
        title="Application does not exist in the tenant",
        cause="the tenant has no application (service principal) with this client ID: the client ID or the tenant is "
        "wrong, or the object ID was used instead of the client ID",
        remedy="compare link_client_id with the Application (client) ID on the application's overview page, and "
        "link_tenant_id with its tenant",
        guide="4.3 (2.5)",
        causes=(EntraCause.APPLICATION_UNKNOWN, EntraCause.PRINCIPAL_UNKNOWN),
        patterns=(r"application with identifier .{0,80}was not found in the directory",),
        examples=(
            "AADSTS700016: Application with identifier '0f1e' was not found in the directory 'Contoso'.",
            "unauthorized_client: Application with identifier '0f1e' was not found in the directory 'Contoso'.",
            "AADSTS7000229: The client application 0f1e is missing service principal in the tenant 5a3f.",
        ),
    ),
    DiagnosisClass(
        id="application-disabled",
        leg=ENTRA,
        title="Application is disabled",
        cause="the application or its service principal is disabled in the tenant",
        remedy="find out who disabled it and why; then set 'Enabled for users to sign in' of the enterprise "
        "application to Yes",
        guide="4.1 (2)",
        causes=(EntraCause.APPLICATION_DISABLED,),
        patterns=(r"\bapplication\b.{0,120}\bis disabled",),
        examples=("AADSTS7000112: Application '0f1e'(fortanix) is disabled.",),
    ),
    DiagnosisClass(
        id="conditional-access",
        leg=ENTRA,
        title="Conditional Access blocks the application",
        cause="a Conditional Access policy for workload identities blocks the application's token requests, usually "
        "because of DSM's egress IP address",
        remedy="add DSM's egress IP addresses to the named locations that the policy allows; the sign-in log of the "
        "service principal names the policy",
        guide="4.2",
        causes=(EntraCause.CONDITIONAL_ACCESS, EntraCause.RISK),
        patterns=(r"blocked by conditional access",),
        examples=(
            "AADSTS53003: Access has been blocked by Conditional Access policies.",
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        ),
    ),
    DiagnosisClass(
        id="consent-missing",
        leg=ENTRA,
        title="Consent is missing",
        cause="the tenant has not consented to the application's use of Azure Key Vault",
        remedy="have an administrator grant consent for the application's API permission for Azure Key Vault",
        guide="4.1 (4)",
        causes=(EntraCause.CONSENT_MISSING,),
        examples=("AADSTS65001: The user or administrator has not consented to use the application.",),
    ),
    DiagnosisClass(
        id="resource-missing",
        leg=ENTRA,
        title="Azure service does not exist in the tenant",
        cause="the tenant has no service principal for the service that the token was requested for (Azure Resource "
        "Manager, Key Vault), or has disabled it: usually the tenant or the cloud is wrong, rarely the tenant has no "
        "subscription",
        remedy="check link_tenant_id and azure_service; in the tenant, check under Enterprise applications that the "
        "service named in the error text exists and is enabled",
        guide="4.3 (2.4)",
        causes=(EntraCause.RESOURCE_UNKNOWN, EntraCause.RESOURCE_DISABLED),
        examples=("AADSTS500011: The resource principal named https://vault.azure.net was not found in the tenant.",),
    ),
    # Azure Resource Manager ----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="subscription-unknown",
        leg=ARM,
        title="Unknown subscription",
        cause="the subscription does not exist, or is in another cloud",
        remedy="compare link_subscription_id with the ID under Subscriptions in the Azure portal, and azure_service "
        "with its cloud",
        guide="4.3 (2.5)",
        codes=("SubscriptionNotFound", "InvalidSubscriptionId"),
        patterns=(r"\bsubscription\b.{0,80}\b(?:could not be|was not) found",),
        examples=(
            "HTTP 404 SubscriptionNotFound: The subscription '9d8c' could not be found.",
            "The subscription '9d8c' could not be found.",
        ),
    ),
    DiagnosisClass(
        id="subscription-of-other-tenant",
        leg=ARM,
        title="Subscription trusts another tenant",
        cause="the subscription exists, but trusts a tenant other than the link's",
        remedy="use the tenant that the subscription trusts and an application of that tenant, or correct "
        "link_subscription_id",
        guide="4.3 (2.5)",
        codes=("InvalidAuthenticationTokenTenant",),
        examples=("InvalidAuthenticationTokenTenant: The access token is from the wrong issuer.",),
    ),
    DiagnosisClass(
        id="subscription-disabled",
        leg=ARM,
        title="Subscription is disabled",
        cause="the subscription is disabled (payment, spending limit, expired offer, or cancelled), so its vaults "
        "cannot be used or changed",
        remedy="have the owner of the billing account reactivate the subscription",
        guide="4.3 (2.5)",
        codes=("SubscriptionDisabled", "ReadOnlyDisabledSubscription", "DisabledSubscription"),
        patterns=(r"\bsubscription\b.{0,80}\bis disabled",),
        examples=(
            "HTTP 409 ReadOnlyDisabledSubscription: The subscription '9d8c' is disabled and therefore marked as read "
            "only.",
            "The subscription '9d8c' is disabled.",
        ),
    ),
    DiagnosisClass(
        id="provider-not-registered",
        leg=ARM,
        title="Resource provider is not registered",
        cause="the resource provider Microsoft.KeyVault is not registered in the subscription: nobody has created a "
        "vault there, or the subscription is not the intended one",
        remedy="check link_subscription_id; if it is right, run `az provider register --namespace Microsoft.KeyVault` "
        "in the subscription once",
        guide="4.3 (2.5)",
        codes=("MissingSubscriptionRegistration", "NoRegisteredProviderFound", "SubscriptionNotRegistered"),
        patterns=(r"subscription is not registered to use namespace|no registered resource provider found",),
        examples=(
            "HTTP 409 MissingSubscriptionRegistration: The subscription is not registered to use namespace "
            "'Microsoft.KeyVault'.",
        ),
    ),
    DiagnosisClass(
        id="arm-denied",
        leg=ARM,
        title="Azure Resource Manager denies access to the vaults",
        cause="the application has no role that lets it read the vaults, or has the role at the wrong scope; a role "
        "that was assigned minutes ago may not be in effect yet",
        remedy="assign Key Vault Contributor on the vault to the application (for a Managed HSM a role with "
        "Microsoft.KeyVault/managedHSMs/read, for example Reader), and test again after ten minutes",
        guide="4.2",
        codes=("AuthorizationFailed", "LinkedAuthorizationFailed"),
        patterns=(r"does not have authorization to perform action .{0,4}microsoft\.keyvault/",),
        examples=(
            "HTTP 403 AuthorizationFailed: The client does not have authorization to perform action "
            "'Microsoft.KeyVault/vaults/read' over scope '/subscriptions/9d8c'",
            "The client 'x' with object id 'y' does not have authorization to perform action "
            "'Microsoft.KeyVault/vaults/read' over scope",
        ),
    ),
    # Vault and Managed HSM -----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="firewall-blocks-dsm",
        leg=VAULT,
        title="Network rules of the vault block DSM",
        cause="the vault's firewall or its network security perimeter does not allow DSM's egress IP address, or "
        "public access is disabled and DSM does not connect through an approved private endpoint",
        remedy="add DSM's egress IP addresses to the vault's firewall, or, if the vault is in an enforced network "
        "security perimeter, which overrides the firewall, to the perimeter's inbound rules; or connect DSM's network "
        "to the vault's private endpoint",
        guide="4.2",
        codes=("ForbiddenByFirewall", "ForbiddenByConnection"),
        patterns=(
            ADDRESS_IS_REFUSED,
            PUBLIC_ACCESS_IS_OFF,
        ),
        examples=(
            "HTTP 403 Forbidden/ForbiddenByFirewall: Client address is not authorized and caller is not a trusted "
            "service.",
            "Client address is not authorized and caller is not a trusted service. Client address: 203.0.113.7 Caller: "
            "appid=0f1e;oid=9d8c;iss=https://sts.windows.net/5a3f/ Vault: akv;location=westeurope",
            "Client address is not authorized and caller was ignored because bypass is set to None",
            "Request was not allowed by NSP rules and the client address is not authorized and caller is not a trusted "
            "service",
            "Connection is not an approved private link and caller was ignored because bypass is set to None",
            "Public network access is disabled and request is not from a trusted service nor via an approved private "
            "link.",
        ),
    ),
    DiagnosisClass(
        id="denied-by-assignment",
        leg=UNKNOWN,
        title="Deny assignment blocks the application",
        cause="a deny assignment blocks the application, whatever roles it has",
        remedy="find the deny assignment in Access control (IAM) of the scope that the error text names, and have its "
        "owner (a deployment stack, a managed application) exclude the application",
        guide="4.2",
        codes=("DenyAssignmentAuthorizationFailed",),
        patterns=(DENY_ASSIGNMENT,),
        examples=(
            "DenyAssignmentAuthorizationFailed: The client 'x' has permission to perform action "
            "'Microsoft.KeyVault/vaults/read' on scope '/subscriptions/9d8c'; however, the access is denied because of "
            "the deny assignment with name 'stack'.",
            "Caller is not authorized to perform action on resource. DenyAssignmentId: '/subscriptions/9d8c/providers/"
            "Microsoft.Authorization/denyAssignments/1' DecisionReason: 'DeniedByDenyAssignment'",
        ),
    ),
    DiagnosisClass(
        id="keys-denied-by-role",
        leg=VAULT,
        title="Vault in RBAC mode denies the application access to keys",
        cause="the vault uses Azure RBAC, and the application has no role that lets it list keys; access policies have "
        "no effect in RBAC mode, and Key Vault Contributor does not cover keys",
        remedy="assign a role with the key permissions of guide 4.2 on the vault to the application, for example Key "
        "Vault Crypto Officer, and test again after ten minutes",
        guide="4.2",
        codes=("ForbiddenByRbac",),
        patterns=(r"caller is not authorized to perform action on resource",),
        examples=(
            "HTTP 403 Forbidden/ForbiddenByRbac: Caller is not authorized to perform action on resource.",
            "Caller is not authorized to perform action on resource. If role assignments were changed recently, please "
            "observe propagation time.",
        ),
    ),
    DiagnosisClass(
        id="keys-denied-by-policy",
        leg=VAULT,
        title="Access policy denies the application access to keys",
        cause="the vault uses access policies, and the application's entry lacks a permission (the error text names "
        "it), or names the object ID of the app registration instead of that of the service principal",
        remedy="grant the application's service principal the ten key permissions of guide 4.2 in the access policies",
        guide="4.2",
        codes=("AccessDenied", "ForbiddenByPolicy"),
        patterns=(r"does not have keys \w+ permission on key vault",),
        examples=(
            "HTTP 403 Forbidden/AccessDenied: The application does not have keys list permission on key vault 'akv'.",
            "The user, group or application 'appid=0f1e' does not have keys list permission on key vault 'akv'.",
            "ForbiddenByPolicy",
        ),
    ),
    DiagnosisClass(
        id="hsm-keys-denied",
        leg=MANAGED_HSM,
        title="Managed HSM denies the application access to keys",
        cause="the application has no local role of the Managed HSM for its keys; Azure roles and access policies have "
        "no effect on them",
        remedy="assign the local role Managed HSM Crypto User at /keys to the application",
        guide="4.2",
        patterns=(r"not authorized to (?:access|perform)\b.{0,60}microsoft\.keyvault/managedhsm/",),
        examples=(
            "(AccessDenied) Not authorized to access Microsoft.KeyVault/managedHsm/keys/read/action on /keys",
            "The principal is not authorized to perform action Microsoft.KeyVault/managedHsm/keys/read/action",
        ),
    ),
    DiagnosisClass(
        id="hsm-not-activated",
        leg=MANAGED_HSM,
        title="Managed HSM is not activated",
        cause="the Managed HSM exists, but its security domain was never downloaded, so it serves no keys",
        remedy="have its administrators activate it (download the security domain)",
        guide="4.5",
        patterns=(r"\bhsm\b.{0,80}\bnot (?:been |yet )?activated",),
        examples=("The managed HSM hsm-prod has not been activated.",),
    ),
    DiagnosisClass(
        id="vault-in-foreign-tenant",
        leg=VAULT,
        title="Vault belongs to another tenant",
        cause="the vault belongs to another tenant than the application, so it does not accept the application's token",
        remedy="choose a vault of the link's tenant, or use an application of the vault's tenant",
        guide="4.3 (2.5)",
        codes=("AKV10032",),
        examples=("HTTP 401 Unauthorized: AKV10032: Invalid issuer.",),
    ),
    DiagnosisClass(
        id="token-audience",
        leg=UNKNOWN,
        title="Token is for another service",
        cause="the token that DSM presented was issued for another service: usually the link has endpoints of two "
        "clouds, or treats a Managed HSM as a key vault",
        remedy="check azure_service, and that the URL and the type of the vault match",
        guide="4.3 (2.4)",
        codes=("AKV10022", "InvalidAuthenticationTokenAudience"),
        examples=(
            "HTTP 401 Unauthorized: AKV10022: Invalid audience.",
            "InvalidAuthenticationTokenAudience: The access token has been obtained for wrong audience or resource.",
        ),
    ),
    DiagnosisClass(
        id="no-vault-visible",
        leg=ARM,
        title="No vault is visible to the application",
        cause="the application can authenticate, but Azure lists no vault for it in the subscription: it has no role "
        "on any vault, or the subscription is not the intended one",
        remedy="assign Key Vault Contributor on the vault (Reader on a Managed HSM) to the application, and check "
        "link_subscription_id",
        guide="4.2",
        patterns=(r"\bno (?:key )?vaults? (?:are|is|were|was)? ?(?:visible|found|available)",),
        examples=("no key vaults found for the subscription",),
    ),
    DiagnosisClass(
        id="vault-not-in-subscription",
        leg=ARM,
        title="Vault was not found in the subscription",
        cause="the vault of the link is not among those that the application sees in the subscription: it is in "
        "another subscription, was deleted, or the application has no permission to read it",
        remedy="list the vaults with fortanix.dsm.cdc_vault_info; choose one of them, correct link_subscription_id, or "
        "assign Key Vault Contributor on the vault to the application",
        guide="4.5",
        codes=("ResourceNotFound", "VaultNotFound"),
        patterns=(
            r"\bvault\b.{0,160}\b(?:not found|(?:does not|doesn't) exist)",
            r"\bno vault with\b.{0,160}\bvisible",
        ),
        examples=(
            "HTTP 404 ResourceNotFound: The Resource 'Microsoft.KeyVault/vaults/akv' was not found.",
            "VaultNotFound",
            "the key vault akv-prod does not exist",
        ),
    ),
    DiagnosisClass(
        id="vault-type-differs",
        leg=VAULT,
        title="Vault is not of the expected type",
        cause="the vault's type (SKU) differs from the type in the link, so DSM requests keys of the wrong kind",
        remedy="choose the vault again with fortanix.dsm.cdc_vault_select, which sets the type from the vault",
        guide="4.5",
    ),
    # Clouds --------------------------------------------------------------------------------------------------------
    DiagnosisClass(
        id="wrong-cloud",
        leg=UNKNOWN,
        title="Link mixes two clouds",
        cause="the link mixes global Azure and Azure for US Government: tenant, application, vault and azure_service "
        "must be in the same cloud",
        remedy="set azure_service, link_tenant_id, link_client_id, link_subscription_id and the vault to those of one "
        "cloud",
        guide="4.3 (2.4)",
        causes=(EntraCause.WRONG_CLOUD,),
        patterns=(r"usgclientnotsupportedonpublicendpoint", r"not supported in cross.cloud request"),
        examples=(
            "AADSTS900382: Confidential Client is not supported in Cross Cloud request.",
            "AADSTS900439: USGClientNotSupportedOnPublicEndpoint",
        ),
    ),
    # Network path: TLS ---------------------------------------------------------------------------------------------
    DiagnosisClass(
        id="tls-client-certificate-required",
        leg=UNKNOWN,
        title="TLS client certificate is required",
        cause="a system between DSM and Azure (for example an enterprise proxy) requires a TLS client certificate from "
        "DSM, and the link has none",
        remedy="get a certificate and its key from the administrators of the proxy, and add them to the link's TLS "
        "configuration",
        guide="4.4",
        patterns=(
            r"certificate[ _]?required",
            r"no required ssl certificate was sent",
            r"client certificate (?:is |was )?(?:required|missing|not provided|not presented)",
            r"no client certifica(?:te|tion)\b.{0,40}(?:received|required|provided)",
            r"didn't provide a certificate",
            r"peer did not return a certificate",
        ),
        examples=(
            "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required (_ssl.c:2580)",
            "received fatal alert: CertificateRequired",
            "remote error: tls: certificate required",
            "SSL - No client certification received from the client, but required by the authentication mode",
            "400 No required SSL certificate was sent",
        ),
    ),
    DiagnosisClass(
        id="tls-client-certificate-refused",
        leg=UNKNOWN,
        title="TLS client certificate is rejected",
        cause="the server does not accept the TLS client certificate of the link: it has expired, was issued by the "
        "wrong CA, or is the wrong certificate",
        remedy="compare it with the certificate that the administrators of the proxy issued, and renew certificate and "
        "key in the link's TLS configuration",
        guide="4.4",
        patterns=(
            r"(?:alert|remote error: tls:|alertreceived\(|fatal alert:)[ _]*"
            r"(?:bad|unknown|expired|revoked|unsupported)[ _]?certificate",
            r"(?:alert|alertreceived\(|fatal alert:)[ _]*"
            r"(?:certificate[ _]?(?:unknown|expired|revoked)|unknown[ _]?ca\b)",
            r"remote error: tls: (?:unknown certificate|expired certificate|revoked certificate)",
            r"alert_(?:bad_certificate|unknown_ca|certificate_(?:unknown|expired|revoked))",
        ),
        examples=(
            "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:2580)",
            "received fatal alert: BadCertificate",
            "remote error: tls: unknown certificate authority",
            "error:0A000412:SSL routines::sslv3 alert bad certificate",
        ),
    ),
    DiagnosisClass(
        id="tls-host-mismatch",
        leg=UNKNOWN,
        title="Server certificate is for another host name",
        cause="the server presents a certificate for another host name: an enterprise proxy uses a certificate with "
        "its own name, or the host name resolves to the wrong address",
        remedy="have the proxy use a certificate with Azure's host names; as a last resort disable validate_host in "
        "the link's TLS configuration, after which any certificate of a trusted CA is accepted",
        guide="4.4 (1)",
        patterns=(
            r"(?:host ?name|ip address|name) mismatch",
            r"hostname_mismatch",
            r"not ?valid ?for ?name",
            r"certificate (?:is )?not valid for (?:name|any names|host|['\"])",
            r"x509: certificate is valid for .{1,200}, not ",
            r"doesn't contain any ip sans",
            r"common name \(cn\) does not match|badcert_cn_mismatch|cn[ _]mismatch",
            r"no (?:alternative certificate )?subject (?:alternative )?.{0,20}name.{0,40}match",
            r"no name matching .{1,120} found",
            r"does not match (?:the )?(?:target )?host ?name",
        ),
        examples=(
            "certificate verify failed: Hostname mismatch, certificate is not valid for 'login.microsoftonline.com'.",
            "invalid peer certificate: NotValidForName",
            'invalid peer certificate: certificate not valid for name "login.microsoftonline.com"',
            "The certificate Common Name (CN) does not match with the expected CN",
            "x509: certificate is valid for proxy.corp.example, not akv.vault.azure.net",
            "SSL: no alternative certificate subject name matches target host name 'management.azure.com'",
        ),
    ),
    DiagnosisClass(
        id="tls-server-certificate-expired",
        leg=UNKNOWN,
        title="Server certificate has expired or is not yet valid",
        cause="the certificate that the server presents has expired or is not valid yet: usually that of an enterprise "
        "proxy; or DSM's clock is wrong",
        remedy="have the proxy's certificate renewed, and compare the clocks of the DSM nodes with the correct time",
        guide="4.4",
        patterns=(
            r"certificate has expired|cert_has_expired|certificateexpired|certexpired",
            r"certificate is (?:not yet valid|expired)|certificate expired|certnotvalidyet",
            r"invalid peer certificate: (?:expired|notvalidyet)",
            r"certificate validity has expired|certificate validity starts in the future|badcert_(?:expired|future)",
        ),
        examples=(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1000)",
            "invalid peer certificate: Expired",
            "The certificate validity has expired",
            "x509: certificate has expired or is not yet valid: current time is after the end",
        ),
    ),
    DiagnosisClass(
        id="tls-unknown-ca",
        leg=UNKNOWN,
        title="Server certificate was issued by an unknown CA",
        cause="the link does not trust the CA that issued the server's certificate: an enterprise proxy uses an "
        "internal CA while the link trusts the global root CAs, or the link's custom CA is not the issuer",
        remedy="find out which system answers for the host; then set the proxy's CA as the custom CA of the link's TLS "
        "configuration, or use the global root CAs if there is no proxy",
        guide="4.4 (2)",
        patterns=(
            r"unable to get (?:local )?issuer certificate",
            r"self[- ]signed certificate|selfsigned",
            r"unable to verify the first certificate",
            r"signed by unknown authority",
            r"unknown ?issuer|issuer is unknown",
            r"not correctly signed by the trusted ca|badcert_not_trusted",
            r"path building failed|unable to find valid certification path",
            r"untrusted[ _]?root",
        ),
        examples=(
            "certificate verify failed: unable to get local issuer certificate (_ssl.c:1000)",
            "certificate verify failed: self-signed certificate in certificate chain",
            "invalid peer certificate: UnknownIssuer",
            "The certificate is not correctly signed by the trusted CA",
            "x509: certificate signed by unknown authority",
        ),
    ),
    DiagnosisClass(
        id="tls-certificate-refused",
        leg=UNKNOWN,
        title="Server certificate is rejected for an unknown reason",
        cause="DSM does not accept the server's certificate; usual reasons are an unknown CA, a wrong host name or an "
        "expired certificate, and the error text does not state which",
        remedy="read the certificate that the host presents in DSM's network (issuer, names, dates) and compare it "
        "with the link's TLS configuration",
        guide="4.4",
        patterns=(
            r"certificate[ _]verif(?:y|ication)[ _]failed|certverifyfailed|cert_verify_failed",
            r"-0x2700|x509 - certificate verification failed",
            r"invalid peer certificate",
        ),
        examples=(
            "X509 - Certificate verification failed, e.g. CRL, CA or signature check failed",
            "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed",
            "invalid peer certificate: BadSignature",
        ),
    ),
    DiagnosisClass(
        id="tls-failed",
        leg=UNKNOWN,
        title="TLS handshake fails for an unknown reason",
        cause="DSM and the server did not agree on a TLS connection; usual reasons are a required client certificate, "
        "no common TLS version, or a server that does not use TLS",
        remedy="ask the administrators of the proxy or firewall between DSM and Azure what it requires, and compare "
        "that with the link's TLS configuration",
        guide="4.4",
        patterns=(
            r"handshake[ _]?failure|handshake failed",
            r"wrong version number|unsupported protocol|protocol[ _]?version|record layer failure",
            r"invalidcontenttype|corrupt message|first record does not look like a tls handshake",
            r"fatal alert message was received from our peer",
        ),
        examples=(
            "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure (_ssl.c:1000)",
            "received fatal alert: HandshakeFailure",
            "SSL - A fatal alert message was received from our peer",
            "tls: first record does not look like a TLS handshake",
        ),
    ),
    # Network path: network -----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="dns-failure",
        leg=UNKNOWN,
        title="Host name does not resolve",
        cause="DSM's DNS has no address for the host: it cannot reach public DNS, a private endpoint has no private "
        "DNS zone, or the vault was deleted or never existed",
        remedy="resolve the host name from DSM's network; for a vault, also check its name and whether it still exists",
        guide="4.3 (4)",
        patterns=(
            r"name or service not known|nodename nor servname|name does not resolve|does not resolve",
            r"no such host|unknown ?host|host not found|nxdomain|enotfound|eai_again|eai_noname",
            r"(?:temporary failure in |failure in )?name resolution|getaddrinfo|no address associated with host ?name",
            r"could not resolve host|failed to (?:lookup address|resolve)|dns error|dns lookup",
        ),
        examples=(
            "[Errno -2] Name or service not known",
            "dns error: failed to lookup address information: Temporary failure in name resolution",
            "dial tcp: lookup akv.vault.azure.net: no such host",
            "Could not resolve host: login.microsoftonline.com",
        ),
    ),
    DiagnosisClass(
        id="connection-refused",
        leg=UNKNOWN,
        title="Connection is refused",
        cause="nothing accepts connections at the address: a firewall rejects them, or the host name resolves to the "
        "wrong address",
        remedy="open port 443 to the host in the firewall between DSM and Azure, and resolve the host name from DSM's "
        "network",
        guide="4.3 (4)",
        patterns=(
            r"connection refused|econnrefused|connection_refused|refused to connect|:\d{2,5} (?:actively )?refused\b",
            r"actively refused",
        ),
        examples=(
            "tcp connect error: Connection refused (os error 111)",
            "dial tcp 203.0.113.7:443: connect: connection refused",
            "connect ECONNREFUSED 203.0.113.7:443",
        ),
    ),
    DiagnosisClass(
        id="network-unreachable",
        leg=UNKNOWN,
        title="No route to the host",
        cause="DSM's network has no route to the address",
        remedy="have the routing and the firewall between DSM and Azure checked for the host and port 443",
        guide="4.3 (4)",
        patterns=(r"no route to host|(?:network|host) is unreachable|enetunreach|ehostunreach",),
        examples=("tcp connect error: No route to host (os error 113)", "connect: network is unreachable"),
    ),
    DiagnosisClass(
        id="timed-out",
        leg=UNKNOWN,
        title="Request timed out",
        cause="no response arrived in time: a firewall drops packets silently, or a proxy or service is slow",
        remedy="open port 443 to the host in the firewall between DSM and Azure; if it is open, test again later",
        guide="4.3 (4)",
        patterns=(
            r"timed[ -]?out|time-?out|etimedout|deadline (?:has )?(?:been )?(?:exceeded|elapsed)|no answer in time",
        ),
        examples=(
            "tcp connect error: Connection timed out (os error 110)",
            "operation timed out",
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        ),
    ),
    DiagnosisClass(
        id="connection-broken",
        leg=UNKNOWN,
        title="Connection is closed unexpectedly",
        cause="an established connection was closed: by a firewall that inspects TLS, by a proxy that requires a "
        "client certificate without reporting it, or because of a temporary failure",
        remedy="test again; if the error persists, ask the administrators of the proxy or firewall between DSM and "
        "Azure",
        guide="4.4",
        patterns=(
            r"connection reset|econnreset|reset by peer|broken pipe|connection aborted",
            r"unexpected eof|eof occurred in violation|handshake eof|server disconnected|peer closed connection",
            r"connection (?:was )?closed before",
        ),
        examples=(
            "Connection reset by peer (os error 104)",
            "EOF occurred in violation of protocol (_ssl.c:1000)",
            "connection closed before message completed",
        ),
    ),
    DiagnosisClass(
        id="azure-trouble",
        leg=UNKNOWN,
        title="Azure is unavailable or throttles requests",
        cause="Azure reports that it is overloaded, throttles requests, or has an outage",
        remedy="test again later, and check Azure's status page",
        guide="4.3 (4)",
        codes=("TooManyRequests", "SubscriptionRequestsThrottled", "ServiceUnavailable"),
        causes=(EntraCause.OUTAGE,),
        patterns=(r"too many requests",),
        examples=("HTTP 429 TooManyRequests", "AADSTS90033: A transient error has occurred. Please try again."),
    ),
    DiagnosisClass(
        id="credential-refused",
        leg=ENTRA,
        title="Link credential is rejected for an unknown reason",
        cause="Entra does not accept the link credential (secret or certificate), and the error text does not state "
        "why",
        remedy="compare client ID and credential of the link with the application's Certificates & secrets, and check "
        "the sign-in log of the service principal",
        guide="4.1 (3)",
        causes=(EntraCause.CREDENTIAL_REFUSED, EntraCause.CREDENTIAL_MISSING, EntraCause.FEDERATION_UNMATCHED),
        patterns=(r"\binvalid_client\b",),
        examples=("HTTP 401 invalid_client", "AADSTS50012: Authentication failed."),
    ),
    # Last: nothing matched -----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="unknown",
        leg=UNKNOWN,
        title="Not recognized",
        cause="unknown; the error text matches no class of failure",
        remedy="start from the server's error text; docs/troubleshooting.md lists what to check and in which order",
        guide="4.6",
    ),
)
