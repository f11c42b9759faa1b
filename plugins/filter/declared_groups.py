# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: declared_groups
short_description: The groups that the hosts of an inventory declare
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Takes the variables of P(fortanix.dsm.cdc_setup#role) of each host, and makes of them what
    O(fortanix.dsm.cdc_compliance_info#module:declared) compares with DSM, Entra and Azure.
  - No credential is in the result. Only named values are taken, and of a text with a certificate and a key only the
    certificate.
  - Fails when a variable, or a key in one, is misspelled, when a host names no group, and when two hosts declare one
    group, application or vault differently.
positional: _input, hosts
options:
  _input:
    description: The variables of the hosts, C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
seealso:
  - module: fortanix.dsm.cdc_compliance_info
"""

EXAMPLES = r"""
- name: Compare what there is with what the inventory group cdc declares
  fortanix.dsm.cdc_compliance_info:
    declared: "{{ hostvars | fortanix.dsm.declared_groups(groups['cdc']) }}"
"""

RETURN = r"""
_value:
  description: The groups, in the order of the hosts.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def declared_groups(variables: Any, hosts: Any) -> Any:
    from ..plugin_utils._setup import declared_groups as _declared_groups

    if not isinstance(variables, Mapping) or not isinstance(hosts, (list, tuple)):
        raise AnsibleFilterError("fortanix.dsm.declared_groups: give it hostvars, and a list of hosts")
    if not hosts:
        raise AnsibleFilterError("fortanix.dsm.declared_groups: there is no such host in the inventory (-i)")
    try:
        return unsafe(
            _declared_groups.declared_groups(
                {str(host): variables[host] for host in hosts}, {str(host): _raw(variables, host) for host in hosts}
            )
        )
    except _declared_groups.ContradictionError as error:
        raise AnsibleFilterError(f"fortanix.dsm.declared_groups: {error}") from None


def _raw(variables: Any, host: Any) -> Any:
    """The variables as they stand, where they are Ansible's own: reading them there would evaluate them."""
    return variables.raw_get(host) if hasattr(variables, "raw_get") else variables[host]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"declared_groups": declared_groups}
