# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Responses that no service of ours sends: pages of proxies, gateways and captive portals. Pure.

The *shape* of a response is judged before its status. A page with status 403 or 404 is not about permissions or about
an object, and one with status 200 proves nothing.
"""

from __future__ import annotations

import html
import re
import urllib.parse

from .statuses import (
    INTERNAL_SERVER_ERROR,
    NETWORK_AUTHENTICATION_REQUIRED,
    REDIRECTIONS,
    REQUEST_TIMEOUT,
    TOO_MANY_REQUESTS,
)

PAGE = "HTML page: "
# What a reader of a page does not see.
_INVISIBLE = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.IGNORECASE | re.DOTALL)


def page_text(content_type: str, text: str) -> str | None:
    """The visible text of an HTML or XML page; None for another body."""
    if "html" not in content_type.lower() and text.lstrip("\ufeff \t\r\n")[:1] != "<":
        return None
    return " ".join(html.unescape(_INVISIBLE.sub(" ", text)).split())


def tells_trouble(status: int) -> bool:
    """Whether the status alone says enough: overload or an outage, of the service or of a gateway in front of it."""
    if status == NETWORK_AUTHENTICATION_REQUIRED:
        return False
    return status in (REQUEST_TIMEOUT, TOO_MANY_REQUESTS) or status >= INTERNAL_SERVER_ERROR


def redirect(status: int, location: str) -> str | None:
    """Where a redirect leads, as far as it can be shown; None for another status."""
    if status not in REDIRECTIONS:
        return None
    try:
        parts = urllib.parse.urlsplit(location)
        host = parts.hostname
    except ValueError:
        host = None
    return f"a redirect to {host}" if host else "a redirect"
