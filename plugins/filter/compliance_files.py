# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: compliance_files
short_description: Generate the files of a compliance report
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - Generates the report in the requested formats, and a manifest with their SHA-256 for C(sha256sum -c).
  - Names of groups are untrusted text. Each format escapes them.
positional: _input, formats
options:
  _input:
    description:
      - The output of P(fortanix.dsm.compliance_report#filter).
    type: dict
    required: true
  formats:
    description:
      - The formats.
    type: list
    elements: str
    choices: [json, markdown, junit, sarif, html]
    default: [json, markdown, junit, sarif, html]
seealso:
  - module: fortanix.dsm.cdc_compliance_info
"""

EXAMPLES = r"""
- name: Show the report for people
  ansible.builtin.debug:
    msg: "{{ (report | fortanix.dsm.compliance_files(['markdown'])).values() | first }}"
  vars:
    report: "{{ seen | fortanix.dsm.compliance_report }}"
"""

RETURN = r"""
_value:
  description: Name of each file and its text. The names contain the time of the run.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def compliance_files(report: Any, formats: Any = None) -> Any:
    from ..plugin_utils._compliance import report as _compliance_report

    if formats is None:
        formats = _compliance_report.FORMATS
    if not isinstance(report, Mapping) or report.get("format") != _compliance_report.FORMAT:
        raise AnsibleFilterError("fortanix.dsm.compliance_files: the input must be the output of compliance_report")
    if not isinstance(formats, (list, tuple)) or not set(formats) <= set(_compliance_report.FORMATS):
        raise AnsibleFilterError(
            f"fortanix.dsm.compliance_files: formats must be a list of any of {', '.join(_compliance_report.FORMATS)}"
        )
    return unsafe(_compliance_report.files(report, formats))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"compliance_files": compliance_files}
