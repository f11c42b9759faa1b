# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A certificate with an RSA key in two files: taken when it is there, made when it is not, never replaced.

Self-signed, as Entra compares the certificate with the registered one and asks no authority. RSA, as Entra takes no
other signature.

Both are in one file beside the key before the first of the two is written, and until the second one is: a run that is
killed in between leaves a pair that the next run completes.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import _deps, _places, _time
from .._errors import InvalidInput, printable
from .._timestamps import day
from . import loading
from .loading import Certificate

# Before now, so that a server whose clock is behind takes a fresh certificate.
_CLOCK_SKEW = datetime.timedelta(minutes=5)
# RFC 5280, ub-common-name. It counts characters; what makes and reads certificates here counts octets.
_LONGEST_COMMON_NAME = 64
# For an application whose name has no character that a subject can have.
_FALLBACK_NAME = "fortanix-dsm-cdc"
# Added to key_path: the file with both, as long as the two are not complete.
_INCOMPLETE, _PART = ".incomplete", ".incomplete.part"
_KEY_MODE, _CERTIFICATE_MODE, _DIRECTORY_MODE = 0o600, 0o644, 0o700
_MODES = _KEY_MODE, _CERTIFICATE_MODE
_CERTIFICATE_MARK = b"-----BEGIN CERTIFICATE-----"
_OTHER_DIRECTORY = "name a new file in a directory that can be written to"


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
        """The certificate of the pair that is there, or that :meth:`recover` completes; None when neither file is, and
        both can be made.

        Raises:
            InvalidInput: one file without the other, two that do not match, a certificate that is not valid today, or a
                place where no file can be made.
        """
        recorded = self._recorded()
        if recorded is not None and all(map(_is_incomplete, self._paths, recorded)):
            return self._checked(None, *(content.decode("ascii") for content in reversed(recorded)))
        has_key, has_certificate = (os.path.lexists(path) for path in self._paths)
        if not has_key and not has_certificate:
            for option, path in zip(self._options, self._paths, strict=True):
                _check_place(option, path)
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

    def recover(self) -> None:
        """Complete the two files after a run that was killed while it wrote them.

        Raises:
            InvalidInput: a file cannot be written.
        """
        recorded = self._recorded()
        if recorded is None:
            _remove(self.key_path + _PART)
            return
        if all(map(_is_incomplete, self._paths, recorded)):
            for option, path, content, mode in zip(self._options, self._paths, recorded, _MODES, strict=True):
                _write(option, path, content, mode, os.O_TRUNC)
        elif not all(map(os.path.lexists, self._paths)):
            # A file of somebody else is in the place of one; the only copy of the key is in the record.
            return
        self._forget()

    @property
    def _paths(self) -> tuple[str, str]:
        return self.key_path, self.certificate_path

    @property
    def _options(self) -> tuple[str, str]:
        return f"{self.option}.key_path", f"{self.option}.certificate_path"

    def _recorded(self) -> tuple[bytes, bytes] | None:
        """Key and certificate of a run that has not completed the files; None when there is no such run."""
        try:
            with open(self.key_path + _INCOMPLETE, "rb") as file:
                key, mark, certificate = file.read().partition(_CERTIFICATE_MARK)
        except OSError:
            # Also where there is no such directory, which is told when the files are made.
            return None
        return key, mark + certificate

    def _record(self, key: bytes, certificate: bytes) -> None:
        """Write both into one file, which is there completely or not at all."""
        part, cause = self.key_path + _PART, ""
        _remove(part)
        _write(self._options[0], part, key + certificate, _KEY_MODE, os.O_EXCL)
        try:
            os.replace(part, self.key_path + _INCOMPLETE)
        except OSError as error:
            _remove(part)
            cause = error.strerror or type(error).__name__
        if cause:
            raise InvalidInput(self._options[0], f'"{self.key_path}" cannot be made: {cause}', _OTHER_DIRECTORY)

    def _forget(self) -> None:
        _remove(self.key_path + _INCOMPLETE)

    def _checked(
        self, now: datetime.datetime | None = None, certificate_source: str | None = None, key_source: str | None = None
    ) -> Certificate:
        """The certificate of the two files, or of two texts in their place."""
        source = certificate_source or self.certificate_path
        certificate = loading.load_certificates(f"{self.option}.certificate_path", source)[0]
        if not self._is_key_of(certificate, key_source or self.key_path):
            raise InvalidInput(
                f"{self.option}.key_path",
                f'"{self.key_path}" is not the key of the certificate in "{self.certificate_path}"',
                "name the two files of one pair, or two files that are not there yet",
            )
        check_rsa(f"{self.option}.certificate_path", certificate)
        self.check_validity(certificate, now)
        return certificate

    def check_validity(self, certificate: Certificate, now: datetime.datetime | None) -> None:
        """Refuse the certificate of the pair when it is not valid. ``now``: as in :mod:`.certificates`.

        Raises:
            InvalidInput: it has expired, or is not valid yet.
        """
        if certificate.not_after <= (now or _time.utc_now() - loading.CLOCK_DOUBT):
            raise InvalidInput(
                f"{self.option}.certificate_path",
                f'the certificate in "{self.certificate_path}" expired on {day(certificate.not_after)}',
                "rotate the credential: name two new files, and give the link the new pair; nothing is renewed here",
            )
        loading.check_validity(f"{self.option}.certificate_path", certificate, now)

    def _is_key_of(self, certificate: Certificate, source: str) -> bool:
        option = f"{self.option}.key_path"
        with contextlib.suppress(InvalidInput):
            return loading.load_key(option, source, None, option).public_key == certificate.public_key
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
        for option, path in zip(self._options, self._paths, strict=True):
            _make_directory(option, path)
        pair = key_pem, certificate_pem
        self._record(*pair)
        written: list[str] = []
        try:
            for option, path, content, mode in zip(self._options, self._paths, pair, _MODES, strict=True):
                _write(option, path, content, mode, os.O_EXCL)
                written.append(path)
        except InvalidInput:
            # Made a moment ago and used nowhere; left, it would stand in the way of the next run.
            for path in written:
                _remove(path)
            self._forget()
            raise
        self._forget()
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


