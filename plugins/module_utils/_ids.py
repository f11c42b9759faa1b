# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""UUIDs, the IDs that DSM, Entra and Azure use. They are not case-sensitive."""

from __future__ import annotations

import re

from ._errors import InvalidInput
from ._names import name_key

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def is_uuid(text: str) -> bool:
    """Whether the text, without surrounding blanks, is a UUID in its usual format."""
    return _UUID.fullmatch(text.strip()) is not None


def checked_uuid(option: str, value: str) -> str:
    """The UUID in lower case.

    Raises:
        InvalidInput: it is not a UUID.
    """
    if not is_uuid(value):
        # Not quoted: a secret that was set in place of an ID would be shown.
        problem = f"it is not a UUID (it has {len(value.strip())} characters, a UUID has 36)"
        raise InvalidInput(option, problem, "copy the ID as the Azure portal or DSM shows it")
    return name_key(value.strip())
