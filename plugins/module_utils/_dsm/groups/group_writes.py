# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The requests that create, change and delete a group (DSM contract §2.4). No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..account.approval_requests import GuardedOperation
from ..wire import routes
from .stored_groups import Group


def creation(wanted: Group, config: Mapping[str, Any], credential_fact: str | None) -> GuardedOperation:
    """A new group with a link. ``config``: the complete link, with secrets."""
    body: dict[str, Any] = {"name": wanted.name, "add_hmg": [config]}
    if wanted.description:
        body["description"] = wanted.description
    if wanted.custom_metadata:
        body["custom_metadata"] = dict(wanted.custom_metadata)
    return GuardedOperation(
        "POST", routes.GROUPS, wanted.label, "new group", body=body, name=wanted.name, credential_fact=credential_fact
    )


def update(
    current: Group, wanted: Group, config: Mapping[str, Any] | None, credential_fact: str | None, summary: str
) -> GuardedOperation:
    """Only the changes: DSM does not change omitted fields. ``config``: None if the link is not sent."""
    body: dict[str, Any] = {}
    if wanted.name != current.name:
        body["name"] = wanted.name
    if wanted.description != current.description:
        body["description"] = wanted.description
    if wanted.custom_metadata != current.custom_metadata:
        body["custom_metadata"] = dict(wanted.custom_metadata)
    if config is not None:
        body["mod_hmg"] = {current.azure_link.hmg_id: config}
    return GuardedOperation(
        "PATCH",
        routes.GROUP,
        current.label,
        summary,
        path={"group_id": str(current.group_id)},
        body=body,
        credential_fact=credential_fact,
    )


def deletion(current: Group) -> GuardedOperation:
    return GuardedOperation(
        "DELETE", routes.GROUP, current.label, "deletion of the group", path={"group_id": str(current.group_id)}
    )
