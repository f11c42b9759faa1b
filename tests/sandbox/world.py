# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start-up world: who and what exists when the sandbox comes up, and the view of it that clients are given.

Ids and secrets are random at each start. The views are frozen: they tell what was true at the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from .authorities import self_signed
from .azure.rights import local_roles as hsm_rights
from .azure.rights.effective import GUIDE_PERMISSIONS
from .azure.state import AzureState, CloudState
from .azure.vaults import KeyStore, ManagedHsm
from .dsm.state import ADMINISTRATOR, AUDITOR, MEMBER, App, DsmState, User

DSM_HOST = "dsm.sandbox.example"
PUBLIC_DOMAIN, GOVERNMENT_DOMAIN = "contoso.onmicrosoft.example", "contoso.onmicrosoft.us.example"
RESOURCE_GROUP = "rg-keys"
_AGE = 30 * 86400.0
OPERATOR_GRAPH_PERMISSIONS = (
    "Application.ReadWrite.All",
    "GroupMember.Read.All",
    "DelegatedPermissionGrant.ReadWrite.All",
)


@dataclass(frozen=True)
class AppView:
    app_id: str
    name: str
    api_key: str


@dataclass(frozen=True)
class CertificateAppView:
    """An administrative app that logs in with a client certificate. The files exist while the sandbox runs."""

    app_id: str
    name: str
    certificate_pem: str
    key_pem: str
    certificate_path: Path
    key_path: Path


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
    """STANDARD, PREMIUM or MANAGED, as DSM spells it."""


@dataclass(frozen=True)
class AzureView:
    """One cloud: the tenant, the application that the guide's section 4.1 makes, its subscription and vaults.

    The operator is the application of whoever prepares Azure: Owner of the subscription, local Administrator of the
    pools, and allowed to manage applications and consent by Microsoft Graph.

    In a sandbox that starts empty there are the operator and a resource group, `rg-keys`. What belongs to the
    application is the empty string then, and there is neither vault nor pool.
    """

    cloud_name: str
    """As the SDK and the environment variable AZURE_CLOUD_ENVIRONMENT spell it."""
    tenant_id: str
    client_id: str
    client_secret: str
    client_secret_id: str
    application_object_id: str
    service_principal_id: str
    operator_client_id: str
    operator_client_secret: str
    operator_object_id: str
    """The object id of the operator's service principal."""
    subscription_id: str
    vaults: Mapping[str, VaultView]
    managed_hsms: Mapping[str, VaultView]


@dataclass(frozen=True)
class World:
    dsm_endpoint: str
    account_id: str
    account_name: str
    second_account_id: str
    second_account_name: str
    admin_app: AppView
    crypto_app: AppView
    cert_app: CertificateAppView
    administrator: UserView
    auditor: UserView
    two_account_user: UserView
    public: AzureView
    government: AzureView


def build(dsm: DsmState, azure: AzureState, groups: int, directory: Path, *, empty: bool = False) -> World:
    """Fill the fresh states and describe what they hold. ``empty``: the subscriptions hold nothing yet."""
    account = dsm.add_account("Sandbox")
    second = dsm.add_account("Sandbox Two")
    administrator = dsm.add_user("administrator@sandbox.example", {account.acct_id: [ADMINISTRATOR]})
    auditor = dsm.add_user("auditor@sandbox.example", {account.acct_id: [AUDITOR]})
    both = dsm.add_user("two.accounts@sandbox.example", {account.acct_id: [MEMBER], second.acct_id: [ADMINISTRATOR]})
    for number in range(groups):
        dsm.add_group(f"seeded-{number:05d}")
    public, government = azure.public, azure.government
    views = (
        _bare_tenant(public, PUBLIC_DOMAIN) if empty else _public_cloud(public),
        _bare_tenant(government, GOVERNMENT_DOMAIN) if empty else _government_cloud(government),
    )
    for cloud in (public, government):
        # Set up some time ago: a right that is minutes old need not have an effect everywhere yet.
        cloud.rights.assignments = [replace(entry, created=entry.created - _AGE) for entry in cloud.rights.assignments]
    return World(
        dsm_endpoint=f"https://{DSM_HOST}",
        account_id=account.acct_id,
        account_name=account.name,
        second_account_id=second.acct_id,
        second_account_name=second.name,
        admin_app=_app_view(dsm.add_app("sandbox-admin", "admin")),
        crypto_app=_app_view(dsm.add_app("sandbox-crypto", "crypto")),
        cert_app=_certificate_app(dsm, directory),
        administrator=_user_view(administrator),
        auditor=_user_view(auditor),
        two_account_user=_user_view(both),
        public=views[0],
        government=views[1],
    )


