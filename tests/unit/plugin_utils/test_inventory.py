# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups as hosts: their names, their variables, and the inventory that is written down."""

from __future__ import annotations

import base64
import itertools
import re
import uuid
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import Group
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.plugin_utils._inventory import (
    cache_owner,
    hosts,
    slug_of,
    static_inventory,
    yaml_text,
)
from unit.builders import CANARY
from unit.dsm.builders import CLIENT, SUBSCRIPTION, TENANT, stored_group, stored_link

GOVERNMENT = {
    "management": "management.usgovcloudapi.net",
    "key_vault": "vault.usgovcloudapi.net",
    "key_vault_managed_hsm": "managedhsm.usgovcloudapi.net",
    "iam": "login.microsoftonline.us",
}
_numbers = itertools.count(1)


def record(name: str = "akv-prod", group_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """The record of a group with a link; ``changes`` are those of the link."""
    own_id = group_id or str(uuid.UUID(int=next(_numbers)))
    stored = stored_group(name=name, group_id=own_id, hmg={str(uuid.uuid4()): stored_link(**changes)})
    return Group.from_stored(stored).record()


def names_of(*records: dict[str, Any]) -> list[str]:
    return [host.name for host in hosts(records)]


class _Loader(yaml.SafeLoader):
    """Reads the file as YAML does, and ``!unsafe`` as the text behind it."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def loaded(*records: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Host -> variables of the inventory that is written of these groups."""
    content = static_inventory(records)["content"]
    assert content.isascii()
    found: dict[str, dict[str, Any]] = yaml.load(content, Loader=_Loader)["cdc"]["hosts"]  # our own loader, a safe one
    return found


# --- Host names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("akv-production", "akv-production"),
        ("Akv Production (EU)", "akv-production-eu"),
        ("Zürich_01", "zurich-01"),
        ("{{ lookup('pipe', 'id') }}", "lookup-pipe-id"),
        ("--a\nb--", "a-b"),
        ("日本語", ""),
        ("  ", ""),
    ],
)
def test_a_slug_is_what_is_harmless_in_a_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_long_name_has_a_short_slug() -> None:
    assert slug_of("long " * 800) == ("long-" * 12 + "lon")


def test_a_name_without_a_slug_gives_the_id() -> None:
    one = record("日本語")

    assert names_of(one) == [one["group_id"]]


def test_groups_with_the_same_slug_all_get_their_ids() -> None:
    one, other = record("akv prod"), record("AKV-Prod")

    assert set(names_of(one, other)) == {f"akv-prod-{one['group_id']}", f"akv-prod-{other['group_id']}"}


def test_a_name_that_looks_like_a_name_with_an_id_takes_nobodys_place() -> None:
    one, other = record("akv prod"), record("AKV-Prod")
    imitation = record(f"akv-prod-{one['group_id']}")

    assert len(set(names_of(one, other, imitation))) == 3
    assert f"akv-prod-{one['group_id']}" not in names_of(one, other, imitation)


@pytest.mark.parametrize("name", ["localhost", "ALL", "ungrouped", "cdc"])
def test_a_name_that_means_something_to_ansible_gets_its_id(name: str) -> None:
    one = record(name)

    assert names_of(one) == [f"{name.lower()}-{one['group_id']}"]


@given(st.lists(st.text(max_size=12) | st.sampled_from(["a", "A", "a!", "", "all"]), max_size=8))
def test_every_group_is_a_host_of_its_own_with_a_harmless_name(names: list[str]) -> None:
    records = [{**record(), "name": name} for name in names]

    found = names_of(*records)
    assert len(set(found)) == len(names)
    assert [name for name in found if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)] == []


def test_hosts_can_be_named_by_id() -> None:
    one = record("akv-prod")

    assert [host.name for host in hosts([one], "group_id")] == [one["group_id"]]


@pytest.mark.parametrize("group_id", ["{{ 1 }}", "", "../x"])
def test_an_id_that_is_none_is_refused(group_id: str) -> None:
    with pytest.raises(TaskError, match="DSM returned an ID that is not a UUID"):
        hosts([{**record(), "group_id": group_id}])


def test_an_id_that_is_given_twice_is_refused() -> None:
    one = record("a")

    with pytest.raises(TaskError, match="DSM returned this group twice"):
        hosts([one, {**one, "name": "b"}])


