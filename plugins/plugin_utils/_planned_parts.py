# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the earlier steps of a set-up have only planned, for the filter of that name. Pure."""

from __future__ import annotations

from ..module_utils._declaration.planned import planned_parts

__all__ = ["planned_parts"]
