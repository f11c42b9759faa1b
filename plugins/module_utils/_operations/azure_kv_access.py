# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Revokes an application's access to keys in an emergency, and restores it from a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.applications import registrations
from .._azure.applications.registrations import Registration
from .._azure.break_glass import access_findings, access_requests, access_steps
from .._azure.break_glass.access_steps import EnabledStep, Step
from .._azure.break_glass.execution import StepRun, look
from .._azure.break_glass.record import Record, merged
from .._azure.rights.facts import KeyStore
from .._azure.vaults import vault_lookup
from .._azure.vaults.vault_lookup import Locator
from .._azure.wire.cloud import Cloud, cloud_of_uri
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.session import Azure, connect, retryable, understood
from .._dsm.groups import stored_groups
from .._dsm.link.azure_link import Link
from .._dsm.wire.client import connect as connect_dsm
from .._dsm.wire.kinds import is_azure
from .._errors import InvalidInput, TaskError
from .._ids import checked_uuid, is_uuid
from .._names import path_key, same_name
from .._options import AZURE, OPTIONAL_DSM
from .._rest.statuses import NOT_FOUND
from .._task import Task
from .._timestamps import iso, parse_iso

_NAMES = ("resource_id", "name", "uri")
_VAULT = {
    "resource_id": {"type": "str"},
    "name": {"type": "str"},
    "uri": {"type": "str"},
    "resource_group": {"type": "str"},
}
SPEC = AZURE.merge(
    OPTIONAL_DSM,
    ArgumentSpec(
        argument_spec={
            "state": {"type": "str", "choices": ["revoked", "restored"], "required": True},
            "app_client_id": {"type": "str", "required": True},
            "app_object_id": {"type": "str"},
            "confirm_client_id": {"type": "str"},
            "vaults": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": _VAULT,
                "mutually_exclusive": [_NAMES],
                "required_one_of": [_NAMES],
            },
            "record": {"type": "dict"},
            "cut_credentials": {"type": "bool", "default": False},
            # Minutes, not a token.
            "token_lifetime": {"type": "int", "default": 90, "no_log": False},
            "wait_timeout": {"type": "int", "default": 60},
            "wait_interval": {"type": "int", "default": 5},
        },
        required_if=(("state", "restored", ("record",)),),
    ),
)


@dataclass(frozen=True)
class _Request:
    """The checked options. ``lifetime``: the maximum lifetime of a token."""

    client_id: str
    object_id: str | None
    locators: tuple[Locator, ...]
    record: Record | None
    credentials: bool
    lifetime: timedelta


def run(task: Task) -> dict[str, Any]:
    operator = operator_of(task)
    request = _request(task, operator)
    with connect(operator, read_only=task.check_mode) as azure, retryable():
        with understood(f"application {request.client_id}"):
            registration = registrations.registration(azure.graph, request.client_id, request.object_id)
        if task.params["state"] == "restored":
            return _restore(task, azure, request, registration)
        return _cut(task, azure, request, registration)


# Options ------------------------------------------------------------------------------------------------------------


def _request(task: Task, operator: Operator) -> _Request:
    params = task.params
    client_id = checked_uuid("app_client_id", params["app_client_id"])
    if client_id == operator.client_id:
        raise InvalidInput(
            "app_client_id",
            "it is the operator's own application, which would lose its access before the task is complete",
            "set the client ID of the application that DSM uses, or use another identity as operator",
        )
    object_id = params["app_object_id"]
    record = None if not params["record"] else Record.parse(params["record"])
    if record is not None:
        _check_record(record, client_id, operator)
    if params["state"] == "restored" and record is None:
        raise InvalidInput(
            "record",
            "it is empty",
            "set it to `record` in the result of azure_kv_access with state: revoked (break_glass.yml saves it in "
            f"record-{client_id}.json)",
        )
    if params["state"] == "revoked":
        _check_cut(task, client_id, record)
    return _Request(
        client_id=client_id,
        object_id=None if object_id is None else checked_uuid("app_object_id", object_id),
        locators=tuple(_locator(option, operator.cloud) for option in params["vaults"]),
        record=record,
        credentials=params["cut_credentials"],
        lifetime=timedelta(minutes=params["token_lifetime"]),
    )


