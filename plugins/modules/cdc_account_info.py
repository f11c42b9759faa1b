#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_account_info
short_description: Tell what Fortanix DSM, the account and the login allow for Azure Key Vault
version_added: 0.1.0
description:
  - Returns the version of DSM, the account with the features of its subscription, who is logged in, and which of the
    jobs of this collection this login may do.
  - Each verdict is what DSM says or what its API documents. Where DSM does not say, the verdict is V(unknown), with the
    reason. A login that may not ask for something gets V(unknown), too, and not a failure.
  - With O(needs) the module fails when something that is needed is certainly lacking.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
options:
  gather:
    description:
      - What to ask DSM for. Each part takes one request, except that V(permissions) takes V(principal) along, and that
        V(account) may take two.
      - The parts that O(needs) takes are asked for in any case.
    type: list
    elements: str
    choices: [version, account, principal, permissions]
    default: [version, account, principal, permissions]
  needs:
    description:
      - What the play is going to do. The task fails when one of these is certainly lacking, and passes when that is
        unknown.
      - V(azure_link) takes the features C(HMG) and C(AZUREBYOK) in the subscription of the account.
      - V(managed_hsm) takes DSM 4.6 or later.
      - The others take permissions. They count as granted when the login has them in at least one group, see
        RV(permissions).
    type: list
    elements: str
    choices: [azure_link, managed_hsm, create_group, read_group, edit_group, edit_link, sync, delete_group]
    default: []
seealso:
  - module: fortanix.dsm.cdc_user_info
"""

EXAMPLES = r"""
- name: Look at DSM, the account and the login
  fortanix.dsm.cdc_account_info:
  register: cdc_account

- name: Show what is lacking, if anything
  ansible.builtin.debug:
    msg: "{{ cdc_account.lacking }}"

- name: Stop before anything is done when the account has no licence for Azure
  fortanix.dsm.cdc_account_info:
    gather: [account]
    needs: [azure_link]
"""

RETURN = r"""
version:
  description: The version of DSM. Null when it was not asked for or is not told.
  returned: success
  type: dict
  contains:
    text:
      description: The version as DSM gives it.
      type: str
      sample: 5.8.2410
    major:
      description: Null when RV(version.text) has another form.
      type: int
    minor:
      description: Null when RV(version.text) has another form.
      type: int
    api_version:
      description: The version of the API.
      type: str
    server_mode:
      description: How DSM runs, C(Sgx) or C(Software).
      type: str
account:
  description: The account of the login. Null when it was not asked for or is not told.
  returned: success
  type: dict
  contains:
    account_id:
      description: ID of the account.
      type: str
    name:
      description: Name of the account.
      type: str
    enabled:
      description: Whether the account is enabled. Null when that is not told.
      type: bool
    subscription:
      description: Kind of the subscription, such as C(custom) or C(enterprise). Null for a kind that is not known.
      type: str
    features:
      description:
        - For C(HMG) and C(AZUREBYOK), whether the subscription includes the feature. V(present), V(missing), or
          V(unknown) for a subscription that does not list its features.
      type: dict
principal:
  description: Who is logged in. Null when it was not asked for.
  returned: success
  type: dict
  contains:
    kind:
      description: V(user) or V(app).
      type: str
    id:
      description: ID of the user or app. Null when it is not told.
      type: str
    name:
      description: E-mail address of the user, or name of the app. Null when it is not told.
      type: str
    account_roles:
      description:
        - Roles in the account. V(administrator), V(member), V(auditor), or the ID of a custom role. Null when they
          are not told. Older versions of DSM tell none for apps.
      type: list
      elements: str
    app_role:
      description: Role of an app, V(admin) or V(crypto). Null for users, and when it is not told.
      type: str
capabilities:
  description: Whether DSM and the account allow links to Azure (C(azure_link)), and to Managed HSMs (C(managed_hsm)).
  returned: success
  type: dict
  contains:
    azure_link:
      description: RV(ignore:verdict) is V(granted), V(lacking) or V(unknown), and RV(ignore:reason) says why.
      type: dict
    managed_hsm:
      description: The same as RV(capabilities.azure_link).
      type: dict
permissions:
  description:
    - For each job (C(create_group), C(read_group), C(edit_group), C(edit_link), C(sync), C(delete_group)) the
      C(verdict) (V(granted), V(lacking) or V(unknown)), its C(reason), the names of the permissions that it C(needs),
      and C(group_ids).
    - When C(group_ids) is a list, the job is granted in these groups only. Null means all groups, or that the job is
      not about existing groups.
  returned: success
  type: dict
lacking:
  description: What is certainly lacking of what was asked for, each with C(id), C(reason) and C(remedy).
  returned: success
  type: list
  elements: dict
unknown:
  description: What could not be told of what was asked for, each with C(id) and C(reason).
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import cdc_account_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_account_info)


if __name__ == "__main__":
    main()
