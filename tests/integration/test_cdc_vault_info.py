# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guide 4.5: the vaults that a link can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox import Sandbox
from support.playbook import Ansible

Given = Callable[..., dict[str, Any]]


def test_lists_the_vaults_that_the_application_may_read(
    ansible: Ansible, sandbox: Sandbox, link: Mapping[str, str]
) -> None:
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_vault_info": dict(link)}, {"cdc_vault_info": dict(link)}, check=True)
    assert [vault["name"] for vault in run[0]["vaults"]] == ["akv-sandbox-prem", "akv-sandbox-std", "hsm-sandbox"]
    assert [vault["type"] for vault in run[0]["vaults"]] == ["premium", "standard", "managed_hsm"]
    assert sandbox.journal.writes(since=mark) == []


@pytest.mark.every_core
def test_filters_by_type_and_name_for_a_saved_group(
    ansible: Ansible, name: str, link: Mapping[str, str], given_group: Given
) -> None:
    given_group()
    asked = {"group_name": name, "link_client_secret": link["link_client_secret"]}
    run = ansible.tasks(
        {"cdc_vault_info": {**asked, "type": "standard"}},
        {"cdc_vault_info": {**asked, "name": "AKV-SANDBOX-PREM"}},
        {"cdc_vault_info": {**asked, "tags": {"no": "such"}}},
    )
    assert [[vault["name"] for vault in outcome["vaults"]] for outcome in run.outcomes] == [
        ["akv-sandbox-std"],
        ["akv-sandbox-prem"],
        [],
    ]


@pytest.mark.every_core
def test_needs_the_secret_and_says_why(ansible: Ansible, sandbox: Sandbox, name: str) -> None:
    mark = sandbox.journal.mark()
    run = ansible.tasks({"cdc_vault_info": {"group_name": name}})
    assert "Option link_client_secret" in run.message
    assert "DSM lists vaults only for a link that is sent with its credential" in run.message
    assert sandbox.journal.since(mark) == []
