# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user is told when something fails, and what DSM's refusals say (DSM contract §1.7)."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import (
    ApprovalRequired,
    DsmError,
    refusal,
    server_words,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.login import ApiKey, UserPassword
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError, quotable

# What moves the cursor, breaks the line, or turns the direction of the text round.
STEERING = {"Cc", "Zl", "Zp"}
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def steers(character: str) -> bool:
    return unicodedata.category(character) in STEERING or unicodedata.bidirectional(character) in TURNING


# --- The message ------------------------------------------------------------------------------------------------------


def test_a_message_names_plane_object_problem_server_words_and_next_step() -> None:
    error = TaskError("it failed", plane="DSM", obj="group x", server_words="no way", next_step="do something")

    assert str(error) == 'DSM, group x: it failed. The server returned: "no way". Next: do something.'


def test_a_message_leaves_out_what_is_not_known() -> None:
    assert str(TaskError("it failed!", plane="DSM")) == "DSM: it failed!"


def test_a_refused_option_is_named_with_problem_and_remedy() -> None:
    assert str(InvalidInput("name", "it is blank", "give one")) == "Option name: it is blank. Next: give one."


def test_a_refused_option_is_named_in_the_failure_too() -> None:
    failure = InvalidInput("name", "it is blank", "give one").to_fail_json()["failure"]

    assert (failure["option"], failure["problem"], failure["next_step"]) == ("name", "it is blank", "give one")


def test_a_failure_always_has_the_same_keys() -> None:
    failure = TaskError("it failed", plane="DSM").to_fail_json()

    assert failure == {
        "msg": "DSM: it failed.",
        "changed": False,
        "failure": {
            "plane": "DSM",
            "object": None,
            "problem": "it failed",
            "server_words": None,
            "next_step": None,
            "done": [],
            "unknown": [],
        },
    }


def test_details_stand_beside_the_parts_of_a_failure() -> None:
    failure = TaskError("it failed", plane="DSM", keys=3).to_fail_json()["failure"]

    assert (failure["keys"], failure["plane"]) == (3, "DSM")


@given(st.text())
@example("\x1b[31mred\x1b[0m")
@example("one\r\ntwo\u2028three")
@example("\u202eevil")
def test_a_quote_cannot_steer_a_terminal(text: str) -> None:
    assert not any(map(steers, quotable(text)))


@pytest.mark.parametrize("part", ["problem", "obj", "server_words", "next_step"])
def test_no_part_of_a_message_can_steer_a_terminal(part: str) -> None:
    # Names of groups, vaults and accounts come from a server too.
    parts = {"problem": "p", "obj": "o", part: "a\x1b]0;owned\x07b\r\nc"}

    message = str(TaskError(parts.pop("problem"), plane="DSM", **parts))

    assert not any(map(steers, message))


@given(st.text(min_size=400, max_size=700))
@example("x" * 501)
def test_a_quote_has_at_most_500_characters(text: str) -> None:
    assert len(quotable(text)) <= 500


@given(st.text(max_size=700))
def test_quoting_a_quote_changes_nothing(text: str) -> None:
    assert quotable(quotable(text)) == quotable(text)


PEM = "-----BEGIN PRIVATE KEY-----\nMIGHcanary\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("got eyJ0eXAiOiJKV1QiLCJhbGciOi.canary.canary-_", "got (token)"),
        ("Authorization: Bearer canary.of.twenty-letters.or.more", "Authorization: Bearer (credential)"),
        ("authorization: basic\tY2FuYXJ5OmNhbmFyeTpjYW5hcnk=", "authorization: basic (credential)"),
        ("scope=x&client_secret=canary~1&y=z", "scope=x&client_secret=(secret)&y=z"),
        ('{"client_secret": "canary 1", "y": 2}', '{"client_secret": "(secret)", "y": 2}'),
        (r'"{\"password\":\"canary\"}"', r'"{\"password\":\"(secret)\"}"'),
        (f"a {PEM} b", "a (key) b"),
        ("of https://me:canary@kv.example.com/", "of https://kv.example.com/"),
    ],
)
def test_what_a_server_repeats_of_a_credential_is_not_told(said: str, told: str) -> None:
    assert quotable(said) == told


