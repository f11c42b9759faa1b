# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role and deny assignments as Resource Manager writes them (Azure contract §1.7)."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization.role_assignments import (
    PROVIDER,
    activations,
    assign,
    assignments,
    callers_permissions,
    define,
    denies,
    eligible,
    listed,
    role,
    role_from,
    unassign,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    DenyAssignment,
    PermissionSet,
    RoleAssignment,
    RoleDefinition,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import Channel
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError
from unit.azure.builders import APP, EVERYONE, GROUP, READER, SUBSCRIPTION, VAULT_ID, saying

AT = f"{VAULT_ID}/{PROVIDER}"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
READER_ID = f"{SUBSCRIPTION}/{PROVIDER}/roleDefinitions/{READER.guid.upper()}"


def entry(**properties: Any) -> dict[str, Any]:
    stated = {"scope": VAULT_ID, "roleDefinitionId": READER_ID, "principalId": APP, **properties}
    return {"id": "one", "properties": stated}


def read_assignment(**properties: Any) -> RoleAssignment:
    (found,) = assignments(saying({f"{AT}/roleAssignments": [entry(**properties)]}), VAULT_ID, APP)
    return found


# --- IDs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "definition_id",
    [READER.guid, READER_ID, f"/{PROVIDER}/roleDefinitions/{READER.guid}", READER_ID + "/"],
)
def test_a_role_is_known_by_the_tail_of_its_id(definition_id: str) -> None:
    assert read_assignment(roleDefinitionId=definition_id).role_guid == READER.guid


# --- Assignments ------------------------------------------------------------------------------------------------------


def test_an_assignment_is_read_with_all_that_counts() -> None:
    found = read_assignment(principalType="Group", condition="@Resource[x]", createdOn="2026-11-23T12:00:00.1Z")

    assert found == RoleAssignment(
        "one", VAULT_ID, READER.guid, APP, "Group", "@Resource[x]", NOON + timedelta(milliseconds=100)
    )


@pytest.mark.parametrize("nothing", [{}, {"condition": None, "createdOn": None}, {"condition": ""}])
def test_a_condition_that_is_empty_is_none(nothing: dict[str, Any]) -> None:
    found = read_assignment(**nothing)

    assert (found.condition, found.created) == (None, None)


def test_a_principal_without_a_type_has_none() -> None:
    assert read_assignment().principal_type == ""


def test_t16_the_end_of_an_activation_belongs_to_its_assignment() -> None:
    instances = [
        entry(originRoleAssignmentId="/A/One", endDateTime="2026-11-23T12:00:00Z"),
        entry(originRoleAssignmentId="/A/Two", endDateTime=None),
        entry(endDateTime="2026-11-23T12:00:00Z"),
    ]

    assert activations(saying({f"{AT}/roleAssignmentScheduleInstances": instances}), VAULT_ID, APP) == {"a/one": NOON}


def test_t15_what_is_eligible_is_read_like_an_assignment() -> None:
    channel = saying({f"{AT}/roleEligibilityScheduleInstances": [entry(endDateTime="2026-11-23T12:00:00Z")]})

    assert [(one.role_guid, one.ends) for one in eligible(channel, VAULT_ID, APP)] == [(READER.guid, NOON)]


# --- Lists of several pages, and requests -----------------------------------------------------------------------------

LISTS: dict[str, tuple[Callable[[Channel], object], str]] = {
    "roleAssignments": (lambda arm: assignments(arm, VAULT_ID, APP), "2022-04-01"),
    "roleAssignmentScheduleInstances": (lambda arm: activations(arm, VAULT_ID, APP), "2020-10-01"),
    "roleEligibilityScheduleInstances": (lambda arm: eligible(arm, VAULT_ID, APP), "2020-10-01"),
    "denyAssignments": (lambda arm: denies(arm, VAULT_ID), "2022-04-01"),
}


