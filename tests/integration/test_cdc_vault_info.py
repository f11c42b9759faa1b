# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.5: the vaults that a link can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_vault_info
from sandbox import Sandbox
from support.operate import Operator
from support.playbook import Ansible

Given = Callable[..., dict[str, Any]]


@pytest.mark.every_core
def test_a_play_lists_the_vaults_that_the_application_may_read(
    ansible: Ansible, sandbox: Sandbox, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group()
    asked = {"group_name": name, "link_client_secret": link["link_client_secret"]}
    mark = sandbox.journal.mark()

    run = ansible.tasks(
        {"cdc_vault_info": dict(link)},
        {"cdc_vault_info": {**asked, "type": "standard"}},
        {"cdc_vault_info": {**asked, "name": "AKV-SANDBOX-PREM"}},
        {"cdc_vault_info": {**asked, "tags": {"no": "such"}}},
        {"cdc_vault_info": {**asked, "tags": {"TIER": "premium"}}},
        {"cdc_vault_info": {"group_name": name}},
        check=True,
    )

    everything, *filtered = [outcome.result["vaults"] for outcome in run.outcomes[:5]]
    assert [vault["name"] for vault in everything] == ["akv-sandbox-prem", "akv-sandbox-std", "hsm-sandbox"]
    assert [vault["type"] for vault in everything] == ["premium", "standard", "managed_hsm"]
    assert [[vault["name"] for vault in one] for one in filtered] == [
        ["akv-sandbox-std"],
        ["akv-sandbox-prem"],
        [],
        ["akv-sandbox-prem"],
    ]
    assert "Option link_client_secret" in run.message
    assert sandbox.journal.writes(since=mark) == []


def test_needs_the_secret_and_says_why(operate: Operator, sandbox: Sandbox, name: str) -> None:
    mark = sandbox.journal.mark()
    words = r"Option link_client_secret.*DSM lists vaults only for a link that is sent with its credential"
    with pytest.raises(TaskError, match=words):
        operate(cdc_vault_info, group_name=name)
    assert sandbox.journal.since(mark) == []


def test_tags_that_differ_in_letter_case_only_are_refused_before_any_request(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str]
) -> None:
    mark = sandbox.journal.mark()
    asked = {"group_name": name, "link_client_secret": link["link_client_secret"]}

    with pytest.raises(InvalidInput, match='Option tags: it contains the tag "Env" twice'):
        operate(cdc_vault_info, **asked, tags={"Env": "a", "env": "a"})

    assert sandbox.journal.since(mark) == []
