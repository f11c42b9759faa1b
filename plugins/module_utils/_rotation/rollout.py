# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""A new credential, brought to all groups of an application before the old one goes.

The order is what keeps the line up: add it in Entra, see it work, have DSM try it for every group, write it to every
group, see every group work, wait, look again, remove the old one. Until the last step the old credential stays valid.
So wherever a run stops, each group has one that works, and the next run starts from what it finds (_rotation/plan.py).
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
from .._dsm.groups import link_edit, stored_groups, virtual_keys
from .._dsm.groups.link_edit import Applied, LinkEdit
from .._dsm.groups.stored_groups import Group
from .._dsm.link import connection
from .._dsm.link.azure_link import Link, LinkCredential, client_secret
from .._dsm.link.connection import ConnectionTest
from .._dsm.link.diagnosis import diagnose
from .._dsm.link.diagnosis_classes import ClassId
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

# Classes of diagnosis in which Azure refuses the credential itself.
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
_RETRY = "run the task again, which goes on from what is there"


def refuses_credential(tried: ConnectionTest, link: Link) -> bool:
    """Whether DSM's test failed for the sake of the credential."""
    return not tried.connected and diagnose(tried.answer, tried.http_status, link).id in OF_THE_CREDENTIAL


@dataclass(frozen=True)
class Recipe:
    """What a new credential is like. ``pair``: the user's own; None when it is made here."""

    kind: str
    valid: timedelta
    key_size: int
    pair: Pair | None = None


@dataclass(frozen=True)
class NewCredential:
    """A credential that this run has added. Its value is in this process, and from there goes to DSM only."""

    entry: EntraCredential
    link: LinkCredential
    # None: the value is not here, as an earlier run has made it.
    login: NewLogin | None = field(default=None, repr=False)
    # False for what was there before.
    added: bool = True
    # Whether the user has given it, so that another run may use it, too.
    is_given: bool = False

    def for_link(self, tls_key: str | None) -> LinkCredential:
        return replace(self.link, tls_key=tls_key)


def of_earlier_run(entry: EntraCredential) -> NewCredential:
    """What an earlier run has added, with what is on record of it and without its value. It is never sent."""
    ends = iso_or_none(entry.ends)
    if entry.kind == SECRET:
        auth = {"mode": "client_secret", "client_secret": ""}
        return NewCredential(entry, LinkCredential(auth, lambda: f"{KEY_ID_FACT}{entry.key_id}", ends), added=False)
    auth = {"mode": "token_auth_config", "client_cert": entry.encoded or "", "client_key": ""}
    return NewCredential(entry, LinkCredential(auth, lambda: certificate_fact(entry.sha256 or ""), ends), added=False)


