# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The declarations of an inventory for the role cdc_setup, one per group. No I/O.

Built from named values only, and of a certificate only the public part, so no credential gets into a read-only task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils._certificates.loading import public_part
from ...module_utils._declaration.check import wrong_variables
from ...module_utils._declaration.groups import DECLARED, GROUP, not_compared
from ...module_utils._declaration.shared import declarations, named, shared
from ...module_utils._errors import TaskError
from ...module_utils._texts.plain import bare

ROLE = "cdc_setup"
PREFIX = f"{ROLE}_"
_CERTIFICATE = re.compile(r"-----BEGIN (?:X509 )?CERTIFICATE-----.*?-----END (?:X509 )?CERTIFICATE-----", re.DOTALL)
# The compared options of each part, as in the module cdc_compliance_info.
_COMPARED: Mapping[str, Any] = DECLARED["options"]
_PARTS = ("link_certificate", "tls", "vault", "application", "azure_vault")
_PLAIN = tuple(name for name in _COMPARED if name not in {*_PARTS, "name", "host", "not_compared"})
# Only used to decrypt a file that contains the certificate; not passed on.
_PASSPHRASE = "link_private_key_passphrase"


class ContradictionError(ValueError):
    """The declarations are invalid or contradict each other; the text states why."""


def declared_groups(
    hosts: Mapping[str, Mapping[str, Any]], raw: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The groups in the order of the hosts.

    Args:
        hosts: host -> its variables. Only compared variables are read, so that no credential is fetched.
        raw: the same, without evaluating templates.

    Raises:
        ContradictionError: a host names no group, or two of them declare one object differently.
    """
    found: list[dict[str, Any]] = []
    wrong = [
        f"Host {host}: {one}"
        for host, variables in raw.items()
        for one in wrong_variables(ROLE, variables, to_run=False)
    ]
    if wrong:
        raise ContradictionError(" ".join(wrong))
    said: dict[str, list[dict[str, Any]]] = {}
    for host, variables in hosts.items():
        groups = _each(variables)
        said[host] = declarations([{name: one[name] for name in one.keys() & _COMPARED.keys()} for one in groups], {})
        found += [_declared(host, group) for group in groups]
    conflicts = shared(said)["conflicts"]
    if conflicts:
        raise ContradictionError(" ".join(conflicts))
    return found


def _each(variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The options of each group of a host: those of the group, and those of the host where the group sets none."""
    own = {name: _read(name, variables, PREFIX + name) for name in GROUP if PREFIX + name in variables}
    groups: Sequence[Mapping[str, Any]] = variables.get(PREFIX + "groups") or [{}]
    return [{**own, **{name: _read(name, group, name) for name in GROUP if name in group}} for group in groups]


def _read(name: str, given: Mapping[str, Any], key: str) -> Any:
    """The value of an option that is compared or needed for a comparison; True for any other option that is set."""
    return given[key] if name in _COMPARED or name == _PASSPHRASE else True


def _declared(host: str, group: Mapping[str, Any]) -> dict[str, Any]:
    if not group.get("name"):
        raise ContradictionError(f"Host {host} declares no group: {PREFIX}name is not set.")
    found: dict[str, Any] = {"host": host, "name": bare(group["name"]), **named(group, _PLAIN)}
    if group.get("link_certificate") is not None:
        found["link_certificate"] = _public(group["link_certificate"], group.get(_PASSPHRASE))
    parts = {
        "tls": _tls(group.get("tls")),
        "vault": named(group.get("vault"), _COMPARED["vault"]["options"]),
        "application": _application(group.get("application")),
        "azure_vault": named(group.get("azure_vault"), _COMPARED["azure_vault"]["options"]),
        "not_compared": not_compared(group),
    }
    found |= {name: part for name, part in parts.items() if part}
    return {name: bare(value) for name, value in found.items()}


def _tls(given: Any) -> dict[str, Any]:
    found = named(given, _COMPARED["tls"]["options"])
    if "ca_certificates" in found:
        found["ca_certificates"] = [_public(one) for one in found["ca_certificates"]]
    if "client_certificate" in found:
        found["client_certificate"] = _public(found["client_certificate"], given.get("client_key_passphrase"))
    return found


def _application(given: Any) -> dict[str, Any]:
    found = named(given, _COMPARED["application"]["options"])
    if "certificates" in found:
        found["certificates"] = [_public(one) for one in found["certificates"]]
    pair = named(given, ("generate_certificate",)).get("generate_certificate")
    if pair is not None:
        found["certificate_path"] = pair["certificate_path"]
    return found


def _public(text: Any, passphrase: Any = None) -> str:
    """The certificates in a text, without keys; a text without keys, such as a path, is returned unchanged."""
    given = str(text)
    if "-----BEGIN" in given:
        return "\n".join(_CERTIFICATE.findall(given))
    try:
        return public_part("link_certificate", given, None if passphrase is None else str(passphrase)).strip()
    except TaskError as error:
        problem = str(error)
    raise ContradictionError(f"A certificate that is declared as text cannot be parsed. {problem}")
