# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of every module with every kind of hostile value: it runs, or is refused with a message.

Nothing is shown as a defect or a traceback, no message is longer than a screen, and what is refused before the first
request names the option.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from sandbox import Sandbox
from support.challenges import forget_challenges
from support.shell import Shell
from unit.builders import MODULES, spec_of

_ID = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
_RIGHTS = {"vault": {"name": "akv-sandbox-prem"}, "app_client_id": _ID}
# What a module needs to get as far as its first request.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "azure_kv_access": {"state": "revoked", "app_client_id": _ID},
    "azure_kv_app": {"app_display_name": "hostile"},
    "azure_kv_prereqs": {**_RIGHTS, "rights_profile": "guide"},
    "azure_kv_prereqs_info": _RIGHTS,
    "azure_kv_vault": {"name": "akv-hostile", "resource_group": "rg", "location": "westeurope"},
    "cdc_credential": {"app_client_id": _ID},
    "cdc_group": {"name": "hostile"},
    "cdc_groups": {"groups": [{"name": "hostile"}]},
    "cdc_groups_report": {"groups": []},
    "cdc_sync": {"group_name": "hostile"},
    "cdc_tls": {"group_name": "hostile"},
    "cdc_vault_select": {"group_name": "hostile", "vault": {"name": "akv-hostile"}},
}
_EVERYDAY = settings().max_examples <= 25


def nested(levels: int, inner: Any, kind: type) -> Any:
    for _level in range(levels):
        inner = [inner] if kind is list else {"a": inner}
    return inner


NUMBERS = [
    0,
    -1,
    10**12,
    10**9,
    2**63,
    -(2**63) - 1,
    10**400,
    1.5,
    float("inf"),
    float("nan"),
    "1e400",
    "NaN",
    "1" * 5000,
]
TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "a\udfffb",
    "\n",
    "\u202e",
    "ä" * 300,
    "x" * 5000,
    "x" * 1_000_001,
    "%s{0}{{ a }}",
]
TEXTS += [
    "../../etc",
    "/",
    "~",
    "https://[",
    "https://a.vault.azure.net:99999",
    "-----BEGIN CERTIFICATE-----\nx",
    "{",
    "a=b",
    "=",
]
OTHERS: list[Any] = [
    None,
    True,
    [],
    {},
    [None],
    [[]],
    {"": None},
    {"a": {"b": []}},
    ["\0"],
    {"\ud800": 1},
    [{"a": "\0"}],
]
DEEP = [nested(levels, "x", kind) for levels in (40, 60, 3000) for kind in (list, dict)]
hostile = st.sampled_from(NUMBERS) | st.sampled_from(TEXTS) | st.sampled_from(OTHERS) | st.sampled_from(DEEP)


def places(options: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The names of all options, each with those that it is in."""
    for name, option in options.items():
        yield (*before, name)
        yield from places(option.get("options") or {}, (*before, name))


def put(options: Mapping[str, Any], given: Mapping[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The arguments with this value there, and what it is in made for it."""
    name, *inner = place
    option = options[name]
    if not inner:
        return {**given, name: [value] if option.get("elements") and not isinstance(value, list) else value}
    held = given.get(name)
    if option["type"] == "list":
        first = held[0] if isinstance(held, list) and held and isinstance(held[0], dict) else {}
        return {**given, name: [put(option["options"], first, tuple(inner), value)]}
    return {**given, name: put(option["options"], held if isinstance(held, dict) else {}, tuple(inner), value)}


@pytest.fixture(scope="module")
def shell() -> Iterator[tuple[Shell, Sandbox]]:
    forget_challenges()
    with Sandbox.start() as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_time, "sleep", lambda _seconds: None)
        yield Shell(sandbox.environment()), sandbox
        assert sandbox.crashes == []


@pytest.mark.parametrize("module", MODULES)
@settings(
    max_examples=8 if _EVERYDAY else 200,
    derandomize=_EVERYDAY,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_hostile_option_is_refused_or_runs(shell: tuple[Shell, Sandbox], module: str, data: st.DataObject) -> None:
    run, sandbox = shell
    options = spec_of(module).argument_spec
    every = sorted(places(options))
    place = data.draw(st.sampled_from(every), label="option")
    value = data.draw(hostile, label="value")
    arguments = put(options, NEEDED.get(module, {}), place, value)
    operation = importlib.import_module(f"ansible_collections.fortanix.dsm.plugins.module_utils._operations.{module}")
    mark = sandbox.journal.mark()

    result = run(operation, check_mode=True, verbosity=3, **arguments)

    if not result.get("failed"):
        return
    message = result["msg"]
    assert "unexpected error" not in message, result.get("traceback")
    assert "Traceback" not in message
    assert len(message) <= 6000
    if not sandbox.journal.since(mark):
        # Or one that it contradicts.
        assert any(name in message for names in every for name in names), message
