# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The parts of Azure's responses that this collection reads, and their types (Azure contract §1 and §3). Pure.

Everything else in a response is ignored. Parts that may be absent or null here are checked where they are read: most
of these responses are incomplete or stale ones of Azure itself. A part of another type never comes from Azure.
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..._rest.shapes import Shape, anything, boolean, either, list_of, map_of, members, number, optional, record, text
from ..._rest.statuses import OK
from ..._timestamps import from_unix, parse_iso


def _time(value: Any, place: str) -> Iterator[str]:
    yield from text(value, place)
    if isinstance(value, str):
        try:
            parse_iso(value)
        except ValueError:
            yield f"{place} is text but not a valid time"


def _seconds(value: Any, place: str) -> Iterator[str]:
    """A time in seconds since 1970."""
    try:
        from_unix(value)
    except ValueError:
        yield from number(value, place)
        if isinstance(value, int):
            yield f"{place} is a number but not a valid time"


def _base64(value: Any, place: str) -> Iterator[str]:
    yield from text(value, place)
    if isinstance(value, str):
        try:
            base64.b64decode(value)
        except (binascii.Error, ValueError):
            yield f"{place} is text but not base64"


def _key_id(*, of_version: bool) -> Shape:
    """The ID of a key, or of a version of one: an address below ``/keys``."""
    parts = 3 if of_version else 2

    def check(value: Any, place: str) -> Iterator[str]:
        yield from text(value, place)
        if isinstance(value, str):
            try:
                path = urllib.parse.urlsplit(value).path.strip("/").split("/")
            except ValueError:
                path = []
            if len(path) < parts or path[0] != "keys":
                yield f"{place} is text but not the ID of a key{' version' if of_version else ''}"

    return check


def _address(value: Any, place: str) -> Iterator[str]:
    yield from text(value, place)
    if isinstance(value, str):
        try:
            urllib.parse.urlsplit(value)
        except ValueError:
            yield f"{place} is text but not an address"


def _page(shape: Shape) -> Shape:
    """One page of a list. A missing ``value`` is rejected where it is read."""
    return members(
        {
            "value": optional(list_of(shape)),
            "nextLink": optional(_address),
            "@odata.nextLink": optional(_address),
        }
    )


_TEXT, _FLAG = optional(text), optional(boolean)
_TEXTS = optional(list_of(text))

# Resource Manager: vaults and managed HSMs (Azure contract §1.2, §1.6) ------------------------------------------------

_POLICY = record(
    tenantId=text,
    objectId=text,
    applicationId=_TEXT,
    permissions=optional(map_of(_TEXTS)),
)
_STORE = record(
    id=_TEXT,
    name=_TEXT,
    location=_TEXT,
    tags=optional(map_of(text)),
    sku=optional(record(name=_TEXT)),
    properties=optional(
        record(
            tenantId=_TEXT,
            vaultUri=_TEXT,
            hsmUri=_TEXT,
            sku=optional(record(name=_TEXT)),
            accessPolicies=optional(list_of(_POLICY)),
            enableRbacAuthorization=_FLAG,
            enableSoftDelete=_FLAG,
            enablePurgeProtection=_FLAG,
            softDeleteRetentionInDays=optional(number),
            provisioningState=_TEXT,
            statusMessage=_TEXT,
            publicNetworkAccess=_TEXT,
            networkAcls=optional(
                record(
                    bypass=_TEXT,
                    defaultAction=_TEXT,
                    ipRules=optional(list_of(record(value=text))),
                    virtualNetworkRules=optional(list_of(record(id=text))),
                )
            ),
            privateEndpointConnections=optional(list_of(anything)),
            securityDomainProperties=optional(record(activationStatus=_TEXT)),
        )
    ),
)
_LISTED_STORE = record(
    id=text,
    name=text,
    tags=optional(map_of(optional(text))),
    properties=optional(record(vaultUri=_TEXT, hsmUri=_TEXT)),
)
_DELETED_STORE = record(
    name=text,
    properties=record(
        vaultId=_TEXT,
        mhsmId=_TEXT,
        location=_TEXT,
        scheduledPurgeDate=_TEXT,
        purgeProtectionEnabled=_FLAG,
        tags=optional(map_of(optional(text))),
    ),
)

# Resource Manager: permissions and locks (Azure contract §1.7) --------------------------------------------------------

