# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of azure_kv_app: consent, secrets, policies of the tenant, rights of the operator, what is taken back."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox import Fault
from sandbox.authorities import Pair, self_signed
from sandbox.azure.entra.app_policies import Kind, Restriction
from support.app_registrations import Apps
from support.azure_rights import AzureRights

MARK = "fortanix-dsm-ansible"


@pytest.fixture
def apps(azure: AzureRights, tmp_path: Path) -> Apps:
    return Apps(azure, tmp_path)


@pytest.fixture
def rsa_pair() -> Pair:
    return self_signed("given", algorithm="rsa")


# A conflict that is no object that exists -----------------------------------------------------------------------------

BUSY = (
    '{"error": {"code": "Directory_ConcurrencyViolation", "message": "Error due to concurrent requests being made to '
    'the tenant. Please wait briefly and retry."}}'
)


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("POST", "/v1.0/servicePrincipals"),
        ("POST", "/v1.0/applications/{id}/addPassword"),
        ("PATCH", "/v1.0/applications/{id}"),
    ],
)
def test_a_conflict_with_another_write_in_the_tenant_is_waited_for(apps: Apps, method: str, route: str) -> None:
    apps.azure.sandbox.faults.add(Fault("graph", method, route, status=409, body=BUSY))

    result = apps(
        app_unique_name="byok",
        generate_certificate=apps.pair(),
        generate_secret=True,
        return_secret=True,
        secret_valid_days=30,
    )

    made = apps.all()["byok"]
    assert made.has_service_principal
    assert (len(made.certificates), len(made.secrets), result["changed"]) == (1, 1, True)


def test_a_conflict_with_another_write_that_lasts_is_no_service_principal(apps: Apps) -> None:
    apps.azure.sandbox.faults.add(Fault("graph", "POST", "/v1.0/servicePrincipals", status=409, body=BUSY, times=None))

    with pytest.raises(TaskError, match="another change in the tenant is being processed at the same time"):
        apps(app_unique_name="byok")

    assert not apps.all()["byok"].has_service_principal


# Consent ------------------------------------------------------------------------------------------------------------


def test_consent_is_not_given_unless_asked_for(apps: Apps) -> None:
    apps(app_unique_name="byok", generate_certificate=apps.pair())

    assert apps.scopes(apps.all()["byok"]) == []


def test_consent_that_is_there_is_extended(apps: Apps) -> None:
    app = apps.add("theirs")
    principal = principal_of_key_vault(apps)
    apps.azure.do(lambda state: state.add_grant(app, principal, "other.scope"))

    apps(app_client_id=app.client_id, admin_consent=True)

    assert apps.scopes(app) == ["other.scope user_impersonation"]


def test_a_step_that_was_carried_out_and_cannot_be_read_back_is_done(apps: Apps) -> None:
    """It was missing in `done`, which had the steps before it only."""
    app, faults = apps.add("theirs", access=False), apps.azure.sandbox.faults
    unreadable = Fault("graph", "GET", status=500, times=None)
    faults.add(Fault("graph", "POST", "/v1.0/oauth2PermissionGrants", then=lambda: faults.add(unreadable) and None))

    with pytest.raises(TaskError, match="already done: application updated, admin consent") as failed:
        apps(app_client_id=app.client_id, admin_consent=True)

    done = failed.value.to_fail_json()["failure"]["done"]
    assert done[1].endswith("(POST /v1.0/oauth2PermissionGrants)")


def principal_of_key_vault(apps: Apps) -> str:
    """The object ID of Azure Key Vault's service principal, learned from a consent to it."""
    probe = apps(app_unique_name="probe", admin_consent=True)["application"]
    grants = apps.azure.do(lambda state: list(state.directory.grants.values()))
    (found,) = [one.resource_principal_id for one in grants if one.client_principal_id == probe["object_id"]]
    return str(found)


# Secrets ------------------------------------------------------------------------------------------------------------


def test_a_secret_is_made_once_and_returned_by_the_task_that_makes_it(apps: Apps) -> None:
    options = {"app_unique_name": "byok", "return_secret": True, "no_log": True, "secret_days": 30}
    first, second = apps(**options), apps(**options)

    (secret,) = apps.all()["byok"].secrets
    assert (first["client_secret"], second["client_secret"], secret.name) == (secret.value, None, MARK)
    assert abs(secret.expires - datetime.now(timezone.utc) - timedelta(days=30)) < timedelta(minutes=5)


