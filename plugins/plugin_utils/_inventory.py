# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Groups of DSM as hosts of an inventory, dynamic or in a file. No I/O.

The names of groups are untrusted text: anyone who can name a group in DSM chooses them. A host name therefore contains
only their harmless characters, and no group can take the host name, and so the variables, of another one.
"""

from __future__ import annotations

import ast
import collections
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..module_utils._dsm.groups.selection import checked_name
from ..module_utils._dsm.link.azure_link import ENDPOINTS, checked_vault_uri
from ..module_utils._dsm.wire.kinds import KIND
from ..module_utils._dsm.wire.login import ApiKey, UserPassword, login_from
from ..module_utils._errors import InvalidInput, TaskError
from ..module_utils._ids import checked_uuid, is_uuid
from ..module_utils._names import name_key
from ..module_utils._texts.plain import readable

# The Ansible group that every host is in.
ALL_GROUPS = "cdc"
# Names with a special meaning in Ansible.
_RESERVED = frozenset({"all", "localhost", "ungrouped", ALL_GROUPS})
_LONGEST_SLUG = 63
# Field of a group's record -> variable. An allow-list: a record never sets other variables.
_VARIABLES = {
    "group_id": "cdc_group_id",
    "name": "cdc_group_name",
    "description": "cdc_description",
    "custom_metadata": "cdc_custom_metadata",
    "external_kms": "cdc_external_kms",
    "link": "cdc_link",
}
_LINK_IDS = ("tenant_id", "client_id", "subscription_id")
_VAULT_TYPES = ("standard", "premium", "managed_hsm")
_NOT_SHOWN: Mapping[str | None, tuple[str, ...]] = {
    "client_secret": ("cdc_setup_link_client_secret",),
    "certificate": ("cdc_setup_link_certificate", "cdc_setup_link_private_key"),
    None: ("cdc_setup_link_client_secret, or cdc_setup_link_certificate and cdc_setup_link_private_key",),
}


@dataclass(frozen=True)
class Host:
    """A group as a host. ``variables``: texts from DSM, which the caller must mark as unsafe for Ansible."""

    name: str
    record: Mapping[str, Any]

    @property
    def variables(self) -> dict[str, Any]:
        return {variable: self.record[field] for field, variable in _VARIABLES.items()}


def hosts(records: Iterable[Mapping[str, Any]], host_name: str = "slug") -> list[Host]:
    """The groups as hosts, by host name.

    Args:
        records: of groups, as the module cdc_group_info returns them.
        host_name: ``slug`` of the group's name, or its ``group_id``.

    Raises:
        TaskError: a group's ID is invalid, or two groups have the same ID.
    """
    by_id: dict[str, Mapping[str, Any]] = {}
    for record in map(readable, records):
        group_id = name_key(record["group_id"])
        if not is_uuid(group_id) or group_id in by_id:
            raise TaskError(
                "DSM returned this group twice" if group_id in by_id else "DSM returned an ID that is not a UUID",
                plane="DSM",
                obj=f"group ID {group_id}",
                next_step="report it with the DSM version to the repository of this collection",
            )
        by_id[group_id] = record
    names = _unique({group_id: slug_of(str(by_id[group_id]["name"])) or group_id for group_id in by_id})
    if host_name == "group_id":
        names = {group_id: group_id for group_id in by_id}
    return sorted((Host(names[group_id], record) for group_id, record in by_id.items()), key=lambda host: host.name)


def cache_owner(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The DSM identity whose groups these options return, without a secret; None if it cannot be determined.

    Raises:
        InvalidInput: the options are not valid DSM credentials.
    """
    login = login_from(params)
    if isinstance(login, ApiKey):
        if login.app_id is None:
            return None
        who = ["app", login.app_id]
    elif isinstance(login, UserPassword):
        who = ["user", login.username]
    else:
        who = ["certificate", login.certificate, str(login.app_id)]
    return {"login": who, **{name: params[name] for name in ("dsm_endpoint", "dsm_account", "kind")}}


def slug_of(name: str) -> str:
    """``Akv Production (EU)`` -> ``akv-production-eu``; empty if the name has no ASCII letter or digit."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_LONGEST_SLUG].rstrip("-")


def _unique(slugs: Mapping[str, str]) -> dict[str, str]:
    """Group ID -> host name. If several groups have the same slug, the ID is appended to each of them.

    To all of them: if one kept the plain slug, a new group could take over the host name of an old one. A slug may
    equal another group's slug with its ID, so the check is repeated; names that end in different IDs differ.
    """
    names = dict(slugs)
    while True:
        taken = collections.Counter(names.values())
        doubtful = [group_id for group_id, name in names.items() if taken[name] > 1 or name in _RESERVED]
        if not doubtful:
            return names
        names.update({group_id: f"{names[group_id]}-{group_id}" for group_id in doubtful})


# --- The inventory as a file ------------------------------------------------------------------------------------------


def static_inventory(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The groups with a link to Azure as a YAML inventory for the role ``cdc_setup``, which makes no changes with it.

    Returns:
        ``content``: the text of the file. ``hosts``: the names of its hosts. ``left_out``: ``name``, ``group_id`` and
        ``reason`` of the groups that the role could not process.
    """
    every = hosts(records)
    names = collections.Counter(host.record["name"] for host in every)
    linked = [host for host in every if host.record["link"] is not None or _has_several_links(host.record)]
    reasons = {host.name: _reason_to_leave_out(host, names) for host in linked}
    kept = [host for host in linked if not reasons[host.name]]
    left_out = [
        {"name": host.record["name"], "group_id": host.record["group_id"], "reason": reason}
        for host in linked
        if (reason := reasons[host.name])
    ]
    lines = [*_HEAD, *(f"    # {yaml_text(one['name'])} is omitted: {yaml_text(one['reason'])}" for one in left_out)]
    lines += ["  hosts:" if kept else "  hosts: {}"]
    for host in kept:
        lines += [f"    {yaml_text(host.name)}:", *(f"      {line}" for line in _lines_of(host.record))]
    return {"content": "\n".join(lines) + "\n", "hosts": [host.name for host in kept], "left_out": left_out}


