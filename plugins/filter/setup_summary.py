# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: setup_summary
short_description: Summarize the setup of one group
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Only includes named values, so that the result contains no secret.
options:
  _input:
    description:
      - The results of the tasks of one group, by the names C(credential), C(group), C(tls), C(connection), C(vault) and
        C(sync). Results of skipped tasks can be omitted.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ {'group': made, 'connection': tested} | fortanix.dsm.setup_summary }}"
"""

RETURN = r"""
_value:
  description: C(name), C(group_id), C(status), C(pending), C(vault), C(key_count), C(changed), C(planned).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def setup_summary(results: Any) -> Any:
    from ..module_utils._declaration import decisions

    if not isinstance(results, Mapping) or not isinstance(results.get("group"), Mapping):
        raise AnsibleFilterError("fortanix.dsm.setup_summary: the input must be task results, with that of the group")
    return unsafe(decisions.summary(results))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"setup_summary": setup_summary}
