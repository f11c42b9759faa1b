# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DSM is asked for, and which records are the result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_writes import Attributes, NewKey
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.desired_key import DesiredKey
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_requests import changed, created_since, new_key
from unit.keys.builders import ONE, TWO, days, source, virtual

COPY = DesiredKey("payments", "payments of prod", origin="copy", protection="hsm")
MASTER = source("s1")


def new(desired: DesiredKey, vault_type: str | None = "premium") -> NewKey:
    return new_key(desired, vault_type, group_id="g", label='key "payments"')


def test_a_new_key_has_both_names_and_nothing_that_is_not_requested() -> None:
    expected = NewKey("payments of prod", "payments", "g", 'key "payments"', "copy", hardware=True)
    assert new(COPY) == expected
    dated = replace(COPY, enabled=False, not_before=days(1), expires=days(9))
    attributes = Attributes(enabled=False, not_before=days(1), expires=days(9))
    assert new(dated) == replace(expected, attributes=attributes)


def test_an_hsm_is_requested_only_where_a_vault_has_the_choice() -> None:
    assert {kind: new(COPY, kind).hardware for kind in ("premium", "managed_hsm", None)} == {
        "premium": True,
        "managed_hsm": False,
        None: True,
    }
    assert new(replace(COPY, protection="software")).hardware is False


def test_an_app_may_change_a_key_that_it_has_created_with_given_operations() -> None:
    assert new(replace(COPY, operations=("sign",))).attributes.operations == ("APPMANAGEABLE", "SIGN")


@pytest.mark.parametrize(
    ("stored", "requested", "sent"),
    [
        (("SIGN", "VERIFY"), ("sign",), ("SIGN",)),
        (("SIGN", "APPMANAGEABLE", "EXPORT"), ("verify",), ("APPMANAGEABLE", "EXPORT", "VERIFY")),
    ],
)
def test_operations_that_azure_does_not_have_are_kept(
    stored: tuple[str, ...], requested: tuple[str, ...], sent: tuple[str, ...]
) -> None:
    desired = replace(COPY, operations=requested, enabled=False)
    record = virtual("payments", operations=stored)
    assert changed(desired, ["operations"], record) == Attributes(operations=sent)
    assert changed(desired, ["enabled"], record) == Attributes(enabled=False)


def test_the_result_of_a_creation_is_told_from_older_records_and_from_those_of_a_sync() -> None:
    old = virtual("payments", ONE, recorded_origin="copy", copied_from="s1")
    synced = virtual("payments", TWO)
    known = {old.key.kid}
    for made in (replace(synced, recorded_origin="copy"), replace(synced, recorded_origin="copy", copied_from="s1")):
        assert created_since(known, [old, made], MASTER) == [made]
        assert created_since(known, [old, made], None) == []
    assert created_since(known, [old, synced, replace(synced, copied_from="s2", recorded_origin="copy")], MASTER) == []
    generated = replace(synced, recorded_origin="azure")
    assert created_since(known, [old, generated], None) == [generated]
    assert created_since(known, [old, generated], MASTER) == []
