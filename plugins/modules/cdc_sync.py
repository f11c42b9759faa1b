#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_sync
short_description: Sync the keys of a CDC group of Fortanix DSM with its vault
version_added: 0.1.0
description:
  - Starts a sync of the group with its vault (SYNC KEYS). DSM creates a virtual key for each key of the vault that has
    none yet.
  - The module finds out what has changed by comparing the keys of the group before and after the sync.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
  - fortanix.dsm.group_selection
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing anything.
    support: partial
    details:
      - DSM has no dry run of a sync. In check mode nothing is synced, RV(prediction) is V(unknown), and the task is not
        changed.
  diff_mode:
    description: Returns what has changed, or would change, when in C(diff) mode.
    support: partial
    details:
      - Shows the keys before and after. In check mode both are the same, because the outcome is unknown.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: partial
    details:
      - A second sync changes nothing unless the vault has changed, but it is carried out. See O(only_when_empty).
options:
  sync_timeout:
    description:
      - Seconds to wait for the sync. A sync takes longer the more keys the vault has.
      - From V(1) to V(86400).
    type: int
    default: 600
  only_when_empty:
    description:
      - Sync only when the group holds no key yet. Use it to complete a setup that stopped before its first sync.
    type: bool
    default: false
seealso:
  - module: fortanix.dsm.cdc_group
"""

EXAMPLES = r"""
- name: Sync the keys
  fortanix.dsm.cdc_sync:
    group_name: akv-production
  register: sync

- name: Show the new keys
  ansible.builtin.debug:
    msg: "{{ sync.new | map(attribute='azure_key_name') }}"
"""

RETURN = r"""
new:
  description: Keys that the group did not hold before, sorted by name.
  returned: success
  type: list
  elements: dict
  contains: &key
    kid:
      description: DSM's ID of the key.
      type: str
    name:
      description: Name in DSM.
      type: str
      sample: payments
    azure_key_name:
      description: Name in the vault. V(null) when DSM does not return it.
      type: str
      sample: payments
    azure_key_version:
      description: Version in the vault, 32 hexadecimal digits. V(null) when DSM does not return it.
      type: str
      sample: 0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f
    azure_key_state:
      description: State in Azure, in lower case. V(null) when DSM does not return it.
      type: str
      sample: created
    state:
      description: State in DSM, in lower case.
      type: str
      sample: active
    enabled:
      description: Whether the key is enabled.
      type: bool
      sample: true
updated:
  description: Keys that have changed, sorted by name.
  returned: success
  type: list
  elements: dict
  contains: *key
vanished:
  description: Keys that no longer exist, or are now deleted or destroyed, sorted by name.
  returned: success
  type: list
  elements: dict
  contains: *key
key_count:
  description: Number of keys that the group holds after the sync, without deleted and destroyed ones.
  returned: success
  type: int
  sample: 12
prediction:
  description:
    - V(unknown) when a sync is due, but was not carried out because of check mode, or is pending approval.
    - V(no_sync) when no sync was needed because of O(only_when_empty).
    - V(null) when the sync was carried out.
  returned: success
  type: str
waits_for:
  description: What must exist first, when an earlier task has only planned the group. V(null) otherwise.
  returned: success
  type: str
group:
  description: The group. Same keys as RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(DSM).
      type: str
      sample: DSM
    object:
      description: The object that changes.
      type: str
      sample: group "akv-production"
    action:
      description: V(sync).
      type: str
      sample: sync
    before:
      description: Empty.
      type: dict
    after:
      description:
        - The number of keys that are C(new), C(updated), and C(vanished). While that is unknown, C(keys=unknown).
      type: dict
    reason:
      description: Why the change is made.
      type: str
pending:
  description:
    - Whether the sync is pending approval. Nothing has been changed then.
    - The task is C(changed) when it has filed the request, and not when it has found an existing one.
  returned: success
  type: bool
  sample: false
approval:
  description:
    - The approval request for the change. V(null) when no approval is required. Same keys as
      RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_sync
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_sync)


if __name__ == "__main__":
    main()
