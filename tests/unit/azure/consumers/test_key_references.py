# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which key a resource names, whatever the form, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.consumers.key_references import Host, references
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.consumers.resource_graph import literal

VERSION = "0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f"
AKV = Host.of("https://AKV-Prod.vault.azure.net/")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["https://akv-prod.vault.azure.net", "https://akv-prod.vault.azure.net/keys/a", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["keyName", "keyVersion", "keyVaultUri", "other"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def named(properties: Any, host: Host = AKV) -> list[tuple[str, str | None]]:
    return [(one.name, one.version) for one in references(properties, host)]


@pytest.mark.parametrize(
    "address",
    [
        "https://akv-prod.vault.azure.net",
        "https://akv-prod.vault.azure.net:443",
        "HTTPS://AKV-PROD.VAULT.AZURE.NET",
        "https://akv-prod.vault.azure.net.",
        "https://akv-prod.vault.azure.net.:443",
    ],
)
def test_an_id_is_compared_by_its_parts(address: str) -> None:
    assert named({"uri": f"{address}/keys/Payments/{VERSION.upper()}"}) == [("payments", VERSION)]
    assert named({"uri": f"{address}/keys/Payments"}) == [("payments", None)]
    assert named({"uri": f"{address}/keys/Payments/"}) == [("payments", None)]
    three = {"KeyVaultUri": f"{address}/", "KEYNAME": " Payments ", "keyversion": f"{VERSION.upper()} "}
    assert named(three) == [("payments", VERSION)]


def test_a_host_beside_the_name_of_a_key_is_its_vault_and_alone_is_nothing() -> None:
    assert named({"vault": "AKV-prod.vault.azure.net", "keyName": "a"}) == [("a", None)]
    assert named({"fqdn": "akv-prod.vault.azure.net"}) == []


@pytest.mark.parametrize("version", [None, "", "latest", 5, []])
def test_three_parts_without_a_version_name_the_key_alone(version: Any) -> None:
    three = {"keyVaultUri": "https://akv-prod.vault.azure.net", "keyName": "a", "keyVersion": version}

    assert named({"x": [three]}) == [("a", None)]


@pytest.mark.parametrize("name", [None, "", "a b", "a/b", 5, "x" * 128])
def test_an_address_beside_no_name_is_a_mention(name: Any) -> None:
    assert named({"keyVaultUri": "https://akv-prod.vault.azure.net", "keyName": name}) == [("", None)]


@pytest.mark.parametrize(
    "text",
    [
        f"akv-prod.vault.azure.net/keys/a/{VERSION}",
        f"//AKV-prod.vault.azure.net/keys/a/{VERSION}",
        f"http://akv-prod.vault.azure.net/keys/a/{VERSION}",
        f'{{"key": "https:\\/\\/akv-prod.vault.azure.net\\/keys\\/a\\/{VERSION}"}}',
    ],
)
def test_a_key_is_recognized_without_a_scheme_and_in_escaped_json(text: str) -> None:
    assert named({"keyUrl": text}) == [("a", VERSION)]


def test_all_keys_of_a_text_are_found_where_they_are() -> None:
    text = f"https://akv-prod.vault.azure.net/keys/a and https://akv-prod.vault.azure.net/keys/b/{VERSION}?x"

    found = references({"one": [{"two": text}]}, AKV)

    assert [(one.name, one.version, one.path) for one in found] == [
        ("a", None, ("one", "two")),
        ("b", VERSION, ("one", "two")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "akv-prod.vault.azure.net",
        "https://akv-prod.vault.azure.net:8443/keys/a",
        "https://xakv-prod.vault.azure.net/keys/a",
        "https://akv-prod.vault.azure.net.example.com/keys/a",
        "https://akv-prod.managedhsm.azure.net/keys/a",
        "https://akv-prod.vault.usgovcloudapi.net/keys/a",
        "https://akv-prod-vault.azure.net/keys/a",
        "https://akv-prod.vault.azure.net/keys",
        "https://akv-prod.vault.azure.net/deletedkeys/a",
        "https://akv-prod.vault.azure.net/secrets/keys/a",
    ],
)
def test_what_only_looks_like_a_key_of_the_vault_is_none(text: str) -> None:
    assert named({"uri": text}) == []


def test_a_managed_hsm_has_an_address_of_its_own() -> None:
    hsm = Host.of("https://hsm-prod.managedhsm.azure.net:443/")

    assert hsm.key_id("a") == "https://hsm-prod.managedhsm.azure.net/keys/a"
    assert named({"keyUrl": f"https://hsm-prod.managedhsm.azure.net:443/keys/a/{VERSION}"}, hsm) == [("a", VERSION)]


@given(JSON)
def test_no_properties_are_a_crash(properties: Any) -> None:
    for one in references(properties, AKV):
        assert one.name in ("", "a")


@pytest.mark.parametrize(
    ("text", "expected"), [("akv", "'akv'"), ("a' or 'b", r"'a\' or \'b'"), ("a\\' or 1", r"'a\\\' or 1'")]
)
def test_a_text_in_a_query_stays_a_text(text: str, expected: str) -> None:
    assert literal(text) == expected
