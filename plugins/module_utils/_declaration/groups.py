# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A CDC group as a user declares it for the role cdc_setup, and what of it a report compares. No I/O.

``GROUP`` has the form of an ``argument_spec``: the role's variables without their prefix, and the keys of an entry of
``cdc_setup_groups``. A test holds it against the modules and against the role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._options import APPROVAL, LINK, LINK_EDIT, RIGHTS_PROFILES, WANTED_RIGHTS
from .applications import APPLICATION, Options
from .applications import SELECTORS as APPLICATION_SELECTORS
from .vaults import AZURE_VAULT, OF_THE_RUN, VAULT
from .vaults import SELECTORS as VAULT_SELECTORS

_BOOL: Mapping[str, Any] = {"type": "bool"}
_INT: Mapping[str, Any] = {"type": "int"}
_STR: Mapping[str, Any] = {"type": "str"}
_LIST: Mapping[str, Any] = {"type": "list", "elements": "str"}


def _of(spec: Any) -> Options:
    """The options of a module without their defaults: a role applies its own."""
    return {
        name: {key: value for key, value in option.items() if key != "default"}
        for name, option in spec.argument_spec.items()
    }


_RIGHTS: Options = {
    "rights_profile": {"type": "str", "choices": RIGHTS_PROFILES},
    **{name: option for name, option in _of(WANTED_RIGHTS).items() if name != "permission_model"},
}
GROUP: Options = {
    "name": _STR,
    "description": _STR,
    "custom_metadata": {"type": "dict"},
    **_of(LINK),
    "vault": {
        "type": "dict",
        "options": VAULT,
        "mutually_exclusive": [VAULT_SELECTORS],
        "required_one_of": [VAULT_SELECTORS],
    },
    "application": {
        "type": "dict",
        "options": APPLICATION,
        "mutually_exclusive": [("client_id", "unique_name"), ("generate_certificate", "credential")],
        "required_one_of": [APPLICATION_SELECTORS],
    },
    "azure_vault": {"type": "dict", "options": AZURE_VAULT},
    "check_prerequisites": _BOOL,
    "repair_prerequisites": _BOOL,
    **_RIGHTS,
    "app_object_id": _STR,
    "app_certificate": _STR,
    "data_role": _STR,
    "wait_interval": _INT,
    "wait_timeout": _INT,
    "update_credential": {"type": "str", "choices": ["on_change", "always", "on_create"]},
    **_of(LINK_EDIT),
    "on_not_connected": {"type": "str", "choices": ["fail", "warn", "ignore"]},
    "sync": {"type": "str", "choices": ["on_change", "always", "never"]},
    "sync_timeout": _INT,
    **_of(APPROVAL),
}

# Options that a report does not or cannot compare: dotted name -> the reason that the report states. All options that
# are neither here nor in OF_A_RUN are compared.
NOT_COMPARED: Mapping[str, str] = {
    "link_client_secret": "DSM does not return it, and a report does not read credentials",
    "link_private_key": "DSM does not return it, and a report does not read credentials",
    "link_private_key_passphrase": "DSM does not return it, and a report does not read credentials",
    "tls.client_key": "DSM does not return it, and a report does not read credentials",
    "tls.client_key_passphrase": "DSM does not return it, and a report does not read credentials",
    "link_format": "it only controls how a link is written; DSM returns the same for both",
    "link_certificate_format": "it only controls how a certificate is written; DSM returns the same for both",
    "app_certificate": "the report uses the certificate that DSM returns",
    "app_object_id": "the report reads the service principal of the application",
    "data_role": "the report compares the permissions of the application, whichever role grants them",
    "dsm_egress_addresses": "the report uses cdc_compliance_dsm_egress_addresses",
    "renew_before_days": "the report uses cdc_compliance_renew_before_days",
    "application.display_name": "another option identifies the application; it is only used to create one",
    "application.generate_certificate.key_path": "the key is not read",
    "application.generate_certificate.days": "it is only used to generate a new certificate",
    "application.generate_certificate.key_size": "it is only used to generate a new certificate",
    "application.generate_certificate.subject": "it is only used to generate a new certificate",
    "application.credential.type": "it is used for the next renewal; other findings cover the credential",
    "application.credential.valid_days": "it is used for the next renewal; other findings cover the credential",
    "application.credential.key_size": "it is used for the next renewal; other findings cover the credential",
    "application.credential.renew_before_days": "it is used for the next renewal; other findings cover the credential",
    "azure_vault.initial_admin_object_ids": "they are set only at creation and may have changed since",
}
# Options that only control how a run proceeds. They describe no state, so there is nothing to compare.
OF_A_RUN = frozenset(
    {
        "wait_interval",
        "wait_timeout",
        "allow_disconnect",
        "allow_move",
        "on_not_connected",
        "sync",
        "sync_timeout",
        "approval",
        "approval_wait",
        "application.on_soft_deleted",
        "application.credential.renew",
        "application.credential.proof",
        "application.credential.grace_time",
        "application.credential.remove_old",
        "application.credential.takeover_after",
        *(f"azure_vault.{name}" for name in OF_THE_RUN),
    }
)


