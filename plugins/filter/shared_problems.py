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
positional: _input, batch, host
options:
  _input:
    description: What P(fortanix.dsm.shared_objects#filter) has found.
    type: dict
    required: true
  batch:
    description: Names of the hosts that are at work now, C(ansible_play_batch).
    type: list
    elements: str
    required: true
  host:
    description: The host that asks, C(inventory_hostname).
    type: str
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
    problems: "{{ cdc_setup_shared | fortanix.dsm.shared_problems(ansible_play_batch, inventory_hostname) }}"
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

from ansible import constants
from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def shared_problems(shared: Any, batch: Any, host: Any) -> Any:
    from ..module_utils._declaration.shared import problems

    if not isinstance(shared, Mapping) or not isinstance(batch, (list, tuple)):
        raise AnsibleFilterError("fortanix.dsm.shared_problems: give it what is shared, and a list of hosts")
    strategy = str(constants.config.get_config_value("DEFAULT_STRATEGY"))
    return unsafe(problems(shared, [str(one) for one in batch], str(host), strategy))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shared_problems": shared_problems}
