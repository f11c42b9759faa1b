# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: applications_in_use
short_description: List the applications that the links of groups use
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_rotate#role). Links with an invalid client ID are skipped.
positional: _input, azure_service
options:
  _input:
    description: The groups from the result of M(fortanix.dsm.cdc_group_info).
    type: list
    elements: dict
    required: true
  azure_service:
    description: The Azure service of the applications.
    type: str
    choices: [global, us_government]
    required: true
"""

EXAMPLES = r"""
- name: Show the applications
  ansible.builtin.debug:
    msg: "{{ found.groups | fortanix.dsm.applications_in_use('global') }}"
"""

RETURN = r"""
_value:
  description: Each application once, as in O(fortanix.dsm.cdc_rotate#role:main:cdc_rotate_applications), by client ID.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def applications_in_use(groups: Any, azure_service: Any) -> Any:
    from ..plugin_utils import _rotations

    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise AnsibleFilterError("fortanix.dsm.applications_in_use: the input must be the groups of cdc_group_info")
    return unsafe(_rotations.applications_in_use(groups, str(azure_service)))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"applications_in_use": applications_in_use}
