#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_connection
short_description: Test whether a CDC group of Fortanix DSM connects to Azure
version_added: 0.1.0
description:
  - DSM tests the link of a group (TEST CONNECTION), or a link that is not saved yet.
  - With a group and no link options, DSM tests the stored link with the credential that it holds.
  - With link options, DSM tests the link as it would be with them. This needs the link credential
    (O(link_client_secret), or O(link_certificate) with O(link_private_key)), also when a group is set.
  - When the link does not connect, the result contains the likely reason, see RV(diagnosis). It is derived from the
    error text that DSM returns. An error text that matches no known class is V(unknown).
  - When the link credential is set, the module also reads which vaults the link can see. It then reports a vault that
    is not in the subscription, or that has another type than the link states, also when the test succeeds. See
    RV(findings).
  - DSM can answer a test with an HTTP status 401, 403 or 404 of Azure. The module tells these from a response of DSM
    itself by the error text and by a second, harmless read.
  - DSM runs the test, and what it tests is not documented. A success does not prove that the application has permission
    to use keys, nor that vault and type are the intended ones. M(fortanix.dsm.cdc_sync) proves more.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.link
  - fortanix.dsm.link.credential
  - fortanix.dsm.group_selection.optional
options:
  on_not_connected:
    description:
      - What to do when the link does not connect. With V(warn) and V(ignore) the task succeeds, and the play continues.
    type: str
    choices: [fail, warn, ignore]
    default: fail
  link_planned:
    description:
      - Whether an earlier task has only planned in check mode what the link needs, that is the application, its
        credential, its permissions, or the vault. The link is then not tested, and the status is V(unknown). Rejected
        outside check mode.
    type: bool
    default: false
seealso:
  - module: fortanix.dsm.cdc_group
  - module: fortanix.dsm.cdc_sync
"""

EXAMPLES = r"""
- name: Test the connection of a saved group
  fortanix.dsm.cdc_connection:
    group_name: akv-production

- name: Test a link without saving it
  fortanix.dsm.cdc_connection:
    link_tenant_id: 5a3f5e0c-3b1c-4f8e-9c3a-0d6f7b1c2e11
    link_client_id: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0
    link_subscription_id: 9d8c7b6a-5f4e-3d2c-1b0a-998877665544
    link_client_secret: "{{ vaulted_client_secret }}"
    on_not_connected: ignore
  register: trial

- name: Test a saved group with another client secret
  fortanix.dsm.cdc_connection:
    group_name: akv-production
    link_client_secret: "{{ vaulted_new_client_secret }}"

- name: Test the connection and continue in any case
  fortanix.dsm.cdc_connection:
    group_name: akv-production
    on_not_connected: ignore
  register: test

- name: Show the likely reason
  ansible.builtin.debug:
    msg: "{{ test.diagnosis.class }} at {{ test.diagnosis.leg }}: {{ test.diagnosis.cause }}"
  when: test.status == 'not_connected'
"""

RETURN = r"""
connected:
  description: Whether the test succeeded. V(null) when nothing was tested.
  returned: success
  type: bool
  sample: true
status:
  description: V(connected), V(not_connected), or V(unknown) when nothing was tested.
  returned: success
  type: str
  sample: connected
message:
  description: The error text of DSM when the link does not connect. Empty otherwise.
  returned: success
  type: str
form:
  description: V(stored) when the stored link was tested, V(proposed) when the tested link is not stored in this form.
  returned: success
  type: str
  sample: stored
proves:
  description:
    - What a success proves. V(dsm_check) is the test of DSM, whose depth is not documented. This is the only value so
      far. Empty when the link does not connect, or when nothing was tested.
  returned: success
  type: list
  elements: str
  sample: [dsm_check]
diagnosis:
  description:
    - The likely reason why the link does not connect. V(null) when it connects, or when nothing was tested.
    - When the task fails, this is in RV(ignore:failure.diagnosis).
  returned: success
  type: dict
  contains:
    class:
      description:
        - The class of the reason, for example V(secret-expired), V(keys-denied-by-policy), V(tls-unknown-ca), or
          V(unknown). C(docs/troubleshooting.md) in the collection lists them all.
      type: str
      sample: secret-expired
    leg:
      description:
        - Where the connection fails. V(entra), V(arm) (Azure Resource Manager), V(vault), V(managed_hsm), V(dsm) (a
          gateway in front of DSM), or V(unknown).
      type: str
      sample: entra
    host:
      description: The host to which DSM could not connect. V(null) when it is unknown.
      type: str
      sample: login.microsoftonline.com
    words:
      description: The error text of DSM, at most 500 characters.
      type: str
    cause:
      description: The likely cause.
      type: str
    remedy:
      description: What to do.
      type: str
    guide:
      description: The section of the product guide that describes the correct state.
      type: str
      sample: 4.1 (3)
findings:
  description:
    - Findings about a link that connects. Same keys as RV(fortanix.dsm.azure_kv_prereqs_info#module:findings). Except
      for V(vault-in-other-cloud) and V(endpoints-not-recognized), findings need the link credential.
    - Possible IDs are also V(vault-type-differs), V(vault-not-in-subscription) and V(no-vault-visible), and
      V(vaults-not-listed) with RV(ignore:status=unknown) when vault and type could not be compared.
  returned: success
  type: list
  elements: dict
waits_for:
  description:
    - Why nothing was tested. In check mode this is set for a group that is only planned, unless the link credential is
      set, and with O(link_planned).
    - V(null) when the link was tested.
  returned: success
  type: str
group:
  description:
    - The group. V(null) when no group was set. Same keys as RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_connection
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_connection)


if __name__ == "__main__":
    main()
