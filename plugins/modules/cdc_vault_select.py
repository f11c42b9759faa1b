#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_vault_select
short_description: Choose the key vault of a CDC group of Fortanix DSM
version_added: 0.1.0
description:
  - Sets the vault of the link of a group, which is its URL and type, and nothing else.
  - When the link has the vault already, nothing is looked up and no secret is needed. One request tells.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
  - fortanix.dsm.link.credential
  - fortanix.dsm.link.tls_key
  - fortanix.dsm.group_selection
  - fortanix.dsm.vault_selection
  - fortanix.dsm.link_edit.disconnect
  - fortanix.dsm.link_edit.move
options:
  vault:
    required: true
seealso:
  - module: fortanix.dsm.cdc_group
  - module: fortanix.dsm.cdc_vault_info
"""

EXAMPLES = r"""
- name: Choose a vault by its name
  fortanix.dsm.cdc_vault_select:
    group_name: akv-production
    link_client_secret: "{{ vaulted_client_secret }}"
    vault:
      name: akv-production
      type: premium

- name: Choose the one vault with these tags, for the group of an earlier task
  fortanix.dsm.cdc_vault_select:
    group: "{{ cdc.group }}"
    link_client_secret: "{{ vaulted_client_secret }}"
    vault:
      tags:
        environment: production
"""

RETURN = r"""
group:
  description: The group after the task, with the keys of RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
vault:
  description:
    - The vault as it was looked up, with the keys of RV(fortanix.dsm.cdc_vault_info#module:vaults). V(null) when the
      link had it already and nothing was looked up.
  returned: success
  type: dict
plan:
  description: The changes, as in RV(fortanix.dsm.cdc_group#module:plan). Empty when nothing changes.
  returned: success
  type: list
  elements: dict
pending:
  description: Whether the change waits for an approval, as in RV(fortanix.dsm.cdc_group#module:pending).
  returned: success
  type: bool
approval:
  description: The approval that the change needs or has got, as in RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_vault_select
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_vault_select)


if __name__ == "__main__":
    main()
