# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The kinds of external key stores that DSM knows (DSM contract §2.6). No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KIND = "AzureKeyVault"
LEGACY_KIND = "AZUREKEYVAULT"


def is_azure(stored: Mapping[str, Any]) -> bool:
    """Whether this hmg is of kind Azure Key Vault, in either of the spellings in use (DSM contract §2.6)."""
    return re.sub(r"[_-]", "", str(stored.get("kind", ""))).lower() == KIND.lower()
