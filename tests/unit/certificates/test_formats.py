# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option that takes a certificate takes it in every form: one reader, one tolerance."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.prerequisites.assessment import Question
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import credential_for
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates import formats, loading
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.options import LinkOptions
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.tls_options import TlsOptions
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.login import AppCertificate
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.transport import tls_context
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import azure_kv_app, azure_kv_prereqs_info
from support.certificate_forms import AUTHORITY, DER, PASSPHRASE, PLAIN, Form, issued
from unit.dsm.builders import CLIENT, TENANT

PAIR = issued("one")
SHA256 = hashlib.sha256(PAIR.certificate.public_bytes(DER)).hexdigest()
HAS_BOTH = [form for form in Form if form not in (Form.DER, Form.DER_KEY)]
# Of these a text in a task is made; the others are binary.
TEXTS = [form for form in Form if form not in (Form.DER, Form.DER_KEY, Form.PACKED, Form.PACKED_LOCKED)]


def passphrase_for(form: Form) -> str | None:
    return PASSPHRASE if form in (Form.LOCKED, Form.PACKED_LOCKED) else None


def of_the_link(source: str, passphrase: str | None) -> tuple[str, bool]:
    params = {"link_certificate": source, "link_private_key": None, "link_private_key_passphrase": passphrase}
    pair = LinkOptions.from_params(params).pair
    assert pair is not None
    return pair.certificate.sha256, pair.key.public_key == pair.certificate.public_key


def of_the_tls(source: str, passphrase: str | None) -> tuple[str, bool]:
    params = {"client_certificate": source, "client_key_passphrase": passphrase}
    pair = TlsOptions.from_params(params, "tls.").client
    assert pair is not None
    return pair.certificate.sha256, pair.key.public_key == pair.certificate.public_key


def of_the_operator(source: str, passphrase: str | None) -> tuple[str, bool]:
    params = {
        **azure_kv_prereqs_info.SPEC.defaults(),
        "tenant": TENANT,
        "client_id": CLIENT,
        "x509_certificate_path": source,
        "x509_certificate_password": passphrase,
    }
    held = credential_for(params, PUBLIC)._client_credential
    pem = held["private_key"]
    first = loading.load_certificates("held", pem if isinstance(pem, str) else pem.decode())[0]
    return first.sha256, True


def of_the_app_of_dsm(source: str, _passphrase: str | None) -> tuple[str, bool]:
    """What TLS presents is not shown by the library; tests over the wire see it."""
    tls_context(True, None, AppCertificate(source, None, None))
    return SHA256, True


PAIRS: dict[str, Callable[[str, str | None], tuple[str, bool]]] = {
    "link_certificate": of_the_link,
    "tls.client_certificate": of_the_tls,
    "x509_certificate_path": of_the_operator,
}


@pytest.mark.parametrize("form", HAS_BOTH, ids=str)
@pytest.mark.parametrize("option", PAIRS)
def test_a_pair_in_a_file_may_have_any_form(tmp_path: Path, option: str, form: Form) -> None:
    file = tmp_path / "given"
    file.write_bytes(form.of(PAIR))

    assert PAIRS[option](str(file), passphrase_for(form)) == (SHA256, True)


@pytest.mark.parametrize("form", TEXTS, ids=str)
@pytest.mark.parametrize("option", PAIRS)
def test_a_pair_in_a_text_may_have_any_form(option: str, form: Form) -> None:
    assert PAIRS[option](form.of(PAIR).decode(), passphrase_for(form)) == (SHA256, True)


def of_the_application(source: str) -> str:
    return azure_kv_app._certificate(source).sha256


def of_the_question(source: str) -> str:
    defaults = azure_kv_prereqs_info.SPEC.defaults()
    vault = {
        "name": "akv-one",
        "resource_id": None,
        "uri": None,
        "tags": None,
        "resource_group": None,
        "planned": False,
    }
    params = {**defaults, "app_certificate": source, "app_client_id": CLIENT, "vault": {**vault, "type": None}}
    found = Question.from_params({**params, "cloud_environment": None}, check_mode=False).certificate
    assert found is not None
    return found.sha256


