# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DSM accepts as a link, and what it shows of one again (DSM contract §2.5 to §2.9, §9)."""

from __future__ import annotations

import contextlib
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Profile, Sandbox
from sandbox.dsm.errors import DsmError
from sandbox.dsm.external_kms import GLOBAL_ENDPOINTS, GOVERNMENT_ENDPOINTS, shown, validated

GROUPS = "/sys/v1/groups"
MIXED = {**GLOBAL_ENDPOINTS, "iam": GOVERNMENT_ENDPOINTS["iam"]}
REQUIRED = {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "Vault"}, "Unknown kind"),
        ({"kind": None}, "Unknown kind"),
        ({"url": None}, "url"),
        ({"url": "http://plain.vault.azure.net"}, "https"),
        ({"tls": None}, "tls"),
        ({"tls": {"mode": "sometimes"}}, "tls.mode"),
        ({"tls": {"mode": "required", "ca": {"ca_set": "global_roots"}}}, "validate_hostname"),
        ({"tls": {**REQUIRED, "ca": {}}}, "exactly one"),
        ({"tls": {**REQUIRED, "ca": {"ca_set": "global_roots", "pinned": []}}}, "exactly one"),
        ({"tls": {**REQUIRED, "ca": {"ca_set": "mine"}}}, "global_roots"),
        ({"tls": {**REQUIRED, "ca": {"pinned": ["%%%"]}}}, "base64"),
        ({"tls": {**REQUIRED, "ca": {"pinned": ["AAAA"]}}}, "not a certificate"),
        ({"tls": {**REQUIRED, "client_cert": "AAAA"}}, "client_key"),
        ({"auth_config": None}, "auth_config"),
        ({"auth_config": {"mode": "client_secret", "client_secret": ""}}, "client_secret"),
        ({"auth_config": {"mode": "password"}}, "mode"),
        ({"auth_config": {"mode": "token_auth_config", "client_cert": "AAAA"}}, "client_key"),
        ({"tenant_id": None}, "tenant_id"),
        ({"client_id": "not-a-uuid"}, "client_id"),
        ({"subscription_id": 7}, "subscription_id"),
        ({"key_vault_type": "GOLD"}, "key_vault_type"),
        ({"endpoints": MIXED}, "endpoints"),
        ({"endpoints": {"iam": GLOBAL_ENDPOINTS["iam"]}}, "endpoints"),
    ],
)
def test_a_bad_link_is_400_and_names_the_member(admin: Any, estate: Any, names: Any, changes: Any, words: str) -> None:
    answer = admin("POST", GROUPS, {"name": names.new(), "add_hmg": [estate.link(**changes)]})

    assert answer.status == 400
    assert words in answer.text


@pytest.mark.parametrize("kind", ["AzureKeyVault", "AZUREKEYVAULT"])
def test_both_spellings_are_taken_and_the_modern_one_is_shown(admin: Any, estate: Any, names: Any, kind: str) -> None:
    group = admin("POST", GROUPS, {"name": names.new(), "add_hmg": [estate.link(kind=kind)]}).json

    assert [link["kind"] for link in group["hmg"].values()] == ["AzureKeyVault"]


def test_a_secret_key_alone_is_a_client_secret(admin: Any, estate: Any, names: Any) -> None:
    link = estate.link(auth_config=None, secret_key=estate.client_secret)
    group = admin("POST", GROUPS, {"name": names.new(), "add_hmg": [link]}).json

    assert admin("POST", f"{GROUPS}/{group['group_id']}/hmg/check", {}).status == 204


def test_saving_never_asks_azure(sb: Sandbox, admin: Any, estate: Any, names: Any) -> None:
    mark = sb.journal.mark()
    wrong = estate.link(auth_config={"mode": "client_secret", "client_secret": "wrong"})

    assert admin("POST", GROUPS, {"name": names.new(), "add_hmg": [wrong]}).status == 201

    assert {entry.plane for entry in sb.journal.since(mark)} == {"dsm"}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("blank", {"mode": "client_secret", "client_secret": ""}),
        ("mask", {"mode": "client_secret", "client_secret": "***"}),
        ("omit", None),
        ("echo", "the stored one"),
    ],
)
def test_secrets_come_back_as_the_profile_says(
    sb: Sandbox, admin: Any, linked: Any, estate: Any, setting: Any, expected: Any
) -> None:
    sb.profile = Profile(secrets_on_get=setting)

    (link,) = admin("GET", f"{GROUPS}/{linked['group_id']}").json["hmg"].values()

    wanted = estate.link()["auth_config"] if setting == "echo" else expected
    assert link.get("auth_config") == wanted


