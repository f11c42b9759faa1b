#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_vault_select
short_description: Select the vault of a CDC group of Fortanix DSM
version_added: 0.1.0
description:
  - Sets the vault of the link of a group, that is its URI and type, and nothing else.
  - When the link already has the vault, one request shows it. No search and no link credential are needed then.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
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
- name: Select a vault by its name
  fortanix.dsm.cdc_vault_select:
    group_name: akv-production
    link_client_secret: "{{ vaulted_client_secret }}"
    vault:
      name: akv-production
      type: premium

- name: Select the only vault with these tags, for the group of an earlier task
  fortanix.dsm.cdc_vault_select:
    group: "{{ cdc.group }}"
    link_client_secret: "{{ vaulted_client_secret }}"
    vault:
      tags:
        environment: production
"""

RETURN = r"""
group:
  description: The group after the task. Same keys as RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
vault:
  description:
    - The vault that was found. V(null) when the link already had it and nothing was searched. Same keys as
      RV(fortanix.dsm.cdc_vault_info#module:vaults).
  returned: success
  type: dict
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(DSM).
      type: str
      sample: DSM
    object:
      description: The object that changes.
      type: str
      sample: group "akv-production"
    action:
      description: V(update).
      type: str
      sample: update
    before:
      description: The changed parts before, by name. Empty for a new object. Never a secret.
      type: dict
    after:
      description: The changed parts after, by name. Empty for a removed object. Never a secret.
      type: dict
    reason:
      description: Why the change is made.
      type: str
pending:
  description:
    - Whether the change is pending approval. Nothing has been changed then, and RV(group) is the group before the
      change.
    - The task is C(changed) when it has filed the request, and not when it has found an existing one.
  returned: success
  type: bool
  sample: false
approval:
  description:
    - The approval request for the change. V(null) when no approval is required. Same keys as
      RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_vault_select
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_vault_select)


if __name__ == "__main__":
    main()
