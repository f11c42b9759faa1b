# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a compliance run follows from its findings and a policy, and from nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._compliance.policy import NOT_WAIVABLE, Policy, judge
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.catalog import CATALOG, OF_COMPLIANCE
from ansible_collections.fortanix.dsm.plugins.module_utils._findings.renamed import RENAMED
from unit.compliance.builders import AT, finding, group, result

WAIVER = {"id": "tls-not-required", "reason": "agreed", "expires": "2026-11-25"}


def judged(*groups: dict[str, Any], **policy: Any) -> dict[str, Any]:
    return judge(Policy.from_option(policy), result(*groups))


def verdict(status: str, severity: str = "medium", **policy: Any) -> str:
    told: str = judged(group(finding(status=status, severity=severity)), **policy)["verdict"]
    return told


# Thresholds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "severity", "policy", "expected"),
    [
        ("ok", "high", {}, "pass"),
        ("failed", "low", {}, "fail"),
        ("failed", "info", {}, "pass"),
        ("failed", "medium", {"fail_on": "high"}, "pass"),
        ("failed", "high", {"fail_on": "high"}, "fail"),
        ("failed", "high", {"fail_on": "never"}, "pass"),
        ("warning", "high", {}, "pass"),
        ("warning", "medium", {"fail_on_warnings": "medium"}, "fail"),
        ("warning", "low", {"fail_on_warnings": "medium"}, "pass"),
        ("unknown", "info", {}, "fail"),
        ("unknown", "high", {"fail_on_unknown": False}, "pass"),
        ("failed", "high", {"fail_on_unknown": False}, "fail"),
    ],
)
def test_status_and_severity_decide(status: str, severity: str, policy: dict[str, Any], expected: str) -> None:
    assert verdict(status, severity, **policy) == expected


def test_a_severity_of_the_policy_takes_the_place_of_ours() -> None:
    found = judged(group(finding(status="failed", severity="high")), severity={"tls-not-required": "info"})

    assert (found["verdict"], found["groups"][0]["findings"][0]["severity"]) == ("pass", "info")


def test_one_group_that_fails_fails_the_run_and_no_other_group() -> None:
    found = judged(group(finding(status="ok"), name="fine"), group(finding(status="failed"), name="bad"))

    assert found["verdict"] == "fail"
    assert {one["name"]: one["verdict"] for one in found["groups"]} == {"fine": "pass", "bad": "fail"}
    assert (found["summary"]["groups_passed"], found["summary"]["groups_failed"]) == (1, 1)


@given(
    statuses=st.lists(st.sampled_from(["ok", "warning", "unknown"]), min_size=1),
    fail_on_unknown=st.booleans(),
    waived=st.booleans(),
)
def test_a_group_with_an_unknown_is_never_ok(statuses: list[str], fail_on_unknown: bool, waived: bool) -> None:
    one = group(*(finding(status=status) for status in statuses))
    waivers = [WAIVER] if waived else []

    found = judged(
        {**one, "status": "unknown" if "unknown" in statuses else "ok"},
        fail_on_unknown=fail_on_unknown,
        waivers=waivers,
    )

    if "unknown" in statuses:
        assert (found["status"], found["groups"][0]["status"]) == ("unknown", "unknown")
        assert found["verdict"] == ("fail" if fail_on_unknown and not waived else "pass")


def test_what_fails_comes_first() -> None:
    found = judged(group(finding(status="ok"), finding(status="warning"), finding(status="failed")))

    assert [one["status"] for one in found["groups"][0]["findings"]] == ["failed", "warning", "ok"]


# Waivers ------------------------------------------------------------------------------------------------------------


def failing() -> dict[str, Any]:
    return group(finding(status="failed", severity="high"))


def test_a_waiver_lets_a_finding_pass_until_the_end_of_its_day() -> None:
    found = judged(failing(), waivers=[WAIVER])

    (waived,) = found["groups"][0]["findings"]
    assert (found["verdict"], waived["outcome"], waived["status"]) == ("pass", "waived", "failed")
    assert waived["waiver"] == {"reason": "agreed", "expires": "2026-11-25"}
    assert (found["summary"]["waived"], found["findings"]) == (1, [])


def test_a_waiver_that_has_expired_waives_nothing_and_is_a_finding_itself() -> None:
    found = judged(failing(), waivers=[{**WAIVER, "expires": "2026-11-24"}])

    assert found["groups"][0]["findings"][0]["outcome"] == "fail"
    (told,) = found["findings"]
    assert (told["id"], told["status"], told["outcome"]) == ("waiver-expired", "failed", "fail")


def test_an_expired_waiver_fails_a_run_in_which_all_else_is_right() -> None:
    assert judged(group(finding(status="ok")), waivers=[{**WAIVER, "expires": "2026-11-24"}])["verdict"] == "fail"


def test_a_waiver_for_nothing_is_told() -> None:
    found = judged(group(finding(status="ok")), waivers=[WAIVER])

    assert [(one["id"], one["status"]) for one in found["findings"]] == [("waiver-unused", "warning")]
    assert found["verdict"] == "pass"


