# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of an account, divided into batches: each once, those of one vault together."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fortanix.dsm.plugins.filter.compliance_batches import compliance_batches
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.plugin_utils._compliance.report import merged
from unit.compliance.builders import dsm, finding, group, operator, options, result


def listed(*vaults: str | None, unmanaged: int = 0) -> dict[str, Any]:
    groups = [
        {"group_id": f"{vault}-{number}", "name": f"g{number}", "link": {"vault": {"uri": vault}} if vault else None}
        for number, vault in enumerate(vaults)
    ]
    return {
        "groups": groups,
        "not_managed": [{"group_id": f"odd-{number}", "name": f"odd{number}"} for number in range(unmanaged)],
    }


def test_groups_of_one_vault_stay_together_and_each_is_in_one_batch() -> None:
    found = compliance_batches(listed("a", "b", "a", "b", None, unmanaged=1), 2)

    assert [one["group_ids"] for one in found] == [["None-4", "a-0"], ["a-2", "b-1"], ["b-3", "odd-0"]]
    assert [one["label"] for one in found] == ["groups 1 to 2 of 6", "groups 3 to 4 of 6", "groups 5 to 6 of 6"]


def test_no_groups_are_one_batch_that_tells_it() -> None:
    assert compliance_batches(listed()) == [{"label": "no groups", "group_ids": [], "group_names": []}]


def test_each_batch_has_the_declarations_of_its_groups_and_the_last_one_those_of_groups_that_are_not_there() -> None:
    declared = [{"name": name} for name in ("g0", "g2", "gone", "odd0")]

    found = compliance_batches(listed("a", "b", "a", unmanaged=1), 2, declared)

    assert [(one["group_ids"], one["group_names"], [each["name"] for each in one["declared"]]) for one in found] == [
        (["a-0", "a-2"], [], ["g0", "g2"]),
        (["b-1", "odd-0"], [], ["odd0"]),
        ([], ["gone"], ["gone"]),
    ]
    assert found[-1]["label"] == "missing declared groups 1 to 1 of 1"


def test_an_inventory_that_declares_nothing_is_compared_all_the_same() -> None:
    assert [one["declared"] for one in compliance_batches(listed("a"), 2, [])] == [[]]
    assert compliance_batches(listed(), 2, []) == [
        {"label": "no groups", "group_ids": [], "group_names": [], "declared": []}
    ]


@pytest.mark.parametrize(
    ("given", "size"), [({}, 1), ([], 1), (listed("a"), 0), (listed("a"), True), (listed("a"), "2")]
)
def test_what_is_no_list_of_groups_or_no_size_is_refused(given: Any, size: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="compliance_batches"):
        compliance_batches(given, size)


def test_batches_become_one_result_of_the_earliest_time() -> None:
    nothing = finding(id="nothing-checked", check="run")
    of_batch = {"all_groups": False, "group_ids": ["id-of-two"]}
    first = result(group(name="two"), checked_at="2026-11-25T04:11:00Z", options=options(**of_batch))
    second = result(group(name="one"), findings=[nothing])

    found = merged([first, second], True)

    assert [one["name"] for one in found["groups"]] == ["one", "two"]
    assert (found["checked_at"], found["options"]) == ("2026-11-25T04:10:00Z", options())
    assert found["findings"] == []
    assert merged([result(findings=[nothing])], None)["findings"] == [nothing]


def test_the_report_of_named_groups_has_the_names_and_ids_of_all_batches() -> None:
    batches = [
        result(options=options(all_groups=False, group_names=["one"])),
        result(options=options(all_groups=False, group_names=["two"], group_ids=["id-of-three"])),
    ]

    assert merged(batches, False)["options"] == options(
        all_groups=False, group_names=["one", "two"], group_ids=["id-of-three"]
    )


def test_a_batch_that_has_not_read_everything_about_its_identity_takes_it_from_another() -> None:
    unread = result(dsm=dsm(account=None), operator=operator(object_id=None, name=None, client_id=None))

    found = merged([unread, result(operator=operator())], None)

    assert (found["dsm"], found["operator"]) == (dsm(), operator())


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"dsm": dsm(endpoint="https://other.example.com")}, "DSM"),
        ({"dsm": dsm(account={"account_id": "another", "name": "Keys of Example"})}, "DSM account"),
        ({"dsm": dsm(principal={"kind": "user", "id": "another", "name": None})}, "DSM identity"),
        ({"operator": operator(object_id="another")}, "Azure operator"),
        ({"operator": operator(cloud="AzureUSGovernment")}, "cloud"),
        ({"options": options(look_in_azure=False)}, "options"),
    ],
)
def test_results_of_different_scopes_are_no_one_report(other: dict[str, Any], named: str) -> None:
    one = result(operator=operator(), options=options(look_in_azure=True))
    another = result(**{"operator": operator(), "options": options(look_in_azure=True), **other})

    with pytest.raises(InvalidInput, match=f"differ in {named}, so one report"):
        merged([one, another], None)
