#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_account_info
short_description: Check what Fortanix DSM, the account, and the DSM identity support for Azure Key Vault
version_added: 0.1.0
description:
  - Returns the version of DSM, the account with the features of its subscription, the DSM identity, and for which tasks
    of this collection this identity has permission.
  - Each verdict is what DSM returns or what its API documents. Where DSM returns nothing, or denies a request, the
    verdict is V(unknown), with the reason. The module does not fail then.
  - With O(needs) the module fails when a requirement is certainly not met.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
options:
  gather:
    description:
      - What to read from DSM. Each part takes one request. V(permissions) also reads V(principal), and V(account) can
        take two requests.
      - The parts that O(needs) requires are read in any case.
    type: list
    elements: str
    choices: [version, account, principal, permissions]
    default: [version, account, principal, permissions]
  needs:
    description:
      - What the play requires. The task fails when one of these requirements is certainly not met, and succeeds when
        that is unknown.
      - V(azure_link) requires the features C(HMG) and C(AZUREBYOK) in the subscription of the account.
      - V(managed_hsm) requires DSM 4.6 or later.
      - The others require permissions. They count as granted when the DSM identity has them in at least one group, see
        RV(permissions).
    type: list
    elements: str
    choices: [azure_link, managed_hsm, create_group, read_group, edit_group, edit_link, sync, delete_group]
    default: []
seealso:
  - module: fortanix.dsm.cdc_user_info
"""

EXAMPLES = r"""
- name: Read DSM, the account, and the DSM identity
  fortanix.dsm.cdc_account_info:
  register: cdc_account

- name: Show what is lacking
  ansible.builtin.debug:
    msg: "{{ cdc_account.lacking }}"

- name: Fail if the account has no license for links to Azure
  fortanix.dsm.cdc_account_info:
    gather: [account]
    needs: [azure_link]
"""

RETURN = r"""
version:
  description: The version of DSM. V(null) when it was not read or DSM does not return it.
  returned: success
  type: dict
  contains:
    text:
      description: The version as DSM returns it.
      type: str
      sample: 5.8.2410
    major:
      description: Major version. V(null) when RV(version.text) has another form.
      type: int
      sample: 5
    minor:
      description: Minor version. V(null) when RV(version.text) has another form.
      type: int
      sample: 8
    api_version:
      description: Version of the API. V(null) when DSM does not return it.
      type: str
      sample: v1
    server_mode:
      description: Server mode, V(Sgx) or V(Software). V(null) when DSM does not return it.
      type: str
      sample: Sgx
account:
  description: The account of the DSM identity. V(null) when it was not read or DSM does not return it.
  returned: success
  type: dict
  contains:
    account_id:
      description: ID of the account.
      type: str
    name:
      description: Name of the account.
      type: str
      sample: Production
    enabled:
      description: Whether the account is enabled. V(null) when DSM does not return it.
      type: bool
      sample: true
    subscription:
      description: Type of the subscription, for example V(custom) or V(enterprise). V(null) for an unknown type.
      type: str
      sample: enterprise
    features:
      description:
        - Whether the subscription includes each feature. V(present), V(missing), or V(unknown) for a subscription that
          does not list its features.
      type: dict
      contains:
        HMG:
          description: The feature for links to an external KMS.
          type: str
          sample: present
        AZUREBYOK:
          description: The feature for links to Azure Key Vault.
          type: str
          sample: present
principal:
  description: The DSM identity. V(null) when it was not read.
  returned: success
  type: dict
  contains:
    kind:
      description: V(user) or V(app).
      type: str
      sample: app
    id:
      description: ID of the user or app. V(null) when DSM does not return it.
      type: str
    name:
      description: E-mail address of the user, or name of the app. V(null) when DSM does not return it.
      type: str
      sample: automation
    account_roles:
      description:
        - Roles in the account. V(administrator), V(member), V(auditor), or the ID of a custom role. V(null) when DSM
          does not return them. Older versions of DSM return none for apps.
      type: list
      elements: str
      sample: [administrator]
    app_role:
      description: Role of an app, V(admin) or V(crypto). V(null) for users, and when DSM does not return it.
      type: str
      sample: admin
capabilities:
  description: What DSM and the account support.
  returned: success
  type: dict
  contains:
    azure_link:
      description: Links to Azure Key Vault.
      type: dict
      contains: &capability
        verdict:
          description: V(granted), V(lacking) or V(unknown).
          type: str
          sample: granted
        reason:
          description: Why. Can be empty with V(granted).
          type: str
    managed_hsm:
      description: Links to a Managed HSM.
      type: dict
      contains: *capability
permissions:
  description: For which jobs the DSM identity has permission.
  returned: success
  type: dict
  contains:
    create_group:
      description: Create groups.
      type: dict
      contains: &job
        verdict:
          description: V(granted), V(lacking) or V(unknown).
          type: str
          sample: granted
        reason:
          description: Why. Can be empty with V(granted).
          type: str
        needs:
          description: Names of the DSM permissions that the job needs.
          type: list
          elements: str
        group_ids:
          description:
            - IDs of the only groups for which the permissions are granted. V(null) when they are granted for all
              groups, or when the job does not concern existing groups.
          type: list
          elements: str
    read_group:
      description: Read groups and their links.
      type: dict
      contains: *job
    edit_group:
      description: Change name, description, and metadata of groups.
      type: dict
      contains: *job
    edit_link:
      description: Change links.
      type: dict
      contains: *job
    sync:
      description: Sync keys.
      type: dict
      contains: *job
    delete_group:
      description: Delete groups.
      type: dict
      contains: *job
lacking:
  description: Requirements that are certainly not met, of those that were read.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: One of the choices of O(needs).
      type: str
      sample: azure_link
    reason:
      description: Why.
      type: str
      sample: the subscription of account Production lacks AZUREBYOK
    remedy:
      description: What to do.
      type: str
unknown:
  description: Requirements for which it is unknown whether they are met, of those that were read.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: One of the choices of O(needs).
      type: str
      sample: sync
    reason:
      description: Why.
      type: str
"""

from ..module_utils._operations import cdc_account_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_account_info)


if __name__ == "__main__":
    main()