_HEAD = (
    "---",
    "# Groups of Fortanix DSM with their links to Azure Key Vault, for the role fortanix.dsm.cdc_setup.",
    "# Written by the playbook fortanix.dsm.export. This file contains no secrets: DSM never returns them.",
    "# A setup that changes nothing needs no secrets. To change a link, set its credential: the variables that the",
    "# comments name, in a separate encrypted file (group_vars, host_vars).",
    "# !unsafe prevents Ansible from evaluating text from DSM as a template.",
    f"{ALL_GROUPS}:",
    "  vars:",
    "    ansible_connection: local",
    '    ansible_python_interpreter: "{{ ansible_playbook_python }}"',
)


def _has_several_links(record: Mapping[str, Any]) -> bool:
    """Whether the record has no link because the group has several links to Azure."""
    return record["link"] is None and KIND in str(record.get("external_kms")).split(", ")


def _reason_to_leave_out(host: Host, names: Mapping[str, int]) -> str | None:
    """Why the role would refuse this group or confuse it with another one; None if it accepts the group."""
    name, link = host.record["name"], host.record["link"]
    if names[name] > 1:
        return f"{names[name]} groups have this name"
    if "\ufffd" in name:
        return "its name is not valid text"
    if not _stays_text(name):
        return "its name looks like a list or dictionary, and ansible-core before 2.19 would convert it"
    if link is None:
        return "it has several links to Azure"
    if link["azure_service"] not in ENDPOINTS:
        return "its endpoints belong to no Azure service that the role supports"
    try:
        checked_name("name", name)
        for field in _LINK_IDS:
            checked_uuid(f"link_{field}", link[field])
        if link["vault"]["uri"]:
            checked_vault_uri("vault.uri", link["vault"]["uri"], link["azure_service"])
    except InvalidInput as error:
        return error.problem
    return None


def _stays_text(text: str) -> bool:
    """Whether a template that yields this text yields a text: ansible-core before 2.19 evaluates literals."""
    if not text.startswith(("[", "{")):
        return True
    for read in (json.loads, ast.literal_eval):
        try:
            read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        return False
    return True


def _lines_of(record: Mapping[str, Any]) -> list[str]:
    """The variables of a host. Options that are omitted keep their stored values."""
    link = record["link"]
    lines = [f"cdc_setup_name: {_text(record['name'])}"]
    description = record["description"]
    # The role would remove surrounding white space.
    if description and description == description.strip() and _stays_text(description):
        lines.append(f"cdc_setup_description: {_text(description)}")
    lines += _mapping("cdc_setup_custom_metadata", record["custom_metadata"])
    lines.append(f"cdc_setup_azure_service: {_text(link['azure_service'])}")
    lines += [f"cdc_setup_link_{name}: {_text(link[name])}" for name in _LINK_IDS]
    lines += [f"# not returned by DSM: {name}" for name in _NOT_SHOWN[link["auth_mode"]]]
    if link["vault"]["uri"]:
        vault = {"uri": link["vault"]["uri"]}
        if link["vault"]["type"] in _VAULT_TYPES:
            vault["type"] = link["vault"]["type"]
        lines += _mapping("cdc_setup_vault", vault)
    return lines + _tls_lines(link["tls"])


def _tls_lines(tls: Mapping[str, Any]) -> list[str]:
    if tls["mode"] != "required":
        # The role only supports this mode, and writes it as soon as any TLS option is set.
        return [f"# unchanged: the TLS mode {yaml_text(str(tls['mode']))}"]
    lines = ["cdc_setup_tls:", f"  validate_host: {'true' if tls['validate_host'] else 'false'}"]
    if tls["ca_certificates"]:
        lines += ["  ca_certificates:", *(f"    - {_text(pem)}" for pem in tls["ca_certificates"])]
    if tls["client_certificate_sha256"]:
        lines.append("  # unchanged, because DSM does not return the key: client_certificate, client_key")
    return lines


def _mapping(variable: str, values: Mapping[str, Any]) -> list[str]:
    lines = [f"  {yaml_text(str(key))}: {_text(value)}" for key, value in values.items()]
    return [f"{variable}:", *lines] if lines else []


def _text(value: Any) -> str:
    return f"!unsafe {yaml_text(str(value))}"


def yaml_text(text: str) -> str:
    """A double-quoted scalar of YAML in one line of printable ASCII, whatever the text."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in ('"', "\\"):
        return "\\" + character
    if " " <= character <= "~":
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
