# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What DSM will hold. The options are in ``_options.LINK`` and ``_options.LINK_CREDENTIAL``."""

    DOCUMENTATION = r"""
options:
  azure_service:
    description:
      - The Azure that the link goes to. Set to V(global) when the group is created and this is not set.
    type: str
    choices: [global, us_government]
  link_tenant_id:
    description:
      - Tenant (directory) ID of the link.
    type: str
  link_client_id:
    description:
      - Application (client) ID of the link. It is the application that DSM uses, and should be no operator's.
    type: str
  link_subscription_id:
    description:
      - ID of the subscription that holds the key vaults.
    type: str
  link_client_secret:
    description:
      - Value of a client secret of the application. Not its ID.
      - DSM does not give it back, and a link that is changed is sent whole. So each change of the link needs it again.
      - This and the other C(link_) options are never taken from the environment.
    type: str
"""

    CREDENTIAL = r"""
options:
  link_client_secret:
    description:
      - Value of a client secret of the link's application. Not its ID. Never taken from the environment.
      - Needed when something is to be changed, as a link that is changed is sent whole and DSM does not give the
        stored secret back. Not needed, and not used, when the link is already as wanted.
    type: str
"""
