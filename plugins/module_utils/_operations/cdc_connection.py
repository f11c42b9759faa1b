# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""TEST CONNECTION, of a saved link or before saving (guide 4.3 step 4, 4.6)."""

from __future__ import annotations

from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.client import DsmClient, connect
from .._dsm.connection import Connection, check_config, check_stored
from .._dsm.external_kms import Link
from .._dsm.groups import Group
from .._dsm.link_source import LinkSource
from .._errors import InvalidInput, TaskError
from .._options import DSM, GROUP_SELECTION, LINK
from .._task import Task

SPEC = DSM.merge(
    GROUP_SELECTION,
    LINK,
    ArgumentSpec(
        argument_spec={
            "on_not_connected": {"type": "str", "choices": ["fail", "warn", "ignore"], "default": "fail"},
        },
    ),
)


def run(task: Task) -> dict[str, Any]:
    source = LinkSource.from_params(task.params)
    with connect(task, read_only=True) as dsm:
        link, group = source.resolve(dsm, check_mode=task.check_mode)
        label = f"link of {group.label}" if group else f"link of application {link.client_id}"
        form = "stored" if source.is_stored and group and not group.planned else "proposed"
        connection = _connection(dsm, source, link, group, label, form)
    if connection is not None and not connection.connected:
        _report(task, connection, label, form)
    return _result(connection, group, label, form)


def _connection(
    dsm: DsmClient, source: LinkSource, link: Link, group: Group | None, label: str, form: str
) -> Connection | None:
    """DSM's answer; None for a planned link whose credential was not given here."""
    if form == "stored" and group is not None:
        return check_stored(dsm, str(group.group_id), label)
    credential = source.options.credential_for(link)
    if credential is not None:
        return check_config(dsm, link.build(credential), label)
    if group is not None and group.planned:
        return None
    raise InvalidInput(
        "link_client_secret",
        "it is missing; a link that is not stored like this can only be tried together with its credential",
        "set it, or leave out all link options to try the link as it is stored",
    )


def _report(task: Task, connection: Connection, label: str, form: str) -> None:
    reaction = task.params["on_not_connected"]
    if reaction == "fail":
        raise TaskError(
            f"DSM does not connect to Azure with the {form} link",
            plane="Azure",
            obj=label,
            server_words=connection.words,
            next_step="correct what the server names and run again; what is saved stays saved, and "
            "on_not_connected: warn lets the play go on",
            connected=False,
            status=connection.status,
        )
    if reaction == "warn":
        task.warn(f"Not connected, {label}: {connection.words}")


def _result(connection: Connection | None, group: Group | None, label: str, form: str) -> dict[str, Any]:
    return {
        "changed": False,
        "connected": connection.connected if connection else None,
        "status": connection.status if connection else "unknown",
        "message": connection.words if connection else "",
        "form": form,
        # What DSM tried in its check is not public (DSM contract §7, Q36), so this is all that can be said.
        "proves": ["dsm_check"] if connection and connection.connected else [],
        "waits_for": None if connection else f"{label}, which a previous step has only planned",
        "group": group.record(exists=group.group_id is not None) if group else None,
    }
