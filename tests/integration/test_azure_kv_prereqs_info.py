# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.2, looked at: what a check costs, how the vault is named, what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox import Sandbox
from sandbox.authorities import self_signed
from sandbox.azure.rights.roles import PermissionSet
from support.azure_rights import TEN, AzureRights, finding, granted, ids, verdicts
from support.playbook import Ansible

KEYS = "Microsoft.KeyVault/vaults/keys"
DATA = PermissionSet(
    data_actions=(
        f"{KEYS}/read",
        f"{KEYS}/delete",
        *(f"{KEYS}/{verb}/action" for verb in ("update", "create", "import", "recover", "backup", "restore", "purge")),
    )
)
# Without purge, which is the last one.
LEAST = PermissionSet(actions=("Microsoft.KeyVault/vaults/read",), data_actions=DATA.data_actions[:-1])


def give_custom_role(azure: AzureRights, what: PermissionSet) -> None:
    """A custom role of the tenant with these actions, for the application at the vault."""

    def deed(state: Any) -> None:
        guid = state.add_custom_role(azure.view.tenant_id, "dsm", what, scopes=[azure.subscription])
        state.assign_role(azure.app, azure.vault, guid)

    azure.do(deed)


def use_rbac(azure: AzureRights) -> None:
    """The vault in RBAC mode, without the guide's access policy."""

    def deed(state: Any) -> None:
        state.vault(azure.vault).rbac = True
        state.set_access_policy(azure.vault, azure.app, [])

    azure.do(deed)


def grow_old(state: Any) -> None:
    """All roles were assigned an hour ago, so that none of them is young."""
    state.rights.assignments = [replace(entry, created=entry.created - 3600) for entry in state.rights.assignments]


def rbac_as_the_guide_wants_it(azure: AzureRights) -> dict[str, Any]:
    use_rbac(azure)
    give_custom_role(azure, DATA)
    return {}


def rbac_with_least_privilege(azure: AzureRights) -> dict[str, Any]:
    use_rbac(azure)
    azure.do(lambda state: state.revoke_role(azure.app, azure.vault))
    give_custom_role(azure, LEAST)
    return {"rights_profile": "least_privilege"}


def policies_as_the_guide_wants_them(azure: AzureRights) -> dict[str, Any]:
    return {}


Setting = Callable[[AzureRights], dict[str, Any]]


def cost(azure: AzureRights, **options: Any) -> int:
    """How many requests a check sends, tokens and discovery included; it must find all rights in place."""
    mark = azure.sandbox.journal.mark()
    result = azure.judge(**options)
    assert set(verdicts(result).values()) <= {"ok", "ok_with_warning"}
    return len(azure.sandbox.journal.since(mark))


# What a check costs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "requests"),
    [(policies_as_the_guide_wants_them, 9), (rbac_as_the_guide_wants_it, 11), (rbac_with_least_privilege, 10)],
)
def test_a_vault_that_is_right_takes_at_most_eleven_requests(
    azure: AzureRights, setting: Setting, requests: int
) -> None:
    """Token, discovery and batch included: 9, 1 more for each role besides the first, 1 more without policies."""
    options = setting(azure)

    assert cost(azure, **options) == requests


def test_name_and_resource_group_cost_no_more_than_the_resource_id(azure: AzureRights) -> None:
    assert cost(azure, vault={"name": azure.vault, "resource_group": "rg-keys"}) == cost(azure)


def test_a_bare_name_of_a_vault_costs_the_list_more(azure: AzureRights) -> None:
    assert cost(azure, vault={"name": azure.vault, "type": "premium"}) == cost(azure) + 1


def test_a_bare_name_costs_one_list_more(azure: AzureRights) -> None:
    assert cost(azure, vault={"name": azure.vault}) == cost(azure) + 1


def test_what_a_pool_costs(pool: AzureRights) -> None:
    """A challenge, a login, and three lists of its own besides. Recover and purge are not the Crypto User's."""
    permissions = ["get", "list", "update", "create", "import", "delete", "backup", "restore"]

    assert cost(pool, rights_profile="explicit", key_permissions=permissions) == 15


