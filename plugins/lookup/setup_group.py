# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_group
short_description: One group of the role cdc_setup, as its tasks need it
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role).
  - Evaluates the variables of one group once, so that the arguments of each task are short. The result has no secret.
  - It reads the variables of the role and the results of its earlier tasks.
options:
  _terms:
    description: The index of the group in C(cdc_setup_groups); 0 when that is empty.
    type: list
    elements: int
    required: true
  credential:
    description: The result of P(fortanix.dsm.cdc_credential#module) for this group, once that has run.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Note what the first group is created from
  ansible.builtin.set_fact:
    cdc_setup_this: "{{ lookup('fortanix.dsm.setup_group', 0) }}"
"""

RETURN = r"""
_raw:
  description: For each index the options of the group that are set, and what follows from earlier results.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.plugins.lookup import LookupBase

from ..module_utils._declaration.groups import DECLARATIONS, GROUP
from ..module_utils._options import APPROVAL
from ..plugin_utils._declared_options import PREFIX, Variables
from ..plugin_utils._set_up import NOT_NOTED, noted_group

# Whether there is a certificate and a TLS configuration is noted; of the other secrets nothing is.
_EVALUATED = [name for name in GROUP if name not in NOT_NOTED or name in ("link_certificate", "tls")]

_WITH_DEFAULT = {
    *(name for name, option in DECLARATIONS["options"].items() if "default" in option),
    *APPROVAL.argument_spec,
}


class LookupModule(LookupBase):  # type: ignore[misc]
    def run(self, terms: list[int], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        given = Variables(variables or {}, self._templar)
        return [self._group(given, int(index)) for index in terms]

    def _group(self, given: Variables, index: int) -> dict[str, Any]:
        groups = given.groups()
        group = groups[index] if groups else {}
        # Null is not set, and what has a default is always set.
        of_group = {
            name: group[name]
            for name in _EVALUATED
            if name in group and not (group[name] is None and name in _WITH_DEFAULT)
        }
        declared = given.evaluated({**given.own(_EVALUATED), **of_group})
        made = {**_shared(given.all, index), "credential": self.get_option("credential")}
        check_mode = bool(given.all.get("ansible_check_mode"))
        return noted_group(
            {name: value for name, value in declared.items() if value is not None}, made, check_mode=check_mode
        )


def _shared(variables: Mapping[str, Any], index: int) -> dict[str, Any]:
    """What the tasks for shared objects have returned for this group."""
    places = variables[f"{PREFIX}shared"]["groups"][variables["inventory_hostname"]][index]
    return {name: _made(variables, places[name]) for name in ("application", "vault", "rights")}


def _made(variables: Mapping[str, Any], place: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The result of a shared task; nothing for one that was left out by its tag."""
    if not place:
        return {}
    is_here = place["host"] == variables["inventory_hostname"]
    host = variables if is_here else variables["hostvars"][place["host"]]
    results = (host.get(f"{PREFIX}{place['task']}") or {}).get("results") or []
    return results[place["position"]] if place["position"] < len(results) else {}
