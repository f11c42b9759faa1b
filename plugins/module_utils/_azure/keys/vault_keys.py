# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads the keys of a vault or a Managed HSM that the operator can list; never their material (Azure contract §1.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ..._certificates.public_keys import sha256_of_ec, sha256_of_rsa
from ..._names import name_key, same_name
from ..._rest.statuses import BAD_REQUEST, FORBIDDEN, NOT_FOUND
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.sdk_failures import unreadable
from ..wire.shapes import DELETED_KEY, DELETED_KEYS, KEY_BUNDLE, KEY_VERSIONS, KEYS, ROTATION_POLICY
from .key_records import DeletedKey, KeyAttributes, KeyVersion, PublicKey, VaultKey

_ROTATE = "rotate"


def list_keys(vault: Channel, label: str) -> tuple[VaultKey, ...]:
    """All keys by name, without versions. One request for each 25 keys.

    Raises:
        AzureError: the operator has no permission to list them, or the vault does not answer.
    """
    listed = vault.listed(vault.sdk.list_properties_of_keys, KEYS, obj=f"keys of {label}")
    return tuple(sorted(map(_key, listed), key=lambda key: key.name))


def list_deleted(vault: Channel, label: str) -> tuple[DeletedKey, ...]:
    """All soft-deleted keys by name. One request for each 25 keys.

    Raises:
        AzureError: as :func:`list_keys`. In a Managed HSM, another role may be needed than for its keys.
    """
    listed = vault.listed(vault.sdk.list_deleted_keys, DELETED_KEYS, obj=f"deleted keys of {label}")
    return tuple(sorted(map(_deleted, listed), key=lambda key: key.name))


def read_key(vault: Channel, name: str, label: str) -> VaultKey | None:
    """The key with its current version and the public half of that; None if there is none. One request.

    Raises:
        AzureError: the operator has no permission to read it, or the vault does not answer.
    """
    found = _if_found(partial(_bundle, vault, name, None, f"key {name} of {label}"))
    if found is None:
        return None
    version = KeyVersion(name_key(found.properties.version), _attributes(found.properties), _public_half(found))
    return VaultKey(
        name=str(found.name),
        uri=str(found.id).rpartition("/")[0],
        managed=found.properties.managed is True,
        listed=version.attributes,
        versions=(version,),
    )


def read_deleted(vault: Channel, name: str, label: str) -> DeletedKey | None:
    """The soft-deleted key of this name; None if there is none. One request.

    Raises:
        AzureError: as :func:`read_key`. In a Managed HSM, another role may be needed than for its keys.
    """
    read = partial(vault.sdk.get_deleted_key, name)
    found = _if_found(partial(vault.one, read, DELETED_KEY, obj=f"deleted key {name} of {label}"))
    if found is None:
        return None
    if not same_name(found.name, name):
        raise unreadable("the response is about another key", plane=vault.plane, obj=f"deleted key {name} of {label}")
    version = KeyVersion(name_key(found.properties.version), _attributes(found.properties), _public_half(found))
    return replace(_deleted(found), version=version)


def with_versions(vault: Channel, key: VaultKey, label: str) -> VaultKey:
    """The key with its versions; None of them if the vault returns none. One request for each 25 versions.

    Raises:
        AzureError: as :func:`list_keys`, or the response contains versions of another key.
    """
    read, obj = partial(vault.sdk.list_properties_of_key_versions, key.name), f"key {key.name} of {label}"
    listed = _if_found(partial(vault.listed, read, KEY_VERSIONS, obj=obj)) or ()
    if not all(same_name(one.name, key.name) for one in listed):
        raise unreadable("the response contains versions of another key", plane=vault.plane, obj=obj)
    return key.with_versions((one.version, _attributes(one)) for one in listed)


