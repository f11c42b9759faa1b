# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, importing and changing keys: what vaults and pools take, and who may (Azure contract §1.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import Profile, Sandbox
from sandbox.azure.rights import local_roles
from sandbox.azure.rights.effective import DATA_ACTIONS
from sandbox.azure.rights.roles import PermissionSet
from sandbox.custody.public_keys import random_ec, random_rsa
from support.azure_keys import Store, private_jwk, refusal

RSA = {"kty": "RSA", **random_rsa(2048), "d": "AQ"}
EC = {"kty": "EC", **random_ec("P-384"), "d": "AQ"}


# Creating -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kty", "operations"),
    [
        ({"kty": "RSA", "key_size": 3072}, "RSA", 6),
        ({"kty": "RSA-HSM", "key_size": 4096, "key_ops": ["wrapKey", "unwrapKey"]}, "RSA-HSM", 2),
        ({"kty": "EC", "crv": "P-256K"}, "EC", 2),
        ({"kty": "EC-HSM", "crv": "P-521"}, "EC-HSM", 2),
    ],
)
def test_a_premium_vault_makes_keys_of_four_types(
    vault: Store, body: dict[str, Any], kty: str, operations: int
) -> None:
    made = vault.send("POST", "/keys/made/create", body).json

    assert (made["key"]["kty"], len(made["key"]["key_ops"])) == (kty, operations)
    assert made["attributes"]["hsmPlatform"] == ("2" if kty.endswith("-HSM") else "0")
    assert vault("/keys/made").json == made


def test_a_new_version_has_what_its_own_request_says_and_nothing_of_the_one_before(vault: Store) -> None:
    first = {"kty": "RSA", "tags": {"a": "b"}, "attributes": {"exp": 2_000_000_000, "nbf": 1, "enabled": False}}
    old = vault.send("POST", "/keys/made/create", first).json

    new = vault.send("POST", "/keys/made/create", {"kty": "RSA"}).json

    assert (old["tags"], old["attributes"]["exp"], old["attributes"]["enabled"]) == ({"a": "b"}, 2_000_000_000, False)
    assert ("tags" in new, "exp" in new["attributes"], new["attributes"]["enabled"]) == (False, False, True)
    assert new["key"]["n"] != old["key"]["n"]
    assert len(vault("/keys/made/versions").json["value"]) == 2


@pytest.mark.parametrize(
    ("body", "inner"),
    [
        ({}, "KeyTypeNotSupported"),
        ({"kty": "oct"}, "KeyTypeNotSupported"),
        ({"kty": "RSA", "key_size": 1024}, "KeySizeNotSupported"),
        ({"kty": "RSA", "key_size": "2048"}, "KeySizeNotSupported"),
        ({"kty": "EC", "crv": "P-224"}, "CurveNotSupported"),
        ({"kty": "EC", "key_ops": ["wrapKey"]}, None),
        ({"kty": "RSA", "key_ops": ["wrapKey", "mine"]}, None),
        ({"kty": "RSA-HSM", "key_ops": ["import", "wrapKey"]}, None),
        ({"kty": "RSA", "key_ops": ["import"]}, None),
        ({"kty": "RSA", "attributes": {"exp": "2030-01-01"}}, None),
        ({"kty": "RSA", "attributes": {"enabled": 1}}, None),
        ({"kty": "RSA", "tags": {f"t{number}": "" for number in range(16)}}, None),
        ({"kty": "RSA", "tags": {"long": "x" * 257}}, None),
        ({"kty": "RSA-HSM", "attributes": {"exportable": True}}, None),
        ({"kty": "RSA-HSM", "release_policy": {"data": "e30"}}, None),
    ],
)
def test_what_a_vault_does_not_make_leaves_no_key(vault: Store, body: dict[str, Any], inner: str | None) -> None:
    answer = vault.send("POST", "/keys/made/create", body)

    assert refusal(answer) == (400, "BadParameter", inner)
    assert vault("/keys/made").status == 404


@pytest.mark.parametrize(
    "request_of", [("POST", "/create", {"kty": "RSA-HSM"}), ("PUT", "", {"Hsm": True, "key": RSA})]
)
def test_a_standard_vault_has_no_hsm(vault: Store, request_of: tuple[str, str, dict[str, Any]]) -> None:
    vault.change(sku="standard")
    method, verb, body = request_of

    answer = vault.send(method, f"/keys/made{verb}", body)

    assert answer.status == 400
    assert answer.json["error"]["message"] == "Hardware key operation not allowed on standard vault"