# --- Variables --------------------------------------------------------------------------------------------------------


def test_the_variables_are_the_record_under_names_of_our_own() -> None:
    one = record("Akv Prod")

    (host,) = hosts([one])
    assert host.variables == {
        "cdc_group_id": one["group_id"],
        "cdc_group_name": "Akv Prod",
        "cdc_description": "",
        "cdc_custom_metadata": {},
        "cdc_external_kms": "AzureKeyVault",
        "cdc_link": one["link"],
    }


def test_half_a_surrogate_pair_becomes_readable() -> None:
    (host,) = hosts([{**record(), "name": "a\ud800b", "custom_metadata": {"\udc00": "\ud800"}}])

    assert host.variables["cdc_group_name"] == "a\ufffdb"
    assert host.variables["cdc_custom_metadata"] == {"\ufffd": "\ufffd"}


# --- The cache --------------------------------------------------------------------------------------------------------


def api_key(app_id: str) -> str:
    return base64.b64encode(f"{app_id}:{CANARY}".encode()).decode()


def owner(**login: str) -> Any:
    return cache_owner({"dsm_endpoint": "https://dsm.example.com", "dsm_account": None, "kind": "azure", **login})


@pytest.mark.parametrize(
    "login",
    [
        {"dsm_api_key": api_key(TENANT)},
        {"dsm_username": "a@example.com", "dsm_password": CANARY},
        {"dsm_client_cert": "/a.pem"},
    ],
)
def test_the_cache_knows_whose_it_is_without_a_secret(login: dict[str, str]) -> None:
    found = owner(**login)

    assert found is not None
    assert CANARY not in str(found)
    assert api_key(TENANT) not in str(found)


@pytest.mark.parametrize(
    "other",
    [
        {"dsm_api_key": api_key(CLIENT)},
        {"dsm_api_key": api_key(TENANT), "dsm_endpoint": "https://other.example.com"},
        {"dsm_api_key": api_key(TENANT), "kind": "all"},
        {"dsm_username": TENANT, "dsm_password": CANARY},
    ],
)
def test_the_cache_of_one_login_is_not_that_of_another(other: dict[str, str]) -> None:
    assert owner(dsm_api_key=api_key(TENANT)) != owner(**other)


def test_a_key_that_does_not_tell_its_app_owns_no_cache() -> None:
    assert owner(dsm_api_key="opaque") is None


# --- The file ---------------------------------------------------------------------------------------------------------

# What UTF-8 can carry; halves of surrogate pairs are replaced before.
readable = st.text(st.characters(exclude_categories=["Cs"]))


@given(readable)
def test_a_text_in_the_file_reads_back_as_it_was(text: str) -> None:
    written = yaml_text(text)

    assert written.isascii()
    assert written.isprintable()
    assert yaml.safe_load(f"a: {written}") == {"a": text}


def test_the_file_has_the_variables_of_the_role() -> None:
    one = {**record("Akv Prod"), "description": "Keys: all", "custom_metadata": {"owner": "{{ 1 }}"}}

    assert loaded(one) == {
        "akv-prod": {
            "cdc_setup_name": "Akv Prod",
            "cdc_setup_description": "Keys: all",
            "cdc_setup_custom_metadata": {"owner": "{{ 1 }}"},
            "cdc_setup_azure_service": "global",
            "cdc_setup_link_tenant_id": TENANT,
            "cdc_setup_link_client_id": CLIENT,
            "cdc_setup_link_subscription_id": SUBSCRIPTION,
            "cdc_setup_vault": {"uri": "https://kv-one.vault.azure.net/", "type": "premium"},
            "cdc_setup_tls": {"validate_host": True},
        }
    }


@given(readable, readable, readable)
def test_no_text_of_dsm_is_in_the_file_without_its_mark(name: str, key: str, text: str) -> None:
    one = {**record(), "name": name or "x", "custom_metadata": {key: text}, "description": text}

    marked = [
        line.strip()
        for line in static_inventory([one])["content"].splitlines()
        if re.match(r"      (cdc_setup_(name|description)|  \")", line)
    ]
    assert [line for line in marked if not re.fullmatch(r'("(\\.|[^"\\])*"|\w+): !unsafe "(\\.|[^"\\])*"', line)] == []


