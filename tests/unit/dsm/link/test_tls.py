# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TLS part of a link (guide 4.4, DSM contract §2.8)."""

from __future__ import annotations

import base64
import hashlib
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.tls import SAFE_SETTINGS, TlsSettings, sha256_of

SAFE_DEFAULT = SAFE_SETTINGS.block(None)
DER = b"not a real certificate, but the same octets in either form"
IN_DER = base64.b64encode(DER).decode()
IN_PEM = base64.b64encode(ssl.DER_cert_to_PEM_cert(DER).encode()).decode()


def test_what_a_link_is_created_with_reads_as_safe() -> None:
    assert TlsSettings.from_stored(SAFE_DEFAULT) == SAFE_SETTINGS


@pytest.mark.parametrize("encoded", [IN_DER, IN_PEM])
def test_a_certificate_has_one_hash_whether_stored_as_der_or_as_pem(encoded: str) -> None:
    assert sha256_of(encoded) == hashlib.sha256(DER).hexdigest()


@given(st.text(max_size=40))
def test_any_text_in_place_of_a_certificate_has_a_hash(encoded: str) -> None:
    assert len(sha256_of(encoded)) == 64


def test_the_order_of_pinned_certificates_does_not_count() -> None:
    one, other = (
        TlsSettings.from_stored({"mode": "required", "ca": {"pinned": pinned}})
        for pinned in ([IN_DER, "b3RoZXI="], ["b3RoZXI=", IN_DER])
    )

    assert one == other


@pytest.mark.parametrize("stored", [None, {}, {"mode": None, "ca": None}, {"ca": {"pinned": None}}])
def test_a_block_that_is_missing_or_empty_is_not_taken_for_safe(stored: dict[str, Any] | None) -> None:
    assert TlsSettings.from_stored(stored).weaknesses()


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({**SAFE_DEFAULT, "mode": "disabled"}, "TLS mode is disabled"),
        ({**SAFE_DEFAULT, "mode": "opportunistic"}, "TLS mode is opportunistic"),
        ({**SAFE_DEFAULT, "validate_hostname": False}, "host validation is off"),
    ],
)
def test_a_weak_setting_is_named(stored: dict[str, Any], words: str) -> None:
    assert [words in weakness for weakness in TlsSettings.from_stored(stored).weaknesses()] == [True]


def test_the_safe_default_has_no_weakness() -> None:
    assert SAFE_SETTINGS.weaknesses() == []


def test_a_client_certificate_is_told_by_its_hash_only() -> None:
    record = TlsSettings.from_stored({**SAFE_DEFAULT, "client_cert": IN_DER, "client_key": "a2V5"}).record()

    assert record == {
        "mode": "required",
        "validate_host": True,
        "ca": "global_roots",
        "ca_sha256": [],
        "client_certificate_sha256": hashlib.sha256(DER).hexdigest(),
        "ca_certificates": [],
        "client_certificate": ssl.DER_cert_to_PEM_cert(DER),
    }
