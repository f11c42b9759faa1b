# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unmet_prerequisites
short_description: State why the prerequisites in Azure are not met
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Converts those findings of M(fortanix.dsm.azure_kv_prereqs_info) or M(fortanix.dsm.azure_kv_prereqs) that stop a
    setup into sentences.
positional: _input, statuses
options:
  _input:
    description: The result of the task. The result of a skipped task has no findings.
    type: dict
    required: true
  statuses:
    description: The statuses of findings that stop a setup.
    type: list
    elements: str
    choices: [failed, unknown, warning]
    default: [failed]
"""

EXAMPLES = r"""
- name: Fail if prerequisites are missing
  ansible.builtin.assert:
    that: unmet | length == 0
    fail_msg: "{{ unmet | join(' ') }}"
  vars:
    unmet: "{{ judged | fortanix.dsm.unmet_prerequisites }}"
"""

RETURN = r"""
_value:
  description: A sentence for each finding, with its remedy.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def unmet_prerequisites(result: Any, statuses: Any = ("failed",)) -> Any:
    from ..module_utils._declaration.shared import unmet

    if not isinstance(result, Mapping) or not isinstance(statuses, (list, tuple)):
        raise AnsibleFilterError("fortanix.dsm.unmet_prerequisites: the inputs must be a task result and a list")
    return unsafe(unmet(result, statuses))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"unmet_prerequisites": unmet_prerequisites}
