# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: compliance_report
short_description: Evaluate a compliance run by a policy
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Builds the report of a run of M(fortanix.dsm.cdc_compliance_info), with the verdict that results from the policy.
  - The status V(unknown) of a finding never changes. A waiver only lets the finding pass.
positional: _input, policy, all_groups
options:
  _input:
    description:
      - The result of M(fortanix.dsm.cdc_compliance_info), or the registered result of a loop over it, which becomes one
        report.
    type: dict
    required: true
  policy:
    description:
      - The policy, as O(fortanix.dsm.cdc_compliance#role:main:cdc_compliance_policy).
    type: dict
    default: {}
  all_groups:
    description:
      - Whether the batches of a loop together contain all groups. The result of one batch cannot show this.
    type: bool
seealso:
  - module: fortanix.dsm.cdc_compliance_info
"""

EXAMPLES = r"""
- name: Check all groups
  fortanix.dsm.cdc_compliance_info:
  register: seen

- name: Fail unless all groups pass
  ansible.builtin.assert:
    that: >-
      (seen | fortanix.dsm.compliance_report({"fail_on": "high"})).verdict == "pass"
"""

RETURN = r"""
_value:
  description: The report, as C(docs/compliance-report.schema.json) describes it.
  type: dict
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe

_MANIFEST = Path(__file__).parents[2] / "MANIFEST.json"


def compliance_report(result: Any, policy: Any = None, all_groups: bool | None = None) -> Any:
    from ..module_utils._errors import TaskError
    from ..plugin_utils._compliance import report

    results = result.get("results", [result]) if isinstance(result, Mapping) else []
    if not results or not all(isinstance(one, Mapping) and {"checked_at", "groups"} <= one.keys() for one in results):
        raise AnsibleFilterError("fortanix.dsm.compliance_report: the input must be the result of cdc_compliance_info")
    try:
        made = report.report(results, {} if policy is None else policy, _version(), all_groups)
        return unsafe(made)
    except TaskError as error:
        raise AnsibleFilterError(f"fortanix.dsm.compliance_report: {error}") from None


def _version() -> str | None:
    """The version of the collection if it was installed from its archive; a checkout has no version."""
    if not _MANIFEST.is_file():
        return None
    version: str = json.loads(_MANIFEST.read_text(encoding="utf-8"))["collection_info"]["version"]
    return version


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compliance_report": compliance_report}
