# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """A group that exists or is planned. The options are in ``_options.GROUP_SELECTION``."""

    # Modules that need a group.
    DOCUMENTATION = r"""
options:
  group_name:
    description:
      - Name of the group.
      - Exactly one of O(group_name), O(group_id), and O(group) is required.
    type: str
  group_id:
    description:
      - ID of the group.
      - Exactly one of O(group_name), O(group_id), and O(group) is required.
    type: str
  group:
    description:
      - The group record that an earlier task returned as RV(fortanix.dsm.cdc_group#module:group).
      - In check mode this can be a group that the earlier task has only planned. The task then uses the planned values.
      - Exactly one of O(group_name), O(group_id), and O(group) is required.
    type: dict
"""

    # Modules that also work without one.
    OPTIONAL = r"""
options:
  group_name:
    description:
      - Name of the group.
      - Mutually exclusive with O(group_id) and O(group).
    type: str
  group_id:
    description:
      - ID of the group.
      - Mutually exclusive with O(group_name) and O(group).
    type: str
  group:
    description:
      - The group record that an earlier task returned as RV(fortanix.dsm.cdc_group#module:group).
      - In check mode this can be a group that the earlier task has only planned. The task then uses the planned values.
      - Mutually exclusive with O(group_name) and O(group_id).
    type: dict
"""
