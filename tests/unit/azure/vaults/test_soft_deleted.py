# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sandbox does not show of soft-deleted vaults: what holds a name that the operator may not see."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import MANAGED_HSM, VAULT
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults import soft_deleted
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.soft_deleted import NameTaken
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.vaults.vault_lookup import VaultAddress
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.replacement import Incomplete
from unit.azure.builders import saying

SUBSCRIPTION = "99999999-1111-4111-8111-999999999999"
BASE = f"/subscriptions/{SUBSCRIPTION}"
PROVIDER = f"{BASE}/providers/Microsoft.KeyVault"
PLACE = VaultAddress(SUBSCRIPTION, "rg-keys", VAULT, "kv-one")
POOL = VaultAddress(SUBSCRIPTION, "rg-keys", MANAGED_HSM, "hsm-one")


def refused(status: int, code: str = "") -> AzureError:
    return AzureError("refused", plane="Azure", obj="x", next_step="y", status=status, code=code)


def test_who_may_not_ask_for_names_looks_among_the_deleted() -> None:
    gone = {"mhsmId": POOL.resource_id, "location": "westeurope", "purgeProtectionEnabled": True}
    arm = saying(
        {
            f"{PROVIDER}/checkMhsmNameAvailability": refused(403),
            f"{PROVIDER}/deletedManagedHSMs": [{"name": "HSM-One", "properties": gone}],
        }
    )

    found = soft_deleted.namesake(arm, POOL)

    assert found is not None
    assert (found.resource_id, found.purge_protection) == (POOL.resource_id, True)


def test_who_may_see_nothing_of_names_hears_of_it_from_the_creation() -> None:
    arm = saying({f"{PROVIDER}/checkNameAvailability": refused(403), f"{PROVIDER}/deletedVaults": refused(403)})

    assert soft_deleted.namesake(arm, PLACE) is None


def test_a_name_that_is_taken_is_told_also_where_the_deleted_cannot_be_seen() -> None:
    taken = {"nameAvailable": False, "message": "already in use"}
    arm = saying({f"{PROVIDER}/checkNameAvailability": taken, f"{PROVIDER}/deletedVaults": refused(403)})

    with pytest.raises(NameTaken, match=r"the name is taken.*already in use"):
        soft_deleted.namesake(arm, PLACE)


@pytest.mark.parametrize("answer", [{}, {"nameAvailable": None}])
def test_an_answer_that_does_not_say_whether_a_name_is_free_is_no_answer(answer: Any) -> None:
    with pytest.raises(Incomplete):
        soft_deleted.namesake(saying({f"{PROVIDER}/checkNameAvailability": answer}), PLACE)


def test_an_outage_is_no_free_name() -> None:
    with pytest.raises(AzureError):
        soft_deleted.namesake(saying({f"{PROVIDER}/checkNameAvailability": refused(503)}), PLACE)