@dataclass(frozen=True)
class LinkedGroup:
    """A group on its way to the new credential. ``target``: with the link that it gets, its TLS settings included."""

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

    ``known``: ID of a group -> what was on record of its credential when this run has read or written it last.
    ``wait_timeout``: seconds that each step may wait for what
    takes a while to be known everywhere. ``sync_timeout``: seconds for a sync of each group as a proof; None for none.
    ``grace``: seconds to wait before the old credentials go.
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
    # What has been done so far: groups that were written; those that may have the new credential, from before the
    # request leaves until it is proven that nothing came of it, by label; those that DSM has connected with it;
    # credentials that were removed; certificates of others that were lost by a write of a third party and put back.
    switched: list[str] = field(default_factory=list)
    holders: dict[str, LinkedGroup | None] = field(default_factory=dict)
    put_back: list[str] = field(default_factory=list)
    # Name of a group -> the approval that its change has got, or waits for.
    approvals: dict[str, Approval] = field(default_factory=dict)
    # Group's ID -> what DSM's test said last.
    connections: dict[str, str] = field(default_factory=dict)
    working: set[str] = field(default_factory=set)
    removed: list[EntraCredential] = field(default_factory=list)
    # Whether this run has written to a group or removed a credential, and not somebody else who did the same.
    wrote: bool = False
    # The new certificate, as Graph has it in its list.
    _entry: dict[str, str] | None = None

    # The steps in their order -----------------------------------------------------------------------------------------

    def add(self, recipe: Recipe, tenant_id: str) -> NewCredential:
        """Add the credential at the application, and see it there."""
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
            when_lost="run the task again, which makes another one and removes that one",
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
            # The service principal has the user's own certificate already, with which Entra takes it as well.
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
        """See that Entra takes it, and that DSM gets through with it for each group. Nothing in DSM has changed yet."""
        if new.login is not None:
            wait_until_taken(new.login, self.operator, self.patience(), self.warn)
        for member in members:
            self.dsm.begin_anew()
            if self._works(member, new):
                self.working.add(member.id)

    def _works(self, member: LinkedGroup, new: NewCredential) -> bool:
        """Whether DSM gets through; False for a group that does not with what it has either, for another reason."""
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
                self.warn(f"The {label} does not connect, before as after: {tried.words}")
                return False
            if not self._pause(patience):
                raise TaskError(
                    "with the new credential it would not connect, so no group was changed",
                    plane="Azure",
                    obj=label,
                    server_words=tried.words,
                    next_step="correct what the server names, and run the task again",
                )

    def switch(
        self, new: NewCredential, members: Sequence[LinkedGroup], make: Callable[[NewCredential], Iterator[Group]]
    ) -> None:
        """Write it to every group, one after the other, and see each of them work before the next one.

        ``make``: makes the groups of a first use.
        """
        for member in members:
            self.dsm.begin_anew()
            label = member.group.label
            with self.holding(label):
                edit, before_write = member.edit(new, self.asking), partial(self.holds, label, member)
                applied = link_edit.apply(self.dsm, edit, self.warn, before_write)
            # Somebody else may have written the very same.
            self.holds(label, member)
            self._see_applied(member, applied)
        self.dsm.begin_anew()
        for group in make(new):
            self.switched.append(group.name)
            self._note(group)
            self._see_connected(group, works=False)
            self.dsm.begin_anew()

    def holds(self, label: str, member: LinkedGroup | None = None) -> None:
        """Take note that a group may have the new credential from now on. ``member``: None for one that is made."""
        self.holders[label] = member

    @contextmanager
    def holding(self, label: str) -> Iterator[None]:
        """Around a write: the group counts as a holder no more once the failure proves that nothing was done.

        One that was a holder before stays one: what is proven is that this write has done nothing.
        """
        held = label in self.holders
        try:
            yield
        except TaskError as error:
            if link_edit.changed_nothing(error) and not held:
                self.holders.pop(label, None)
            raise

    def resume(self, new: NewCredential, members: Sequence[LinkedGroup]) -> None:
        """Go on with the requests for approval that an earlier run has filed for these groups."""
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
        """Whether a group waits for an approval, so that the old credential is still needed."""
        return any(one.is_pending for one in self.approvals.values())

    def _see_connected(self, group: Group, *, works: bool) -> None:
        """``works``: whether it has to, as it did when DSM tried it."""
        label, patience = f"link of {group.label}", self.patience()
        while True:
            tried = connection.check_stored(self.dsm, str(group.group_id), label)
            self.connections[str(group.group_id)] = tried.status
            if tried.connected:
                break
            if not works and not refuses_credential(tried, group.azure_link):
                self.warn(f"The {label} does not connect: {tried.words}")
                return
            self._bring_back()
            if not self._pause(patience):
                raise TaskError(
                    "DSM tried the new credential with success before it was written, and does not connect with it now",
                    plane="Azure",
                    obj=label,
                    server_words=tried.words,
                    next_step=f"correct what the server names, and {_RETRY}",
                )
        if self.sync_timeout is not None:
            virtual_keys.scan(self.dsm, str(group.group_id), group.label, self.sync_timeout, FAIL)

    def _bring_back(self) -> None:
        """Register the new certificate again, where somebody else's write of an older list has taken it out.

        Groups have it already, so that they are cut off. Nothing is put back at an application that is disabled.
        """
        if self._entry is None:
            return
        found = self.look()
        if any(one.key_id == self._entry["keyId"] for one in found.credentials):
            return
        if not found.enabled:
            raise self._overtaken("the new certificate was removed from the application, which is disabled now")
        changed = graph_writes.add_certificates(self.graph, found, [self._entry], self.patience())
        self.put_back.extend(["the new certificate of this run"] * changed.wrote + list(changed.put_back))

    def retire(self, current: EntraCredential) -> OldCredentials:
        """Wait, look at everything again, and remove the old credentials if nobody needs them any more."""
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
            # What this run says is to be so when it ends.
            after = self._look_until_listed(current)
            if self._is_not_alone(current, after):
                self._refuse_if_in_use(current, after)
        return old

    def requests(self) -> list[ApprovalRequest] | None:
        """The requests for an approval that may bring a credential of the application to a group."""
        return waiting_for(self.dsm, self.application)

    def _is_not_alone(self, current: EntraCredential, found: Application) -> bool:
        """Whether there is a credential that was not there when this run began: it may have been written to groups.

        By its name nobody can tell: a certificate that another run was given has the name that its owner chose.
        """
        known = {current.key_id, *(one.key_id for one in self.application.credentials)}
        return any(one.key_id not in known for one in found.credentials)

    def _look_until_listed(self, current: EntraCredential) -> Application:
        """The application, once an answer shows the credential in use: one that does not is old, or it was removed."""
        patience = self.patience()
        for _look in range(EQUAL_READS):
            found = self.look()
            if any(one.key_id == current.key_id for one in found.credentials):
                return found
            if not self._pause(patience):
                break
        raise self._overtaken("the credential that this run has brought to the groups was removed from the application")

    def _refuse_if_in_use(self, current: EntraCredential, found: Application) -> None:
        """Look at the groups once more: another run, or a person, may have written something else by now."""
        self.dsm.begin_anew()
        others = [
            group.label
            for group in stored_groups.linked_to_application(self.dsm, self.application.client_id)
            if _has_another(group, current, found, self.known)
        ]
        if others:
            raise self._overtaken(
                f"another credential is on record for {', '.join(others)} than this run has brought to the groups: it "
                "was written meanwhile, or the group was not listed when this run began"
            )

    def _overtaken(self, problem: str) -> TaskError:
        return TaskError(
            problem if self.removed else f"{problem}; no old credential was removed",
            plane="DSM",
            obj=self._obj,
            next_step=f"see that no other run is under way for this application, and {_RETRY}",
            retryable=True,
        )

    def confirm(self, members: Sequence[LinkedGroup]) -> None:
        """See every group work without the old credentials, too."""
        for member in members:
            self.dsm.begin_anew()
            self._see_connected(member.group, works=self.connections.get(member.id) == "connected")

    # When it fails ----------------------------------------------------------------------------------------------------

    def take_back(self, new: NewCredential, fallback: LinkOptions | None) -> str:
        """Undo what can be undone; in words, what became of the new credential.

        DSM does not give back what a link had before. So a group goes back only with ``fallback``; without it, it keeps
        the new credential, which stays valid like the old one.
        """
        if fallback is not None:
            for label, member in [*self.holders.items()]:
                self.dsm.begin_anew()
                if member is not None and self._put_back(member, new, fallback):
                    del self.holders[label]
        holders = sorted({*self.holders, *self._other_holders(new)})
        if holders:
            return f"the new credential stays, as {', '.join(holders)} may have it; {self._state_of_the_old()}"
        if not new.added:
            return "no group has the new credential"
        # By its ID, as a list need not show yet what was made a moment ago.
        graph_writes.remove_credentials(self.graph, self.application, [new.entry], self.patience())
        return "no group has the new credential, and it was removed"

    def seen_now(self, members: Sequence[LinkedGroup]) -> dict[str, str]:
        """Name of a group -> what DSM's test says at this moment; ``unknown`` where DSM does not answer.

        For a run that has failed: what it has written to the application may have met the write of somebody else.
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
        """The groups that have the user's own certificate by another run, which was given the same."""
        if not new.is_given:
            return []
        self.dsm.begin_anew()
        found = stored_groups.linked_to_application(self.dsm, self.application.client_id)
        uses = {one.label: use_of(one.label, None, *one.credential_facts, [new.entry]) for one in found}
        return [label for label, use in uses.items() if use.key_id == new.entry.key_id]

    def _state_of_the_old(self) -> str:
        """Whether what the groups had before is still valid, as Entra tells now."""
        try:
            listed = {one.key_id: one for one in self.look().credentials}
        except TaskError as error:
            return f"whether the old one is still valid could not be seen ({error.problem})"
        now = self.now()
        gone = [key_id for key_id in self.used if key_id not in listed or _is_over(listed[key_id], now)]
        if not self.used:
            return "which one the groups had before is not known" if self.known else "no group had one before"
        return f"the old one ({', '.join(gone)}) is not valid any more" if gone else "the old one is valid, too"

    def _put_back(self, member: LinkedGroup, new: NewCredential, fallback: LinkOptions) -> bool:
        """Give a group the credential that it had; whether it does not have the new one any more."""
        stored = stored_groups.get(self.dsm, member.id)
        credential = fallback.credential_for(member.group.azure_link)
        if stored is None or credential is None:
            return False
        # Of the group as it is now, only what this run has changed goes back.
        now = Group.from_stored(stored)
        on_record = now.credential_facts[0]
        if on_record not in (None, new.link.fact, member.group.credential_facts[0]):
            # Another run has written its own since.
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
                "it was there when this run began, and is not any more",
                plane="Entra",
                obj=self._obj,
                next_step="see who has removed it",
            )
        return found

    def now(self) -> datetime:
        """The present time by the clock of the services, which decide what is valid and have dated what is listed."""
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
    """The requests for an approval that may bring a credential of the application to a group; None: not to be seen."""
    found = approvals.waiting(dsm, f"application {application.display_name}")
    return None if found is None else [one for one in found if one.may_write_link_of(application.client_id)]


