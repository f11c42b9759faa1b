# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a change of a group, and the guards that need no server (design: the link loses nothing)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.link_edit import LinkEdit, guard, plan
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import (
    CREDENTIAL_FACT,
    RESERVED_PREFIX,
    Group,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import DsmError
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from unit.builders import CANARY, texts_in
from unit.dsm.builders import CREDENTIAL, HMG_ID, FakeDsm, link, nobody, stored_group, stored_link

CURRENT = Group.from_stored(stored_group(custom_metadata={"owner": "blue", CREDENTIAL_FACT: "client-secret:old"}))
OTHER_VAULT = replace(CURRENT, link=replace(CURRENT.azure_link, vault_uri="https://kv-two.vault.azure.net/"))


def edit(target: Group = CURRENT, current: Group | None = CURRENT, **changes: Any) -> LinkEdit:
    return LinkEdit(**{"current": current, "target": target, "credential": CREDENTIAL, **changes})


def warned(words: str) -> None:
    raise AssertionError(f"warned: {words}")


# --- Is the link sent? ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        (edit(), False),
        (edit(replace(CURRENT, name="renamed", description="x", custom_metadata={})), False),
        (edit(OTHER_VAULT), True),
        (edit(write_credential=True), True),
        (edit(current=None), True),
    ],
    ids=["nothing", "only fields of the group", "another vault", "the credential", "a new group"],
)
def test_the_link_is_sent_only_when_something_in_it_changes(wanted: LinkEdit, written: bool) -> None:
    assert wanted.writes_link is written


def test_a_link_that_is_sent_puts_its_credential_on_record() -> None:
    assert edit(OTHER_VAULT).result().custom_metadata == {"owner": "blue", CREDENTIAL_FACT: CREDENTIAL.fact}


def test_a_link_that_is_not_sent_leaves_the_record_of_its_credential() -> None:
    assert edit(replace(CURRENT, name="renamed")).result().custom_metadata[CREDENTIAL_FACT] == "client-secret:old"


def test_a_link_that_is_sent_with_a_client_secret_authenticates_with_it() -> None:
    certificate = replace(CURRENT, link=replace(CURRENT.azure_link, auth_mode="certificate"))

    assert edit(certificate, certificate, write_credential=True).result().azure_link.auth_mode == "client_secret"


# --- Plan and diff ----------------------------------------------------------------------------------------------------


def test_a_stored_link_without_tls_settings_gets_the_safe_ones_when_it_is_sent() -> None:
    bare = replace(CURRENT, link=link(tls=None))
    wanted = edit(target=bare, current=bare, write_credential=True)

    assert wanted.result().azure_link.tls.record()["mode"] == "required"
    assert bare.azure_link.build(CREDENTIAL)["tls"]["validate_hostname"] is True


def test_nothing_wanted_is_an_empty_plan() -> None:
    assert not plan(edit())


def test_a_new_group_is_a_creation() -> None:
    (change,) = plan(edit(current=None)).changes

    assert (change.action, change.before) == ("create", {})


def test_a_change_names_what_differs_and_nothing_else() -> None:
    (change,) = plan(edit(replace(CURRENT, description="new"))).changes

    assert (change.action, change.before, change.after) == ("update", {"description": None}, {"description": "new"})


def test_a_credential_that_is_written_for_its_own_sake_is_a_change() -> None:
    (change,) = plan(edit(write_credential=True)).changes

    assert (list(change.after), change.reason) == (["link.credential"], "the credential must be written")


def test_metadata_that_is_removed_is_a_change() -> None:
    (change,) = plan(edit(replace(CURRENT, custom_metadata={CREDENTIAL_FACT: "client-secret:old"}))).changes

    assert change.before == {"custom_metadata.owner": "blue"}


@pytest.mark.parametrize("current", [CURRENT, None], ids=["update", "create"])
@pytest.mark.parametrize("hidden", [CANARY, RESERVED_PREFIX, CREDENTIAL.fact, "client-secret:old"])
def test_neither_secrets_nor_reserved_metadata_are_in_plan_or_diff(current: Group | None, hidden: str) -> None:
    secrets = stored_link(secret_key=CANARY, auth_config={"mode": "client_secret", "client_secret": CANARY})
    target = replace(
        Group.from_stored(stored_group(hmg={HMG_ID: secrets}, custom_metadata=CURRENT.custom_metadata)), name="renamed"
    )
    wanted = edit(target, current, write_credential=True)

    assert not [text for text in texts_in([plan(wanted).as_result(), wanted.diff()]) if hidden in text]


