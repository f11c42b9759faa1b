# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups and what they stand on, looked at over the wire: what is found, what is unknown, no write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.catalog import CHECKS, DRIFT
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_compliance_info, cdc_sync
from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance.report import FORMATS, files, report
from sandbox import Fault, Profile
from sandbox.custody.seeds import copy_to_azure
from support.azure_rights import AzureRights
from support.compliance_page import text_in
from support.operate import Operator
from support.playbook import Ansible


def check(azure: AzureRights, **options: Any) -> dict[str, Any]:
    return Operator(azure.sandbox.environment())(cdc_compliance_info, **{**azure.operator, **options})


def only(result: Mapping[str, Any]) -> Mapping[str, Any]:
    (group,) = result["groups"]
    found: Mapping[str, Any] = group
    return found


def statuses(group: Mapping[str, Any]) -> dict[str, str]:
    """Check -> the worst status of it, which comes first."""
    found: dict[str, str] = {}
    for finding in group["findings"]:
        found.setdefault(finding["check"], finding["status"])
    return found


def ids(group: Mapping[str, Any]) -> set[str]:
    return {finding["id"] for finding in group["findings"]}


def let_the_operator_list_keys(azure: AzureRights) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.view.operator_client_id, ["list"]))


@pytest.fixture
def group(azure: AzureRights) -> str:
    """A group whose vault has a key that is in DSM, too; the operator may list keys."""
    let_the_operator_list_keys(azure)
    azure.do(lambda state: state.add_key(azure.vault, "key-one"))
    name = azure.group()
    Operator(azure.sandbox.environment())(cdc_sync, group_name=name)
    return name


# What is right ------------------------------------------------------------------------------------------------------


def test_a_group_as_the_guide_wants_it_has_nothing_that_failed_or_is_unknown(azure: AzureRights, group: str) -> None:
    azure.do(lambda state: setattr(state.vault(azure.vault), "purge_protection", True))

    found = only(check(azure))

    assert found["name"] == group
    made = set(CHECKS) - {DRIFT}
    assert statuses(found) == {**dict.fromkeys(made, "ok"), "rights": "warning", "vault": "warning"}
    # What the guide itself asks for, and that the sandbox's vault has no network rules.
    assert {one["id"] for one in found["findings"] if one["status"] == "warning"} >= {"vault-open-to-all-networks"}


def test_a_run_writes_nothing_and_reads_vault_and_application_once(azure: AzureRights, group: str) -> None:
    for _number in range(4):
        azure.group()
    mark = azure.sandbox.journal.mark()

    result = check(azure)

    entries = azure.sandbox.journal.since(mark)
    assert len(result["groups"]) == 5
    assert azure.sandbox.journal.writes(since=mark) == []
    assert len([entry for entry in entries if entry.plane == "graph"]) == 1
    assert len([one for one in entries if one.plane == "arm" and one.route.endswith("/roleAssignments")]) == 1


def test_a_key_with_several_versions_is_read_once_whatever_the_groups_of_its_vault_have_copied(
    azure: AzureRights,
) -> None:
    def deed(state: Any) -> None:
        cloud, dsm = getattr(state.azure, azure.cloud), state.dsm
        cloud.set_access_policy(azure.vault, azure.view.operator_client_id, ["get", "list", "getrotationpolicy"])
        cloud.store(azure.vault).keys.clear()
        for _version in range(3):
            cloud.add_key(azure.vault, "key-one")
        sources = dsm.add_group("sources").group_id
        for number, name in enumerate(groups):
            source = dsm.add_source_key(sources, f"source-{number}")
            copy_to_azure(dsm, cloud, dsm.find_group(name).group_id, azure.vault, f"copy-{number}", source)

    groups = [azure.group() for _number in range(3)]
    azure.sandbox.do(deed)
    mark = azure.sandbox.journal.mark()

    check(azure)

    # Without those that only fetch the vault's challenge.
    sent = azure.sandbox.journal.requests(since=mark, route="/keys/{name}/{version}")
    read = Counter(one.path.split("/")[2] for one in sent if one.status == 200)
    assert read == {"key-one": 3, "copy-0": 1, "copy-1": 1, "copy-2": 1}


