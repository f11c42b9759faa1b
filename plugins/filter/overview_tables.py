# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: overview_tables
short_description: Show the account, its groups and the user's view as tables for a terminal
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbook C(overview.yml).
  - The guide is I(Fortanix DSM - Azure Key Vault CDC Group Setup),
    U(https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup).
positional: _input, groups, user, limit
options:
  _input:
    description: The result of M(fortanix.dsm.cdc_account_info).
    type: dict
    required: true
  groups:
    description: The result of M(fortanix.dsm.cdc_group_info).
    type: dict
    required: true
  user:
    description: The result of M(fortanix.dsm.cdc_user_info).
    type: dict
    required: true
  limit:
    description: The maximum number of rows in each table.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show the groups
  ansible.builtin.debug:
    msg: "{{ (my_account | fortanix.dsm.overview_tables(my_groups, my_user, 200)).groups }}"
"""

RETURN = r"""
_value:
  description: Lists of printable lines.
  type: dict
  contains:
    account:
      description: DSM, the account, and the permissions of the DSM identity.
      type: list
      elements: str
    groups:
      description: The groups (guide 4.8).
      type: list
      elements: str
    user:
      description: The groups of the DSM identity (guide 4.9).
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def overview_tables(account: Any, groups: Any, user: Any, limit: Any) -> Any:
    from ..plugin_utils import _overview

    if not all(isinstance(one, Mapping) for one in (account, groups, user)):
        raise AnsibleFilterError("fortanix.dsm.overview_tables: the inputs must be the results of three tasks")
    try:
        rows = int(limit)
    except (TypeError, ValueError):
        rows = -1
    if rows < 0:
        raise AnsibleFilterError(f"fortanix.dsm.overview_tables: limit is {limit}; it must be a number of rows")
    return unsafe(_overview.tables(account, groups, user, rows))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"overview_tables": overview_tables}
