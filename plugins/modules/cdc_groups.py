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
  - Sets up each group of a list, in the order of the product guide. The steps are application and vault where they are
    declared, permissions in Azure, group with its link, TLS configuration, connection test, vault, and sync of the
    keys. The module runs the same code as the role P(fortanix.dsm.cdc_setup#role), without an Ansible task for each
    step.
  - The complete list is validated before the first request. One wrong option, two groups with the same name, or two
    groups that declare one application or vault differently fail the task, and nothing is changed.
  - The account and the list of groups are read from DSM once. An application, a vault, the permissions of one
    application at one vault, and a credential are each created once, however many groups use them. When one of them
    fails, the groups that need it fail.
  - For a group that needs no change, DSM tests the connection and lists the keys. A group is read again before it is
    changed.
  - Run a task that has failed or stopped again. It continues where it stopped. When a sync failed after its group had
    been changed, the next run does not repeat it. Set O(groups[].sync=always) to do so.
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
      - What an earlier step has only planned counts as created, and is not tested.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: partial
    details:
      - Not with O(groups[].sync=always), O(groups[].update_credential=always) or a credential with C(renew=always).
options:
  groups:
    description:
      - The groups to set up, with the options of the role P(fortanix.dsm.cdc_setup#role) without its prefix.
      - Operator credentials are needed only when a group has O(groups[].application) or O(groups[].azure_vault), or a
        vault whose permissions are checked or granted.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the group. It must be unique in the list.
        type: str
        required: true
      description:
        description:
          - Description of the group.
        type: str
      custom_metadata:
        description:
          - Key-value pairs that are merged into the custom metadata of the group.
        type: dict
      azure_service:
        description:
          - The Azure cloud that the link connects to.
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
          - Value of a client secret of the application. Needed to create a group and to change its link.
        type: str
      link_certificate:
        description:
          - Certificate of the application, instead of the client secret. A path or text, in PEM, DER or PKCS#12 form or
            the base64 of them.
        type: str
      link_private_key:
        description:
          - Private key of the certificate. Not needed when O(groups[].link_certificate) contains the key.
        type: str
      link_private_key_passphrase:
        description:
          - Passphrase of an encrypted private key.
        type: str
      link_format:
        description:
          - Format in which the link is written. V(legacy) is for old versions of DSM.
        type: str
        choices: [modern, legacy]
      link_certificate_format:
        description:
          - Encoding in which certificates and keys are sent.
        type: str
        choices: [der, pem]
      tls:
        description:
          - TLS configuration of the link, as in O(fortanix.dsm.cdc_group#module:tls).
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
              - Passphrase of an encrypted private key.
            type: str
      vault:
        description:
          - The vault, as in O(fortanix.dsm.cdc_vault_select#module:vault). When it is not set, no vault is selected.
        type: dict
        suboptions:
          name:
            description:
              - Name of the vault or Managed HSM.
              - Exactly one of O(groups[].vault.name), O(groups[].vault.resource_id), O(groups[].vault.uri), and
                O(groups[].vault.tags) is required.
            type: str
          resource_id:
            description:
              - Azure resource ID of the vault.
              - Exactly one of O(groups[].vault.name), O(groups[].vault.resource_id), O(groups[].vault.uri), and
                O(groups[].vault.tags) is required.
            type: str
          uri:
            description:
              - URI of the vault.
              - Exactly one of O(groups[].vault.name), O(groups[].vault.resource_id), O(groups[].vault.uri), and
                O(groups[].vault.tags) is required.
            type: str
          tags:
            description:
              - Tags that exactly one vault of the subscription must have.
              - Exactly one of O(groups[].vault.name), O(groups[].vault.resource_id), O(groups[].vault.uri), and
                O(groups[].vault.tags) is required.
            type: dict
          type:
            description:
              - Type that the vault must have.
            type: str
            choices: [standard, premium, managed_hsm]
          resource_group:
            description:
              - Resource group of the vault. It limits the search in Azure.
            type: str
      application:
        description:
          - The application in Entra, when the task must register it, with the options of M(fortanix.dsm.azure_kv_app)
            without C(app_). The link uses the generated certificate, unless another credential is set.
          - With O(groups[].application.credential) the credential is created as by M(fortanix.dsm.cdc_credential)
            instead, and only DSM has it. It is created once for all groups of the list that use the application.
        type: dict
        suboptions:
          client_id:
            description:
              - Application (client) ID of an application that exists.
              - Mutually exclusive with O(groups[].application.unique_name).
              - At least one of O(groups[].application.client_id), O(groups[].application.unique_name), and
                O(groups[].application.display_name) is required.
            type: str
          unique_name:
            description:
              - Unique name of the application. The application is created with this name when it does not exist.
              - Mutually exclusive with O(groups[].application.client_id).
              - At least one of O(groups[].application.client_id), O(groups[].application.unique_name), and
                O(groups[].application.display_name) is required.
            type: str
          display_name:
            description:
              - Display name. It identifies the application when neither O(groups[].application.unique_name) nor
                O(groups[].application.client_id) is set.
              - At least one of O(groups[].application.client_id), O(groups[].application.unique_name), and
                O(groups[].application.display_name) is required.
            type: str
          certificates:
            description:
              - Certificates to register, each as a path or text, without a private key.
            type: list
            elements: str
          generate_certificate:
            description:
              - A certificate and its private key. They are generated on the control node when neither file exists, and
                the certificate is registered.
              - Mutually exclusive with O(groups[].application.credential).
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
                  - From V(1) to V(3650).
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
              - A credential that only DSM has. Options of M(fortanix.dsm.cdc_credential).
              - Mutually exclusive with O(groups[].application.generate_certificate).
            type: dict
            suboptions:
              type:
                description:
                  - Type of the credential.
                type: str
                choices: [certificate, secret]
              valid_days:
                description:
                  - Days for which a new credential is valid.
                  - From V(1) to V(3650).
                type: int
              renew_before_days:
                description:
                  - A credential that expires within this number of days is renewed.
                  - From V(0) to V(3650).
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
                  - How the task proves that a group works with the new credential.
                type: str
                choices: [check, sync]
              grace_time:
                description:
                  - Seconds to wait before an old credential is removed.
                  - From V(0) to V(604800).
                type: int
              remove_old:
                description:
                  - Whether old credentials are removed.
                type: bool
              takeover_after:
                description:
                  - Seconds for which a new credential counts as that of another run that is still active.
                  - From V(0) to V(2592000).
                type: int
      azure_vault:
        description:
          - The vault in Azure, when the task must create it, with the options of M(fortanix.dsm.azure_kv_vault). It
            replaces O(groups[].vault). On an existing vault, only what is set here is changed.
        type: dict
        suboptions:
          name:
            description:
              - Name of the vault or Managed HSM.
            type: str
            required: true
          resource_group:
            description:
              - Resource group, which must exist.
            type: str
            required: true
          location:
            description:
              - Azure region. Required to create the vault.
            type: str
          type:
            description:
              - Type of the vault. Required to create it.
            type: str
            choices: [standard, premium, managed_hsm]
          permission_model:
            description:
              - Permission model of the vault. Required to create it.
            type: str
            choices: [access_policy, rbac]
          purge_protection:
            description:
              - Whether deleted objects cannot be purged before their retention period is over. A new vault has purge
                protection unless this is V(false).
            type: bool
          retention_days:
            description:
              - Days for which deleted objects can be recovered. Fixed at creation.
              - From V(7) to V(90).
            type: int
          public_network_access:
            description:
              - Whether the vault accepts connections from public networks.
            type: str
            choices: [enabled, disabled]
          default_action:
            description:
              - Default action for source addresses that no rule matches.
            type: str
            choices: [allow, deny]
          ip_rules:
            description:
              - All IPv4 addresses and CIDR blocks that the vault accepts.
            type: list
            elements: str
          tags:
            description:
              - Tags to set. Other tags stay.
            type: dict
          on_soft_deleted:
            description:
              - What to do when a soft-deleted vault has the name.
            type: str
            choices: [fail, recover]
          allow_disruptive:
            description:
              - Options that the task can change on an existing vault, although the change can interrupt access or
                cannot be undone.
            type: list
            elements: str
            choices: [permission_model, purge_protection, type, default_action, public_network_access]
          initial_admin_object_ids:
            description:
              - Object IDs of the first administrators of a Managed HSM. Required to create one.
            type: list
            elements: str
          i_accept_hourly_cost:
            description:
              - Must be V(true) to create a Managed HSM.
            type: bool
      check_prerequisites:
        description:
          - Whether to check first which permissions the application has at the vault, as
            M(fortanix.dsm.azure_kv_prereqs_info) does, and to fail when one is missing. Needs operator credentials.
            Without a vault nothing is checked.
        type: bool
        default: true
      repair_prerequisites:
        description:
          - Whether to grant missing permissions, as M(fortanix.dsm.azure_kv_prereqs) does.
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
          - Key permissions in addition to those of V(least_privilege), or all key permissions of V(explicit).
        type: list
        elements: str
        choices: [get, list, update, create, import, delete, recover, backup, restore, purge]
      dsm_egress_addresses:
        description:
          - The public egress addresses of Fortanix DSM, for vaults with network rules.
        type: list
        elements: str
        default: []
      renew_before_days:
        description:
          - Credentials of the application that expire within this number of days are reported as a finding.
          - From V(0) to V(3650).
        type: int
        default: 30
      app_object_id:
        description:
          - Object ID of the service principal of the application. Set it when the operator has no permission to read
            applications.
        type: str
      app_certificate:
        description:
          - The certificate that DSM authenticates with, as a path or PEM text. The task checks that it is registered at
            the application.
        type: str
      data_role:
        description:
          - How key permissions are granted in a vault with Azure RBAC. V(custom), V(crypto_officer), or the GUID of a
            role.
        type: str
        default: custom
      wait_interval:
        description:
          - Seconds between two reads while the task waits for changes in Entra or Azure. The default of each module
            when not set.
          - From V(0) to V(3600).
        type: int
      wait_timeout:
        description:
          - Maximum seconds to wait until a change in Entra or Azure is effective. The default of each module when not
            set.
          - From V(0) to V(86400).
        type: int
      update_credential:
        description:
          - When the credential is written to an existing group, as in
            O(fortanix.dsm.cdc_group#module:update_credential).
        type: str
        choices: [on_change, always, on_create]
        default: on_change
      allow_disconnect:
        description:
          - Whether a link that is connected can be replaced by one whose connection test fails.
        type: bool
        default: false
      allow_move:
        description:
          - Whether a group that holds keys can be linked to another tenant, subscription, or vault.
        type: bool
        default: false
      on_not_connected:
        description:
          - What to do when the link does not connect. With V(warn) and V(ignore) the task continues, and the group is
            not synced. The group is saved in any case.
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
          - From V(1) to V(86400).
        type: int
        default: 600
      approval:
        description:
          - As O(approval), for this group. The value of O(approval) when not set.
        type: str
        choices: [request, fail]
      approval_wait:
        description:
          - As O(approval_wait), for this group. The value of O(approval_wait) when not set.
          - From V(0) to V(2592000).
        type: int
      host:
        description:
          - Source of the declaration, for example a host of the inventory. It is part of messages and results.
        type: str
  on_error:
    description:
      - What to do after a group has failed. V(stop) starts no other group, and completes those that have started.
        V(continue) continues with all groups that do not need what has failed. The task fails in either case.
    type: str
    choices: [stop, continue]
    default: stop
  time_budget:
    description:
      - Seconds after which no other group, and no other shared object, is started. What has started is completed.
        RV(unfinished) lists the remaining groups. Run the task again for them. V(0) means no limit.
      - From V(0) to V(604800).
    type: int
    default: 0
  concurrency:
    description:
      - Number of groups that are set up at the same time, from V(1) to V(32). The same number applies to the permissions that
        are granted or checked in Azure at the same time. With a user or a certificate, each opens a session of its own
        in DSM.
    type: int
    default: 4
  approval_wait:
    description:
      - Seconds to wait for the decision of the approvers. With V(0) the task does not wait.
      - All groups file their requests first, and then wait together. While a request is pending, the following steps of
        that group are skipped.
      - The new groups of one application with O(groups[].application.credential) file their requests and wait one after
        the other.
      - From V(0) to V(2592000).
  dsm_timeout:
    description:
      - Seconds for all requests to DSM together, for each step of each group separately.
      - From V(1) to V(86400).
notes:
  - When groups have failed, the task fails. Its result then contains the same keys as on success, in addition to C(msg)
    and C(failure).
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

- name: Show what would be done for a list of declarations
  fortanix.dsm.cdc_groups:
    groups: "{{ cdc_groups }}"
  check_mode: true
  diff: true

- name: Set up as many groups as possible in one hour, and continue after failures
  fortanix.dsm.cdc_groups:
    groups: "{{ cdc_groups }}"
    on_error: continue
    time_budget: 3600
    concurrency: 8
"""

RETURN = r"""
groups:
  description: The result for each group, in the order of the list.
  returned: success, and when a group has failed
  type: list
  elements: dict
  contains:
    name:
      description: Name of the group.
      type: str
      sample: akv-production
    host:
      description: The value of O(groups[].host). V(null) when it is not set.
      type: str
      sample: akv-production.example.com
    group_id:
      description: ID of the group. V(null) when it does not exist yet, or was not read.
      type: str
    status:
      description:
        - V(connected) or V(not_connected), the result of the connection test. V(unknown) when the connection was not
          tested, because what it needs is only planned. V(pending approval) while the group is pending approval.
          V(failed). V(unfinished) when the group was not started.
      type: str
      sample: connected
    changed:
      description: Whether the group, or what it needs, was changed, or would be in check mode.
      type: bool
    planned:
      description: Whether the group is only planned, in check mode.
      type: bool
    pending:
      description: Whether a change of the group, or its sync, is pending approval.
      type: bool
    vault:
      description: Name of its vault. V(null) when no vault is selected, or the group was not read.
      type: str
      sample: akv-production
    key_count:
      description: Number of keys, or V(unknown) when they were not counted or the outcome of a sync is unknown.
      type: raw
      sample: 12
    failed:
      description: Whether a step of the group, or of what it needs, has failed.
      type: bool
    msg:
      description: The message of the step that failed. V(null) when none has.
      type: str
    failure:
      description: The parts of that message. V(null) when no step has failed.
      type: dict
    steps:
      description: The steps of the group that were run.
      type: dict
      contains:
        group:
          description: Create or change the group, as M(fortanix.dsm.cdc_group).
          returned: when the step was run
          type: dict
          contains: &step
            changed:
              description: Whether the step changed something, or would in check mode.
              type: bool
            failed:
              description: Whether the step failed.
              returned: when it failed
              type: bool
            plan:
              description: The changes of the step. Same keys as RV(plan).
              returned: for steps that can change something, unless they failed
              type: list
              elements: dict
            status:
              description: V(connected), V(not_connected), or V(unknown).
              returned: for C(connection), unless it failed
              type: str
              sample: connected
            key_count:
              description: Number of keys.
              returned: for C(sync), unless it failed
              type: int
              sample: 12
            prediction:
              description: As RV(fortanix.dsm.cdc_sync#module:prediction). V(null) when the sync was carried out.
              returned: for C(sync), unless it failed
              type: str
        tls:
          description: Configure TLS, as M(fortanix.dsm.cdc_tls).
          returned: when the step was run
          type: dict
          contains: *step
        connection:
          description: Test the connection, as M(fortanix.dsm.cdc_connection).
          returned: when the step was run
          type: dict
          contains: *step
        vault:
          description: Select the vault, as M(fortanix.dsm.cdc_vault_select).
          returned: when the step was run
          type: dict
          contains: *step
        sync:
          description: Sync the keys, as M(fortanix.dsm.cdc_sync).
          returned: when the step was run
          type: dict
          contains: *step
shared:
  description: The result for each object that groups share, in the order of the steps.
  returned: success, and when a group has failed
  type: list
  elements: dict
  contains:
    kind:
      description: V(application), V(vault), V(rights), or V(credential).
      type: str
      sample: application
    object:
      description: The object.
      type: str
    declared_by:
      description: The group whose declaration was used. V(null) for a credential, which belongs to several groups.
      type: str
    host:
      description: The value of O(groups[].host) of the group whose declaration was used. V(null) when it is not set.
      type: str
    failed:
      description: Whether the step failed.
      type: bool
    msg:
      description: The message of the failure. V(null) when the step has not failed.
      type: str
    failure:
      description: The parts of that message. V(null) when the step has not failed.
      type: dict
    skipped:
      description: Whether the step was skipped, because the application or the vault has failed.
      type: bool
    changed:
      description: Whether the object was changed, or would be in check mode.
      type: bool
    plan:
      description: Its changes. Same keys as RV(plan).
      returned: when the step can change something, unless it was skipped or failed
      type: list
      elements: dict
    verdict:
      description: As RV(fortanix.dsm.azure_kv_prereqs_info#module:verdict).
      returned: for V(rights), unless the step was skipped or failed
      type: str
      sample: ok
    effect:
      description: As RV(fortanix.dsm.azure_kv_prereqs#module:effect).
      returned: for V(rights) that were granted or would be, unless the step failed
      type: str
      sample: effective
    reason:
      description: As RV(fortanix.dsm.cdc_credential#module:reason). V(null) when the current credential is kept.
      returned: for V(credential), unless the step failed
      type: str
plan:
  description:
    - The changes that the task made, or would make in check mode. First those of shared objects, then those of each
      group, in their order. Empty when nothing changes.
  returned: success, and when a group has failed
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(Entra), V(Azure), V(DSM), or V(Controller) for files.
      type: str
      sample: DSM
    object:
      description: The object that changes.
      type: str
      sample: group "akv-production"
    action:
      description: As in the modules of the steps, for example V(create) or V(update).
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
  description: Names of the groups that are pending approval. Run the task again after the approval.
  returned: success, and when a group has failed
  type: list
  elements: str
  sample: [akv-production]
unfinished:
  description: Names of the groups that were not started, because of a failure or of O(time_budget).
  returned: success, and when a group has failed
  type: list
  elements: str
  sample: []
"""

from ..module_utils._operations import cdc_groups
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_groups)


if __name__ == "__main__":
    main()
