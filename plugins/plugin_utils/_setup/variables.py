# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The variables of the role cdc_setup as its lookups read them, and the fact about one group. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...module_utils._declaration import arguments
from ...module_utils._declaration.applications import CREDENTIAL
from ...module_utils._declaration.arguments import Earlier
from ...module_utils._declaration.groups import DECLARATIONS, GROUP
from ...module_utils._declaration.shared import OPTIONS, declarations
from ...module_utils._options import APPROVAL
from ...module_utils._texts.plain import bare

PREFIX = "cdc_setup_"
# Options of a group that are part of no fact, which is printed: secrets, and what may hold one by mistake.
NOT_NOTED = frozenset({*arguments.SECRETS, "tls", "app_certificate"})
# Whether there is a certificate and a TLS configuration is noted; of the other secrets nothing is.
_EVALUATED = [name for name in GROUP if name not in NOT_NOTED or name in ("link_certificate", "tls")]
_WITH_DEFAULT = {
    *(name for name, option in DECLARATIONS["options"].items() if "default" in option),
    *APPROVAL.argument_spec,
}


class Variables:
    """The variables of one host. ``templar``: Ansible's, which evaluates them."""

    def __init__(self, variables: Mapping[str, Any], templar: Any) -> None:
        self._all = variables
        self._templar = templar
        # Before ansible-core 2.19, what is omitted is a text of its own.
        self._omitted = variables.get("omit")

    def declarations(self) -> list[dict[str, Any]]:
        """For each group what it needs in Azure, without any credential."""
        groups = [self._evaluated({name: one[name] for name in OPTIONS if name in one}) for one in self._groups()]
        return declarations(groups, self._evaluated(self._own(OPTIONS)))

    def noted(self, index: int, credential: Mapping[str, Any]) -> dict[str, Any]:
        """The fact about one group. ``credential``: the result of cdc_credential for it, once that has run."""
        made = {name: self._made(index, name) for name in ("application", "vault", "rights")}
        check_mode = bool(self._all.get("ansible_check_mode"))
        return noted_group(self.declared(index), {**made, "credential": credential}, check_mode=check_mode)

    def count(self) -> int:
        """How many groups the host declares."""
        return len(self._groups()) or 1

    def declared(self, index: int, options: Iterable[str] = tuple(_EVALUATED)) -> dict[str, Any]:
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
        place = self._all[f"{PREFIX}shared"]["groups"][here][index][name]
        if not place:
            return {}
        host = self._all if place["host"] == here else self._all["hostvars"][place["host"]]
        results: list[Mapping[str, Any]] = (host.get(f"{PREFIX}{place['task']}") or {}).get("results") or []
        return results[place["position"]] if place["position"] < len(results) else {}

    def _own(self, options: Iterable[str]) -> dict[str, Any]:
        """What the host itself sets of these options, not evaluated."""
        return {name: self._all[PREFIX + name] for name in options if PREFIX + name in self._all}

    def _groups(self) -> list[Mapping[str, Any]]:
        """The list of groups; empty where the host declares one group by its own variables."""
        groups = self._all.get(f"{PREFIX}groups") or []
        # What is no template stays as it is, so that a secret in it is not evaluated before it is needed.
        listed = groups if isinstance(groups, (list, tuple)) else self._evaluated(groups)
        return [one if isinstance(one, Mapping) else self._evaluated(one) for one in listed]

    def _evaluated(self, value: Any) -> Any:
        """The value without templates, and a dictionary without what is omitted."""
        found = self._templar.template(value)
        if isinstance(found, Mapping):
            return {name: one for name, one in found.items() if one is not self._omitted and one != self._omitted}
        return found


def noted_group(declared: Mapping[str, Any], made: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """What the tasks for one group need, without any secret.

    Args:
        declared: the options of the group that are set; those of :data:`NOT_NOTED` are only looked at.
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
    known = {name: bare(value) for name, value in declared.items() if name not in NOT_NOTED}
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
