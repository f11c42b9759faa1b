# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The table of reasons why a link does not connect. No I/O, no logic: ``diagnosis`` reads it, the guide is made of it.

How DSM words a failure is not public. So a class is recognised by what comes from behind DSM: codes of Entra, Azure
Resource Manager and Key Vault first, the words of operating systems and TLS libraries second. Microsoft reserves the
right to change its codes; that is why every cause is told as a likely one, next to the server's own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ENTRA, ARM, VAULT, MANAGED_HSM, DSM, UNKNOWN = "entra", "arm", "vault", "managed_hsm", "dsm", "unknown"

LEG_NAMES = {
    ENTRA: "Microsoft Entra ID",
    ARM: "Azure Resource Manager",
    VAULT: "Azure Key Vault",
    MANAGED_HSM: "Azure Managed HSM",
    DSM: "Fortanix DSM",
    UNKNOWN: "a service that the words do not name",
}

# The causes, as the field ``class`` of a diagnosis has them. A cause that is exactly what a finding states has its ID;
# one that is narrower (an expired secret) or wider (two clouds in one link) has an ID of its own.
ClassId = Literal[
    "dsm-gateway",
    "secret-wrong",
    "secret-expired",
    "certificate-expired",
    "certificate-revoked",
    "assertion-outside-time",
    "assertion-refused",
    "tenant-unknown",
    "application-missing",
    "application-disabled",
    "conditional-access",
    "consent-missing",
    "resource-missing",
    "subscription-unknown",
    "subscription-of-other-tenant",
    "arm-denied",
    "firewall-blocks-dsm",
    "keys-denied-by-role",
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
        title: that of the finding, where the cause is one.
        leg: where it fails; ``unknown`` where only the words or the host in them can tell.
        codes: error codes that decide, compared whole and without case.
        patterns: regular expressions that decide when there is no known code, tried in the order of the table.
        examples: words as they may arrive. Each is recognised as this class; the guide shows them.
        guide: section of the product guide that says how it should be.
    """

    id: ClassId
    leg: str
    title: str
    cause: str
    remedy: str
    guide: str
    codes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


CLASSES: tuple[DiagnosisClass, ...] = (
    # What stands between us and DSM --------------------------------------------------------------------------------
    DiagnosisClass(
        id="dsm-gateway",
        leg=DSM,
        title="A gateway answered in place of DSM",
        cause="a load balancer or proxy in front of DSM gave up waiting for it, or has no healthy DSM node behind it",
        remedy="see whether DSM is healthy and whether the gateway's time-out is longer than DSM's own towards Azure",
        guide="4.3 (4)",
        patterns=(r"upstream (?:connect error|request timeout)", r"no healthy upstream"),
        examples=("upstream connect error or disconnect/reset before headers", "no healthy upstream"),
    ),
    # Entra: the credential -----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="secret-wrong",
        leg=ENTRA,
        title="Wrong client secret",
        cause="the link holds a client secret that the application does not have: often the secret's ID instead of its "
        "Value, or a secret that was removed",
        remedy="make a client secret for the application and give its Value (shown once) as link_client_secret",
        guide="4.1 (3)",
        codes=("AADSTS7000215",),
        patterns=(r"invalid client secret",),
        examples=(
            "AADSTS7000215: Invalid client secret provided.",
            "AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.",
        ),
    ),
    DiagnosisClass(
        id="secret-expired",
        leg=ENTRA,
        title="Expired client secret",
        cause="the client secret that the link holds has passed its end date",
        remedy="make a new client secret and write it to the link with fortanix.dsm.cdc_group; removing the old one "
        "can wait until this test succeeds",
        guide="4.1 (3)",
        codes=("AADSTS7000222",),
        patterns=(r"client secret(?: keys?)?\b.{0,80}\bexpired", r"expired client secret"),
        examples=(
            "AADSTS7000222: The provided client secret keys are expired.",
            "the client secret for this application has expired",
        ),
    ),
    DiagnosisClass(
        id="certificate-expired",
        leg=ENTRA,
        title="The credential's certificate is outside its validity",
        cause="the certificate with which DSM authenticates to Entra has expired or is not valid yet",
        remedy="make a new certificate, upload it to the application, and write certificate and key to the link",
        guide="4.1 (3)",
        codes=("AADSTS1000502", "AADSTS7000274"),
        patterns=(r"the key used is expired",),
        examples=(
            "AADSTS1000502: The provided certificate is not within its specified validity time window.",
            "AADSTS50012: Client assertion contains an invalid signature. [Reason - The key used is expired.]",
        ),
    ),
    DiagnosisClass(
        id="certificate-revoked",
        leg=ENTRA,
        title="The credential's certificate is revoked",
        cause="the certificate with which DSM authenticates to Entra has been revoked",
        remedy="make a new certificate, upload it to the application, and write certificate and key to the link",
        guide="4.1 (3)",
        codes=("AADSTS7000214", "AADSTS7000277"),
        examples=("AADSTS7000214: The certificate has been revoked.",),
    ),
    DiagnosisClass(
        id="assertion-outside-time",
        leg=ENTRA,
        title="The signed assertion is outside its time window",
        cause="DSM signed a proof of identity whose time Entra does not accept: most likely DSM's clock is wrong",
        remedy="compare the clock of the DSM nodes with the right time, and have their time source repaired",
        guide="4.1 (3)",
        codes=("AADSTS700024",),
        patterns=(r"client assertion is not within its valid time range",),
        examples=("AADSTS700024: Client assertion is not within its valid time range.",),
    ),
    DiagnosisClass(
        id="assertion-refused",
        leg=ENTRA,
        title="The certificate is not registered, or the assertion is refused",
        cause="the certificate with which DSM authenticates is not among the application's certificates, or belongs to "
        "another application, or its private key is another one's",
        remedy="compare the thumbprint of the link's certificate with those under Certificates & secrets of the "
        "application; upload it there, or write the right pair to the link",
        guide="4.1 (3)",
        codes=("AADSTS700027", "AADSTS700021", "AADSTS700023", "AADSTS700030", "AADSTS50027"),
        patterns=(r"client assertion contains an invalid signature", r"client assertion failed signature validation"),
        examples=(
            "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on "
            "application.",
            "AADSTS50012: Client assertion contains an invalid signature.",
        ),
    ),
    # Entra: tenant and application ---------------------------------------------------------------------------------
    DiagnosisClass(
        id="tenant-unknown",
        leg=ENTRA,
        title="Unknown tenant",
        cause="there is no such tenant in the cloud that the link names: a wrong tenant ID, or the tenant of the other "
        "cloud",
        remedy="compare link_tenant_id with the Directory (tenant) ID on the application's overview, and azure_service "
        "with the cloud that it is in",
        guide="4.3 (2.5)",
        codes=("AADSTS90002", "AADSTS900023"),
        patterns=(r"\btenant\b.{0,80}\b(?:was )?not found",),
        examples=(
            "AADSTS90002: Tenant 'contoso' not found.",
            "Specified tenant identifier was refused: AADSTS900023",
            "invalid_request: Tenant 5a3f5e0c-3b1c-4f8e-9c3a-0d6f7b1c2e11 was not found",
        ),
    ),
    DiagnosisClass(
        id="application-missing",
        leg=ENTRA,
        title="The application is not in the tenant",
        cause="the tenant has no application (service principal) with this client ID: a wrong client ID, a wrong "
        "tenant, or the object ID in place of the client ID",
        remedy="compare link_client_id with the Application (client) ID on the application's overview, and "
        "link_tenant_id with its tenant",
        guide="4.3 (2.5)",
        codes=("AADSTS700016", "AADSTS70001"),
        patterns=(r"application with identifier .{0,80}was not found in the directory",),
        examples=(
            "AADSTS700016: Application with identifier '0f1e' was not found in the directory 'Contoso'.",
            "unauthorized_client: Application with identifier '0f1e' was not found in the directory 'Contoso'.",
        ),
    ),
    DiagnosisClass(
        id="application-disabled",
        leg=ENTRA,
        title="Application is disabled",
        cause="the application or its service principal is disabled in the tenant",
        remedy="set 'Enabled for users to sign in' of the enterprise application to Yes, or find out who disabled it",
        guide="4.1 (2)",
        codes=("AADSTS7000112",),
        patterns=(r"\bapplication\b.{0,120}\bis disabled",),
        examples=("AADSTS7000112: Application '0f1e'(fortanix) is disabled.",),
    ),
    DiagnosisClass(
        id="conditional-access",
        leg=ENTRA,
        title="Conditional Access blocks the application",
        cause="a Conditional Access policy for workload identities refuses tokens, usually by the address that DSM "
        "comes from",
        remedy="add DSM's outgoing addresses to the named locations that the policy allows; the sign-in log of the "
        "service principal names the policy",
        guide="4.2",
        codes=("AADSTS53003", "AADSTS530003"),
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
        remedy="have an administrator grant consent for the API permission of guide 4.1 (4)",
        guide="4.1 (4)",
        codes=("AADSTS65001",),
        examples=("AADSTS65001: The user or administrator has not consented to use the application.",),
    ),
    DiagnosisClass(
        id="resource-missing",
        leg=ENTRA,
        title="The service is missing in the tenant",
        cause="the tenant has no service principal of the service that a token was asked for (Azure Resource Manager, "
        "Key Vault), or has disabled it: rarely a tenant without subscription, usually a wrong tenant or cloud",
        remedy="check link_tenant_id and azure_service; in the tenant, see that the service of the name in the words "
        "exists under Enterprise applications and is enabled",
        guide="4.3 (2.4)",
        codes=("AADSTS500011", "AADSTS500014"),
        examples=("AADSTS500011: The resource principal named https://vault.azure.net was not found in the tenant.",),
    ),
    # Azure Resource Manager ----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="subscription-unknown",
        leg=ARM,
        title="Unknown subscription",
        cause="there is no such subscription, or it is in another cloud",
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
        title="The subscription trusts another tenant",
        cause="the subscription exists and trusts another tenant than the link's",
        remedy="use the tenant that the subscription trusts, with an application of that tenant, or correct "
        "link_subscription_id",
        guide="4.3 (2.5)",
        codes=("InvalidAuthenticationTokenTenant",),
        examples=("InvalidAuthenticationTokenTenant: The access token is from the wrong issuer.",),
    ),
    DiagnosisClass(
        id="arm-denied",
        leg=ARM,
        title="Azure Resource Manager denies reading vaults",
        cause="the application has no role that lets it read the vaults, or has it at another scope; a role that was "
        "given minutes ago may not be in effect yet",
        remedy="give the application Key Vault Contributor on the vault (for a Managed HSM a role with "
        "Microsoft.KeyVault/managedHSMs/read, Reader for example), and test again after ten minutes",
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
        leg=UNKNOWN,
        title="Network rules of the vault block DSM",
        cause="the firewall of the vault does not know the address that DSM comes from, or public access is switched "
        "off and DSM does not come through a private endpoint",
        remedy="add DSM's outgoing addresses to the vault's firewall, or give DSM a way to its private endpoint",
        guide="4.2",
        codes=("ForbiddenByFirewall", "ForbiddenByConnection"),
        patterns=(
            r"client address is not authorized and caller is not a trusted service",
            r"public network access is disabled",
        ),
        examples=(
            "HTTP 403 Forbidden/ForbiddenByFirewall: Client address is not authorized and caller is not a trusted "
            "service.",
            "Public network access is disabled and request is not from a trusted service nor via an approved private "
            "link.",
        ),
    ),
    DiagnosisClass(
        id="keys-denied-by-role",
        leg=VAULT,
        title="The vault (RBAC) denies the application its keys",
        cause="the vault decides by roles, and the application has none that lets it list keys; access policies have "
        "no effect there, and Key Vault Contributor does not reach keys",
        remedy="give the application a role with the key permissions of guide 4.2 on the vault, Key Vault Crypto "
        "Officer for example, and test again after ten minutes",
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
        title="The vault's access policy denies the application its keys",
        cause="the vault decides by access policies, and the application's entry lacks a permission (the words name "
        "it), or is made out to the object ID of the registration instead of that of the service principal",
        remedy="give the application's service principal the ten key permissions of guide 4.2 in the access policies",
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
        title="The Managed HSM denies the application its keys",
        cause="the application has no local role of the Managed HSM for its keys; neither Azure roles nor access "
        "policies count there",
        remedy="assign the local role Managed HSM Crypto User to the application at /keys",
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
        remedy="have its administrators activate it (download of the security domain)",
        guide="4.5",
        patterns=(r"\bhsm\b.{0,80}\bnot (?:been |yet )?activated",),
        examples=("The managed HSM hsm-prod has not been activated.",),
    ),
    DiagnosisClass(
        id="vault-in-foreign-tenant",
        leg=VAULT,
        title="Vault belongs to another tenant",
        cause="the vault belongs to another tenant than the application, so it takes no token of this one",
        remedy="choose a vault of the link's tenant, or use an application of the vault's tenant",
        guide="4.3 (2.5)",
        codes=("AKV10032",),
        examples=("HTTP 401 Unauthorized: AKV10032: Invalid issuer.",),
    ),
    DiagnosisClass(
        id="token-audience",
        leg=UNKNOWN,
        title="A token for another audience",
        cause="the token that DSM presented was made for another service: usually endpoints of two clouds in one link, "
        "or a Managed HSM that the link takes for a vault",
        remedy="check azure_service, and that the vault's URL and type belong together",
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
        cause="the application logs in, and Azure shows it no vault in the subscription: it has no role on any, or "
        "the subscription is another one than meant",
        remedy="give the application Key Vault Contributor on the vault (Reader on a Managed HSM) and compare "
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
        "another subscription, was deleted, or the application may not read it",
        remedy="list the vaults with fortanix.dsm.cdc_vault_info; choose one of them, correct link_subscription_id, or "
        "give the application Key Vault Contributor on the vault",
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
        cause="the vault's type (SKU) is not the one that the link says, so keys of the wrong kind are asked for",
        remedy="choose the vault anew with fortanix.dsm.cdc_vault_select, which takes the type from the vault",
        guide="4.5",
    ),
    # Both clouds ---------------------------------------------------------------------------------------------------
    DiagnosisClass(
        id="wrong-cloud",
        leg=UNKNOWN,
        title="Two clouds in one link",
        cause="the link mixes global Azure and Azure for US Government: tenant, application, vault and azure_service "
        "have to be of the same cloud",
        remedy="set azure_service, link_tenant_id, link_client_id, link_subscription_id and the vault to those of one "
        "cloud",
        guide="4.3 (2.4)",
        codes=("AADSTS900382", "AADSTS900432", "AADSTS900439"),
        patterns=(r"usgclientnotsupportedonpublicendpoint", r"not supported in cross.cloud request"),
        examples=(
            "AADSTS900382: Confidential Client is not supported in Cross Cloud request.",
            "AADSTS900439: USGClientNotSupportedOnPublicEndpoint",
        ),
    ),
    # The way there: TLS --------------------------------------------------------------------------------------------
    DiagnosisClass(
        id="tls-client-certificate-required",
        leg=UNKNOWN,
        title="A TLS client certificate is demanded",
        cause="something on the way (an enterprise proxy, say) wants DSM to show a TLS client certificate, and the "
        "link has none",
        remedy="get certificate and key from those who run the proxy, and add them to the link's TLS configuration",
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
        title="The TLS client certificate is refused",
        cause="the other side sees the TLS client certificate that the link presents and does not accept it: expired, "
        "of the wrong CA, or the wrong one",
        remedy="compare it with what those who run the proxy have issued, and renew the pair in the TLS configuration",
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
        title="The certificate is made out to another host",
        cause="the server that answered shows a certificate for another name: an enterprise proxy with a certificate "
        "of its own name, or a name that leads to the wrong address",
        remedy="have the proxy's certificate made out to Azure's names; as a last resort switch off validate host in "
        "the link's TLS configuration, which lets any certificate of the trusted CA pass",
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
        title="The server's certificate is outside its validity",
        cause="the certificate that the server showed has expired or is not valid yet: usually that of an enterprise "
        "proxy; or DSM's clock is wrong",
        remedy="have the proxy's certificate renewed, and compare the clock of the DSM nodes with the right time",
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
        title="The certificate is of an unknown CA",
        cause="the server's certificate comes from a CA that the link does not trust: an enterprise proxy with an "
        "internal CA in front of global root CAs, or a custom CA in the link that is not the issuer",
        remedy="see who answers for the host; then set the proxy's CA as the custom CA of the link's TLS "
        "configuration, or go back to the global root CAs where no proxy is in the way",
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
        title="The server's certificate is refused, the words do not say why",
        cause="DSM does not accept the certificate of the server; unknown CA, wrong host name and expiry are the "
        "usual reasons, and the words do not tell which it is",
        remedy="look at the certificate that DSM's network gets from the host (issuer, names, dates) and compare it "
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
        title="The TLS handshake fails, the words do not say why",
        cause="both sides did not agree on a TLS connection; a demanded client certificate, TLS versions without "
        "overlap, and something that does not speak TLS are the usual reasons",
        remedy="ask those who run the proxy or firewall between DSM and Azure what it wants, and compare it with the "
        "link's TLS configuration",
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
    # The way there: network ----------------------------------------------------------------------------------------
    DiagnosisClass(
        id="dns-failure",
        leg=UNKNOWN,
        title="The host name does not resolve",
        cause="DSM's DNS has no address for the host: no way out to public DNS, a private endpoint without its private "
        "DNS zone, or a vault that was deleted or never existed",
        remedy="resolve the host from DSM's network; for a vault check its name too, and whether it still exists",
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
        title="The connection is refused",
        cause="the address answers that nothing listens there: a firewall that rejects, or a name that leads to the "
        "wrong address",
        remedy="open port 443 to the host in the firewall between DSM and Azure, and resolve the name from DSM's "
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
        title="There is no route to the host",
        cause="DSM's network has no route to the address",
        remedy="have routing and firewall between DSM and Azure checked for the host and port 443",
        guide="4.3 (4)",
        patterns=(r"no route to host|(?:network|host) is unreachable|enetunreach|ehostunreach",),
        examples=("tcp connect error: No route to host (os error 113)", "connect: network is unreachable"),
    ),
    DiagnosisClass(
        id="timed-out",
        leg=UNKNOWN,
        title="No answer in time",
        cause="no answer came in time: a firewall that drops packets without a word, or a slow proxy or service",
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
        title="The connection breaks off",
        cause="the connection was cut after it had been made: a firewall that inspects TLS, a proxy that wants a "
        "client certificate and does not say so, or passing trouble",
        remedy="test again; if it stays, ask those who run the proxy or firewall between DSM and Azure",
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
        title="Azure is in trouble or limits requests",
        cause="Azure says that it is overloaded, throttles, or has an outage",
        remedy="test again later, and look at Azure's status page",
        guide="4.3 (4)",
        codes=("TooManyRequests", "SubscriptionRequestsThrottled", "ServiceUnavailable", "AADSTS90033"),
        patterns=(r"too many requests",),
        examples=("HTTP 429 TooManyRequests", "AADSTS90033: A transient error has occurred. Please try again."),
    ),
    DiagnosisClass(
        id="credential-refused",
        leg=ENTRA,
        title="The credential is refused, the words do not say why",
        cause="Entra does not accept the link's credential (secret or certificate) and the words do not tell what is "
        "wrong with it",
        remedy="compare client ID and credential of the link with the application's Certificates & secrets, and see "
        "the sign-in log of the service principal",
        guide="4.1 (3)",
        patterns=(r"\binvalid_client\b", r"aadsts(?:70002|50012|7000218)\b"),
        examples=("HTTP 401 invalid_client", "AADSTS50012: Authentication failed."),
    ),
    # Last, and never guessed ---------------------------------------------------------------------------------------
    DiagnosisClass(
        id="unknown",
        leg=UNKNOWN,
        title="Not recognised",
        cause="not known; the words fit no class of failure",
        remedy="go by the server's words; docs/troubleshooting.md lists what to check in which order",
        guide="4.6",
    ),
)