CERTIFICATES: dict[str, Callable[[str], str]] = {
    "certificates": of_the_application,
    "app_certificate": of_the_question,
}


@pytest.mark.parametrize("form", [form for form in Form if form not in (Form.DER_KEY, Form.PACKED_LOCKED)], ids=str)
@pytest.mark.parametrize("option", CERTIFICATES)
def test_a_certificate_may_stand_alone_or_beside_its_key(tmp_path: Path, option: str, form: Form) -> None:
    file = tmp_path / "given"
    file.write_bytes(form.of(PAIR))

    assert CERTIFICATES[option](str(file)) == SHA256


@pytest.mark.parametrize("option", CERTIFICATES)
@pytest.mark.parametrize("order", [1, -1])
def test_of_a_chain_without_a_key_the_own_certificate_counts(option: str, order: int) -> None:
    chain = "".join((PAIR.certificate_pem, AUTHORITY.certificate_pem)[::order])

    assert CERTIFICATES[option](chain) == SHA256


PUBLIC_FORMS: dict[str, bytes] = {
    "PEM": PAIR.certificate_pem.encode(),
    "DER": PAIR.certificate.public_bytes(DER),
    "base64 of DER": base64.b64encode(PAIR.certificate.public_bytes(DER)),
    "base64 of PEM": base64.encodebytes(PAIR.certificate_pem.encode()),
    "line breaks written out": PAIR.certificate_pem.encode().replace(b"\n", b"\\r\\n"),
    "CRLF and BOM": b"\xef\xbb\xbf" + PAIR.certificate_pem.encode().replace(b"\n", b"\r\n"),
    "line breaks lost": PAIR.certificate_pem.encode().replace(b"\n", b" "),
    "indented": PAIR.certificate_pem.encode().replace(b"\n", b"\n    "),
    "words around": b"Bag Attributes\n  friendlyName: one\n" + PAIR.certificate_pem.encode(),
    "PKCS#12": pkcs12.serialize_key_and_certificates(None, None, None, [PAIR.certificate], PLAIN),
}


@pytest.mark.parametrize("form", PUBLIC_FORMS)
def test_an_authority_may_have_any_form(tmp_path: Path, form: str) -> None:
    file = tmp_path / "given"
    file.write_bytes(PUBLIC_FORMS[form])

    authorities = TlsOptions.from_params({"ca_certificates": [str(file)]}).authorities

    assert [one.sha256 for one in authorities or ()] == [SHA256]


@pytest.mark.parametrize("form", HAS_BOTH, ids=str)
def test_a_key_among_the_authorities_is_refused_in_any_form(tmp_path: Path, form: Form) -> None:
    file = tmp_path / "given"
    file.write_bytes(form.of(PAIR))

    with pytest.raises(InvalidInput, match=r"tls\.ca_certificates: it (contains a private key|is PKCS#12 that needs)"):
        TlsOptions.from_params({"ca_certificates": [str(file)]}, "tls.")


@pytest.mark.parametrize("form", [form for form in HAS_BOTH if passphrase_for(form) is None], ids=str)
def test_the_app_of_dsm_may_have_its_pair_in_any_form(tmp_path: Path, form: Form) -> None:
    file = tmp_path / "given"
    file.write_bytes(form.of(PAIR))

    assert of_the_app_of_dsm(str(file), None)


@pytest.mark.parametrize("form", [form for form in TEXTS if passphrase_for(form) is None], ids=str)
def test_the_app_of_dsm_may_have_its_pair_in_a_text(form: Form) -> None:
    assert of_the_app_of_dsm(form.of(PAIR).decode(), None)


# What cannot be read --------------------------------------------------------------------------------------------------


def read(option: str, source: str) -> object:
    if option in CERTIFICATES:
        return CERTIFICATES[option](source)
    return {**PAIRS, "dsm_client_cert": of_the_app_of_dsm}[option](source, None)


VAULTED = "$ANSIBLE_VAULT;1.1;AES256\n6162636465\n"


