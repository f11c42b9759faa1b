# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local roles of managed HSM pools over the pool's own interface, and what they grant (Azure contract §1.8, T38)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from sandbox import Sandbox
from sandbox.azure.rights import local_roles as hsm_rights
from sandbox.azure.rights.local_roles import ADMINISTRATOR, CRYPTO_OFFICER, CRYPTO_USER, POLICY_ADMINISTRATOR
from support.azure_callers import POOL, bearer

HSM = "Microsoft.KeyVault/managedHsm/"
AUTHORIZATION = "providers/Microsoft.Authorization"
VERSION = "api-version=2025-07-01"
DELETED = [f"{HSM}keys/deletedKeys/{tail}" for tail in ("read/action", "recover/action", "delete")]


@dataclass(frozen=True)
class Pool:
    """A pool and the only application that has anything to do with it."""

    estate: Any
    name: str
    client: Any
    oid: str

    def __call__(self, method: str, path: str, body: Any = None, query: str = "") -> Any:
        return self.client(method, f"{path}?{VERSION}{query}", body)

    def grant(self, role: str, scope: str = "/") -> Any:
        return self.estate.do(lambda azure: azure.assign_local_role(self.name, self.estate.client_id, role, scope))

    def definition(self, name: str) -> str:
        """The id of a local role, as the pool spells it."""
        role = self.estate.do(lambda azure: azure.managed_hsm(self.name).local_role(name))
        return f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{role.guid}"

    def put(self, role: str, scope: str = "", name: str | None = None, principal: str | None = None) -> Any:
        properties = {"roleDefinitionId": self.definition(role), "principalId": principal or self.oid}
        path = f"{scope}/{AUTHORIZATION}/roleAssignments/{name or uuid4()}"
        return self("PUT", path, {"properties": properties})

    def put_role(self, *actions: str, name: str | None = None, scope: str = "", **properties: Any) -> Any:
        given = {"roleName": "Deleted keys", "permissions": [{"dataActions": list(actions)}], **properties}
        return self("PUT", f"{scope}/{AUTHORIZATION}/roleDefinitions/{name or uuid4()}", {"properties": given})


@pytest.fixture
def pool(anonymous: Any, estate: Any) -> Pool:
    def build(azure: Any) -> tuple[str, str, str]:
        made = azure.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
        azure.add_key(made, "seal", kty="RSA-HSM")
        return made.name, made.uri, azure.application(estate.client_id).service_principal_id

    name, uri, oid = estate.do(build)
    token = bearer(anonymous.pool, estate, f"https://{POOL[estate.cloud]}")
    return Pool(estate, name, type(anonymous)(anonymous.pool, uri.rstrip("/"), token), oid)


# Definitions ----------------------------------------------------------------------------------------------------------


def test_all_built_in_roles_are_listed(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)

    listed = pool("GET", f"/{AUTHORIZATION}/roleDefinitions").json["value"]

    assert {role["name"] for role in listed} == set(hsm_rights.BUILT_IN)
    assert {role["properties"]["type"] for role in listed} == {"AKVBuiltInRole"}


@pytest.mark.parametrize("path", ["", "//", "/keys", "//keys/seal"])
def test_definitions_are_the_same_at_all_scopes_and_slashes(pool: Pool, path: str) -> None:
    pool.grant(ADMINISTRATOR)

    assert len(pool("GET", f"{path}/{AUTHORIZATION}/roleDefinitions").json["value"]) == len(hsm_rights.BUILT_IN)