@pytest.mark.every_core
def test_the_playbook_task_is_not_changed_and_shows_no_secret(azure: AzureRights, group: str, tmp_path: Any) -> None:
    sandbox = azure.sandbox
    environment = {**sandbox.environment(), **sandbox.operator_environment(sandbox.world.public)}
    ansible = Ansible(environment, tmp_path)

    run = ansible.tasks({"cdc_compliance_info": {"group_names": [group]}}, verbosity=3)

    assert (run.code, run.changed) == (0, [])
    assert only(run[0].result)["name"] == group
    for secret in (azure.view.client_secret, azure.view.operator_client_secret, environment["DSM_API_KEY"]):
        assert secret not in run.output


def test_nothing_but_chosen_fields_gets_into_a_report(azure: AzureRights, group: str) -> None:
    """Every field that nobody has chosen holds a canary, and what stands before DSM repeats what it was sent."""
    canary = "canary-7f3a9c51d2e84b60"
    azure.sandbox.profile = Profile(secrets_on_get="echo")
    azure.do(lambda state: state.vault(azure.vault).tags.update(owner=canary))
    around = f"https://me:{canary}@akv.example.com/{canary}?sig={canary}"
    odd = azure.link(url=around, note=canary, tls={**azure.link()["tls"], "note": canary})
    texts = {"description": canary, "custom_metadata": {"owner": canary}}
    azure.sandbox.do(lambda state: state.dsm.add_group("odd", hmg=odd, **texts))
    repeated = f'Authorization: Bearer {canary} client_secret={canary} {{"password": "{canary}"}}'
    route = "/sys/v1/groups/{group_id}/hmg/check"
    azure.sandbox.faults.add(Fault(plane="dsm", method="POST", route=route, times=None, status=400, body=repeated))

    result = check(azure)

    assert [one["name"] for one in result["groups"]] == [group, "odd"]
    assert all("not-connected" in ids(one) for one in result["groups"])
    assert "vault-in-other-cloud" in ids(result["groups"][1])
    for name, written in files(report([result], {}, None), FORMATS).items():
        text = written + text_in(written) if name.endswith(".html") else written
        for secret in (canary, azure.view.client_secret, azure.view.operator_client_secret):
            assert secret not in text, name


def test_a_report_names_the_account_and_both_identities(azure: AzureRights, group: str) -> None:
    world, view = azure.sandbox.world, azure.view

    found = check(azure, group_names=[group])

    assert found["dsm"]["account"] == {"account_id": world.account_id, "name": world.account_name}
    assert found["dsm"]["principal"] == {"kind": "app", "id": world.admin_app.app_id, "name": world.admin_app.name}
    who = found["operator"]
    assert (who["client_id"], who["tenant_id"], who["object_id"]) == (
        view.operator_client_id,
        view.tenant_id,
        view.operator_object_id,
    )
    assert who["name"] == "fortanix-dsm-operator"
    assert (found["options"]["all_groups"], found["options"]["group_names"]) == (False, [group])


def test_a_user_is_named_by_email_address(azure: AzureRights, group: str) -> None:
    user = azure.sandbox.world.administrator
    login = {"dsm_api_key": None, "dsm_username": user.email, "dsm_password": user.password}

    found = check(azure, group_names=[group], **login)

    assert found["dsm"]["principal"] == {"kind": "user", "id": user.user_id, "name": user.email}
    assert found["dsm"]["account"]["account_id"] == azure.sandbox.world.account_id


@pytest.mark.parametrize("status", [403, 404, 500])
def test_what_dsm_does_not_tell_of_account_and_identity_is_null_and_no_failure(
    azure: AzureRights, group: str, status: int
) -> None:
    for route in ("/sys/v1/apps/{app_id}", "/sys/v1/accounts", "/sys/v1/accounts/{acct_id}"):
        azure.sandbox.faults.add(Fault(plane="dsm", method="GET", route=route, times=None, status=status, body="no"))

    found = check(azure, group_names=[group])

    assert found["dsm"]["account"] is None
    assert found["dsm"]["principal"] == {"kind": "app", "id": azure.sandbox.world.admin_app.app_id, "name": None}
    assert only(found)["name"] == group


# Tests that groups share ----------------------------------------------------------------------------------------------

CHECK_OF_GROUP = "/sys/v1/groups/{group_id}/hmg/check"
CREDENTIAL = "fortanix-dsm-ansible-link-credential"


