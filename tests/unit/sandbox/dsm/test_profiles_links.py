# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles of links, checks, lists and scans: each setting over the wire (DSM contract §7)."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from sandbox import Fault, Profile, Sandbox
from sandbox.authorities import self_signed
from sandbox.dsm.external_kms import GOVERNMENT_ENDPOINTS

GROUPS, CHECK, VAULTS = "/sys/v1/groups", "/sys/v1/groups/hmg/check", "/sys/v1/groups/hmg/azure_vaults"


@pytest.fixture
def save(admin: Any, names: Any) -> Any:
    """Save a link in a new group."""
    return lambda config: admin("POST", GROUPS, {"name": names.new(), "add_hmg": [config]})


@pytest.fixture
def scan(admin: Any, linked: Any) -> Any:
    return lambda: admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/scan", {})


@pytest.fixture
def keys(admin: Any, linked: Any) -> Any:
    query = {"group_id": linked["group_id"], "show_destroyed": "true"}
    return lambda: {key["external"]["id"]["label"]: key for key in admin("GET", "/crypto/v1/keys", **query).json}


def link_of(answer: Any) -> dict[str, Any]:
    (link,) = answer.json["hmg"].values()
    return dict(link)


@cache
def blobs(form: str) -> tuple[str, str]:
    """A certificate and its key, base64 of DER or PEM."""
    pair = self_signed("client")
    if form == "pem":
        return tuple(base64.b64encode(text.encode()).decode() for text in (pair.certificate_pem, pair.key_pem))  # type: ignore[return-value]
    key = serialization.load_pem_private_key(pair.key_pem.encode(), None)
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ders = (
        pair.certificate.public_bytes(serialization.Encoding.DER),
        key.private_bytes(serialization.Encoding.DER, pkcs8, plain),
    )
    return tuple(base64.b64encode(der).decode() for der in ders)  # type: ignore[return-value]


# The link -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "status"), [("AzureKeyVault", 400), ("AZUREKEYVAULT", 201)])
def test_q1_an_old_server_takes_the_old_spelling_only(
    sb: Sandbox, save: Any, estate: Any, kind: str, status: int
) -> None:
    sb.profile = Profile(kind_accepted="legacy")

    assert save(estate.link(kind=kind)).status == status


@pytest.mark.parametrize(
    ("setting", "by_secret_key", "by_auth_config"),
    [("both", 201, 201), ("auth_config", 400, 201), ("secret_key", 201, 400)],
)
def test_q2_in_which_member_the_credential_is_taken(
    sb: Sandbox, save: Any, estate: Any, setting: Any, by_secret_key: int, by_auth_config: int
) -> None:
    sb.profile = Profile(credential_form=setting)
    old = estate.link(auth_config=None, secret_key=estate.client_secret)

    assert (save(old).status, save(estate.link()).status) == (by_secret_key, by_auth_config)


@pytest.mark.parametrize(("setting", "shown"), [("blank", ""), ("mask", "***"), ("omit", None)])
def test_q2_q3_an_old_server_shows_the_secret_key(
    sb: Sandbox, save: Any, estate: Any, setting: Any, shown: str | None
) -> None:
    sb.profile = Profile(credential_form="secret_key", secrets_on_get=setting)

    link = link_of(save(estate.link(auth_config=None, secret_key=estate.client_secret)))

    assert "auth_config" not in link
    assert link.get("secret_key") == shown


@pytest.mark.parametrize(("setting", "der", "pem"), [("both", 201, 201), ("der", 201, 400), ("pem", 400, 201)])
def test_q4_what_is_taken_inside_the_base64(
    sb: Sandbox, save: Any, estate: Any, setting: Any, der: int, pem: int
) -> None:
    sb.profile = Profile(certificate_blobs=setting)
    statuses = []
    for form in ("der", "pem"):
        certificate, key = blobs(form)
        ca = {"pinned": [certificate]}
        block = {"mode": "required", "validate_hostname": True, "ca": ca, "client_cert": certificate, "client_key": key}
        auth = {"mode": "token_auth_config", "client_cert": certificate, "client_key": key}
        statuses.append(save(estate.link(tls=block, auth_config=auth)).status)

    assert statuses == [der, pem]


