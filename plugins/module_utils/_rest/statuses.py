# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The HTTP statuses that code compares with, by their registered names. Pure.

Names: RFC 9110 §15 (HTTP Semantics), RFC 4918 §11.3 (423), RFC 6585 §4 (429). Plain numbers, and not those of
``http.HTTPStatus``: they are returned in results. What a status means is in ``_azure/wire/errors.py`` and
``_dsm/wire/errors.py``.
"""

from __future__ import annotations

SUCCESSES, REDIRECTIONS, CLIENT_ERRORS = range(200, 300), range(300, 400), range(400, 500)

OK = 200
BAD_REQUEST = 400
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
METHOD_NOT_ALLOWED = 405
REQUEST_TIMEOUT = 408
CONFLICT = 409
PRECONDITION_FAILED = 412
LOCKED = 423
TOO_MANY_REQUESTS = 429
INTERNAL_SERVER_ERROR = 500
NOT_IMPLEMENTED = 501
BAD_GATEWAY = 502
SERVICE_UNAVAILABLE = 503
GATEWAY_TIMEOUT = 504
