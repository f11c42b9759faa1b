# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The options that several modules share. Each has its documentation in ``plugins/doc_fragments/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._argspec import ArgumentSpec
from ._environment import not_empty

# Fragment: dsm. Members of the action group `cdc` accept all of these.
# The credentials are read from environment variables as a set (see _task.py): credentials in the play must never be
# mixed with, or overruled by, those in the environment.
DSM = ArgumentSpec(
    argument_spec={
        "dsm_endpoint": {
            "type": "str",
            "required": True,
            "fallback": (not_empty, ["DSM_ENDPOINT", "FORTANIX_API_ENDPOINT"]),
        },
        "dsm_api_key": {"type": "str", "no_log": True},
        "dsm_username": {"type": "str"},
        "dsm_password": {"type": "str", "no_log": True},
        "dsm_client_cert": {"type": "path"},
        # A path; what is in the file is never shown.
        "dsm_client_key": {"type": "path", "no_log": False},
        "dsm_app_id": {"type": "str"},
        "dsm_account": {"type": "str", "fallback": (not_empty, ["DSM_ACCT_ID"])},
        "dsm_validate_certs": {"type": "bool", "default": True},
        "dsm_ca_path": {"type": "path", "fallback": (not_empty, ["DSM_CA_PATH", "REQUESTS_CA_BUNDLE"])},
        "dsm_timeout": {"type": "int", "default": 60},
    },
)

# Fragment: azure. The operator, with the names of azure.azcollection. Members of the action group `azure` accept all of
# these. Without a fallback here, the environment is read in _environment.py, the identity as a set.
AZURE = ArgumentSpec(
    argument_spec={
        "auth_source": {
            "type": "str",
            "choices": ["auto", "cli", "credential_file", "env", "msi"],
            "default": "auto",
            "fallback": (not_empty, ["ANSIBLE_AZURE_AUTH_SOURCE"]),
        },
        "profile": {"type": "str", "fallback": (not_empty, ["AZURE_PROFILE"])},
        "tenant": {"type": "str"},
        "client_id": {"type": "str"},
        "secret": {"type": "str", "no_log": True},
        "x509_certificate_path": {"type": "path"},
        "x509_certificate_password": {"type": "str", "no_log": True},
        "oidc_token": {"type": "str", "no_log": True},
        # A path; what is in the file is never shown.
        "oidc_token_file_path": {"type": "path", "no_log": False},
        "subscription_id": {"type": "str"},
        "cloud_environment": {"type": "str", "choices": ["AzureCloud", "AzureUSGovernment"]},
        "cert_validation_mode": {
            "type": "str",
            "choices": ["ignore", "validate"],
            "default": "validate",
            "fallback": (not_empty, ["AZURE_CERT_VALIDATION_MODE"]),
        },
    },
    mutually_exclusive=(("secret", "x509_certificate_path", "oidc_token", "oidc_token_file_path"),),
)

# For Azure modules that can use a group in DSM to prove or forbid something.
OPTIONAL_DSM = ArgumentSpec(
    argument_spec={**DSM.argument_spec, "dsm_endpoint": {**DSM.argument_spec["dsm_endpoint"], "required": False}},
)

_CREDENTIAL: Mapping[str, Mapping[str, Any]] = {
    "link_client_secret": {"type": "str", "no_log": True},
    "link_certificate": {"type": "str"},
    "link_private_key": {"type": "str", "no_log": True},
    "link_private_key_passphrase": {"type": "str", "no_log": True},
    "link_format": {"type": "str", "choices": ["modern", "legacy"]},
    "link_certificate_format": {"type": "str", "choices": ["der", "pem"]},
}

# Fragment: tls.
TLS_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "validate_host": {"type": "bool"},
    "ca_certificates": {"type": "list", "elements": "str"},
    "client_certificate": {"type": "str"},
    "client_key": {"type": "str", "no_log": True},
    "client_key_passphrase": {"type": "str", "no_log": True},
}

# Fragment: link. What DSM stores; never from the environment.
LINK = ArgumentSpec(
    argument_spec={
        "azure_service": {"type": "str", "choices": ["global", "us_government"]},
        "link_tenant_id": {"type": "str"},
        "link_client_id": {"type": "str"},
        "link_subscription_id": {"type": "str"},
        **_CREDENTIAL,
        "tls": {"type": "dict", "options": TLS_OPTIONS},
    },
)

# Fragment: link_credential. For modules that edit a part of a link that another module manages.
# A link with a TLS client certificate has a second secret, which each change must contain.
LINK_CREDENTIAL = ArgumentSpec(argument_spec=_CREDENTIAL)
TLS_KEY = ArgumentSpec(
    argument_spec={
        "tls_client_key": {"type": "str", "no_log": True},
        "tls_client_key_passphrase": {"type": "str", "no_log": True},
    },
)

# Fragment: group_selection. An existing group, or one that a previous step planned.
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
    "type": {"type": "str", "choices": ["standard", "premium", "managed_hsm"]},
    "planned": {"type": "bool", "default": False},
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
ALLOW_DISCONNECT = ArgumentSpec(argument_spec={"allow_disconnect": {"type": "bool", "default": False}})
LINK_EDIT = ALLOW_DISCONNECT.merge(ArgumentSpec(argument_spec={"allow_move": {"type": "bool", "default": False}}))

# Fragment: approval. For every module that writes to DSM.
APPROVAL = ArgumentSpec(
    argument_spec={
        "approval": {"type": "str", "choices": ["request", "fail"], "default": "request"},
        "approval_wait": {"type": "int", "default": 0},
    },
)

_KEY_PERMISSIONS = ["get", "list", "update", "create", "import", "delete", "recover", "backup", "restore", "purge"]
# Fragment: app_rights.wanted. Required permissions of applications, and what counts as a finding.
WANTED_RIGHTS = ArgumentSpec(
    argument_spec={
        # Names of permissions, not keys.
        "key_permissions": {"type": "list", "elements": "str", "choices": _KEY_PERMISSIONS, "no_log": False},
        "permission_model": {"type": "str", "choices": ["any", "access_policy", "rbac"], "default": "any"},
        "dsm_egress_addresses": {"type": "list", "elements": "str", "default": []},
        "renew_before_days": {"type": "int", "default": 30},
    },
    required_if=(("rights_profile", "explicit", ("key_permissions",)),),
)
# Fragment: app_rights. One application, at one vault.
APP_RIGHTS = WANTED_RIGHTS.merge(
    ArgumentSpec(
        argument_spec={
            "vault": {
                "type": "dict",
                "required": True,
                "options": {**VAULT_OPTIONS, "resource_group": {"type": "str"}},
                "mutually_exclusive": [("name", "resource_id", "uri", "tags")],
                "required_one_of": [("name", "resource_id", "uri", "tags")],
            },
            "app_client_id": {"type": "str", "required": True},
            "app_object_id": {"type": "str"},
            "app_certificate": {"type": "str"},
            # Not a credential, only whether one will be registered.
            "credential_planned": {"type": "bool", "default": False, "no_log": False},
        }
    )
)
RIGHTS_PROFILES = ["guide", "least_privilege", "explicit"]
