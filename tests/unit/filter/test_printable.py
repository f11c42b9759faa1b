# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No name that a server gives steers a terminal: the filter, the tables, and the rule for labels and messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.filter.printable import printable
from ansible_collections.fortanix.dsm.plugins.module_utils._declaration import decisions
from ansible_collections.fortanix.dsm.plugins.plugin_utils import _break_glass, _overview
from lint import labels

ROOT = Path(__file__).resolve().parents[2]

# Escape, C1 control sequence introducer, line breaks, what is invisible, what turns the direction of the text.
STEERING = (
    *("\x1b", "\x9b", "\x07", "\n", "\r", "\u2028", "\u061c", "\u200b", "\u200e", "\u200f", "\u202e"),
    *("\u2066", "\u2060", "\xad", "\ufeff", "\U000e0041", "\ud800"),
)
EVIL = "akv\x1b[2J\u202eprod\u200b\nok: [localhost]"


def is_plain(text: str) -> bool:
    return not any(one in text for one in STEERING)


@pytest.mark.parametrize("character", STEERING, ids=ascii)
def test_a_character_that_steers_becomes_a_blank(character: str) -> None:
    assert printable(f"a{character}b") == "a b"


@pytest.mark.parametrize("name", ["Schlüssel", "鍵", "مفتاح", "می‌خواهم", "👩‍💻", "a b-c_d.e"])
def test_a_name_in_any_script_stays(name: str) -> None:
    assert printable(name) == name


def test_texts_at_any_depth_are_made_printable_and_all_else_stays() -> None:
    found = printable({EVIL: [{"name": EVIL}, 3, None, True, (EVIL,)]})

    assert is_plain(str(found))
    assert next(iter(found.values()))[1:4] == [3, None, True]


def test_a_summary_of_a_set_up_is_one_plain_line() -> None:
    line = decisions.line(
        {"name": EVIL, "status": "connected", "vault": EVIL, "key_count": 1, "planned": False, "changed": True}
    )

    assert is_plain(line)


ACCOUNT = {
    "version": {"text": EVIL},
    "account": {"name": EVIL},
    "principal": {"kind": "user", "name": EVIL, "id": "i"},
    "permissions": {"sync": {"verdict": "yes"}},
    "lacking": [{"reason": EVIL, "remedy": "ask"}],
}
LINKED = {"group_id": "g", "name": EVIL, "external_kms": "azure", "link": {"vault": {"name": EVIL}}}
GROUPS = {"groups": [LINKED, {"group_id": "h", "name": "local", "external_kms": None, "link": None}]}
SEEN = {"group_id": "g", "name": EVIL, "roles": [EVIL], "explicit": False, "external_kms": "azure", "vault": EVIL}
USER: dict[str, Any] = {
    "user": {"kind": "user", "name": EVIL, "id": "i", "account_roles": [EVIL]},
    "groups": [{**SEEN, "connection": "connected"}],
    "group_count": 1,
    "azure_count": 1,
    "not_checked": 0,
    "complete": False,
    "incomplete_reason": EVIL,
}


def test_an_overview_has_a_plain_row_for_each_group() -> None:
    tables = _overview.tables(ACCOUNT, GROUPS, USER, 200)

    assert [len(table) for table in tables.values()] == [5, 4, 5]
    assert is_plain(str(tables))


def test_an_overview_has_no_more_rows_than_were_asked_for() -> None:
    assert len(_overview.tables(ACCOUNT, GROUPS, USER, 1)["groups"]) == 3


def test_an_overview_of_what_is_not_told_says_so() -> None:
    nothing = {**ACCOUNT, "version": None, "account": None, "principal": {"kind": "app", "name": None, "id": None}}

    told = _overview.tables(nothing, {"groups": []}, {**USER, "groups": [], "complete": True}, 200)

    expected = ["DSM      version not reported", "Account  not reported", "Identity app not reported"]
    assert told["account"][:3] == expected


def test_what_is_reported_of_an_emergency_is_plain() -> None:
    step = {"state": "done", "plane": "Azure", "object": EVIL, "action": EVIL}
    finding = {"status": "fail", "object": EVIL, "actual": EVIL, "remedy": EVIL}
    cut = {"complete": True, "planned": False, "steps": [step], "findings": [finding]}
    seen = {"groups": [{"name": EVIL, "group_id": "g"}]}
    evidence = _break_glass.evidence(cut, seen, [{"connected": False, "message": EVIL}], [{"msg": EVIL}], {})

    told = _break_glass.summary(evidence, None, None)

    assert is_plain(str(told))
    assert is_plain(str(_break_glass.restored(cut)))


# The rule -------------------------------------------------------------------------------------------------------------


def test_nothing_is_printed_as_a_server_gives_it() -> None:
    assert labels.complaints(ROOT) == []


PRINTED = [
    ("- name: Sync {{ item.name }}", False),
    ("- name: a\n  loop: []\n  loop_control:\n    label: '{{ item.name }}'", False),
    ("- name: a\n  loop: []\n  loop_control:\n    label: '{{ item.name | fortanix.dsm.printable }}'", True),
    ("- name: a\n  loop: []\n  loop_control:\n    label: '{{ item.name | fortanix.dsm.printable | upper }}'", False),
    ("- name: a\n  loop: []\n  loop_control:\n    label: '{{ item.group_id }}'", True),
    ("- name: a\n  loop: []\n  loop_control:\n    label: 'group {{ my_index + 1 }}'", True),
    ("- name: a\n  loop: []\n  loop_control:\n    label: '{{ item.name | default(item.group_id) }}'", False),
    ("- name: a\n  block:\n    - name: b\n      ansible.builtin.debug:\n        msg: '{{ found.name }}'", False),
    ("- name: a\n  ansible.builtin.debug:\n    msg:\n      one: '{{ found.name }}'", False),
    ("- name: a\n  ansible.builtin.debug:\n    msg: '{{ found.groups | length }} groups'", True),
    ("- name: a\n  ansible.builtin.fail:\n    msg: '{{ found.msg }}'", False),
    ("- name: a\n  ansible.builtin.assert:\n    that: true\n    fail_msg: '{{ a ~ b }}'", False),
    ("- name: a\n  fortanix.dsm.cdc_group:\n    name: '{{ item.name }}'", True),
]


@pytest.mark.parametrize(("text", "allowed"), PRINTED)
def test_only_what_is_an_id_a_number_or_printable_may_be_printed(text: str, allowed: bool) -> None:
    found = [one for task in labels.tasks_of(yaml.safe_load(text)) for one in labels.of_task(task)]

    assert (found == []) is allowed
