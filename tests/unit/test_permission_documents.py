# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles in docs/azure-roles do what docs/permissions.md says: defined over the wire, assigned, and put to use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import urllib3
from azure.identity import ClientSecretCredential
from azure.keyvault.administration import KeyVaultAccessControlClient, KeyVaultPermission

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.catalog import CATALOG
from sandbox import Sandbox
from support.azure_callers import ask_token
from support.azure_rights import HELD, TEN, AzureRights, ids, right, verdicts
from support.challenges import forget_challenges
from support.cutoff import POLICY_VAULT, Cutoff
from unit.builders import ROOT

GUIDE = ROOT / "docs" / "permissions.md"
ROLES = ROOT / "docs" / "azure-roles"
AZURE_ROLES = [
    "application-guide",
    "application-least-privilege",
    "application-listing",
    "operator-break-glass",
    "operator-check",
    "operator-repair",
]
LOCAL_ROLES = ["managed-hsm-application-recover-purge", "managed-hsm-operator-check", "managed-hsm-operator-repair"]
GRAPH = "graph-operator-check"
# Application permissions of Microsoft Graph by the IDs of its public reference.
GRAPH_PERMISSIONS = {
    "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30": "Application.Read.All",
    "98830695-27a2-44f7-8c18-0c3ebc9698f6": "GroupMember.Read.All",
    "81b4724a-58aa-41c1-8a55-84ef97466587": "DelegatedPermissionGrant.Read.All",
}
NINE = set(TEN) - {"purge"}


def document(name: str) -> Any:
    return json.loads((ROLES / f"{name}.json").read_text(encoding="utf-8"))


class Azure(AzureRights):
    """An Azure where the application holds nothing and the roles of the documents can be defined."""

    def bare(self) -> None:
        """Take all from the application that it has at the store."""
        principal = self.view.service_principal_id

        def strip(cloud: Any) -> None:
            cloud.rights.revoke([entry for entry in cloud.rights.assignments if entry.principal_id == principal])
            if self.vault in cloud.vaults:
                cloud.set_access_policy(self.vault, self.app, [])
            else:
                cloud.revoke_local_roles(self.vault, self.app)

        self.do(strip)

    def use_rbac(self) -> None:
        self.do(lambda cloud: setattr(cloud.vault(self.vault), "rbac", True))

    def define(self, name: str, **changes: Any) -> str:
        """Define a role of Azure as `az role definition create` does; its GUID."""
        given = {**document(name), "AssignableScopes": [self.subscription], **changes}
        guid = str(uuid4())
        permissions = {key: given[key[0].upper() + key[1:]] for key in ("actions", "notActions")}
        permissions |= {key: given[key[0].upper() + key[1:]] for key in ("dataActions", "notDataActions")}
        properties = {
            "roleName": given["Name"],
            "description": given["Description"],
            "type": "CustomRole",
            "assignableScopes": given["AssignableScopes"],
            "permissions": [permissions],
        }
        url = (
            f"https://management.azure.com{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
        )
        with urllib3.ProxyManager(self.sandbox.proxy_url, ca_certs=str(self.sandbox.ca_bundle)) as pool:
            status, body = ask_token(pool, _Owner(self), "https://management.azure.com")
            assert status == 200, body
            answer = pool.request(
                "PUT",
                f"{url}?api-version=2022-04-01",
                json={"properties": properties},
                headers={"Authorization": f"Bearer {body['access_token']}"},
            )
        assert answer.status == 201, answer.data
        return guid

    def define_local(self, name: str) -> str:
        """Define a local role of the pool as `az keyvault role definition create` does; its GUID."""
        given, guid = document(name), str(uuid4())
        credential = ClientSecretCredential(
            self.view.tenant_id, self.view.operator_client_id, self.view.operator_client_secret
        )
        with credential, KeyVaultAccessControlClient(self.stores[self.vault].uri, credential) as client:
            client.set_role_definition(
                "/",
                name=guid,
                role_name=given["roleName"],
                permissions=[KeyVaultPermission(data_actions=given["dataActions"])],
            )
        return guid

    def give_local(self, login: dict[str, str], role: str) -> dict[str, str]:
        self.do(lambda cloud: cloud.assign_local_role(self.vault, login["client_id"], role))
        return login


