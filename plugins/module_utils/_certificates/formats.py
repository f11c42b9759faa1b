# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads certificates and private keys for all options that accept them: from a path or a text, in any format.

PEM (certificate and key together or separate, chains in any order, line breaks lost or escaped), DER, PKCS#12, and the
base64 of each, as Key Vault returns PKCS#12.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import _deps
from .._errors import InvalidInput
from .._secrets import der, inputs

_LARGEST_FILE = 1_000_000
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_VAULT_MARK = b"$ANSIBLE_VAULT;"
_BEGIN = b"-----BEGIN"
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_WRITTEN_OUT = re.compile(rb"(?:\\r)?\\n|\\r")
_CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE")
_KEY = b"PRIVATE KEY"


@dataclass(frozen=True)
class CertificateSource:
    """The contents of a source. ``option``: its option, for messages.

    ``certificates`` and ``keys``: PEM or DER, each separate, in their order. ``packed``: PKCS#12, whose contents are
    known only after it was opened.
    """

    option: str
    certificates: tuple[bytes, ...] = ()
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    packed: bytes | None = field(default=None, repr=False)
    is_pem: bool = False

    def holds_key(self, passphrase: str | None, passphrase_option: str | None) -> bool:
        """Whether it contains a private key.

        Raises:
            InvalidInput: PKCS#12 cannot be opened.
        """
        if self.packed is None:
            return bool(self.keys)
        return _unpacked(self, self.packed, passphrase, passphrase_option).key is not None


def read(option: str, text: str) -> CertificateSource:
    """The contents of a file, or the text itself.

    Raises:
        InvalidInput: it cannot be read, or has none of the formats.
    """
    content = _plain(option, _content(option, text))
    if _BEGIN in content:
        return _of_pem(option, content)
    if der.is_pkcs12(content):
        return CertificateSource(option, packed=content)
    if der.is_key(content):
        return CertificateSource(option, keys=(content,))
    return CertificateSource(option, (content,))


def is_content(text: str) -> bool:
    """Whether this is the content of a file, not a path."""
    encoded = text.encode("utf-8", "surrogateescape")
    return _BEGIN in encoded or _VAULT_MARK in encoded or bool(_decoded(encoded))


def certificates_in(source: CertificateSource, passphrase: str | None, passphrase_option: str | None) -> list[Any]:
    """All certificates of a source as objects of the library cryptography; for PKCS#12, its own one first.

    Raises:
        InvalidInput: there is none, one is damaged, or PKCS#12 cannot be opened.
    """
    if source.packed is not None:
        packed = _unpacked(source, source.packed, passphrase, passphrase_option)
        found = [one.certificate for one in (packed.cert, *packed.additional_certs) if one is not None]
    else:
        x509 = _deps.load("cryptography.x509")
        load = x509.load_pem_x509_certificate if source.is_pem else x509.load_der_x509_certificate
        try:
            found = [load(one) for one in source.certificates]
        except ValueError:
            found = []
    if not found:
        kind = "it is PEM, but" if source.is_pem else "it is neither PEM nor DER, or"
        if source.packed is not None:
            kind = "it is PKCS#12, but"
        if source.certificates and source.is_pem:
            problem, remedy = "a certificate in it is damaged", "set the complete certificate, as it was issued"
            raise InvalidInput(source.option, problem, remedy)
        raise InvalidInput(
            source.option,
            f"{kind} contains no certificate",
            "set an X.509 certificate in PEM or DER format (.pem, .crt, .cer), or PKCS#12 (.pfx, .p12)",
        )
    return found


