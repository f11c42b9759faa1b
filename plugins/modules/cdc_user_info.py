#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_user_info
short_description: Show the groups of a user of Fortanix DSM and which of them are mapped to Azure
version_added: 0.1.0
description:
  - Returns the groups that the user or app of the login belongs to, its roles, and which groups are linked to Azure Key
    Vault. On request DSM tests the connection of these.
  - Administrators and auditors of the account see all groups. Those that they are no member of are returned as well,
    with RV(groups[].explicit=false).
  - Another user is shown when the login may look at the users of the account.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
options:
  user_id:
    description:
      - ID of another user.
    type: str
  email:
    description:
      - E-mail address of another user. All users of the account are read to find it.
    type: str
  kind:
    description:
      - Which groups to return. Those that are linked to Azure Key Vault, those that are linked to anything, or all. A
        group that the login may not read is returned with V(all) only, as its links are not known.
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
      - How many connections are tested at most. The number of those that were left out is in RV(not_checked).
      - O(dsm_timeout) bounds the tests too. When the time is used up, the rest counts as not checked.
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

- name: Show the groups of somebody else
  fortanix.dsm.cdc_user_info:
    email: ann@example.com
"""

RETURN = r"""
user:
  description: The user or app, with the keys of RV(fortanix.dsm.cdc_account_info#module:principal).
  returned: success
  type: dict
groups:
  description: The groups by name. Those that the login may not read are at the end.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group.
      type: str
    name:
      description: Name of the group. Null for one that the login may not read.
      type: str
    roles:
      description: Roles of a user in the group. V(administrator), V(auditor), or the ID of a custom role.
      type: list
      elements: str
    permissions:
      description: Permissions of an app in the group, as DSM spells them. Older versions of DSM tell none.
      type: list
      elements: str
    explicit:
      description:
        - Whether the user was made a member of this group. V(false) for a group that comes with a role in the
          account. Null when that is not told.
      type: bool
    external_kms:
      description: What the group is linked to. Null for a local group, and for one that the login may not read.
      type: str
    azure:
      description: Whether the group is linked to Azure Key Vault. Null for one that the login may not read.
      type: bool
    vault:
      description: Name of the key vault.
      type: str
    vault_type:
      description: Type of the key vault.
      type: str
    connection:
      description:
        - V(connected), V(not_connected), V(not_checked), or V(unknown) when the login may not test it or the group has
          several links to Azure. Null for a group that is not linked to Azure.
      type: str
    message:
      description: The words of DSM when it does not connect, or why the connection is unknown.
      type: str
group_count:
  description: Number of groups that are returned.
  returned: success
  type: int
azure_count:
  description: Number of groups among them that are linked to Azure Key Vault.
  returned: success
  type: int
not_checked:
  description: Number of groups that are linked to Azure and whose connection was not tested.
  returned: success
  type: int
complete:
  description: Whether DSM told the groups that the user is a member of.
  returned: success
  type: bool
incomplete_reason:
  description: Why RV(complete) is V(false).
  returned: success
  type: str
"""

from ..module_utils._operations import cdc_user_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_user_info)


if __name__ == "__main__":
    main()
