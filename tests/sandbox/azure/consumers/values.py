# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources that use a key, and the version of it that they use (Azure contract §1.10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..keys.values import Key
from ..vaults import KeyStore

STORAGE = "Microsoft.Storage/storageAccounts"
DISKS = "Microsoft.Compute/diskEncryptionSets"
SQL_SERVER = "Microsoft.Sql/servers"
SQL_INSTANCE = "Microsoft.Sql/managedInstances"

HOUR = 3600.0
LOOKS_EVERY = {STORAGE: 24 * HOUR, DISKS: HOUR, SQL_SERVER: 24 * HOUR, SQL_INSTANCE: 24 * HOUR}
"""Kind -> the seconds after which a service that follows new versions has found one (inferred)."""


@dataclass
class KeyUse:
    """The key of a resource. What follows finds a new version some time after it was made; what pins stays."""

    store: KeyStore
    name: str
    version: str
    since: float
    follows: bool = True
    looks_every: float = 24 * HOUR
    previous: list[str] = field(default_factory=list)
    """Versions used before, the newest first."""
    problem: str | None = None
    """Why the last look failed: the code of the service's error."""

    @property
    def key(self) -> Key | None:
        return self.store.key(self.name)

    def catch_up(self, now: float) -> None:
        """What happened since the last read: the service has looked, and uses what it found then."""
        if not self.follows:
            return
        key = self.key
        if key is None:
            self.problem = "KeyVaultKeyNotFound"
            return
        self.problem = None
        found = [one for one in key.versions if one.enabled and one.created + self.looks_every <= now]
        if found and found[-1].version != self.version and found[-1].created > self._created(key):
            self.previous.insert(0, self.version)
            self.version, self.since = found[-1].version, found[-1].created + self.looks_every

    def _created(self, key: Key) -> int:
        """When the version in use was made; -1 for one that the key does not have any more."""
        current = key.version(self.version)
        return current.created if current is not None else -1

    def url(self, version: str | None = None) -> str:
        return f"{self.store.uri}keys/{self.name}/{version or self.version}"

    @property
    def expires(self) -> int | None:
        found = self.key.version(self.version) if self.key else None
        return found.expires if found else None


@dataclass
class Consumer:
    """A resource of Azure. `properties` are those of a service that is known by Resource Graph only."""

    kind: str
    name: str
    resource_id: str
    subscription_id: str
    resource_group: str
    tenant_id: str
    location: str
    created: float
    use: KeyUse | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    associated: list[str] = field(default_factory=list)
    """Ids of the disks of a disk encryption set."""
