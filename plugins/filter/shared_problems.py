# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shared_problems
short_description: State why the hosts of a setup cannot share objects
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Reports contradicting declarations of hosts, and a strategy that does
    not keep the hosts on the same task.
positional: _input, batch, host
options:
  _input:
    description: The output of P(fortanix.dsm.shared_objects#filter).
    type: dict
    required: true
  batch:
    description: Names of the hosts of the current batch, C(ansible_play_batch).
    type: list
    elements: str
    required: true
  host:
    description: The current host, C(inventory_hostname).
    type: str
    required: true
seealso:
  - plugin: fortanix.dsm.shared_objects
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Fail if declarations contradict each other
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
        raise AnsibleFilterError("fortanix.dsm.shared_problems: the inputs must be shared objects and a list of hosts")
    strategy = str(constants.config.get_config_value("DEFAULT_STRATEGY"))
    return unsafe(problems(shared, [str(one) for one in batch], str(host), strategy))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shared_problems": shared_problems}
