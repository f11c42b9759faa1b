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
      - The key vault. One of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) names it.
      - It is looked up in what the link's application sees, and fails with the candidates when none or several fit.
    type: dict
    suboptions:
      name:
        description:
          - Name of the vault.
        type: str
      resource_id:
        description:
          - Azure resource ID of the vault.
        type: str
      uri:
        description:
          - URI of the vault, for example V(https://my-vault.vault.azure.net/).
        type: str
      tags:
        description:
          - Tags that the vault has. There must be exactly one such vault. Needs O(link_client_secret) in every run.
        type: dict
      type:
        description:
          - Type that the vault must have. Taken from the vault when not set.
        type: str
        choices: [standard, premium, managed_hsm]
      planned:
        description:
          - Whether check mode has only planned the vault, in an earlier task. It is taken as given then, since there is
            nothing to look at. Outside of check mode it is refused.
        type: bool
        default: false
"""
