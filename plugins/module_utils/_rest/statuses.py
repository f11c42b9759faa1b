# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The HTTP statuses that code compares with. Pure.

Plain numbers, and not members of ``http.HTTPStatus``, as some are returned in results. What a status means is in
``_azure/wire/meanings.py`` and ``_dsm/wire/errors.py``.
"""

from __future__ import annotations

from http import HTTPStatus

SUCCESSES, REDIRECTIONS, CLIENT_ERRORS = range(200, 300), range(300, 400), range(400, 500)

OK = HTTPStatus.OK.value
BAD_REQUEST = HTTPStatus.BAD_REQUEST.value
UNAUTHORIZED = HTTPStatus.UNAUTHORIZED.value
FORBIDDEN = HTTPStatus.FORBIDDEN.value
NOT_FOUND = HTTPStatus.NOT_FOUND.value
METHOD_NOT_ALLOWED = HTTPStatus.METHOD_NOT_ALLOWED.value
REQUEST_TIMEOUT = HTTPStatus.REQUEST_TIMEOUT.value
CONFLICT = HTTPStatus.CONFLICT.value
PRECONDITION_FAILED = HTTPStatus.PRECONDITION_FAILED.value
LOCKED = HTTPStatus.LOCKED.value
TOO_MANY_REQUESTS = HTTPStatus.TOO_MANY_REQUESTS.value
INTERNAL_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR.value
NOT_IMPLEMENTED = HTTPStatus.NOT_IMPLEMENTED.value
BAD_GATEWAY = HTTPStatus.BAD_GATEWAY.value
SERVICE_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE.value
GATEWAY_TIMEOUT = HTTPStatus.GATEWAY_TIMEOUT.value
NETWORK_AUTHENTICATION_REQUIRED = HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED.value
