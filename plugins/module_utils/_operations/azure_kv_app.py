# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Create the application that DSM signs in as, with service principal and credentials (guide 4.1).

The guide is *Fortanix DSM - Azure Key Vault CDC Group Setup*, on
https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.applications import app_policies, application_lookup, application_plan, graph_writes, recycle_bin
from .._azure.applications.application_lookup import ApplicationSelector, ObservedApplication
from .._azure.applications.application_plan import Application, DesiredApplication, Steps
from .._azure.applications.records import application_record, application_view
from .._azure.applications.recycle_bin import FAIL, RECOVER, DeletedApplication
from .._azure.rights.sign_in import how_to_enable
from .._azure.wire import channel
from .._azure.wire.channel import Channel
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.errors import AzureError
from .._certificates import loading
from .._certificates.loading import Certificate
from .._certificates.maker import PairFiles, check_rsa
from .._dsm.groups.in_use import refuse_while_in_use, tested
from .._errors import InvalidInput, TaskError
from .._ids import checked_uuid
from .._options import AZURE, OPTIONAL_DSM
from .._plan import NOT_YET_KNOWN, Plan
from .._rest.statuses import FORBIDDEN
from .._task import Task
from .._timestamps import iso
from .._waiter import Patience

_PAIR = {
    "certificate_path": {"type": "path", "required": True},
    # A path; what is in the file is never shown.
    "key_path": {"type": "path", "required": True, "no_log": False},
    "days": {"type": "int", "default": 365},
    "key_size": {"type": "int", "choices": [2048, 3072, 4096], "default": 3072},
    "subject": {"type": "str"},
}
_SELECTORS = ("app_client_id", "app_unique_name", "app_display_name")
SPEC = AZURE.merge(
    OPTIONAL_DSM,
    ArgumentSpec(
        argument_spec={
            "app_client_id": {"type": "str"},
            "app_unique_name": {"type": "str"},
            "app_display_name": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "display_name": {"type": "str"},
            "certificates": {"type": "list", "elements": "str", "default": []},
            "generate_certificate": {"type": "dict", "options": _PAIR},
            "api_permission": {"type": "bool", "default": True},
            "admin_consent": {"type": "bool", "default": False},
            # Not secrets themselves.
            "return_secret": {"type": "bool", "default": False, "no_log": False},
            "secret_days": {"type": "int", "default": 180, "no_log": False},
            "remove_application": {"type": "bool", "default": False},
            "on_soft_deleted": {"type": "str", "choices": [FAIL, RECOVER], "default": FAIL},
            "group": {"type": "dict"},
            "wait_timeout": {"type": "int", "default": 120},
            "wait_interval": {"type": "int", "default": 2},
        },
        mutually_exclusive=(_SELECTORS,),
        required_one_of=(_SELECTORS,),
    ),
)

_LONGEST_NAME = 120
_LIFETIMES = "generate_certificate.days and secret_days"
# The replicas of Graph learn of a new object one after the other.
_READS_IN_A_ROW = 3


@dataclass(frozen=True)
class ApplicationOptions:
    """The options, checked. ``pair``: the files of a certificate that the task may generate."""

    selector: ApplicationSelector
    display_name: str
    given: tuple[Certificate, ...]
    pair: PairFiles | None
    api_permission: bool
    admin_consent: bool
    secret: timedelta | None

    def look(self, graph: Channel, cloud: Any, selector: ApplicationSelector | None = None) -> ObservedApplication:
        return application_lookup.look(
            graph,
            cloud,
            selector or self.selector,
            key_vault=self.api_permission or self.admin_consent,
            consent=self.admin_consent,
        )

    def wanted(self, observed: ObservedApplication, of_the_pair: Certificate | None) -> DesiredApplication:
        return DesiredApplication(
            display_name=self.display_name,
            unique_name=self.selector.value if self.selector.by == "unique_name" else None,
            certificates=(*self.given, *([] if of_the_pair is None else [of_the_pair])),
            pair_at=self.pair.certificate_path if self.pair is not None and of_the_pair is None else None,
            permission=observed.key_vault if self.api_permission else None,
            consent_to=observed.key_vault if self.admin_consent else None,
            secret=self.secret,
        )


