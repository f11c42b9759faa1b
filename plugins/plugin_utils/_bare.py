# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Values of a play as plain dictionaries and lists, for plugins. No I/O."""

from __future__ import annotations

from ..module_utils._bare import bare

__all__ = ["bare"]
