# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deeds of people who run services that use keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...clock import Clock
from ..clouds import PUBLIC, Cloud
from ..rights.admin import Subscription
from ..vaults import KeyStore
from .values import DISKS, LOOKS_EVERY, SQL_INSTANCE, SQL_SERVER, STORAGE, Consumer, KeyUse


class ConsumerAdmin:
    """What a cloud's state offers for services. `follows` is whether one takes new versions of its key by itself."""

    clock: Clock
    cloud: Cloud
    subscriptions: dict[str, Subscription]
    consumers: dict[str, Consumer]
    """By lower-case resource id."""
    resource_graph_lag: float
    """Seconds for which Resource Graph does not show a fresh resource."""

    def store(self, store: KeyStore | str) -> KeyStore:
        raise NotImplementedError

    def add_storage_account(
        self, name: str, store: KeyStore | str | None = None, key: str = "", **options: Any
    ) -> Consumer:
        """A storage account; without a store its keys are Microsoft's."""
        return self._add_consumer(STORAGE, name, store, key, **options)

    def add_disk_encryption_set(
        self, name: str, store: KeyStore | str, key: str, disks: int = 0, **options: Any
    ) -> Consumer:
        made = self._add_consumer(DISKS, name, store, key, **options)
        group = made.resource_id.partition("/providers/")[0]
        made.associated = [
            f"{group}/providers/Microsoft.Compute/disks/{name}-disk-{number:04d}" for number in range(disks)
        ]
        return made

    def add_sql_server(
        self, name: str, store: KeyStore | str | None = None, key: str = "", *, instance: bool = False, **options: Any
    ) -> Consumer:
        """A logical server, or with `instance` a managed instance; without a store its key is Microsoft's."""
        made = self._add_consumer(SQL_INSTANCE if instance else SQL_SERVER, name, store, key, **options)
        # One domain for all services of a cloud but those that have their own (learn.microsoft.com, Azure Government).
        domain = "windows.net" if self.cloud == PUBLIC else "usgovcloudapi.net"
        made.host = f"{name}.database.{domain}"
        return made

    def add_resource(self, kind: str, name: str, properties: Mapping[str, Any], **options: Any) -> Consumer:
        """A resource of any other type, such as `Microsoft.DocumentDB/databaseAccounts`, as Resource Graph shows it."""
        made = self._add_consumer(kind, name, None, "", **options)
        made.properties = dict(properties)
        return made

    def _add_consumer(
        self,
        kind: str,
        name: str,
        store: KeyStore | str | None,
        key: str,
        *,
        follows: bool = True,
        version: str | None = None,
        subscription_id: str | None = None,
        resource_group: str = "rg-apps",
        location: str = "westeurope",
        tags: Mapping[str, str] | None = None,
    ) -> Consumer:
        """`version`: the version in use, the current one unless another is given."""
        place = self.store(store) if store is not None else None
        chosen = subscription_id or (place.subscription_id if place else next(iter(self.subscriptions)))
        subscription = self.subscriptions[chosen]
        group = subscription.resource_groups.setdefault(resource_group.lower(), resource_group)
        now = self.clock.now()
        use = None
        if place is not None:
            current = version or place.keys[key.lower()].current.version
            use = KeyUse(place, key, current, now, follows, LOOKS_EVERY[kind])
        made = Consumer(
            kind,
            name,
            f"{subscription.scope}/resourceGroups/{group}/providers/{kind}/{name}",
            chosen,
            group,
            subscription.tenant_id,
            location,
            now,
            use,
            tags=dict(tags or {}),
        )
        self.consumers[made.resource_id.lower()] = made
        return made
