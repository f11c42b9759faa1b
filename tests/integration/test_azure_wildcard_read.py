# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether `vaults/*/read` covers `vaults/read` is disputed: nothing is claimed under either reading of Azure."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Profile
from support.azure_rights import AzureRights, finding, no_rights, right, verdicts

OFFICER = "Key Vault Crypto Officer"
LEAST: dict[str, Any] = {"rights_profile": "least_privilege"}
each_reading = pytest.mark.parametrize("reading", ["below", "itself"])


@pytest.fixture
def officer(azure: AzureRights, reading: Any) -> AzureRights:
    """The application has only Key Vault Crypto Officer, in a vault with Azure RBAC."""
    azure.sandbox.profile = Profile(wildcard_read=reading)
    no_rights(azure, rbac=True)
    azure.do(lambda state: state.assign_role(azure.app, azure.vault, OFFICER))
    return azure


@each_reading
def test_a_role_with_the_wildcard_only_is_neither_enough_nor_missing(officer: AzureRights, reading: str) -> None:
    result = officer.judge(**LEAST)

    listing = right(result, "vaults/read")
    assert (listing["verdict"], "wildcard-read-uncertain" in listing["notes"]) == ("unknown", True)
    assert "public sources disagree whether Azure applies it to the vault itself" in listing["reason"]
    assert [one["name"] for one in listing["sources"]] == [OFFICER]
    assert finding(result, "wildcard-read-uncertain")["status"] == "unknown"
    assert result["verdict"] == "unknown"
    assert officer.manages("Microsoft.KeyVault/vaults/read") is (reading == "itself")


@each_reading
def test_a_repair_grants_the_action_by_name(officer: AzureRights, reading: str) -> None:
    planned = officer.repair(**LEAST, check_mode=True)
    result = officer.repair(**LEAST)

    assert planned["plan"] == result["plan"]
    assert verdicts(result)["vaults/read"] == "ok_with_warning"  # It is only seconds old.
    assert officer.manages("Microsoft.KeyVault/vaults/read")
    assert officer.repair(**LEAST)["changed"] is False
    assert not any("are not granted" in warning for warning in officer.warnings)


@each_reading
def test_the_guides_role_is_missing_whatever_the_reading(officer: AzureRights, reading: str) -> None:
    assert verdicts(officer.judge())["Key Vault Contributor"] == "missing"
