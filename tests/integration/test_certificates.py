# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.3: the credential by certificate, and every file that is not one."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_connection,
    cdc_group,
    cdc_vault_select,
)
from sandbox import Profile, Sandbox
from sandbox.authorities import Pair, self_signed
from support.operate import Operator
from support.playbook import Ansible

PASSPHRASE = "open sesame"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return self_signed("fortanix-dsm-cdc", algorithm="rsa")


@pytest.fixture
def ids(sandbox: Sandbox, link: Mapping[str, str], pair: Pair) -> dict[str, str]:
    """The link without a credential; the certificate is registered at its application."""
    sandbox.do(lambda state: state.azure.public.add_certificate(link["link_client_id"], pair.certificate))
    return {key: value for key, value in link.items() if key != "link_client_secret"}


def forms(pair: Pair, directory: Path) -> dict[str, dict[str, str]]:
    """The same pair in each form in which a user may have it."""
    der = pair.certificate.public_bytes(serialization.Encoding.DER)
    key = serialization.load_pem_private_key(pair.key_pem.encode(), None)
    key_der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    traditional = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    files = {
        "app.pem": pair.certificate_pem.encode(),
        "app.cer": der,
        "app.crt": pair.certificate_pem.replace("\n", "\r\n").encode(),
        "both.pem": pair.key_pem.encode() + pair.certificate_pem.encode(),
        "app.key": pair.key_pem.encode(),
        "traditional.key": traditional,
        "app.der": key_der,
        "encrypted.key": pair.encrypted_key_pem(PASSPHRASE).encode(),
    }
    for name, content in files.items():
        (directory / name).write_bytes(content)

    def at(certificate: str, key: str) -> dict[str, str]:
        return {"link_certificate": str(directory / certificate), "link_private_key": str(directory / key)}

    return {
        "pem": at("app.pem", "app.key"),
        "cer in DER": at("app.cer", "app.der"),
        "crt with CRLF": at("app.crt", "traditional.key"),
        "one file": at("both.pem", "both.pem"),
        "content": {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem},
        "base64 of DER": {
            "link_certificate": base64.b64encode(der).decode(),
            "link_private_key": base64.b64encode(key_der).decode(),
        },
        "encrypted": {**at("app.pem", "encrypted.key"), "link_private_key_passphrase": PASSPHRASE},
    }


@pytest.mark.parametrize(
    "form", ["pem", "cer in DER", "crt with CRLF", "one file", "content", "base64 of DER", "encrypted"]
)
def test_a_certificate_connects_in_every_form(
    operate: Operator, name: str, ids: dict[str, str], pair: Pair, tmp_path: Path, form: str
) -> None:
    given = forms(pair, tmp_path)[form]
    made = operate(cdc_group, name=name, **ids, **given, vault={"name": "akv-sandbox-prem"})
    assert made["group"]["link"]["auth_mode"] == "certificate"
    assert made["group"]["link"]["credential_expires"] == f"{pair.certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    assert operate(cdc_connection, group_name=name)["connected"]
    assert not operate(cdc_group, name=name, **ids, **given)["changed"]


def test_a_playbook_sets_up_and_converges_with_a_certificate(
    ansible: Ansible, sandbox: Sandbox, name: str, ids: dict[str, str], pair: Pair
) -> None:
    task = {
        "cdc_group": {
            "name": name,
            **ids,
            "link_certificate": pair.certificate_pem,
            "link_private_key": pair.encrypted_key_pem(PASSPHRASE),
            "link_private_key_passphrase": PASSPHRASE,
            "vault": {"name": "akv-sandbox-prem"},
        }
    }
    run = ansible.tasks({**task, "check_mode": True}, task, task, {"cdc_connection": {"group_name": name}}, verbosity=3)
    planned, made, again, tested = run.outcomes
    assert [planned.changed, made.changed, again.changed] == [True, True, False]
    assert made["diff"] == planned["diff"]
    assert tested["connected"]
    inner = "".join(pair.key_pem.splitlines()[1:4])
    assert inner not in run.output.replace("\\n", "")
    assert PASSPHRASE not in run.output


