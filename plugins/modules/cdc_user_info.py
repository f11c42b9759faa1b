#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_user_info
short_description: List the groups of a user or app of Fortanix DSM and their links to Azure
version_added: 0.1.0
description:
  - Returns the groups and roles of the DSM identity, which can be a user or an app, and which of the groups are linked
    to Azure Key Vault. With O(check_connections), DSM also tests the connections of these.
  - Administrators and auditors of the account see all groups. Groups in which they are not a member are returned with
    RV(groups[].explicit=false).
  - Another user can be read when the DSM identity has permission to read the users of the account.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
options:
  user_id:
    description:
      - ID of another user.
      - Mutually exclusive with O(email).
    type: str
  email:
    description:
      - E-mail address of another user. All users of the account are read to find it.
      - Mutually exclusive with O(user_id).
    type: str
  kind:
    description:
      - Which groups to return. V(azure) returns groups that are linked to Azure Key Vault, V(external) groups that are
        linked to any external KMS, V(all) all groups. A group that the DSM identity cannot read is returned with V(all)
        only, because its links are unknown.
    type: str
    choices: [azure, external, all]
    default: all
  check_connections:
    description:
      - Whether DSM tests the connection of each group that is linked to Azure. Each test takes DSM a few seconds.
    type: bool
    default: false
  max_checks:
    description:
      - Maximum number of connections to test. RV(not_checked) counts the connections that were not tested.
      - O(dsm_timeout) also limits the tests. Connections for which no time is left count as not tested.
      - From V(0) to V(100000).
    type: int
    default: 20
seealso:
  - module: fortanix.dsm.cdc_account_info
  - module: fortanix.dsm.cdc_group_info
"""

EXAMPLES = r"""
- name: Show my groups in Azure, and whether they are connected
  fortanix.dsm.cdc_user_info:
    kind: azure
    check_connections: true
  register: me

- name: Show the groups of another user
  fortanix.dsm.cdc_user_info:
    email: ann@example.com
"""

RETURN = r"""
user:
  description: The user or app. Same keys as RV(fortanix.dsm.cdc_account_info#module:principal).
  returned: success
  type: dict
groups:
  description: The groups, sorted by name. Groups that the DSM identity cannot read are at the end.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group.
      type: str
    name:
      description: Name of the group. V(null) when the DSM identity cannot read the group.
      type: str
      sample: akv-production
    roles:
      description: Roles of a user in the group. V(administrator), V(auditor), or the ID of a custom role.
      type: list
      elements: str
      sample: [administrator]
    permissions:
      description: Permissions of an app in the group, as DSM spells them. Older versions of DSM return none.
      type: list
      elements: str
    explicit:
      description:
        - Whether the user is a member of this group. V(false) for a group that is visible because of a role in the
          account. V(null) when DSM does not return it.
      type: bool
      sample: true
    external_kms:
      description:
        - Type of the external KMS that the group is linked to. V(null) for a local group, and when the DSM identity
          cannot read the group.
      type: str
      sample: AzureKeyVault
    azure:
      description: Whether the group is linked to Azure Key Vault. V(null) when the DSM identity cannot read the group.
      type: bool
      sample: true
    vault:
      description: Name of the vault. V(null) when the group has no link to Azure, or no vault is selected.
      type: str
      sample: akv-production
    vault_type:
      description: Type of the vault. V(null) when the group has no link to Azure, or no vault is selected.
      type: str
      sample: premium
    connection:
      description:
        - V(connected), V(not_connected), V(not_checked), or V(unknown) when the DSM identity has no permission to test
          it or the group has several links to Azure. V(null) for a group that is not linked to Azure.
      type: str
      sample: connected
    message:
      description: The error text of DSM when the link does not connect, or why RV(groups[].connection) is V(unknown).
      type: str
group_count:
  description: Number of groups that are returned.
  returned: success
  type: int
  sample: 3
azure_count:
  description: Number of returned groups that are linked to Azure Key Vault.
  returned: success
  type: int
  sample: 2
not_checked:
  description: Number of returned groups that are linked to Azure and whose connection was not tested.
  returned: success
  type: int
  sample: 0
complete:
  description: Whether DSM returned the groups in which the user is a member.
  returned: success
  type: bool
incomplete_reason:
  description: Why RV(complete) is V(false). Empty when it is V(true).
  returned: success
  type: str
"""

from ..module_utils._operations import cdc_user_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_user_info)


if __name__ == "__main__":
    main()
