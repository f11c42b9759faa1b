# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A name in the private DNS zone of a private endpoint is told from a vault of another cloud, in every option."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_lookup import Locator
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import checked_vault_uri
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.vaults import VaultSelector
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.private_link import public_uri

VAULT = "https://kv-one.vault.azure.net/"


@pytest.mark.parametrize(
    ("given", "public"),
    [
        ("https://kv-one.privatelink.vaultcore.azure.net", VAULT),
        (" https://KV-One.PrivateLink.VaultCore.azure.net:443/keys ", VAULT),
        ("https://kv-one.vaultcore.azure.net./", VAULT),
        ("https://kv-one.privatelink.vaultcore.usgovcloudapi.net/", "https://kv-one.vault.usgovcloudapi.net/"),
        ("https://hsm-one.privatelink.managedhsm.azure.net/", "https://hsm-one.managedhsm.azure.net/"),
        (VAULT, None),
        ("https://privatelink.vaultcore.azure.net/", None),
        ("https://a.b.privatelink.vaultcore.azure.net/", None),
        ("https://kv-one.privatelink.example.com/", None),
        ("kv-one.privatelink.vaultcore.azure.net", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_the_public_address_of_a_private_name(given: str, public: str | None) -> None:
    assert public_uri(given) == public


@pytest.mark.parametrize(
    "given",
    [
        lambda uri: Locator.from_option({"uri": uri}, PUBLIC),
        lambda uri: VaultSelector.from_option({"uri": uri}),
        lambda uri: checked_vault_uri("vault.uri", uri, "global"),
        lambda uri: checked_vault_uri("vault.uri", uri, "us_government"),
    ],
    ids=["operator", "link", "inventory", "other cloud"],
)
def test_every_option_says_that_it_is_a_private_name_and_which_to_use(given: object) -> None:
    assert callable(given)

    with pytest.raises(
        InvalidInput, match=r"private DNS zone.*set it to https://kv-one\.vault\.azure\.net/"
    ) as refused:
        given("https://kv-one.privatelink.vaultcore.azure.net/")

    assert "cloud" not in refused.value.problem
