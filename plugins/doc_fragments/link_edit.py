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
      - Whether a link that is connected may be replaced by one that fails the test of its connection.
    type: bool
    default: false
"""

    MOVE = r"""
options:
  allow_move:
    description:
      - Whether tenant, subscription, Azure service, vault, or vault type of a group that holds keys may change. That
        moves the group away from its keys. Keys that are deleted or destroyed count, and so does a group whose keys
        cannot be counted.
    type: bool
    default: false
"""
