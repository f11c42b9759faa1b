# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the SDKs of Azure remember of vaults for the time of a process: each sandbox has other tenants."""

from __future__ import annotations

from azure.keyvault.administration._internal import http_challenge_cache as of_pools
from azure.keyvault.keys._shared import http_challenge_cache as of_keys


def forget_challenges() -> None:
    """Forget which tenant each vault and pool belongs to."""
    of_pools.clear()
    of_keys.clear()
