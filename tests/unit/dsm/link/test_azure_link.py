# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Azure link as data (DSM contract §2.5 to §2.9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import (
    ENDPOINTS,
    NEW_LINK,
    Link,
    LinkCredential,
    azure_service_of,
    checked_vault_uri,
    client_secret,
    normal_uri,
    vault_name_of,
    vault_type_of,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.options import LinkOptions
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.kinds import is_azure
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._ids import checked_uuid
from unit.builders import CANARY
from unit.dsm.builders import CLIENT, CREDENTIAL, HMG_ID, TENANT, link, stored_link, stored_links

GOVERNMENT = dict(ENDPOINTS["us_government"])


# --- Normal forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["AzureKeyVault", "AZUREKEYVAULT", "azure_key_vault", "Azure-Key-Vault"])
def test_every_spelling_of_the_kind_is_azure(kind: str) -> None:
    assert is_azure({"kind": kind})


@pytest.mark.parametrize("stored", [{}, {"kind": None}, {"kind": "AwsKms"}, {"kind": "AzureKeyVault2"}])
def test_other_kinds_are_not_azure(stored: dict[str, Any]) -> None:
    assert not is_azure(stored)


@given(st.text(max_size=20))
def test_the_normal_form_of_a_uri_is_its_own_normal_form(uri: str) -> None:
    assert normal_uri(normal_uri(uri)) == normal_uri(uri)


@pytest.mark.parametrize(
    "uri", ["https://kv.vault.azure.net", "HTTPS://KV.Vault.Azure.Net/", " https://kv.vault.azure.net// "]
)
def test_case_and_slashes_of_a_uri_do_not_count(uri: str) -> None:
    assert normal_uri(uri) == "https://kv.vault.azure.net/"


def test_no_vault_stays_no_vault() -> None:
    assert normal_uri(" ") == ""


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        ("STANDARD", "standard"),
        ("Standard", "standard"),
        ("premium", "premium"),
        ("MANAGED", "managed_hsm"),
        (None, None),
    ],
)
def test_vault_types_have_one_spelling(stored: str | None, ours: str | None) -> None:
    assert vault_type_of(stored) == ours


@pytest.mark.parametrize(
    ("endpoints", "service"),
    [
        (None, "global"),
        ({}, "global"),
        (dict(ENDPOINTS["global"]), "global"),
        (GOVERNMENT, "us_government"),
        ({name: host.upper() + "." for name, host in GOVERNMENT.items()}, "us_government"),
        ({**GOVERNMENT, "iam": "login.microsoftonline.com"}, "unknown"),
        ({"iam": "login.microsoftonline.us"}, "unknown"),
    ],
)
def test_the_azure_service_follows_from_the_endpoints(endpoints: dict[str, str] | None, service: str) -> None:
    assert azure_service_of(endpoints) == service


@pytest.mark.parametrize("uri", ["", "https://["])
def test_a_uri_without_a_host_names_no_vault(uri: str) -> None:
    assert vault_name_of(uri) is None


# --- Build: nothing of a stored link is lost --------------------------------------------------------------------------


@given(stored_links)
def test_a_link_that_is_built_keeps_every_foreign_field(stored: dict[str, Any]) -> None:
    built = Link.from_stored(HMG_ID, stored).build(CREDENTIAL)

    foreign = {name: value for name, value in stored.items() if name.startswith("x_")}
    assert foreign.items() <= built.items()


@given(stored_links)
def test_a_link_that_is_built_keeps_the_tls_block_whole_but_for_the_key(stored: dict[str, Any]) -> None:
    """Whatever DSM shows in place of the key of the client certificate, it is not sent back."""
    kept = {name: value for name, value in stored["tls"].items() if name != "client_key"}

    assert Link.from_stored(HMG_ID, stored).build(CREDENTIAL)["tls"] == kept


@given(stored_links)
def test_a_link_that_is_built_stays_in_its_cloud(stored: dict[str, Any]) -> None:
    built = Link.from_stored(HMG_ID, stored).build(CREDENTIAL)

    assert azure_service_of(built.get("endpoints")) == azure_service_of(stored.get("endpoints"))


@given(stored_links)
def test_a_stored_link_survives_the_round_trip(stored: dict[str, Any]) -> None:
    before = Link.from_stored(HMG_ID, stored)

    after = Link.from_stored(HMG_ID, before.build(CREDENTIAL))

    assert after.same_as(replace(before, auth_mode="client_secret"))