# --- Guards, before any request ---------------------------------------------------------------------------------------


def test_a_change_that_leaves_the_link_alone_needs_no_secret() -> None:
    dsm = FakeDsm(nobody)

    guard(dsm, edit(replace(CURRENT, name="renamed"), credential=None), warned)

    assert dsm.calls == []


@pytest.mark.parametrize(
    ("stored", "credential", "option"),
    [
        ({}, None, "link_client_secret"),
        ({"auth_config": {"mode": "token_auth_config"}}, None, "link_certificate"),
        ({"tls": {"mode": "required", "client_cert": "Y2VydA=="}}, CREDENTIAL, "tls_client_key"),
    ],
    ids=["no secret", "certificate", "TLS client certificate"],
)
def test_a_link_that_would_lose_a_secret_is_refused_before_any_request(
    stored: dict[str, Any], credential: Any, option: str
) -> None:
    current = replace(CURRENT, link=link(**stored))
    target = replace(current, link=replace(current.azure_link, vault_uri="https://kv-two.vault.azure.net/"))

    with pytest.raises(InvalidInput) as refused:
        guard(FakeDsm(nobody), edit(target, current, credential=credential), warned)

    assert refused.value.details["option"] == option


def holding(keys: int) -> FakeDsm:
    """A DSM whose groups hold so many keys, and that connects to everything."""

    def answer(method: str, route: str, **details: Any) -> Any:
        return [{"kid": str(number)} for number in range(keys)] if method == "GET" else None

    return FakeDsm(answer)


@pytest.mark.parametrize(("keys", "words"), [(1, "it contains 1 key."), (2, "it contains 2 keys.")])
def test_a_group_is_not_moved_away_from_its_keys(keys: int, words: str) -> None:
    with pytest.raises(TaskError) as refused:
        guard(holding(keys), edit(OTHER_VAULT), warned)

    assert f"changing vault would separate the group from its keys, and {words}" in str(refused.value)


def test_a_group_whose_keys_cannot_be_counted_is_not_moved() -> None:
    def answer(method: str, route: str, **details: Any) -> Any:
        raise DsmError(403, "no", method=method, route=route)

    with pytest.raises(TaskError, match="its keys cannot be counted"):
        guard(FakeDsm(answer), edit(OTHER_VAULT), warned)


def test_a_group_without_keys_is_moved() -> None:
    dsm = holding(0)

    guard(dsm, edit(OTHER_VAULT), warned)

    assert dsm.calls[-1] == ("POST", "/sys/v1/groups/hmg/check")


def test_a_group_is_moved_when_that_is_allowed() -> None:
    dsm = holding(5)

    guard(dsm, edit(OTHER_VAULT, allow_move=True), warned)

    assert dsm.calls[-1] == ("POST", "/sys/v1/groups/hmg/check")


def connecting(stored: bool) -> FakeDsm:
    """A DSM that does not connect with what is proposed, and with what is stored as told."""

    def answer(method: str, route: str, **details: Any) -> Any:
        if "{group_id}/hmg/check" in route and stored:
            return None
        raise DsmError(400, "AADSTS7000215", method=method, route=route)

    return FakeDsm(answer)


def test_a_connected_link_is_not_replaced_by_one_that_does_not_connect() -> None:
    with pytest.raises(TaskError, match=r"AADSTS7000215.*Nothing was changed"):
        guard(connecting(stored=True), edit(write_credential=True), warned)


@pytest.mark.parametrize(("stored", "allowed"), [(True, True), (False, False)], ids=["allowed", "not connected before"])
def test_a_link_that_does_not_connect_is_saved_with_a_warning(stored: bool, allowed: bool) -> None:
    warnings: list[str] = []

    guard(connecting(stored), edit(write_credential=True, allow_disconnect=allowed), warnings.append)

    assert ["AADSTS7000215" in warning for warning in warnings] == [True]
