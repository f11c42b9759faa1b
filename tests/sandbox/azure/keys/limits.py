# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many keys a vault makes in ten seconds (learn.microsoft.com, "Azure Key Vault service limits").

The thresholds are weighted and enforced on their sum. Only the making of keys is counted here: the limits of all other
requests are a hundred times as high. Managed HSMs do not throttle.
"""

from __future__ import annotations

import math

from ..vaults import KeyStore, ManagedHsm

_WINDOW = 10.0
_ROUNDING = 1e-9
_LIMITS = {("create", True): 10, ("create", False): 20, ("other", True): 2000, ("other", False): 4000}
"""(What a request counts as, whether the key is in an HSM) -> how many there may be."""


def wait_for(store: KeyStore, kty: str, counted: str, now: float) -> int:
    """Count one new version. Where there are too many, do not, and tell in how many seconds there may be another."""
    if isinstance(store, ManagedHsm):
        return 0
    store.creations[:] = [(when, share) for when, share in store.creations if when > now - _WINDOW]
    share = 1 / _LIMITS[counted, kty.endswith("-HSM")]
    excess = sum(taken for _when, taken in store.creations) + share - 1
    if excess > _ROUNDING:
        for when, taken in store.creations:
            excess -= taken
            if excess <= _ROUNDING:
                return max(math.ceil(when + _WINDOW - now), 1)
    store.creations.append((now, share))
    return 0
