#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_group_info
short_description: List the groups of Fortanix DSM and their links to Azure
version_added: 0.1.0
description:
  - Returns groups with the details of their links, all that the login sees or one of them.
  - A name that no group has gives an empty list.
  - A group with several links to Azure cannot be managed by this collection. Among all groups it is named in
    RV(not_managed) and in a warning. A task that asks for that very group fails.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
options:
  name:
    description:
      - Return only the group of this name.
    type: str
    aliases: [group_name]
  group_id:
    description:
      - Return only the group with this ID.
    type: str
  kind:
    description:
      - Which groups to return. Those that are linked to Azure Key Vault, those that are linked to anything, or all.
    type: str
    choices: [azure, external, all]
    default: azure
seealso:
  - module: fortanix.dsm.cdc_group
"""

EXAMPLES = r"""
- name: List all groups that are linked to Azure Key Vault
  fortanix.dsm.cdc_group_info:
  register: cdc

- name: Show their vaults
  ansible.builtin.debug:
    msg: "{{ cdc.groups | map(attribute='link.vault.uri') }}"
"""

RETURN = r"""
groups:
  description:
    - The groups by name, each with the keys of RV(fortanix.dsm.cdc_group#module:group).
    - A group with several links to Azure is among them with O(kind=external) and O(kind=all) only, and has no C(link).
  returned: success
  type: list
  elements: dict
not_managed:
  description: The groups that no module of this collection can manage, whatever O(kind) is.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group.
      type: str
    name:
      description: Name of the group.
      type: str
    reason:
      description: Why it cannot be managed.
      type: str
"""

from ..module_utils._operations import cdc_group_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_group_info)


if __name__ == "__main__":
    main()
