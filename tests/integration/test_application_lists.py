# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates and API permissions of an application, which Graph replaces whole: short, old and throttled answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from sandbox.authorities import Pair, self_signed
from sandbox.azure.entra.directory import Application
from support.app_registrations import Apps
from support.azure_rights import AzureRights
from support.matrix import diagonal
from support.rotations import NAME, Rotations

APPLICATION = "/v1.0/applications/{id}"
BY_CLIENT_ID = "/v1.0/applications(appId='{app_id}')"
THEIRS = "of somebody else"


@pytest.fixture
def apps(azure: AzureRights, tmp_path: Path) -> Apps:
    return Apps(azure, tmp_path)


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


@pytest.fixture
def rsa_pair() -> Pair:
    return self_signed("given", algorithm="rsa")


@pytest.fixture
def app(apps: Apps) -> Application:
    """An application with a certificate and an API permission of somebody else."""
    access = [{"resourceAppId": str(uuid4()), "resourceAccess": [{"id": str(uuid4()), "type": "Role"}]}]
    made = apps.add("theirs", required_access=access)
    apps.azure.do(lambda state: state.add_certificate(made, self_signed("other", algorithm="rsa").certificate, THEIRS))
    return made


def names(apps: Apps, app: Application) -> list[str | None]:
    found = apps.azure.do(lambda state: state.application(app.client_id))
    return [one.name for one in found.certificates]


def changed(member: str, value: Any) -> Callable[[bytes], bytes]:
    """The answer with another value of a member; without it for ``...``."""

    def rewrite(body: bytes) -> bytes:
        answer = json.loads(body)
        answer.pop(member, None)
        return json.dumps(answer if value is ... else {**answer, member: value}).encode()

    return rewrite


SHORT: dict[str, Callable[[bytes], bytes]] = {
    "no body": lambda _body: b"",
    "no members": lambda _body: b"{}",
    "no list": lambda _body: b"[]",
    "no JSON": lambda _body: b"<html>",
    "without certificates": changed("keyCredentials", ...),
    "certificates are null": changed("keyCredentials", None),
    "certificates are empty": changed("keyCredentials", []),
    "without permissions": changed("requiredResourceAccess", ...),
    "permissions are null": changed("requiredResourceAccess", None),
    "permissions are empty": changed("requiredResourceAccess", []),
    "another ID": changed("id", str(uuid4())),
    "without ID": changed("id", ...),
}


@pytest.mark.parametrize(("short", "route"), diagonal([*SHORT], [APPLICATION, BY_CLIENT_ID]))
def test_answers_that_are_always_short_take_nothing_from_anybody(
    apps: Apps, app: Application, rsa_pair: Pair, short: str, route: str
) -> None:
    """Whatever is short: what Graph is asked first, inside of a batch, or the list that is sent again."""
    apps.azure.sandbox.faults.add(Fault("graph", "GET", route, times=None, rewrite=SHORT[short]))

    assert_nothing_is_taken(apps, app, rsa_pair)


@pytest.mark.parametrize(("short", "route"), diagonal([*SHORT], [BY_CLIENT_ID, APPLICATION]))
def test_an_answer_that_is_short_once_takes_nothing_and_the_next_run_is_right(
    apps: Apps, app: Application, rsa_pair: Pair, short: str, route: str
) -> None:
    apps.azure.sandbox.faults.add(Fault("graph", "GET", route, rewrite=SHORT[short]))
    assert_nothing_is_taken(apps, app, rsa_pair)

    apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    assert names(apps, app) == [THEIRS, "fortanix-dsm-ansible"]
    assert len(app.required_access) == 2


def assert_nothing_is_taken(apps: Apps, app: Application, pair: Pair) -> None:
    (theirs,) = app.required_access
    with suppress(TaskError):
        apps(app_client_id=app.client_id, certificates=[pair.certificate_pem], wait_timeout=2)
    assert names(apps, app) in ([THEIRS], [THEIRS, "fortanix-dsm-ansible"])
    assert app.required_access[0] == theirs


def test_a_rotation_never_takes_the_new_certificate_with_the_old_one(rotations: Rotations) -> None:
    """A lagging server repeats, before the removal, the list from before the addition."""
    rotations.started("one", "two", type="certificate")
    faults, seen = rotations.azure.sandbox.faults, list[bytes]()

    def keep(body: bytes) -> bytes:
        seen.append(body)
        return body

    faults.add(Fault("graph", "GET", APPLICATION, rewrite=keep))
    faults.add(Fault("graph", "GET", APPLICATION, skip=1, rewrite=lambda _body: seen[0]))

    rotations.due(type="certificate")

    (only,) = rotations.ours()
    assert rotations.held() == {"one": only, "two": only}