@pytest.mark.parametrize(
    "said",
    [
        "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the client secret value.",
        "AADSTS7000218: The body must contain the parameter: 'client_assertion' or 'client_secret'.",
        "Basic authentication is off, and so is Bearer authentication",
        "wrong password: try again, or mail to https://example.com/help?of=me@example.com",
    ],
)
def test_words_about_credentials_are_told_as_they_are(said: str) -> None:
    assert quotable(said) == said


# --- The server's words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("text/plain; charset=utf-8", b" no such group\n", "no such group"),
        ("application/json", b'"no such group"', "no such group"),
        ("application/json", b'{"message": "no such group"}', "no such group"),
        ("application/json", b'{"Message": "no such group"}', "no such group"),
        ("application/json", b'{"error": {"message": "no such group"}}', "no such group"),
        ("application/json", b'{"errors": ["one", {"message": "two"}]}', "one; two"),
        ("text/plain", b'{"message": "JSON all the same"}', "JSON all the same"),
        ("application/json", b'{"code": 7}', '{"code": 7}'),
        ("application/json", b'{"message": 7}', '{"message": 7}'),
        ("application/json", b"{truncated", "{truncated"),
        ("text/html", b"<html><body><h1>502</h1>\n Bad  gateway</body></html>", "HTML page: 502 Bad gateway"),
        ("", b"<!doctype html><p>Login</p>", "HTML page: Login"),
        ("text/plain", b"caf\xe9", "caf\ufffd"),
        ("", b"", ""),
    ],
)
def test_the_message_is_found_in_every_form_of_body(content_type: str, body: bytes, words: str) -> None:
    assert server_words(content_type, body) == words


@given(
    st.sampled_from(["", "text/plain", "application/json", "text/HTML"]),
    st.binary() | st.text().map(str.encode) | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["message", "error", "errors", "x"]), inner),
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip
def test_no_body_is_too_odd_to_be_quoted(content_type: str, body: bytes) -> None:
    assert isinstance(server_words(content_type, body), str)


def test_a_body_of_endless_nesting_is_quoted_too() -> None:
    assert server_words("application/json", b"[" * 100_000).startswith("[")


# --- Refusals ---------------------------------------------------------------------------------------------------------


def refused(status: int, body: bytes, content_type: str = "text/plain") -> DsmError:
    return refusal(status, content_type, body, method="PATCH", route="/sys/v1/groups/{group_id}", obj='group "x"')


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"This operation requires approval"),
        ("application/json", b'{"message": "This operation requires approval"}'),
    ],
)
def test_a_guarded_operation_is_told_from_a_missing_right(content_type: str, body: bytes) -> None:
    assert isinstance(refused(403, body, content_type), ApprovalRequired)


@pytest.mark.parametrize(("status", "body"), [(403, b"Forbidden"), (400, b"This operation requires approval")])
def test_other_refusals_are_not_taken_for_guarded_operations(status: int, body: bytes) -> None:
    assert not isinstance(refused(status, body), ApprovalRequired)


def test_a_guarded_operation_tells_who_has_to_act() -> None:
    assert "approvers" in refused(403, b"This operation requires approval").next_step


def test_a_refusal_tells_request_object_status_and_words() -> None:
    message = str(refused(409, b"exists"))

    assert message.startswith(
        'DSM, group "x": PATCH /sys/v1/groups/{group_id} was rejected with HTTP status 409. '
        'The server returned: "exists".'
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 423, 429, 500, 503])
def test_every_refusal_that_dsm_is_known_for_has_a_next_step(status: int) -> None:
    assert refused(status, b"").next_step


@pytest.mark.parametrize(
    ("status", "about_caller"), [(400, False), (500, False), (401, True), (403, True), (404, True)]
)
def test_a_refusal_of_the_caller_is_told_from_a_failure_of_the_link(status: int, about_caller: bool) -> None:
    assert refused(status, b"").is_about_caller is about_caller


def test_the_status_is_part_of_the_failure() -> None:
    failure: dict[str, Any] = refused(404, b"").to_fail_json()["failure"]

    assert failure["status"] == 404


def test_of_a_huge_body_only_the_beginning_is_looked_at() -> None:
    assert len(server_words("text/html", b"<" * 5_000_000)) <= 10_100


@pytest.mark.parametrize("secretive", [ApiKey("canary-key"), UserPassword("a@example.com", "canary-password", None)])
def test_no_secret_is_in_the_representation_of_a_value(secretive: object) -> None:
    assert "canary" not in repr(secretive)
