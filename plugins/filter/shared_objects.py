# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shared_objects
short_description: Assign shared applications, vaults and permissions to hosts
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Finds the distinct objects that the hosts of a run declare, and assigns
    each of them to one host, which creates it for all hosts.
positional: _input, hosts, shared_by
options:
  _input:
    description:
      - The variables of the hosts, C(hostvars). Each host has the fact C(cdc_setup_declared) from
        P(fortanix.dsm.setup_declarations#lookup).
    type: dict
    required: true
  hosts:
    description: Names of the participating hosts.
    type: list
    elements: str
    required: true
  shared_by:
    description: The current host. P(fortanix.dsm.shared_problems#filter) uses it to check that one host runs for all.
    type: str
    required: true
seealso:
  - plugin: fortanix.dsm.setup_declarations
    plugin_type: lookup
  - plugin: fortanix.dsm.shared_failures
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Distribute the work
  ansible.builtin.set_fact:
    cdc_setup_shared: "{{ hostvars | fortanix.dsm.shared_objects(ansible_play_batch, inventory_hostname) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The distribution of the work.
  type: dict
  contains:
    work:
      description: For each host and task, the indexes of the groups for which the host runs that task.
      type: dict
    groups:
      description: For each group of each host, where the results for its application, vault and permissions are.
      type: dict
    serial_grants:
      description: Whether permissions at one vault are granted more than once, and so one after the other.
      type: bool
    needs:
      description: The required features of DSM, as in O(fortanix.dsm.cdc_account_info#module:needs).
      type: list
      elements: str
    shared_by:
      description: The host that ran the filter.
      type: str
    conflicts:
      description: Contradictions as sentences, such as two hosts that declare the same vault differently.
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def shared_objects(variables: Any, hosts: Any, shared_by: Any) -> Any:
    from ..module_utils._declaration.shared import nameless, shared

    if not isinstance(variables, Mapping) or not isinstance(hosts, (list, tuple)):
        raise AnsibleFilterError("fortanix.dsm.shared_objects: the inputs must be hostvars and a list of hosts")
    # A host that has not reached this task has no declarations; fortanix.dsm.shared_problems reports that.
    declared = {str(host): variables[host].get("cdc_setup_declared") or [] for host in hosts}
    found = shared(declared)
    conflicts = [*nameless(declared), *found["conflicts"]]
    return unsafe({**found, "conflicts": conflicts, "shared_by": str(shared_by)})


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shared_objects": shared_objects}
