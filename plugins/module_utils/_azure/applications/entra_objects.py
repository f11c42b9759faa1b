# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Credentials of a registration and of its service principal, as Microsoft Graph returns them.

Both objects have their own credentials, and Entra accepts either, so reading one of them proves nothing. Graph returns
`key` of a certificate only if `keyCredentials` is selected on a single object. `isDisabled` is unknown to the Graph of
some clouds, which refuses to select unknown members (Azure contract §3). So each object is read twice in the same
batch: without a selection, and with `keyCredentials` selected.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from ..._names import name_key
from ..._rest.replacement import check_id, list_in
from ..._timestamps import parse_iso
from ..rights.facts import PRINCIPAL, REGISTRATION, EntraCredential

KEYS = "$select=id,keyCredentials"
_SECRETS, _CERTIFICATES = "passwordCredentials", "keyCredentials"
_KINDS = (("secret", _SECRETS), ("certificate", _CERTIFICATES))


def with_keys(body: Mapping[str, Any], keys: Mapping[str, Any] | None, obj: str) -> Mapping[str, Any]:
    """The object with the certificates of the second answer, which has their public parts; unchanged without one.

    Raises:
        Incomplete: the second answer is about another object, or has no list of certificates.
    """
    if keys is None:
        return body
    check_id(keys, str(body.get("id") or ""), plane="Entra", obj=obj)
    return {**body, _CERTIFICATES: list_in(keys, _CERTIFICATES, plane="Entra", obj=obj)}


def credentials_of(body: Mapping[str, Any], obj: str, place: str = REGISTRATION) -> tuple[EntraCredential, ...]:
    """Secrets and certificates for sign-in, without those of SAML sign-on.

    Raises:
        Incomplete: one of the lists is missing or null, which does not mean that there are none.
    """
    return tuple(one for one, signs in _listed(body, obj, place) if not signs)


def signing_of(body: Mapping[str, Any], obj: str, place: str = PRINCIPAL) -> tuple[EntraCredential, ...]:
    """The credentials of SAML sign-on: signing keys, their public parts and passwords. Others depend on them.

    Raises:
        Incomplete: as :func:`credentials_of`.
    """
    return tuple(one for one, signs in _listed(body, obj, place) if signs)


def _listed(body: Mapping[str, Any], obj: str, place: str) -> Iterable[tuple[EntraCredential, bool]]:
    """Each credential, and whether it belongs to SAML sign-on."""
    listed = {member: list_in(body, member, plane="Entra", obj=obj) for _kind, member in _KINDS}
    signing = [entry for entry in listed[_CERTIFICATES] if str(entry.get("usage") or "").lower() == "sign"]
    ids = {name_key(entry.get("keyId")) for entry in signing}
    # The public part and the password have the identifier of the signing key.
    identifiers = {entry["customKeyIdentifier"] for entry in signing if entry.get("customKeyIdentifier")}
    return [
        (
            credential_of(kind, entry, place),
            name_key(entry.get("keyId")) in ids or entry.get("customKeyIdentifier") in identifiers,
        )
        for kind, member in _KINDS
        for entry in listed[member]
    ]


def credential_of(kind: str, entry: Mapping[str, Any], place: str = REGISTRATION) -> EntraCredential:
    return EntraCredential(
        kind=kind,
        key_id=name_key(entry["keyId"]),
        name=str(entry.get("displayName") or ""),
        starts=parse_iso(entry.get("startDateTime")),
        ends=parse_iso(entry.get("endDateTime")),
        thumbprint=_thumbprint(entry) if kind == "certificate" else None,
        sha256=hashlib.sha256(base64.b64decode(entry["key"])).hexdigest() if entry.get("key") else None,
        encoded=entry.get("key") or None,
        place=place,
    )


def _thumbprint(entry: Mapping[str, Any]) -> str | None:
    """SHA-1 in upper-case hex. Graph writes hex or base64 of the twenty bytes; other clients write anything."""
    if entry.get("key"):
        return hashlib.sha1(base64.b64decode(entry["key"]), usedforsecurity=False).hexdigest().upper()
    text = str(entry.get("customKeyIdentifier") or "")
    if len(text) == 40 and all(character in "0123456789abcdefABCDEF" for character in text):
        return text.upper()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex().upper() if len(raw) == 20 else None
