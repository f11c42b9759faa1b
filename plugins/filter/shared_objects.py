# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shared_objects
short_description: Which host makes which application, vault and rights in Azure
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Finds the distinct objects that the hosts of a run have declared, and
    gives each of them to one host, which makes it for all.
positional: _input, hosts, shared_by
options:
  _input:
    description:
      - The variables of the hosts, C(hostvars). Each has the fact C(cdc_setup_declared), which
        P(fortanix.dsm.setup_declarations#lookup) has made.
    type: dict
    required: true
  hosts:
    description: Names of the hosts that take part.
    type: list
    elements: str
    required: true
  shared_by:
    description: The host that asks, for P(fortanix.dsm.shared_problems#filter) to see whether one has asked for all.
    type: str
    required: true
seealso:
  - plugin: fortanix.dsm.setup_declarations
    plugin_type: lookup
  - plugin: fortanix.dsm.shared_failures
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Share the work out
  ansible.builtin.set_fact:
    cdc_setup_shared: "{{ hostvars | fortanix.dsm.shared_objects(ansible_play_batch, inventory_hostname) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: Who does what.
  type: dict
  contains:
    work:
      description: For each host and task the indexes of the groups for which the host runs that task.
      type: dict
    groups:
      description: For each host and each of its groups the places of the results for its application, vault and rights.
      type: dict
    serial_grants:
      description: Whether a vault is given rights more than once, and so one after the other.
      type: bool
    needs:
      description: What DSM has to be able to do, as in O(fortanix.dsm.cdc_account_info#module:needs).
      type: list
      elements: str
    shared_by:
      description: The host that asked.
      type: str
    conflicts:
      description: What cannot be meant, such as two hosts that declare one vault differently. Sentences.
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
        raise AnsibleFilterError("fortanix.dsm.shared_objects: give it hostvars, and a list of hosts")
    # A host that has not come so far has none; fortanix.dsm.shared_problems says so.
    declared = {str(host): variables[host].get("cdc_setup_declared") or [] for host in hosts}
    found = shared(declared)
    conflicts = [*nameless(declared), *found["conflicts"]]
    return unsafe({**found, "conflicts": conflicts, "shared_by": str(shared_by)})


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shared_objects": shared_objects}