def _check_cut(task: Task, client_id: str, record: Record | None) -> None:
    params = task.params
    confirmed = str(params["confirm_client_id"] or "").strip()
    # Check mode needs no confirmation.
    if not task.check_mode and not same_name(confirmed, client_id):
        raise InvalidInput(
            "confirm_client_id",
            "it is not the same as app_client_id",
            "set it to the client ID of the application whose access you want to revoke, once you are sure",
        )
    if not params["vaults"] and params["dsm_endpoint"] is None and record is None:
        raise InvalidInput(
            "vaults",
            "it is empty, and without dsm_endpoint the vaults cannot be determined from the groups in DSM",
            "list the vaults, or set dsm_endpoint and the DSM credentials",
        )


def _check_record(record: Record, client_id: str, operator: Operator) -> None:
    """A record of another application, cloud or tenant would grant access to the wrong principal."""
    if not same_name(record.application.client_id, client_id):
        raise InvalidInput(
            "record",
            f"it belongs to the application {record.application.client_id}, not to {client_id}",
            "set the record of this application",
        )
    if record.cloud != operator.cloud.name:
        raise InvalidInput(
            "record",
            f"it belongs to the cloud {record.cloud}, but the operator uses {operator.cloud.name}",
            f"set cloud_environment: {record.cloud}",
        )
    tenant = operator.tenant_id or ""
    if record.tenant_id is not None and is_uuid(tenant) and not same_name(tenant, record.tenant_id):
        raise InvalidInput(
            "record",
            f"it belongs to the tenant {record.tenant_id}, but the operator uses {tenant}",
            "use an operator in the tenant of the record",
        )


def _locator(option: Mapping[str, Any], cloud: Cloud) -> Locator:
    if option["name"] is None and option["resource_group"] is not None:
        raise InvalidInput("vaults.resource_group", "it can only be set together with name", "omit it")
    return Locator.from_option(option, cloud)


# Revoking -----------------------------------------------------------------------------------------------------------


def _cut(task: Task, azure: Azure, request: _Request, registration: Registration) -> dict[str, Any]:
    users, stores, troubles = _stores_to_cut(task, azure, request)
    before = look(azure, registration, stores, credentials=request.credentials)
    before.troubles[:0] = troubles
    steps = access_steps.split(request.record, access_steps.cut_steps(before.seen, credentials=request.credentials))
    if request.credentials and before.seen.application.application_object_id is None:
        before.troubles.append(_no_registration(registration, azure.operator))
    if steps and not task.check_mode and request.record is None:
        raise _refuse_without_record()
    record = merged(request.record, before.seen)
    objection = partial(_objection, request.record)
    work = StepRun(task, azure, True, before, steps, registration, objection, request.credentials)
    after = work.do(
        stores,
        lambda seen: access_steps.split(request.record, access_steps.cut_steps(seen, credentials=request.credentials)),
    )
    if work.has_done(EnabledStep):
        # Use the clock of Entra, which issues the tokens.
        record = replace(record, disabled_at=iso(azure.now()))
    if request.credentials:
        after.findings.extend(access_findings.signing_stays(before.seen, registration.identity.signing))
    else:
        after.findings.extend(access_findings.credentials_stay(before.seen))
    extra = {
        "record": record.document(),
        "groups": users,
        "still_valid_until": None if task.check_mode else _still_valid_until(request, record, after.seen, azure.now()),
    }
    return work.result(after, extra)


