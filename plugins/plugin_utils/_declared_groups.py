# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the hosts of an inventory declare for the role cdc_setup, one group after the other. No I/O.

Made of named values only, and of a certificate only its public part, so that no credential gets into a task that reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils._certificates import public_part
from ..module_utils._errors import TaskError
from ._shared_objects import AZURE_VAULT_FIELDS, VAULT_FIELDS, bare, declarations, named, shared

PREFIX = "cdc_setup_"
_CERTIFICATE = re.compile(r"-----BEGIN (?:X509 )?CERTIFICATE-----.*?-----END (?:X509 )?CERTIFICATE-----", re.DOTALL)
_APPLICATION = ("client_id", "unique_name", "display_name", "api_permission")
_PLAIN = (
    "description",
    "custom_metadata",
    "azure_service",
    "link_tenant_id",
    "link_client_id",
    "link_subscription_id",
    "update_credential",
    "check_prerequisites",
    "repair_prerequisites",
    "rights_profile",
    "key_permissions",
)
# The passphrase opens what has the certificate in it, and is not handed on.
_PARTS = ("name", "link_certificate", "link_private_key_passphrase", "tls", "vault", "application", "azure_vault")


class ContradictionError(ValueError):
    """The declarations cannot all be meant; the text says why."""


def declared_groups(hosts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups in the order of the hosts. ``hosts``: host -> its variables, of which only those of the role are read.

    Raises:
        ContradictionError: a host names no group, or two of them declare one object differently.
    """
    found: list[dict[str, Any]] = []
    said: dict[str, list[dict[str, Any]]] = {}
    for host, variables in hosts.items():
        groups = _each(variables)
        said[host] = declarations(groups, {})
        found += [_declared(host, group) for group in groups]
    conflicts = shared(said)["conflicts"]
    if conflicts:
        raise ContradictionError(" ".join(conflicts))
    return found


def _each(variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The options of each group of a host: its own, and the host's for those that it does not set."""
    names = [name for name in (*_PLAIN, *_PARTS) if PREFIX + name in variables]
    own = {name: variables[PREFIX + name] for name in names}
    groups: Sequence[Mapping[str, Any]] = variables.get(PREFIX + "groups") or [{}]
    return [{**own, **{name: group[name] for name in (*_PLAIN, *_PARTS) if name in group}} for group in groups]


def _declared(host: str, group: Mapping[str, Any]) -> dict[str, Any]:
    if not group.get("name"):
        raise ContradictionError(f"The host {host} declares no group: {PREFIX}name is not set.")
    found: dict[str, Any] = {"host": host, "name": bare(group["name"]), **named(group, _PLAIN)}
    if group.get("link_certificate") is not None:
        found["link_certificate"] = _public(group["link_certificate"], group.get("link_private_key_passphrase"))
    parts = {
        "tls": _tls(group.get("tls")),
        "vault": named(group.get("vault"), VAULT_FIELDS),
        "application": _application(group.get("application")),
        "azure_vault": named(group.get("azure_vault"), (one for one in AZURE_VAULT_FIELDS if one != "on_soft_deleted")),
    }
    found |= {name: part for name, part in parts.items() if part}
    return {name: bare(value) for name, value in found.items()}


def _tls(given: Any) -> dict[str, Any]:
    found = named(given, ("validate_host", "ca_certificates", "client_certificate"))
    if "ca_certificates" in found:
        found["ca_certificates"] = [_public(one) for one in found["ca_certificates"]]
    if "client_certificate" in found:
        found["client_certificate"] = _public(found["client_certificate"], given.get("client_key_passphrase"))
    return found


def _application(given: Any) -> dict[str, Any]:
    found = named(given, _APPLICATION)
    more = named(given, ("certificates", "generate_certificate"))
    if "certificates" in more:
        found["certificates"] = [_public(one) for one in more["certificates"]]
    if "generate_certificate" in more:
        found["certificate_path"] = more["generate_certificate"]["certificate_path"]
    return found


def _public(text: Any, passphrase: Any = None) -> str:
    """The certificates in a text, without a key beside them; what holds no key, such as a path, stays as it is."""
    given = str(text)
    if "-----BEGIN" in given:
        return "\n".join(_CERTIFICATE.findall(given))
    try:
        return public_part("link_certificate", given, None if passphrase is None else str(passphrase)).strip()
    except TaskError as error:
        problem = str(error)
    raise ContradictionError(f"A certificate that is declared as text cannot be read. {problem}")
