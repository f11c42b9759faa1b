# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What requests say of a key: its kind, operations, attributes, tags and public numbers, checked as Key Vault does.

Where the refusal's text is not public, the code is `BadParameter` and the text is made up (Azure contract §1.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from ...custody.public_keys import CURVES, public_number
from ..service import AzureError
from .values import EC_OPERATIONS, OCT_OPERATIONS, RSA_OPERATIONS, KeyVersion

_SIZES = (2048, 3072, 4096)
_OCT_SIZES = (128, 192, 256)
_OPERATIONS = {"RSA": RSA_OPERATIONS, "EC": EC_OPERATIONS, "oct": OCT_OPERATIONS}
_MOST_TAGS, _LONGEST_TAG = 15, 256
_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_NO_JWK = 'The property "key" must be a valid JsonWebKey object.'


def refused(message: str, inner: str | None = None) -> AzureError:
    return AzureError(400, "BadParameter", message, inner)


def key_type(kty: object, known: tuple[str, ...]) -> str:
    """A key type, which must be one of those known. Text and code: Azure/azure-sdk-for-net issue 13437."""
    if not isinstance(kty, str) or kty not in known:
        raise refused(f"Invalid kty value: {kty}", "KeyTypeNotSupported")
    return kty


def size_and_curve(body: Mapping[str, Any], kty: str) -> tuple[int, str]:
    """What a new key is asked to be. A member that does not go with the type is ignored."""
    kind = kty.removesuffix("-HSM")
    size, curve = body.get("key_size"), body.get("crv")
    if kind == "EC":
        if curve is not None and (not isinstance(curve, str) or curve not in CURVES):
            raise refused(f"Invalid crv value: {curve}", "CurveNotSupported")
        return 0, str(curve or "P-256")
    sizes = _OCT_SIZES if kind == "oct" else _SIZES
    if size is not None and (isinstance(size, bool) or size not in sizes):
        raise refused(f"Invalid key size: {size}", "KeySizeNotSupported")
    return int(size or (sizes[-1] if kind == "oct" else sizes[0])), ""


def operations(value: object, kty: str) -> list[str] | None:
    """The operations of a request; None where it names none. `import` goes with no other, and with RSA-HSM alone."""
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise refused("The property key_ops must be a list of operations.")
    if "import" in value:
        if len(set(value)) > 1 or kty != "RSA-HSM":
            raise refused("The key operation import cannot be combined with others, and needs a key of type RSA-HSM.")
        return ["import"]
    unknown = [name for name in value if name not in _OPERATIONS[kty.removesuffix("-HSM")]]
    if unknown:
        raise refused(f"The key operations {', '.join(unknown)} are not supported by keys of type {kty}.")
    return list(dict.fromkeys(value))


def attributes(value: object) -> dict[str, Any]:
    """Members of a key version. What is left out, or null, is not among them."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refused("The property attributes must be an object.")
    found: dict[str, Any] = {}
    for name, member, kind in (
        ("enabled", "enabled", bool),
        ("exp", "expires", int),
        ("nbf", "not_before", int),
        ("exportable", "exportable", bool),
    ):
        given = value.get(name)
        if given is None:
            continue
        if not isinstance(given, kind) or (kind is int and (isinstance(given, bool) or given < 0)):
            raise refused(f"The property attributes.{name} has an invalid value.")
        found[member] = given
    return found


def tags(value: object) -> dict[str, str] | None:
    """All tags of a version, or None where a request leaves them as they are."""
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise refused("The property tags must be an object whose values are text.")
    if len(value) > _MOST_TAGS:
        raise refused(f"The number of tags cannot exceed {_MOST_TAGS}.")
    if any(len(text) > _LONGEST_TAG for pair in value.items() for text in pair):
        raise refused(f"Names and values of tags cannot exceed {_LONGEST_TAG} characters.")
    return dict(value)


def members(body: Mapping[str, Any], kty: str, key_ops: object) -> dict[str, Any]:
    """All that a request may set on a version, by the names of its members."""
    found = attributes(body.get("attributes"))
    named, labels = operations(key_ops, kty), tags(body.get("tags"))
    if named is not None:
        found["key_ops"] = named
    if labels is not None:
        found["tags"] = labels
    policy = body.get("release_policy")
    if policy is not None:
        if not isinstance(policy, dict):
            raise refused("The property release_policy must be an object.")
        found["release_policy"] = dict(policy)
    return found


def check_change(version: KeyVersion, given: Mapping[str, Any]) -> None:
    """A key exchange key is one for good, and no other key becomes one (its operations are fixed)."""
    wanted = given.get("key_ops", version.key_ops)
    if (wanted == ["import"]) != (version.key_ops == ["import"]):
        raise refused("The key operation import can be neither added nor removed.")
    check_export(replace(version, **given))


def check_export(version: KeyVersion) -> None:
    """An exportable key needs a release policy and an HSM. Text: Azure/azure-cli issue 28288."""
    if version.release_policy is not None and not version.exportable:
        raise refused("AKV.SKR.1005: Non-exportable keys must not have release policy.")
    if version.exportable and (version.release_policy is None or not version.kty.endswith("-HSM")):
        raise refused("AKV.SKR.1004: Exportable keys must have release policy, and be protected by an HSM.")


def public_numbers(jwk: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The public members of an imported key. There must be a private half; nobody looks into it or keeps it."""
    try:
        found = {name: str(jwk[name]) for name in _PUBLIC[kind]}
        numbers = [public_number(found[name]) for name in _PUBLIC[kind] if name != "crv"]
        if not public_number(str(jwk["d"])):
            raise refused(_NO_JWK)
        if kind == "EC":
            x, y = numbers
            ec.EllipticCurvePublicNumbers(x, y, CURVES[found["crv"]]).public_key()
            return found
    except (KeyError, ValueError) as error:
        raise refused(_NO_JWK) from error
    size = numbers[0].bit_length()
    if size not in _SIZES:
        raise refused(f"Invalid key size: {size}", "KeySizeNotSupported")
    return found


def imported(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JWK of an import."""
    jwk = body.get("key")
    if not isinstance(jwk, dict):
        raise refused(_NO_JWK)
    return jwk
