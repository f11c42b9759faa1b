# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the later steps of a set-up take for there, because an earlier step of the same plan is going to make it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._declaration.planned import planned_parts

NIL = "00000000-0000-0000-0000-000000000000"
THERE: dict[str, Any] = {
    "application": {"application": {"object_id": "an ID"}, "credential_planned": False, "certificate": None},
    "vault": {"changed": False},
    "rights": {"changed": False},
    "credential": {"changed": False, "new_groups": []},
    "gives_certificate": False,
}
NEW = {"application": {"object_id": NIL}, "credential_planned": True, "certificate": {"planned": True}}
REGISTERED_NEXT = {"application": {"object_id": "an ID"}, "credential_planned": True, "certificate": {"planned": False}}
PUBLIC_PART = {"application": {"object_id": "an ID"}, "credential_planned": True}


@pytest.mark.parametrize(
    ("made", "planned"),
    [
        ({}, set()),
        ({"application": NEW}, {"principal", "client_id", "registration", "credential", "vault", "link"}),
        ({"application": REGISTERED_NEXT}, {"registration", "credential", "vault", "link"}),
        # Whether the link is going to have it is not said, so it is not written for that.
        ({"application": PUBLIC_PART}, {"registration", "vault", "link"}),
        ({"application": PUBLIC_PART, "gives_certificate": True}, {"registration", "credential", "vault", "link"}),
        ({"vault": {"changed": True}}, {"vault", "link"}),
        ({"rights": {"changed": True}}, {"vault", "link"}),
        ({"credential": {"changed": True, "new_groups": [{"planned": True}]}}, {"credential", "vault", "link"}),
        # The groups that are there get another credential, which is theirs then.
        ({"credential": {"changed": True, "new_groups": []}}, {"link"}),
        (
            {name: {"changed": False, "skipped": True} for name in ("application", "vault", "rights", "credential")},
            set(),
        ),
    ],
)
def test_what_is_only_planned_counts_as_there(made: dict[str, Any], planned: set[str]) -> None:
    parts = planned_parts({**THERE, **made}, check_mode=True)

    assert {name for name, is_planned in parts.items() if is_planned} == planned


def test_outside_of_check_mode_nothing_is_only_planned() -> None:
    made = {
        "application": NEW,
        "vault": {"changed": True},
        "rights": {"changed": True},
        "credential": {"changed": True},
    }

    assert not any(planned_parts(made, check_mode=False).values())
