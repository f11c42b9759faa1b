#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_prereqs
short_description: Grant an application the permissions that Fortanix DSM needs at an Azure Key Vault
version_added: 0.1.0
description:
  - Evaluates the effective permissions of an application at one Azure Key Vault or Managed HSM, as
    M(fortanix.dsm.azure_kv_prereqs_info) does, and grants what is missing. Permissions that are inherited or held
    through a group count, and are not granted again.
  - Grants only at the vault, and never changes what other identities have. In a vault with access policies, it adds key
    permissions to the entry of the application. In a vault with Azure RBAC, it assigns a custom role that contains
    exactly the missing data actions. At a Managed HSM, it assigns Managed HSM Crypto User, and a custom local role for
    what that role lacks.
  - Fails before the first write when the operator lacks a permission for it, and when a permission is missing for a
    reason that no grant corrects, such as a deny assignment.
  - Before the first write, and in check mode, it reads the locks at the vault and above it. It fails when a lock
    forbids the change, and names the lock. When the operator has no permission to read locks, it warns instead.
  - Waits until several consecutive reads show that the grants are effective. With O(group_name), O(group_id) or
    O(group), a sync of that group is the proof.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.app_rights
  - fortanix.dsm.app_rights.profile
  - fortanix.dsm.app_rights.wanted
  - fortanix.dsm.dsm
  - fortanix.dsm.group_selection.optional
