# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The application in Entra as a user declares it: options of the modules azure_kv_app and cdc_credential. No I/O.

Each table has the form of an ``argument_spec``. A test compares it with the modules and the roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Mapping[str, Any]]

SELECTORS = ("client_id", "unique_name", "display_name")
PAIR: Options = {
    "certificate_path": {"type": "path", "required": True},
    # A path; the content of the file is never returned.
    "key_path": {"type": "path", "required": True, "no_log": False},
    "days": {"type": "int"},
    # A length in bits.
    "key_size": {"type": "int", "choices": [2048, 3072, 4096], "no_log": False},
    "subject": {"type": "str"},
}
CREDENTIAL: Options = {
    "type": {"type": "str", "choices": ["certificate", "secret"]},
    "valid_days": {"type": "int"},
    "renew_before_days": {"type": "int"},
    "renew": {"type": "str", "choices": ["when_due", "always"]},
    "key_size": {"type": "int", "choices": [2048, 3072, 4096], "no_log": False},
    "proof": {"type": "str", "choices": ["check", "sync"]},
    "grace_time": {"type": "int"},
    "remove_old": {"type": "bool"},
    "takeover_after": {"type": "int"},
}
APPLICATION: Options = {
    "client_id": {"type": "str"},
    "unique_name": {"type": "str"},
    "display_name": {"type": "str"},
    "certificates": {"type": "list", "elements": "str"},
    "generate_certificate": {"type": "dict", "options": PAIR},
    "api_permission": {"type": "bool"},
    "admin_consent": {"type": "bool"},
    "on_soft_deleted": {"type": "str", "choices": ["fail", "recover"]},
    "credential": {"type": "dict", "options": CREDENTIAL},
}
# An element of `cdc_rotate_applications`.
ROTATED: Options = {
    "client_id": {"type": "str"},
    "unique_name": {"type": "str"},
    "type": CREDENTIAL["type"],
    "renew_before_days": {"type": "int"},
    "valid_days": {"type": "int"},
}
