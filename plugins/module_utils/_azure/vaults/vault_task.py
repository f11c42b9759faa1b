# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the parts of `azure_kv_vault` share: the task with its vault, and the shape of the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..._errors import TaskError
from ..._names import same_name
from ..._plan import Plan
from ..._rest.statuses import NOT_FOUND
from ..._task import Task
from ..authorization import locks, operator
from ..authorization.locks import NONE_READ, Locks
from ..rights.facts import MANAGED_HSM, KeyStore
from ..rights.roles import HSMS_WRITE, VAULTS_WRITE
from ..wire.errors import AzureError
from ..wire.session import Azure
from . import lifecycle, safe_writes, vault_lookup, vault_settings
from .safe_writes import TargetVault
from .vault_lookup import VaultAddress
from .vault_settings import DesiredVault

_REMEDY = (
    "give the operator a role with these actions at the resource group (Key Vault Contributor, or Managed HSM "
    "Contributor for a managed HSM; Owner or User Access Administrator besides to change a permission model), or have "
    "somebody run the task who has one"
)


@dataclass(frozen=True)
class VaultTask:
    """What the task is about. ``target``: the vault, and how long to wait for it."""

    task: Task
    azure: Azure
    place: VaultAddress
    wanted: DesiredVault
    target: TargetVault

    def settled(self) -> dict[str, Any]:
        """The body once Azure has finished."""
        return self._settle(lambda _body: {}, seen=True)[0]

    def created(self) -> dict[str, Any]:
        """The body once Azure has finished and shows what this task has created.

        Raises:
            TaskError: it shows something else.
        """
        body, differs = self._settle(self._differing, seen=False)
        if differs:
            raise safe_writes.different(self.target, differs)
        return body

    def _settle(
        self, differing: Callable[[Mapping[str, Any]], Mapping[str, Any]], *, seen: bool
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        return lifecycle.settle(self.azure.arm, self.place, differing, self.target.patience, seen=seen)

    def _differing(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = vault_settings.changes(shown_store(self, body), self.wanted)
        return {name: {"written": wanted, "shown": shown} for name, (shown, wanted) in found.items()}

    def preflight(self, *needed: tuple[str, str]) -> Locks:
        """Refuse before the first write what the operator may not do and what a lock forbids; the locks there are.

        ``needed``: actions of Azure's roles, and where.

        Raises:
            TaskError: names the actions and the scopes, or the locks.
            DeletedMeanwhile: the vault is not there any more.
        """
        try:
            operator.refuse_lacking(self.azure, needed, obj=self.place.label, remedy=_REMEDY)
            there = locks.in_the_way_of(self.azure.arm, needed)
        except AzureError as error:
            if error.status != NOT_FOUND or self.target.look(confirm=True) is not None:
                raise
        else:
            if there.warning is not None:
                self.task.warn(there.warning)
            locks.refuse_forbidden(there, needed, obj=self.place.label)
            return there
        raise lifecycle.deleted_meanwhile(self.place)

    @property
    def write_action(self) -> str:
        return HSMS_WRITE if self.place.kind == MANAGED_HSM else VAULTS_WRITE


def shown_store(vault_task: VaultTask, body: Mapping[str, Any]) -> KeyStore:
    return vault_lookup.store_of(vault_task.place.kind, body)


def tell_activation(vault_task: VaultTask, store: KeyStore) -> None:
    """A pool without its security domain is of no use (Azure contract, T28), and only people can change that."""
    if store.is_hsm and not same_name(store.activation, "Active"):
        vault_task.task.warn(
            f"{vault_task.place.label} is not activated, or will not be: until at least three key holders have "
            "downloaded its security domain, which no automation should do for them, nothing can use it. Fortanix DSM "
            "cannot either."
        )


def result_of(
    plan: Plan,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    record: Mapping[str, Any],
    losers: Sequence[Mapping[str, Any]] | None = (),
    there: Locks = NONE_READ,
) -> dict[str, Any]:
    return {
        "changed": bool(plan),
        "plan": plan.as_result(),
        "diff": {"before": dict(before), "after": dict(after)},
        "vault": dict(record),
        "loses_access": None if losers is None else list(losers),
        "locks": there.record(),
    }


@contextmanager
def after_writing(plan: Plan, note: str) -> Iterator[None]:
    """Failures from here on name what this task has done before."""
    failure = None
    try:
        yield
    except TaskError as error:
        failure = error
    if failure is not None:
        raise safe_writes.noted(failure, note, done=plan.as_result())
