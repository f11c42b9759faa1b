# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """One vault of those that the link can see. The options are in ``_options.VAULT``."""

    DOCUMENTATION = r"""
options:
  vault:
    description:
      - The vault of the link, an Azure Key Vault or a Managed HSM. It is searched among the vaults that the application
        can read. When no vault or several vaults match, the task fails and lists the candidates.
    type: dict
    suboptions:
      name:
        description:
          - Name of the vault.
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: str
      resource_id:
        description:
          - Azure resource ID of the vault.
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: str
      uri:
        description:
          - URI of the vault, for example V(https://my-vault.vault.azure.net/).
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: str
      tags:
        description:
          - Tags that exactly one vault must have. Every run then needs O(link_client_secret) or O(link_certificate).
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: dict
      type:
        description:
          - Type that the vault must have. Read from the vault when not set.
        type: str
        choices: [standard, premium, managed_hsm]
      planned:
        description:
          - Whether an earlier task has only planned the vault in check mode. The vault is then not searched. Rejected
            outside check mode.
        type: bool
        default: false
"""
