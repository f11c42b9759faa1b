# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions, features of subscriptions, permissions: verdicts are told, never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.account.capabilities import (
    Account,
    Version,
    gate_verdict,
    link_verdict,
    parsed_version,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.account.permissions import (
    JOBS,
    Permissions,
    PermissionVerdict,
    by_role,
    not_told,
)

JOB = {job.name: job for job in JOBS}
BOTH = ["HMG", "AZUREBYOK"]


def account(subscription: Any) -> Account:
    return Account.from_stored({"acct_id": "a", "name": "Blue", "subscription": subscription})


# --- Version ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5.8.2410", (5, 8)),
        ("4.6", (4, 6)),
        ("v4.31.2-rc1", (4, 31)),
        ("DSM 5.10", (5, 10)),
        ("5", None),
        ("", None),
        ("nightly", None),
    ],
)
def test_a_version_is_read_from_what_servers_write(text: str, number: tuple[int, int] | None) -> None:
    assert parsed_version(text) == number


@given(st.text())
@example("9" * 5000 + ".1")
def test_no_text_is_too_strange_for_a_version(text: str) -> None:
    assert parsed_version(text) is None or len(parsed_version(text) or ()) == 2


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("4.5.9", "lacking"), ("4.6.0", "granted"), ("4.10.1", "granted"), ("5.0", "granted"), ("nightly", "unknown")],
)
def test_managed_hsms_need_dsm_4_6(text: str, verdict: str) -> None:
    assert gate_verdict("managed_hsm", Version.from_answer({"version": text}), "").verdict == verdict


def test_without_a_version_a_gate_is_unknown_with_the_reason() -> None:
    verdict = gate_verdict("managed_hsm", None, "DSM did not return it")

    assert (verdict.verdict, verdict.reason) == ("unknown", "DSM did not return it")


# --- Features ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscription", "kind", "verdict"),
    [
        ({"custom": {"features": BOTH}}, "custom", "granted"),
        ({"reseller": {"features": ["hmg", "AzureByok", "TOKENIZATION"]}}, "reseller", "granted"),
        ({"custom": {"features": ["HMG"]}}, "custom", "lacking"),
        ({"custom": {"features": []}, "memo": "x"}, "custom", "lacking"),
        ({"custom": {"features": [], "add_ons": {"azure": "yes"}}}, "custom", "unknown"),
        ({"custom": {"features": None}}, "custom", "unknown"),
        ({"enterprise": {}}, "enterprise", "unknown"),
        ({"on_prem": {}, "experimental_features": {}}, "on_prem", "unknown"),
        ({"custom": {"features": []}, "trial": {}}, None, "unknown"),
        ({"platinum": {"features": []}}, None, "unknown"),
        ({}, None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_only_a_list_of_features_tells_what_a_subscription_includes(
    subscription: Any, kind: str | None, verdict: str
) -> None:
    found = account(subscription)

    assert (found.subscription, link_verdict(found, "").verdict) == (kind, verdict)


def test_a_missing_feature_is_named() -> None:
    assert link_verdict(account({"custom": {"features": ["HMG"]}}), "").reason.endswith("lacks AZUREBYOK")


# --- Permissions ------------------------------------------------------------------------------------------------------

EVERYTHING = ["GET_GROUP", "UPDATE_GROUP_EXTERNAL_LINKS", "SCAN_EXTERNAL_SOBJECTS", "GET_SOBJECTS", "DELETE_GROUP"]


@pytest.mark.parametrize(
    ("job", "answer", "verdict", "group_ids"),
    [
        ("create_group", {"account": ["CREATE_EXTERNAL_GROUPS"], "groups": {}}, "granted", None),
        ("create_group", {"account": ["CREATE_LOCAL_GROUPS"], "groups": {}}, "lacking", None),
        ("sync", {"account": [], "groups": {}, "all_groups": EVERYTHING}, "granted", None),
        ("sync", {"account": [], "groups": {"b": EVERYTHING, "a": EVERYTHING, "c": []}}, "granted", ("a", "b")),
        ("sync", {"account": [], "groups": {"a": ["scan_external_sobjects", "get_sobjects"]}}, "granted", ("a",)),
        ("sync", {"account": [], "groups": {"a": ["SCAN_EXTERNAL_SOBJECTS"]}, "all_groups": None}, "lacking", ()),
        (
            "sync",
            {"account": [], "groups": {"a": ["SCAN_EXTERNAL_SOBJECTS"]}, "all_groups": ["GET_SOBJECTS"]},
            "granted",
            ("a",),
        ),
        ("edit_link", {"account": ["CREATE_EXTERNAL_GROUPS"], "groups": {}}, "unknown", ()),
        ("delete_group", {"account": [], "groups": None}, "lacking", ()),
    ],
)
def test_a_job_is_judged_by_what_dsm_lists(
    job: str, answer: dict[str, Any], verdict: str, group_ids: tuple[str, ...] | None
) -> None:
    found = Permissions.from_answer(answer).verdict(JOB[job])

    assert (found.verdict, found.group_ids) == (verdict, group_ids)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_verdict_has_a_reason(job: Any) -> None:
    assert Permissions.from_answer({"account": [], "groups": {}}).verdict(job).reason


@pytest.mark.parametrize(("job", "verdict"), [("create_group", "lacking"), ("read_group", "unknown")])
def test_what_an_app_that_only_uses_keys_may_not_do_is_known(job: str, verdict: str) -> None:
    assert not_told(JOB[job], True, "not told").verdict == verdict


def test_what_dsm_does_not_list_is_unknown_for_everybody_else() -> None:
    assert {not_told(job, False, "not told").verdict for job in JOBS} == {"unknown"}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
@pytest.mark.parametrize("kind", ["user", "app"])
def test_a_role_never_overrules_what_dsm_lists(job: Any, kind: str) -> None:
    for told in (PermissionVerdict("granted", "listed"), PermissionVerdict("lacking", "not listed")):
        assert by_role(job, kind, told) is told


def test_what_is_not_public_of_administrative_apps_stays_unknown_with_the_reason() -> None:
    found = by_role(JOB["sync"], "app", PermissionVerdict("unknown", "DSM did not return it"))

    assert found.verdict == "unknown"
    assert found.reason.startswith("DSM did not return it; whether an administrative app can sync the keys")