def test_what_is_missing_costs_one_request_more(azure: AzureRights) -> None:
    before = cost(azure)
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, ["get"]))
    mark = azure.sandbox.journal.mark()

    azure.judge()

    assert len(azure.sandbox.journal.since(mark)) == before + 1


# What is right ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", ["azure", "government"])
@pytest.mark.parametrize("setting", [policies_as_the_guide_wants_them, rbac_as_the_guide_wants_it])
def test_what_the_guide_wants_is_found_in_both_clouds(
    request: pytest.FixtureRequest, cloud: str, setting: Setting
) -> None:
    azure: AzureRights = request.getfixturevalue(cloud)
    options = setting(azure)

    result = azure.judge(**options)

    assert granted(result) == set(TEN) == azure.usable()


def test_a_vault_without_any_fault_is_ok(azure: AzureRights) -> None:
    """Nothing is unknown, nothing is wide, nothing ends."""
    rbac_with_least_privilege(azure)
    key_vault = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"

    def deed(state: Any) -> None:
        state.vault(azure.vault).purge_protection = True
        state.wish_access(azure.app, key_vault, "f53da476-18e3-4152-8e01-aec403e6edc0")

    azure.do(deed)
    azure.do(grow_old)

    result = azure.judge(rights_profile="least_privilege", dsm_egress_addresses=[azure.sandbox.dsm_egress_address])

    assert (result["verdict"], result["findings"]) == ("ok", [])


def test_the_result_says_where_each_right_comes_from(azure: AzureRights) -> None:
    result = azure.judge()

    assert {right["requirement"]: right["sources"][0]["kind"] for right in result["rights"]} == {
        "Key Vault Contributor": "role",
        **{f"keys/{name}": "access_policy" for name in TEN},
    }


def test_every_finding_has_what_a_report_needs(azure: AzureRights) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, ["all"]))

    (found,) = [one for one in azure.judge()["findings"] if one["id"] == "all-without-purge"]

    assert {name for name, value in found.items() if value in (None, "", {})} == set()


# Nothing is changed -------------------------------------------------------------------------------------------------


def break_everything(azure: AzureRights) -> dict[str, Any]:
    use_rbac(azure)
    azure.do(lambda state: state.revoke_role(azure.app, azure.vault))
    return {}


def unregister(azure: AzureRights) -> dict[str, Any]:
    azure.do(lambda state: state.unregister_provider(azure.view.subscription_id))
    return {"vault": {"name": azure.vault}}


@pytest.mark.parametrize("setting", [policies_as_the_guide_wants_them, break_everything, unregister])
def test_nothing_is_ever_written(azure: AzureRights, setting: Setting) -> None:
    """A provider that is not registered stays so: the SDK's clients would register it."""
    options = setting(azure)
    mark = azure.sandbox.journal.mark()

    try:
        azure.judge(**options)
    except TaskError:
        assert setting is unregister

    assert azure.sandbox.journal.writes(since=mark) == []


def test_a_pool_is_never_written_to(pool: AzureRights) -> None:
    mark = pool.sandbox.journal.mark()

    pool.judge()

    assert pool.sandbox.journal.writes(since=mark) == []


# How the vault is named ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named",
    [
        {"name": "AKV-Sandbox-PREM"},
        {"name": "akv-sandbox-prem", "resource_group": "RG-keys"},
        {"uri": "https://AKV-sandbox-prem.vault.azure.net"},
        {"tags": {"tier": "premium", "env": "sandbox"}},
    ],
    ids=["name", "name-and-group", "uri", "tags"],
)
def test_a_vault_is_found_by_what_names_it(azure: AzureRights, named: dict[str, Any]) -> None:
    assert azure.judge(vault=named)["vault"]["resource_id"] == azure.resource_id