class _Owner:
    def __init__(self, azure: AzureRights) -> None:
        self.cloud, self.tenant_id = azure.cloud, azure.view.tenant_id
        self.client_id, self.client_secret = azure.view.operator_client_id, azure.view.operator_client_secret


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    with Sandbox.start() as sandbox:
        # The SDK reads proxy and bundle from there.
        for variable, value in sandbox.environment().items():
            monkeypatch.setenv(variable, value)
        # It remembers for the whole process in which tenant a pool is, and each sandbox has another one.
        forget_challenges()
        yield Azure(sandbox)
        assert sandbox.crashes == []


@pytest.fixture
def pool(azure: Azure) -> Azure:
    return Azure(azure.sandbox, vault="hsm-sandbox")


# The documents themselves -------------------------------------------------------------------------------------------


def test_every_document_is_tested() -> None:
    assert {path.stem for path in ROLES.iterdir()} == {*AZURE_ROLES, *LOCAL_ROLES, GRAPH}


def test_the_guide_names_every_document() -> None:
    text = GUIDE.read_text(encoding="utf-8")

    assert set(re.findall(r"\(azure-roles/([\w-]+)\.json", text)) == {*AZURE_ROLES, *LOCAL_ROLES, GRAPH}


@pytest.mark.parametrize("name", AZURE_ROLES)
def test_a_role_has_what_az_role_definition_create_wants(name: str) -> None:
    role = document(name)

    assert set(role) == {
        "Name",
        "IsCustom",
        "Description",
        "Actions",
        "NotActions",
        "DataActions",
        "NotDataActions",
        "AssignableScopes",
    }


@pytest.mark.parametrize("name", LOCAL_ROLES)
def test_a_local_role_has_what_az_keyvault_role_definition_create_wants(name: str) -> None:
    role = document(name)

    assert set(role) == {"roleName", "description", "actions", "notActions", "dataActions", "notDataActions"}


def test_the_permissions_in_graph_are_those_that_the_guide_lists() -> None:
    (resource,) = document(GRAPH)

    assert {GRAPH_PERMISSIONS[entry["id"]] for entry in resource["resourceAccess"]} == set(GRAPH_PERMISSIONS.values())


def test_each_finding_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", GUIDE.read_text(encoding="utf-8")))

    assert named - CATALOG.keys() == set()


def test_the_guide_shows_what_the_module_says(azure: Azure) -> None:
    azure.use_rbac()

    judged = right(azure.judge(), "keys/get")

    text = GUIDE.read_text(encoding="utf-8")
    shown = ("requirement", "action", "verdict", "reason", "remedy", "notes")
    assert [name for name in shown if f'"{name}": {json.dumps(judged[name])}' not in text] == []


def test_the_guide_shows_what_the_repair_says_to_an_operator_without_rights(azure: Azure) -> None:
    azure.bare()

    with pytest.raises(TaskError) as refused:
        azure.repair(**azure.another_operator("Reader", graph=("Application.Read.All",)))

    text = " ".join(GUIDE.read_text(encoding="utf-8").split())
    assert re.sub(r" at /subscriptions/[^;]*", "", refused.value.problem).partition(";")[0] in text


# What the application can do with its role ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "usable"),
    [("application-guide", set(TEN)), ("application-least-privilege", NINE), ("application-listing", set())],
)
def test_in_an_rbac_vault_the_application_can_do_what_its_role_says(azure: Azure, name: str, usable: set[str]) -> None:
    azure.bare()
    azure.use_rbac()

    role = azure.define(name)
    azure.do(lambda cloud: cloud.assign_role(azure.app, azure.vault, role))

    assert azure.usable() == usable


@pytest.mark.parametrize("name", ["application-guide", "application-least-privilege"])
def test_a_group_in_dsm_syncs_with_the_role_alone(azure: Azure, name: str) -> None:
    azure.bare()
    azure.use_rbac()

    role = azure.define(name)
    azure.do(lambda cloud: cloud.assign_role(azure.app, azure.vault, role))

    assert azure.sync_error() is None


def test_the_role_without_purge_is_all_that_least_privilege_wants(azure: Azure) -> None:
    azure.bare()
    azure.use_rbac()
    role = azure.define("application-least-privilege")
    azure.do(lambda cloud: cloud.assign_role(azure.app, azure.vault, role))

    judged = azure.judge(rights_profile="least_privilege")

    assert set(verdicts(judged).values()) <= set(HELD)


def test_the_role_of_the_guide_is_all_that_dsm_uses(azure: Azure) -> None:
    azure.bare()
    azure.use_rbac()
    role = azure.define("application-guide")
    azure.do(lambda cloud: cloud.assign_role(azure.app, azure.vault, role))

    judged = azure.judge(rights_profile="least_privilege", key_permissions=["purge"])

    assert set(verdicts(judged).values()) <= set(HELD)


