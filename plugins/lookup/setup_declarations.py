# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_declarations
short_description: What the groups of a host need in Azure
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role).
  - For each group of the host, what the variables of the role declare of its application, its vault and the permissions
    between the two. No credential of a link is in the result.
options:
  _terms:
    description: There are none.
    type: list
    elements: str
    default: []
seealso:
  - plugin: fortanix.dsm.shared_objects
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Note what this host needs
  ansible.builtin.set_fact:
    my_declarations: "{{ query('fortanix.dsm.setup_declarations') }}"
"""

RETURN = r"""
_list:
  description: A declaration for each group.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._setup.variables import Variables


class LookupModule(LookupBase):  # type: ignore[misc]
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleLookupError("fortanix.dsm.setup_declarations: it takes no terms.")
        return Variables(variables or {}, self._templar).declarations()