def _public_cloud(cloud: CloudState) -> AzureView:
    view = _tenant(cloud, PUBLIC_DOMAIN, ("akv-sandbox-std", "akv-sandbox-prem"), "hsm-sandbox")
    standard, premium = cloud.vault("akv-sandbox-std"), cloud.vault("akv-sandbox-prem")
    cloud.add_key(standard, "app-signing")
    cloud.add_key(standard, "invoices", kty="EC", curve="P-256")
    cloud.add_key(premium, "payments", kty="RSA-HSM", size=3072)
    cloud.add_key(premium, "customer-data", kty="RSA-HSM")
    cloud.add_key(premium, "customer-data", kty="RSA-HSM")
    cloud.add_key(premium, "code-signing", kty="EC-HSM", curve="P-384")
    cloud.add_key(premium, "archive")
    cloud.add_key(cloud.managed_hsm("hsm-sandbox"), "root-of-trust", kty="RSA-HSM", size=4096)
    return view


def _government_cloud(cloud: CloudState) -> AzureView:
    view = _tenant(cloud, GOVERNMENT_DOMAIN, ("akv-sandbox-gov-std", "akv-sandbox-gov-prem"), "hsm-sandbox-gov")
    cloud.add_key("akv-sandbox-gov-std", "records")
    cloud.add_key("akv-sandbox-gov-prem", "records", kty="RSA-HSM")
    cloud.add_key(cloud.managed_hsm("hsm-sandbox-gov"), "root-of-trust", kty="RSA-HSM")
    return view


def _bare_tenant(cloud: CloudState, domain: str) -> AzureView:
    """A tenant with a subscription that holds an empty resource group, and the operator who is going to fill it."""
    tenant_id = cloud.add_tenant(domain)
    subscription = cloud.add_subscription(tenant_id)
    cloud.add_resource_group(RESOURCE_GROUP, subscription.subscription_id)
    operator = cloud.add_application(tenant_id, "fortanix-dsm-operator")
    operator_secret = cloud.add_secret(operator)
    cloud.assign_role(operator, subscription.scope, "Owner")
    cloud.allow_graph(operator, *OPERATOR_GRAPH_PERMISSIONS)
    return AzureView(
        cloud_name=cloud.cloud.name,
        tenant_id=tenant_id,
        client_id="",
        client_secret="",
        client_secret_id="",
        application_object_id="",
        service_principal_id="",
        operator_client_id=operator.client_id,
        operator_client_secret=operator_secret.value,
        operator_object_id=operator.service_principal_id,
        subscription_id=subscription.subscription_id,
        vaults=MappingProxyType({}),
        managed_hsms=MappingProxyType({}),
    )


def _tenant(cloud: CloudState, domain: str, names: tuple[str, str], pool_name: str) -> AzureView:
    """A tenant set up as the guide's sections 4.1 and 4.2 want it, a managed HSM, and one vault of other people."""
    bare = _bare_tenant(cloud, domain)
    application = cloud.add_application(bare.tenant_id, "fortanix-dsm-cdc")
    secret = cloud.add_secret(application)
    for name, sku in zip(names, ("standard", "premium"), strict=True):
        vault = cloud.add_vault(name, sku, tags={"env": "sandbox", "tier": sku})
        cloud.assign_role(application, vault)
        cloud.set_access_policy(vault, application, GUIDE_PERMISSIONS)
    pool = cloud.add_managed_hsm(pool_name, tags={"env": "sandbox", "tier": "managed"})
    # Key Vault Contributor, which the guide wants, does not extend to pools.
    cloud.assign_role(application, pool, "Reader")
    cloud.assign_local_role(pool, application)
    cloud.assign_local_role(pool, bare.operator_object_id, hsm_rights.ADMINISTRATOR)
    cloud.wish_access(application, cloud.cloud.key_vault_app_id, cloud.cloud.user_impersonation_id)
    other = cloud.add_vault(f"{names[0].rpartition('-')[0]}-other", "premium", "rg-other-team", "northeurope")
    cloud.add_key(other, "not-yours")
    return replace(
        bare,
        client_id=application.client_id,
        client_secret=secret.value,
        client_secret_id=secret.key_id,
        application_object_id=application.object_id,
        service_principal_id=application.service_principal_id,
        vaults=MappingProxyType({vault.name: _vault_view(vault) for vault in cloud.vaults.values()}),
        managed_hsms=MappingProxyType({name: _vault_view(found) for name, found in cloud.managed_hsms.items()}),
    )


def _vault_view(store: KeyStore) -> VaultView:
    kind = "MANAGED" if isinstance(store, ManagedHsm) else store.sku.upper()
    return VaultView(store.name, store.uri, store.resource_id, store.resource_group, store.location, kind)


def _app_view(app: App) -> AppView:
    return AppView(app.app_id, app.name, app.api_key)


def _certificate_app(dsm: DsmState, directory: Path) -> CertificateAppView:
    pair = self_signed("sandbox-certificate")
    app = dsm.add_certificate_app("sandbox-certificate", pair.certificate)
    certificate_path, key_path = directory / "app-certificate.pem", directory / "app-key.pem"
    return CertificateAppView(app.app_id, app.name, pair.certificate_pem, pair.key_pem, certificate_path, key_path)


def _user_view(user: User) -> UserView:
    return UserView(user.user_id, user.email, user.password)