def test_a_new_certificate_is_noticed_by_its_thumbprint(
    operate: Operator, sandbox: Sandbox, name: str, ids: dict[str, str], pair: Pair
) -> None:
    def given(pair: Pair) -> dict[str, str]:
        return {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem}

    operate(cdc_group, name=name, **ids, **given(pair), vault={"name": "akv-sandbox-prem"})
    new = self_signed("fortanix-dsm-cdc", algorithm="rsa")
    sandbox.do(lambda state: state.azure.public.add_certificate(ids["link_client_id"], new.certificate))
    assert [operate(cdc_group, name=name, **given(new))["changed"] for _time in range(2)] == [True, False]


def test_changes_between_secret_and_certificate_both_ways(
    operate: Operator, name: str, link: Mapping[str, str], ids: dict[str, str], pair: Pair
) -> None:
    certificate = {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem}
    secret = {"link_client_secret": link["link_client_secret"]}
    operate(cdc_group, name=name, **ids, **secret)
    for credential, mode in ((certificate, "certificate"), (secret, "client_secret")):
        result = operate(cdc_group, name=name, **credential)
        assert result["changed"]
        assert result["group"]["link"]["auth_mode"] == mode
        assert operate(cdc_connection, group_name=name)["connected"]
    assert result["group"]["link"]["credential_expires"] is None


def test_the_choice_of_a_vault_does_not_change_how_the_link_authenticates(
    operate: Operator, name: str, link: Mapping[str, str], ids: dict[str, str], pair: Pair
) -> None:
    certificate = {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem}
    operate(cdc_group, name=name, **ids, **certificate)
    vault = {"vault": {"name": "akv-sandbox-prem"}}
    with pytest.raises(InvalidInput, match="this module does not change that"):
        operate(cdc_vault_select, group_name=name, **vault, link_client_secret=link["link_client_secret"])
    assert operate(cdc_vault_select, group_name=name, **vault, **certificate)["changed"]


@pytest.mark.parametrize("secrets_on_get", ["blank", "echo", "omit", "mask"])
def test_converges_whatever_dsm_shows_of_the_credential(
    operate: Operator, sandbox: Sandbox, name: str, ids: dict[str, str], pair: Pair, secrets_on_get: Any
) -> None:
    sandbox.profile = Profile(secrets_on_get=secrets_on_get)
    certificate = {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem}
    assert [operate(cdc_group, name=name, **ids, **certificate)["changed"] for _time in range(2)] == [True, False]


def test_a_certificate_that_expires_soon_is_told(
    operate: Operator, sandbox: Sandbox, name: str, ids: dict[str, str]
) -> None:
    soon = self_signed("fortanix-dsm-cdc", days=10, algorithm="rsa")
    operate(cdc_group, name=name, **ids, link_certificate=soon.certificate_pem, link_private_key=soon.key_pem)
    assert any("certificate of the link credential expires on" in warning for warning in operate.warnings)


Case = tuple[Callable[[Pair], dict[str, Any]], str]


def _with(pair: Pair, **changes: Any) -> dict[str, Any]:
    given = {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem, **changes}
    return {name: value for name, value in given.items() if value is not None}


def _der(pair: Pair, encryption: serialization.KeySerializationEncryption) -> str:
    key = serialization.load_pem_private_key(pair.key_pem.encode(), None)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption)
    return base64.b64encode(der).decode()


def _plain_der(pair: Pair) -> str:
    return _der(pair, serialization.NoEncryption())


def _encrypted_der(pair: Pair) -> str:
    return _der(pair, serialization.BestAvailableEncryption(PASSPHRASE.encode()))