def test_a_key_encryption_key_may_import_and_nothing_else(vault: Store) -> None:
    made = vault.send("POST", "/keys/kek/create", {"kty": "RSA-HSM", "key_ops": ["import"]}).json

    version = made["key"]["kid"].rpartition("/")[2]
    answer = vault.send("PATCH", f"/keys/kek/{version}", {"key_ops": ["import", "sign"]})

    others = [("kek", version, ["sign"]), ("two", "", ["import"])]
    vault.do("add_key", "two", "RSA-HSM")
    changes = [vault.send("PATCH", f"/keys/{name}/{v}", {"key_ops": wanted}).status for name, v, wanted in others]

    assert made["key"]["key_ops"] == ["import"]
    assert refusal(answer) == (400, "BadParameter", None)
    assert changes == [400, 400]


def test_an_exportable_key_shows_the_policy_that_it_was_made_with(vault: Store) -> None:
    body = {"kty": "RSA-HSM", "attributes": {"exportable": True}, "release_policy": {"data": "e30", "immutable": True}}

    made = vault.send("POST", "/keys/made/create", body).json

    assert made["attributes"]["exportable"] is True
    assert (made["release_policy"]["data"], made["release_policy"]["immutable"]) == ("e30", True)


def test_a_pool_makes_symmetric_keys_too(hsm: Store) -> None:
    made = hsm.send("POST", "/keys/made/create", {"kty": "oct-HSM", "key_size": 128}).json

    assert made["key"]["kty"] == "oct-HSM"
    assert hsm.send("POST", "/keys/made/create", {"kty": "oct-HSM", "key_size": 512}).status == 400


def test_a_key_of_a_pool_has_a_hundred_versions_at_most(hsm: Store) -> None:
    hsm.estate.do(lambda azure: [azure.rotate_key(hsm.name, "seal") for _number in range(99)])

    answer = hsm.send("POST", "/keys/seal/create", {"kty": "RSA-HSM"})

    assert refusal(answer) == (400, "BadParameter", None)
    assert "largest number of versions" in answer.text


ODD: list[Any] = [[], {}, "text", 7, -1, 2.5, True, [[]], {"a": []}]


@pytest.mark.parametrize(
    "place",
    ["kty", "key_size", "crv", "key_ops", "attributes", "tags", "release_policy", "key", "lifetimeActions", "value"],
)
def test_odd_bodies_are_refused_or_ignored_and_never_a_failure_of_the_vault(vault: Store, place: str) -> None:
    vault.allow(*DATA_ACTIONS, "setrotationpolicy")
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/keys/odd/create", {"kty": "EC"}),
        ("PUT", "/keys/odd", {"key": RSA}),
        ("PATCH", "/keys/one", {}),
        ("PUT", "/keys/one/rotationpolicy", {}),
        ("POST", "/keys/restore", {"value": "AAAA"}),
    ]

    statuses = {vault.send(verb, path, {**body, place: odd}).status for verb, path, body in requests for odd in ODD}
    inner = {vault.send("PUT", "/keys/odd", {"key": {**RSA, name: odd}}).status for name in RSA for odd in ODD}

    assert statuses | inner <= {200, 400, 429}


# Importing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kty"),
    [
        ({"key": RSA}, "RSA"),
        ({"key": RSA, "Hsm": True}, "RSA-HSM"),
        ({"key": {**RSA, "kty": "RSA-HSM"}}, "RSA-HSM"),
        ({"key": EC}, "EC"),
    ],
)
def test_an_imported_key_has_the_public_numbers_that_were_sent(vault: Store, body: dict[str, Any], kty: str) -> None:
    sent = {**body, "tags": {"from": "dsm"}, "attributes": {"exp": 2_000_000_000}}

    made = vault.send("PUT", "/keys/mine", sent).json

    assert {name: made["key"].get(name) for name in ("n", "e", "crv", "x", "y")} == {
        name: body["key"].get(name) for name in ("n", "e", "crv", "x", "y")
    }
    assert (made["key"]["kty"], made["tags"], made["attributes"]["exp"]) == (kty, {"from": "dsm"}, 2_000_000_000)


def test_an_import_onto_a_name_that_exists_is_a_new_version(vault: Store) -> None:
    before = vault("/keys/one").json["key"]["kid"]

    made = vault.send("PUT", "/keys/one", {"key": {**RSA, "key_ops": ["wrapKey", "unwrapKey"]}}).json

    assert made["key"]["kid"] != before
    assert made["key"]["key_ops"] == ["wrapKey", "unwrapKey"]
    assert len(vault("/keys/one/versions").json["value"]) == 2


