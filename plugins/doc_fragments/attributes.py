# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a module behaves: check mode, diff, idempotence, action groups."""

    # Modules that change something and predict it.
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing anything.
    support: full
    details:
      - The same code computes the prediction and the change. Both clients are read-only in check mode.
      - Where the real run tests a connection or lists vaults, check mode does the same, with the link credential.
  diff_mode:
    description: Returns what has changed, or would change, when in C(diff) mode. Secrets are never part of it.
    support: full
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
"""

    # Modules that only read.
    INFO = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode). Changes nothing in either mode.
    support: full
  diff_mode:
    description: Returns what has changed, or would change, when in C(diff) mode.
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
    details:
      - This module changes nothing.
"""

    CDC = r"""
attributes:
  action_group:
    description: Use C(group/fortanix.dsm.cdc) in C(module_defaults) to set the C(dsm_) options once for all modules.
    support: full
    membership:
      - fortanix.dsm.cdc
"""

    OPERATOR = r"""
attributes:
  action_group:
    description:
      - Use C(group/fortanix.dsm.azure) in C(module_defaults) to set the operator credentials once for all modules.
    support: full
    membership:
      - fortanix.dsm.azure
"""

    CDC_AND_OPERATOR = r"""
attributes:
  action_group:
    description:
      - Use C(group/fortanix.dsm.azure) in C(module_defaults) to set the operator credentials once for all modules, and
        C(group/fortanix.dsm.cdc) to set the C(dsm_) options.
    support: full
    membership:
      - fortanix.dsm.cdc
      - fortanix.dsm.azure
"""

    # Every module: its action plugin runs the same operation.
    ACTION = r"""
attributes:
  action:
    description: Has a corresponding action plugin, so that it can be executed on the controller.
    support: full
    details:
      - With a local connection and the Python of Ansible itself, the task runs in the Ansible process. It returns the
        same result as the module.
      - Set the variable C(ansible_fortanix_dsm_in_process), or the environment variable C(FORTANIX_DSM_IN_PROCESS), to
        V(false) to always start the module in a process of its own.
  async:
    description: Supports being used with the C(async) keyword.
    support: full
"""
