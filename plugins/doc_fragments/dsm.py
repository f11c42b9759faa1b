# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How we log in to DSM. The options are in ``_options.DSM``."""

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
      - API key of an app, as DSM shows it. An administrative app may do all that this collection does.
      - The API key of an app, the name and password of a user, and the certificate of an app are three ways to log in.
        A task takes exactly one.
      - When the task sets no option of any of them, the login comes from the environment. E(DSM_API_KEY) or
        E(FORTANIX_API_KEY) come first, then E(DSM_USERNAME) together with E(DSM_PASSWORD), then E(DSM_CLIENT_CERT) with
        E(DSM_CLIENT_KEY) and E(DSM_APP_ID) if they are set.
    type: str
  dsm_username:
    description:
      - E-mail address of a user, instead of O(dsm_api_key).
    type: str
  dsm_password:
    description:
      - Password of the user O(dsm_username).
    type: str
  dsm_client_cert:
    description:
      - File with the certificate of an app (PEM, DER or PKCS#12), instead of O(dsm_api_key). The certificate has to be
        registered with the app in DSM. It is presented at each connection, and the session is ended with the task.
    type: path
  dsm_client_key:
    description:
      - File with the private key of O(dsm_client_cert) (PEM, DER or PKCS#12, not encrypted). Not needed when the key is
        in the same file.
    type: path
  dsm_app_id:
    description:
      - ID of the app that logs in with O(dsm_client_cert). Without it DSM finds the app by the certificate, which it
        can only when one app has it.
    type: str
  dsm_account:
    description:
      - Name or ID of the account that the user works in. Needed when the user has several. An app belongs to one
        account.
      - Taken from the environment variable E(DSM_ACCT_ID) when not set.
    type: str
  dsm_validate_certs:
    description:
      - Whether DSM's TLS certificate is verified. With V(false) anybody on the way can read the login and the link.
    type: bool
    default: true
  dsm_ca_path:
    description:
      - File of CA certificates (PEM) that DSM's certificate is verified with, instead of the system's.
      - Taken from the environment variable E(DSM_CA_PATH) or E(REQUESTS_CA_BUNDLE) when not set.
    type: path
  dsm_timeout:
    description:
      - Seconds that all requests of a task to DSM may take together, pauses included. Connecting may take ten seconds
        at most each time.
      - A read that meets passing trouble (a broken connection, HTTP status 429, 502, 503, or 504) is sent up to four
        times. The pauses are those that DSM asks for with C(Retry-After), otherwise half a second, one, and two. A
        pause that is longer than what is left of the time is not begun.
      - A write is sent again only when it certainly has not reached DSM. DSM does not document that a write which it
        answers with 429 or 503 has had no effect, so that such a write is left to the next run, which looks at what
        is there first.
    type: int
    default: 60
requirements:
  - python >= 3.10
  - urllib3 >= 2.0.2
  - cryptography >= 42, for certificates
notes:
  - An environment variable that is empty counts as one that is not set.
  - A proxy is taken from the environment variables E(HTTPS_PROXY) and E(NO_PROXY).
"""
