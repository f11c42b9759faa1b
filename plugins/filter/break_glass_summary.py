# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: break_glass_summary
short_description: Build the report of an emergency, and the reason if it is not resolved
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbook C(break_glass.yml).
positional: _input, file, sha256
options:
  _input:
    description: The output of P(fortanix.dsm.break_glass_evidence#filter).
    type: dict
    required: true
  file:
    description: The path of the evidence file.
    type: str
  sha256:
    description: The checksum of that file.
    type: str
seealso:
  - plugin: fortanix.dsm.break_glass_evidence
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Report
  ansible.builtin.debug:
    msg: "{{ (my_evidence | fortanix.dsm.break_glass_summary).lines }}"
"""

RETURN = r"""
_value:
  description: Printable texts.
  type: dict
  contains:
    lines:
      description: What was done, what remains, and what is proven.
      type: list
      elements: str
    failure:
      description: Why the run fails. Empty if all access is cut off and this is proven, and in check mode.
      type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def break_glass_summary(evidence: Any, file: Any = None, sha256: Any = None) -> Any:
    from ..plugin_utils import _break_glass

    if not isinstance(evidence, Mapping) or "proofs" not in evidence:
        raise AnsibleFilterError("fortanix.dsm.break_glass_summary: the input must come from break_glass_evidence")
    return unsafe(_break_glass.summary(evidence, file, sha256))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"break_glass_summary": break_glass_summary}
