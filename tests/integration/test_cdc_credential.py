# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential of a link (guide 4.1, 4.3): renewed for all groups of an application, the old one last."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox import Profile
from sandbox.authorities import self_signed
from sandbox.azure.entra.app_policies import Restriction
from support.azure_rights import AzureRights
from support.matrix import diagonal
from support.playbook import Ansible
from support.rotations import LONG, NAME, Rotations

NIL = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


def writes(rotations: Rotations, mark: int) -> list[str]:
    return [f"{one.method} {one.route}" for one in rotations.azure.sandbox.journal.writes(since=mark)]


# The whole way ------------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_a_play_plans_and_makes_a_first_credential_that_no_result_holds(rotations: Rotations, tmp_path: Any) -> None:
    quick = {"wait_interval": 0, "key_size": 2048, "takeover_after": 0}
    options = {"app_client_id": rotations.azure.app, "type": "secret", "new_groups": [rotations.new_group("first")]}
    task = {"cdc_credential": {**quick, **options}}
    ansible = Ansible(rotations.azure.sandbox.environment(), tmp_path)

    run = ansible.tasks({**task, "check_mode": True}, task, task, diff=True)

    assert run.code == 0, run.output
    planned, made, again = run.outcomes
    assert planned["new_groups"][0]["planned"]
    assert made["new_groups"][0]["name"] == "first"
    assert rotations.connects("first")
    assert not again.changed
    (secret,) = [one.value for one in rotations.azure.do(lambda state: _secrets(state, rotations, NAME))]
    assert secret not in run.output
    assert all(secret not in str(outcome.result) for outcome in run.outcomes)


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_due_credential_is_renewed_for_every_group_and_the_old_one_goes_last(rotations: Rotations, kind: str) -> None:
    rotations.started("one", "two", type=kind)
    (old,) = rotations.ours()
    mark = rotations.azure.sandbox.journal.mark()

    made = rotations.due()

    (new,) = rotations.ours()
    assert new != old
    assert rotations.held() == {"one": new, "two": new}
    assert (made["credential"]["key_id"], made["credential"]["type"]) == (new, kind)
    assert [one["key_id"] for one in made["removed"]] == [old]
    done = writes(rotations, mark)
    assert done[1:3] == ["PATCH /sys/v1/groups/{group_id}"] * 2
    assert len(done) == 4


def test_a_second_run_writes_nothing(rotations: Rotations) -> None:
    rotations.started("one", "two")
    rotations.due()
    mark = rotations.azure.sandbox.journal.mark()

    again = rotations.due()

    assert not again["changed"]
    assert again["reason"] is None
    assert again["days_left"] in (LONG - 1, LONG)
    assert writes(rotations, mark) == []


def test_check_mode_predicts_the_run_and_writes_nothing(rotations: Rotations) -> None:
    rotations.started("one")
    mark = rotations.azure.sandbox.journal.mark()

    planned = rotations.due(check_mode=True)
    assert writes(rotations, mark) == []
    made = rotations.due()

    assert planned["credential"]["key_id"] == NIL
    assert planned["credential"]["planned"]
    assert [(one["plane"], one["object"], one["action"]) for one in planned["plan"]] == [
        (one["plane"], one["object"], one["action"]) for one in made["plan"]
    ]
    assert [one["key_id"] for one in planned["removed"]] == [one["key_id"] for one in made["removed"]]


def test_a_group_that_is_added_renews_the_credential_of_all(rotations: Rotations) -> None:
    rotations.started("one")

    result = rotations(new_groups=[rotations.new_group("one"), rotations.new_group("two")])

    assert result["reason"] == 'it is needed to create group "two"'
    (new,) = rotations.ours()
    assert rotations.held() == {"one": new, "two": new}


@pytest.mark.parametrize(("before", "after"), [("secret", "certificate"), ("certificate", "secret")])
def test_groups_are_brought_from_one_kind_to_the_other(rotations: Rotations, before: str, after: str) -> None:
    rotations.started("one", "two", type=before)

    result = rotations(type=after)

    assert result["reason"] == f"the groups have a {before}, but type is {after}"
    (new,) = rotations.ours()
    assert rotations.held() == {"one": new, "two": new}
    assert all(rotations.connects(name) for name in ("one", "two"))


def test_government_groups_are_renewed_in_their_cloud(government: AzureRights) -> None:
    rotations = Rotations(government)
    rotations.started("gov")

    rotations.due()

    (new,) = rotations.ours()
    assert rotations.held() == {"gov": new}
    assert rotations.connects("gov")


# What is known of the credential of a group -------------------------------------------------------------------------


def test_a_secret_that_was_given_by_hand_is_taken_over_when_it_cannot_be_told(rotations: Rotations) -> None:
    rotations.given("byhand")
    rotations.azure.do(lambda state: state.add_secret(rotations.azure.app, name="of somebody else"))

    result = rotations()

    assert result["reason"] == ('it is unknown which credential of the application these groups have: group "byhand"')
    (new,) = rotations.ours()
    assert rotations.held() == {"byhand": new}
    # Neither was made by the collection.
    assert {one["reason"] for one in result["left"]} == {"this collection did not create it"}
    assert len(rotations.credentials()) == 3


def test_the_only_secret_of_an_application_is_known_to_be_that_of_a_connected_group(rotations: Rotations) -> None:
    rotations.given("byhand")

    result = rotations()

    assert not result["changed"]
    assert [one["known"] for one in result["groups"]] == ["inferred"]


