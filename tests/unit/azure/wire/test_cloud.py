# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of clouds, and what an address tells of itself (Azure contract §4.2, T32)."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import (
    CLOUDS,
    GOVERNMENT,
    PUBLIC,
    Cloud,
    check_uri,
    cloud_of,
    cloud_of_uri,
    is_hsm_uri,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from unit.builders import in_any_case

each_cloud = pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.name)


@each_cloud
def test_the_endpoints_of_a_cloud_are_those_of_the_sdk(cloud: Cloud) -> None:
    endpoints = importlib.import_module("azure.mgmt.core.tools").get_arm_endpoints(
        importlib.import_module("azure.core").AzureClouds[cloud.setting]
    )

    assert (endpoints["resource_manager"], endpoints["credential_scopes"]) == (f"{cloud.arm}/", [cloud.arm_scope])


@each_cloud
@given(data=st.data())
def test_a_cloud_is_found_in_any_letter_case(cloud: Cloud, data: st.DataObject) -> None:
    assert cloud_of(data.draw(in_any_case(cloud.name))) is cloud


def test_a_cloud_that_is_not_known_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Option cloud_environment: 'AzureChinaCloud'"):
        cloud_of("AzureChinaCloud")


@each_cloud
@pytest.mark.parametrize("kind", ["vault", "hsm"])
def test_the_address_of_a_vault_tells_cloud_and_kind(cloud: Cloud, kind: str) -> None:
    uri = f"HTTPS://Some-Name.{getattr(cloud, f'{kind}_suffix').upper()}/"

    assert (cloud_of_uri(uri), is_hsm_uri(uri)) == (cloud, kind == "hsm")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "kv-one",
        "http://kv-one.vault.azure.net",
        "https://vault.azure.net",
        "https://a.b.vault.azure.net",
        "https://kv-one.vault.azure.net.example.com",
        "https://kv-one.vault.azure.net:8443",
        "https://kv-one.vault.azure.net:no",
        "https://[kv-one",
    ],
)
def test_other_addresses_are_of_no_cloud(uri: str) -> None:
    assert cloud_of_uri(uri) is None


def test_t32_a_vault_of_another_cloud_is_refused_with_the_right_setting() -> None:
    with pytest.raises(InvalidInput, match=r"Option vault\.uri: .*cloud_environment: AzureUSGovernment"):
        check_uri("vault.uri", f"https://kv-one.{GOVERNMENT.vault_suffix}", PUBLIC)


def test_t32_an_address_of_no_cloud_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not the address of a key vault"):
        check_uri("vault.uri", "https://kv-one.example.com", PUBLIC)


@pytest.mark.parametrize("cloud", [PUBLIC, GOVERNMENT])
def test_a_name_of_a_private_dns_zone_is_not_blamed_on_the_cloud(cloud: Cloud) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_uri("vault.uri", "https://akv-one.privatelink.vaultcore.azure.net/", cloud)

    assert "private DNS zone" in caught.value.problem
    assert "set it to https://akv-one.vault.azure.net/," in caught.value.next_step
