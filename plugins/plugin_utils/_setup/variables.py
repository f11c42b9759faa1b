# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads the variables of the role cdc_setup for its lookups, and builds the fact about one group. No I/O."""

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
# Options that are never put into a fact, because Ansible may print it: secrets, and options that may contain one by
# mistake.
NOT_NOTED = frozenset({*arguments.SECRETS, "tls", "app_certificate"})
# The fact contains whether a certificate and a TLS configuration are set, and nothing about the other secrets.
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
        # Before ansible-core 2.19, `omit` is a special string.
        self._omitted = variables.get("omit")

    def declarations(self) -> list[dict[str, Any]]:
        """The Azure requirements of each group, without any credential."""
        groups = [self._evaluated({name: one[name] for name in OPTIONS if name in one}) for one in self._groups()]
        return declarations(groups, self._evaluated(self._own(OPTIONS)))

    def noted(self, index: int, credential: Mapping[str, Any]) -> dict[str, Any]:
        """The fact about one group. ``credential``: the result of cdc_credential for it, once that has run."""
        made = {name: self._made(index, name) for name in ("application", "vault", "rights")}
        check_mode = bool(self._all.get("ansible_check_mode"))
        return noted_group(self.declared(index), {**made, "credential": credential}, check_mode=check_mode)

    def count(self) -> int:
        """The number of groups that the host declares."""
        return len(self._groups()) or 1

    def declared(self, index: int, options: Iterable[str] = tuple(_EVALUATED)) -> dict[str, Any]:
        """The options of a group that are set: its own, and those of the host where the group sets none."""
        groups = self._groups()
        group = groups[index] if groups else {}
        # Null counts as unset, and an option with a default is always set.
        of_group = {
            name: group[name]
            for name in options
            if name in group and not (group[name] is None and name in _WITH_DEFAULT)
        }
        declared = self._evaluated({**self._own(options), **of_group})
        return {name: value for name, value in declared.items() if value is not None}

    def _made(self, index: int, name: str) -> Mapping[str, Any]:
        """The result of the task for a shared object of a group; empty if tags skipped the task."""
        here = self._all["inventory_hostname"]
        place = self._all[f"{PREFIX}shared"]["groups"][here][index][name]
        if not place:
            return {}
        host = self._all if place["host"] == here else self._all["hostvars"][place["host"]]
        results: list[Mapping[str, Any]] = (host.get(f"{PREFIX}{place['task']}") or {}).get("results") or []
        return results[place["position"]] if place["position"] < len(results) else {}

    def _own(self, options: Iterable[str]) -> dict[str, Any]:
        """These options as set by the host itself, not evaluated."""
        return {name: self._all[PREFIX + name] for name in options if PREFIX + name in self._all}

    def _groups(self) -> list[Mapping[str, Any]]:
        """The list of groups; empty if the host declares one group by its own variables."""
        groups = self._all.get(f"{PREFIX}groups") or []
        # Only a template is evaluated, so that a secret in the list is not evaluated before it is needed.
        listed = groups if isinstance(groups, (list, tuple)) else self._evaluated(groups)
        return [one if isinstance(one, Mapping) else self._evaluated(one) for one in listed]

    def _evaluated(self, value: Any) -> Any:
        """The evaluated value; of a dictionary, without omitted keys."""
        found = self._templar.template(value)
        if isinstance(found, Mapping):
            return {name: one for name, one in found.items() if one is not self._omitted and one != self._omitted}
        return found


def noted_group(declared: Mapping[str, Any], made: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """The input of the tasks for one group, without any secret.

    Args:
        declared: the options of the group that are set; of :data:`NOT_NOTED`, only whether they are set.
        made: results of earlier tasks by ``application``, ``vault``, ``rights`` and ``credential``, empty if none ran.
        check_mode: whether the run is in check mode.

    Returns:
        The options, and: ``cloud``: of the operator, where it is not the public one. ``client_id``: of the application.
        ``pair``: the files of a generated certificate. ``credential``: options of cdc_credential, where it creates one.
        ``planned``: of :func:`planned_parts`. ``chosen_vault``: for DSM. ``link_vault``: the same, planned where the
        link cannot see it yet. ``new_group``: for cdc_credential. ``has_tls``. ``shared``: whether what the group needs
        in Azure was changed.
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
        "shared": {
            "changed": any((made.get(name) or {}).get("changed") for name in ("application", "vault", "rights"))
        },
    }
    if "credential" in application:
        given = application["credential"]
        found["credential"] = {name: given[name] for name in CREDENTIAL if given.get(name) is not None}
    if known.get("azure_service") == "us_government":
        found["cloud"] = "AzureUSGovernment"
    return {name: value for name, value in found.items() if value is not None}
