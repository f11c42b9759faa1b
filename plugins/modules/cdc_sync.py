#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_sync
short_description: Sync the keys of a CDC group of Fortanix DSM with its key vault
version_added: 0.1.0
description:
  - Has DSM sync a group with its vault (SYNC KEYS). DSM makes a virtual key for each key of the vault that has none
    yet.
  - What has changed is found by comparing the keys of the group before and after.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
  - fortanix.dsm.group_selection
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing anything.
    support: partial
    details:
      - DSM has no trial run of a sync. In check mode nothing is synced, RV(prediction) is V(unknown) and nothing
        counts as changed.
  diff_mode:
    description: Returns what has changed, or would change, when in C(diff) mode.
    support: partial
    details:
      - Shows the keys before and after. In check mode both are the same, as the outcome is not known.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: partial
    details:
      - A second sync changes nothing unless the vault has changed, but is carried out. See O(only_when_empty).
options:
  sync_timeout:
    description:
      - Seconds to wait for the sync, which takes longer the more keys the vault has.
    type: int
    default: 600
  only_when_empty:
    description:
      - Sync only when the group holds no key yet. This makes up for a set-up that stopped before its first sync.
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

- name: Show what is new
  ansible.builtin.debug:
    msg: "{{ sync.new | map(attribute='azure_key_name') }}"
"""

RETURN = r"""
new:
  description: Keys that the group did not hold before, by name.
  returned: success
  type: list
  elements: dict
  contains:
    kid:
      description: DSM's ID of the key.
      type: str
    name:
      description: Name in DSM.
      type: str
    azure_key_name:
      description: Name in the vault.
      type: str
    azure_key_version:
      description: Version in the vault, 32 hexadecimal digits.
      type: str
    azure_key_state:
      description: State in Azure, when DSM tells, in lower case.
      type: str
    state:
      description: State in DSM, in lower case.
      type: str
    enabled:
      description: Whether the key is enabled.
      type: bool
updated:
  description: Keys of which something has changed, with the keys of RV(new).
  returned: success
  type: list
  elements: dict
vanished:
  description: Keys that are gone, or have become deleted or destroyed, with the keys of RV(new).
  returned: success
  type: list
  elements: dict
key_count:
  description: Number of keys that the group holds after the sync, without deleted and destroyed ones.
  returned: success
  type: int
prediction:
  description:
    - V(unknown) when a sync would be carried out, and was not because of check mode, or waits for an approval.
    - V(no_sync) when none was needed according to O(only_when_empty).
    - V(null) when the sync was carried out.
  returned: success
  type: str
waits_for:
  description: What has to be there first, when a previous step has only planned the group.
  returned: success
  type: str
group:
  description: The group, with the keys of RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
plan:
  description: The sync and its outcome, as in RV(fortanix.dsm.cdc_group#module:plan).
  returned: success
  type: list
  elements: dict
pending:
  description: Whether the change waits for an approval, as in RV(fortanix.dsm.cdc_group#module:pending).
  returned: success
  type: bool
approval:
  description: The approval that the change needs or has got, as in RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_sync
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_sync)


if __name__ == "__main__":
    main()
