# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Setup of the groups of all hosts of a play by a task of one host: for lookups of the role cdc_setup. No I/O.

The task of one host can read inventory, facts and extra variables of the others, but no variables of the play or role.
So each host first registers its groups as a fact. Ansible may print a fact, so options that are secret, or may contain
a secret by mistake, are held back: the task evaluates them for each host.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ...module_utils._declaration.decisions import SUMMARY
from ...module_utils._declaration.groups import GROUP
from ...module_utils._declaration.roles import ONE_TASK
from ...module_utils._fleet.records import diff_of
from ...module_utils._texts.plain import bare
from .variables import NOT_NOTED, PREFIX, Variables

# Options that are held back in part: the key of `tls` that the fact may contain, and the key of `application` that it
# may not.
_OF_TLS, _NOT_OF_APPLICATION = "validate_host", "certificates"
_NOTE, _RESULT = f"{PREFIX}of_host", f"{PREFIX}all"
Declared = dict[str, Any]


class PlayError(ValueError):
    """The groups of all hosts cannot be set up by one task; the text states why."""


def parted(declared: Mapping[str, Any]) -> tuple[Declared, Declared]:
    """A group's options, divided into those for the fact and those that are held back."""
    public: Declared = {}
    held: Declared = {}
    for name, value in declared.items():
        if name in ("tls", "application") and isinstance(value, Mapping):
            shown = {_OF_TLS} if name == "tls" else value.keys() - {_NOT_OF_APPLICATION}
            public[name] = {key: member for key, member in value.items() if key in shown}
            rest = {key: member for key, member in value.items() if key not in shown}
            if rest:
                held[name] = rest
        elif name in NOT_NOTED or name == "application":
            held[name] = value
        else:
            public[name] = value
    return public, held


def joined(public: Mapping[str, Any], held: Mapping[str, Any]) -> Declared:
    """The options that :func:`parted` has divided."""
    return {**public, **{name: {**public[name], **held[name]} if name in public else held[name] for name in held}}


