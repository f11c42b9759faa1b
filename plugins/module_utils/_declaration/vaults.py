# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Key vaults as a user declares them: existing ones, and ones that the module azure_kv_vault creates. No I/O.

Each table has the form of an ``argument_spec``. A test compares it with the modules and the roles.
"""

from __future__ import annotations

from .applications import Options

SELECTORS = ("name", "resource_id", "uri", "tags")
TYPES = ["standard", "premium", "managed_hsm"]
# An existing vault. `resource_group` helps the Azure modules to find it.
VAULT: Options = {
    "name": {"type": "str"},
    "resource_id": {"type": "str"},
    "uri": {"type": "str"},
    "tags": {"type": "dict"},
    "type": {"type": "str", "choices": TYPES},
    "resource_group": {"type": "str"},
}
# A vault that the role creates: its desired state, and how the role may reach it.
AZURE_VAULT: Options = {
    "name": {"type": "str", "required": True},
    "resource_group": {"type": "str", "required": True},
    "location": {"type": "str"},
    "type": {"type": "str", "choices": TYPES},
    "permission_model": {"type": "str", "choices": ["access_policy", "rbac"]},
    "purge_protection": {"type": "bool"},
    "retention_days": {"type": "int"},
    "public_network_access": {"type": "str", "choices": ["enabled", "disabled"]},
    "default_action": {"type": "str", "choices": ["allow", "deny"]},
    "ip_rules": {"type": "list", "elements": "str"},
    "tags": {"type": "dict"},
    "on_soft_deleted": {"type": "str", "choices": ["fail", "recover"]},
    "allow_disruptive": {
        "type": "list",
        "elements": "str",
        "choices": ["permission_model", "purge_protection", "type", "default_action", "public_network_access"],
    },
    "initial_admin_object_ids": {"type": "list", "elements": "str"},
    "i_accept_hourly_cost": {"type": "bool"},
}
# Options that only control how a vault is created or changed, and are no part of its state.
OF_THE_RUN = frozenset({"on_soft_deleted", "allow_disruptive", "i_accept_hourly_cost"})
