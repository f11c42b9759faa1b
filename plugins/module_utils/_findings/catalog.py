# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""All facts that the modules can report as findings: one ID, one severity and one title each. No I/O.

IDs are stable from version 1.0 on. The name of a constant is its ID.
"""

from __future__ import annotations

from collections.abc import Mapping

from .finding import HIGH, INFO, LOW, MEDIUM, Kind

# The checks of a compliance run, in the order of its reports.
GROUP, LINK, CREDENTIAL, CONNECTION = "group", "link", "credential", "connection"
RIGHTS, APPLICATION, VAULT, KEYS, APPS = "rights", "application", "vault", "keys", "apps"
DRIFT = "drift"
# Concerns the run, not a group.
RUN = "run"
# Modules that report findings of their own.
CDC_CONNECTION, AZURE_KV_ACCESS = "cdc_connection", "azure_kv_access"

_ALL: list[Kind] = []


def _kind(area: str, name: str, severity: str, section: str, title: str) -> Kind:
    kind = Kind(area, name, severity, section, title)
    _ALL.append(kind)
    return kind


# group
GROUP_IN_ORDER = _kind(GROUP, "group-in-order", INFO, "4.7", "Group has one link to Azure Key Vault")
GROUP_NOT_FOUND = _kind(
    GROUP, "group-not-found", HIGH, "4.7", "Group does not exist or is not visible to the DSM identity"
)
GROUP_NOT_LINKED = _kind(GROUP, "group-not-linked", HIGH, "4.7", "Group has no link to Azure Key Vault")
GROUP_NOT_MANAGEABLE = _kind(
    GROUP, "group-not-manageable", HIGH, "4.7", "Group has several links, none of which can be checked"
)

# link
LINK_IN_ORDER = _kind(LINK, "link-in-order", INFO, "4.4", "Link verifies TLS and points to one cloud")
TLS_NOT_REQUIRED = _kind(
    LINK, "tls-not-required", HIGH, "4.4", "Link permits connections to Azure without verified TLS"
)
HOST_VALIDATION_OFF = _kind(
    LINK, "host-validation-off", HIGH, "4.4", "Link accepts any certificate of a trusted CA as Azure's"
)
PINNED_CA_NOT_VALID = _kind(
    LINK, "pinned-ca-not-valid", HIGH, "4.4", "Pinned CA certificate is expired or not yet valid"
)
PINNED_CA_EXPIRES_SOON = _kind(LINK, "pinned-ca-expires-soon", MEDIUM, "4.4", "Pinned CA certificate expires soon")
PINNED_CA_UNREADABLE = _kind(LINK, "pinned-ca-unreadable", MEDIUM, "4.4", "Pinned CA certificate could not be read")
TLS_CLIENT_CERTIFICATE_NOT_VALID = _kind(
    LINK, "tls-client-certificate-not-valid", HIGH, "4.4", "TLS client certificate is expired or not yet valid"
)
TLS_CLIENT_CERTIFICATE_EXPIRES_SOON = _kind(
    LINK, "tls-client-certificate-expires-soon", MEDIUM, "4.4", "TLS client certificate expires soon"
)
TLS_CLIENT_CERTIFICATE_UNREADABLE = _kind(
    LINK, "tls-client-certificate-unreadable", MEDIUM, "4.4", "Expiry of the TLS client certificate is unknown"
)
ENDPOINTS_NOT_RECOGNIZED = _kind(
    LINK, "endpoints-not-recognized", HIGH, "4.3", "Endpoints of the link belong to no known cloud"
)
VAULT_IN_OTHER_CLOUD = _kind(
    LINK, "vault-in-other-cloud", HIGH, "4.3", "Vault and endpoints of the link are in different clouds"
)
VAULT_NAME_IN_PRIVATE_ZONE = _kind(
    LINK, "vault-name-in-private-zone", HIGH, "4.5", "Vault address of the link is a name in a private DNS zone"
)
VAULT_NOT_CHOSEN = _kind(LINK, "vault-not-chosen", MEDIUM, "4.5", "No vault is selected for the link")

# credential
CREDENTIAL_IN_ORDER = _kind(CREDENTIAL, "credential-in-order", INFO, "4.1", "Link credential is valid")
OPERATOR_IS_THE_APPLICATION = _kind(
    CREDENTIAL, "operator-is-the-application", HIGH, "-", "Operator authenticates as the application of the link"
)
LINK_CREDENTIAL_NOT_VALID = _kind(
    CREDENTIAL, "link-credential-not-valid", HIGH, "4.1", "Link credential is expired or not yet valid"
)
LINK_CREDENTIAL_EXPIRES_SOON = _kind(
    CREDENTIAL, "link-credential-expires-soon", MEDIUM, "4.1", "Link credential expires soon"
)
LINK_CREDENTIAL_NOT_IN_ENTRA = _kind(
    CREDENTIAL,
    "link-credential-not-in-entra",
    HIGH,
    "4.1",
    "Link credential is not registered with the application",
)
LINK_CREDENTIAL_EXPIRY_UNKNOWN = _kind(
    CREDENTIAL, "link-credential-expiry-unknown", MEDIUM, "4.1", "Expiry of the link credential is unknown"
)

# connection
CONNECTED = _kind(CONNECTION, "connected", INFO, "4.6", "DSM connects to Azure")
# Of status ok: the evidence names the group whose test it relies on.
CONNECTED_BY_SHARED_TEST = _kind(
    CONNECTION, "connected-by-shared-test", INFO, "4.6", "DSM connects with the same link of another group"
)
NOT_CONNECTED = _kind(CONNECTION, "not-connected", HIGH, "4.6", "DSM cannot connect to Azure")
CONNECTION_NOT_TESTED = _kind(CONNECTION, "connection-not-tested", MEDIUM, "4.6", "Connection was not tested")

# rights
RIGHTS_IN_ORDER = _kind(RIGHTS, "rights-in-order", INFO, "4.2", "Application has the required permissions")
RIGHTS_NOT_CHECKED = _kind(
    RIGHTS, "rights-not-checked", HIGH, "4.2", "Permissions of the application could not be checked"
)
RIGHT_MISSING = _kind(RIGHTS, "right-missing", HIGH, "4.2", "Required permission is missing")
POLICY_INERT_IN_RBAC_MODE = _kind(
    RIGHTS, "policy-inert-in-rbac-mode", HIGH, "4.2", "Access policies have no effect because the vault uses Azure RBAC"
)
DATA_ROLE_INERT_IN_POLICY_MODE = _kind(
    RIGHTS,
    "data-role-inert-in-policy-mode",
    HIGH,
    "4.2",
    "Data roles have no effect because the vault uses access policies",
)
DATA_ROLE_INERT_ON_HSM = _kind(
    RIGHTS, "data-role-inert-on-hsm", HIGH, "4.2", "Azure data roles have no effect in a Managed HSM"
)
APPLICATION_OBJECT_ID_IN_POLICY = _kind(
    RIGHTS, "application-object-id-in-policy", HIGH, "4.2", "Access policy names the object ID of the app registration"
)
CLIENT_ID_IN_POLICY = _kind(
    RIGHTS, "client-id-in-policy", HIGH, "4.2", "Access policy names the client ID instead of an object ID"
)
FOREIGN_TENANT_IN_POLICY = _kind(
    RIGHTS, "foreign-tenant-in-policy", HIGH, "4.2", "Access policy names a tenant other than the vault's"
)
COMPOUND_IDENTITY_IN_POLICY = _kind(
    RIGHTS,
    "compound-identity-in-policy",
    LOW,
    "4.2",
    "Access policy applies to the application only on behalf of a user",
)
VAULT_IN_FOREIGN_TENANT = _kind(RIGHTS, "vault-in-foreign-tenant", HIGH, "4.2", "Vault belongs to another tenant")
HSM_NOT_ACTIVATED = _kind(RIGHTS, "hsm-not-activated", HIGH, "4.5", "Managed HSM is not activated")
RIGHT_DENIED = _kind(RIGHTS, "right-denied", HIGH, "4.2", "Deny assignment blocks the permission")
PERMISSION_MODEL_DIFFERS = _kind(
    RIGHTS, "permission-model-differs", HIGH, "4.2", "Vault does not use the requested permission model"
)
ALL_WITHOUT_PURGE = _kind(RIGHTS, "all-without-purge", HIGH, "4.2", "Permission `all` does not include purge")
CONTRIBUTOR_EXCLUDES_HSM = _kind(
    RIGHTS, "contributor-excludes-hsm", HIGH, "4.2", "Key Vault Contributor does not extend to Managed HSMs"
)
ROLE_ELIGIBLE_ONLY = _kind(RIGHTS, "role-eligible-only", HIGH, "4.2", "Role is eligible but not active")
ROLE_ASSIGNMENT_EXPIRED = _kind(RIGHTS, "role-assignment-expired", HIGH, "4.2", "Role assignment has expired")
ROLE_FOR_SINGLE_KEYS = _kind(RIGHTS, "role-for-single-keys", HIGH, "4.2", "Local role is assigned for single keys only")
ROLE_ASSIGNMENT_ORPHANED = _kind(
    RIGHTS, "role-assignment-orphaned", HIGH, "4.2", "Role assignment belongs to a deleted principal"
)
LISTING_ONLY = _kind(RIGHTS, "listing-only", HIGH, "4.2", "Application can list the vault but not manage it")
RIGHT_UNREADABLE = _kind(
    RIGHTS, "right-unreadable", MEDIUM, "4.2", "Permission could not be evaluated because data could not be read"
)
ROLE_UNDER_CONDITION = _kind(RIGHTS, "role-under-condition", MEDIUM, "4.2", "Role assignment has a condition")
GROUP_MEMBERSHIP_UNKNOWN = _kind(
    RIGHTS, "group-membership-unknown", MEDIUM, "4.2", "Group memberships of the application are unknown"
)
DENY_UNCERTAIN = _kind(RIGHTS, "deny-uncertain", MEDIUM, "4.2", "Deny assignment might block the permission")
WILDCARD_READ_UNCERTAIN = _kind(
    RIGHTS, "wildcard-read-uncertain", MEDIUM, "4.2", "Permission depends on a wildcard that sources read differently"
)
HSM_ACTIVATION_UNKNOWN = _kind(
    RIGHTS, "hsm-activation-unknown", MEDIUM, "4.5", "Activation status of the Managed HSM is unknown"
)
NO_SUCH_PERMISSION = _kind(RIGHTS, "no-such-permission", MEDIUM, "4.2", "No Azure action is known for the permission")
PURGE_REFUSED_BY_PROTECTION = _kind(
    RIGHTS,
    "purge-refused-by-protection",
    LOW,
    "4.2",
    "Purge protection blocks purge although the permission is granted",
)
ROLE_ASSIGNMENT_EXPIRES = _kind(RIGHTS, "role-assignment-expires", MEDIUM, "4.2", "Role assignment is temporary")
ROLE_ASSIGNMENT_RECENT = _kind(RIGHTS, "role-assignment-recent", INFO, "4.2", "Role was assigned only minutes ago")
EQUIVALENT_ROLE = _kind(
    RIGHTS, "equivalent-role", INFO, "4.2", "Role is not the guide's role but has the same permissions"
)
WIDER_THAN_NEEDED = _kind(RIGHTS, "wider-than-needed", LOW, "4.2", "More permissions are granted than needed")
APP_CAN_ASSIGN_ROLES = _kind(RIGHTS, "app-can-assign-roles", HIGH, "4.2", "Application can grant itself any permission")
APP_IS_OWNER_OR_CONTRIBUTOR = _kind(
    RIGHTS, "app-is-owner-or-contributor", MEDIUM, "4.2", "Application is Owner or Contributor"
)
# The guide's own recipe has these effects; hence low: known, and accepted by most.
APP_CAN_CHANGE_ACCESS_POLICIES = _kind(
    RIGHTS,
    "app-can-change-access-policies",
    LOW,
    "4.2",
    "Application can grant itself access to secrets and certificates",
)
APP_MAY_USE_KEYS = _kind(
    RIGHTS, "app-may-use-keys", LOW, "4.2", "Application can use keys for cryptographic operations"
)
APP_CAN_ADMINISTER_HSM = _kind(
    RIGHTS, "app-can-administer-hsm", HIGH, "4.2", "Application can make itself administrator of the Managed HSM"
)
ROLE_EXPIRY_UNREADABLE = _kind(
    RIGHTS, "role-expiry-unreadable", LOW, "4.2", "Expiry of role assignments could not be read"
)
ROLE_ELIGIBILITY_UNREADABLE = _kind(
    RIGHTS, "role-eligibility-unreadable", LOW, "4.2", "Eligible role assignments could not be read"
)
APP_POWERS_UNREADABLE = _kind(
    RIGHTS, "app-powers-unreadable", LOW, "4.2", "Other permissions of the application could not be read completely"
)

# application
APPLICATION_IN_ORDER = _kind(APPLICATION, "application-in-order", INFO, "4.1", "Application can authenticate")
APPLICATION_NOT_CHECKED = _kind(APPLICATION, "application-not-checked", HIGH, "4.1", "Application could not be checked")
APPLICATION_DISABLED = _kind(APPLICATION, "application-disabled", HIGH, "4.1", "Application is disabled")
CREDENTIALS_EXPIRED = _kind(APPLICATION, "credentials-expired", HIGH, "4.1", "Application has no valid credential")
NO_CREDENTIAL = _kind(APPLICATION, "no-credential", HIGH, "4.1", "Application has no credential")
CREDENTIAL_ON_SERVICE_PRINCIPAL = _kind(
    APPLICATION, "credential-on-service-principal", LOW, "4.1", "Service principal has its own credentials"
)
CREDENTIALS_EXPIRE_SOON = _kind(
    APPLICATION, "credentials-expire-soon", MEDIUM, "4.1", "Last valid credential of the application expires soon"
)
APPLICATION_UNREADABLE = _kind(
    APPLICATION, "application-unreadable", MEDIUM, "4.1", "Application could not be read completely"
)
API_PERMISSION_MISSING = _kind(
    APPLICATION,
    "api-permission-missing",
    INFO,
    "4.1",
    "API permission for Key Vault is not listed in the app registration",
)
CONSENT_FOR_ALL_USERS = _kind(
    APPLICATION, "consent-for-all-users", MEDIUM, "4.1", "Application can access Key Vault on behalf of every user"
)

# vault
VAULT_IN_ORDER = _kind(VAULT, "vault-in-order", INFO, "4.5", "Vault protects its keys and is reachable from DSM")
VAULT_NOT_CHECKED = _kind(VAULT, "vault-not-checked", HIGH, "4.5", "Vault could not be checked")
VAULT_OPEN_TO_ALL_NETWORKS = _kind(
    VAULT, "vault-open-to-all-networks", LOW, "4.5", "Vault accepts requests from all networks"
)
# Still supported, but no longer the default of the API from 27 February 2027 on (Azure contract §0.2, §1.4).
VAULT_USES_ACCESS_POLICIES = _kind(
    VAULT,
    "vault-uses-access-policies",
    LOW,
    "-",
    "Vault uses legacy access policies",
)
NO_PURGE_PROTECTION = _kind(VAULT, "no-purge-protection", MEDIUM, "4.5", "Vault has no purge protection")
NO_SOFT_DELETE = _kind(VAULT, "no-soft-delete", HIGH, "4.5", "Vault has no soft delete")
VAULT_TYPE_DIFFERS = _kind(VAULT, "vault-type-differs", HIGH, "4.5", "Vault is not of the expected type")
PERMISSION_MODEL_NOT_STATED = _kind(
    VAULT, "permission-model-not-stated", LOW, "-", "Vault relies on the old default of the permission model"
)
VAULT_NOT_READY = _kind(VAULT, "vault-not-ready", HIGH, "4.5", "Vault is not ready")
FIREWALL_BLOCKS_DSM = _kind(VAULT, "firewall-blocks-dsm", HIGH, "4.5", "Network rules of the vault block DSM")
FIREWALL_UNKNOWN = _kind(VAULT, "firewall-unknown", MEDIUM, "4.5", "Network access from DSM to the vault is unknown")

# keys
KEYS_IN_SYNC = _kind(KEYS, "keys-in-sync", INFO, "4.7", "Virtual keys in DSM match the keys of the vault")
KEYS_NOT_CHECKED = _kind(KEYS, "keys-not-checked", MEDIUM, "4.7", "Keys could not be compared")
KEYS_ONLY_IN_AZURE = _kind(KEYS, "keys-only-in-azure", MEDIUM, "4.7", "Keys of the vault are missing in DSM")
KEY_VERSIONS_ONLY_IN_AZURE = _kind(
    KEYS, "key-versions-only-in-azure", MEDIUM, "4.7", "Current key versions of the vault are missing in DSM"
)
KEYS_ONLY_IN_DSM = _kind(KEYS, "keys-only-in-dsm", HIGH, "4.7", "DSM lists keys that do not exist in the vault")
KEYS_ENABLED_DIFFERS = _kind(KEYS, "keys-enabled-differs", MEDIUM, "4.7", "Keys are enabled on one side only")
KEY_SOFT_DELETED = _kind(KEYS, "key-soft-deleted", MEDIUM, "4.7", "Keys that DSM manages are soft-deleted in the vault")
KEY_PURGE_DUE_SOON = _kind(KEYS, "key-purge-due-soon", HIGH, "4.7", "Vault purges soft-deleted keys within 7 days")
KEY_PURGED_RECORD_LEFT = _kind(
    KEYS, "key-purged-record-left", LOW, "4.7", "DSM has records of keys that were purged in the vault"
)
KEY_SOURCE_ROTATED_COPY_NOT = _kind(
    KEYS,
    "key-source-rotated-copy-not",
    MEDIUM,
    "-",
    "Source key was rotated in DSM, but its copy in the vault was not",
)
KEY_SAME_MATERIAL = _kind(KEYS, "key-same-material", HIGH, "-", "Versions of a key have the same key material")
KEY_MATERIAL_DIFFERS = _kind(
    KEYS, "key-material-differs", HIGH, "-", "Current version of a copied key is not from its source in DSM"
)
KEY_MATERIAL_NOT_COMPARED = _kind(
    KEYS, "key-material-not-compared", MEDIUM, "-", "Public keys of copied keys could not be compared"
)
KEY_SOURCES_NOT_READ = _kind(KEYS, "key-sources-not-read", MEDIUM, "-", "Source keys of copies could not be read")
KEY_AZURE_ROTATES_BYOK = _kind(
    KEYS, "key-azure-rotates-byok", HIGH, "-", "Azure rotates keys whose key material comes from DSM"
)
KEY_TWO_ROTATION_POLICIES = _kind(
    KEYS, "key-two-rotation-policies", MEDIUM, "-", "Both DSM and Azure have a rotation policy for a key"
)
KEY_SOFTWARE = _kind(KEYS, "key-software", HIGH, "-", "Keys are protected by software, not by an HSM")
KEY_OLD_PLATFORM = _kind(KEYS, "key-old-platform", MEDIUM, "-", "Keys are on an older HSM platform than required")
KEY_NO_EXPIRY = _kind(KEYS, "key-no-expiry", MEDIUM, "-", "Keys have no expiry date")
KEY_EXPIRES_SOON = _kind(KEYS, "key-expires-soon", HIGH, "-", "Keys expire soon")
KEY_EXPIRY_DIFFERS = _kind(KEYS, "key-expiry-differs", MEDIUM, "-", "Keys have different expiry dates in DSM and Azure")
KEY_TOO_OLD = _kind(KEYS, "key-too-old", MEDIUM, "-", "Current key versions are older than permitted")
KEY_AUDIT_OFF = _kind(KEYS, "key-audit-off", MEDIUM, "-", "DSM does not audit the use of keys")
KEY_EXPORTABLE = _kind(KEYS, "key-exportable", INFO, "-", "Keys can be released from the vault")
KEY_MANY_VERSIONS = _kind(KEYS, "key-many-versions", MEDIUM, "-", "Keys are close to the limit of versions")
KEY_DOUBLED = _kind(KEYS, "key-doubled", MEDIUM, "4.7", "DSM has two records of one key version")
KEK_LEFT = _kind(KEYS, "kek-left", MEDIUM, "-", "Key exchange keys are expired or never expire")
SCRATCH_LEFT = _kind(KEYS, "scratch-left", MEDIUM, "-", "DSM has temporary keys of an unfinished transfer")
KEYS_EXPIRED_IN_AZURE = _kind(
    KEYS, "keys-expired-in-azure", MEDIUM, "4.7", "Keys that are enabled in DSM have expired in the vault"
)
KEYS_NOT_IDENTIFIED = _kind(
    KEYS, "keys-not-identified", MEDIUM, "4.7", "DSM does not report the vault key of a virtual key"
)
KEY_VERSIONS_NOT_READ = _kind(
    KEYS, "key-versions-not-read", MEDIUM, "4.7", "Key versions could not be compared for all keys"
)

# apps
APPS_IN_ORDER = _kind(APPS, "apps-in-order", INFO, "4.4", "Apps of the group authenticate to DSM with certificates")
APPS_NOT_CHECKED = _kind(APPS, "apps-not-checked", MEDIUM, "4.4", "Apps of the group could not be checked")
APP_WITHOUT_CERTIFICATE = _kind(
    APPS, "app-without-certificate", MEDIUM, "4.4", "Apps of the group authenticate to DSM without a certificate"
)
APP_LOGIN_UNKNOWN = _kind(
    APPS, "app-login-unknown", MEDIUM, "4.4", "Authentication method of apps of the group is unknown"
)

# drift
AS_DECLARED = _kind(DRIFT, "as-declared", INFO, "-", "Group and its Azure resources match the inventory")
DRIFT_NOT_CHECKED = _kind(DRIFT, "drift-not-checked", HIGH, "-", "Part of the declaration could not be compared")
DECLARED_GROUP_MISSING = _kind(
    DRIFT, "declared-group-missing", HIGH, "-", "Declared group does not exist or is not visible to the DSM identity"
)
GROUP_NOT_DECLARED = _kind(DRIFT, "group-not-declared", MEDIUM, "-", "Group is not declared in the inventory")
GROUP_DIFFERS_FROM_DECLARED = _kind(
    DRIFT, "group-differs-from-declared", HIGH, "-", "Group or its link differs from the declaration"
)
APPLICATION_DIFFERS_FROM_DECLARED = _kind(
    DRIFT, "application-differs-from-declared", HIGH, "-", "Application differs from the declaration"
)
VAULT_DIFFERS_FROM_DECLARED = _kind(
    DRIFT, "vault-differs-from-declared", HIGH, "-", "Vault differs from the declaration"
)
RIGHTS_DIFFER_FROM_DECLARED = _kind(
    DRIFT, "rights-differ-from-declared", HIGH, "-", "Application lacks declared permissions"
)

# run
NOTHING_CHECKED = _kind(RUN, "nothing-checked", HIGH, "-", "No group was checked")
WAIVER_EXPIRED = _kind(RUN, "waiver-expired", HIGH, "-", "Waiver has expired")
WAIVER_UNUSED = _kind(RUN, "waiver-unused", LOW, "-", "Waiver matches no finding")

# azure_kv_access
ACCESS_REMAINS = _kind(
    AZURE_KV_ACCESS, "access-remains", HIGH, "-", "Application keeps access that is not granted at the vault"
)
ACCESS_REMAINS_UNKNOWN = _kind(AZURE_KV_ACCESS, "access-remains-unknown", HIGH, "-", "Application might keep access")
OPERATOR_LACKS_RIGHTS = _kind(
    AZURE_KV_ACCESS, "operator-lacks-rights", HIGH, "-", "Operator lacks required permissions"
)
CHANGE_LOCKED = _kind(AZURE_KV_ACCESS, "change-locked", HIGH, "-", "Management locks block the change")
LOCKS_UNKNOWN = _kind(AZURE_KV_ACCESS, "locks-unknown", MEDIUM, "-", "Management locks could not be read")
ACCESS_STILL_LISTED = _kind(
    AZURE_KV_ACCESS, "access-still-listed", MEDIUM, "-", "Accepted change is not yet visible in Azure"
)
ACCESS_NOT_RESTORABLE = _kind(
    AZURE_KV_ACCESS, "access-not-restorable", MEDIUM, "-", "Part of the recorded access cannot be restored"
)
CREDENTIALS_STAY = _kind(AZURE_KV_ACCESS, "credentials-stay", INFO, "-", "Credentials remain registered")
SAML_SIGNING_STAYS = _kind(
    AZURE_KV_ACCESS, "saml-signing-stays", MEDIUM, "-", "SAML signing credentials remain registered"
)
PRINCIPAL_STATE_UNKNOWN = _kind(
    AZURE_KV_ACCESS, "principal-state-unknown", MEDIUM, "-", "Previous state of the service principal is unknown"
)

# cdc_connection
NO_VAULT_VISIBLE = _kind(CDC_CONNECTION, "no-vault-visible", HIGH, "4.2", "No vault is visible to the application")
VAULT_NOT_IN_SUBSCRIPTION = _kind(
    CDC_CONNECTION, "vault-not-in-subscription", HIGH, "4.5", "Vault was not found in the subscription"
)
VAULTS_NOT_LISTED = _kind(CDC_CONNECTION, "vaults-not-listed", MEDIUM, "4.5", "Vaults could not be listed")

# ID -> kind, in the order of the documentation.
CATALOG: Mapping[str, Kind] = {kind.id: kind for kind in _ALL}

# Reported by a check of a compliance run when it has found nothing else.
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
# Reported when the check could not be completed.
NOT_CHECKED: Mapping[str, Kind] = {
    RIGHTS: RIGHTS_NOT_CHECKED,
    APPLICATION: APPLICATION_NOT_CHECKED,
    VAULT: VAULT_NOT_CHECKED,
    KEYS: KEYS_NOT_CHECKED,
    APPS: APPS_NOT_CHECKED,
    DRIFT: DRIFT_NOT_CHECKED,
}
# Part of a declaration -> the finding that it differs.
DIFFERS: Mapping[str, Kind] = {
    GROUP: GROUP_DIFFERS_FROM_DECLARED,
    APPLICATION: APPLICATION_DIFFERS_FROM_DECLARED,
    VAULT: VAULT_DIFFERS_FROM_DECLARED,
    RIGHTS: RIGHTS_DIFFER_FROM_DECLARED,
}
# What compliance runs can report and policies can name.
OF_COMPLIANCE: Mapping[str, Kind] = {name: kind for name, kind in CATALOG.items() if kind.area in (*CHECKS, RUN)}
OF_THE_RUN = tuple(kind for kind in _ALL if kind.area == RUN)
