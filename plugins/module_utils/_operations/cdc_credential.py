# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Renew the credential that an application shares with all groups that use it (guide 4.1, 4.3).

The guide is *Fortanix DSM - Azure Key Vault CDC Group Setup*, on
https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from .. import _time
from .._argspec import ArgumentSpec
from .._azure.applications import application_lookup
from .._azure.applications.app_policies import lifetime_of
from .._azure.applications.application_lookup import ApplicationSelector
from .._azure.wire import channel
from .._azure.wire.channel import Channel
from .._azure.wire.credential import Operator, operator_of
from .._certificates import loading
from .._certificates.loading import Pair
from .._dsm.account.approval_requests import GuardedOperation
from .._dsm.account.approvals import Approval, Asking
from .._dsm.groups import concurrent_changes, desired, link_edit, stored_groups
from .._dsm.groups.stored_groups import Group
from .._dsm.link.azure_link import LinkCredential
from .._dsm.link.options import LinkOptions
from .._dsm.wire import routes
from .._dsm.wire.client import DsmClient
from .._dsm.wire.client import connect as connect_dsm
from .._errors import InvalidInput, TaskError
from .._ids import checked_uuid
from .._options import APPROVAL, AZURE, DSM, TLS_OPTIONS, VAULT
from .._plan import NOT_YET_KNOWN, Plan, refuse_planned
from .._rotation import report
from .._rotation.plan import CERTIFICATE, SECRET, OldCredentials, RenewalPolicy
from .._rotation.report import RenewalResult
from .._rotation.rollout import NewCredential, Recipe, Rollout
from .._rotation.snapshot import RenewalOptions, RotationSnapshot, look
from .._task import Task
from .._timestamps import day

T = TypeVar("T")

_SELECTORS = ("app_client_id", "app_unique_name", "app_display_name")
_PAIR: Mapping[str, Mapping[str, Any]] = {
    "link_certificate": {"type": "str"},
    "link_private_key": {"type": "str", "no_log": True},
    "link_private_key_passphrase": {"type": "str", "no_log": True},
}
_PAIR_OR_SECRET: Mapping[str, Any] = {"link_client_secret": {"type": "str", "no_log": True}, **_PAIR}
_NEW_GROUP: Mapping[str, Any] = {
    "name": {"type": "str", "required": True},
    "description": {"type": "str"},
    "custom_metadata": {"type": "dict"},
    "azure_service": {"type": "str", "choices": ["global", "us_government"]},
    "link_tenant_id": {"type": "str", "required": True},
    "link_subscription_id": {"type": "str", "required": True},
    "link_format": {"type": "str", "choices": ["modern", "legacy"]},
    "link_certificate_format": {"type": "str", "choices": ["der", "pem"]},
    "tls": {"type": "dict", "options": TLS_OPTIONS},
    "vault": VAULT.argument_spec["vault"],
}
SPEC = DSM.merge(
    AZURE,
    APPROVAL,
    ArgumentSpec(
        argument_spec={
            **{name: {"type": "str"} for name in _SELECTORS},
            "principal_planned": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["current"], "default": "current"},
            "type": {"type": "str", "choices": [CERTIFICATE, SECRET]},
            **_PAIR,
            "new_groups": {"type": "list", "elements": "dict", "options": _NEW_GROUP, "default": []},
            "current_credential": {
                "type": "dict",
                "options": _PAIR_OR_SECRET,
                "mutually_exclusive": [("link_client_secret", "link_certificate")],
                "required_one_of": [("link_client_secret", "link_certificate")],
            },
            "tls": {"type": "dict", "options": TLS_OPTIONS},
            "keep_old_cas": {"type": "bool", "default": True},
            "renew": {"type": "str", "choices": ["when_due", "always"], "default": "when_due"},
            "renew_before_days": {"type": "int", "default": 30},
            "valid_days": {"type": "int", "default": 180},
            # The length of a key, not a key.
            "key_size": {"type": "int", "choices": [2048, 3072, 4096], "default": 3072, "no_log": False},
            "proof": {"type": "str", "choices": ["check", "sync"], "default": "check"},
            "sync_timeout": {"type": "int", "default": 600},
            "grace_time": {"type": "int", "default": 0},
            "remove_old": {"type": "bool", "default": True},
            "takeover_after": {"type": "int", "default": 120},
            "wait_timeout": {"type": "int", "default": 300},
            "wait_interval": {"type": "int", "default": 5},
        },
        mutually_exclusive=(_SELECTORS,),
        required_one_of=(_SELECTORS,),
    ),
)

