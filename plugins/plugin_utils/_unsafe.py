# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Marks texts of DSM as such, for every ansible-core that is supported."""

from __future__ import annotations

from typing import Any

from ..module_utils._texts.plain import bare

try:
    from ansible.utils.unsafe_proxy import wrap_var
except ImportError:
    # From 2.19 on only what is marked as trusted is a template, and one day there is nothing to unmark it with.
    wrap_var = None


def unsafe(value: Any) -> Any:
    """The same value, in which Ansible evaluates no template."""
    return bare(value) if wrap_var is None else wrap_var(bare(value))
