#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_vault_info
short_description: List the vaults that a link of Fortanix DSM to Azure can see
version_added: 0.1.0
description:
  - Lists the vaults of the subscription that the application of the link has permission to read.
  - DSM lists vaults only for a link that is sent with its credential. The link credential is therefore always required,
    also when a group is set.
  - An empty list does not mean that no vault exists. It means that the application can read none.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.link
  - fortanix.dsm.link.credential
  - fortanix.dsm.group_selection.optional
options:
  name:
    description:
      - Return only the vault of this name.
    type: str
  type:
    description:
      - Return only vaults of this type.
    type: str
    choices: [standard, premium, managed_hsm]
  tags:
    description:
      - Return only vaults that have these tags.
    type: dict
seealso:
  - module: fortanix.dsm.cdc_vault_select
"""

EXAMPLES = r"""
- name: List the premium vaults that a saved group can use
  fortanix.dsm.cdc_vault_info:
    group_name: akv-production
    link_client_secret: "{{ vaulted_client_secret }}"
    type: premium
  register: seen

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ seen.vaults | map(attribute='name') }}"
"""

RETURN = r"""
vaults:
  description: The vaults, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    resource_id:
      description: Azure resource ID.
      type: str
    name:
      description: Name.
      type: str
      sample: akv-production
    type:
      description: V(standard), V(premium), or V(managed_hsm). Empty for a type that is unknown.
      type: str
      sample: premium
    uri:
      description: URI.
      type: str
      sample: https://akv-production.vault.azure.net/
    location:
      description: Azure region.
      type: str
      sample: westeurope
    tags:
      description: Tags.
      type: dict
      sample: {environment: production}
    retention_days:
      description: Days for which deleted keys are kept. V(null) when DSM does not return it.
      type: int
      sample: 90
"""

from ..module_utils._operations import cdc_vault_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_vault_info)


if __name__ == "__main__":
    main()
