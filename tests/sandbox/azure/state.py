# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live state of one simulated cloud, with the deeds of an administrator of Azure as methods.

To be used in the sandbox's own thread (`Sandbox.do`). Applications may be named by client id, vaults by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography import x509

from ..clock import Clock
from .clouds import GOVERNMENT, PUBLIC, Cloud
from .directory import Application, ClientSecret, Directory, RegisteredCertificate, new_application, new_secret
from .hsm_rights import CRYPTO_USER, LocalAssignment, local_role
from .rights import AccessPolicy, Rights, RoleAssignment
from .tokens import TokenService
from .vaults import DeletedKey, Key, KeyStore, KeyVersion, ManagedHsm, Vault, new_version

KEY_VAULT_CONTRIBUTOR = "Key Vault Contributor"


@dataclass
class Subscription:
    subscription_id: str
    tenant_id: str
    resource_groups: dict[str, str] = field(default_factory=dict)
    """Lower-case name -> name."""


class CloudState:
    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        self.cloud = cloud
        self.clock = clock
        self.directory = Directory()
        self.rights = Rights()
        self.tokens = TokenService(cloud, clock)
        self.subscriptions: dict[str, Subscription] = {}
        self.vaults: dict[str, Vault] = {}
        self.managed_hsms: dict[str, ManagedHsm] = {}
        self.arm_page_size = 100
        self.key_page_size = 25

    # Directory -----------------------------------------------------------------------------------------------------

    def add_tenant(self, name: str) -> str:
        tenant_id = str(uuid.uuid4())
        self.directory.tenants[tenant_id] = name
        return tenant_id

    def add_application(self, tenant_id: str, name: str) -> Application:
        application = new_application(tenant_id, name)
        self.directory.applications[application.client_id] = application
        return application

    def application(self, app: Application | str) -> Application:
        return app if isinstance(app, Application) else self.directory.applications[app.lower()]

    def remove_application(self, app: Application | str) -> None:
        """The app registration and its service principal are gone; its role assignments are orphans."""
        del self.directory.applications[self.application(app).client_id]

    def remove_tenant(self, tenant_id: str) -> None:
        """A tenant with all that is in it. Its subscriptions stay, unreachable."""
        del self.directory.tenants[tenant_id]
        self.directory.applications = {
            client_id: app for client_id, app in self.directory.applications.items() if app.tenant_id != tenant_id
        }

    def add_secret(self, app: Application | str, valid_for: timedelta | None = None) -> ClientSecret:
        """A further client secret; `value` is what the portal shows once."""
        now = self.clock.utc()
        secret = new_secret(now, now + valid_for if valid_for is not None else None)
        self.application(app).secrets.append(secret)
        return secret

    def expire_secret(self, app: Application | str, key_id: str | None = None) -> None:
        """Let one secret, or all of the application, have ended a moment ago."""
        for secret in self.application(app).secrets:
            if key_id in (None, secret.key_id):
                secret.expires = self.clock.utc() - timedelta(seconds=1)

    def remove_secret(self, app: Application | str, key_id: str | None = None) -> None:
        application = self.application(app)
        application.secrets = [secret for secret in application.secrets if key_id not in (None, secret.key_id)]

    def add_certificate(self, app: Application | str, certificate: x509.Certificate) -> RegisteredCertificate:
        registered = RegisteredCertificate(str(uuid.uuid4()), certificate)
        self.application(app).certificates.append(registered)
        return registered

    def remove_certificates(self, app: Application | str) -> None:
        self.application(app).certificates.clear()

    def disable_application(self, app: Application | str) -> None:
        self.application(app).enabled = False

    def enable_application(self, app: Application | str) -> None:
        self.application(app).enabled = True

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
        rbac: bool = False,
        tags: dict[str, str] | None = None,
    ) -> Vault:
        """A vault without any rights on it. Its name is unique in the cloud, and its host name exists from now on."""
        if name.lower() in self.vaults:
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
        if name.lower() in self.managed_hsms:
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
        subscription.resource_groups[resource_group.lower()] = resource_group
        base = f"/subscriptions/{subscription.subscription_id}/resourceGroups/{resource_group}"
        return {
            "name": name,
            "uri": f"https://{name.lower()}.{suffix}/",
            "resource_id": f"{base}/providers/Microsoft.KeyVault/{kind}/{name}",
            "subscription_id": subscription.subscription_id,
            "resource_group": resource_group,
            "tenant_id": subscription.tenant_id,
        }

    def vault(self, vault: Vault | str) -> Vault:
        return vault if isinstance(vault, Vault) else self.vaults[vault.lower()]

    def delete_vault(self, vault: Vault | str) -> None:
        """The vault and its host name are gone. Recovery of vaults is not simulated yet."""
        gone = self.vault(vault)
        del self.vaults[gone.name.lower()]
        # Assignments at a vault vanish with it (Azure contract §1.7).
        self.rights.assignments = [
            entry for entry in self.rights.assignments if entry.scope.lower() != gone.resource_id.lower()
        ]

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
        name = pool if isinstance(pool, str) else pool.name
        del self.managed_hsms[name.lower()]

    # Rights --------------------------------------------------------------------------------------------------------

    def _scope(self, scope: KeyStore | str) -> str:
        """A vault or pool, its name, or a resource id that begins with a slash."""
        return scope if isinstance(scope, str) and scope.startswith("/") else self.store(scope).resource_id

    def assign_role(
        self, app: Application | str, scope: KeyStore | str, role: str = KEY_VAULT_CONTRIBUTOR
    ) -> RoleAssignment:
        """Give a role to an application at a vault or any other scope."""
        definition = self.rights.role_named(role)
        principal = self.application(app).service_principal_id
        assignment = RoleAssignment(self._scope(scope), principal, definition.guid)
        self.rights.assignments.append(assignment)
        return assignment

    def revoke_role(self, app: Application | str, scope: KeyStore | str, role: str = KEY_VAULT_CONTRIBUTOR) -> None:
        """Take a role away at exactly this scope; an error if it was not assigned there."""
        definition = self.rights.role_named(role)
        principal = self.application(app).service_principal_id
        wanted = (self._scope(scope).lower(), principal, definition.guid)
        kept = [
            entry
            for entry in self.rights.assignments
            if (entry.scope.lower(), entry.principal_id, entry.role_guid) != wanted
        ]
        if len(kept) == len(self.rights.assignments):
            raise KeyError(f"{role} is not assigned at {wanted[0]}")
        self.rights.assignments = kept

    def set_access_policy(self, vault: Vault | str, app: Application | str, permissions: Iterable[str]) -> None:
        """Make the application's entry exactly these key permissions; none removes the entry."""
        target, application = self.vault(vault), self.application(app)
        principal = application.service_principal_id
        target.access_policies = [entry for entry in target.access_policies if entry.object_id != principal]
        wanted = list(permissions)
        if wanted:
            target.access_policies.append(AccessPolicy(application.tenant_id, principal, wanted))

    def assign_local_role(
        self, pool: ManagedHsm | str, app: Application | str, role: str = CRYPTO_USER, scope: str = "/"
    ) -> LocalAssignment:
        """Give an application a local role of a managed HSM at `/`, `/keys` or `/keys/<name>`."""
        principal = self.application(app).service_principal_id
        assignment = LocalAssignment(scope, principal, local_role(role))
        self.managed_hsm(pool).local_roles.append(assignment)
        return assignment

    def revoke_local_roles(self, pool: ManagedHsm | str, app: Application | str) -> None:
        """Take all local roles of a managed HSM from an application."""
        target, principal = self.managed_hsm(pool), self.application(app).service_principal_id
        target.local_roles = [entry for entry in target.local_roles if entry.principal_id != principal]

    def managed_hsm(self, pool: ManagedHsm | str) -> ManagedHsm:
        return pool if isinstance(pool, ManagedHsm) else self.managed_hsms[pool.lower()]

    # Keys ----------------------------------------------------------------------------------------------------------

    def add_key(
        self, vault: KeyStore | str, name: str, kty: str = "RSA", size: int = 2048, curve: str = "P-256"
    ) -> KeyVersion:
        """A key, or a new version of the key of that name."""
        target = self.store(vault)
        key = target.keys.setdefault(name.lower(), Key(name))
        key.versions.append(new_version(self.clock.utc(), kty, size, curve))
        return key.current

    def delete_key(self, vault: KeyStore | str, name: str) -> None:
        """Soft-delete."""
        target = self.store(vault)
        target.deleted_keys[name.lower()] = DeletedKey(target.keys.pop(name.lower()), int(self.clock.now()))

    def recover_key(self, vault: KeyStore | str, name: str) -> None:
        target = self.store(vault)
        target.keys[name.lower()] = target.deleted_keys.pop(name.lower()).key

    def purge_key(self, vault: KeyStore | str, name: str) -> None:
        """Remove a soft-deleted key for good."""
        del self.store(vault).deleted_keys[name.lower()]


@dataclass(frozen=True)
class AzureState:
    """Both clouds."""

    public: CloudState
    government: CloudState

    @classmethod
    def fresh(cls, clock: Clock) -> AzureState:
        return cls(CloudState(PUBLIC, clock), CloudState(GOVERNMENT, clock))

    @property
    def clouds(self) -> tuple[CloudState, CloudState]:
        return self.public, self.government
