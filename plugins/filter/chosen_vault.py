# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: chosen_vault
short_description: Select the vault of a group, created by this run or declared
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Returns the vault for a later task, from the result of an earlier task
    or else from the declaration.
positional: _input, azure_vault, vault
options:
  _input:
    description: The result of M(fortanix.dsm.azure_kv_vault); empty if it has not run.
    type: dict
    required: true
  azure_vault:
    description: As O(fortanix.dsm.cdc_setup#role:main:cdc_setup_azure_vault); empty if it is not declared.
    type: dict
    required: true
  vault:
    description: As O(fortanix.dsm.cdc_setup#role:main:cdc_setup_vault); empty if it is not declared.
    type: dict
    required: true
  by:
    description: V(uri) for modules that access DSM, V(resource_id) for those that access Azure.
    type: str
    choices: [uri, resource_id]
    default: uri
  planned:
    description: Whether the vault counts as only planned, as in check mode if the link cannot see it yet.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Select the vault
  fortanix.dsm.cdc_vault_select:
    group_name: akv-production
    vault: "{{ made | fortanix.dsm.chosen_vault({}, {'name': 'akv-production'}) }}"
"""

RETURN = r"""
_value:
  description: A vault for the option O(fortanix.dsm.cdc_vault_select#module:vault), or empty.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def chosen_vault(made: Any, azure_vault: Any, vault: Any, by: str = "uri", planned: Any = False) -> Any:
    from ..module_utils._declaration import decisions

    if not all(isinstance(one, Mapping) for one in (made, azure_vault, vault)):
        raise AnsibleFilterError("fortanix.dsm.chosen_vault: the inputs must be dictionaries")
    if by not in ("uri", "resource_id"):
        raise AnsibleFilterError("fortanix.dsm.chosen_vault: by must be uri or resource_id")
    return unsafe(decisions.chosen_vault(made, azure_vault, vault, by, planned=bool(planned)))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chosen_vault": chosen_vault}