_PERMISSION = record(actions=_TEXTS, notActions=_TEXTS, dataActions=_TEXTS, notDataActions=_TEXTS)
_ASSIGNMENT = record(
    id=text,
    name=_TEXT,
    properties=record(
        scope=text,
        roleDefinitionId=text,
        principalId=text,
        principalType=_TEXT,
        condition=_TEXT,
        conditionVersion=_TEXT,
        description=_TEXT,
        createdOn=optional(_time),
        endDateTime=optional(_time),
    ),
)
_ACTIVATION = record(properties=record(originRoleAssignmentId=_TEXT, endDateTime=optional(_time)))
_DENY = record(
    id=text,
    properties=record(
        denyAssignmentName=_TEXT,
        scope=text,
        permissions=optional(list_of(_PERMISSION)),
        principals=optional(list_of(record(id=text))),
        excludePrincipals=optional(list_of(record(id=text))),
        doNotApplyToChildScopes=_FLAG,
        condition=_TEXT,
        denyAssignmentEffect=_TEXT,
    ),
)
_DEFINITION = record(
    id=text,
    properties=record(roleName=_TEXT, type=_TEXT, permissions=optional(list_of(_PERMISSION))),
)
_LOCK = record(id=_TEXT, name=_TEXT, properties=optional(record(level=_TEXT, notes=_TEXT)))

# Resource Manager: resources that use keys (Azure contract §1.10) -----------------------------------------------------

# Of a query. Properties of any type are searched for keys, so what is in them is not checked.
_ROWS = members(
    {
        "data": list_of(record(id=text, properties=optional(record()))),
        "totalRecords": optional(number),
        "resultTruncated": optional(either(text, boolean)),
        "$skipToken": _TEXT,
    }
)
_STORAGE_ACCOUNT = record(
    id=text,
    properties=record(
        encryption=optional(
            record(
                keyvaultproperties=optional(
                    record(
                        keyvaulturi=_TEXT,
                        keyname=_TEXT,
                        keyversion=_TEXT,
                        currentVersionedKeyIdentifier=_TEXT,
                        lastKeyRotationTimestamp=_TEXT,
                    )
                )
            )
        )
    ),
)
_KEY_OF_DISKS = record(keyUrl=text)
_DISK_ENCRYPTION_SET = record(
    id=text,
    properties=record(
        activeKey=optional(_KEY_OF_DISKS),
        previousKeys=optional(list_of(_KEY_OF_DISKS)),
        rotationToLatestKeyVersionEnabled=_FLAG,
        lastKeyRotationTimestamp=_TEXT,
        autoKeyRotationError=optional(record(code=_TEXT, message=_TEXT)),
    ),
)
_SQL_SERVER = record(id=text, properties=record(keyId=_TEXT))
_SQL_KEY = record(properties=record(uri=_TEXT, serverKeyName=_TEXT, autoRotationEnabled=_FLAG))

# Microsoft Graph (Azure contract §3) ----------------------------------------------------------------------------------

_CREDENTIAL = record(
    keyId=text,
    displayName=_TEXT,
    startDateTime=optional(_time),
    endDateTime=optional(_time),
    customKeyIdentifier=_TEXT,
    key=optional(_base64),
    usage=_TEXT,
)
# An application, its service principal, a user or a group.
_DIRECTORY_OBJECT = record(
    id=_TEXT,
    appId=_TEXT,
    displayName=_TEXT,
    uniqueName=_TEXT,
    createdDateTime=optional(_time),
    deletedDateTime=_TEXT,
    tags=_TEXTS,
    accountEnabled=_FLAG,
    isDisabled=_FLAG,
    disabledByMicrosoftStatus=_TEXT,
    appOwnerOrganizationId=_TEXT,
    keyCredentials=optional(list_of(_CREDENTIAL)),
    passwordCredentials=optional(list_of(_CREDENTIAL)),
    requiredResourceAccess=optional(
        list_of(record(resourceAppId=text, resourceAccess=optional(list_of(record(id=_TEXT, type=_TEXT)))))
    ),
    oauth2PermissionScopes=optional(list_of(record(id=_TEXT, value=_TEXT, isEnabled=_FLAG))),
)
_CONSENT = record(id=_TEXT, consentType=_TEXT, resourceId=_TEXT, scope=_TEXT)
_MEMBERSHIP = members({"id": text, "@odata.type": _TEXT})
_RESTRICTIONS = optional(
    list_of(
        record(
            restrictionType=_TEXT,
            state=_TEXT,
            maxLifetime=_TEXT,
            restrictForAppsCreatedAfterDateTime=optional(_time),
        )
    )
)
_RESTRICTED = optional(record(passwordCredentials=_RESTRICTIONS, keyCredentials=_RESTRICTIONS))

# Keys (Azure contract §1.9) -------------------------------------------------------------------------------------------

