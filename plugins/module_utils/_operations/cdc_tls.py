# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The TLS configuration of a link (guide 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.account.approvals import Asking
from .._dsm.groups import link_edit
from .._dsm.groups.link_edit import LinkEdit
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.link.options import LinkOptions
from .._dsm.link.tls import SAFE_SETTINGS
from .._dsm.link.tls_options import NAMES, NO_TLS_OPTIONS, TlsOptions
from .._dsm.wire.client import DsmClient, connect
from .._errors import InvalidInput
from .._options import ALLOW_DISCONNECT, APPROVAL, DSM, LINK_CREDENTIAL, ONE_GROUP, TLS_OPTIONS
from .._task import Task

SPEC = DSM.merge(
    ONE_GROUP,
    ArgumentSpec(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **TLS_OPTIONS,
        },
    ),
    LINK_CREDENTIAL,
    ALLOW_DISCONNECT,
    APPROVAL,
)


@dataclass(frozen=True)
class DesiredTls:
    """The options, checked. ``link``: with the new TLS options."""

    selection: Selection
    link: LinkOptions
    absent: bool
    asking: Asking


def run(task: Task) -> dict[str, Any]:
    wanted = options_of(task)
    with connect(task, read_only=task.check_mode) as dsm:
        return run_with(task, wanted, dsm)


def options_of(task: Task) -> DesiredTls:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is not valid.
    """
    selection = Selection.from_params(task.params)
    tls = TlsOptions.from_params(task.params)
    absent = task.params["state"] == "absent"
    if absent and tls != NO_TLS_OPTIONS:
        given = [name for name in NAMES if task.params[name] is not None]
        raise InvalidInput(
            given[0], "it is set together with state: absent", "omit all TLS options to remove the TLS configuration"
        )
    options = replace(LinkOptions.from_params(task.params), tls=tls)
    return DesiredTls(selection, options, absent, Asking.from_params(task.params))


def run_with(task: Task, wanted: DesiredTls, dsm: DsmClient, known: Group | None = None) -> dict[str, Any]:
    """The work of :func:`run`, with options that were checked and this client.

    Args:
        known: the group as the caller has just read it. It is read again before anything is written.
    """
    current = known or resolve(dsm, wanted.selection, check_mode=task.check_mode)
    link = current.azure_link
    tls = SAFE_SETTINGS if wanted.absent else wanted.link.tls.over(link.tls)
    if known is not None and tls != link.tls:
        return run_with(task, wanted, dsm)
    target = link if tls == link.tls else replace(link, tls=tls)
    credential = wanted.link.credential_for(target)
    link_edit.check_same_mode(link, credential)
    wanted.link.check_expiry(task.warn, task.clock.now())
    edit = LinkEdit(
        current=current,
        target=replace(current, link=target),
        credential=credential,
        allow_disconnect=task.params["allow_disconnect"],
        asking=wanted.asking,
    )
    return link_edit.carry_out(dsm, edit, check_mode=task.check_mode, warn=task.warn)