def _stores_to_cut(
    task: Task, azure: Azure, request: _Request
) -> tuple[list[dict[str, Any]], list[KeyStore], list[TaskError]]:
    """The vaults that are listed, those of the groups in DSM that use the application, and those of the record."""
    users, troubles = _users(task, request.client_id)
    wanted: list[Callable[[], KeyStore]] = [
        partial(vault_lookup.find, azure.arm, locator, azure.operator) for locator in request.locators
    ]
    links = {str(user["vault_uri"]): str(user["subscription_id"]) for user in users if user["vault_uri"]}
    wanted += [partial(_store_of_link, azure, uri, subscription_id) for uri, subscription_id in links.items()]
    if request.record is not None:
        wanted += _stores_of(azure, request.record)
    return users, _found(wanted, troubles), troubles


def _stores_of(azure: Azure, record: Record) -> list[Callable[[], KeyStore]]:
    return [partial(access_requests.found_at, azure, entry.resource_id) for entry in record.stores]


def _found(wanted: Iterable[Callable[[], KeyStore]], troubles: list[TaskError]) -> list[KeyStore]:
    """Each vault once. One that does not respond must not prevent the work at the others."""
    stores: dict[str, KeyStore] = {}
    for find in wanted:
        try:
            with understood("vault"):
                store = find()
        except InvalidInput:
            raise
        except TaskError as error:
            trouble = _may_come_back(error)
            if str(trouble) not in map(str, troubles):
                troubles.append(trouble)
            continue
        stores.setdefault(path_key(store.resource_id), store)
    return list(stores.values())


def _may_come_back(error: TaskError) -> TaskError:
    """A deleted vault keeps its access policies: recovering it restores them."""
    if error.details.get("status") != NOT_FOUND:
        return error
    return error.reworded(
        error.problem,
        next_step="if the vault was deleted, a recovery restores its access policies (`az keyvault list-deleted`): run "
        "the task again after a recovery, or prevent the recovery. Otherwise check the name of the vault and that the "
        "operator has permission to read it",
    )


def _users(task: Task, client_id: str) -> tuple[list[dict[str, Any]], list[TaskError]]:
    """The groups in DSM that use the application, or the error of reading them."""
    if task.params["dsm_endpoint"] is None:
        return [], []
    try:
        return _groups(task, client_id), []
    except InvalidInput:
        raise
    except TaskError as error:
        return [], [error]


def _groups(task: Task, client_id: str) -> list[dict[str, Any]]:
    found = []
    with connect_dsm(task, read_only=True) as dsm:
        for stored in stored_groups.list_all(dsm):
            configs = (stored.get("hmg") or {}).items()
            for link in (Link.from_stored(hmg_id, config) for hmg_id, config in configs if is_azure(config)):
                if link.client_id == client_id:
                    found.append(
                        {
                            "group_id": str(stored["group_id"]),
                            "name": str(stored["name"]),
                            "vault_uri": link.vault_uri or None,
                            "subscription_id": link.subscription_id,
                        }
                    )
    return sorted(found, key=lambda group: str(group["name"]))


def _store_of_link(azure: Azure, uri: str, subscription_id: str) -> KeyStore:
    if cloud_of_uri(uri) is not azure.operator.cloud:
        raise TaskError(
            f"a group in DSM uses the application with {uri}, which is not in {azure.operator.cloud.name}",
            plane="Azure",
            obj=f"vault ({uri})",
            next_step="run the same task with cloud_environment set to the cloud of that vault",
        )
    return vault_lookup.find(azure.arm, Locator(uri=uri), replace(azure.operator, subscription_id=subscription_id))


def _refuse_without_record() -> TaskError:
    return TaskError(
        "it is missing, so the removed access could not be restored",
        plane="Option",
        obj="record",
        next_step="run the task in check mode, save the record that it returns to a file, and set record to it; "
        "break_glass.yml does this",
        unchanged=True,
    )


