# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as somebody else's change, and what a write would undo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups import concurrent_changes
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import CREDENTIAL_FACT, Group
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.dsm.builders import stored_group

BEFORE = Group.from_stored(stored_group(custom_metadata={"owner": "blue", CREDENTIAL_FACT: "client-secret:old"}))
DESCRIPTION = {"description": "x"}
METADATA = {"custom_metadata": {}}
LINK = {"mod_hmg": {}}


def with_link(**changes: Any) -> Group:
    return replace(BEFORE, link=replace(BEFORE.azure_link, **changes))


def with_metadata(**changes: str) -> Group:
    return replace(BEFORE, custom_metadata={**BEFORE.custom_metadata, **changes})


def is_refused(now: Group, body: Any) -> bool:
    try:
        concurrent_changes.refuse_if_changed(BEFORE, now, body)
    except TaskError:
        return True
    return False


REDESCRIBED = replace(BEFORE, description="theirs")
MOVED = with_link(vault_uri="https://kv-theirs.vault.azure.net/")
RELINKED = with_link(hmg_id="5f0c0000-0000-4000-8000-000000000009")
FOREIGN = with_link(stored={**(BEFORE.azure_link.stored or {}), "hsm_order": 2})
FOREIGN_TLS = with_link(tls=replace(BEFORE.azure_link.tls, foreign={"ciphers": "strong"}))
ROTATED = with_metadata(**{CREDENTIAL_FACT: "client-secret:theirs"})
NOTED = with_metadata(site="theirs")
ROTATED_AND_NOTED = with_metadata(**{CREDENTIAL_FACT: "client-secret:theirs", "site": "theirs"})


@pytest.mark.parametrize(
    ("now", "body"),
    [
        (REDESCRIBED, DESCRIPTION),
        (MOVED, LINK),
        (RELINKED, LINK),
        (FOREIGN, LINK),
        (FOREIGN_TLS, LINK),
        (ROTATED, LINK),
        (ROTATED, METADATA),
        (ROTATED_AND_NOTED, LINK),
        (NOTED, METADATA),
    ],
    ids=[
        "description",
        "vault",
        "another link",
        "a member that we do not know",
        "one of its TLS settings",
        "credential, in the link",
        "credential, in its record",
        "credential besides metadata",
        "metadata",
    ],
)
def test_a_part_that_somebody_else_has_changed_is_not_overwritten(now: Group, body: Any) -> None:
    with pytest.raises(TaskError, match="this task did not change it") as failure:
        concurrent_changes.refuse_if_changed(BEFORE, now, body)

    assert failure.value.to_fail_json()["failure"]["retryable"] is True


@pytest.mark.parametrize(
    ("now", "body"),
    [
        (BEFORE, {**DESCRIPTION, **METADATA, **LINK}),
        (MOVED, DESCRIPTION),
        (RELINKED, DESCRIPTION),
        (ROTATED, DESCRIPTION),
        (REDESCRIBED, {**METADATA, **LINK}),
        (NOTED, LINK),
    ],
)
def test_a_part_that_is_not_written_may_change(now: Group, body: Any) -> None:
    assert not is_refused(now, body)


def test_the_same_change_by_somebody_else_is_as_good() -> None:
    assert concurrent_changes.is_done(MOVED, MOVED, LINK, "client-secret:old")
    assert concurrent_changes.is_done(REDESCRIBED, REDESCRIBED, DESCRIPTION, None)


@pytest.mark.parametrize("fact", ["client-secret:ours", None])
def test_a_link_without_a_record_of_our_credential_is_not_known_to_be_done(fact: str | None) -> None:
    assert not concurrent_changes.is_done(MOVED, MOVED, LINK, fact)


def test_reading_back_names_what_is_ours_as_a_failure_and_the_rest_as_theirs() -> None:
    assert concurrent_changes.verify(MOVED, replace(MOVED, description="theirs"), LINK) == ["description"]
    with pytest.raises(
        TaskError, match=r"these fields have other values: link\.vault\.name, link\.vault\.uri"
    ) as failure:
        concurrent_changes.verify(BEFORE, MOVED, LINK)
    assert failure.value.details["retryable"] is True


def test_all_of_a_new_group_is_ours() -> None:
    with pytest.raises(TaskError, match="description"):
        concurrent_changes.verify(BEFORE, REDESCRIBED, {"name": BEFORE.name, "add_hmg": []})


def test_a_group_of_the_same_name_is_taken_only_when_it_is_the_same() -> None:
    concurrent_changes.refuse_if_other(BEFORE, BEFORE, "client-secret:old")
    with pytest.raises(TaskError, match="a different credential"):
        concurrent_changes.refuse_if_other(BEFORE, BEFORE, "client-secret:ours")
    with pytest.raises(TaskError, match="a different description"):
        concurrent_changes.refuse_if_other(BEFORE, REDESCRIBED, "client-secret:old")


def test_metadata_that_others_have_added_is_told_and_is_no_failure() -> None:
    assert concurrent_changes.verify(BEFORE, NOTED, METADATA) == ["custom_metadata.site"]


def test_another_credential_on_record_than_was_written_is_a_failure() -> None:
    written = {**LINK, "custom_metadata": {CREDENTIAL_FACT: "client-secret:old"}}
    with pytest.raises(TaskError, match="has the record of another credential") as failure:
        concurrent_changes.verify(BEFORE, ROTATED, written)
    assert failure.value.details["retryable"] is True


def test_a_dsm_that_keeps_no_metadata_is_no_somebody_else() -> None:
    bare = replace(BEFORE, custom_metadata={})
    assert (
        concurrent_changes.verify(bare, bare, {**LINK, "custom_metadata": {CREDENTIAL_FACT: "client-secret:old"}}) == []
    )
