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
  - Has DSM test the link of a group (TEST CONNECTION), or a link that is not saved yet.
  - With a group and no link options, the stored link is tested with the credential that DSM holds.
  - With link options, the link is tested as it would be with them. That needs the link's credential
    (O(link_client_secret), or O(link_certificate) with O(link_private_key)), also when a group is named.
  - When the link does not connect, the result says what is known of the reason. See RV(diagnosis). It is drawn from the
    words that DSM passes on, and names causes as likely ones. What fits no known class is V(unknown).
  - When the credential is given, DSM is also asked which vaults the link sees. That tells a vault that is not in the
    subscription, or is of another type than the link says, also when the test succeeds. See RV(findings).
  - DSM may answer a test with an HTTP status 401, 403 or 404 of Azure's. The module tells these from DSM's own
    refusals by the words and by a second, harmless read.
  - The test is DSM's. That it succeeds proves what DSM tried, which is not documented. It does not prove that the
    application may use keys, nor that vault and type are the ones that are meant. M(fortanix.dsm.cdc_sync) proves more.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.link
  - fortanix.dsm.link.credential
  - fortanix.dsm.group_selection
options:
  on_not_connected:
    description:
      - What to do when the link does not connect. V(warn) and V(ignore) let the play go on.
    type: str
    choices: [fail, warn, ignore]
    default: fail
  link_planned:
    description:
      - Whether check mode has only planned something that the link needs, in an earlier task - the application, its
        credential, its rights, or the vault. The link is then not tried, and the status is V(unknown). Outside of check
        mode it is refused.
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

- name: Would this link connect? Nothing is saved
  fortanix.dsm.cdc_connection:
    link_tenant_id: 5a3f5e0c-3b1c-4f8e-9c3a-0d6f7b1c2e11
    link_client_id: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0
    link_subscription_id: 9d8c7b6a-5f4e-3d2c-1b0a-998877665544
    link_client_secret: "{{ vaulted_client_secret }}"
    on_not_connected: ignore
  register: trial

- name: Would a saved group connect with another client secret?
  fortanix.dsm.cdc_connection:
    group_name: akv-production
    link_client_secret: "{{ vaulted_new_client_secret }}"

- name: Look for the reason, and let the play go on
  fortanix.dsm.cdc_connection:
    group_name: akv-production
    on_not_connected: ignore
  register: test

- name: Show the reason
  ansible.builtin.debug:
    msg: "{{ test.diagnosis.class }} at {{ test.diagnosis.leg }}: {{ test.diagnosis.cause }}"
  when: test.status == 'not_connected'
"""

RETURN = r"""
connected:
  description: Whether the test succeeded. V(null) when there was nothing to test yet.
  returned: success
  type: bool
status:
  description: V(connected), V(not_connected), or V(unknown).
  returned: success
  type: str
message:
  description: What DSM said when the link does not connect.
  returned: success
  type: str
form:
  description: V(stored) when the stored link was tested, V(proposed) when one was tested that is not stored like this.
  returned: success
  type: str
proves:
  description:
    - What a success proves. V(dsm_check) is DSM's own test, of which it is not public how far it goes. There is no
      other value yet, and this one keeps its meaning.
  returned: success
  type: list
  elements: str
diagnosis:
  description:
    - The likely reason why the link does not connect. V(null) when it connects or nothing was tested.
    - When the task fails, it is found in RV(ignore:failure) as RV(ignore:failure.diagnosis).
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
        - Where it fails. V(entra), V(arm) (Azure Resource Manager), V(vault), V(managed_hsm), V(dsm) (a gateway in
          front of it), or V(unknown).
      type: str
      sample: entra
    host:
      description: The host that DSM failed to work with. V(null) when it cannot be told.
      type: str
      sample: login.microsoftonline.com
    words:
      description: What DSM said, at most 500 characters.
      type: str
    cause:
      description: The likely cause.
      type: str
    remedy:
      description: What to do.
      type: str
    guide:
      description: The section of the product guide that says how it should be.
      type: str
      sample: 4.1 (3)
findings:
  description:
    - What is wrong with a link that connects, in the form of
      RV(fortanix.dsm.azure_kv_prereqs_info#module:findings). Found only when the credential is given, except
      V(vault-in-other-cloud) and V(endpoints-not-recognized).
    - Besides, V(vault-type-differs), V(vault-not-in-subscription) and V(no-vault-visible), and V(vaults-not-listed)
      with RV(ignore:status=unknown) when vault and type could not be compared.
  returned: success
  type: list
  elements: dict
waits_for:
  description:
    - Why nothing was tested. In check mode this is so for a group that is only planned, unless the credential is given.
  returned: success
  type: str
group:
  description: The group, with the keys of RV(fortanix.dsm.cdc_group#module:group). V(null) when none was named.
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_connection
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_connection)


if __name__ == "__main__":
    main()