@given(stored_links)
def test_a_link_that_is_built_carries_the_given_credential_and_no_stored_one(stored: dict[str, Any]) -> None:
    built = Link.from_stored(HMG_ID, stored).build(CREDENTIAL)

    # A stored link with secret_key and without auth_config is one of an old server, which knows only the former.
    old = stored.get("secret_key") is not None and "auth_config" not in stored
    wanted = {"secret_key": CANARY} if old else {"auth_config": dict(CREDENTIAL.auth_config)}
    assert {name: built[name] for name in ("secret_key", "auth_config") if name in built} == wanted


def test_keeps_government_endpoints_when_only_the_secret_changes() -> None:
    stored = link(endpoints=GOVERNMENT, url="https://kv-one.vault.usgovcloudapi.net/")

    built = stored.build(LinkCredential(auth_config={"mode": "client_secret", "client_secret": "another"}, fact_of=str))

    assert built["endpoints"] == GOVERNMENT


@given(stored_links)
def test_a_link_to_government_always_sends_its_endpoints(stored: dict[str, Any]) -> None:
    target = LinkOptions(azure_service="us_government").over(Link.from_stored(HMG_ID, stored))

    assert target.build(CREDENTIAL)["endpoints"] == GOVERNMENT


def test_a_government_link_that_goes_global_loses_the_government_endpoints() -> None:
    target = LinkOptions(azure_service="global").over(link(endpoints=GOVERNMENT))

    assert azure_service_of(target.build(CREDENTIAL).get("endpoints")) == "global"


def test_keeps_the_spelling_of_the_kind_that_an_old_server_stored() -> None:
    assert link(kind="AZUREKEYVAULT").build(CREDENTIAL)["kind"] == "AZUREKEYVAULT"


def test_keeps_a_vault_type_that_dsm_has_learned_since() -> None:
    assert link(key_vault_type="ULTRA").build(CREDENTIAL)["key_vault_type"].upper() == "ULTRA"


def test_a_new_link_verifies_the_server_and_its_name() -> None:
    assert NEW_LINK.build(CREDENTIAL)["tls"] == {
        "mode": "required",
        "validate_hostname": True,
        "ca": {"ca_set": "global_roots"},
    }


def test_a_new_link_without_a_vault_sends_no_vault_type() -> None:
    built = NEW_LINK.build(CREDENTIAL)

    assert (built["url"], "key_vault_type" in built) == ("", False)


# --- Compare ----------------------------------------------------------------------------------------------------------


def test_spelling_is_no_difference() -> None:
    other = link(
        kind="AZUREKEYVAULT",
        url="https://KV-one.vault.azure.net",
        tenant_id=TENANT.upper(),
        key_vault_type="Premium",
        endpoints=dict(ENDPOINTS["global"]),
    )

    assert other.same_as(link())


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://kv-two.vault.azure.net/"},
        {"key_vault_type": "STANDARD"},
        {"client_id": TENANT},
        {"endpoints": GOVERNMENT},
        {"tls": {"mode": "disabled"}},
        {"auth_config": {"mode": "token_auth_config", "client_cert": "", "client_key": ""}},
    ],
)
def test_a_difference_is_seen(change: dict[str, Any]) -> None:
    assert not link(**change).same_as(link())


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"tenant_id": CLIENT}, ["tenant"]),
        ({"subscription_id": CLIENT}, ["subscription"]),
        ({"endpoints": GOVERNMENT}, ["Azure service"]),
        ({"url": "https://kv-two.vault.azure.net/"}, ["vault"]),
        ({"url": ""}, ["vault"]),
        ({"key_vault_type": "STANDARD"}, ["vault type"]),
        ({"client_id": TENANT}, []),
        ({"tls": {"mode": "disabled"}}, []),
    ],
)
def test_a_change_of_place_is_a_move_and_a_change_of_application_is_none(
    change: dict[str, Any], moved: list[str]
) -> None:
    assert link(**change).moves_from(link()) == moved


def test_choosing_a_first_vault_is_no_move() -> None:
    assert link().moves_from(link(url="", key_vault_type=None)) == []


# --- Options ----------------------------------------------------------------------------------------------------------


@given(stored_links)
def test_options_that_are_not_set_change_nothing(stored: dict[str, Any]) -> None:
    before = Link.from_stored(HMG_ID, stored)

    assert LinkOptions.from_params({}).over(before) == before


