# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module cdc_groups and the role cdc_setup, over everything that somebody may have done to what is set up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_groups
from support.azure_rights import AzureRights
from support.deviations import Declared, World
from support.operate import Operator
from support.role_in_process import RolePlayer, RoleRun

Plan = set[tuple[str, str, str]]


class Both:
    """``failed`` and ``plan`` of a set-up in check mode, by the role and by the module."""

    def __init__(self, azure: AzureRights) -> None:
        self._azure = azure
        self._player = RolePlayer("cdc_setup")
        self._operate = Operator(azure.sandbox.environment())

    def role(self, declared: Declared) -> tuple[bool, Plan]:
        login = {**self._azure.operator, **self._azure.dsm_login}
        run = self._player.play(RoleRun(deepcopy(dict(declared.variables)), login, self._azure.sandbox.proxy_url, True))
        return run.failure is not None, run.plan

    def module(self, declared: Iterable[Declared], *, check_mode: bool = True) -> dict[str, Any]:
        groups = [
            {name.removeprefix("cdc_setup_"): deepcopy(value) for name, value in one.variables.items()}
            for one in declared
        ]
        login = self._azure.operator
        try:
            return self._operate(cdc_groups, check_mode=check_mode, groups=groups, on_error="continue", **login)
        except TaskError as error:
            return {**error.returned, "changed": bool(error.wrote)}


def changes(result: Mapping[str, Any]) -> Plan:
    return {(one["plane"], one["object"], one["action"]) for one in result["plan"]}


def failed(result: Mapping[str, Any]) -> dict[str, bool]:
    return {one["name"]: one["failed"] for one in result["groups"]}


@pytest.mark.long
def test_both_plan_the_same_for_each_deviation_and_the_role_finds_done_what_the_module_did(
    azure: AzureRights, tmp_path: Path
) -> None:
    world, both = World(azure, tmp_path), Both(azure)
    untouched = both.module(world.hosts)
    assert (set(failed(untouched).values()), untouched["plan"]) == ({False}, [])
    world.deviate()
    mark = azure.sandbox.journal.mark()

    by_role = {one.host: both.role(one) for one in world.hosts}
    together = both.module(world.hosts)

    assert azure.sandbox.journal.writes(since=mark) == []
    assert failed(together) == {host: has_failed for host, (has_failed, _plan) in by_role.items()}
    assert changes(together) == set().union(*(plan for _failed, plan in by_role.values()))

    done = both.module(world.hosts, check_mode=False)
    left = {one.host: both.role(one) for one in world.hosts}

    assert {host: found for host, found in left.items() if not failed(done)[host] and found != (False, set())} == {}
