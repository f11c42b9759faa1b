# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: teardown_request
short_description: Check the variables of a teardown
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbook C(fortanix.dsm.teardown). Reads its variables and those of the setup, and sends no request.
positional: _input, named
options:
  _input:
    description: The variables by name. A variable that is not set is V(null).
    type: dict
    required: true
  named:
    description: The names of all variables that begin with C(teardown_), to detect misspelled ones.
    type: list
    elements: str
    required: true
seealso:
  - plugin: fortanix.dsm.teardown_state
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show problems in the variables
  ansible.builtin.debug:
    msg: "{{ ({'cdc_setup_name': cdc_setup_name | default(none)} | fortanix.dsm.teardown_request([])).problems }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems), which is empty if the teardown can start, and the input of its tasks, C(name), C(application),
      C(vault), C(azure_vault), C(client_id), C(delete_vault_named), C(remove_application), C(remove_vault),
      C(confirm_remove_policy) and C(keep_rights).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def teardown_request(variables: Any, named: Any) -> Any:
    from ..plugin_utils import _teardown

    if not isinstance(variables, Mapping) or not isinstance(named, list):
        raise AnsibleFilterError("fortanix.dsm.teardown_request: the inputs must be variables and a list of names")
    return unsafe(_teardown.request(variables, named))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"teardown_request": teardown_request}
