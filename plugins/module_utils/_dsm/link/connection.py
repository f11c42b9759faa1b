# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""TEST CONNECTION (guide 4.3 step 4 and 4.6, DSM contract §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import TaskError, quotable
from ..._rest.statuses import INTERNAL_SERVER_ERROR
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import ApprovalRequired, DsmError


@dataclass(frozen=True)
class ConnectionTest:
    """The result of DSM's test. If it failed: the quotable error text, the complete response, and its HTTP status."""

    connected: bool
    words: str = ""
    answer: str = ""
    http_status: int | None = None

    @property
    def status(self) -> str:
        return "connected" if self.connected else "not_connected"


def check_stored(dsm: DsmClient, group_id: str, label: str) -> ConnectionTest:
    """Have DSM test the stored link, with the credential that DSM holds."""
    return _check(dsm, routes.CHECK_GROUP, {"group_id": group_id}, {}, label)


def check_config(dsm: DsmClient, config: Mapping[str, Any], label: str) -> ConnectionTest:
    """Have DSM test a link that is not saved. ``config`` contains the credential."""
    return _check(dsm, routes.CHECK_CONFIG, {}, config, label)


def _check(dsm: DsmClient, route: str, path: Mapping[str, str], body: Mapping[str, Any], label: str) -> ConnectionTest:
    try:
        dsm.call("POST", route, path=path, body=body, obj=label)
    except DsmError as error:
        refused = error
    else:
        return ConnectionTest(connected=True)
    if refused.is_about_caller and not _is_handed_through(dsm, refused, path, label):
        raise refused
    if refused.status >= INTERNAL_SERVER_ERROR and not _tells_of_azure(refused):
        # An outage of DSM, or a page of a gateway in front of it, says nothing about the link.
        raise refused
    answer = refused.words or f"HTTP status {refused.status}"
    return ConnectionTest(False, quotable(answer), answer, refused.status)


def _is_handed_through(dsm: DsmClient, refused: DsmError, path: Mapping[str, str], label: str) -> bool:
    """Whether DSM's 401, 403, 404 or 429 is Azure's response to DSM, and not DSM's response to this client.

    It is not Azure's if the error text is DSM's own. If the text is Azure's, a read with the same DSM credentials must
    succeed as well, which shows that DSM accepts them.
    """
    if isinstance(refused, ApprovalRequired) or not _tells_of_azure(refused):
        return False
    try:
        if path:
            dsm.call("GET", routes.GROUP, path=path, obj=label)
        else:
            dsm.call("GET", routes.GROUPS, query={"limit": 1}, obj=label)
    except TaskError:
        return False
    return True


def _tells_of_azure(refused: DsmError) -> bool:
    """Whether the error text is about Azure, or the way to it, and not about DSM."""
    # Imported here: the table behind it takes tens of milliseconds to import, and few tasks need it.
    from .diagnosis import is_of_azure

    return is_of_azure(refused.words, refused.status)
