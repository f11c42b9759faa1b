# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rotation_summary
short_description: Summarize the rotation of one application's credential
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the role P(fortanix.dsm.cdc_rotate#role). Only includes named values, so that the result contains no secret.
positional: _input, application
options:
  _input:
    description: The result of M(fortanix.dsm.cdc_credential), failed or not.
    type: dict
    required: true
  application:
    description: An element of O(fortanix.dsm.cdc_rotate#role:main:cdc_rotate_applications).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ renewed | fortanix.dsm.rotation_summary({'unique_name': 'fortanix-dsm-production'}) }}"
"""

RETURN = r"""
_value:
  description:
    - C(application), C(type), C(ends), C(days_left), C(groups), C(reason), C(changed), C(planned), C(error), and a
      summary in one line (C(line)).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._unsafe import unsafe


def rotation_summary(result: Any, application: Any) -> Any:
    from ..plugin_utils import _rotations

    if not isinstance(result, Mapping) or not isinstance(application, Mapping):
        raise AnsibleFilterError("fortanix.dsm.rotation_summary: the inputs must be a task result and an application")
    return unsafe(_rotations.summary(result, application))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rotation_summary": rotation_summary}
