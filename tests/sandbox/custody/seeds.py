# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations of DSM on Azure keys leave behind on both planes: short cuts for tests, also into the past.

To be used in the sandbox's own thread: `sandbox.do(lambda state: copy_to_azure(state.dsm, state.azure.public, ...))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..azure.keys.values import KeyVersion
from ..azure.state import CloudState
from ..azure.vaults import KeyStore
from ..dsm.state import DsmState
from ..dsm.values import SecurityObject
from .public_keys import in_dsms_terms, jwk_of


@dataclass(frozen=True)
class Pair:
    """One version in Azure, and its virtual key in DSM."""

    version: KeyVersion
    record: SecurityObject


def copy_to_azure(
    dsm: DsmState,
    cloud: CloudState,
    group_id: str,
    store: KeyStore | str,
    azure_name: str,
    source: SecurityObject,
    *,
    hardware: bool = False,
    dsm_name: str | None = None,
    days_ago: float = 0.0,
    **attributes: Any,
) -> Pair:
    """A copy of a source key: same public numbers, linked both ways. Onto a name that is taken, it is a rotation.

    `attributes` are members of the version in Azure.
    """
    assert source.pub_key is not None
    kty = f"{source.obj_type}-HSM" if hardware else source.obj_type
    version = cloud.import_key(store, azure_name, jwk_of(source.pub_key), kty, days_ago=days_ago, **attributes)
    record = _record(dsm, group_id, azure_name, dsm_name or azure_name, version, days_ago)
    dsm.link_copy(source, record)
    return Pair(version, record)


def generate_in_azure(
    dsm: DsmState,
    cloud: CloudState,
    group_id: str,
    store: KeyStore | str,
    azure_name: str,
    kty: str = "RSA",
    size: int = 2048,
    curve: str = "P-256",
    *,
    dsm_name: str | None = None,
    days_ago: float = 0.0,
    **attributes: Any,
) -> Pair:
    """A key, or a new version of it, that Azure generated because DSM asked for it."""
    version = cloud.add_key(store, azure_name, kty, size, curve, days_ago=days_ago, **attributes)
    return Pair(version, _record(dsm, group_id, azure_name, dsm_name or azure_name, version, days_ago))


def soft_delete_through_dsm(dsm: DsmState, cloud: CloudState, store: KeyStore | str, record: SecurityObject) -> None:
    """Soft-delete the Azure key of a virtual key; what DSM then shows is not public (Q52, Q60)."""
    assert record.external is not None
    cloud.delete_key(store, record.external["id"]["label"])
    dsm.mark(record, "deleted", cloud.profile())


def _record(
    dsm: DsmState, group_id: str, azure_name: str, name: str, version: KeyVersion, days_ago: float
) -> SecurityObject:
    """The virtual key of a fresh version. A record that has the name already is renamed, as by a rotation."""
    group = dsm.group(group_id)
    assert group is not None
    old = dsm.accounts[group.acct_id].keys.named(name)
    if old is not None:
        dsm.set_aside(old, days_ago=days_ago)
    metadata = {"azure-key-type": "hardware"} if version.kty.endswith("-HSM") else {}
    record = dsm.add_virtual_key(
        group_id,
        azure_name,
        version.version,
        name,
        **in_dsms_terms(version.material, version.key_ops),
        enabled=version.enabled,
        custom_metadata=metadata,
        days_ago=days_ago,
    )
    if old is not None:
        dsm.link_rotation(old, record)
    return record
