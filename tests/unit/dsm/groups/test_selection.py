# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The group that a task is about, in a real run and after a step that has only planned it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.selection import (
    Selection,
    checked_name,
    linked,
    resolve,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import CREDENTIAL_FACT, Group
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import Link
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.kinds import KIND
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from unit.dsm.builders import CREDENTIAL, GROUP_ID, HMG_ID, FakeDsm, answering, link, nobody, stored_group

STORED = Group.from_stored(stored_group(custom_metadata={"owner": "blue", CREDENTIAL_FACT: "fact"}))
PLANNED = Group(
    name="akv-new",
    description="new",
    custom_metadata={"owner": "blue", CREDENTIAL_FACT: "fact"},
    external_kms=KIND,
    link=Link.from_stored(HMG_ID, link().build(CREDENTIAL)),
    planned=True,
)


def resolved(dsm: FakeDsm, *, check_mode: bool, **params: Any) -> Group:
    return resolve(dsm, Selection.from_params(params), check_mode=check_mode)


# --- Options ----------------------------------------------------------------------------------------------------------


def test_a_record_names_the_group_by_its_id() -> None:
    assert Selection.from_params({"group": STORED.record()}).group_id == GROUP_ID


@pytest.mark.parametrize("name", ["", " \t", "x" * 4097, "one\ntwo", "one\rtwo"])
def test_a_name_that_no_group_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        checked_name("name", name)


@pytest.mark.parametrize("name", ["x", "x" * 4096, " with spaces ", "Schlüssel 鍵"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert checked_name("name", name) == name


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"group_id": GROUP_ID, "name": "x"},
        {"changed": False, "group": STORED.record()},
        {**STORED.record(), "group_id": "not an ID"},
        {**STORED.record(), "group_id": 7},
        {**STORED.record(), "name": " "},
        {**STORED.record(), "name": None},
        {**PLANNED.record(exists=False), "link": "AzureKeyVault"},
        {**PLANNED.record(exists=False), "link": {"vault": None}},
    ],
)
def test_what_is_no_record_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        resolved(FakeDsm(nobody), check_mode=True, group=record)


@pytest.mark.parametrize(
    "record",
    [
        STORED.record(exists=False),
        replace(STORED, planned=True).record(exists=False),
        Group(name="never there").record(exists=False),
    ],
    ids=["removed", "removed in check mode", "never there"],
)
def test_the_record_of_a_removed_group_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="it is the result of a task that deleted the group"):
        Selection.from_params({"group": record})


# --- Resolved ---------------------------------------------------------------------------------------------------------


def test_a_group_that_is_only_planned_is_taken_from_its_record_without_a_request() -> None:
    group = resolved(FakeDsm(nobody), check_mode=True, group=PLANNED.record(exists=False))

    assert group.record(exists=False) == replace(PLANNED, link=replace(PLANNED.azure_link, hmg_id=None)).record(
        exists=False
    )


def test_a_planned_change_of_a_stored_group_lies_over_what_is_stored() -> None:
    planned = replace(
        STORED,
        name="renamed",
        link=replace(STORED.azure_link, vault_uri="https://kv-two.vault.azure.net/"),
        planned=True,
    )
    dsm = answering(stored_group(custom_metadata={CREDENTIAL_FACT: "fact"}))

    assert resolved(dsm, check_mode=True, group=planned.record()) == planned


def test_a_planned_record_means_nothing_to_a_real_run() -> None:
    dsm = answering(stored_group())

    group = resolved(dsm, check_mode=False, group=replace(STORED, name="renamed", planned=True).record())

    assert (group.name, group.planned) == ("akv-prod", False)


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_unknown_name_that_nobody_planned_fails_in_check_mode_as_in_a_real_run(check_mode: bool) -> None:
    with pytest.raises(TaskError, match='group "nowhere": the group does not exist'):
        resolved(answering([]), check_mode=check_mode, group_name="nowhere")


@pytest.mark.parametrize(
    ("hmg", "words"),
    [
        ({}, "the group is a local group"),
        ({HMG_ID: {"kind": "AwsKms"}}, "the group is linked to AwsKms, not to Azure Key Vault"),
    ],
)
def test_a_group_of_another_kind_is_never_a_target(hmg: dict[str, Any], words: str) -> None:
    with pytest.raises(TaskError, match=words):
        linked(Group.from_stored(stored_group(hmg=hmg)))
