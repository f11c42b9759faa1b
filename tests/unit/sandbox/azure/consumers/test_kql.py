# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of Azure Resource Graph's query language that the sandbox understands."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.azure.consumers.kql import QueryError, parse

ROWS: list[dict[str, Any]] = [
    {"id": "/a", "type": "microsoft.storage/storageaccounts", "properties": {"vault": "https://akv.vault.azure.net/"}},
    {"id": "/b", "type": "microsoft.compute/disks", "properties": {"url": "https://my-akv.vault.azure.net/keys/K"}},
    {"id": "/c", "type": "microsoft.web/sites", "properties": None},
]


def ids(text: str) -> list[Any]:
    return [row["id"] for row in parse(text).run(ROWS, lambda _row: True)]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("properties contains 'AKV.vault.azure.net'", ["/a", "/b"]),
        ("tostring(properties) contains 'akv.vault.azure.net'", ["/a", "/b"]),
        ("properties has '//akv.vault.azure.net'", ["/a"]),
        ("properties contains_cs 'AKV'", []),
        ("properties !contains 'akv'", ["/c"]),
        ("type =~ 'Microsoft.Compute/disks'", ["/b"]),
        ("type == 'Microsoft.Compute/disks'", []),
        ("type in~ ('Microsoft.Compute/disks', 'microsoft.web/Sites')", ["/b", "/c"]),
        ("type !in ('microsoft.compute/disks')", ["/a", "/c"]),
        ("type startswith 'MICROSOFT.' and not(type endswith 'sites')", ["/a", "/b"]),
        ("(type contains 'web' or type contains 'disks') and properties.url contains '/keys/'", ["/b"]),
        ("tolower(properties.url) == 'https://my-akv.vault.azure.net/keys/k'", ["/b"]),
        ('type =~ "microsoft.web/sites"', ["/c"]),
        ("id == '/it\\'s'", []),
    ],
)
def test_rows_are_chosen(where: str, found: list[str]) -> None:
    assert ids(f"Resources | where {where}") == found


def test_steps_are_carried_out_one_after_the_other() -> None:
    text = "resources\n| where type !contains 'web'\n| project id, place = properties.url, kind = type\n| order by id desc\n| take 1"

    (row,) = parse(text).run(ROWS, lambda _row: True)

    assert row == {"id": "/b", "place": "https://my-akv.vault.azure.net/keys/K", "kind": "microsoft.compute/disks"}


def test_a_path_gets_the_name_that_kusto_gives_it() -> None:
    (row,) = parse("resources | where id == '/b' | project properties.url").run(ROWS, lambda _row: True)

    assert list(row) == ["properties_url"]


def test_what_is_not_permitted_is_not_in_the_answer() -> None:
    asked = []

    def permitted(row: Any) -> bool:
        asked.append(row["id"])
        return False

    assert parse("resources | where id == '/a'").run(ROWS, permitted) == []
    assert asked == ["/a"]


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("resources | parse id with '/'", "parse"),
        ("resources | where id matches 'x'", "matches"),
        ("resources | where id contains", "<EOF>"),
        ("resources where id", "where"),
        ("securityresources | project id", "securityresources"),
        ("resources | where strlen(id) == '3'", "strlen"),
        ("resources | where id == ;", ";"),
        ("resources | summarize count()", "summarize"),
    ],
)
def test_what_is_not_understood_is_named(text: str, token: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)

    assert refused.value.token == token


def test_a_column_that_there_is_not_is_an_error() -> None:
    with pytest.raises(QueryError, match="vault"):
        parse("resources | project id | where vault == 'x'").run(ROWS, lambda _row: True)
