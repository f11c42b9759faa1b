# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_play_groups
short_description: Return the groups that all hosts of a play declare for the role cdc_setup
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role) when it sets up the groups of all hosts in one task.
  - The result contains the secrets of the groups. Only pass it to M(fortanix.dsm.cdc_groups).
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
- name: Set up the groups of all hosts
  fortanix.dsm.cdc_groups:
    groups: "{{ query('fortanix.dsm.setup_play_groups') }}"
  run_once: true
"""

RETURN = r"""
_list:
  description: A declaration for each group, with the name of its host.
  type: list
  elements: dict
"""

from typing import Any

from ..plugin_utils._setup.play import Play, PlayLookup


class LookupModule(PlayLookup):
    def found(self, play: Play) -> list[dict[str, Any]]:
        return play.groups()
