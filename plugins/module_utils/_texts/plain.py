# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Values of a play as plain dictionaries and lists. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def bare(value: Any) -> Any:
    """The value without Ansible's own containers, which evaluate their contents lazily and cannot be copied."""
    if isinstance(value, Mapping):
        return {name: bare(member) for name, member in value.items()}
    return [bare(member) for member in value] if isinstance(value, (list, tuple)) else value


def readable(value: Any) -> Any:
    """The value without unpaired surrogates, which are valid in JSON but not in output."""
    if isinstance(value, str):
        # As it is, not as a copy: results of many objects have the same few names and values again and again.
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {readable(key): readable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(inner) for inner in value]
    return value
