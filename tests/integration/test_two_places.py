# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials and switches of the service principal: what is in two places is read, cut and rotated in both."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Profile
from sandbox.authorities import self_signed
from support.app_registrations import Apps
from support.azure_rights import AzureRights, finding, ids
from support.cutoff import RBAC_VAULT, Cutoff
from support.rotations import Rotations


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


@pytest.fixture
def cutoff(azure: AzureRights) -> Cutoff:
    made = Cutoff(azure, (RBAC_VAULT,))
    made.prepare()
    return made


def moved_to_the_principal(azure: AzureRights) -> str:
    """The secret that the link has is made on the service principal, as Terraform does; its ID."""

    def deed(state: Any) -> str:
        app = state.application(azure.app)
        app.principal_secrets, app.secrets = list(app.secrets), []
        app.principal_secrets[0].name = "terraform"
        return str(app.principal_secrets[0].key_id)

    return azure.do(deed)


def with_saml(azure: AzureRights) -> set[str]:
    """SAML sign-on at the service principal; the IDs of its entries."""

    def deed(state: Any) -> set[str]:
        made = state.add_token_signing(azure.app, self_signed("CN=saml", algorithm="rsa").certificate)
        return {made.sign_id, made.verify_id}

    return azure.do(deed)


def on_principal(azure: AzureRights) -> tuple[list[str], list[str], int]:
    """IDs of secrets, names of certificates, and how many signing entries there are."""

    def look(state: Any) -> tuple[list[str], list[str], int]:
        app = state.application(azure.app)
        secrets = [one.key_id for one in app.principal_secrets]
        return secrets, [one.name for one in app.principal_certificates], len(app.signing)

    return azure.do(look)


# Judged ---------------------------------------------------------------------------------------------------------------


def test_a_secret_of_the_service_principal_is_a_credential(azure: AzureRights) -> None:
    key_id = moved_to_the_principal(azure)

    result = azure.judge()

    assert "no-credential" not in ids(result)
    assert key_id in finding(result, "credential-on-service-principal")["actual"]
    assert [(one["key_id"], one["place"]) for one in result["application"]["credentials"]] == [
        (key_id, "service_principal")
    ]


def test_signing_entries_of_saml_are_no_credentials(azure: AzureRights) -> None:
    azure.do(lambda state: state.remove_secret(azure.app))
    with_saml(azure)

    assert finding(azure.judge(), "no-credential")["status"] == "failed"


# Rotated --------------------------------------------------------------------------------------------------------------


def test_a_rotation_removes_the_secret_of_the_service_principal_that_the_groups_had(rotations: Rotations) -> None:
    old = moved_to_the_principal(rotations.azure)
    rotations.given("one")

    result = rotations(renew="always")

    assert ([one["key_id"] for one in result["removed"]], result["left"]) == ([old], [])
    assert on_principal(rotations.azure)[0] == []
    assert rotations.connects("one")


def test_a_rotation_leaves_and_reports_what_others_have_on_the_service_principal(rotations: Rotations) -> None:
    azure = rotations.azure
    foreign = azure.do(lambda state: state.add_secret(azure.app, name="of others", principal=True)).key_id
    with_saml(azure)
    rotations.started("one")

    result = rotations.due()

    assert [(one["key_id"], one["place"]) for one in result["left"] if one["key_id"] == foreign] == [
        (foreign, "service_principal")
    ]
    assert (on_principal(azure)[0], on_principal(azure)[2]) == ([foreign], 1)


def test_which_secret_a_group_has_is_not_inferred_from_one_place_alone(rotations: Rotations) -> None:
    """The registration has one secret, and the service principal another: either may be the group's."""
    rotations.azure.do(lambda state: state.add_secret(rotations.azure.app, name="of others", principal=True))
    rotations.given("one")

    result = rotations(check_mode=True)

    assert [one["credential_before"] for one in result["groups"]] == [None]
    assert {one["reason"] for one in result["left"]} == {"this collection did not create it"}


def test_check_mode_predicts_a_rotation_away_from_the_service_principal(rotations: Rotations) -> None:
    moved_to_the_principal(rotations.azure)
    rotations.given("one")

    planned = rotations(renew="always", check_mode=True)
    done = rotations(renew="always")

    assert [one["key_id"] for one in planned["removed"]] == [one["key_id"] for one in done["removed"]]


# Cut and restored -----------------------------------------------------------------------------------------------------


def test_a_full_cut_lists_and_takes_the_credentials_of_both_places(cutoff: Cutoff) -> None:
    azure = cutoff.azure
    azure.do(lambda state: state.add_secret(azure.app, principal=True))
    azure.do(lambda state: state.add_certificate(azure.app, self_signed("tf").certificate, "tf", principal=True))

    result = cutoff.cut(cut_credentials=True)

    taken = {(step["object"], step["action"], step["state"]) for step in result["steps"]}
    name = result["application"]["name"]
    assert {
        (f"service principal of {name}", "remove client secret", "done"),
        (f"service principal of {name}", "remove certificates", "done"),
        (f"application {name}", "remove client secret", "done"),
        (f"application {name}", "remove certificates", "done"),
    } <= taken
    assert (cutoff.credentials(), on_principal(azure), result["complete"]) == (([], []), ([], [], 0), True)


