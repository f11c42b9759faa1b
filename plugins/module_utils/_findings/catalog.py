# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Every fact that can be found: one ID, one severity and one title each, for all modules. No I/O.

IDs are stable from version 1.0 on. The name of a constant is its ID.
"""

from __future__ import annotations

from collections.abc import Mapping

from .finding import HIGH, INFO, LOW, MEDIUM, Kind

# The checks of a compliance run, in the order of its reports.
GROUP, LINK, CREDENTIAL, CONNECTION = "group", "link", "credential", "connection"
RIGHTS, APPLICATION, VAULT, KEYS, APPS = "rights", "application", "vault", "keys", "apps"
DRIFT = "drift"
# Not of a group but of the run.
RUN = "run"
# The modules that alone find some.
CDC_CONNECTION, AZURE_KV_ACCESS = "cdc_connection", "azure_kv_access"

_ALL: list[Kind] = []


def _kind(area: str, name: str, severity: str, section: str, title: str) -> Kind:
    kind = Kind(area, name, severity, section, title)
    _ALL.append(kind)
    return kind


# group
GROUP_IN_ORDER = _kind(GROUP, "group-in-order", INFO, "4.7", "The group has one link to Azure Key Vault")
GROUP_NOT_FOUND = _kind(GROUP, "group-not-found", HIGH, "4.7", "The group is not there, or the login does not see it")
GROUP_NOT_LINKED = _kind(GROUP, "group-not-linked", HIGH, "4.7", "The group has no link to Azure Key Vault")
GROUP_NOT_MANAGEABLE = _kind(
    GROUP, "group-not-manageable", HIGH, "4.7", "The group has several links, and none can be checked"
)

# link
LINK_IN_ORDER = _kind(LINK, "link-in-order", INFO, "4.4", "The link verifies TLS and points to one cloud")
TLS_NOT_REQUIRED = _kind(LINK, "tls-not-required", HIGH, "4.4", "DSM may talk to Azure without verified TLS")
HOST_VALIDATION_OFF = _kind(
    LINK, "host-validation-off", HIGH, "4.4", "DSM takes any certificate of a trusted CA for Azure's"
)
PINNED_CA_NOT_VALID = _kind(LINK, "pinned-ca-not-valid", HIGH, "4.4", "A pinned CA certificate is not valid today")
PINNED_CA_EXPIRES_SOON = _kind(LINK, "pinned-ca-expires-soon", MEDIUM, "4.4", "A pinned CA certificate expires soon")
PINNED_CA_UNREADABLE = _kind(LINK, "pinned-ca-unreadable", MEDIUM, "4.4", "A pinned CA certificate could not be read")
TLS_CLIENT_CERTIFICATE_NOT_VALID = _kind(
    LINK, "tls-client-certificate-not-valid", HIGH, "4.4", "The TLS client certificate is not valid today"
)
TLS_CLIENT_CERTIFICATE_EXPIRES_SOON = _kind(
    LINK, "tls-client-certificate-expires-soon", MEDIUM, "4.4", "The TLS client certificate expires soon"
)
TLS_CLIENT_CERTIFICATE_UNREADABLE = _kind(
    LINK, "tls-client-certificate-unreadable", MEDIUM, "4.4", "When the TLS client certificate expires is not known"
)
ENDPOINTS_NOT_RECOGNIZED = _kind(
    LINK, "endpoints-not-recognized", HIGH, "4.3", "The link's endpoints are of no cloud that is known"
)
VAULT_IN_OTHER_CLOUD = _kind(
    LINK, "vault-in-other-cloud", HIGH, "4.3", "The link's vault is in another cloud than its endpoints"
)
VAULT_NOT_CHOSEN = _kind(LINK, "vault-not-chosen", MEDIUM, "4.5", "No vault is chosen")

# credential
CREDENTIAL_IN_ORDER = _kind(CREDENTIAL, "credential-in-order", INFO, "4.1", "The link's credential is valid")
OPERATOR_IS_THE_APPLICATION = _kind(
    CREDENTIAL, "operator-is-the-application", HIGH, "-", "The operator authenticates as the application of the link"
)
LINK_CREDENTIAL_NOT_VALID = _kind(
    CREDENTIAL, "link-credential-not-valid", HIGH, "4.1", "The link's credential is not valid today"
)
LINK_CREDENTIAL_EXPIRES_SOON = _kind(
    CREDENTIAL, "link-credential-expires-soon", MEDIUM, "4.1", "The link's credential expires soon"
)
LINK_CREDENTIAL_NOT_IN_ENTRA = _kind(
    CREDENTIAL,
    "link-credential-not-in-entra",
    HIGH,
    "4.1",
    "The link's credential is not registered with the application",
)
LINK_CREDENTIAL_EXPIRY_UNKNOWN = _kind(
    CREDENTIAL, "link-credential-expiry-unknown", MEDIUM, "4.1", "When the link's credential expires is not known"
)

# connection
CONNECTED = _kind(CONNECTION, "connected", INFO, "4.6", "DSM connects to Azure")
NOT_CONNECTED = _kind(CONNECTION, "not-connected", HIGH, "4.6", "DSM does not connect to Azure")
CONNECTION_NOT_TESTED = _kind(CONNECTION, "connection-not-tested", MEDIUM, "4.6", "The connection was not tested")

# rights
RIGHTS_IN_ORDER = _kind(RIGHTS, "rights-in-order", INFO, "4.2", "The application has the rights that are wanted")
RIGHTS_NOT_CHECKED = _kind(
    RIGHTS, "rights-not-checked", HIGH, "4.2", "The rights of the application could not be checked"
)
RIGHT_MISSING = _kind(RIGHTS, "right-missing", HIGH, "4.2", "A right is missing")
POLICY_INERT_IN_RBAC_MODE = _kind(
    RIGHTS, "policy-inert-in-rbac-mode", HIGH, "4.2", "Access policies have no effect in a vault in RBAC mode"
)
DATA_ROLE_INERT_IN_POLICY_MODE = _kind(
    RIGHTS, "data-role-inert-in-policy-mode", HIGH, "4.2", "Data roles have no effect in a vault with access policies"
)
DATA_ROLE_INERT_ON_HSM = _kind(
    RIGHTS, "data-role-inert-on-hsm", HIGH, "4.2", "Azure's data roles have no effect in a managed HSM"
)
APPLICATION_OBJECT_ID_IN_POLICY = _kind(
    RIGHTS, "application-object-id-in-policy", HIGH, "4.2", "The access policy names the wrong object ID"
)
CLIENT_ID_IN_POLICY = _kind(RIGHTS, "client-id-in-policy", HIGH, "4.2", "The access policy names the client ID")
FOREIGN_TENANT_IN_POLICY = _kind(
    RIGHTS, "foreign-tenant-in-policy", HIGH, "4.2", "The access policy names another tenant than the vault's"
)
COMPOUND_IDENTITY_IN_POLICY = _kind(
    RIGHTS, "compound-identity-in-policy", LOW, "4.2", "An access policy is for the application on behalf of a user"
)
VAULT_IN_FOREIGN_TENANT = _kind(RIGHTS, "vault-in-foreign-tenant", HIGH, "4.2", "The vault belongs to another tenant")
HSM_NOT_ACTIVATED = _kind(RIGHTS, "hsm-not-activated", HIGH, "4.5", "The Managed HSM is not activated")
RIGHT_DENIED = _kind(RIGHTS, "right-denied", HIGH, "4.2", "A deny assignment takes the right away")
PERMISSION_MODEL_DIFFERS = _kind(
    RIGHTS, "permission-model-differs", HIGH, "4.2", "The vault uses another permission model"
)
ALL_WITHOUT_PURGE = _kind(RIGHTS, "all-without-purge", HIGH, "4.2", "The permission `all` does not include purge")
CONTRIBUTOR_EXCLUDES_HSM = _kind(
    RIGHTS, "contributor-excludes-hsm", HIGH, "4.2", "Key Vault Contributor does not extend to managed HSMs"
)
ROLE_ELIGIBLE_ONLY = _kind(RIGHTS, "role-eligible-only", HIGH, "4.2", "The role is eligible, not active")
ROLE_ASSIGNMENT_EXPIRED = _kind(
    RIGHTS, "role-assignment-expired", HIGH, "4.2", "The assignment of the role has expired"
)
ROLE_FOR_SINGLE_KEYS = _kind(RIGHTS, "role-for-single-keys", HIGH, "4.2", "The local role is for single keys only")
ROLE_ASSIGNMENT_ORPHANED = _kind(
    RIGHTS, "role-assignment-orphaned", HIGH, "4.2", "The assignment belongs to a deleted principal"
)
LISTING_ONLY = _kind(RIGHTS, "listing-only", HIGH, "4.2", "The application may list the vault, and no more")
RIGHT_UNREADABLE = _kind(RIGHTS, "right-unreadable", MEDIUM, "4.2", "What decides the right could not be read")
ROLE_UNDER_CONDITION = _kind(RIGHTS, "role-under-condition", MEDIUM, "4.2", "The role is given under a condition")
GROUP_MEMBERSHIP_UNKNOWN = _kind(
    RIGHTS, "group-membership-unknown", MEDIUM, "4.2", "It is not known which groups the application is in"
)
DENY_UNCERTAIN = _kind(RIGHTS, "deny-uncertain", MEDIUM, "4.2", "A deny assignment may take the right away")
HSM_ACTIVATION_UNKNOWN = _kind(
    RIGHTS, "hsm-activation-unknown", MEDIUM, "4.5", "It is not known whether the managed HSM is activated"
)
NO_SUCH_PERMISSION = _kind(RIGHTS, "no-such-permission", MEDIUM, "4.2", "No action is known for the permission")
PURGE_REFUSED_BY_PROTECTION = _kind(
    RIGHTS, "purge-refused-by-protection", LOW, "4.2", "Purge protection refuses what is granted"
)
ROLE_ASSIGNMENT_EXPIRES = _kind(RIGHTS, "role-assignment-expires", MEDIUM, "4.2", "The assignment of the role expires")
ROLE_ASSIGNMENT_RECENT = _kind(RIGHTS, "role-assignment-recent", INFO, "4.2", "The role was assigned minutes ago")
EQUIVALENT_ROLE = _kind(RIGHTS, "equivalent-role", INFO, "4.2", "Another role allows what the guide's role does")
WIDER_THAN_NEEDED = _kind(RIGHTS, "wider-than-needed", LOW, "4.2", "More is granted than is needed")
APP_CAN_ASSIGN_ROLES = _kind(RIGHTS, "app-can-assign-roles", HIGH, "4.2", "The application can give itself any right")
APP_IS_OWNER_OR_CONTRIBUTOR = _kind(
    RIGHTS, "app-is-owner-or-contributor", MEDIUM, "4.2", "The application is Owner or Contributor"
)
# Inherent in what the guide asks for, hence low: known, accepted by most, and worth knowing.
APP_CAN_CHANGE_ACCESS_POLICIES = _kind(
    RIGHTS, "app-can-change-access-policies", LOW, "4.2", "The application can give itself secrets and certificates"
)
APP_MAY_USE_KEYS = _kind(RIGHTS, "app-may-use-keys", LOW, "4.2", "The application may use keys cryptographically")
APP_CAN_ADMINISTER_HSM = _kind(
    RIGHTS, "app-can-administer-hsm", HIGH, "4.2", "The application can make itself administrator of the managed HSM"
)
ROLE_EXPIRY_UNREADABLE = _kind(
    RIGHTS, "role-expiry-unreadable", LOW, "4.2", "Whether a role was assigned for a time only could not be read"
)
APP_POWERS_UNREADABLE = _kind(
    RIGHTS, "app-powers-unreadable", LOW, "4.2", "What else the application may do could not be read in full"
)

# application
APPLICATION_IN_ORDER = _kind(APPLICATION, "application-in-order", INFO, "4.1", "The application can log in")
APPLICATION_NOT_CHECKED = _kind(
    APPLICATION, "application-not-checked", HIGH, "4.1", "The application could not be checked"
)
APPLICATION_DISABLED = _kind(APPLICATION, "application-disabled", HIGH, "4.1", "The application is disabled")
CREDENTIALS_EXPIRED = _kind(
    APPLICATION, "credentials-expired", HIGH, "4.1", "No credential of the application is valid"
)
NO_CREDENTIAL = _kind(APPLICATION, "no-credential", HIGH, "4.1", "The application has no credential")
CREDENTIAL_ON_SERVICE_PRINCIPAL = _kind(
    APPLICATION, "credential-on-service-principal", LOW, "4.1", "The service principal has credentials of its own"
)
CREDENTIALS_EXPIRE_SOON = _kind(
    APPLICATION, "credentials-expire-soon", MEDIUM, "4.1", "The last credential of the application expires soon"
)
APPLICATION_UNREADABLE = _kind(
    APPLICATION, "application-unreadable", MEDIUM, "4.1", "The application could not be read in full"
)
API_PERMISSION_MISSING = _kind(
    APPLICATION, "api-permission-missing", INFO, "4.1", "The API permission for Key Vault is not listed"
)
CONSENT_FOR_ALL_USERS = _kind(
    APPLICATION, "consent-for-all-users", MEDIUM, "4.1", "The application may act in Key Vault for every user"
)

# vault
VAULT_IN_ORDER = _kind(VAULT, "vault-in-order", INFO, "4.5", "The vault protects its keys, and DSM reaches it")
VAULT_NOT_CHECKED = _kind(VAULT, "vault-not-checked", HIGH, "4.5", "The vault could not be checked")
VAULT_OPEN_TO_ALL_NETWORKS = _kind(
    VAULT, "vault-open-to-all-networks", LOW, "4.5", "The vault takes requests from every network"
)
# Still supported, but no longer the default of the API from 27 February 2027 on (Azure contract §0.2, §1.4).
VAULT_USES_ACCESS_POLICIES = _kind(
    VAULT,
    "vault-uses-access-policies",
    LOW,
    "-",
    "The vault uses legacy access policies",
)
NO_PURGE_PROTECTION = _kind(VAULT, "no-purge-protection", MEDIUM, "4.5", "Deleted keys can be purged at once")
NO_SOFT_DELETE = _kind(VAULT, "no-soft-delete", HIGH, "4.5", "Deleted keys are gone at once")
VAULT_TYPE_DIFFERS = _kind(VAULT, "vault-type-differs", HIGH, "4.5", "The vault is of another type")
PERMISSION_MODEL_NOT_STATED = _kind(
    VAULT, "permission-model-not-stated", LOW, "-", "The vault relies on the old default of the permission model"
)
VAULT_NOT_READY = _kind(VAULT, "vault-not-ready", HIGH, "4.5", "The vault is not ready")
FIREWALL_BLOCKS_DSM = _kind(VAULT, "firewall-blocks-dsm", HIGH, "4.5", "The vault's network rules keep DSM out")
FIREWALL_UNKNOWN = _kind(VAULT, "firewall-unknown", MEDIUM, "4.5", "It is not known whether the vault lets DSM in")

# keys
KEYS_IN_SYNC = _kind(KEYS, "keys-in-sync", INFO, "4.7", "DSM's virtual keys are those of the vault")
KEYS_NOT_CHECKED = _kind(KEYS, "keys-not-checked", MEDIUM, "4.7", "The keys could not be compared")
KEYS_ONLY_IN_AZURE = _kind(KEYS, "keys-only-in-azure", MEDIUM, "4.7", "Keys of the vault are not in DSM")
KEY_VERSIONS_ONLY_IN_AZURE = _kind(
    KEYS, "key-versions-only-in-azure", MEDIUM, "4.7", "Current versions of keys are not in DSM"
)
KEYS_ONLY_IN_DSM = _kind(KEYS, "keys-only-in-dsm", HIGH, "4.7", "DSM shows keys that the vault does not have")
KEYS_ENABLED_DIFFERS = _kind(KEYS, "keys-enabled-differs", MEDIUM, "4.7", "Keys are enabled on one side only")
KEYS_EXPIRED_IN_AZURE = _kind(
    KEYS, "keys-expired-in-azure", MEDIUM, "4.7", "Keys that DSM shows as enabled have expired in the vault"
)
KEYS_NOT_IDENTIFIED = _kind(
    KEYS, "keys-not-identified", MEDIUM, "4.7", "DSM does not tell which key of the vault is meant"
)
KEY_VERSIONS_NOT_READ = _kind(KEYS, "key-versions-not-read", MEDIUM, "4.7", "Not all keys could be compared by version")

# apps
APPS_IN_ORDER = _kind(APPS, "apps-in-order", INFO, "4.4", "Apps of the group log in to DSM by certificate")
APPS_NOT_CHECKED = _kind(APPS, "apps-not-checked", MEDIUM, "4.4", "The apps of the group could not be checked")
APP_WITHOUT_CERTIFICATE = _kind(
    APPS, "app-without-certificate", MEDIUM, "4.4", "Apps of the group log in to DSM without a certificate"
)
APP_LOGIN_UNKNOWN = _kind(APPS, "app-login-unknown", MEDIUM, "4.4", "How apps of the group log in to DSM is not known")

# drift
AS_DECLARED = _kind(
    DRIFT, "as-declared", INFO, "-", "The group and what it stands on are as the inventory declares them"
)
DRIFT_NOT_CHECKED = _kind(DRIFT, "drift-not-checked", HIGH, "-", "A part could not be compared with what is declared")
DECLARED_GROUP_MISSING = _kind(
    DRIFT, "declared-group-missing", HIGH, "-", "A declared group is not there, or the login does not see it"
)
GROUP_NOT_DECLARED = _kind(DRIFT, "group-not-declared", MEDIUM, "-", "The inventory does not declare the group")
GROUP_DIFFERS_FROM_DECLARED = _kind(
    DRIFT, "group-differs-from-declared", HIGH, "-", "The group or its link is not as declared"
)
APPLICATION_DIFFERS_FROM_DECLARED = _kind(
    DRIFT, "application-differs-from-declared", HIGH, "-", "The application is not as declared"
)
VAULT_DIFFERS_FROM_DECLARED = _kind(DRIFT, "vault-differs-from-declared", HIGH, "-", "The vault is not as declared")
RIGHTS_DIFFER_FROM_DECLARED = _kind(
    DRIFT, "rights-differ-from-declared", HIGH, "-", "The application lacks rights that are declared"
)

# run
NOTHING_CHECKED = _kind(RUN, "nothing-checked", HIGH, "-", "There was no group to check")
WAIVER_EXPIRED = _kind(RUN, "waiver-expired", HIGH, "-", "A waiver has expired")
WAIVER_UNUSED = _kind(RUN, "waiver-unused", LOW, "-", "A waiver is for nothing that was found")

# azure_kv_access
ACCESS_REMAINS = _kind(AZURE_KV_ACCESS, "access-remains", HIGH, "-", "Rights that cannot be taken at the vault")
ACCESS_REMAINS_UNKNOWN = _kind(AZURE_KV_ACCESS, "access-remains-unknown", HIGH, "-", "Rights that may remain")
OPERATOR_LACKS_RIGHTS = _kind(
    AZURE_KV_ACCESS, "operator-lacks-rights", HIGH, "-", "The operator may not do what has to be done"
)
CHANGE_LOCKED = _kind(AZURE_KV_ACCESS, "change-locked", HIGH, "-", "Management locks forbid what has to be done")
LOCKS_UNKNOWN = _kind(AZURE_KV_ACCESS, "locks-unknown", MEDIUM, "-", "Management locks that cannot be read")
ACCESS_STILL_LISTED = _kind(AZURE_KV_ACCESS, "access-still-listed", MEDIUM, "-", "Azure still shows what was removed")
ACCESS_NOT_RESTORABLE = _kind(AZURE_KV_ACCESS, "access-not-restorable", MEDIUM, "-", "What cannot be brought back")
CREDENTIALS_STAY = _kind(AZURE_KV_ACCESS, "credentials-stay", INFO, "-", "The credentials stay registered")
SAML_SIGNING_STAYS = _kind(
    AZURE_KV_ACCESS, "saml-signing-stays", MEDIUM, "-", "Signing entries of SAML sign-on that are not touched"
)
PRINCIPAL_STATE_UNKNOWN = _kind(
    AZURE_KV_ACCESS, "principal-state-unknown", MEDIUM, "-", "Whether the service principal was enabled is unknown"
)

# cdc_connection
NO_VAULT_VISIBLE = _kind(CDC_CONNECTION, "no-vault-visible", HIGH, "4.2", "The application sees no vault")
VAULT_NOT_IN_SUBSCRIPTION = _kind(
    CDC_CONNECTION, "vault-not-in-subscription", HIGH, "4.5", "The vault is not among those of the subscription"
)
VAULTS_NOT_LISTED = _kind(CDC_CONNECTION, "vaults-not-listed", MEDIUM, "4.5", "The vaults could not be listed")

# ID -> the kind, in the order in which the documentation lists them.
CATALOG: Mapping[str, Kind] = {kind.id: kind for kind in _ALL}

# What a check of a compliance run reports when it has found nothing else.
CHECKS: Mapping[str, Kind] = {
    GROUP: GROUP_IN_ORDER,
    LINK: LINK_IN_ORDER,
    CREDENTIAL: CREDENTIAL_IN_ORDER,
    CONNECTION: CONNECTED,
    RIGHTS: RIGHTS_IN_ORDER,
    APPLICATION: APPLICATION_IN_ORDER,
    VAULT: VAULT_IN_ORDER,
    KEYS: KEYS_IN_SYNC,
    APPS: APPS_IN_ORDER,
    DRIFT: AS_DECLARED,
}
# What it reports when it could not be made.
NOT_CHECKED: Mapping[str, Kind] = {
    RIGHTS: RIGHTS_NOT_CHECKED,
    APPLICATION: APPLICATION_NOT_CHECKED,
    VAULT: VAULT_NOT_CHECKED,
    KEYS: KEYS_NOT_CHECKED,
    APPS: APPS_NOT_CHECKED,
    DRIFT: DRIFT_NOT_CHECKED,
}
# Part of a declaration -> that it differs.
DIFFERS: Mapping[str, Kind] = {
    GROUP: GROUP_DIFFERS_FROM_DECLARED,
    APPLICATION: APPLICATION_DIFFERS_FROM_DECLARED,
    VAULT: VAULT_DIFFERS_FROM_DECLARED,
    RIGHTS: RIGHTS_DIFFER_FROM_DECLARED,
}
# What compliance runs can find, and policies can name.
OF_COMPLIANCE: Mapping[str, Kind] = {name: kind for name, kind in CATALOG.items() if kind.area in (*CHECKS, RUN)}
OF_THE_RUN = tuple(kind for kind in _ALL if kind.area == RUN)
