# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Fingerprints of client secrets. Each is computed once, because that takes longer than all other work on a group."""

from __future__ import annotations

import hashlib
from functools import cache
from threading import Lock

# Threads that need the same fingerprint compute it once.
_one_at_a_time = Lock()


def fingerprint(tenant_id: str, client_id: str, secret: str) -> str:
    """Shows whether the same secret is set again, and reveals as little else as possible.

    It is stored where everyone who can read the group sees it. It therefore uses a slow function, a salt for this
    application, and 40 bits: too few to confirm a guess, enough to detect a change.
    """
    with _one_at_a_time:
        return _scrypt(f"fortanix.dsm/{tenant_id}/{client_id}".encode(), secret.encode())


@cache
def _scrypt(salt: bytes, secret: bytes) -> str:
    return hashlib.scrypt(secret, salt=salt, n=2**14, r=8, p=1, dklen=5).hex()
