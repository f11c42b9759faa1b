# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shared_declarations
short_description: What the groups of a host say of applications, vaults and rights in Azure
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role), which makes what several hosts share once. It takes named values
    only, so that no credential of a link is in the result.
positional: _input
options:
  _input:
    description: The list of groups as in O(fortanix.dsm.cdc_setup#role:main:cdc_setup_groups).
    type: list
    elements: dict
    required: true
  own:
    description: The values of the host, without the prefix C(cdc_setup_), for what a group does not set.
    type: dict
    required: true
seealso:
  - plugin: fortanix.dsm.shared_objects
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Note what this host needs
  ansible.builtin.set_fact:
    my_declarations: "{{ my_groups | fortanix.dsm.shared_declarations({'azure_vault': my_vault}) }}"
"""

RETURN = r"""
_value:
  description: A declaration for each group.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def shared_declarations(groups: Any, own: Any) -> Any:
    from ..plugin_utils import _shared_objects

    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise AnsibleFilterError("fortanix.dsm.shared_declarations: give it a list of groups, each a dictionary")
    if not isinstance(own, Mapping):
        raise AnsibleFilterError("fortanix.dsm.shared_declarations: give it the host's own values as a dictionary")
    return unsafe(_shared_objects.declarations(groups, own))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"shared_declarations": shared_declarations}
