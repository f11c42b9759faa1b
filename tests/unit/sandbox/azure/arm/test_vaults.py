# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults written through Resource Manager: create, replace, merge, delete, recover (Azure contract §1.2, §1.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from sandbox import Sandbox
from support.arm_lab import MANAGEMENT, code_of

NEW, OLD, RESOURCES = "2026-02-01", "2023-07-01", "2022-09-01"


def body(arm: Any, **properties: Any) -> dict[str, Any]:
    """A vault in policy mode as a client creates it; None takes a property out."""
    given = {
        "tenantId": arm.estate.tenant_id,
        "sku": {"family": "A", "name": "Standard"},
        "accessPolicies": [],
        "enableRbacAuthorization": False,
        **properties,
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return {"location": "westeurope", "tags": {"a": "b"}, "properties": kept}


def fresh(arm: Any) -> str:
    return arm.vault.rpartition("/")[0] + f"/kv-{uuid4().hex[:12]}"


def properties_of(arm: Any, path: str) -> dict[str, Any]:
    return dict(arm.operator("GET", path, version=NEW).json["properties"])


def test_a_created_vault_is_there(arm: Any) -> None:
    path = fresh(arm)

    answer = arm.operator("PUT", path, body(arm), NEW)

    assert (answer.status, answer.json["properties"]["sku"]["name"]) == (201, "standard")
    assert arm.operator("GET", path, version=NEW).json == answer.json


@pytest.mark.parametrize(
    ("version", "sent", "shown"),
    [(NEW, None, True), ("2026-05-15", None, True), (OLD, None, None), (NEW, False, False), (OLD, True, True)],
)
def test_the_permission_model_of_a_new_vault_hangs_on_the_version(
    arm: Any, version: str, sent: bool | None, shown: bool | None
) -> None:
    answer = arm.operator("PUT", fresh(arm), body(arm, enableRbacAuthorization=sent), version)

    assert answer.json["properties"]["enableRbacAuthorization"] is shown


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("model", [True, False, None])
def test_an_update_without_the_flag_keeps_the_model(arm: Any, method: str, model: bool | None) -> None:
    arm.do(lambda azure: setattr(azure.vault(arm.estate.vault), "rbac", model))

    arm.operator(method, arm.vault, body(arm, enableRbacAuthorization=None), NEW)

    assert properties_of(arm, arm.vault)["enableRbacAuthorization"] is model


@pytest.mark.parametrize(
    ("role", "refusal"),
    [
        ("Contributor", (403, "InsufficientPermissions")),
        ("Key Vault Contributor", (403, "InsufficientPermissions")),
        ("Owner", None),
    ],
)
def test_changing_the_model_needs_the_right_to_assign_roles(
    arm: Any, role: str, refusal: tuple[int, str] | None
) -> None:
    _oid, caller = arm.another(role)

    answer = caller("PATCH", arm.vault, {"properties": {"enableRbacAuthorization": True}}, NEW)

    assert (None if answer.status == 200 else code_of(answer)) == refusal


def test_a_constrained_right_to_assign_roles_does_not_change_the_model(arm: Any) -> None:
    oid, caller = arm.another("Key Vault Contributor")
    arm.put_role("User Access Administrator", principalId=oid, condition="@Resource[x] == 'y'")

    answer = caller("PATCH", arm.vault, {"properties": {"enableRbacAuthorization": True}}, NEW)

    assert code_of(answer) == (403, "InsufficientPermissions")


def test_replacing_a_vault_replaces_its_policies(arm: Any) -> None:
    arm.operator("PUT", arm.vault, body(arm), NEW)

    assert properties_of(arm, arm.vault)["accessPolicies"] == []


def test_merging_leaves_alone_what_it_does_not_name(arm: Any) -> None:
    before = properties_of(arm, arm.vault)

    answer = arm.operator("PATCH", arm.vault, {"tags": {"c": "d"}}, NEW)

    assert answer.json["tags"] == {"c": "d"}
    assert answer.json["properties"] == before


def test_merging_replaces_the_list_of_policies_whole(arm: Any) -> None:
    arm.operator("PATCH", arm.vault, {"properties": {"accessPolicies": []}}, NEW)

    assert arm.refused() == "AccessDenied"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"enableSoftDelete": False}, "BadRequest"),
        ({"enablePurgeProtection": False}, "BadRequest"),
        ({"softDeleteRetentionInDays": 5}, "BadRequest"),
        ({"sku": {"family": "A", "name": "gold"}}, "BadRequest"),
        ({"accessPolicies": None}, "BadRequest"),
        ({"tenantId": str(uuid4())}, "BadRequest"),
        ({"networkAcls": {"defaultAction": "Maybe"}}, "BadRequest"),
        ({"networkAcls": {"ipRules": [{"value": "2001:db8::/32"}]}}, "BadRequest"),
        ({"enableRbacAuthorization": "yes"}, "BadRequest"),
    ],
)
def test_a_vault_is_refused_for_its_reason(arm: Any, changes: dict[str, Any], code: str) -> None:
    assert code_of(arm.operator("PUT", fresh(arm), body(arm, **changes), NEW)) == (400, code)