def recorded(azure: AzureRights, fact: str) -> str:
    """A group whose credential this collection has written, as far as its record says."""
    name = f"group-{uuid4()}"
    azure.sandbox.do(lambda state: state.dsm.add_group(name, hmg=azure.link(), custom_metadata={CREDENTIAL: fact}))
    return name


def of_connection(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for group in found["groups"] for one in group["findings"] if one["check"] == "connection"]


def test_groups_with_the_same_link_rely_on_one_test_and_name_it(azure: AzureRights) -> None:
    names = [recorded(azure, "client-secret:0123456789") for _number in range(4)]
    mark = azure.sandbox.journal.mark()

    found = check(azure, test_links_once=True)

    tests = azure.sandbox.journal.requests(since=mark, route=CHECK_OF_GROUP)
    assert len(tests) == 1
    told = of_connection(found)
    assert {one["status"] for one in told} == {"ok"}
    (tested,) = [one for one in told if one["id"] == "connected"]
    others = [one for one in told if one["id"] == "connected-by-shared-test"]
    assert len(others) == len(names) - 1
    label = tested["object"].removeprefix('group "').removesuffix('"')
    assert {one["evidence"]["tested_group"]["name"] for one in others} == {label}
    assert all(one["evidence"]["proves"] == ["dsm_check_of_same_link"] for one in others)
    assert all("not tested itself" in one["actual"] for one in others)
    assert found["options"]["test_links_once"] is True


def test_each_group_is_tested_unless_the_option_is_set(azure: AzureRights) -> None:
    for _number in range(3):
        recorded(azure, "client-secret:0123456789")
    mark = azure.sandbox.journal.mark()

    found = check(azure)

    assert len(azure.sandbox.journal.requests(since=mark, route=CHECK_OF_GROUP)) == 3
    assert {one["id"] for one in of_connection(found)} == {"connected"}


def test_groups_whose_credential_is_not_on_record_are_tested_themselves(azure: AzureRights) -> None:
    recorded(azure, "client-secret:0123456789")
    recorded(azure, "client-secret:9876543210")
    for _number in range(2):
        azure.group()
    mark = azure.sandbox.journal.mark()

    found = check(azure, test_links_once=True)

    assert len(azure.sandbox.journal.requests(since=mark, route=CHECK_OF_GROUP)) == 4
    assert {one["id"] for one in of_connection(found)} == {"connected"}


def test_a_failed_test_is_never_told_of_another_group(azure: AzureRights) -> None:
    for _number in range(3):
        recorded(azure, "client-secret:0123456789")
    refused = {"status": 400, "body": "AADSTS7000222: The provided client secret keys for app are expired."}
    azure.sandbox.faults.add(Fault(plane="dsm", method="POST", route=CHECK_OF_GROUP, times=1, **refused))
    mark = azure.sandbox.journal.mark()

    found = check(azure, test_links_once=True, concurrency=1)

    assert len(azure.sandbox.journal.requests(since=mark, route=CHECK_OF_GROUP)) == 3
    assert sorted(one["id"] for one in of_connection(found)) == ["connected", "connected", "not-connected"]


# What is wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (
            {"tls": {"mode": "required", "validate_hostname": False, "ca": {"ca_set": "global_roots"}}},
            "host-validation-off",
        ),
        ({"key_vault_type": "STANDARD"}, "vault-type-differs"),
        ({"auth_config": {"mode": "client_secret", "client_secret": "wrong"}}, "not-connected"),
    ],
)
def test_a_link_that_is_wrong_is_found(azure: AzureRights, link: dict[str, Any], expected: str) -> None:
    name = azure.group(**link)

    found = only(check(azure, group_names=[name]))

    (finding,) = [one for one in found["findings"] if one["id"] == expected]
    assert (finding["status"], found["status"]) == ("failed", "failed")


def test_the_operators_own_credential_in_dsm_is_found(azure: AzureRights) -> None:
    view = azure.view
    secret = {"mode": "client_secret", "client_secret": view.operator_client_secret}
    azure.group(client_id=view.operator_client_id, auth_config=secret)

    assert "operator-is-the-application" in ids(only(check(azure)))


def test_a_right_that_is_taken_away_is_found(azure: AzureRights, group: str) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, ["get", "list"]))

    found = only(check(azure))

    assert statuses(found)["rights"] == "failed"
    assert "right-missing" in ids(found)


