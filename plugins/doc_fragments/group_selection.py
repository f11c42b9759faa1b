# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """A group that exists or is planned. The options are in ``_options.GROUP_SELECTION``."""

    DOCUMENTATION = r"""
options:
  group_name:
    description:
      - Name of the group.
    type: str
  group_id:
    description:
      - ID of the group.
    type: str
  group:
    description:
      - The RV(fortanix.dsm.cdc_group#module:group) record that an earlier task returned.
      - In check mode this may be a group that the earlier task has only planned. The task then goes by what is
        planned.
    type: dict
"""