_KEY_ATTRIBUTES = optional(
    record(
        enabled=_FLAG,
        created=optional(_seconds),
        updated=optional(_seconds),
        nbf=optional(_seconds),
        exp=optional(_seconds),
        recoveryLevel=_TEXT,
        hsmPlatform=optional(either(text, number)),
        exportable=_FLAG,
    )
)
_KEY_TAGS = optional(map_of(text))
# azure-keyvault-keys leaves out what it cannot read. Therefore the responses that it receives are checked.
KEYS = _page(record(kid=_key_id(of_version=False), managed=_FLAG, attributes=_KEY_ATTRIBUTES, tags=_KEY_TAGS))
KEY_VERSIONS = _page(record(kid=_key_id(of_version=True), attributes=_KEY_ATTRIBUTES, tags=_KEY_TAGS))
DELETED_KEYS = _page(
    record(
        kid=_key_id(of_version=False),
        managed=_FLAG,
        attributes=_KEY_ATTRIBUTES,
        deletedDate=optional(_seconds),
        scheduledPurgeDate=optional(_seconds),
    )
)
_ARM_KEY = record(name=text, tags=_KEY_TAGS, properties=record(keyUri=_TEXT, attributes=_KEY_ATTRIBUTES))
_PUBLIC_KEY = record(
    kid=_key_id(of_version=True), kty=text, crv=_TEXT, key_ops=_TEXTS, n=_TEXT, e=_TEXT, x=_TEXT, y=_TEXT
)


def _of_deleted(_value: Any, place: str) -> Iterator[str]:
    yield f"{place} is that of a deleted key"


# A mixed-up response about the deleted key of this name has the same members, and these.
KEY_BUNDLE = record(
    key=_PUBLIC_KEY,
    managed=_FLAG,
    attributes=_KEY_ATTRIBUTES,
    tags=_KEY_TAGS,
    deletedDate=optional(_of_deleted),
    scheduledPurgeDate=optional(_of_deleted),
)
DELETED_KEY = record(
    key=_PUBLIC_KEY,
    managed=_FLAG,
    attributes=_KEY_ATTRIBUTES,
    deletedDate=optional(_seconds),
    scheduledPurgeDate=optional(_seconds),
)
ROTATION_POLICY = record(lifetimeActions=optional(list_of(record(action=optional(record(type=_TEXT))))))

# The local roles of a Managed HSM (Azure contract §1.8) ---------------------------------------------------------------

# azure-keyvault-administration treats a missing list as empty and converts numbers into text. Therefore the responses
# that it receives are checked, not what it returns.
LOCAL_ASSIGNMENTS = members(
    {
        "value": list_of(
            record(name=text, properties=record(scope=text, roleDefinitionId=text, principalId=text)),
        ),
        "nextLink": optional(_address),
    }
)
LOCAL_ROLES = members(
    {
        "value": list_of(
            record(
                id=text,
                properties=record(roleName=_TEXT, type=_TEXT, permissions=optional(list_of(_PERMISSION))),
            )
        ),
        "nextLink": optional(_address),
    }
)

_SUBSCRIPTION = r"/subscriptions/[^/]+"
_KEY_VAULT = r"/providers/Microsoft\.KeyVault"
_ARM_STORE = rf"{_SUBSCRIPTION}/resourceGroups/[^/]+{_KEY_VAULT}/(?:vaults|managedHSMs)/[^/]+"
_AUTHORIZATION = r".*/providers/Microsoft\.Authorization"
_GRAPH = r"(?:/v1\.0)?"
_OBJECT = rf"{_GRAPH}/(?:applications|servicePrincipals|users|groups)(?:/[^/()]+|\([^/]+\))"
BATCH = re.compile(r"/v1\.0/\$batch")