def test_options_name_the_link_in_normal_form() -> None:
    options = LinkOptions.from_params({"link_tenant_id": f" {TENANT.upper()} ", "link_client_id": CLIENT.upper()})

    assert (options.tenant_id, options.client_id) == (TENANT, CLIENT)


@pytest.mark.parametrize("option", ["link_tenant_id", "link_client_id", "link_subscription_id"])
@pytest.mark.parametrize("value", ["", "contoso.onmicrosoft.com", TENANT[:-1], TENANT + "0"])
def test_an_id_that_is_no_uuid_is_refused_by_the_name_of_its_option(option: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=rf"(?i)option {option}: .* is not a UUID"):
        LinkOptions.from_params({option: value})


@given(st.uuids())
def test_a_uuid_is_accepted_in_any_case(value: Any) -> None:
    assert checked_uuid("group_id", str(value).upper()) == str(value)


# The fingerprint is slow on purpose, hence few examples.
@settings(max_examples=10)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=11, max_size=60))
def test_the_fact_of_a_credential_never_holds_the_secret(secret: str) -> None:
    assert secret not in client_secret(TENANT, CLIENT, secret).fact


def test_the_same_secret_of_the_same_application_has_the_same_fact() -> None:
    assert client_secret(TENANT, CLIENT, CANARY).fact == client_secret(TENANT, CLIENT, CANARY).fact


@pytest.mark.parametrize(
    ("tenant", "application", "secret"),
    [(TENANT, CLIENT, CANARY + "x"), (TENANT, TENANT, CANARY), (CLIENT, CLIENT, CANARY)],
)
def test_another_secret_or_application_has_another_fact(tenant: str, application: str, secret: str) -> None:
    assert client_secret(tenant, application, secret).fact != client_secret(TENANT, CLIENT, CANARY).fact


# --- Vault URI --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "service"),
    [
        ("https://kv-one.vault.azure.net", "global"),
        ("https://hsm-one.managedhsm.azure.net/", "global"),
        ("https://KV-one.vault.usgovcloudapi.net/", "us_government"),
        ("https://kv-one.vault.azure.cn/", "unknown"),
    ],
)
def test_a_vault_of_the_links_own_cloud_is_accepted(uri: str, service: str) -> None:
    assert checked_vault_uri("vault.uri", uri, service) == normal_uri(uri)


@pytest.mark.parametrize(
    ("uri", "service"),
    [
        ("https://kv-one.vault.azure.net/", "us_government"),
        ("https://kv-one.vault.usgovcloudapi.net/", "global"),
        ("https://kv-one.vault.azure.net.example.com/", "global"),
    ],
)
def test_a_vault_of_another_cloud_is_refused(uri: str, service: str) -> None:
    with pytest.raises(InvalidInput, match=f"does not belong to azure_service {service}"):
        checked_vault_uri("vault.uri", uri, service)


@given(st.text(max_size=30))
@example("https://[")
@example("http://kv-one.vault.azure.net/")
@example("https://user@kv-one.vault.azure.net/")
@example("https://kv-one.vault.azure.net:8443/")
@example("https://kv-one.vault.azure.net/keys/mine")
@example("https://kv-one.vault.azure.net/?x=1")
@example("https://kv_one.vault.azure.net/")
@example("kv-one")
def test_what_is_no_vault_uri_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a vault URI"):
        checked_vault_uri("vault.uri", text, "global")


def test_the_link_of_a_group_is_told_without_its_dsm_id() -> None:
    assert Link.from_stored("another ID", stored_link()).same_as(link())


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://akv-one.privatelink.vaultcore.azure.net", "https://akv-one.vault.azure.net/"),
        ("https://hsm-one.privatelink.managedhsm.azure.net/", "https://hsm-one.managedhsm.azure.net/"),
        ("https://akv-one.privatelink.vaultcore.usgovcloudapi.net/", "https://akv-one.vault.usgovcloudapi.net/"),
    ],
)
@pytest.mark.parametrize("service", ["global", "us_government", ""])
def test_a_name_of_a_private_dns_zone_is_not_blamed_on_the_cloud(uri: str, name: str, service: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_vault_uri("vault.uri", uri, service)

    assert "private DNS zone" in caught.value.problem
    assert f"set it to {name}," in caught.value.next_step
    assert "azure_service" not in str(caught.value)
