# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads and evaluates everything visible of CDC groups (guide 4.1 to 4.7). Both clients are read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from queue import LifoQueue
from typing import Any

from .._argspec import ArgumentSpec
from .._azure.prerequisites.assessment import checked_address, wanted_of
from .._azure.vaults import vault_lookup
from .._azure.wire.credential import Operator, operator_of
from .._azure.wire.session import connect as connect_azure
from .._compliance.azure_reader import AzureReader, Standard, asked, why
from .._compliance.checks import ComplianceContext, findings_of
from .._compliance.drift import Declared
from .._compliance.findings import Clock
from .._compliance.shared_tests import SharedTests
from .._declaration.groups import DECLARED
from .._dsm.account import apps, capabilities, users
from .._dsm.groups import stored_groups
from .._dsm.groups.selection import checked_name
from .._dsm.groups.stored_groups import Group
from .._dsm.wire.client import DsmClient, connect_several
from .._dsm.wire.errors import DsmError
from .._dsm.wire.kinds import KIND
from .._errors import InvalidInput, TaskError
from .._findings import catalog
from .._findings.finding import FAILED, UNKNOWN, Finding, Kind, ranked, worst
from .._ids import checked_uuid
from .._options import AZURE, DSM, RIGHTS_PROFILES, WANTED_RIGHTS
from .._rest.statuses import UNAUTHORIZED
from .._task import Task
from .._texts.plain import readable
from .._timestamps import iso

_OF_CHECKS = ("look_in_azure", "check_connections", "test_links_once", "max_keys", "rights_profile")
_OF_LINK = ("azure_service", "tenant_id", "client_id", "subscription_id", "auth_mode")
SPEC = AZURE.merge(
    DSM,
    WANTED_RIGHTS,
    ArgumentSpec(
        argument_spec={
            "group_names": {"type": "list", "elements": "str", "default": []},
            "group_ids": {"type": "list", "elements": "str", "default": []},
            "look_in_azure": {"type": "bool", "default": True},
            "check_connections": {"type": "bool", "default": True},
            "test_links_once": {"type": "bool", "default": False},
            # A number of keys.
            "max_keys": {"type": "int", "default": 500, "no_log": False},
            "concurrency": {"type": "int", "default": 16},
            "rights_profile": {"type": "str", "choices": RIGHTS_PROFILES, "default": "guide"},
            "declared": DECLARED,
        },
    ),
)


@dataclass(frozen=True)
class _GroupSelection:
    """The requested groups; all groups with a link to Azure if none is requested."""

    names: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def every(self) -> bool:
        return not self.names and not self.ids


def run(task: Task) -> dict[str, Any]:
    params = task.params
    wanted, standard, declared = _wanted(params), _standard(params), _declared(params)
    operator = operator_of(task) if params["look_in_azure"] else None
    with ExitStack() as stack:
        clients = stack.enter_context(connect_several(task, params["concurrency"], read_only=True))
        dsm = clients[0]
        # If DSM rejects the credentials, the task fails instead of reporting "unknown" at each group.
        dsm.identity()
        version = capabilities.get_version(dsm)
        account, principal = _account_and_principal(dsm)
        # The clock of DSM, which has responded by now; the control node's clock may be wrong.
        now = task.clock.now().replace(microsecond=0)
        sources = None
        if operator is not None:
            sources = AzureReader(stack.enter_context(connect_azure(operator, read_only=True)), standard)
        context = ComplianceContext(
            apps=asked(lambda: list(apps.list_all(dsm))),
            azure=sources,
            operator_client_id=operator.client_id if operator else None,
            clock=Clock.at(now, standard.renew_before_days),
            tests=params["check_connections"],
            declared=declared,
            shared_tests=SharedTests() if params["test_links_once"] else None,
        )
        stored = list(_stored(dsm, wanted))
        checked = _checked(context, clients, stored)
    of_run = [] if checked else [_nothing()]
    return {
        "changed": False,
        "checked_at": iso(now),
        "dsm": {
            "endpoint": params["dsm_endpoint"],
            "version": None if isinstance(version, DsmError) else version.text,
            "account": account,
            "principal": principal,
        },
        "operator": _operator_record(operator),
        "options": {
            "all_groups": wanted.every,
            "group_names": list(wanted.names),
            "group_ids": list(wanted.ids),
            "compared_with_declared": declared is not None,
            **{name: params[name] for name in _OF_CHECKS},
            **{name: params[name] for name in WANTED_RIGHTS.argument_spec},
        },
        "groups": readable(checked),
        "findings": [finding.record() for finding in of_run],
    }


def _wanted(params: Mapping[str, Any]) -> _GroupSelection:
    return _GroupSelection(
        names=tuple(dict.fromkeys(checked_name("group_names", name) for name in params["group_names"])),
        ids=tuple(dict.fromkeys(checked_uuid("group_ids", group_id) for group_id in params["group_ids"])),
    )


def _declared(params: Mapping[str, Any]) -> dict[str, Declared] | None:
    """By name of the group; None if nothing is to be compared."""
    if params["declared"] is None:
        return None
    found: dict[str, Declared] = {}
    for one in params["declared"]:
        name = checked_name("declared.name", one["name"])
        if name in found:
            raise InvalidInput("declared", f'it contains the group "{name}" twice', "declare each group once")
        vault = one["azure_vault"]
        if vault is not None:
            vault_lookup.checked_name("declared.azure_vault.name", vault["name"])
            vault_lookup.checked_group("declared.azure_vault.resource_group", vault["resource_group"])
        found[name] = one
    return found


def _standard(params: Mapping[str, Any]) -> Standard:
    return Standard(
        wanted=wanted_of(params),
        egress=tuple(checked_address(address) for address in params["dsm_egress_addresses"]),
        renew_before_days=params["renew_before_days"],
        most_keys=params["max_keys"],
    )


