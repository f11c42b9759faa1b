# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Responses that are not from Entra or Azure, recognized by their shape (Azure contract §1.1). Pure.

Each refusal of these services is a JSON object with the member ``error``. Anything else with a status that would be a
verdict about permissions or absence was sent by something on the way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._rest.pages import page_text, redirect, tells_trouble
from ..._rest.statuses import SUCCESSES

# Azure numbers each request. A response without a body is only believed with such a header.
_NUMBERED = ("x-ms-request-id", "request-id", "x-ms-correlation-request-id", "x-ms-keyvault-service-version")


@dataclass(frozen=True)
class Foreign:
    """``problem``: what the response is instead. ``words``: the text of a page, and the like."""

    problem: str
    words: str = ""


def foreign(status: int, headers: Mapping[str, str], text: str) -> Foreign | None:
    """What a response is, if it cannot be from the service; None if it may be from it."""
    if tells_trouble(status):
        return None
    leads = redirect(status, headers.get("Location") or "")
    if leads is not None:
        return Foreign(f"HTTP status {status} with {leads}")
    page = page_text(headers.get("Content-Type") or "", text)
    if page is not None:
        return Foreign(f"HTTP status {status} with an HTML page", page)
    if status in SUCCESSES or _is_of_service(text, headers):
        return None
    return Foreign(f"HTTP status {status} with {'a text in another form' if text.strip() else 'no content'}", text)


def is_refusal(body: Any) -> bool:
    """Whether a decoded body has the shape of a refusal by Entra, Resource Manager, Graph or Key Vault."""
    if not isinstance(body, Mapping):
        return False
    error = body.get("error")
    if isinstance(error, Mapping):
        return any(isinstance(error.get(name), str) for name in ("code", "message"))
    # Entra's token service.
    return isinstance(error, str) and isinstance(body.get("error_description"), str)


def _is_of_service(text: str, headers: Mapping[str, str]) -> bool:
    if not text.strip():
        present = {name.lower() for name in headers}
        return not present.isdisjoint(_NUMBERED)
    try:
        return is_refusal(json.loads(text.lstrip("\ufeff")))
    except (ValueError, RecursionError):
        return False