def _objection(record: Record | None, step: Step) -> TaskError | None:
    """Only what the record contains is removed; anything else appeared after the record was created."""
    if record is not None and access_steps.is_recorded(record, step):
        return None
    return TaskError(
        f'"{access_steps.action_of(step, cut=True)}" was skipped, because the record does not contain it',
        plane=access_steps.plane_of(step),
        obj=access_steps.object_of(step),
        next_step="create the record again (in check mode, with the existing record)",
    )


def _no_registration(registration: Registration, operator: Operator) -> TaskError:
    identity, tenant = registration.identity, operator.tenant_id
    home = identity.home_tenant_id
    if home and tenant and is_uuid(tenant) and not same_name(home, tenant):
        problem = f"the application is registered in another tenant ({home}), so its credentials remain registered"
        next_step = "have the credentials removed in that tenant"
    else:
        problem = "the operator cannot read the app registration, so its credentials remain registered"
        next_step = (
            "grant the operator Application.ReadWrite.All in Microsoft Graph; if it owns the application, "
            "Application.ReadWrite.OwnedBy is enough"
        )
    return TaskError(
        problem,
        plane="Entra",
        obj=f"application {identity.client_id}",
        server_words=registration.unreadable.get("application", ""),
        next_step=next_step,
    )


def _no_registration_to_restore(registration: Registration) -> TaskError:
    return TaskError(
        "the app registration cannot be read, so its certificates in the record are not restored",
        plane="Entra",
        obj=f"application {registration.identity.client_id}",
        server_words=registration.unreadable.get("application", ""),
        next_step="run the task again with the same record; if the problem persists, grant the operator "
        "Application.Read.All in Microsoft Graph, or check whether the registration was deleted. Everything else was "
        "done",
        retryable=True,
    )


def _still_valid_until(request: _Request, record: Record, seen: Record, now: datetime) -> str | None:
    """The latest time at which an issued token may be accepted; None while new ones are still issued."""
    if seen.application.account_enabled is not False:
        return None
    # If another client disabled it, the time is unknown: assume now.
    since = parse_iso(record.disabled_at) or now
    return iso(since + request.lifetime)


# Restoring ----------------------------------------------------------------------------------------------------------


def _restore(task: Task, azure: Azure, request: _Request, registration: Registration) -> dict[str, Any]:
    record = request.record
    if record is None:
        raise AssertionError("required with state: restored")
    if not same_name(registration.identity.object_id, record.application.object_id):
        raise TaskError(
            f"the record belongs to the service principal {record.application.object_id}, but the application now has "
            f"the service principal {registration.identity.object_id}",
            plane="Entra",
            obj=f"application {request.client_id}",
            next_step="the service principal was recreated, or the record belongs to another tenant: grant the "
            "permissions again (azure_kv_prereqs)",
            unchanged=True,
        )
    users, troubles = _users(task, request.client_id)
    stores = _found(_stores_of(azure, record), troubles)
    credentials = bool(record.application.certificates)
    before = look(azure, registration, stores, judge=False, credentials=credentials)
    before.troubles[:0] = troubles
    now = azure.now()
    if before.seen.application.application_object_id is None and access_steps.has_certificates_to_bring_back(
        record, now
    ):
        before.troubles.append(_no_registration_to_restore(registration))
    steps = access_steps.restore_steps(record, before.seen, now)
    lost = access_findings.not_restorable(record, before.seen, now)
    work = StepRun(task, azure, False, before, steps, registration, credentials=credentials)
    after = work.do(stores, lambda seen: access_steps.restore_steps(record, seen, now))
    after.findings.extend(lost)
    after.findings.extend(access_findings.still_disabled(before.seen, registration.identity.disabled))
    kept = record
    if work.is_complete(after) and not task.check_mode:
        kept = replace(record, restored_at=record.restored_at or iso(azure.now()))
    return work.result(after, {"record": kept.document(), "groups": users, "still_valid_until": None})
