#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_access
short_description: Cut an application off from the keys in an emergency, and bring it back
version_added: 0.1.0
description:
  - V(revoked) takes everything from one application that reaches keys. First its rights at the vaults, then its service
    principal is disabled, and last, if wanted, its credentials are removed. It does as much as it can. What is refused
    at one place keeps nothing from being done at the others, and the task then fails with the whole list.
  - Other than M(fortanix.dsm.azure_kv_prereqs) with O(fortanix.dsm.azure_kv_prereqs#module:state=absent), it takes what
    others have given to the application, too. Entries and assignments of other identities are not touched, and neither
    are keys, vaults, groups in DSM, or anything that is soft-deleted.
  - V(restored) brings back what the record of the cut has, as far as it is not there. It takes nothing away, whatever
    has been changed since. Client secrets cannot be brought back.
  - Nothing is removed that is not in O(record). Run the task in check mode first, keep RV(record) in a file, and give
    it. The playbook C(fortanix.dsm.break_glass) does so, proves the cut in DSM, and keeps the evidence;
    C(fortanix.dsm.restore_access) is the way back.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
options:
  state:
    description:
      - Whether the application is to be cut off or brought back.
    type: str
    choices: [revoked, restored]
    required: true
  app_client_id:
    description:
      - Application (client) ID of the application that Fortanix DSM logs in as.
    type: str
    required: true
  app_object_id:
    description:
      - Object ID of the application's service principal. Needed only when the operator may not read applications in
        Microsoft Graph, in which case the rights are cut all the same.
    type: str
  confirm_client_id:
    description:
      - The value of O(app_client_id) once more, as the confirmation that this application is to be cut off. Needed with
        O(state=revoked), except in check mode.
    type: str
  vaults:
    description:
      - The vaults and managed HSMs at which the rights are cut. They are cut besides those of the groups in DSM whose
        link uses the application, which are looked up when O(dsm_endpoint) is set, and besides those in O(record).
      - Disabling the service principal concerns all vaults, named or not.
    type: list
    elements: dict
    default: []
    suboptions:
      resource_id:
        description:
          - Azure resource ID of the vault. The cheapest and safest way.
        type: str
      name:
        description:
          - Name of the vault. Looked up in O(subscription_id), or in O(vaults[].resource_group) when that is set.
        type: str
      uri:
        description:
          - URI of the vault. Looked up in O(subscription_id).
        type: str
      resource_group:
        description:
          - Resource group of the vault. Together with O(vaults[].name) it saves the look-up.
        type: str
  record:
    description:
      - What RV(record) was in an earlier run. With O(state=revoked) it must have everything that is removed; what it
        has besides is kept in the record that is returned, so that a run that was stopped in the middle loses nothing.
        A record of which everything has been restored is not continued, and a new one is begun.
      - With O(state=restored) it is what is brought back.
    type: dict
  cut_credentials:
    description:
      - Whether to remove the application's client secrets and certificates, too, as the last step of O(state=revoked),
        from the registration and from the service principal. Signing entries of SAML sign-on stay.
      - It is not the default, as nobody can bring a removed secret back, and as no credential is of use while the
        service principal is disabled. Set it when a credential may be in wrong hands, since it would work again as soon
        as access is restored.
    type: bool
    default: false
  token_lifetime:
    description:
      - For how many minutes at most a token of the application is valid, for RV(still_valid_until). Entra gives tokens
        60 to 90 minutes. A token lifetime policy of the tenant can make it up to 1440.
    type: int
    default: 90
  wait_timeout:
    description:
      - How many seconds to look until the changes can be read back, twice in a row. What cannot by then has the state
        V(accepted) in RV(steps), and is a finding.
    type: int
    default: 60
  wait_interval:
    description:
      - Seconds between two looks.
    type: int
    default: 5
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only for the groups that use the application.
        When DSM does not answer, everything else is done, and the task fails at the end.
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
  - module: fortanix.dsm.cdc_connection
  - module: fortanix.dsm.cdc_sync
"""

EXAMPLES = r"""
- name: See what would be cut, and get the record of it
  fortanix.dsm.azure_kv_access:
    state: revoked
    app_client_id: "{{ link_client_id }}"
  check_mode: true
  diff: true
  register: seen

- name: Keep the record before anything is removed
  ansible.builtin.copy:
    content: "{{ seen.record | to_nice_json }}"
    dest: break-glass-record.json
    mode: "0600"

- name: Cut the application off
  fortanix.dsm.azure_kv_access:
    state: revoked
    app_client_id: "{{ link_client_id }}"
    confirm_client_id: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0
    record: "{{ lookup('ansible.builtin.file', 'break-glass-record.json') | from_json }}"

- name: Bring it back
  fortanix.dsm.azure_kv_access:
    state: restored
    app_client_id: "{{ link_client_id }}"
    record: "{{ lookup('ansible.builtin.file', 'break-glass-record.json') | from_json }}"
"""

RETURN = r"""
complete:
  description:
    - Whether everything was done and read back. V(false) also when Azure accepted everything, and reading it back does
      not show it, be it that answers lag behind or that somebody else has undone it. In check mode, whether everything
      could be read.
  returned: success
  type: bool
planned:
  description: Whether all of this is only planned, which is so in check mode.
  returned: success
  type: bool
steps:
  description:
    - What was done, or is planned in check mode, in this order, and what could not be read. When a task fails, the same
      is in RV(ignore:failure.steps), together with all other values that are described here.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: V(Azure), V(Entra) or V(DSM).
      type: str
    object:
      description: What it is about.
      type: str
    action:
      description: What is done to it, such as V(remove role assignment).
      type: str
    state:
      description:
        - V(done) when it was read back, V(accepted) when the service took the request and reading it back does not show
          it, V(planned), V(failed) or V(unreadable).
      type: str
    message:
      description: Why it failed, or why it is V(done) although the request was refused. Empty otherwise.
      type: str
still_valid_until:
  description:
    - Until when a token that had been issued before may be accepted at most, in UTC. DSM may keep tokens until they
      expire; whether it does is not public. V(null) while the service principal is not disabled, and in check mode.
    - By the clock of Entra, whatever the clock of the control node says.
  returned: success
  type: str
  sample: "2026-11-25T05:11:30Z"
findings:
  description:
    - What remains, and what does not come back, in the form of RV(fortanix.dsm.azure_kv_prereqs_info#module:findings).
    - RV(ignore:access-remains) are rights from above the vault or through a group, which cannot be cut at the vault
      without touching others. The disabled service principal is what stops these.
    - RV(ignore:saml-signing-stays) are signing entries of SAML sign-on, which are never touched.
      RV(ignore:application-disabled) says what else keeps the application from logging in after a return.
  returned: success
  type: list
  elements: dict
groups:
  description: The groups in DSM whose link uses the application. Empty without a login to DSM.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group.
      type: str
    name:
      description: Its name.
      type: str
    vault_uri:
      description: The vault of its link. V(null) when none is chosen.
      type: str
    subscription_id:
      description: The subscription of its link.
      type: str
record:
  description:
    - What the application held, as a document of a format and version of its own. It has certificates without their
      private keys, and no secret. Keep it until access is restored.
  returned: success
  type: dict
application:
  description:
    - The application afterwards, with C(account_enabled), the thumbprints of its certificates, and the IDs of its
      secrets.
  returned: success
  type: dict
operator:
  description:
    - Who has done it, as far as the login tells. C(client_id) is V(null) with the Azure CLI and with a managed
      identity.
  returned: success
  type: dict
plan:
  description: The changes, as in RV(fortanix.dsm.cdc_group#module:plan). Empty when nothing changes.
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import azure_kv_access
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_access)


if __name__ == "__main__":
    main()