def test_host_names_that_yaml_has_a_meaning_for_stay_texts() -> None:
    assert set(loaded(record("null"), record("1e5"), record("on"), record("2026 11 23"))) == {
        "null",
        "1e5",
        "on",
        "2026-11-23",
    }


def test_pinned_authorities_are_written_in_full() -> None:
    der = base64.b64encode(b"a certificate").decode()
    tls = {"mode": "required", "validate_hostname": False, "ca": {"pinned": [der]}}
    one = record(tls=tls)

    (host,) = loaded(one).values()
    assert host["cdc_setup_tls"] == {"validate_host": False, "ca_certificates": one["link"]["tls"]["ca_certificates"]}


def test_a_tls_mode_that_the_role_would_change_is_left_as_it_is() -> None:
    (host,) = loaded(record(tls={"mode": "disabled"})).values()

    assert "cdc_setup_tls" not in host


def test_a_description_that_the_role_would_trim_is_left_as_it_is() -> None:
    (host,) = loaded({**record(), "description": "two lines\n"}).values()

    assert "cdc_setup_description" not in host


def test_a_vault_of_an_unknown_type_is_told_by_its_uri_alone() -> None:
    (host,) = loaded(record(key_vault_type="ULTRA")).values()

    assert host["cdc_setup_vault"] == {"uri": "https://kv-one.vault.azure.net/"}


def test_a_link_without_a_vault_has_none_in_the_file() -> None:
    (host,) = loaded(record(url="")).values()

    assert "cdc_setup_vault" not in host


def test_the_government_cloud_is_in_the_file() -> None:
    (host,) = loaded(record(endpoints=GOVERNMENT, url="https://kv-one.vault.usgovcloudapi.net/")).values()

    assert host["cdc_setup_azure_service"] == "us_government"


@pytest.mark.parametrize(
    ("auth_config", "words"),
    [
        ({"mode": "client_secret", "client_secret": CANARY}, "cdc_setup_link_client_secret"),
        ({"mode": "token_auth_config", "client_key": CANARY}, "cdc_setup_link_private_key"),
    ],
)
def test_the_file_names_the_credential_and_does_not_hold_it(auth_config: dict[str, str], words: str) -> None:
    content = static_inventory([record(auth_config=auth_config)])["content"]

    assert f"      # not returned by DSM: {words}\n" in content
    assert CANARY not in content


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "  "}, "blank"),
        ({"name": "two\nlines"}, "line break"),
        ({"name": "x" * 5000}, "5000 characters"),
        ({"name": "\ud800"}, "not valid text"),
        ({"name": "{'a': 1}"}, "before 2.19"),
        ({"name": '["a", true]'}, "before 2.19"),
        ({"link": {**record()["link"], "azure_service": "unknown"}}, "no Azure"),
        ({"link": {**record()["link"], "tenant_id": ""}}, "not a UUID"),
        ({"link": {**record()["link"], "vault": {"uri": "https://x/", "type": None}}}, "not a vault URI"),
    ],
)
def test_a_group_that_the_role_would_not_take_is_left_out_and_named(changes: dict[str, Any], reason: str) -> None:
    found = static_inventory([{**record(), **changes}, record("other")])

    assert found["hosts"] == ["other"]
    assert [reason in one["reason"] for one in found["left_out"]] == [True]
    assert list(yaml.load(found["content"], Loader=_Loader)["cdc"]["hosts"]) == ["other"]


def test_groups_of_the_same_name_are_left_out_also_when_one_has_no_link() -> None:
    found = static_inventory([record("twice"), {**record("twice"), "link": None, "external_kms": None}])

    assert found["hosts"] == []
    assert [(one["name"], one["reason"]) for one in found["left_out"]] == [("twice", "2 groups have this name")]


@pytest.mark.parametrize("name", ["[prod] keys", "[prod]", "{{ lookup('pipe', 'id') }}", "True", "12", "!vault x"])
def test_a_name_that_only_looks_odd_is_kept(name: str) -> None:
    (host,) = loaded(record(name)).values()

    assert host["cdc_setup_name"] == name


def test_an_account_without_links_gives_an_inventory_without_hosts() -> None:
    assert loaded() == {}