def _check_place(option: str, path: str) -> None:
    """Refuse a file that cannot be made, without making anything.

    Raises:
        InvalidInput: what is to be its directory is none, or may not be written to.
    """
    problem = _places.problem_of(path)
    if not problem:
        return
    raise InvalidInput(option, f'"{path}" cannot be made: {problem}', _OTHER_DIRECTORY)


def _make_directory(option: str, path: str) -> None:
    """The directory of a file, and what is missing above it, for its owner alone."""
    cause = ""
    for directory in _places.missing_directories(path)[1]:
        try:
            os.mkdir(directory, _DIRECTORY_MODE)
        except FileExistsError:
            # Another run has made it at the same time.
            continue
        except OSError as error:
            cause = f"{directory}: {error.strerror or type(error).__name__}"
            break
    if cause:
        raise InvalidInput(option, f'"{path}" cannot be made: {cause}', _OTHER_DIRECTORY)


def _is_incomplete(path: str, content: bytes) -> bool:
    """Whether the file is not there, or has nothing but the beginning, or all, of the content."""
    try:
        with open(path, "rb") as file:
            return content.startswith(file.read())
    except FileNotFoundError:
        return not os.path.lexists(path)
    except OSError:
        # Told with its option when the files are read.
        return False


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def _write(option: str, path: str, content: bytes, mode: int, existing: int) -> None:
    """Write a file; no link is followed. ``existing``: O_EXCL to refuse one that is there, O_TRUNC to replace it."""
    cause = ""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | existing, mode)
    except OSError as error:
        cause = error.strerror or type(error).__name__
    if cause:
        raise InvalidInput(option, f'"{path}" cannot be made: {cause}', _OTHER_DIRECTORY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        os.unlink(path)
        cause = error.strerror or type(error).__name__
    if cause:
        raise InvalidInput(option, f'"{path}" cannot be written: {cause}', "make room, or name another directory")


def _common_name(wanted: str) -> str:
    """The name as a subject can have it: printable, and cut between two characters."""
    encoded = printable(wanted).encode("utf-8", "ignore")[:_LONGEST_COMMON_NAME]
    name = encoded.decode("utf-8", "ignore").strip()
    return name if any(character.isprintable() and not character.isspace() for character in name) else _FALLBACK_NAME


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
    name = x509.Name([x509.NameAttribute(common_name, _common_name(subject))])
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
