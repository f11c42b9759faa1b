# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""How a group and its link are created and changed: plan, safeguards, write, read back.

All modules use this code and differ only in what they change. The safeguards that keep a link from losing its secrets,
its keys or its connection are here, so they apply to every module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..._errors import InvalidInput, TaskError
from ..._plan import Change, Plan, difference
from ..._rest.statuses import BAD_REQUEST, CONFLICT, FORBIDDEN, NOT_FOUND
from ..account import approvals
from ..account.approval_requests import GuardedOperation
from ..account.approvals import REQUEST, Approval, Asking, WriteResult
from ..keys import virtual_keys
from ..link import connection
from ..link.azure_link import Link, LinkCredential
from ..link.handed_on import explained
from ..link.tls import SAFE_SETTINGS
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import DsmError, NotDone
from . import concurrent_changes, group_writes, stored_groups
from .selection import linked
from .stored_groups import CREDENTIAL_EXPIRES, CREDENTIAL_FACT, SUPERSEDED_FACT, TLS_CLIENT_FACT, Group

CREDENTIAL_REMEDY = (
    "set link_client_secret to the Value of a client secret of the link's application, or link_certificate and "
    "link_private_key"
)

_WRITES = frozenset({("POST", routes.GROUPS), ("PATCH", routes.GROUP)})


@dataclass(frozen=True)
class LinkEdit:
    """A requested change. ``current`` is None for a new group; ``credential`` is None if the task has none.

    ``asking``: what to do if DSM requires an approval.
    ``is_pending``: the application (and with it the credential) or the vault is only planned by a previous step in
    check mode, so nothing can be tested. ``superseded``: the ID, in Entra, of the credential before this one, if known.
    """

    current: Group | None
    target: Group
    credential: LinkCredential | None
    is_pending: bool = False
    write_credential: bool = False
    superseded: str | None = None
    allow_move: bool = False
    allow_disconnect: bool = False
    asking: Asking = REQUEST

    @cached_property
    def writes_link(self) -> bool:
        """Whether the link is sent. It then replaces the stored one completely and contains the credential again."""
        if self.current is None or self.write_credential:
            return True
        return not self.target.azure_link.same_as(self.current.azure_link)

    def result(self) -> Group:
        """The group after the change. The record of the credential is written whenever the link is."""
        if not self.writes_link or self.credential is None:
            return self.target
        link = self.target.azure_link
        # A link without TLS settings gets the safe ones when it is sent.
        tls = link.tls if link.tls.mode else SAFE_SETTINGS
        facts = {
            CREDENTIAL_FACT: self.credential.fact,
            CREDENTIAL_EXPIRES: self.credential.expires,
            TLS_CLIENT_FACT: tls.client_certificate_sha256,
            SUPERSEDED_FACT: self.superseded,
        }
        metadata = {**self.target.custom_metadata, **facts}
        return replace(
            self.target,
            custom_metadata={key: value for key, value in metadata.items() if value is not None},
            link=replace(link, auth_mode=self.credential.auth_mode, tls=tls),
        )

    def diff(self) -> dict[str, Any]:
        return dict(self._diff)

    @cached_property
    def _diff(self) -> dict[str, Any]:
        held = {"credential": "as stored in DSM"}
        written = {"credential": "written by this task"} if self.writes_link else held
        return {
            "before": {} if self.current is None else _with_link_note(self.current.view(), held),
            "after": _with_link_note(self.result().view(), written),
            "before_header": self.target.label,
            "after_header": self.target.label,
        }


@dataclass(frozen=True)
class Applied:
    """The outcome of an edit: the group as it is in DSM now, and the approval that the edit received or waits for.

    While the approval ``is_pending``, nothing has been changed: ``group`` is the group before the edit, or the new
    group without an ID. No later step may use such a group before the approvers have decided.
    ``was_done``: somebody else has made exactly the same change, and this task has written nothing.
    """

    group: Group
    approval: Approval | None = None
    was_done: bool = False

    @property
    def is_pending(self) -> bool:
        return self.approval is not None and self.approval.is_pending


def config_of(link: Link, credential: LinkCredential | None) -> dict[str, Any]:
    """The complete configuration to send to DSM: to save it, to test it, or to list vaults with it.

    Raises:
        InvalidInput: a secret that must be sent with it is missing.
    """
    why = "DSM replaces a link completely and never returns its secrets, so they must be sent again"
    if credential is None:
        option = "link_certificate" if link.auth_mode == "certificate" else "link_client_secret"
        raise InvalidInput(option, f"it is missing; {why}", CREDENTIAL_REMEDY)
    if link.tls.client_certificate_sha256 is not None and link.tls.client_certificate is None:
        raise InvalidInput(
            "tls.client_certificate",
            f"it is missing; {why}, and DSM does not return the TLS client certificate of the link",
            "set tls.client_certificate and tls.client_key in fortanix.dsm.cdc_group, or both in fortanix.dsm.cdc_tls",
        )
    if link.tls.client_certificate is not None and credential.tls_key is None:
        raise InvalidInput(
            "tls_client_key",
            f"it is missing, but the link has a TLS client certificate; {why}",
            "set tls_client_key (tls.client_key in modules with the option tls, client_key in fortanix.dsm.cdc_tls)",
        )
    return link.build(credential)


