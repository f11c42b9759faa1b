# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""TEST CONNECTION (guide 4.3 step 4 and 4.6, DSM contract §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import routes
from .client import DsmClient
from .errors import DsmError


@dataclass(frozen=True)
class Connection:
    """What DSM's check said. ``words``: the server's, when it did not connect."""

    connected: bool
    words: str = ""

    @property
    def status(self) -> str:
        return "connected" if self.connected else "not_connected"


def check_stored(dsm: DsmClient, group_id: str, label: str) -> Connection:
    """Have DSM try the link as it is stored, with the credential that DSM holds."""
    return _check(dsm, routes.CHECK_GROUP, {"group_id": group_id}, {}, label)


def check_config(dsm: DsmClient, config: Mapping[str, Any], label: str) -> Connection:
    """Have DSM try a link that is not saved. ``config`` holds the credential."""
    return _check(dsm, routes.CHECK_CONFIG, {}, config, label)


def _check(dsm: DsmClient, route: str, path: Mapping[str, str], body: Mapping[str, Any], label: str) -> Connection:
    try:
        dsm.call("POST", route, path=path, body=body, obj=label)
    except DsmError as error:
        if error.is_about_caller:
            raise
        return Connection(connected=False, words=error.server_words or f"HTTP status {error.status}")
    return Connection(connected=True)
