# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision about a key: one row for each state, with what the options allow and with what was not read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.keys.key_records import (
    DeletedKey,
    PublicKey,
    VaultKey,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.desired_key import DesiredKey
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_decisions import Decision, SeenKey, decide
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.reconciliation import ObservedKeys, reconcile
from unit.keys.builders import NEWER, OLDER, ONE, TWO, days, in_vault, source, sources, version, virtual

S1, S2, STRANGER = (
    source("s1", public_sha256="p1", replacement="s2"),
    source("s2", public_sha256="p2"),
    source("x", public_sha256="px"),
)
ONLY = source("s1", public_sha256="p1")
COPY = DesiredKey("a", "a", origin="copy")
GENERATED = DesiredKey("a", "a", origin="azure", type="RSA", size=2048)
ANY = DesiredKey("a", "a")


def of_copy(number: str = ONE, **members: Any) -> DsmKey:
    return virtual("a", number, **{"copied_from": "s1", **members})


def of_generated(**members: Any) -> DsmKey:
    return virtual("a", **{"recorded_origin": "azure", **members})


def live(sha256: str | None = "p1", **attributes: Any) -> VaultKey:
    return in_vault("a", version(ONE, sha256=sha256, **attributes))


def seen(
    records: list[DsmKey] | None = None,
    azure: VaultKey | None = None,
    deleted: DeletedKey | None = None,
    *,
    with_azure: bool = True,
    **members: Any,
) -> SeenKey:
    """What was read of the key. Without ``with_azure``, DSM alone."""
    vault: Any = ([azure] if azure else [], [deleted] if deleted else []) if with_azure else (None, None)
    found = reconcile(ObservedKeys(records or [], None, *vault))
    given = {"source": ONLY, "sources": sources(ONLY), "vault_type": "premium", **members}
    return SeenKey(found[0] if found else None, with_azure=with_azure, **given)


def action(desired: DesiredKey, found: SeenKey) -> str:
    return decide(desired, found).action


SOFT_DELETED = DeletedKey("a", days(-1), days(89))
GONE = {"state": "deleted", "azure_state": "deleted"}
PURGED = {"state": "active", "azure_state": "purged"}
DESTROYED = {"state": "destroyed", "azure_state": "purged"}

# State -> what is read -> what is done for a copy of the source, and what after a sync.
TABLE = [
    ("none", seen(), "create", "create"),
    ("none, DSM alone", seen(with_azure=False), "sync", "create"),
    ("foreign", seen(azure=live("px")), "refuse", "refuse"),
    ("foreign, public key not known", seen(azure=live(None)), "refuse", "refuse"),
    ("foreign, same public key", seen(azure=live("p1")), "sync", "refuse"),
    ("live", seen([of_copy()], live()), "nothing", "nothing"),
    ("live, DSM alone", seen([of_copy()], with_azure=False), "nothing", "nothing"),
    ("disabled", seen([of_copy(enabled=False)], live(enabled=False)), "nothing", "nothing"),
    ("newer version in the vault", seen([of_copy()], in_vault("a", NEWER)), "sync", "refuse"),
    ("recovered", seen([of_copy(**GONE)], live()), "sync", "refuse"),
    ("ghost", seen([of_copy()]), "sync", "refuse"),
    ("soft-deleted", seen([of_copy()], deleted=SOFT_DELETED), "refuse", "refuse"),
    ("soft-deleted, not in DSM", seen(deleted=SOFT_DELETED), "refuse", "refuse"),
    ("soft-deleted, DSM alone", seen([of_copy(**GONE)], with_azure=False), "refuse", "refuse"),
    ("purged", seen([of_copy(**PURGED)]), "refuse", "refuse"),
    ("destroyed", seen([of_copy(**DESTROYED)]), "refuse", "refuse"),
]


