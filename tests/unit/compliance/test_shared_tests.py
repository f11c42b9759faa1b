# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which links are the same, and what groups with the same link share of a connection test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._compliance.shared_tests import SharedTests, link_key
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.groups.stored_groups import CREDENTIAL_FACT, Group
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.connection import ConnectionTest
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from unit.dsm.builders import HMG_ID, stored_group, stored_link

RECORDED = {CREDENTIAL_FACT: "client-secret:0123456789"}
OTHER_ID = "aaaaaaaa-0000-4000-8000-000000000001"
CONNECTED, NOT_CONNECTED = ConnectionTest(connected=True), ConnectionTest(False, "no", "no", 400)


def group(metadata: dict[str, str] | None = None, **link: Any) -> Group:
    metadata = RECORDED if metadata is None else metadata
    return Group.as_shown(stored_group(custom_metadata=metadata, hmg={HMG_ID: stored_link(**link)}))


def test_links_that_differ_only_in_spelling_are_the_same() -> None:
    stored = stored_link()

    assert link_key(group(tenant_id=str(stored["tenant_id"]).upper())) == link_key(group())


@pytest.mark.parametrize(
    "link",
    [
        {"tenant_id": OTHER_ID},
        {"client_id": OTHER_ID},
        {"subscription_id": OTHER_ID},
        {"url": "https://another.vault.azure.net/"},
        {"key_vault_type": "STANDARD"},
        {"tls": {"mode": "opportunistic"}},
        {"tls": {**stored_link()["tls"], "validate_hostname": False}},
        {"tls": {**stored_link()["tls"], "new_setting": 1}},
        {"new_setting": "a"},
        {"auth_config": {"mode": "Certificate", "client_cert": "AAAA"}},
    ],
    ids=", ".join,
)
def test_links_that_differ_in_anything_that_is_known_are_not_the_same(link: dict[str, Any]) -> None:
    assert link_key(group(**link)) != link_key(group())


def test_another_credential_on_record_is_another_link_and_none_is_no_link_to_compare() -> None:
    assert link_key(group({CREDENTIAL_FACT: "client-secret:9876543210"})) != link_key(group())
    assert link_key(group({})) is None


def test_only_the_first_of_many_at_a_time_is_tested() -> None:
    tests, groups = SharedTests(), [group() for _number in range(20)]
    ran = []

    def test() -> ConnectionTest:
        ran.append(1)
        return CONNECTED

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: tests.result(one, test), groups))

    assert len(ran) == 1
    assert {result.connected for result, _tested in found} == {True}
    assert len({id(tested) for _result, tested in found}) == 1


def test_after_a_failure_each_group_is_tested_and_reports_its_own() -> None:
    tests, first, second, third = SharedTests(), group(), group(), group()

    assert tests.result(first, lambda: NOT_CONNECTED) == (NOT_CONNECTED, first)
    assert tests.result(second, lambda: CONNECTED)[1] is second
    assert tests.result(third, lambda: NOT_CONNECTED)[0] is NOT_CONNECTED


def test_a_test_that_could_not_be_run_is_nobody_elses() -> None:
    tests, first, second = SharedTests(), group(), group()

    def refuse() -> ConnectionTest:
        raise TaskError("no", plane="DSM")

    with pytest.raises(TaskError):
        tests.result(first, refuse)

    assert tests.result(second, lambda: CONNECTED)[1] is second
