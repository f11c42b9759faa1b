#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_compliance_info
short_description: Check CDC groups of Fortanix DSM and what they stand on in Azure
version_added: 0.1.0
description:
  - Looks at groups that are linked to Azure Key Vault, at their links, credentials, connections and keys, and at the
    application and the vault in Azure. Returns for each group what was found, what is right included.
  - Only reads. DSM tests the connections, which changes nothing there.
  - Each check of a group has at least one finding. What could not be looked at has the status V(unknown), with the
    reason. So have groups with several links, and those that were named and are not seen. Nothing is left out.
  - Whether a run has passed is for a policy to say. The role P(fortanix.dsm.cdc_compliance#role) has one, and writes
    reports.
  - Each vault and each application is read once, however many groups use them. O(concurrency) groups are checked at a
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
      - Seconds until a group counts as not answered. Here, each group has this time for itself.
  group_names:
    description:
      - Names of the groups. With neither these nor O(group_ids), all groups with a link to Azure Key Vault are checked
        that the login sees.
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
      - Whether to look at applications, vaults and keys in Azure and Entra, with the login of the operator. Without it
        all that would be seen there is V(unknown), and no operator is needed.
    type: bool
    default: true
  check_connections:
    description:
      - Whether DSM tests the connection of each group. Without it they are V(unknown).
    type: bool
    default: true
  max_keys:
    description:
      - How many keys of each vault are compared with all their versions, which takes a request for each key. The
        others are compared by name, and the rest is V(unknown).
    type: int
    default: 500
  concurrency:
    description:
      - How many groups are checked at a time, from 1 to 32. DSM then tests as many connections at once, and a login
        that opens a session opens as many.
    type: int
    default: 4
  rights_profile:
    default: guide
  declared:
    description:
      - The groups as an inventory declares them, for a comparison with what there is. The filter
        P(fortanix.dsm.declared_groups#filter) makes them from the variables of P(fortanix.dsm.cdc_setup#role). Nothing
        is compared when it is not set, and a group that it does not have is a finding.
      - No credential is among it. So a client secret is not compared, and a certificate only with the record of what
        was written last.
      - A declared group that is not there is a finding when it is among O(group_names).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the group.
        type: str
        required: true
      host:
        description: The host that declares it, for the evidence.
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
        description: Certificate of the link, as text or path, without its key.
        type: str
      update_credential:
        description: As in M(fortanix.dsm.cdc_group). A certificate is compared with V(on_change).
        type: str
        choices: [on_change, always, on_create]
        default: on_change
      tls:
        description: As in M(fortanix.dsm.cdc_group), without the key.
        type: dict
        suboptions:
          validate_host:
            description: Whether the host name is validated.
            type: bool
          ca_certificates:
            description: Certificates of the pinned CAs, each as text or path.
            type: list
            elements: str
          client_certificate:
            description: TLS client certificate, as text or path. Empty for none.
            type: str
      vault:
        description: The vault, as in M(fortanix.dsm.cdc_group).
        type: dict
        suboptions:
          name:
            description: Name of the vault.
            type: str
          resource_id:
            description: Azure resource ID of the vault.
            type: str
          uri:
            description: URI of the vault.
            type: str
          tags:
            description: Tags that the vault has.
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
            description: Its client ID.
            type: str
          unique_name:
            description: Its unique name.
            type: str
          display_name:
            description: Its display name.
            type: str
          certificates:
            description: Certificates that are registered at it, each as text or path.
            type: list
            elements: str
            default: []
          certificate_path:
            description: File of the certificate that the set-up makes for it.
            type: path
          api_permission:
            description: Whether it has the API permission of Azure Key Vault.
            type: bool
            default: true
          admin_consent:
            description: Whether an administrator has consented to that permission.
            type: bool
            default: false
      azure_vault:
        description: The vault that the set-up makes, as in M(fortanix.dsm.azure_kv_vault).
        type: dict
        suboptions:
          name:
            description: Name of the vault.
            type: str
            required: true
          resource_group:
            description: Its resource group.
            type: str
            required: true
          location:
            description: Its location.
            type: str
          type:
            description: Its type.
            type: str
            choices: [standard, premium, managed_hsm]
          permission_model:
            description: Its permission model.
            type: str
            choices: [access_policy, rbac]
          purge_protection:
            description: Whether it is protected from purging.
            type: bool
          retention_days:
            description: Days for which what is deleted can be recovered.
            type: int
          public_network_access:
            description: Whether it can be reached from public networks.
            type: str
            choices: [enabled, disabled]
          default_action:
            description: Default action for source addresses that no rule matches.
            type: str
            choices: [allow, deny]
          ip_rules:
            description: All addresses and CIDR blocks that are let in.
            type: list
            elements: str
          tags:
            description: Tags that it has, besides others.
            type: dict
      not_compared:
        description:
          - Names of options that are declared and that this module does not compare, such as V(link_client_secret).
            They are told with the reason in the evidence of the findings on drift.
        type: list
        elements: str
        default: []
      check_prerequisites:
        description: Whether the rights are compared. So they are when they are to be repaired.
        type: bool
        default: true
      repair_prerequisites:
        description: Whether the set-up grants rights that are missing.
        type: bool
        default: false
      rights_profile:
        description: The rights that the application is to have at the vault.
        type: str
        choices: [guide, least_privilege, explicit]
        default: guide
      key_permissions:
        description: Key permissions, for the profiles that take some.
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

- name: Show what is not known or not right
  ansible.builtin.debug:
    msg: "{{ seen.groups | map(attribute='findings') | flatten | rejectattr('status', 'equalto', 'ok') }}"

- name: Check one group without a login to Azure
  fortanix.dsm.cdc_compliance_info:
    group_names: [akv-production]
    look_in_azure: false

- name: Compare all groups with what the hosts of the inventory group cdc declare
  fortanix.dsm.cdc_compliance_info:
    declared: "{{ hostvars | fortanix.dsm.declared_groups(groups['cdc']) }}"
"""

RETURN = r"""
checked_at:
  description: When the run began, UTC.
  returned: success
  type: str
  sample: "2026-11-25T04:10:00Z"
dsm:
  description: Address and version of DSM. The version is V(null) where DSM does not tell it.
  returned: success
  type: dict
operator:
  description: Client ID, tenant and cloud of the operator. V(null) with O(look_in_azure=false).
  returned: success
  type: dict
options:
  description: The options that say what was checked.
  returned: success
  type: dict
groups:
  description: The groups, by name.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group. V(null) for one that was named and is not seen.
      type: str
    name:
      description: Name of the group.
      type: str
    link:
      description: Where the link leads, without certificates and secrets. V(null) where there is none, or several.
      type: dict
    status:
      description:
        - The word for all findings. V(failed) when one has failed, else V(unknown) when one is unknown, else
          V(warning), else V(ok).
      type: str
    findings:
      description: What was found, the worst first.
      type: list
      elements: dict
      contains:
        check:
          description:
            - One of V(group), V(link), V(credential), V(connection), V(rights), V(application), V(vault), V(keys),
              V(apps), and V(drift), which is there when O(declared) is set.
          type: str
        id:
          description: Stable name of the kind of finding. C(docs/findings.md) lists them all.
          type: str
        status:
          description: One of V(failed), V(warning), V(unknown), and V(ok).
          type: str
        severity:
          description: One of V(high), V(medium), V(low), and V(info).
          type: str
        section:
          description: Section of the product guide, V(-) when it has none.
          type: str
        title:
          description: The finding in a few words.
          type: str
        plane:
          description: V(DSM), V(Azure) or V(Entra).
          type: str
        object:
          description: What it was found at.
          type: str
        expected:
          description: What is right.
          type: str
        actual:
          description: What is there.
          type: str
        evidence:
          description: The facts that it is concluded from.
          type: dict
        remedy:
          description: What to do. Empty with V(ok).
          type: str
findings:
  description: Findings of the run that belong to no group. V(nothing-checked) when there was no group.
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
