#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_prereqs_info
short_description: Check the effective permissions of an application at an Azure Key Vault
version_added: 0.1.0
description:
  - Evaluates the effective permissions, at one Azure Key Vault or Managed HSM, of the application that Fortanix DSM
    authenticates as. For each requested permission it returns what grants it, or why it is missing.
  - The result is what Azure would decide, not what is configured. Access policies have no effect in a vault that uses
    Azure RBAC, V(all) does not include V(purge), and Key Vault Contributor does not apply to Managed HSMs.
  - Also checks the credentials of the application and the settings of the vault.
  - What cannot be read is returned as V(unknown), with the reason. It never counts as V(ok).
  - Only reads. The operator needs Reader on the vault. To read applications it needs C(Application.Read.All) in
    Microsoft Graph. To read the local roles of a Managed HSM it needs a local role of that HSM.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.operator
  - fortanix.dsm.azure
  - fortanix.dsm.app_rights
  - fortanix.dsm.app_rights.profile
  - fortanix.dsm.app_rights.wanted
options:
  rights_profile:
    default: guide
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
  - module: fortanix.dsm.cdc_connection
"""

EXAMPLES = r"""
- name: Check whether the application has the permissions that the product guide requests
  fortanix.dsm.azure_kv_prereqs_info:
    vault:
      resource_id: "{{ vault_resource_id }}"
    app_client_id: "{{ link_client_id }}"
  register: prereqs

- name: Fail unless all prerequisites are met
  ansible.builtin.assert:
    that: prereqs.verdict in ["ok", "warning"]
    fail_msg: "{{ prereqs.findings | map(attribute='remedy') | unique | join(' ') }}"

- name: Check a vault with network rules, for the egress addresses of DSM
  fortanix.dsm.azure_kv_prereqs_info:
    vault:
      name: akv-production
      resource_group: rg-keys
    subscription_id: "{{ subscription }}"
    app_client_id: "{{ link_client_id }}"
    rights_profile: least_privilege
    dsm_egress_addresses:
      - 198.51.100.7
"""

RETURN = r"""
verdict:
  description:
    - The result over all findings. V(failed) when one is V(failed), otherwise V(unknown) when one is V(unknown),
      otherwise V(warning) when there is one, otherwise V(ok).
  returned: success
  type: str
  sample: failed
rights:
  description: One entry for each requested permission.
  returned: success
  type: list
  elements: dict
  contains:
    requirement:
      description: The requirement, for example V(keys/get) or V(Key Vault Contributor).
      type: str
      sample: keys/get
    action:
      description: The action, data action or key permission that was evaluated.
      type: str
      sample: Microsoft.KeyVault/vaults/keys/read
    verdict:
      description: V(ok), V(ok_with_warning), V(missing), V(ineffective), or V(unknown).
      type: str
      sample: ok
    sources:
      description: What grants the permission. For V(ineffective), what would grant it.
      type: list
      elements: dict
      contains: &sources
        kind:
          description: V(access_policy), V(role), or V(local_role).
          type: str
          sample: role
        name:
          description: Name of the role. V(access policy) for an access policy.
          type: str
          sample: Key Vault Crypto Officer
        scope:
          description: Scope of the assignment, or the vault of the access policy.
          type: str
        origin:
          description:
            - Level of the scope. V(vault), V(resource_group), V(subscription), V(management_group), or V(root). For a
              local role of a Managed HSM V(pool), V(keys), or V(key).
          type: str
          sample: vault
        via_group:
          description: Object ID of the group that holds it. V(null) when the application itself does.
          type: str
        id:
          description: ID of the assignment. Empty for an access policy.
          type: str
        ends:
          description: Expiry of a time-limited assignment, UTC. V(null) when it does not expire.
          type: str
        condition:
          description: Condition of the assignment. V(null) when it has none.
          type: str
    reason:
      description: Why the verdict is what it is.
      type: str
    remedy:
      description: What to do. Empty when there is nothing to do.
      type: str
    notes:
      description: Circumstances of the permission. Each has the ID of the finding about the same fact.
      type: list
      elements: str
      sample: [through-group]
