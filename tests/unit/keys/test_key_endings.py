# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision how a key ends: each state of it, each requested state, with and without the vault."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.keys.key_records import (
    DeletedKey,
    KeyAttributes,
    VaultKey,
    is_protected,
    is_without_soft_delete,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.desired_key import DesiredKey
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_decisions import SeenKey
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_decisions import decide as decide_present
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_endings import (
    DesiredEnding,
    SeenEnding,
    as_recovered,
    check_options,
    decide,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.reconciliation import ObservedKeys, reconcile
from unit.keys.builders import ONE, TWO, days, in_vault, source, version, virtual

DELETED, PURGED, ABSENT = (DesiredEnding("a", state) for state in ("deleted", "purged", "absent"))
SKIP = replace(PURGED, allow_skip=True)
WANTED = {"deleted": DELETED, "purged": PURGED, "purged, skipping": SKIP, "absent": ABSENT}

LIVE = in_vault("a", version(ONE, recovery_level="Recoverable+Purgeable"))
NEWER = in_vault("a", version(TWO, recovery_level="Recoverable+Purgeable"))
SOFT_DELETED = DeletedKey("a", days(-1), days(89), KeyAttributes(recovery_level="Recoverable+Purgeable"), version(ONE))
IS_DELETED = {"azure_state": "deleted", "enabled": False}
IS_PURGED = {"azure_state": "purged"}
IS_DESTROYED = {"azure_state": "purged", "state": "destroyed"}


def of_dsm(**members: Any) -> list[DsmKey]:
    return [virtual("a", ONE, **members)]


def seen(
    records: list[DsmKey],
    azure: VaultKey | None = None,
    deleted: DeletedKey | None = None,
    *,
    login: bool = True,
    with_deleted: bool = True,
    synced: bool = False,
) -> SeenEnding:
    """``login``: whether the vault was read. ``synced``: whether the task has synced, and knew all records before."""
    in_azure: Any = ([azure] if azure else []) if login else None
    gone: Any = ([deleted] if deleted else []) if login and with_deleted else None
    found = reconcile(ObservedKeys(records, None, in_azure, gone))
    known = frozenset(one.key.kid for one in records) if synced else None
    return SeenEnding(found[0] if found else None, login, login and with_deleted, known)


# What is read -> what is done for `deleted`, `purged`, `purged` with `allow_skip`, `absent`; and the same after a sync.
TABLE: list[tuple[str, dict[str, Any], str, str]] = [
    ("none", {"records": []}, "- - - -", "- - - -"),
    ("none, DSM alone", {"records": [], "login": False}, "- - - -", "- - - -"),
    ("foreign", {"records": [], "azure": LIVE}, "! ! ! -", "! ! ! -"),
    ("foreign and soft-deleted", {"records": [], "deleted": SOFT_DELETED}, "- ! ! -", "- ! ! -"),
    ("live", {"records": of_dsm(), "azure": LIVE}, "D ! D !", "D ! D !"),
    ("live, DSM alone", {"records": of_dsm(), "login": False}, "S ! S !", "D ! D !"),
    ("disabled", {"records": of_dsm(enabled=False), "azure": LIVE}, "D ! D !", "D ! D !"),
    ("live, newer in the vault", {"records": of_dsm(), "azure": NEWER}, "S ! S !", "D ! D !"),
    ("recovered in Azure", {"records": of_dsm(**IS_DELETED), "azure": LIVE}, "S S S S", "! ! ! !"),
    ("recreated in Azure", {"records": of_dsm(**IS_DESTROYED), "azure": NEWER}, "S S S S", "! ! ! !"),
    ("ghost", {"records": of_dsm()}, "S S S S", "! ! ! !"),
    ("soft-deleted", {"records": of_dsm(**IS_DELETED), "deleted": SOFT_DELETED}, "- P P !", "- P P !"),
    ("soft-deleted, DSM alone", {"records": of_dsm(**IS_DELETED), "login": False}, "- S S !", "- P P !"),
    ("soft-deleted in Azure", {"records": of_dsm(), "deleted": SOFT_DELETED}, "S S S !", "- ! ! !"),
    (
        "soft-deleted, deleted keys not read",
        {"records": of_dsm(**IS_DELETED), "with_deleted": False},
        "- S S !",
        "- P P !",
    ),
    ("gone, soft-deleted in DSM", {"records": of_dsm(**IS_DELETED)}, "S S S S", "- - - !"),
    ("purged", {"records": of_dsm(**IS_PURGED)}, "- - - S", "- - - !"),
    ("purged, DSM alone", {"records": of_dsm(**IS_PURGED), "login": False}, "- - - S", "- - - !"),
    ("destroyed", {"records": of_dsm(**IS_DESTROYED)}, "- - - R", "- - - R"),
    ("destroyed, DSM alone", {"records": of_dsm(**IS_DESTROYED), "login": False}, "- - - R", "- - - R"),
    (
        "destroyed too early, DSM alone",
        {"records": of_dsm(state="destroyed", azure_state="deleted"), "login": False},
        "- S S !",
        "- ! ! !",
    ),
]
SIGNS = {"-": "nothing", "!": "refuse", "S": "sync", "D": "delete", "P": "purge", "R": "remove"}
CELLS = [
    pytest.param(given, after_sync, wanted, SIGNS[row.split()[column]], id=f"{name}-{wanted}-{after_sync}")
    for name, given, *rows in TABLE
    for after_sync, row in zip((False, True), rows, strict=True)
    for column, wanted in enumerate(WANTED)
]


@pytest.mark.parametrize(("given", "synced", "wanted", "expected"), CELLS)
def test_what_is_done_in_each_state(given: dict[str, Any], synced: bool, wanted: str, expected: str) -> None:
    step = decide(WANTED[wanted], seen(**given, synced=synced))

    assert step.action == expected
    assert bool(step.reason) == (expected != "nothing")
    assert bool(step.next_step) == (expected == "refuse")
    assert bool(step.kids) == (expected in ("delete", "purge", "remove"))


def test_a_sync_is_never_decided_after_a_sync() -> None:
    for (_name, given, *_rows), wanted in product(TABLE, WANTED.values()):
        assert decide(wanted, seen(**given, synced=True)).action != "sync"


# Foreign keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [True, False])
@pytest.mark.parametrize("wanted", [DELETED, SKIP], ids=["deleted", "purged"])
def test_a_key_that_only_this_tasks_sync_has_brought_in_is_refused(wanted: DesiredEnding, login: bool) -> None:
    records = [virtual("a", ONE, **IS_DESTROYED), virtual("a", TWO)]
    found = replace(seen(records, NEWER, login=login), known=frozenset({records[0].key.kid}))
    assert "somebody has created another one" in decide(wanted, found).reason


def test_a_key_of_another_version_than_dsm_has_is_not_purged() -> None:
    other = replace(SOFT_DELETED, version=version(TWO))
    step = decide(PURGED, seen(of_dsm(**IS_DELETED), deleted=other))
    assert (step.action, "that DSM does not have" in step.reason) == ("refuse", True)


def test_the_key_of_a_certificate_is_never_ended() -> None:
    for wanted in WANTED.values():
        assert "certificate" in decide(wanted, seen(of_dsm(), replace(LIVE, managed=True))).reason
    gone = replace(SOFT_DELETED, managed=True)
    assert "certificate" in decide(PURGED, seen(of_dsm(**IS_DELETED), deleted=gone)).reason


# Recovery levels ------------------------------------------------------------------------------------------------------

# The seven of "DeletionRecoveryLevel", and what is not one: whether it is protected, and without soft-delete.
LEVELS = [
    ("Purgeable", False, True),
    ("Recoverable+Purgeable", False, False),
    ("Recoverable", True, False),
    ("Recoverable+ProtectedSubscription", True, False),
    ("CustomizedRecoverable+Purgeable", False, False),
    ("CustomizedRecoverable", True, False),
    ("CustomizedRecoverable+ProtectedSubscription", True, False),
    (None, False, False),
]


@pytest.mark.parametrize(("level", "protected", "bare"), LEVELS)
def test_a_recovery_level_says_whether_a_key_can_be_purged(level: str | None, protected: bool, bare: bool) -> None:
    attributes = KeyAttributes(recovery_level=level)
    assert (is_protected(attributes), is_without_soft_delete(attributes)) == (protected, bare)
    gone = replace(SOFT_DELETED, attributes=attributes)
    live = in_vault("a", version(ONE, recovery_level=level))
    assert decide(PURGED, seen(of_dsm(**IS_DELETED), deleted=gone)).action == ("refuse" if protected else "purge")
    assert decide(SKIP, seen(of_dsm(), live)).action == ("refuse" if protected else "delete")
    assert decide(DELETED, seen(of_dsm(), live)).action == ("refuse" if bare else "delete")


def test_a_protected_key_is_refused_with_the_date_on_which_the_vault_purges_it() -> None:
    gone = replace(SOFT_DELETED, attributes=KeyAttributes(recovery_level="Recoverable"))
    reason = decide(PURGED, seen(of_dsm(**IS_DELETED), deleted=gone)).reason
    assert reason == "purge protection holds the key until 2027-02-22; nobody can purge it earlier"
    undated = replace(gone, purge_due=None)
    assert "until its retention ends" in decide(PURGED, seen(of_dsm(**IS_DELETED), deleted=undated)).reason


# Records --------------------------------------------------------------------------------------------------------------


def test_a_request_names_the_newest_record_that_can_have_it() -> None:
    old, new = virtual("a", ONE, created=days(-5)), virtual("a", TWO, created=days(-2))
    assert decide(DELETED, seen([new, old], NEWER)).kids == (new.key.kid,)
    gone = [
        replace(one, key=replace(one.key, azure_state=azure)) for one, azure in ((old, "deleted"), (new, "created"))
    ]
    newest = replace(SOFT_DELETED, version=version(TWO))
    assert decide(PURGED, seen(gone, deleted=newest)).kids == (old.key.kid,)


def test_all_destroyed_records_are_removed() -> None:
    records = [virtual("a", ONE, **IS_DESTROYED), virtual("a", TWO, **IS_DESTROYED)]
    assert decide(ABSENT, seen(records)).kids == tuple(one.key.kid for one in records)


# Options --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"state": "purged", "confirm_purge": "A"}, None),
        ({"state": "purged", "confirm_purge": "a", "allow_skip": True}, None),
        ({"state": "deleted"}, None),
        ({"state": "purged"}, "confirm_purge"),
        ({"state": "purged", "confirm_purge": ""}, "confirm_purge"),
        ({"state": "purged", "confirm_purge": "a "}, "confirm_purge"),
        ({"state": "deleted", "confirm_purge": "a"}, "confirm_purge"),
        ({"state": "absent", "allow_skip": True}, "allow_skip"),
        ({"state": "present", "allow_skip": True}, "allow_skip"),
    ],
    ids=str,
)
def test_only_a_purge_is_confirmed_and_it_always_is(options: dict[str, Any], refused: str | None) -> None:
    params = {"name": "a", "confirm_purge": None, "allow_skip": False, **options}
    if refused is None:
        check_options(params)
        return
    with pytest.raises(InvalidInput) as failed:
        check_options(params)
    assert failed.value.obj == refused


