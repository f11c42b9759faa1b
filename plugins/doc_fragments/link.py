# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What DSM will hold. The options are in ``_options.LINK`` and ``_options.LINK_CREDENTIAL``."""

    DOCUMENTATION = r"""
options:
  azure_service:
    description:
      - The Azure that the link goes to. Set to V(global) when the group is created and this is not set.
    type: str
    choices: [global, us_government]
  link_tenant_id:
    description:
      - Tenant (directory) ID of the link.
    type: str
  link_client_id:
    description:
      - Application (client) ID of the link. It is the application that DSM uses, and should be no operator's.
    type: str
  link_subscription_id:
    description:
      - ID of the subscription that holds the key vaults.
    type: str
  tls:
    description:
      - TLS configuration of the link, for a proxy that stands between DSM and Azure. What is not set keeps what is
        stored.
      - A link is created with verification of the certificate and of the host against the global root CAs.
    type: dict
    suboptions:
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
          - Certificate that DSM presents. A path or a text, in the forms of O(link_certificate). An empty text removes
            it.
        type: str
      client_key:
        description:
          - Private key of O(tls.client_certificate). Not needed when that has the key in it.
          - Alone, it is the key of the certificate that the link has already, which every change of the link has to
            carry.
        type: str
      client_key_passphrase:
        description:
          - Passphrase of the private key when that is encrypted. An empty one is none.
        type: str
"""

    CREDENTIAL = r"""
options:
  link_client_secret:
    description:
      - Value of a client secret of the link's application. Not its ID. Instead of it there is O(link_certificate).
      - DSM does not give it back, and a link that is changed is sent whole. So each change of the link needs it again.
        Nothing that is already as wanted needs it.
      - This and the other C(link_) options are never taken from the environment.
    type: str
  link_certificate:
    description:
      - Certificate that is registered at the application, instead of O(link_client_secret). Its key must be RSA.
      - A path or a text. PEM, with or without the key and with a chain in any order, DER, PKCS#12, or the base64 of
        them, as Azure Key Vault returns PKCS#12.
    type: str
  link_private_key:
    description:
      - Private key of O(link_certificate). A path or a text, in the same forms. Not needed when that has the key in it.
    type: str
  link_private_key_passphrase:
    description:
      - Passphrase of the private key, or of the PKCS#12 that it is in, when that is encrypted. An empty one is none.
    type: str
  link_format:
    description:
      - How the link is written. V(legacy) is for old versions of DSM, which know neither certificates as credentials
        nor US Government. Not set, the form of the stored link is kept, and a new one is V(modern).
    type: str
    choices: [modern, legacy]
  link_certificate_format:
    description:
      - How certificates and keys are sent, as base64 of DER or of PEM. Not set, the form of the stored link is kept,
        and a new one has V(der).
    type: str
    choices: [der, pem]
"""

    TLS_KEY = r"""
options:
  tls_client_key:
    description:
      - Private key of the TLS client certificate that the link has. Needed when something is to be changed and the
        link has one. A path or a text, PEM, DER, PKCS#12 or the base64 of them.
    type: str
  tls_client_key_passphrase:
    description:
      - Passphrase of O(tls_client_key) when that is encrypted. An empty one is none.
    type: str
"""
