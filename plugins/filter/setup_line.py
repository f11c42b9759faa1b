# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_line
short_description: Summarize the setup of one group in one line
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role).
options:
  _input:
    description: The output of P(fortanix.dsm.setup_summary#filter).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ cdc_setup_results | map('fortanix.dsm.setup_line') | list }}"
"""

RETURN = r"""
_value:
  description: Name, status, vault, number of keys, and whether the group was changed.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def setup_line(summary: Any) -> Any:
    from ..module_utils._declaration import decisions

    if not isinstance(summary, Mapping):
        raise AnsibleFilterError("fortanix.dsm.setup_line: the input must be a summary (dictionary)")
    return unsafe(decisions.line(summary))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"setup_line": setup_line}