@pytest.mark.parametrize(
    "named",
    [{"uri": "https://hsm-sandbox.managedhsm.azure.net/"}, {"name": "hsm-sandbox"}, {"tags": {"tier": "managed"}}],
)
def test_a_pool_is_found_by_what_names_it(pool: AzureRights, named: dict[str, Any]) -> None:
    assert pool.judge(vault=named)["vault"]["type"] == "managed_hsm"


def test_a_list_of_several_pages_is_read_to_its_end(azure: AzureRights) -> None:
    azure.do(lambda state: setattr(state, "arm_page_size", 1))

    assert azure.judge(vault={"name": azure.vault})["vault"]["name"] == azure.vault


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"tags": {"env": "sandbox"}}, "several vaults match"),
        ({"name": "akv-elsewhere"}, "no vault that is visible to the operator matches"),
        ({"uri": "https://akv-elsewhere.vault.azure.net/"}, "no vault that is visible to the operator matches"),
        ({"name": "akv-sandbox-prem", "resource_group": "rg-hsm"}, "akv-sandbox-prem: the object does not exist"),
    ],
    ids=["ambiguous", "no-name", "no-uri", "wrong-group"],
)
def test_what_names_no_single_vault_is_an_error_of_azure(azure: AzureRights, named: dict[str, Any], words: str) -> None:
    with pytest.raises(TaskError, match=words) as refused:
        azure.judge(vault=named)

    assert refused.value.plane == "Azure"


def test_a_name_needs_a_subscription(azure: AzureRights) -> None:
    with pytest.raises(InvalidInput, match="subscription_id"):
        azure.judge(vault={"name": azure.vault}, subscription_id=None)


def test_a_resource_id_needs_no_subscription(azure: AzureRights) -> None:
    assert azure.judge(subscription_id=None)["vault"]["name"] == azure.vault


def test_an_application_that_is_not_there_is_an_error_of_entra(azure: AzureRights) -> None:
    with pytest.raises(TaskError, match="this application does not exist") as refused:
        azure.judge(app_client_id="11111111-2222-4333-8444-555555555555")

    assert refused.value.plane == "Entra"


def test_an_application_without_a_service_principal_is_told_so(azure: AzureRights) -> None:
    azure.do(lambda state: state.remove_service_principal(azure.app))

    with pytest.raises(TaskError, match="has no service principal"):
        azure.judge()


def test_an_object_id_that_is_not_the_service_principals_is_refused(azure: AzureRights) -> None:
    with pytest.raises(TaskError, match=azure.view.service_principal_id):
        azure.judge(app_object_id=azure.view.application_object_id)


# Refused before anything is sent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"app_client_id": "fortanix-dsm-cdc"}, "app_client_id"),
        ({"app_object_id": "1234"}, "app_object_id"),
        ({"client_id": "operator"}, "client_id"),
        ({"subscription_id": "Production"}, "subscription_id"),
        ({"vault": {"uri": "https://akv-sandbox-gov-prem.vault.usgovcloudapi.net/"}}, "vault.uri"),
        ({"vault": {"uri": "https://hsm-sandbox-gov.managedhsm.usgovcloudapi.net/"}}, "vault.uri"),
        ({"vault": {"uri": "http://akv-sandbox-prem.vault.azure.net/"}}, "vault.uri"),
        ({"vault": {"name": "a"}}, "vault.name"),
        ({"vault": {"resource_id": "/subscriptions/x/resourceGroups/y"}}, "vault.resource_id"),
        ({"vault": {"uri": "https://akv-sandbox-prem.vault.azure.net/", "type": "managed_hsm"}}, "vault.type"),
        ({"dsm_egress_addresses": ["198.51.100.300"]}, "dsm_egress_addresses"),
        ({"key_permissions": ["get"]}, "key_permissions"),
        ({"renew_before_days": -1}, "renew_before_days"),
        ({"app_certificate": "/nowhere/certificate.pem"}, "app_certificate"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_bad_input_is_refused_before_the_first_request(
    azure: AzureRights, options: dict[str, Any], option: str
) -> None:
    mark = azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput) as refused:
        azure.judge(**options)

    assert (refused.value.obj, azure.sandbox.journal.since(mark)) == (option, [])


