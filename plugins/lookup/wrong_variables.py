# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: wrong_variables
short_description: Find problems in the variables of a role
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Finds misspelled variables with the prefix of a role of this collection, unknown keys of dictionaries, invalid
    values, and missing variables.
  - Reads the variables of the play without evaluating templates or decrypting values of Ansible Vault, and never
    returns a value. The argument specification of the role checks the values of templates.
  - Ignores a variable with the prefix if its name is not similar to that of a variable of the role.
options:
  _terms:
    description: Names of roles of this collection, without C(fortanix.dsm).
    type: list
    elements: str
    required: true
  needs:
    description: Variables that must be set.
    type: list
    elements: str
    default: []
  ignores:
    description: Variables of the role that must not be set, because the caller does not use them.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Fail if variables are wrong
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: "{{ query('fortanix.dsm.wrong_variables', 'cdc_setup') }}"
"""

RETURN = r"""
_list:
  description: Sentences, each with the name of a variable.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._declaration.check import wrong_variables
from ..module_utils._declaration.roles import ROLES


class LookupModule(LookupBase):  # type: ignore[misc]
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        unknown = [term for term in terms if term not in ROLES]
        if unknown:
            raise AnsibleLookupError(
                f"fortanix.dsm.wrong_variables: not a role of this collection: {', '.join(unknown)}. "
                f"Valid names: {', '.join(ROLES)}."
            )
        given = variables or {}
        found = [problem for role in terms for problem in wrong_variables(role, given)]
        for name in self.get_option("needs"):
            if given.get(name) in (None, "") and not any(problem.startswith(f"{name} ") for problem in found):
                found.append(f"{name} is not set.")
        ignored = [name for name in self.get_option("ignores") if given.get(name) not in (None, "", [], {})]
        found += [f"{name} is set but not used here." for name in ignored]
        return found