@pytest.mark.parametrize("times", [1, 3])
def test_a_throttled_write_is_built_on_what_is_there_when_it_is_sent_again(
    apps: Apps, app: Application, rsa_pair: Pair, times: int
) -> None:
    """While the first is told to wait, somebody else registers a certificate."""
    other = self_signed("another", algorithm="rsa").certificate
    sandbox = apps.azure.sandbox

    def meanwhile() -> None:
        state = sandbox._state.azure.public
        if "meanwhile" not in [one.name for one in state.application(app.client_id).certificates]:
            state.add_certificate(app, other, "meanwhile")

    throttled = Fault("graph", "PATCH", APPLICATION, times=times, status=429, retry_after=0, then=meanwhile)
    sandbox.faults.add(throttled)

    apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    assert names(apps, app) == [THEIRS, "meanwhile", "fortanix-dsm-ansible"]


@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_write_that_was_done_and_answered_by_a_gateway_is_done(
    apps: Apps, app: Application, rsa_pair: Pair, status: int
) -> None:
    apps.azure.sandbox.faults.add(Fault("graph", "PATCH", APPLICATION, status=status, after_work=True))

    result = apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    assert (result["changed"], names(apps, app)) == (True, [THEIRS, "fortanix-dsm-ansible"])


def test_what_another_run_has_registered_meanwhile_is_no_change_of_this_one(
    apps: Apps, app: Application, rsa_pair: Pair
) -> None:
    sandbox = apps.azure.sandbox
    app.required_access.clear()
    apps(app_client_id=app.client_id)
    sandbox.faults.add(
        Fault(
            "graph",
            "PATCH",
            APPLICATION,
            status=429,
            retry_after=0,
            then=lambda: sandbox._state.azure.public.add_certificate(app, rsa_pair.certificate, "same") and None,
        )
    )

    result = apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    assert (result["changed"], names(apps, app)) == (False, [THEIRS, "same"])


@pytest.mark.parametrize("lag", [1, 4, 8])
def test_a_list_that_has_to_be_sent_again_has_the_same_entry_in_it(
    apps: Apps, app: Application, rsa_pair: Pair, lag: int
) -> None:
    """Reads lag behind the write, so that it seems to be lost. The key ID that the result names stays the right one."""
    apps.azure.do(lambda state: setattr(state.directory, "read_lag", lag))

    result = apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    ours = [one.key_id for one in app.certificates if one.name == "fortanix-dsm-ansible"]
    told = [one["key_id"] for one in result["application"]["credentials"] if one["name"] == "fortanix-dsm-ansible"]
    assert (told, names(apps, app)) == (ours, [THEIRS, "fortanix-dsm-ansible"])


def overwritten(apps: Apps, app: Application, left: list[Any]) -> None:
    """Somebody else sends a list that was built before ours, as soon as ours is there."""
    apps.azure.sandbox.faults.add(
        Fault("graph", "PATCH", APPLICATION, then=lambda: setattr(app, "certificates", list(left)))
    )


def test_what_an_overwrite_took_from_us_and_from_others_is_put_back_and_told(
    apps: Apps, app: Application, rsa_pair: Pair
) -> None:
    group = apps.azure.group(client_id=app.client_id)
    overwritten(apps, app, [])

    result = apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem], **apps.azure.dsm_login)

    assert sorted(map(str, names(apps, app))) == ["fortanix-dsm-ansible", THEIRS]
    (back,) = result["put_back"]
    assert back.removeprefix("certificate ") in {one.sha1.hex().upper() for one in app.certificates}
    assert [one["group"] for one in result["connections"]] == [group]
    assert any("The task restored what was lost" in line for line in apps.warnings)


def test_nothing_is_put_back_at_an_application_that_was_cut_off(apps: Apps, app: Application, rsa_pair: Pair) -> None:
    """An emergency: all certificates are removed and the principal is disabled, right after ours was added."""

    def cut() -> None:
        app.certificates = []
        app.service_principal_enabled = False

    apps.azure.sandbox.faults.add(Fault("graph", "PATCH", APPLICATION, then=cut))

    with pytest.raises(TaskError, match="emergency cutoff") as failed:
        apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    assert (names(apps, app), failed.value.details["retryable"]) == ([], True)


