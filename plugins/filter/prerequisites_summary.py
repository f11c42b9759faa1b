# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: prerequisites_summary
short_description: Summarize the prerequisites at one vault
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.azure_prereqs#role).
positional: _input, fail_on
options:
  _input:
    description: The result of M(fortanix.dsm.azure_kv_prereqs_info) or M(fortanix.dsm.azure_kv_prereqs).
    type: dict
    required: true
  fail_on:
    description: As O(fortanix.dsm.azure_prereqs#role:main:azure_prereqs_fail_on).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ (judged | fortanix.dsm.prerequisites_summary(['failed'])).line }}"
"""

RETURN = r"""
_value:
  description:
    - C(vault), C(verdict), C(findings), C(rights), C(changed) and C(effect), a summary in one line (C(line)), and the
      reason to stop a setup (C(unmet)), which is empty if there is none.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def prerequisites_summary(result: Any, fail_on: Any) -> Any:
    from ..module_utils._declaration import shared

    if not isinstance(result, Mapping) or not isinstance(fail_on, (list, tuple)):
        raise AnsibleFilterError("fortanix.dsm.prerequisites_summary: the inputs must be a task result and a list")
    return unsafe(shared.prerequisites_summary(result, fail_on))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"prerequisites_summary": prerequisites_summary}
