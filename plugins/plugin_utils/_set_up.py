# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What is decided between the steps of a set-up, for the filters of the role cdc_setup. No I/O."""

from __future__ import annotations

from ..module_utils._declaration.steps import (
    application_selector,
    chosen_vault,
    groups_in_approval,
    line,
    summary,
    sync_conditions,
)

__all__ = ["application_selector", "chosen_vault", "groups_in_approval", "line", "summary", "sync_conditions"]