def test_retention_is_fixed_at_creation(arm: Any) -> None:
    answer = arm.operator("PATCH", arm.vault, {"properties": {"softDeleteRetentionInDays": 7}}, NEW)

    assert code_of(answer) == (400, "BadRequest")


@pytest.mark.parametrize("name", ["1kv", "k", "kv--x", "kv-", "k" * 25])
def test_a_vault_wants_a_valid_name(arm: Any, name: str) -> None:
    path = arm.vault.rpartition("/")[0] + f"/{name}"

    assert code_of(arm.operator("PUT", path, body(arm), NEW)) == (400, "VaultNameNotValid")


def test_a_vault_wants_its_resource_group(arm: Any) -> None:
    path = fresh(arm).replace("rg-keys", "rg-none")

    assert code_of(arm.operator("PUT", path, body(arm), NEW)) == (404, "ResourceGroupNotFound")


def test_vault_names_are_unique_in_the_cloud(arm: Any, lab: Any) -> None:
    other = lab()
    path = other.vault.replace(other.estate.vault, arm.estate.vault)

    assert code_of(other.operator("PUT", path, body(other), NEW)) == (409, "VaultAlreadyExists")


def test_writing_a_vault_needs_the_right(arm: Any) -> None:
    _oid, reader = arm.another("Reader")

    answers = [reader(method, arm.vault, body(arm), NEW) for method in ("PUT", "PATCH", "DELETE")]

    assert [code_of(answer) for answer in answers] == [(403, "AuthorizationFailed")] * 3


# Network rules --------------------------------------------------------------------------------------------------------


def test_network_rules_are_shown_as_written(arm: Any) -> None:
    rules = {
        "bypass": "None",
        "defaultAction": "Deny",
        "ipRules": [{"value": "198.51.100.0/24"}],
        "virtualNetworkRules": [{"id": "/subscriptions/x/subnets/y"}],
    }

    arm.operator("PATCH", arm.vault, {"properties": {"networkAcls": rules, "publicNetworkAccess": "disabled"}}, NEW)

    shown = properties_of(arm, arm.vault)
    assert (shown["networkAcls"], shown["publicNetworkAccess"]) == (rules, "Disabled")


def test_private_endpoints_are_shown(arm: Any) -> None:
    arm.do(lambda azure: azure.set_firewall(arm.estate.vault, private_endpoints=2))

    assert len(properties_of(arm, arm.vault)["privateEndpointConnections"]) == 2


# Deletion -------------------------------------------------------------------------------------------------------------


def gone_at(arm: Any) -> str:
    return f"{arm.provider}/locations/westeurope/deletedVaults/{arm.estate.vault}"


def test_deletion_is_soft(arm: Any) -> None:
    deleted = arm.operator("DELETE", arm.vault, version=NEW).status

    listed = arm.operator.all_of(f"{arm.provider}/deletedVaults", NEW)

    assert (deleted, arm.operator("DELETE", arm.vault, version=NEW).status) == (200, 204)
    assert [entry["properties"]["vaultId"] for entry in listed] == [arm.vault]
    assert arm.operator("GET", gone_at(arm), version=NEW).json == listed[0]


def test_a_soft_deleted_name_is_taken(arm: Any) -> None:
    arm.operator("DELETE", arm.vault, version=NEW)

    assert code_of(arm.operator("PUT", arm.vault, body(arm), NEW)) == (409, "ConflictError")


