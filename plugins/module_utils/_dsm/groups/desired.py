# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A group as the options of a task describe it, with its link and its vault (guide 4.3, 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._argspec import ArgumentSpec
from ..._errors import InvalidInput, TaskError
from ..._ids import checked_uuid
from ..._options import LINK, VAULT
from ..._plan import NOT_YET_KNOWN
from ..._task import Task
from ..account.approvals import Asking
from ..link import vaults
from ..link.azure_link import NEW_LINK, Link, LinkCredential, checked_vault_uri
from ..link.connection import check_stored
from ..link.options import LinkOptions
from ..wire.client import DsmClient
from ..wire.errors import DsmError
from ..wire.kinds import KIND
from . import link_edit, stored_groups
from .link_edit import LinkEdit
from .selection import checked_name, linked
from .stored_groups import CREDENTIAL_FACT, RESERVED_PREFIX, Group

# The options of the module cdc_group that describe a group.
OPTIONS = ArgumentSpec(
    argument_spec={
        "name": {"type": "str", "aliases": ["group_name"]},
        "group_id": {"type": "str"},
        "description": {"type": "str"},
        "custom_metadata": {"type": "dict"},
        "update_credential": {
            "type": "str",
            "choices": ["on_change", "always", "on_create"],
            "default": "on_change",
        },
        # Not a credential, only whether one will exist.
        "credential_planned": {"type": "bool", "default": False, "no_log": False},
    },
    required_one_of=(("name", "group_id"),),
).merge(LINK, VAULT)


@dataclass(frozen=True)
class DesiredGroup:
    """The options, validated. None: not set, so the stored value is kept."""

    name: str | None
    group_id: str | None
    description: str | None
    custom_metadata: Mapping[str, str | None]
    link: LinkOptions
    update_credential: str
    vault: vaults.VaultSelector | None
    credential_planned: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether the link's application, or its credential, is one that a previous step has only planned."""
        return self.credential_planned or self.link.client_id == NOT_YET_KNOWN

    @property
    def label(self) -> str:
        return f'group "{self.name}"' if self.name else f"group {self.group_id}"


def wanted_from(params: Mapping[str, Any]) -> DesiredGroup:
    """The options of a group, checked.

    Raises:
        InvalidInput: a value is not valid.
    """
    return DesiredGroup(
        name=checked_name("name", params["name"]) if params["name"] is not None else None,
        group_id=checked_uuid("group_id", params["group_id"]) if params["group_id"] is not None else None,
        description=params["description"],
        custom_metadata=_checked_metadata(params["custom_metadata"] or {}),
        link=LinkOptions.from_params(params),
        update_credential=params["update_credential"],
        vault=vaults.VaultSelector.from_option(params["vault"]) if params["vault"] else None,
        credential_planned=bool(params.get("credential_planned")),
    )


def _checked_metadata(given: Mapping[str, Any]) -> dict[str, str | None]:
    metadata: dict[str, str | None] = {}
    for key, value in given.items():
        option = f"custom_metadata.{key}"
        if str(key).startswith(RESERVED_PREFIX):
            raise InvalidInput(option, f"keys that begin with {RESERVED_PREFIX} are reserved", "choose another key")
        if isinstance(value, (dict, list)):
            raise InvalidInput(
                option, "it is not a string", "set a string; DSM's custom metadata contains strings only"
            )
        metadata[str(key)] = str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
    return metadata


def find(dsm: DsmClient, wanted: DesiredGroup, *, thorough: bool, creates: bool = False) -> Group | None:
    """The group that the options name. ``thorough``: it should exist. ``creates``: only its creation may follow.

    Raises:
        TaskError: it has no Azure link, or no group with this ID exists.
    """
    if wanted.group_id:
        stored = stored_groups.get(dsm, wanted.group_id)
        if stored is None and thorough:
            raise TaskError(
                "no group with this ID exists, and DSM assigns the IDs of new groups itself",
                plane="DSM",
                obj=f"group {wanted.group_id}",
                next_step="correct group_id, or omit it and set name to create the group",
            )
    else:
        stored = stored_groups.find_by_name(dsm, str(wanted.name), thorough=thorough, creates=creates)
    return linked(Group.from_stored(stored)) if stored is not None else None


