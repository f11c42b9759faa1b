# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The group and its Azure link as one object (guide 4.3, 4.6, 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._argspec import ArgumentSpec
from .._dsm import approvals, group_writes, groups, link_edit, vaults
from .._dsm.approvals import Approval, Asking
from .._dsm.client import DsmClient, connect
from .._dsm.connection import check_stored
from .._dsm.errors import DsmError
from .._dsm.external_kms import KIND, NEW_LINK, Credential, Link, checked_vault_uri
from .._dsm.groups import CREDENTIAL_FACT, RESERVED_PREFIX, Group
from .._dsm.link_edit import Edit
from .._dsm.link_options import LinkOptions
from .._dsm.selection import checked_name, linked
from .._errors import InvalidInput, TaskError
from .._ids import checked_uuid
from .._options import APPROVAL, DSM, LINK, LINK_EDIT, VAULT
from .._plan import NOT_YET_KNOWN, Change, Plan, refuse_planned
from .._task import Task

SPEC = DSM.merge(
    ArgumentSpec(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str"},
            "group_id": {"type": "str"},
            "description": {"type": "str"},
            "custom_metadata": {"type": "dict"},
            "update_credential": {
                "type": "str",
                "choices": ["on_change", "always", "on_create"],
                "default": "on_change",
            },
            # Not a credential, only whether one is going to be there.
            "credential_planned": {"type": "bool", "default": False, "no_log": False},
        },
        required_one_of=(("name", "group_id"),),
    ),
    LINK,
    VAULT,
    LINK_EDIT,
    APPROVAL,
)

_NEEDED_TO_CREATE = ("name", "link_tenant_id", "link_client_id", "link_subscription_id")


@dataclass(frozen=True)
class Wanted:
    """The options, validated. None: not set, so what is stored stays."""

    name: str | None
    group_id: str | None
    description: str | None
    custom_metadata: Mapping[str, str | None]
    link: LinkOptions
    update_credential: str
    vault: vaults.Selector | None
    credential_planned: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether the link's application, or its credential, is one that a previous step has only planned."""
        return self.credential_planned or self.link.client_id == NOT_YET_KNOWN

    @property
    def label(self) -> str:
        return f'group "{self.name}"' if self.name else f"group {self.group_id}"


def run(task: Task) -> dict[str, Any]:
    wanted = options_of(task)
    with connect(task, read_only=task.check_mode) as dsm:
        return run_with(task, wanted, dsm)


