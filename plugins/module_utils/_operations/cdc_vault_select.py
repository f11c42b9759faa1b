# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The vault of a link: its URL and type (guide 4.5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .._dsm.account.approvals import Asking
from .._dsm.groups import link_edit
from .._dsm.groups.link_edit import LinkEdit
from .._dsm.groups.selection import Selection, resolve
from .._dsm.groups.stored_groups import Group
from .._dsm.link import vaults
from .._dsm.link.azure_link import checked_vault_uri
from .._dsm.link.options import LinkOptions
from .._dsm.wire.client import DsmClient, connect
from .._options import APPROVAL, DSM, LINK_CREDENTIAL, LINK_EDIT, ONE_GROUP, REQUIRED_VAULT, TLS_KEY
from .._task import Task

SPEC = DSM.merge(ONE_GROUP, REQUIRED_VAULT, LINK_CREDENTIAL, TLS_KEY, LINK_EDIT, APPROVAL)


@dataclass(frozen=True)
class DesiredSelection:
    """The options, checked."""

    selection: Selection
    selector: vaults.VaultSelector
    link: LinkOptions
    asking: Asking


def run(task: Task) -> dict[str, Any]:
    wanted = options_of(task)
    with connect(task, read_only=task.check_mode) as dsm:
        return run_with(task, wanted, dsm)


def options_of(task: Task) -> DesiredSelection:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is not valid.
    """
    wanted = DesiredSelection(
        Selection.from_params(task.params),
        vaults.VaultSelector.from_option(task.params["vault"]),
        LinkOptions.from_params(task.params),
        Asking.from_params(task.params),
    )
    wanted.selector.refuse_planned(check_mode=task.check_mode)
    return wanted


def run_with(task: Task, wanted: DesiredSelection, dsm: DsmClient, known: Group | None = None) -> dict[str, Any]:
    """The work of :func:`run`, with options that were checked and this client.

    Args:
        known: the group as the caller has just read it. It is read again before anything is written.
    """
    selector, options = wanted.selector, wanted.link
    current = known or resolve(dsm, wanted.selection, check_mode=task.check_mode)
    link = options.over(current.azure_link)
    if known is not None and not selector.planned and not selector.is_stored_in(link):
        return run_with(task, wanted, dsm)
    if selector.uri is not None:
        checked_vault_uri("vault.uri", selector.uri, link.azure_service)
    credential = options.credential_for(link)
    link_edit.check_same_mode(link, credential)
    vault = None
    foreseen = selector.without_listing(link) if selector.planned else None
    if foreseen is not None:
        link = replace(link, vault_uri=foreseen[0], vault_type=foreseen[1])
    elif not selector.planned and not selector.is_stored_in(link):
        config = link_edit.config_of(vaults.link_to_list_with(link, selector), credential)
        vault = vaults.choose(selector, vaults.list_vaults(dsm, config, link, current.label), current.label)
    target = link if vault is None else replace(link, vault_uri=vault.uri, vault_type=vault.type)
    options.check_expiry(task.warn, task.clock.now())
    edit = LinkEdit(
        current=current,
        target=replace(current, link=target),
        credential=credential,
        is_pending=selector.planned,
        allow_move=task.params["allow_move"],
        allow_disconnect=task.params["allow_disconnect"],
        asking=wanted.asking,
    )
    result = link_edit.carry_out(dsm, edit, check_mode=task.check_mode, warn=task.warn)
    return {**result, "vault": None if vault is None else vault.record()}
