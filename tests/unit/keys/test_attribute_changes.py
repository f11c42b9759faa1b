# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which attributes differ on which side, and which versions are still enabled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.keys.key_records import KeyVersion, VaultKey
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.rotation_policies import RotationPolicy
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.attribute_changes import changes_of
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.desired_key import DesiredKey
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.enabled_versions import enabled_versions, stuck
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_decisions import SeenKey, decide
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_requests import changed_in_azure
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.reconciliation import (
    ObservedKeys,
    ReconciledKey,
    reconcile,
)
from unit.keys.builders import NEWER, OLDER, ONE, TWO, days, in_vault, version, virtual

ANY = DesiredKey("a", "a")
SHUT = replace(ANY, enabled=False, all_versions=True)
THREE = "3" * 32
NEWEST = version(THREE, days(-0.5))


def key_of(records: list[DsmKey], azure: VaultKey | None = None, *, with_azure: bool = True) -> ReconciledKey:
    vault = ([azure] if azure else []) if with_azure else None
    (found,) = reconcile(ObservedKeys(records, None, vault, None if vault is None else []))
    return found


# Attributes -----------------------------------------------------------------------------------------------------------

LATER: datetime = days(300)


@pytest.mark.parametrize(
    ("options", "record", "attributes", "in_dsm", "in_azure"),
    [
        ({"enabled": False}, {}, {}, ("enabled",), ("enabled",)),
        ({"enabled": False}, {"enabled": False}, {}, (), ("enabled",)),
        ({"enabled": False}, {}, {"enabled": False}, ("enabled",), ()),
        ({"expires": LATER}, {"expires": LATER}, {"expires": days(1)}, (), ("expires",)),
        ({"tags": {"a": "b"}}, {}, {"tags": {"a": "b"}}, (), ()),
        ({"tags": {"a": "b"}}, {}, {"tags": {"a": "b", "fortanix-dsm-source": "x"}}, (), ()),
        ({"tags": {}}, {}, {"tags": {"a": "b"}}, (), ("tags",)),
        ({"tags": {}}, {}, {}, (), ()),
        ({"description": ""}, {}, {}, (), ()),
        ({"description": ""}, {"description": "old"}, {}, ("description",), ()),
        (
            {"metadata": {}},
            {"metadata": {"azure-key-name": "a", "fortanix-dsm-ansible-key-origin": "copy"}},
            {},
            (),
            (),
        ),
        ({"metadata": {}}, {"metadata": {"azure-key-name": "a", "note": "1"}}, {}, ("metadata",), ()),
        ({"rotation_policy": RotationPolicy(90)}, {}, {}, ("rotation_policy",), ()),
        ({"rotation_policy": RotationPolicy(90)}, {"rotation": {"interval_days": 90}}, {}, (), ()),
        ({"rotation_policy": RotationPolicy(90)}, {"rotation": {"interval_months": 3}}, {}, ("rotation_policy",), ()),
        (
            {"rotation_policy": RotationPolicy(90)},
            {"rotation": {"interval_days": 90, "effective_at": "20270101T000000Z"}},
            {},
            (),
            (),
        ),
    ],
    ids=str,
)
def test_each_side_has_its_own_differences(
    options: dict[str, Any],
    record: dict[str, Any],
    attributes: dict[str, Any],
    in_dsm: tuple[str, ...],
    in_azure: tuple[str, ...],
) -> None:
    stored = virtual("a", **record)
    key = key_of([stored], in_vault("a", version(ONE, sha256="p", **attributes)))
    found = changes_of(replace(ANY, **options), key, stored, with_azure=True)
    assert (found.in_dsm, found.in_azure) == (in_dsm, in_azure)
    assert set(found.values) == {*in_dsm, *in_azure}


def test_what_only_dsm_has_needs_no_vault_to_be_verified() -> None:
    stored = virtual("a")
    desired = replace(ANY, enabled=True, description="", metadata={}, rotation_policy=RotationPolicy(90))
    found = changes_of(desired, key_of([stored], with_azure=False), stored, with_azure=False)
    assert found.unverified == ("enabled",)


def test_azure_gets_its_own_words_and_keeps_what_is_not_the_users() -> None:
    current = version(ONE, sha256="p", tags={"old": "1", "Fortanix-DSM-source": "x"})
    assert current.public is not None
    current = replace(current, public=replace(current.public, operations=("sign", "secureWrapKey")))
    desired = replace(ANY, enabled=True, operations=("unwrap_key", "wrap_key"), tags={"new": "2"}, expires=LATER)
    assert changed_in_azure(desired, ["operations", "tags"], current) == {
        "operations": ["secureWrapKey", "unwrapKey", "wrapKey"],
        "tags": {"new": "2", "Fortanix-DSM-source": "x"},
    }


