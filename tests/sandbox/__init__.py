# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox of simulated services: Fortanix DSM and Azure on loopback, real names, real TLS, no real service."""

from __future__ import annotations

from .faults import EndlessList, Fault
from .profiles import Profile
from .sandbox import Sandbox, State
from .world import World

__all__ = ["EndlessList", "Fault", "Profile", "Sandbox", "State", "World"]
