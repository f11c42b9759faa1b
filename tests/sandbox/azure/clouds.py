# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two clouds that are served, as data (Azure contract §4.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """Host names and token audiences of one national cloud."""

    name: str
    login_host: str
    management_host: str
    vault_suffix: str
    hsm_suffix: str
    graph_host: str
    management_audiences: tuple[str, ...]
    """All spellings of the resource for which Resource Manager accepts tokens."""
    key_vault_app_id: str
    """The application ID of Azure Key Vault, whose service principal is in each tenant (Azure contract §3)."""
    user_impersonation_id: str
    """The id of the one delegated permission that Azure Key Vault offers."""
    location: str
    """Where resource groups are."""

    @property
    def vault_audience(self) -> str:
        return f"https://{self.vault_suffix}"

    @property
    def hsm_audience(self) -> str:
        return f"https://{self.hsm_suffix}"

    @property
    def audiences(self) -> dict[str, str]:
        """Resource spelling -> name of the plane, for all that Entra issues tokens for."""
        planes = dict.fromkeys(self.management_audiences, "arm")
        data = dict.fromkeys((self.vault_audience, self.hsm_audience), "vault")
        return {**planes, **data, f"https://{self.graph_host}": "graph"}

    def issuer(self, tenant_id: str) -> str:
        """The issuer of access tokens. Each cloud has its own signing keys besides."""
        return f"https://{self.login_host}/{tenant_id}/v2.0"


PUBLIC = Cloud(
    name="AzureCloud",
    login_host="login.microsoftonline.com",
    management_host="management.azure.com",
    vault_suffix="vault.azure.net",
    hsm_suffix="managedhsm.azure.net",
    graph_host="graph.microsoft.com",
    management_audiences=("https://management.azure.com", "https://management.core.windows.net"),
    key_vault_app_id="cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
    user_impersonation_id="f53da476-18e3-4152-8e01-aec403e6edc0",
    location="westeurope",
)
GOVERNMENT = Cloud(
    name="AzureUSGovernment",
    login_host="login.microsoftonline.us",
    management_host="management.usgovcloudapi.net",
    vault_suffix="vault.usgovcloudapi.net",
    hsm_suffix="managedhsm.usgovcloudapi.net",
    graph_host="graph.microsoft.us",
    management_audiences=("https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net"),
    key_vault_app_id="7e7c393b-45d0-48b1-a35e-2905ddf8183c",
    # The real one is not public. This one differs from the public cloud's, so that a client has to look it up.
    user_impersonation_id="2f0b6c1d-7a55-4f0e-9b1e-51c4f0d8a7b3",
    location="usgovvirginia",
)
