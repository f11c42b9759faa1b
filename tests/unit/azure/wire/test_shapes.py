# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Azure's answers is checked, how a part of another type is named, and what is said of unreadable answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import DecodeError, DeserializationError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications import registrations
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization import managed_hsm, role_assignments
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import graph_batch
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import Channel
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import Explained
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError, may_have_worked
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.shapes import KEY_VERSIONS, KEYS, complaint_about
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.shapes import Shape
from ansible_collections.fortanix.dsm.plugins.module_utils._timestamps import parse_iso
from unit.azure.builders import saying

VAULTS = "/subscriptions/s/providers/Microsoft.KeyVault/vaults"
VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v"
RIGHTS = f"{VAULT}/providers/Microsoft.Authorization"
APP = "/v1.0/applications(appId='a')"
ASSIGNMENT = {"scope": "/", "roleDefinitionId": "/r", "principalId": "p"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "properties", "id", "responses", "status", "body", "kid"]), inner)
    ),
    max_leaves=10,
)
PATHS = (VAULTS, VAULT, f"{RIGHTS}/roleAssignments", f"{RIGHTS}/denyAssignments", APP)


@pytest.mark.parametrize(
    ("path", "answer", "complaint"),
    [
        (VAULTS, [], "the response is a list, but must be an object"),
        (VAULTS, {"value": {}}, "the response.value is an object, but must be a list"),
        (VAULTS, {"value": [], "nextLink": 5}, "the response.nextLink is a number, but must be text"),
        (VAULTS, {"value": [], "nextLink": "https://["}, "the response.nextLink is text but not an address"),
        (
            VAULTS,
            {"value": [{"id": "i", "name": "n"}, {"id": "i", "name": "n", "properties": {"vaultUri": 5}}]},
            "the response.value[1].properties.vaultUri is a number, but must be text",
        ),
        (
            VAULT,
            {"properties": {"accessPolicies": [{"tenantId": "t", "objectId": 5}]}},
            "the response.properties.accessPolicies[0].objectId is a number, but must be text",
        ),
        (
            VAULT,
            {"properties": {"enableRbacAuthorization": "true"}},
            "the response.properties.enableRbacAuthorization is text, but must be a boolean",
        ),
        (
            f"{RIGHTS}/roleAssignments",
            {"value": [{"id": "i", "properties": {**ASSIGNMENT, "createdOn": "yesterday"}}]},
            "the response.value[0].properties.createdOn is text but not a valid time",
        ),
        (
            f"{RIGHTS}/permissions",
            {"value": [{"actions": "*"}]},
            "the response.value[0].actions is text, but must be a list",
        ),
        (
            APP,
            {"keyCredentials": [{"keyId": "k", "key": "x"}]},
            "the response.keyCredentials[0].key is text but not base64",
        ),
    ],
)
def test_a_part_of_another_type_is_named(path: str, answer: Any, complaint: str) -> None:
    assert complaint_about(path, answer) == complaint


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (VAULTS, {}),
        (VAULTS, {"value": [{"id": "i", "name": "n", "tags": None, "properties": None}], "nextLink": None}),
        (VAULT, {"id": None, "properties": {"accessPolicies": None, "networkAcls": None}}),
        (
            VAULT,
            {"properties": {"accessPolicies": [{"tenantId": "t", "objectId": "o", "permissions": {"keys": None}}]}},
        ),
        (APP, {"keyCredentials": [{"keyId": "k", "key": None, "endDateTime": None}], "tags": None}),
        ("/v1.0/oauth2PermissionGrants", {"anything": 5}),
    ],
)
def test_what_is_absent_or_null_is_left_to_whoever_reads_it(path: str, answer: Any) -> None:
    assert complaint_about(path, answer) is None


def test_a_part_of_a_batch_is_checked_as_if_it_had_been_asked_for_alone() -> None:
    parts = [{"id": "app", "method": "GET", "url": "/applications(appId='a')?$select=id,tags"}]
    answer = {"responses": [{"id": "app", "status": 200, "body": {"tags": "one"}}]}

    assert complaint_about("/v1.0/$batch", answer, parts) == (
        "the response.responses[0] (app).body.tags is text, but must be a list"
    )


