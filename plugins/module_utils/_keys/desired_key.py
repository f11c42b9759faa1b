# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The requested key: the options, checked as far as they can be without any request. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .._dsm.keys.key_records import DsmKey
from .._dsm.keys.rotation_policies import RotationPolicy
from .._errors import InvalidInput, quoted
from .._ids import checked_uuid
from .._names import repeated
from .._timestamps import day, iso, iso_or_none, later, parse_iso
from .attributes import metadata_of, rotation_policy_of, tags_of
from .key_terms import CURVES, DSM_OPERATIONS, EC, OF_EC, RSA, SIZES, form_of

COPY, GENERATED = "copy", "azure"
SOFTWARE, HSM = "software", "hsm"
CURRENT, ALL = "current", "all"
STANDARD, MANAGED_HSM = "standard", "managed_hsm"
# Azure's rule for names of keys (Key Vault REST reference, "Create Key").
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_LONGEST_DSM_NAME = 4096
# Azure counts seconds from here, and has no negative times.
_FIRST_YEAR = 1970
_REFUSED_OPERATIONS: Mapping[str, str] = {
    "export": "a key of a vault cannot be exported by DSM",
    "highvolume": "it switches the audit log of DSM off for the key",
}


@dataclass(frozen=True)
class SourceChoice:
    """The key in DSM whose material is copied: by its ID or by its name."""

    kid: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        return f"key {self.kid}" if self.kid else f'key "{self.name}"'


@dataclass(frozen=True)
class DesiredKey:
    """Each member is None where the task does not set it: an existing key then keeps its value.

    Attributes:
        name: in the vault.
        dsm_name: in DSM, for a key that is created.
        origin: ``copy`` or ``azure``.
        type, size, curve: with Azure's names.
        protection: ``software`` or ``hsm``.
        operations: our names, sorted.
        adopt: whether a key that somebody else has created may be managed.
        new_expires: expiry of a version that is created now, where it is counted from its creation in ``valid_days``.
        tags: all of them, without the reserved one.
        metadata: all entries, without the reserved ones.
        all_versions: whether ``enabled``, which is False then, is for all versions.
        recover: whether a soft-deleted key is recovered.
        allow_recreate: whether a purged key is copied again.
    """

    name: str
    dsm_name: str
    origin: str | None = None
    source: SourceChoice | None = None
    type: str | None = None
    size: int | None = None
    curve: str | None = None
    protection: str | None = None
    operations: tuple[str, ...] | None = None
    enabled: bool | None = None
    expires: datetime | None = None
    not_before: datetime | None = None
    adopt: bool = False
    new_expires: datetime | None = None
    valid_days: int | None = None
    tags: Mapping[str, str] | None = None
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    rotation_policy: RotationPolicy | None = None
    all_versions: bool = False
    recover: bool = False
    allow_recreate: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any], now: datetime) -> DesiredKey:
        """From the options of the module.

        Raises:
            InvalidInput: one of them is not valid, or two contradict each other. No request has been sent.
        """
        name = checked_name(params["name"])
        desired = cls(
            name=name,
            dsm_name=_checked_dsm_name(params["dsm_name"]) if params["dsm_name"] is not None else name,
            origin=params["origin"],
            source=_source(params["source"]),
            type=params["type"],
            size=params["size"],
            curve=params["curve"],
            protection=params["protection"],
            operations=_operations(params["operations"]),
            enabled=params["enabled"],
            expires=_time("expires", params["expires"]),
            not_before=_time("not_before", params["not_before"]),
            adopt=params["adopt"],
            new_expires=_after_days(params["valid_days"], now),
            valid_days=params["valid_days"],
            tags=tags_of(params["tags"]),
            description=params["description"],
            metadata=metadata_of(params["metadata"]),
            rotation_policy=rotation_policy_of(params["rotation_policy"], now),
            all_versions=_is_for_all(params["enabled_versions"], params["enabled"]),
            recover=params["on_soft_deleted"] == "recover",
            allow_recreate=params["allow_recreate"],
        )
        _check_origin(desired)
        _check_form(desired)
        _check_dates(desired, now)
        if desired.tags is not None and not params["look_in_azure"]:
            raise InvalidInput(
                "tags",
                "it is set with look_in_azure: false, and only Azure itself sets tags",
                "omit tags; or set look_in_azure: true and the operator credentials",
            )
        return desired

    @property
    def only_disables(self) -> bool:
        """Whether all versions are to be disabled, and nothing else is requested."""
        return self.all_versions and self.view().keys() <= {"name", "dsm_name", "enabled"}

    def as_new(self) -> DesiredKey:
        """The same for a version that is created now."""
        return replace(self, expires=self.expires or self.new_expires)

    def with_form_of(self, source: DsmKey) -> DesiredKey:
        """The same, with type, size and curve of the source, which a copy has too, where they are not set."""
        form = form_of(source.type, source.size, source.curve)
        return replace(self, **{name: value for name, value in form.items() if getattr(self, name) is None})

    def view(self) -> dict[str, Any]:
        """What is compared and shown in a plan or a diff: what is set, in the words of the options."""
        shown: dict[str, Any] = {
            "name": self.name,
            "dsm_name": self.dsm_name,
            "origin": self.origin,
            "source": None if self.source is None else str(self.source),
            "type": self.type,
            "size": self.size,
            "curve": self.curve,
            "protection": self.protection,
            "operations": None if self.operations is None else list(self.operations),
            "enabled": self.enabled,
            "expires": self._shown_expiry(),
            "not_before": iso_or_none(self.not_before),
            "tags": None if self.tags is None else dict(self.tags),
            "description": self.description,
            "metadata": None if self.metadata is None else dict(self.metadata),
            "rotation_policy": None if self.rotation_policy is None else self.rotation_policy.view(),
        }
        return {name: value for name, value in shown.items() if value is not None}

    def _shown_expiry(self) -> str | None:
        """Counted from the creation, it differs by seconds between a plan and its execution: only the day is shown."""
        is_counted = self.expires is not None and self.expires == self.new_expires
        return day(self.expires) if self.expires is not None and is_counted else iso_or_none(self.expires)


