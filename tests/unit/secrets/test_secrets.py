# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which arguments are secret, and that no form of them stays in a text that Ansible has censored."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible.module_utils.common.parameters import remove_values
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._secrets.secrets import (
    forms_of,
    holds_private_key,
    is_credential,
    secrets_in,
)
from sandbox.authorities import self_signed
from unit.builders import CANARY, MODULES, spec_of

PAIR = self_signed("canary", algorithm="rsa")
OTHER = self_signed("elliptic")
COMBINED = PAIR.certificate_pem + PAIR.key_pem
KEY = serialization.load_pem_private_key(PAIR.key_pem.encode(), None)
DER = serialization.Encoding.DER
PKCS8, PLAIN = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
LOCKED = serialization.BestAvailableEncryption(b"open sesame")


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def packed(encryption: Any) -> str:
    assert hasattr(KEY, "sign")
    return in_base64(pkcs12.serialize_key_and_certificates(b"one", KEY, PAIR.certificate, None, encryption))


PRIVATE = {
    "key": PAIR.key_pem,
    "elliptic key": OTHER.key_pem,
    "encrypted key": PAIR.encrypted_key_pem("open sesame"),
    "combined": COMBINED,
    "combined, key first": PAIR.key_pem + PAIR.certificate_pem,
    "line breaks written out": COMBINED.replace("\n", "\\n"),
    "CRLF": COMBINED.replace("\n", "\r\n"),
    "base64 of PEM": in_base64(COMBINED.encode()),
    "base64 of PEM in lines": base64.encodebytes(COMBINED.encode()).decode(),
    "base64 of a key": in_base64(KEY.private_bytes(DER, PKCS8, PLAIN)),
    "base64 of a traditional key": in_base64(
        KEY.private_bytes(DER, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN)
    ),
    "base64 of an encrypted key": in_base64(KEY.private_bytes(DER, PKCS8, LOCKED)),
    "PKCS#12": packed(PLAIN),
    "encrypted PKCS#12": packed(LOCKED),
}
PUBLIC = {
    "certificate": PAIR.certificate_pem,
    "base64 of a certificate": in_base64(PAIR.certificate.public_bytes(DER)),
    "base64 of its PEM": in_base64(PAIR.certificate_pem.encode()),
    "path": "/etc/pki/fortanix/production/certificates/application-with-a-long-name.pem",
    "long name": "a" * 80,
    "empty": "",
}


@pytest.mark.parametrize("form", PRIVATE)
def test_a_private_key_is_seen_in_each_form(form: str) -> None:
    assert holds_private_key(PRIVATE[form])


@pytest.mark.parametrize("form", PUBLIC)
def test_what_is_public_is_not_taken_for_a_key(form: str) -> None:
    assert not holds_private_key(PUBLIC[form])