@pytest.mark.parametrize("url", ["/applications(appId='a')", "/not/checked/otherwise"])
def test_a_part_of_a_batch_that_is_no_object_is_not_taken_for_one_without_a_body(url: str) -> None:
    """It hid the registration from a restore, which said ok and brought no certificate back."""
    parts = [{"id": "app", "method": "GET", "url": url}]

    assert complaint_about("/v1.0/$batch", {"responses": [{"id": "app", "status": 200, "body": []}]}, parts) == (
        "the response.responses[0] (app).body is a list, but must be an object"
    )
    assert complaint_about("/v1.0/$batch", {"responses": [{"id": "app", "status": 200}]}, parts) is None


def test_a_refused_part_of_a_batch_may_say_what_it_likes() -> None:
    parts = [{"id": "app", "method": "GET", "url": "/applications(appId='a')"}]
    answer = {"responses": [{"id": "app", "status": 403, "body": {"tags": "one", "error": "no"}}]}

    assert complaint_about("/v1.0/$batch", answer, parts) is None


@given(st.sampled_from(PATHS), JSON)
def test_every_answer_gets_a_verdict(path: str, answer: Any) -> None:
    assert complaint_about(path, answer) is None or complaint_about(path, answer)
    parts = [{"id": "id", "method": "GET", "url": path}]
    complaint_about("/v1.0/$batch", {"responses": [{"id": "id", "status": 200, "body": answer}]}, parts)
    complaint_about("/v1.0/$batch", answer, parts)


@given(st.sampled_from((KEYS, KEY_VERSIONS)), JSON)
def test_every_list_of_keys_gets_a_verdict(shape: Shape, answer: Any) -> None:
    assert all(shape(answer, "the response"))


# The channel ----------------------------------------------------------------------------------------------------------