def run(task: Task) -> dict[str, Any]:
    return run_with(task, options_of(task), operator_of(task))


def run_with(task: Task, request: ApplicationOptions, operator: Operator) -> dict[str, Any]:
    """The work of :func:`run`, with checked options, as this operator."""
    with channel.graph(operator, read_only=task.check_mode) as graph:
        if task.params["state"] == "absent":
            return _absent(
                task, graph, application_lookup.look(graph, operator.cloud, request.selector, **_NOTHING_ELSE)
            )
        return _present(task, graph, operator.cloud, request)


_NOTHING_ELSE = {"key_vault": False, "consent": False}


# Options ------------------------------------------------------------------------------------------------------------


def options_of(task: Task) -> ApplicationOptions:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is invalid.
    """
    params = task.params
    selector = _selector(params)
    display_name = params["display_name"]
    if display_name is not None:
        display_name = _checked_name("display_name", display_name)
    present = params["state"] == "present"
    pair = params["generate_certificate"]
    return ApplicationOptions(
        selector=selector,
        display_name=display_name or selector.value,
        given=tuple(map(_certificate, params["certificates"])) if present else (),
        pair=PairFiles.from_option("generate_certificate", pair) if present and pair is not None else None,
        api_permission=params["api_permission"],
        admin_consent=params["admin_consent"],
        secret=_secret(task) if present else None,
    )


def _selector(params: Any) -> ApplicationSelector:
    option = next(name for name in _SELECTORS if params[name] is not None)
    if option == "app_client_id":
        return ApplicationSelector("client_id", checked_uuid(option, params[option]))
    return ApplicationSelector(option.removeprefix("app_"), _checked_name(option, params[option]))


def _checked_name(option: str, name: str) -> str:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            option,
            "it is blank, too long or contains control characters",
            f"use 1 to {_LONGEST_NAME} printable characters",
        )
    return name.strip()


def _certificate(source: str) -> Certificate:
    """The application's own certificate; chain and key in the same file are not registered."""
    found = loading.load_certificate("certificates", source)
    check_rsa("certificates", found)
    loading.check_validity("certificates", found)
    return found


def _secret(task: Task) -> timedelta | None:
    if not task.params["return_secret"]:
        return None
    if not task.no_log:
        raise InvalidInput(
            "return_secret",
            "the result would show a secret in plain text, as the task does not hide its result",
            "set `no_log: true` on the task, or use certificates, which do not return a secret",
        )
    return timedelta(days=task.params["secret_days"])


# Present ------------------------------------------------------------------------------------------------------------


