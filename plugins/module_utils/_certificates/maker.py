# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A certificate with an RSA key in two files: used if it exists, generated if it does not, never replaced.

Self-signed, as Entra compares the certificate with the registered one and needs no authority. RSA, as Entra accepts no
other signature.

Until both files are written, key and certificate are also in one file beside the key: a run that is killed in between
leaves a pair that the next run completes.
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

# Before now, so that a server whose clock is behind accepts a new certificate.
_CLOCK_SKEW = datetime.timedelta(minutes=5)
# RFC 5280, ub-common-name. It counts characters; the library counts octets.
_LONGEST_COMMON_NAME = 64
# For an application whose name has no characters that are valid in a subject.
_FALLBACK_NAME = "fortanix-dsm-cdc"
# Added to key_path: the file with both, until the two files are complete.
_INCOMPLETE, _PART = ".incomplete", ".incomplete.part"
_KEY_MODE, _CERTIFICATE_MODE, _DIRECTORY_MODE = 0o600, 0o644, 0o700
_MODES = _KEY_MODE, _CERTIFICATE_MODE
_CERTIFICATE_MARK = b"-----BEGIN CERTIFICATE-----"
_OTHER_DIRECTORY = "set a path in a directory that is writable"


@dataclass(frozen=True)
class PairFiles:
    """The files of the pair, and its properties if it is generated. ``subject``: the CN; None for the caller's."""

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
            InvalidInput: both paths are the same, or the subject is blank.
        """
        if os.path.abspath(given["certificate_path"]) == os.path.abspath(given["key_path"]):
            raise InvalidInput(
                f"{option}.key_path", "it is the same as certificate_path", "set a separate file for the key"
            )
        if given["subject"] is not None and not given["subject"].strip():
            raise InvalidInput(f"{option}.subject", "it is blank", "set a name, or omit the option")
        return cls(option, **{name: given[name] for name in cls.__annotations__ if name != "option"})

    def existing(self) -> Certificate | None:
        """The certificate of the existing pair, or of the one that :meth:`recover` completes; None if neither file
        exists and both can be created.

        Raises:
            InvalidInput: one file without the other, two that do not match, a certificate that is not valid today, or a
                path where no file can be created.
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
                f'the file "{self.certificate_path}" does not exist, but the file at key_path does',
                "copy the certificate of that key there, or set other paths; the task never replaces a key",
            )
        if not has_key:
            raise InvalidInput(
                f"{self.option}.key_path",
                f'the file "{self.key_path}" does not exist, but the file at certificate_path does',
                "copy the key of that certificate there, set other paths, or use only the certificate, with the "
                "option certificates",
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
            # Another file is at one of the paths; the only copy of the key is in the record.
            return
        self._forget()

    @property
    def _paths(self) -> tuple[str, str]:
        return self.key_path, self.certificate_path

    @property
    def _options(self) -> tuple[str, str]:
        return f"{self.option}.key_path", f"{self.option}.certificate_path"

    def _recorded(self) -> tuple[bytes, bytes] | None:
        """Key and certificate of a run that did not complete the files; None if there was none."""
        try:
            with open(self.key_path + _INCOMPLETE, "rb") as file:
                key, mark, certificate = file.read().partition(_CERTIFICATE_MARK)
        except OSError:
            # Also if the directory does not exist, which is reported when the files are created.
            return None
        return key, mark + certificate

    def _record(self, key: bytes, certificate: bytes) -> None:
        """Write both into one file, atomically."""
        part, cause = self.key_path + _PART, ""
        _remove(part)
        _write(self._options[0], part, key + certificate, _KEY_MODE, os.O_EXCL)
        try:
            os.replace(part, self.key_path + _INCOMPLETE)
        except OSError as error:
            _remove(part)
            cause = error.strerror or type(error).__name__
        if cause:
            raise InvalidInput(self._options[0], f'"{self.key_path}" cannot be created: {cause}', _OTHER_DIRECTORY)

    def _forget(self) -> None:
        _remove(self.key_path + _INCOMPLETE)

    def _checked(
        self, now: datetime.datetime | None = None, certificate_source: str | None = None, key_source: str | None = None
    ) -> Certificate:
        """The certificate of the two files, or of two texts instead."""
        source = certificate_source or self.certificate_path
        certificate = loading.load_certificates(f"{self.option}.certificate_path", source)[0]
        if not self._is_key_of(certificate, key_source or self.key_path):
            raise InvalidInput(
                f"{self.option}.key_path",
                f'"{self.key_path}" is not the key of the certificate in "{self.certificate_path}"',
                "set the two files of one pair, or two paths that do not exist yet",
            )
        check_rsa(f"{self.option}.certificate_path", certificate)
        self.check_validity(certificate, now)
        return certificate

    def check_validity(self, certificate: Certificate, now: datetime.datetime | None) -> None:
        """Reject the certificate of the pair if it is not valid. ``now``: as in :mod:`.certificates`.

        Raises:
            InvalidInput: it has expired, or is not valid yet.
        """
        if certificate.not_after <= (now or _time.utc_now() - loading.CLOCK_DOUBT):
            raise InvalidInput(
                f"{self.option}.certificate_path",
                f'the certificate in "{self.certificate_path}" expired on {day(certificate.not_after)}',
                "rotate the credential: set two new paths, and set the new pair at the link; the task renews nothing",
            )
        loading.check_validity(f"{self.option}.certificate_path", certificate, now)

    def _is_key_of(self, certificate: Certificate, source: str) -> bool:
        option = f"{self.option}.key_path"
        with contextlib.suppress(InvalidInput):
            return loading.load_key(option, source, None, option).public_key == certificate.public_key
        raise InvalidInput(
            option,
            f'"{self.key_path}" contains no private key that is readable without a passphrase',
            "set a key without a passphrase, or use only the certificate, with the option certificates",
        )

    def make(self, subject: str, now: datetime.datetime | None = None) -> Certificate:
        """Generate the pair and both files, the key only readable by its owner. Neither must exist.

        ``now``: the time by the services' clocks; None for the control node's.

        Raises:
            InvalidInput: a file cannot be written, or was created in the meantime.
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
            # Just generated and not used yet; if kept, it would block the next run.
            for path in written:
                _remove(path)
            self._forget()
            raise
        self._forget()
        return self._checked(now)


def check_rsa(option: str, certificate: Certificate) -> None:
    """Reject a certificate that Entra registers but DSM cannot use (DSM contract §2.7).

    Raises:
        InvalidInput: the key has another type.
    """
    if not certificate.is_rsa:
        raise InvalidInput(
            option,
            "its key is not RSA, but Entra accepts only assertions that are signed with RSA",
            "use a certificate with an RSA key of at least 2048 bits",
        )


def _check_place(option: str, path: str) -> None:
    """Reject a path where no file can be created, without creating anything.

    Raises:
        InvalidInput: its directory is not a directory, or is not writable.
    """
    problem = _places.problem_of(path)
    if not problem:
        return
    raise InvalidInput(option, f'"{path}" cannot be created: {problem}', _OTHER_DIRECTORY)


def _make_directory(option: str, path: str) -> None:
    """Create the directory of a file, with missing parents, only accessible by its owner."""
    cause = ""
    for directory in _places.missing_directories(path)[1]:
        try:
            os.mkdir(directory, _DIRECTORY_MODE)
        except FileExistsError:
            # Another run created it at the same time.
            continue
        except OSError as error:
            cause = f"{directory}: {error.strerror or type(error).__name__}"
            break
    if cause:
        raise InvalidInput(option, f'"{path}" cannot be created: {cause}', _OTHER_DIRECTORY)


def _is_incomplete(path: str, content: bytes) -> bool:
    """Whether the file does not exist, or contains only the beginning, or all, of the content."""
    try:
        with open(path, "rb") as file:
            return content.startswith(file.read())
    except FileNotFoundError:
        return not os.path.lexists(path)
    except OSError:
        # Reported with its option when the files are read.
        return False


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def _write(option: str, path: str, content: bytes, mode: int, existing: int) -> None:
    """Write a file; no link is followed. ``existing``: O_EXCL to refuse an existing one, O_TRUNC to replace it."""
    cause = ""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | existing, mode)
    except OSError as error:
        cause = error.strerror or type(error).__name__
    if cause:
        raise InvalidInput(option, f'"{path}" cannot be created: {cause}', _OTHER_DIRECTORY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        os.unlink(path)
        cause = error.strerror or type(error).__name__
    if cause:
        raise InvalidInput(option, f'"{path}" cannot be written: {cause}', "free disk space, or set another directory")


def _common_name(wanted: str) -> str:
    """The name as a valid subject: printable, and cut between two characters."""
    encoded = printable(wanted).encode("utf-8", "ignore")[:_LONGEST_COMMON_NAME]
    name = encoded.decode("utf-8", "ignore").strip()
    return name if any(character.isprintable() and not character.isspace() for character in name) else _FALLBACK_NAME


def self_signed(subject: str, days: int, key_size: int, now: datetime.datetime | None = None) -> tuple[bytes, bytes]:
    """Certificate and key, PEM, the key as PKCS#8 without a passphrase.

    ``now``: the time by the services' clocks, which decide on the validity; None for the control node's.
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
        # Counted from the start: policies on lifetimes do the same (Azure contract §2 T37).
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
    """The start of validity: in the past for the services, and for the local checks of the control node."""
    here = _time.utc_now()
    now = now or here
    earlier = min(now, here)
    # A control node that is behind by the full lifetime would generate an expired certificate.
    return (earlier if earlier + lifetime / 2 > now else now) - _CLOCK_SKEW
