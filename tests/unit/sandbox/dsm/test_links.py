# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check, azure_vaults and scan: what they say is what really happened (DSM contract §3, §4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from sandbox import Profile, Sandbox
from sandbox.dsm.external_kms import GOVERNMENT_ENDPOINTS

CHECK = "/sys/v1/groups/hmg/check"
VAULTS = "/sys/v1/groups/hmg/azure_vaults"


def tls(**changes: Any) -> dict[str, Any]:
    return {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}, **changes}


# Check ------------------------------------------------------------------------------------------------------------


def test_a_good_link_is_204_without_a_body(admin: Any, estate: Any) -> None:
    answer = admin("POST", CHECK, estate.link())

    assert (answer.status, answer.body) == (204, b"")


def test_a_check_talks_to_entra_arm_and_the_vault(sb: Sandbox, admin: Any, estate: Any) -> None:
    mark = sb.journal.mark()

    admin("POST", CHECK, estate.link())

    assert {entry.plane for entry in sb.journal.since(mark) if entry.origin == "dsm"} == {"entra", "arm", "vault"}


def test_a_check_with_an_empty_url_ends_with_arm(sb: Sandbox, admin: Any, estate: Any) -> None:
    mark = sb.journal.mark()

    assert admin("POST", CHECK, estate.link(url="")).status == 204

    assert [entry.plane for entry in sb.journal.since(mark)] == ["entra", "arm", "dsm"]


@pytest.mark.parametrize("body", [None, {}, {"id": "the link's"}])
def test_a_group_is_checked_with_its_stored_secret(admin: Any, linked: Any, body: Any) -> None:
    if body and "id" in body:
        body = {"id": next(iter(linked["hmg"]))}

    assert admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/check", body).status == 204


def test_a_group_can_be_checked_with_another_configuration(admin: Any, linked: Any, estate: Any) -> None:
    config = estate.link(auth_config={"mode": "client_secret", "client_secret": "wrong"})

    answer = admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/check", {"config": config})

    assert answer.status == 400


def test_a_local_group_has_nothing_to_check(admin: Any, group: Any) -> None:
    assert admin("POST", f"/sys/v1/groups/{group['group_id']}/hmg/check", {}).status == 400


def test_an_auditor_may_check_a_group_but_try_no_configuration(auditor: Any, linked: Any, estate: Any) -> None:
    assert auditor("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/check", {}).status == 204
    assert auditor("POST", CHECK, estate.link()).status == 403


def expire_secret(azure: Any, estate: Any) -> None:
    azure.expire_secret(estate.client_id)


def remove_secret(azure: Any, estate: Any) -> None:
    azure.remove_secret(estate.client_id)


def disable_application(azure: Any, estate: Any) -> None:
    azure.disable_application(estate.client_id)


def revoke_role(azure: Any, estate: Any) -> None:
    azure.revoke_role(estate.client_id, estate.vault)


def take_list_away(azure: Any, estate: Any) -> None:
    azure.set_access_policy(estate.vault, estate.client_id, ["get", "create"])


def delete_vault(azure: Any, estate: Any) -> None:
    azure.delete_vault(estate.vault)


@pytest.mark.parametrize(
    ("deed", "leg", "words"),
    [
        (expire_secret, "login.microsoftonline.com", "AADSTS7000222"),
        (remove_secret, "login.microsoftonline.com", "AADSTS7000215"),
        (disable_application, "login.microsoftonline.com", "AADSTS7000112"),
        (revoke_role, "Azure Resource Manager", "no vault with the address"),
        (take_list_away, ".vault.azure.net", "AccessDenied"),
        (delete_vault, "Azure Resource Manager", "no vault with the address"),
    ],
)
def test_a_loss_in_azure_shows_in_the_check(
    admin: Any, linked: Any, estate: Any, deed: Callable[[Any, Any], None], leg: str, words: str
) -> None:
    estate.do(lambda azure: deed(azure, estate))

    answer = admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/check", {})

    assert answer.status == 400
    assert leg in answer.text
    assert words in answer.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tenant_id": str(uuid4())}, "AADSTS90002"),
        ({"client_id": str(uuid4())}, "AADSTS700016"),
        ({"subscription_id": str(uuid4())}, "SubscriptionNotFound"),
        ({"endpoints": GOVERNMENT_ENDPOINTS}, "AADSTS90002"),
        ({"auth_config": {"mode": "client_secret", "client_secret": "wrong"}}, "AADSTS7000215"),
        ({"tls": {"mode": "disabled"}}, "nobody listens"),
    ],
)
def test_a_wrong_link_fails_with_azures_own_words(admin: Any, estate: Any, changes: Any, words: str) -> None:
    answer = admin("POST", CHECK, estate.link(**changes))

    assert answer.status == 400
    assert words in answer.text


