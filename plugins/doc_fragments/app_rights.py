# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Which application is to have which rights at which vault.
    DOCUMENTATION = r"""
options:
  vault:
    description:
      - The key vault or managed HSM. One of O(vault.resource_id), O(vault.name), O(vault.uri), and O(vault.tags) names
        it. The resource ID is the cheapest way, as nothing has to be looked up.
    type: dict
    required: true
    suboptions:
      resource_id:
        description:
          - Azure resource ID of the vault.
        type: str
      name:
        description:
          - Name of the vault. Looked up in O(subscription_id), or in O(vault.resource_group) when that is set.
          - A managed HSM is looked for when there is no such vault, or when O(vault.type=managed_hsm).
        type: str
      uri:
        description:
          - URI of the vault, for example V(https://my-vault.vault.azure.net/).
        type: str
      tags:
        description:
          - Tags that the vault has. There must be exactly one such vault.
        type: dict
      resource_group:
        description:
          - Resource group of the vault. Together with O(vault.name) it saves the look-up.
        type: str
      type:
        description:
          - Type that the vault is to have. A vault of another type is a finding.
        type: str
        choices: [standard, premium, managed_hsm]
      planned:
        description:
          - Whether check mode has only planned the vault, in an earlier task. It is taken as given then, since there is
            nothing to look at. Outside of check mode it is refused.
        type: bool
        default: false
  app_client_id:
    description:
      - Application (client) ID of the application that Fortanix DSM logs in as.
    type: str
    required: true
  app_object_id:
    description:
      - Object ID of the application's service principal, which rights are given to. Needed only when the operator may
        not read applications in Microsoft Graph.
      - It is shown under Enterprise applications. The object ID under App registrations is another one.
    type: str
  app_certificate:
    description:
      - The certificate that DSM logs in with, as path or text, in PEM, DER or PKCS#12 form or the base64 of them. Its
        validity is checked, and that it is registered with the application.
    type: str
  credential_planned:
    description:
      - Whether check mode has only planned a credential of the application, in an earlier task, as
        RV(fortanix.dsm.azure_kv_app#module:credential_planned) tells. It counts as registered then. Outside of check
        mode it is refused.
    type: bool
    default: false
"""

    PROFILE = r"""
options:
  rights_profile:
    description:
      - The rights that are wanted.
      - V(guide) is what the product guide asks for, which is all ten key permissions and Key Vault Contributor. At a
        managed HSM, to which that role does not extend, it is the right to read the pool.
      - V(least_privilege) is the right to see the vault, and all key permissions but V(purge).
      - V(explicit) is the right to see the vault, and O(key_permissions).
    type: str
    choices: [guide, least_privilege, explicit]
"""

    WANTED = r"""
options:
  key_permissions:
    description:
      - Key permissions, in the words of access policies.
      - With O(rights_profile=explicit) these are all that is wanted. With O(rights_profile=least_privilege) they are
        wanted besides, which is the way to ask for V(purge). Not allowed with O(rights_profile=guide).
    type: list
    elements: str
    choices:
      - get
      - list
      - update
      - create
      - import
      - delete
      - recover
      - backup
      - restore
      - purge
  permission_model:
    description:
      - The permission model that a vault is to have. V(any) is content with the rights that count in the vault's own
        model. The model itself is never changed.
    type: str
    choices: [any, access_policy, rbac]
    default: any
  dsm_egress_addresses:
    description:
      - The public addresses, IPv4 or CIDR blocks, from which Fortanix DSM reaches Azure. Without them it is unknown
        whether a vault with network rules lets DSM in. A test from this host would not tell.
    type: list
    elements: str
    default: []
  renew_before_days:
    description:
      - Credentials and certificates that end within so many days are a finding.
    type: int
    default: 30
"""