def test_the_legacy_spelling_is_a_profile(sb: Sandbox, admin: Any, linked: Any) -> None:
    sb.profile = Profile(kind_spelling="legacy")

    (link,) = admin("GET", f"{GROUPS}/{linked['group_id']}").json["hmg"].values()

    assert link["kind"] == "AZUREKEYVAULT"


def test_create_may_answer_200(sb: Sandbox, admin: Any, names: Any) -> None:
    sb.profile = Profile(create_status=200)

    assert admin("POST", GROUPS, {"name": names.new()}).status == 200


def test_errors_may_be_json(sb: Sandbox, admin: Any, group: Any) -> None:
    sb.profile = Profile(error_body="json")

    assert admin("POST", GROUPS, {"name": group["name"]}).json == {"message": "group already exists"}


@pytest.mark.parametrize(("setting", "status"), [("refuse", 400), ("keep", 200)])
def test_mod_hmg_without_the_secret(
    sb: Sandbox, admin: Any, linked: Any, estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(mod_hmg_without_secret=setting)
    (hmg_id,) = linked["hmg"]
    link = estate.link(auth_config={"mode": "client_secret", "client_secret": ""}, key_vault_type="STANDARD")

    answer = admin("PATCH", f"{GROUPS}/{linked['group_id']}", {"mod_hmg": {hmg_id: link}})

    assert answer.status == status
    assert admin("POST", f"{GROUPS}/{linked['group_id']}/hmg/check", {}).status == 204


def test_mod_hmg_without_endpoints_moves_a_government_group_to_global_azure(
    admin: Any, make_estate: Any, names: Any
) -> None:
    estate = make_estate("government")
    created = {"name": names.new(), "add_hmg": [estate.link(endpoints=GOVERNMENT_ENDPOINTS)]}
    group = admin("POST", GROUPS, created).json
    path, (hmg_id,) = f"{GROUPS}/{group['group_id']}", group["hmg"]

    before = admin("POST", f"{path}/hmg/check", {}).status
    admin("PATCH", path, {"mod_hmg": {hmg_id: estate.link()}})
    after = admin("POST", f"{path}/hmg/check", {}).status

    assert (before, after) == (204, 400)


def test_metadata_on_a_linked_group_may_be_refused(sb: Sandbox, admin: Any, linked: Any, group: Any) -> None:
    sb.profile = Profile(metadata="refused")
    body = {"custom_metadata": {"a": "1"}}

    statuses = [admin("PATCH", f"{GROUPS}/{one['group_id']}", body).status for one in (linked, group)]

    assert statuses == [400, 200]


def test_a_hidden_group_may_be_404(sb: Sandbox, crypto: Any, group: Any) -> None:
    sb.profile = Profile(hidden_group=404)

    assert crypto("GET", f"{GROUPS}/{group['group_id']}").status == 404


def test_the_status_of_an_azure_failure_is_a_profile(sb: Sandbox, admin: Any, estate: Any) -> None:
    sb.profile = Profile(azure_failure_status=502)
    link = estate.link(auth_config={"mode": "client_secret", "client_secret": "wrong"})

    assert admin("POST", f"{GROUPS}/hmg/check", link).status == 502


@pytest.mark.parametrize(
    ("depth", "planes"),
    [
        ("token", ["entra"]),
        ("arm_list", ["entra", "arm"]),
        ("vault_get", ["entra", "arm", "arm"]),
        ("keys_list", ["entra", "arm", "arm", "entra", "vault"]),
    ],
)
def test_a_check_goes_as_deep_as_the_profile_says(
    sb: Sandbox, admin: Any, estate: Any, depth: Any, planes: list[str]
) -> None:
    sb.profile = Profile(check_depth=depth)
    mark = sb.journal.mark()

    admin("POST", f"{GROUPS}/hmg/check", estate.link())

    assert [entry.plane for entry in sb.journal.since(mark) if entry.origin == "dsm"] == planes


@pytest.mark.parametrize(("setting", "status"), [("empty", 200), ("403", 400)])
def test_what_an_application_without_any_right_gets(
    sb: Sandbox, admin: Any, estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(no_rights=setting)
    estate.do(lambda azure: azure.revoke_role(estate.client_id, estate.vault))

    assert admin("POST", f"{GROUPS}/hmg/azure_vaults", estate.link(url="")).status == status


@pytest.mark.parametrize(("setting", "status"), [("filtered", 200), ("403", 400)])
def test_what_an_application_with_rights_on_some_vaults_gets(
    sb: Sandbox, admin: Any, estate: Any, names: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(partial_rights=setting)
    estate.do(lambda azure: azure.add_vault(names.new("kv"), subscription_id=estate.subscription_id))

    assert admin("POST", f"{GROUPS}/hmg/azure_vaults", estate.link(url="")).status == status


@pytest.mark.parametrize(("setting", "status"), [("none", 400), ("until_expiry", 204)])
def test_a_kept_token_outlives_its_secret(
    sb: Sandbox, admin: Any, linked: Any, estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(dsm_token_cache=setting)
    path = f"{GROUPS}/{linked['group_id']}/hmg/check"
    admin("POST", path, {})

    estate.do(lambda azure: azure.remove_secret(estate.client_id))

    assert admin("POST", path, {}).status == status


@pytest.mark.parametrize(("setting", "status"), [("unchecked", 201), ("checked", 400)])
def test_a_vault_of_the_other_cloud_may_be_refused_on_save(
    sb: Sandbox, admin: Any, estate: Any, names: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(url_host=setting)
    link = estate.link(endpoints=GOVERNMENT_ENDPOINTS)

    assert admin("POST", GROUPS, {"name": names.new(), "add_hmg": [link]}).status == status


@pytest.mark.parametrize(("setting", "status"), [("accepted", 200), ("refused", 400)])
def test_a_group_with_keys_may_be_bound_to_its_vault(
    sb: Sandbox, admin: Any, linked: Any, make_estate: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(relink_with_keys=setting)
    sb.do(lambda state: state.dsm.add_key(linked["group_id"]))
    (hmg_id,) = linked["hmg"]

    answer = admin("PATCH", f"{GROUPS}/{linked['group_id']}", {"mod_hmg": {hmg_id: make_estate().link()}})

    assert answer.status == status


def test_a_link_of_another_kind_put_into_the_world_is_listed_but_not_checked(
    sb: Sandbox, admin: Any, names: Any
) -> None:
    group = sb.do(lambda state: state.dsm.add_group(names.new(), hmg={"kind": "AwsKms", "url": "x"}))

    (link,) = admin("GET", f"{GROUPS}/{group.group_id}").json["hmg"].values()

    assert link == {"kind": "AwsKms", "url": "x"}
    assert admin("POST", f"{GROUPS}/{group.group_id}/hmg/check", {}).status == 400


def test_a_profile_refuses_a_value_that_nothing_would_honour() -> None:
    with pytest.raises(ValueError, match="secrets_on_get"):
        Profile(secrets_on_get="blnak")  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = ("url", "tls", "auth_config", "tenant_id", "client_id", "subscription_id", "key_vault_type", "endpoints")
UUID = "7c0de0e5-52a5-4b7c-b5fd-3a4bfbd4b3a1"
GOOD: dict[str, Any] = {
    "kind": "AzureKeyVault",
    "url": "https://x.vault.azure.net/",
    "tls": REQUIRED,
    "auth_config": {"mode": "client_secret", "client_secret": "a-canary"},
    **dict.fromkeys(("tenant_id", "client_id", "subscription_id"), UUID),
}


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=3))
def test_no_link_at_all_makes_the_validation_stumble(changes: dict[str, Any]) -> None:
    """Either a link that validates again to itself, or DSM's own refusal: nothing else escapes."""
    with contextlib.suppress(DsmError):
        link = validated({**GOOD, **changes}, Profile())
        assert validated(link, Profile()) == link


PROFILES = st.builds(
    Profile,
    secrets_on_get=st.sampled_from(get_args(get_type_hints(Profile)["secrets_on_get"])),
    kind_spelling=st.sampled_from(["modern", "legacy"]),
)


@given(PROFILES)
def test_only_echo_shows_a_secret(profile: Profile) -> None:
    visible = "a-canary" in str(shown(validated(GOOD, profile), profile))

    assert visible == (profile.secrets_on_get == "echo")