findings:
  description: The findings, the most severe first. Empty when there is none.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Stable ID of the kind of finding. C(docs/findings.md) in the collection lists all of them.
      type: str
      sample: right-missing
    status:
      description: V(failed), V(warning), or V(unknown).
      type: str
      sample: failed
    severity:
      description: V(high), V(medium), V(low), or V(info).
      type: str
      sample: high
    section:
      description: Section of the product guide. V(-) when it has none.
      type: str
      sample: "4.2"
    title:
      description: Short statement of the finding.
      type: str
    plane:
      description: V(Azure), V(Entra), or V(DSM).
      type: str
      sample: Azure
    object:
      description: The object of the finding.
      type: str
      sample: vault akv-production
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
      description: What to do.
      type: str
vault:
  description: The vault, and whether DSM can reach it.
  returned: success
  type: dict
  contains:
    resource_id:
      description: Azure resource ID. V(null) when the vault no longer exists and only its name or URI is known.
      type: str
    name:
      description: Name. V(null) when the vault no longer exists and only its URI is known.
      type: str
      sample: akv-production
    uri:
      description: URI. V(null) when the vault no longer exists and only its name is known.
      type: str
      sample: https://akv-production.vault.azure.net/
    type:
      description: V(standard), V(premium) or V(managed_hsm). V(null) when the vault no longer exists.
      type: str
      sample: premium
    location:
      description: Azure region. V(null) when the vault no longer exists.
      type: str
      sample: westeurope
    tenant_id:
      description: Tenant whose identities can have access. V(null) when the vault no longer exists.
      type: str
    permission_model:
      description:
        - V(access_policy), V(rbac), or V(local_roles) for a Managed HSM. V(null) when the vault no longer exists.
      type: str
      sample: access_policy
    soft_delete:
      description: Whether deleted keys can be recovered. V(null) when the vault no longer exists.
      type: bool
      sample: true
    retention_days:
      description: Days for which deleted keys can be recovered. V(null) when the vault no longer exists.
      type: int
      sample: 90
    purge_protection:
      description: Whether nothing can be purged before these days are over. V(null) when the vault no longer exists.
      type: bool
      sample: true
    activation:
      description: Activation status of a Managed HSM, V(Active) when it is activated. V(null) for a key vault.
      type: str
      sample: Active
    planned:
      description: Whether the vault is only planned, in check mode.
      type: bool
    exists:
      description: Whether the vault exists.
      type: bool
    reachable_for_dsm:
      description:
        - Whether the network rules of the vault accept O(dsm_egress_addresses). V(null) when the vault no longer
          exists.
      type: dict
      contains:
        verdict:
          description: V(allowed), V(blocked), or V(unknown). The worst result of all addresses.
          type: str
          sample: allowed
        reason:
          description: Why.
          type: str
        addresses:
          description: The result for each address.
          type: list
          elements: dict
          contains:
            address:
              description: The address or CIDR block.
              type: str
              sample: 198.51.100.7
            verdict:
              description: V(allowed), V(blocked), or V(unknown).
              type: str
              sample: allowed
            reason:
              description: Why.
              type: str
application:
  description: The application.
  returned: success
  type: dict
  contains:
    client_id:
      description: Application (client) ID.
      type: str
    object_id:
      description: Object ID of the service principal. V(null) when the application no longer exists.
      type: str
    name:
      description: Display name. V(null) when the operator cannot read it.
      type: str
      sample: Fortanix BYOK
    enabled:
      description: Whether nothing disables the application. V(null) when the operator cannot read all that could.
      type: bool
      sample: true
    disabled:
      description: What disables the application. Empty when nothing does.
      type: list
      elements: str
    home_tenant_id:
      description: Tenant of the app registration. V(null) when it is unknown.
      type: str
    credentials:
      description:
        - The credentials of the app registration and of the service principal. V(null) when the operator cannot read
          one of the two. Same keys as RV(fortanix.dsm.azure_kv_app#module:application.credentials).
      type: list
      elements: dict
over_privileges:
  description: Permissions through which the application could gain more access than it was granted.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the finding about the same fact.
      type: str
    severity:
      description: V(high), V(medium), V(low), or V(info).
      type: str
      sample: high
    text:
      description: What the application could do.
      type: str
    sources:
      description: What grants the permission.
      type: list
      elements: dict
      contains: *sources
"""

from ..module_utils._operations import azure_kv_prereqs_info
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_prereqs_info)


if __name__ == "__main__":
    main()
