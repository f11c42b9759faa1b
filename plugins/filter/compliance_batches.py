# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: compliance_batches
short_description: Divide groups into batches for compliance runs
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Divides the groups of an account into batches, for a loop over M(fortanix.dsm.cdc_compliance_info).
  - Groups of one vault stay together, so that few vaults are read more than once.
positional: _input, size
options:
  _input:
    description:
      - The result of M(fortanix.dsm.cdc_group_info).
    type: dict
    required: true
  size:
    description:
      - How many groups a batch has at most.
    type: int
    default: 100
seealso:
  - module: fortanix.dsm.cdc_compliance_info
"""

EXAMPLES = r"""
- name: See what there is
  fortanix.dsm.cdc_group_info:
  register: all

- name: Check it, a hundred groups at a time
  fortanix.dsm.cdc_compliance_info:
    group_ids: "{{ item.group_ids }}"
  loop: "{{ all | fortanix.dsm.compliance_batches }}"
  loop_control:
    label: "{{ item.label }}"
"""

RETURN = r"""
_value:
  description:
    - The batches, each with C(label) for people and the list C(group_ids). One without IDs when there are no groups, so
      that the run tells that there was nothing to check.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def compliance_batches(listed: Any, size: Any = 100) -> list[dict[str, Any]]:
    if not isinstance(listed, Mapping) or not {"groups", "not_managed"} <= listed.keys():
        raise AnsibleFilterError("fortanix.dsm.compliance_batches: give it the result that cdc_group_info has returned")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise AnsibleFilterError("fortanix.dsm.compliance_batches: size is no number of groups; give one above zero")
    ordered = sorted(listed["groups"], key=lambda group: (_vault(group), str(group["name"])))
    ids = [str(group["group_id"]) for group in (*ordered, *listed["not_managed"])]
    if not ids:
        return [{"label": "no groups", "group_ids": []}]
    return [
        {"label": f"groups {first + 1} to {min(first + size, len(ids))} of {len(ids)}", "group_ids": ids[first:][:size]}
        for first in range(0, len(ids), size)
    ]


def _vault(group: Mapping[str, Any]) -> str:
    return str(((group.get("link") or {}).get("vault") or {}).get("uri") or "")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compliance_batches": compliance_batches}