def options_of(task: Task) -> Wanted:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them cannot be right.
    """
    wanted = wanted_from(task.params)
    Asking.from_params(task.params)
    if wanted.vault is not None:
        wanted.vault.refuse_planned(check_mode=task.check_mode)
    if not task.check_mode:
        credential, step = "the credential of the link", "registers the credential"
        refuse_planned("credential_planned", wanted.credential_planned, credential, step)
    if wanted.is_pending and not task.check_mode:
        raise InvalidInput(
            "link_client_id",
            "it stands for an application that is not made yet, which only check mode plans with",
            "run the task that makes the application first, and give the ID that it returns",
        )
    return wanted


def run_with(task: Task, wanted: Wanted, dsm: DsmClient, known: Group | None = None) -> dict[str, Any]:
    """The work of :func:`run`, with options that were checked and this client.

    Args:
        known: the group as the caller has just read it. It is read again before anything is written.
    """
    asking = Asking.from_params(task.params)
    if known is not None and _is_settled(known, wanted):
        return make(dsm, task, known, wanted, asking)
    if task.params["state"] == "absent":
        return _remove(dsm, task, find(dsm, wanted, thorough=False), asking)
    missing = missing_to_create(task.params, wanted)
    current = find(dsm, wanted, thorough=True, creates=not missing and not task.check_mode)
    if current is None and missing:
        raise incomplete(wanted, missing)
    return make(dsm, task, current, wanted, asking)


def incomplete(wanted: Wanted, missing: list[str]) -> InvalidInput:
    """Why a group cannot be created. ``missing``: of :func:`missing_to_create`."""
    return InvalidInput(
        missing[0],
        f"{wanted.label} does not exist, and to create it these are missing: {', '.join(missing)}",
        "set them, or correct the name if the group is meant to exist",
    )


def _is_settled(current: Group, wanted: Wanted) -> bool:
    """Whether there is nothing to write, as far as can be known without any request. Where it cannot, it is false."""
    target = target_of(current, wanted)
    link, vault = target.azure_link, wanted.vault
    if wanted.is_pending or (vault is not None and (vault.planned or not vault.is_stored_in(link))):
        return False
    if not link.same_as(current.azure_link) or target.view() != current.view():
        return False
    credential = wanted.link.credential_for(link)
    if credential is None or wanted.update_credential == "on_create":
        return True
    recorded = current.custom_metadata.get(CREDENTIAL_FACT)
    return wanted.update_credential == "on_change" and recorded is not None and recorded == credential.fact


def wanted_from(params: Mapping[str, Any]) -> Wanted:
    """The options of a group, checked.

    Raises:
        InvalidInput: a value that cannot be right.
    """
    return Wanted(
        name=checked_name("name", params["name"]) if params["name"] is not None else None,
        group_id=checked_uuid("group_id", params["group_id"]) if params["group_id"] is not None else None,
        description=params["description"],
        custom_metadata=_checked_metadata(params["custom_metadata"] or {}),
        link=LinkOptions.from_params(params),
        update_credential=params["update_credential"],
        vault=vaults.Selector.from_option(params["vault"]) if params["vault"] else None,
        credential_planned=bool(params.get("credential_planned")),
    )


def _checked_metadata(given: Mapping[str, Any]) -> dict[str, str | None]:
    metadata: dict[str, str | None] = {}
    for key, value in given.items():
        option = f"custom_metadata.{key}"
        if str(key).startswith(RESERVED_PREFIX):
            raise InvalidInput(option, f"keys that begin with {RESERVED_PREFIX} are reserved", "choose another key")
        if isinstance(value, (dict, list)):
            raise InvalidInput(option, "it is not text", "give a text; DSM's custom metadata maps text to text")
        metadata[str(key)] = str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
    return metadata


def find(dsm: DsmClient, wanted: Wanted, *, thorough: bool, creates: bool = False) -> Group | None:
    """The group that is meant. ``thorough``: it is wanted to be there. ``creates``: nothing but its creation follows.

    Raises:
        TaskError: it has no Azure link, or there is none with this ID.
    """
    if wanted.group_id:
        stored = groups.get(dsm, wanted.group_id)
        if stored is None and thorough:
            raise TaskError(
                "there is no group with this ID, and DSM assigns the IDs of new groups itself",
                plane="DSM",
                obj=f"group {wanted.group_id}",
                next_step="correct group_id, or leave it out to create the group by its name",
            )
    else:
        stored = groups.find_by_name(dsm, str(wanted.name), thorough=thorough, creates=creates)
    return linked(Group.from_stored(stored)) if stored is not None else None


def missing_to_create(params: Mapping[str, Any], wanted: Wanted) -> list[str]:
    """The options without which the group cannot be created, by name."""
    missing = [option for option in _NEEDED_TO_CREATE if params[option] is None]
    return missing + (
        [] if wanted.link.has_credential or wanted.is_pending else ["link_client_secret or link_certificate"]
    )


def make(
    dsm: DsmClient,
    task: Task,
    current: Group | None,
    wanted: Wanted,
    asking: Asking,
    before_write: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Create or change the group; the result of the module. Of the task, only the guards and the mode are used."""
    target = target_of(current, wanted)
    link = target.azure_link
    credential = wanted.link.credential_for(link)
    if wanted.vault is not None:
        # A link that cannot log in yet lists no vaults.
        selector = replace(wanted.vault, planned=wanted.vault.planned or wanted.is_pending)
        target = replace(target, link=_with_vault(dsm, task, target, link, selector, credential))
    edit = Edit(
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


def target_of(current: Group | None, wanted: Wanted) -> Group:
    """The group as the options want it, the vault aside; what they do not name stays as it is."""
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
    dsm: DsmClient, task: Task, target: Group, link: Link, selector: vaults.Selector, credential: Credential | None
) -> Link:
    """The link with the chosen vault. No request when it has that already."""
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
            "it is missing; DSM lists vaults only for a link that is sent with its credential, and to choose another "
            "vault it has to be sent again",
            link_edit.CREDENTIAL_REMEDY,
        )
    config = link_edit.config_of(vaults.link_to_list_with(link, selector), credential)
    try:
        seen = vaults.list_vaults(dsm, config, target.label)
    except DsmError as error:
        if error.is_about_caller and not _is_azures(error):
            raise
        return _with_unseen_vault(task, target, link, selector, error)
    vault = vaults.choose(selector, seen, target.label)
    return replace(link, vault_uri=vault.uri, vault_type=vault.type)