def test_a_secret_of_somebody_else_is_not_ours(apps: Apps) -> None:
    app = apps.add("theirs")
    apps.azure.do(lambda state: state.add_secret(app, name="by hand"))

    result = apps(app_client_id=app.client_id, return_secret=True, no_log=True)

    assert result["client_secret"] is not None
    assert len(apps.all()["theirs"].secrets) == 2


APPLICATION = "/v1.0/applications/{id}"


def test_a_secret_whose_value_was_lost_on_the_way_is_told(apps: Apps) -> None:
    fault = Fault(plane="graph", method="POST", route=f"{APPLICATION}/addPassword", reset="after")
    apps.azure.sandbox.faults.add(fault)

    with pytest.raises(TaskError, match=r"may have been created.*az ad app credential delete") as failed:
        apps(app_unique_name="byok", return_secret=True, no_log=True)

    (lost,) = apps.all()["byok"].secrets
    assert f"--key-id {lost.key_id}" in str(failed.value)
    # A repetition alone would take the lost one for its own.
    assert "retryable" not in failed.value.details


@pytest.mark.parametrize("ends", ["soon", 5])
def test_a_secret_with_a_wrong_time_in_its_answer_is_told(apps: Apps, ends: Any) -> None:
    """It was a ValueError, after the secret had been created."""

    def rewrite(body: bytes) -> bytes:
        return json.dumps({**json.loads(body), "endDateTime": ends}).encode()

    apps.azure.sandbox.faults.add(Fault("graph", "POST", f"{APPLICATION}/addPassword", rewrite=rewrite))

    with pytest.raises(
        TaskError,
        match=r"it is unknown whether the change was carried out; a secret may have been created.*"
        "az ad app credential delete",
    ) as failed:
        apps(app_unique_name="byok", return_secret=True, no_log=True)

    (lost,) = apps.all()["byok"].secrets
    assert f"--key-id {lost.key_id}" in str(failed.value)
    assert str(failed.value).count("unknown") == 1


