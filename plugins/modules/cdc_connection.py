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
  - With link options, the link is tested as it would be with them. That needs O(link_client_secret), also when a
    group is named.
  - The test is DSM's. That it succeeds proves what DSM tried, which is not documented. M(fortanix.dsm.cdc_sync)
    proves more.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes.info
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.link
  - fortanix.dsm.group_selection
options:
  on_not_connected:
    description:
      - What to do when the link does not connect. V(warn) and V(ignore) let the play go on.
    type: str
    choices: [fail, warn, ignore]
    default: fail
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
  description: What a success proves. V(dsm_check) is DSM's own test, of which it is not public how far it goes.
  returned: success
  type: list
  elements: str
waits_for:
  description:
    - Why nothing was tested. In check mode this is so for a group that is only planned, unless O(link_client_secret)
      is given.
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