def with_public_keys(vault: Channel, key: VaultKey, label: str) -> VaultKey:
    """The key with the public half of each of its versions. One request for each version.

    The public half of a version that the operator cannot read stays None.

    Raises:
        AzureError: the vault does not answer.
    """
    obj = f"key {key.name} of {label}"
    versions = tuple(
        replace(version, public=_optional(partial(_public_key, vault, key.name, version.id, obj)))
        for version in key.versions or ()
    )
    return replace(key, versions=versions)


def with_rotation_policy(vault: Channel, key: VaultKey, label: str) -> VaultKey:
    """The key, and whether Azure rotates it. One request.

    The operator may have no permission to read it: none of the guide's ten permissions includes it. For a Managed HSM,
    sources differ on whether it exists (DSM contract §7, Q63).

    Raises:
        AzureError: the vault does not answer.
    """

    def read() -> bool:
        policy = vault.one(
            partial(vault.sdk.get_key_rotation_policy, key.name),
            ROTATION_POLICY,
            obj=f"rotation policy of key {key.name} of {label}",
        )
        actions = (str(getattr(one.action, "value", one.action)) for one in policy.lifetime_actions or ())
        return any(name_key(action) == _ROTATE for action in actions)

    return replace(key, azure_rotates=_optional(read))


def _optional(read: Callable[[], Any]) -> Any:
    """What was read; None if the vault refuses or does not know it."""
    try:
        return read()
    except AzureError as error:
        if error.status in (BAD_REQUEST, FORBIDDEN, NOT_FOUND):
            return None
        raise


def _if_found(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except AzureError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def _public_key(vault: Channel, name: str, version: str, obj: str) -> PublicKey:
    return _public_half(_bundle(vault, name, version, obj))


def _bundle(vault: Channel, name: str, version: str | None, obj: str) -> Any:
    """``version``: None for the current one."""
    found = vault.one(partial(vault.sdk.get_key, name, version), KEY_BUNDLE, obj=obj)
    if not same_name(found.name, name):
        raise unreadable("the response is about another key", plane=vault.plane, obj=obj)
    if version is not None and not same_name(found.properties.version, version):
        raise unreadable("the response is about another version", plane=vault.plane, obj=obj)
    return found


def _public_half(found: Any) -> PublicKey:
    jwk, kind = found.key, _text(found.key.kty)
    modulus, exponent, x, y = (_number(getattr(jwk, member)) for member in ("n", "e", "x", "y"))
    curve = _text(jwk.crv) or None
    digest = None
    if modulus is not None and exponent is not None:
        digest = sha256_of_rsa(modulus, exponent)
    elif curve is not None and x is not None and y is not None:
        digest = sha256_of_ec(curve, x, y)
    return PublicKey(
        type=kind,
        size=None if modulus is None else modulus.bit_length(),
        curve=curve,
        operations=tuple(map(_text, jwk.key_ops or ())),
        sha256=digest,
    )


def _number(octets: bytes | None) -> int | None:
    return int.from_bytes(octets, "big") if octets else None


def _text(value: Any) -> str:
    """The SDK returns members of its enumerations for values that it knows, and text for others."""
    return "" if value is None else str(getattr(value, "value", value))


def _key(listed: Any) -> VaultKey:
    return VaultKey(
        name=str(listed.name), uri=str(listed.id), managed=listed.managed is True, listed=_attributes(listed)
    )


def _deleted(listed: Any) -> DeletedKey:
    return DeletedKey(
        name=str(listed.name),
        deleted=listed.deleted_date,
        purge_due=listed.scheduled_purge_date,
        attributes=_attributes(listed.properties),
        managed=listed.properties.managed is True,
    )


def _attributes(listed: Any) -> KeyAttributes:
    return KeyAttributes(
        enabled=listed.enabled is not False,
        created=listed.created_on,
        updated=listed.updated_on,
        not_before=listed.not_before,
        expires=listed.expires_on,
        recovery_level=_text(listed.recovery_level) or None,
        hsm_platform=None if listed.hsm_platform is None else str(listed.hsm_platform),
        exportable=listed.exportable,
        tags={str(name): str(value) for name, value in (listed.tags or {}).items()},
    )