def test_a_credential_that_dsm_does_not_get_through_with_is_renewed(rotations: Rotations) -> None:
    rotations.started("one")
    rotations.azure.do(lambda state: state.remove_secret(rotations.azure.app))
    rotations.azure.do(lambda state: state.remove_certificates(rotations.azure.app))

    result = rotations()

    assert result["reason"] == "the credential that the groups have is no longer registered at the application"
    assert rotations.connects("one")


@pytest.mark.parametrize(("kind", "metadata"), diagonal(["secret", "certificate"], ["refused", "limited"]))
def test_a_dsm_that_keeps_no_records_is_renewed_once(rotations: Rotations, kind: str, metadata: Any) -> None:
    # Of the kind in question the application has none but those of the collection.
    rotations.azure.do(lambda state: state.remove_secret(rotations.azure.app))
    rotations.azure.sandbox.profile = Profile(metadata=metadata)
    rotations.started("one", "two", type=kind)

    rotations.due()
    again = rotations.due()

    (new,) = rotations.ours()
    assert rotations.held() == {"one": new, "two": new}
    assert not again["changed"]


def test_a_pair_of_azure_kv_app_that_groups_have_had_goes_and_one_that_was_handed_out_stays(
    rotations: Rotations,
) -> None:
    used, unused = (self_signed(name, algorithm="rsa") for name in ("used", "unused"))
    for pair in (used, unused):
        rotations.azure.do(
            lambda state, pair=pair: state.add_certificate(
                rotations.azure.app, pair.certificate, "fortanix-dsm-ansible"
            )
        )
    key = {"link_client_secret": None, "link_certificate": used.certificate_pem, "link_private_key": used.key_pem}
    rotations.given("paired", **key)

    result = rotations(renew="always")

    assert [one["thumbprint"] for one in result["removed"]] == [_sha1(used.certificate)]
    assert [(one["thumbprint"], one["reason"]) for one in result["left"] if one["thumbprint"]] == [
        (
            _sha1(unused.certificate),
            "its value was returned to a user when it was created, and no group is known to have had it",
        )
    ]


# Refused before anything is made ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"valid_days": 20}, "valid_days: a new credential would be due for renewal immediately"),
        ({"wait_timeout": -1}, "wait_timeout: it is not a number from 0 to 86400"),
        ({"app_client_id": "nothing"}, "app_client_id: it is not a UUID"),
        (
            {"new_groups": [{"name": "x", "link_tenant_id": "y", "link_subscription_id": NIL}]},
            "new_groups.link_tenant_id",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_before_the_first_request(
    rotations: Rotations, options: dict[str, Any], words: str
) -> None:
    mark = rotations.azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match=words):
        rotations(**options)

    assert rotations.azure.sandbox.journal.since(mark) == []


def test_a_certificate_that_contains_its_key_needs_no_second_option(rotations: Rotations) -> None:
    rotations.started("one", type="secret")
    pair = self_signed("given", days=LONG, algorithm="rsa")

    result = rotations(link_certificate=pair.certificate_pem + pair.key_pem)

    assert result["credential"]["thumbprint"] == _sha1(pair.certificate)
    assert rotations.held() == {"one": result["credential"]["key_id"]}


@pytest.mark.parametrize("path", [(), ("current_credential",)])
def test_a_certificate_without_a_key_is_refused_by_name(rotations: Rotations, path: tuple[str, ...]) -> None:
    certificate = {"link_certificate": self_signed("given", days=LONG, algorithm="rsa").certificate_pem}
    mark = rotations.azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match="link_private_key"):
        rotations(**({path[0]: certificate} if path else certificate))

    assert rotations.azure.sandbox.journal.since(mark) == []


def test_an_application_that_no_group_uses_gets_no_credential(rotations: Rotations) -> None:
    with pytest.raises(TaskError, match="no group in DSM that is visible to the DSM identity uses it"):
        rotations()

    assert rotations.ours() == set()


def test_a_disabled_application_gets_no_credential(rotations: Rotations) -> None:
    rotations.given("one")

    def disable(state: Any) -> None:
        state.application(rotations.azure.app).service_principal_enabled = False

    rotations.azure.do(disable)

    with pytest.raises(TaskError, match="it is disabled, so it cannot sign in with any credential"):
        rotations(renew="always")


def test_a_policy_on_lifetimes_is_told_before_anything_is_made(rotations: Rotations) -> None:
    rotations.started("one", type="secret")
    mark = rotations.azure.sandbox.journal.mark()
    policy = Restriction("passwordLifetime", 90)
    view = rotations.azure.view
    rotations.azure.do(lambda state: state.restrict_credentials(view.tenant_id, policy))
    rotations.azure.do(lambda state: state.allow_graph(view.operator_client_id, "Policy.Read.All"))

    with pytest.raises(TaskError, match="does not allow a client secret that is valid for more than 90 days"):
        rotations.due()

    assert writes(rotations, mark) == []


def test_a_new_group_of_another_application_is_not_taken(rotations: Rotations, azure: AzureRights) -> None:
    rotations.given("taken")
    other = azure.do(lambda state: state.add_application(azure.view.tenant_id, "other"))

    with pytest.raises(TaskError, match="it exists already, and its link uses another application"):
        rotations(app_client_id=other.client_id, new_groups=[rotations.new_group("taken")])


def _secrets(state: Any, rotations: Rotations, name: str) -> list[Any]:
    return [one for one in state.application(rotations.azure.app).secrets if one.name == name]


def _sha1(certificate: Any) -> str:
    from cryptography.hazmat.primitives.hashes import SHA1

    return str(certificate.fingerprint(SHA1()).hex().upper())
