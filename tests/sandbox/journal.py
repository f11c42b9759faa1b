# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: what was asked of which plane, by whom, and what came of it. Never a body, never a secret."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Plane = Literal["dsm", "entra", "arm", "vault", "graph"]
Kind = Literal["read", "write", "login"]

# POSTs that change nothing, and log-ins. The sandbox's own judgement from the reference, not the client's table.
_KINDS: dict[tuple[str, str, str], Kind] = {
    ("dsm", "POST", "/sys/v1/session/auth"): "login",
    ("dsm", "POST", "/sys/v1/session/select_account"): "login",
    ("dsm", "POST", "/sys/v1/session/refresh"): "login",
    ("dsm", "POST", "/sys/v1/session/reauth"): "login",
    ("dsm", "POST", "/sys/v1/session/terminate"): "login",
    ("dsm", "POST", "/sys/v1/groups/hmg/check"): "read",
    ("dsm", "POST", "/sys/v1/groups/{group_id}/hmg/check"): "read",
    ("dsm", "POST", "/sys/v1/groups/hmg/azure_vaults"): "read",
    ("dsm", "POST", "/crypto/v1/keys/info"): "read",
    ("entra", "POST", "/{tenant}/oauth2/v2.0/token"): "login",
    ("arm", "POST", "/subscriptions/{subscription}/providers/Microsoft.KeyVault/checkNameAvailability"): "read",
    ("arm", "POST", "/subscriptions/{subscription}/providers/Microsoft.KeyVault/checkMhsmNameAvailability"): "read",
    ("graph", "POST", "/v1.0/directoryObjects/getByIds"): "read",
    ("arm", "POST", "/providers/Microsoft.ResourceGraph/resources"): "read",
    ("graph", "POST", "/v1.0/servicePrincipals/{id}/checkMemberGroups"): "read",
    ("graph", "POST", "/v1.0/servicePrincipals(appId='{app_id}')/checkMemberGroups"): "read",
}

# Query values that may be shown; of all other parameters only the name is kept.
_SHOWN_PARAMETERS = frozenset(
    {
        "api-version",
        "limit",
        "offset",
        "filter",
        "sort",
        "sort_by",
        "start",
        "previous_id",
        "previous_sort_value",
        "continuation_token",
        "group_id",
        "acct_id",
        "name",
        "state",
        "obj_type",
        "show_destroyed",
        "show_deleted",
        "with_metadata",
        "with_groups",
        "maxresults",
        "$top",
        "$select",
        "$filter",
        "$skiptoken",
        "$skipToken",
    }
)


@dataclass(frozen=True)
class Entry:
    """One answered request."""

    number: int
    time: float
    plane: str
    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    route: str
    principal: str
    status: int
    kind: str
    duration: float
    origin: str

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "query": [list(pair) for pair in self.query]}


def kind_of(plane: str, method: str, route: str) -> Kind:
    """What a request does to the world. A request that is neither a plain read nor listed counts as a write."""
    listed = _KINDS.get((plane, method, route))
    if listed:
        return listed
    return "read" if method in ("GET", "HEAD", "OPTIONS") else "write"


def shown_query(parameters: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The query parameters with all values blanked that are not on the allow-list."""
    return tuple((name, value if name in _SHOWN_PARAMETERS else "…") for name, value in parameters)


class Journal:
    """An append-only list that any thread may read."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def record(self, facts: Mapping[str, Any]) -> None:
        """Append one entry; the number is given here so that numbers follow the order of the answers."""
        with self._lock:
            self._entries.append(Entry(number=len(self._entries) + 1, **facts))

    def mark(self) -> int:
        """A position to be handed to `since` later."""
        with self._lock:
            return len(self._entries)

    def since(self, mark: int = 0) -> list[Entry]:
        with self._lock:
            return self._entries[mark:]

    def requests(self, since: int = 0, plane: str | None = None, route: str | None = None) -> list[Entry]:
        """Entries after a mark, of one plane and one route template if asked for."""
        return [
            entry
            for entry in self.since(since)
            if (plane is None or entry.plane == plane) and (route is None or entry.route == route)
        ]

    def writes(self, since: int = 0, plane: str | None = None) -> list[Entry]:
        """Entries after a mark that tried to change something, refused ones included."""
        return [entry for entry in self.requests(since, plane) if entry.kind == "write"]
