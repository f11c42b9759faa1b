# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application as Microsoft Graph answers: all, a part, or nothing of it (Azure contract §3)."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications.registrations import (
    Registration,
    registration,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import PRINCIPAL, EntraCredential
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import REGISTRATION as OF_REGISTRATION
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.azure.builders import APP, CLIENT, GROUP, HOME, REGISTRATION, STRANGER, saying

BATCH = "/v1.0/$batch"
HEX = "00112233445566778899AABBCCDDEEFF00112233"
FORBIDDEN = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}}
BODIES: dict[str, dict[str, Any]] = {
    "service_principal": {
        "id": APP,
        "appId": CLIENT,
        "displayName": "cdc-app",
        "accountEnabled": True,
        "appOwnerOrganizationId": HOME,
        "passwordCredentials": [],
        "keyCredentials": [],
    },
    "application": {
        "id": REGISTRATION,
        "displayName": "cdc-registration",
        "passwordCredentials": [],
        "keyCredentials": [],
        "requiredResourceAccess": [],
    },
    "certificates": {"id": REGISTRATION, "keyCredentials": []},
    "groups": {"value": []},
    "consents": {"value": []},
}


def refused(status: int, body: Any = None) -> dict[str, Any]:
    return {"status": status, "body": FORBIDDEN if body is None else body}


def responses(**changes: Any) -> list[dict[str, Any]]:
    """The answers of a batch. Per name: another body, a refusal, or None for no answer."""
    found = []
    for name, body in {**BODIES, **changes}.items():
        if body is not None:
            found.append({"id": name, **(body if "status" in body else {"status": 200, "body": body})})
    return found


def registered(object_id: str | None = None, **changes: Any) -> Registration:
    return registration(saying({BATCH: {"responses": responses(**changes)}}), CLIENT, object_id)


def application(**changes: Any) -> dict[str, Any]:
    return {**BODIES["application"], **changes}


def thumbprint_of(identifier: Any) -> str | None:
    entry = {"keyId": "k", "customKeyIdentifier": identifier}
    (credential,) = registered(application=application(keyCredentials=[entry])).identity.credentials or ()
    return credential.thumbprint


# --- The whole --------------------------------------------------------------------------------------------------------


def test_an_application_that_is_readable_in_full_leaves_nothing_unreadable() -> None:
    assert registered().unreadable == {}


def test_the_identity_is_the_service_principal() -> None:
    found = registered().identity

    assert (found.client_id, found.object_id, found.application_object_id, found.home_tenant_id, found.enabled) == (
        CLIENT,
        APP,
        REGISTRATION,
        HOME,
        True,
    )


def test_it_is_one_request() -> None:
    asked: list[str] = []
    registration(saying({BATCH: {"responses": responses()}}, asked), CLIENT, None)

    assert asked == [f"POST {BATCH}"]


@given(st.permutations(responses(groups={"value": [{"id": GROUP}]}, consents=refused(403))))
def test_the_order_of_the_answers_does_not_matter(answers: list[dict[str, Any]]) -> None:
    found = registration(saying({BATCH: {"responses": answers}}), CLIENT, None)

    assert (found.identity.object_id, found.identity.groups, set(found.unreadable)) == (
        APP,
        frozenset({GROUP}),
        {"consents"},
    )


@pytest.mark.parametrize("principal", [BODIES["service_principal"], {"id": APP, "displayName": None}])
def test_the_name_is_the_service_principals_or_else_empty(principal: dict[str, Any]) -> None:
    assert registered(service_principal=principal).identity.display_name == (principal["displayName"] or "")


def test_an_application_that_is_disabled_is_known_as_that() -> None:
    principal = {**BODIES["service_principal"], "accountEnabled": False}

    assert registered(service_principal=principal).identity.enabled is False


# --- The service principal --------------------------------------------------------------------------------------------


def test_a_registration_without_a_service_principal_is_told_from_no_registration() -> None:
    with pytest.raises(TaskError, match="no service principal in the operator's tenant"):
        registered(service_principal=refused(404))


def test_an_application_that_does_not_exist_is_a_matter_of_its_id() -> None:
    with pytest.raises(TaskError, match="this application does not exist") as error:
        registered(service_principal=refused(404), application=refused(404))
    assert error.value.next_step.startswith("check app_client_id")