def certificate_options() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Module and path of each option that takes a certificate or key as text."""
    for module in MODULES:
        for path in paths(spec_of(module).argument_spec):
            if path[-1].removesuffix("s").endswith(("certificate", "private_key", "client_key")):
                yield module, path


def paths(options: Mapping[str, Mapping[str, Any]], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, option in options.items():
        if option.get("options"):
            yield from paths(option["options"], (*above, name))
        else:
            yield (*above, name)


@pytest.mark.parametrize(("module", "path"), [*certificate_options()])
@pytest.mark.parametrize("as_list", [False, True])
def test_a_key_is_secret_in_every_certificate_option(module: str, path: tuple[str, ...], as_list: bool) -> None:
    value: Any = COMBINED
    for name in reversed(path):
        value = {name: [value] if as_list else value}

    assert COMBINED in set(secrets_in(spec_of(module).argument_spec, value))


@pytest.mark.parametrize("option", ["oidc_token_file_path", "x509_certificate_path"])
def test_a_token_is_secret_in_the_option_of_a_file(option: str) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhcHAifQ.c2lnbmF0dXJl"

    assert list(secrets_in(spec_of("azure_kv_access").argument_spec, {option: token})) == [token]


@pytest.mark.parametrize(
    "arguments",
    [
        {"tls": {"client_key_passphrase": CANARY}},
        {"tls": [{"client_key_passphrase": CANARY}]},
        {"tls": json.dumps({"client_key_passphrase": CANARY})},
        {"tls": f"client_key_passphrase={CANARY}"},
        {"dsm_password": CANARY, "tls": "no suboptions"},
        {"client_key_passphrase": CANARY},
        {"tls": {"passphrase": CANARY}},
        {"dsm_apikey": CANARY},
        {"link_secret": {"value": [CANARY]}},
    ],
    ids=["suboption", "in a list", "as JSON", "as text", "beside bad input", "misplaced", "misnamed", "top", "nested"],
)
def test_a_secret_is_known_however_it_was_given(arguments: dict[str, Any]) -> None:
    assert CANARY in set(secrets_in(spec_of("cdc_group").argument_spec, arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "a plain name", "link_certificate": "/etc/pki/app.pem"},
        {"custom_metadata": {"token-owner": "the platform team"}},
        {"_ansible_remote_secret": "something of Ansible"},
        {"vault": {"name": "akv-secret-store"}},
    ],
)
def test_what_is_not_secret_stays_readable(arguments: dict[str, Any]) -> None:
    assert list(secrets_in(spec_of("cdc_group").argument_spec, arguments)) == []


def shown(secret: str) -> dict[str, str]:
    """How messages, results and logs may repeat a secret."""
    return {
        "as it is": f"got {secret} here",
        "str of a dict": str({"a": {"b": secret}}),
        "str of a list": str([secret]),
        "JSON": json.dumps({"a": secret}),
        "JSON in a str": str([json.dumps({"a": secret})]),
        "one line": " ".join(secret.split("\n")),
        "without line breaks": "".join(secret.split("\n")),
        "indented": secret.replace("\n", "\n      "),
        "stripped": secret.strip(),
    }


@pytest.mark.parametrize("form", shown(""))
def test_no_line_of_a_key_stays_in_any_form(form: str) -> None:
    censored = str(remove_values(shown(COMBINED)[form], forms_of([COMBINED])))

    assert [line for line in PAIR.key_pem.splitlines()[1:-1] if line in censored] == []


def test_the_certificate_beside_a_key_is_not_censored_by_itself() -> None:
    assert remove_values(PAIR.certificate_pem, forms_of([COMBINED])) == PAIR.certificate_pem


@given(
    st.text(min_size=8).filter(lambda text: len(text.strip()) >= 8),
    st.sampled_from(["as it is", "str of a dict", "str of a list", "JSON", "JSON in a str"]),
)
def test_any_secret_is_found_in_its_escaped_forms(secret: str, form: str) -> None:
    assert remove_values(shown(secret)[form], forms_of([secret])) != shown(secret)[form]


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_a_blank_is_never_censored(secret: str) -> None:
    assert remove_values("two words", forms_of([secret])) == "two words"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("abc8Q~" + "d" * 34, True),
        ("value: abc7Q~" + "d" * 31, True),
        ("Bearer eyJ" + "h" * 20 + "." + "p" * 20, True),
        (in_base64(b"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0:" + b"s" * 40), True),
        ("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", False),
        ("akv-production", False),
        ("https://akv-production.vault.azure.net/", False),
        (in_base64(b"a text that is nothing but long, and no credential of anybody"), False),
    ],
)
def test_a_credential_in_an_option_that_is_not_secret_is_recognized(text: str, secret: bool) -> None:
    assert is_credential(text) is secret
    assert (list(secrets_in({"client_id": {}}, {"client_id": text})) == [text]) is secret


KEY_IN_BASE64 = in_base64(KEY.private_bytes(DER, PKCS8, PLAIN))


@pytest.mark.parametrize(
    "text",
    [KEY_IN_BASE64[:401], KEY_IN_BASE64[:402], KEY_IN_BASE64.replace("+", "-").replace("/", "_")],
    ids=["one_more", "two_more", "url_safe"],
)
def test_a_key_that_was_cut_or_is_in_the_other_alphabet_is_recognized(text: str) -> None:
    assert holds_private_key(text)


def test_the_password_in_an_address_is_kept_from_the_output() -> None:
    address = "https://somebody:hunter2@dsm.example.com"

    assert list(secrets_in({"dsm_endpoint": {}}, {"dsm_endpoint": address})) == ["somebody:hunter2@"]
    assert list(secrets_in({"dsm_endpoint": {}}, {"dsm_endpoint": "https://dsm.example.com/a@b"})) == []