def test_the_government_cloud_has_its_own_tenants_and_names(sb: Sandbox, admin: Any, make_estate: Any) -> None:
    estate = make_estate("government")
    mark = sb.journal.mark()

    assert admin("POST", CHECK, estate.link(endpoints=GOVERNMENT_ENDPOINTS)).status == 204

    hosts = {entry.host for entry in sb.journal.since(mark) if entry.origin == "dsm"}
    assert hosts == {
        "login.microsoftonline.us",
        "management.usgovcloudapi.net",
        f"{estate.vault}.vault.usgovcloudapi.net",
    }


def test_time_alone_ends_a_secret(admin: Any) -> None:
    import urllib3

    with Sandbox.start() as own, urllib3.ProxyManager(own.proxy_url, ca_certs=str(own.ca_bundle)) as pool:
        w = own.world
        auth = {"mode": "client_secret", "client_secret": w.public.client_secret}
        ids = {name: getattr(w.public, name) for name in ("tenant_id", "client_id", "subscription_id")}
        link = {"kind": "AzureKeyVault", "url": "", "tls": tls(), "auth_config": auth, **ids}
        headers = {"Authorization": f"Basic {w.admin_app.api_key}"}
        statuses = []
        for days in (0, 729, 2):
            own.clock.advance(days * 86400)
            statuses.append(pool.request("POST", w.dsm_endpoint + CHECK, json=link, headers=headers).status)

    assert statuses == [204, 204, 400]


# Vaults -------------------------------------------------------------------------------------------------------------


def test_vaults_come_in_dsms_form(admin: Any, estate: Any) -> None:
    (vault,) = admin("POST", VAULTS, estate.link(url="")).json

    assert (vault["name"], vault["vault_type"], vault["uri"]) == (estate.vault, "PREMIUM", estate.url)
    assert vault["retention"] == 90


def test_a_vault_without_the_role_vanishes_from_the_list(admin: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.revoke_role(estate.client_id, estate.vault))

    assert admin("POST", VAULTS, estate.link(url="")).json == []


def test_a_role_at_the_subscription_is_inherited_by_its_vaults(admin: Any, estate: Any, names: Any) -> None:
    other, scope = names.new("kv"), f"/subscriptions/{estate.subscription_id}"
    estate.do(lambda azure: azure.add_vault(other, subscription_id=estate.subscription_id))
    estate.do(lambda azure: azure.assign_role(estate.client_id, scope, "Reader"))

    assert {vault["name"] for vault in admin("POST", VAULTS, estate.link(url="")).json} == {estate.vault, other}


def test_all_pages_of_arm_are_read(sb: Sandbox, admin: Any, estate: Any, names: Any) -> None:
    more = [names.new("kv") for _index in range(4)]

    def add(azure: Any) -> None:
        azure.arm_page_size = 2
        for name in more:
            azure.assign_role(estate.client_id, azure.add_vault(name, subscription_id=estate.subscription_id))

    estate.do(add)

    assert len(admin("POST", VAULTS, estate.link(url="")).json) == 5
    estate.do(lambda azure: setattr(azure, "arm_page_size", 100))


def test_a_stored_secret_is_not_merged_into_the_posted_link(admin: Any, linked: Any, estate: Any) -> None:
    assert admin("POST", VAULTS, estate.link(auth_config=None)).status == 400


# Scan ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scan(admin: Any, linked: Any) -> Callable[[], Any]:
    return lambda: admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/scan", {})


@pytest.fixture
def keys(admin: Any, linked: Any) -> Callable[..., Any]:
    def list_keys(**query: str) -> dict[str, Any]:
        answer = admin("GET", "/crypto/v1/keys", group_id=linked["group_id"], **query)
        return {key["external"]["id"]["label"]: key for key in answer.json}

    return list_keys


def test_a_scan_returns_the_new_virtual_keys_once(scan: Any, linked: Any) -> None:
    first, second = scan(), scan()

    assert {key["custom_metadata"]["azure-key-name"] for key in first.json} == {"one", "two"}
    assert all(key["external"]["hsm_group_id"] == linked["group_id"] for key in first.json)
    assert second.json == []


def test_virtual_keys_carry_type_size_and_protection(scan: Any) -> None:
    found = {key["external"]["id"]["label"]: key for key in scan().json}

    assert (found["one"]["obj_type"], found["one"]["key_size"]) == ("RSA", 2048)
    assert (found["two"]["obj_type"], found["two"]["elliptic_curve"]) == ("EC", "NistP384")
    assert found["two"]["custom_metadata"]["azure-key-type"] == "hardware"


