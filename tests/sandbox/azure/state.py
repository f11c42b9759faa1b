# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live state of one simulated cloud, with the deeds of an administrator of Azure as methods.

To be used in the sandbox's own thread (`Sandbox.do`). Applications may be named by client id, vaults by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..profiles import Profile
from .clouds import GOVERNMENT, PUBLIC, Cloud
from .consumers.admin import ConsumerAdmin
from .consumers.values import Consumer
from .entra.directory import Directory
from .entra.tokens import TokenService
from .fresh import Fresh
from .keys.admin import KeyAdmin
from .keys.backups import Backup
from .replicas import Replicas
from .rights.admin import RightsAdmin, Subscription
from .rights.effective import Rights
from .rights.governance import GovernanceAdmin
from .rights.hsm_admin import HsmAdmin
from .rights.propagation import Propagation
from .rights.values import is_within
from .vaults import DeletedPool, DeletedVault, KeyStore, ManagedHsm, Vault


class CloudState(ConsumerAdmin, GovernanceAdmin, HsmAdmin, KeyAdmin, RightsAdmin):
    def __init__(self, cloud: Cloud, clock: Clock, profile: Callable[[], Profile]) -> None:
        super().__init__()
        self.cloud = cloud
        self.clock = clock
        self.profile = profile
        self.directory = Directory()
        self.graph_knows_is_disabled: Callable[[], bool] = lambda: profile().graph_is_disabled == "known"
        self.fresh = Fresh(profile)
        self.rights = Rights(
            Propagation(clock),
            self.directory.groups_of,
            lambda: profile().condition_holds,
            lambda: profile().wildcard_read,
        )
        self.tokens = TokenService(cloud, clock)
        self.subscriptions: dict[str, Subscription] = {}
        self.management_groups: dict[str, str] = {}
        """Scope in lower case -> tenant."""
        self.vaults: dict[str, Vault] = {}
        self.deleted_vaults: dict[str, DeletedVault] = {}
        self.managed_hsms: dict[str, ManagedHsm] = {}
        self.deleted_managed_hsms: dict[str, DeletedPool] = {}
        self.consumers: dict[str, Consumer] = {}
        self.resource_graph_lag = 0.0
        self.provisioning_reads = 0
        """How many reads show that a vault or pool which Resource Manager makes from now on is not ready."""
        self.vault_read_lag = 0
        """How many reads by Resource Manager of a vault still show what it was before a write, policies aside."""
        self.vault_replicas = Replicas[Vault]()
        """By lower-case name."""
        self.key_backups: dict[str, Backup] = {}
        """By what their holders have."""
        self.arm_page_size = 100
        self.key_page_size = 25

    # Vaults --------------------------------------------------------------------------------------------------------

    def add_subscription(self, tenant_id: str) -> Subscription:
        subscription = Subscription(str(uuid.uuid4()), tenant_id)
        self.subscriptions[subscription.subscription_id] = subscription
        return subscription

    def add_vault(
        self,
        name: str,
        sku: str = "standard",
        resource_group: str = "rg-keys",
        location: str = "westeurope",
        subscription_id: str | None = None,
        rbac: bool | None = False,
        tags: dict[str, str] | None = None,
    ) -> Vault:
        """A vault without any rights on it. Its name is unique in the cloud, and its host name exists from now on."""
        if name.lower() in self.vaults or self.deleted_vault(name):
            raise ValueError(f"there is a vault {name!r} already")
        vault = Vault(
            **self._place(name, self.cloud.vault_suffix, "vaults", resource_group, subscription_id),
            location=location,
            sku=sku,
            rbac=rbac,
            tags=dict(tags or {}),
        )
        self.vaults[name.lower()] = vault
        return vault

    def add_managed_hsm(
        self,
        name: str,
        resource_group: str = "rg-hsm",
        location: str = "westeurope",
        subscription_id: str | None = None,
        activated: bool = True,
        tags: dict[str, str] | None = None,
    ) -> ManagedHsm:
        """A pool without any rights on it."""
        if name.lower() in self.managed_hsms or self.deleted_managed_hsm(name):
            raise ValueError(f"there is a managed HSM {name!r} already")
        pool = ManagedHsm(
            **self._place(name, self.cloud.hsm_suffix, "managedHSMs", resource_group, subscription_id),
            location=location,
            sku="Standard_B1",
            activated=activated,
            purge_protection=True,
            tags=dict(tags or {}),
        )
        self.managed_hsms[name.lower()] = pool
        return pool

    def _place(
        self, name: str, suffix: str, kind: str, resource_group: str, subscription_id: str | None
    ) -> dict[str, Any]:
        """Where a new key store is: the members that follow from its name, subscription and resource group."""
        subscription = self.subscriptions[subscription_id or next(iter(self.subscriptions))]
        resource_group = subscription.resource_groups.setdefault(resource_group.lower(), resource_group)
        base = f"/subscriptions/{subscription.subscription_id}/resourceGroups/{resource_group}"
        return {
            "name": name,
            "uri": f"https://{name.lower()}.{suffix}/",
            "resource_id": f"{base}/providers/Microsoft.KeyVault/{kind}/{name}",
            "subscription_id": subscription.subscription_id,
            "resource_group": resource_group,
            "tenant_id": subscription.tenant_id,
        }

    def remember_vault(self, vault: Vault) -> None:
        """To be called before each write of a vault by Resource Manager."""
        self.vault_replicas.remember(vault.name.lower(), vault, self.vault_read_lag)

    def vault(self, vault: Vault | str) -> Vault:
        return vault if isinstance(vault, Vault) else self.vaults[vault.lower()]

    def delete_vault(self, vault: Vault | str) -> None:
        """Soft-delete: the vault and its host name are gone, its name is still taken."""
        gone = self.vault(vault)
        del self.vaults[gone.name.lower()]
        self.deleted_vaults[gone.name.lower()] = DeletedVault(gone, self.clock.now())
        # Assignments at a vault vanish with it, and do not come back (Azure contract §1.7).
        self.rights.revoke(entry for entry in self.rights.assignments if is_within(entry.scope, gone.resource_id))

    def deleted_vault(self, name: str) -> DeletedVault | None:
        """A soft-deleted vault, as long as its retention lasts."""
        found = self.deleted_vaults.get(name.lower())
        if found and found.purge_due <= self.clock.now():
            self.purge_vault(name)
            return None
        return found

    def recover_vault(self, name: str) -> Vault:
        recovered = self.deleted_vaults.pop(name.lower()).vault
        self.vaults[name.lower()] = recovered
        return recovered

    def purge_vault(self, name: str) -> None:
        """Remove a soft-deleted vault for good."""
        del self.deleted_vaults[name.lower()]

    def host_exists(self, label: str) -> bool:
        """Whether DNS has a name for a vault."""
        return label.lower() in self.vaults

    def hsm_host_exists(self, label: str) -> bool:
        """Whether DNS has a name for a managed HSM."""
        return label.lower() in self.managed_hsms

    def store(self, store: KeyStore | str) -> KeyStore:
        """A vault or pool; of a vault and a pool with the same name, the vault."""
        if isinstance(store, KeyStore):
            return store
        return self.vaults.get(store.lower()) or self.managed_hsms[store.lower()]

    def delete_managed_hsm(self, pool: ManagedHsm | str) -> None:
        """Soft-delete. Its name is still taken."""
        gone = self.managed_hsm(pool)
        del self.managed_hsms[gone.name.lower()]
        self.deleted_managed_hsms[gone.name.lower()] = DeletedPool(gone, self.clock.now())
        self.rights.revoke(entry for entry in self.rights.assignments if is_within(entry.scope, gone.resource_id))

    def deleted_managed_hsm(self, name: str) -> DeletedPool | None:
        """A soft-deleted pool, as long as its retention lasts."""
        found = self.deleted_managed_hsms.get(name.lower())
        if found and found.purge_due <= self.clock.now():
            del self.deleted_managed_hsms[name.lower()]
            return None
        return found

    def recover_managed_hsm(self, name: str) -> ManagedHsm:
        recovered = self.deleted_managed_hsms.pop(name.lower()).pool
        self.managed_hsms[name.lower()] = recovered
        return recovered

    def add_resource_group(self, name: str, subscription_id: str | None = None) -> None:
        """An empty resource group."""
        subscription = self.subscriptions[subscription_id or next(iter(self.subscriptions))]
        subscription.resource_groups.setdefault(name.lower(), name)

    def keep_secret(self, vault: KeyStore | str, name: str) -> None:
        """A secret in a vault, of which there is nothing but its name."""
        self.store(vault).secrets.add(name)


@dataclass(frozen=True)
class AzureState:
    """Both clouds."""

    public: CloudState
    government: CloudState

    @classmethod
    def fresh(cls, clock: Clock, profile: Callable[[], Profile]) -> AzureState:
        return cls(CloudState(PUBLIC, clock, profile), CloudState(GOVERNMENT, clock, profile))

    @property
    def clouds(self) -> tuple[CloudState, CloudState]:
        return self.public, self.government