def test_a_removal_leaves_what_was_registered_a_moment_ago(apps: Apps, app: Application, rsa_pair: Pair) -> None:
    apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])
    other = self_signed("another", algorithm="rsa").certificate
    sandbox = apps.azure.sandbox
    # Between the look at the application and the list that is sent again.
    sandbox.faults.add(
        Fault(
            "graph",
            "POST",
            "/v1.0/$batch",
            then=lambda: sandbox._state.azure.public.add_certificate(app, other, "meanwhile") and None,
        )
    )

    apps(app_client_id=app.client_id, state="absent")

    assert names(apps, app) == [THEIRS, "meanwhile"]


def test_a_permission_that_was_added_meanwhile_stays(apps: Apps, app: Application) -> None:
    more = {"resourceAppId": str(uuid4()), "resourceAccess": [{"id": str(uuid4()), "type": "Scope"}]}
    apps.azure.sandbox.faults.add(Fault("graph", "POST", "/v1.0/$batch", then=lambda: app.required_access.append(more)))

    apps(app_client_id=app.client_id)

    assert len(app.required_access) == 3
    assert more in app.required_access


def test_a_certificate_that_is_registered_twice_stays_twice(apps: Apps, app: Application, rsa_pair: Pair) -> None:
    twice = app.certificates[0].certificate
    apps.azure.do(lambda state: state.add_certificate(app, twice, "again"))

    apps(app_client_id=app.client_id, certificates=[rsa_pair.certificate_pem])

    assert names(apps, app) == [THEIRS, "again", "fortanix-dsm-ansible"]


def test_a_secret_that_graph_does_not_know_everywhere_is_not_said_to_be_removed(rotations: Rotations) -> None:
    """The run fails after it has added a secret, and the server that it asks to remove that does not know it yet."""
    rotations.started("one", type="secret")
    faults = rotations.azure.sandbox.faults
    faults.add(Fault("dsm", "POST", "/sys/v1/groups/hmg/check", status=400, body="AADSTS7000215: no", times=None))
    unknown = '{"error": {"code": "Request_BadRequest", "message": "No password credential found"}}'
    faults.add(Fault("graph", "POST", f"{APPLICATION}/removePassword", status=400, body=unknown, times=None))
    hide = changed("passwordCredentials", [])
    faults.add(Fault("graph", "GET", APPLICATION, rewrite=hide, times=None))

    with pytest.raises(TaskError, match=r"the removal of the secret .* could not be verified") as failed:
        rotations.due(wait_timeout=1)

    assert "it was removed" not in str(failed.value)
    assert len(rotations.ours()) == 2


def test_a_secret_that_shows_late_is_removed_then(rotations: Rotations) -> None:
    rotations.started("one", type="secret")
    (old,) = rotations.ours()
    faults = rotations.azure.sandbox.faults
    faults.add(Fault("dsm", "POST", "/sys/v1/groups/hmg/check", status=400, body="AADSTS7000215: no", times=None))
    unknown = '{"error": {"code": "Request_BadRequest", "message": "No password credential found"}}'
    faults.add(Fault("graph", "POST", f"{APPLICATION}/removePassword", status=400, body=unknown))
    faults.add(Fault("graph", "GET", APPLICATION, rewrite=changed("passwordCredentials", []), times=3))

    with pytest.raises(TaskError, match="no group has the new credential, and it was removed"):
        rotations.due(wait_timeout=1)

    assert rotations.ours() == {old}


def test_of_two_runs_that_remove_the_same_secret_the_later_finds_it_done(rotations: Rotations) -> None:
    rotations.started("one", type="secret")
    (old,) = rotations.ours()
    azure, sandbox = rotations.azure, rotations.azure.sandbox
    app = azure.do(lambda state: state.application(azure.app))
    # Right before the removal, the other run has removed it.
    sandbox.faults.add(
        Fault(
            "graph",
            "POST",
            f"{APPLICATION}/removePassword",
            status=400,
            body='{"error": {"code": "Request_BadRequest", "message": "No password credential found"}}',
            then=lambda: setattr(app, "secrets", [one for one in app.secrets if one.key_id != old]),
        )
    )

    result = rotations.due()

    assert [one["key_id"] for one in result["removed"]] == [old]
    assert NAME in rotations.credentials().values()
