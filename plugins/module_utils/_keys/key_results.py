# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Keys in results: an allow-list of public facts, for each key and each of its versions. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._azure.keys.key_records import KeyVersion, PublicKey
from .._dsm.keys.key_records import DsmKey
from .._texts.plain import readable
from .._timestamps import iso_or_none
from .desired_key import DesiredKey
from .key_findings import KeyFact
from .key_terms import form_of, operation_of, usual_operations
from .reconciliation import ReconciledKey


def record_of(key: ReconciledKey, vault_uri: str, facts: Iterable[KeyFact]) -> dict[str, Any]:
    """A key as a module returns it. What was not read is None.

    Args:
        vault_uri: of the link, for the key's ID.
        facts: all findings about keys of the group.
    """
    attributes, newest, current = key.attributes, key.newest, key.current
    public = None if current is None else current.public
    version = _version_of(key)
    versionless = (
        key.azure.uri if key.azure is not None and key.azure.uri else f"{vault_uri.rstrip('/')}/keys/{key.name}"
    )
    record = {
        "name": key.name,
        "versionless_id": versionless,
        "id": None if version is None else f"{versionless}/{version}",
        "version": version,
        "state": key.state,
        "in_sync": None if key.lags is None else not key.lags,
        "compared": key.compared,
        "managed": None if key.azure is None else key.azure.managed,
        "enabled": _either(attributes, "enabled", newest, lambda one: one.key.enabled),
        "created": None if attributes is None else iso_or_none(attributes.created),
        "not_before": iso_or_none(_either(attributes, "not_before", newest, lambda one: one.activates)),
        "expires": iso_or_none(_either(attributes, "expires", newest, lambda one: one.expires)),
        **_form(public, _described(key)),
        "protection": protection_of(key),
        "hsm_platform": None if attributes is None else attributes.hsm_platform,
        "exportable": None if attributes is None else attributes.exportable,
        "recovery_level": None if attributes is None else attributes.recovery_level,
        "purge_date": None if key.deleted is None else iso_or_none(key.deleted.purge_due),
        "tags": None if attributes is None else dict(attributes.tags),
        "azure_rotates": None if key.azure is None else key.azure.azure_rotates,
        "origin": origin_of(key),
        "source_kid": key.copied_from,
        "public_key_sha256": digest_of(key),
        "records": [_record(one) for one in sorted(key.records, key=_age)],
        "versions": _versions(key, versionless),
        "findings": sorted({fact.kind.id for fact in facts if fact.key == key.name}),
    }
    return dict(readable(record))


def origin_of(key: ReconciledKey) -> str:
    """``copy`` of a key in DSM, ``azure`` for a key that this collection had Azure generate, or ``unknown``."""
    if key.copied_from is not None:
        return "copy"
    recorded = None if key.newest is None else key.newest.recorded_origin
    return recorded if recorded in ("copy", "azure") else "unknown"


# Of one key, without what only a comparison of all versions knows.
_OF_ONE_KEY = (
    "name",
    "versionless_id",
    "id",
    "version",
    "state",
    "type",
    "size",
    "curve",
    "operations",
    "protection",
    "hsm_platform",
    "enabled",
    "created",
    "not_before",
    "expires",
    "recovery_level",
    "purge_date",
    "tags",
    "origin",
    "source_kid",
    "public_key_sha256",
)


def key_record(key: ReconciledKey, vault_uri: str) -> dict[str, Any]:
    """A key as a task on one key returns it: its current version, and DSM's record of that."""
    record, newest = record_of(key, vault_uri, ()), key.newest
    policy = None if newest is None else newest.rotation_policy
    of_dsm = {
        "kid": None if newest is None else newest.key.kid,
        "dsm_name": None if newest is None else newest.key.name,
        "description": None if newest is None else newest.description,
        "metadata": None if newest is None else newest.own_metadata,
        "rotation_policy": None if policy is None else policy.view(),
        "next_rotation": None if newest is None else iso_or_none(newest.next_rotation),
    }
    return {**readable(of_dsm), **{name: record[name] for name in _OF_ONE_KEY}}