def test_keys_that_are_on_one_side_only_are_found(azure: AzureRights, group: str) -> None:
    def deed(state: Any) -> None:
        state.add_key(azure.vault, "key-two")
        state.delete_key(azure.vault, "key-one")

    azure.do(deed)

    keys = {one["id"]: one["evidence"]["keys"] for one in only(check(azure))["findings"] if one["check"] == "keys"}

    assert keys.keys() == {"keys-only-in-azure", "key-soft-deleted"}
    assert keys["keys-only-in-azure"] == ["key-two"]
    assert keys["key-soft-deleted"][0].startswith("key-one (purge: ")


def test_a_new_version_of_a_key_is_found(azure: AzureRights, group: str) -> None:
    azure.sandbox.clock.advance(60)
    azure.do(lambda state: state.add_key(azure.vault, "key-one"))

    assert "key-versions-only-in-azure" in ids(only(check(azure)))


def test_a_managed_hsm_is_judged_as_its_own_module_judges_it(pool: AzureRights) -> None:
    pool.group()
    judged = {one["id"] for one in pool.judge()["findings"]}

    found = only(check(pool))

    assert found["link"]["vault_type"] == "managed_hsm"
    assert {one["id"] for one in found["findings"] if one["check"] == "rights"} & judged
    assert judged <= ids(found)


def test_an_app_of_the_group_that_logs_in_by_a_secret_is_found(azure: AzureRights, group: str) -> None:
    def deed(state: Any) -> None:
        group_id = state.dsm.find_group(group).group_id
        for name, types, enabled in (
            ("by-secret", (), True),
            ("by-certificate", ("Certificate",), True),
            ("off", (), False),
        ):
            app = state.dsm.add_app(name)
            app.auth_types, app.enabled = types, enabled
            app.groups[group_id] = ["SIGN"]

    azure.sandbox.do(deed)

    (finding,) = [one for one in only(check(azure))["findings"] if one["check"] == "apps"]

    assert (finding["id"], finding["status"]) == ("app-without-certificate", "warning")
    assert [app["name"] for app in finding["evidence"]["apps"]] == ["by-secret"]


# At the same time ---------------------------------------------------------------------------------------------------


def test_while_one_group_is_waited_for_others_are_checked(azure: AzureRights) -> None:
    names = sorted(azure.group() for _number in range(4))
    check_of_a_group = ("POST", "/sys/v1/groups/{group_id}/hmg/check")
    method, route = check_of_a_group
    azure.sandbox.faults.add(Fault(plane="dsm", method=method, route=route, until=(*check_of_a_group, 3)))

    result = check(azure, concurrency=2, dsm_timeout=20)

    assert [one["name"] for one in result["groups"]] == names
    assert [statuses(one)["connection"] for one in result["groups"]] == ["ok"] * 4


def test_keys_that_dsm_lists_in_no_known_shape_are_unknown(azure: AzureRights, group: str) -> None:
    azure.sandbox.faults.add(Fault(plane="dsm", method="GET", route="/crypto/v1/keys", status=200, body='{"items": 1}'))

    found = only(check(azure))

    assert statuses(found)["keys"] == "unknown"


# What is unknown ----------------------------------------------------------------------------------------------------


def test_an_operator_without_rights_makes_everything_in_azure_unknown(azure: AzureRights, group: str) -> None:
    found = only(check(azure, **azure.another_operator()))

    assert found["status"] == "unknown"
    assert {name for name, status in statuses(found).items() if status == "unknown"} >= {
        "rights",
        "application",
        "vault",
        "keys",
    }


@pytest.mark.parametrize(
    ("roles", "graph", "seen", "unseen"),
    [
        ((), ("Application.Read.All",), "application", "vault"),
        (("Reader",), (), "vault", "application"),
    ],
)
def test_what_can_be_seen_is_judged_whatever_hides_the_rest(
    azure: AzureRights, group: str, roles: tuple[str, ...], graph: tuple[str, ...], seen: str, unseen: str
) -> None:
    azure.do(lambda state: state.disable_service_principal(azure.app))
    azure.do(lambda state: setattr(state.vault(azure.vault), "purge_protection", False))

    found = only(check(azure, **azure.another_operator(*roles, graph=graph)))

    of_the_seen = {"application": "application-disabled", "vault": "no-purge-protection"}[seen]
    of_both = {one["id"] for one in found["findings"] if one["check"] in ("application", "vault", "rights")}
    assert of_the_seen in of_both
    assert f"{seen}-not-checked" not in of_both
    assert {f"{unseen}-not-checked", "rights-not-checked"} <= of_both