@pytest.mark.parametrize("as_file", [True, False])
@pytest.mark.parametrize("option", [*PAIRS, *CERTIFICATES, "dsm_client_cert"])
def test_what_ansible_vault_has_encrypted_is_named_with_the_way_to_open_it(
    tmp_path: Path, option: str, as_file: bool
) -> None:
    source = VAULTED
    if as_file:
        (tmp_path / "vaulted").write_text(VAULTED)
        source = str(tmp_path / "vaulted")

    with pytest.raises(InvalidInput, match=r"encrypted with Ansible Vault.*ansible\.builtin\.unvault"):
        read(option, source)


@pytest.mark.parametrize("option", PAIRS)
def test_an_empty_passphrase_is_none(option: str) -> None:
    assert PAIRS[option](Form.PEM.of(PAIR).decode(), "") == (SHA256, True)


@pytest.mark.parametrize("form", [Form.LOCKED, Form.PACKED_LOCKED], ids=str)
@pytest.mark.parametrize("passphrase", [None, "", "not it"])
@pytest.mark.parametrize("option", PAIRS)
def test_a_passphrase_that_is_missing_or_wrong_is_named(
    tmp_path: Path, option: str, passphrase: str | None, form: Form
) -> None:
    file = tmp_path / "given"
    file.write_bytes(form.of(PAIR))

    with pytest.raises(InvalidInput, match=r"(passphrase|password): it (is missing|cannot decrypt)"):
        PAIRS[option](str(file), passphrase)


@pytest.mark.parametrize("option", PAIRS)
def test_a_certificate_without_its_key_is_refused(option: str) -> None:
    with pytest.raises(InvalidInput, match="contains no private key"):
        PAIRS[option](PAIR.certificate_pem, None)


@pytest.mark.parametrize("option", PAIRS)
def test_a_damaged_certificate_in_a_chain_is_not_passed_over(option: str) -> None:
    damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

    with pytest.raises(InvalidInput, match="a certificate in it is damaged"):
        PAIRS[option](Form.PEM.of(PAIR).decode() + damaged, None)


@pytest.mark.parametrize("part", ["p", "q", "d", "dmp1", "dmq1", "iqmp"])
def test_a_private_key_whose_numbers_do_not_belong_together_is_damaged(part: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    content = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    number: int = getattr(key.private_numbers(), part)
    size = (number.bit_length() + 7) // 8
    damaged = content.replace(number.to_bytes(size, "big"), (number ^ 2).to_bytes(size, "big"))
    assert damaged != content

    with pytest.raises(InvalidInput, match="the private key in it is damaged"):
        load_key(base64.b64encode(damaged).decode())


@pytest.mark.parametrize("size", [2048, 3072])
def test_a_private_key_as_it_was_generated_is_read(size: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    assert load_key(text).private_numbers() == key.private_numbers()


def load_key(text: str) -> rsa.RSAPrivateKey:
    found = formats.key_in(formats.read("link_private_key", text), None, None)
    assert isinstance(found, rsa.RSAPrivateKey)
    return found


@pytest.mark.parametrize("path", ["/nowhere/app.pem", "./app.pem", "~/app.pem", __file__])
def test_a_path_is_quoted(path: str) -> None:
    assert loading.shown(path) == repr(path)


# A damaged key is not recognized as one, so that Ansible does not remove it from the output.
@pytest.mark.parametrize(
    "source", [f"MII{'k' * 90}!", "k" * 5000, "/first line\nsecond line", "an-api-key", PAIR.key_pem]
)
def test_nothing_else_is_quoted(source: str) -> None:
    assert loading.shown(source) in ("the text", "the value")


@pytest.mark.parametrize("form", [Form.LOCKED, Form.PACKED_LOCKED])
def test_a_passphrase_that_a_file_has_added_to_is_named(tmp_path: Path, form: Form) -> None:
    file = tmp_path / "pair"
    file.write_bytes(form.of(PAIR))

    with pytest.raises(InvalidInput) as refused:
        of_the_link(str(file), f"{PASSPHRASE}\n")

    assert refused.value.details["option"] == "link_private_key_passphrase"
    assert "it ends with a line break" in refused.value.next_step
    assert PASSPHRASE not in str(refused.value.to_fail_json())
