# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: planned_parts
short_description: List the parts of a setup that check mode has only planned
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). If an earlier step of the same plan creates an object, later steps
    treat it as existing and do not test it.
positional: _input, check_mode
options:
  _input:
    description:
      - The results of the tasks so far, by C(application), C(vault), C(rights) and C(credential), each empty if it has
        not run.
      - C(gives_certificate), whether a certificate for the link is set.
    type: dict
    required: true
  check_mode:
    description: Whether the run is in check mode. Otherwise nothing is only planned.
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Show what is only planned
  ansible.builtin.debug:
    msg: "{{ {'application': my_application} | fortanix.dsm.planned_parts(ansible_check_mode) }}"
"""

RETURN = r"""
_value:
  description:
    - All values are false, except those of parts that are only planned.
    - C(client_id) - the placeholder for the ID of an application that has no service principal yet. C(registration) - a
      credential is still to be registered. C(credential) - that credential is the link's. C(vault) - the link cannot
      see the vault yet. C(link) - the link cannot be tested yet.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def planned_parts(made: Any, check_mode: Any) -> Any:
    from ..module_utils._declaration import planned

    if not isinstance(made, Mapping) or not isinstance(check_mode, bool):
        raise AnsibleFilterError("fortanix.dsm.planned_parts: the inputs must be results and ansible_check_mode")
    return planned.planned_parts(made, check_mode=check_mode)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"planned_parts": planned_parts}
