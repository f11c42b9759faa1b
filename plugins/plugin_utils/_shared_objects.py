# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the hosts of a run share in Azure, for the filters of the role cdc_setup. No I/O."""

from __future__ import annotations

from ..module_utils._declaration.shared import (
    OPTIONS,
    declarations,
    failures,
    named,
    nameless,
    prerequisites_summary,
    problems,
    shared,
    unmet,
)

__all__ = [
    "OPTIONS",
    "declarations",
    "failures",
    "named",
    "nameless",
    "prerequisites_summary",
    "problems",
    "shared",
    "unmet",
]