def channel(answer: bytes | Exception, *, plane: str = "Azure") -> Channel:
    """A channel whose service gives this answer, or whose SDK raises this."""

    def send_request(_request: Any, **_options: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(status_code=200, content=answer, headers={})

    return Channel(SimpleNamespace(send_request=send_request), plane=plane, base="https://a.example")


def refused(action: Callable[[], Any]) -> AzureError:
    with pytest.raises(AzureError) as caught:
        action()
    return caught.value


def test_the_message_names_plane_object_request_and_part() -> None:
    body = json.dumps({"value": [{"id": "i", "name": "n", "properties": {"vaultUri": 5}}]}).encode()

    error = refused(lambda: list(channel(body).pages(VAULTS, obj="vaults of subscription s")))

    assert str(error).startswith(
        f"Azure, vaults of subscription s: the response to GET {VAULTS} does not match Azure's API: "
        "the response.value[0].properties.vaultUri is a number, but must be text. Next: run the task again"
    )
    assert error.details["retryable"] is True


@pytest.mark.parametrize("raised", [KeyError("a"), TypeError(), AttributeError(), IndexError(), DeserializationError()])
def test_what_the_sdk_raises_over_an_answer_is_explained(raised: Exception) -> None:
    error = refused(lambda: channel(raised).get(VAULT, obj="vault v"))

    assert f"the SDK cannot read it ({type(raised).__name__})" in str(error)
    assert "unknown" not in str(error)


@pytest.mark.parametrize(
    "answer",
    [json.JSONDecodeError("x", "y", 0), DecodeError(message="JSON is invalid"), b"<html>", b"[]", b'{"id": '],
    ids=str,
)
def test_the_outcome_of_a_write_with_an_unreadable_answer_is_unknown(answer: Any) -> None:
    error = refused(lambda: channel(answer).send("PUT", VAULT, obj="vault v", body={}))

    assert "it is unknown whether the change was carried out" in str(error)
    assert may_have_worked(error)


def test_a_good_status_with_an_unreadable_answer_may_have_worked() -> None:
    # azure-core gives the status of the response, which says that the write was carried out.
    broken = DecodeError(message="JSON is invalid", response=SimpleNamespace(status_code=201, reason="", text=str))

    error = refused(lambda: channel(broken).send("PATCH", VAULT, obj="vault v", body={}))

    assert (error.status, may_have_worked(error)) == (201, True)
    assert "is unknown" in str(error)


def test_a_defect_of_ours_outside_of_an_answer_is_not_explained_away() -> None:
    with pytest.raises(AssertionError):
        channel(AssertionError()).get(VAULT, obj="vault v")


# Single answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["denied", ["denied"], {"message": 5}, {"message": None}, None])
def test_a_refused_part_of_a_batch_without_code_and_message_is_no_verdict_of_graph(error: Any) -> None:
    body = {"responses": [{"id": "one", "status": 403, "body": {"error": error}}]}

    answer = graph_batch.batch(channel(json.dumps(body).encode()), {"one": "/applications"}, obj="application a")["one"]

    assert (answer.status, answer.words) == (0, "HTTP status 403 with a text that is not Graph's")


@pytest.mark.parametrize("member", ["value", None])
def test_groups_and_consents_without_a_list_are_unknown(member: str | None) -> None:
    """Not an empty list: a group may have the rights that the application seems to lack."""
    empty = {} if member is None else {member: None}
    app = {"id": "o", "appId": "c", "tags": [], "keyCredentials": [], "passwordCredentials": []}
    bodies = {
        **dict.fromkeys(("application", "application_keys"), app),
        **{name: {**app, "accountEnabled": True} for name in ("service_principal", "service_principal_keys")},
        **dict.fromkeys(("groups", "consents"), empty),
    }
    parts = [{"id": name, "status": 200, "body": body} for name, body in bodies.items()]

    found = registrations.registration(channel(json.dumps({"responses": parts}).encode()), "c", None)

    assert (found.identity.groups, found.consented_for_all) == (None, None)
    assert {"groups", "consents"} <= found.unreadable.keys()


def test_a_service_principal_without_id_is_no_principal_named_none() -> None:
    parts = [{"id": "service_principal", "status": 200, "body": {"id": None, "appId": "c"}}]
    found = channel(json.dumps({"responses": parts}).encode(), plane="Entra")

    with pytest.raises(Exception, match="the response has no id"):
        registrations.registration(found, "c", None)


def test_a_key_without_an_id_of_a_key_is_named() -> None:
    complaints = [*KEYS({"value": [{"kid": ""}, {"kid": "https://v"}]}, "the response")]

    assert complaints == [f"the response.value[{number}].kid is text but not the ID of a key" for number in (0, 1)]


def test_a_version_with_an_impossible_time_is_named() -> None:
    version = {"kid": "https://v/keys/k/1", "attributes": {"created": 10**18}}

    complaints = list(KEY_VERSIONS({"value": [version]}, "the response"))

    assert complaints == ["the response.value[0].attributes.created is a number but not a valid time"]


def test_a_role_assignment_whose_time_is_none_is_named() -> None:
    entry = {"id": "i", "properties": {**ASSIGNMENT, "createdOn": "0001-01-01T00:00:00+14:00"}}
    arm = saying({f"{RIGHTS}/roleAssignments": [entry]})

    assert "createdOn is text but not a valid time" in str(refused(lambda: role_assignments.assignments(arm, VAULT)))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_all_times_is_a_wrong_one(text: str) -> None:
    with pytest.raises(ValueError, match="is out of range"):
        parse_iso(text)


def test_a_list_of_the_sdk_that_breaks_off_is_explained() -> None:
    def entries(*_scope: str, **_options: Any) -> Any:
        yield SimpleNamespace(name="n", properties=SimpleNamespace(scope="/", role_definition_id="r", principal_id="p"))
        raise AttributeError("'NoneType' object has no attribute 'get'")

    sdk = SimpleNamespace(list_role_assignments=entries)
    pool = Channel(sdk, plane="Azure", base="https://hsm.example")

    assert "AttributeError" in str(refused(lambda: managed_hsm.assignments(pool)))


# The login ------------------------------------------------------------------------------------------------------------


def test_a_token_answer_that_the_login_cannot_read_is_about_the_login_and_shows_nothing_of_it() -> None:
    def get_token(*_scopes: str) -> Any:
        raise ValueError("invalid literal for int() with base 10: 'canary'")

    error = refused(lambda: Explained(SimpleNamespace(get_token=get_token)).get_token("scope"))

    assert (error.plane, error.obj) == ("Entra", "operator")
    assert "the authentication library cannot read it (ValueError)" in str(error)
    assert "canary" not in str(error)


def test_a_login_has_the_methods_of_its_credential() -> None:
    wrapped = Explained(SimpleNamespace(get_token=lambda *scopes: SimpleNamespace(token="t", scopes=scopes)))

    assert wrapped.get_token("a", "b").scopes == ("a", "b")
    assert not hasattr(wrapped, "get_token_info")