@pytest.mark.parametrize(("setting", "status"), [("any_case", 201), ("upper", 400)])
def test_q8_which_letter_case_of_the_vault_type_is_taken(
    sb: Sandbox, save: Any, estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(vault_type_accepted=setting)

    assert save(estate.link(key_vault_type="Premium")).status == status


def test_q8_the_vault_type_may_be_shown_capitalised(sb: Sandbox, admin: Any, save: Any, estate: Any) -> None:
    sb.profile = Profile(vault_type_shown="capital")

    assert link_of(save(estate.link()))["key_vault_type"] == "Premium"
    assert [vault["vault_type"] for vault in admin("POST", VAULTS, estate.link()).json] == ["Premium"]


@pytest.mark.parametrize(("setting", "status"), [("accepted", 201), ("refused", 400)])
def test_q18_a_link_without_a_vault(sb: Sandbox, save: Any, estate: Any, setting: Any, status: int) -> None:
    sb.profile = Profile(empty_url=setting)

    assert save(estate.link(url="")).status == status


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("as_sent", "https://KV-One.vault.azure.net"),
        ("normalised", "https://kv-one.vault.azure.net/"),
        ("without_slash", "https://kv-one.vault.azure.net"),
    ],
)
def test_q29_how_the_url_is_shown(sb: Sandbox, save: Any, estate: Any, setting: Any, shown: str) -> None:
    sb.profile = Profile(url_shown=setting)

    assert link_of(save(estate.link(url="https://KV-One.vault.azure.net")))["url"] == shown


@pytest.mark.parametrize(("setting", "shown"), [("omit", None), ("blank", ""), ("mask", "***"), ("echo", "the key")])
def test_q40_the_tls_key_has_a_switch_of_its_own(
    sb: Sandbox, save: Any, estate: Any, setting: Any, shown: str | None
) -> None:
    sb.profile = Profile(tls_key_on_get=setting)
    certificate, key = blobs("der")
    ca = {"ca_set": "global_roots"}
    block = {"mode": "required", "validate_hostname": True, "ca": ca, "client_cert": certificate, "client_key": key}

    link = link_of(save(estate.link(tls=block)))

    assert link["tls"].get("client_key") == (key if shown == "the key" else shown)
    assert link["auth_config"]["client_secret"] == ""


# An old server --------------------------------------------------------------------------------------------------------


@pytest.fixture
def legacy(sb: Sandbox) -> None:
    sb.profile = Profile(generation="legacy")


def old_link(estate: Any, **changes: Any) -> dict[str, Any]:
    return dict(estate.link(kind="AZUREKEYVAULT", auth_config=None, secret_key=estate.client_secret, **changes))


def test_an_old_server_links_checks_and_scans(legacy: None, admin: Any, save: Any, estate: Any) -> None:
    answer = save(old_link(estate))
    path = f"{GROUPS}/{answer.json['group_id']}/hmg"

    assert link_of(answer)["kind"] == "AZUREKEYVAULT"
    assert admin("POST", f"{path}/check").status == 204
    assert len(admin("POST", f"{path}/scan", {}).json) == 2


def test_an_old_server_takes_every_link_for_global_azure(legacy: None, admin: Any, save: Any, make_estate: Any) -> None:
    config = old_link(make_estate("government"), endpoints=GOVERNMENT_ENDPOINTS)

    assert "endpoints" not in link_of(save(config))
    assert "login.microsoftonline.com" in admin("POST", CHECK, config).text


def test_an_old_server_knows_no_managed_hsm(legacy: None, sb: Sandbox, admin: Any, save: Any) -> None:
    view = sb.world.public
    config = {
        "kind": "AZUREKEYVAULT",
        "url": "",
        "tls": {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}},
        "secret_key": view.client_secret,
        "tenant_id": view.tenant_id,
        "client_id": view.client_id,
        "subscription_id": view.subscription_id,
    }

    assert {vault["vault_type"] for vault in admin("POST", VAULTS, config).json} == {"STANDARD", "PREMIUM"}
    assert save({**config, "key_vault_type": "MANAGED"}).status == 400


# Check --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "status"), [("optional", 204), ("required", 400)])
def test_q20_a_check_without_a_body(sb: Sandbox, admin: Any, linked: Any, setting: Any, status: int) -> None:
    sb.profile = Profile(check_body=setting)

    assert admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/check").status == status
    assert admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/check", {}).status == 204


