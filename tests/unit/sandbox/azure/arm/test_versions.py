# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each service refuses an api-version that it does not have, as the real ones do: a mistyped constant fails."""

from __future__ import annotations

from typing import Any

import pytest

from support.arm_lab import AUTHORIZATION, code_of

UNKNOWN = "2026-02-02"
OTHERS = "2022-04-01"
"""A version of Microsoft.Authorization, which neither Microsoft.KeyVault nor Microsoft.Resources has."""


@pytest.mark.parametrize(
    ("path", "version", "expected"),
    [
        ("{vault}", UNKNOWN, (400, "NoRegisteredProviderFound")),
        ("{vault}", OTHERS, (400, "NoRegisteredProviderFound")),
        ("{group}/providers/Microsoft.KeyVault/vaults/other", UNKNOWN, (400, "NoRegisteredProviderFound")),
        ("{provider}/vaults", UNKNOWN, (404, "InvalidResourceType")),
        ("{provider}/deletedVaults", UNKNOWN, (404, "InvalidResourceType")),
        ("{provider}/managedHSMs", "2019-09-01", (404, "InvalidResourceType")),
        ("{vault}/keys", "2018-02-14", (400, "NoRegisteredProviderFound")),
        (f"{{vault}}{AUTHORIZATION}/roleAssignments", UNKNOWN, (404, "InvalidResourceType")),
        (f"{{vault}}{AUTHORIZATION}/denyAssignments", "2026-02-01", (404, "InvalidResourceType")),
        (f"{{vault}}{AUTHORIZATION}/locks", OTHERS, (404, "InvalidResourceType")),
        (f"{{vault}}{AUTHORIZATION}/permissions", UNKNOWN, (404, "InvalidResourceType")),
        (f"{{vault}}{AUTHORIZATION}/roleEligibilityScheduleInstances", OTHERS, (404, "InvalidResourceType")),
        (f"{{vault}}{AUTHORIZATION}/roleDefinitions", UNKNOWN, (404, "InvalidResourceType")),
        ("{subscription}", OTHERS, (400, "InvalidApiVersionParameter")),
        ("{provider}", OTHERS, (400, "InvalidApiVersionParameter")),
        ("{vault}", "", (400, "MissingApiVersionParameter")),
    ],
)
def test_resource_manager_refuses_a_version_that_the_type_does_not_have(
    arm: Any, path: str, version: str, expected: tuple[int, str]
) -> None:
    filled = path.format(vault=arm.vault, group=arm.group, provider=arm.provider, subscription=arm.subscription)

    assert code_of(arm.operator("GET", filled, version=version)) == expected


def test_the_refusal_names_type_location_and_versions(arm: Any) -> None:
    message = arm.operator("GET", arm.vault, version=UNKNOWN).json["error"]["message"]

    assert f"for location 'westeurope' and API version '{UNKNOWN}' for type 'vaults'" in message
    assert "2025-05-01, 2026-02-01" in message


def test_a_write_with_an_unknown_version_leaves_the_vault_alone(arm: Any) -> None:
    assert code_of(arm.operator("DELETE", arm.vault, version=UNKNOWN)) == (400, "NoRegisteredProviderFound")

    assert arm.operator("GET", arm.vault, version="2026-02-01").status == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("{provider}/vaultz", "InvalidResourceType"),
        ("{vault}/diagnostics", "InvalidResourceType"),
        ("{subscription}/providers/Microsoft.Storage/storageAccounts", "InvalidResourceNamespace"),
        ("/nothing", "NotFound"),
    ],
)
def test_a_path_of_no_type_is_refused_by_what_it_names(arm: Any, path: str, code: str) -> None:
    filled = path.format(vault=arm.vault, provider=arm.provider, subscription=arm.subscription)

    assert code_of(arm.operator("GET", filled, version="2026-02-01")) == (404, code)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"api-version": "2026-02-01"}, "The specified version (2026-02-01) is not recognized"),
        ({"api-version": "7.9"}, "The specified version (7.9) is not recognized"),
        ({"other": "1"}, "api-version must be specified"),
    ],
)
def test_a_vault_refuses_versions_of_other_planes(arm: Any, query: dict[str, str], message: str) -> None:
    answer = arm.at_vault("/keys", **query)

    assert code_of(answer) == (400, "BadParameter")
    assert message in answer.json["error"]["message"]


@pytest.mark.parametrize("version", ["2016-10-01", "7.0", "7.4", "2025-07-01"])
def test_a_vault_takes_old_versions_of_its_own(arm: Any, version: str) -> None:
    assert arm.at_vault("/keys", **{"api-version": version}).status == 200


@pytest.mark.parametrize(
    ("path", "option", "code"),
    [
        ("{provider}/vaults", {"filter": "name eq 'x'"}, "InvalidQueryParameter"),
        ("{provider}/vaults", {"select": "name"}, "InvalidQueryParameter"),
        (f"{{vault}}{AUTHORIZATION}/roleAssignments", {"orderby": "name"}, "InvalidQueryParameter"),
        (f"{{vault}}{AUTHORIZATION}/roleAssignments", {"filter": "scope eq 'x'"}, "UnsupportedQuery"),
        (
            f"{{vault}}{AUTHORIZATION}/roleAssignments",
            {"filter": "atScope() and principalId eq 'x'"},
            "UnsupportedQuery",
        ),
        (f"{{vault}}{AUTHORIZATION}/roleDefinitions", {"filter": "description eq 'x'"}, "UnsupportedQuery"),
    ],
)
def test_query_options_and_filters_that_are_not_served_are_refused(
    arm: Any, path: str, option: dict[str, str], code: str
) -> None:
    version = "2022-04-01" if "Authorization" in path else "2026-02-01"

    answer = arm.operator("GET", path.format(vault=arm.vault, provider=arm.provider), version=version, **option)

    assert code_of(answer) == (400, code)
