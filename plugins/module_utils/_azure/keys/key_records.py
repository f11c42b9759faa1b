# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Keys of a vault or a Managed HSM as values: attributes, versions, deleted keys. Never their material. Pure.

Sources: Azure contract §1.9; "About keys" and "Get Keys" of the Key Vault REST reference on learn.microsoft.com.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from ..._names import name_key

# `hsmPlatform` of a key that is protected by software.
SOFTWARE_PLATFORM = 0


@dataclass(frozen=True)
class KeyAttributes:
    """Attributes of one version. All times are UTC.

    ``hsm_platform``: the number of the platform as text; "0" is software. Each member is None if Azure omits it.
    """

    enabled: bool = True
    created: datetime | None = None
    updated: datetime | None = None
    not_before: datetime | None = None
    expires: datetime | None = None
    recovery_level: str | None = None
    hsm_platform: str | None = None
    exportable: bool | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_software(self) -> bool | None:
        """Whether software protects the key; None if Azure does not report the number of a platform."""
        return None if self.platform is None else self.platform == SOFTWARE_PLATFORM

    @property
    def platform(self) -> int | None:
        """The number of the platform; None if Azure reports none, or something else."""
        text = self.hsm_platform
        return int(text) if text is not None and text.isascii() and text.isdecimal() else None


@dataclass(frozen=True)
class PublicKey:
    """The public half of a version. ``type``: as Azure writes it (``RSA-HSM``). ``size``: of an RSA key, in bits.

    ``sha256``: as :func:`_certificates.public_keys.sha256_of_numbers`; None for a type without a public half, or one
    that this collection does not know.
    """

    type: str
    size: int | None
    curve: str | None
    operations: tuple[str, ...]
    sha256: str | None


@dataclass(frozen=True)
class KeyVersion:
    """``id``: 32 hex digits. ``public``: None when it was not read."""

    id: str
    attributes: KeyAttributes = KeyAttributes()
    public: PublicKey | None = None


@dataclass(frozen=True)
class VaultKey:
    """A key with at least one version.

    ``uri``: its ID without a version. ``managed``: it backs a certificate; None if that is not known. ``listed``: the
    attributes in the list of keys; it is not documented that they are those of the latest version. ``versions``: None
    when they were not read. ``azure_rotates``: whether Azure's own rotation policy creates new versions; None when it
    was not read.
    """

    name: str
    uri: str = ""
    managed: bool | None = False
    listed: KeyAttributes = KeyAttributes()
    versions: tuple[KeyVersion, ...] | None = None
    azure_rotates: bool | None = None

    @property
    def current(self) -> tuple[KeyVersion, ...]:
        """The latest version, which is used when none is named; several if they were created in the same second."""
        never = datetime.min.replace(tzinfo=timezone.utc)
        last = max((version.attributes.created or never for version in self.versions or ()), default=never)
        return tuple(version for version in self.versions or () if (version.attributes.created or never) == last)

    @property
    def attributes(self) -> KeyAttributes:
        """Those of the latest version; of the list if versions were not read, or several are the latest."""
        latest = self.current
        return latest[0].attributes if len(latest) == 1 else self.listed

    def with_versions(self, listed: Iterable[tuple[str, KeyAttributes]]) -> VaultKey:
        """The key with the versions of a list: each one once, because pages may overlap.

        A live key has versions. If Azure returns none, it has deleted the key since it listed it, or a replica of it
        lags: then nothing is known about versions, and they are None.
        """
        found = {name_key(version): attributes for version, attributes in listed}
        versions = tuple(KeyVersion(version, attributes) for version, attributes in found.items())
        return replace(self, versions=versions or None)


@dataclass(frozen=True)
class DeletedKey:
    """A soft-deleted key.

    ``purge_due``: when Azure purges it; None if Azure omits it. ``version``: its current version; None if it is from a
    list, which shows no versions. ``managed``: it backs a certificate; None if that is not known.
    """

    name: str
    deleted: datetime | None
    purge_due: datetime | None
    attributes: KeyAttributes = KeyAttributes()
    version: KeyVersion | None = None
    managed: bool | None = None

    @property
    def is_protected(self) -> bool:
        """Whether nobody can purge it before Azure does; False if Azure does not report that."""
        return is_protected(self.attributes)


def is_protected(attributes: KeyAttributes) -> bool:
    """Whether purge protection applies to a key, live or soft-deleted; False if Azure does not report that.

    Of the seven levels ("DeletionRecoveryLevel" of the Key Vault REST reference), those without it are purgeable.
    """
    return attributes.recovery_level is not None and "purgeable" not in attributes.recovery_level.lower()


def is_without_soft_delete(attributes: KeyAttributes) -> bool:
    """Whether a deletion destroys a key at once; False if Azure does not report that."""
    return name_key(attributes.recovery_level) == "purgeable"
