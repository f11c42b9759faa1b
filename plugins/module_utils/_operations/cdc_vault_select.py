# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The vault of a link: only its URL and type (guide 4.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._dsm import link_edit, vaults
from .._dsm.approvals import Asking
from .._dsm.client import connect
from .._dsm.external_kms import checked_vault_uri
from .._dsm.link_edit import Edit
from .._dsm.link_options import LinkOptions
from .._dsm.selection import Selection, resolve
from .._options import APPROVAL, DSM, LINK_CREDENTIAL, LINK_EDIT, ONE_GROUP, REQUIRED_VAULT, TLS_KEY
from .._task import Task

SPEC = DSM.merge(ONE_GROUP, REQUIRED_VAULT, LINK_CREDENTIAL, TLS_KEY, LINK_EDIT, APPROVAL)


def run(task: Task) -> dict[str, Any]:
    selection = Selection.from_params(task.params)
    selector = vaults.Selector.from_option(task.params["vault"])
    options = LinkOptions.from_params(task.params)
    asking = Asking.from_params(task.params)
    selector.refuse_planned(check_mode=task.check_mode)
    with connect(task, read_only=task.check_mode) as dsm:
        current = resolve(dsm, selection, check_mode=task.check_mode)
        link = options.over(current.azure_link)
        if selector.uri is not None:
            checked_vault_uri("vault.uri", selector.uri, link.azure_service)
        credential = options.credential_for(link)
        link_edit.check_same_mode(link, credential)
        vault = None
        known = selector.without_listing(link) if selector.planned else None
        if known is not None:
            link = replace(link, vault_uri=known[0], vault_type=known[1])
        elif not selector.planned and not selector.is_stored_in(link):
            config = link_edit.config_of(vaults.link_to_list_with(link, selector), credential)
            vault = vaults.choose(selector, vaults.list_vaults(dsm, config, current.label), current.label)
        target = link if vault is None else replace(link, vault_uri=vault.uri, vault_type=vault.type)
        options.check_expiry(task.warn, task.clock.now())
        edit = Edit(
            current=current,
            target=replace(current, link=target),
            credential=credential,
            is_pending=selector.planned,
            allow_move=task.params["allow_move"],
            allow_disconnect=task.params["allow_disconnect"],
            asking=asking,
        )
        result = link_edit.carry_out(dsm, edit, check_mode=task.check_mode, warn=task.warn)
    return {**result, "vault": None if vault is None else vault.record()}
