#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_compliance_info
short_description: Check CDC groups of Fortanix DSM and the Azure resources they depend on
version_added: 0.1.0
description:
  - Checks groups that are linked to Azure Key Vault, with their links, credentials, connections and keys, and the
    application and the vault in Azure. Returns the findings for each group. A check without a problem is a finding with
    the status V(ok).
  - Only reads. DSM tests the connections, which changes nothing there.
  - Each check of a group returns at least one finding. What cannot be read has the status V(unknown), with the reason.
    So do groups with several links, and requested groups that the DSM identity cannot see. No group is omitted.
  - The module does not decide whether a run has passed. The role P(fortanix.dsm.cdc_compliance#role) does so with a
    policy, and writes reports.
  - Each vault and each application is read once, however many groups use it. O(concurrency) groups are checked at a
    time.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.app_rights.profile
  - fortanix.dsm.app_rights.wanted
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
options:
  dsm_timeout:
    description:
      - Seconds for all requests to DSM together, for each group separately.
      - From V(1) to V(86400).
  group_names:
    description:
      - Names of the groups. With neither these nor O(group_ids), all groups with a link to Azure Key Vault that the DSM
        identity can see are checked.
    type: list
    elements: str
    default: []
  group_ids:
    description:
      - IDs of the groups.
    type: list
    elements: str
    default: []
  look_in_azure:
    description:
      - Whether to read applications, vaults and keys in Azure and Entra, with the operator credentials. With V(false),
        no operator credentials are needed, and everything that would be read there is V(unknown).
    type: bool
    default: true
  check_connections:
    description:
      - Whether DSM tests the connection of each group. With V(false), connections are V(unknown).
    type: bool
    default: true
  max_keys:
    description:
      - Number of keys of each vault that are compared with all their versions, which takes one request for each key.
        Other keys are compared by name, and their versions are V(unknown).
      - From V(0) to V(100000).
    type: int
    default: 500
  concurrency:
    description:
      - Number of groups that are checked at a time, from V(1) to V(32). DSM then tests as many connections at once. With a
        user or a certificate, each opens a session of its own in DSM.
    type: int
    default: 4
  rights_profile:
    default: guide
  declared:
    description:
      - The groups as an inventory declares them, for a comparison with the actual state. The filter
        P(fortanix.dsm.declared_groups#filter) creates this list from the variables of the role
        P(fortanix.dsm.cdc_setup#role). Nothing is compared when it is not set. When it is set, a group that it does not
        contain is a finding.
      - It contains no credentials. A client secret is therefore not compared, and a certificate only with the record of
        what was written last.
      - A declared group that does not exist is a finding when it is listed in O(group_names).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the group.
        type: str
        required: true
      host:
        description: Inventory host that declares it. It is part of the evidence.
        type: str
      description:
        description: As in M(fortanix.dsm.cdc_group).
        type: str
      custom_metadata:
        description: As in M(fortanix.dsm.cdc_group).
        type: dict
      azure_service:
        description: As in M(fortanix.dsm.cdc_group).
        type: str
        choices: [global, us_government]
      link_tenant_id:
        description: As in M(fortanix.dsm.cdc_group).
        type: str
      link_client_id:
        description: As in M(fortanix.dsm.cdc_group).
        type: str
      link_subscription_id:
        description: As in M(fortanix.dsm.cdc_group).
        type: str
      link_certificate:
        description: Certificate of the link, as a path or text, without its key.
        type: str
      update_credential:
        description: As in M(fortanix.dsm.cdc_group). The certificate is compared only with V(on_change).
        type: str
        choices: [on_change, always, on_create]
        default: on_change
      tls:
        description: As in M(fortanix.dsm.cdc_group), without the key.
        type: dict
        suboptions:
          validate_host:
            description: Whether the host name is verified.
            type: bool
          ca_certificates:
            description: Certificates of the pinned CAs, each as a path or text.
            type: list
            elements: str
          client_certificate:
            description: TLS client certificate, as a path or text. Empty for none.
            type: str
      vault:
        description: The vault, as in M(fortanix.dsm.cdc_group).
        type: dict
        suboptions:
          name:
            description:
              - Name of the vault.
              - Exactly one of O(declared[].vault.name), O(declared[].vault.resource_id), O(declared[].vault.uri), and
                O(declared[].vault.tags) is required.
            type: str
          resource_id:
            description:
              - Azure resource ID of the vault.
              - Exactly one of O(declared[].vault.name), O(declared[].vault.resource_id), O(declared[].vault.uri), and
                O(declared[].vault.tags) is required.
            type: str
          uri:
            description:
              - URI of the vault.
              - Exactly one of O(declared[].vault.name), O(declared[].vault.resource_id), O(declared[].vault.uri), and
                O(declared[].vault.tags) is required.
            type: str
          tags:
            description:
              - Tags of the vault.
              - Exactly one of O(declared[].vault.name), O(declared[].vault.resource_id), O(declared[].vault.uri), and
                O(declared[].vault.tags) is required.
            type: dict
          type:
            description: Type that the vault must have.
            type: str
            choices: [standard, premium, managed_hsm]
          resource_group:
            description: Resource group of the vault.
            type: str
      application:
        description: The application, as in M(fortanix.dsm.azure_kv_app).
        type: dict
        suboptions:
          client_id:
            description:
              - Client ID of the application.
              - At least one of O(declared[].application.client_id), O(declared[].application.unique_name), and
                O(declared[].application.display_name) is required.
            type: str
          unique_name:
            description:
              - Unique name of the application.
              - At least one of O(declared[].application.client_id), O(declared[].application.unique_name), and
                O(declared[].application.display_name) is required.
            type: str
          display_name:
            description:
              - Display name of the application.
              - At least one of O(declared[].application.client_id), O(declared[].application.unique_name), and
                O(declared[].application.display_name) is required.
            type: str
          certificates:
            description: Certificates that must be registered at the application, each as a path or text.
            type: list
            elements: str
            default: []
          certificate_path:
            description: File of the certificate that the setup generates for the application.
            type: path
          api_permission:
            description: Whether the application has the API permission of Azure Key Vault.
            type: bool
            default: true
          admin_consent:
            description: Whether an administrator has consented to that permission.
            type: bool
            default: false
      azure_vault:
        description: The vault that the setup creates, as in M(fortanix.dsm.azure_kv_vault).
        type: dict
        suboptions:
          name:
            description: Name of the vault.
            type: str
            required: true
          resource_group:
            description: Resource group of the vault.
            type: str
            required: true
          location:
            description: Azure region of the vault.
            type: str
          type:
            description: Type of the vault.
            type: str
            choices: [standard, premium, managed_hsm]
          permission_model:
            description: Permission model of the vault.
            type: str
            choices: [access_policy, rbac]
          purge_protection:
            description: Whether the vault has purge protection.
            type: bool
          retention_days:
            description: Days for which deleted objects can be recovered. From V(7) to V(90).
            type: int
          public_network_access:
            description: Whether the vault accepts connections from public networks.
            type: str
            choices: [enabled, disabled]
          default_action:
            description: Default action for source addresses that no rule matches.
            type: str
            choices: [allow, deny]
          ip_rules:
            description: All IPv4 addresses and CIDR blocks that the vault accepts.
            type: list
            elements: str
          tags:
            description: Tags of the vault. Other tags are not compared.
            type: dict
      not_compared:
        description:
          - Names of declared options that this module does not compare, for example V(link_client_secret). The evidence
            of the findings on drift lists them with the reason.
        type: list
        elements: str
        default: []
      check_prerequisites:
        description: Whether the permissions are compared. With C(repair_prerequisites) they always are.
        type: bool
        default: true
      repair_prerequisites:
        description: Whether the setup grants missing permissions.
        type: bool
        default: false
      rights_profile:
        description: The permissions that the application needs at the vault.
        type: str
        choices: [guide, least_privilege, explicit]
        default: guide
      key_permissions:
        description: Key permissions, for the profiles that use them.
        type: list
        elements: str
        choices: [get, list, update, create, import, delete, recover, backup, restore, purge]
seealso:
  - module: fortanix.dsm.azure_kv_prereqs_info
  - plugin: fortanix.dsm.declared_groups
    plugin_type: filter
  - module: fortanix.dsm.cdc_connection
  - plugin: fortanix.dsm.compliance_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Check all groups of the account
  fortanix.dsm.cdc_compliance_info:
  register: seen

- name: Show all findings that are not OK
  ansible.builtin.debug:
    msg: "{{ seen.groups | map(attribute='findings') | flatten | rejectattr('status', 'equalto', 'ok') }}"

- name: Check one group without operator credentials
  fortanix.dsm.cdc_compliance_info:
    group_names: [akv-production]
    look_in_azure: false

- name: Compare all groups with what the hosts of the inventory group cdc declare
  fortanix.dsm.cdc_compliance_info:
    declared: "{{ hostvars | fortanix.dsm.declared_groups(groups['cdc']) }}"
"""

RETURN = r"""
checked_at:
  description: Start of the run, UTC, by the clock of DSM.
  returned: success
  type: str
  sample: "2026-11-25T04:10:00Z"
dsm:
  description: The DSM that was checked.
  returned: success
  type: dict
  contains:
    endpoint:
      description: Address of DSM.
      type: str
      sample: https://dsm.example.com
    version:
      description: Version of DSM. V(null) when DSM does not return it.
      type: str
      sample: 5.8.2410
operator:
  description: The Azure identity that ran the task. V(null) with O(look_in_azure=false).
  returned: success
  type: dict
  contains:
    client_id:
      description: Client ID of the operator. V(null) with the Azure CLI and with a managed identity.
      type: str
    tenant_id:
      description: Tenant of the operator. V(null) with a managed identity.
      type: str
    cloud:
      description: V(AzureCloud) or V(AzureUSGovernment).
      type: str
      sample: AzureCloud
options:
  description: The options that define what was checked, with the values of the task.
  returned: success
  type: dict
  contains:
    all_groups:
      description: Whether all groups were checked, because neither O(group_names) nor O(group_ids) is set.
      type: bool
    compared_with_declared:
      description: Whether O(declared) is set.
      type: bool
    look_in_azure:
      description: The value of O(look_in_azure).
      type: bool
    check_connections:
      description: The value of O(check_connections).
      type: bool
    max_keys:
      description: The value of O(max_keys).
      type: int
      sample: 500
    rights_profile:
      description: The value of O(rights_profile).
      type: str
      sample: guide
    key_permissions:
      description: The value of O(key_permissions). V(null) when it is not set.
      type: list
      elements: str
    permission_model:
      description: The value of O(permission_model).
      type: str
      sample: any
    dsm_egress_addresses:
      description: The value of O(dsm_egress_addresses).
      type: list
      elements: str
    renew_before_days:
      description: The value of O(renew_before_days).
      type: int
      sample: 30
groups:
  description: The groups, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group. V(null) for a requested group that was not found.
      type: str
    name:
      description: Name of the group. For a group that was requested by ID and not found, this ID.
      type: str
      sample: akv-production
    link:
      description: The link, without certificates and secrets. V(null) when the group has no link, or several.
      type: dict
      contains:
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
          description: V(client_secret) or V(certificate). V(null) when DSM does not return it.
          type: str
          sample: certificate
        vault:
          description: Name of the vault. V(null) while no vault is selected.
          type: str
          sample: akv-production
        vault_type:
          description: V(standard), V(premium), or V(managed_hsm). V(null) while no vault is selected.
          type: str
          sample: premium
    status:
      description:
        - The result over all findings. V(failed) when one is V(failed), otherwise V(unknown) when one is V(unknown),
          otherwise V(warning) when one is V(warning), otherwise V(ok).
      type: str
      sample: ok
    findings:
      description: The findings, the most severe first.
      type: list
      elements: dict
      contains:
        check:
          description:
            - The check. V(group), V(link), V(credential), V(connection), V(rights), V(application), V(vault), V(keys),
              V(apps), or, when O(declared) is set, V(drift).
          type: str
          sample: credential
        id:
          description: Stable ID of the kind of finding. C(docs/findings.md) in the collection lists all of them.
          type: str
        status:
          description: V(failed), V(warning), V(unknown), or V(ok).
          type: str
          sample: ok
        severity:
          description: V(high), V(medium), V(low), or V(info).
          type: str
          sample: high
        section:
          description: Section of the product guide. V(-) when it has none.
          type: str
          sample: "4.1"
        title:
          description: Short statement of the finding.
          type: str
        plane:
          description: V(DSM), V(Azure) or V(Entra).
          type: str
          sample: Entra
        object:
          description: The object of the finding.
          type: str
        expected:
          description: The expected state.
          type: str
        actual:
          description: The actual state.
          type: str
        evidence:
          description: The facts that the finding is based on, by name.
          type: dict
        remedy:
          description: What to do. Empty with V(ok).
          type: str
findings:
  description:
    - Findings about the run that belong to no group. V(nothing-checked) when no group was found. Same keys as
      RV(fortanix.dsm.azure_kv_prereqs_info#module:findings).
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import cdc_compliance_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_compliance_info)


if __name__ == "__main__":
    main()