# Never sent: only used to check whether the rest of a link is complete.
_STAND_IN = {"mode": "client_secret", "client_secret": ""}


def run(task: Task) -> dict[str, Any]:
    request = options_of(task)
    operator = operator_of(task)
    with connect_dsm(task, read_only=task.check_mode) as dsm:
        return run_with(task, request, operator, dsm)


def run_with(task: Task, request: RenewalOptions, operator: Operator, dsm: DsmClient) -> dict[str, Any]:
    """The work of :func:`run`, with checked options, as this operator and with this client."""
    with channel.graph(operator, read_only=task.check_mode) as graph:
        snapshot = look(task, graph, dsm, operator, request)
        _check_what_was_given(task, request, snapshot.now)
        for note in snapshot.notes:
            task.warn(note)
        if snapshot.requests is None:
            task.warn(
                "The DSM identity cannot list approval requests. A pending request may contain a credential that this "
                "task removes. If that request is approved later, its group loses access to Azure."
            )
        if snapshot.reason is not None:
            _refuse_before_anything_is_made(graph, request, snapshot)
        old = report.expected_old(request, snapshot)
        made = [_make_group(task, dsm, one, NOT_YET_KNOWN, None) for one in snapshot.to_make]
        plan = report.plan_of(request, snapshot, made, old)
        if task.check_mode or not plan:
            done = RenewalResult(
                report.expected(request, snapshot),
                old,
                changed=bool(plan) and not _only_waits(snapshot),
                planned=bool(plan),
                made=[one["group"] for one in made],
                approvals=snapshot.approvals,
            )
            return report.result(request, snapshot, plan, done)
        return _carry_out(task, graph, dsm, operator, request, snapshot, plan)


# Options ------------------------------------------------------------------------------------------------------------


def options_of(task: Task) -> RenewalOptions:
    """The options, checked without any request.

    Raises:
        InvalidInput: one of them is invalid.
    """
    params = task.params
    if not task.check_mode:
        planned = params["principal_planned"]
        refuse_planned("principal_planned", planned, "the service principal of the application", "creates it")
    if params["valid_days"] <= params["renew_before_days"]:
        raise InvalidInput(
            "valid_days",
            f"a new credential would be due for renewal immediately: it is valid for {params['valid_days']} days and "
            f"is renewed when {params['renew_before_days']} days are left",
            "increase valid_days or decrease renew_before_days",
        )
    given = LinkOptions.from_params(params)
    if given.pair is not None and params["type"] == SECRET:
        raise InvalidInput(
            "link_certificate", "it is set, but type is secret", "omit link_certificate, or set type: certificate"
        )
    renew_before = timedelta(days=params["renew_before_days"])
    # Clearly too short: rejected before any request. The rest is checked against the clock of the services.
    _refuse_what_is_due(given.pair, renew_before, _time.utc_now() - loading.CLOCK_DOUBT)
    kind = CERTIFICATE if given.pair is not None else params["type"]
    held = params["current_credential"]
    return RenewalOptions(
        selector=_selector(params),
        wish=RenewalPolicy(
            kind=kind,
            renew_before=renew_before,
            always=params["renew"] == "always",
            remove_old=params["remove_old"],
            takeover_after=timedelta(seconds=params["takeover_after"]),
            sha256=given.pair.certificate.sha256 if given.pair else None,
        ),
        recipe=Recipe(kind or CERTIFICATE, timedelta(days=params["valid_days"]), params["key_size"], given.pair),
        tls=given.tls,
        keep_old_cas=params["keep_old_cas"],
        new_groups=tuple(map(_new_group, params["new_groups"])),
        asking=Asking.from_params(params),
        fallback=None if held is None else _within("current_credential", lambda: LinkOptions.from_params(held)),
    )


def _refuse_what_is_due(pair: Pair | None, renew_before: timedelta, now: datetime) -> None:
    if pair is not None and pair.certificate.not_after - now < renew_before:
        raise InvalidInput(
            "link_certificate",
            f"it expires on {day(pair.certificate.not_after)}, in less than renew_before_days",
            "set a certificate that is valid longer, or decrease renew_before_days",
        )