def test_private_members_of_an_import_are_neither_kept_nor_journalled(sb: Sandbox, vault: Store) -> None:
    jwk = private_jwk()
    mark = sb.journal.mark()

    made = vault.send("PUT", "/keys/mine", {"key": jwk})

    assert made.status == 200
    assert set(made.json["key"]) == {"kid", "kty", "key_ops", "n", "e"}
    version = sb.do(lambda state: state.azure.public.key(vault.name, "mine").current)
    everything = repr(vars(version)) + repr([entry.as_dict() for entry in sb.journal.since(mark)])
    assert not [name for name in ("d", "p", "q", "dp", "dq", "qi") if jwk[name] in everything]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (None, 'The property "key" must be a valid JsonWebKey object.'),
        ({"kty": "RSA"}, 'The property "key" must be a valid JsonWebKey object.'),
        ({"kty": "RSA", **random_rsa(2048)}, 'The property "key" must be a valid JsonWebKey object.'),
        ({**EC, "x": EC["y"]}, 'The property "key" must be a valid JsonWebKey object.'),
        ({**EC, "crv": "P-224"}, 'The property "key" must be a valid JsonWebKey object.'),
        ({"kty": "oct", "k": "AAAA"}, "Invalid kty value: oct"),
        ({**RSA, **random_rsa(1024)}, "Invalid key size: 1024"),
    ],
)
def test_what_is_no_key_is_not_imported(vault: Store, key: Any, text: str) -> None:
    answer = vault.send("PUT", "/keys/mine", {"key": key})

    assert (answer.status, answer.json["error"]["message"]) == (400, text)
    assert vault("/keys/mine").status == 404


def test_what_a_pool_imports_is_hsm_protected_whatever_its_type(hsm: Store) -> None:
    assert hsm.send("PUT", "/keys/mine", {"key": RSA}).json["key"]["kty"] == "RSA-HSM"


# Changing -----------------------------------------------------------------------------------------------------------


def test_an_update_changes_one_version_and_leaves_what_it_does_not_name(sb: Sandbox, vault: Store) -> None:
    first = {"kty": "RSA", "tags": {"a": "b"}, "attributes": {"exp": 2_000_000_000}}
    old = vault.send("POST", "/keys/made/create", first).json
    vault.send("POST", "/keys/made/create", {"kty": "RSA", "tags": {"c": "d"}})
    version = old["key"]["kid"].rpartition("/")[2]
    sb.clock.advance(5)

    changed = vault.send(
        "PATCH", f"/keys/made/{version}", {"attributes": {"enabled": False, "exp": None}, "key_ops": ["verify"]}
    ).json

    assert (changed["attributes"]["enabled"], changed["attributes"]["exp"]) == (False, 2_000_000_000)
    assert (changed["tags"], changed["key"]["key_ops"]) == ({"a": "b"}, ["verify"])
    assert changed["attributes"]["updated"] - changed["attributes"]["created"] >= 5
    assert vault("/keys/made").json["tags"] == {"c": "d"}


@pytest.mark.parametrize("path", ["/keys/one", "/keys/one/"])
def test_an_update_without_version_is_of_the_current_one_and_replaces_all_tags(vault: Store, path: str) -> None:
    vault.do("rotate_key", "one", tags={"old": "tag"})

    changed = vault.send("PATCH", path, {"tags": {"new": "tag"}}).json

    assert changed["tags"] == {"new": "tag"}
    assert vault("/keys/one").json == changed


@pytest.mark.parametrize("path", ["/keys/none", "/keys/one/0123456789abcdef0123456789abcdef"])
def test_an_update_of_what_does_not_exist_is_not_found(vault: Store, path: str) -> None:
    assert refusal(vault.send("PATCH", path, {})) == (404, "KeyNotFound", None)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/keys/cert/create", {"kty": "RSA"}),
        ("PUT", "/keys/cert", {"key": RSA}),
        ("PATCH", "/keys/cert", {"tags": {}}),
        ("DELETE", "/keys/cert", None),
        ("POST", "/keys/cert/rotate", None),
    ],
)
def test_the_key_of_a_certificate_is_changed_by_nobody(vault: Store, method: str, path: str, body: Any) -> None:
    vault.allow(*DATA_ACTIONS, "rotate")
    vault.do("add_key", "cert")
    vault.estate.do(lambda azure: setattr(azure.key(vault.name, "cert"), "managed", True))
    before = vault("/keys/cert").json

    assert refusal(vault.send(method, path, body)) == (403, "Forbidden", None)
    assert vault("/keys/cert").json == before


# Who may ------------------------------------------------------------------------------------------------------------

WRITES = {
    "create": ("POST", "/keys/made/create", {"kty": "RSA"}),
    "import": ("PUT", "/keys/made", {"key": RSA}),
    "update": ("PATCH", "/keys/one", {"tags": {}}),
}


@pytest.mark.parametrize("permission", WRITES)
def test_each_write_needs_its_own_permission_of_an_access_policy(vault: Store, permission: str) -> None:
    vault.allow(*(set(DATA_ACTIONS) - {permission}))
    refused = vault.send(*WRITES[permission])
    vault.allow(permission)

    assert refusal(refused) == (403, "Forbidden", "AccessDenied")
    assert f"does not have keys {permission} permission" in refused.text
    assert vault.send(*WRITES[permission]).status == 200