def held_by_requests(old: OldCredentials, requests: Sequence[ApprovalRequest] | None) -> OldCredentials:
    """Nothing is removed while a request waits: which credential it holds is not shown, and approval brings it back."""
    if not requests:
        return old
    reason = f"a request for an approval waits that may hold it: {', '.join(one.request_id for one in requests)}"
    return OldCredentials((), (*old.left, *(KeptCredential(one, reason) for one in old.gone)))


def _is_over(one: EntraCredential, now: datetime) -> bool:
    return one.ends is not None and one.ends <= now


def _has_another(
    group: Group, entry: EntraCredential, application: Application, known: Mapping[str, str | None]
) -> bool:
    """Whether the group may have another credential: its record has changed since, or names another one.

    Without a record of its own, a group does that this run has not seen to.
    """
    group_id, fact = str(group.group_id), group.credential_facts[0]
    if group_id in known and fact != known[group_id]:
        return True
    use = use_of(group.label, None, *group.credential_facts, application.credentials)
    return group_id not in known if use.key_id is None else use.key_id != entry.key_id


def _made_pair(subject: str, recipe: Recipe, now: datetime) -> Pair:
    """A pair that is never in a file."""
    certificate, key = maker.self_signed(subject, recipe.valid.days, recipe.key_size, now)
    return loading.load_pair("certificate", certificate.decode(), "private key", key.decode(), None)
