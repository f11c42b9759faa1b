#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_group
short_description: Manage a Fortanix DSM group that is linked to Azure Key Vault
version_added: 0.1.0
description:
  - Creates, changes, and removes a Cloud Data Control (CDC) group. This is a group of Fortanix Data Security Manager
    (DSM) with a link to the key vaults of an Azure subscription.
  - Options that are not set keep their stored values. This applies to each part of the link as well.
  - A new group is saved whether its link connects or not. Use M(fortanix.dsm.cdc_connection) to test it.
  - When a group of this name is local, or is linked to another kind of KMS, the task fails and leaves it unchanged.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
  - fortanix.dsm.link
  - fortanix.dsm.link.credential
  - fortanix.dsm.vault_selection
  - fortanix.dsm.link_edit.disconnect
  - fortanix.dsm.link_edit.move
options:
  state:
    description:
      - Whether the group must exist.
      - V(absent) removes a group that holds no keys, not even deleted or destroyed ones. It never purges keys.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the group, 1 to 4096 characters in one line. With O(group_id), the new name of the group.
      - Required to create a group.
      - At least one of O(name) and O(group_id) is required.
    type: str
    aliases: [group_name]
  group_id:
    description:
      - ID of an existing group.
      - At least one of O(name) and O(group_id) is required.
    type: str
  description:
    description:
      - Description of the group. An empty text removes it.
    type: str
  custom_metadata:
    description:
      - Key-value pairs that are merged into the custom metadata of the group. A key whose value is V(null) is removed.
      - Keys that begin with V(fortanix-dsm-ansible-) are reserved. The module uses them to record facts about the link
        credential.
    type: dict
  update_credential:
    description:
      - When the link credential (O(link_client_secret) or O(link_certificate)) is written to an existing group.
      - V(on_change) writes it when it differs from the one that this module wrote last. When none is recorded, it is
        written unless the link connects with the credential that DSM holds.
      - V(always) writes it in every run.
      - V(on_create) does not update the credential.
      - With every other change of the link, the credential is written in any case.
    type: str
    choices: [on_change, always, on_create]
    default: on_change
  credential_planned:
    description:
      - Whether an earlier task has only planned the link credential or its registration in check mode, as returned in
        RV(fortanix.dsm.azure_kv_app#module:credential_planned). The link is then not tested and needs no credential.
        Rejected outside check mode.
    type: bool
    default: false
seealso:
  - module: fortanix.dsm.cdc_connection
  - module: fortanix.dsm.cdc_vault_select
  - module: fortanix.dsm.cdc_sync
"""

EXAMPLES = r"""
- name: Create a CDC group with its vault, in one write
  fortanix.dsm.cdc_group:
    name: akv-production
    description: Keys of the production subscription
    link_tenant_id: 5a3f5e0c-3b1c-4f8e-9c3a-0d6f7b1c2e11
    link_client_id: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0
    link_subscription_id: 9d8c7b6a-5f4e-3d2c-1b0a-998877665544
    link_client_secret: "{{ vaulted_client_secret }}"
    vault:
      name: akv-production
      type: premium
  register: cdc

- name: Change only the description, which needs no link credential
  fortanix.dsm.cdc_group:
    name: akv-production
    description: Keys of the production subscription, owned by team Blue

- name: Rename the group
  fortanix.dsm.cdc_group:
    group_id: "{{ cdc.group.group_id }}"
    name: akv-prod

- name: Remove a group without keys
  fortanix.dsm.cdc_group:
    name: akv-prod
    state: absent
"""

RETURN = r"""
group:
  description:
    - The group after the task, or as it would be in check mode. It always has the same keys, and contains no secret.
    - With O(state=absent), the group that was removed. When no group was found, only the values of the options are set.
  returned: success
  type: dict
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
      description: The link to Azure. V(null) for a group that is not linked to Azure.
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
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(DSM).
      type: str
      sample: DSM
    object:
      description: The object that changes.
      type: str
      sample: group "akv-production"
    action:
      description: V(create), V(update), or V(delete).
      type: str
      sample: create
    before:
      description: The changed parts before, by name. Empty for a new object. Never a secret.
      type: dict
    after:
      description: The changed parts after, by name. Empty for a removed object. Never a secret.
      type: dict
    reason:
      description: Why the change is made.
      type: str
pending:
  description:
    - Whether the change is pending approval. Nothing has been changed then, and RV(group) is the group before the
      change.
    - The task is C(changed) when it has filed the request, and not when it has found an existing one.
  returned: success
  type: bool
  sample: false
approval:
  description: The approval request for the change. V(null) when no approval is required.
  returned: success
  type: dict
  contains:
    id:
      description: ID of the approval request. V(null) in check mode while no request exists.
      type: str
    status:
      description: V(needed) in check mode while no request exists, otherwise V(pending) or V(approved).
      type: str
      sample: pending
    expires:
      description: Expiry of the request, UTC. V(null) while no request exists, or when DSM does not return it.
      type: str
      sample: "2026-11-26T04:10:00Z"
    requester:
      description: Who filed the request, C(app) or C(user) and the ID. V(null) while no request exists.
      type: str
    filed:
      description: Whether this task filed the request.
      type: bool
"""

from ..module_utils._operations import cdc_group
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_group)


if __name__ == "__main__":
    main()