def _present(task: Task, graph: Channel, cloud: Any, request: ApplicationOptions) -> dict[str, Any]:
    if request.pair is not None and not task.check_mode:
        request.pair.recover()
    of_the_pair = request.pair.existing() if request.pair is not None else None
    observed = request.look(graph, cloud)
    now = task.clock.now()
    if request.pair is not None and of_the_pair is not None:
        request.pair.check_validity(of_the_pair, now)
    for certificate in request.given:
        loading.check_validity("certificates", certificate, now)
    found = observed.application
    gone = _in_the_bin(task, graph, request, found)
    if found is None and gone is None and request.selector.by == "client_id":
        raise TaskError(
            "this application does not exist in the operator's tenant",
            plane="Entra",
            obj=str(request.selector),
            next_step="check app_client_id (Application (client) ID) and the tenant. To create an application, use "
            "app_unique_name or app_display_name instead: Entra assigns the client ID",
        )
    wanted = request.wanted(observed, of_the_pair)
    base = found if gone is None else gone.application
    steps = replace(application_plan.steps_for(wanted, base, now), recover=gone is not None)
    certificates = [(app_policies.lifetime_of(one), False) for one in steps.certificates]
    if request.pair is not None and steps.pair_at is not None:
        certificates.append((timedelta(days=request.pair.days), True))
    application_lookup.refuse_what_a_policy_forbids(
        graph, replace(observed, application=base), request.display_name, certificates, steps.secret, _LIFETIMES, now
    )
    if base is not None and not base.enabled:
        task.warn(
            f"The application {base.display_name} cannot sign in: {'; '.join(base.disabled)}. Next: "
            f"{how_to_enable(base.disabled)}."
        )
    if gone is not None and gone.application.credentials:
        ids = ", ".join(one.key_id for one in gone.application.credentials)
        task.warn(f"Restoring the {gone.label} makes its former credentials valid again: {ids}.")
    if found is None and request.selector.by == "display_name":
        task.warn(
            f"The application {wanted.display_name} is identified by its display name only. If the task runs again "
            "within seconds, it may create a second application, because Microsoft Graph may not show the first one "
            "yet. Set app_unique_name to prevent that."
        )
    changes = application_plan.changes_of(wanted, base, steps)
    plan = Plan(changes if gone is None else (gone.change(), *changes))
    comes = bool(steps.certificates) or steps.pair_at is not None or steps.secret is not None
    result: dict[str, Any] = {
        "client_secret": None,
        "put_back": [],
        "connections": None,
        "credential_planned": task.check_mode and comes,
    }
    if not steps:
        after = found
    elif task.check_mode:
        after = application_plan.predicted(wanted, base, steps, now)
        if gone is not None and gone.is_registration:
            # It cannot be read before it is restored, so later tasks of the play must treat it as planned.
            after = replace(after, client_id=NOT_YET_KNOWN, object_id=NOT_YET_KNOWN, principal_id=NOT_YET_KNOWN)
    else:
        if request.pair is not None and of_the_pair is None:
            of_the_pair = request.pair.make(base.display_name if base else wanted.display_name, now)
            wanted = request.wanted(observed, of_the_pair)
            steps = replace(application_plan.steps_for(wanted, base, now), recover=gone is not None)
        work = _Work(task, graph, request, lambda one: request.look(graph, cloud, one), wanted, gone)
        after, result["client_secret"] = work.do(found, steps)
        result |= {"changed": work.wrote, **_put_back(task, after, work.put_back)}
    if request.pair is not None:
        result["certificate"] = _pair_record(request.pair, of_the_pair)
        result["key_path"] = request.pair.key_path
    return {**_result(plan, observed, found, after), **result}


def _in_the_bin(
    task: Task, graph: Channel, request: ApplicationOptions, found: Application | None
) -> DeletedApplication | None:
    """What to restore: the application, or only its service principal. Searched only if one of them is missing.

    Raises:
        TaskError: a deleted application has the name or ID, and restoring it is not requested.
    """
    wanted = task.params["on_soft_deleted"] == RECOVER
    if found is not None:
        return recycle_bin.find_principal(graph, found) if wanted and found.principal_id is None else None
    try:
        gone = recycle_bin.find(graph, request.selector)
    except AzureError as error:
        if wanted or error.status != FORBIDDEN:
            raise
        if request.selector.by == "unique_name":
            task.warn(
                "The operator has no permission to read deleted applications (Application.Read.All). If a deleted "
                "application has this unique name, Entra will refuse to create another one."
            )
        return None
    if gone is not None and not wanted:
        raise gone.refusal()
    return gone


