# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra ID's refusals: AADSTS codes in the OAuth error shape."""

from __future__ import annotations

import uuid

from aiohttp import web

from ...clock import Clock
from ...wire import json_response


class EntraError(Exception):
    def __init__(self, code: int, error: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.error = error
        self.message = f"AADSTS{code}: {message}"

    @property
    def status(self) -> int:
        """OAuth's rule: a client that could not be authenticated gets 401, everything else is a bad request."""
        return 401 if self.error == "invalid_client" else 400

    def response(self, host: str, clock: Clock) -> web.Response:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = clock.utc().strftime("%Y-%m-%d %H:%M:%SZ")
        body = {
            "error": self.error,
            "error_description": f"{self.message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}",
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://{host}/error?code={self.code}",
        }
        return json_response(body, self.status)
