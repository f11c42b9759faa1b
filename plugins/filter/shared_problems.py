# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shared_problems
short_description: Why the hosts of a set-up cannot share anything
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Tells of hosts that contradict each other, and of a strategy that lets
    each host go on by itself.
positional: _input, hosts
options:
  _input:
    description: The variables of the hosts, C(hostvars), with what P(fortanix.dsm.shared_objects#filter) has found.
    type: dict
    required: true
  hosts:
    description: Names of the hosts that take part.
    type: list
    elements: str
    required: true
seealso:
  - plugin: fortanix.dsm.shared_objects
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse declarations that contradict each other
  ansible.builtin.assert:
    that: problems | length == 0
  vars:
    problems: "{{ hostvars | fortanix.dsm.shared_problems(ansible_play_batch) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Sentences.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils import _shared_objects
from ..plugin_utils._unsafe import unsafe


def shared_problems(variables: Any, hosts: Any) -> Any:
    if not isinstance(variables, Mapping) or not isinstance(hosts, (list, tuple)):
        raise AnsibleFilterError("fortanix.dsm.shared_problems: give it hostvars, and a list of hosts")
    return unsafe(_shared_objects.problems(variables, [str(host) for host in hosts]))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shared_problems": shared_problems}
