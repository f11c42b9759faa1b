#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_tls
short_description: Manage the TLS configuration of a CDC group of Fortanix DSM
version_added: 0.1.0
description:
  - Sets how DSM makes TLS connections for the link of a group, and nothing else. It is needed when a proxy with
    certificates of its own stands between DSM and Azure.
  - What is not set keeps what is stored. What is written always verifies the certificate (mode C(required)).
  - A certificate that has expired is refused. One with less than 30 days left gives a warning.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
  - fortanix.dsm.link.credential
  - fortanix.dsm.group_selection
  - fortanix.dsm.link_edit.disconnect
options:
  state:
    description:
      - V(absent) goes back to the safe default. Global root CAs, verified host, no client certificate.
    type: str
    choices: [present, absent]
    default: present
  validate_host:
    description:
      - Whether the host name in the certificate of Azure, or of the proxy, is verified.
    type: bool
  ca_certificates:
    description:
      - CA certificates to trust instead of the global root CAs. Each is a path or a text, PEM, DER, PKCS#12 or the
        base64 of them, and has no private key in it.
      - An empty list goes back to the global root CAs.
    type: list
    elements: str
  client_certificate:
    description:
      - Certificate that DSM presents. A path or a text, in the forms of O(link_certificate). An empty text removes it.
    type: str
  client_key:
    description:
      - Private key of O(client_certificate). Not needed when that has the key in it.
      - Alone, it is the key of the certificate that the link has already, which every change of the link has to carry.
    type: str
  client_key_passphrase:
    description:
      - Passphrase of the private key when that is encrypted. An empty one is none.
    type: str
seealso:
  - module: fortanix.dsm.cdc_group
  - module: fortanix.dsm.cdc_connection
"""

EXAMPLES = r"""
- name: Trust the CA of the company's proxy
  fortanix.dsm.cdc_tls:
    group_name: akv-production
    ca_certificates:
      - /etc/pki/proxy-ca.pem
    link_client_secret: "{{ vaulted_client_secret }}"

- name: Have DSM present a client certificate to the proxy, too
  fortanix.dsm.cdc_tls:
    group_name: akv-production
    client_certificate: /etc/pki/dsm.crt
    client_key: "{{ vaulted_client_key }}"
    link_client_secret: "{{ vaulted_client_secret }}"

- name: Go back to the safe default
  fortanix.dsm.cdc_tls:
    group_name: akv-production
    state: absent
    link_client_secret: "{{ vaulted_client_secret }}"
"""

RETURN = r"""
group:
  description: The group after the task, with the keys of RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
plan:
  description: The changes, as in RV(fortanix.dsm.cdc_group#module:plan). Empty when nothing changes.
  returned: success
  type: list
  elements: dict
pending:
  description: Whether the change waits for an approval, as in RV(fortanix.dsm.cdc_group#module:pending).
  returned: success
  type: bool
approval:
  description: The approval that the change needs or has got, as in RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_tls
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_tls)


if __name__ == "__main__":
    main()
