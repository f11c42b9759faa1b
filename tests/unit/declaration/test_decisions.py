# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles decide between their tasks, from the results of those that have run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._declaration import decisions
from ansible_collections.fortanix.dsm.plugins.module_utils._declaration.shared import (
    declarations,
    nameless,
    prerequisites_summary,
    problems,
    unmet,
)
from ansible_collections.fortanix.dsm.plugins.plugin_utils import _rotations
from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance import report as _compliance_report
from ansible_collections.fortanix.dsm.plugins.plugin_utils._setup.variables import noted_group

NIL = "00000000-0000-0000-0000-000000000000"
SKIPPED = {"changed": False, "skipped": True}
MADE = {"vault": {"uri": "https://akv/", "resource_id": "/akv", "type": "premium", "planned": True}}


def group(uri: str | None = "https://akv/", **more: Any) -> dict[str, Any]:
    record = {"name": "akv", "group_id": "id", "link": {"vault": {"uri": uri, "name": "akv"}}, "planned": False}
    return {"changed": False, "pending": False, "group": record, **more}


def results(**more: Any) -> dict[str, Any]:
    return {"group": group(), "connection": {"changed": False, "status": "connected"}, **more}


# The vault and the application ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("application", "by"),
    [
        ({"client_id": "id", "display_name": "D"}, {"client_id": "id"}),
        ({"unique_name": "u", "display_name": "D"}, {"unique_name": "u"}),
        ({"display_name": "D", "unique_name": None}, {"display_name": "D"}),
        ({}, {}),
    ],
)
def test_an_application_is_found_by_one_name(application: Mapping[str, Any], by: Mapping[str, Any]) -> None:
    assert decisions.application_selector(application) == by


@pytest.mark.parametrize(
    ("made", "azure_vault", "by", "chosen"),
    [
        (MADE, {"name": "akv"}, "uri", {"uri": "https://akv/", "type": "premium", "planned": True}),
        (MADE, {"name": "akv"}, "resource_id", {"resource_id": "/akv", "type": "premium", "planned": True}),
        (SKIPPED, {"name": "akv", "resource_group": "rg"}, "uri", {"name": "akv"}),
        ({}, {}, "uri", {"name": "given"}),
        ({}, {}, "resource_id", {"name": "given", "resource_group": "rg"}),
    ],
)
def test_the_vault_is_the_one_that_was_made_or_else_the_one_that_is_given(
    made: Any, azure_vault: Any, by: str, chosen: Any
) -> None:
    assert decisions.chosen_vault(made, azure_vault, {"name": "given", "resource_group": "rg"}, by) == chosen


def test_a_group_that_is_neither_there_nor_planned_waits_for_an_approval() -> None:
    states = {"waits": (False, False), "planned": (False, True), "there": (True, False)}
    groups = [{"name": name, "exists": exists, "planned": planned} for name, (exists, planned) in states.items()]

    assert decisions.groups_in_approval({"new_groups": groups}) == ["waits"]
    assert decisions.groups_in_approval(SKIPPED) == []


# The fact about a group -----------------------------------------------------------------------------------------------

DECLARED = {
    "name": "akv",
    "link_client_id": "given",
    "vault": {"name": "akv", "resource_group": "rg"},
    "sync": "always",
}
REGISTERED = {"application": {"client_id": "made", "object_id": "id"}}
FILES = {"certificate_path": "/app.crt", "key_path": "/app.key", "days": 30}


def noted(declared: Mapping[str, Any], *, check_mode: bool = False, **made: Any) -> dict[str, Any]:
    return noted_group({**DECLARED, **declared}, made, check_mode=check_mode)


def test_a_group_is_noted_with_what_it_declares_and_what_follows() -> None:
    found = noted({"description": "Keys", "azure_service": "us_government"})

    assert {name: found[name] for name in ("name", "description", "sync", "client_id", "cloud")} == {
        "name": "akv",
        "description": "Keys",
        "sync": "always",
        "client_id": "given",
        "cloud": "AzureUSGovernment",
    }
    # DSM knows no resource groups.
    assert (found["chosen_vault"], found["link_vault"]) == ({"name": "akv"}, {"name": "akv"})
    assert not {"credential", "pair", "description"} & {name for name, value in noted({}).items() if value}


def test_no_secret_of_a_group_is_noted() -> None:
    secrets = dict.fromkeys(
        ("link_client_secret", "link_certificate", "link_private_key", "link_private_key_passphrase"), "canary"
    )
    application = {"unique_name": "app", "certificates": ["canary"]}
    tls = {"client_key": "canary"}

    found = noted({**secrets, "app_certificate": "canary", "tls": tls, "application": application}, check_mode=True)

    assert "canary" not in str(found)
    assert found["has_tls"]