def test_a_new_version_in_azure_is_a_new_virtual_key(scan: Any, estate: Any) -> None:
    scan()
    version = estate.do(lambda azure: azure.add_key(estate.vault, "one")).version

    (new,) = scan().json

    assert new["external"]["id"]["version"].replace("-", "") == version


def test_a_profile_scans_all_versions(sb: Sandbox, scan: Any, estate: Any) -> None:
    sb.profile = Profile(scan_versions="all")
    estate.do(lambda azure: azure.add_key(estate.vault, "one"))

    assert [key["external"]["id"]["label"] for key in scan().json].count("one") == 2


def test_a_key_deleted_in_azure_is_shown_as_deleted(scan: Any, keys: Any, estate: Any) -> None:
    scan()
    estate.do(lambda azure: azure.delete_key(estate.vault, "one"))

    assert scan().json == []

    assert keys()["one"]["custom_metadata"]["azure-key-state"] == "deleted"
    assert keys()["one"]["enabled"] is False


def test_a_key_purged_in_azure_becomes_destroyed(scan: Any, keys: Any, estate: Any) -> None:
    scan()
    estate.do(lambda azure: azure.delete_key(estate.vault, "one"))
    estate.do(lambda azure: azure.purge_key(estate.vault, "one"))
    scan()

    assert "one" not in keys()
    assert keys(show_destroyed="true")["one"]["state"] == "Destroyed"


def test_a_recovered_key_is_active_again(scan: Any, keys: Any, estate: Any) -> None:
    scan()
    estate.do(lambda azure: azure.delete_key(estate.vault, "one"))
    scan()
    estate.do(lambda azure: azure.recover_key(estate.vault, "one"))
    scan()

    assert (keys()["one"]["enabled"], keys()["one"]["custom_metadata"]["azure-key-state"]) == (True, "created")


def test_a_scan_without_list_fails_and_is_recorded(scan: Any, admin: Any, linked: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.set_access_policy(estate.vault, estate.client_id, ["get"]))

    answer = scan()

    assert answer.status == 400
    assert "does not have keys list permission" in answer.text
    record = admin("GET", f"/sys/v1/groups/{linked['group_id']}/hmg/scans").json["items"][0]
    assert record["scan_result"]["$type"] == "Failed"


def test_a_scan_reads_all_pages_of_the_vault(scan: Any, estate: Any) -> None:
    estate.do(lambda azure: [azure.add_key(estate.vault, f"many-{number}") for number in range(60)])

    assert len(scan().json) == 62


def test_asynchronous_scans_are_refused(admin: Any, linked: Any) -> None:
    assert admin("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/scans").status == 400


def test_a_local_group_cannot_be_scanned(admin: Any, group: Any) -> None:
    assert admin("POST", f"/sys/v1/groups/{group['group_id']}/hmg/scan", {}).status == 400


def test_an_auditor_cannot_scan(auditor: Any, linked: Any) -> None:
    assert auditor("POST", f"/sys/v1/groups/{linked['group_id']}/hmg/scan", {}).status == 403


# Keys ---------------------------------------------------------------------------------------------------------------


def test_keys_are_listed_by_keyset_and_counted(scan: Any, admin: Any, linked: Any) -> None:
    scan()
    query = {"group_id": linked["group_id"], "limit": 1, "sort": "kid:asc"}
    first = admin("GET", "/crypto/v1/keys", with_metadata="true", **query).json
    second = admin("GET", "/crypto/v1/keys", start=first["items"][0]["kid"], **query).json

    assert first["metadata"] == {"total_count": 2, "filtered_count": 2}
    assert first["items"][0]["kid"] < second[0]["kid"]


def test_one_key_is_read_by_id_and_by_name(scan: Any, admin: Any) -> None:
    key = scan().json[0]

    assert admin("GET", f"/crypto/v1/keys/{key['kid']}").json == key
    assert admin("POST", "/crypto/v1/keys/info", {"kid": key["kid"]}).json == key
    assert admin("POST", "/crypto/v1/keys/info", {"name": key["name"]}).json == key


def test_an_unknown_key_is_404(admin: Any) -> None:
    answer = admin("POST", "/crypto/v1/keys/info", {"kid": str(uuid4())})

    assert (answer.status, answer.text) == (404, "sobject does not exist")


def test_a_crypto_app_does_not_read_keys_of_other_groups(scan: Any, crypto: Any) -> None:
    key = scan().json[0]

    assert crypto("GET", f"/crypto/v1/keys/{key['kid']}").status == 403
