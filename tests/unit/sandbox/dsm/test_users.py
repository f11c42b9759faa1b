# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, permissions, apps, account features and the version (DSM contract §1.6, §5, §6)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Profile, Sandbox
from sandbox.authorities import self_signed
from sandbox.dsm.state import MEMBER, User

USERS = "/sys/v1/users"


@pytest.fixture
def member(sb: Sandbox, names: Any, group: Any) -> User:
    """An account member who administers one group."""

    def build(state: Any) -> User:
        user: User = state.dsm.add_user(f"{names.new('u')}@sandbox.example", {sb.world.account_id: [MEMBER]})
        state.dsm.grant(user, state.dsm.group(group["group_id"]))
        return user

    return sb.do(build)


@pytest.fixture
def as_member(sb: Sandbox, log_in: Any, member: User) -> Any:
    return log_in(member, sb.world.account_id)


# One user -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {"groups", "explicit_groups"}),
        ({"with_groups": "all"}, {"groups", "explicit_groups"}),
        ({"with_groups": "explicit_only"}, {"explicit_groups"}),
        ({"with_groups": "none"}, set()),
    ],
)
def test_with_groups_says_which_groups_are_shown(
    as_member: Any, member: User, group: Any, query: dict[str, str], shown: set[str]
) -> None:
    me = as_member("GET", f"{USERS}/{member.user_id}", **query).json

    assert {name for name in ("groups", "explicit_groups") if name in me} == shown
    assert all(me[name] == {group["group_id"]: ["GROUPADMINISTRATOR"]} for name in shown)


def test_another_word_for_with_groups_is_refused(as_member: Any, member: User) -> None:
    assert as_member("GET", f"{USERS}/{member.user_id}", with_groups="some").status == 400


def test_a_member_reads_no_other_user(sb: Sandbox, as_member: Any) -> None:
    assert as_member("GET", f"{USERS}/{sb.world.auditor.user_id}").status == 403


@pytest.mark.parametrize(("setting", "expected"), [("map", {}), ("null", None), ("omitted", "nothing")])
def test_no_groups_may_be_an_empty_map_or_null_or_nothing(
    sb: Sandbox, auditor: Any, setting: Any, expected: Any
) -> None:
    sb.profile = Profile(user_groups=setting)

    me = auditor("GET", f"{USERS}/{sb.world.auditor.user_id}").json

    assert me.get("groups", "nothing") == expected


def test_roles_may_be_spelled_the_older_way(sb: Sandbox, as_member: Any, member: User, group: Any) -> None:
    sb.profile = Profile(group_role_spelling="pascal")

    me = as_member("GET", f"{USERS}/{member.user_id}").json

    assert me["groups"] == {group["group_id"]: ["GroupAdministrator"]}


def test_an_administrators_groups_may_be_all(sb: Sandbox, administrator: Any, group: Any) -> None:
    sb.profile = Profile(administrator_groups="all")

    me = administrator("GET", f"{USERS}/{sb.world.administrator.user_id}").json

    assert me["groups"][group["group_id"]] == ["GROUPADMINISTRATOR"]
    assert me["explicit_groups"] == {}


# All users ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ids(sb: Sandbox, names: Any) -> list[str]:
    """All users of the account, three of them new, in the order of their ids."""
    for _number in range(3):
        sb.do(lambda state: state.dsm.add_user(f"{names.new('u')}@x.example", {sb.world.account_id: [MEMBER]}))
    acct_id = sb.world.account_id
    return sorted(sb.do(lambda state: [u.user_id for u in state.dsm.users.values() if acct_id in u.memberships]))


def test_users_are_paged_by_offset(auditor: Any, ids: list[str]) -> None:
    pages = [auditor("GET", USERS, limit="2", offset=str(at)).json for at in range(0, len(ids) + 1, 2)]

    assert [user["user_id"] for page in pages for user in page] == ids


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_users_are_paged_by_keyset(auditor: Any, ids: list[str], direction: str) -> None:
    found: list[str] = []
    query = {"sort": f"user_id:{direction}", "limit": "2"}
    while page := auditor("GET", USERS, **query, **({"start": found[-1]} if found else {})).json:
        found += [user["user_id"] for user in page]

    assert found == (ids if direction == "asc" else ids[::-1])


def test_users_can_be_narrowed_to_a_group(auditor: Any, member: User, group: Any) -> None:
    found = auditor("GET", USERS, group_id=group["group_id"]).json

    assert [user["user_id"] for user in found] == [member.user_id]


@pytest.mark.parametrize("query", [{"sort": "name:asc"}, {"limit": "x"}, {"group_id": "x"}])
def test_a_bad_query_for_users_is_400(auditor: Any, query: dict[str, str]) -> None:
    assert auditor("GET", USERS, **query).status == 400


def test_users_of_another_account_are_not_listed(sb: Sandbox, auditor: Any) -> None:
    assert auditor("GET", USERS, acct_id=sb.world.second_account_id).status == 403


# Permissions ----------------------------------------------------------------------------------------------------------


def test_a_member_has_permissions_in_his_groups(as_member: Any, group: Any) -> None:
    answer = as_member("GET", f"{USERS}/permissions").json

    assert set(answer) == {"account", "groups"}
    assert "CREATE_EXTERNAL_GROUPS" in answer["account"]
    assert "UPDATE_GROUP_EXTERNAL_LINKS" in answer["groups"][group["group_id"]]