def check_same_mode(link: Link, credential: LinkCredential | None) -> None:
    """Refuse to change how a link authenticates as a side effect of another change.

    Raises:
        InvalidInput: the kind of the credential differs from that of the link.
    """
    if credential is None or link.auth_mode in (None, credential.auth_mode):
        return
    by_certificate = link.auth_mode == "certificate"
    held, given = ("a certificate", "link_client_secret") if by_certificate else ("a client secret", "link_certificate")
    raise InvalidInput(
        given,
        f"the link authenticates with {held}, and this module does not change that",
        "set a credential of the kind that the link uses, or change the kind with fortanix.dsm.cdc_group first",
    )


def carry_out(
    dsm: DsmClient,
    edit: LinkEdit,
    *,
    check_mode: bool,
    warn: Callable[[str], None],
    before_write: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Plan, safeguards and, outside of check mode, the write; the result of a module that edits a group.

    ``pending`` is true if the change waits for an approval. The result is then ``changed`` only if this task has filed
    the request, or would file it in check mode.
    """
    changes = plan(edit)
    guard(dsm, edit, warn)
    if not changes:
        applied = Applied(edit.target)
    elif check_mode:
        applied = _predicted(dsm, edit)
    else:
        applied = apply(dsm, edit, warn, before_write)
    group = applied.group
    for weakness in group.azure_link.tls.weaknesses():
        warn(f"The link of {group.label} has weak TLS settings: {weakness}.")
    found_pending = applied.approval is not None and applied.is_pending and not applied.approval.filed
    nothing_new = found_pending or applied.was_done
    unchanged = dict.fromkeys(("before", "after"), edit.diff()["before"])
    return {
        "changed": bool(changes) and not nothing_new,
        "group": group.record(exists=group.group_id is not None),
        "plan": changes.as_result(),
        "diff": unchanged if nothing_new else edit.diff(),
        **approvals.as_result(applied.approval),
    }


def _predicted(dsm: DsmClient, edit: LinkEdit) -> Applied:
    """The result that ``apply`` would have. An approval policy of the account, which guards new groups, is not read."""
    planned = Applied(replace(edit.result(), planned=True))
    if edit.current is None or not edit.current.guarded:
        return planned
    if edit.is_pending:
        return replace(planned, approval=Approval("needed"))
    approval = approvals.predict(dsm, _operation(edit, edit.result()), edit.asking)
    return Applied(edit.current, approval) if approval.is_pending else replace(planned, approval=approval)


def plan(edit: LinkEdit) -> Plan:
    """The change as data; empty if there is nothing to do."""
    diff = edit.diff()
    before, after = difference(diff["before"], diff["after"])
    if not after and not before:
        return Plan()
    if edit.current is None:
        return Plan((Change("DSM", edit.target.label, "create", {}, after, "no group with this name exists"),))
    only_credential = set(after) == {"link.credential"}
    reason = (
        "the credential must be written" if only_credential else "differs from the requested state: " + ", ".join(after)
    )
    return Plan((Change("DSM", edit.current.label, "update", before, after, reason),))


def guard(dsm: DsmClient, edit: LinkEdit, warn: Callable[[str], None]) -> None:
    """Refuse an edit that would lose something, before anything is written. Reads only.

    Raises:
        InvalidInput: a secret that must be sent is missing.
        TaskError: the edit would separate the group from its keys or disconnect it.
    """
    if not edit.writes_link:
        return
    config = {} if edit.is_pending else config_of(edit.target.azure_link, edit.credential)
    if edit.current is None:
        return
    if not edit.allow_move:
        _guard_move(dsm, edit.current, edit.target.azure_link)
    if edit.is_pending:
        warn(f"The link of {edit.target.label} was not tested: its application or vault is only planned.")
        return
    _guard_connection(dsm, edit, edit.current, config, warn)


def apply(
    dsm: DsmClient, edit: LinkEdit, warn: Callable[[str], None], before_write: Callable[[], None] = lambda: None
) -> Applied:
    """Write, read back and compare; or file an approval request, if DSM requires one.

    ``before_write`` is called before the request is sent. From then on the group may have the edited values, unless
    :func:`changed_nothing` proves from the failure that it has not.

    Raises:
        TaskError: DSM refused, or stores other values than were written; an approval was denied; somebody else has
            changed the group since the edit was planned.
    """
    wanted = edit.result()
    done = _done_by_another(dsm, edit, wanted)
    if done is not None:
        warn(f"Somebody else made the same change to {done.label} at the same time; this task changed nothing.")
        return Applied(done, was_done=True)
    try:
        before_write()
        outcome, wanted = _written(dsm, edit, wanted)
    except _Taken as taken:
        concurrent_changes.refuse_if_other(wanted, taken.group, _fact(edit))
        warn(
            f"Somebody else created {taken.group.label} with the same settings at the same time; this task changed "
            "nothing."
        )
        return Applied(taken.group, was_done=True)
    if outcome.is_pending:
        return Applied(edit.current or replace(edit.target, group_id=None), outcome.approval)
    group_id = _id_after(dsm, edit, outcome)
    stored = stored_groups.get(dsm, group_id) if group_id else None
    if stored is None:
        raise concurrent_changes.lost(
            "DSM accepted the write, but then did not find the group",
            f"{wanted.label} ({group_id})",
            "run the task again; somebody else may have deleted the group",
        )
    actual = linked(Group.from_stored(stored))
    others = concurrent_changes.verify(wanted, actual, _operation(edit, wanted).body or {})
    if others:
        warn(f"Somebody else changed {actual.label} at the same time; these changes were kept: {', '.join(others)}.")
    if edit.writes_link and CREDENTIAL_FACT not in actual.custom_metadata:
        warn(
            f"DSM does not store custom metadata of {actual.label}, so a later run cannot detect that the credential "
            "has changed; set update_credential: always to write another one."
        )
    return Applied(actual, outcome.approval)


def changed_nothing(failure: TaskError) -> bool:
    """Whether a failure of :func:`apply` proves that nothing was changed and no approval request was filed."""
    if isinstance(failure, DsmError):
        return failure.proves_refusal and (failure.method, failure.route) in _WRITES
    return isinstance(failure, (InvalidInput, NotDone))


def asked(dsm: DsmClient, edit: LinkEdit) -> Approval | None:
    """The approval request for exactly this edit, whoever has filed it; None if there is none. Reads only.

    Only the record of the credential is compared, so the credential itself need no longer exist.

    Raises:
        TaskError: the request was denied, or another change of the group waits for an approval.
    """
    found = approvals.predict(dsm, _operation(edit, edit.result()), edit.asking)
    return None if found.request_id is None else found


def resume(dsm: DsmClient, edit: LinkEdit) -> Applied:
    """Continue with the request that an earlier run has filed for exactly this edit. The edit itself is never sent.

    Raises:
        TaskError: the request was denied, has failed or no longer exists; or DSM stores other values than requested.
    """
    wanted = edit.result()
    operation = _operation(edit, wanted)
    outcome = approvals.settle(dsm, operation, edit.asking)
    before = edit.current
    if before is None or outcome.is_pending:
        return Applied(before or edit.target, outcome.approval)
    stored = stored_groups.get(dsm, str(before.group_id))
    if stored is None:
        raise concurrent_changes.lost("DSM carried out the request, but then did not find the group", before.label)
    actual = linked(Group.from_stored(stored))
    concurrent_changes.verify(wanted, actual, operation.body or {})
    return Applied(actual, outcome.approval)


class _Taken(Exception):
    """Somebody else has created a group with the requested name in the meantime."""

    def __init__(self, group: Group) -> None:
        super().__init__(group.label)
        self.group = group


def _written(dsm: DsmClient, edit: LinkEdit, wanted: Group) -> tuple[WriteResult, Group]:
    """Write; the outcome and what was written: without the reserved metadata if DSM refuses it."""
    try:
        return _write(dsm, edit, wanted), wanted
    except DsmError as error:
        if error.status != BAD_REQUEST or not _is_about_metadata(error):
            raise
    # Whether a linked group may have custom metadata is not public (DSM contract §7, Q43). A refused write has changed
    # nothing, so it is sent once more without the reserved metadata.
    wanted = replace(wanted, custom_metadata=edit.target.custom_metadata)
    return _write(dsm, edit, wanted), wanted


def _is_about_metadata(error: DsmError) -> bool:
    words = error.words.lower()
    # A text that repeats the request names everything in it, whatever the refusal is about.
    return "metadata" in words and "auth_config" not in words


def _done_by_another(dsm: DsmClient, edit: LinkEdit, wanted: Group) -> Group | None:
    """Read the group again, immediately before it is written; the group if there is nothing left to write."""
    if edit.current is None:
        return None
    stored = stored_groups.get(dsm, str(edit.current.group_id))
    if stored is None:
        raise concurrent_changes.lost("somebody else deleted this group after this task read it", edit.current.label)
    now = linked(Group.from_stored(stored))
    body = _operation(edit, wanted).body or {}
    if now != edit.current and concurrent_changes.is_done(wanted, now, body, _fact(edit)):
        return now
    concurrent_changes.refuse_if_changed(edit.current, now, body)
    return None


def _guard_move(dsm: DsmClient, current: Group, target: Link) -> None:
    moved = target.moves_from(current.azure_link)
    if not moved or current.group_id is None:
        return
    count = count_keys(dsm, current)
    if count == 0:
        return
    holds = "its keys cannot be counted" if count is None else f"it contains {count} key{'s' if count > 1 else ''}"
    raise TaskError(
        f"changing {' and '.join(moved)} would separate the group from its keys, and {holds}",
        plane="DSM",
        obj=current.label,
        next_step="create a new group for the new location, or set allow_move: true if this change is intended",
        moves=moved,
        keys=count,
    )


def _write(dsm: DsmClient, edit: LinkEdit, wanted: Group) -> WriteResult:
    """Create or update the group, or file an approval request for it."""
    guarded = edit.current is not None and edit.current.guarded
    try:
        with explained("save the link", wanted.azure_link, calls_azure=False):
            return approvals.carry_out(dsm, _operation(edit, wanted), edit.asking, guarded=guarded)
    except DsmError as error:
        if "diagnosis" in error.details:
            raise
        if edit.current is not None or error.status not in (BAD_REQUEST, CONFLICT):
            raise
        if _is_about_metadata(error):
            raise
        # For an existing name, DSM returns 409 or 400 (DSM contract §7, Q21). Reading the group shows which it is.
        stored = stored_groups.find_by_name(dsm, wanted.name, thorough=True)
        if stored is not None:
            raise _Taken(linked(Group.from_stored(stored))) from None
        if error.status == CONFLICT or wanted.azure_link.vault_uri:
            raise
        raise error.advising(
            "correct the value that the server's error text names; some versions of DSM save no link without a "
            "vault, so set the option vault"
        ) from None


def _operation(edit: LinkEdit, wanted: Group) -> GuardedOperation:
    fact = _fact(edit) if edit.writes_link else None
    config = config_of(wanted.azure_link, edit.credential) if edit.writes_link else None
    if edit.current is None:
        return group_writes.creation(wanted, config or {}, fact)
    summary = "change of " + ", ".join(name for change in plan(edit).changes for name in change.after)
    return group_writes.update(edit.current, wanted, config, fact, summary)


def _fact(edit: LinkEdit) -> str | None:
    return edit.credential.fact if edit.credential is not None else None


def _id_after(dsm: DsmClient, edit: LinkEdit, outcome: WriteResult) -> str:
    """The ID of the written group. The response to an approved creation may differ from that to a direct one."""
    if edit.current is not None:
        return str(edit.current.group_id)
    if isinstance(outcome.answer, dict) and outcome.answer.get("group_id"):
        return str(outcome.answer["group_id"])
    stored = stored_groups.find_by_name(dsm, edit.target.name, thorough=True)
    return str(stored["group_id"]) if stored is not None else ""


def count_keys(dsm: DsmClient, group: Group) -> int | None:
    """The number of keys in the group, with deleted and destroyed ones; None if the DSM identity cannot list them.

    An empty list is read twice: what depends on it cannot be undone, and one response may be incomplete.
    """
    try:
        return _count(dsm, group) or _count(dsm, group)
    except DsmError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return None


def _count(dsm: DsmClient, group: Group) -> int:
    return sum(1 for _key in virtual_keys.list_keys(dsm, str(group.group_id), group.label))


def _guard_connection(
    dsm: DsmClient, edit: LinkEdit, current: Group, config: Mapping[str, Any], warn: Callable[[str], None]
) -> None:
    label = edit.target.label
    proposed = connection.check_config(dsm, config, label)
    if proposed.connected:
        return
    # Imported here: the table behind it takes tens of milliseconds to import, and few tasks need it.
    from ..link.diagnosis import diagnose

    found = diagnose(proposed.answer, proposed.http_status, edit.target.azure_link)
    stands = current.group_id is not None and connection.check_stored(dsm, current.group_id, label).connected
    if stands and not edit.allow_disconnect:
        raise TaskError(
            f"the link connects now, but would not connect with this change: {found.summary}",
            plane=found.plane,
            obj=f"link of {label}",
            server_words=proposed.words,
            next_step=f"{found.step}, or set allow_disconnect: true to save the link anyway",
            unchanged=True,
            diagnosis=found.record(),
        )
    warn(f"The link of {label} does not connect with this change: {proposed.words}. Next: {found.step}.")


def _with_link_note(view: Mapping[str, Any], note: Mapping[str, str]) -> dict[str, Any]:
    return {**view, "link": {**view["link"], **note}}
