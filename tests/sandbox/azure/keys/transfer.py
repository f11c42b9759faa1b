# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key transfer blobs: a key wrapped for a key exchange key of the same store, which is really unwrapped here.

Source: learn.microsoft.com, "Bring your own key specification". The words of the refusals are not public; these name
the step that failed, since each mistake of a client fails at another one.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding
from cryptography.hazmat.primitives.serialization import load_der_private_key

from ...custody.public_keys import jwk_of_public
from .bodies import refused
from .values import KeyVersion

_HEADER = {"alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP"}
_FORMS = {
    "base64url": re.compile(r"[0-9A-Za-z_-]+"),
    "base64": re.compile(r"(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?"),
}


def received(
    text: object, form: str, kty: str, crv: object, kek_of: Callable[[str], KeyVersion | None]
) -> Mapping[str, Any]:
    """The public members of the wrapped key and, for a symmetric one, its `size`.

    `form`: the encodings of the blob that are taken; `kek_of` finds a key exchange key by its id.
    """
    if not kty.endswith("-HSM"):
        raise refused("A key transfer blob needs a key type of an HSM.")
    blob = _blob(text, form)
    kek = kek_of(str(blob["header"].get("kid")))
    if kek is None or kek.private is None or not kek.enabled:
        raise refused("Key transfer blob: header.kid names no enabled key exchange key of this store.")
    plain = _unwrapped(blob["ciphertext"], kek.private)
    return _public(plain, kty, crv)


def _blob(text: object, form: str) -> dict[str, Any]:
    forms = tuple(_FORMS) if form == "both" else (form,)
    if not isinstance(text, str) or not any(_FORMS[name].fullmatch(text) for name in forms):
        raise refused("Key transfer blob: the encoding of key_hsm is not valid.")
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
        blob = json.loads(raw)
        header, ciphertext = dict(blob["header"]), str(blob["ciphertext"])
    except (ValueError, KeyError, TypeError) as error:
        raise refused("Key transfer blob: key_hsm holds no JSON object with header and ciphertext.") from error
    if blob.get("schema_version") != "1.0.0" or not _HEADER.items() <= header.items():
        raise refused("Key transfer blob: schema_version or header is not supported.")
    return {"header": header, "ciphertext": ciphertext}


def _unwrapped(ciphertext: str, private: bytes) -> bytes:
    kek = load_der_private_key(private, None)
    assert isinstance(kek, rsa.RSAPrivateKey)
    width = kek.key_size // 8
    try:
        raw = base64.urlsafe_b64decode(ciphertext + "=" * (-len(ciphertext) % 4))
    except ValueError as error:
        raise refused("Key transfer blob: ciphertext is no Base64url.") from error
    try:
        oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        inner = kek.decrypt(raw[:width], oaep)
    except ValueError as error:
        raise refused("Key transfer blob: the AES key cannot be decrypted with RSA-OAEP (SHA-1).") from error
    if len(inner) != 32:
        raise refused("Key transfer blob: the AES key has not 256 bits.")
    try:
        return aes_key_unwrap_with_padding(inner, raw[width:])
    except (InvalidUnwrap, InvalidKey, ValueError) as error:
        raise refused("Key transfer blob: the target key cannot be unwrapped with AES-KWP.") from error


def _public(plain: bytes, kty: str, crv: object) -> Mapping[str, Any]:
    if kty == "oct-HSM":
        if len(plain) * 8 not in (128, 192, 256):
            raise refused("Key transfer blob: the target key is no AES key.")
        return {"size": len(plain) * 8}
    try:
        found = load_der_private_key(plain, None)
    except ValueError as error:
        raise refused("Key transfer blob: the target key is not in PKCS #8.") from error
    public = found.public_key()
    if isinstance(public, rsa.RSAPublicKey) and kty == "RSA-HSM" and public.key_size in (2048, 3072, 4096):
        return jwk_of_public(public)
    if isinstance(public, ec.EllipticCurvePublicKey) and kty == "EC-HSM":
        jwk = jwk_of_public(public)
        if jwk["crv"] == crv:
            return jwk
    raise refused("Key transfer blob: the target key has not the type, size or curve that the request names.")
