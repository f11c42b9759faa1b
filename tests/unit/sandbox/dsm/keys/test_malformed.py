# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for keys that are not as they should be are refused, and never a defect (DSM contract §9)."""

from __future__ import annotations

from typing import Any

import pytest

KEYS = "/crypto/v1/keys"
VALUES: tuple[Any, ...] = (7, -1, "", "x", "\n", [], ["x"], [7], [[]], {}, {"$type": "Wrapped"}, {"kid": []}, True)
MEMBERS = (
    *("name", "group_id", "obj_type", "key_size", "elliptic_curve", "key_ops", "enabled", "description", "key", "rsa"),
    *("activation_date", "deactivation_date", "state", "custom_metadata", "rotation_policy", "export_policy", "code"),
)


@pytest.mark.parametrize("member", MEMBERS)
def test_no_value_of_a_member_is_a_defect(keys: Any, member: str) -> None:
    source = keys.source()
    metadata = {"azure-key-name": keys.names.new("azure")}
    calls = {
        ("POST", KEYS): {"group_id": keys.local, "obj_type": "RSA", "key_size": 2048},
        ("POST", f"{KEYS}/copy"): {"group_id": keys.linked, "key": {"kid": source["kid"]}, "custom_metadata": metadata},
        ("POST", f"{KEYS}/rekey"): {"name": "nobody"},
        ("PATCH", f"{KEYS}/{source['kid']}"): {},
        ("POST", f"{KEYS}/{source['kid']}/revoke"): {"code": "Whim"},
    }
    crashes = len(keys.sb.crashes)

    answers = {
        (method, path.rsplit("/", 1)[1], str(value)): keys.caller(method, path, {**body, member: value}).status
        for (method, path), body in calls.items()
        for value in VALUES
    }

    assert {call: status for call, status in answers.items() if status >= 500} == {}
    assert len(keys.sb.crashes) == crashes


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b"{", b'"x"', b"\xff"])
@pytest.mark.parametrize(("method", "tail"), [("POST", ""), ("POST", "/copy"), ("POST", "/rekey"), ("PATCH", "/{kid}")])
def test_a_body_has_to_be_an_object(keys: Any, method: str, tail: str, raw: bytes) -> None:
    path = KEYS + tail.format(kid="00000000-0000-4000-8000-000000000000")

    assert keys.caller(method, path, raw).status == 400


@pytest.mark.parametrize(
    "by", [None, {}, {"$type": "Only"}, {"$type": "Only", "keys": 5}, {"$type": "Only", "keys": [{}]}]
)
def test_an_export_policy_names_the_keys_that_may_wrap(keys: Any, by: Any) -> None:
    policy = {"$type": "Wrapped", "allow_weakening": False, "by": by}

    assert keys.create(export_policy=policy).status == 400


@pytest.mark.parametrize("name", ["a/b", "../deletedkeys/one", "one?x=1", "one#x", "ü", "a b", "x" * 128, "one/rotate"])
def test_a_name_that_azure_does_not_know_is_azures_to_refuse(keys: Any, name: str) -> None:
    native, copied = keys.native(name), keys.copy(keys.source(), name)

    for answer in (native, copied):
        assert answer.status == 400
        assert "Azure Key Vault" in answer.text
    assert len(keys.versions("one")) == 1
    assert keys.estate.do(lambda cloud: sorted(cloud.vault(keys.estate.vault).keys)) == ["one", "two"]