@pytest.mark.parametrize(("who", "may_scan"), [("administrator", True), ("auditor", False)])
def test_an_account_wide_role_has_permissions_in_all_groups(
    request: pytest.FixtureRequest, who: str, may_scan: bool
) -> None:
    answer = request.getfixturevalue(who)("GET", f"{USERS}/permissions").json

    assert ("SCAN_EXTERNAL_SOBJECTS" in answer["all_groups"]) is may_scan
    assert "GET_GROUP" in answer["all_groups"]


def test_implied_permissions_come_on_request(administrator: Any) -> None:
    plain, implied = (
        set(administrator("GET", f"{USERS}/permissions", **query).json["account"])
        for query in ({}, {"with_implied": "true"})
    )

    assert implied - plain == {"INVITE_USERS_TO_ACCOUNT", "DELETE_USERS_FROM_ACCOUNT", "UPDATE_USERS_ACCOUNT_ROLE"}


@pytest.mark.parametrize(("setting", "status"), [("refused", 403), ("answered", 200)])
def test_whether_apps_have_permissions_of_this_kind_is_a_profile(
    sb: Sandbox, admin: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(app_permissions=setting)

    assert admin("GET", f"{USERS}/permissions").status == status


# Apps, account, version -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "query", "is_map"),
    [
        ("map", {}, True),
        ("on_request", {}, False),
        ("on_request", {"group_permissions": "true"}, True),
        ("list", {"group_permissions": "true"}, False),
    ],
)
def test_an_apps_groups_have_the_old_or_the_new_shape(
    sb: Sandbox, admin: Any, names: Any, group: Any, setting: Any, query: Any, is_map: bool
) -> None:
    sb.profile = Profile(app_groups=setting)
    app = sb.do(lambda state: state.dsm.add_app(names.new("app")))
    sb.do(lambda _state: app.groups.update({group["group_id"]: ["SIGN", "EXPORT"]}))

    shown = admin("GET", f"/sys/v1/apps/{app.app_id}", **query).json["groups"]

    assert shown == ({group["group_id"]: ["SIGN", "EXPORT"]} if is_map else [group["group_id"]])


def test_an_app_tells_its_role_and_the_end_of_its_certificate(sb: Sandbox, admin: Any, names: Any) -> None:
    certificate = self_signed("app").certificate
    app = sb.do(lambda state: state.dsm.add_certificate_app(names.new("app"), certificate))

    shown = admin("GET", f"/sys/v1/apps/{app.app_id}").json

    assert shown["account_membership"]["roles"] == [{"$type": "SystemDefined", "value": "AccountAdministrator"}]
    assert shown["cert_not_after"] == certificate.not_valid_after_utc.strftime("%Y%m%dT%H%M%SZ")


def test_apps_are_listed_to_those_who_may_see_them(
    sb: Sandbox, admin: Any, crypto: Any, names: Any, group: Any
) -> None:
    app = sb.do(lambda state: state.dsm.add_app(names.new("app")))
    sb.do(lambda _state: app.groups.update({group["group_id"]: ["SIGN"]}))
    sb.do(lambda _state: setattr(app, "auth_types", ("Secret", "Certificate")))

    (shown,) = admin("GET", "/sys/v1/apps", group_id=group["group_id"]).json

    assert (shown["name"], shown["auth_type"]) == (app.name, "All")
    assert shown["auth_type_all"] == ["Secret", "Certificate"]
    assert len(admin("GET", "/sys/v1/apps").json) > 1
    assert admin("GET", "/sys/v1/apps", limit=1, offset=99).json == []
    assert crypto("GET", "/sys/v1/apps").status == 403


@pytest.mark.parametrize(
    ("features", "subscription", "status"),
    [
        ({"HMG", "AZUREBYOK"}, {"custom": {"package_name": "Sandbox", "features": ["AZUREBYOK", "HMG"]}}, 201),
        ({"HMG"}, {"custom": {"package_name": "Sandbox", "features": ["HMG"]}}, 403),
        (set(), {"custom": {"package_name": "Sandbox", "features": []}}, 403),
        (None, {"enterprise": {}}, 201),
    ],
)
def test_what_an_account_has_subscribed_to_decides_on_links(
    sb: Sandbox, anonymous: Any, estate: Any, names: Any, features: Any, subscription: Any, status: int
) -> None:
    def build(state: Any) -> Any:
        account = state.dsm.add_account(names.new("account"))
        state.dsm.set_features(features, account)
        return state.dsm.add_app(names.new("app"), "admin", account)

    app = sb.do(build)
    client = anonymous.as_(f"Basic {app.api_key}")

    assert client("GET", f"/sys/v1/accounts/{app.acct_id}").json["subscription"] == subscription
    assert client("POST", "/sys/v1/groups", {"name": names.new(), "add_hmg": [estate.link()]}).status == status


@pytest.mark.parametrize(
    ("profile", "version"),
    [
        (Profile(), "5.8.2410"),
        (Profile(version="4.6.12"), "4.6.12"),
        (Profile(generation="legacy"), "4.5.0"),
        (Profile(generation="legacy", version="3.27.1"), "3.27.1"),
    ],
)
def test_the_version_is_the_profiles(sb: Sandbox, anonymous: Any, profile: Profile, version: str) -> None:
    sb.profile = profile

    assert {anonymous("GET", f"/sys/v1/{path}").json["version"] for path in ("version", "info")} == {version}
