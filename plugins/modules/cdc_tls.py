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
  - Sets how DSM makes TLS connections for the link of a group, and nothing else. Use it when a proxy with certificates
    of its own is between DSM and Azure.
  - A setting that is not set keeps its stored value. The certificate is always verified after a write (mode
    C(required)).
  - An expired certificate is rejected. A certificate that expires within 30 days causes a warning.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
  - fortanix.dsm.link.credential
  - fortanix.dsm.group_selection
  - fortanix.dsm.link_edit.disconnect
options:
  state:
    description:
      - V(absent) restores the safe default, that is global root CAs, a verified host name, and no client certificate.
    type: str
    choices: [present, absent]
    default: present
  validate_host:
    description:
      - Whether the host name in the certificate of Azure, or of the proxy, is verified.
    type: bool
  ca_certificates:
    description:
      - CA certificates to trust instead of the global root CAs. Each is a path or text, in PEM, DER or PKCS#12 form or
        the base64 of them, without a private key.
      - An empty list restores the global root CAs.
    type: list
    elements: str
  client_certificate:
    description:
      - Certificate that DSM presents. A path or text, in the forms of O(link_certificate). An empty text removes it.
    type: str
  client_key:
    description:
      - Private key of O(client_certificate). Not needed when that contains the key.
      - When it is set alone, it is the key of the certificate that the link already has. Every change of the link must
        contain that key.
    type: str
  client_key_passphrase:
    description:
      - Passphrase of an encrypted private key. An empty passphrase is the same as none.
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

- name: Present a client certificate to the proxy
  fortanix.dsm.cdc_tls:
    group_name: akv-production
    client_certificate: /etc/pki/dsm.crt
    client_key: "{{ vaulted_client_key }}"
    link_client_secret: "{{ vaulted_client_secret }}"

- name: Restore the safe default
  fortanix.dsm.cdc_tls:
    group_name: akv-production
    state: absent
    link_client_secret: "{{ vaulted_client_secret }}"
"""

RETURN = r"""
group:
  description: The group after the task. Same keys as RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: dict
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(DSM).
      type: str
      sample: DSM
    object:
      description: The object that changes.
      type: str
      sample: group "akv-production"
    action:
      description: V(update).
      type: str
      sample: update
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
  description:
    - Whether the change is pending approval. Nothing has been changed then, and RV(group) is the group before the
      change.
    - The task is C(changed) when it has filed the request, and not when it has found an existing one.
  returned: success
  type: bool
  sample: false
approval:
  description:
    - The approval request for the change. V(null) when no approval is required. Same keys as
      RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: dict
"""

from ..module_utils._operations import cdc_tls
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_tls)


if __name__ == "__main__":
    main()
