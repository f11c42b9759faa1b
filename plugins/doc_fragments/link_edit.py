# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The guards of modules that change a link. The options are in ``_options.LINK_EDIT``."""

    DISCONNECT = r"""
options:
  allow_disconnect:
    description:
      - Whether a link that is connected can be replaced by one whose connection test fails. With V(false) the task
        fails instead and changes nothing.
    type: bool
    default: false
"""

    MOVE = r"""
options:
  allow_move:
    description:
      - Whether tenant, subscription, Azure service, vault, or vault type can change while the group holds keys. Such a
        change separates the group from its keys. Deleted and destroyed keys count as well. A group whose keys cannot be
        counted is treated as one that holds keys.
    type: bool
    default: false
"""