def _is_azures(error: DsmError) -> bool:
    """Whether DSM has only handed through what Azure said to it."""
    # Imported here: the table behind it takes tens of milliseconds to import, and few tasks need it.
    from .._dsm.diagnosis import is_of_azure

    return is_of_azure(error.words, error.status)


def _with_unseen_vault(task: Task, target: Group, link: Link, selector: vaults.Selector, error: DsmError) -> Link:
    """The link of a group that is not connected yet: saving it does not need a connection (guide 4.6)."""
    known = selector.without_listing(link)
    if known is None:
        raise TaskError(
            "the link does not connect, so the vault cannot be looked up",
            plane="Azure",
            obj=f"vault of {target.label}",
            server_words=error.words,
            next_step="correct what the server names; or give vault.name or vault.uri, and vault.type, which are taken "
            "as they are while the link does not connect",
        )
    task.warn(f"The vault of {target.label} is taken as given, since the link does not connect: {error.server_words}")
    return replace(link, vault_uri=known[0], vault_type=known[1])


def _is_to_write(dsm: DsmClient, wanted: Wanted, current: Group | None, credential: Credential | None) -> bool:
    """Whether the credential is written for its own sake. One that is still to be made is none that was written before.

    Without a record of what was written last, what DSM holds is unknown. A link that connects with it is left alone, so
    that a second run writes nothing also where DSM keeps no record.
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


def _remove(dsm: DsmClient, task: Task, current: Group | None, asking: Asking) -> dict[str, Any]:
    if current is None:
        name, group_id = task.params["name"], task.params["group_id"]
        record = Group(name=name or "", group_id=group_id).record(exists=False)
        return {
            "changed": False,
            "group": record,
            "plan": [],
            "diff": {"before": {}, "after": {}},
            **approvals.as_result(None),
        }
    count = link_edit.count_keys(dsm, current)
    if count != 0:
        held = "its keys cannot be counted with this login" if count is None else f"it holds {count} key(s)"
        raise TaskError(
            f"it is not removed, because {held}; deleted and destroyed keys count",
            plane="DSM",
            obj=f"{current.label} ({current.group_id})",
            next_step="remove the keys first, each by its own decision; this module never purges any",
            keys=count,
        )
    plan = Plan((Change("dsm", current.label, "delete", current.view(), {}, "state is absent"),))
    approval, changed = _delete(dsm, current, asking, check_mode=task.check_mode)
    waits = approval is not None and approval.is_pending
    return {
        "changed": changed,
        "group": replace(current, planned=task.check_mode and not waits).record(exists=waits),
        "plan": plan.as_result(),
        "diff": {"before": current.view(), "after": {} if changed else current.view()},
        **approvals.as_result(approval),
    }


def _delete(dsm: DsmClient, current: Group, asking: Asking, *, check_mode: bool) -> tuple[Approval | None, bool]:
    """Delete and look whether it is gone; the approval that this takes, if any, and whether this task did something."""
    operation = group_writes.deletion(current)
    if check_mode:
        approval = approvals.predict(dsm, operation, asking) if current.guarded else None
        return approval, approval is None or not approval.is_pending
    try:
        outcome = approvals.carry_out(dsm, operation, asking, guarded=current.guarded)
    except DsmError as error:
        if error.status != 404:
            raise
        # Somebody else was faster, and it is gone as it should be.
        return None, False
    if not outcome.is_pending and groups.get(dsm, str(current.group_id)) is not None:
        raise TaskError(
            "DSM accepted the removal and still has the group",
            plane="DSM",
            obj=current.label,
            next_step="run again",
        )
    return outcome.approval, not outcome.is_pending or (outcome.approval is not None and outcome.approval.filed)