def test_a_given_object_id_does_not_make_up_for_a_service_principal_that_is_not_there() -> None:
    with pytest.raises(TaskError, match="no service principal"):
        registered(APP, service_principal=refused(404))


def test_a_service_principal_that_may_not_be_read_needs_the_object_id() -> None:
    with pytest.raises(TaskError, match=r"Insufficient privileges") as error:
        registered(service_principal=refused(403))
    assert "app_object_id" in error.value.next_step


def test_with_the_object_id_the_service_principal_need_not_be_read() -> None:
    found = registered(APP, service_principal=refused(403))

    assert (found.identity.object_id, found.identity.enabled, found.identity.home_tenant_id) == (APP, None, None)
    assert found.unreadable == {"service_principal": "Insufficient privileges"}


def test_the_name_is_the_registrations_while_the_service_principal_may_not_be_read() -> None:
    assert registered(APP, service_principal=refused(403)).identity.display_name == "cdc-registration"


def test_an_object_id_of_another_is_refused_with_both() -> None:
    with pytest.raises(TaskError) as error:
        registered(REGISTRATION)
    assert (
        error.value.problem == f"app_object_id is {REGISTRATION}, but the service principal of app_client_id is {APP}"
    )


@pytest.mark.parametrize("spelt", [APP, APP.upper()])
def test_the_right_object_id_is_taken_in_any_letter_case(spelt: str) -> None:
    assert registered(spelt).identity.object_id == APP


# --- Parts that may not be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["application", "groups", "consents"])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused(403), "Insufficient privileges"),
        (refused(429, {}), "HTTP status 429"),
        (refused(500, "text"), "HTTP status 500"),
        (None, "Graph did not answer it"),
    ],
)
def test_a_part_that_is_not_readable_says_why(name: str, answer: Any, words: str) -> None:
    assert registered(**{name: answer}).unreadable == {name: words}


def test_nothing_is_known_of_an_application_that_may_not_be_read() -> None:
    found = registered(application=refused(403))

    assert (found.identity.credentials, found.identity.application_object_id, found.resources) == (None, None, None)


def test_consents_that_may_not_be_read_are_not_none_at_all() -> None:
    assert registered(consents=refused(403)).consented_for_all is None


def test_groups_that_may_not_be_read_are_unknown() -> None:
    assert registered(groups=refused(403)).identity.groups is None


def test_no_answer_at_all_leaves_the_service_principal_unknown() -> None:
    with pytest.raises(TaskError, match="Graph did not answer it"):
        registration(saying({BATCH: {}}), CLIENT, None)


# --- Groups -----------------------------------------------------------------------------------------------------------


def test_groups_are_told_from_roles_of_the_directory() -> None:
    entries = [
        {"@odata.type": "#microsoft.graph.group", "id": GROUP.upper()},
        {"@odata.type": "#microsoft.graph.directoryRole", "id": STRANGER},
        {"@odata.type": "#microsoft.graph.administrativeUnit", "id": APP},
    ]

    assert registered(groups={"value": entries}).identity.groups == frozenset({GROUP})


def test_an_entry_without_a_type_is_taken_for_a_group() -> None:
    assert registered(groups={"value": [{"id": GROUP}]}).identity.groups == frozenset({GROUP})


def test_no_groups_are_not_unknown_groups() -> None:
    assert registered().identity.groups == frozenset()


def test_more_groups_than_one_page_are_unknown() -> None:
    page = {"value": [{"id": GROUP}], "@odata.nextLink": "https://graph.microsoft.com/next"}

    assert registered(groups=page).identity.groups is None


# --- Credentials ------------------------------------------------------------------------------------------------------


def test_secrets_and_certificates_are_read_with_their_times() -> None:
    secret = {
        "keyId": "s",
        "displayName": "for DSM",
        "startDateTime": "2026-01-01T00:00:00Z",
        "endDateTime": "2027-01-01T00:00:00.1234567Z",
    }
    found = registered(application=application(passwordCredentials=[secret], keyCredentials=[{"keyId": "c"}]))

    assert found.identity.credentials == (
        EntraCredential(
            "secret",
            "s",
            "for DSM",
            datetime(2026, 1, 1, tzinfo=timezone.utc),
            datetime(2027, 1, 1, 0, 0, 0, 123456, tzinfo=timezone.utc),
        ),
        EntraCredential("certificate", "c", "", None, None),
    )


