# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Write a new credential to all groups of an application before the old one is removed.

The order avoids an interruption: add the credential in Entra, verify that it works, have DSM test it for every group,
write it to every group, verify every group, wait, read everything again, remove the old one. The old credential stays
valid until the last step. So wherever a run stops, each group has a working credential, and the next run continues
from the state that it finds (_rotation/plan.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from .. import _time
from .._azure.applications import application_lookup, graph_writes
from .._azure.applications.application_lookup import ApplicationSelector
from .._azure.applications.application_plan import MARK, Application
from .._azure.applications.link_login import NewLogin, wait_until_taken
from .._azure.rights.facts import PRINCIPAL, EntraCredential
from .._azure.wire.channel import Channel
from .._azure.wire.credential import Operator
from .._certificates import loading, maker
from .._certificates.loading import Pair
from .._dsm.account import approvals
from .._dsm.account.approval_requests import ApprovalRequest
from .._dsm.account.approvals import FAIL, REQUEST, Approval, Asking
from .._dsm.groups import link_edit, stored_groups
from .._dsm.groups.link_edit import Applied, LinkEdit
from .._dsm.groups.stored_groups import Group
from .._dsm.keys import virtual_keys
from .._dsm.link import connection
from .._dsm.link.azure_link import Link, LinkCredential, client_secret
from .._dsm.link.connection import ConnectionTest
from .._dsm.link.diagnosis import diagnose
from .._dsm.link.diagnosis_classes import ClassId
from .._dsm.link.lasting import lasts
from .._dsm.link.options import LinkOptions, certificate_fact, client_certificate
from .._dsm.wire.client import DsmClient
from .._errors import TaskError
from .._rest.replacement import EQUAL_READS
from .._timestamps import iso_or_none
from .._waiter import Patience
from .plan import (
    CERTIFICATE,
    KEY_ID_FACT,
    NAME,
    SECRET,
    CredentialUse,
    KeptCredential,
    OldCredentials,
    RenewalPolicy,
    old_ones,
    use_of,
)

# Classes of diagnosis in which Azure rejects the credential itself.
OF_THE_CREDENTIAL: frozenset[ClassId] = frozenset(
    {
        "secret-wrong",
        "secret-expired",
        "certificate-expired",
        "certificate-revoked",
        "assertion-refused",
        "application-missing",
        "credential-refused",
    }
)
_RETRY = "run the task again; it continues from the current state"


def refuses_credential(tried: ConnectionTest, link: Link) -> bool:
    """Whether DSM's test failed because of the credential."""
    return not tried.connected and diagnose(tried.answer, tried.http_status, link).id in OF_THE_CREDENTIAL


def _not_connected(problem: str, tried: ConnectionTest, link: Link, label: str, then: str) -> TaskError:
    """The failure of a test with the new credential. ``then``: what to do after the step that the diagnosis names."""
    found = diagnose(tried.answer, tried.http_status, link)
    return TaskError(
        f"{problem}: {found.summary}",
        plane=found.plane,
        obj=label,
        server_words=tried.words,
        next_step=f"{found.step}, and {then}",
        diagnosis=found.record(),
    )


@dataclass(frozen=True)
class Recipe:
    """The properties of a new credential. ``pair``: the user's own; None when it is generated."""

    kind: str
    valid: timedelta
    key_size: int
    pair: Pair | None = None


@dataclass(frozen=True)
class NewCredential:
    """A credential that this run added. Its value is only in this process and is sent only to DSM."""

    entry: EntraCredential
    link: LinkCredential
    # None: the value is unknown, as an earlier run created it.
    login: NewLogin | None = field(default=None, repr=False)
    # False for one that existed before.
    added: bool = True
    # Whether it is the user's own, so that another run can use it, too.
    is_given: bool = False

    def for_link(self, tls_key: str | None) -> LinkCredential:
        return replace(self.link, tls_key=tls_key)


def of_earlier_run(entry: EntraCredential) -> NewCredential:
    """A credential that an earlier run added, with its record and without its value. It is never sent."""
    ends = iso_or_none(entry.ends)
    if entry.kind == SECRET:
        auth = {"mode": "client_secret", "client_secret": ""}
        return NewCredential(entry, LinkCredential(auth, lambda: f"{KEY_ID_FACT}{entry.key_id}", ends), added=False)
    auth = {"mode": "token_auth_config", "client_cert": entry.encoded or "", "client_key": ""}
    return NewCredential(entry, LinkCredential(auth, lambda: certificate_fact(entry.sha256 or ""), ends), added=False)


@dataclass(frozen=True)
class LinkedGroup:
    """A group that receives the new credential. ``target``: the group with its new link and TLS settings."""

    group: Group
    use: CredentialUse
    target: Group
    tls_key: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        return str(self.group.group_id)

    def edit(self, new: NewCredential, asking: Asking) -> LinkEdit:
        return LinkEdit(
            self.group,
            self.target,
            new.for_link(self.tls_key),
            write_credential=True,
            superseded=self.use.key_id,
            asking=asking,
        )


@dataclass
class Rollout:
    """One run for one application.

    ``known``: ID of a group -> the record of its credential when this run last read or wrote it. ``wait_timeout``:
    seconds that each step may wait for changes to become visible everywhere. ``sync_timeout``: seconds for a sync of
    each group as a proof; None for no sync. ``grace``: seconds to wait before the old credentials are removed.
    """

    graph: Channel
    dsm: DsmClient
    operator: Operator
    application: Application
    wish: RenewalPolicy
    wait_timeout: float
    wait_interval: float
    warn: Callable[[str], None]
    known: dict[str, str | None]
    asking: Asking = REQUEST
    sync_timeout: int | None = None
    grace: float = 0.0
    # IDs of the credentials that the groups had before.
    used: Sequence[str] = ()
    # Progress: groups that were written; groups that may have the new credential, by label, from before the request
    # is sent until it is proven that it had no effect; groups that DSM connected with it; credentials that were
    # removed; certificates of others that a write of a third party had removed and this run restored.
    switched: list[str] = field(default_factory=list)
    holders: dict[str, LinkedGroup | None] = field(default_factory=dict)
    put_back: list[str] = field(default_factory=list)
    # Name of a group -> the approval of its change, granted or pending.
    approvals: dict[str, Approval] = field(default_factory=dict)
    # Group's ID -> last result of DSM's test.
    connections: dict[str, str] = field(default_factory=dict)
    working: set[str] = field(default_factory=set)
    removed: list[EntraCredential] = field(default_factory=list)
    # Whether this run itself has written to a group or removed a credential.
    wrote: bool = False
    # The new certificate, as Graph has it in its list.
    _entry: dict[str, str] | None = None

    # The steps in their order -----------------------------------------------------------------------------------------

    def add(self, recipe: Recipe, tenant_id: str) -> NewCredential:
        """Add the credential at the application, and verify that it is listed."""
        return (
            self._add_secret(recipe, tenant_id) if recipe.kind == SECRET else self._add_certificate(recipe, tenant_id)
        )

    def _add_secret(self, recipe: Recipe, tenant_id: str) -> NewCredential:
        client_id = self.application.client_id
        value, entry = graph_writes.add_secret(
            self.graph,
            self.application,
            self.now() + recipe.valid,
            self.patience(),
            name=NAME,
            when_lost="run the task again; it creates another secret and removes this one",
        )
        ends = iso_or_none(entry.ends)
        link = replace(
            client_secret(tenant_id, client_id, value), fact_of=lambda: f"{KEY_ID_FACT}{entry.key_id}", expires=ends
        )
        return NewCredential(entry, link, NewLogin(tenant_id, client_id, secret=value))

    def _add_certificate(self, recipe: Recipe, tenant_id: str) -> NewCredential:
        pair = recipe.pair or _made_pair(self.application.display_name, recipe, self.now())
        certificate = pair.certificate
        login = NewLogin(tenant_id, self.application.client_id, pem="".join(loading.pem_of(pair)).encode())
        there = next((one for one in self.application.credentials if one.sha256 == certificate.sha256), None)
        if there is not None and there.place == PRINCIPAL:
            # The service principal has the user's own certificate already; Entra accepts it there as well.
            return NewCredential(there, client_certificate(pair), login, added=False, is_given=True)
        name = NAME if recipe.pair is None else MARK
        entry = {"key": certificate.encoded, "displayName": name}
        changed = graph_writes.add_certificates(self.graph, self.application, [entry], self.patience())
        self.put_back.extend(changed.put_back)
        registered = next(one for one in changed.certificates or () if one.sha256 == certificate.sha256)
        self._entry = {**entry, "keyId": registered.key_id}
        return NewCredential(
            registered, client_certificate(pair), login, changed.wrote, is_given=recipe.pair is not None
        )

    def prove(self, new: NewCredential, members: Sequence[LinkedGroup]) -> None:
        """Verify that Entra accepts it, and that DSM can connect with it for each group. Changes nothing in DSM."""
        if new.login is not None:
            wait_until_taken(new.login, self.operator, self.patience(), self.warn)
        for member in members:
            self.dsm.begin_anew()
            if self._works(member, new):
                self.working.add(member.id)

    def _works(self, member: LinkedGroup, new: NewCredential) -> bool:
        """Whether DSM connects; False for a group that fails with its current credential, too, for another reason."""
        link, label = member.target.azure_link, f"link of {member.group.label}"
        config = link_edit.config_of(link, new.for_link(member.tls_key))
        stands: ConnectionTest | None = None
        patience = self.patience()
        while True:
            tried = connection.check_config(self.dsm, config, label)
            if tried.connected:
                return True
            stands = stands or connection.check_stored(self.dsm, member.id, label)
            if not stands.connected and not refuses_credential(tried, link):
                self.warn(f"The connection test of the {label} fails with both old and new credential: {tried.words}")
                return False
            if lasts(tried.answer, tried.http_status) or not self._pause(patience):
                problem = "the connection test with the new credential failed, so no group was changed"
                raise _not_connected(problem, tried, link, label, "run the task again")

    def switch(
        self, new: NewCredential, members: Sequence[LinkedGroup], make: Callable[[NewCredential], Iterator[Group]]
    ) -> None:
        """Write it to every group, one after the other, and verify each of them before the next one.

        ``make``: creates the new groups.
        """
        for member in members:
            self.dsm.begin_anew()
            label = member.group.label
            with self.holding(label):
                edit, before_write = member.edit(new, self.asking), partial(self.holds, label, member)
                applied = link_edit.apply(self.dsm, edit, self.warn, before_write)
            # Another client may have written the same.
            self.holds(label, member)
            self._see_applied(member, applied)
        self.dsm.begin_anew()
        for group in make(new):
            self.switched.append(group.name)
            self._note(group)
            self._see_connected(group, works=False)
            self.dsm.begin_anew()

    def holds(self, label: str, member: LinkedGroup | None = None) -> None:
        """Note that a group may have the new credential from now on. ``member``: None for a group to be created."""
        self.holders[label] = member

    @contextmanager
    def holding(self, label: str) -> Iterator[None]:
        """Around a write: the group no longer counts as a holder if the failure proves that nothing was written.

        One that was a holder before stays one: only this write is proven to have had no effect.
        """
        held = label in self.holders
        try:
            yield
        except TaskError as error:
            if link_edit.changed_nothing(error) and not held:
                self.holders.pop(label, None)
            raise

    def resume(self, new: NewCredential, members: Sequence[LinkedGroup]) -> None:
        """Continue with the approval requests that an earlier run submitted for these groups."""
        for member in members:
            self.dsm.begin_anew()
            self.holds(member.group.label, member)
            self._see_applied(member, link_edit.resume(self.dsm, member.edit(new, self.asking)))

    def _see_applied(self, member: LinkedGroup, applied: Applied) -> None:
        if applied.approval is not None:
            self.approvals[member.group.name] = applied.approval
        if not applied.is_pending:
            self.switched.append(member.group.name)
            self.wrote = self.wrote or not applied.was_done
            self._note(applied.group)
            self._see_connected(applied.group, works=member.id in self.working)

    def _note(self, group: Group) -> None:
        self.known[str(group.group_id)] = group.credential_facts[0]

    @property
    def is_pending(self) -> bool:
        """Whether a group is pending approval, so that the old credential is still needed."""
        return any(one.is_pending for one in self.approvals.values())

    def _see_connected(self, group: Group, *, works: bool) -> None:
        """``works``: whether it must connect, as it did when DSM tested it before."""
        label, patience = f"link of {group.label}", self.patience()
        while True:
            tried = connection.check_stored(self.dsm, str(group.group_id), label)
            self.connections[str(group.group_id)] = tried.status
            if tried.connected:
                break
            if not works and not refuses_credential(tried, group.azure_link):
                self.warn(f"The connection test of the {label} fails: {tried.words}")
                return
            self._bring_back()
            if not self._pause(patience):
                problem = "the connection test with the new credential succeeded before it was written, and fails now"
                raise _not_connected(problem, tried, group.azure_link, label, _RETRY)
        if self.sync_timeout is not None:
            virtual_keys.scan(self.dsm, group.synced, self.sync_timeout, FAIL)

    def _bring_back(self) -> None:
        """Register the new certificate again if another client removed it by writing an older list.

        Groups have it already and cannot connect without it. Nothing is restored at a disabled application.
        """
        if self._entry is None:
            return
        found = self.look()
        if any(one.key_id == self._entry["keyId"] for one in found.credentials):
            return
        if not found.enabled:
            raise self._overtaken("the new certificate was removed from the application, which is now disabled")
        changed = graph_writes.add_certificates(self.graph, found, [self._entry], self.patience())
        self.put_back.extend(["the new certificate of this run"] * changed.wrote + list(changed.put_back))

    def retire(self, current: EntraCredential) -> OldCredentials:
        """Wait, read everything again, and remove the old credentials if no group needs them any longer."""
        if self.grace:
            _time.sleep(self.grace)
        found = self._look_until_listed(current)
        old = old_ones(found.credentials, current, self.used, self.wish, self.now())
        if old.gone or self._is_not_alone(current, found):
            self._refuse_if_in_use(current, found)
        if old.gone:
            old = held_by_requests(old, self.requests())
        for kind in (CERTIFICATE, SECRET):
            gone = [one for one in old.gone if one.kind == kind]
            removed = graph_writes.remove_credentials(self.graph, found, gone, self.patience(), required=current)
            self.put_back.extend(removed.put_back)
            self.removed.extend(gone)
            self.wrote = self.wrote or removed.wrote
        if self.removed:
            # The result of this run must be true when the run finishes.
            after = self._look_until_listed(current)
            if self._is_not_alone(current, after):
                self._refuse_if_in_use(current, after)
        return old

    def requests(self) -> list[ApprovalRequest] | None:
        """The approval requests that may write a credential of the application to a group."""
        return waiting_for(self.dsm, self.application)

    def _is_not_alone(self, current: EntraCredential, found: Application) -> bool:
        """Whether a credential exists that did not when this run began: it may have been written to groups.

        Its name proves nothing: a user's own certificate in another run has the name that its owner chose.
        """
        known = {current.key_id, *(one.key_id for one in self.application.credentials)}
        return any(one.key_id not in known for one in found.credentials)

    def _look_until_listed(self, current: EntraCredential) -> Application:
        """The application, once an answer lists the credential in use. Any other answer is stale, or it was removed."""
        patience = self.patience()
        for _look in range(EQUAL_READS):
            found = self.look()
            if any(one.key_id == current.key_id for one in found.credentials):
                return found
            if not self._pause(patience):
                break
        raise self._overtaken("the credential that this run wrote to the groups was removed from the application")

    def _refuse_if_in_use(self, current: EntraCredential, found: Application) -> None:
        """Read the groups once more: another run or a user may have written another credential."""
        self.dsm.begin_anew()
        others = [
            group.label
            for group in stored_groups.linked_to_application(self.dsm, self.application.client_id)
            if _has_another(group, current, found, self.known)
        ]
        if others:
            raise self._overtaken(
                f"the record of {', '.join(others)} names another credential than the one that this run wrote: it was "
                "written in the meantime, or the group was not listed when this run began"
            )

    def _overtaken(self, problem: str) -> TaskError:
        return TaskError(
            problem if self.removed else f"{problem}; no old credential was removed",
            plane="DSM",
            obj=self._obj,
            next_step=f"check that no other run is active for this application, and {_RETRY}",
            retryable=True,
        )

    def confirm(self, members: Sequence[LinkedGroup]) -> None:
        """Verify that every group connects without the old credentials."""
        for member in members:
            self.dsm.begin_anew()
            self._see_connected(member.group, works=self.connections.get(member.id) == "connected")

    # When it fails ----------------------------------------------------------------------------------------------------

    def take_back(self, new: NewCredential, fallback: LinkOptions | None) -> str:
        """Undo what can be undone; return the state of the new credential as text.

        DSM does not return the previous credential of a link. So a group is restored only with ``fallback``; without
        it, it keeps the new credential, which stays valid like the old one.
        """
        if fallback is not None:
            for label, member in [*self.holders.items()]:
                self.dsm.begin_anew()
                if member is not None and self._put_back(member, new, fallback):
                    del self.holders[label]
        holders = sorted({*self.holders, *self._other_holders(new)})
        if holders:
            return f"the new credential is kept because {', '.join(holders)} may use it; {self._state_of_the_old()}"
        if not new.added:
            return "no group has the new credential"
        # By its ID: a list may not show yet what was just created.
        graph_writes.remove_credentials(self.graph, self.application, [new.entry], self.patience())
        return "no group has the new credential, and it was removed"

    def seen_now(self, members: Sequence[LinkedGroup]) -> dict[str, str]:
        """Name of a group -> current result of DSM's test; ``unknown`` where DSM does not answer.

        For a run that failed: its write to the application may have collided with that of another client.
        """
        found = dict.fromkeys((member.group.name for member in members), "unknown")
        try:
            for member in members:
                self.dsm.begin_anew()
                tried = connection.check_stored(self.dsm, member.id, f"link of {member.group.label}")
                found[member.group.name] = tried.status
        except TaskError as error:
            self.warn(f"Not all groups could be tested after the failure: {error.problem}")
        return found

    def _other_holders(self, new: NewCredential) -> list[str]:
        """The groups to which another run has written the same certificate of the user."""
        if not new.is_given:
            return []
        self.dsm.begin_anew()
        found = stored_groups.linked_to_application(self.dsm, self.application.client_id)
        uses = {one.label: use_of(one.label, None, *one.credential_facts, [new.entry]) for one in found}
        return [label for label, use in uses.items() if use.key_id == new.entry.key_id]

    def _state_of_the_old(self) -> str:
        """Whether the previous credentials of the groups are still valid, as Entra lists them now."""
        try:
            listed = {one.key_id: one for one in self.look().credentials}
        except TaskError as error:
            return f"it could not be checked whether the old one is still valid ({error.problem})"
        now = self.now()
        gone = [key_id for key_id in self.used if key_id not in listed or _is_over(listed[key_id], now)]
        if not self.used:
            return "it is unknown which one the groups had before" if self.known else "no group had one before"
        return f"the old one ({', '.join(gone)}) is no longer valid" if gone else "the old one is still valid, too"

    def _put_back(self, member: LinkedGroup, new: NewCredential, fallback: LinkOptions) -> bool:
        """Restore the previous credential of a group; return whether it no longer has the new one."""
        stored = stored_groups.get(self.dsm, member.id)
        credential = fallback.credential_for(member.group.azure_link)
        if stored is None or credential is None:
            return False
        # Restore only what this run has changed.
        now = Group.from_stored(stored)
        on_record = now.credential_facts[0]
        if on_record not in (None, new.link.fact, member.group.credential_facts[0]):
            # Another run has since written its own credential.
            return True
        was = replace(now, link=replace(now.azure_link, tls=member.group.azure_link.tls))
        old = replace(credential, tls_key=member.tls_key)
        edit = LinkEdit(now, was, old, write_credential=True, asking=self.asking)
        return not link_edit.apply(self.dsm, edit, self.warn).is_pending

    # Helpers ----------------------------------------------------------------------------------------------------------

    def look(self) -> Application:
        """The application as it is now."""
        selector = ApplicationSelector("client_id", self.application.client_id)
        found = application_lookup.look(
            self.graph, self.operator.cloud, selector, key_vault=False, consent=False
        ).application
        if found is None:
            raise TaskError(
                "it existed when this run began, and no longer exists: another client deleted it during this run",
                plane="Entra",
                obj=self._obj,
                next_step="check the Entra audit log, restore it with fortanix.dsm.azure_kv_app "
                "(on_soft_deleted: recover), and run the task again",
            )
        return found

    def now(self) -> datetime:
        """The current time by the clock of the services, which decide on validity and date what they list."""
        return self.operator.clock.now()

    @property
    def _obj(self) -> str:
        return f"application {self.application.display_name}"

    def patience(self) -> Patience:
        """For one step that may have to wait."""
        return Patience.of(self.wait_timeout, self.wait_interval)

    def _pause(self, patience: Patience) -> bool:
        self.dsm.begin_anew()
        return patience.pause()


def waiting_for(dsm: DsmClient, application: Application) -> list[ApprovalRequest] | None:
    """The approval requests that may write a credential of the application to a group; None: they cannot be listed."""
    found = approvals.waiting(dsm, f"application {application.display_name}")
    return None if found is None else [one for one in found if one.may_write_link_of(application.client_id)]


def held_by_requests(old: OldCredentials, requests: Sequence[ApprovalRequest] | None) -> OldCredentials:
    """Keep all while a request is pending: DSM does not show its credential, and approval would write it to a group."""
    if not requests:
        return old
    reason = f"a pending approval request may contain it: {', '.join(one.request_id for one in requests)}"
    return OldCredentials((), (*old.left, *(KeptCredential(one, reason) for one in old.gone)))


def _is_over(one: EntraCredential, now: datetime) -> bool:
    return one.ends is not None and one.ends <= now


def _has_another(
    group: Group, entry: EntraCredential, application: Application, known: Mapping[str, str | None]
) -> bool:
    """Whether the group may have another credential: its record has changed since, or names another one.

    A group without a record counts as well, unless this run has read or written it.
    """
    group_id, fact = str(group.group_id), group.credential_facts[0]
    if group_id in known and fact != known[group_id]:
        return True
    use = use_of(group.label, None, *group.credential_facts, application.credentials)
    return group_id not in known if use.key_id is None else use.key_id != entry.key_id


def _made_pair(subject: str, recipe: Recipe, now: datetime) -> Pair:
    """A generated pair that is never written to a file."""
    certificate, key = maker.self_signed(subject, recipe.valid.days, recipe.key_size, now)
    return loading.load_pair("certificate", certificate.decode(), "private key", key.decode(), None)
