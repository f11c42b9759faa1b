# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_host_groups
short_description: Return the groups that a host declares for the role cdc_setup, without secrets
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role) when it sets up the groups of all hosts in one task. That task runs on
    one host, so each host first registers its groups.
  - Fails if that task could not read the secrets of the host, because they are variables of the play or the role.
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
- name: Register the groups of this host
  ansible.builtin.set_fact:
    cdc_setup_of_host: "{{ lookup('fortanix.dsm.setup_host_groups') }}"
"""

RETURN = r"""
_raw:
  description:
    - The options of each group that are set, except those that are secret or may contain a secret. Also the names of
      those options, and the options for all groups.
  type: list
  elements: dict
"""

from typing import Any

from ..plugin_utils._setup.play import Play, PlayLookup


class LookupModule(PlayLookup):
    def found(self, play: Play) -> list[dict[str, Any]]:
        return [play.note()]
