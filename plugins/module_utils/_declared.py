# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The option ``declared``: groups as the inventory of a set-up declares them, without any credential. No I/O."""

from __future__ import annotations

from typing import Any

from ._options import RIGHTS_PROFILES, VAULT_OPTIONS, WANTED_RIGHTS

_TYPES = ["standard", "premium", "managed_hsm"]
_TLS = {
    "validate_host": {"type": "bool"},
    "ca_certificates": {"type": "list", "elements": "str"},
    "client_certificate": {"type": "str"},
}
_APPLICATION = {
    "client_id": {"type": "str"},
    "unique_name": {"type": "str"},
    "display_name": {"type": "str"},
    "certificates": {"type": "list", "elements": "str", "default": []},
    "certificate_path": {"type": "path"},
    "api_permission": {"type": "bool", "default": True},
}
_AZURE_VAULT = {
    "name": {"type": "str", "required": True},
    "resource_group": {"type": "str", "required": True},
    "location": {"type": "str"},
    "type": {"type": "str", "choices": _TYPES},
    "permission_model": {"type": "str", "choices": ["access_policy", "rbac"]},
    "purge_protection": {"type": "bool"},
    "retention_days": {"type": "int"},
    "tags": {"type": "dict"},
}
_GROUP: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str"},
    "description": {"type": "str"},
    "custom_metadata": {"type": "dict"},
    "azure_service": {"type": "str", "choices": ["global", "us_government"]},
    "link_tenant_id": {"type": "str"},
    "link_client_id": {"type": "str"},
    "link_subscription_id": {"type": "str"},
    "link_certificate": {"type": "str"},
    "update_credential": {"type": "str", "choices": ["on_change", "always", "on_create"], "default": "on_change"},
    "tls": {"type": "dict", "options": _TLS},
    "vault": {
        "type": "dict",
        "options": {
            **{name: option for name, option in VAULT_OPTIONS.items() if name != "planned"},
            "resource_group": {"type": "str"},
        },
        "mutually_exclusive": [("name", "resource_id", "uri", "tags")],
        "required_one_of": [("name", "resource_id", "uri", "tags")],
    },
    "application": {
        "type": "dict",
        "options": _APPLICATION,
        "required_one_of": [("client_id", "unique_name", "display_name")],
    },
    "azure_vault": {"type": "dict", "options": _AZURE_VAULT},
    "check_prerequisites": {"type": "bool", "default": True},
    "repair_prerequisites": {"type": "bool", "default": False},
    "rights_profile": {"type": "str", "choices": RIGHTS_PROFILES, "default": "guide"},
    "key_permissions": WANTED_RIGHTS.argument_spec["key_permissions"],
}
OPTION: dict[str, Any] = {"type": "list", "elements": "dict", "options": _GROUP}
