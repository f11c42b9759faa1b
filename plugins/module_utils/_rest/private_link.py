# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Names in the private DNS zone of a private endpoint, given as the address of a vault (Azure contract §1.5)."""

from __future__ import annotations

import urllib.parse

from .._errors import InvalidInput, quoted

_ZONE = "privatelink"
# What the public name of a vault is an alias of, once it has a private endpoint: the domain -> the public domain.
_DOMAINS = {
    "vaultcore.azure.net": "vault.azure.net",
    "vaultcore.usgovcloudapi.net": "vault.usgovcloudapi.net",
    "privatelink.vaultcore.azure.net": "vault.azure.net",
    "privatelink.vaultcore.usgovcloudapi.net": "vault.usgovcloudapi.net",
    "privatelink.vault.azure.net": "vault.azure.net",
    "privatelink.vault.usgovcloudapi.net": "vault.usgovcloudapi.net",
    "privatelink.managedhsm.azure.net": "managedhsm.azure.net",
    "privatelink.managedhsm.usgovcloudapi.net": "managedhsm.usgovcloudapi.net",
}


def public_uri(uri: str) -> str | None:
    """The address of the vault that this name in a private zone stands for; None for any other address."""
    try:
        host = (urllib.parse.urlsplit(uri.strip()).hostname or "").rstrip(".")
    except ValueError:
        return None
    name, _dot, domain = host.partition(".")
    public = _DOMAINS.get(domain)
    return f"https://{name}.{public}/" if public and name not in ("", _ZONE) else None


def remedy_for(public: str) -> str:
    """The next step for a link whose stored address is such a name."""
    return (
        f"set vault.uri to {public} with fortanix.dsm.cdc_vault_select; where DSM resolves the private DNS zone, that "
        "name leads to the private endpoint"
    )


def refuse_private_name(option: str, uri: str) -> None:
    """Refuse such a name before its domain is compared with those of the clouds.

    Raises:
        InvalidInput: it is one.
    """
    public = public_uri(uri)
    if public is not None:
        raise InvalidInput(
            option,
            f"{quoted(uri)} is a name in the private DNS zone of a private endpoint, not the address of the vault: "
            "the TLS certificate of the vault is not valid for it",
            f"set it to {public}, which the private DNS zone resolves to the private endpoint where DNS is set up",
        )
