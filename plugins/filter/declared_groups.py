# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: declared_groups
short_description: List the groups that the hosts of an inventory declare
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Converts the variables of P(fortanix.dsm.cdc_setup#role) of each host into the form that
    O(fortanix.dsm.cdc_compliance_info#module:declared) compares with DSM, Entra and Azure.
  - The result contains no credential. Only named values are included, and of a text with a certificate and a key only
    the certificate.
  - Fails if a variable or a key in it is misspelled, if a host declares no group, and if two hosts declare the same
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
- name: Compare the actual state with the declarations of the inventory group cdc
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
        raise AnsibleFilterError("fortanix.dsm.declared_groups: the inputs must be hostvars and a list of hosts")
    if not hosts:
        raise AnsibleFilterError("fortanix.dsm.declared_groups: the inventory (-i) contains no such host")
    try:
        return unsafe(
            _declared_groups.declared_groups(
                {str(host): variables[host] for host in hosts}, {str(host): _raw(variables, host) for host in hosts}
            )
        )
    except _declared_groups.ContradictionError as error:
        raise AnsibleFilterError(f"fortanix.dsm.declared_groups: {error}") from None


def _raw(variables: Any, host: Any) -> Any:
    """The unevaluated variables: reading them from Ansible's own container would evaluate them."""
    return variables.raw_get(host) if hasattr(variables, "raw_get") else variables[host]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"declared_groups": declared_groups}
