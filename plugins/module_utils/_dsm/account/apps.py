# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The apps of DSM, and how they authenticate (guide 4.4; DSM contract §1.6, §5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..wire import routes
from ..wire.client import DsmClient
from ..wire.paging import PAGE, all_pages, items

_BY_CERTIFICATE = frozenset({"Certificate", "TrustedCa"})


@dataclass(frozen=True)
class App:
    """``auth_types``: how the app can authenticate, as DSM names it; empty if unknown. ``groups``: their IDs."""

    app_id: str
    name: str
    enabled: bool
    auth_types: tuple[str, ...]
    groups: frozenset[str]

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> App:
        told = stored.get("auth_type")
        every = stored.get("auth_type_all") if told == "All" else [told]
        return cls(
            app_id=str(stored["app_id"]),
            name=str(stored.get("name") or ""),
            enabled=stored.get("enabled") is not False,
            auth_types=tuple(sorted(str(one) for one in every or () if one)),
            groups=frozenset(stored.get("groups") or ()),
        )

    @property
    def by_certificate(self) -> bool | None:
        """Whether the app can authenticate by certificate only; None if DSM does not report it."""
        return _BY_CERTIFICATE.issuperset(self.auth_types) if self.auth_types else None


def list_all(dsm: DsmClient) -> Iterator[App]:
    """All apps that the DSM identity sees: those of the account, or of its own groups."""

    def page(offset: int) -> list[dict[str, Any]]:
        query = {"limit": PAGE, "offset": offset}
        return items(dsm.call("GET", routes.APPS, query=query, obj="apps of the account"), "apps")

    return map(App.from_stored, all_pages(page, "app_id", "apps of the account"))
