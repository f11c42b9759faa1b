# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_group
short_description: Return one group of the role cdc_setup for its tasks
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role).
  - Evaluates the variables of one group once, so that the arguments of each task are short. The result contains no
    secret.
  - Reads the variables of the role and the results of its earlier tasks.
options:
  _terms:
    description: The index of the group in C(cdc_setup_groups); 0 if that is empty.
    type: list
    elements: int
    required: true
  credential:
    description: The result of P(fortanix.dsm.cdc_credential#module) for this group, once that has run.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Register the options of the first group
  ansible.builtin.set_fact:
    cdc_setup_this: "{{ lookup('fortanix.dsm.setup_group', 0) }}"
"""

RETURN = r"""
_raw:
  description: For each index, the options of the group that are set, and values from earlier results.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.plugins.lookup import LookupBase

from ..plugin_utils._setup.variables import Variables


class LookupModule(LookupBase):  # type: ignore[misc]
    def run(self, terms: list[int], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        given = Variables(variables or {}, self._templar)
        return [given.noted(int(index), self.get_option("credential")) for index in terms]