def key_in(source: CertificateSource, passphrase: str | None, passphrase_option: str | None) -> Any:
    """The private key of a source as an object of the library cryptography.

    ``passphrase_option``: None if a task has no option for it.

    Raises:
        InvalidInput: there is none, it cannot be read, or the passphrase is wrong.
    """
    if source.packed is not None:
        key = _unpacked(source, source.packed, passphrase, passphrase_option).key
        if key is None:
            raise InvalidInput(source.option, "it is PKCS#12, but contains no private key", "export it with its key")
        return key
    if len(source.keys) > 1:
        problem, remedy = f"it contains {len(source.keys)} private keys", "set one certificate with its key"
        raise InvalidInput(source.option, problem, remedy)
    if not source.keys:
        kind = "it is PEM, but" if source.is_pem else "it is neither PEM nor DER, or"
        raise InvalidInput(
            source.option,
            f"{kind} contains no private key",
            "set a private key in PEM or DER format, PKCS#8 or traditional, or PKCS#12",
        )
    return _loaded_key(source, source.keys[0], passphrase, passphrase_option)


def _loaded_key(
    source: CertificateSource, content: bytes, passphrase: str | None, passphrase_option: str | None
) -> Any:
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    load = serialization.load_pem_private_key if source.is_pem else serialization.load_der_private_key
    try:
        # The library's own validation tests for primes, which takes longer than most tasks. Damaged or wrong keys are
        # found without it.
        key = load(content, None if passphrase is None else passphrase.encode(), unsafe_skip_rsa_key_validation=True)
    except TypeError:
        refused = _needed(source, passphrase_option) if passphrase is None else _not_needed(source, passphrase_option)
    except _deps.load("cryptography.exceptions").UnsupportedAlgorithm:
        problem, remedy = "the type of the private key is not supported", "set the key in PKCS#8 format"
        refused = InvalidInput(source.option, problem, remedy)
    except ValueError:
        if passphrase is not None:
            problem, remedy = "it cannot decrypt the private key", inputs.remedy_for_passphrase(passphrase)
            refused = InvalidInput(passphrase_option or source.option, problem, remedy)
        else:
            refused = _damaged(source)
    else:
        if _is_consistent(key):
            return key
        refused = _damaged(source)
    raise refused


def _damaged(source: CertificateSource) -> InvalidInput:
    return InvalidInput(source.option, "the private key in it is damaged", "set the complete key, in PEM or DER format")


def _is_consistent(key: Any) -> bool:
    """Whether the numbers of an RSA key are consistent (RFC 8017, section 3.2). Others are validated when loaded."""
    if not isinstance(key, _deps.load("cryptography.hazmat.primitives.asymmetric.rsa").RSAPrivateKey):
        return True
    numbers = key.private_numbers()
    p, q, d, public = numbers.p, numbers.q, numbers.d, numbers.public_numbers
    if min(p, q, public.e) < 2 or p * q != public.n:
        return False
    orders = ((p - 1, numbers.dmp1), (q - 1, numbers.dmq1))
    fit = all(d % order == part and (public.e * d) % order == 1 for order, part in orders)
    return fit and (numbers.iqmp * q) % p == 1


def _unpacked(source: CertificateSource, content: bytes, passphrase: str | None, passphrase_option: str | None) -> Any:
    pkcs12 = _deps.load("cryptography.hazmat.primitives.serialization.pkcs12")
    # Without a passphrase there are two forms: no protection at all, and an empty passphrase. The configured
    # passphrase may belong to a separate key.
    for tried in [*([] if passphrase is None else [passphrase.encode()]), None, b""]:
        try:
            return pkcs12.load_pkcs12(content, tried)
        except ValueError:
            continue
        except _deps.load("cryptography.exceptions").UnsupportedAlgorithm:
            break
    if passphrase_option is None:
        problem = "it is PKCS#12 that needs a passphrase or is damaged"
        remedy = "set it without a passphrase, or in PEM format (openssl pkcs12 -in FILE -clcerts -nodes -out COPY)"
        raise InvalidInput(source.option, problem, remedy)
    if passphrase is not None:
        problem = f"it cannot decrypt the PKCS#12 in {source.option}"
        remedy = inputs.remedy_for_passphrase(passphrase)
    else:
        problem = f"it is missing, and the PKCS#12 in {source.option} needs a passphrase or is damaged"
        remedy = "set it to the passphrase"
    raise InvalidInput(passphrase_option, problem, remedy)


