#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_access
short_description: Revoke the key access of an application in an emergency, and restore it
version_added: 0.1.0
description:
  - V(revoked) removes everything through which one application can reach keys. First it removes the permissions of the
    application at the vaults, then it disables the service principal, and last, if requested, it removes the
    credentials of the application. A step that fails does not stop the other steps. The task then fails at the end, and
    lists all steps.
  - Unlike M(fortanix.dsm.azure_kv_prereqs) with O(fortanix.dsm.azure_kv_prereqs#module:state=absent), it also removes
    what others have granted to the application. It does not touch entries and assignments of other identities, keys,
    vaults, groups in DSM, or soft-deleted objects.
  - V(restored) grants again what the record lists and what is missing now. It removes nothing, whatever has changed
    since. Client secrets cannot be restored.
  - The task removes only what is listed in O(record). Run the task in check mode first, save RV(record) to a file, and
    set O(record) to it. The playbook C(fortanix.dsm.break_glass) does this, proves in DSM that the access is revoked,
    and keeps the evidence. The playbook C(fortanix.dsm.restore_access) restores the access.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
options:
  state:
    description:
      - Whether to revoke or to restore the access of the application.
    type: str
    choices: [revoked, restored]
    required: true
  app_client_id:
    description:
      - Application (client) ID of the application that Fortanix DSM authenticates as.
    type: str
    required: true
  app_object_id:
    description:
      - Object ID of the service principal of the application. Set it only when the operator has no permission to read
        applications in Microsoft Graph. The permissions at the vaults are then still revoked.
    type: str
  confirm_client_id:
    description:
      - The value of O(app_client_id) again, to confirm which application loses its access. Required with
        O(state=revoked), except in check mode.
    type: str
  vaults:
    description:
      - The vaults and Managed HSMs at which the permissions are revoked. The task adds the vaults in O(record), and,
        when O(dsm_endpoint) is set, the vaults of all groups in DSM whose link uses the application.
      - The disabled service principal affects all vaults, whether they are listed or not.
    type: list
    elements: dict
    default: []
    suboptions:
      resource_id:
        description:
          - Azure resource ID of the vault. It identifies the vault without a search.
          - Exactly one of O(vaults[].resource_id), O(vaults[].name), and O(vaults[].uri) is required.
        type: str
      name:
        description:
          - Name of the vault. It is searched in O(subscription_id), or in O(vaults[].resource_group) when that is set.
          - Exactly one of O(vaults[].resource_id), O(vaults[].name), and O(vaults[].uri) is required.
        type: str
      uri:
        description:
          - URI of the vault. It is searched in O(subscription_id).
          - Exactly one of O(vaults[].resource_id), O(vaults[].name), and O(vaults[].uri) is required.
        type: str
      resource_group:
        description:
          - Resource group of the vault. Together with O(vaults[].name) it makes the search unnecessary.
        type: str
  record:
    description:
      - The value of RV(record) from an earlier run. With O(state=revoked) it must list all that is removed. Other
        entries of it are kept in the returned record, so that a run that stopped halfway loses nothing. When everything
        in the record has been restored, a new record is started.
      - With O(state=restored), this is what is restored.
      - Required if O(state=restored).
    type: dict
  cut_credentials:
    description:
      - Whether to remove the client secrets and certificates of the application as well, as the last step of
        O(state=revoked), from the app registration and from the service principal. SAML signing credentials stay.
      - The default is V(false), because a removed secret cannot be restored, and because no credential works while the
        service principal is disabled. Set V(true) when a credential has been exposed. Otherwise it works again as soon
        as access is restored.
    type: bool
    default: false
  token_lifetime:
    description:
      - Maximum lifetime in minutes of a token of the application, used to compute RV(still_valid_until). Entra issues
        tokens for 60 to 90 minutes. A token lifetime policy of the tenant can extend this to 1440 minutes.
      - From V(1) to V(1440).
    type: int
    default: 90
  wait_timeout:
    description:
      - Seconds to wait until two consecutive reads show the changes. A change that is not visible by then has the state
        V(accepted) in RV(steps) and is reported as a finding.
      - From V(0) to V(86400).
    type: int
    default: 60
  wait_interval:
    description:
      - Seconds between two reads.
      - From V(0) to V(3600).
    type: int
    default: 5
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only to find the groups that use the application.
        When DSM does not respond, all other steps are carried out, and the task fails at the end.
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
  - module: fortanix.dsm.cdc_connection
  - module: fortanix.dsm.cdc_sync
"""

EXAMPLES = r"""
- name: Show what would be revoked, and take the record of it
  fortanix.dsm.azure_kv_access:
    state: revoked
    app_client_id: "{{ link_client_id }}"
  check_mode: true
  diff: true
  register: seen

- name: Save the record before anything is removed
  ansible.builtin.copy:
    content: "{{ seen.record | to_nice_json }}"
    dest: break-glass-record.json
    mode: "0600"

- name: Revoke the access of the application
  fortanix.dsm.azure_kv_access:
    state: revoked
    app_client_id: "{{ link_client_id }}"
    confirm_client_id: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0
    record: "{{ lookup('ansible.builtin.file', 'break-glass-record.json') | from_json }}"

- name: Restore the access of the application
  fortanix.dsm.azure_kv_access:
    state: restored
    app_client_id: "{{ link_client_id }}"
    record: "{{ lookup('ansible.builtin.file', 'break-glass-record.json') | from_json }}"
"""

RETURN = r"""
complete:
  description:
    - Whether everything was done, and reading it back shows it. V(false) also when Azure accepted every request but the
      last reads do not show all changes, because of replication delay or because another identity has undone them. In
      check mode, whether everything could be read.
  returned: success
  type: bool
planned:
  description: Whether the result is only a plan. V(true) in check mode.
  returned: success
  type: bool
steps:
  description:
    - The steps that were carried out, or are planned in check mode, in this order, and what could not be read. When the
      task fails, RV(ignore:failure.steps) contains the same list, and RV(ignore:failure) all other values of this page.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: V(Azure), V(Entra) or V(DSM).
      type: str
      sample: Azure
    object:
      description: The object of the step.
      type: str
      sample: vault akv-production
    action:
      description:
        - What is done to it. With O(state=revoked) V(remove from access policy), V(remove role assignment), V(disable
          service principal), V(remove client secret), or V(remove certificates). With O(state=restored) V(add to access
          policy), V(assign role), V(enable service principal), or V(register certificates). V(read) for an object that
          could not be read.
      type: str
      sample: remove from access policy
    state:
      description:
        - V(done) when reading it back shows the change, V(accepted) when the service accepted the request but reading
          it back does not show the change, V(planned), V(failed), or V(unreadable).
      type: str
      sample: done
    message:
      description: Why the step failed, or why it is V(done) although the request was rejected. Empty otherwise.
      type: str
still_valid_until:
  description:
    - The latest time, in UTC, at which a token that was issued before can still be accepted. DSM may cache tokens until
      they expire. This is not documented.
    - The time is computed from the clock of Entra, not from that of the control node.
    - V(null) in check mode, with O(state=restored), and while the service principal is not disabled.
  returned: success
  type: str
  sample: "2026-11-25T05:11:30Z"
findings:
  description:
    - Access that remains, and what cannot be restored. Same keys as
      RV(fortanix.dsm.azure_kv_prereqs_info#module:findings).
    - RV(ignore:access-remains) is a permission that is inherited from above the vault or through a group. It cannot be
      revoked at the vault without affecting others. The disabled service principal makes it ineffective.
    - RV(ignore:saml-signing-stays) lists SAML signing credentials, which are never removed.
      RV(ignore:application-disabled) reports what else keeps the application disabled after a restore.
  returned: success
  type: list
  elements: dict
groups:
  description: The groups in DSM whose link uses the application. Empty without DSM credentials.
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
      sample: akv-production
    vault_uri:
      description: URI of the vault of its link. V(null) when no vault is selected.
      type: str
      sample: https://akv-production.vault.azure.net/
    subscription_id:
      description: Subscription ID of its link.
      type: str
record:
  description:
    - The access that the application had, as a document with a format and version of its own. It contains certificates
      without their private keys, and no secret. Keep it until access is restored.
  returned: success
  type: dict
application:
  description: The application after the task.
  returned: success
  type: dict
  contains:
    client_id:
      description: Application (client) ID.
      type: str
    object_id:
      description: Object ID of the service principal.
      type: str
    name:
      description: Display name.
      type: str
      sample: Fortanix BYOK
    account_enabled:
      description: Whether the service principal is enabled. V(null) when the operator cannot read it.
      type: bool
      sample: false
    certificates:
      description: Thumbprints (SHA-1) of its certificates.
      type: list
      elements: str
    secrets:
      description: Key IDs of its client secrets.
      type: list
      elements: str
operator:
  description: The Azure identity that ran the task.
  returned: success
  type: dict
  contains:
    client_id:
      description: Client ID of the operator. V(null) with the Azure CLI and with a managed identity.
      type: str
    tenant:
      description: Tenant of the operator. V(null) with a managed identity.
      type: str
    cloud:
      description: V(AzureCloud) or V(AzureUSGovernment).
      type: str
      sample: AzureCloud
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(Azure) or V(Entra).
      type: str
      sample: Azure
    object:
      description: The object that changes.
      type: str
      sample: vault akv-production
    action:
      description: As RV(steps[].action).
      type: str
      sample: remove from access policy
    before:
      description: The changed parts before, by name. Empty for a new object. Never a secret.
      type: dict
    after:
      description: The changed parts after, by name. Empty for a removed object. Never a secret.
      type: dict
    reason:
      description: Why the change is made.
      type: str
"""

from ..module_utils._operations import azure_kv_access
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_access)


if __name__ == "__main__":
    main()