def following(*links: str) -> tuple[Callable[[requests.PreparedRequest], Any], list[dict[str, str]]]:
    """Pages, of which each but the last names the next; and the queries that they were asked with."""
    pages = iter([*({"value": [], "nextLink": link} for link in links), {"value": []}])
    queries: list[dict[str, str]] = []

    def answer(request: requests.PreparedRequest) -> Any:
        queries.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url or "").query)))
        return next(pages)

    return answer, queries


@pytest.mark.parametrize("kind", LISTS)
def test_each_page_of_a_list_is_requested_in_the_version_of_the_first(kind: str) -> None:
    read, version = LISTS[kind]
    answer, queries = following(f"https://service.example{AT}/{kind}?%24skiptoken=a%2Bb%3D%3D&api-version={version}")

    read(saying({f"{AT}/{kind}": answer}))

    assert [one["api-version"] for one in queries] == [version, version]
    assert queries[1]["$skiptoken"] == "a+b=="


@pytest.mark.parametrize("principal", ["it's", "a&$filter=b", "a#b", "{x}", "a b", "50%"])
@pytest.mark.parametrize(
    ("read", "kind", "asked"),
    [
        (assignments, "roleAssignments", "atScope() and assignedTo('{}')"),
        (activations, "roleAssignmentScheduleInstances", "assignedTo('{}')"),
        (eligible, "roleEligibilityScheduleInstances", "assignedTo('{}')"),
    ],
)
def test_a_filter_arrives_as_it_was_meant(read: Callable[..., object], kind: str, asked: str, principal: str) -> None:
    answer, queries = following()

    read(saying({f"{AT}/{kind}": answer}), VAULT_ID, principal)

    assert queries[0]["$filter"] == asked.format(principal)


@pytest.mark.parametrize(
    "link",
    [
        "https://other.example/list",
        "http://service.example/list",
        "/list",
        # The SDK would take the path for a host.
        "https://service.example//other.example/list",
        "https://service.example:444/list",
        "https://name:word@service.example/list",
        "https://service.example:x/list",
    ],
)
@pytest.mark.parametrize("kind", LISTS)
def test_a_token_never_follows_a_list_to_another_address(kind: str, link: str) -> None:
    read, _version = LISTS[kind]
    asked: list[str] = []

    with pytest.raises(AzureError, match="at another address"):
        read(saying({f"{AT}/{kind}": following(link)[0]}, asked))

    assert asked == [f"GET {AT}/{kind}"]


@pytest.mark.parametrize("host", ["service.example:443", "Service.EXAMPLE"])
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_continues_at_its_host_however_that_is_spelt(kind: str, host: str) -> None:
    read, version = LISTS[kind]
    answer, queries = following(f"https://{host}{AT}/{kind}?page=2&api-version={version}")

    read(saying({f"{AT}/{kind}": answer}))

    assert queries[1]["page"] == "2"


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_that_goes_in_a_circle_is_given_up(kind: str) -> None:
    read, _version = LISTS[kind]
    again = f"https://service.example{AT}/{kind}?page=2"

    with pytest.raises(AzureError, match="form a loop"):
        read(saying({f"{AT}/{kind}": following(again, again, again)[0]}))


@pytest.mark.parametrize("kind", LISTS)
def test_a_page_that_the_sdk_does_not_follow_is_not_the_last(kind: str) -> None:
    read, _version = LISTS[kind]
    body = {"value": [], "@odata.nextLink": f"https://service.example{AT}/{kind}?page=2"}

    with pytest.raises(AzureError, match="continues in a way"):
        read(saying({f"{AT}/{kind}": body}))


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"name": "one"}, {"value": [5]}])
@pytest.mark.parametrize("kind", LISTS)
def test_an_answer_that_is_no_list_is_not_an_empty_one(kind: str, body: dict[str, Any]) -> None:
    read, _version = LISTS[kind]

    with pytest.raises(AzureError, match=r"does not match Azure's API: the response(\.value)?"):
        read(saying({f"{AT}/{kind}": body}))


