# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start-up world: who and what exists when the sandbox comes up, and the view of it that clients are given.

Ids and secrets are random at each start. The views are frozen: they tell what was true at the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .azure.rights import GUIDE_PERMISSIONS
from .azure.state import AzureState, CloudState
from .azure.vaults import Vault
from .dsm.state import ADMINISTRATOR, AUDITOR, MEMBER, App, DsmState, User

DSM_HOST = "dsm.sandbox.example"


@dataclass(frozen=True)
class AppView:
    app_id: str
    name: str
    api_key: str


@dataclass(frozen=True)
class UserView:
    user_id: str
    email: str
    password: str


@dataclass(frozen=True)
class VaultView:
    name: str
    uri: str
    resource_id: str
    resource_group: str
    location: str
    type: str
    """STANDARD or PREMIUM, as DSM spells it."""


@dataclass(frozen=True)
class AzureView:
    """One cloud: the tenant, the application that the guide's section 4.1 makes, its subscription and vaults."""

    tenant_id: str
    client_id: str
    client_secret: str
    client_secret_id: str
    application_object_id: str
    service_principal_id: str
    subscription_id: str
    vaults: Mapping[str, VaultView]


@dataclass(frozen=True)
class World:
    dsm_endpoint: str
    account_id: str
    account_name: str
    second_account_id: str
    second_account_name: str
    admin_app: AppView
    crypto_app: AppView
    administrator: UserView
    auditor: UserView
    two_account_user: UserView
    public: AzureView
    government: AzureView


def build(dsm: DsmState, azure: AzureState, groups: int) -> World:
    """Fill the fresh states and describe what they hold."""
    account = dsm.add_account("Sandbox")
    second = dsm.add_account("Sandbox Two")
    administrator = dsm.add_user("administrator@sandbox.example", {account.acct_id: [ADMINISTRATOR]})
    auditor = dsm.add_user("auditor@sandbox.example", {account.acct_id: [AUDITOR]})
    both = dsm.add_user("two.accounts@sandbox.example", {account.acct_id: [MEMBER], second.acct_id: [ADMINISTRATOR]})
    for number in range(groups):
        dsm.add_group(f"seeded-{number:05d}")
    return World(
        dsm_endpoint=f"https://{DSM_HOST}",
        account_id=account.acct_id,
        account_name=account.name,
        second_account_id=second.acct_id,
        second_account_name=second.name,
        admin_app=_app_view(dsm.add_app("sandbox-admin", "admin")),
        crypto_app=_app_view(dsm.add_app("sandbox-crypto", "crypto")),
        administrator=_user_view(administrator),
        auditor=_user_view(auditor),
        two_account_user=_user_view(both),
        public=_public_cloud(azure.public),
        government=_government_cloud(azure.government),
    )


def _public_cloud(cloud: CloudState) -> AzureView:
    view = _tenant(cloud, "contoso.onmicrosoft.example", ("akv-sandbox-std", "akv-sandbox-prem"))
    standard, premium = cloud.vault("akv-sandbox-std"), cloud.vault("akv-sandbox-prem")
    cloud.add_key(standard, "app-signing")
    cloud.add_key(standard, "invoices", kty="EC", curve="P-256")
    cloud.add_key(premium, "payments", kty="RSA-HSM", size=3072)
    cloud.add_key(premium, "customer-data", kty="RSA-HSM")
    cloud.add_key(premium, "customer-data", kty="RSA-HSM")
    cloud.add_key(premium, "code-signing", kty="EC-HSM", curve="P-384")
    cloud.add_key(premium, "archive")
    return view


def _government_cloud(cloud: CloudState) -> AzureView:
    view = _tenant(cloud, "contoso.onmicrosoft.us.example", ("akv-sandbox-gov-std", "akv-sandbox-gov-prem"))
    cloud.add_key("akv-sandbox-gov-std", "records")
    cloud.add_key("akv-sandbox-gov-prem", "records", kty="RSA-HSM")
    return view


def _tenant(cloud: CloudState, domain: str, names: tuple[str, str]) -> AzureView:
    """A tenant set up as the guide's sections 4.1 and 4.2 want it, and one vault of other people in it."""
    tenant_id = cloud.add_tenant(domain)
    subscription = cloud.add_subscription(tenant_id)
    application = cloud.add_application(tenant_id, "fortanix-dsm-cdc")
    secret = cloud.add_secret(application)
    for name, sku in zip(names, ("standard", "premium"), strict=True):
        vault = cloud.add_vault(name, sku, tags={"env": "sandbox", "tier": sku})
        cloud.assign_role(application, vault)
        cloud.set_access_policy(vault, application, GUIDE_PERMISSIONS)
    other = cloud.add_vault(f"{names[0].rpartition('-')[0]}-other", "premium", "rg-other-team", "northeurope")
    cloud.add_key(other, "not-yours")
    return AzureView(
        tenant_id=tenant_id,
        client_id=application.client_id,
        client_secret=secret.value,
        client_secret_id=secret.key_id,
        application_object_id=application.object_id,
        service_principal_id=application.service_principal_id,
        subscription_id=subscription.subscription_id,
        vaults=MappingProxyType({vault.name: _vault_view(vault) for vault in cloud.vaults.values()}),
    )


def _vault_view(vault: Vault) -> VaultView:
    return VaultView(vault.name, vault.uri, vault.resource_id, vault.resource_group, vault.location, vault.sku.upper())


def _app_view(app: App) -> AppView:
    return AppView(app.app_id, app.name, app.api_key)


def _user_view(user: User) -> UserView:
    return UserView(user.user_id, user.email, user.password)
