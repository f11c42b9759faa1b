# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure parts of azure_kv_app: what is missing, what a prediction says, what is ours, what a policy forbids."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, cast
from unittest.mock import patch

import pytest
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications import (
    app_policies,
    application_lookup,
    application_plan,
    graph_writes,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications.application_plan import (
    MARK,
    Application,
    Consent,
    DesiredApplication,
    Permission,
    Steps,
    steps_for,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import EntraCredential
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import Channel
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates import loading
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates.loading import Certificate
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import azure_kv_app
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from ansible_collections.fortanix.dsm.plugins.module_utils._waiter import NO_PATIENCE
from sandbox.authorities import self_signed

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
PERMISSION = Permission("KV-app", "kv-principal", "scope-1")
LISTED = {"resourceAppId": "kv-APP", "resourceAccess": [{"id": "SCOPE-1", "type": "Scope"}]}


@cache
def certificate() -> Certificate:
    return loading.load_certificates("certificates", self_signed("one", algorithm="rsa").certificate_pem)[0]


def application(**changes: Any) -> Application:
    given: dict[str, Any] = {"client_id": "c", "object_id": "o", "display_name": "byok", "principal_id": "p"}
    return Application(**{**given, **changes})


def credential(kind: str = "secret", name: str = MARK, ends: datetime | None = None, **more: Any) -> EntraCredential:
    return EntraCredential(kind, more.pop("key_id", "k"), name, None, ends, **more)


def everything(**changes: Any) -> DesiredApplication:
    wants: dict[str, Any] = {
        "display_name": "byok",
        "certificates": (certificate(),),
        "permission": PERMISSION,
        "consent_to": PERMISSION,
        "secret": timedelta(days=30),
    }
    return DesiredApplication(**{**wants, **changes})


# What is missing ----------------------------------------------------------------------------------------------------


def test_all_is_missing_of_an_application_that_is_not_there() -> None:
    steps = steps_for(everything(), None, NOW)

    assert steps == Steps(
        create=True,
        create_principal=True,
        certificates=(certificate(),),
        permission=PERMISSION,
        consent=("user_impersonation",),
        secret=timedelta(days=30),
    )


def test_nothing_is_missing_of_what_was_predicted() -> None:
    steps = steps_for(everything(), None, NOW)

    after = application_plan.predicted(everything(), None, steps, NOW)

    assert not steps_for(everything(), after, NOW)


def test_a_certificate_that_is_given_twice_is_registered_once() -> None:
    steps = steps_for(everything(certificates=(certificate(), certificate())), application(), NOW)

    assert steps.certificates == (certificate(),)


def test_ids_compare_without_case() -> None:
    found = application(access=(LISTED,))

    assert steps_for(DesiredApplication("byok", permission=PERMISSION), found, NOW).permission is None


def test_a_wish_for_a_role_of_the_same_id_is_not_the_permission() -> None:
    role = {"resourceAppId": "KV-app", "resourceAccess": [{"id": "scope-1", "type": "Role"}]}

    assert (
        steps_for(DesiredApplication("byok", permission=PERMISSION), application(access=(role,)), NOW).permission
        == PERMISSION
    )


@pytest.mark.parametrize(
    ("held", "made"),
    [
        (credential(ends=NOW + timedelta(days=1)), False),
        (credential(ends=NOW - timedelta(days=1)), True),
        (credential(name="by hand", ends=NOW + timedelta(days=1)), True),
        (credential("certificate", ends=NOW + timedelta(days=1)), True),
    ],
    ids=["ours", "ours, expired", "another's", "a certificate"],
)
def test_a_secret_is_made_only_where_none_of_ours_is_valid(held: EntraCredential, made: bool) -> None:
    steps = steps_for(everything(), application(credentials=(held,)), NOW)

    assert (steps.secret is not None) is made


def test_consent_is_extended_and_never_narrowed() -> None:
    found = application(consent=Consent("g", ("one", "two")))

    assert steps_for(everything(), found, NOW).consent == ("one", "two", "user_impersonation")


def test_consent_is_nothing_that_the_permission_brings_along() -> None:
    assert steps_for(everything(consent_to=None), None, NOW).consent == ()


entries = st.fixed_dictionaries(
    {
        "resourceAppId": st.sampled_from(["KV-app", "kv-app", "other"]),
        "resourceAccess": st.lists(
            st.fixed_dictionaries(
                {"id": st.sampled_from(["scope-1", "x", "y"]), "type": st.sampled_from(["Scope", "Role"])}
            ),
            max_size=3,
        ),
    }
)


@given(access=st.lists(entries, max_size=4))
def test_a_merged_list_has_the_permission_and_all_that_was_in_it(access: list[dict[str, Any]]) -> None:
    merged = PERMISSION.merged_into(access)

    assert PERMISSION.is_in(merged)
    wishes = [(one["resourceAppId"], wish) for one in merged for wish in one["resourceAccess"]]
    assert all((one["resourceAppId"], wish) in wishes for one in access for wish in one["resourceAccess"])


@given(access=st.lists(entries, max_size=4))
def test_merging_leaves_the_list_itself_alone(access: list[dict[str, Any]]) -> None:
    before = repr(access)

    PERMISSION.merged_into(access)

    assert repr(access) == before


# What the plan shows ------------------------------------------------------------------------------------------------


def test_the_plan_names_every_step_in_its_order() -> None:
    wanted = everything(pair_at="/x.crt")

    changes = application_plan.changes_of(wanted, None, steps_for(wanted, None, NOW))

    assert [(one.plane, one.obj, one.action) for one in changes] == [
        ("Controller", "file /x.crt", "create"),
        ("Entra", "application byok", "create"),
        ("Entra", "service principal of byok", "create"),
        ("Entra", "application byok", "update"),
        ("Entra", "application byok", "update"),
        ("Entra", "admin consent for byok", "create"),
        ("Entra", "client secret of byok", "create"),
    ]


def test_no_steps_are_no_changes() -> None:
    assert application_plan.changes_of(DesiredApplication("byok"), application(), Steps()) == ()


# What is ours -------------------------------------------------------------------------------------------------------


def test_only_credentials_of_our_name_are_removed() -> None:
    ours, theirs = credential(key_id="1"), credential(key_id="2", name="by hand")

    removal = application_plan.removal_of(application(credentials=(ours, theirs)), remove_application=False)

    assert removal.credentials == (ours,)


def test_the_application_stays_unless_it_is_named() -> None:
    found = application(tags=(MARK,), credentials=(credential(),))

    assert not application_plan.removal_of(found, remove_application=False).application


@pytest.mark.parametrize(("tags", "ours"), [((MARK,), True), (("HideApp",), False), ((), False)])
def test_an_application_is_ours_by_its_tag(tags: tuple[str, ...], ours: bool) -> None:
    assert application(tags=tags).is_ours is ours


# Management policies ------------------------------------------------------------------------------------------------


def forbidden(
    kind: str, longest: str | None = None, *, secret: int | None = 180, certificates: int = 365, **more: Any
) -> str | None:
    """The restriction that one of this kind is found to be, in the list that it belongs to."""
    member = "passwordCredentials" if kind.startswith("password") else "keyCredentials"
    restrictions = {member: [{"restrictionType": kind, "maxLifetime": longest, **more}]}
    lifetime = None if secret is None else timedelta(days=secret)
    found = app_policies.violation(restrictions, NOW, [(timedelta(days=certificates), True)], lifetime)
    return found and found.restriction


@pytest.mark.parametrize(
    ("kind", "longest"),
    [
        ("passwordAddition", None),
        ("passwordLifetime", "P179D"),
        ("passwordLifetime", "P4DT12H30M5S"),
        ("passwordLifetime", "P5M"),
        ("asymmetricKeyLifetime", "P52W"),
        ("asymmetricKeyLifetime", "P11M"),
        ("trustedCertificateAuthority", None),
    ],
)
def test_what_a_restriction_forbids(kind: str, longest: str | None) -> None:
    assert forbidden(kind, longest) == kind


@pytest.mark.parametrize(
    ("kind", "longest"),
    [
        ("passwordLifetime", "P180D"),
        ("passwordLifetime", "P1Y"),
        ("passwordLifetime", "half a year"),
        ("asymmetricKeyLifetime", "P1Y"),
        ("symmetricKeyAddition", None),
        ("customPasswordAddition", None),
        ("somethingNew", None),
    ],
)
def test_what_a_restriction_allows(kind: str, longest: str | None) -> None:
    assert forbidden(kind, longest) is None


@pytest.mark.parametrize(
    "details",
    [
        {"state": "disabled"},
        {"restrictForAppsCreatedAfterDateTime": "2026-11-24T00:00:00Z"},
        {"secret": None},
    ],
)
def test_a_restriction_that_is_not_in_force_forbids_nothing(details: dict[str, Any]) -> None:
    assert forbidden("passwordAddition", **details) is None


# Options ------------------------------------------------------------------------------------------------------------


def refused(**options: Any) -> str:
    """The option that is refused; nothing may have been sent, for which there is no operator either."""
    validated = ModuleArgumentSpecValidator(**azure_kv_app.SPEC.as_module_arguments()).validate(options)
    assert not validated.error_messages
    task = Task(params=validated.validated_parameters, check_mode=False, proxy=None, warn=pytest.fail)
    with patch.object(azure_kv_app, "operator_of", side_effect=AssertionError), pytest.raises(InvalidInput) as error:
        azure_kv_app.run(task)
    return str(error.value.details["option"])


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"app_client_id": "byok"}, "app_client_id"),
        ({"app_unique_name": " "}, "app_unique_name"),
        ({"app_display_name": "a\nb"}, "app_display_name"),
        ({"app_display_name": "a" * 121}, "app_display_name"),
        ({"app_unique_name": "byok", "display_name": ""}, "display_name"),
        ({"app_unique_name": "byok", "return_secret": True}, "return_secret"),
        ({"app_unique_name": "byok", "certificates": ["/nowhere.pem"]}, "certificates"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_the_login(options: dict[str, Any], option: str) -> None:
    assert refused(**options) == option


def test_a_certificate_without_an_rsa_key_is_refused() -> None:
    """Entra would register it, and DSM could not log in with it."""
    assert refused(app_unique_name="byok", certificates=[self_signed("ec").certificate_pem]) == "certificates"


def test_several_certificates_that_are_no_chain_are_refused() -> None:
    chain = "".join(self_signed(name, algorithm="rsa").certificate_pem for name in ("one", "two"))

    assert refused(app_unique_name="byok", certificates=[chain]) == "certificates"


def test_an_expired_certificate_is_refused() -> None:
    assert refused(app_unique_name="byok", certificates=[self_signed("old", days=-1, algorithm="rsa").certificate_pem])


# What the wire can say ----------------------------------------------------------------------------------------------


class Graph:
    """A way to Graph that answers the reads of a batch by their names, and every other read with one body."""

    def __init__(self, body: Any = None, **answers: tuple[int, Any]) -> None:
        self.answers, self.body = answers, body
        self.sent: list[str] = []

    def send(self, method: str, path: str, **_details: Any) -> dict[str, Any]:
        self.sent.append(f"{method} {path}")
        responses = [{"id": name, "status": status, "body": body} for name, (status, body) in self.answers.items()]
        return {"responses": responses}

    def get(self, path: str, **_details: Any) -> Any:
        return self.body


def look(graph: Graph, **wants: bool) -> Any:
    selector = application_lookup.ApplicationSelector("client_id", "c")
    return application_lookup.look(
        cast(Channel, graph), PUBLIC, selector, **{"key_vault": False, "consent": False, **wants}
    )


def words(text: str) -> dict[str, Any]:
    return {"error": {"code": "x", "message": text}}


def test_an_application_of_another_tenant_is_not_taken_for_a_missing_one() -> None:
    graph = Graph(application=(404, words("no")), principal=(200, {"id": "p", "appId": "c"}))

    with pytest.raises(TaskError, match="registered in another tenant"):
        look(graph)


def test_a_tenant_without_key_vault_is_told_how_to_get_it() -> None:
    graph = Graph(application=(404, words("no")), principal=(404, words("no")), key_vault=(404, words("no")))

    with pytest.raises(TaskError, match=f"az ad sp create --id {PUBLIC.key_vault_app_id}"):
        look(graph, key_vault=True)


def test_a_read_that_graph_could_not_answer_is_no_absence() -> None:
    graph = Graph(application=(429, words("slow down")), principal=(404, words("no")))

    with pytest.raises(TaskError, match="slow down"):
        look(graph)


def test_a_credential_that_graph_does_not_show_is_never_lost() -> None:
    """The list is replaced as a whole, so that one without its key would be gone."""
    graph = Graph({"id": application().object_id, "keyCredentials": [{"keyId": "hidden", "key": None}]})

    with pytest.raises(TaskError, match="hidden"):
        graph_writes.update(
            cast(Channel, graph),
            application(),
            certificates=[certificate()],
            permission=None,
            patience=NO_PATIENCE,
        )
    assert graph.sent == []