@pytest.mark.parametrize("given", [HEX, HEX.lower(), base64.b64encode(bytes.fromhex(HEX)).decode()])
def test_a_thumbprint_is_read_from_hex_and_from_base64(given: str) -> None:
    assert thumbprint_of(given) == HEX


@pytest.mark.parametrize(
    "given", [None, "", "my-id", "%%%", "G" * 40, base64.b64encode(b"nineteen bytes only").decode()]
)
def test_what_is_no_thumbprint_is_none(given: str | None) -> None:
    assert thumbprint_of(given) is None


def test_the_identifier_of_a_secret_is_no_thumbprint() -> None:
    entry = {"keyId": "s", "customKeyIdentifier": HEX}
    (secret,) = registered(application=application(passwordCredentials=[entry])).identity.credentials or ()

    assert secret.thumbprint is None


def test_an_application_without_credentials_has_none() -> None:
    found = registered(application=application(passwordCredentials=[], keyCredentials=[]))

    assert found.identity.credentials == ()


@pytest.mark.parametrize("member", ["passwordCredentials", "keyCredentials"])
def test_a_list_of_credentials_that_is_not_shown_is_unknown(member: str) -> None:
    found = registered(application=application(**{member: None}))

    assert found.identity.credentials is None
    assert member in found.unreadable["application"]


# --- Two places -------------------------------------------------------------------------------------------------------

SIGNING = [
    {"keyId": "sign", "usage": "Sign", "type": "X509CertAndPassword", "customKeyIdentifier": HEX, "key": None},
    {"keyId": "verify", "usage": "Verify", "type": "AsymmetricX509Cert", "customKeyIdentifier": HEX},
]


def principal(**changes: Any) -> dict[str, Any]:
    return {**BODIES["service_principal"], **changes}


def test_credentials_of_both_places_are_read_each_with_its_place() -> None:
    found = registered(
        application=application(passwordCredentials=[{"keyId": "a"}]),
        service_principal=principal(passwordCredentials=[{"keyId": "p"}]),
    ).identity.credentials

    assert [(one.key_id, one.place) for one in found or ()] == [("a", OF_REGISTRATION), ("p", PRINCIPAL)]


def test_entries_of_saml_sign_on_are_apart_from_credentials() -> None:
    passwords = [{"keyId": "sign", "customKeyIdentifier": HEX}, {"keyId": "p", "customKeyIdentifier": None}]

    found = registered(
        service_principal=principal(passwordCredentials=passwords, keyCredentials=[*SIGNING, {"keyId": "c"}])
    ).identity

    assert [one.key_id for one in found.credentials or ()] == ["p", "c"]
    assert [one.key_id for one in found.signing] == ["sign", "sign", "verify"]


@pytest.mark.parametrize("member", ["passwordCredentials", "keyCredentials"])
def test_a_list_of_the_service_principal_that_is_not_shown_is_unknown(member: str) -> None:
    found = registered(service_principal=principal(**{member: None}))

    assert found.identity.credentials is None
    assert member in found.unreadable["service_principal"]


def test_public_parts_come_from_the_reading_that_selects_them() -> None:
    key = base64.b64encode(b"der").decode()
    keys = {"id": REGISTRATION, "keyCredentials": [{"keyId": "c", "key": key}]}

    (found,) = (
        registered(
            application=application(keyCredentials=[{"keyId": "c", "key": None}]), application_keys=keys
        ).identity.credentials
        or ()
    )

    assert found.encoded == key


@pytest.mark.parametrize("answer", [None, refused(429, {})])
def test_without_the_public_parts_certificates_are_known_all_the_same(answer: Any) -> None:
    """Graph gives them to a tenant only so many times in a minute."""
    listed = [{"keyId": "c", "customKeyIdentifier": HEX}]

    (found,) = (
        registered(application=application(keyCredentials=listed), application_keys=answer).identity.credentials or ()
    )

    assert (found.thumbprint, found.sha256) == (HEX, None)


def test_public_parts_of_another_object_are_not_believed() -> None:
    found = registered(application_keys={"id": STRANGER, "keyCredentials": []})

    assert found.identity.credentials is None