def test_lists_come_in_pages(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    pool.estate.do(lambda azure: setattr(azure, "arm_page_size", 5))
    first = pool("GET", f"/{AUTHORIZATION}/roleDefinitions").json
    second = pool.client("GET", first["nextLink"].removeprefix(pool.client.base)).json
    pool.estate.do(lambda azure: setattr(azure, "arm_page_size", 100))

    assert (len(first["value"]), len(second["value"]), "nextLink" in second) == (5, 4, False)


def test_a_custom_role_is_made_read_and_removed(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    name = str(uuid4())

    made = pool.put_role(*DELETED, name=name, assignableScopes=["/"])
    read = pool("GET", f"/{AUTHORIZATION}/roleDefinitions/{name}").json
    gone = pool("DELETE", f"/{AUTHORIZATION}/roleDefinitions/{name}")

    assert (made.status, gone.status) == (201, 200)
    assert read == made.json
    assert read["properties"]["permissions"][0]["dataActions"] == DELETED
    assert read["properties"]["type"] == "CustomRole"
    assert pool("GET", f"/{AUTHORIZATION}/roleDefinitions/{name}").json["error"]["code"] == "RoleDefinitionNotFound"


def test_a_custom_role_is_replaced_by_a_second_put(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    name = str(uuid4())
    pool.put_role(*DELETED, name=name)

    again = pool.put_role(DELETED[0], name=name)

    assert again.status == 201
    assert again.json["properties"]["permissions"][0]["dataActions"] == DELETED[:1]


def test_a_built_in_role_can_be_neither_changed_nor_removed(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    name = pool.definition(CRYPTO_USER).rpartition("/")[2]

    answers = (pool.put_role(*DELETED, name=name), pool("DELETE", f"/{AUTHORIZATION}/roleDefinitions/{name}"))

    assert [(answer.status, answer.json["error"]["code"]) for answer in answers] == [(400, "BadParameter")] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "no-guid"},
        {"scope": "/keys"},
        {"assignableScopes": ["/keys"]},
        {"permissions": [{"actions": [f"{HSM}keys/read/action"]}]},
        {"permissions": [{"dataActions": [f"{HSM}keys/*"]}]},
        {"permissions": [{"dataActions": [f"{HSM}deletedKeys/read/action"]}]},
    ],
    ids=["name", "scope", "assignable scope", "actions", "wildcard", "unknown action"],
)
def test_a_role_that_no_pool_can_hold_is_refused(pool: Pool, changes: dict[str, Any]) -> None:
    pool.grant(ADMINISTRATOR)

    answer = pool.put_role(*DELETED, **changes)

    assert (answer.status, answer.json["error"]["code"]) == (400, "BadParameter")


def test_a_role_in_use_cannot_be_removed(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    role = pool.estate.do(lambda azure: azure.add_local_role(pool.name, "Deleted keys", DELETED))
    pool.grant("Deleted keys")

    assert pool("DELETE", f"/{AUTHORIZATION}/roleDefinitions/{role.guid}").status == 409


# Assignments ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "scope"), [("", "/"), ("/keys", "/keys"), ("/keys/seal", "/keys/seal")])
def test_an_assignment_is_made_read_and_removed_at_each_scope(pool: Pool, path: str, scope: str) -> None:
    pool.grant(ADMINISTRATOR)
    name = str(uuid4())
    url = f"{path}/{AUTHORIZATION}/roleAssignments/{name}"

    made = pool.put(CRYPTO_USER, path, name)
    read = pool("GET", url).json
    gone = pool("DELETE", url)

    assert (made.status, gone.status) == (201, 200)
    assert read == made.json
    assert read["properties"] == {
        "roleDefinitionId": pool.definition(CRYPTO_USER),
        "principalId": pool.oid,
        "scope": scope,
    }
    assert pool("GET", url).json["error"]["code"] == "RoleAssignmentNotFound"


def test_the_same_role_cannot_be_assigned_twice(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    pool.put(CRYPTO_USER)

    again = pool.put(CRYPTO_USER)

    assert (again.status, again.json["error"]["code"]) == (409, "RoleAssignmentExists")


def test_the_same_role_can_be_assigned_at_another_scope(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    pool.put(CRYPTO_USER)

    assert pool.put(CRYPTO_USER, "/keys").status == 201


def test_an_assignment_cannot_be_changed(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    name = str(uuid4())
    pool.put(CRYPTO_USER, name=name)

    assert pool.put(CRYPTO_OFFICER, name=name).status == 409


@pytest.mark.parametrize(
    ("scope", "name", "principal"), [("/secrets", None, None), ("", "no-guid", None), ("", None, "no-guid")]
)
def test_what_no_pool_can_assign_is_refused(pool: Pool, scope: str, name: str | None, principal: str | None) -> None:
    pool.grant(ADMINISTRATOR)

    answer = pool.put(CRYPTO_USER, scope, name, principal)

    assert (answer.status, answer.json["error"]["code"]) == (400, "BadParameter")


def test_a_pool_does_not_ask_who_the_principal_is(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)

    assert pool.put(CRYPTO_USER, principal=str(uuid4())).status == 201


def test_a_role_that_does_not_exist_cannot_be_assigned(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    body = {"properties": {"roleDefinitionId": f"x/{uuid4()}", "principalId": pool.oid}}

    answer = pool("PUT", f"/{AUTHORIZATION}/roleAssignments/{uuid4()}", body)

    assert answer.json["error"]["code"] == "RoleDefinitionNotFound"


@pytest.mark.parametrize(
    ("filter_", "seen"),
    [
        ("", {"/", "/keys", "/keys/seal"}),
        ("atScope()", {"/", "/keys"}),
        ("principalId eq '{oid}'", {"/", "/keys", "/keys/seal"}),
        ("principalId eq '00000000-0000-4000-8000-000000000000'", set()),
    ],
)
def test_the_list_at_a_scope_depends_on_the_filter(pool: Pool, filter_: str, seen: set[str]) -> None:
    pool.grant(ADMINISTRATOR)
    pool.grant(CRYPTO_USER, "/keys")
    pool.grant(CRYPTO_USER, "/keys/seal")
    query = f"&$filter={filter_.format(oid=pool.oid)}" if filter_ else ""

    listed = pool("GET", f"/keys/{AUTHORIZATION}/roleAssignments", query=query).json["value"]

    assert {entry["properties"]["scope"] for entry in listed} == seen


def test_a_filter_that_pools_do_not_know_is_refused(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)

    assert pool("GET", f"/{AUTHORIZATION}/roleAssignments", query="&$filter=assignedTo('x')").status == 400


# Rights ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        (ADMINISTRATOR, True, True),
        (CRYPTO_OFFICER, True, True),
        (POLICY_ADMINISTRATOR, True, True),
        (CRYPTO_USER, True, False),
        ("Managed HSM Crypto Auditor", True, False),
        ("Managed HSM Crypto Service Encryption User", False, False),
        ("Managed HSM Backup User", False, False),
    ],
)
def test_who_may_read_and_write_roles(pool: Pool, role: str, reads: bool, writes: bool) -> None:
    pool.grant(role)

    statuses = (
        pool("GET", f"/{AUTHORIZATION}/roleDefinitions").status == 200,
        pool("GET", f"/{AUTHORIZATION}/roleAssignments").status == 200,
        pool.put_role(*DELETED).status == 201,
        pool.put(CRYPTO_USER, principal=str(uuid4())).status == 201,
    )

    assert statuses == (reads, reads, writes, writes)


def test_a_crypto_officer_can_make_itself_administrator(pool: Pool) -> None:
    pool.grant(CRYPTO_OFFICER)

    assert pool.put(ADMINISTRATOR).status == 201


def test_the_refusal_names_the_data_action_and_the_scope(pool: Pool) -> None:
    error = pool("GET", f"/keys/{AUTHORIZATION}/roleAssignments").json["error"]

    assert error["code"] == "AccessDenied"
    assert error["message"].startswith(f"Not authorized to access {HSM}roleAssignments/read/action on /keys (Activity")


def test_a_right_at_one_key_is_no_right_at_the_others(pool: Pool) -> None:
    pool.grant(POLICY_ADMINISTRATOR, "/keys/seal")

    answers = (pool.put(CRYPTO_USER, "/keys/seal"), pool.put(CRYPTO_USER, "/keys/other"), pool.put(CRYPTO_USER))

    assert [answer.status for answer in answers] == [201, 403, 403]


def test_no_role_of_azure_reaches_the_roles_of_a_pool(pool: Pool) -> None:
    estate = pool.estate
    estate.do(lambda azure: azure.assign_role(estate.client_id, f"/subscriptions/{estate.subscription_id}", "Owner"))

    assert pool("GET", f"/{AUTHORIZATION}/roleDefinitions").status == 403


def test_nobody_has_rights_in_a_pool_that_is_not_activated(pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    pool.estate.do(lambda azure: setattr(azure.managed_hsm(pool.name), "activated", False))

    assert "not been activated" in pool("GET", f"/{AUTHORIZATION}/roleDefinitions").text


def test_a_custom_role_opens_deleted_keys(pool: Pool) -> None:
    pool.estate.do(lambda azure: azure.add_local_role(pool.name, "Deleted keys", DELETED))
    before = pool("GET", "/deletedkeys").status
    pool.grant("Deleted keys")

    assert (before, pool("GET", "/deletedkeys").status, pool("GET", "/keys").status) == (403, 200, 403)


def test_what_a_role_excludes_it_does_not_grant(pool: Pool) -> None:
    read = f"{HSM}keys/read/action"
    pool.estate.do(lambda azure: azure.add_local_role(pool.name, "Nothing", [read], [read.upper()]))
    pool.grant("Nothing")

    assert pool("GET", "/keys").status == 403


def test_a_role_held_through_nested_groups_counts(pool: Pool) -> None:
    estate = pool.estate

    def build(azure: Any) -> None:
        inner = azure.add_group(estate.tenant_id, "inner", [estate.client_id])
        azure.assign_local_role(pool.name, azure.add_group(estate.tenant_id, "outer", [inner]), CRYPTO_USER)

    before = pool("GET", "/keys").status
    estate.do(build)

    assert (before, pool("GET", "/keys").status) == (403, 200)


def test_a_role_for_the_applications_own_object_id_grants_nothing(pool: Pool) -> None:
    object_id = pool.estate.do(lambda azure: azure.application(pool.estate.client_id).object_id)
    pool.estate.do(lambda azure: azure.assign_local_role(pool.name, object_id, CRYPTO_USER))

    assert pool("GET", "/keys").status == 403


def test_reads_and_writes_of_roles_are_told_apart_in_the_journal(sb: Sandbox, pool: Pool) -> None:
    pool.grant(ADMINISTRATOR)
    mark = sb.journal.mark()
    pool("GET", f"/{AUTHORIZATION}/roleAssignments")
    pool.put(CRYPTO_USER)

    assert [entry.kind for entry in sb.journal.since(mark)] == ["read", "write"]


# A third-party client -------------------------------------------------------------------------------------------------

_CLIENT = """
import json, os
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.administration import KeyVaultAccessControlClient, KeyVaultPermission, KeyVaultRoleScope

authority = os.environ["AUTHORITY"]
credential = ClientSecretCredential(
    os.environ["TENANT"], os.environ["CLIENT"], os.environ["SECRET"], authority=authority
)
client = KeyVaultAccessControlClient(os.environ["POOL"], credential)
roles = {role.role_name: role.id for role in client.list_role_definitions(KeyVaultRoleScope.GLOBAL)}
permission = KeyVaultPermission(data_actions=json.loads(os.environ["ACTIONS"]))
role = client.set_role_definition(KeyVaultRoleScope.GLOBAL, role_name="Deleted keys", permissions=[permission])
made = client.create_role_assignment(KeyVaultRoleScope.KEYS, role.id, os.environ["OID"])
held = [one.properties.scope for one in client.list_role_assignments(KeyVaultRoleScope.KEYS)]
try:
    client.create_role_assignment(KeyVaultRoleScope.KEYS, role.id, os.environ["OID"])
except HttpResponseError as error:
    code = error.error.code
read = client.get_role_assignment(KeyVaultRoleScope.KEYS, made.name).properties.role_definition_id == role.id
client.delete_role_assignment(KeyVaultRoleScope.KEYS, made.name)
client.delete_role_assignment(KeyVaultRoleScope.KEYS, made.name)
client.delete_role_definition(KeyVaultRoleScope.GLOBAL, role.name)
left = [one.role_name for one in client.list_role_definitions(KeyVaultRoleScope.GLOBAL)]
print(json.dumps([sorted(roles) == sorted(left), made.properties.scope, sorted(held), code, read]))
"""


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_the_administration_client_works_with_its_defaults(sb: Sandbox, make_estate: Any, cloud: str) -> None:
    estate = make_estate(cloud)

    def build(azure: Any) -> tuple[str, str]:
        made = azure.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
        azure.assign_local_role(made, estate.client_id, ADMINISTRATOR)
        return made.uri, azure.application(estate.client_id).service_principal_id

    uri, oid = estate.do(build)
    variables = {
        "AUTHORITY": "login.microsoftonline.us" if cloud == "government" else "login.microsoftonline.com",
        "TENANT": estate.tenant_id,
        "CLIENT": estate.client_id,
        "SECRET": estate.client_secret,
        "POOL": uri,
        "OID": oid,
        "ACTIONS": json.dumps(DELETED),
    }

    run = subprocess.run(
        [sys.executable, "-c", _CLIENT],
        env={**os.environ, **sb.environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [True, "/keys", ["/", "/keys"], "RoleAssignmentExists", True]