def check_for_vault(desired: DesiredKey, vault_type: str | None) -> None:
    """Refuse a protection that the vault does not have.

    Args:
        vault_type: ``standard``, ``premium`` or ``managed_hsm``; None if DSM does not store it.

    Raises:
        InvalidInput: the vault cannot protect the key in this way.
    """
    if desired.protection == HSM and vault_type == STANDARD:
        raise InvalidInput(
            "protection",
            "the vault of the group is a Standard vault, which has no HSM",
            "use a group with a Premium vault or a Managed HSM, or set protection: software",
        )
    if desired.protection == SOFTWARE and vault_type == MANAGED_HSM:
        raise InvalidInput(
            "protection",
            "the group uses a Managed HSM, which protects every key by an HSM",
            "set protection: hsm, or use a group with a vault",
        )


def check_can_be_created(desired: DesiredKey, vault_type: str | None) -> None:
    """Refuse a key that does not exist and whose options do not say completely what to create.

    Raises:
        InvalidInput: an option is missing.
    """
    if desired.origin is None:
        raise InvalidInput(
            "origin",
            f'it is not set, and there is no key "{desired.name}" in this group',
            "correct name; or set origin: copy with source to create the key from a key in DSM, or origin: azure to "
            "have Azure generate it",
        )
    if desired.origin == GENERATED:
        _check_generation(desired)
    if desired.protection is None and vault_type not in (STANDARD, MANAGED_HSM):
        raise InvalidInput(
            "protection",
            "it is not set, and a new key in this vault can be protected by software or by an HSM",
            "set protection: hsm or protection: software; it cannot be changed later",
        )


