# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of one key over the wire: deleted, purged, its records removed; and its return."""

from __future__ import annotations

from typing import Any

import pytest

from support.azure_rights import AzureRights
from support.one_key import OneKey
from support.passing import Passing

SCAN = "/sys/v1/groups/{group_id}/hmg/scan"
KEY = "/crypto/v1/keys/{kid}"
DELETION, PURGE, RECOVERY = (f"{KEY}/{deed}" for deed in ("schedule_deletion", "delete_key_material", "cancel_deletion"))
LATER = "2031-01-01T00:00:00Z"


class Fading(OneKey):
    """Its waits take no time, and the vault's clock goes on by what was waited."""

    def __init__(self, azure: AzureRights, passing: Passing) -> None:
        super().__init__(azure)
        self.passing = passing

    def gone(self, state: str, **options: Any) -> dict[str, Any]:
        """Take the key to a state."""
        confirmed = {"confirm_purge": options.get("name", "payments")} if state == "purged" else {}
        return self(**{"state": state, "consumers": "skip", **confirmed, **options})

    def in_vault(self, name: str = "payments") -> str:
        def look(cloud: Any) -> str:
            store = cloud.store(self.azure.vault)
            if store.key(name):
                return "live"
            return "deleted" if name in store.still_deleted(cloud.clock.now()) else "gone"

        found: str = self.azure.do(look)
        return found


@pytest.fixture
def awake(passing: Passing, azure: AzureRights, monkeypatch: pytest.MonkeyPatch) -> Passing:
    """A wait of the client is one of the services, too."""
    slept = passing._sleep

    def sleep(seconds: float) -> None:
        azure.sandbox.clock.advance(seconds)
        slept(seconds)

    from ansible_collections.fortanix.dsm.plugins.module_utils import _time

    monkeypatch.setattr(_time, "sleep", sleep)
    return passing


@pytest.fixture(params=["azure", "government", "pool"])
def anywhere(request: pytest.FixtureRequest, awake: Passing) -> Fading:
    """In both clouds, and in a Managed HSM."""
    return Fading(request.getfixturevalue(request.param), awake)


@pytest.fixture
def key(azure: AzureRights, awake: Passing) -> Fading:
    return Fading(azure, awake)


@pytest.mark.parametrize("with_azure", [True, False])
def test_a_key_is_deleted_once_as_predicted(anywhere: Fading, with_azure: bool) -> None:
    anywhere.generate()
    mark = anywhere.mark()
    planned = anywhere.gone("deleted", with_azure=with_azure, check_mode=True)
    assert anywhere.writes(mark) == []

    first = anywhere.gone("deleted", with_azure=with_azure)
    written = anywhere.mark()
    second = anywhere.gone("deleted", with_azure=with_azure)

    assert (anywhere.in_vault(), anywhere.writes(written)) == ("deleted", [])
    assert [planned["changed"], first["changed"], second["changed"]] == [True, True, False]
    assert [one["action"] for one in planned["plan"]] == [one["action"] for one in first["plan"]]
    assert first["key"]["state"] == second["key"]["state"] == planned["key"]["state"] == "soft_deleted"
    assert first["unverified"] == second["unverified"] == ([] if with_azure else ["state"])
