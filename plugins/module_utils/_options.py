# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The options that several modules share. Each has its documentation in ``plugins/doc_fragments/``."""

from __future__ import annotations

from ansible.module_utils.basic import env_fallback

from ._argspec import ArgumentSpec

# Fragment: dsm. Members of the action group `cdc` accept all of these.
# The login options take their environment variables as a set (see _task.py): a login that the play names must never be
# mixed with, or overruled by, one that is in the environment.
DSM = ArgumentSpec(
    argument_spec={
        "dsm_endpoint": {
            "type": "str",
            "required": True,
            "fallback": (env_fallback, ["DSM_ENDPOINT", "FORTANIX_API_ENDPOINT"]),
        },
        "dsm_api_key": {"type": "str", "no_log": True},
        "dsm_username": {"type": "str"},
        "dsm_password": {"type": "str", "no_log": True},
        "dsm_account": {"type": "str", "fallback": (env_fallback, ["DSM_ACCT_ID"])},
        "dsm_validate_certs": {"type": "bool", "default": True},
        "dsm_ca_path": {"type": "path", "fallback": (env_fallback, ["DSM_CA_PATH", "REQUESTS_CA_BUNDLE"])},
        "dsm_timeout": {"type": "int", "default": 60},
    },
)

# Fragment: link. What DSM will hold; never from the environment.
LINK = ArgumentSpec(
    argument_spec={
        "azure_service": {"type": "str", "choices": ["global", "us_government"]},
        "link_tenant_id": {"type": "str"},
        "link_client_id": {"type": "str"},
        "link_subscription_id": {"type": "str"},
        "link_client_secret": {"type": "str", "no_log": True},
    },
)

# Fragment: link_credential. For modules that edit a part of a link which another module owns.
LINK_CREDENTIAL = ArgumentSpec(argument_spec={"link_client_secret": {"type": "str", "no_log": True}})

# Fragment: group_selection. An existing group, or one that a previous step has planned.
GROUP_SELECTION = ArgumentSpec(
    argument_spec={
        "group_name": {"type": "str"},
        "group_id": {"type": "str"},
        "group": {"type": "dict"},
    },
    mutually_exclusive=(("group_name", "group_id", "group"),),
)
ONE_GROUP = GROUP_SELECTION.merge(ArgumentSpec(required_one_of=(("group_name", "group_id", "group"),)))

# Fragment: vault_selection.
VAULT_OPTIONS = {
    "name": {"type": "str"},
    "resource_id": {"type": "str"},
    "uri": {"type": "str"},
    "tags": {"type": "dict"},
    "type": {"type": "str", "choices": ["standard", "premium"]},
}
_VAULT = {
    "type": "dict",
    "options": VAULT_OPTIONS,
    "mutually_exclusive": [("name", "resource_id", "uri", "tags")],
    "required_one_of": [("name", "resource_id", "uri", "tags")],
}
VAULT = ArgumentSpec(argument_spec={"vault": _VAULT})
REQUIRED_VAULT = ArgumentSpec(argument_spec={"vault": {**_VAULT, "required": True}})

# Fragment: link_edit. The guards of every module that changes a link.
LINK_EDIT = ArgumentSpec(
    argument_spec={
        "allow_disconnect": {"type": "bool", "default": False},
        "allow_move": {"type": "bool", "default": False},
    },
)