@given(
    st.sampled_from(list(LISTS)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["value", "properties", "id", "scope", "createdOn", "endDateTime", "permissions"]),
                inner,
            )
        ),
        max_leaves=10,
    ),
)
def test_every_answer_is_read_or_refused(kind: str, answer: Any) -> None:
    arm = saying({f"{AT}/{kind}": lambda _request: {"value": [answer]}})
    problem = ""
    try:
        LISTS[kind][0](arm)
    except AzureError as error:
        problem = error.problem

    assert not problem or "does not match Azure's API" in problem


def test_members_that_the_sdk_does_not_know_stay_in_what_was_read() -> None:
    found = listed(saying({f"{AT}/roleAssignments": [{**entry(newer={"a": 1}), "systemData": {}}]}), VAULT_ID, "x")

    assert (found[0]["properties"]["newer"], found[0]["systemData"]) == ({"a": 1}, {})


@pytest.mark.parametrize("odd", [{"createdOn": ""}, {"updatedOn": "yesterday"}, {"updatedOn": 5}, {"updatedBy": {}}])
@pytest.mark.parametrize("kind", LISTS)
def test_a_member_that_nobody_reads_fails_no_list(kind: str, odd: dict[str, Any]) -> None:
    """The SDK has models for these members, and rejects the list."""
    again = f"https://service.example{AT}/{kind}?page=2"
    pages = iter([{"value": [entry(**odd)], "nextLink": again}, {"value": []}])

    assert LISTS[kind][0](saying({f"{AT}/{kind}": lambda _request: next(pages, {"value": []})})) is not None
    assert list(pages) == []


def test_a_member_that_nobody_reads_fails_no_role_and_no_write() -> None:
    body = {"id": READER_ID, "properties": {"roleName": "Reader", "description": 5, "createdOn": "yesterday"}}
    properties = {"role_definition_id": READER_ID, "principal_id": APP}
    asked: list[str] = []
    arm = saying({f"{AT}/roleDefinitions/{READER.guid}": body, f"{AT}/roleAssignments/{APP}": body}, asked)

    assign(arm, VAULT_ID, APP, properties, obj="x")

    assert role(arm, VAULT_ID, READER.guid).name == "Reader"
    assert [one.partition(" ")[0] for one in asked] == ["PUT", "GET"]


@pytest.mark.parametrize("name", ["{x}", "{}", "a/b", "a?b", "a#b"])
def test_the_name_of_an_assignment_is_one_part_of_its_address(name: str) -> None:
    """The SDK leaves out a name with braces: the request would be about the list."""
    asked: list[str] = []
    sent: list[str] = []

    def answer(request: requests.PreparedRequest) -> Any:
        sent.append(str(request.url))
        return {}

    properties = {"role_definition_id": READER_ID, "principal_id": APP}
    path = f"{AT}/roleAssignments/{name}"

    assign(saying({path: answer}, asked), VAULT_ID, name, properties, obj="x")

    assert asked == [f"PUT {path}"]
    assert f"/roleAssignments/{urllib.parse.quote(name, safe='')}?" in sent[0]


@pytest.mark.parametrize("name", ["{x}", "a?b", "a#b", "a b", "%41", "\u00fc", "(a)"])
def test_a_scope_is_asked_for_as_it_is_spelt(name: str) -> None:
    """The SDK itself leaves out a segment with braces: the request would be about another scope."""
    asked: list[str] = []
    scope = f"{VAULT_ID}/keys/{name}"
    path = f"{scope}/{PROVIDER}/roleAssignments/{APP}"

    unassign(saying({path: {}}, asked), path)

    assert asked == [f"DELETE {path}"]


# --- Writes -----------------------------------------------------------------------------------------------------------


def sent_by(write: Callable[[Channel], None], path: str) -> Any:
    bodies = []

    def answer(request: requests.PreparedRequest) -> Any:
        bodies.append(json.loads(request.body or "null"))
        return {}

    write(saying({path: answer}))
    return bodies[0]