BAD: dict[str, Case] = {
    "certificate without key": (lambda p: _with(p, link_private_key=None), "Option link_private_key: it is missing"),
    "key without certificate": (lambda p: _with(p, link_certificate=None), "Option link_certificate: it is missing"),
    "passphrase alone": (
        lambda _p: {"link_private_key_passphrase": "x"},
        "Option link_private_key_passphrase: it is set without link_private_key",
    ),
    "secret too": (
        lambda p: _with(p, link_client_secret="a~b.c-d"),
        "Option link_client_secret: it is set together",
    ),
    "wrong passphrase": (
        lambda p: _with(p, link_private_key=p.encrypted_key_pem(PASSPHRASE), link_private_key_passphrase="wrong"),
        "Option link_private_key_passphrase: it cannot decrypt the private key",
    ),
    "passphrase missing": (
        lambda p: _with(p, link_private_key=p.encrypted_key_pem(PASSPHRASE)),
        "Option link_private_key_passphrase: it is missing, and the private key is encrypted",
    ),
    "passphrase missing for DER": (
        lambda p: _with(p, link_private_key=_encrypted_der(p)),
        "Option link_private_key_passphrase: it is missing, and the private key is encrypted",
    ),
    "passphrase not needed for DER": (
        lambda p: _with(p, link_private_key=_plain_der(p), link_private_key_passphrase="open"),
        "Option link_private_key_passphrase: it is set, but the private key is not encrypted",
    ),
    "passphrase not needed": (
        lambda p: _with(p, link_private_key_passphrase="x"),
        "Option link_private_key_passphrase: it is set, but the private key is not encrypted",
    ),
    "T23 key of another certificate": (
        lambda p: _with(p, link_private_key=self_signed("other", algorithm="rsa").key_pem),
        "Option link_private_key: it is not the key of the certificate",
    ),
    "elliptic curve": (
        lambda _p: _with(self_signed("ec", algorithm="ec")),
        "Option link_certificate: its key is not RSA",
    ),
    "expired": (
        lambda _p: _with(self_signed("old", days=-1, algorithm="rsa")),
        "Option link_certificate: the certificate expired on",
    ),
    "no such file": (
        lambda p: _with(p, link_certificate="/nowhere/missing.pem"),
        "Option link_certificate: it is neither PEM text nor an existing file",
    ),
    "a directory": (
        lambda p: _with(p, link_certificate="/"),
        "Option link_certificate: it is neither PEM text nor an existing file",
    ),
    "a key in place of the certificate": (
        lambda p: _with(p, link_certificate=p.key_pem),
        "Option link_certificate: it is PEM, but contains no certificate",
    ),
    "a certificate in place of the key": (
        lambda p: _with(p, link_private_key=p.certificate_pem),
        "Option link_private_key: it is PEM, but contains no private key",
    ),
    "CA file with a key in it": (
        lambda p: {"tls": {"ca_certificates": [p.certificate_pem + p.key_pem]}},
        "Option tls.ca_certificates: it contains a private key",
    ),
    "expired CA": (
        lambda _p: {"tls": {"ca_certificates": [self_signed("old", days=-1).certificate_pem]}},
        "Option tls.ca_certificates: the certificate expired on",
    ),
    "TLS certificate without key": (
        lambda p: {"tls": {"client_certificate": p.certificate_pem}},
        "Option tls.client_key: it is missing",
    ),
    "TLS key of another certificate": (
        lambda p: {"tls": {"client_certificate": p.certificate_pem, "client_key": self_signed("x").key_pem}},
        "Option tls.client_key: it is not the key of the certificate",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_usable_certificate_is_refused_before_the_first_request(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], pair: Pair, case: str
) -> None:
    options, words = BAD[case]
    ids = {key: value for key, value in link.items() if key != "link_client_secret"}
    mark = sandbox.journal.mark()
    with pytest.raises(InvalidInput) as refused:
        operate(cdc_group, name=name, **ids, **options(pair))
    assert words in str(refused.value)
    assert sandbox.journal.since(mark) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("certificate".encode("utf-16"), "Option link_certificate: the file is in UTF-16"),
        (b"\xe9\xff\x00 no certificate", "Option link_certificate: it is neither PEM nor DER"),
        (b"", "Option link_certificate: it is neither PEM nor DER"),
    ],
    ids=["UTF-16", "not UTF-8", "empty"],
)
def test_a_file_with_something_else_in_it_is_refused(
    operate: Operator, name: str, link: Mapping[str, str], pair: Pair, tmp_path: Path, content: bytes, words: str
) -> None:
    ids = {key: value for key, value in link.items() if key != "link_client_secret"}
    (tmp_path / "file.pem").write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        operate(cdc_group, name=name, **ids, **_with(pair, link_certificate=str(tmp_path / "file.pem")))
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_named(operate: Operator, name: str, link: Mapping[str, str]) -> None:
    ids = {key: value for key, value in link.items() if key != "link_client_secret"}
    missing = {"link_certificate": "/nowhere.pem", "link_private_key": "/nowhere.key"}
    with pytest.raises(InvalidInput, match="Option link_certificate: it is neither PEM text nor an existing file"):
        operate(cdc_group, name=name, **ids, **missing)