def make(
    dsm: DsmClient,
    task: Task,
    current: Group | None,
    wanted: DesiredGroup,
    asking: Asking,
    before_write: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Create or change the group; the result of the module. Of the task, only the safeguards and the mode are used."""
    target = target_of(current, wanted)
    link = target.azure_link
    credential = wanted.link.credential_for(link)
    if wanted.vault is not None:
        # A link that cannot authenticate yet lists no vaults.
        selector = replace(wanted.vault, planned=wanted.vault.planned or wanted.is_pending)
        target = replace(target, link=_with_vault(dsm, task, target, link, selector, credential))
    edit = LinkEdit(
        current=current,
        target=target,
        credential=credential,
        is_pending=wanted.is_pending or (wanted.vault is not None and wanted.vault.planned),
        write_credential=_is_to_write(dsm, wanted, current, credential),
        allow_move=task.params["allow_move"],
        allow_disconnect=task.params["allow_disconnect"],
        asking=asking,
    )
    wanted.link.check_expiry(task.warn, task.clock.now())
    return link_edit.carry_out(dsm, edit, check_mode=task.check_mode, warn=task.warn, before_write=before_write)


def target_of(current: Group | None, wanted: DesiredGroup) -> Group:
    """The group as the options describe it, without the vault. What they do not set is kept."""
    base = current or Group(name=str(wanted.name), external_kms=KIND)
    merged = {**base.custom_metadata, **wanted.custom_metadata}
    return replace(
        base,
        name=wanted.name or base.name,
        description=base.description if wanted.description is None else wanted.description.strip(),
        custom_metadata={key: value for key, value in merged.items() if value is not None},
        link=wanted.link.over(base.link or NEW_LINK),
    )


def _with_vault(
    dsm: DsmClient,
    task: Task,
    target: Group,
    link: Link,
    selector: vaults.VaultSelector,
    credential: LinkCredential | None,
) -> Link:
    """The link with the requested vault. Sends no request if the link already has it."""
    if selector.uri is not None:
        checked_vault_uri("vault.uri", selector.uri, link.azure_service)
    if selector.is_stored_in(link):
        return link
    if selector.planned:
        known = selector.without_listing(link)
        return replace(link, vault_uri=known[0], vault_type=known[1]) if known else link
    if credential is None:
        raise InvalidInput(
            "link_client_secret",
            "it is missing; DSM lists vaults only for a link that is sent with its credential, which is therefore "
            "required to choose another vault",
            link_edit.CREDENTIAL_REMEDY,
        )
    config = link_edit.config_of(vaults.link_to_list_with(link, selector), credential)
    try:
        seen = vaults.list_vaults(dsm, config, link, target.label)
    except DsmError as error:
        if error.is_about_caller and not _is_azures(error):
            raise
        return _with_unseen_vault(task, target, link, selector, error)
    vault = vaults.choose(selector, seen, target.label)
    return replace(link, vault_uri=vault.uri, vault_type=vault.type)


def _is_azures(error: DsmError) -> bool:
    """Whether DSM has only passed on a response of Azure."""
    # Imported here: the table behind it takes tens of milliseconds to import, and few tasks need it.
    from ..link.diagnosis import is_of_azure

    return is_of_azure(error.words, error.status)


def _with_unseen_vault(task: Task, target: Group, link: Link, selector: vaults.VaultSelector, error: DsmError) -> Link:
    """The link of a group that is not connected yet: saving it does not need a connection (guide 4.6)."""
    known = selector.without_listing(link)
    if known is None:
        found = error.details.get("diagnosis")
        first = "fix the cause in the error text" if found is None else error.next_step
        raise TaskError(
            "the link does not connect, so DSM cannot list its vaults"
            + ("" if found is None else f": {error.problem}"),
            plane="Azure" if found is None else error.plane,
            obj=f"vault of {target.label}",
            server_words=error.words,
            next_step=f"{first}; or set vault.name or vault.uri, and vault.type, which are saved unchecked while the "
            "link does not connect",
            **({} if found is None else {"diagnosis": found}),
        )
    task.warn(f"The vault of {target.label} was not checked, because the link does not connect: {error.server_words}")
    return replace(link, vault_uri=known[0], vault_type=known[1])


def _is_to_write(
    dsm: DsmClient, wanted: DesiredGroup, current: Group | None, credential: LinkCredential | None
) -> bool:
    """Whether the credential must be written even if nothing else changes. A planned one was never written before.

    Without a record of the last written credential it is unknown which one DSM holds. A link that connects is then not
    changed, so that a second run writes nothing even if DSM stores no record.
    """
    policy = wanted.update_credential
    if current is None or policy == "on_create":
        return False
    if credential is None:
        return wanted.credential_planned
    if policy == "always":
        return True
    recorded = current.custom_metadata.get(CREDENTIAL_FACT)
    if recorded is not None:
        return recorded != credential.fact
    return not check_stored(dsm, str(current.group_id), current.label).connected
