# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: compliance_failure
short_description: Build the failure message of a compliance run
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_compliance#role).
options:
  _input:
    description: A report, as returned by P(fortanix.dsm.compliance_report#filter).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail if the policy is not met
  ansible.builtin.assert:
    that: my_report.verdict == 'pass'
    fail_msg: "{{ my_report | fortanix.dsm.compliance_failure }}"
"""

RETURN = r"""
_value:
  description: A sentence with the numbers of failing findings and groups, and the IDs of the findings.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def compliance_failure(report: Any) -> Any:
    from ..plugin_utils._compliance import report as _compliance_report

    if not isinstance(report, Mapping) or "groups" not in report:
        raise AnsibleFilterError("fortanix.dsm.compliance_failure: the input must be a report")
    return unsafe(_compliance_report.failure(report))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compliance_failure": compliance_failure}