def _selector(params: Mapping[str, Any]) -> ApplicationSelector:
    option = next(name for name in _SELECTORS if params[name] is not None)
    if option == "app_client_id":
        return ApplicationSelector("client_id", checked_uuid(option, params[option]))
    if not params[option].strip():
        raise InvalidInput(option, "it is blank", "set the name of the application")
    return ApplicationSelector(option.removeprefix("app_"), params[option].strip())


def _new_group(given: Mapping[str, Any]) -> desired.DesiredGroup:
    """A group to create. Its application is the one that the task selects."""
    params = {"group_id": None, "update_credential": "on_create", **given}
    return _within("new_groups", lambda: desired.wanted_from(params))


def _within(option: str, read: Callable[[], T]) -> T:
    """Read suboptions; errors name the option that contains them."""
    try:
        return read()
    except InvalidInput as error:
        refused = error
    raise InvalidInput(f"{option}.{refused.obj}", refused.problem, refused.next_step)


def _check_what_was_given(task: Task, request: RenewalOptions, now: datetime) -> None:
    """Check the certificates in the options against the clock of the services."""
    request.tls.check_expiry(task.warn, now)
    pair = request.recipe.pair
    if pair is not None:
        loading.check_validity("link_certificate", pair.certificate, now)
        _refuse_what_is_due(pair, request.wish.renew_before, now)


# Planning -----------------------------------------------------------------------------------------------------------


def _refuse_before_anything_is_made(graph: Channel, request: RenewalOptions, snapshot: RotationSnapshot) -> None:
    """Find, before the first write, what would stop the run half-way."""
    for wanted in snapshot.to_make:
        label, body = wanted.label, {"name": wanted.name}
        creation = GuardedOperation("POST", routes.GROUPS, label, "new group", name=wanted.name, body=body)
        asked = next((found for found in snapshot.requests or () if creation.is_crossed_by(found)), None)
        if asked is not None:
            raise TaskError(
                f"its creation is already pending approval: {asked.label}",
                plane="DSM",
                obj=label,
                next_step="approve, deny or withdraw that request in DSM, and run the task again. No credential was "
                "created",
                retryable=True,
                approval={"id": asked.request_id, "requester": asked.requester},
            )
    pair, kind = request.recipe.pair, snapshot.decision.kind
    certificates = (
        [] if kind == SECRET else [(lifetime_of(pair.certificate) if pair else request.recipe.valid, pair is None)]
    )
    application_lookup.refuse_what_a_policy_forbids(
        graph,
        snapshot.observed,
        snapshot.application.display_name,
        certificates if snapshot.registered(request.recipe) is None else [],
        request.recipe.valid if kind == SECRET else None,
        "valid_days",
        snapshot.now,
    )
    for one in snapshot.to_switch(request.recipe):
        # Fails if a secret is missing that must be part of every link that is sent.
        link_edit.config_of(one.target.azure_link, LinkCredential(_STAND_IN, str, tls_key=one.tls_key))