def leaves(options: Options, path: str = "") -> Iterable[str]:
    """The dotted name of each option without suboptions."""
    for name, option in options.items():
        if "options" in option:
            yield from leaves(option["options"], f"{path}{name}.")
        else:
            yield path + name


def not_compared(group: Mapping[str, Any]) -> list[str]:
    """The dotted names in :data:`NOT_COMPARED` that a declaration sets."""
    found = [name for name in NOT_COMPARED if _is_set(group, name)]
    application = group.get("application") or {}
    by_display_name = application.get("client_id") is None and application.get("unique_name") is None
    return [name for name in found if name != "application.display_name" or not by_display_name]


def _is_set(given: Any, name: str) -> bool:
    first, _dot, rest = name.partition(".")
    value = given.get(first) if isinstance(given, Mapping) else None
    return _is_set(value, rest) if rest else value is not None


# The option `declared` of cdc_compliance_info ------------------------------------------------------------------------


def _compared(options: Options, path: str = "") -> dict[str, Any]:
    """The options that are compared, in the form of an ``argument_spec``."""
    found: dict[str, Any] = {}
    for name, option in options.items():
        if path + name in NOT_COMPARED or path + name in OF_A_RUN:
            continue
        inner = _compared(option["options"], f"{path}{name}.") if "options" in option else None
        if inner is None or inner:
            found[name] = option if inner is None else {"type": option["type"], "options": inner}
    return found


def _declared() -> dict[str, Any]:
    found = _compared(GROUP)
    application = found["application"]["options"]
    # For applications that are found by their display name.
    application["display_name"] = {"type": "str"}
    application["certificate_path"] = {"type": "path"}
    del application["generate_certificate"]
    application |= _with_defaults(application, {"certificates": [], "api_permission": True, "admin_consent": False})
    found |= _with_defaults(
        found,
        {
            "update_credential": "on_change",
            "check_prerequisites": True,
            "repair_prerequisites": False,
            "rights_profile": "guide",
        },
    )
    found["name"] = {"type": "str", "required": True}
    found["host"] = {"type": "str"}
    found["not_compared"] = {"type": "list", "elements": "str", "default": []}
    found["vault"] |= {"mutually_exclusive": [VAULT_SELECTORS], "required_one_of": [VAULT_SELECTORS]}
    found["application"] |= {"required_one_of": [APPLICATION_SELECTORS]}
    return found


def _with_defaults(options: Options, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """These options with the defaults of the role, which apply when they are not declared."""
    return {name: {**options[name], "default": default} for name, default in defaults.items()}


DECLARED: dict[str, Any] = {"type": "list", "elements": "dict", "options": _declared()}


# The option `groups` of cdc_groups -----------------------------------------------------------------------------------

_DEFAULTS: Mapping[str, Any] = {
    "check_prerequisites": True,
    "repair_prerequisites": False,
    "rights_profile": "guide",
    "dsm_egress_addresses": [],
    "renew_before_days": 30,
    "data_role": "custom",
    "update_credential": "on_change",
    "allow_disconnect": False,
    "allow_move": False,
    "on_not_connected": "fail",
    "sync": "on_change",
    "sync_timeout": 600,
}
# With the defaults of the role, except for options that apply to the complete list.
DECLARATIONS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        **GROUP,
        **_with_defaults(GROUP, _DEFAULTS),
        "name": {"type": "str", "required": True},
        "host": {"type": "str"},
    },
}
