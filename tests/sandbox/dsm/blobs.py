# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys on DSM's wire: base64 of DER or of PEM (Q4)."""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from .errors import DsmError, bad_request

Form = Literal["both", "der", "pem"]


def _blob(value: Any, what: str, form: Form) -> tuple[bytes, bool]:
    """What is in the base64, and whether it is PEM."""
    if not isinstance(value, str):
        raise bad_request(f"{what} must be a base64 string")
    try:
        blob = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise bad_request(f"{what} is not valid base64") from error
    pem = blob.lstrip().startswith(b"-----")
    if form == ("der" if pem else "pem"):
        raise bad_request(f"{what} must be base64 of {form.upper()}")
    return blob, pem


def certificate_of(value: Any, what: str, form: Form = "both") -> x509.Certificate:
    blob, pem = _blob(value, what, form)
    try:
        return x509.load_pem_x509_certificate(blob) if pem else x509.load_der_x509_certificate(blob)
    except ValueError as error:
        raise _not_parsed(what, "certificate") from error


def key_of(value: Any, what: str, form: Form = "both") -> PrivateKeyTypes:
    blob, pem = _blob(value, what, form)
    try:
        return _loaded(blob, pem)
    except (ValueError, TypeError) as error:
        raise _not_parsed(what, "unencrypted private key") from error


@cache
def _loaded(blob: bytes, pem: bool) -> PrivateKeyTypes:
    """Once for each key: whether an RSA key has primes takes a tenth of a second to find out."""
    load = serialization.load_pem_private_key if pem else serialization.load_der_private_key
    return load(blob, password=None)


def _not_parsed(what: str, wanted: str) -> DsmError:
    return bad_request(f"{what} is not a {wanted} in DER or PEM form")