def _needed(source: CertificateSource, option: str | None) -> InvalidInput:
    if option is None:
        problem = "the private key is encrypted, and a task cannot prompt for its passphrase"
        remedy = "keep a decrypted copy that only this user can read (openssl pkey -in KEY -out COPY)"
        return InvalidInput(source.option, problem, remedy)
    return InvalidInput(option, "it is missing, and the private key is encrypted", "set it to the passphrase")


def _not_needed(source: CertificateSource, option: str | None) -> InvalidInput:
    problem, remedy = "it is set, but the private key is not encrypted", "omit the passphrase"
    return InvalidInput(option or source.option, problem, remedy)


# Forms --------------------------------------------------------------------------------------------------------------


def _content(option: str, text: str) -> bytes:
    """The text itself, or the contents of the file that it names."""
    encoded = text.encode("utf-8", "surrogateescape")
    if _BEGIN in encoded or _VAULT_MARK in encoded:
        return encoded
    path, problem = os.path.expanduser(text.strip()), ""
    if os.path.isfile(path):
        try:
            with open(path, "rb") as file:
                return file.read(_LARGEST_FILE)
        except OSError as error:
            problem = f"the file cannot be read: {error.strerror}"
    if problem:
        raise InvalidInput(option, problem, "set a readable file with a certificate or key")
    if decoded := _decoded(encoded):
        return decoded
    raise InvalidInput(
        option, "it is neither PEM text nor an existing file", "set the path of the file, or its content"
    )


def _plain(option: str, content: bytes) -> bytes:
    """PEM or DER, without what editors, transports and secret managers added around it."""
    if content.startswith(_UTF16_MARKS):
        raise InvalidInput(
            option,
            "the file is in UTF-16, as Windows writes it",
            "set a file in PEM or DER format, saved as plain ASCII or binary",
        )
    content = content.removeprefix(_UTF8_MARK)
    if content.lstrip().startswith(_VAULT_MARK):
        raise InvalidInput(
            option,
            "it is encrypted with Ansible Vault, which a module cannot open",
            "let Ansible decrypt it: set the content with lookup('ansible.builtin.unvault', PATH), or a variable with "
            "the tag !vault",
        )
    if _BEGIN not in content and content[:1] != b"\x30" and (decoded := _decoded(content)):
        content = decoded.removeprefix(_UTF8_MARK)
    return content


def _decoded(content: bytes) -> bytes:
    """Decoded base64, with or without line breaks; empty if it is not base64 of a supported format."""
    compact = b"".join(_WRITTEN_OUT.sub(b"", content.removeprefix(_UTF8_MARK)).split())
    try:
        decoded = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded if decoded[:1] == b"\x30" or _BEGIN in decoded else b""


def _of_pem(option: str, content: bytes) -> CertificateSource:
    certificates: list[bytes] = []
    keys: list[bytes] = []
    for label, block in _blocks(content):
        if label in _CERTIFICATES:
            certificates.append(block)
        elif label.endswith(_KEY):
            keys.append(block)
    return CertificateSource(option, tuple(certificates), tuple(keys), is_pem=True)


def _blocks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Label and block of each object, with the required line breaks."""
    for found in _BLOCK.finditer(_WRITTEN_OUT.sub(b"\n", content)):
        label, body = found.groups()
        if b":" in body:
            # With headers, as an encrypted key of the traditional form has them; a blank line ends them.
            lines = b"\n".join(line.strip() for line in body.strip().replace(b"\r\n", b"\n").split(b"\n"))
        else:
            compact = b"".join(body.split())
            lines = b"\n".join(compact[start : start + 64] for start in range(0, len(compact), 64))
        # The older label means the same, but some versions of the library do not know it.
        plain = _CERTIFICATES[0] if label in _CERTIFICATES else label
        yield label, b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (plain, lines, plain)
