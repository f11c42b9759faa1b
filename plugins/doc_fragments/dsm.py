# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a task authenticates to DSM. The options are in ``_options.DSM``."""

    DOCUMENTATION = r"""
options:
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Must begin with C(https://).
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    type: str
    required: true
  dsm_api_key:
    description:
      - API key of an app, as DSM shows it. An administrative app has every permission that this collection needs.
      - Mutually exclusive with O(dsm_username) and O(dsm_client_cert). A task uses exactly one of the three.
      - When the task sets none of the three, the DSM credentials are taken from the environment. E(DSM_API_KEY) and
        E(FORTANIX_API_KEY) take precedence, then E(DSM_USERNAME) with E(DSM_PASSWORD), then E(DSM_CLIENT_CERT) with
        E(DSM_CLIENT_KEY) and E(DSM_APP_ID) if they are set.
    type: str
  dsm_username:
    description:
      - E-mail address of a user.
      - Mutually exclusive with O(dsm_api_key) and O(dsm_client_cert).
    type: str
  dsm_password:
    description:
      - Password of the user O(dsm_username).
    type: str
  dsm_client_cert:
    description:
      - File with the certificate of an app, in PEM, DER or PKCS#12 form. The certificate must be registered at the app
        in DSM. It is presented on each connection, and the session ends with the task.
      - Mutually exclusive with O(dsm_api_key) and O(dsm_username).
    type: path
  dsm_client_key:
    description:
      - File with the private key of O(dsm_client_cert), in PEM, DER or PKCS#12 form, not encrypted. Not needed when the
        key is in the same file.
    type: path
  dsm_app_id:
    description:
      - ID of the app that O(dsm_client_cert) belongs to. When it is not set, DSM finds the app by its certificate. DSM
        can do so only when exactly one app has that certificate.
    type: str
  dsm_account:
    description:
      - Name or ID of the account in which the user works. Required when the user has several accounts. An app belongs
        to one account.
      - Taken from the environment variable E(DSM_ACCT_ID) when not set.
    type: str
  dsm_validate_certs:
    description:
      - Whether the TLS certificate of DSM is verified. With V(false), anyone on the network path can read the DSM
        credentials and the link.
    type: bool
    default: true
  dsm_ca_path:
    description:
      - File with CA certificates (PEM) that verify the certificate of DSM, instead of those of the system.
      - Taken from the environment variable E(DSM_CA_PATH) or E(REQUESTS_CA_BUNDLE) when not set.
    type: path
  dsm_timeout:
    description:
      - Seconds for all requests of a task to DSM together, including pauses. Each connection attempt takes at most ten
        seconds.
      - A read that fails temporarily (a broken connection, HTTP status 429, 502, 503, or 504) is sent up to four times.
        The pauses are those that DSM requests with C(Retry-After), otherwise half a second, one, and two seconds. No
        pause is started that is longer than the remaining time.
      - A write is sent again only when it certainly has not reached DSM. DSM does not document that a write that it
        rejects with 429 or 503 has had no effect. Such a write is left to the next run, which first reads the current
        state.
      - From V(1) to V(86400).
    type: int
    default: 60
requirements:
  - python >= 3.10
  - urllib3 >= 2.0.2
  - cryptography >= 42, for certificates
notes:
  - An empty environment variable counts as not set.
  - A proxy is taken from the environment variables E(HTTPS_PROXY) and E(NO_PROXY).
"""