@pytest.mark.parametrize(
    ("application_changes", "principal_changes", "enabled"),
    [
        ({}, {}, True),
        ({"isDisabled": False, "disabledByMicrosoftStatus": "NotDisabled"}, {}, True),
        ({"isDisabled": True}, {}, False),
        ({"disabledByMicrosoftStatus": "DisabledDueToViolationOfServicesAgreement"}, {}, False),
        ({}, {"accountEnabled": False}, False),
        ({}, {"disabledByMicrosoftStatus": "DisabledDueToViolationOfServicesAgreement"}, False),
        ({}, {"accountEnabled": None}, None),
    ],
)
def test_an_application_is_enabled_when_neither_place_says_otherwise(
    application_changes: dict[str, Any], principal_changes: dict[str, Any], enabled: bool | None
) -> None:
    found = registered(application=application(**application_changes), service_principal=principal(**principal_changes))

    assert found.identity.enabled is enabled
    assert bool(found.identity.disabled) is (enabled is False)


def test_an_application_whose_registration_was_not_read_is_not_said_to_be_enabled() -> None:
    assert registered(application=refused(403)).identity.enabled is None


def test_an_application_in_the_recycle_bin_is_told_from_an_unknown_one() -> None:
    gone = {"value": [{"appId": CLIENT, "deletedDateTime": "2026-11-20T00:00:00Z"}]}

    with pytest.raises(TaskError, match="deleted at 2026-11-20T00:00:00Z") as error:
        registered(service_principal=refused(404), application=refused(404), deleted=gone)
    assert "on_soft_deleted: recover" in error.value.next_step


# --- Permissions of APIs and consents ---------------------------------------------------------------------------------


def test_the_apis_are_known_by_their_ids_in_lower_case() -> None:
    listed = [{"resourceAppId": STRANGER.upper(), "resourceAccess": []}]

    assert registered(application=application(requiredResourceAccess=listed)).resources == frozenset({STRANGER})


def test_an_application_that_lists_no_api_has_none() -> None:
    assert registered(application=application(requiredResourceAccess=[])).resources == frozenset()


def test_an_answer_without_the_list_of_apis_does_not_mean_that_there_is_none() -> None:
    found = registered(application=application(requiredResourceAccess=None))

    assert (found.resources, "requiredResourceAccess" in found.unreadable["application"]) == (None, True)


def test_consents_of_which_there_are_more_pages_are_not_known() -> None:
    found = registered(consents={"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/next"})

    assert (found.consented_for_all, set(found.unreadable)) == (None, {"consents"})


def test_a_service_principal_that_does_not_say_whether_it_is_enabled_is_not_readable_in_full() -> None:
    found = registered(service_principal={"id": APP, "appId": CLIENT, "displayName": "cdc-app"})

    assert (found.identity.enabled, set(found.unreadable)) == (None, {"service_principal"})


# --- Public keys of certificates --------------------------------------------------------------------------------------

DER = base64.b64encode(b"a certificate").decode()
SHA256 = hashlib.sha256(b"a certificate").hexdigest()


def sha256s_of(**changes: Any) -> list[str | None]:
    shown = application(keyCredentials=[{"keyId": "one", "key": None}])
    return [one.sha256 for one in registered(application=shown, **changes).identity.credentials or ()]


def test_the_public_keys_are_asked_for_by_name_as_graph_shows_them_no_other_way() -> None:
    assert sha256s_of(application_keys={"id": REGISTRATION, "keyCredentials": [{"keyId": "one", "key": DER}]}) == [
        SHA256
    ]


@pytest.mark.parametrize(
    "selected",
    [
        {"id": REGISTRATION, "keyCredentials": [{"keyId": "one", "key": None}]},
        refused(403),
        None,
    ],
)
def test_a_certificate_whose_public_key_is_not_shown_stays_listed_without_it(selected: dict[str, Any] | None) -> None:
    assert sha256s_of(application_keys=selected) == [None]


def test_only_consents_for_all_users_count() -> None:
    grants = [
        {"consentType": "AllPrincipals", "scope": " user_impersonation  User.Read"},
        {"consentType": "Principal", "scope": "Mail.Read"},
        {"consentType": "AllPrincipals", "scope": None},
    ]

    assert registered(consents={"value": grants}).consented_for_all == frozenset({"user_impersonation", "User.Read"})
