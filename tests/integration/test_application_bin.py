# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications in the recycle bin of Entra: told with the ways out, or restored, and planned as they are done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from support.app_registrations import Apps
from support.azure_rights import AzureRights

NAME = "byok"


@pytest.fixture
def apps(azure: AzureRights, tmp_path: Path) -> Apps:
    return Apps(azure, tmp_path)


@pytest.fixture
def gone(apps: Apps) -> Any:
    """An application that the module has made, and that was deleted since; as the sandbox holds it."""
    made = apps(app_unique_name=NAME, generate_certificate=apps.pair())["application"]
    return apps.azure.do(lambda state: _deleted(state, made["client_id"]))


def _deleted(state: Any, client_id: str) -> Any:
    app = state.application(client_id)
    state.delete_application(app)
    return app


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("by", ["app_unique_name", "app_client_id"])
def test_it_is_told_with_the_ways_out_and_nothing_is_written(apps: Apps, gone: Any, by: str, check_mode: bool) -> None:
    mark = apps.mark()

    with pytest.raises(TaskError, match="stays in the recycle bin for 30 days") as error:
        apps(check_mode=check_mode, **{by: NAME if by == "app_unique_name" else gone.client_id})

    assert "on_soft_deleted: recover" in error.value.next_step
    assert apps.writes(mark) == []


@pytest.mark.parametrize("by", ["app_unique_name", "app_client_id"])
def test_it_is_restored_as_it_was_with_its_service_principal(apps: Apps, gone: Any, by: str) -> None:
    named = {by: NAME if by == "app_unique_name" else gone.client_id}
    before = (gone.client_id, gone.service_principal_id)

    result = apps(on_soft_deleted="recover", generate_certificate=apps.pair(), **named)
    again = apps(on_soft_deleted="recover", generate_certificate=apps.pair(), **named)

    record = result["application"]
    assert (record["client_id"], record["object_id"]) == before
    assert (result["changed"], again["changed"]) == (True, False)


def test_check_mode_plans_what_the_run_does(apps: Apps, gone: Any) -> None:
    options = {"app_unique_name": NAME, "on_soft_deleted": "recover", "generate_certificate": apps.pair()}
    mark = apps.mark()

    planned = apps(check_mode=True, **options)
    written = apps.writes(mark)
    done = apps(**options)

    assert (planned["plan"], written) == (done["plan"], [])
    assert [change["action"] for change in planned["plan"]] == ["recover"]
    assert planned["application"]["planned"]


def test_the_credentials_that_come_back_are_warned_of(apps: Apps, gone: Any) -> None:
    apps(app_unique_name=NAME, on_soft_deleted="recover", generate_certificate=apps.pair())

    assert any(gone.certificates[0].key_id in warning for warning in apps.warnings)


def test_a_service_principal_that_was_deleted_alone_is_restored(apps: Apps) -> None:
    made = apps(app_unique_name=NAME)["application"]
    apps.azure.do(lambda state: state.delete_service_principal(made["client_id"]))

    result = apps(app_unique_name=NAME, on_soft_deleted="recover")

    assert result["application"]["object_id"] == made["object_id"]


def test_without_the_recycle_bin_the_refusal_of_entra_is_explained(apps: Apps, gone: Any) -> None:
    """What the operator may not read is not taken for empty: it is warned of, and Entra's answer is explained."""
    denied = '{"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}}'
    path = "/v1.0/directory/deletedItems/microsoft.graph.application"
    apps.azure.sandbox.faults.add(Fault("graph", "GET", path, status=403, body=denied, times=None))

    with pytest.raises(TaskError, match="It was probably deleted") as error:
        apps(app_unique_name=NAME)

    assert "uniqueName already exists" in error.value.server_words
    assert any("has no permission to read deleted applications" in warning for warning in apps.warnings)


def test_rights_of_a_deleted_application_are_not_judged_as_those_of_an_unknown_one(azure: AzureRights) -> None:
    azure.do(lambda state: state.delete_application(azure.app))

    with pytest.raises(TaskError, match="stays in the recycle bin of Entra for 30 days"):
        azure.judge()


RESTORE = "/v1.0/directory/deletedItems/{id}/restore"


def test_one_that_is_purged_meanwhile_is_told_as_that(apps: Apps, gone: Any) -> None:
    """A restore that finds nothing waits for lagging servers, and then does not count as done."""
    directory = apps.azure.sandbox._state.azure.public.directory
    listing = "/v1.0/directory/deletedItems/microsoft.graph.servicePrincipal"
    purge = Fault("graph", "GET", listing, then=lambda: directory.deleted.pop(gone.object_id, None))
    apps.azure.sandbox.faults.add(purge)

    with pytest.raises(TaskError, match="probably deleted permanently") as error:
        apps(app_unique_name=NAME, on_soft_deleted="recover", wait_timeout=1)

    assert "audit log" in error.value.next_step


def test_one_that_another_client_restores_meanwhile_is_not_waited_for(apps: Apps, gone: Any) -> None:
    public = apps.azure.sandbox._state.azure.public
    listing = "/v1.0/directory/deletedItems/microsoft.graph.servicePrincipal"

    def restore() -> None:
        public.restore_application(gone.object_id)
        public.restore_service_principal(gone)

    apps.azure.sandbox.faults.add(Fault("graph", "GET", listing, then=restore))
    mark = apps.mark()

    apps(app_unique_name=NAME, on_soft_deleted="recover", wait_timeout=600)

    restores = [one for one in apps.azure.sandbox.journal.since(mark) if one.route == RESTORE]
    assert [one.status for one in restores] == [404, 404]


def test_an_application_that_is_deleted_while_the_task_waits_for_it_is_told_as_that(apps: Apps) -> None:
    public = apps.azure.sandbox._state.azure.public

    def delete() -> None:
        (made,) = [app for app in public.directory.applications.values() if app.name == "short-lived"]
        public.delete_application(made)

    apps.azure.sandbox.faults.add(Fault("graph", "POST", "/v1.0/servicePrincipals", then=delete))

    with pytest.raises(TaskError, match=r"it was deleted at .*, while the task was running"):
        apps(app_unique_name="short-lived", wait_timeout=1)
