# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Fingerprints of client secrets, each computed once: that takes longer than all else about a group."""

from __future__ import annotations

import hashlib
from threading import Lock


class _Once:
    def __init__(self) -> None:
        self.lock = Lock()
        self.found: str | None = None


# By a digest of what is fingerprinted, so that no secret is kept here.
_known: dict[bytes, _Once] = {}
_guard = Lock()


def fingerprint(tenant_id: str, client_id: str, secret: str) -> str:
    """Tells whether the same secret is given again, and as little else as possible.

    It is stored where every reader of the group sees it. Hence the slow function, the salt of this application, and the
    40 bits: too few to confirm a guess, enough to notice a change.
    """
    salt = f"fortanix.dsm/{tenant_id}/{client_id}".encode()
    key = hashlib.sha256(b"%d/%b/%b" % (len(salt), salt, secret.encode())).digest()
    with _guard:
        once = _known.setdefault(key, _Once())
    # Threads with other secrets do not wait.
    with once.lock:
        if once.found is None:
            once.found = hashlib.scrypt(secret.encode(), salt=salt, n=2**14, r=8, p=1, dklen=5).hex()
        return once.found
