# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shared_failures
short_description: List failures of the shared Azure objects of a host
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Finds the results of the tasks, whichever hosts have run them.
positional: _input, results
options:
  _input:
    description: The places of the results for one host, from RV(fortanix.dsm.shared_objects#filter:_value.groups).
    type: list
    elements: dict
    required: true
  results:
    description: The variables of each host that has run a task, such as C(hostvars).
    type: dict
    required: true
seealso:
  - plugin: fortanix.dsm.shared_objects
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show failures for this host
  ansible.builtin.debug:
    msg: "{{ my_shared.groups[inventory_hostname] | fortanix.dsm.shared_failures(hostvars) }}"
"""

RETURN = r"""
_value:
  description: Each reason once.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def shared_failures(places: Any, results: Any) -> Any:
    from ..module_utils._declaration.shared import failures

    if not isinstance(places, list) or not isinstance(results, Mapping):
        raise AnsibleFilterError("fortanix.dsm.shared_failures: the inputs must be the places of a host and hostvars")
    return unsafe(failures(places, results))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shared_failures": shared_failures}
