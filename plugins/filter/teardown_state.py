# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: teardown_state
short_description: Evaluate the state of a teardown
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbook C(fortanix.dsm.teardown). Evaluates the results of its tasks so far.
positional: _input, results
options:
  _input:
    description: The output of P(fortanix.dsm.teardown_request#filter).
    type: dict
    required: true
  results:
    description:
      - The registered results by step. C(look_group), C(look_application), C(look_removal) and C(look_vault) are
        results in check mode. C(credential), C(rights), C(group), C(application) and C(vault) are results of the run.
    type: dict
    required: true
seealso:
  - plugin: fortanix.dsm.teardown_request
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Check whether anything forbids the teardown
  ansible.builtin.debug:
    msg: "{{ (my_request | fortanix.dsm.teardown_state({'look_group': my_look})).stops }}"
"""

RETURN = r"""
_value:
  description:
    - C(stops), why nothing must be removed. C(waits), whether the removal of the group needs an approval. C(client_id)
      and C(group) for the next tasks. C(credential), C(rights), C(application) and C(vault), whether to run that step.
      C(holds), whether irreversible steps are skipped. C(notes) and C(failures) for the user.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def teardown_state(asked: Any, results: Any) -> Any:
    from ..plugin_utils import _teardown

    if not isinstance(asked, Mapping) or not isinstance(results, Mapping):
        raise AnsibleFilterError("fortanix.dsm.teardown_state: the inputs must be a request and results by step")
    return unsafe(_teardown.state(asked, results))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"teardown_state": teardown_state}
