#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_key_consumers_info
short_description: List the Azure resources that use the keys of a CDC group
version_added: 0.1.0
description:
  - Searches Azure for the resources that use keys of one vault or Managed HSM, such as storage accounts, disk
    encryption sets and SQL servers. Returns which version each of them uses, and whether it takes new versions by
    itself.
  - Only reads. Needs the role Reader at the subscriptions to be searched, and no permission at the vault.
  - No result proves that a key is not in use. V(none_found) only means that the search found nothing. RV(blind_spots)
    lists what no search covers. C(docs/keys.md) in the collection describes what is searched, and how.
  - One search answers for all keys of the vault. It sends two requests to Azure Resource Graph, and one more for each
    further 200 resources. To Azure Resource Manager, it sends one request for each subscription, one or two for each
    SQL server, and one for each disk encryption set that uses a key. O(max_requests) limits the latter.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
  - fortanix.dsm.group_selection.optional
options:
  vault_uri:
    description:
      - Address of the vault or Managed HSM, for example V(https://akv-production.vault.azure.net).
      - Exactly one of O(vault_uri), O(group_name), O(group_id), and O(group) is required.
    type: str
  group_name:
    description:
      - Name of the group whose link leads to the vault.
      - Exactly one of O(vault_uri), O(group_name), O(group_id), and O(group) is required.
  group_id:
    description:
      - ID of the group whose link leads to the vault.
      - Exactly one of O(vault_uri), O(group_name), O(group_id), and O(group) is required.
  group:
    description:
      - The group record that an earlier task returned as RV(fortanix.dsm.cdc_group#module:group).
      - In check mode this can be a group that the earlier task has only planned. The task then uses the planned values.
      - Exactly one of O(vault_uri), O(group_name), O(group_id), and O(group) is required.
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only with a group.
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
  names:
    description:
      - Names of keys in the vault. The result has an entry for each of them. When empty, it has one for each key for
        which a resource was found.
      - Whether the vault has a key of this name is not checked. A wrong name can lead to V(none_found).
    type: list
    elements: str
    default: []
  subscriptions:
    description:
      - IDs of the subscriptions to search. When empty, all that the operator can read in its tenant are searched.
      - Azure omits subscriptions that the operator cannot read, without a sign. Those that are set here and were
        omitted are in RV(not_searched).
    type: list
    elements: str
    default: []
  read_services:
    description:
      - Whether to also read the lists of storage accounts, disk encryption sets, SQL servers and SQL managed instances
        from these services, with four requests for each subscription. Use it before a key is disabled or deleted.
      - Azure Resource Graph may not yet have a resource that was created or changed in the last minutes.
    type: bool
    default: false
  max_requests:
    description:
      - Number of requests to Azure Resource Manager besides those to Azure Resource Graph, from V(0) to V(10000). A
        list counts as one. What is not read is listed in RV(not_read).
    type: int
    default: 500
seealso:
  - module: fortanix.dsm.cdc_key_info
"""

EXAMPLES = r"""
- name: Show which resources use the keys of a group, and whether they follow new versions
  fortanix.dsm.cdc_key_consumers_info:
    group_name: akv-production
  register: used

- name: Search for the resources that use two keys, before they are disabled
  fortanix.dsm.cdc_key_consumers_info:
    vault_uri: https://akv-production.vault.azure.net
    names: [payments, archive]
    read_services: true
  register: used

- name: Show the resources that may stay on their version after a rotation
  ansible.builtin.debug:
    msg: "{{ used['keys'] | map(attribute='consumers') | flatten | rejectattr('follows_new_versions', 'true') }}"
"""

RETURN = r"""
checked_at:
  description: Time of the search, UTC, by the clocks of the services.
  returned: success
  type: str
  sample: "2026-11-30T09:15:00Z"
group:
  description: The group. V(null) with O(vault_uri).
  returned: success
  type: dict
  contains:
    group_id:
      description: ID of the group. V(null) while it is only planned.
      type: str
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    name:
      description: Name of the group.
      type: str
      sample: akv-production
vault_uri:
  description: Address of the vault.
  returned: success
  type: str
  sample: https://akv-production.vault.azure.net/
keys:
  description: The requested keys. Without O(names), the keys for which a resource was found. Sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the key as in O(names). In lower case without it.
      type: str
      sample: payments
    versionless_id:
      description: ID without a version.
      type: str
      sample: https://akv-production.vault.azure.net/keys/payments
    status:
      description:
        - V(found) when resources were found that use the key.
        - V(none_found) when nothing was found, and everything in RV(searched) was read. This does not mean that the key
          is not in use, see RV(blind_spots).
        - V(unknown) when nothing was found, and something was not read, see RV(not_read).
      type: str
      sample: found
    consumers:
      description: The resources that use the key, sorted by their IDs.
      type: list
      elements: dict
      contains:
        resource_id:
          description: ID of the resource.
          type: str
          sample: >-
            /subscriptions/0c1d2e3f-4a5b-4c7d-8e9f-0a1b2c3d4e5f/resourceGroups/rg-apps/providers/Microsoft.Storage/storageAccounts/stpayments
        name:
          description: Name of the resource.
          type: str
          sample: stpayments
        type:
          description: Type of the resource.
          type: str
          sample: Microsoft.Storage/storageAccounts
        service:
          description:
            - V(storage_account), V(disk_encryption_set), V(sql_server), V(sql_managed_instance), or V(other).
          type: str
          sample: storage_account
        subscription_id:
          description: ID of its subscription.
          type: str
          sample: 0c1d2e3f-4a5b-4c7d-8e9f-0a1b2c3d4e5f
        resource_group:
          description: Name of its resource group. V(null) for a resource outside of resource groups.
          type: str
          sample: rg-apps
        versions:
          description: The versions that it uses or names. Empty when it names the key without a version.
          type: list
          elements: str
          sample: [0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f]
        previous_versions:
          description:
            - Other versions that it needs or may need. For a disk encryption set, until its rotation is completed. For
              an SQL server, those that it still has, which backups and logs may need.
          type: list
          elements: str
          sample: [1c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f]
        follows_new_versions:
          description:
            - Whether it takes new versions of the key by itself. V(null) when that is not known, which is so for most
              services other than those named under RV(keys[].consumers[].service).
          type: bool
          sample: true
        last_rotation:
          description: When it took its current version, UTC. V(null) when the service does not return it.
          type: str
          sample: "2026-09-01T08:00:00Z"
        problem:
          description: Why its last rotation failed, in the words of the service. V(null) for no problem.
          type: str
          sample: KeyVaultKeyNotFound
        properties:
          description: Where the resource names the key.
          type: list
          elements: str
          sample: [properties.encryption.keyvaultproperties]
        read_from:
          description:
            - V(service) when the service itself was read. V(resource_graph) when Azure Resource Graph was read, which
              may be some minutes late.
          type: str
          sample: resource_graph
        disks:
          description:
            - Number of disks, snapshots and images that use a disk encryption set. V(null) for other services, and when
              it was not read.
          type: int
          sample: 12
complete:
  description:
    - Whether RV(not_read) is empty, so everything that was to be searched was searched. RV(blind_spots) remain.
  returned: success
  type: bool
  sample: true
searched:
  description: The subscriptions that were searched, sorted by ID.
  returned: success
  type: list
  elements: dict
  contains:
    subscription_id:
      description: ID of the subscription.
      type: str
      sample: 0c1d2e3f-4a5b-4c7d-8e9f-0a1b2c3d4e5f
    name:
      description: Its name. Empty when Azure does not return it.
      type: str
      sample: production
    access:
      description:
        - V(all) when a role of the operator permits reading everything in the subscription. V(part) when only some
          resources can be read, and Azure omits the others. V(unknown) when the permissions were not read. Deny
          assignments and conditions are not considered.
      type: str
      sample: all
not_searched:
  description: The IDs in O(subscriptions) that Azure omitted, because the operator cannot read them.
  returned: success
  type: list
  elements: str
  sample: [1c1d2e3f-4a5b-4c7d-8e9f-0a1b2c3d4e5f]
mentions:
  description: Resources that name the vault, but no key that is recognized. They may use any key of the vault.
  returned: success
  type: list
  elements: dict
  contains:
    resource_id:
      description: ID of the resource.
      type: str
      sample: >-
        /subscriptions/0c1d2e3f-4a5b-4c7d-8e9f-0a1b2c3d4e5f/resourceGroups/rg-apps/providers/Microsoft.Example/things/one
    type:
      description: Type of the resource.
      type: str
      sample: Microsoft.Example/things
    properties:
      description: Where the resource names the vault.
      type: list
      elements: str
      sample: [properties.encryption]
not_read:
  description: What was to be searched and could not be read. Empty when everything was read.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description:
        - V(subscriptions), V(permissions), V(resources), V(mentions), V(resource_graph), V(storage_accounts),
          V(disk_encryption_sets), V(sql_servers), V(sql_managed_instances), V(disks), or V(vault).
        - V(vault) means that the searched subscriptions do not have the vault that O(vault_uri) names, so that the
          address may be wrong.
      type: str
      sample: sql_servers
    reason:
      description: Why it was not read.
      type: str
blind_spots:
  description: What no search covers. Never empty, so no result proves that a key is not in use.
  returned: success
  type: list
  elements: str
"""

from ..module_utils._operations import cdc_key_consumers_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_key_consumers_info)


if __name__ == "__main__":
    main()