@pytest.mark.parametrize(("found", "first", "after_sync"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_done_in_each_state(found: SeenKey, first: str, after_sync: str) -> None:
    assert action(COPY, found) == first
    assert action(COPY, replace(found, synced=True)) == after_sync


@pytest.mark.parametrize(("found", "first"), [row[1:3] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_refusal_names_the_problem_and_the_next_step(found: SeenKey, first: str) -> None:
    decision = decide(COPY, found)
    assert bool(decision.reason) or first == "nothing"
    assert bool(decision.next_step) == (first == "refuse")


def test_a_soft_deleted_key_is_refused_with_the_date_of_its_purge() -> None:
    assert "2027-02-22" in decide(COPY, seen(deleted=SOFT_DELETED)).reason


# Foreign keys ---------------------------------------------------------------------------------------------------------


def test_a_foreign_key_is_adopted_only_if_that_is_requested() -> None:
    for desired in (GENERATED, ANY):
        assert action(desired, seen(azure=live("px"), source=None)) == "refuse"
        assert action(replace(desired, adopt=True), seen(azure=live("px"), source=None)) == "sync"


@pytest.mark.parametrize(
    "options", [{"type": "EC", "size": None}, {"size": 4096}, {"protection": "hsm"}, {"curve": "P-256"}], ids=str
)
def test_a_foreign_key_that_cannot_be_as_requested_is_refused_before_a_sync(options: dict[str, Any]) -> None:
    desired = replace(ANY, adopt=True, **options)
    assert action(desired, seen(azure=live("px", hsm_platform="0"), source=None)) == "refuse"


def test_a_foreign_key_with_other_material_is_never_adopted_as_a_copy() -> None:
    decision = decide(replace(COPY, adopt=True), seen(azure=live("px")))
    assert (decision.action, "another public key" in decision.reason) == ("refuse", True)


@pytest.mark.parametrize("records", [[], [virtual("a")]])
def test_the_key_of_a_certificate_is_never_written_to(records: list[DsmKey]) -> None:
    managed = replace(live(), managed=True)
    for desired in (COPY, replace(COPY, adopt=True), replace(ANY, enabled=False)):
        decision = decide(desired, seen(records, managed))
        assert (decision.action, "certificate" in decision.reason) == ("refuse", True)


# Origin and material --------------------------------------------------------------------------------------------------

ORIGINS = [
    ("copy of the source", COPY, seen([of_copy()], live()), "nothing"),
    ("copy of another key", COPY, seen([of_copy(copied_from="x")], live(), sources=sources(ONLY, STRANGER)), "refuse"),
    ("copy of a key that is not seen", COPY, seen([of_copy(copied_from="x")], live()), "refuse"),
    ("generated, a copy is requested", COPY, seen([of_generated()], live()), "refuse"),
    ("copy, a generated key is requested", GENERATED, seen([of_copy()], live()), "refuse"),
    ("generated", GENERATED, seen([of_generated()], live()), "nothing"),
    ("unknown, a generated key is requested", GENERATED, seen([virtual("a")], live()), "refuse"),
    ("unknown, the same, adopted", replace(GENERATED, adopt=True), seen([virtual("a")], live()), "nothing"),
    ("unknown, same public key", COPY, seen([virtual("a")], live("p1")), "nothing"),
    ("unknown, other public key", COPY, seen([virtual("a")], live("px")), "refuse"),
    ("unknown, other, adopted", replace(COPY, adopt=True), seen([virtual("a")], live("px")), "refuse"),
    ("unknown, no public key", COPY, seen([virtual("a")], live(None)), "refuse"),
    ("recorded as a copy, no public key", COPY, seen([virtual("a", recorded_origin="copy")], live(None)), "nothing"),
    ("a stranger's version of a copy", COPY, seen([of_copy()], live("px")), "refuse"),
    ("no origin requested", ANY, seen([virtual("a")], live("px")), "nothing"),
]


@pytest.mark.parametrize(
    ("desired", "found", "expected"), [row[1:] for row in ORIGINS], ids=[row[0] for row in ORIGINS]
)
def test_the_origin_of_a_key_is_never_changed(desired: DesiredKey, found: SeenKey, expected: str) -> None:
    assert action(desired, found) == expected
    assert action(desired, replace(found, synced=True)) == expected


def test_a_copy_of_a_source_that_was_rotated_is_left_alone() -> None:
    """Its material is that of the previous source; a rotation is another decision."""
    chain = sources(S1, S2)
    assert action(COPY, seen([of_copy()], live("p1"), source=S2, sources=chain)) == "nothing"
    assert action(COPY, seen([of_copy()], live("p1"), source=S1, sources=chain)) == "nothing"
    assert action(COPY, seen([of_copy(copied_from="s2")], live("p2"), source=S1, sources=chain)) == "nothing"
    assert action(COPY, seen([of_copy()], live("p2"), source=S2, sources=chain)) == "refuse"


def test_a_source_whose_predecessor_was_deleted_in_dsm_is_still_its_successor() -> None:
    successor = replace(S2, replaced="s1")
    chain = sources(successor, unread=frozenset({"s1"}))
    decision = decide(COPY, seen([of_copy()], live("p1"), source=successor, sources=chain))
    assert (decision.action, decision.unverified) == ("nothing", ("material",))


def test_a_key_in_dsm_that_is_not_seen_is_no_remedy() -> None:
    chain = sources(ONLY, unread=frozenset({"x"}))
    decision = decide(COPY, seen([of_copy(copied_from="x")], live(), sources=chain))
    assert (decision.action, "does not exist any more" in decision.reason) == ("refuse", True)
    assert "source.kid" not in decision.next_step


@pytest.mark.parametrize("public", [None, "p1"])
def test_material_that_was_not_compared_is_named(public: str | None) -> None:
    """A stranger's version in the vault is not in DSM, whatever public key DSM has."""
    decision = decide(COPY, seen([of_copy(public_sha256=public)], with_azure=False))
    assert (decision.action, "material" in decision.unverified) == ("nothing", True)
    decision = decide(COPY, seen([of_copy(public_sha256=public)], live("p1")))
    assert (decision.action, decision.unverified) == ("nothing", ())


def test_the_origin_of_an_adopted_key_and_a_form_that_dsm_alone_shows_are_named() -> None:
    record = virtual("a", type="RSA", size=2048)
    adopted = replace(GENERATED, adopt=True)
    assert decide(adopted, seen([record], live())).unverified == ("origin",)
    assert decide(GENERATED, seen([of_generated()], live())).unverified == ()
    assert decide(adopted, seen([record], with_azure=False)).unverified == ("origin", "type", "size")


# Form and protection --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"type": "EC"}, {"size": 4096}, {"curve": "P-256"}, {"protection": "hsm"}], ids=str
)
def test_what_cannot_be_changed_is_refused(options: dict[str, Any]) -> None:
    decision = decide(replace(ANY, **options), seen([virtual("a", curve="NistP384")], live(hsm_platform="0")))
    assert (decision.action, "choose another name" in decision.next_step) == ("refuse", True)


@pytest.mark.parametrize(
    ("vault_type", "hardware", "wanted", "expected"),
    [
        # DSM shows for what Azure was asked, not what the key has.
        ("premium", True, "hsm", ("nothing", ("protection",))),
        ("premium", True, "software", ("refuse", ())),
        # DSM does not say of a key that a sync has found how it is protected.
        ("premium", False, "hsm", ("nothing", ("protection",))),
        ("premium", False, "software", ("nothing", ("protection",))),
        ("standard", False, "software", ("nothing", ())),
        ("managed_hsm", False, "hsm", ("nothing", ())),
    ],
)
def test_protection_as_far_as_dsm_alone_shows_it(
    vault_type: str, hardware: bool, wanted: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    found = seen([virtual("a", hardware=hardware)], with_azure=False, vault_type=vault_type)
    decision = decide(replace(ANY, protection=wanted), found)
    assert (decision.action, decision.unverified) == expected


@pytest.mark.parametrize("with_azure", [True, False])
def test_operations_that_an_ec_key_cannot_have_are_refused(with_azure: bool) -> None:
    public = PublicKey("EC-HSM", None, "P-256", ("sign",), None)
    azure = in_vault("a", replace(version(ONE), public=public)) if with_azure else None
    found = seen([virtual("a", type="EC", curve="NistP256")], azure, with_azure=with_azure)
    decision = decide(replace(ANY, operations=("encrypt", "sign")), found)
    assert (decision.action, "operations encrypt are requested" in decision.reason) == ("refuse", True)
    assert action(replace(ANY, operations=("sign",)), found) in ("update", "nothing")


# Attributes -----------------------------------------------------------------------------------------------------------

SOON, LATER = days(30), days(300)


@pytest.mark.parametrize(
    ("options", "record", "attributes", "changes"),
    [
        ({"enabled": True}, {}, {}, {}),
        ({"enabled": False}, {}, {}, {"enabled": (True, False)}),
        ({"enabled": True}, {"enabled": False}, {"enabled": False}, {"enabled": (False, True)}),
        # Each side alone.
        ({"enabled": True}, {}, {"enabled": False}, {"enabled": (False, True)}),
        ({"enabled": True}, {"enabled": False}, {}, {"enabled": (False, True)}),
        ({"expires": LATER}, {"expires": LATER}, {"expires": LATER}, {}),
        (
            {"expires": LATER},
            {"expires": SOON},
            {"expires": SOON},
            {"expires": ("2026-12-25T12:00:00Z", "2027-09-21T12:00:00Z")},
        ),
        ({"expires": LATER}, {}, {"expires": LATER}, {"expires": (None, "2027-09-21T12:00:00Z")}),
        ({"not_before": SOON}, {"activates": SOON}, {"not_before": SOON}, {}),
        ({"operations": ("sign",)}, {"operations": ("SIGN", "APPMANAGEABLE", "EXPORT")}, {}, {}),
        (
            {"operations": ("sign",)},
            {"operations": ("SIGN", "VERIFY")},
            {},
            {"operations": (["sign", "verify"], ["sign"])},
        ),
        # Nothing is requested, so nothing is changed.
        ({}, {"enabled": False, "expires": SOON, "operations": ("VERIFY",)}, {}, {}),
    ],
)
def test_only_what_is_requested_and_differs_on_a_side_is_changed(
    options: dict[str, Any], record: dict[str, Any], attributes: dict[str, Any], changes: dict[str, Any]
) -> None:
    decision = decide(replace(ANY, **options), seen([virtual("a", **record)], live(**attributes)))
    assert dict(decision.changes.values) == changes
    assert decision.action == ("update" if changes else "nothing")


@pytest.mark.parametrize(
    ("options", "record"),
    [
        ({"not_before": LATER}, {"expires": SOON}),
        ({"not_before": SOON}, {"expires": SOON}),
        ({"expires": SOON}, {"activates": LATER}),
    ],
)
def test_a_date_that_contradicts_the_stored_one_is_refused_before_a_write(
    options: dict[str, Any], record: dict[str, Any]
) -> None:
    decision = decide(replace(ANY, **options), seen([virtual("a", **record)], live()))
    assert (decision.action, "which is not later" in decision.reason) == ("refuse", True)


@pytest.mark.parametrize("state", ["deactivated", "compromised"])
def test_a_key_that_dsm_never_changes_again_is_refused_before_a_write(state: str) -> None:
    found = seen([virtual("a", state=state, expires=SOON)], live(expires=SOON))
    decision = decide(replace(ANY, expires=LATER), found)
    assert (decision.action, f"in the state {state}" in decision.reason) == ("refuse", True)
    assert action(replace(ANY, expires=SOON), found) == "nothing"


def test_what_the_vault_would_have_to_show_is_named_if_it_was_not_read() -> None:
    desired = replace(ANY, enabled=True, expires=SOON, operations=("sign",))
    record = virtual("a", expires=SOON, operations=("SIGN",))
    decision = decide(desired, seen([record], with_azure=False))
    assert (decision.action, set(decision.unverified)) == ("nothing", {"enabled", "expires", "operations"})


def test_records_of_which_none_is_known_to_be_current_are_not_changed() -> None:
    at: datetime = days(-3)
    doubled = [virtual("a", ONE, created=at), virtual("a", TWO, created=at)]
    decision: Decision = decide(replace(ANY, enabled=False), seen(doubled, with_azure=False))
    assert (decision.action, "not known which one is current" in decision.reason) == ("refuse", True)


@pytest.mark.parametrize("gone", [GONE, PURGED, DESTROYED], ids=["deleted", "purged", "destroyed"])
def test_a_key_whose_newest_record_is_deleted_is_not_taken_for_live(gone: dict[str, Any]) -> None:
    """What records of other versions show after a deletion, before a sync, is not public (Q52)."""
    records = [virtual("a", ONE, created=days(-9)), virtual("a", TWO, created=days(-3), **gone)]
    for desired in (ANY, replace(ANY, enabled=False)):
        found = seen(records, with_azure=False)
        assert action(desired, found) == "sync"
        assert action(desired, replace(found, synced=True)) == "refuse"


def test_the_record_of_the_current_version_is_changed() -> None:
    records = [virtual("a", ONE, enabled=False), virtual("a", TWO)]
    found = seen(records, in_vault("a", OLDER, NEWER))
    assert found.key is not None
    assert found.key.newest is records[1]
    assert action(replace(ANY, enabled=True), found) == "nothing"


def test_two_records_of_the_current_version_are_named_and_no_operator_is_asked_for() -> None:
    doubled = [virtual("a"), replace(virtual("a"), key=replace(virtual("a").key, kid="another"))]
    decision = decide(replace(ANY, enabled=False), seen(doubled, live()))
    assert (decision.action, decision.next_step) == ("refuse", "delete one of them in DSM")
    assert all(one.key.kid in decision.reason for one in doubled)
