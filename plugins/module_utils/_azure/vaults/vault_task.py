# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What the parts of `azure_kv_vault` share: the task with its vault, and the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..._errors import TaskError
from ..._names import same_name
from ..._plan import Plan
from ..._task import Task
from ..authorization import locks, operator
from ..authorization.locks import NONE_READ, Locks
from ..rights.facts import MANAGED_HSM, KeyStore
from ..rights.roles import HSMS_WRITE, VAULTS_WRITE
from ..wire.session import Azure
from . import lifecycle, safe_writes, vault_lookup, vault_settings
from .safe_writes import TargetVault
from .vault_lookup import VaultAddress
from .vault_settings import DesiredVault

_REMEDY = (
    "assign the operator a role with these actions at the resource group (Key Vault Contributor, or Managed HSM "
    "Contributor for a managed HSM; to change a permission model, also Owner or User Access Administrator), or run the "
    "task as an operator who has one"
)


@dataclass(frozen=True)
class VaultTask:
    """The task and its vault. ``target``: the vault, and how long to wait for it."""

    task: Task
    azure: Azure
    place: VaultAddress
    wanted: DesiredVault
    target: TargetVault

    def settled(self) -> dict[str, Any]:
        """The body once Azure has finished."""
        return self._settle(lambda _body: {}, seen=True)[0]

    def created(self) -> dict[str, Any]:
        """The body once Azure has finished and shows what this task created.

        Raises:
            TaskError: it shows other values.
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
        """Fail before the first write if permissions are missing or a lock forbids it; return the locks.

        ``needed``: actions of Azure's roles, and where.

        Raises:
            TaskError: names the actions and the scopes, or the locks.
            DeletedMeanwhile: the vault no longer exists.
        """
        unread = operator.refuse_lacking(self.azure, needed, obj=self.place.label, remedy=_REMEDY)
        there = locks.in_the_way_of(self.azure.arm, needed)
        unknown = [*unread.values(), *([] if there.unread is None else [there.unread])]
        if any(one.absent for one in unknown) and self.target.look(confirm=True) is None:
            raise lifecycle.deleted_meanwhile(self.place)
        for warning in (operator.warning_about(unread), there.warning):
            if warning is not None:
                self.task.warn(warning)
        locks.refuse_forbidden(there, needed, obj=self.place.label)
        return there

    @property
    def write_action(self) -> str:
        return HSMS_WRITE if self.place.kind == MANAGED_HSM else VAULTS_WRITE


def shown_store(vault_task: VaultTask, body: Mapping[str, Any]) -> KeyStore:
    return vault_lookup.store_of(vault_task.place.kind, body)


def tell_activation(vault_task: VaultTask, store: KeyStore) -> None:
    """Warn if a managed HSM is not activated: it is unusable, and only people can activate it (Azure contract, T28)."""
    if store.is_hsm and not same_name(store.activation, "Active"):
        vault_task.task.warn(
            f"{vault_task.place.label} is not activated, or will not be after its creation. No client, including "
            "Fortanix DSM, can use it until its security domain has been downloaded with the keys of at least three "
            "key holders. Do not automate that step."
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
    """Add what this task did before to failures inside the block."""
    failure = None
    try:
        yield
    except TaskError as error:
        failure = error
    if failure is not None:
        raise safe_writes.noted(failure, note, done=plan.as_result())
