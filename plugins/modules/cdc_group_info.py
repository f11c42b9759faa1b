#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_group_info
short_description: List the groups of Fortanix DSM and their links to Azure
version_added: 0.1.0
description:
  - Returns groups with the details of their links. Either all groups that the DSM identity can see, or one of them.
  - When no group has the requested name, the list is empty.
  - This collection cannot manage a group with several links to Azure. When all groups are listed, such a group is
    reported in RV(not_managed) and in a warning. When it is requested by O(name) or O(group_id), the task fails.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
options:
  name:
    description:
      - Return only the group of this name.
      - Mutually exclusive with O(group_id).
    type: str
    aliases: [group_name]
  group_id:
    description:
      - Return only the group with this ID.
      - Mutually exclusive with O(name).
    type: str
  kind:
    description:
      - Which groups to return. V(azure) returns groups that are linked to Azure Key Vault, V(external) groups that are
        linked to any external KMS, V(all) all groups.
    type: str
    choices: [azure, external, all]
    default: azure
seealso:
  - module: fortanix.dsm.cdc_group
"""

EXAMPLES = r"""
- name: List all groups that are linked to Azure Key Vault
  fortanix.dsm.cdc_group_info:
  register: cdc

- name: Show their vaults
  ansible.builtin.debug:
    msg: "{{ cdc.groups | map(attribute='link.vault.uri') }}"
"""

RETURN = r"""
groups:
  description:
    - The groups, sorted by name.
    - A group with several links to Azure is included only with O(kind=external) and O(kind=all).
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group. V(null) while it is only planned.
      type: str
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    name:
      description: Name of the group.
      type: str
      sample: akv-production
    description:
      description: Description of the group. Can be empty.
      type: str
    custom_metadata:
      description: Custom metadata of the group, without the reserved keys.
      type: dict
      sample: {team: blue}
    external_kms:
      description: Type of the external KMS that the group is linked to, as DSM names it. V(null) for a local group.
      type: str
      sample: AzureKeyVault
    exists:
      description: Whether the group exists.
      type: bool
      sample: true
    planned:
      description: Whether this is a prediction, in check mode.
      type: bool
      sample: false
    link:
      description: The link to Azure. V(null) for a group that is not linked to Azure, or has several links to it.
      type: dict
      contains:
        hmg_id:
          description: DSM's ID of the link. V(null) while it is only planned.
          type: str
        azure_service:
          description: V(global), V(us_government), or V(unknown).
          type: str
          sample: global
        tenant_id:
          description: Tenant (directory) ID.
          type: str
        client_id:
          description: Application (client) ID.
          type: str
        subscription_id:
          description: Subscription ID.
          type: str
        auth_mode:
          description:
            - Type of the link credential, V(client_secret) or V(certificate). V(null) when DSM does not return it.
          type: str
          sample: certificate
        credential_match:
          description:
            - V(recorded) when this collection wrote the link credential and has recorded which one. Another client may
              have replaced it since. V(unknown) otherwise.
          type: str
          sample: recorded
        credential_expires:
          description: Expiry of the certificate of the link, UTC. V(null) when it is unknown, as for client secrets.
          type: str
          sample: "2027-03-31T12:00:00Z"
        vault:
          description: The vault of the link.
          type: dict
          contains:
            name:
              description: Name of the vault. V(null) while no vault is selected.
              type: str
              sample: akv-production
            uri:
              description: URI of the vault. V(null) while no vault is selected.
              type: str
              sample: https://akv-production.vault.azure.net/
            type:
              description: V(standard), V(premium), or V(managed_hsm). V(null) while no vault is selected.
              type: str
              sample: premium
        tls:
          description: How DSM makes TLS connections for this link.
          type: dict
          contains:
            mode:
              description: V(required) when the certificate is verified. V(null) when DSM does not return it.
              type: str
              sample: required
            validate_host:
              description: Whether the host name is verified.
              type: bool
              sample: true
            ca:
              description:
                - V(global_roots), or V(custom) when only the pinned CA certificates are trusted. Can be another set of
                  CAs of DSM. V(null) when DSM returns none.
              type: str
              sample: global_roots
            ca_certificates:
              description: The pinned CA certificates, PEM.
              type: list
              elements: str
            ca_sha256:
              description: SHA-256 of each pinned CA certificate.
              type: list
              elements: str
            client_certificate:
              description:
                - The certificate that DSM presents, PEM. V(null) when there is none, or DSM does not return it.
              type: str
            client_certificate_sha256:
              description: SHA-256 of that certificate. V(null) when there is none.
              type: str
not_managed:
  description: The groups that no module of this collection can manage, whatever O(kind) is.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group.
      type: str
    name:
      description: Name of the group.
      type: str
      sample: akv-legacy
    reason:
      description: Why it cannot be managed.
      type: str
"""

from ..module_utils._operations import cdc_group_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_group_info)


if __name__ == "__main__":
    main()
