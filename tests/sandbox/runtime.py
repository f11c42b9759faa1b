# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all simulated services share: clock, profile, journal, faults, name tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from .clock import Clock
from .faults import Faults
from .journal import Journal
from .network import Network, Origins
from .profiles import Profile


@dataclass
class Runtime:
    profile: Profile
    global_roots_pem: str
    clock: Clock = field(default_factory=Clock)
    journal: Journal = field(default_factory=Journal)
    faults: Faults = field(default_factory=Faults)
    network: Network = field(default_factory=Network)
    origins: Origins = field(default_factory=Origins)
    crashes: list[BaseException] = field(default_factory=list)
    """Defects of the sandbox itself, each of which was answered with 500. Tests want this list empty."""

    dsm_network: Network = field(init=False)
    """The name table of DSM's egress: the common one, which a test may overlay."""

    def __post_init__(self) -> None:
        self.dsm_network = Network(parent=self.network)
