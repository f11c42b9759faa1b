# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that do not know an object yet to which a request refers (Azure contract §3.1).

Reads that show what was before a write are in replicas.py and rights/propagation.py; this is about requests that use an
object: make an application, then its service principal. What such a server answers is in the profile where it varies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..profiles import Profile

Reference = Literal[
    "service_principal", "secret", "consent", "token", "role_definition", "role_assignment", "policy_vault", "policy"
]
"""What a request makes of the object: a service principal of an application, a secret of one, a consent of a service
principal, a token, the read of a role definition, an assignment of a role or to a principal, an access policy of a
vault, or one for a principal."""


@dataclass
class Fresh:
    """For each object and each way to refer to it, the first `misses` requests reach a server that does not know it."""

    profile: Callable[[], Profile]
    misses: int = 0
    only: frozenset[Reference] = frozenset()
    """The references that are concerned; empty for all."""
    _count: dict[tuple[Reference, str], int] = field(default_factory=dict)

    def is_unknown(self, reference: Reference, object_id: str) -> bool:
        """Whether the server that this request reaches does not know the object; each request is one of the misses."""
        if self.only and reference not in self.only:
            return False
        key = (reference, object_id.lower())
        self._count[key] = self._count.get(key, 0) + 1
        return self._count[key] <= self.misses
