# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The set-up of the groups of all hosts of a play by a task of one host: for lookups of the role cdc_setup. No I/O.

The task of one host sees inventory, facts and extra variables of the others, and no variables of the play or the role.
So each host first notes its groups as a fact. A fact is printed, so what is secret, or may hold a secret by mistake, is
held back: that the task evaluates for the host itself.
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

# The options that are held back in part: what of them may be noted, or may not.
_OF_TLS, _NOT_OF_APPLICATION = "validate_host", "certificates"
_NOTE, _RESULT = f"{PREFIX}of_host", f"{PREFIX}all"
Declared = dict[str, Any]


class PlayError(ValueError):
    """The groups of all hosts cannot be set up by one task; the text says why."""


def parted(declared: Mapping[str, Any]) -> tuple[Declared, Declared]:
    """A group's options without what is held back, and that."""
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
    """The options that :func:`parted` has parted."""
    return {**public, **{name: {**public[name], **held[name]} if name in public else held[name] for name in held}}


class Play:
    """The hosts of a play, as a task of one of them sees them. ``variables``, ``templar``: of that host."""

    def __init__(self, variables: Mapping[str, Any], templar: Any) -> None:
        self._own = Variables(variables, templar)
        self._all = variables
        self._templar = templar
        self._host: str = variables["inventory_hostname"]
        self._hosts: Sequence[str] = variables["ansible_play_batch"]

    def declarations(self) -> list[Declared]:
        """For each group of the host itself what it needs in Azure, without any credential."""
        return self._own.declarations()

    def note(self) -> dict[str, Any]:
        """What a host notes for the task.

        Returns:
            ``groups``: their options, but for what is held back. ``held``: the names of the options that have such
            parts, for each group. ``options``: for all groups.

        Raises:
            PlayError: the task of another host would not get what is held back.
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
        """The groups of all hosts, as the module cdc_groups takes them.

        Raises:
            PlayError: the task is not run once for all hosts, or hosts disagree on how it is to be run.
        """
        notes = {host: self._noted(host) for host in self._hosts}
        missing = [host for host, note in notes.items() if not note]
        if missing or self._host != self._hosts[0]:
            raise PlayError(
                f"{', '.join(missing or self._hosts[:1])}: this host has not noted its groups, or is not the one that "
                "sets them up. All hosts of the play have to run the role together: use the strategy linear, and "
                "select hosts by the play or --limit, and not by a condition."
            )
        self._refuse_other_options(notes)
        return [one for host in self._hosts for one in self._of_host(host, notes[host])]

    def results(self) -> dict[str, Any]:
        """The part of the result of cdc_groups that is about the host.

        Returns:
            ``groups``, ``shared``, ``diff``: for the module cdc_groups_report. ``summaries``: as the role keeps them.

        Raises:
            PlayError: there is no result.
        """
        # Not evaluated: it is that of all hosts.
        result = self._all[_RESULT]
        if "groups" not in result:
            raise PlayError(
                "the task for all hosts was skipped. Select hosts by the play or --limit, not by a condition."
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
        """The variables of a host as tasks of other hosts see them, not evaluated."""
        hostvars = self._all["hostvars"]
        found: Mapping[str, Any] = hostvars.raw_get(host) if hasattr(hostvars, "raw_get") else hostvars[host]
        return found

    def _seen(self, host: str) -> Variables:
        """The same, evaluated when they are read."""
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
                f"{', '.join(wrong)} of host {self._host}: the task that sets up the groups of all hosts does not see "
                "the value that this play has. It is a variable of the play or the role, or made of one. Set it in the "
                "inventory, in group_vars, host_vars or with -e."
            )

    @staticmethod
    def _is_seen(seen: Variables, name: str, own: Sequence[Declared]) -> bool:
        """Whether another host sees the same value of an option."""
        try:
            if seen.count() != len(own):
                return False
            found = [parted(bare(seen.declared(index, [name])))[1] for index in range(len(own))]
        except AnsibleError:
            # Made of what other hosts do not see.
            return False
        return all(one.get(name) == held.get(name) for one, held in zip(found, own, strict=True))

    def _refuse_other_options(self, notes: Mapping[str, Mapping[str, Any]]) -> None:
        own = notes[self._host]["options"]
        for host, note in notes.items():
            for name, value in note["options"].items():
                if value != own[name]:
                    raise PlayError(
                        f"{PREFIX}{name} is {own[name]} for host {self._host} and {value} for host {host}. It is for "
                        "all groups: give all hosts the same value."
                    )


class PlayLookup(LookupBase):  # type: ignore[misc]
    """A lookup without terms that reads the variables of the play."""

    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleLookupError("it takes no terms.")
        try:
            return list(self.found(Play(variables or {}, self._templar)))
        except PlayError as error:
            problem = str(error)
        # The error itself would be shown as the cause.
        raise AnsibleLookupError(problem)

    @abstractmethod
    def found(self, play: Play) -> Collection[Any]:
        """What the lookup returns."""
