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
  - With O(declared), each batch contains the declarations of its groups, and the last batches contain declared groups
    that do not exist.
positional: _input, size, declared
options:
  _input:
    description:
      - The result of M(fortanix.dsm.cdc_group_info).
    type: dict
    required: true
  size:
    description:
      - The maximum number of groups in a batch, from V(1) to V(10000).
    type: int
    default: 100
  declared:
    description:
      - The output of P(fortanix.dsm.declared_groups#filter). V(null) if nothing is to be compared.
    type: list
    elements: dict
seealso:
  - module: fortanix.dsm.cdc_compliance_info
"""

EXAMPLES = r"""
- name: Read the groups
  fortanix.dsm.cdc_group_info:
  register: all

- name: Check the groups in batches of a hundred
  fortanix.dsm.cdc_compliance_info:
    group_ids: "{{ item.group_ids }}"
  loop: "{{ all | fortanix.dsm.compliance_batches }}"
  loop_control:
    label: "{{ item.label }}"
"""

RETURN = r"""
_value:
  description:
    - The batches, each with a C(label) and the lists C(group_ids) and C(group_names), of which one is empty. If there
      are no groups, one batch with both lists empty, so that the run reports that there was nothing to check.
      C(declared) exists if O(declared) is set.
  type: list
  elements: dict
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_MOST_GROUPS = 10_000


def compliance_batches(listed: Any, size: Any = 100, declared: Any = None) -> list[dict[str, Any]]:
    if not isinstance(listed, Mapping) or not {"groups", "not_managed"} <= listed.keys():
        raise AnsibleFilterError("fortanix.dsm.compliance_batches: the input must be the result of cdc_group_info")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _MOST_GROUPS:
        raise AnsibleFilterError(
            f"fortanix.dsm.compliance_batches: size must be a number of groups from 1 to {_MOST_GROUPS}"
        )
    ordered = sorted(listed["groups"], key=lambda group: (_vault(group), str(group["name"])))
    there = [*ordered, *listed["not_managed"]]
    names = {str(group["name"]) for group in there}
    missing = [str(one["name"]).strip() for one in declared or [] if str(one["name"]).strip() not in names]
    batches = [
        {**_batch("groups", first, len(part), len(there)), "group_ids": [str(group["group_id"]) for group in part]}
        | _declarations(declared, {str(group["name"]) for group in part})
        for first, part in _parts(there, size)
    ]
    batches += [
        {**_batch("missing declared groups", first, len(part), len(missing)), "group_names": part}
        | _declarations(declared, part)
        for first, part in _parts(missing, size)
    ]
    return batches or [{"label": "no groups", "group_ids": [], "group_names": [], **_declarations(declared, ())}]


def _parts(whole: list[Any], size: int) -> Iterator[tuple[int, list[Any]]]:
    for first in range(0, len(whole), size):
        yield first, whole[first:][:size]


def _batch(what: str, first: int, count: int, total: int) -> dict[str, Any]:
    return {"label": f"{what} {first + 1} to {first + count} of {total}", "group_ids": [], "group_names": []}


def _declarations(declared: Any, names: Collection[str]) -> dict[str, Any]:
    """The key ``declared`` of a batch; empty if nothing is to be compared."""
    if declared is None:
        return {}
    return {"declared": [one for one in declared if str(one["name"]).strip() in names]}


def _vault(group: Mapping[str, Any]) -> str:
    return str(((group.get("link") or {}).get("vault") or {}).get("uri") or "")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compliance_batches": compliance_batches}
