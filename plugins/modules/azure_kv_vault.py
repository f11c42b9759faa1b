#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_vault
short_description: Make, adopt, and soft-delete an Azure key vault or managed HSM for Fortanix DSM
version_added: 0.1.0
description:
  - Makes a key vault with a permission model that is always said, with purge protection, and without rights for
    anybody. M(fortanix.dsm.azure_kv_prereqs) gives the rights.
  - At a vault that is there, only options that the task sets change anything. What cuts somebody off or cannot be
    undone needs its name in O(allow_disruptive), and is otherwise refused before anything is written. Access policies
    are never sent to a vault that is there.
  - A managed HSM is adopted as it is. It is made only with O(i_accept_hourly_cost). The download of its security domain
    activates it. That is a ceremony of people, which this module never does.
  - Never purges, never makes a resource group, and never registers a resource provider.
  - Waits until Resource Manager has finished. The name of a new vault in DNS is not waited for.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
options:
  state:
    description:
      - V(present) makes or changes the vault.
      - V(absent) soft-deletes it, when there are no keys and no secrets in it, or when O(delete_vault_named) says its
        name. When it cannot be told whether there are any, it is refused.
      - V(absent) refuses while a group in DSM, as far as the login to DSM shows them, uses the vault, whether anything
        is in it or not. Without a login to DSM it warns that this was not looked at.
      - A soft-deleted vault holds its name until Azure purges it. Role assignments at it are gone for good.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the vault, 3 to 24 letters, digits and hyphens. It is unique in the whole cloud.
    type: str
    required: true
  resource_group:
    description:
      - Name of the resource group, which must exist.
    type: str
    required: true
  location:
    description:
      - Region of Azure, for example V(westeurope). Needed to make the vault. A vault does not move.
    type: str
  type:
    description:
      - V(standard) and V(premium) are key vaults, of which the second has HSM-protected keys. V(managed_hsm) is a pool
        of its own. Needed to make a vault, and always for a managed HSM. The smallest size of a managed HSM is made.
    type: str
    choices: [standard, premium, managed_hsm]
  permission_model:
    description:
      - Who decides on rights in the vault. With V(access_policy), as in the product guide, it is the vault's own list.
        With V(rbac) it is Azure's roles.
      - Needed to make a vault, as Azure has changed its default. Not for a managed HSM.
    type: str
    choices: [access_policy, rbac]
  purge_protection:
    description:
      - Whether nothing that is deleted can be purged before its retention has ended. It cannot be switched off again.
      - A new vault has it unless this is V(false). One that is there is left as it is when this is not set.
    type: bool
  retention_days:
    description:
      - For how many days what is deleted can be recovered, V(7) to V(90). Fixed at creation. V(90) when not set then.
    type: int
  public_network_access:
    description:
      - Whether the keys can be reached other than by private endpoints.
    type: str
    choices: [enabled, disabled]
  default_action:
    description:
      - What becomes of those who come from an address that no rule names.
    type: str
    choices: [allow, deny]
  ip_rules:
    description:
      - The public IPv4 addresses and CIDR blocks that are let in where O(default_action=deny), all of them. The
        addresses that DSM comes from have to be among them.
      - To take one away while the default is V(deny) needs V(default_action) in O(allow_disruptive).
    type: list
    elements: str
  tags:
    description:
      - Tags that the vault is to have. Tags that are not named here stay.
      - Azure ignores letter case in names of tags. A name that is stored keeps its spelling. Two names that differ in
        letter case only are refused.
    type: dict
  on_soft_deleted:
    description:
      - What to do when a soft-deleted vault holds the name.
      - V(fail) says so, with the day of its purge.
      - V(recover) brings it back, with its settings, keys and access policies. After that the options that are set are
        applied under the same rules as to any vault that is there. Check mode can predict the recovery only, as a
        soft-deleted vault does not show its settings.
    type: str
    choices: [fail, recover]
    default: fail
  allow_disruptive:
    description:
      - Options whose change is allowed at a vault that is there.
      - Before a change of the permission model, RV(loses_access) says in check mode whom it concerns.
    type: list
    elements: str
    choices: [permission_model, purge_protection, type, default_action, public_network_access]
    default: []
  initial_admin_object_ids:
    description:
      - Object IDs of the first administrators of a managed HSM. Needed to make one.
    type: list
    elements: str
  i_accept_hourly_cost:
    description:
      - Whether a managed HSM may be made. It costs money by the hour from its creation until it is purged.
    type: bool
    default: false
  delete_vault_named:
    description:
      - The name of the vault once more, when O(state=absent) is to soft-delete it with what is in it.
    type: str
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only for the look before O(state=absent).
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
  group:
    description:
      - With O(state=absent), the record of a group that goes with the vault, as M(fortanix.dsm.cdc_group) returned it
        with O(fortanix.dsm.cdc_group#module:state=absent). It does not count as one that uses the vault.
        In a run, only the record of a planned removal (of a task with C(check_mode=true)) is taken for that.
    type: dict
  wait_timeout:
    description:
      - How many seconds to wait until Azure has finished. A vault takes seconds, a managed HSM half an hour and more.
        When it is over, the task fails, and can be run again.
      - When Azure has finished and shows something else than was written, the task fails without waiting any longer.
        When already the answer to the write shows another value, as an Azure Policy with the effect modify brings
        about, it fails at once and names the option with both values.
    type: int
    default: 1800
  wait_interval:
    description:
      - Seconds between two looks.
    type: int
    default: 5
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
notes:
  - An Azure Policy that forbids the vault shows only when it is made, not in check mode. The failure names the policy.
  - Before the first write, and in check mode, the locks at the vault and above it are read. A lock that forbids the
    change is a failure that names it. An operator who may not read locks gets a warning instead.
  - Resource Manager has no conditional writes for vaults. Each write is sent once, immediately after a read, and is
    read back. A vault that another run has created meanwhile is adopted and never replaced, tags and network rules that
    others have added stay, and a vault that has been filled meanwhile is not deleted. Failures that another run of the
    task may resolve have C(failure.retryable=true).
  - A window of one round trip remains between the last read and the write. A vault, a tag, a network rule, a key or a
    secret that somebody else creates in it is replaced or removed with that write. The guide to troubleshooting says
    what happens in each case.
"""

EXAMPLES = r"""
- name: A vault for a group in DSM
  fortanix.dsm.azure_kv_vault:
    name: akv-production
    resource_group: rg-keys
    location: westeurope
    type: premium
    permission_model: access_policy
  register: made

- name: See who would lose access if roles decided
  fortanix.dsm.azure_kv_vault:
    name: akv-production
    resource_group: rg-keys
    permission_model: rbac
    allow_disruptive: [permission_model]
  check_mode: true
  diff: true

- name: Let only DSM in
  fortanix.dsm.azure_kv_vault:
    name: akv-production
    resource_group: rg-keys
    default_action: deny
    ip_rules:
      - 198.51.100.7
    allow_disruptive: [default_action]

- name: Adopt a managed HSM, and see whether it is activated
  fortanix.dsm.azure_kv_vault:
    name: hsm-production
    resource_group: rg-keys
    type: managed_hsm

- name: Soft-delete the vault if it is empty
  fortanix.dsm.azure_kv_vault:
    state: absent
    name: akv-production
    resource_group: rg-keys
"""

RETURN = r"""
vault:
  description:
    - The vault after the task, or as it is going to be. It is a valid O(fortanix.dsm.azure_kv_prereqs#module:vault) by
      its C(resource_id) and C(planned).
  returned: success
  type: dict
  contains:
    resource_id:
      description: Azure resource ID.
      returned: success
      type: str
    name:
      description: Name.
      returned: success
      type: str
    uri:
      description: Address, as DSM takes it.
      returned: success
      type: str
      sample: https://akv-production.vault.azure.net/
    type:
      description: V(standard), V(premium) or V(managed_hsm). V(null) where a vault that is not there does not tell.
      returned: success
      type: str
    location:
      description: Region.
      returned: success
      type: str
    tenant_id:
      description: Tenant whose identities can have rights in it.
      returned: success
      type: str
    permission_model:
      description:
        - V(access_policy), V(rbac), or V(local_roles) for a managed HSM. V(null) where a vault that is not there does
          not tell.
      returned: success
      type: str
    soft_delete:
      description: Whether what is deleted can be recovered.
      returned: success
      type: bool
    retention_days:
      description: For how many days.
      returned: success
      type: int
    purge_protection:
      description: Whether nothing can be purged before.
      returned: success
      type: bool
    activation:
      description: Of a managed HSM, whether its security domain has been downloaded. V(Active) if so.
      returned: success
      type: str
    planned:
      description: Whether check mode has only planned it.
      returned: success
      type: bool
    exists:
      description: Whether it is there, after the task.
      returned: success
      type: bool
loses_access:
  description:
    - When the permission model changes, who has rights under the model that is left, through what, and whether the same
      identity has any under the new one. V(null) when the roles cannot be read. Empty otherwise.
  returned: success
  type: list
  elements: dict
locks:
  description:
    - The locks at the vault and above it, each with C(name), C(level), C(scope) and C(notes). They are read when there
      is something to write, and are empty otherwise. V(null) when the operator may not read them, so that it is unknown
      whether one forbids the write.
  returned: success
  type: list
  elements: dict
plan:
  description: The changes, as in RV(fortanix.dsm.cdc_group#module:plan). Empty when nothing changes.
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import azure_kv_vault
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_vault)


if __name__ == "__main__":
    main()
