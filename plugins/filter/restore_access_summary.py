# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: restore_access_summary
short_description: Report which access was restored after an emergency
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbook C(restore_access.yml).
options:
  _input:
    description: The result of M(fortanix.dsm.azure_kv_access), which may have failed.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Report
  ansible.builtin.debug:
    msg: "{{ my_result | fortanix.dsm.restore_access_summary }}"
"""

RETURN = r"""
_value:
  description: Printable lines, one for each step and each finding.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def restore_access_summary(result: Any) -> Any:
    from ..plugin_utils import _break_glass

    if not isinstance(result, Mapping):
        raise AnsibleFilterError("fortanix.dsm.restore_access_summary: the input must be the result of a task")
    return unsafe(_break_glass.restored(result))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"restore_access_summary": restore_access_summary}