def test_the_role_of_the_guide_is_no_wider_than_the_guide(azure: Azure) -> None:
    azure.bare()
    azure.use_rbac()
    role = azure.define("application-guide")
    azure.do(lambda cloud: cloud.assign_role(azure.app, azure.vault, role))

    judged = azure.judge(rights_profile="least_privilege", key_permissions=["purge"])

    assert not ids(judged) & {"wider-than-needed", "app-may-use-keys", "app-can-change-access-policies"}


@pytest.mark.parametrize("vault", ["akv-sandbox-prem", "hsm-sandbox"])
def test_the_listing_role_shows_vaults_and_pools(azure: Azure, vault: str) -> None:
    azure.vault = vault
    azure.bare()
    role = azure.define("application-listing")

    azure.do(lambda cloud: cloud.assign_role(azure.app, vault, role))

    seen = "managedHSMs/read" if vault == "hsm-sandbox" else "vaults/read"
    judged = azure.judge(rights_profile="explicit", key_permissions=["get"])
    assert verdicts(judged)[seen] in HELD


def test_crypto_user_and_the_local_role_are_the_ten_permissions_of_a_pool(pool: Azure) -> None:
    pool.bare()
    role = pool.define_local("managed-hsm-application-recover-purge")

    for each in ("Managed HSM Crypto User", role):
        pool.do(lambda cloud, each=each: cloud.assign_local_role(pool.vault, pool.app, each))

    assert pool.usable() == set(TEN)


def test_with_the_local_role_the_application_cannot_administer_the_pool(pool: Azure) -> None:
    pool.bare()
    role = pool.define_local("managed-hsm-application-recover-purge")

    pool.do(lambda cloud: cloud.assign_local_role(pool.vault, pool.app, role))

    assert "app-can-administer-hsm" not in ids(pool.judge())


# What an operator can do with its role --------------------------------------------------------------------------------


def test_the_reader_judges_everything_at_one_vault(azure: Azure) -> None:
    role = azure.define("operator-check")
    reader = azure.another_operator(role, scope=azure.resource_id, graph=tuple(GRAPH_PERMISSIONS.values()))

    judged = azure.judge(**reader, dsm_egress_addresses=[azure.sandbox.dsm_egress_address])

    assert "unknown" not in {*verdicts(judged).values(), *(one["status"] for one in judged["findings"])}


def test_the_reader_changes_nothing(azure: Azure) -> None:
    azure.bare()
    role = azure.define("operator-check")
    reader = azure.another_operator(role, graph=tuple(GRAPH_PERMISSIONS.values()))

    with pytest.raises(TaskError, match="the operator lacks permissions"):
        azure.repair(**reader)


def test_without_graph_the_reader_needs_the_object_id(azure: Azure) -> None:
    reader = azure.another_operator(azure.define("operator-check"))

    judged = azure.judge(**reader, app_object_id=azure.view.service_principal_id)

    assert set(verdicts(judged).values()) <= set(HELD)


def test_reader_is_enough_to_judge_rights(azure: Azure) -> None:
    reader = azure.another_operator("Reader", scope=azure.resource_id, graph=tuple(GRAPH_PERMISSIONS.values()))

    judged = azure.judge(**reader)

    assert set(verdicts(judged).values()) <= set(HELD)


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "RBAC"])
def test_the_two_built_in_roles_are_enough_to_repair(azure: Azure, rbac: bool) -> None:
    azure.bare()
    if rbac:
        azure.use_rbac()
    repairer = azure.another_operator(
        "Key Vault Contributor", "User Access Administrator", graph=tuple(GRAPH_PERMISSIONS.values())
    )

    azure.repair(**repairer)

    assert azure.usable() == set(TEN)


def test_a_policy_administrator_repairs_a_pool(pool: Azure) -> None:
    pool.bare()
    repairer = pool.another_operator(pool.define("operator-repair"), graph=tuple(GRAPH_PERMISSIONS.values()))
    pool.give_local(repairer, "Managed HSM Policy Administrator")

    pool.repair(**repairer)

    assert pool.usable() == set(TEN)


@pytest.mark.parametrize("rbac", [False, True], ids=["access policies", "RBAC"])
@pytest.mark.parametrize("profile", ["guide", "least_privilege"])
def test_the_repairer_gives_all_that_the_profile_wants(azure: Azure, profile: str, rbac: bool) -> None:
    azure.bare()
    if rbac:
        azure.use_rbac()
    repairer = azure.another_operator(azure.define("operator-repair"), graph=tuple(GRAPH_PERMISSIONS.values()))

    azure.repair(**repairer, rights_profile=profile)

    assert azure.usable() == (set(TEN) if profile == "guide" else NINE)


