# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Every kind of finding that a compliance run can have, and to which check it belongs. IDs are stable. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from .._azure.rights import findings as prerequisites
from .._findings import HIGH, INFO, LOW, MEDIUM, Kind

GROUP, LINK, CREDENTIAL, CONNECTION = "group", "link", "credential", "connection"
RIGHTS, APPLICATION, VAULT, KEYS, APPS = "rights", "application", "vault", "keys", "apps"
DRIFT = "drift"
# The checks of each group, in the order of reports, with what it means that one of them has nothing to say.
CHECKS: Mapping[str, Kind] = {
    GROUP: Kind("group-in-order", INFO, "4.7", "The group has one link to Azure Key Vault"),
    LINK: Kind("link-in-order", INFO, "4.4", "The link verifies TLS and points to one cloud"),
    CREDENTIAL: Kind("credential-in-order", INFO, "4.1", "The link's credential is valid"),
    CONNECTION: Kind("connected", INFO, "4.6", "DSM connects to Azure"),
    RIGHTS: Kind("rights-in-order", INFO, "4.2", "The application has the rights that are wanted"),
    APPLICATION: Kind("application-in-order", INFO, "4.1", "The application can log in"),
    VAULT: Kind("vault-in-order", INFO, "4.5", "The vault protects its keys, and DSM reaches it"),
    KEYS: Kind("keys-in-step", INFO, "4.7", "DSM's virtual keys are those of the vault"),
    APPS: Kind("apps-in-order", INFO, "4.4", "Apps of the group log in to DSM by certificate"),
    DRIFT: Kind("as-declared", INFO, "-", "The group and what it stands on are as the inventory declares them"),
}

NOT_FOUND = Kind("group-not-found", HIGH, "4.7", "The group is not there, or the login does not see it")
NOT_LINKED = Kind("group-not-linked", HIGH, "4.7", "The group has no link to Azure Key Vault")
NOT_MANAGEABLE = Kind("group-not-manageable", HIGH, "4.7", "The group has several links, and none can be checked")
NOTHING = Kind("nothing-checked", HIGH, "-", "There was no group to check")

TLS_MODE = Kind("tls-not-required", HIGH, "4.4", "DSM may talk to Azure without verified TLS")
TLS_HOST = Kind("host-validation-off", HIGH, "4.4", "DSM takes any certificate of a trusted CA for Azure's")
CA_ENDED = Kind("pinned-ca-not-valid", HIGH, "4.4", "A pinned CA certificate is not valid today")
CA_ENDS = Kind("pinned-ca-ends-soon", MEDIUM, "4.4", "A pinned CA certificate ends soon")
CA_UNREADABLE = Kind("pinned-ca-unreadable", MEDIUM, "4.4", "A pinned CA certificate could not be read")
CLIENT_ENDED = Kind("tls-client-certificate-not-valid", HIGH, "4.4", "The TLS client certificate is not valid today")
CLIENT_ENDS = Kind("tls-client-certificate-ends-soon", MEDIUM, "4.4", "The TLS client certificate ends soon")
CLIENT_UNREADABLE = Kind(
    "tls-client-certificate-unreadable", MEDIUM, "4.4", "When the TLS client certificate ends is not known"
)
ENDPOINTS = Kind("endpoints-unknown", HIGH, "4.3", "The link's endpoints are of no cloud that is known")
OTHER_CLOUD = Kind("vault-in-other-cloud", HIGH, "4.3", "The link's vault is in another cloud than its endpoints")
NO_VAULT = Kind("vault-not-chosen", MEDIUM, "4.5", "No vault is chosen")

