# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_host_groups
short_description: The groups that a host declares for the role cdc_setup, without their secrets
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role), when it sets up the groups of all hosts in one task. That task runs for
    one host. So each host notes its groups first.
  - It fails when that task would not get the secrets of the host, as they are variables of the play or the role.
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
- name: Note the groups of this host
  ansible.builtin.set_fact:
    cdc_setup_of_host: "{{ lookup('fortanix.dsm.setup_host_groups') }}"
"""

RETURN = r"""
_raw:
  description:
    - The options of each group that are set, but for what is secret or may hold a secret. Which options have such
      parts, and options for all groups.
  type: list
  elements: dict
"""

from typing import Any

from ..plugin_utils._setup.play import Play, PlayLookup


class LookupModule(PlayLookup):
    def found(self, play: Play) -> list[dict[str, Any]]:
        return [play.note()]