# Which groups -------------------------------------------------------------------------------------------------------


def _checked(
    context: ComplianceContext, clients: Sequence[DsmClient], found: Sequence[tuple[str, dict[str, Any] | TaskError]]
) -> list[dict[str, Any]]:
    """The record of each group, each once, by name. As many at a time as there are clients."""
    # Last in, first out: only as many clients authenticate as are needed, and the first one already has.
    free: LifoQueue[DsmClient] = LifoQueue()
    for client in reversed(clients):
        free.put(client)

    def record(name: str, stored: dict[str, Any] | TaskError) -> dict[str, Any]:
        dsm = free.get()
        try:
            dsm.begin_anew()
            return _looked_at(context, dsm, name, stored)
        finally:
            free.put(dsm)

    # A group requested by name and by ID, or twice, is checked once; a missing one is reported for each name.
    each = {
        name if isinstance(stored, TaskError) else str(stored["group_id"]): (name, stored) for name, stored in found
    }
    with ThreadPoolExecutor(len(clients)) as pool:
        futures = [pool.submit(record, name, stored) for name, stored in each.values()]
        try:
            records = [future.result() for future in futures]
        finally:
            # After an error, the others are no longer needed.
            for future in futures:
                future.cancel()
    return sorted(records, key=lambda one: (str(one["name"]), str(one["group_id"])))


def _looked_at(
    context: ComplianceContext, dsm: DsmClient, name: str, stored: dict[str, Any] | TaskError
) -> dict[str, Any]:
    if isinstance(stored, TaskError):
        unseen = _of_group(catalog.GROUP_NOT_FOUND, UNKNOWN, name, why(stored))
        return _record(name, None, [unseen, *context.drift(name, None if isinstance(stored, _NotThere) else stored)])
    group = Group.as_shown(stored)
    if group.problem is not None:
        several = _of_group(catalog.GROUP_NOT_MANAGEABLE, UNKNOWN, group.label, group.problem)
        findings = [several, *context.drift(group.name, group)]
    elif group.link is None:
        unlinked = _of_group(catalog.GROUP_NOT_LINKED, FAILED, group.label, group.external_kms or "a local group")
        findings = [unlinked, *context.drift(group.name, group)]
    else:
        findings = list(findings_of(context, dsm, group))
    return _record(group.name, group, findings)


def _stored(dsm: DsmClient, wanted: _GroupSelection) -> Iterator[tuple[str, dict[str, Any] | TaskError]]:
    if wanted.every:
        for stored in stored_groups.list_all(dsm):
            group = Group.as_shown(stored)
            if group.link is not None or group.problem is not None or KIND in (group.external_kms or ""):
                yield group.name, stored
    for name in wanted.names:
        dsm.begin_anew()
        yield name, _found(partial(stored_groups.find_by_name, dsm, name))
    for group_id in wanted.ids:
        dsm.begin_anew()
        yield group_id, _found(partial(stored_groups.get, dsm, group_id))


def _found(read: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | TaskError:
    found = asked(read)
    return _NotThere("it does not exist, or the DSM identity cannot see it", plane="DSM") if found is None else found


class _NotThere(TaskError):
    """DSM has responded that the group does not exist."""


# Records: allow-lists -----------------------------------------------------------------------------------------------


def _record(name: str, group: Group | None, findings: list[Finding]) -> dict[str, Any]:
    link = group.record()["link"] if group else None
    return {
        "group_id": group.group_id if group else None,
        "name": name,
        "link": None
        if link is None
        else {
            **{name: link[name] for name in _OF_LINK},
            "vault": link["vault"]["name"],
            "vault_type": link["vault"]["type"],
        },
        "status": worst(findings),
        "findings": [{"check": one.kind.area, **one.record()} for one in ranked(findings)],
    }


def _of_group(kind: Kind, status: str, label: str, actual: str) -> Finding:
    remedy = "set a group with one link to Azure, and grant the DSM identity access to it"
    return Finding(kind, status, "DSM", label, "a group with one link to Azure Key Vault", actual, remedy)


def _nothing() -> Finding:
    return Finding(
        catalog.NOTHING_CHECKED,
        UNKNOWN,
        "DSM",
        "account",
        "at least one group with a link to Azure Key Vault",
        "none that the DSM identity can see",
        "check the account, and that the DSM identity has access to its groups",
    )


def _account_and_principal(dsm: DsmClient) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The scope of the run in DSM, which no check depends on. What DSM does not return is None.

    Raises:
        DsmError: DSM does not accept the credentials.
    """
    identity = dsm.identity()
    principal = asked(lambda: users.own(dsm)[0])
    if isinstance(principal, DsmError) and principal.status == UNAUTHORIZED:
        raise principal
    if isinstance(principal, TaskError):
        principal = users.Principal(identity.kind, identity.entity_id, account_id=identity.account_id)
    account_id = principal.account_id or identity.account_id
    account = asked(lambda: capabilities.get_account(dsm, account_id))
    told = {name: principal.record()[name] for name in ("kind", "id", "name")}
    if isinstance(account, capabilities.Account):
        return {"account_id": account.account_id, "name": account.name or None}, told
    return {"account_id": account_id, "name": None} if account_id else None, told


def _operator_record(operator: Operator | None) -> dict[str, Any] | None:
    """The operator as configured, and otherwise as in its tokens, which are evidence only."""
    if operator is None:
        return None
    seen = operator.identity
    return {
        "client_id": operator.client_id or (seen.client_id if seen.is_app else None),
        "object_id": seen.object_id,
        "name": seen.name,
        "tenant_id": operator.tenant_id or seen.tenant_id,
        "cloud": operator.cloud.name,
    }
