# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Graph over the wire: which rows, for whom, over how many pages (Azure contract §1.10)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Profile, Sandbox
from support.arm_lab import code_of

PATH = "/providers/Microsoft.ResourceGraph/resources"
VERSIONS = ("2021-03-01", "2022-10-01", "2024-04-01")


def ask(caller: Any, query: str, version: str = "2022-10-01", **members: Any) -> Any:
    return caller("POST", PATH, {"query": query, **members}, version)


def naming(arm: Any) -> str:
    """The query for all that names the vault's host."""
    host = arm.estate.url.removeprefix("https://").rstrip("/")
    return f"resources | where properties contains '{host}' | project id, type, name, properties"


def seed(arm: Any, name: str, **options: Any) -> str:
    return str(arm.do(lambda azure: azure.add_storage_account(name, arm.estate.vault, "one", **options)).resource_id)


def causes(answer: Any) -> list[str]:
    return [detail["code"] for detail in answer.json["error"]["details"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_names_the_vault_is_found_and_the_vault_itself(arm: Any, names: Any, version: str) -> None:
    account = seed(arm, names.new("st"))

    answer = ask(arm.operator, naming(arm), version)

    rows = {row["id"]: row for row in answer.json["data"]}
    assert set(rows) == {account, arm.vault}
    assert rows[account]["type"] == "microsoft.storage/storageaccounts"
    assert rows[account]["properties"]["encryption"]["keySource"] == "Microsoft.Keyvault"
    assert (answer.json["count"], answer.json["totalRecords"], answer.json["resultTruncated"]) == (2, 2, "false")


def test_services_without_a_call_of_their_own_are_found_too(arm: Any, names: Any) -> None:
    def build(azure: Any) -> str:
        properties = {"keyVaultKeyUri": f"{arm.estate.url}keys/one"}
        kind = "Microsoft.DocumentDB/databaseAccounts"
        made = azure.add_resource(kind, names.new("cosmos"), properties, subscription_id=arm.estate.subscription_id)
        return str(made.resource_id)

    made = arm.do(build)

    assert made in [row["id"] for row in ask(arm.operator, naming(arm)).json["data"]]


def test_the_whole_row_has_the_documented_columns(arm: Any, names: Any) -> None:
    seed(arm, names.new("st"), resource_group="RG-Apps-2", tags={"a": "b"})

    (row,) = ask(arm.operator, "Resources | where type =~ 'Microsoft.Storage/storageAccounts'").json["data"]

    assert row["resourceGroup"] == "rg-apps-2"
    assert "/resourceGroups/RG-Apps-2/" in row["id"]
    assert (row["subscriptionId"], row["tags"]) == (arm.estate.subscription_id, {"a": "b"})
    assert {"tenantId", "kind", "location", "sku", "plan", "identity", "zones", "managedBy"} <= set(row)


def test_pages_go_on_with_a_token_and_nothing_else_tells_that_there_is_more(arm: Any, names: Any) -> None:
    for _number in range(3):
        seed(arm, names.new("st"))
    query = "resources | where type =~ 'microsoft.storage/storageaccounts' | project id"

    first = ask(arm.operator, query, options={"$top": 2}).json
    second = ask(arm.operator, query, options={"$skipToken": first["$skipToken"]}).json

    assert (first["count"], first["totalRecords"], first["resultTruncated"]) == (2, 3, "false")
    assert (second["count"], "$skipToken" in second) == (1, False)
    assert len({row["id"] for row in first["data"] + second["data"]}) == 3


def test_a_page_has_a_thousand_rows_and_options_that_are_not_known_change_nothing(arm: Any, names: Any) -> None:
    prefix = names.new("st")
    arm.do(
        lambda azure: [
            azure.add_storage_account(f"{prefix}-{number}", subscription_id=arm.estate.subscription_id)
            for number in range(1001)
        ]
    )

    page = ask(arm.operator, "resources | where type contains 'storage' | project id", options={"top": 5}).json

    assert (page["count"], page["totalRecords"], "$skipToken" in page) == (1000, 1001, True)


def test_a_token_is_good_for_its_own_query_only(arm: Any, names: Any) -> None:
    for _number in range(2):
        seed(arm, names.new("st"))
    token = ask(arm.operator, "resources | project id", options={"$top": 1}).json["$skipToken"]

    refused = ask(arm.operator, "resources | project name", options={"$skipToken": token})

    assert (refused.status, causes(refused)) == (400, ["InvalidSkipToken"])


def test_only_what_the_caller_may_read_is_found(arm: Any, names: Any) -> None:
    seen = seed(arm, names.new("st"))
    seed(arm, names.new("st"))
    _oid, reader = arm.another("Reader", seen)

    assert [row["id"] for row in ask(reader, naming(arm)).json["data"]] == [seen]


def other_subscription(arm: Any) -> str:
    return str(arm.do(lambda azure: azure.add_subscription(arm.estate.tenant_id).subscription_id))


def test_a_subscription_that_cannot_be_read_is_passed_over_in_silence(arm: Any, names: Any) -> None:
    account = seed(arm, names.new("st"))
    hidden = other_subscription(arm)
    seed(arm, names.new("st"), subscription_id=hidden)

    both = [arm.estate.subscription_id, hidden]
    answer = ask(arm.operator, naming(arm), subscriptions=both)

    assert answer.status == 200
    assert {row["id"] for row in answer.json["data"]} == {account, arm.vault}


def test_containers_tell_which_subscriptions_were_looked_at(arm: Any) -> None:
    hidden, empty = other_subscription(arm), other_subscription(arm)
    arm.do(lambda azure: azure.assign_role(arm.operator_oid, f"/subscriptions/{empty}", "Reader"))
    query = "ResourceContainers | where type =~ 'microsoft.resources/subscriptions' | project subscriptionId"

    rows = ask(arm.operator, query).json["data"]

    assert {row["subscriptionId"] for row in rows} == {arm.estate.subscription_id, empty}
    assert hidden not in str(rows)


def test_to_name_only_subscriptions_that_cannot_be_read_is_refused(arm: Any) -> None:
    hidden = other_subscription(arm)

    refused = ask(arm.operator, naming(arm), subscriptions=[hidden])

    assert (*code_of(refused), causes(refused)) == (400, "BadRequest", ["NoValidSubscriptionsInQueryRequest"])
    assert hidden in refused.text
    assert "correlationId" in refused.json["error"]["message"]


@pytest.mark.parametrize(("setting", "status"), [("400", 400), ("403", 403)])
def test_how_a_caller_without_any_right_is_refused_is_a_setting(
    sb: Sandbox, arm: Any, setting: Any, status: int
) -> None:
    sb.profile = Profile(resource_graph_denied=setting)
    _oid, stranger = arm.another()

    assert ask(stranger, naming(arm)).status == status


def test_a_subscription_must_be_named_by_its_id(arm: Any) -> None:
    refused = ask(arm.operator, naming(arm), subscriptions=["production"])

    assert causes(refused) == ["SubscriptionsContainInvalidGuids"]


def test_what_is_not_understood_is_refused_with_the_place(arm: Any) -> None:
    refused = ask(arm.operator, "resources | parse id with '/'")

    assert (refused.status, causes(refused)) == (400, ["InvalidQuery", "ParserFailure"])
    assert refused.json["error"]["details"][1]["token"] == "parse"
    assert refused.json["error"]["details"][1]["characterPositionInLine"] == 12


def test_a_fresh_resource_is_found_later(sb: Sandbox, arm: Any, names: Any) -> None:
    arm.do(lambda azure: setattr(azure, "resource_graph_lag", 300.0))
    account = seed(arm, names.new("st"))

    def found() -> bool:
        return account in [row["id"] for row in ask(arm.operator, naming(arm)).json["data"]]

    early = found()
    arm.do(lambda azure: setattr(azure.consumers[account.lower()], "created", sb.clock.now() - 301))
    late = found()
    arm.do(lambda azure: setattr(azure, "resource_graph_lag", 0.0))

    assert (early, late) == (False, True)


def test_the_older_form_of_answers_is_a_table(arm: Any) -> None:
    data = ask(arm.operator, "resources | project id, type", options={"resultFormat": "table"}).json["data"]

    assert [column["name"] for column in data["columns"]] == ["id", "type"]
    assert [arm.vault, "microsoft.keyvault/vaults"] in data["rows"]


def test_a_question_counts_as_a_read(sb: Sandbox, arm: Any) -> None:
    arm.operator("GET", arm.vault, version="2026-02-01")
    mark = sb.journal.mark()

    ask(arm.operator, naming(arm))

    assert [entry.kind for entry in sb.journal.requests(mark, plane="arm")] == ["read"]


@pytest.mark.parametrize("version", ["2023-07-01", "2025-01-01"])
def test_an_unknown_api_version_is_refused(arm: Any, version: str) -> None:
    refused = ask(arm.operator, naming(arm), version)

    assert code_of(refused) == (404, "InvalidResourceType")
    assert "'Microsoft.ResourceGraph'" in refused.text


def test_the_government_cloud_finds_its_own(lab: Any, names: Any) -> None:
    arm = lab(cloud="government")

    def build(azure: Any) -> Any:
        pool = azure.add_managed_hsm(f"{arm.estate.vault}-hsm", subscription_id=arm.estate.subscription_id)
        azure.add_key(pool, "seal", "RSA-HSM")
        return azure.add_sql_server(names.new("sql"), pool, "seal", instance=True)

    made = arm.do(build)
    rows = ask(arm.operator, "resources | where properties contains 'managedhsm.usgovcloudapi.net'").json["data"]

    (found,) = [row for row in rows if row["id"] == made.resource_id]
    assert found["type"] == "microsoft.sql/managedinstances"
    assert found["properties"]["fullyQualifiedDomainName"] == f"{made.name}.database.usgovcloudapi.net"
