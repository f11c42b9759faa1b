# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DSM's refusals: a status and one line of text (DSM contract §1.7)."""

from __future__ import annotations

APPROVAL_TEXT = "This operation requires approval"
SELECT_ACCOUNT_TEXT = "This operation requires an account to be selected"


class DsmError(Exception):
    def __init__(self, status: int, message: str, *, one_line: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.message = " ".join(message.split()) if one_line else message


def bad_request(message: str) -> DsmError:
    return DsmError(400, message)


def unauthorized(message: str = "Invalid credentials") -> DsmError:
    return DsmError(401, message)


def forbidden(message: str) -> DsmError:
    return DsmError(403, message)


def not_found(message: str) -> DsmError:
    return DsmError(404, message)