def test_a_group_of_another_cloud_than_the_operators_is_unknown(azure: AzureRights, government: AzureRights) -> None:
    endpoints = {
        "management": "management.usgovcloudapi.net",
        "key_vault": "vault.usgovcloudapi.net",
        "key_vault_managed_hsm": "managedhsm.usgovcloudapi.net",
        "iam": "login.microsoftonline.us",
    }
    government.group(endpoints=endpoints)

    found = only(check(azure))

    assert {one["status"] for one in found["findings"] if one["check"] in ("rights", "vault", "keys")} == {"unknown"}
    assert statuses(found)["link"] == "ok"


def test_an_operator_who_may_not_list_keys_leaves_them_unknown(azure: AzureRights) -> None:
    azure.group()

    found = only(check(azure))

    (finding,) = [one for one in found["findings"] if one["check"] == "keys"]
    assert (finding["id"], finding["status"]) == ("keys-not-checked", "unknown")
    assert "list permission" in finding["actual"]


def test_without_a_login_to_azure_what_is_there_is_unknown(azure: AzureRights, group: str) -> None:
    mark = azure.sandbox.journal.mark()

    found = only(
        Operator(azure.sandbox.environment())(cdc_compliance_info, look_in_azure=False, check_connections=False)
    )

    assert {name for name, status in statuses(found).items() if status == "ok"} == {"group", "link", "apps"}
    assert {entry.plane for entry in azure.sandbox.journal.since(mark)} == {"dsm"}


def test_a_test_that_dsm_refuses_is_unknown(azure: AzureRights, group: str) -> None:
    refused = {"status": 403, "body": "This operation requires approval"}
    azure.sandbox.faults.add(Fault(plane="dsm", method="POST", route="/sys/v1/groups/{group_id}/hmg/check", **refused))

    found = only(check(azure))

    assert statuses(found)["connection"] == "unknown"
    assert "connection-not-tested" in ids(found)


def test_more_keys_than_are_to_be_read_leave_the_rest_unknown(azure: AzureRights, group: str) -> None:
    assert "key-versions-not-read" in ids(only(check(azure, max_keys=0)))


def test_a_group_with_several_links_is_unknown_and_hides_no_other(azure: AzureRights, group: str) -> None:
    other = azure.group()
    azure.sandbox.do(lambda state: state.dsm.find_group(other).hmg.update({str(uuid4()): azure.link()}))

    found = {one["name"]: one for one in check(azure)["groups"]}

    assert found.keys() == {group, other}
    assert (ids(found[other]), found[other]["status"]) == ({"group-not-manageable"}, "unknown")


def test_groups_that_are_named_and_not_there_are_told(azure: AzureRights, group: str) -> None:
    azure.sandbox.do(lambda state: state.dsm.add_group("local"))

    found = check(azure, group_names=[group, "absent", "local"], group_ids=[str(uuid4())])["groups"]

    assert len(found) == 4
    told = {one["name"]: ids(one) for one in found if one["name"] != group}
    assert told.pop("local") == {"group-not-linked"}
    assert set(map(frozenset, told.values())) == {frozenset({"group-not-found"})}


def test_an_account_without_groups_is_not_a_pass(azure: AzureRights) -> None:
    result = check(azure)

    assert result["groups"] == []
    assert [(one["id"], one["status"]) for one in result["findings"]] == [("nothing-checked", "unknown")]


# What is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"group_names": [" "]}, "group_names"),
        ({"group_ids": ["one"]}, "group_ids"),
        ({"max_keys": -1}, "max_keys"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 33}, "concurrency"),
        ({"renew_before_days": -1}, "renew_before_days"),
        ({"dsm_egress_addresses": ["here"]}, "dsm_egress_addresses"),
        ({"key_permissions": ["get"]}, "key_permissions"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_asked(
    operate: Operator, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        operate(cdc_compliance_info, look_in_azure=False, **options)
    assert named in str(refused.value)


def test_a_login_that_dsm_refuses_is_an_error(operate: Operator) -> None:
    with pytest.raises(TaskError, match="DSM"):
        operate(cdc_compliance_info, look_in_azure=False, dsm_api_key="wrong")
