# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""References to the keys of one vault or Managed HSM in the properties of resources. Pure.

Identifiers are compared by their parts, never by their text: Azure ignores letter case in them, and shows those of a
Managed HSM also with a port (Azure contract §1.10).
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import InvalidInput, quoted
from ..._names import name_key

# Characters and lengths: learn.microsoft.com, "Azure Key Vault keys, secrets and certificates overview".
KEY_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_VERSION = re.compile(r"[0-9A-Fa-f]{32}")
# Nothing in Azure is nested deeper.
_DEEPEST = 50
_NAME, _VERSION_MEMBER = "keyname", "keyversion"


def checked_names(names: Iterable[str]) -> dict[str, str]:
    """The names of the option `names` by their comparison keys.

    Raises:
        InvalidInput: one is not the name of a key.
    """
    checked = tuple(names)
    for name in checked:
        if not KEY_NAME.fullmatch(name):
            raise InvalidInput(
                "names",
                f"{quoted(name)} is not the name of a key",
                "set names of 1 to 127 letters, digits and hyphens, without address and version",
            )
    return {name_key(name): name for name in checked}


@dataclass(frozen=True)
class Reference:
    """A key that a resource names.

    ``name``: comparison key; empty if only the vault is named. ``version``: in lower case, None for none. ``path``: the
    member that names it, such as `encryption.keyvaultproperties`.
    """

    name: str
    version: str | None
    path: tuple[str, ...]


@dataclass(frozen=True)
class Host:
    """The host of a vault or Managed HSM in lower case. Everything that names it is compared with it here."""

    name: str

    @classmethod
    def of(cls, uri: str) -> Host:
        """``uri``: the address of a vault or Managed HSM, which was checked before."""
        return cls((urllib.parse.urlsplit(uri.strip()).hostname or "").rstrip("."))

    @property
    def store(self) -> str:
        """The name of the vault or Managed HSM."""
        return self.name.partition(".")[0]

    def key_id(self, name: str) -> str:
        """The ID of a key without a version."""
        return f"https://{self.name}/keys/{name}"

    def keys_in(self, text: str) -> Iterator[tuple[str, str | None]]:
        """Name and version of each key that a text names, wherever in it.

        Also without `https://`, and in JSON that escapes slashes: a reference that is missed looks like no reference.
        """
        host, slash = rf"(?<![0-9A-Za-z.-]){re.escape(self.name)}\.?(?::443)?", r"[\\/]+"
        pattern = rf"{host}{slash}keys{slash}([0-9A-Za-z-]+)(?:{slash}([0-9A-Za-z]+))?"
        for found in re.finditer(pattern, text, re.IGNORECASE):
            version = found[2] if found[2] and _VERSION.fullmatch(found[2]) else None
            yield name_key(found[1]), name_key(version) or None

    def is_address(self, value: Any, *, bare: bool = False) -> bool:
        """Whether a value is the address of the vault itself. ``bare``: also without `https://`."""
        pattern = rf"(https://){'?' * bare}{re.escape(self.name)}\.?(?::443)?/*"
        return isinstance(value, str) and re.fullmatch(pattern, value.strip(), re.IGNORECASE) is not None


def references(properties: Any, host: Host) -> tuple[Reference, ...]:
    """The keys that properties name: by an ID, or by the address of the vault beside the name of a key.

    An address without a name that is recognized is a reference without a name. References to secrets and certificates
    are no references to keys.
    """
    return tuple(dict.fromkeys(_references(properties, host, (), 0)))


def versions_of(found: Iterable[Reference]) -> tuple[str, ...]:
    """The versions that references name, each once."""
    return tuple(dict.fromkeys(one.version for one in found if one.version))


def _references(value: Any, host: Host, path: tuple[str, ...], depth: int) -> Iterator[Reference]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        yield from _split_references(value, host, path)
        for name, inner in value.items():
            yield from _references(inner, host, (*path, str(name)), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner, host, path, depth + 1)
    elif isinstance(value, str):
        for name, version in host.keys_in(value):
            yield Reference(name, version, path)


def _split_references(value: Mapping[str, Any], host: Host, path: tuple[str, ...]) -> Iterator[Reference]:
    """A key whose address, name and version are members of their own."""
    if not any(host.is_address(one, bare=True) for one in value.values()):
        return
    members = {name_key(name): one for name, one in value.items()}
    name, version = (members.get(member) for member in (_NAME, _VERSION_MEMBER))
    if not isinstance(name, str) or not KEY_NAME.fullmatch(name.strip()):
        # A host name alone is not the address of the vault: a private endpoint has it, too.
        if not any(map(host.is_address, value.values())):
            return
        # An ID of a key beside the address says which one it is.
        if not any(isinstance(one, str) and any(host.keys_in(one)) for one in value.values()):
            yield Reference("", None, path)
        return
    is_version = isinstance(version, str) and _VERSION.fullmatch(version.strip()) is not None
    yield Reference(name_key(name.strip()), name_key(version).strip() if is_version else None, path)
