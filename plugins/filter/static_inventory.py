# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: static_inventory
short_description: Convert groups of Fortanix DSM to an inventory file
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Generates the text of a YAML inventory file with a host for each group that is linked to Azure Key Vault. With the
    variables of each host, the role P(fortanix.dsm.cdc_setup#role) makes no changes.
  - The file contains no secrets. Texts from DSM are marked with C(!unsafe), and all characters except printable ASCII
    are escaped.
  - Hosts have the same names as in P(fortanix.dsm.cdc#inventory).
positional: _input
options:
  _input:
    description:
      - The RV(fortanix.dsm.cdc_group_info#module:groups) of a task. Read them with
        O(fortanix.dsm.cdc_group_info#module:kind=all), so that duplicate names of groups are detected.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: fortanix.dsm.cdc
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Read the groups
  fortanix.dsm.cdc_group_info:
    kind: all
  register: cdc

- name: Write the inventory file
  ansible.builtin.copy:
    content: "{{ (cdc.groups | fortanix.dsm.static_inventory).content }}"
    dest: /etc/ansible/cdc.yml
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The file and its contents.
  type: dict
  contains:
    content:
      description: The text of the file.
      type: str
    hosts:
      description: The names of its hosts.
      type: list
      elements: str
    left_out:
      description: The linked groups that the file does not contain, each with C(name), C(group_id) and C(reason).
      type: list
      elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def static_inventory(records: Any) -> Any:
    from ..module_utils._errors import TaskError
    from ..plugin_utils import _inventory

    if not isinstance(records, list) or not all(isinstance(record, Mapping) and "link" in record for record in records):
        raise AnsibleFilterError("fortanix.dsm.static_inventory: the input must be the groups of cdc_group_info")
    try:
        return unsafe(_inventory.static_inventory(records))
    except TaskError as error:
        raise AnsibleFilterError(f"fortanix.dsm.static_inventory: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[[Any], Any]]:
        return {"static_inventory": static_inventory}
