# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: groups_in_approval
short_description: List the groups whose creation is pending approval
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role).
options:
  _input:
    description: The result of M(fortanix.dsm.cdc_credential). The result of a skipped task contains no groups.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail while a creation is pending approval
  ansible.builtin.assert:
    that: waiting | length == 0
  vars:
    waiting: "{{ my_credential | fortanix.dsm.groups_in_approval }}"
"""

RETURN = r"""
_value:
  description: Their names.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def groups_in_approval(credential: Any) -> Any:
    from ..module_utils._declaration import decisions

    if not isinstance(credential, Mapping):
        raise AnsibleFilterError("fortanix.dsm.groups_in_approval: the input must be the result of a task")
    return unsafe(decisions.groups_in_approval(credential))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"groups_in_approval": groups_in_approval}