def test_the_application_that_was_registered_is_the_one_of_the_link() -> None:
    found = noted({"application": {"unique_name": "app", "generate_certificate": FILES}}, application=REGISTERED)

    assert found["client_id"] == "made"
    assert found["pair"] == {"link_certificate": "/app.crt", "link_private_key": "/app.key"}


def test_the_files_of_a_pair_that_is_only_planned_are_not_there() -> None:
    planned = {**REGISTERED, "certificate": {"planned": True}, "credential_planned": True}
    found = noted({"application": {"generate_certificate": FILES}}, check_mode=True, application=planned)

    assert found["pair"] == {}
    assert (found["planned"]["credential"], found["link_vault"]["planned"]) == (True, True)
    assert "planned" not in found["chosen_vault"]


def test_a_new_group_of_a_credential_has_the_options_that_are_set() -> None:
    found = noted({"application": {"unique_name": "app", "credential": {"type": "secret", "renew": None}}})

    assert found["credential"] == {"type": "secret"}
    assert found["new_group"] == {
        "name": "akv",
        "azure_service": "global",
        "link_format": "modern",
        "link_certificate_format": "der",
        "vault": {"name": "akv"},
    }


# The sync and the summary ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sync", "wanted"),
    [
        (results(), "on_change", True),
        (results(), "never", False),
        (results(group=group(pending=True), connection=SKIPPED), "always", False),
        (results(connection={"status": "not_connected"}), "always", False),
        (results(group=group(uri=None)), "always", False),
        (results(group=group(uri=None), vault=group()), "always", True),
        (results(vault=SKIPPED), "always", True),
    ],
)
def test_there_is_a_sync_when_the_group_has_a_vault_and_a_connection(given: Any, sync: str, wanted: bool) -> None:
    assert decisions.sync_conditions(given, sync)["sync"] is wanted


@pytest.mark.parametrize(
    ("given", "sync", "only_when_empty"),
    [
        (results(), "on_change", True),
        (results(), "always", False),
        (results(group=group(changed=True)), "on_change", False),
        (results(tls={"changed": True}), "on_change", False),
        (results(vault=group(changed=True)), "on_change", False),
        (results(credential={"changed": True}), "on_change", True),
    ],
)
def test_a_group_that_has_not_changed_is_synced_when_it_is_empty(given: Any, sync: str, only_when_empty: bool) -> None:
    assert decisions.sync_conditions(given, sync)["only_when_empty"] is only_when_empty


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (results(sync={"changed": True, "key_count": 3, "prediction": "sync"}), {"key_count": 3, "changed": True}),
        (results(sync={"key_count": 0, "prediction": "unknown"}), {"key_count": "unknown", "changed": False}),
        (results(sync=SKIPPED), {"key_count": "unknown", "status": "connected", "pending": False}),
        (results(sync={"key_count": 1, "prediction": "x", "pending": True}), {"pending": True}),
        (
            results(group=group(pending=True), connection=SKIPPED, vault=SKIPPED),
            {"status": "pending approval", "pending": True, "vault": "akv"},
        ),
        (results(credential={"changed": True}), {"changed": True}),
        (results(shared={"changed": True}), {"changed": True}),
        (results(shared={"changed": False}), {"changed": False}),
    ],
)
def test_the_summary_says_what_became_of_the_group(given: Any, expected: Mapping[str, Any]) -> None:
    found = decisions.summary(given)

    assert {name: found[name] for name in expected} == expected
    assert found.keys() == {"name", "group_id", "status", "pending", "vault", "key_count", "changed", "planned"}


def test_a_summary_is_shown_in_one_line() -> None:
    summary = decisions.summary(results(group=group(changed=True), sync={"key_count": 3, "prediction": "sync"}))

    assert decisions.line(summary) == "akv: connected, vault akv, keys 3, changed"
    assert (
        decisions.line({**summary, "vault": None, "planned": True})
        == "akv: connected, vault not selected, keys 3, planned"
    )


# Hosts that share -----------------------------------------------------------------------------------------------------


def shared_by(host: str) -> dict[str, Any]:
    return {"shared_by": host, "conflicts": ["They differ."]}