def test_an_explicit_profile_needs_its_permissions(azure: AzureRights) -> None:
    with pytest.raises(AssertionError, match="key_permissions"):
        azure.judge(rights_profile="explicit")


# The vault and its credentials --------------------------------------------------------------------------------------


def test_a_vault_of_another_type_is_a_finding(azure: AzureRights) -> None:
    found = finding(azure.judge(vault={"name": azure.vault, "type": "standard"}), "vault-type-differs")

    assert (found["status"], found["expected"], found["actual"]) == ("failed", "standard", "premium")


def test_a_vault_without_purge_protection_is_warned_of(azure: AzureRights) -> None:
    assert finding(azure.judge(), "no-purge-protection")["status"] == "warning"


@pytest.mark.parametrize(("days", "warned"), [(10, False), (30, True)])
def test_a_secret_that_ends_soon_is_warned_of(azure: AzureRights, days: int, warned: bool) -> None:
    def deed(state: Any) -> None:
        state.remove_secret(azure.app)
        state.add_secret(azure.app, timedelta(days=20))

    azure.do(deed)

    assert ("credentials-expire-soon" in ids(azure.judge(renew_before_days=days))) is warned


def test_secrets_that_have_all_ended_are_a_failure(azure: AzureRights) -> None:
    azure.do(lambda state: state.expire_secret(azure.app))

    assert finding(azure.judge(), "credentials-expired")["status"] == "failed"


def test_an_application_without_credentials_is_a_failure(azure: AzureRights) -> None:
    azure.do(lambda state: state.remove_secret(azure.app))

    assert finding(azure.judge(), "no-credential")["status"] == "failed"


@pytest.mark.parametrize("form", ["hex", "base64"])
def test_a_registered_certificate_is_known_by_its_thumbprint(azure: AzureRights, form: str) -> None:
    pair = self_signed("dsm")

    def deed(state: Any) -> None:
        state.graph_thumbprints = form
        state.add_certificate(azure.app, pair.certificate)

    azure.do(deed)

    assert not {"link-credential-not-in-entra", "link-credential-not-valid"} & ids(
        azure.judge(app_certificate=pair.certificate_pem)
    )


def test_an_operator_that_is_the_application_itself_is_warned_of(azure: AzureRights) -> None:
    azure.do(lambda state: state.allow_graph(azure.app, "Application.Read.All", "GroupMember.Read.All"))

    result = azure.judge(**azure.login(azure.app, azure.view.client_secret))

    assert finding(result, "operator-is-the-application")["status"] == "warning"


@pytest.mark.parametrize(
    ("setting", "states"), [(None, False), (False, True), (True, True)], ids=["missing", "policies", "rbac"]
)
def test_a_vault_that_does_not_state_its_model_is_told_of_february_2027(
    azure: AzureRights, setting: bool | None, states: bool
) -> None:
    azure.do(lambda state: setattr(state.vault(azure.vault), "rbac", setting))

    assert ("permission-model-not-stated" not in ids(azure.judge())) is states


@pytest.mark.parametrize(("model", "held"), [("rbac", "missing"), ("access_policy", "ok"), ("any", None)])
def test_the_wanted_permission_model_is_judged(azure: AzureRights, model: str, held: str | None) -> None:
    assert verdicts(azure.judge(permission_model=model)).get("permission_model") == held


# --- As a user runs it ------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_judges_in_a_playbook_with_the_login_of_the_environment(ansible: Ansible, sandbox: Sandbox) -> None:
    view = sandbox.world.public
    vault = {"resource_id": view.vaults["akv-sandbox-prem"].resource_id}
    mark = sandbox.journal.mark()

    run = ansible.tasks({"azure_kv_prereqs_info": {"vault": vault, "app_client_id": view.client_id}})

    assert not run[0].changed
    assert {right["verdict"] for right in run[0]["rights"]} == {"ok"}
    assert sandbox.journal.writes(since=mark) == []
