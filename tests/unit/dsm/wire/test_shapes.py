# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of an answer is checked, and how a part of another type is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire import routes
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.shapes import ANSWERS, complaint_about
from unit.dsm.builders import GROUP_ID, stored_link

GROUP = {"group_id": GROUP_ID, "name": "akv"}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["items", "hmg", "name"]), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "group",
    [
        GROUP,
        {**GROUP, "hmg": None, "description": None, "custom_metadata": None},
        {**GROUP, "hmg": {"id": stored_link()}, "custom_metadata": {"a": "b"}},
        {**GROUP, "something_new": [1, {"x": None}]},
        {**GROUP, "hmg": {"id": stored_link(endpoints=None, tls=None, auth_config=None)}},
    ],
)
@pytest.mark.parametrize("form", [lambda group: [group], lambda group: {"items": [group], "metadata": {}}])
def test_the_answers_of_servers_of_any_age_pass(group: dict[str, Any], form: Any) -> None:
    assert complaint_about("GET", routes.GROUPS, form(group)) is None


@pytest.mark.parametrize(
    ("method", "route", "answer", "complaint"),
    [
        ("GET", routes.GROUPS, {}, "the response is an object, but must be a list"),
        ("GET", routes.GROUPS, None, "the response is missing or null, but must be a list"),
        ("GET", routes.GROUPS, [GROUP, 7], "the response[1] is a number, but must be an object"),
        ("GET", routes.GROUPS, {"items": {}}, "the response.items is an object, but must be a list"),
        ("GET", routes.GROUPS, [{**GROUP, "name": 1}], "the response[0].name is a number, but must be text"),
        ("GET", routes.GROUP, {"name": "x"}, "the response.group_id is missing or null, but must be text"),
        ("GET", routes.GROUP, [GROUP], "the response is a list, but must be an object"),
        ("GET", routes.GROUP, {**GROUP, "hmg": [stored_link()]}, "the response.hmg is a list, but must be an object"),
        ("GET", routes.GROUP, {**GROUP, "hmg": {"a": "b"}}, "the response.hmg.a is text, but must be an object"),
        (
            "GET",
            routes.GROUP,
            {**GROUP, "hmg": {"a": stored_link(endpoints=True)}},
            "the response.hmg.a.endpoints is a boolean, but must be an object",
        ),
        ("POST", routes.AUTH, {"access_token": 5}, "the response.access_token is a number, but must be text"),
        ("GET", routes.VERSION, {"version": 5.8}, "the response.version is a number, but must be text"),
        ("GET", routes.USER, {"user_id": "u", "groups": []}, "the response.groups is a list, but must be an object"),
        ("GET", routes.APP, {"app_id": "a", "groups": "all"}, "the response.groups is text, but must be an object"),
        ("GET", routes.KEYS, [{"kid": None}], "the response[0].kid is missing or null, but must be text"),
        (
            "POST",
            routes.KEY_INFO,
            {"kid": "k", "elliptic_curve": {}},
            "the response.elliptic_curve is an object, but must be text",
        ),
        ("POST", routes.KEY_INFO, {"kid": "k", "obj_type": 5}, "the response.obj_type is a number, but must be text"),
        ("POST", routes.KEY_INFO, {"kid": "k", "group_id": []}, "the response.group_id is a list, but must be text"),
        ("POST", routes.KEY_INFO, {"kid": "k", "enabled": "no"}, "the response.enabled is text, but must be a boolean"),
        (
            "POST",
            routes.KEY_INFO,
            {"kid": "k", "external": {"id": {"label": 5}}},
            "the response.external.id.label is a number, but must be text",
        ),
    ],
)
def test_a_part_of_another_type_is_named(method: str, route: str, answer: Any, complaint: str) -> None:
    assert complaint_about(method, route, answer) == complaint


@pytest.mark.parametrize("groups", [None, {"g": None}, {"g": ["SIGN"]}, ["g"], []])
def test_the_groups_of_an_app_pass_in_all_their_forms(groups: Any) -> None:
    assert complaint_about("GET", routes.APP, {"app_id": "a", "groups": groups}) is None


def test_an_answer_that_is_not_read_may_be_anything() -> None:
    assert complaint_about("PATCH", routes.GROUP, 7) is None


@given(st.sampled_from(sorted(ANSWERS)), anything)
def test_no_answer_is_too_strange(call: tuple[str, str], answer: Any) -> None:
    assert isinstance(complaint_about(*call, answer), str | None)


@pytest.mark.parametrize("member", ["kind", "tenant_id", "client_id", "subscription_id"])
@pytest.mark.parametrize("value", [None, 5])
def test_a_link_that_does_not_tell_whose_it_is_is_not_taken_for_another_one(member: str, value: Any) -> None:
    group = {**GROUP, "hmg": {"id": stored_link(**{member: value})}}

    assert f"hmg.id.{member} is " in str(complaint_about("GET", routes.GROUPS, [group]))
