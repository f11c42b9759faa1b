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
positional: _input
options:
  _input:
    description: For each host what P(fortanix.dsm.shared_declarations#filter) has made.
    type: dict
    required: true
seealso:
  - plugin: fortanix.dsm.shared_declarations
    plugin_type: filter
  - plugin: fortanix.dsm.shared_failures
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Share the work out
  ansible.builtin.set_fact:
    my_shared: "{{ dict(ansible_play_batch | zip(ansible_play_batch | map('extract', hostvars, 'my_declarations')))
      | fortanix.dsm.shared_objects }}"
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
    vault_types:
      description: The types of vaults that are named.
      type: list
      elements: str
    conflicts:
      description: What cannot be meant, such as two hosts that declare one vault differently. Sentences.
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils import _shared_objects
from ..plugin_utils._unsafe import unsafe


def shared_objects(hosts: Any) -> Any:
    if not isinstance(hosts, Mapping) or not all(isinstance(declared, list) for declared in hosts.values()):
        raise AnsibleFilterError(
            "fortanix.dsm.shared_objects: give it a dictionary with a list of declarations per host"
        )
    return unsafe(_shared_objects.shared(hosts))


class FilterModule:
    def filters(self) -> dict[str, Callable[[Any], Any]]:
        return {"shared_objects": shared_objects}