def test_an_assignment_is_written_with_what_was_given_and_no_more() -> None:
    given = {"role_definition_id": READER_ID, "principal_id": APP, "principal_type": "Group"}
    path = f"{AT}/roleAssignments/{GROUP}"

    assert sent_by(lambda arm: assign(arm, VAULT_ID, GROUP, given, obj="x"), path) == {
        "properties": {"roleDefinitionId": READER_ID, "principalId": APP, "principalType": "Group"}
    }
    restored = {**given, "condition": "c", "condition_version": "2.0", "description": None}
    assert sent_by(lambda arm: assign(arm, VAULT_ID, GROUP, restored, obj="x"), path)["properties"] == {
        "roleDefinitionId": READER_ID,
        "principalId": APP,
        "principalType": "Group",
        "condition": "c",
        "conditionVersion": "2.0",
    }


# --- Definitions and denials ------------------------------------------------------------------------------------------


def test_a_definition_keeps_its_sets_apart() -> None:
    body = {
        "id": READER_ID,
        "properties": {
            "roleName": "Two sets",
            "type": "CustomRole",
            "permissions": [{"actions": ["*"], "notActions": ["a"]}, {"dataActions": ["b"], "notDataActions": ["c"]}],
        },
    }

    assert role_from(body) == RoleDefinition(
        READER.guid, "Two sets", (PermissionSet(("*",), ("a",)), PermissionSet((), (), ("b",), ("c",))), is_custom=True
    )


@pytest.mark.parametrize("kind", ["BuiltInRole", None])
def test_a_role_of_azure_itself_is_no_custom_role(kind: str | None) -> None:
    assert not role_from({"id": READER_ID, "properties": {"type": kind, "permissions": None}}).is_custom


def test_a_list_of_roles_is_no_role() -> None:
    arm = saying({f"{AT}/roleDefinitions/": {"value": [{"id": READER_ID, "properties": {}}]}})

    with pytest.raises(AzureError, match=r"response\.id is missing"):
        role(arm, VAULT_ID, "")


def test_a_denial_is_read_with_those_that_it_spares() -> None:
    stated = {
        "denyAssignmentName": "stack",
        "scope": SUBSCRIPTION,
        "permissions": [{"actions": ["*"], "dataActions": None}],
        "principals": [{"id": EVERYONE, "type": "SystemDefined"}],
        "excludePrincipals": [{"id": GROUP}],
        "doNotApplyToChildScopes": True,
    }
    channel = saying({f"{AT}/denyAssignments": [{"id": "deny", "properties": stated}]})

    assert denies(channel, VAULT_ID) == (
        DenyAssignment(
            "deny", "stack", SUBSCRIPTION, (PermissionSet(("*",)),), (EVERYONE,), (GROUP,), spares_child_scopes=True
        ),
    )


def test_what_the_operator_may_do_is_all_sets_of_the_answer() -> None:
    channel = saying({f"{AT}/permissions": [{"actions": ["*/read"], "notActions": []}, {"actions": ["x"]}]})

    assert callers_permissions(channel, VAULT_ID) == (PermissionSet(("*/read",)), PermissionSet(("x",)))


def test_a_definition_is_written_as_a_custom_role_of_its_scope() -> None:
    def write(arm: Channel) -> None:
        define(arm, SUBSCRIPTION, GROUP, {"role_name": "DSM", "description": "keys"}, PermissionSet(("a",), (), ("b",)))

    stated = {"actions": ["a"], "notActions": [], "dataActions": ["b"], "notDataActions": []}
    assert sent_by(write, f"{SUBSCRIPTION}/{PROVIDER}/roleDefinitions/{GROUP}") == {
        "properties": {
            "roleName": "DSM",
            "description": "keys",
            "type": "CustomRole",
            "assignableScopes": [SUBSCRIPTION],
            "permissions": [stated],
        }
    }