def check_source(desired: DesiredKey, source: DsmKey) -> None:
    """Refuse a source that cannot be copied into a vault, or that is not what the options state.

    Raises:
        InvalidInput: DSM or Azure would refuse the copy.
    """
    label = f'the key "{source.key.name}" ({source.key.kid})'
    if source.external:
        raise InvalidInput(
            "source",
            f"{label} is a virtual key: its material is not in DSM",
            "set a key whose material is in DSM",
        )
    if source.key.state != "active":
        raise InvalidInput(
            "source",
            f"{label} is in the state {source.key.state or 'unknown'}",
            "set a key in the state Active",
        )
    if not source.key.enabled:
        raise InvalidInput("source", f"{label} is disabled", "enable it, or set another key")
    if source.public_only:
        raise InvalidInput(
            "source", f"{label} is a public key: its private half is not in DSM", "set a key with its private half"
        )
    if source.never_exportable or "EXPORT" not in source.operations:
        raise InvalidInput(
            "source",
            f"{label} cannot be exported, and DSM copies only exportable keys into a vault",
            "set a key with the operation EXPORT; it cannot be added to a key later if DSM forbids that",
        )
    found = form_of(source.type, source.size, source.curve)
    if not _is_supported(found):
        raise InvalidInput(
            "source",
            f"{label} is {_in_words(found)}, which Azure does not accept",
            f"set an RSA key with {_listed(SIZES)} bits, or an EC key on {_listed(CURVES.values())}",
        )
    for option in ("type", "size", "curve"):
        wanted = getattr(desired, option)
        if wanted is not None and wanted != found[option]:
            raise InvalidInput(
                option,
                f"it is {quoted(wanted)}, but {label} is {_in_words(found)}",
                f"omit {option}, which a copy has from its source, or set another source",
            )
    _check_operations_of(desired.operations, str(source.type))


# Options --------------------------------------------------------------------------------------------------------------


