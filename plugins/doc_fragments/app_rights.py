# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Which application needs which permissions at which vault.
    DOCUMENTATION = r"""
options:
  vault:
    description:
      - The Azure Key Vault or Managed HSM. O(vault.resource_id) needs the fewest requests, because nothing has to be
        searched.
    type: dict
    required: true
    suboptions:
      resource_id:
        description:
          - Azure resource ID of the vault.
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: str
      name:
        description:
          - Name of the vault. It is searched in O(subscription_id), or in O(vault.resource_group) when that is set.
          - A Managed HSM of this name is used when no such key vault exists, or when O(vault.type=managed_hsm).
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: str
      uri:
        description:
          - URI of the vault, for example V(https://my-vault.vault.azure.net/).
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: str
      tags:
        description:
          - Tags that exactly one vault must have.
          - Exactly one of O(vault.name), O(vault.resource_id), O(vault.uri), and O(vault.tags) is required.
        type: dict
      resource_group:
        description:
          - Resource group of the vault. Together with O(vault.name) it makes the search unnecessary.
        type: str
      type:
        description:
          - Expected type of the vault. Another type is reported as a finding.
        type: str
        choices: [standard, premium, managed_hsm]
      planned:
        description:
          - Whether an earlier task has only planned the vault in check mode. The vault is then not read. Rejected
            outside check mode.
        type: bool
        default: false
  app_client_id:
    description:
      - Application (client) ID of the application that Fortanix DSM authenticates as.
    type: str
    required: true
  app_object_id:
    description:
      - Object ID of the service principal of the application. Roles and permissions are granted to this object. Set it
        only when the operator has no permission to read applications in Microsoft Graph.
      - The Azure portal shows it under Enterprise applications. The object ID under App registrations is a different
        one.
    type: str
  app_certificate:
    description:
      - The certificate that DSM authenticates with, as a path or as text, in PEM, DER or PKCS#12 form or the base64 of
        them. The task checks its validity, and that it is registered at the application.
    type: str
  credential_planned:
    description:
      - Whether an earlier task has only planned a credential of the application in check mode, as returned in
        RV(fortanix.dsm.azure_kv_app#module:credential_planned). The credential then counts as registered. Rejected
        outside check mode.
    type: bool
    default: false
"""

    PROFILE = r"""
options:
  rights_profile:
    description:
      - The permissions that the application needs.
      - V(guide) is what the product guide requests, that is all ten key permissions and Key Vault Contributor. That
        role does not apply to Managed HSMs. There it is the permission to read the Managed HSM.
      - V(least_privilege) is the permission to read the vault, and all key permissions except V(purge).
      - V(explicit) is the permission to read the vault, and O(key_permissions).
    type: str
    choices: [guide, least_privilege, explicit]
"""

    WANTED = r"""
options:
  key_permissions:
    description:
      - Key permissions, with the names that access policies use.
      - With O(rights_profile=explicit) these are all requested key permissions. With O(rights_profile=least_privilege)
        they are requested in addition, for example V(purge). Not allowed with O(rights_profile=guide).
      - Required if O(rights_profile=explicit).
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
      - Expected permission model of the vault. V(any) accepts either model, and evaluates the permissions that apply in
        the model of the vault. The model itself is never changed.
    type: str
    choices: [any, access_policy, rbac]
    default: any
  dsm_egress_addresses:
    description:
      - The public egress addresses of Fortanix DSM, as IPv4 addresses or CIDR blocks. When they are not set, it is
        unknown whether a vault with network rules accepts connections from DSM. A test from this host could not show
        it.
    type: list
    elements: str
    default: []
  renew_before_days:
    description:
      - Credentials and certificates that expire within this number of days are reported as a finding.
      - From V(0) to V(3650).
    type: int
    default: 30
"""
