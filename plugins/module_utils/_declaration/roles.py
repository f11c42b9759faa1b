# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The variables of each role, without its prefix, in the form of an ``argument_spec``. No I/O.

A test holds each table against the ``argument_specs`` of the role.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._options import RIGHTS_PROFILES, WANTED_RIGHTS
from .applications import ROTATED, Options
from .groups import GROUP
from .vaults import SELECTORS as VAULT_SELECTORS
from .vaults import VAULT

_SEVERITIES = ["info", "low", "medium", "high", "never"]
_RIGHTS: Options = {
    "rights_profile": {"type": "str", "choices": RIGHTS_PROFILES},
    "key_permissions": WANTED_RIGHTS.argument_spec["key_permissions"],
    "permission_model": WANTED_RIGHTS.argument_spec["permission_model"],
    "dsm_egress_addresses": {"type": "list", "elements": "str"},
    "renew_before_days": {"type": "int"},
}
_WAIVER: Options = {
    "id": {"type": "str", "required": True},
    "reason": {"type": "str", "required": True},
    # YAML makes a date of it.
    "expires": {"type": "raw", "required": True},
    "group": {"type": "str"},
}
_POLICY: Options = {
    "severity": {"type": "dict"},
    "fail_on": {"type": "str", "choices": _SEVERITIES},
    "fail_on_warnings": {"type": "str", "choices": _SEVERITIES},
    "fail_on_unknown": {"type": "bool"},
    "waivers": {"type": "list", "elements": "dict", "options": _WAIVER},
}
_FORMATS = ["json", "markdown", "junit", "sarif", "html"]

# Of cdc_setup, for all groups in one task.
ONE_TASK: Options = {
    "on_error": {"type": "str", "choices": ["stop", "continue"]},
    "time_budget": {"type": "int"},
    "concurrency": {"type": "int"},
}

ROLES: Mapping[str, Options] = {
    "cdc_setup": {"groups": {"type": "list", "elements": "dict", "options": GROUP}, **GROUP, **ONE_TASK},
    "azure_prereqs": {
        "vaults": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": VAULT,
            "mutually_exclusive": [VAULT_SELECTORS],
            "required_one_of": [VAULT_SELECTORS],
        },
        "app_client_id": {"type": "str", "required": True},
        "app_object_id": {"type": "str"},
        **_RIGHTS,
        "app_certificate": {"type": "str"},
        "repair": {"type": "bool"},
        "data_role": {"type": "str"},
        "wait_timeout": {"type": "int"},
        "fail_on": {"type": "list", "elements": "str", "choices": ["failed", "unknown", "warning"]},
    },
    "cdc_rotate": {
        "applications": {
            "type": "list",
            "elements": "dict",
            "options": ROTATED,
            "mutually_exclusive": [("client_id", "unique_name")],
            "required_one_of": [("client_id", "unique_name")],
        },
        "azure_service": {"type": "str", "choices": ["global", "us_government"]},
        "renew": {"type": "str", "choices": ["when_due", "always"]},
        "renew_before_days": {"type": "int"},
        "valid_days": {"type": "int"},
        "key_size": {"type": "int", "choices": [2048, 3072, 4096]},
        "proof": {"type": "str", "choices": ["check", "sync"]},
        "sync_timeout": {"type": "int"},
        "grace_time": {"type": "int"},
        "remove_old": {"type": "bool"},
        "takeover_after": {"type": "int"},
        "approval": {"type": "str", "choices": ["request", "fail"]},
        "approval_wait": {"type": "int"},
        "wait_timeout": {"type": "int"},
    },
    "cdc_compliance": {
        "directory": {"type": "path", "required": True},
        "group_names": {"type": "list", "elements": "str"},
        "group_ids": {"type": "list", "elements": "str"},
        "declared_hosts": {"type": "str"},
        "look_in_azure": {"type": "bool"},
        "check_connections": {"type": "bool"},
        "test_links_once": {"type": "bool"},
        "max_keys": {"type": "int"},
        "batch_size": {"type": "int"},
        "concurrency": {"type": "int"},
        **_RIGHTS,
        "policy": {"type": "dict", "options": _POLICY},
        "formats": {"type": "list", "elements": "str", "choices": _FORMATS},
        "enforce": {"type": "bool"},
    },
}
# Variables of playbooks that have the prefix of a role.
OF_PLAYBOOKS: Mapping[str, tuple[str, ...]] = {"cdc_setup": ("hosts", "serial", "in_one_task")}
# Registered results of a role whose names are similar to those of its variables. A test searches for more.
KEPT: Mapping[str, tuple[str, ...]] = {
    "azure_prereqs": ("repaired",),
    "cdc_setup": ("group", "applications", "vaults"),
}
