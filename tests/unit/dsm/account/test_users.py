# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and apps in the shapes that servers of different age give (DSM contract §5 and §7, Q16)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.account.users import Membership, Principal

ROLE = "77777777-7777-4777-8777-abcdefabcdef"


def user(**fields: Any) -> Principal:
    return Principal.from_user({"user_id": "u", "user_email": "ann@example.com", **fields})


def app(**fields: Any) -> Principal:
    return Principal.from_app({"app_id": "a", "acct_id": "b", "name": "robot", **fields})


@pytest.mark.parametrize(
    ("flags", "roles"),
    [
        (["ACCOUNTADMINISTRATOR", "STATEENABLED"], ("administrator",)),
        (["AccountMember"], ("member",)),
        (["PENDINGINVITE", "ACCOUNT_AUDITOR"], ("auditor",)),
        ([ROLE, "ACCOUNTMEMBER"], (ROLE, "member")),
        ([], ()),
        (None, None),
    ],
)
def test_roles_in_the_account_have_one_spelling(flags: Any, roles: Any) -> None:
    assert user(account_role=flags).account_roles == roles


@pytest.mark.parametrize("spelling", ["GROUPADMINISTRATOR", "GroupAdministrator", "groupadministrator"])
def test_roles_in_groups_have_one_spelling(spelling: str) -> None:
    assert user(groups={"g": [spelling]}).groups == {"g": Membership(roles=("administrator",))}


@pytest.mark.parametrize(
    ("fields", "groups"),
    [
        ({"groups": {}}, {}),
        ({"groups": None}, {}),
        ({"groups": None, "explicit_groups": None}, {}),
        ({}, None),
        ({"explicit_groups": {"g": []}}, {"g": True}),
        ({"groups": {"g": [], "h": []}, "explicit_groups": {"g": []}}, {"g": True, "h": False}),
        ({"groups": {"g": []}}, {"g": None}),
    ],
)
def test_groups_may_be_null_or_left_out(fields: dict[str, Any], groups: Any) -> None:
    found = user(**fields).groups

    assert (None if found is None else {i: one.explicit for i, one in found.items()}) == groups


@pytest.mark.parametrize(
    ("groups", "permissions"),
    [
        ({"g": ["SIGN", "AUDIT"]}, {"g": ("AUDIT", "SIGN")}),
        ({"g": None}, {"g": ()}),
        (["g", "h"], {"g": (), "h": ()}),
        ([], {}),
        (None, None),
    ],
)
def test_the_groups_of_an_app_come_as_list_or_map(groups: Any, permissions: Any) -> None:
    found = app(groups=groups).groups

    assert (None if found is None else {i: one.permissions for i, one in found.items()}) == permissions


@pytest.mark.parametrize(
    ("principal", "role"),
    [
        (user(account_role=["ACCOUNTADMINISTRATOR"]), "administrator"),
        (user(account_role=["ACCOUNTAUDITOR"]), "auditor"),
        (user(account_role=["ACCOUNTMEMBER"]), None),
        (user(account_role=None), None),
        (app(role="admin"), "administrator"),
        (app(role="crypto"), None),
        (
            app(account_membership={"roles": [{"$type": "SystemDefined", "value": "AccountAdministrator"}]}),
            "administrator",
        ),
        (app(account_membership={"roles": [{"$type": "Custom", "value": ROLE}]}), None),
    ],
)
def test_administrators_and_auditors_have_their_role_in_every_group(principal: Principal, role: str | None) -> None:
    assert principal.implied_role() == role


@pytest.mark.parametrize(
    ("fields", "only"),
    [
        ({"role": "crypto"}, True),
        ({"role": "admin"}, False),
        ({}, False),
        ({"role": "crypto", "account_membership": {"roles": [{"$type": "Custom", "value": ROLE}]}}, False),
    ],
)
def test_an_app_only_uses_keys_when_nothing_else_is_said_of_it(fields: dict[str, Any], only: bool) -> None:
    assert app(**fields).only_uses_keys is only
