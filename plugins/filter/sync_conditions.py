# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sync_conditions
short_description: Decide whether to sync the keys of a group
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Decides from the results of the tasks before the sync.
positional: _input, sync
options:
  _input:
    description: The results of the tasks of one group, as for P(fortanix.dsm.setup_summary#filter).
    type: dict
    required: true
  sync:
    description: As O(fortanix.dsm.cdc_setup#role:main:cdc_setup_sync).
    type: str
    choices: [on_change, always, never]
    required: true
"""

EXAMPLES = r"""
- name: Sync the keys if the group has changed or has no keys
  fortanix.dsm.cdc_sync:
    group: "{{ made.group }}"
    only_when_empty: "{{ decided.only_when_empty }}"
  when: decided.sync
  vars:
    decided: "{{ {'group': made, 'connection': tested} | fortanix.dsm.sync_conditions('on_change') }}"
"""

RETURN = r"""
_value:
  description:
    - Whether to sync (C(sync)), and whether only if the group has no keys (C(only_when_empty)).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def sync_conditions(results: Any, sync: Any) -> Any:
    from ..module_utils._declaration import decisions

    if not isinstance(results, Mapping) or not isinstance(results.get("group"), Mapping):
        raise AnsibleFilterError("fortanix.dsm.sync_conditions: the input must be task results, with that of the group")
    return decisions.sync_conditions(results, str(sync))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"sync_conditions": sync_conditions}
