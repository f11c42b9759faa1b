# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remedies within a role: they name the role's variables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_connection
from ansible_collections.fortanix.dsm.plugins.plugin_utils._in_process import OperationAction
from ansible_collections.fortanix.dsm.plugins.plugin_utils._role_variables import renamed, variables_of
from unit.builders import ROOT

ROLES = ROOT / "roles"
STEP = "correct link_client_secret, or set on_not_connected: warn to continue"


def failed(step: str = STEP) -> dict[str, Any]:
    return {
        "failed": True,
        "msg": f"Azure, link: link_client_id is wrong. Next: {step}.",
        "failure": {"next_step": step},
    }


def told(
    step: str, role: str = "cdc_setup", options: tuple[str, ...] = tuple(cdc_connection.SPEC.argument_spec)
) -> str:
    result = renamed(failed(step), role, variables_of(str(ROLES / role)), options)
    text = result["failure"]["next_step"]
    assert result["msg"] == f"Azure, link: link_client_id is wrong. Next: {text}."
    return str(text)


def test_an_option_that_the_role_has_a_variable_for_is_named_by_it() -> None:
    assert told(STEP) == ("correct cdc_setup_link_client_secret, or set cdc_setup_on_not_connected: warn to continue")


@pytest.mark.parametrize(
    "step",
    [
        "raise dsm_timeout",
        "set cdc_setup_on_not_connected",
        "run fortanix.dsm.cdc_group or read docs/link_client_secret",
        "run `link_client_secret`",
        "set the name, the type and the state",
        "see pre_link_client_secret and link_client_secret_x",
    ],
)
def test_other_words_stay(step: str) -> None:
    assert told(step) == step


def test_what_is_no_option_of_the_module_stays() -> None:
    assert told("set on_not_connected", options=("group_name",)) == "set on_not_connected"


@pytest.mark.parametrize(
    "result",
    [
        {"changed": True, "msg": "x Next: set on_not_connected."},
        {"failed": True, "msg": "Unsupported parameters"},
        {"failed": True, "msg": "x", "failure": {"next_step": None}},
        {"failed": True, "msg": "hidden", "failure": {"next_step": STEP}},
    ],
)
def test_a_result_of_another_form_stays(result: dict[str, Any]) -> None:
    assert (
        renamed(result, "cdc_setup", variables_of(str(ROLES / "cdc_setup")), cdc_connection.SPEC.argument_spec)
        == result
    )


def test_a_role_without_documented_variables_has_none() -> None:
    assert variables_of("/nowhere") == frozenset()


class Action(OperationAction):
    operation = cdc_connection

    def __init__(self, role: Any) -> None:
        self._task = SimpleNamespace(_role=role)


def role(collection: str | None) -> Any:
    return SimpleNamespace(
        _role_collection=collection,
        get_name=lambda include_role_fqcn: "fortanix.dsm.cdc_setup" if include_role_fqcn else "cdc_setup",
        get_role_path=lambda: str(ROLES / "cdc_setup"),
    )


@pytest.mark.parametrize("other", [None, role(None), role("example.collection")])
def test_outside_of_a_role_of_this_collection_options_are_named(other: Any) -> None:
    assert Action(other)._for_the_user(failed()) == failed()


def test_within_a_role_of_this_collection_its_variables_are_named() -> None:
    assert "cdc_setup_on_not_connected" in Action(role("fortanix.dsm"))._for_the_user(failed())["msg"]
