# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: printable
short_description: Remove control characters from a text
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Servers return names of groups, keys, vaults and users, and anyone who can set a name can put control characters
    for the terminal into it. Ansible prints labels of loops and names of tasks unchanged.
  - Replaces control characters, line breaks, and characters that are invisible or change the text direction with
    spaces, so that the result is one line.
options:
  _input:
    description: A text. In a list or dictionary, every text at any depth is converted; other values do not change.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Test the connection of each group
  fortanix.dsm.cdc_connection:
    group_id: "{{ item.group_id }}"
  loop: "{{ my_groups.groups }}"
  loop_control:
    label: "{{ item.name | fortanix.dsm.printable }}"
"""

RETURN = r"""
_value:
  description: The printable value.
  type: raw
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..plugin_utils._unsafe import unsafe


def printable(value: Any) -> Any:
    return unsafe(_in_depth(value))


def _in_depth(value: Any) -> Any:
    from ..module_utils import _errors

    if isinstance(value, str):
        return _errors.printable(value)
    if isinstance(value, Mapping):
        return {_in_depth(name): _in_depth(member) for name, member in value.items()}
    return [_in_depth(member) for member in value] if isinstance(value, (list, tuple)) else value


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"printable": printable}
