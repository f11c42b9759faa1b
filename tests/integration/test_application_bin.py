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
