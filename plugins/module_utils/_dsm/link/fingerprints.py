# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Fingerprints of client secrets, each computed once: that takes longer than all else about a group."""

from __future__ import annotations

import hashlib
from functools import cache
from threading import Lock

# Threads that ask for the same one compute it once.
_one_at_a_time = Lock()


def fingerprint(tenant_id: str, client_id: str, secret: str) -> str:
    """Tells whether the same secret is given again, and as little else as possible.

    It is stored where every reader of the group sees it. Hence the slow function, the salt of this application, and the
    40 bits: too few to confirm a guess, enough to notice a change.
    """
    with _one_at_a_time:
        return _scrypt(f"fortanix.dsm/{tenant_id}/{client_id}".encode(), secret.encode())


@cache
def _scrypt(salt: bytes, secret: bytes) -> str:
    return hashlib.scrypt(secret, salt=salt, n=2**14, r=8, p=1, dklen=5).hex()