@pytest.mark.parametrize(("setting", "status"), [("required", 400), ("merged", 204)])
def test_q34_a_configuration_without_its_secret(
    sb: Sandbox, admin: Any, linked: Any, estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(check_config_secret=setting)
    config = estate.link(auth_config={"mode": "client_secret", "client_secret": ""})

    assert admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/check", {"config": config}).status == status


@pytest.mark.parametrize(("setting", "status"), [("reader", 204), ("administrator", 403)])
def test_q41_whether_a_reader_may_check(
    sb: Sandbox, auditor: Any, admin: Any, linked: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(check_right=setting)

    assert auditor("POST", f"{GROUPS}/{linked['group_id']}/hmg/check", {}).status == status
    assert admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/check", {}).status == 204


@pytest.mark.parametrize(
    ("setting", "statuses"),
    [
        ("unlimited", (204, 204, 200, 200, 200)),
        ("no_keys", (204, 204, 200, 200, 403)),
        ("no_scan", (204, 204, 200, 403, 403)),
        ("no_links", (403, 403, 403, 403, 403)),
    ],
)
def test_q41_what_an_administrative_app_may_do(
    sb: Sandbox, admin: Any, administrator: Any, linked: Any, estate: Any, setting: Any, statuses: tuple[int, ...]
) -> None:
    sb.profile = Profile(admin_app=setting)
    path = f"{GROUPS}/{linked['group_id']}/hmg"

    def tried(client: Any) -> tuple[int, ...]:
        return (
            client("POST", f"{path}/check", {}).status,
            client("POST", CHECK, estate.link()).status,
            client("POST", VAULTS, estate.link()).status,
            client("POST", f"{path}/scan", {}).status,
            client("GET", "/crypto/v1/keys", group_id=linked["group_id"]).status,
        )

    assert tried(admin) == statuses
    assert tried(administrator) == (204, 204, 200, 200, 200)


# Scan -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "second"), [("new", 0), ("all", 2)])
def test_q30_what_a_second_scan_answers(sb: Sandbox, scan: Any, setting: Any, second: int) -> None:
    sb.profile = Profile(scan_answer=setting)

    assert [len(scan().json) for _number in range(2)] == [2, second]


@pytest.mark.parametrize(
    ("setting", "words"),
    [("lower", ("created", "deleted")), ("capital", ("Created", "Deleted")), ("enabled", ("Enabled", "Deleted"))],
)
def test_q13_in_which_words_azures_state_is_told(
    sb: Sandbox, scan: Any, keys: Any, estate: Any, setting: Any, words: tuple[str, str]
) -> None:
    sb.profile = Profile(key_state_words=setting)
    scan()
    estate.do(lambda azure: azure.delete_key(estate.vault, "one"))
    scan()

    found = keys()

    assert tuple(found[name]["custom_metadata"]["azure-key-state"] for name in ("two", "one")) == words


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("none", {"one", "two", "off", "certificate", "old"}),
        ("disabled", {"one", "two", "certificate", "old"}),
        ("managed", {"one", "two", "off", "old"}),
        ("expired", {"one", "two", "off", "certificate"}),
        ("all", {"one", "two"}),
    ],
)
def test_q44_which_keys_get_no_virtual_key(
    sb: Sandbox, scan: Any, estate: Any, setting: Any, expected: set[str]
) -> None:
    def build(azure: Any) -> None:
        azure.add_key(estate.vault, "off").enabled = False
        azure.add_key(estate.vault, "certificate")
        azure.vault(estate.vault).key("certificate").managed = True
        azure.add_key(estate.vault, "old").expires = 1

    estate.do(build)
    sb.profile = Profile(scan_skips=setting)

    assert {key["external"]["id"]["label"] for key in scan().json} == expected


@pytest.mark.parametrize(
    ("setting", "status", "left"), [("nothing", 400, set()), ("partial", 400, {"one"}), ("skip", 200, {"one", "zoo"})]
)
def test_q46_what_a_scan_leaves_that_fails_midway(
    sb: Sandbox, scan: Any, keys: Any, admin: Any, linked: Any, estate: Any, setting: Any, status: int, left: set[str]
) -> None:
    estate.do(lambda azure: azure.add_key(estate.vault, "zoo"))
    sb.profile = Profile(scan_failure=setting)
    sb.faults.add(Fault(plane="vault", method="GET", route="/keys/{name}/", skip=1, times=1, status=500))

    answer = scan()

    assert (answer.status, set(keys())) == (status, left)
    (record,) = admin("GET", f"{GROUPS}/{linked['group_id']}/hmg/scans").json["items"]
    assert ("warnings" in record) is (setting == "skip")
    assert record["scan_result"]["$type"] == ("Success" if setting == "skip" else "Failed")


@pytest.mark.parametrize("setting", ["nothing", "partial", "skip"])
def test_q46_the_next_scan_completes_what_is_missing(sb: Sandbox, scan: Any, keys: Any, setting: Any) -> None:
    sb.profile = Profile(scan_failure=setting)
    sb.faults.add(Fault(plane="vault", method="GET", route="/keys/{name}/", skip=1, times=1, status=500))
    scan()

    assert scan().status == 200
    assert set(keys()) == {"one", "two"}


@pytest.mark.parametrize(("setting", "status", "count"), [("recorded", 200, 1), ("empty", 200, 0), ("refused", 400, 0)])
def test_q47_whether_scans_leave_a_record(
    sb: Sandbox, scan: Any, admin: Any, linked: Any, setting: Any, status: int, count: int
) -> None:
    scan()
    sb.profile = Profile(scan_history=setting)

    answer = admin("GET", f"{GROUPS}/{linked['group_id']}/hmg/scans")

    assert answer.status == status
    assert status == 400 or len(answer.json["items"]) == count
