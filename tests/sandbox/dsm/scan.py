# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SYNC KEYS: bring the group's virtual keys in line with the vault (DSM contract §3.3, §4.3, §4.4)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..custody.public_keys import in_dsms_terms
from .azure_egress import AzureEgress, AzureFailure, as_expected
from .context import Dsm
from .errors import bad_request
from .external_kms import stored_form
from .keys.shapes import key_json
from .keys.vault import TAG, identity_of
from .state import Account
from .values import Group, SecurityObject, new_id

_PARALLEL = 8


@dataclass(frozen=True)
class _Found:
    """One key version as the vault shows it, in DSM's terms."""

    name: str
    version: str
    enabled: bool
    obj_type: str
    key_size: int | None
    elliptic_curve: str | None
    key_ops: list[str]
    pub_key: str
    hardware: bool
    managed: bool
    expires: int | None
    not_before: int | None
    tags: dict[str, str]

    @property
    def identity(self) -> tuple[str, str]:
        return self.name, self.version


class Scanner:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    async def scan(self, group: Group, creator: dict[str, str]) -> list[dict[str, Any]]:
        """Scan all links of a group; the answer holds the new virtual keys only (Q30)."""
        async with self._dsm.lock(group.group_id):
            record: dict[str, Any] = {
                "scan_id": new_id(),
                "is_async": False,
                "started_at": self._dsm.runtime.clock.dsm_stamp(),
            }
            group.scans.append(record)
            seen: list[SecurityObject] = []
            try:
                for link in list(group.hmg.values()):
                    seen += await self._link(group, link, creator, record)
            except Exception as error:
                self._finish(record, {"$type": "Failed", "message": str(error)})
                raise
            self._finish(record, {"$type": "Success"})
            return [key_json(key, self._dsm.profile) for key in seen]

    def _finish(self, record: dict[str, Any], result: dict[str, Any]) -> None:
        record |= {"finished_at": self._dsm.runtime.clock.dsm_stamp(), "scan_result": result}

    async def _link(
        self, group: Group, link: Mapping[str, Any], creator: dict[str, str], record: dict[str, Any]
    ) -> list[SecurityObject]:
        """Scan one link. Returned are the virtual keys that the answer is to hold."""
        link = stored_form(link)
        if not link["url"]:
            raise bad_request("No key vault has been chosen for this group yet")
        account = self._dsm.state.accounts[group.acct_id]
        records = [key for key in account.keys.in_group(group.group_id) if key.external]
        answered: list[SecurityObject] = []
        async with AzureEgress(link, self._dsm) as azure:
            found, failure = await self._found(azure, record)
            if failure is None:
                unread = {warning["source_key_id"] for warning in record.get("warnings", [])}
                missing = [
                    key for key in records if identity_of(key) not in found and identity_of(key)[0] not in unread
                ]
                await self._refresh_missing(azure, missing)
        by_identity: dict[tuple[str, str], list[SecurityObject]] = {}
        for key in records:
            by_identity.setdefault(identity_of(key), []).append(key)
        for identity, seen in found.items():
            known = by_identity.get(identity, [])
            for key in known:
                self._refresh(key, seen)
            if self._is_recorded(seen, known, records):
                answered += known if self._dsm.profile.scan_answer == "all" else []
            elif not self._skipped(seen):
                answered.append(self._create(account, group, seen, creator))
        if failure is not None:
            raise failure
        return answered

    async def _found(
        self, azure: AzureEgress, record: dict[str, Any]
    ) -> tuple[dict[tuple[str, str], _Found], AzureFailure | None]:
        """The key versions that get a virtual key: the current ones, or all (Q44).

        Where one key cannot be read, Q46 tells what the scan makes of it: nothing at all, or those before it and the
        failure, or all others and a warning.
        """
        listed = await azure.keys()
        with as_expected("vault"):
            names = [str(item["kid"]).rstrip("/").rsplit("/", 1)[1] for item in listed]
        wanted = [(name, "") for name in names]
        if self._dsm.profile.scan_versions == "all":
            wanted = [
                (name, str(item["kid"]).rsplit("/", 1)[1]) for name in names for item in await azure.key_versions(name)
            ]
        if self._dsm.profile.scan_failure == "nothing":
            bundles = await _bounded(*(azure.key(name, version) for name, version in wanted))
            return self._judged([name for name, _version in wanted], bundles), None
        found: dict[tuple[str, str], _Found] = {}
        for name, version in wanted:
            try:
                found |= self._judged([name], [await azure.key(name, version)])
            except AzureFailure as failure:
                if self._dsm.profile.scan_failure == "partial":
                    return found, failure
                record.setdefault("warnings", []).append({"source_key_id": name, "message": str(failure)})
        return found, None

    def _judged(self, names: list[str], bundles: list[dict[str, Any] | None]) -> dict[tuple[str, str], _Found]:
        with as_expected("vault"):
            found = [
                _seen(name, bundle)
                for name, bundle in zip(names, bundles, strict=True)
                if bundle is not None and self._is_recordable(name, bundle)
            ]
        return {seen.identity: seen for seen in found}

    def _is_recordable(self, name: str, bundle: Mapping[str, Any]) -> bool:
        """Azure groups hold RSA and EC keys only. What a scan makes of all others is not public (Q44)."""
        kty = str(bundle["key"]["kty"])
        if kty.removesuffix("-HSM") in ("RSA", "EC"):
            return True
        if self._dsm.profile.scan_other_types == "fails":
            raise AzureFailure("Azure Key Vault", f"the key {name} has the unknown type {kty}")
        return False

    def _is_recorded(self, seen: _Found, known: list[SecurityObject], records: list[SecurityObject]) -> bool:
        """Whether a version has its virtual key, also one that no scan made but an operation of DSM (Q51)."""
        setting = self._dsm.profile.scan_recognises
        if setting == "doubles":
            return any(not key.made_by_dsm for key in known)
        if (
            setting == "by_name"
            and not known
            and any(key.made_by_dsm and identity_of(key)[0] == seen.name for key in records)
        ):
            return True
        return bool(known)

    def _skipped(self, seen: _Found) -> bool:
        """Whether a key of this kind gets no virtual key (Q44)."""
        setting = self._dsm.profile.scan_skips
        expired = seen.expires is not None and seen.expires <= self._dsm.runtime.clock.now()
        kinds = {"disabled": not seen.enabled, "managed": seen.managed, "expired": expired}
        return any(kinds.values()) if setting == "all" else kinds.get(setting, False)

    async def _refresh_missing(self, azure: AzureEgress, keys: list[SecurityObject]) -> None:
        """Known virtual keys that the listing did not show: older versions, soft-deleted keys, purged keys."""
        bundles = await _bounded(*(azure.key(*identity_of(key)) for key in keys))
        gone = [key for key, bundle in zip(keys, bundles, strict=True) if bundle is None]
        with as_expected("vault"):
            there = [
                (key, _seen(identity_of(key)[0], bundle))
                for key, bundle in zip(keys, bundles, strict=True)
                if bundle is not None
            ]
        for key, seen in there:
            self._refresh(key, seen)
        deleted = await _bounded(*(azure.deleted_key(identity_of(key)[0]) for key in gone))
        for key, remains in zip(gone, deleted, strict=True):
            key.enabled = False
            key.custom_metadata["azure-key-state"] = "deleted" if remains else "purged"
            if not remains:
                key.state = "Destroyed"

    def _refresh(self, key: SecurityObject, seen: _Found) -> None:
        """Take over what Azure says about a key that DSM knows: how much of it is not public (Q53)."""
        key.custom_metadata["azure-key-state"] = "created"
        if key.state == "Destroyed":
            key.state = "Active"
        self._pull(key, seen)

    def _pull(self, key: SecurityObject, seen: _Found) -> None:
        setting = self._dsm.profile.pulls
        if setting != "none":
            key.enabled = seen.enabled
        if setting in ("enabled+dates", "all"):
            key.activation_date, key.deactivation_date = _stamp(seen.not_before), _stamp(seen.expires)
        if setting == "all":
            key.key_ops = seen.key_ops
            kept = {name: value for name, value in key.custom_metadata.items() if not name.startswith(TAG)}
            key.custom_metadata = kept | {f"{TAG}{name}": value for name, value in seen.tags.items()}

    def _create(self, account: Account, group: Group, seen: _Found, creator: dict[str, str]) -> SecurityObject:
        metadata = {"azure-key-name": seen.name, "azure-key-state": "created"}
        if seen.hardware:
            metadata["azure-key-type"] = "hardware"
        made = self._dsm.state.add_key(
            group.group_id,
            _free_name(account, seen),
            obj_type=seen.obj_type,
            key_size=seen.key_size,
            elliptic_curve=seen.elliptic_curve,
            creator=creator,
            origin="External",
            enabled=seen.enabled,
            key_ops=seen.key_ops,
            external={
                "hsm_group_id": group.group_id,
                "id": {"version": str(uuid.UUID(hex=seen.version)), "label": seen.name},
            },
            custom_metadata=metadata,
            pub_key=seen.pub_key,
        )
        self._pull(made, seen)
        return made


