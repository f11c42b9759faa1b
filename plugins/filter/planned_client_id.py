# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: planned_client_id
short_description: The client ID of a link whose credential is only planned
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). A link cannot be tried without its credential. In check mode it has the
    client ID that stands for what is not known yet.
positional: _input, credential
options:
  _input:
    description: What M(fortanix.dsm.azure_kv_app) has returned; empty when it has not run.
    type: dict
    required: true
  credential:
    description: What M(fortanix.dsm.cdc_credential) has returned; empty when it has not run.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show whether the credential is only planned
  ansible.builtin.debug:
    msg: "{{ my_application | fortanix.dsm.planned_client_id(my_credential) }}"
"""

RETURN = r"""
_value:
  description: The nil UUID, or an empty text when no credential is planned.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils import _set_up


def planned_client_id(application: Any, credential: Any) -> Any:
    if not isinstance(application, Mapping) or not isinstance(credential, Mapping):
        raise AnsibleFilterError("fortanix.dsm.planned_client_id: give it the results of two tasks, dictionaries")
    return _set_up.planned_client_id(application, credential)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"planned_client_id": planned_client_id}
