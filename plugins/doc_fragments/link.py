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
      - The Azure cloud that the link connects to. V(global) when a group is created and this is not set.
    type: str
    choices: [global, us_government]
  link_tenant_id:
    description:
      - Tenant (directory) ID of the link.
    type: str
  link_client_id:
    description:
      - Application (client) ID of the link. DSM authenticates as this application. Do not use an operator's.
    type: str
  link_subscription_id:
    description:
      - ID of the subscription that holds the key vaults.
    type: str
  tls:
    description:
      - TLS configuration of the link, for a proxy between DSM and Azure. A setting that is not set keeps its stored
        value.
      - A new link verifies the certificate and the host name against the global root CAs.
    type: dict
    suboptions:
      validate_host:
        description:
          - Whether the host name in the certificate of Azure, or of the proxy, is verified.
        type: bool
      ca_certificates:
        description:
          - CA certificates to trust instead of the global root CAs. Each is a path or text, in PEM, DER or PKCS#12 form
            or the base64 of them, without a private key.
          - An empty list restores the global root CAs.
        type: list
        elements: str
      client_certificate:
        description:
          - Certificate that DSM presents. A path or text, in the forms of O(link_certificate). An empty text removes
            it.
        type: str
      client_key:
        description:
          - Private key of O(tls.client_certificate). Not needed when that contains the key.
          - When it is set alone, it is the key of the certificate that the link already has. Every change of the link
            must contain that key.
        type: str
      client_key_passphrase:
        description:
          - Passphrase of an encrypted private key. An empty passphrase is the same as none.
        type: str
"""

    CREDENTIAL = r"""
options:
  link_client_secret:
    description:
      - Value of a client secret of the application, not the ID of the secret.
      - DSM does not return it, and a changed link is always sent completely. Each change of the link therefore needs
        the credential again. A link that already has the desired state does not need it.
      - This and the other C(link_) options are never taken from the environment.
      - Mutually exclusive with O(link_certificate).
    type: str
  link_certificate:
    description:
      - Certificate that is registered at the application. Its key must be RSA.
      - A path or text, in PEM form (with or without the key, with a chain in any order), DER, PKCS#12, or the base64 of
        them, as Azure Key Vault returns PKCS#12.
      - Mutually exclusive with O(link_client_secret).
    type: str
  link_private_key:
    description:
      - Private key of O(link_certificate). A path or text, in the same forms. Not needed when O(link_certificate)
        contains the key.
    type: str
  link_private_key_passphrase:
    description:
      - Passphrase of the private key, or of the PKCS#12 that contains it, when that is encrypted. An empty passphrase
        is the same as none.
    type: str
  link_format:
    description:
      - Format in which the link is written. V(legacy) is for old versions of DSM, which support neither certificates as
        credentials nor US Government. When not set, a stored link keeps its format, and a new link is V(modern).
    type: str
    choices: [modern, legacy]
  link_certificate_format:
    description:
      - Encoding in which certificates and keys are sent, base64 of DER or of PEM. When not set, a stored link keeps its
        encoding, and a new link uses V(der).
    type: str
    choices: [der, pem]
"""

    TLS_KEY = r"""
options:
  tls_client_key:
    description:
      - Private key of the TLS client certificate of the link. Required for a change when the link has such a
        certificate. A path or text, in PEM, DER or PKCS#12 form or the base64 of them.
    type: str
  tls_client_key_passphrase:
    description:
      - Passphrase of O(tls_client_key) when that is encrypted. An empty passphrase is the same as none.
    type: str
"""
