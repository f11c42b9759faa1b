# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A certificate with an RSA key in two files: taken when it is there, made when it is not, never replaced.

Self-signed, as Entra compares the certificate with the registered one and asks no authority. RSA, as Entra takes no
other signature.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _certificates, _deps, _time
from ._certificates import Certificate
from ._errors import InvalidInput

# Before now, so that a server whose clock is behind takes a fresh certificate.
_CLOCK_SKEW = datetime.timedelta(minutes=5)
_LONGEST_COMMON_NAME = 64
_KEY_MODE, _CERTIFICATE_MODE, _DIRECTORY_MODE = 0o600, 0o644, 0o700


@dataclass(frozen=True)
class PairFiles:
    """Where the pair is, and what it is to be like when it is made. ``subject``: the CN; None for the caller's."""

    option: str
    certificate_path: str
    key_path: str
    days: int
    key_size: int
    subject: str | None

    @classmethod
    def from_option(cls, option: str, given: Mapping[str, Any]) -> PairFiles:
        """From the validated suboptions.

        Raises:
            InvalidInput: the time is not positive, or both paths are one.
        """
        if given["days"] < 1:
            raise InvalidInput(f"{option}.days", "it is less than one", "set a number of days")
        if os.path.abspath(given["certificate_path"]) == os.path.abspath(given["key_path"]):
            raise InvalidInput(
                f"{option}.key_path", "it is the same as certificate_path", "name a file of its own for the key"
            )
        if given["subject"] is not None and not given["subject"].strip():
            raise InvalidInput(f"{option}.subject", "it is blank", "set it, or leave it out")
        return cls(option, **{name: given[name] for name in cls.__annotations__ if name != "option"})

    def existing(self) -> Certificate | None:
        """The certificate of the pair that is there; None when neither file is, and both can be made.

        Raises:
            InvalidInput: one file without the other, two that do not match, a certificate that is not valid today, or a
                place where no file can be made.
        """
        has_key, has_certificate = (os.path.lexists(path) for path in (self.key_path, self.certificate_path))
        if not has_key and not has_certificate:
            for name in ("certificate_path", "key_path"):
                _check_place(f"{self.option}.{name}", getattr(self, name))
            return None
        if not has_certificate:
            raise InvalidInput(
                f"{self.option}.certificate_path",
                f'there is no file "{self.certificate_path}", and there is one at key_path',
                "put the certificate of that key there, or name other files; a key is never replaced",
            )
        if not has_key:
            raise InvalidInput(
                f"{self.option}.key_path",
                f'there is no file "{self.key_path}", and there is one at certificate_path',
                "put the key of that certificate there, name other files, or give the certificate alone with "
                "the option certificates",
            )
        return self._checked()

    def _checked(self, now: datetime.datetime | None = None) -> Certificate:
        certificate = _certificates.load_certificates(f"{self.option}.certificate_path", self.certificate_path)[0]
        if not self._is_key_of(certificate):
            raise InvalidInput(
                f"{self.option}.key_path",
                f'"{self.key_path}" is not the key of the certificate in "{self.certificate_path}"',
                "name the two files of one pair, or two files that are not there yet",
            )
        check_rsa(f"{self.option}.certificate_path", certificate)
        if certificate.not_after <= (now or _time.utc_now()):
            raise InvalidInput(
                f"{self.option}.certificate_path",
                f'the certificate in "{self.certificate_path}" expired on {certificate.not_after:%Y-%m-%d}',
                "rotate the credential: name two new files, and give the link the new pair; nothing is renewed here",
            )
        _certificates.check_validity(f"{self.option}.certificate_path", certificate, now)
        return certificate

    def _is_key_of(self, certificate: Certificate) -> bool:
        option = f"{self.option}.key_path"
        with contextlib.suppress(InvalidInput):
            return _certificates.load_key(option, self.key_path, None, option).public_key == certificate.public_key
        raise InvalidInput(
            option,
            f'"{self.key_path}" holds no private key that can be read without a passphrase',
            "name the key without a passphrase, or give the certificate alone with the option certificates",
        )

    def make(self, subject: str, now: datetime.datetime | None = None) -> Certificate:
        """Make the pair and both files, the key's for its owner alone. Neither may be there.

        ``now``: the time by the services' clocks; None for the control node's.

        Raises:
            InvalidInput: a file cannot be written, or has come into being since it was looked for.
        """
        certificate_pem, key_pem = self_signed(self.subject or subject, self.days, self.key_size, now)
        for name in ("certificate_path", "key_path"):
            _make_directory(f"{self.option}.{name}", getattr(self, name))
        _write_new(f"{self.option}.key_path", self.key_path, key_pem, _KEY_MODE)
        try:
            _write_new(f"{self.option}.certificate_path", self.certificate_path, certificate_pem, _CERTIFICATE_MODE)
        except InvalidInput:
            # Made a moment ago and used nowhere; left, it would stand in the way of the next run.
            os.unlink(self.key_path)
            raise
        return self._checked(now)


