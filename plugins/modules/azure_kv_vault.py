#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_vault
short_description: Create, update, and soft-delete an Azure Key Vault or Managed HSM for Fortanix DSM
version_added: 0.1.0
description:
  - Creates an Azure Key Vault with an explicit permission model, with purge protection, and without access for anyone.
    M(fortanix.dsm.azure_kv_prereqs) grants the permissions.
  - On an existing vault, only options that the task sets are changed. A change that can interrupt access or cannot be
    undone must be listed in O(allow_disruptive). Otherwise the task fails before anything is written. Access policies
    are never sent to an existing vault.
  - An existing Managed HSM is used as it is. A new one is created only with O(i_accept_hourly_cost). A Managed HSM is
    activated by downloading its security domain. People must do that, and this module never does.
  - Never purges, never creates a resource group, and never registers a resource provider.
  - Waits until Azure Resource Manager has finished. It does not wait until the name of a new vault resolves in DNS.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
options:
  state:
    description:
      - V(present) creates or updates the vault.
      - V(absent) soft-deletes the vault when it contains no keys and no secrets, or when O(delete_vault_named) repeats
        its name. The task fails when it cannot read whether the vault is empty.
      - V(absent) fails while a group in DSM that the DSM identity can see uses the vault, whether the vault is empty or
        not. Without DSM credentials it warns that this was not checked.
      - A soft-deleted vault keeps its name until Azure purges it. Its role assignments are removed permanently.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the vault, 3 to 24 letters, digits and hyphens. It is unique in the Azure cloud.
    type: str
    required: true
  resource_group:
    description:
      - Name of the resource group, which must exist.
    type: str
    required: true
  location:
    description:
      - Azure region, for example V(westeurope). Required to create the vault. It cannot be changed later.
    type: str
  type:
    description:
      - V(standard) and V(premium) are key vaults. V(premium) supports HSM-protected keys. V(managed_hsm) is a Managed
        HSM, which is created in the smallest size. Required to create a vault, and always for a Managed HSM.
    type: str
    choices: [standard, premium, managed_hsm]
  permission_model:
    description:
      - Permission model of the vault. With V(access_policy), as in the product guide, a list in the vault itself grants
        access. With V(rbac), role assignments do.
      - Required to create a vault, because Azure has changed its default. Not supported for a Managed HSM.
    type: str
    choices: [access_policy, rbac]
  purge_protection:
    description:
      - Whether deleted objects cannot be purged before their retention period is over. It cannot be disabled again.
      - A new vault has purge protection unless this is V(false). An existing vault is left unchanged when this is not
        set.
    type: bool
  retention_days:
    description:
      - Days for which deleted objects can be recovered, V(7) to V(90). Fixed at creation, and V(90) when not set then.
    type: int
  public_network_access:
    description:
      - Whether the vault accepts connections other than from private endpoints.
    type: str
    choices: [enabled, disabled]
  default_action:
    description:
      - Default action for unmatched source addresses.
    type: str
    choices: [allow, deny]
  ip_rules:
    description:
      - All public IPv4 addresses and CIDR blocks that the vault accepts with O(default_action=deny). They must include
        the egress addresses of DSM.
      - Removing an address while the default action is V(deny) requires V(default_action) in O(allow_disruptive).
    type: list
    elements: str
  tags:
    description:
      - Tags to set. Other tags stay.
      - Azure ignores letter case in tag names. A stored name keeps its spelling. Two names that differ only in letter
        case are rejected.
    type: dict
  on_soft_deleted:
    description:
      - What to do when a soft-deleted vault has the name.
      - V(fail) fails and reports when Azure purges that vault.
      - V(recover) recovers that vault with its settings, keys and access policies. The options that are set are then
        applied as to any existing vault. Check mode can predict only the recovery, because the settings of a
        soft-deleted vault cannot be read.
    type: str
    choices: [fail, recover]
    default: fail
  allow_disruptive:
    description:
      - Options that the task can change on an existing vault, although the change can interrupt access or cannot be
        undone.
      - Before you change the permission model, run the task in check mode. RV(loses_access) lists the identities that
        would lose access.
    type: list
    elements: str
    choices: [permission_model, purge_protection, type, default_action, public_network_access]
    default: []
  initial_admin_object_ids:
    description:
      - Object IDs of the first administrators of a Managed HSM. Required to create one.
    type: list
    elements: str
  i_accept_hourly_cost:
    description:
      - Whether the task can create a Managed HSM. It is billed by the hour from its creation until it is purged.
    type: bool
    default: false
  delete_vault_named:
    description:
      - The value of O(name) again. With O(state=absent), the vault is then soft-deleted together with its contents.
    type: str
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only to check, before O(state=absent), whether a
        group uses the vault.
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
  group:
    description:
      - With O(state=absent), the record of a group that is removed together with the vault, as
        M(fortanix.dsm.cdc_group) returned it with O(fortanix.dsm.cdc_group#module:state=absent). That group does not
        count as one that uses the vault. Outside check mode, only the record of a planned removal (from a task with
        C(check_mode=true)) is accepted for this.
    type: dict
  wait_timeout:
    description:
      - Seconds to wait until Azure has finished. A key vault takes seconds, a Managed HSM half an hour or more. After
        that time the task fails. It can be run again.
      - When Azure has finished and returns other values than were written, the task fails without waiting longer. When
        the response to the write already contains another value, for example because of an Azure Policy with the effect
        C(modify), it fails immediately and reports the option with both values.
      - From V(0) to V(86400).
    type: int
    default: 1800
  wait_interval:
    description:
      - Seconds between two reads.
      - From V(0) to V(3600).
    type: int
    default: 5
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
notes:
  - An Azure Policy that forbids the vault takes effect only when the vault is created, not in check mode. The failure
    names the policy.
  - Before the first write, and in check mode, the task reads the locks at the vault and above it. It fails when a lock
    forbids the change, and names the lock. When the operator has no permission to read locks, it warns instead.
  - Azure Resource Manager has no conditional writes for vaults. Each write is sent once, immediately after a read, and
    is read back. A vault that another run has created in the meantime is used and never replaced. Tags and network
    rules that others have added stay. A vault that is no longer empty is not deleted. Failures that running the task
    again can resolve have C(failure.retryable=true).
  - Between the last read and the write, changes of others can still be lost. A vault, a tag, a network rule, a key or a
    secret that someone else creates within this round trip is replaced or removed. C(docs/troubleshooting.md) in the
    collection describes each case.
"""

EXAMPLES = r"""
- name: Create a vault for a group in DSM
  fortanix.dsm.azure_kv_vault:
    name: akv-production
    resource_group: rg-keys
    location: westeurope
    type: premium
    permission_model: access_policy
  register: made

- name: Show who would lose access with Azure RBAC
  fortanix.dsm.azure_kv_vault:
    name: akv-production
    resource_group: rg-keys
    permission_model: rbac
    allow_disruptive: [permission_model]
  check_mode: true
  diff: true

- name: Accept connections only from DSM
  fortanix.dsm.azure_kv_vault:
    name: akv-production
    resource_group: rg-keys
    default_action: deny
    ip_rules:
      - 198.51.100.7
    allow_disruptive: [default_action]

- name: Use an existing Managed HSM, and check whether it is activated
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
    - The vault after the task, or as it would be in check mode. When it does not exist and is not planned, the settings
      have no meaning. Its C(resource_id) and C(planned) are the values for
      O(fortanix.dsm.azure_kv_prereqs#module:vault).
  returned: success
  type: dict
  contains:
    resource_id:
      description: Azure resource ID.
      type: str
    name:
      description: Name.
      type: str
      sample: akv-production
    uri:
      description: URI, in the form that DSM uses.
      type: str
      sample: https://akv-production.vault.azure.net/
    type:
      description: V(standard), V(premium) or V(managed_hsm). V(null) when a deleted vault does not show it.
      type: str
      sample: premium
    location:
      description: Azure region. Can be empty when the vault does not exist.
      type: str
      sample: westeurope
    tenant_id:
      description: Tenant whose identities can have access. Can be empty when the vault does not exist.
      type: str
    permission_model:
      description:
        - V(access_policy), V(rbac), or V(local_roles) for a Managed HSM. V(null) when a deleted vault does not show it.
      type: str
      sample: access_policy
    soft_delete:
      description: Whether deleted objects can be recovered.
      type: bool
      sample: true
    retention_days:
      description: Days for which deleted objects can be recovered. V(null) when a deleted vault does not show it.
      type: int
      sample: 90
    purge_protection:
      description:
        - Whether nothing can be purged before these days are over.
      type: bool
      sample: true
    activation:
      description: Activation status of a Managed HSM, V(Active) when it is activated. V(null) for a key vault.
      type: str
      sample: Active
    planned:
      description: Whether the vault is only planned, in check mode.
      type: bool
    exists:
      description: Whether the vault exists after the task.
      type: bool
loses_access:
  description:
    - The identities that have access under the old permission model, when the permission model changes. Empty
      otherwise. V(null) when the roles cannot be read.
  returned: success
  type: list
  elements: dict
  contains:
    object_id:
      description: Object ID of the identity.
      type: str
    name:
      description: Name of the identity. V(null) when it cannot be read.
      type: str
      sample: Fortanix BYOK
    through:
      description: What grants the access under the old model.
      type: list
      elements: str
      sample: [keys/get, keys/list]
    has_rights_in_new_model:
      description: Whether the same identity has any access under the new model.
      type: bool
locks:
  description:
    - The locks at the vault and above it. They are read only when there is something to write. The list is empty
      otherwise. V(null) when the operator has no permission to read them, so that it is unknown whether a lock forbids
      the write.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the lock.
      type: str
    level:
      description: V(CanNotDelete) or V(ReadOnly).
      type: str
      sample: CanNotDelete
    scope:
      description: Resource ID that the lock applies to.
      type: str
    notes:
      description: Notes of the lock. Can be empty.
      type: str
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(Azure).
      type: str
      sample: Azure
    object:
      description: The object that changes.
      type: str
      sample: vault akv-production
    action:
      description: V(create), V(update), V(recover), or V(soft-delete).
      type: str
      sample: create
    before:
      description: The changed parts before, by name. Empty for a new object. Never a secret.
      type: dict
    after:
      description: The changed parts after, by name. Empty for a removed object. Never a secret.
      type: dict
    reason:
      description: Why the change is made.
      type: str
"""

from ..module_utils._operations import azure_kv_vault
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_vault)


if __name__ == "__main__":
    main()
