# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: place_problem
short_description: State why a file cannot be created at a path
version_added: 0.1.0
author:
  - The fortanix.dsm contributors (@fortanix)
description:
  - For the playbooks that store records. Creates no file, so that it also works in check mode.
options:
  _input:
    description: The path of the file to create.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Check that the record can be stored
  ansible.builtin.assert:
    that: record_file | fortanix.dsm.place_problem | length == 0
    fail_msg: "{{ record_file | fortanix.dsm.place_problem }}."
"""

RETURN = r"""
_value:
  description:
    - Empty if the file can be created, as far as that can be checked.
    - Otherwise the reason, such as a relative path, which would be read from another place than it is written to, or a
      directory that is not writable.
  type: str
"""

import os
from collections.abc import Callable
from typing import Any

from ..plugin_utils._unsafe import unsafe


def place_problem(path: Any) -> Any:
    from ..module_utils._errors import printable
    from ..module_utils._places import problem_of

    text = str(path)
    return unsafe(printable(problem_of(text) if os.path.isabs(text) else f'"{text}" is not an absolute path'))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"place_problem": place_problem}
