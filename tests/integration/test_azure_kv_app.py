# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.1, the application: made once, predicted, and only ever added to."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import ENDPOINTS
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault, Sandbox
from sandbox.authorities import Pair, self_signed
from support.app_registrations import Apps, thumbprints
from support.azure_rights import AzureRights
from support.playbook import Ansible, Run

MARK = "fortanix-dsm-ansible"
NIL = "00000000-0000-0000-0000-000000000000"
# Client ID of Azure Key Vault in the public cloud, and the ID of its permission.
KEY_VAULT = ("cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "f53da476-18e3-4152-8e01-aec403e6edc0")
MAKE = "PATCH /v1.0/applications(uniqueName='{unique_name}')"
MAKE_PRINCIPAL = "POST /v1.0/servicePrincipals"
COMPLETE = "PATCH /v1.0/applications/{id}"
CONSENT = "POST /v1.0/oauth2PermissionGrants"
ADD_SECRET = "POST /v1.0/applications/{id}/addPassword"


@pytest.fixture
def apps(azure: AzureRights, tmp_path: Path) -> Apps:
    return Apps(azure, tmp_path)


@pytest.fixture
def rsa_pair() -> Pair:
    return self_signed("given", algorithm="rsa")


# Making -------------------------------------------------------------------------------------------------------------


def test_from_nothing_to_an_application_with_a_certificate(apps: Apps) -> None:
    result = apps(app_unique_name="byok", display_name="Fortanix BYOK", generate_certificate=apps.pair())

    made = apps.all()["Fortanix BYOK"]
    assert (made.unique_name, made.tags, made.has_service_principal) == ("byok", [MARK], True)
    assert thumbprints(result["application"]) == [one.sha1.hex().upper() for one in made.certificates]
    assert thumbprints(result["application"]) == [result["certificate"]["thumbprint"]]


def test_what_is_made_is_three_writes(apps: Apps) -> None:
    mark = apps.mark()

    apps(app_unique_name="byok", generate_certificate=apps.pair())

    assert apps.writes(mark) == [MAKE, MAKE_PRINCIPAL, COMPLETE]


def test_the_record_has_what_the_next_steps_need(apps: Apps) -> None:
    record = apps(app_unique_name="byok")["application"]

    made = apps.all()["byok"]
    assert (record["client_id"], record["object_id"]) == (made.client_id, made.service_principal_id)
    assert (record["application_object_id"], record["enabled"], record["exists"]) == (made.object_id, True, True)


@pytest.mark.parametrize("cloud", ["azure", "government"])
def test_dsm_connects_with_the_application_in_both_clouds(
    request: pytest.FixtureRequest, tmp_path: Path, cloud: str
) -> None:
    """The whole of guide 4.1 and 4.2: DSM's own sync with the pair that was made."""
    azure: AzureRights = request.getfixturevalue(cloud)
    apps = Apps(azure, tmp_path)
    made = apps(app_unique_name="byok", generate_certificate=apps.pair())
    client_id = made["application"]["client_id"]
    azure.repair(app_client_id=client_id)
    certificate = x509.load_pem_x509_certificate(Path(made["certificate"]["path"]).read_bytes())
    key = load_pem_private_key(Path(made["key_path"]).read_bytes(), None)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    error = azure.sync_error(
        client_id=client_id,
        auth_config={
            "mode": "token_auth_config",
            "client_cert": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
            "client_key": base64.b64encode(der).decode(),
        },
        **({} if azure.cloud == "public" else {"endpoints": ENDPOINTS["us_government"]}),
    )

    assert error is None


def test_the_permission_of_key_vault_is_looked_up_by_its_name(apps: Apps) -> None:
    apps(app_unique_name="byok")

    resource, scope = KEY_VAULT
    wishes = [{"id": scope, "type": "Scope"}]
    assert apps.all()["byok"].required_access == [{"resourceAppId": resource, "resourceAccess": wishes}]


def test_a_display_name_makes_an_application_too(apps: Apps) -> None:
    apps(app_display_name="It's ours & <fine>")

    assert apps.all()["It's ours & <fine>"].tags == [MARK]


def test_a_client_id_that_is_not_there_makes_none(apps: Apps) -> None:
    with pytest.raises(TaskError, match=r"this application does not exist.*app_unique_name"):
        apps(app_client_id=str(uuid4()))


@pytest.mark.parametrize("by", ["app_unique_name", "app_display_name"])
def test_objects_that_are_seen_late_are_waited_for(apps: Apps, by: str) -> None:
    apps.azure.do(lambda state: setattr(state, "graph_lag_reads", 5))

    result = apps(**{by: "byok"}, generate_certificate=apps.pair(), return_secret=True, no_log=True)

    assert result["changed"]
    assert [line for line in apps.warnings if "Some servers of Microsoft Graph" in line] == []
    assert len(apps.all()["byok"].certificates) == 1


def test_an_application_that_never_shows_is_told(apps: Apps) -> None:
    apps.azure.do(lambda state: setattr(state, "graph_lag_reads", 10_000))

    with pytest.raises(TaskError, match=r"not visible yet; already done: application created.*wait_timeout"):
        apps(app_unique_name="byok", wait_timeout=0, wait_interval=1)


# Idempotence and prediction -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "cost"), [("app_client_id", 3), ("app_unique_name", 4), ("app_display_name", 4)])
def test_a_converged_run_writes_nothing_and_costs_little(apps: Apps, by: str, cost: int) -> None:
    """Discovery and token included."""
    options = {"generate_certificate": apps.pair(), "admin_consent": True}
    made = apps(app_unique_name="byok", **options)["application"]
    mark = apps.mark()

    again = apps(**{by: made[by.removeprefix("app_")]}, **options)

    assert (again["changed"], again["plan"], apps.writes(mark)) == (False, [], [])
    assert len(apps.azure.sandbox.journal.since(mark)) == cost


def test_check_mode_predicts_the_plan_of_the_run(apps: Apps) -> None:
    options = {"app_unique_name": "byok", "generate_certificate": apps.pair(), "admin_consent": True}

    predicted = apps(check_mode=True, **options)

    assert predicted["plan"] == apps(**options)["plan"]


def test_check_mode_leaves_nothing_behind(apps: Apps) -> None:
    mark = apps.mark()

    apps(check_mode=True, app_unique_name="byok", generate_certificate=apps.pair(), return_secret=True, no_log=True)

    assert (apps.writes(mark), list(apps.directory.iterdir())) == ([], [])


def test_check_mode_returns_a_planned_record(apps: Apps) -> None:
    record = apps(check_mode=True, app_unique_name="byok", generate_certificate=apps.pair())["application"]

    assert (record["planned"], record["exists"], record["client_id"], record["object_id"]) == (True, False, NIL, NIL)


@pytest.mark.parametrize(
    "broken",
    [
        MAKE_PRINCIPAL,
        COMPLETE,
        CONSENT,
        ADD_SECRET,
    ],
)
def test_a_run_that_was_stopped_is_finished_by_the_next(apps: Apps, broken: str) -> None:
    options = {
        "app_unique_name": "byok",
        "generate_certificate": apps.pair(),
        "admin_consent": True,
        "return_secret": True,
        "no_log": True,
    }
    method, _space, route = broken.partition(" ")
    fault = Fault(plane="graph", method=method, route=route, status=503, body='{"error": {"code": "x"}}', times=None)
    apps.azure.sandbox.faults.add(fault)
    with pytest.raises(TaskError, match=r"application created.*(it continues from there|then run the task again)"):
        apps(**options)
    apps.azure.sandbox.faults.clear()

    result = apps(**options)

    made = apps.all()["byok"]
    assert (len(made.certificates), len(made.secrets), len(made.required_access), made.tags) == (1, 1, 1, [MARK])
    assert (apps.scopes(made), result["client_secret"]) == (["user_impersonation"], made.secrets[0].value)


# What is there already ----------------------------------------------------------------------------------------------


def test_several_applications_of_one_name_are_listed_and_left(apps: Apps) -> None:
    twins = [apps.add("twin"), apps.add("twin")]

    with pytest.raises(TaskError, match=r"2 applications have this display name.*app_client_id") as refused:
        apps(app_display_name="twin")

    hits = refused.value.details["hits"]
    assert {hit["client_id"] for hit in hits} == {app.client_id for app in twins}
    assert all(hit["created"] for hit in hits)


def test_others_certificates_permissions_and_tags_stay(apps: Apps, rsa_pair: Pair) -> None:
    other = self_signed("other", algorithm="rsa")
    access = [{"resourceAppId": str(uuid4()), "resourceAccess": [{"id": str(uuid4()), "type": "Role"}]}]
    app = apps.add("theirs", tags=["HideApp"], required_access=list(access))
    known = apps.azure.do(lambda state: state.add_certificate(app, other.certificate, "by hand").key_id)

    apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    now = apps.all()["theirs"]
    assert [(one.key_id == known, one.name) for one in now.certificates] == [(True, "by hand"), (False, MARK)]
    assert (now.required_access[:1], now.tags) == (access, ["HideApp"])


def test_a_permission_is_added_to_its_api_however_that_is_spelled(apps: Apps) -> None:
    """Graph takes each API once."""
    resource, scope = KEY_VAULT
    other = {"id": str(uuid4()), "type": "Role"}
    app = apps.add("theirs", required_access=[{"resourceAppId": resource.upper(), "resourceAccess": [other]}])

    apps(app_client_id=app.client_id, api_permission=True)

    (one,) = apps.all()["theirs"].required_access
    assert one["resourceAccess"] == [other, {"id": scope, "type": "Scope"}]


@pytest.mark.parametrize("form", ["hex", "base64"])
def test_a_certificate_that_is_there_is_known_by_its_thumbprint(apps: Apps, rsa_pair: Pair, form: str) -> None:
    app = apps.add("theirs")

    def deed(state: Any) -> None:
        state.graph_thumbprints = form
        state.add_certificate(app, rsa_pair.certificate)

    apps.azure.do(deed)

    result = apps(app_display_name="theirs", certificates=[rsa_pair.certificate_pem], api_permission=False)

    assert result["changed"] is False


def test_a_certificate_is_taken_as_path_and_as_der_too(apps: Apps, rsa_pair: Pair) -> None:
    other = self_signed("other", algorithm="rsa")
    path = apps.directory / "given.pem"
    path.write_text(rsa_pair.certificate_pem)
    der = base64.b64encode(other.certificate.public_bytes(Encoding.DER)).decode()

    apps(app_unique_name="byok", certificates=[str(path), der])

    assert len(apps.all()["byok"].certificates) == 2


def test_a_missing_service_principal_is_made(apps: Apps) -> None:
    app = apps.add("theirs", has_service_principal=False)
    mark = apps.mark()

    apps(app_client_id=app.client_id, api_permission=False)

    assert apps.writes(mark) == [MAKE_PRINCIPAL]


def test_an_existing_application_keeps_its_display_name(apps: Apps) -> None:
    app = apps.add("theirs")

    apps(app_client_id=app.client_id, display_name="mine")

    assert "theirs" in apps.all()


def test_a_disabled_application_is_told_of(apps: Apps) -> None:
    app = apps.add("theirs", service_principal_enabled=False)

    result = apps(app_client_id=app.client_id)

    assert (result["application"]["enabled"], "disabled" in " ".join(apps.warnings)) == (False, True)


# As a task ----------------------------------------------------------------------------------------------------------


def login(sandbox: Sandbox) -> dict[str, str]:
    return AzureRights(sandbox).operator


def assert_nowhere(run: Run, secrets: list[str], key_path: Path) -> None:
    """Neither in the output nor in a file that the run has left, the key's own apart."""
    left = [path for path in run.directory.rglob("*") if path.is_file() and path != key_path]
    # The playbook is what the test itself gave.
    recorded = [path for path in left if path.name != "playbook.yml"]
    for text in [run.output, *(path.read_text("utf-8", "replace") for path in recorded)]:
        assert [number for number, secret in enumerate(secrets) if secret in text] == []


@pytest.mark.every_core
def test_the_private_key_is_only_in_its_file(ansible: Ansible, sandbox: Sandbox, name: str, tmp_path: Path) -> None:
    key_path = tmp_path / "app.key"
    options = {
        **login(sandbox),
        "app_unique_name": name,
        "wait_interval": 0,
        "generate_certificate": {"certificate_path": str(tmp_path / "app.crt"), "key_path": str(key_path)},
    }
    task = {"azure_kv_app": options}

    run = ansible.tasks({**task, "check_mode": True}, task, task, diff=True, verbosity=3)

    planned, first, second = run.outcomes
    assert (planned.changed, planned["application"]["planned"]) == (True, True)
    assert "+" in run.output
    assert (first.changed, second.changed, key_path.stat().st_mode & 0o777) == (True, False, 0o600)
    lines = key_path.read_text().splitlines()[1:-1]
    assert_nowhere(run, [lines[0], lines[-2], options["secret"]], key_path)


@pytest.mark.every_core
def test_a_secret_is_for_the_next_task_and_for_no_eye(
    ansible: Ansible, sandbox: Sandbox, name: str, tmp_path: Path
) -> None:
    options = {**login(sandbox), "app_unique_name": name, "wait_interval": 0, "return_secret": True}
    run = ansible.tasks(
        {"azure_kv_app": options, "no_log": True, "register": "made"},
        {"ansible.builtin.assert": {"that": ["made.client_secret | length > 30"]}},
        # Its result would be shown.
        {"azure_kv_app": options, "ignore_errors": True},
        diff=True,
        verbosity=3,
    )

    assert run.code == 0
    assert "no_log: true" in run.message
    apps = sandbox.do(lambda state: list(state.azure.public.directory.applications.values()))
    (secret,) = [one.value for app in apps if app.unique_name == name for one in app.secrets]
    assert_nowhere(run, [secret, options["secret"]], tmp_path)
