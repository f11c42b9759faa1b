# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Marks texts from DSM as unsafe, for every supported ansible-core."""

from __future__ import annotations

from typing import Any

from ..module_utils._texts.plain import bare

try:
    from ansible.utils.unsafe_proxy import wrap_var
except ImportError:
    # Since 2.19 only values marked as trusted are templates; a later version may remove this function.
    wrap_var = None


def unsafe(value: Any) -> Any:
    """The same value, marked so that Ansible evaluates no template in it."""
    return bare(value) if wrap_var is None else wrap_var(bare(value))
