# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The TLS configuration of a link, and nothing else (guide 4.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm import link_edit
from .._dsm.approvals import Asking
from .._dsm.client import connect
from .._dsm.link_edit import Edit
from .._dsm.link_options import LinkOptions
from .._dsm.selection import Selection, resolve
from .._dsm.tls import SAFE_SETTINGS
from .._dsm.tls_options import NAMES, NO_TLS_OPTIONS, TlsOptions
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


def run(task: Task) -> dict[str, Any]:
    selection = Selection.from_params(task.params)
    tls = TlsOptions.from_params(task.params)
    absent = task.params["state"] == "absent"
    if absent and tls != NO_TLS_OPTIONS:
        given = [name for name in NAMES if task.params[name] is not None]
        raise InvalidInput(
            given[0], "it is set together with state: absent", "leave out all TLS options to remove them"
        )
    asking = Asking.from_params(task.params)
    options = replace(LinkOptions.from_params(task.params), tls=tls)
    with connect(task, read_only=task.check_mode) as dsm:
        current = resolve(dsm, selection, check_mode=task.check_mode)
        link = current.azure_link
        wanted = SAFE_SETTINGS if absent else tls.over(link.tls)
        target = link if wanted == link.tls else replace(link, tls=wanted)
        credential = options.credential_for(target)
        link_edit.check_same_mode(link, credential)
        options.check_expiry(task.warn, task.clock.now())
        edit = Edit(
            current=current,
            target=replace(current, link=target),
            credential=credential,
            allow_disconnect=task.params["allow_disconnect"],
            asking=asking,
        )
        return link_edit.carry_out(dsm, edit, check_mode=task.check_mode, warn=task.warn)