# Brought back ---------------------------------------------------------------------------------------------------------

COPY = DesiredKey("a", "a", origin="copy")
MASTER = source("s1", public_sha256="p1")


def of_copy(**members: Any) -> list[DsmKey]:
    return of_dsm(copied_from="s1", **members)


PRESENT = [
    # What is read -> without options, with `on_soft_deleted: recover`, with `allow_recreate`; and after a sync.
    ("soft-deleted", {"records": of_copy(**IS_DELETED), "deleted": SOFT_DELETED}, "! C !", "! C !"),
    ("soft-deleted, DSM alone", {"records": of_copy(**IS_DELETED), "login": False}, "! C !", "! C !"),
    ("soft-deleted in Azure", {"records": of_copy(), "deleted": SOFT_DELETED}, "! S !", "! ! !"),
    ("foreign and soft-deleted", {"records": [], "deleted": SOFT_DELETED}, "! ! !", "! ! !"),
    ("purged", {"records": of_copy(**IS_PURGED)}, "! ! S", "! ! !"),
    ("destroyed", {"records": of_copy(**IS_DESTROYED)}, "! ! R", "! ! R"),
    ("destroyed, DSM alone", {"records": of_copy(**IS_DESTROYED), "login": False}, "! ! S", "! ! R"),
]
OF_PRESENT = {"!": "refuse", "C": "recover", "S": "sync", "R": "remove"}


