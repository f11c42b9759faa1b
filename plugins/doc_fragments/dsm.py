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
      - When the task sets none of O(dsm_api_key), O(dsm_username), and O(dsm_password), the login comes from the
        environment, E(DSM_API_KEY) or E(FORTANIX_API_KEY) first, then E(DSM_USERNAME) together with E(DSM_PASSWORD).
    type: str
  dsm_username:
    description:
      - E-mail address of a user, instead of O(dsm_api_key).
    type: str
  dsm_password:
    description:
      - Password of the user O(dsm_username).
    type: str
  dsm_account:
    description:
      - Name or ID of the account that the user works in. Needed when the user has several. An API key belongs to one
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
      - Seconds to wait for each answer of DSM. Connecting may take ten seconds at most.
    type: int
    default: 60
requirements:
  - python >= 3.10
  - urllib3 >= 2.0
notes:
  - A proxy is taken from the environment variables E(HTTPS_PROXY) and E(NO_PROXY).
"""