def _make_group(
    task: Task,
    dsm: DsmClient,
    wanted: desired.DesiredGroup,
    client_id: str,
    made: LinkCredential | None,
    before_write: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Create a group as `cdc_group` does; only plan it while there is no credential yet."""
    link = replace(wanted.link, client_id=client_id, made=made)
    guards = {"allow_move": False, "allow_disconnect": False}
    as_task = replace(task, params=guards, check_mode=made is None)
    return desired.make(dsm, as_task, None, replace(wanted, link=link), Asking.from_params(task.params), before_write)


# Doing --------------------------------------------------------------------------------------------------------------


def _carry_out(
    task: Task,
    graph: Channel,
    dsm: DsmClient,
    operator: Operator,
    request: RenewalOptions,
    snapshot: RotationSnapshot,
    plan: Plan,
) -> dict[str, Any]:
    recipe = replace(request.recipe, kind=snapshot.decision.kind)
    made: list[dict[str, Any]] = []
    # Groups that DSM creates after approval.
    waiting: dict[str, Approval] = {}

    def make(new: NewCredential) -> Iterator[Group]:
        for wanted in snapshot.to_make:
            label = wanted.label
            with rotation.holding(label):
                result = _make_group(
                    task, dsm, wanted, snapshot.application.client_id, new.link, partial(rotation.holds, label)
                )
            made.append(result["group"])
            if result["pending"]:
                told = result["approval"]
                waiting[str(wanted.name)] = Approval(
                    told["status"], told["id"], told["expires"], told["requester"], told["filed"]
                )
                continue
            stored = stored_groups.get(dsm, result["group"]["group_id"])
            if stored is None:
                raise concurrent_changes.lost("DSM created the group and then did not find it", label)
            yield Group.from_stored(stored)

    rotation = Rollout(
        graph=graph,
        dsm=dsm,
        operator=operator,
        application=snapshot.application,
        wish=request.wish,
        wait_timeout=float(task.params["wait_timeout"]),
        wait_interval=float(task.params["wait_interval"]),
        warn=task.warn,
        known={one.id: one.group.credential_facts[0] for one in snapshot.members},
        asking=request.asking,
        sync_timeout=task.params["sync_timeout"] if task.params["proof"] == "sync" else None,
        grace=float(task.params["grace_time"]),
        used=snapshot.used,
    )
    new: NewCredential | None = None
    try:
        if snapshot.reason is not None:
            members = snapshot.to_switch(recipe)
            if snapshot.asked_for is not None:
                new = snapshot.asked_for
                rotation.resume(new, members)
            else:
                new = rotation.add(recipe, _tenant_of(snapshot))
                rotation.prove(new, members)
                rotation.switch(new, members, make)
        current = report.expected(request, snapshot) if new is None else new.entry
        old = OldCredentials()
        if not rotation.is_pending and not waiting:
            old = rotation.retire(current)
        if rotation.removed or rotation.put_back:
            rotation.confirm(snapshot.members)
    except TaskError as error:
        failure = error
    else:
        approvals = {**rotation.approvals, **waiting}
        filed = any(one.filed for one in approvals.values())
        wrote = rotation.wrote or bool(rotation.put_back or made)
        changed = wrote or filed or (new is not None and new.added)
        if rotation.put_back:
            task.warn(
                f"Another client overwrote the application {snapshot.application.display_name} at the same time. "
                f"The task restored what was lost: {', '.join(rotation.put_back)}."
            )
        done = RenewalResult(
            current,
            old,
            changed=changed,
            made=made,
            connections=rotation.connections,
            approvals=approvals,
            put_back=rotation.put_back,
        )
        return report.result(request, snapshot, plan, done)
    raise _told(failure, rotation, new, request, snapshot)


def _only_waits(snapshot: RotationSnapshot) -> bool:
    """Whether the only thing left is to wait for the approvers."""
    return bool(snapshot.approvals) and all(one.is_pending for one in snapshot.approvals.values())


def _tenant_of(snapshot: RotationSnapshot) -> str:
    tenants = [one.group.azure_link.tenant_id for one in snapshot.members]
    return tenants[0] if tenants else str(snapshot.to_make[0].link.tenant_id)


def _told(
    failure: TaskError,
    rotation: Rollout,
    new: NewCredential | None,
    request: RenewalOptions,
    snapshot: RotationSnapshot,
) -> TaskError:
    """The failure with the state of the planes: completed steps, and the state of the new credential."""
    connections: dict[str, str] = {}
    unknown = rotation.dsm.journal.unknown
    if new is None or rotation.removed:
        after = ""
    else:
        try:
            after = rotation.take_back(new, request.fallback)
        except TaskError as error:
            after = f"the new credential could not be removed ({error.problem}); the next run handles it"
        if new.added and new.entry.kind == CERTIFICATE:
            connections = rotation.seen_now(snapshot.members)
    down = sorted(name for name, status in connections.items() if status == "not_connected")
    if down:
        after += f"; the connection test now fails for these groups: {', '.join(down)}"
    told = failure.reworded(
        f"{failure.problem}; {after}" if after else failure.problem,
        switched=list(rotation.switched),
        removed=[one.record() for one in rotation.removed],
        new_credential=None if new is None else new.entry.record(),
        connections=connections,
        after=after or None,
    )
    # The problem covers only the last write.
    told.tells_unknown = failure.tells_unknown and rotation.dsm.journal.unknown == unknown
    return told
