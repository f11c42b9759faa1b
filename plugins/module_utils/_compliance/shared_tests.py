# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Connection tests that groups with the same link share, if the user allows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any

from .._dsm.groups.stored_groups import CREDENTIAL_FACT, Group
from .._dsm.link.connection import ConnectionTest

# The members of a stored link that are compared in their normal form, or that contain the credential.
_COMPARED = frozenset(
    [
        "auth_config",
        "client_id",
        "endpoints",
        "key_vault_type",
        "secret_key",
        "subscription_id",
        "tenant_id",
        "tls",
        "url",
    ]
)


def link_key(group: Group) -> Hashable | None:
    """Equal for groups whose links are the same in everything that DSM uses to connect; None if that is not known.

    DSM does not return the credential, so the record of the last write must identify it.
    """
    link, credential = group.azure_link, group.custom_metadata.get(CREDENTIAL_FACT)
    if credential is None or link.auth_mode is None:
        return None
    tls = link.tls
    of_server = [
        (link.stored or {}).get("endpoints"),
        tls.foreign,
        {name: value for name, value in (link.stored or {}).items() if name not in _COMPARED},
        ((link.stored or {}).get("auth_config") or {}).get("client_cert"),
    ]
    return (
        link.azure_service,
        link.tenant_id,
        link.client_id,
        link.subscription_id,
        link.auth_mode,
        link.vault_uri,
        link.vault_type,
        (tls.mode, tls.validate_host, tls.ca, tls.ca_sha256, tls.client_certificate_sha256),
        credential,
        json.dumps(of_server, sort_keys=True, default=str),
    )


class SharedTests:
    """For all threads of a run. Only a success is shared: a group fails, or is unknown, only by a test of its own."""

    def __init__(self) -> None:
        # Tested links, with the group whose test succeeded; None if each group has to be tested itself.
        self._tested: dict[Hashable, Group | None] = {}
        self._testing: dict[Hashable, Lock] = {}
        self._guard = Lock()

    def result(self, group: Group, test: Callable[[], ConnectionTest]) -> tuple[ConnectionTest, Group]:
        """The result, and the group that was tested: this one, or one with the same link.

        Raises:
            TaskError: the test of this group could not be run.
        """
        key = link_key(group)
        if key is None:
            return test(), group
        with self._guard:
            testing = self._testing.setdefault(key, Lock())
        with testing:
            if key not in self._tested:
                self._tested[key] = None
                found = test()
                if found.connected:
                    self._tested[key] = group
                return found, group
            connected = self._tested[key]
        if connected is not None:
            return ConnectionTest(connected=True), connected
        # Without the lock, so that the groups of a failing link are tested in parallel.
        return test(), group


def record_of(tested: Group) -> Mapping[str, Any]:
    return {"group_id": tested.group_id, "name": tested.name}