@pytest.mark.parametrize(("named", "told"), [("one", ["waiver-unused"]), ("other", []), (None, [])])
def test_a_run_of_some_groups_says_nothing_of_waivers_for_others(named: str | None, told: list[str]) -> None:
    seen = result(group(finding(status="ok"), name="one"), options={"all_groups": False})

    found = judge(Policy.from_option({"waivers": [{**WAIVER, "group": named}]}), seen)

    assert [one["id"] for one in found["findings"]] == told


@pytest.mark.parametrize(("named", "outcome"), [("one", "waived"), ("id-of-one", "waived"), ("other", "fail")])
def test_a_waiver_for_one_group_is_for_no_other(named: str, outcome: str) -> None:
    found = judged(group(finding(status="failed"), name="one"), waivers=[{**WAIVER, "group": named}])

    assert found["groups"][0]["findings"][0]["outcome"] == outcome


def test_a_date_of_yaml_is_a_date() -> None:
    assert Policy.from_option({"waivers": [{**WAIVER, "expires": date(2026, 11, 25)}]}).waivers[0].expires == date(
        2026, 11, 25
    )


# What is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ([], "cdc_compliance_policy"),
        ({"fail_no": "low"}, "fail_no"),
        ({"fail_on": "critical"}, "fail_on"),
        ({"fail_on": ["low"]}, "fail_on"),
        ({"fail_on_warnings": None}, "fail_on_warnings"),
        ({"fail_on_unknown": "no"}, "fail_on_unknown"),
        ({"severity": {"tls-not-requierd": "low"}}, "tls-not-requierd"),
        ({"severity": {"tls-not-required": "ok"}}, "severity.tls-not-required"),
        ({"waivers": {}}, None),
        ({"waivers": {"a": 1}}, "waivers"),
        ({"waivers": ["tls-not-required"]}, "waivers[0]"),
        ({"waivers": [{**WAIVER, "id": "tls"}]}, "waivers[0].id"),
        ({"waivers": [{**WAIVER, "reason": " "}]}, "waivers[0].reason"),
        ({"waivers": [{**WAIVER, "expires": None}]}, "waivers[0].expires"),
        ({"waivers": [{**WAIVER, "expires": "soon"}]}, "waivers[0].expires"),
        ({"waivers": [{**WAIVER, "group": ""}]}, "waivers[0].group"),
        ({"waivers": [{**WAIVER, "until": "2027-01-01"}]}, "until"),
    ],
)
def test_a_policy_with_a_slip_is_refused(policy: Any, named: str | None) -> None:
    if named is None:
        # Empty is empty.
        assert Policy.from_option(policy) == Policy()
        return
    with pytest.raises(InvalidInput) as refused:
        Policy.from_option(policy)
    assert named in str(refused.value)


@pytest.mark.parametrize("name", sorted(NOT_WAIVABLE))
def test_what_is_said_of_the_run_and_of_waivers_cannot_be_waived(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be waived"):
        Policy.from_option({"waivers": [{**WAIVER, "id": name}]})


def test_a_waiver_names_a_group_by_its_id_in_whatever_letter_case() -> None:
    group_id = "0a1b2c3d-0000-4000-8000-00000000abcd"
    waiver = Policy.from_option({"waivers": [{**WAIVER, "group": group_id.upper()}]}).waivers[0]

    assert waiver.names({"name": "akv", "group_id": group_id})
    assert not waiver.names({"name": group_id, "group_id": None})


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_id_is_refused_with_the_one_of_today(old: str, new: str) -> None:
    for policy in ({"waivers": [{**WAIVER, "id": old}]}, {"severity": {old: "low"}}):
        with pytest.raises(InvalidInput) as refused:
            Policy.from_option(policy)
        assert f"the finding {old} was renamed to {new}" in str(refused.value)
        usable = new in OF_COMPLIANCE and new not in NOT_WAIVABLE
        assert refused.value.next_step == (f"set {new}" if usable else "remove it: a policy cannot contain this ID")


@pytest.mark.parametrize("name", sorted(CATALOG.keys() - OF_COMPLIANCE.keys()))
def test_what_no_compliance_run_can_find_is_refused(name: str) -> None:
    for policy in ({"waivers": [{**WAIVER, "id": name}]}, {"severity": {name: "low"}}):
        with pytest.raises(
            InvalidInput, match=r"is reported only by (azure_kv_access|cdc_connection), never by a compliance run"
        ):
            Policy.from_option(policy)


def test_every_other_finding_can_be_waived() -> None:
    waivers = [{**WAIVER, "id": name} for name in OF_COMPLIANCE if name not in NOT_WAIVABLE]

    assert len(Policy.from_option({"waivers": waivers}).waivers) == len(waivers) > 50


def test_a_policy_is_the_same_when_it_is_read_again() -> None:
    policy = Policy.from_option({"waivers": [WAIVER], "fail_on": "high", "severity": {"right-missing": "low"}})

    assert Policy.from_option(policy.record()) == policy
    assert AT.startswith("2026-11-25")