def test_recovery_brings_keys_and_policies_back_but_no_roles(arm: Any) -> None:
    arm.operator("DELETE", arm.vault, version=NEW)

    answer = arm.operator("PUT", arm.vault, body(arm, createMode="recover"), NEW)

    assert (answer.status, arm.refused()) == (200, None)
    assert arm.app("GET", arm.vault, version=NEW).status == 403


def test_purging_frees_the_name(arm: Any) -> None:
    _oid, purger = arm.another("Key Vault Purge Operator")
    arm.operator("DELETE", arm.vault, version=NEW)

    purged = purger("POST", f"{gone_at(arm)}/purge", version=NEW)

    assert purged.status == 200
    assert code_of(arm.operator("GET", gone_at(arm), version=NEW)) == (404, "DeletedVaultNotFound")
    assert arm.operator("PUT", arm.vault, body(arm), NEW).status == 201


def test_purging_is_no_right_of_a_key_vault_contributor(arm: Any) -> None:
    _oid, contributor = arm.another("Key Vault Contributor")
    arm.operator("DELETE", arm.vault, version=NEW)

    assert contributor("POST", f"{gone_at(arm)}/purge", version=NEW).status == 403


def test_a_protected_vault_is_not_purged(arm: Any) -> None:
    arm.operator("PATCH", arm.vault, {"properties": {"enablePurgeProtection": True}}, NEW)
    arm.operator("DELETE", arm.vault, version=NEW)

    assert arm.operator("POST", f"{gone_at(arm)}/purge", version=NEW).status == 405


def test_time_purges(arm: Any) -> None:
    arm.operator("DELETE", arm.vault, version=NEW)
    year = 365 * 86400

    def aged(azure: Any) -> bool:
        azure.deleted_vaults[arm.estate.vault].deleted -= year
        return azure.deleted_vault(arm.estate.vault) is None

    assert arm.do(aged)


@pytest.mark.parametrize(
    ("name", "reason"), [("{vault}", "AlreadyExists"), ("no_name", "AccountNameInvalid"), ("kv-{free}", None)]
)
def test_a_name_is_checked_without_a_write(arm: Any, sb: Sandbox, name: str, reason: str | None) -> None:
    filled = name.format(vault=arm.estate.vault, free=uuid4().hex[:8])
    mark = sb.journal.mark()

    answer = arm.operator("POST", f"{arm.provider}/checkNameAvailability", {"name": filled}, NEW).json

    assert (answer["nameAvailable"], answer.get("reason")) == (reason is None, reason)
    assert sb.journal.writes(since=mark) == []


# Provider and api-version ---------------------------------------------------------------------------------------------


@pytest.fixture
def unregistered(arm: Any) -> Any:
    arm.do(lambda azure: azure.unregister_provider(arm.estate.subscription_id))
    return arm


@pytest.mark.parametrize(
    ("method", "tail"), [("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/accessPolicies/add")]
)
def test_without_the_provider_no_vault_is_written(unregistered: Any, method: str, tail: str) -> None:
    answer = unregistered.operator(method, unregistered.vault + tail, body(unregistered), NEW)

    assert code_of(answer) == (409, "MissingSubscriptionRegistration")


def test_without_the_provider_lists_are_empty(unregistered: Any) -> None:
    assert unregistered.operator.all_of(f"{unregistered.provider}/vaults", NEW) == []


def test_registering_the_provider_is_a_write(unregistered: Any, sb: Sandbox) -> None:
    states = [unregistered.operator("GET", unregistered.provider, version=RESOURCES).json["registrationState"]]
    mark = sb.journal.mark()

    unregistered.operator("POST", f"{unregistered.provider}/register", version=RESOURCES)

    states.append(unregistered.operator("GET", unregistered.provider, version=RESOURCES).json["registrationState"])
    assert states == ["NotRegistered", "Registered"]
    assert [entry.method for entry in sb.journal.writes(since=mark)] == ["POST"]


def test_registering_needs_a_right_at_the_subscription(unregistered: Any) -> None:
    assert code_of(unregistered.app("POST", f"{unregistered.provider}/register", version=RESOURCES)) == (
        403,
        "AuthorizationFailed",
    )


