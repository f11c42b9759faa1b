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
  - Creates, changes, and removes a Cloud Data Control (CDC) group, a group of Fortanix Data Security Manager (DSM)
    with a link to the key vaults of an Azure subscription.
  - Options that are not set keep what is stored. That goes for each part of the link, too.
  - A new group is saved whether its link connects or not. Use M(fortanix.dsm.cdc_connection) to test it.
  - A group of this name that is local, or linked to something else, is an error and is left alone.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
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
      - Whether the group is to be there.
      - V(absent) removes a group that holds no keys, not even deleted or destroyed ones. It never purges keys.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the group, 1 to 4096 characters in one line. With O(group_id), the name that the group is to have.
      - Required to create a group.
    type: str
    aliases: [group_name]
  group_id:
    description:
      - ID of an existing group.
    type: str
  description:
    description:
      - Description of the group. An empty text removes it.
    type: str
  custom_metadata:
    description:
      - Texts by key, merged into the custom metadata of the group. A key with no value (V(null)) is removed.
      - Keys that begin with V(fortanix-dsm-ansible-) are reserved. The module keeps there what it has to remember of
        the credential.
    type: dict
  update_credential:
    description:
      - When O(link_client_secret) is written to a group that exists.
      - V(on_change) writes it when it differs from the one that this module wrote last. When none is on record, it is
        written unless the link connects with what DSM holds.
      - V(always) writes it in every run.
      - V(on_create) never writes it for its own sake.
      - In any case it is written with every other change of the link.
    type: str
    choices: [on_change, always, on_create]
    default: on_change
  credential_planned:
    description:
      - Whether check mode has only planned the credential of the link, or its registration, in an earlier task, as
        RV(fortanix.dsm.azure_kv_app#module:credential_planned) tells. The link is then not tried, and needs no
        credential. Outside of check mode it is refused.
    type: bool
    default: false
seealso:
  - module: fortanix.dsm.cdc_connection
  - module: fortanix.dsm.cdc_vault_select
  - module: fortanix.dsm.cdc_sync
"""

EXAMPLES = r"""
- name: A CDC group with its vault, in one write
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

- name: Change the description, and nothing else; no secret is needed
  fortanix.dsm.cdc_group:
    name: akv-production
    description: Keys of the production subscription, owned by team Blue

- name: Give the group another name
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
    - The group as it is after the task, or in check mode as it would be. Always with the same keys, and without
      secrets.
  returned: success
  type: dict
  contains:
    group_id:
      description: ID of the group. V(null) while it is only planned.
      type: str
    name:
      description: Name of the group.
      type: str
    description:
      description: Description of the group.
      type: str
    custom_metadata:
      description: Custom metadata without the reserved keys.
      type: dict
    external_kms:
      description: What the group is linked to, as DSM calls it. V(null) for a local group.
      type: str
      sample: AzureKeyVault
    exists:
      description: Whether the group is there.
      type: bool
    planned:
      description: Whether this is a prediction, made in check mode.
      type: bool
    link:
      description: The link to Azure. V(null) for a group that is linked to something else.
      type: dict
      contains:
        hmg_id:
          description: DSM's ID of the link. V(null) while it is only planned.
          type: str
        azure_service:
          description: V(global), V(us_government), or V(unknown).
          type: str
        tenant_id:
          description: Tenant ID.
          type: str
        client_id:
          description: Application (client) ID.
          type: str
        subscription_id:
          description: Subscription ID.
          type: str
        auth_mode:
          description: V(client_secret) or V(certificate). V(null) when DSM does not tell.
          type: str
        credential_match:
          description:
            - V(recorded) when this collection wrote the credential and remembers which. DSM may hold another one
              since.
            - V(unknown) otherwise.
          type: str
        credential_expires:
          description:
            - When the certificate of the credential expires. V(null) when it is not known, as with client secrets.
          type: str
          sample: "2027-03-31T12:00:00Z"
        vault:
          description: Name, URI, and type of the vault. Each is V(null) while none is chosen.
          type: dict
          sample: {name: akv-production, type: premium, uri: "https://akv-production.vault.azure.net/"}
        tls:
          description: How DSM makes TLS connections for this link, with certificates in PEM form and their SHA-256.
          type: dict
          sample:
            ca: global_roots
            ca_certificates: []
            ca_sha256: []
            client_certificate:
            client_certificate_sha256:
            mode: required
            validate_host: true
plan:
  description: The changes that were made, or in check mode would be made. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made.
      type: str
      sample: dsm
    object:
      description: What is changed.
      type: str
      sample: group "akv-production"
    action:
      description: V(create), V(update), or V(delete).
      type: str
    before:
      description: The parts that change, as they are.
      type: dict
    after:
      description: The parts that change, as they are going to be.
      type: dict
    reason:
      description: Why.
      type: str
pending:
  description:
    - Whether the change waits for an approval. Nothing has been changed then, and RV(group) is the group before it.
    - The task is C(changed) when it has filed the request, and is not when it has found it.
  returned: success
  type: bool
approval:
  description: The approval that the change needs or has got. V(null) when it takes none.
  returned: success
  type: dict
  contains:
    id:
      description: ID of the approval request. V(null) in check mode while there is none.
      type: str
    status:
      description: V(needed) in check mode while there is no request; V(pending), or V(approved).
      type: str
    expires:
      description: When the request expires, in ISO 8601, UTC.
      type: str
    requester:
      description: Who has filed the request, C(app) or C(user) and the ID.
      type: str
    filed:
      description: Whether this task has filed it.
      type: bool
"""

from ..module_utils._operations import cdc_group
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_group)


if __name__ == "__main__":
    main()