OPERATOR = Kind("operator-credential-in-dsm", HIGH, "-", "DSM holds the credential of the operator")
CREDENTIAL_ENDED = Kind("link-credential-expired", HIGH, "4.1", "The credential that DSM was given has ended")
CREDENTIAL_ENDS = Kind("link-credential-ends-soon", MEDIUM, "4.1", "The credential that DSM was given ends soon")
CREDENTIAL_GONE = Kind(
    "link-credential-not-registered", HIGH, "4.1", "The credential that DSM was given is not registered any more"
)
CREDENTIAL_UNKNOWN = Kind("link-credential-end-unknown", MEDIUM, "4.1", "When the link's credential ends is not known")

NOT_CONNECTED = Kind("not-connected", HIGH, "4.6", "DSM does not connect to Azure")
NOT_TESTED = Kind("connection-not-tested", MEDIUM, "4.6", "The connection was not tested")

OPEN_NETWORK = Kind("vault-open-to-all-networks", LOW, "4.5", "The vault takes requests from every network")

# Supported further on, and no more what one gets who does not ask (Azure contract §0.2, §1.4).
ACCESS_POLICIES = Kind(
    "vault-uses-access-policies", LOW, "-", "Access policies: not the default of the API from 27 February 2027 on"
)

ONLY_AZURE = Kind("keys-only-in-azure", MEDIUM, "4.7", "Keys of the vault are not in DSM")
VERSION_ONLY_AZURE = Kind("key-versions-only-in-azure", MEDIUM, "4.7", "Current versions of keys are not in DSM")
ONLY_DSM = Kind("keys-only-in-dsm", HIGH, "4.7", "DSM shows keys that the vault does not have")
ENABLED_DIFFERS = Kind("keys-enabled-differs", MEDIUM, "4.7", "Keys are enabled on one side only")
KEYS_ENDED = Kind("keys-expired-in-azure", MEDIUM, "4.7", "Keys that DSM shows as enabled have expired in the vault")
KEYS_UNIDENTIFIED = Kind("keys-not-identified", MEDIUM, "4.7", "DSM does not tell which key of the vault is meant")
VERSIONS_NOT_READ = Kind("key-versions-not-read", MEDIUM, "4.7", "Not all keys could be compared by version")

APP_SECRET = Kind("app-without-certificate", MEDIUM, "4.4", "Apps of the group log in to DSM without a certificate")
APP_UNKNOWN = Kind("app-login-unknown", MEDIUM, "4.4", "How apps of the group log in to DSM is not known")

# What could not be looked at, by check.
NOT_DECLARED = Kind("group-not-declared", MEDIUM, "-", "The inventory does not declare the group")
DECLARED_MISSING = Kind(
    "declared-group-missing", HIGH, "-", "A declared group is not there, or the login does not see it"
)
DIFFERS: Mapping[str, Kind] = {
    GROUP: Kind("group-differs-from-declared", HIGH, "-", "The group or its link is not as declared"),
    APPLICATION: Kind("application-differs-from-declared", HIGH, "-", "The application is not as declared"),
    VAULT: Kind("vault-differs-from-declared", HIGH, "-", "The vault is not as declared"),
    RIGHTS: Kind("rights-differ-from-declared", HIGH, "-", "The application lacks rights that are declared"),
}

NOT_SEEN: Mapping[str, Kind] = {
    RIGHTS: Kind("rights-not-seen", HIGH, "4.2", "The rights of the application could not be looked at"),
    APPLICATION: Kind("application-not-seen", HIGH, "4.1", "The application could not be looked at"),
    VAULT: Kind("vault-not-seen", HIGH, "4.5", "The vault could not be looked at"),
    KEYS: Kind("keys-not-seen", MEDIUM, "4.7", "The keys could not be compared"),
    APPS: Kind("apps-not-seen", MEDIUM, "4.4", "The apps of the group could not be looked at"),
    DRIFT: Kind("drift-not-seen", HIGH, "-", "A part could not be compared with what is declared"),
}

WAIVER_EXPIRED = Kind("waiver-expired", HIGH, "-", "A waiver has expired")
WAIVER_UNUSED = Kind("waiver-unused", LOW, "-", "A waiver is for nothing that was found")

