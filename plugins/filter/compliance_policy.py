# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: compliance_policy
short_description: Check a policy for compliance runs
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Checks a policy, and completes it with the defaults. Unknown names are refused, because a typo must not disable a
    check.
positional: _input
options:
  _input:
    description:
      - The policy, as O(fortanix.dsm.cdc_compliance#role:main:cdc_compliance_policy).
    type: dict
    required: true
seealso:
  - module: fortanix.dsm.cdc_compliance_info
"""

EXAMPLES = r"""
- name: Check the policy before anything else
  ansible.builtin.set_fact:
    my_checked_policy: "{{ my_policy | fortanix.dsm.compliance_policy }}"
"""

RETURN = r"""
_value:
  description: The policy, complete.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def compliance_policy(option: Any) -> Any:
    from ..module_utils._compliance.policy import Policy
    from ..module_utils._errors import TaskError

    try:
        return unsafe(Policy.from_option(option).record())
    except TaskError as error:
        raise AnsibleFilterError(f"fortanix.dsm.compliance_policy: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[[Any], Any]]:
        return {"compliance_policy": compliance_policy}