class Play:
    """The hosts of a play, from the view of a task of one host. ``variables``, ``templar``: of that host."""

    def __init__(self, variables: Mapping[str, Any], templar: Any) -> None:
        self._own = Variables(variables, templar)
        self._all = variables
        self._templar = templar
        self._host: str = variables["inventory_hostname"]
        self._hosts: Sequence[str] = variables["ansible_play_batch"]

    def declarations(self) -> list[Declared]:
        """The Azure requirements of each group of this host, without any credential."""
        return self._own.declarations()

    def note(self) -> dict[str, Any]:
        """The fact that a host registers for the task.

        Returns:
            ``groups``: their options, except those held back. ``held``: for each group, the names of the options with
            parts that are held back. ``options``: for all groups.

        Raises:
            PlayError: the task of another host could not read the options that are held back.
        """
        groups = [parted(bare(self._own.declared(index, GROUP))) for index in range(self._own.count())]
        if len(self._hosts) > 1:
            self._refuse_unreachable([held for _public, held in groups])
        return {
            "groups": [public for public, _held in groups],
            "held": [sorted(held) for _public, held in groups],
            "options": {name: self._templar.template(self._all[PREFIX + name]) for name in ONE_TASK},
        }

    def groups(self) -> list[Declared]:
        """The groups of all hosts, in the form of the option ``groups`` of the module cdc_groups.

        Raises:
            PlayError: the task is not run once for all hosts, or hosts set different options for it.
        """
        notes = {host: self._noted(host) for host in self._hosts}
        missing = [host for host, note in notes.items() if not note]
        if missing or self._host != self._hosts[0]:
            raise PlayError(
                f"{', '.join(missing or self._hosts[:1])}: this host has not registered its groups, or is not the one "
                "that sets them up. All hosts of the play must run the role together: use the strategy linear, and "
                "select hosts with the play or --limit, not with a condition."
            )
        self._refuse_other_options(notes)
        return [one for host in self._hosts for one in self._of_host(host, notes[host])]

    def results(self) -> dict[str, Any]:
        """The part of the result of cdc_groups that concerns this host.

        Returns:
            ``groups``, ``shared``, ``diff``: for the module cdc_groups_report. ``summaries``: for the role.

        Raises:
            PlayError: there is no result.
        """
        # Not evaluated: it is the result for all hosts.
        result = self._all[_RESULT]
        if "groups" not in result:
            raise PlayError(
                "the task for all hosts was skipped. Select hosts with the play or --limit, not with a condition."
            )
        groups = [one for one in result["groups"] if one["host"] == self._host]
        shared = [one for one in result["shared"] if one["host"] == self._host]
        return {
            "groups": groups,
            "shared": shared,
            "diff": diff_of(groups, shared, result["diff"]),
            "summaries": [{name: one[name] for name in SUMMARY} for one in groups],
        }

    # Of another host --------------------------------------------------------------------------------------------------

    def _noted(self, host: str) -> Mapping[str, Any]:
        note: Mapping[str, Any] = self._raw(host).get(_NOTE) or {}
        return note

    def _of_host(self, host: str, note: Mapping[str, Any]) -> Iterator[Declared]:
        variables = self._own if host == self._host else self._seen(host)
        for index, (public, names) in enumerate(zip(note["groups"], note["held"], strict=True)):
            held = parted(bare(variables.declared(index, names)))[1] if names else {}
            yield {**joined(public, held), "host": host}

    def _raw(self, host: str) -> Mapping[str, Any]:
        """The variables of a host as visible to tasks of other hosts, not evaluated."""
        hostvars = self._all["hostvars"]
        found: Mapping[str, Any] = hostvars.raw_get(host) if hasattr(hostvars, "raw_get") else hostvars[host]
        return found

    def _seen(self, host: str) -> Variables:
        """The same variables, evaluated when they are read."""
        known = {**self._raw(host), **{name: self._all[name] for name in ("hostvars", "omit") if name in self._all}}
        return Variables(known, self._templar.copy_with_new_env(available_variables=known))

    # Refusals ---------------------------------------------------------------------------------------------------------

    def _refuse_unreachable(self, own: Sequence[Declared]) -> None:
        seen = self._seen(self._host)
        wrong = [
            PREFIX + name
            for name in dict.fromkeys(name for held in own for name in held)
            if not self._is_seen(seen, name, own)
        ]
        if wrong:
            raise PlayError(
                f"{', '.join(wrong)} of host {self._host}: the task that sets up the groups of all hosts cannot read "
                "this value, because it is a variable of the play or the role, or depends on one. Set it in the "
                "inventory, group_vars, host_vars or with -e."
            )

    @staticmethod
    def _is_seen(seen: Variables, name: str, own: Sequence[Declared]) -> bool:
        """Whether another host can read the same value of an option."""
        try:
            if seen.count() != len(own):
                return False
            found = [parted(bare(seen.declared(index, [name])))[1] for index in range(len(own))]
        except AnsibleError:
            # It depends on a value that other hosts cannot read.
            return False
        return all(one.get(name) == held.get(name) for one, held in zip(found, own, strict=True))

    def _refuse_other_options(self, notes: Mapping[str, Mapping[str, Any]]) -> None:
        own = notes[self._host]["options"]
        for host, note in notes.items():
            for name, value in note["options"].items():
                if value != own[name]:
                    raise PlayError(
                        f"{PREFIX}{name} is {own[name]} for host {self._host} and {value} for host {host}. It applies "
                        "to all groups: set the same value for all hosts."
                    )


class PlayLookup(LookupBase):  # type: ignore[misc]
    """A lookup without terms that reads the variables of the play."""

    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleLookupError("this lookup takes no terms.")
        try:
            return list(self.found(Play(variables or {}, self._templar)))
        except PlayError as error:
            problem = str(error)
        # The error itself would be shown as the cause.
        raise AnsibleLookupError(problem)

    @abstractmethod
    def found(self, play: Play) -> Collection[Any]:
        """What the lookup returns."""