@dataclass
class _Work:
    """Carries out the steps. ``look``: reads the application by another selector."""

    task: Task
    graph: Channel
    request: ApplicationOptions
    look: Callable[[ApplicationSelector], ObservedApplication]
    wanted: DesiredApplication
    gone: DeletedApplication | None = None
    put_back: tuple[str, ...] = ()
    # False if another client did the same at the same time.
    wrote: bool = False
    # How many writes belong to the completed steps.
    told: int = 0

    def __post_init__(self) -> None:
        self.patience = _patience(self.task)

    def do(self, found: Application | None, steps: Steps) -> tuple[Application, str | None]:
        """The resulting application, and the value of a new secret.

        Raises:
            TaskError: a step failed. The message says that the next run continues from there.
        """
        done: list[str] = []
        try:
            return self._do(found, steps, done)
        except TaskError as error:
            if not done:
                raise
            failure = error
        # Writes that were accepted in the failed step are done, too.
        done += [f"{one.obj} ({one.action})" for one in self.graph.journal.done[self.told :]]
        raise failure.reworded(
            f"{failure.problem}; already done: {', '.join(done)}",
            next_step=_going_on(failure.next_step),
            done=done,
        )

    def _do(self, found: Application | None, steps: Steps, done: list[str]) -> tuple[Application, str | None]:
        if self.gone is not None:
            recycle_bin.restore(self.graph, self.gone, self.patience)
            self._note(done, f"{self.gone.label} restored")
            self.wrote = True
            was = self.gone.application
            found = self._visible(
                ApplicationSelector("client_id", was.client_id), with_principal=was.principal_id is not None
            )
        if found is None:
            # An answer without it may be stale, and creating it replaces what it has.
            found = self.look(self.request.selector).application
        if found is None:
            wanted = self.wanted
            client_id = graph_writes.create(self.graph, wanted.display_name, wanted.unique_name)
            self._note(done, "application created")
            self.wrote = True
            found = self._visible(ApplicationSelector("client_id", client_id) if client_id else self.request.selector)
        if found.principal_id is None:
            graph_writes.create_principal(self.graph, found.client_id, self.patience)
            self._note(done, "service principal created")
            self.wrote = True
            found = self._visible(ApplicationSelector("client_id", found.client_id), with_principal=True)
        if steps.creates:
            # It may have existed before, not listed, and have more than a new one has.
            steps = replace(self._missing(found), create_principal=True)
        changed = graph_writes.update(
            self.graph,
            found,
            certificates=steps.certificates,
            permission=steps.permission,
            patience=self.patience,
        )
        if changed is not None:
            self._note(done, "application updated")
            self.put_back = changed.put_back
            self.wrote = self.wrote or changed.wrote
        if steps.consent and self.wanted.consent_to is not None:
            given = graph_writes.set_consent(self.graph, found, self.wanted.consent_to, self.patience)
            self._note(done, "admin consent granted")
            self.wrote = self.wrote or given
        found = self._settled(found, 1 if not steps.creates else _READS_IN_A_ROW)
        if steps.secret is None:
            return found, None
        # Last: a failure in a later step would lose the value.
        ends = self.task.clock.now() + steps.secret
        value, credential = graph_writes.add_secret(self.graph, found, ends, self.patience)
        self.wrote = True
        return replace(found, credentials=(*found.credentials, credential)), value

    def _note(self, done: list[str], step: str) -> None:
        done.append(step)
        self.told = len(self.graph.journal.done)

    def _missing(self, found: Application | None) -> Steps:
        return application_plan.steps_for(self.wanted, found, self.task.clock.now())

    def _visible(self, selector: ApplicationSelector, *, with_principal: bool = False) -> Application:
        """The new object, as soon as Graph shows it."""
        while True:
            found = self.look(selector).application
            if found is not None and (found.principal_id is not None or not with_principal):
                return found
            if not self.patience.pause():
                raise AzureError(
                    "the new object is not visible yet",
                    plane="Entra",
                    obj=str(selector),
                    next_step="wait a minute and run the task again, or increase wait_timeout",
                )

    def _settled(self, found: Application, reads: int) -> Application:
        """Read until several answers in a row show everything, or until the time is over.

        Raises:
            AzureError: the last answer does not show what was done: another client may have removed it.
        """
        in_a_row = 0
        while True:
            seen = self.look(ApplicationSelector("client_id", found.client_id)).application
            missing = Steps(create=True) if seen is None else replace(self._missing(seen), secret=None)
            in_a_row, found = (0 if missing else in_a_row + 1, seen or found)
            if in_a_row >= reads:
                return found
            if self.patience.pause():
                continue
            if missing:
                raise AzureError(
                    "the change is not visible; another client may have removed it, or not every server of Microsoft "
                    "Graph shows it yet",
                    plane="Entra",
                    obj=f"application {found.display_name}",
                    next_step="wait a minute and run the task again, or increase wait_timeout",
                    retryable=True,
                )
            self.task.warn(
                f"Some servers of Microsoft Graph may not show the changes of the application {found.display_name} "
                "yet. Run the task again before you rely on them."
            )
            return found