def test_after_a_return_a_leaked_secret_of_the_service_principal_gets_no_token(cutoff: Cutoff) -> None:
    moved_to_the_principal(cutoff.azure)

    cutoff.cut(cut_credentials=True)
    cutoff.restore()

    assert "AADSTS7000215" in str(cutoff.azure.sync_error())


def test_a_certificate_goes_back_to_the_service_principal_that_had_it(cutoff: Cutoff) -> None:
    azure = cutoff.azure
    azure.do(lambda state: state.add_certificate(azure.app, self_signed("tf").certificate, "tf", principal=True))
    before = cutoff.credentials()[0]

    cutoff.cut(cut_credentials=True)
    cutoff.restore()
    again = cutoff.restore()

    assert (on_principal(azure)[1], cutoff.credentials()[0], again["changed"]) == (["tf"], before, False)


def test_signing_entries_stay_and_are_reported(cutoff: Cutoff) -> None:
    entries = with_saml(cutoff.azure)

    result = cutoff.cut(cut_credentials=True)

    assert (on_principal(cutoff.azure)[2], result["complete"]) == (1, True)
    assert entries <= set(finding(result, "saml-signing-stays")["evidence"]["key_ids"])


def test_a_list_with_a_signing_key_in_it_is_not_sent_without_it(cutoff: Cutoff) -> None:
    azure = cutoff.azure
    with_saml(azure)
    azure.do(lambda state: state.add_certificate(azure.app, self_signed("tf").certificate, "tf", principal=True))
    cutoff.keep(cutoff("revoked", check_mode=True, cut_credentials=True))

    with pytest.raises(TaskError, match="signing key of SAML sign-on"):
        cutoff("revoked", cut_credentials=True)

    assert on_principal(azure) == ([], ["tf"], 1)
    # All else is cut.
    assert (cutoff.credentials(), cutoff.held()["enabled"]) == (([], []), False)


@pytest.mark.parametrize("disable", [{}, {"principal": True}])
def test_a_return_says_what_else_keeps_the_application_out(cutoff: Cutoff, disable: dict[str, bool]) -> None:
    cutoff.cut()
    cutoff.azure.do(lambda state: state.disable_by_microsoft(cutoff.azure.app, **disable))

    result = cutoff.restore()

    assert "Microsoft has disabled" in finding(result, "application-disabled")["actual"]


# Disabled in one of two places ----------------------------------------------------------------------------------------

SWITCHES = {
    "isDisabled": lambda state, app: state.disable_application(app),
    "accountEnabled": lambda state, app: state.disable_service_principal(app),
    "registration by Microsoft": lambda state, app: state.disable_by_microsoft(app),
    "service principal by Microsoft": lambda state, app: state.disable_by_microsoft(app, principal=True),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_whatever_keeps_an_application_out_is_found(azure: AzureRights, switch: str) -> None:
    azure.do(lambda state: SWITCHES[switch](state, azure.app))

    result = azure.judge()

    assert (result["application"]["enabled"], finding(result, "application-disabled")["status"]) == (False, "failed")


@pytest.mark.parametrize("switch", SWITCHES)
def test_whatever_keeps_an_application_out_stops_a_rotation_before_it_begins(rotations: Rotations, switch: str) -> None:
    rotations.given("one")
    rotations.azure.do(lambda state: SWITCHES[switch](state, rotations.azure.app))

    with pytest.raises(TaskError, match="it is disabled, so it cannot sign in with any credential"):
        rotations(renew="always")


def test_a_graph_that_does_not_know_is_disabled_is_not_asked_for_it(rotations: Rotations) -> None:
    rotations.azure.sandbox.profile = Profile(graph_is_disabled="unknown")
    rotations.given("one")

    assert rotations(renew="always")["changed"]


# The application itself -----------------------------------------------------------------------------------------------


def test_absent_takes_our_credentials_from_the_service_principal_too(azure: AzureRights, tmp_path: Any) -> None:
    apps = Apps(azure, tmp_path)
    azure.do(lambda state: state.add_secret(azure.app, name="fortanix-dsm-ansible", principal=True))
    foreign = azure.do(lambda state: state.add_secret(azure.app, name="of others", principal=True)).key_id

    result = apps(app_client_id=azure.app, state="absent")

    assert on_principal(azure)[0] == [foreign]
    assert foreign in next(one["key_ids"] for one in result["left"] if one["what"] == "credentials")


def test_a_certificate_of_the_service_principal_is_not_registered_again(azure: AzureRights, tmp_path: Any) -> None:
    pair = self_signed("given", algorithm="rsa")
    azure.do(lambda state: state.add_certificate(azure.app, pair.certificate, "tf", principal=True))

    result = Apps(azure, tmp_path)(app_client_id=azure.app, certificates=[pair.certificate_pem], api_permission=False)

    assert not result["changed"]