def planned_record(desired: DesiredKey, vault_uri: str) -> dict[str, Any]:
    """The same of a key that is to be created: what is requested. Everything else is None."""
    nothing = ReconciledKey(desired.name, "live", (), None, None, None, "unknown", None)
    view = {name: value for name, value in desired.view().items() if name != "source"}
    record = {**key_record(nothing, vault_uri), **view, "state": "planned"}
    return record if vault_uri else {**record, "versionless_id": None}


def _form(public: PublicKey | None, newest: DsmKey | None) -> dict[str, Any]:
    """Type, size, curve and operations, in the same words whichever side they are from."""
    shown_by = newest if public is None else public
    if shown_by is None:
        return {"type": None, "size": None, "curve": None, "operations": None}
    return {
        **form_of(shown_by.type, shown_by.size, shown_by.curve),
        # DSM has others, which say nothing about Azure.
        "operations": sorted(
            usual_operations(shown_by.operations) if public is None else map(operation_of, shown_by.operations)
        ),
    }


def _either(attributes: Any, member: str, newest: DsmKey | None, of_record: Any) -> Any:
    """A fact of the vault if it was read, otherwise of DSM's newest record."""
    if attributes is not None:
        return getattr(attributes, member)
    return None if newest is None else of_record(newest)


def _version_of(key: ReconciledKey) -> str | None:
    """The current version: the vault's, or DSM's newest where the vault was not read or has the same one."""
    if key.current is not None:
        return key.current.id
    if key.newest is None or (key.azure is not None and key.lags is not False):
        return None
    return key.newest.key.azure_version


def protection_of(key: ReconciledKey) -> str | None:
    """``software`` or ``hsm``, as far as either side shows it."""
    software = None if key.attributes is None else key.attributes.is_software
    if software is not None:
        return "software" if software else "hsm"
    public = None if key.current is None else key.current.public
    if public is not None:
        return "hsm" if public.type.upper().endswith("-HSM") else "software"
    record = _described(key)
    return "hsm" if record is not None and record.hardware else None


def _described(key: ReconciledKey) -> DsmKey | None:
    """DSM's record of the current version; None if DSM lacks it, or that is not known: it may be of another type."""
    return key.newest if key.azure is None or key.lags is False else None


def digest_of(key: ReconciledKey) -> str | None:
    """The digest of the public key of the current version; None if it was not read."""
    public = None if key.current is None else key.current.public
    if public is not None:
        return public.sha256
    version = _version_of(key)
    return next((one.public_sha256 for one in key.records if version and one.key.azure_version == version), None)


def _record(one: DsmKey) -> dict[str, Any]:
    return {
        "kid": one.key.kid,
        "name": one.key.name,
        "version": one.key.azure_version,
        "state": one.key.state,
        "azure_state": one.key.azure_state,
        "enabled": one.key.enabled,
        "created": iso_or_none(one.created),
        "expires": iso_or_none(one.expires),
        "copied_from": one.copied_from,
        "replaced": one.replaced,
        "replacement": one.replacement,
        "rotation_policy": one.rotates,
        "next_rotation": iso_or_none(one.next_rotation),
    }


def _age(one: DsmKey) -> tuple[str, str]:
    return iso_or_none(one.created) or "", one.key.kid


def _versions(key: ReconciledKey, versionless: str) -> list[dict[str, Any]] | None:
    """The versions of a live key, the newest first; None if they were not read."""
    if key.azure is None or key.azure.versions is None:
        return None
    known = {one.key.azure_version: one.key.kid for one in key.present}

    def age(version: KeyVersion) -> tuple[str, str]:
        return iso_or_none(version.attributes.created) or "", version.id

    return [
        {
            "version": one.id,
            "id": f"{versionless}/{one.id}",
            "enabled": one.attributes.enabled,
            "created": iso_or_none(one.attributes.created),
            "not_before": iso_or_none(one.attributes.not_before),
            "expires": iso_or_none(one.attributes.expires),
            "hsm_platform": one.attributes.hsm_platform,
            "tags": dict(one.attributes.tags),
            "public_key_sha256": None if one.public is None else one.public.sha256,
            "kid": known.get(one.id),
        }
        for one in sorted(key.azure.versions, key=age, reverse=True)
    ]