def checked_name(name: str) -> str:
    """The name of a key in Azure.

    Raises:
        InvalidInput: no key can have it.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(
            "name",
            f"{quoted(name)} is not the name of a key in Azure",
            "set 1 to 127 letters of the English alphabet, digits and hyphens",
        )
    return name


def _checked_dsm_name(name: str) -> str:
    problem = None
    if not name.strip():
        problem = "it is blank"
    elif len(name) > _LONGEST_DSM_NAME:
        problem = f"it has {len(name)} characters"
    elif "\n" in name or "\r" in name:
        problem = "it contains a line break"
    if problem is not None:
        raise InvalidInput("dsm_name", problem, f"set a name of 1 to {_LONGEST_DSM_NAME} characters on one line")
    return name


def _source(given: Mapping[str, Any] | None) -> SourceChoice | None:
    if given is None:
        return None
    if given["kid"] is not None:
        return SourceChoice(kid=checked_uuid("source.kid", given["kid"]))
    if not given["name"].strip():
        raise InvalidInput("source.name", "it is blank", "set the name of a key in DSM")
    return SourceChoice(name=given["name"])


def _operations(given: Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    for one in given:
        why = _REFUSED_OPERATIONS.get(one.replace("_", "").lower())
        if why is not None:
            raise InvalidInput("operations", f"{quoted(one)} cannot be requested: {why}", f"remove {one}")
        if one not in DSM_OPERATIONS:
            raise InvalidInput(
                "operations", f"{quoted(one)} is not an operation of a key", f"use only {_listed(DSM_OPERATIONS)}"
            )
    if not given:
        raise InvalidInput("operations", "it is empty", "list at least one operation, or omit it for the usual ones")
    twice = repeated(given)
    if twice:
        raise InvalidInput("operations", f"it contains {quoted(twice[0])} twice", "list each operation once")
    return tuple(sorted(given))


def _time(option: str, given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        found = parse_iso(given)
    except ValueError:
        found = None
    if found is None:
        raise InvalidInput(
            option, f"{quoted(given)} is not a time", "set a time in ISO 8601, such as 2027-12-31T00:00:00Z"
        )
    # Both services store whole seconds.
    return found.replace(microsecond=0)


def _after_days(days: int | None, now: datetime) -> datetime | None:
    return None if days is None else later(now, timedelta(days=days)).replace(microsecond=0)


def _is_for_all(versions: str, enabled: bool | None) -> bool:
    if versions == ALL and enabled is not False:
        problem = (
            "it is all with enabled: true, which would also enable versions that must not be used any more"
            if enabled
            else "it is all, but enabled is not set"
        )
        raise InvalidInput(
            "enabled_versions",
            problem,
            "set enabled: false to disable all versions, or enabled_versions: current; single old versions are enabled "
            "in DSM or in Azure",
        )
    return versions == ALL


def _check_origin(desired: DesiredKey) -> None:
    if desired.origin == COPY and desired.rotation_policy is not None:
        raise InvalidInput(
            "rotation_policy",
            "it is set with origin: copy, and DSM would have Azure generate the material of each new version",
            "omit it, and rotate the source key in DSM",
        )
    if desired.origin == COPY and desired.source is None:
        raise InvalidInput("source", "it is not set, but required with origin: copy", "set source.name or source.kid")
    if desired.source is not None and desired.origin is None:
        raise InvalidInput("origin", "it is not set, but source is", "set origin: copy")
    if desired.source is not None and desired.origin != COPY:
        raise InvalidInput(
            "source",
            f"it is set with origin: {desired.origin}, where the material is from Azure",
            "omit source, or set origin: copy",
        )


def _check_form(desired: DesiredKey) -> None:
    if desired.size is not None and desired.curve is not None:
        raise InvalidInput("curve", "it is set with size, which only RSA keys have", "set one of the two")
    if desired.type == EC and desired.size is not None:
        raise InvalidInput("size", "it is set with type: EC", "set curve instead of size, or type: RSA")
    if desired.type == RSA and desired.curve is not None:
        raise InvalidInput("curve", "it is set with type: RSA", "set size instead of curve, or type: EC")
    is_ec = desired.type == EC or desired.curve is not None
    if is_ec:
        _check_operations_of(desired.operations, EC)


def _check_operations_of(operations: tuple[str, ...] | None, kind: str) -> None:
    other = [one for one in operations or () if one not in OF_EC]
    if kind == EC and other:
        raise InvalidInput(
            "operations", f"an EC key cannot {_listed(other)}", f"use only {_listed(OF_EC)}, or an RSA key"
        )


def _check_dates(desired: DesiredKey, now: datetime) -> None:
    if desired.expires is not None and desired.expires <= now:
        raise InvalidInput(
            "expires",
            f"{iso(desired.expires)} is in the past",
            "set a time in the future, or enabled: false to disable the key",
        )
    if desired.not_before is not None and desired.not_before.year < _FIRST_YEAR:
        raise InvalidInput("not_before", f"it is before {_FIRST_YEAR}", "omit it, or set a later time")
    end, option = desired.as_new().expires, "expires" if desired.new_expires is None else "the end of valid_days"
    if end is not None and desired.not_before is not None and desired.not_before >= end:
        raise InvalidInput("not_before", f"it is not before {option}", "set an earlier time, or a later expiry")


def _check_generation(desired: DesiredKey) -> None:
    if desired.type is None:
        raise InvalidInput("type", "it is not set, but required to generate a key", "set type: RSA or type: EC")
    if desired.type == RSA and desired.size is None:
        raise InvalidInput("size", "it is not set, but required to generate an RSA key", f"set {_listed(SIZES)}")
    if desired.type == EC and desired.curve is None:
        raise InvalidInput(
            "curve", "it is not set, but required to generate an EC key", f"set {_listed(CURVES.values())}"
        )


def _is_supported(form: Mapping[str, Any]) -> bool:
    return (form["type"] == RSA and form["size"] in SIZES) or (form["type"] == EC and form["curve"] in CURVES.values())


def _in_words(form: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in form.values() if value is not None) or "of an unknown type"


def _listed(words: Any) -> str:
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last
