# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The variables of the role cdc_setup as its lookups read them: for one group, and for the hosts of a play. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError

from ..module_utils._bare import bare
from ..module_utils._declaration import arguments
from ..module_utils._declaration.applications import CREDENTIAL
from ..module_utils._declaration.arguments import Earlier
from ..module_utils._declaration.groups import DECLARATIONS, GROUP
from ..module_utils._declaration.shared import OPTIONS, declarations
from ..module_utils._declaration.steps import SUMMARY
from ..module_utils._options import APPROVAL

_PREFIX = "cdc_setup_"
# Options of a group that are not part of the fact about it: secrets, and what may hold one by mistake.
_NOT_NOTED = frozenset({*arguments.SECRETS, "tls", "app_certificate"})
# Whether there is a certificate and a TLS configuration is noted; of the other secrets nothing is.
_EVALUATED = [name for name in GROUP if name not in _NOT_NOTED or name in ("link_certificate", "tls")]
_WITHOUT_SECRETS = [name for name in GROUP if name not in _NOT_NOTED]
_WITH_DEFAULT = {
    *(name for name, option in DECLARATIONS["options"].items() if "default" in option),
    *APPROVAL.argument_spec,
}


class Variables:
    """The variables of one host. ``templar``: Ansible's, which evaluates them."""

    def __init__(self, variables: Mapping[str, Any], templar: Any, omitted: Any = None) -> None:
        self._all = variables
        self._templar = templar
        # Before ansible-core 2.19, what is omitted is a text of its own.
        self._omitted = variables.get("omit") if omitted is None else omitted

    def declarations(self) -> list[dict[str, Any]]:
        """For each group what it needs in Azure, without any credential."""
        groups = [self._evaluated({name: one[name] for name in OPTIONS if name in one}) for one in self._groups()]
        return declarations(groups, self._evaluated(self._own(OPTIONS)))

    def noted(self, index: int, credential: Mapping[str, Any]) -> dict[str, Any]:
        """The fact about one group. ``credential``: the result of cdc_credential for it, once that has run."""
        made = {name: self._made(index, name) for name in ("application", "vault", "rights")}
        check_mode = bool(self._all.get("ansible_check_mode"))
        return noted_group(self._declared(index), {**made, "credential": credential}, check_mode=check_mode)

    def without_secrets(self) -> list[dict[str, Any]]:
        """The options of each group that are set, but for those that are secret or may hold one."""
        return [bare(self._declared(index, _WITHOUT_SECRETS)) for index in range(len(self._groups()) or 1)]

    def secrets(self) -> list[dict[str, Any]]:
        """The other options of each group."""
        return [bare(self._declared(index, _NOT_NOTED)) for index in range(len(self._groups()) or 1)]

    def _declared(self, index: int, options: Iterable[str] = tuple(_EVALUATED)) -> dict[str, Any]:
        """The options of a group that are set: its own, and those of the host for what it does not have."""
        groups = self._groups()
        group = groups[index] if groups else {}
        # Null is not set, and what has a default is always set.
        of_group = {
            name: group[name]
            for name in options
            if name in group and not (group[name] is None and name in _WITH_DEFAULT)
        }
        declared = self._evaluated({**self._own(options), **of_group})
        return {name: value for name, value in declared.items() if value is not None}

    def _made(self, index: int, name: str) -> Mapping[str, Any]:
        """The result of the task for what a group shares; nothing where it was left out by its tag."""
        here = self._all["inventory_hostname"]
        place = self._all[f"{_PREFIX}shared"]["groups"][here][index][name]
        if not place:
            return {}
        host = self._all if place["host"] == here else self._all["hostvars"][place["host"]]
        results: list[Mapping[str, Any]] = (host.get(f"{_PREFIX}{place['task']}") or {}).get("results") or []
        return results[place["position"]] if place["position"] < len(results) else {}

    def _own(self, options: Iterable[str]) -> dict[str, Any]:
        """What the host itself sets of these options, not evaluated."""
        return {name: self._all[_PREFIX + name] for name in options if _PREFIX + name in self._all}

    def _groups(self) -> list[Mapping[str, Any]]:
        """The list of groups; empty where the host declares one group by its own variables."""
        groups = self._all.get(f"{_PREFIX}groups") or []
        # What is no template stays as it is, so that a secret in it is not evaluated before it is needed.
        listed = groups if isinstance(groups, (list, tuple)) else self._evaluated(groups)
        return [one if isinstance(one, Mapping) else self._evaluated(one) for one in listed]

    def _evaluated(self, value: Any) -> Any:
        """The value without templates, and a dictionary without what is omitted."""
        found = self._templar.template(value)
        if isinstance(found, Mapping):
            return {name: one for name, one in found.items() if one is not self._omitted and one != self._omitted}
        return found


# A set-up of all hosts in one task ------------------------------------------------------------------------------------


class _Evaluated:
    """In place of Ansible's templar, for values that are evaluated."""

    @staticmethod
    def template(value: Any) -> Any:
        return value


class UnreachableSecretError(ValueError):
    """A secret of a host has another value for the host itself than for a task of another host."""


