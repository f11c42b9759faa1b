# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which api-versions Resource Manager takes for which resource type, and how it refuses all others.

Sources of the lists: the types of Azure/bicep-types-az (generated/keyvault, generated/authorization), for
Microsoft.Resources and for the oldest versions what refusals list (Azure/azure-cli issue 27239, Azure/acs-engine issue
4037), for services that use keys the pages of learn.microsoft.com/azure/templates. The texts: Azure/azure-cli issues
27239 and 19389 (400), Azure/acs-engine issue 4037 and Azure/azure-sdk-for-js issue 15460 (404). Resource Manager names
locations where it knows one: that of a resource that exists. Which refusal retired versions are going to get is not
public; it is that of unknown ones here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from ...service import AzureError

RBAC_DEFAULT_VERSION = "2026-02-01"
"""The first api-version under which a new vault is an RBAC vault unless it says otherwise (Azure contract §1.4)."""
_RETIREMENT = datetime(2027, 2, 27, tzinfo=UTC)
"""The end of all older api-versions of Microsoft.KeyVault (Azure contract §0.2)."""

_KEY_VAULT = "microsoft.keyvault"
_AUTHORIZATION = "microsoft.authorization"
_RESOURCES = "microsoft.resources"
_LOCATIONS = "northeurope, westeurope, usgovvirginia, usgovarizona"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_POOL_VERSIONS = _words(
    "2026-06-01-preview 2026-05-15 2026-03-01-preview 2026-02-01 2025-05-01 2024-12-01-preview 2024-11-01 "
    "2024-04-01-preview 2023-07-01 2023-02-01 2022-11-01 2022-07-01 2022-02-01-preview 2021-11-01-preview 2021-10-01 "
    "2021-06-01-preview 2021-04-01-preview 2020-04-01-preview"
)
_VAULT_VERSIONS = (*_POOL_VERSIONS, *_words("2019-09-01 2018-02-14 2018-02-14-preview 2016-10-01 2015-06-01"))
_ROLE_VERSIONS = _words(
    "2022-04-01 2022-01-01-preview 2021-04-01-preview 2020-10-01-preview 2020-08-01-preview 2020-04-01-preview "
    "2020-03-01-preview 2018-09-01-preview 2018-07-01 2018-01-01-preview 2017-10-01-preview 2017-09-01 2017-05-01 "
    "2016-07-01 2015-07-01 2015-06-01 2014-10-01-preview 2014-07-01-preview 2014-04-01-preview"
)
_DEFINITION_VERSIONS = _words(
    "2023-07-01-preview 2022-05-01-preview 2022-04-01 2018-07-01 2018-01-01-preview 2017-09-01 2017-05-01 2016-07-01 "
    "2015-07-01 2015-06-01 2014-10-01-preview 2014-07-01-preview 2014-04-01-preview"
)
_PIM_VERSIONS = _words("2024-09-01-preview 2022-04-01-preview 2020-10-01 2020-10-01-preview")
_RESOURCE_VERSIONS = _words(
    "2026-06-01 2025-04-01 2025-03-01 2024-11-01 2024-08-01 2024-07-01 2024-03-01 2023-07-01 2023-07-01-preview "
    "2023-03-01-preview 2022-12-01 2022-11-01-preview 2022-09-01 2022-06-01 2022-05-01 2022-03-01-preview 2022-01-01 "
    "2021-04-01 2021-01-01 2020-10-01 2020-09-01 2020-08-01 2020-07-01 2020-06-01 2020-05-01 2020-01-01 2019-11-01 "
    "2019-10-01 2019-09-01 2019-08-01 2019-07-01 2019-06-01 2019-05-10 2019-05-01 2019-03-01 2018-11-01 2018-09-01 "
    "2018-08-01 2018-07-01 2018-06-01 2018-05-01 2018-02-01 2018-01-01 2017-12-01 2017-08-01 2017-06-01 2017-05-10 "
    "2017-05-01 2017-03-01 2016-09-01 2016-07-01 2016-06-01 2016-02-01 2015-11-01 2015-01-01 2014-04-01-preview "
    "2014-04-01 2014-01-01"
)

