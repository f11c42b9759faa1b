# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing keys by transfer blob: what is really unwrapped, and at which step it fails (Azure contract §1.11)."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap, aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox import Profile, Sandbox
from sandbox.custody.public_keys import jwk_of_public, public_number
from support.azure_keys import NOW, Store

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP384R1())


def pkcs8(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class Blob:
    """What a client makes of a key and a key exchange key, step by step; each step can be spoilt."""

    kek: dict[str, str]
    plain: bytes = pkcs8(RSA_KEY)
    digest: type[hashes.HashAlgorithm] = hashes.SHA1
    padded: bool = True
    aes_bytes: int = 32
    flipped: bool = False
    schema: str = "1.0.0"
    enc: str = "CKM_RSA_AES_KEY_WRAP"
    kid: str | None = None

    def text(self) -> bytes:
        public = rsa.RSAPublicNumbers(public_number(self.kek["e"]), public_number(self.kek["n"])).public_key()
        aes = os.urandom(self.aes_bytes)
        outer = public.encrypt(aes, padding.OAEP(padding.MGF1(self.digest()), self.digest(), None))
        plain = self.plain if self.padded else self.plain + bytes(-len(self.plain) % 8)
        inner = (aes_key_wrap_with_padding if self.padded else aes_key_wrap)(aes, plain)
        if self.flipped:
            inner = inner[:-1] + bytes([inner[-1] ^ 1])
        header = {"kid": self.kid or self.kek["kid"], "alg": "dir", "enc": self.enc}
        blob = {"schema_version": self.schema, "header": header, "ciphertext": b64url(outer + inner), "generator": "t"}
        return json.dumps(blob).encode()

    def body(self, kty: str = "RSA-HSM", **jwk: Any) -> dict[str, Any]:
        return {"key": {"kty": kty, "key_ops": ["sign"], "key_hsm": b64url(self.text()), **jwk}, "tags": {"a": "b"}}


@pytest.fixture
def blob(vault: Store) -> Blob:
    made = vault.send("POST", "/keys/kek/create", {"kty": "RSA-HSM", "key_ops": ["import"]}).json
    return Blob(made["key"])


@pytest.mark.parametrize(("key", "kty", "named"), [(RSA_KEY, "RSA-HSM", {}), (EC_KEY, "EC-HSM", {"crv": "P-384"})])
def test_a_wrapped_key_arrives_with_its_public_numbers(
    vault: Store, blob: Blob, key: Any, kty: str, named: Any
) -> None:
    made = vault.send("PUT", "/keys/mine", replace(blob, plain=pkcs8(key)).body(kty, **named)).json

    public = jwk_of_public(key.public_key())
    assert {name: made["key"][name] for name in public} == public
    assert (made["key"]["kty"], made["key"]["key_ops"], made["tags"]) == (kty, ["sign"], {"a": "b"})
    assert made["attributes"]["hsmPlatform"] == "2"
    assert set(made["key"]) - public.keys() == {"kid", "kty", "key_ops"}


def test_a_pool_takes_symmetric_keys_too(hsm: Store) -> None:
    kek = hsm.send("POST", "/keys/kek/create", {"kty": "RSA-HSM", "key_ops": ["import"]}).json["key"]
    body = Blob(kek, plain=os.urandom(32)).body("oct-HSM", key_ops=["wrapKey"])

    made = hsm.send("PUT", "/keys/mine", body)

    assert (made.status, made.json["key"]["kty"]) == (200, "oct-HSM")
    assert hsm("/keys/mine", "2026-01-01-preview").json["attributes"]["key_size"] == 256


@pytest.mark.parametrize(
    ("spoilt", "kty", "jwk", "step"),
    [
        ({"digest": hashes.SHA256}, "RSA-HSM", {}, "RSA-OAEP (SHA-1)"),
        ({"aes_bytes": 16}, "RSA-HSM", {}, "256 bits"),
        ({"padded": False}, "RSA-HSM", {}, "AES-KWP"),
        ({"flipped": True}, "RSA-HSM", {}, "AES-KWP"),
        ({"plain": b"no key at all"}, "RSA-HSM", {}, "PKCS #8"),
        ({"schema": "2.0.0"}, "RSA-HSM", {}, "schema_version or header"),
        ({"enc": "A256GCM"}, "RSA-HSM", {}, "schema_version or header"),
        (
            {"kid": "https://other.vault.azure.net/keys/kek/0123456789abcdef0123456789abcdef"},
            "RSA-HSM",
            {},
            "header.kid",
        ),
        ({}, "RSA", {}, "key type of an HSM"),
        ({}, "EC-HSM", {"crv": "P-256"}, "type, size or curve"),
        ({"plain": pkcs8(EC_KEY)}, "EC-HSM", {}, "type, size or curve"),
        ({"plain": pkcs8(EC_KEY)}, "EC-HSM", {"crv": "P-256"}, "type, size or curve"),
        ({}, "RSA-HSM", {"key_hsm": "no base64!"}, "encoding"),
        ({}, "RSA-HSM", {"key_hsm": "AAAA"}, "JSON object"),
    ],
)
def test_each_mistake_fails_at_its_step_and_leaves_no_key(
    vault: Store, blob: Blob, spoilt: dict[str, Any], kty: str, jwk: dict[str, Any], step: str
) -> None:
    answer = vault.send("PUT", "/keys/mine", replace(blob, **spoilt).body(kty, **jwk))

    assert (answer.status, answer.json["error"]["code"]) == (400, "BadParameter")
    assert step in answer.json["error"]["message"]
    assert vault("/keys/mine").status == 404


@pytest.mark.parametrize("members", [{"enabled": False}, {"expires": 1}, {"private": None}])
def test_only_a_valid_exchange_key_receives_keys(vault: Store, blob: Blob, members: dict[str, Any]) -> None:
    vault.do("update_key", "kek", **members)

    answer = vault.send("PUT", "/keys/mine", blob.body())

    assert answer.status == 400
    assert "no enabled key exchange key" in answer.text


def test_a_rotated_exchange_key_receives_keys_too(vault: Store, blob: Blob) -> None:
    vault.allow("rotate", "import", "get")
    kek = vault.send("POST", "/keys/kek/rotate").json["key"]

    statuses = [vault.send("PUT", "/keys/mine", Blob(key).body()).status for key in (blob.kek, kek)]

    assert kek["n"] != blob.kek["n"]
    assert statuses == [200, 200]


def test_an_exchange_key_that_a_test_seeds_receives_keys_too(vault: Store) -> None:
    vault.do("add_key", "kek", "RSA-HSM", key_ops=["import"])

    assert vault.send("PUT", "/keys/mine", Blob(vault("/keys/kek", NOW).json["key"]).body()).status == 200


@pytest.mark.parametrize(
    ("setting", "statuses"), [("both", (200, 200)), ("base64url", (200, 400)), ("base64", (400, 200))]
)
def test_q64_in_which_encodings_a_blob_is_taken(
    sb: Sandbox, vault: Store, blob: Blob, setting: Any, statuses: tuple[int, int]
) -> None:
    sb.profile = Profile(key_hsm_form=setting)
    text = blob.text()
    text += b" " * ((1 - len(text)) % 3)
    forms = (b64url(text), base64.b64encode(text).decode())

    found = tuple(vault.send("PUT", "/keys/mine", blob.body(key_hsm=form)).status for form in forms)

    assert found == statuses
