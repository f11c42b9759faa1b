# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: break_glass_evidence
short_description: Build the evidence of an emergency, with a verdict for each group
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbook C(break_glass.yml).
  - A group counts as cut off only if Entra or Azure has refused DSM twice, in the connection test and in the sync.
positional: _input, seen, connections, syncs, about
options:
  _input:
    description: The result of M(fortanix.dsm.azure_kv_access) for the cut, which may have failed.
    type: dict
    required: true
  seen:
    description: The result of the same module in check mode, before the cut.
    type: dict
    required: true
  connections:
    description: The results of M(fortanix.dsm.cdc_connection), in the order of the groups in O(seen).
    type: list
    elements: dict
    required: true
  syncs:
    description: The results of M(fortanix.dsm.cdc_sync), in the same order.
    type: list
    elements: dict
    required: true
  about:
    description: The members C(started), C(ended), C(who), C(reason) and C(record_file) of the evidence.
    type: dict
    required: true
seealso:
  - plugin: fortanix.dsm.break_glass_summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep the evidence
  ansible.builtin.copy:
    content: "{{ my_cut | fortanix.dsm.break_glass_evidence(my_plan, my_tests, my_syncs, my_facts) | to_nice_json }}"
    dest: evidence.json
    mode: "0600"
"""

RETURN = r"""
_value:
  description:
    - The access of the application before and after, each step with its state, what remains, and C(proofs). Each proof
      has a C(verdict), which is V(cut off), V(still connected), or V(unknown).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def break_glass_evidence(cut: Any, seen: Any, connections: Any, syncs: Any, about: Any) -> Any:
    from ..plugin_utils import _break_glass

    lists = isinstance(connections, (list, tuple)) and isinstance(syncs, (list, tuple))
    if not lists or not all(isinstance(one, Mapping) for one in (cut, seen, about, *connections, *syncs)):
        raise AnsibleFilterError("fortanix.dsm.break_glass_evidence: the inputs must be results of tasks")
    return unsafe(_break_glass.evidence(cut, seen, connections, syncs, about))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"break_glass_evidence": break_glass_evidence}
