# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads one key of a group on both sides, as often as a task needs it, and syncs the group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._azure.keys import vault_keys
from .._azure.keys.key_records import KeyVersion
from .._azure.keys.vault_reading import label_of, read_one
from .._azure.wire.channel import Channel
from .._azure.wire.credential import Operator
from .._azure.wire.errors import AzureError
from .._dsm.account.approvals import Asking, WriteResult
from .._dsm.account.guarded_keys import GuardedKey, place_of
from .._dsm.groups.stored_groups import Group
from .._dsm.keys import key_reading, virtual_keys
from .._dsm.keys.key_records import DsmKey, Sources
from .._dsm.keys.virtual_keys import KeyChanges
from .._dsm.wire.client import DsmClient
from .._errors import TaskError
from .._keys.key_decisions import SeenKey
from .._keys.key_results import key_record
from .._keys.reconciliation import ObservedKeys, ReconciledKey, reconcile
from .._names import same_name
from .._rest.statuses import FORBIDDEN
from .._task import Task


@dataclass
class ObservedKey:
    """One key on both sides.

    Attributes:
        name: in the vault.
        vault_type: of the link; None if it is not known.
        operator: the Azure login; None if the task does not look in Azure.
        vault: its client for the keys of the vault; None as well while no vault is selected.
        source: the key that is copied, once it was read.
        in_dsm: all records of the group, as they were read last.
        known: DSM's records of the key before the first sync of the task; None if it has not synced.
        with_versions: whether to read all versions of the vault, too.
        with_rotation: whether to read Azure's rotation policy of the key, too.
        with_deleted: whether the deleted keys of the vault could be read the last time.
    """

    task: Task
    dsm: DsmClient
    group: Group
    name: str
    vault_type: str | None
    operator: Operator | None
    vault: Channel | None
    asking: Asking
    source: DsmKey | None = None
    in_dsm: tuple[DsmKey, ...] = ()
    known: tuple[DsmKey, ...] | None = None
    with_versions: bool = False
    with_rotation: bool = False
    with_deleted: bool = False

    @property
    def label(self) -> str:
        return f'key "{self.name}" of {self.group.label}'

    @property
    def vault_label(self) -> str:
        return label_of(self.group.azure_link.vault_uri)

    @property
    def records(self) -> list[DsmKey]:
        """DSM's records of the key, as they were read last."""
        return [one for one in self.in_dsm if same_name(one.key.azure_name, self.name)]

    @property
    def guarded_key(self) -> GuardedKey:
        """The key as approval requests are about it. Its name in DSM is that of the newest record."""
        names = [one.key.name for one in self.records if one.replacement is None and one.key.name]
        kids = frozenset(one.key.kid for one in self.records)
        return GuardedKey(place_of(self.group.group_id, self.name), kids, names[0] if names else None)

    def read_records(self) -> None:
        if self.group.group_id is not None:
            self.in_dsm = tuple(key_reading.list_keys(self.dsm, self.group.group_id, self.group.label))

    def look(self) -> SeenKey:
        """Both sides of the key, as far as they are to be read. The records of DSM were read before."""
        contents = None
        if self.vault is not None:
            contents = read_one(self.vault, self.name, self.vault_label, with_rotation=self.with_rotation)
        in_azure, deleted = (None, None) if contents is None else (contents.keys, contents.deleted)
        self.with_deleted = deleted is not None
        found = reconcile(ObservedKeys(self.records, None, in_azure, deleted))
        key = found[0] if found else None
        return SeenKey(
            key,
            self.source,
            self._chains(key),
            with_azure=self.vault is not None,
            synced=self.known is not None,
            known=self.known or (),
            vault_type=self.vault_type,
            versions=self.read_versions(key) if self.with_versions else None,
        )

    def read_versions(self, key: ReconciledKey | None) -> tuple[KeyVersion, ...] | None:
        """All versions of the vault; None if it was not read, has no such key, or the operator cannot list them."""
        if self.vault is None or key is None or key.azure is None:
            return None
        try:
            return vault_keys.with_versions(self.vault, key.azure, self.vault_label).versions
        except AzureError as error:
            if error.status != FORBIDDEN:
                raise
            return None

    def _chains(self, key: ReconciledKey | None) -> Sources:
        """The rotations of the source and of the key that was copied, where these are two keys."""
        newest = None if key is None else key.newest
        if self.source is None:
            return Sources({})
        kid, copied = self.source.key.kid, None if newest is None else newest.copied_from
        if copied is None or copied == kid:
            return Sources({kid: self.source})
        return key_reading.read_chains(self.dsm, (kid, copied), self.source)

    def sync(self) -> tuple[WriteResult, KeyChanges | None]:
        """Sync the keys of the group and read DSM's records again; None if the sync is pending approval."""
        before = [one.key for one in self.in_dsm]
        outcome = virtual_keys.scan(self.dsm, self.group.synced, self.task.params["sync_timeout"], self.asking)
        self.known = tuple(self.records) if self.known is None else self.known
        if outcome.is_pending:
            return outcome, None
        self.read_records()
        return outcome, virtual_keys.compare(before, [one.key for one in self.in_dsm])

    def shown(self, key: ReconciledKey | None) -> dict[str, Any] | None:
        """The key as results and failures have it; None if there is none."""
        return None if key is None else key_record(key, self.group.azure_link.vault_uri)

    def failure(self, key: ReconciledKey | None, problem: str, next_step: str, **details: Any) -> TaskError:
        """A failure that both sides of the key show, as far as they were read."""
        return TaskError(
            problem,
            plane="DSM" if self.vault is None else "Azure",
            obj=self.label,
            next_step=next_step,
            key=self.shown(key),
            **details,
        )
