# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Identifies DER structures by their first bytes (RFC 5208, RFC 5958, RFC 7292), without a library. Pure.

Used before a library is imported: whether a value is a secret, and which reader to use.
"""

from __future__ import annotations

_SEQUENCE, _INTEGER, _OBJECT_ID = b"\x30", b"\x02", b"\x06"


def is_pkcs12(content: bytes) -> bool:
    """Whether this is PKCS#12: it begins with version 3, a key with version 0 or 1."""
    return _inside(content)[:3] == _INTEGER + b"\x01\x03"


def is_key(content: bytes) -> bool:
    """Whether this is a private key or PKCS#12.

    Both begin with a version, an encrypted key with its algorithm. A certificate begins with a sequence that does
    neither.
    """
    outer = _inside(content)
    return outer[:1] == _INTEGER or _inside(outer)[:1] == _OBJECT_ID


def _inside(content: bytes) -> bytes:
    """The beginning of a sequence; empty if this is not a sequence."""
    if content[:1] != _SEQUENCE or len(content) < 2:
        return b""
    length = content[1]
    return content[2 + (length & 0x7F if length & 0x80 else 0) :]