_STORAGE_VERSIONS = _words(
    "2025-08-01 2025-06-01 2025-01-01 2024-01-01 2023-05-01 2023-04-01 2023-01-01 2022-09-01 2022-05-01 2021-09-01 "
    "2021-08-01 2021-06-01 2021-04-01 2021-02-01 2021-01-01 2020-08-01-preview 2019-06-01 2019-04-01 2018-11-01 "
    "2018-07-01 2018-03-01-preview 2018-02-01 2017-10-01 2017-06-01 2016-12-01 2016-05-01 2016-01-01 2015-06-15 "
    "2015-05-01-preview"
)
_DISK_VERSIONS = _words(
    "2025-01-02 2024-03-02 2023-10-02 2023-04-02 2023-01-02 2022-07-02 2022-03-02 2021-12-01 2021-08-01 2021-04-01 "
    "2020-12-01 2020-09-30 2020-06-30 2020-05-01 2019-11-01 2019-07-01"
)
_SQL_VERSIONS = _words(
    "2025-01-01 2024-11-01-preview 2024-05-01-preview 2023-08-01 2023-08-01-preview 2023-05-01-preview "
    "2023-02-01-preview 2022-11-01-preview 2022-08-01-preview 2022-05-01-preview 2022-02-01-preview 2021-11-01 "
    "2021-11-01-preview 2021-08-01-preview 2021-05-01-preview 2021-02-01-preview 2020-11-01-preview "
    "2020-08-01-preview 2020-02-02-preview"
)
_SERVER_VERSIONS = (*_SQL_VERSIONS, "2015-05-01-preview")
_INSTANCE_VERSIONS = (*_SQL_VERSIONS, "2017-10-01-preview")
_GRAPH_VERSIONS = _words(
    "2024-04-01 2023-09-01-preview 2022-10-01 2021-06-01-preview 2021-03-01 2020-04-01-preview 2019-04-01 "
    "2018-09-01-preview"
)

_SUPPORTED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    _KEY_VAULT: {
        "vaults": _VAULT_VERSIONS,
        "vaults/accesspolicies": _VAULT_VERSIONS,
        "vaults/secrets": _VAULT_VERSIONS,
        "vaults/keys": tuple(version for version in _VAULT_VERSIONS if version >= "2019-09-01"),
        "vaults/keys/versions": tuple(version for version in _VAULT_VERSIONS if version >= "2019-09-01"),
        "deletedvaults": _VAULT_VERSIONS,
        "locations/deletedvaults": _VAULT_VERSIONS,
        "checknameavailability": _VAULT_VERSIONS,
        "managedhsms": _POOL_VERSIONS,
        "managedhsms/keys": _POOL_VERSIONS,
        "managedhsms/keys/versions": _POOL_VERSIONS,
        "deletedmanagedhsms": _POOL_VERSIONS,
        "locations/deletedmanagedhsms": _POOL_VERSIONS,
        "checkmhsmnameavailability": _POOL_VERSIONS,
    },
    _AUTHORIZATION: {
        "roleassignments": _ROLE_VERSIONS,
        "roledefinitions": _DEFINITION_VERSIONS,
        "permissions": tuple(version for version in _DEFINITION_VERSIONS if version < "2023"),
        "denyassignments": _words("2024-07-01-preview 2022-04-01 2018-07-01-preview"),
        "roleeligibilityscheduleinstances": _PIM_VERSIONS,
        "roleassignmentscheduleinstances": _PIM_VERSIONS,
        "locks": _words("2020-05-01 2017-04-01 2016-09-01 2015-06-01 2015-05-01-preview 2015-01-01"),
    },
    _RESOURCES: {"resources": _RESOURCE_VERSIONS},
    "microsoft.storage": {"storageaccounts": _STORAGE_VERSIONS},
    "microsoft.compute": {
        "diskencryptionsets": _DISK_VERSIONS,
        "diskencryptionsets/associatedresources": _DISK_VERSIONS,
    },
    "microsoft.sql": {
        "servers": _SERVER_VERSIONS,
        "servers/encryptionprotector": _SERVER_VERSIONS,
        "servers/keys": _SERVER_VERSIONS,
        "managedinstances": _INSTANCE_VERSIONS,
        "managedinstances/encryptionprotector": _INSTANCE_VERSIONS,
        "managedinstances/keys": _INSTANCE_VERSIONS,
    },
    "microsoft.resourcegraph": {"resources": _GRAPH_VERSIONS},
}
_SPELLED = {
    name.lower(): name
    for name in (
        *("Microsoft.KeyVault", "Microsoft.Authorization", "Microsoft.Resources", "accessPolicies", "managedHSMs"),
        *("deletedVaults", "deletedManagedHSMs", "checkNameAvailability", "checkMhsmNameAvailability"),
        *("roleAssignments", "roleDefinitions", "denyAssignments", "roleEligibilityScheduleInstances"),
        *("roleAssignmentScheduleInstances", "Microsoft.Storage", "Microsoft.Compute", "Microsoft.Sql"),
        *("Microsoft.ResourceGraph", "storageAccounts", "diskEncryptionSets", "associatedResources"),
        *("encryptionProtector", "managedInstances"),
    )
}
_PROVIDER = re.compile(r".*/providers/([^/]+)((?:/[^/]*)*)", re.IGNORECASE)