def test_a_secret_whose_answer_breaks_off_is_told_although_its_status_is_good(apps: Apps) -> None:
    fault = Fault("graph", "POST", f"{APPLICATION}/addPassword", rewrite=lambda body: body[: len(body) // 2])
    apps.azure.sandbox.faults.add(fault)

    with pytest.raises(TaskError, match=r"may have been created.*az ad app credential delete") as failed:
        apps(app_unique_name="byok", return_secret=True, no_log=True)

    (lost,) = apps.all()["byok"].secrets
    assert f"--key-id {lost.key_id}" in str(failed.value)


def consent_of_others(apps: Apps) -> Any:
    """An application whose consent to Key Vault has words of somebody else."""
    app = apps.add("theirs")
    principal = principal_of_key_vault(apps)
    apps.azure.do(lambda state: state.add_grant(app, principal, "one two"))
    return app


GRANTS = "/v1.0/servicePrincipals(appId='{app_id}')/oauth2PermissionGrants"


@pytest.mark.parametrize("scope", ['"one"', "null", '""'])
@pytest.mark.parametrize("skip", [0, 1])
def test_consent_is_never_built_on_an_answer_that_is_old_or_short(apps: Apps, scope: str, skip: int) -> None:
    app = consent_of_others(apps)
    short = Fault("graph", "GET", GRANTS, skip=skip, rewrite=lambda body: body.replace(b'"one two"', scope.encode()))
    apps.azure.sandbox.faults.add(short)

    with suppress(TaskError):
        apps(app_client_id=app.client_id, admin_consent=True)

    (words,) = apps.scopes(app)
    assert words.split()[:2] == ["one", "two"]


def test_consent_that_somebody_extends_meanwhile_stays(apps: Apps) -> None:
    app = consent_of_others(apps)
    grants = apps.azure.do(lambda state: state.directory.grants)

    def extend() -> None:
        for grant_id, one in grants.items():
            if one.client_principal_id == app.service_principal_id:
                grants[grant_id] = replace(one, scope="one two three")

    apps.azure.sandbox.faults.add(Fault("graph", "PATCH", "/v1.0/applications/{id}", then=extend))

    apps(app_client_id=app.client_id, admin_consent=True)

    assert apps.scopes(app) == ["one two three user_impersonation"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_secret_is_refused_without_no_log_before_anything_is_asked(apps: Apps, check_mode: bool) -> None:
    mark = apps.mark()

    with pytest.raises(InvalidInput, match="no_log: true"):
        apps(app_unique_name="byok", return_secret=True, check_mode=check_mode)

    assert apps.azure.sandbox.journal.since(mark) == []


# Policies and rights ------------------------------------------------------------------------------------------------


def restrict(apps: Apps, kind: Kind, days: int | None = None, **details: Any) -> None:
    apps.azure.do(
        lambda state: state.restrict_credentials(apps.azure.view.tenant_id, Restriction(kind, days), **details)
    )


def may_read_policies(apps: Apps) -> None:
    apps.azure.do(lambda state: state.allow_graph(apps.azure.view.operator_client_id, "Policy.Read.All"))


FORBIDDEN: list[tuple[Kind, int | None, str]] = [
    ("passwordAddition", None, "forbids client secrets"),
    ("passwordLifetime", 90, "more than 90 days"),
    ("asymmetricKeyLifetime", 100, "more than 100 days"),
    ("trustedCertificateAuthority", None, "forbids self-signed certificates"),
]


@pytest.mark.parametrize(("kind", "days", "words"), FORBIDDEN)
def test_t37_what_a_readable_policy_forbids_is_refused_before_anything_is_changed(
    apps: Apps, kind: Kind, days: int | None, words: str
) -> None:
    restrict(apps, kind, days)
    may_read_policies(apps)
    mark = apps.mark()

    with pytest.raises(TaskError, match=words):
        apps(app_unique_name="byok", generate_certificate=apps.pair(), return_secret=True, no_log=True)

    assert (apps.writes(mark), list(apps.directory.iterdir())) == ([], [])


@pytest.mark.parametrize(("kind", "days", "words"), FORBIDDEN)
def test_t37_what_an_unreadable_policy_forbids_is_refused_by_the_server(
    apps: Apps, kind: Kind, days: int | None, words: str
) -> None:
    restrict(apps, kind, days)

    with pytest.raises(TaskError, match=r"app management policy.*PerAppPolicy"):
        apps(app_unique_name="byok", generate_certificate=apps.pair(), return_secret=True, no_log=True)


def test_a_lifetime_that_a_policy_allows_exactly_is_taken(apps: Apps) -> None:
    restrict(apps, "asymmetricKeyLifetime", 100)
    may_read_policies(apps)

    apps(app_unique_name="byok", generate_certificate=apps.pair(days=100))

    assert len(apps.all()["byok"].certificates) == 1


def test_an_application_that_is_exempted_by_a_policy_of_its_own_may(apps: Apps) -> None:
    app = apps.add("theirs")
    restrict(apps, "passwordAddition")
    restrict(apps, "passwordLifetime", 365, only_for=app)
    may_read_policies(apps)

    apps(app_client_id=app.client_id, return_secret=True, no_log=True)

    assert len(apps.all()["theirs"].secrets) == 1


@pytest.mark.parametrize(
    ("permissions", "options", "named"),
    [
        ((), {}, "Application.Read.All"),
        (("Application.Read.All",), {}, "Application.ReadWrite.OwnedBy"),
        (("Application.ReadWrite.OwnedBy",), {"admin_consent": True}, "DelegatedPermissionGrant"),
    ],
)
def test_a_refusal_names_the_permission_of_graph_that_is_missing(
    apps: Apps, permissions: tuple[str, ...], options: dict[str, Any], named: str
) -> None:
    operator = apps.azure.another_operator(graph=permissions)

    with pytest.raises(TaskError, match=named):
        apps(app_unique_name="byok", **operator, **options)


def test_the_permission_for_own_applications_is_enough(apps: Apps) -> None:
    operator = apps.azure.another_operator(graph=("Application.ReadWrite.OwnedBy",))

    result = apps(app_unique_name="byok", generate_certificate=apps.pair(), **operator)

    assert result["application"]["exists"] is True


# Files --------------------------------------------------------------------------------------------------------------


def test_the_key_is_for_its_owner_alone(apps: Apps) -> None:
    old = os.umask(0)
    try:
        apps(app_unique_name="byok", generate_certificate=apps.pair())
    finally:
        os.umask(old)

    assert (apps.directory / "app.key").stat().st_mode & 0o777 == 0o600


# Taking back --------------------------------------------------------------------------------------------------------


def test_absent_takes_our_credentials_and_leaves_the_rest(apps: Apps, rsa_pair: Pair) -> None:
    app = apps.add("theirs")
    apps.azure.do(lambda state: state.add_certificate(app, rsa_pair.certificate, "by hand"))
    apps.azure.do(lambda state: state.add_secret(app, name="by hand"))
    apps(app_client_id=app.client_id, generate_certificate=apps.pair(), return_secret=True, no_log=True)

    result = apps(app_client_id=app.client_id, state="absent")

    left = apps.all()["theirs"]
    assert [one.name for one in (*left.certificates, *left.secrets)] == ["by hand", "by hand"]
    assert [one["what"] for one in result["left"]] == ["application", "credentials"]


def test_absent_takes_the_application_when_told_so(apps: Apps) -> None:
    apps(app_unique_name="byok", generate_certificate=apps.pair())

    result = apps(app_unique_name="byok", state="absent", remove_application=True)

    assert (result["changed"], result["application"], "byok" in apps.all()) == (True, None, False)


def test_absent_never_takes_an_application_that_others_made(apps: Apps) -> None:
    app = apps.add("theirs")
    mark = apps.mark()

    with pytest.raises(TaskError, match="did not create the application"):
        apps(app_client_id=app.client_id, state="absent", remove_application=True)

    assert apps.writes(mark) == []


def test_absent_predicts_and_then_has_nothing_to_do(apps: Apps) -> None:
    apps(app_unique_name="byok", generate_certificate=apps.pair())
    options = {"app_unique_name": "byok", "state": "absent"}

    predicted, done, again = apps(check_mode=True, **options), apps(**options), apps(**options)

    assert (predicted["plan"], predicted["diff"]) == (done["plan"], done["diff"])
    assert (done["changed"], again["changed"]) == (True, False)


@pytest.mark.parametrize("by", [{"app_unique_name": "none"}, {"app_client_id": str(uuid4())}])
def test_absent_of_what_is_not_there_is_no_change(apps: Apps, by: dict[str, str]) -> None:
    assert apps(state="absent", **by)["changed"] is False


@pytest.mark.parametrize("check_mode", [True, False])
def test_absent_refuses_while_a_group_in_dsm_uses_the_application(apps: Apps, check_mode: bool) -> None:
    made = apps(app_unique_name="byok", generate_certificate=apps.pair())["application"]
    group, mark = apps.azure.group(client_id=made["client_id"]), apps.mark()

    with pytest.raises(TaskError, match=f'use this application and would lose their connection: "{group}"'):
        apps(app_unique_name="byok", state="absent", check_mode=check_mode, **apps.azure.dsm_login)

    assert apps.writes(mark) == []


def test_absent_is_planned_along_with_the_removal_of_the_group_that_uses_the_application(apps: Apps) -> None:
    made = apps(app_unique_name="byok", generate_certificate=apps.pair())["application"]
    name = apps.azure.group(client_id=made["client_id"])
    group_id = apps.azure.sandbox.do(lambda state: state.dsm.find_group(name).group_id)
    options = {"app_unique_name": "byok", "state": "absent", **apps.azure.dsm_login}
    going = {"group_id": group_id, "exists": False}

    assert apps(check_mode=True, group=going, **options)["changed"]
    # A real run asks DSM, whatever the record says.
    with pytest.raises(TaskError, match=name):
        apps(group=going, **options)


def test_absent_without_a_login_to_dsm_warns(apps: Apps) -> None:
    apps(app_unique_name="byok", generate_certificate=apps.pair())

    apps(app_unique_name="byok", state="absent")

    assert [line for line in apps.warnings if "whether a group in DSM uses this application" in line]


@pytest.mark.parametrize(("by", "warns"), [("app_display_name", 1), ("app_unique_name", 0)])
def test_an_application_that_is_made_by_its_display_name_alone_is_warned_of(apps: Apps, by: str, warns: int) -> None:
    apps(**{by: "byok"})
    apps(**{by: "byok"})

    assert len([line for line in apps.warnings if "may create a second application" in line]) == warns
