# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The clouds as one table of endpoints, and the checks of addresses that need no request (T32)."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass

from ..._errors import InvalidInput, quoted
from ..._names import same_name
from ..._rest.private_link import refuse_private_name


@dataclass(frozen=True)
class Cloud:
    """One national cloud (Azure contract §3, §4.2). Addresses have no trailing slash.

    ``name``: value of the operator's option ``cloud_environment``. ``azure_service``: value of the link's option.
    ``setting``: name in the Azure SDK. ``authority``: host name of Entra. ``key_vault_app_id``: client ID of the
    Key Vault service itself in the cloud's tenants.
    """

    name: str
    azure_service: str
    setting: str
    authority: str
    arm: str
    arm_scope: str
    graph: str
    vault_suffix: str
    hsm_suffix: str
    key_vault_app_id: str

    @property
    def graph_scope(self) -> str:
        return f"{self.graph}/.default"


PUBLIC = Cloud(
    name="AzureCloud",
    azure_service="global",
    setting="AZURE_PUBLIC_CLOUD",
    authority="login.microsoftonline.com",
    arm="https://management.azure.com",
    arm_scope="https://management.azure.com/.default",
    graph="https://graph.microsoft.com",
    vault_suffix="vault.azure.net",
    hsm_suffix="managedhsm.azure.net",
    key_vault_app_id="cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
)
GOVERNMENT = Cloud(
    name="AzureUSGovernment",
    azure_service="us_government",
    setting="AZURE_US_GOVERNMENT",
    authority="login.microsoftonline.us",
    arm="https://management.usgovcloudapi.net",
    # Tokens are requested for a separate host name.
    arm_scope="https://management.core.usgovcloudapi.net/.default",
    graph="https://graph.microsoft.us",
    vault_suffix="vault.usgovcloudapi.net",
    hsm_suffix="managedhsm.usgovcloudapi.net",
    key_vault_app_id="7e7c393b-45d0-48b1-a35e-2905ddf8183c",
)
CLOUDS = (PUBLIC, GOVERNMENT)


def cloud_of(name: str | None) -> Cloud:
    """The cloud of the option ``cloud_environment``; the public one if it is not set.

    Raises:
        InvalidInput: the cloud is not supported.
    """
    wanted = (name or PUBLIC.name).strip()
    for cloud in CLOUDS:
        if same_name(cloud.name, wanted):
            return cloud
    raise InvalidInput(
        "cloud_environment",
        f"{quoted(name)} is not a supported cloud",
        f"set it, or AZURE_CLOUD_ENVIRONMENT, to one of {', '.join(cloud.name for cloud in CLOUDS)}",
    )


def cloud_of_uri(uri: str) -> Cloud | None:
    """The cloud of a vault or Managed HSM with this address; None if it is the address of neither."""
    for cloud in CLOUDS:
        if _is_below(uri, cloud.vault_suffix) or _is_below(uri, cloud.hsm_suffix):
            return cloud
    return None


def is_hsm_uri(uri: str) -> bool:
    """Whether this is the address of a Managed HSM in any cloud."""
    return any(_is_below(uri, cloud.hsm_suffix) for cloud in CLOUDS)


def check_uri(option: str, uri: str, cloud: Cloud) -> None:
    """T32: only an identity of the vault's own cloud finds it. The address shows the cloud before any request.

    Raises:
        InvalidInput: not the address of a vault or Managed HSM, one of another cloud, or a name in a private DNS zone.
    """
    refuse_private_name(option, uri)
    found = cloud_of_uri(uri)
    if found is None:
        raise InvalidInput(
            option,
            f"{quoted(uri)} is not the address of a key vault or a Managed HSM",
            f"set it as Azure shows it: https://<name>.{cloud.vault_suffix} or https://<name>.{cloud.hsm_suffix}",
        )
    if found is not cloud:
        raise InvalidInput(
            option,
            f"{quoted(uri)} is in {found.name}, but the operator uses {cloud.name}",
            f"set cloud_environment: {found.name} and use an operator of a tenant in that cloud, or correct the URI",
        )


def _is_below(uri: str, suffix: str) -> bool:
    """Whether this is an HTTPS address of one name below the suffix."""
    try:
        parts = urllib.parse.urlsplit(uri.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    name, dot, rest = host.partition(".")
    return parts.scheme == "https" and port in (None, 443) and bool(name and dot) and rest == suffix
