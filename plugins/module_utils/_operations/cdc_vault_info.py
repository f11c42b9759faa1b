# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The vaults that a link can see (guide 4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm.groups import link_edit
from .._dsm.groups.link_source import LinkSource
from .._dsm.link import vaults
from .._dsm.wire.client import connect
from .._errors import InvalidInput
from .._names import checked_tags, has_tags, same_name
from .._options import DSM, GROUP_SELECTION, LINK
from .._task import Task

SPEC = DSM.merge(
    GROUP_SELECTION,
    LINK,
    ArgumentSpec(
        argument_spec={
            "name": {"type": "str"},
            "type": {"type": "str", "choices": ["standard", "premium", "managed_hsm"]},
            "tags": {"type": "dict"},
        },
    ),
)


def run(task: Task) -> dict[str, Any]:
    tags = checked_tags("tags", task.params["tags"] or {})
    source = LinkSource.from_params(task.params)
    if not source.options.has_credential:
        raise InvalidInput(
            "link_client_secret",
            "it is missing; DSM lists vaults only for a link that is sent with its credential, even for a saved group",
            link_edit.CREDENTIAL_REMEDY,
        )
    with connect(task, read_only=True) as dsm:
        link, group = source.resolve(dsm, check_mode=task.check_mode)
        label = group.label if group else "the link"
        found = vaults.list_vaults(dsm, source.config_for(link), link, label)
    return {"changed": False, "vaults": [vault.record() for vault in found if _fits(vault, task.params, tags)]}


def _fits(vault: vaults.Vault, params: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    return (
        (params["name"] is None or same_name(params["name"], vault.name))
        and (params["type"] is None or params["type"] == vault.type)
        and has_tags(vault.tags, tags)
    )