def check_rsa(option: str, certificate: Certificate) -> None:
    """Refuse what Entra registers and DSM can then not log in with (DSM contract §2.7).

    Raises:
        InvalidInput: the key is of another kind.
    """
    if not certificate.is_rsa:
        raise InvalidInput(
            option,
            "its key is not RSA, and Entra takes only assertions that are signed with RSA",
            "make a certificate with an RSA key of at least 2048 bits",
        )


def _missing_directories(path: str) -> tuple[str, list[str]]:
    """The nearest directory above a file that is there, and those below it that are not, the outermost first."""
    directory, missing = os.path.dirname(os.path.abspath(path)), list[str]()
    while not os.path.lexists(directory):
        missing.insert(0, directory)
        directory = os.path.dirname(directory)
    return directory, missing


def _check_place(option: str, path: str) -> None:
    """Refuse a file that cannot be made, without making anything.

    Raises:
        InvalidInput: what is to be its directory is none, or may not be written to.
    """
    directory, _missing = _missing_directories(path)
    if not os.path.isdir(directory):
        problem = f'"{directory}" is no directory'
    elif not os.access(directory, os.W_OK | os.X_OK):
        problem = f'the directory "{directory}" may not be written to'
    else:
        return
    raise InvalidInput(
        option, f'"{path}" cannot be made: {problem}', "name a new file in a directory that can be written to"
    )


def _make_directory(option: str, path: str) -> None:
    """The directory of a file, and what is missing above it, for its owner alone."""
    cause = ""
    for directory in _missing_directories(path)[1]:
        try:
            os.mkdir(directory, _DIRECTORY_MODE)
        except FileExistsError:
            # Another run has made it at the same time.
            continue
        except OSError as error:
            cause = f"{directory}: {error.strerror or type(error).__name__}"
            break
    if cause:
        raise InvalidInput(
            option, f'"{path}" cannot be made: {cause}', "name a new file in a directory that can be written to"
        )


def _write_new(option: str, path: str, content: bytes, mode: int) -> None:
    """A file that must not exist; not even a dangling link is followed."""
    cause = ""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        cause = error.strerror or type(error).__name__
    if cause:
        raise InvalidInput(
            option, f'"{path}" cannot be made: {cause}', "name a new file in a directory that can be written to"
        )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        os.unlink(path)
        cause = error.strerror or type(error).__name__
    if cause:
        raise InvalidInput(option, f'"{path}" cannot be written: {cause}', "make room, or name another directory")


def self_signed(subject: str, days: int, key_size: int, now: datetime.datetime | None = None) -> tuple[bytes, bytes]:
    """Certificate and key, PEM, the key as PKCS#8 without a passphrase.

    ``now``: the time by the services' clocks, which judge the validity; None for the control node's.
    """
    x509 = _deps.load("cryptography.x509")
    usages = _deps.load("cryptography.x509.oid").ExtendedKeyUsageOID
    hashes = _deps.load("cryptography.hazmat.primitives.hashes")
    serialization = _deps.load("cryptography.hazmat.primitives.serialization")
    rsa = _deps.load("cryptography.hazmat.primitives.asymmetric.rsa")
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)
    common_name = _deps.load("cryptography.x509.oid").NameOID.COMMON_NAME
    name = x509.Name([x509.NameAttribute(common_name, subject[:_LONGEST_COMMON_NAME])])
    begin = _begin(now, datetime.timedelta(days=days))
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign")
    others = dict.fromkeys((*names, "crl_sign", "encipher_only", "decipher_only"), False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        # From the beginning on: a policy on lifetimes counts from there (Azure contract §2 T37).
        .not_valid_after(begin + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **others), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usages.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate.public_bytes(pem), key.private_bytes(pem, *plain)


def _begin(now: datetime.datetime | None, lifetime: datetime.timedelta) -> datetime.datetime:
    """The start of validity: in the past for the services, and for the control node, too, whose local checks follow."""
    here = _time.utc_now()
    now = now or here
    earlier = min(now, here)
    # A control node that is behind by the whole lifetime would make a certificate that has expired.
    return (earlier if earlier + lifetime / 2 > now else now) - _CLOCK_SKEW