def grant(azure: Any, estate: Any, action: str) -> None:
    """A custom role with one data action, on the estate's vault."""
    scope = f"/subscriptions/{estate.subscription_id}"
    role = azure.add_custom_role(estate.tenant_id, action, PermissionSet(data_actions=(action,)), scopes=[scope])
    azure.assign_role(estate.client_id, azure.vault(estate.vault), role)


@pytest.mark.parametrize("permission", WRITES)
def test_each_write_needs_its_own_data_action_in_an_rbac_vault(
    vault_of: Callable[[Any], Store], make_estate: Any, permission: str
) -> None:
    estate = make_estate(rbac=True)
    vault, action = vault_of(estate), DATA_ACTIONS[permission]

    refused = vault.send(*WRITES[permission])
    estate.do(lambda azure: grant(azure, estate, action))

    assert refusal(refused) == (403, "Forbidden", "ForbiddenByRbac")
    assert f"Action: '{action}'" in refused.text
    assert vault.send(*WRITES[permission]).status == 200


def test_a_role_at_one_key_is_for_that_key_alone(vault_of: Callable[[Any], Store], make_estate: Any) -> None:
    estate = make_estate(rbac=True)
    vault = vault_of(estate)

    def at_one_key(azure: Any) -> None:
        scope = f"{azure.vault(estate.vault).resource_id}/keys/one"
        azure.assign_role(estate.client_id, scope, "Key Vault Crypto Officer")

    estate.do(at_one_key)

    refused = vault.send("PATCH", "/keys/two", {"tags": {}})
    assert refusal(refused) == (403, "Forbidden", "ForbiddenByRbac")
    assert f"/vaults/{estate.vault}/keys/two' Assignment: (not found)" in refused.text
    assert vault("/keys").status == 403
    assert vault.send("PATCH", "/keys/one", {"tags": {}}).status == 200


@pytest.mark.parametrize("permission", WRITES)
def test_each_write_needs_its_own_local_role_in_a_pool(hsm: Store, permission: str) -> None:
    method, path, body = WRITES[permission]
    request = (method, path.replace("one", "seal"), {**body, "kty": "RSA-HSM"} if permission == "create" else body)
    action = local_roles.DATA_ACTIONS[permission]

    def only(azure: Any, *actions: str) -> None:
        azure.revoke_local_roles(hsm.name, hsm.estate.client_id)
        if actions:
            azure.add_local_role(hsm.name, "Mine", actions)
            azure.assign_local_role(hsm.name, hsm.estate.client_id, "Mine")

    hsm.estate.do(only)
    refused = hsm.send(*request)
    hsm.estate.do(lambda azure: only(azure, action))

    assert refusal(refused) == (403, "AccessDenied", None)
    assert action in refused.text
    assert hsm.send(*request).status == 200


# Limits -------------------------------------------------------------------------------------------------------------


def create(vault: Store, kty: str, number: int) -> list[int]:
    return [vault.send("POST", "/keys/made/create", {"kty": kty}).status for _number in range(number)]


def test_a_vault_makes_ten_hsm_keys_or_twenty_others_in_ten_seconds_and_weighs_them(sb: Sandbox, vault: Store) -> None:
    assert create(vault, "EC-HSM", 5) + create(vault, "EC", 10) == [200] * 15

    refused = vault.send("POST", "/keys/made/create", {"kty": "EC"})

    assert refusal(refused) == (429, "Throttled", None)
    assert 0 < int(refused.headers["Retry-After"]) <= 10
    sb.clock.advance(int(refused.headers["Retry-After"]))
    assert vault.send("POST", "/keys/made/create", {"kty": "EC"}).status == 200


def test_a_throttled_vault_may_not_say_for_how_long(sb: Sandbox, vault: Store) -> None:
    sb.profile = Profile(throttled_retry_after="omitted")

    assert create(vault, "EC-HSM", 11) == [200] * 10 + [429]
    assert "Retry-After" not in vault.send("POST", "/keys/made/create", {"kty": "EC-HSM"}).headers


@pytest.mark.parametrize(("setting", "status"), [("create", 429), ("other", 200)])
def test_q65_whether_imports_are_limited_as_new_keys_are(sb: Sandbox, vault: Store, setting: Any, status: int) -> None:
    sb.profile = Profile(import_limit=setting)

    statuses = [vault.send("PUT", "/keys/mine", {"key": EC, "Hsm": True}).status for _number in range(11)]

    assert statuses == [200] * 10 + [status]


def test_a_pool_does_not_throttle(hsm: Store) -> None:
    assert create(hsm, "EC-HSM", 25) == [200] * 25