_OWN: Mapping[str, tuple[Kind, ...]] = {
    GROUP: (NOT_FOUND, NOT_LINKED, NOT_MANAGEABLE),
    LINK: (
        TLS_MODE,
        TLS_HOST,
        CA_ENDED,
        CA_ENDS,
        CA_UNREADABLE,
        CLIENT_ENDED,
        CLIENT_ENDS,
        CLIENT_UNREADABLE,
        ENDPOINTS,
        OTHER_CLOUD,
        NO_VAULT,
    ),
    CREDENTIAL: (OPERATOR, CREDENTIAL_ENDED, CREDENTIAL_ENDS, CREDENTIAL_GONE, CREDENTIAL_UNKNOWN),
    CONNECTION: (NOT_CONNECTED, NOT_TESTED),
    RIGHTS: (NOT_SEEN[RIGHTS],),
    APPLICATION: (NOT_SEEN[APPLICATION],),
    VAULT: (NOT_SEEN[VAULT], OPEN_NETWORK, ACCESS_POLICIES),
    KEYS: (
        NOT_SEEN[KEYS],
        ONLY_AZURE,
        VERSION_ONLY_AZURE,
        ONLY_DSM,
        ENABLED_DIFFERS,
        KEYS_ENDED,
        KEYS_UNIDENTIFIED,
        VERSIONS_NOT_READ,
    ),
    APPS: (NOT_SEEN[APPS], APP_SECRET, APP_UNKNOWN),
    DRIFT: (NOT_SEEN[DRIFT], NOT_DECLARED, DECLARED_MISSING, *DIFFERS.values()),
}
_OF_APPLICATION = (
    prerequisites.DISABLED,
    prerequisites.EXPIRED,
    prerequisites.NO_CREDENTIAL,
    prerequisites.ON_PRINCIPAL,
    prerequisites.ENDS_SOON,
    prerequisites.UNREADABLE,
    prerequisites.NO_API_PERMISSION,
    prerequisites.CONSENT_FOR_ALL,
)
_OF_CREDENTIAL = (
    prerequisites.CERTIFICATE_INVALID,
    prerequisites.CERTIFICATE_ENDS,
    prerequisites.CERTIFICATE_FOREIGN,
)
_OF_VAULT = (
    prerequisites.NO_PURGE_PROTECTION,
    prerequisites.NO_SOFT_DELETE,
    prerequisites.TYPE_DIFFERS,
    prerequisites.MODEL_NOT_STATED,
    prerequisites.NOT_READY,
    prerequisites.FIREWALL_BLOCKS,
    prerequisites.FIREWALL_UNKNOWN,
)
# Told of a link as OPERATOR, which says more.
REPLACED = frozenset({prerequisites.IS_OPERATOR.id})


def _check_of() -> dict[str, str]:
    table = {kind.id: RIGHTS for kind in prerequisites.CATALOG.values() if kind.id not in REPLACED}
    table.update({kind.id: check for check, kind in CHECKS.items()})
    table.update({kind.id: check for check, kinds in _OWN.items() for kind in kinds})
    for check, kinds in ((APPLICATION, _OF_APPLICATION), (CREDENTIAL, _OF_CREDENTIAL), (VAULT, _OF_VAULT)):
        table.update({kind.id: check for kind in kinds})
    return table


# ID -> the check that the finding belongs to.
CHECK_OF: Mapping[str, str] = _check_of()
# Not of a group but of the whole run.
OF_THE_RUN = (NOTHING, WAIVER_EXPIRED, WAIVER_UNUSED)
CATALOG: Mapping[str, Kind] = {
    kind.id: kind
    for kind in (
        *CHECKS.values(),
        *(kind for kinds in _OWN.values() for kind in kinds),
        *(kind for kind in prerequisites.CATALOG.values() if kind.id not in REPLACED),
        *OF_THE_RUN,
    )
}
