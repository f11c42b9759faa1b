# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The declarations of a list: parsed, checked without any request, and their shared objects. Reads only named files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from .._declaration import arguments
from .._declaration.arguments import Arguments, Declaration, Earlier
from .._declaration.decisions import application_selector
from .._declaration.groups import DECLARATIONS
from .._declaration.shared import declarations, shared
from .._errors import InvalidInput
from .._operations import (
    azure_kv_app,
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    azure_kv_vault,
    cdc_credential,
    cdc_group,
    cdc_sync,
    cdc_tls,
    cdc_vault_select,
)
from .._task import Task
from .steps import Checked, checked

# Placeholder for a client ID that Entra has not assigned yet, for checking options before the first request.
_SOME_ID = "11111111-1111-4111-8111-111111111111"
_MOST_NAMED = 10


@dataclass(frozen=True)
class ListedGroup:
    """One group of the list. ``host``: the host that declares it, if the user set one."""

    index: int
    host: str | None
    declared: Declaration

    @property
    def name(self) -> str:
        return str(self.declared["name"])

    @property
    def path(self) -> str:
        return f"groups[{self.index}]"

    @property
    def label(self) -> str:
        return f'{self.path} "{self.name}"' + (f" of host {self.host}" if self.host else "")

    @property
    def makes_credential(self) -> bool:
        return "credential" in self.declared.get("application", {})


@dataclass(frozen=True)
class Fleet:
    """The groups of the list and their shared objects, as the role's filter ``shared_objects`` returns them."""

    members: tuple[ListedGroup, ...]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Fleet:
        options = DECLARATIONS["options"]
        common = {name: params[name] for name in ("approval", "approval_wait")}
        return cls(
            tuple(
                ListedGroup(
                    index,
                    one.get("host"),
                    {**common, **{k: v for k, v in arguments.declared(options, one).items() if k != "host"}},
                )
                for index, one in enumerate(params["groups"])
            )
        )

    @cached_property
    def shared(self) -> dict[str, Any]:
        return shared({one.label: declarations([one.declared], {}) for one in self.members})

    def place(self, member: ListedGroup) -> Mapping[str, Any]:
        """Where the results are that the group depends on."""
        found: Mapping[str, Any] = self.shared["groups"][member.label][0]
        return found

    def work(self, task: str) -> list[ListedGroup]:
        """The groups for which a shared task is run, in order."""
        return [one for one in self.members if self.shared["work"][one.label][task]]


Checks = Mapping[int, Mapping[ModuleType, Checked]]


def check(task: Task, fleet: Fleet) -> Checks:
    """Refuse the list if anything in it is invalid. No request is sent.

    Returns:
        For each group, by its index, the steps that were checked.

    Raises:
        InvalidInput: it names index, group and option, or the contradicting declarations.
    """
    found: dict[int, dict[ModuleType, Checked]] = {one.index: {} for one in fleet.members}
    wrong = [problem for member in fleet.members for problem in _problems(task, fleet, member, found[member.index])]
    if wrong:
        (member, error), more = wrong[0], len(wrong) - 1
        others = [f'{one.path} "{one.name}"' for one, _error in wrong[1 : _MOST_NAMED + 1]]
        have = "group has" if more == 1 else "groups have"
        also = f" ({more} more {have} problems: {', '.join(others)})" if more else ""
        where = f"{member.path}.{error.obj}" if error.obj else member.path
        raise InvalidInput(where, f"{member.label}: {error.problem}{also}", error.next_step)
    conflicts = [*fleet.shared["conflicts"], *_of_approval(fleet)]
    if conflicts:
        raise InvalidInput(
            "groups",
            " ".join(conflicts),
            "use a unique name for each group, and the same values for objects that groups share",
        )
    return found


def _of_approval(fleet: Fleet) -> Iterator[str]:
    """Groups that one step creates, because they share a credential, but that declare ``approval`` differently."""
    first: dict[str, ListedGroup] = {}
    for member in fleet.members:
        if member.makes_credential:
            other = first.setdefault(str(fleet.place(member)["application"]["host"]), member)
            if other.declared["approval"] != member.declared["approval"]:
                yield f"{other.label} and {member.label} share a credential but declare approval differently."


def _problems(
    task: Task, fleet: Fleet, member: ListedGroup, found: dict[ModuleType, Checked]
) -> Iterator[tuple[ListedGroup, InvalidInput]]:
    """The first problem of one group."""
    if "application" in member.declared and not application_selector(member.declared["application"]):
        remedy = "set client_id, unique_name or display_name"
        yield member, InvalidInput("application", "it identifies no application", remedy)
        return
    for operation, given, prefix in _checked(fleet, member):
        try:
            found[operation] = checked(task, operation, given)
        except InvalidInput as error:
            yield member, _renamed(error, prefix)
            return


def _checked(fleet: Fleet, member: ListedGroup) -> Iterator[tuple[ModuleType, Arguments, str]]:
    """Each step of the group with the arguments that are known so far, and the option that contains them."""
    one, work = member.declared, fleet.shared["work"][member.label]
    made = {"application": {"client_id": _SOME_ID}} if "application" in one else {}
    # A generated certificate may not exist yet.
    earlier = Earlier(application={**made, "certificate": {"planned": True}} if made else {})
    if work["applications"]:
        yield azure_kv_app, arguments.application(one), "application."
    if work["vaults"]:
        yield azure_kv_vault, arguments.azure_vault(one), "azure_vault."
    if work["granted_first"] or work["granted"]:
        yield azure_kv_prereqs, arguments.granted(one, earlier), ""
    if work["judged"]:
        yield azure_kv_prereqs_info, arguments.judged(one, earlier), ""
    if member.makes_credential:
        groups = [arguments.new_group(one, earlier)]
        yield cdc_credential, arguments.credential(one, earlier, groups), "application.credential."
    yield cdc_group, arguments.group(one, earlier), ""
    if one.get("tls"):
        yield cdc_tls, arguments.tls(one, earlier), "tls."
    if earlier.vault_in_dsm(one):
        yield cdc_vault_select, arguments.vault(one, earlier), ""
    yield cdc_sync, arguments.sync(one, earlier, only_when_empty=True), ""


# Options of a group that are arguments of steps whose other options are in a dictionary.
_OF_THE_GROUP = ("wait_", "link_", "approval", "sync_timeout", "allow_", "subscription_id")
_OTHER_NAMES = {"app_client_id": "link_client_id", "group_name": "name"}


def _renamed(error: InvalidInput, prefix: str) -> InvalidInput:
    """The same error with the option's name in a declaration. ``prefix``: of the step's own options."""
    name, of_new = error.obj.removeprefix("new_groups."), error.obj.startswith("new_groups.")
    if prefix == "application.":
        name = name.removeprefix("app_")
    elif name in _OTHER_NAMES:
        prefix, name = "", _OTHER_NAMES[name]
    if of_new or name.startswith(_OF_THE_GROUP):
        prefix = ""
    return InvalidInput(f"{prefix}{name}" if name else prefix.rstrip("."), error.problem, error.next_step)
