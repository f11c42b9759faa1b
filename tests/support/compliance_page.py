# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the data of a compliance page as any program can: nothing in it is hidden from a search for secrets."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any


def text_in(page: str) -> str:
    """The JSON in a page."""
    ((size, packed),) = re.findall(r'<script id="data" type="text/plain" data-size="(\d+)">([^<]*)</script>', page)
    read = zlib.decompress(base64.b64decode(packed, validate=True), -zlib.MAX_WBITS)
    if len(read) != int(size):
        raise ValueError(f"the data has {len(read)} bytes, not {size}")
    return read.decode()


def data_in(page: str) -> Any:
    return json.loads(text_in(page))
