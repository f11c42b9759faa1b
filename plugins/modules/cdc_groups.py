#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_groups
short_description: Set up many CDC groups of Fortanix DSM in one task
version_added: 0.1.0
description:
  - Sets up each group of a list, in the order of the product guide. Application and key vault where they are declared,
    permissions in Azure, group with its link, TLS configuration, test of the connection, key vault, sync of the keys.
    It runs the same code as the role P(fortanix.dsm.cdc_setup#role), without a task of Ansible for each step.
  - The complete list is validated before the first request. One wrong option, two groups of one name, or two groups
    that declare one application or vault differently fail the task, and nothing is changed.
  - DSM is asked once for the account and once for all groups. An application, a vault, the permissions of one
    application at one vault, and a credential are each created once, however many groups use them. What fails there
    fails the groups that need it.
  - A group that needs no change takes the requests of its connection test and of the list of its keys. A group is read
    again before it is changed.
  - A task that has failed or stopped is run again. It goes on where it stopped. A sync that failed after its group was
    changed is not due for that in the next run; set O(groups[].sync=always) for it.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing anything.
    support: partial
    details:
      - DSM has no dry run of a sync. What a sync would find is unknown.
      - What an earlier step has only planned counts as created, and is not tried.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: partial
    details:
      - Not with O(groups[].sync=always), O(groups[].update_credential=always) or a credential with C(renew=always).
options:
  groups:
    description:
      - The groups to set up, with the options of the role P(fortanix.dsm.cdc_setup#role) without its prefix.
      - An operator in Azure is needed only where a group has O(groups[].application) or O(groups[].azure_vault), or a
        vault whose permissions are checked or granted.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the group. No two groups of the list have one name.
        type: str
        required: true
      description:
        description:
          - Description of the group.
        type: str
      custom_metadata:
        description:
          - Texts by key, merged into the custom metadata of the group.
        type: dict
      azure_service:
        description:
          - The Azure that the link goes to.
        type: str
        choices: [global, us_government]
      link_tenant_id:
        description:
          - Tenant (directory) ID of the link.
        type: str
      link_client_id:
        description:
          - Application (client) ID of the link.
        type: str
      link_subscription_id:
        description:
          - ID of the subscription that holds the key vaults.
        type: str
      link_client_secret:
        description:
          - Value of a client secret of the link's application. Needed to create a group and to change its link.
        type: str
      link_certificate:
        description:
          - Certificate of the link's application, instead of the client secret. A path or a text, in PEM, DER or
            PKCS#12 form or the base64 of them.
        type: str
      link_private_key:
        description:
          - Private key of the certificate. Not needed when O(groups[].link_certificate) has the key in it.
        type: str
      link_private_key_passphrase:
        description:
          - Passphrase of the private key when that is encrypted.
        type: str
      link_format:
        description:
          - How the link is written; V(legacy) is for old versions of DSM.
        type: str
        choices: [modern, legacy]
      link_certificate_format:
        description:
          - How certificates and keys are sent.
        type: str
        choices: [der, pem]
      tls:
        description:
          - TLS configuration of the link, as O(fortanix.dsm.cdc_group#module:tls).
        type: dict
        suboptions:
          validate_host:
            description:
              - Whether the host name in the certificate is verified.
            type: bool
          ca_certificates:
            description:
              - CA certificates to trust instead of the global root CAs.
            type: list
            elements: str
          client_certificate:
            description:
              - Certificate that DSM presents.
            type: str
          client_key:
            description:
              - Private key of that certificate.
            type: str
          client_key_passphrase:
            description:
              - Passphrase of the key when that is encrypted.
            type: str
      vault:
        description:
          - The key vault, as O(fortanix.dsm.cdc_vault_select#module:vault). Without it no vault is chosen.
        type: dict
        suboptions:
          name:
            description:
              - Name of the vault or managed HSM.
            type: str
          resource_id:
            description:
              - Azure resource ID of the vault.
            type: str
          uri:
            description:
              - URI of the vault.
            type: str
          tags:
            description:
              - Tags that exactly one vault of the subscription has.
            type: dict
          type:
            description:
              - Type that the vault must have.
            type: str
            choices: [standard, premium, managed_hsm]
          resource_group:
            description:
              - Resource group of the vault, for the modules that search it in Azure.
            type: str
      application:
        description:
          - The application in Entra, when the task is to register it, with the options of M(fortanix.dsm.azure_kv_app)
            without C(app_). The link then logs in with the generated certificate, unless a credential is given.
          - With O(groups[].application.credential) the credential is created by the operation of
            M(fortanix.dsm.cdc_credential) instead, and nobody but DSM gets it. It is created once for all groups of
            the list that use the application.
        type: dict
        suboptions:
          client_id:
            description:
              - Application (client) ID of an application that exists.
            type: str
          unique_name:
            description:
              - Unique name of the application. It is created under this name when it does not exist.
            type: str
          display_name:
            description:
              - Display name, by which the application is found when neither C(unique_name) nor C(client_id) is set.
            type: str
          certificates:
            description:
              - Certificates to register, each as a path or text. The private key is not needed.
            type: list
            elements: str
          generate_certificate:
            description:
              - A certificate and its private key, created on the control node when neither file exists, and
                registered.
            type: dict
            suboptions:
              certificate_path:
                description:
                  - File of the certificate.
                type: path
                required: true
              key_path:
                description:
                  - File of the private key.
                type: path
                required: true
              days:
                description:
                  - Days for which the certificate is valid.
                type: int
              key_size:
                description:
                  - Length of the RSA key in bits.
                type: int
                choices: [2048, 3072, 4096]
              subject:
                description:
                  - Common name of the certificate.
                type: str
          api_permission:
            description:
              - Whether the application requests the API permission of Azure Key Vault.
            type: bool
          admin_consent:
            description:
              - Whether an administrator's consent to that permission is granted.
            type: bool
          on_soft_deleted:
            description:
              - What to do when the application is in the recycle bin of Entra.
            type: str
            choices: [fail, recover]
          credential:
            description:
              - A credential that only DSM gets, in place of C(generate_certificate). Options of
                M(fortanix.dsm.cdc_credential).
            type: dict
            suboptions:
              type:
                description:
                  - Kind of the credential.
                type: str
                choices: [certificate, secret]
              valid_days:
                description:
                  - Days for which a new credential is valid.
                type: int
              renew_before_days:
                description:
                  - A credential that expires within so many days is renewed.
                type: int
              renew:
                description:
                  - V(always) creates a new credential in each run.
                type: str
                choices: [when_due, always]
              key_size:
                description:
                  - Length of the RSA key in bits.
                type: int
                choices: [2048, 3072, 4096]
              proof:
                description:
                  - How a group is seen to work with the new credential.
                type: str
                choices: [check, sync]
              grace_time:
                description:
                  - Seconds to wait before an old credential is removed.
                type: int
              remove_old:
                description:
                  - Whether old credentials are removed.
                type: bool
              takeover_after:
                description:
                  - Seconds for which a credential that was just created counts as that of another run.
                type: int
      azure_vault:
        description:
          - The vault in Azure, when the task is to create it, with the options of M(fortanix.dsm.azure_kv_vault). It
            takes the place of O(groups[].vault). On a vault that exists only what is set here changes.
        type: dict
        suboptions:
          name:
            description:
              - Name of the vault or managed HSM.
            type: str
            required: true
          resource_group:
            description:
              - Resource group, which has to exist.
            type: str
            required: true
          location:
            description:
              - Azure region. Needed to create the vault.
            type: str
          type:
            description:
              - Type of the vault. Needed to create it.
            type: str
            choices: [standard, premium, managed_hsm]
          permission_model:
            description:
              - Who decides on access to the keys. Needed to create a vault.
            type: str
            choices: [access_policy, rbac]
          purge_protection:
            description:
              - Whether nothing can be purged before its retention has ended. A new vault has it unless this is
                V(false).
            type: bool
          retention_days:
            description:
              - Days for which what is deleted can be recovered. Fixed at creation.
            type: int
          public_network_access:
            description:
              - Whether the vault can be reached from public networks at all.
            type: str
            choices: [enabled, disabled]
          default_action:
            description:
              - Default action for source addresses that no rule matches.
            type: str
            choices: [allow, deny]
          ip_rules:
            description:
              - All IPv4 addresses and CIDR blocks that are let in.
            type: list
            elements: str
          tags:
            description:
              - Tags to set. Others stay.
            type: dict
          on_soft_deleted:
            description:
              - What to do when a soft-deleted vault holds the name.
            type: str
            choices: [fail, recover]
          allow_disruptive:
            description:
              - Changes of an existing vault that are allowed although they may cut somebody off or cannot be undone.
            type: list
            elements: str
            choices: [permission_model, purge_protection, type, default_action, public_network_access]
          initial_admin_object_ids:
            description:
              - Object IDs of the first administrators of a managed HSM. Needed to create one.
            type: list
            elements: str
          i_accept_hourly_cost:
            description:
              - Has to be V(true) to create a managed HSM.
            type: bool
      check_prerequisites:
        description:
          - Whether to check first which permissions the application of the link has at the vault, and to fail when one
            is missing, as M(fortanix.dsm.azure_kv_prereqs_info). Needs the credentials of an operator in Azure.
            Without a vault there is nothing to check.
        type: bool
        default: true
      repair_prerequisites:
        description:
          - Whether to grant the permissions that are missing, as M(fortanix.dsm.azure_kv_prereqs).
        type: bool
        default: false
      rights_profile:
        description:
          - The permissions that are requested.
        type: str
        choices: [guide, least_privilege, explicit]
        default: guide
      key_permissions:
        description:
          - Key permissions besides those of V(least_privilege), or all of V(explicit).
        type: list
        elements: str
        choices: [get, list, update, create, import, delete, recover, backup, restore, purge]
      dsm_egress_addresses:
        description:
          - The public addresses from which Fortanix DSM reaches Azure, for vaults with network rules.
        type: list
        elements: str
        default: []
      renew_before_days:
        description:
          - A credential of the application that expires within so many days is a finding of the prerequisites.
        type: int
        default: 30
      app_object_id:
        description:
          - Object ID of the application's service principal, when the operator may not read applications.
        type: str
      app_certificate:
        description:
          - The certificate that DSM logs in with, as path or PEM text, for the prerequisites to find it at the
            application.
        type: str
      data_role:
        description:
          - How permissions on keys are granted in a vault in RBAC mode. V(custom), V(crypto_officer), or the GUID of a
            role.
        type: str
        default: custom
      wait_interval:
        description:
          - Seconds between two reads that wait for what was created in Entra or Azure. As the modules have it when not
            set.
        type: int
      wait_timeout:
        description:
          - Seconds to wait at most until a change in Entra or Azure is effective. As the modules have it when not set.
        type: int
      update_credential:
        description:
          - When the credential is written to a group that exists, as
            O(fortanix.dsm.cdc_group#module:update_credential).
        type: str
        choices: [on_change, always, on_create]
        default: on_change
      allow_disconnect:
        description:
          - Whether a link that is connected may be replaced by one that fails the test of its connection.
        type: bool
        default: false
      allow_move:
        description:
          - Whether a group that holds keys may be linked to another place.
        type: bool
        default: false
      on_not_connected:
        description:
          - What to do when the link does not connect. With V(warn) and V(ignore) the group is saved all the same, and
            not synced.
        type: str
        choices: [fail, warn, ignore]
        default: fail
      sync:
        description:
          - When the keys are synced. V(on_change) syncs when the task has changed the group, and when the group holds
            no key yet.
        type: str
        choices: [on_change, always, never]
        default: on_change
      sync_timeout:
        description:
          - Seconds to wait for each sync.
        type: int
        default: 600
      approval:
        description:
          - As O(approval), for this group. That of the whole list when not set.
        type: str
        choices: [request, fail]
      approval_wait:
        description:
          - As O(approval_wait), for this group. That of the whole list when not set.
        type: int
      host:
        description:
          - Where the declaration comes from, for example a host of the inventory. It is named in messages and
            returned.
        type: str
  on_error:
    description:
      - What to do after a group has failed. V(stop) begins no other group. Those under way end. V(continue) goes on
        with all groups that do not need what has failed. The task fails in either case.
    type: str
    choices: [stop, continue]
    default: stop
  time_budget:
    description:
      - Seconds after which no other group, and no other shared object, is begun. What is under way ends.
        RV(unfinished) has the names of the groups that are left. Run the task again for them. V(0) is no limit.
    type: int
    default: 0
  concurrency:
    description:
      - How many groups are set up at the same time, from 1 to 32. Each takes a session of its own in DSM, and so do the
        permissions that are granted or checked in Azure.
    type: int
    default: 4
  approval_wait:
    description:
      - The wait is one for the complete list. All groups file their requests first, and then wait together. While a
        group waits, the steps after the one that waits are left out.
      - The new groups of one application with O(groups[].application.credential) file their requests and wait one after
        the other.
  dsm_timeout:
    description:
      - Seconds that the requests to DSM may take together, for each step of each group anew.
notes:
  - A result of a task that fails has the same keys, beside C(msg) and C(failure).
seealso:
  - module: fortanix.dsm.cdc_group
  - module: fortanix.dsm.cdc_credential
  - module: fortanix.dsm.azure_kv_prereqs
"""

EXAMPLES = r"""
- name: Set up two groups with one application
  fortanix.dsm.cdc_groups:
    groups:
      - name: akv-production
        link_tenant_id: "{{ tenant_id }}"
        link_client_id: "{{ link_client_id }}"
        link_subscription_id: "{{ subscription_id }}"
        link_client_secret: "{{ link_client_secret }}"
        vault:
          name: akv-production
          type: premium
      - name: akv-staging
        link_tenant_id: "{{ tenant_id }}"
        link_client_id: "{{ link_client_id }}"
        link_subscription_id: "{{ subscription_id }}"
        link_client_secret: "{{ link_client_secret }}"
        vault:
          name: akv-staging
          type: premium

- name: See what is to be done for a list of declarations
  fortanix.dsm.cdc_groups:
    groups: "{{ cdc_groups }}"
  check_mode: true
  diff: true

- name: Set up as many groups as an hour allows, whatever becomes of single ones
  fortanix.dsm.cdc_groups:
    groups: "{{ cdc_groups }}"
    on_error: continue
    time_budget: 3600
    concurrency: 8
"""

RETURN = r"""
groups:
  description: What became of each group, in the order of the list.
  returned: success, and when a group has failed
  type: list
  elements: dict
  contains:
    name:
      description: Name of the group.
      type: str
    host:
      description: As declared.
      type: str
    group_id:
      description: ID of the group. V(null) while there is none.
      type: str
    status:
      description:
        - V(connected) or V(not_connected), as the test of the connection says. V(unknown) when it was not tried, as
          what it needs is only planned. V(pending approval) while the group waits for an approval. V(failed).
          V(unfinished) when it was not begun.
      type: str
    changed:
      description: Whether something of the group was changed, or would be.
      type: bool
    planned:
      description: Whether that is only planned.
      type: bool
    pending:
      description: Whether a change of the group, or its sync, waits for an approval.
      type: bool
    vault:
      description: Name of its vault.
      type: str
    key_count:
      description: Number of keys. V(unknown) when they were not counted, or the outcome of a sync is not known.
      type: raw
    failed:
      description: Whether a step of the group, or of what it needs, has failed.
      type: bool
    msg:
      description: Why it has failed, as the module of that step says it. V(null) when it has not.
      type: str
    failure:
      description: The parts of that message. V(null) when it has not failed.
      type: dict
    steps:
      description:
        - The results of the steps that have run, C(group), C(tls), C(connection), C(vault), and C(sync). Of each
          what it C(changed), its C(plan) and its C(status).
      type: dict
shared:
  description: What became of each object that groups share, in the order of the steps.
  returned: success, and when a group has failed
  type: list
  elements: dict
  contains:
    kind:
      description: V(application), V(vault), V(rights), or V(credential).
      type: str
    object:
      description: Which object it is.
      type: str
    declared_by:
      description: The group whose declaration was used. V(null) for a credential, which is that of several groups.
      type: str
    changed:
      description: Whether it was changed, or would be.
      type: bool
    failed:
      description: Whether that has failed.
      type: bool
    msg:
      description: Why it has failed.
      type: str
    failure:
      description: The parts of that message, with what was done before. V(null) when it has not failed.
      type: dict
    host:
      description: The host of the group whose declaration was used, as declared.
      type: str
    skipped:
      description: Whether it was left out, as the application or vault has failed.
      type: bool
    plan:
      description: Its changes, as in RV(plan).
      type: list
      elements: dict
    verdict:
      description: Of permissions, as RV(fortanix.dsm.azure_kv_prereqs_info#module:verdict).
      type: str
plan:
  description:
    - The changes over all planes. First those of shared objects, then those of each group, in the order in which they
      are made, as in RV(fortanix.dsm.cdc_group#module:plan).
  returned: success, and when a group has failed
  type: list
  elements: dict
pending:
  description: Names of the groups that wait for an approval. A later run goes on when the approvers have decided.
  returned: success, and when a group has failed
  type: list
  elements: str
unfinished:
  description: Names of the groups that were not begun, after a failure or when O(time_budget) was over.
  returned: success, and when a group has failed
  type: list
  elements: str
"""

from ..module_utils._operations import cdc_groups
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_groups)


if __name__ == "__main__":
    main()
