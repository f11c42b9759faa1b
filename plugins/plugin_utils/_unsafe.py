# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Marks texts of DSM as such, for every ansible-core that is supported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

try:
    from ansible.utils.unsafe_proxy import wrap_var
except ImportError:
    # From 2.19 on only what is marked as trusted is a template, and one day there is nothing to unmark it with.
    wrap_var = None


def unsafe(value: Any) -> Any:
    """The same value, in which Ansible evaluates no template."""
    return _plain(value) if wrap_var is None else wrap_var(_plain(value))


def _plain(value: Any) -> Any:
    """Of dictionaries and lists: newer versions of Ansible hand out containers of their own, which cannot be copied."""
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, (list, tuple)) else value
