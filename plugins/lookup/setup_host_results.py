# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_host_results
short_description: Return a host's results from the setup of all groups in one task
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Extracts one host's part of a result that all hosts of a play read,
    without evaluating the other parts.
options:
  _terms:
    description: This lookup takes no terms.
    type: list
    elements: str
    default: []
seealso:
  - module: fortanix.dsm.cdc_groups
"""

EXAMPLES = r"""
- name: Register the results of this host
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