# Versions -------------------------------------------------------------------------------------------------------------


def disabled(one: KeyVersion) -> KeyVersion:
    return replace(one, attributes=replace(one.attributes, enabled=False))


def test_versions_are_ordered_with_the_current_one_last() -> None:
    records = [virtual("a", TWO, created=days(-20)), virtual("a", ONE, created=days(-1))]
    found = enabled_versions(key_of(records, in_vault("a", NEWEST)), [NEWEST, OLDER, NEWER])
    assert [(one.version, one.record is not None, one.is_current) for one in found] == [
        (ONE, True, False),
        (TWO, True, False),
        (THREE, False, True),
    ]
    assert [one.attribute for one in found] == [f"versions.{ONE}.enabled", f"versions.{TWO}.enabled", "enabled"]


@pytest.mark.parametrize(
    ("record", "shown", "expected"),
    [
        ({}, OLDER, [(True, True)]),
        ({}, disabled(OLDER), [(True, False)]),
        ({"enabled": False}, OLDER, [(False, True)]),
        ({"enabled": False}, disabled(OLDER), []),
        # DSM does not change it any more.
        ({"state": "deactivated"}, OLDER, [(False, True)]),
        ({"state": "compromised"}, disabled(OLDER), []),
    ],
    ids=str,
)
def test_a_version_is_disabled_where_it_is_enabled(
    record: dict[str, Any], shown: KeyVersion, expected: list[tuple[bool, bool]]
) -> None:
    """Through DSM, if DSM shows it as enabled and can change it; otherwise in the vault."""
    found = enabled_versions(key_of([virtual("a", ONE, **record)], in_vault("a", shown)), [shown])
    assert [(one.record is not None, one.in_azure) for one in found] == expected


def test_records_of_deleted_keys_are_not_versions_to_disable() -> None:
    gone = virtual("a", ONE, azure_state="deleted")
    assert enabled_versions(key_of([gone, virtual("a", TWO)], with_azure=False), None)[0].version == TWO


def test_two_records_of_one_version_are_both_disabled() -> None:
    doubled = [virtual("a", ONE), replace(virtual("a", ONE), created=days(-2))]
    found = enabled_versions(key_of(doubled, in_vault("a", OLDER)), [OLDER])
    assert [one.record for one in found if one.record is not None] == doubled


def test_a_version_that_nobody_can_judge_is_named() -> None:
    record = virtual("a", ONE, state="deactivated")
    assert stuck(key_of([record], with_azure=False), None) == (ONE,)
    assert stuck(key_of([record], in_vault("a", OLDER)), None) == ()


def seen(records: list[DsmKey], *versions: KeyVersion, with_azure: bool = True) -> SeenKey:
    key = key_of(records, in_vault("a", *versions[-1:]) if with_azure else None, with_azure=with_azure)
    return SeenKey(key, with_azure=with_azure, versions=versions if with_azure else None)


def test_in_an_emergency_neither_a_sync_nor_an_unknown_current_version_stands_in_the_way() -> None:
    lagging = seen([virtual("a", ONE)], OLDER, NEWER)
    assert (decide(replace(ANY, enabled=False), lagging).action, decide(SHUT, lagging).action) == ("sync", "update")
    at = days(-3)
    unclear = seen([virtual("a", ONE, created=at), virtual("a", TWO, created=at)], with_azure=False)
    assert len(decide(SHUT, unclear).versions) == 2


def test_with_other_options_the_key_is_checked_first() -> None:
    lagging = seen([virtual("a", ONE)], OLDER, NEWER)
    for options in ({"description": "x"}, {"tags": {}}, {"origin": "azure"}, {"size": 2048}):
        assert decide(replace(SHUT, **options), lagging).action == "sync"


def test_foreign_keys_and_those_of_certificates_are_left_alone_in_an_emergency_too() -> None:
    foreign = SeenKey(key_of([], in_vault("a", OLDER)), versions=(OLDER,))
    managed = SeenKey(key_of([virtual("a")], replace(in_vault("a", OLDER), managed=True)), versions=(OLDER,))
    for found in (foreign, managed):
        decision = decide(SHUT, found)
        assert (decision.action, decision.versions) == ("refuse", ())


def test_versions_that_were_not_listed_are_not_verified() -> None:
    unlisted = SeenKey(key_of([virtual("a")], in_vault("a", OLDER)), versions=None)
    assert decide(SHUT, unlisted).unverified == ("versions",)
    assert decide(SHUT, seen([virtual("a")], with_azure=False)).unverified == ("versions", "enabled")
