# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_declarations
short_description: Return the Azure requirements of a host's groups
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role).
  - For each group of the host, returns the declared application, vault and permissions from the variables of the role.
    The result contains no credential of a link.
options:
  _terms:
    description: This lookup takes no terms.
    type: list
    elements: str
    default: []
seealso:
  - plugin: fortanix.dsm.shared_objects
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Register the requirements of this host
  ansible.builtin.set_fact:
    my_declarations: "{{ query('fortanix.dsm.setup_declarations') }}"
"""

RETURN = r"""
_list:
  description: A declaration for each group.
  type: list
  elements: dict
"""

from typing import Any

from ..plugin_utils._setup.play import Play, PlayLookup


class LookupModule(PlayLookup):
    def found(self, play: Play) -> list[dict[str, Any]]:
        return play.declarations()
