# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks as Resource Manager lists them, and the actions that they forbid."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization.locks import Lock, in_the_way_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.authorization.role_assignments import PROVIDER
from unit.azure.builders import RESOURCE_GROUP, SUBSCRIPTION, VAULT_ID, saying

WRITE, DELETE = "Microsoft.KeyVault/vaults/write", "Microsoft.KeyVault/vaults/Delete"


def stored(scope: str, level: str = "CanNotDelete") -> dict[str, Any]:
    return {"id": f"{scope}/{PROVIDER}/locks/keep", "name": "keep", "properties": {"level": level}}


@pytest.mark.parametrize(
    ("level", "action", "forbids"),
    [
        ("CanNotDelete", DELETE, True),
        ("CANNOTDELETE", DELETE, True),
        ("CanNotDelete", WRITE, False),
        ("ReadOnly", WRITE, True),
        ("readonly", DELETE, True),
    ],
)
def test_a_lock_forbids_by_its_level(level: str, action: str, forbids: bool) -> None:
    assert Lock("keep", level, RESOURCE_GROUP.upper()).forbids((action, VAULT_ID)) is forbids


def test_a_lock_beside_the_scope_forbids_nothing() -> None:
    assert not Lock("keep", "ReadOnly", f"{VAULT_ID}-two").forbids((WRITE, VAULT_ID))


def test_scopes_that_lie_in_each_other_are_read_at_the_deepest() -> None:
    asked: list[str] = []
    arm = saying({f"{VAULT_ID}/{PROVIDER}/locks": [stored(RESOURCE_GROUP)]}, asked)

    found = in_the_way_of(arm, [(WRITE, SUBSCRIPTION), (WRITE, VAULT_ID), (WRITE, RESOURCE_GROUP)])

    assert (len(asked), [lock.scope for lock in found.found]) == (1, [RESOURCE_GROUP])


def test_the_locks_of_a_scope_in_two_spellings_are_read_once() -> None:
    """And not left unread, as each of the two lies in the other."""
    other = VAULT_ID.replace("resourceGroups/rg-keys", "resourcegroups/RG-Keys")
    lists = {f"{scope}/{PROVIDER}/locks": [stored(RESOURCE_GROUP)] for scope in (VAULT_ID, other)}
    asked: list[str] = []

    found = in_the_way_of(saying(lists, asked), [(WRITE, VAULT_ID), (DELETE, other)])

    assert (len(asked), [lock.name for lock in found.found]) == (1, ["keep"])