async def _bounded(*calls: Any) -> list[Any]:
    """Await the calls a few at a time, results in order."""
    gate = asyncio.Semaphore(_PARALLEL)

    async def one(call: Any) -> Any:
        async with gate:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))


def _seen(name: str, bundle: Mapping[str, Any]) -> _Found:
    jwk = bundle["key"]
    return _Found(
        name=name,
        version=uuid.UUID(hex=str(jwk["kid"]).rsplit("/", 1)[1]).hex,
        enabled=_enabled(bundle),
        **in_dsms_terms(jwk, jwk.get("key_ops", [])),
        hardware=str(jwk["kty"]).endswith("-HSM"),
        managed=bool(bundle.get("managed")),
        expires=bundle["attributes"].get("exp"),
        not_before=bundle["attributes"].get("nbf"),
        tags=dict(bundle.get("tags") or {}),
    )


def _stamp(seconds: int | None) -> str | None:
    return None if seconds is None else Clock.dsm_stamp_of(seconds)


def _enabled(bundle: Mapping[str, Any]) -> bool:
    return bool(bundle["attributes"].get("enabled", True))


def _free_name(account: Account, seen: _Found) -> str:
    """Azure's name; names are unique in an account, so a taken one is told apart by version, then by a fresh id."""
    for name in (seen.name, f"{seen.name} ({seen.version})"):
        if account.keys.named(name) is None:
            return name
    return f"{seen.name} ({seen.version}) {new_id()}"
