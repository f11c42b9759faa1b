#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_prereqs
short_description: Give an application the rights that Fortanix DSM needs at an Azure key vault
version_added: 0.1.0
description:
  - Judges the effective rights of an application at one key vault or managed HSM, as
    M(fortanix.dsm.azure_kv_prereqs_info) does, and grants what is missing. Rights that are inherited or come through a
    group count, and are not granted again.
  - Grants at the vault only, and never touches what others have. Key permissions are added to the application's own
    entry in the access policies. In a vault that is in RBAC mode a custom role with exactly the data actions that are
    missing is assigned. At a managed HSM it is Managed HSM Crypto User, and a custom local role for what that role
    lacks.
  - Refuses before the first write when the operator lacks a right for it, and when a right is missing for a reason that
    no grant mends, such as a deny assignment.
  - Before the first write, and in check mode, the locks at the vault and above it are read. A lock that forbids the
    change is a failure that names it. An operator who may not read locks gets a warning instead.
  - Waits until what was granted can be read back as effective several times in a row. With O(group_name), O(group_id)
    or O(group) the proof is a sync of that group.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.app_rights
  - fortanix.dsm.app_rights.profile
  - fortanix.dsm.app_rights.wanted
  - fortanix.dsm.dsm
  - fortanix.dsm.group_selection
options:
  state:
    description:
      - V(present) grants what is missing.
      - V(absent) takes back the role assignments at the vault that this collection made. Key permissions in access
        policies carry no sign of who set them, and go only with O(confirm_remove_policy). Definitions of custom roles
        stay, as other vaults may use them.
      - V(absent) refuses while a group in DSM, as far as the login to DSM shows them, uses the application with this
        vault. Without a login to DSM it warns that this was not looked at.
      - With V(absent), a vault or an application that does not exist any more has nothing to take back. A vault that is
        named by O(vault.name) or O(vault.uri) alone counts as gone only where the operator may read all vaults of the
        subscription, and never by its tags, which may have changed.
      - With V(absent), what cannot be taken back, because of a lock for example, does not keep the rest from being
        taken back. The failure lists what was done, and all that was not.
    type: str
    choices: [present, absent]
    default: present
  rights_profile:
    required: true
  data_role:
    description:
      - How the rights on keys are given in a vault in RBAC mode.
      - V(custom) makes and assigns a custom role. The operator needs the right to define roles in the subscription.
      - V(crypto_officer) assigns Key Vault Crypto Officer. It is wider than what is wanted, as it has all cryptographic
        operations.
      - Anything else is the GUID or the resource ID of a role that exists, and that has what is missing.
    type: str
    default: custom
  confirm_remove_policy:
    description:
      - With O(state=absent), also take the key permissions of the profile out of the application's access policy.
    type: bool
    default: false
  wait_timeout:
    description:
      - How many seconds to wait until a grant is effective. Azure needs up to ten minutes. When it is not effective by
        then, the task succeeds with RV(effect=granted_not_yet_effective) and a warning.
      - With O(state=absent), how many seconds to wait until the removal can be read back. When it cannot by then, the
        task succeeds with RV(effect=removed_not_yet_effective) and a warning.
    type: int
    default: 300
  wait_interval:
    description:
      - Seconds between two looks.
    type: int
    default: 5
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only for the groups in DSM, that is for the sync
        as proof, and for the look before O(state=absent).
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
  group_name:
    description:
      - Name of the group whose sync is to prove that the rights are effective.
  group_id:
    description:
      - ID of that group.
  group:
    description:
      - That group as another module of this collection returned it.
      - With O(state=absent), the record of a group that goes with the rights, as M(fortanix.dsm.cdc_group) returned it
        with O(fortanix.dsm.cdc_group#module:state=absent). It does not count as one that uses these rights.
        In a run, only the record of a planned removal (of a task with C(check_mode=true)) is taken for that.
seealso:
  - module: fortanix.dsm.azure_kv_prereqs_info
"""

EXAMPLES = r"""
- name: See what would be granted, without granting it
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

- name: Take it back
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
    - What has become of the grants. V(effective) when all requested rights were read several times in a row,
      V(granted_not_yet_effective), V(unknown) when the operator may not read what would tell, V(planned) in check mode,
      V(unchanged) when there was nothing to grant.
    - With O(state=absent), V(removed) when nothing of it was read several times in a row, or
      V(removed_not_yet_effective).
  returned: success
  type: str
  sample: effective
proof:
  description: What tells that the grants are effective, V(sync) or V(reads). V(null) when nothing was granted.
  returned: success
  type: str
verdict:
  description:
    - The word for all findings, as in RV(fortanix.dsm.azure_kv_prereqs_info#module:verdict), after the task.
    - V(unknown) with O(state=absent) when vault or application is gone.
  returned: success
  type: str
rights:
  description: As RV(fortanix.dsm.azure_kv_prereqs_info#module:rights), after the task.
  returned: success
  type: list
  elements: dict
findings:
  description: As RV(fortanix.dsm.azure_kv_prereqs_info#module:findings), after the task.
  returned: success
  type: list
  elements: dict
vault:
  description:
    - As RV(fortanix.dsm.azure_kv_prereqs_info#module:vault). With O(state=absent), C(exists) is false when it is gone,
      and it is V(null) when the application is.
  returned: success
  type: dict
application:
  description: As RV(fortanix.dsm.azure_kv_prereqs_info#module:application).
  returned: success
  type: dict
over_privileges:
  description: As RV(fortanix.dsm.azure_kv_prereqs_info#module:over_privileges), after the task.
  returned: success
  type: list
  elements: dict
locks:
  description:
    - The locks at the vault and above it, each with C(name), C(level), C(scope) and C(notes). They are read when there
      is something to write in Azure's own roles and policies, and are empty otherwise. V(null) when the operator may
      not read them, so that it is unknown whether one forbids the write.
  returned: success
  type: list
  elements: dict
plan:
  description: The changes, as in RV(fortanix.dsm.cdc_group#module:plan). Empty when nothing changes.
  returned: success
  type: list
  elements: dict
left:
  description: With O(state=absent), what the application still holds and why it was not taken.
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import azure_kv_prereqs
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_prereqs)


if __name__ == "__main__":
    main()