def test_old_versions_end_on_their_day() -> None:
    retirement = datetime(2027, 2, 27, tzinfo=UTC).timestamp()
    with Sandbox.start() as own, urllib3.ProxyManager(own.proxy_url, ca_certs=str(own.ca_bundle)) as pool:
        view, codes = own.world.public, []
        for moment, version in ((retirement - 3600, OLD), (retirement + 3600, OLD), (retirement + 3600, NEW)):
            own.clock.advance(moment - own.clock.now())
            token = own.do(lambda state: state.azure.public.tokens.issue(_app(state, view.client_id), _AUDIENCE))
            url = f"{_AUDIENCE}{view.vaults['akv-sandbox-std'].resource_id}?api-version={version}"
            answer = pool.request("GET", url, headers={"Authorization": f"Bearer {token}"}, retries=False)
            codes.append(answer.json().get("error", {}).get("code"))

    assert codes == [None, "NoRegisteredProviderFound", None]


_AUDIENCE = f"https://{MANAGEMENT['public']}"


def _app(state: Any, client_id: str) -> Any:
    return state.azure.public.application(client_id)


# Letter case ----------------------------------------------------------------------------------------------------------


def otherwise(path: str) -> str:
    """The same resource ID, as clients may spell it."""
    return f"/subscriptions{path.removeprefix('/subscriptions').upper()}"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_path_names_the_same_vault_in_any_letter_case(arm: Any, method: str) -> None:
    given = body(arm, enableRbacAuthorization=None) if method == "PATCH" else None

    answer = arm.operator(method, otherwise(arm.vault), given, NEW)

    assert (answer.status, answer.json["id"]) == (200, arm.vault)


def test_a_name_in_another_letter_case_is_taken(arm: Any) -> None:
    path = fresh(arm)
    arm.operator("PUT", path, body(arm), NEW)

    assert arm.operator("PUT", otherwise(path), body(arm), NEW).status == 200


def test_roles_at_a_vault_are_those_of_its_id_in_any_letter_case(arm: Any) -> None:
    kind = "/providers/Microsoft.Authorization/roleAssignments"
    listed = [arm.operator("GET", f"{path}{kind}", version="2022-04-01") for path in (arm.vault, otherwise(arm.vault))]

    assert [one.status for one in listed] == [200, 200]
    assert listed[0].json["value"] == listed[1].json["value"]


def test_the_name_of_a_tag_keeps_the_case_that_it_was_given(arm: Any) -> None:
    path = fresh(arm)

    arm.operator("PUT", path, {**body(arm), "tags": {"Env": "Prod"}}, NEW)

    assert arm.operator("GET", path, version=NEW).json["tags"] == {"Env": "Prod"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_of_tags_that_differ_in_letter_case_one_is_stored(arm: Any, method: str) -> None:
    answer = arm.operator(method, arm.vault, {**body(arm), "tags": {"Env": "a", "env": "b"}}, NEW)

    assert answer.json["tags"] == {"env": "b"}


def test_a_location_is_stored_by_its_name(arm: Any) -> None:
    path, given = fresh(arm), {**body(arm), "location": "West Europe"}

    answers = [arm.operator("PUT", path, given, NEW) for _time in range(2)]

    assert [(one.status, one.json["location"]) for one in answers] == [(201, "westeurope"), (200, "westeurope")]


def test_a_resource_group_keeps_the_case_that_it_was_made_in(arm: Any) -> None:
    subscription, group = arm.vault.split("/")[2], arm.vault.split("/")[4]
    place = {"resource_group": group.upper(), "subscription_id": subscription}

    added = arm.do(lambda azure: azure.add_vault(f"kv-{uuid4().hex[:12]}", **place))

    assert added.resource_id.rpartition("/")[0] == arm.vault.rpartition("/")[0]


# The start-up world ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_the_operator_of_the_start_is_owner_of_the_subscription(sb: Sandbox, cloud: str) -> None:
    view = getattr(sb.world, cloud)
    scope = f"/subscriptions/{view.subscription_id}"

    may = sb.do(lambda state: getattr(state.azure, cloud).rights.may_assign(view.operator_object_id, None, scope))

    assert may