# Absent -------------------------------------------------------------------------------------------------------------


def _absent(task: Task, graph: Channel, observed: ObservedApplication) -> dict[str, Any]:
    found = observed.application
    if found is None:
        return {**_result(Plan(), observed, None, None), "left": []}
    if task.params["remove_application"] and not found.is_ours:
        raise TaskError(
            f'this collection did not create the application (it has no tag "{application_plan.MARK}"), and deletes '
            "only applications that it created",
            plane="Entra",
            obj=f"application {found.display_name} ({found.client_id})",
            next_step="omit remove_application to remove only the credentials that this collection created, or have "
            "the owner delete the application",
        )
    removal = application_plan.removal_of(found, remove_application=task.params["remove_application"])
    plan = Plan(application_plan.changes_of_removal(found, removal))
    if plan:
        refuse_while_in_use(task, found.client_id, what="this application")
    changed: dict[str, Any] = {}
    if not task.check_mode and removal.application:
        graph_writes.remove(graph, found)
    elif not task.check_mode and removal.credentials:
        removed = graph_writes.remove_credentials(graph, found, removal.credentials, _patience(task))
        changed = {"changed": removed.wrote}
    after = None if removal.application else application_plan.without(found, removal)
    left = application_plan.what_is_left(found, removal)
    return {**_result(plan, observed, found, after), **changed, "left": left}


def _patience(task: Task) -> Patience:
    return Patience.of(task.params["wait_timeout"], float(task.params["wait_interval"]))


# Results ------------------------------------------------------------------------------------------------------------


def _result(
    plan: Plan, observed: ObservedApplication, before: Application | None, after: Application | None
) -> dict[str, Any]:
    permission = observed.key_vault
    views = [application_view(one, permission) if plan else {} for one in (before, after)]
    return {
        "changed": bool(plan),
        "plan": plan.as_result(),
        "diff": {"before": views[0], "after": views[1]},
        "application": None if after is None else application_record(after, permission),
    }


def _going_on(next_step: str) -> str:
    again = "run the task again"
    return next_step if again in next_step else f"{next_step or 'correct the cause'}; {again}; it continues from there"


def _put_back(task: Task, application: Application, put_back: tuple[str, ...]) -> dict[str, Any]:
    """Entries that a third party removed and the task restored, and the connections of the application's groups."""
    if not put_back:
        return {"put_back": [], "connections": None}
    task.warn(
        f"Another client overwrote the application {application.display_name} at the same time. The task restored what "
        f"was lost: {', '.join(put_back)}."
    )
    return {"put_back": list(put_back), "connections": tested(task, application.client_id)}


def _pair_record(files: PairFiles, certificate: Certificate | None) -> dict[str, Any]:
    known = certificate is not None
    return {
        "path": files.certificate_path,
        "thumbprint": certificate.sha1 if certificate else None,
        "not_after": iso(certificate.not_after) if certificate else None,
        "planned": not known,
    }
