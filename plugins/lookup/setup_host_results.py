# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_host_results
short_description: What the set-up of all groups in one task has returned for the groups of a host
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). It takes one host's part of a result that each host of a play reads,
    without evaluating the other parts.
options:
  _terms:
    description: There are none.
    type: list
    elements: str
    default: []
seealso:
  - module: fortanix.dsm.cdc_groups
"""

EXAMPLES = r"""
- name: Note the results of this host
  ansible.builtin.set_fact:
    my_results: "{{ lookup('fortanix.dsm.setup_host_results') }}"
"""

RETURN = r"""
_raw:
  description: The options of M(fortanix.dsm.cdc_groups_report), and C(summaries), one for each group of the host.
  type: list
  elements: dict
"""

from typing import Any

from ..plugin_utils._setup.play import Play, PlayLookup


class LookupModule(PlayLookup):
    def found(self, play: Play) -> list[dict[str, Any]]:
        return [play.results()]