@pytest.mark.parametrize(
    ("maker", "host", "strategy"),
    [
        ("a", "a", "free"),
        ("a", "a", "host_pinned"),
        # The play has a strategy of its own: each host runs what is to run once.
        ("b", "b", "linear"),
        ("b", "a", "linear"),
        ("a", "b", "linear"),
    ],
)
def test_hosts_that_do_not_go_through_the_tasks_together_are_refused(maker: str, host: str, strategy: str) -> None:
    (problem,) = problems(shared_by(maker), ["a", "b"], host, strategy)

    assert "strategy: linear" in problem


@pytest.mark.parametrize(
    ("batch", "strategy"), [("ab", "linear"), ("ab", "ansible.builtin.linear"), ("ab", "debug"), ("a", "free")]
)
def test_hosts_that_do_have_what_one_of_them_has_found(batch: str, strategy: str) -> None:
    assert problems(shared_by("a"), batch, "a", strategy) == ["They differ."]


def test_a_group_without_a_name_is_told_by_its_host() -> None:
    assert nameless({"a": declarations([], {}), "b": declarations([{"name": "x"}, {"name": " "}], {})}) == [
        "a declares no group: cdc_setup_name is not set.",
        "b (group 2) declares no group: cdc_setup_name is not set.",
    ]


# Prerequisites --------------------------------------------------------------------------------------------------------


def finding(status: str, id_: str = "keys/get") -> dict[str, Any]:
    return {"id": id_, "expected": "get", "actual": "missing", "remedy": "grant it.", "status": status}


@pytest.mark.parametrize(
    ("result", "statuses", "expected"),
    [
        (
            {"findings": [finding("failed"), finding("unknown")]},
            ["failed"],
            ["keys/get (get): missing. Next: grant it."],
        ),
        ({"findings": [finding("unknown")]}, ["failed"], []),
        (SKIPPED, ["failed", "unknown"], []),
    ],
)
def test_what_is_unmet_is_told_with_its_remedy(result: Any, statuses: Any, expected: Any) -> None:
    assert unmet(result, statuses) == expected


@pytest.mark.parametrize(("fail_on", "stops"), [(["failed"], False), (["unknown", "failed"], True)])
def test_the_prerequisites_of_a_vault_stop_by_their_verdict(fail_on: list[str], stops: bool) -> None:
    result = {"vault": {"name": "akv"}, "verdict": "unknown", "findings": [finding("unknown")], "rights": {}}

    found = prerequisites_summary(result, fail_on)

    assert found["line"] == "akv: unknown, keys/get"
    assert (found["unmet"] != "") is stops
    assert (found["changed"], found["effect"]) == (False, "unchanged")


# Rotation -------------------------------------------------------------------------------------------------------------


def test_each_application_of_the_cloud_is_taken_once() -> None:
    one, two = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f1"
    links = [(two, "global"), (one.upper(), "global"), (one, "global"), (one, "us_government"), ("no uuid", "global")]
    groups = [{"link": {"client_id": client_id, "azure_service": service}} for client_id, service in links]

    assert _rotations.applications_in_use([*groups, {"link": None}], "global") == [
        {"client_id": one},
        {"client_id": two},
    ]


@pytest.mark.parametrize(
    ("result", "line"),
    [
        ({"failed": True, "msg": "No such application."}, "app: No such application."),
        (
            {"changed": True, "credential": {"type": "secret", "ends": "2027"}, "groups": [1, 2], "reason": "due"},
            "app: secret until 2027, 2 group(s), renewed, due",
        ),
        ({"changed": True, "planned": True, "credential": None}, "app: None until None, 0 group(s), planned"),
        ({"credential": {"type": "secret", "ends": "2027"}}, "app: secret until 2027, 0 group(s), unchanged"),
    ],
)
def test_the_summary_of_a_rotation_says_it_in_one_line(result: Mapping[str, Any], line: str) -> None:
    assert _rotations.summary(result, {"unique_name": "app"})["line"] == line


# Compliance -----------------------------------------------------------------------------------------------------------


def test_a_report_that_fails_names_each_finding_once_the_most_severe_first() -> None:
    def judged(id_: str, outcome: str, severity: str) -> dict[str, str]:
        return {"id": id_, "outcome": outcome, "severity": severity, "status": "failed"}

    of_a = judged("a", "pass", "high")
    of_b, of_c = judged("b", "fail", "low"), judged("c", "fail", "medium")
    report = {
        "summary": {"failing": 4, "groups_failed": 2, "groups": 5},
        "findings": [judged("waiver-expired", "fail", "high")],
        "groups": [{"findings": [of_b, of_a]}, {"findings": [of_c, of_b]}],
    }

    assert _compliance_report.failure(report) == "4 finding(s) fail, in 2 of 5 group(s): waiver-expired, c, b."
