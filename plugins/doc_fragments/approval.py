# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What a module does when DSM demands an approval. The options are in ``_options.APPROVAL``."""

    DOCUMENTATION = r"""
options:
  approval:
    description:
      - What to do when an approval policy (quorum) of DSM guards the change.
      - V(request) files an approval request, once. A later run finds it, and files nothing while it is pending. When it
        has been approved, the task applies the change and verifies it. When it was denied or has failed, the task fails
        and names who denied it and the reason.
      - V(fail) fails, and asks for nothing.
      - The request carries the credential of the link when the change does, as DSM replaces a link whole. Who may read
        requests in DSM, and what DSM shows them of it, is DSM's matter.
    type: str
    choices: [request, fail]
    default: request
  approval_wait:
    description:
      - Seconds to wait for the decision of the approvers. With V(0) the task does not wait, and C(pending) is
        V(true) in its result. The time comes on top of O(dsm_timeout).
    type: int
    default: 0
"""