@pytest.mark.parametrize(("given", "rows"), [(given, rows) for _name, given, *rows in PRESENT])
def test_what_is_done_for_a_key_that_is_to_be_present_again(given: dict[str, Any], rows: list[str]) -> None:
    options = (COPY, replace(COPY, recover=True), replace(COPY, allow_recreate=True))
    for synced, row in zip((False, True), rows, strict=True):
        found = seen(**given)
        key = SeenKey(found.key, MASTER, with_azure=found.with_azure, synced=synced, vault_type="premium")
        assert [decide_present(one, key).action for one in options] == [OF_PRESENT[sign] for sign in row.split()]


def test_a_key_that_azure_generated_is_not_made_again() -> None:
    found = seen(of_dsm(recorded_origin="azure", **IS_DESTROYED))
    wanted = DesiredKey("a", "a", origin="azure", type="RSA", size=2048, allow_recreate=True)
    decision = decide_present(wanted, SeenKey(found.key))
    assert (decision.action, "state: absent" in decision.next_step) == ("refuse", True)


def test_a_key_that_cannot_become_as_requested_is_not_recovered() -> None:
    found = seen(of_dsm(copied_from="x", **IS_DELETED), deleted=SOFT_DELETED)
    decision = decide_present(replace(COPY, recover=True), SeenKey(found.key, MASTER, vault_type="premium"))
    assert decision.action == "refuse"


@pytest.mark.parametrize("enabled", [True, False])
def test_a_recovered_key_is_predicted_as_it_was(enabled: bool) -> None:
    attributes = KeyAttributes(enabled=enabled, recovery_level="Recoverable")
    gone = replace(SOFT_DELETED, attributes=attributes, version=replace(version(ONE), attributes=attributes))
    found = seen(of_dsm(**IS_DELETED), deleted=gone).key
    assert found is not None
    assert as_recovered(found).state == ("live" if enabled else "disabled")