options:
  state:
    description:
      - V(present) grants what is missing.
      - V(absent) removes the role assignments at the vault that this collection created. Azure does not record who set
        key permissions in access policies, so these are removed only with O(confirm_remove_policy). Definitions of
        custom roles stay, because other vaults may use them.
      - V(absent) fails while a group in DSM that the DSM identity can see uses the application with this vault. Without
        DSM credentials it warns that this was not checked.
      - With V(absent), nothing has to be removed when the vault or the application no longer exists. A vault that is
        identified by O(vault.name) or O(vault.uri) alone counts as deleted only when the operator can read all vaults
        of the subscription. A vault that is identified by tags never does, because its tags may have changed.
      - With V(absent), a grant that cannot be removed, for example because of a lock, does not stop the others from
        being removed. The failure lists what was removed and what was not.
    type: str
    choices: [present, absent]
    default: present
  rights_profile:
    required: true
  data_role:
    description:
      - How key permissions are granted in a vault with Azure RBAC.
      - V(custom) creates and assigns a custom role. The operator needs permission to define roles in the subscription.
      - V(crypto_officer) assigns Key Vault Crypto Officer. It grants more than requested, that is all cryptographic
        operations.
      - Any other value is the GUID or the resource ID of an existing role that contains what is missing.
    type: str
    default: custom
  confirm_remove_policy:
    description:
      - With O(state=absent), also remove the key permissions of the profile from the access policy of the application.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait until a grant is effective. Azure needs up to ten minutes. When it is not effective by then, the
        task succeeds with RV(effect=granted_not_yet_effective) and a warning.
      - With O(state=absent), seconds to wait until the removal can be read back. When it cannot by then, the task
        succeeds with RV(effect=removed_not_yet_effective) and a warning.
      - From V(0) to V(86400).
    type: int
    default: 300
  wait_interval:
    description:
      - Seconds between two reads.
      - From V(0) to V(3600).
    type: int
    default: 5
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only for the sync as proof, and to check, before
        O(state=absent), whether a group uses the permissions.
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
  group_name:
    description:
      - Name of the group whose sync proves that the permissions are effective.
      - Mutually exclusive with O(group_id) and O(group).
  group_id:
    description:
      - ID of the group whose sync proves that the permissions are effective.
      - Mutually exclusive with O(group_name) and O(group).
  group:
    description:
      - The group whose sync proves that the permissions are effective, as another module of this collection returned
        it.
      - With O(state=absent), the record of a group that is removed together with the permissions, as
        M(fortanix.dsm.cdc_group) returned it with O(fortanix.dsm.cdc_group#module:state=absent). That group does not
        count as one that uses the permissions. Outside check mode, only the record of a planned removal (from a task
        with C(check_mode=true)) is accepted for this.
      - Mutually exclusive with O(group_name) and O(group_id).
seealso:
  - module: fortanix.dsm.azure_kv_prereqs_info
"""

EXAMPLES = r"""
- name: Show what would be granted
  fortanix.dsm.azure_kv_prereqs:
    vault:
      resource_id: "{{ vault_resource_id }}"
    app_client_id: "{{ link_client_id }}"
    rights_profile: guide
  check_mode: true
  diff: true

- name: Grant what is missing, and prove it by a sync
  fortanix.dsm.azure_kv_prereqs:
    vault:
      resource_id: "{{ vault_resource_id }}"
    app_client_id: "{{ link_client_id }}"
    rights_profile: least_privilege
    key_permissions: [purge]
    group_name: akv-production

- name: Remove the permissions
  fortanix.dsm.azure_kv_prereqs:
    state: absent
    vault:
      resource_id: "{{ vault_resource_id }}"
    app_client_id: "{{ link_client_id }}"
    rights_profile: guide
    confirm_remove_policy: true
"""

RETURN = r"""
effect:
  description:
    - The effect of the grants. V(effective) when several consecutive reads showed all requested permissions,
      V(granted_not_yet_effective), V(unknown) when the operator cannot read what is needed to tell, V(planned) in check
      mode, V(unchanged) when there was nothing to grant or to remove.
    - With O(state=absent), V(removed) when several consecutive reads showed none of the removed permissions, or
      V(removed_not_yet_effective).
  returned: success
  type: str
  sample: effective
proof:
  description: How the effect was proven, V(sync) or V(reads). V(null) when it was not, or when nothing was granted.
  returned: success
  type: str
  sample: reads
verdict:
  description:
    - The result over all findings, after the task, as in RV(fortanix.dsm.azure_kv_prereqs_info#module:verdict).
    - V(unknown) with O(state=absent) when the vault or the application no longer exists.
  returned: success
  type: str
  sample: ok
rights:
  description:
    - One entry for each requested permission, after the task. Same keys as
      RV(fortanix.dsm.azure_kv_prereqs_info#module:rights).
  returned: success
  type: list
  elements: dict
findings:
  description: The findings after the task. Same keys as RV(fortanix.dsm.azure_kv_prereqs_info#module:findings).
  returned: success
  type: list
  elements: dict
vault:
  description:
    - The vault. Same keys as RV(fortanix.dsm.azure_kv_prereqs_info#module:vault).
    - With O(state=absent), C(exists) is V(false) when the vault no longer exists.
    - V(null) when the application no longer exists.
  returned: success
  type: dict
application:
  description: The application. Same keys as RV(fortanix.dsm.azure_kv_prereqs_info#module:application).
  returned: success
  type: dict
over_privileges:
  description:
    - Permissions through which the application could gain more access than it was granted, after the task. Same keys as
      RV(fortanix.dsm.azure_kv_prereqs_info#module:over_privileges).
  returned: success
  type: list
  elements: dict
locks:
  description:
    - The locks at the vault and above it. They are read only when there is something to write to roles or policies. The
      list is empty otherwise. V(null) when the operator has no permission to read them, so that it is unknown whether a
      lock forbids the write.
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
      description:
        - V(add to access policy), V(create role definition), V(correct role definition), or V(assign role). With
          O(state=absent) V(remove role assignment) or V(remove from access policy).
      type: str
      sample: assign role
    before:
      description: The changed parts before, by name. Empty for a new object. Never a secret.
      type: dict
    after:
      description: The changed parts after, by name. Empty for a removed object. Never a secret.
      type: dict
    reason:
      description: Why the change is made.
      type: str
left:
  description: What the application still has and why it was not removed. Empty when nothing is left.
  returned: with O(state=absent)
  type: list
  elements: dict
  contains:
    what:
      description: Kind of permission.
      type: str
      sample: key permissions in the access policy
    permissions:
      description: The key permissions.
      type: list
      elements: str
      sample: [get, list]
    reason:
      description: Why it was not removed.
      type: str
"""

from ..module_utils._operations import azure_kv_prereqs
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_prereqs)


if __name__ == "__main__":
    main()