def require_supported(path: str, version: str, now: datetime, location: Callable[[], str | None]) -> None:
    """Refuse an api-version that the resource type of the path does not have.

    ``location``: where the resource is, or its resource group; None for what has no location.
    """
    namespace, kind = type_of(path)
    known = _SUPPORTED.get(namespace, {}).get(kind)
    if known is None:
        return  # There is no such route, which the router says.
    if namespace == _KEY_VAULT and now >= _RETIREMENT:
        known = tuple(one for one in known if one[:10] >= RBAC_DEFAULT_VERSION)
    if version.lower() not in known:
        raise _unsupported(namespace, kind, version, known, location() if namespace == _KEY_VAULT else None)


def version_of_other_clouds(path: str, version: str) -> AzureError:
    """The refusal of an api-version that the resource type of the path has in other clouds only."""
    namespace, kind = type_of(path)
    known = tuple(one for one in _SUPPORTED[namespace][kind] if one != version.lower())
    return _unsupported(namespace, kind, version, known, None)


def type_of_other_clouds(path: str, version: str) -> AzureError:
    """The refusal of a resource type that only other clouds have."""
    return _unsupported(*type_of(path), version, (), None)


def unserved(path: str, version: str) -> AzureError:
    """The refusal of a path that leads nowhere, by the resource type that it names."""
    namespace, kind = type_of(path)
    if namespace == _RESOURCES:
        return AzureError(404, "NotFound", "Not Found")
    if namespace not in _SUPPORTED:
        message = f"The resource namespace '{namespace}' is invalid."
        return AzureError(404, "InvalidResourceNamespace", message)
    known: tuple[str, ...] = ()
    for part in _prefixes(kind):
        known = known or _SUPPORTED[namespace].get(part, ())
    return _unsupported(namespace, kind, version, known, None)


def type_of(path: str) -> tuple[str, str]:
    """Namespace and resource type of a path, in lower case. The last provider in it counts."""
    found = _PROVIDER.fullmatch(path)
    parts = found[2].strip("/").lower().split("/") if found else []
    if not found or parts in ([""], ["register"]):
        return _RESOURCES, "resources"
    namespace, kind = found[1].lower(), "/".join(parts[::2])
    supported = _SUPPORTED.get(namespace, {})
    # The last part may be an operation, such as `purge`.
    return namespace, next((part for part in _prefixes(kind) if part in supported), kind)


def _prefixes(kind: str) -> list[str]:
    parts = kind.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


def _unsupported(namespace: str, kind: str, version: str, known: tuple[str, ...], location: str | None) -> AzureError:
    if namespace == _RESOURCES:
        message = f"The api-version '{version}' is invalid. The supported versions are '{','.join(known)}'."
        return AzureError(400, "InvalidApiVersionParameter", message)
    shown = "/".join(_SPELLED.get(part, part) for part in kind.split("/"))
    if location is not None:
        message = (
            f"No registered resource provider found for location '{location}' and API version '{version}' for type "
            f"'{shown}'. The supported api-versions are '{', '.join(reversed(known))}'. The supported locations are "
            f"'{_LOCATIONS}'."
        )
        return AzureError(400, "NoRegisteredProviderFound", message)
    listed = f" The supported api-versions are '{','.join(reversed(known))}'." if known else ""
    message = (
        f"The resource type '{shown}' could not be found in the namespace '{_SPELLED[namespace]}' for api version "
        f"'{version}'.{listed}"
    )
    return AzureError(404, "InvalidResourceType", message)
