# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a key in Azure, over the wire: services of every kind, what is not read, and what no answer may say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_key_consumers_info
from support.azure_rights import AzureRights
from support.operate import Operator


class Estate:
    """A vault with the keys `payments` and `archive`, and the services around it."""

    def __init__(self, azure: AzureRights) -> None:
        self.azure = azure
        self.warnings: list[str] = []
        for name in ("payments", "archive"):
            self.do(lambda state, name=name: state.add_key(azure.vault, name, "RSA-HSM", days_ago=10.0))

    def do(self, deed: Any) -> Any:
        return self.azure.do(deed)

    @property
    def uri(self) -> str:
        return self.azure.stores[self.azure.vault].uri

    def version(self, name: str) -> str:
        found: str = self.do(lambda state: state.store(self.azure.vault).keys[name].current.version)
        return found

    def storage(self, name: str, key: str = "payments", **options: Any) -> str:
        found: str = self.do(
            lambda state: state.add_storage_account(name, self.azure.vault, key, **options).resource_id
        )
        return found

    def ask(self, **options: Any) -> dict[str, Any]:
        operator = Operator(self.azure.sandbox.environment(), self.warnings)
        place = {} if options.keys() & {"group_name", "vault_uri"} else {"vault_uri": self.uri}
        return operator(cdc_key_consumers_info, **{**self.azure.operator, **place, **options})


def consumers(found: dict[str, Any], name: str = "payments") -> dict[str, dict[str, Any]]:
    """The consumers of a key by their names."""
    (key,) = [one for one in found["keys"] if one["name"] == name]
    return {one["name"]: one for one in key["consumers"]}


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["status"] for one in found["keys"]}


@pytest.fixture(params=["azure", "government", "pool"])
def anywhere(request: pytest.FixtureRequest) -> Estate:
    """In both clouds, and with a Managed HSM."""
    return Estate(request.getfixturevalue(request.param))


@pytest.fixture
def estate(azure: AzureRights) -> Estate:
    return Estate(azure)


def test_a_storage_account_is_found_with_its_version_and_nothing_is_written(anywhere: Estate) -> None:
    resource_id = anywhere.storage("stfollows")
    mark = anywhere.azure.sandbox.journal.mark()

    found = anywhere.ask(names=["Payments", "archive"])

    assert anywhere.azure.sandbox.journal.writes(since=mark) == []
    assert statuses(found) == {"Payments": "found", "archive": "none_found"}
    (account,) = consumers(found, "Payments").values()
    assert account["resource_id"] == resource_id
    assert (account["service"], account["type"]) == ("storage_account", "Microsoft.Storage/storageAccounts")
    assert account["versions"] == [anywhere.version("payments")]
    assert account["follows_new_versions"] is True
    assert found["complete"] is True
    assert found["blind_spots"] != []