class Play:
    """The hosts of a play, as the task of one of them sees them. ``variables``, ``templar``: of that host."""

    def __init__(self, variables: Mapping[str, Any], templar: Any) -> None:
        self._own = Variables(variables, templar)
        self._all = variables
        self._host: str = variables["inventory_hostname"]
        self._hosts: Sequence[str] = variables["ansible_play_batch"]

    def groups_of_host(self) -> list[dict[str, Any]]:
        """The groups of the host itself, without secrets.

        Raises:
            UnreachableSecretError: the task of another host would not get the secrets of this one.
        """
        if len(self._hosts) > 1:
            wrong = self._unreachable()
            if wrong:
                raise UnreachableSecretError(
                    f"{', '.join(wrong)}: the value in this play is not the one in the inventory. The groups of all "
                    "hosts are set up by a task of one host. Of the others it sees the inventory, facts and extra "
                    "variables, and no variables of the play or the role. Set it in group_vars, host_vars or with -e."
                )
        return self._own.without_secrets()

    def groups_of_all(self) -> list[dict[str, Any]]:
        """The groups of all hosts, as the module cdc_groups takes them. Each host has noted its groups before."""
        found = []
        for host in self._hosts:
            # Not evaluated: what was noted has no templates.
            noted = self._noted(host)
            secrets = self._own.secrets() if host == self._host else self._seen(host).secrets()
            found += [{**one, **secret, "host": host} for one, secret in zip(noted, secrets, strict=True)]
        return found

    def results_of_host(self) -> dict[str, Any]:
        """The part of the result of cdc_groups that is about the host.

        Returns:
            ``groups``, ``shared``, ``diff``: for the module cdc_groups_report. ``summaries``: as the role keeps them.
        """
        result = self._all[f"{_PREFIX}all"]
        groups = [one for one in result["groups"] if one["host"] == self._host]
        return {
            "groups": groups,
            "summaries": [{name: one[name] for name in SUMMARY} for one in groups],
            "shared": [one for one in result["shared"] if one["host"] == self._host],
            "diff": result["diff"],
        }

    def _noted(self, host: str) -> Sequence[Mapping[str, Any]]:
        hostvars = self._all["hostvars"]
        variables = hostvars.raw_get(host) if hasattr(hostvars, "raw_get") else hostvars[host]
        noted: Sequence[Mapping[str, Any]] = variables[f"{_PREFIX}of_host"]
        return noted

    def _seen(self, host: str) -> Variables:
        """The variables of a host as tasks of other hosts see them."""
        return Variables(self._all["hostvars"][host], _Evaluated(), self._all.get("omit"))

    def _unreachable(self) -> list[str]:
        """The names of the variables whose secrets other hosts do not see."""
        own = self._own.secrets()
        try:
            seen = self._seen(self._host).secrets()
        except AnsibleError:
            # It is made of variables that other hosts do not see.
            seen = []
        if seen == own:
            return []
        if len(seen) != len(own):
            return [f"{_PREFIX}groups"]
        names = dict.fromkeys(name for one, other in zip(own, seen, strict=True) for name in {**one, **other})
        wrong = [name for name in names if any(a.get(name) != b.get(name) for a, b in zip(own, seen, strict=True))]
        return [_PREFIX + name for name in wrong]


def noted_group(declared: Mapping[str, Any], made: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """What the tasks for one group need, without any secret.

    Args:
        declared: the options of the group that are set; those of :data:`_NOT_NOTED` are only looked at.
        made: results of earlier tasks by ``application``, ``vault``, ``rights`` and ``credential``, empty if none ran.
        check_mode: whether the run is in check mode.

    Returns:
        The options, and: ``cloud``: of the operator, where it is not the public one. ``client_id``: of the application.
        ``pair``: the files of a generated certificate. ``credential``: options of cdc_credential, where it creates one.
        ``planned``: of :func:`planned_parts`. ``chosen_vault``: for DSM. ``link_vault``: the same, planned where the
        link cannot see it yet. ``new_group``: for cdc_credential. ``has_tls``.
    """
    earlier = Earlier(
        check_mode=check_mode,
        **{name: made.get(name) or {} for name in ("application", "vault", "rights", "credential")},
        gives_certificate="link_certificate" in declared,
    )
    known = {name: bare(value) for name, value in declared.items() if name not in _NOT_NOTED}
    application = known.pop("application", {})
    found = {
        **known,
        "client_id": earlier.client_id(known),
        "pair": earlier.secrets({"application": application}),
        "planned": earlier.planned,
        "chosen_vault": earlier.vault_in_dsm(known),
        "link_vault": earlier.vault_in_dsm(known, planned=bool(earlier.planned["vault"])),
        "new_group": arguments.new_group(known, earlier),
        "has_tls": bool(declared.get("tls")),
    }
    if "credential" in application:
        given = application["credential"]
        found["credential"] = {name: given[name] for name in CREDENTIAL if given.get(name) is not None}
    if known.get("azure_service") == "us_government":
        found["cloud"] = "AzureUSGovernment"
    return {name: value for name, value in found.items() if value is not None}