def test_the_repairer_takes_back_what_it_gave(azure: Azure) -> None:
    azure.bare()
    azure.use_rbac()
    repairer = azure.another_operator(azure.define("operator-repair"), graph=tuple(GRAPH_PERMISSIONS.values()))
    azure.repair(**repairer)

    azure.repair(**repairer, **azure.dsm_login, state="absent")

    assert azure.usable() == set()


def test_with_a_role_that_exists_the_repairer_defines_none(azure: Azure) -> None:
    azure.bare()
    azure.use_rbac()
    existing = azure.define("application-guide")
    actions = document("operator-repair")["Actions"]
    narrow = azure.define(
        "operator-repair",
        Actions=[action for action in actions if action != "Microsoft.Authorization/roleDefinitions/write"],
    )
    repairer = azure.another_operator(narrow, graph=tuple(GRAPH_PERMISSIONS.values()))

    azure.repair(**repairer, data_role=existing)

    assert azure.usable() == set(TEN)


def test_the_reader_of_a_pool_judges_its_local_roles(pool: Azure) -> None:
    reader = pool.another_operator(pool.define("operator-check"), graph=tuple(GRAPH_PERMISSIONS.values()))
    pool.give_local(reader, pool.define_local("managed-hsm-operator-check"))
    custom = pool.define_local("managed-hsm-application-recover-purge")
    pool.do(lambda cloud: cloud.assign_local_role(pool.vault, pool.app, custom))

    judged = pool.judge(**reader)

    assert set(verdicts(judged).values()) <= set(HELD)


def test_the_repairer_of_a_pool_gives_the_ten_permissions(pool: Azure) -> None:
    pool.bare()
    repairer = pool.another_operator(pool.define("operator-repair"), graph=tuple(GRAPH_PERMISSIONS.values()))
    pool.give_local(repairer, pool.define_local("managed-hsm-operator-repair"))

    repaired = pool.repair(**repairer)

    assert (pool.usable(), set(verdicts(repaired).values()) <= set(HELD)) == (set(TEN), True)


def test_the_repairer_of_a_pool_takes_back_what_it_gave(pool: Azure) -> None:
    pool.bare()
    repairer = pool.another_operator(pool.define("operator-repair"), graph=tuple(GRAPH_PERMISSIONS.values()))
    pool.give_local(repairer, pool.define_local("managed-hsm-operator-repair"))
    pool.repair(**repairer)

    pool.repair(**repairer, **pool.dsm_login, state="absent")

    assert pool.usable() == set()


# What it takes to cut an application off ------------------------------------------------------------------------------

BREAK_GLASS_GRAPH = ("Application.ReadWrite.All", "GroupMember.Read.All")


def break_glass(azure: Azure, role: str, **changes: Any) -> tuple[Cutoff, dict[str, str]]:
    cutoff = Cutoff(azure, names=(POLICY_VAULT,))
    cutoff.prepare()
    operator = azure.another_operator(azure.define(role, **changes), graph=BREAK_GLASS_GRAPH)
    return cutoff, {**operator, **azure.dsm_login}


def test_the_operator_of_an_emergency_cuts_and_the_repairer_brings_back(azure: Azure) -> None:
    cutoff, operator = break_glass(azure, "operator-break-glass")
    repairer = azure.another_operator(azure.define("operator-repair"), graph=BREAK_GLASS_GRAPH)
    repairer |= azure.dsm_login
    before = cutoff.held()

    cut = cutoff.cut(**operator)
    with pytest.raises(TaskError, match="roleAssignments/write"):
        cutoff.restore(**operator)
    cutoff.restore(**repairer)

    assert cut["complete"] is True
    assert cutoff.held() == before


@pytest.mark.parametrize(
    "action", ["Microsoft.KeyVault/vaults/accessPolicies/write", "Microsoft.Authorization/roleAssignments/delete"]
)
def test_each_right_to_take_away_is_needed_in_an_emergency(azure: Azure, action: str) -> None:
    actions = [one for one in document("operator-break-glass")["Actions"] if one != action]
    cutoff, operator = break_glass(azure, "operator-break-glass", Actions=actions)

    with pytest.raises(TaskError, match="1 of 3 steps failed"):
        cutoff.cut(**operator)