# Path of a request -> the shape of its response; the first match counts.
_READS: tuple[tuple[re.Pattern[str], Shape], ...] = tuple(
    (re.compile(path, re.IGNORECASE), shape)
    for path, shape in (
        (rf"{_SUBSCRIPTION}{_KEY_VAULT}", record(registrationState=_TEXT)),
        (rf"{_SUBSCRIPTION}{_KEY_VAULT}/check(?:Mhsm)?NameAvailability", record(message=_TEXT, reason=_TEXT)),
        (rf"{_SUBSCRIPTION}{_KEY_VAULT}/(?:vaults|managedHSMs)", _page(_LISTED_STORE)),
        (rf"{_SUBSCRIPTION}{_KEY_VAULT}/deleted(?:Vaults|ManagedHSMs)", _page(_DELETED_STORE)),
        (_ARM_STORE, _STORE),
        (rf"{_ARM_STORE}/keys", _page(_ARM_KEY)),
        (rf"{_ARM_STORE}/keys/[^/]+/versions", _page(_ARM_KEY)),
        (rf"{_AUTHORIZATION}/roleAssignments", _page(_ASSIGNMENT)),
        (rf"{_AUTHORIZATION}/roleEligibilityScheduleInstances", _page(_ASSIGNMENT)),
        (rf"{_AUTHORIZATION}/roleAssignmentScheduleInstances", _page(_ACTIVATION)),
        (rf"{_AUTHORIZATION}/denyAssignments", _page(_DENY)),
        # Without a GUID, Azure returns the list.
        (rf"{_AUTHORIZATION}/roleDefinitions/[^/]*", _DEFINITION),
        (rf"{_AUTHORIZATION}/permissions", _page(_PERMISSION)),
        (rf"{_AUTHORIZATION}/locks", _page(_LOCK)),
        (r"/providers/Microsoft\.ResourceGraph/resources", _ROWS),
        (rf"{_SUBSCRIPTION}/providers/Microsoft\.Storage/storageAccounts", _page(_STORAGE_ACCOUNT)),
        (rf"{_SUBSCRIPTION}/providers/Microsoft\.Compute/diskEncryptionSets", _page(_DISK_ENCRYPTION_SET)),
        (rf"{_SUBSCRIPTION}/providers/Microsoft\.Sql/(?:servers|managedInstances)", _page(_SQL_SERVER)),
        (r".*/providers/Microsoft\.Sql/[^/]+/[^/]+/keys", _page(_SQL_KEY)),
        (r".*/providers/Microsoft\.Sql/[^/]+/[^/]+/encryptionProtector/current", _SQL_KEY),
        (_OBJECT, _DIRECTORY_OBJECT),
        (rf"{_GRAPH}/applications", _page(_DIRECTORY_OBJECT)),
        (rf"{_GRAPH}/directory/deletedItems/microsoft\.graph\.[^/]+", _page(_DIRECTORY_OBJECT)),
        (rf"{_OBJECT}/transitiveMemberOf", _page(_MEMBERSHIP)),
        (rf"{_OBJECT}/oauth2PermissionGrants", _page(_CONSENT)),
        (
            rf"{_OBJECT}/appManagementPolicies",
            _page(record(isEnabled=_FLAG, restrictions=_RESTRICTED)),
        ),
        (
            rf"{_GRAPH}/policies/defaultAppManagementPolicy",
            record(isEnabled=_FLAG, applicationRestrictions=_RESTRICTED),
        ),
    )
)
# Path of a write -> the shape of its response, if that is read. It may be empty.
_WRITES: tuple[tuple[re.Pattern[str], Shape], ...] = tuple(
    (re.compile(path), shape)
    for path, shape in (
        (rf"{_GRAPH}/applications(?:\([^/]+\))?", record(appId=_TEXT)),
        # The only response with the value of a secret. Without value or ID, the secret is lost: see add_secret.
        (
            rf"{_OBJECT}/addPassword",
            record(displayName=_TEXT, startDateTime=optional(_time), endDateTime=optional(_time)),
        ),
    )
)
# Of a batch, without the bodies of its parts.
_PARTS = record(responses=optional(list_of(record(id=either(text, number), status=number))))


def complaint_about(
    path: str, answer: Any, parts: Iterable[Mapping[str, Any]] | None = None, *, writes: bool = False
) -> str | None:
    """The first thing that is wrong with a response; None if it is correct.

    Args:
        path: Of the request, without query.
        answer: Decoded.
        parts: The requests of a batch, with ``id`` and ``url``; None for another request.
        writes: Whether the request is a write.
    """
    if parts is None:
        return next(_shape_of(path, _WRITES if writes else _READS)(answer, "the response"), None)
    return next(_complaints_about_parts(answer, parts), None)


def _complaints_about_parts(answer: Any, parts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield from _PARTS(answer, "the response")
    # From here on, the types of the parts are correct: the first complaint ends the check.
    paths = {str(part["id"]): str(part["url"]).partition("?")[0] for part in parts}
    for index, part in enumerate(answer.get("responses") or []):
        name = str(part["id"])
        # A part without a body, or a rejected one, is handled where it is read.
        if part["status"] == OK and name in paths:
            place = f"the response.responses[{index}] ({name}).body"
            yield from optional(record())(part.get("body"), place)
            yield from optional(_shape_of(paths[name], _READS))(part.get("body"), place)


def _shape_of(path: str, table: Iterable[tuple[re.Pattern[str], Shape]]) -> Shape:
    return next((shape for pattern, shape in table if pattern.fullmatch(path)), anything)
