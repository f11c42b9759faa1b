# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: application_selector
short_description: How a declared application is found
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_setup#role). Returns the option of a declared application by which
    M(fortanix.dsm.azure_kv_app) finds the application.
options:
  _input:
    description: An application as in O(fortanix.dsm.cdc_setup#role:main:cdc_setup_application).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Remove the application
  fortanix.dsm.azure_kv_app:
    state: absent
    app_client_id: "{{ selector.client_id | default(omit) }}"
    app_unique_name: "{{ selector.unique_name | default(omit) }}"
    app_display_name: "{{ selector.display_name | default(omit) }}"
  vars:
    selector: "{{ my_application | fortanix.dsm.application_selector }}"
"""

RETURN = r"""
_value:
  description: One of C(client_id), C(unique_name) and C(display_name) with its value; empty if none is set.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def application_selector(application: Any) -> Any:
    from ..module_utils._declaration import decisions

    if not isinstance(application, Mapping):
        raise AnsibleFilterError("fortanix.dsm.application_selector: the input must be an application (dictionary)")
    return unsafe(decisions.application_selector(application))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"application_selector": application_selector}
