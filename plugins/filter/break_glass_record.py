# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: break_glass_record
short_description: Return the record of an application's access, after an attempt to cut it off
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbook C(break_glass.yml).
positional: _input, seen
options:
  _input:
    description: The result of M(fortanix.dsm.azure_kv_access) for the cut, which may have failed.
    type: dict
    required: true
  seen:
    description: The result of the same module in check mode, before the cut.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep the record
  ansible.builtin.copy:
    content: "{{ my_cut | fortanix.dsm.break_glass_record(my_plan) | to_nice_json }}"
    dest: record.json
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The record that the cut returned, or else the record that was read before the cut.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def break_glass_record(cut: Any, seen: Any) -> Any:
    from ..plugin_utils import _break_glass

    if not isinstance(cut, Mapping) or not isinstance(seen, Mapping):
        raise AnsibleFilterError("fortanix.dsm.break_glass_record: the inputs must be the results of two tasks")
    return unsafe(_break_glass.record(cut, seen))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"break_glass_record": break_glass_record}
