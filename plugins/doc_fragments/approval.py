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
      - What to do when an approval policy (quorum) of DSM protects the change.
      - V(request) files one approval request. A later run finds that request and files no other one while it is
        pending. After the approval, the task applies the change and verifies it. When the request was denied or has
        failed, the task fails and reports who denied it and why.
      - V(fail) fails without filing a request.
      - DSM replaces a link completely, so a request that changes a link contains the link credential. DSM decides who
        can read approval requests and what it shows of them.
    type: str
    choices: [request, fail]
    default: request
  approval_wait:
    description:
      - Seconds to wait for the decision of the approvers, in addition to O(dsm_timeout). With V(0) the task does not
        wait and returns C(pending=true).
      - From V(0) to V(2592000).
    type: int
    default: 0
"""
