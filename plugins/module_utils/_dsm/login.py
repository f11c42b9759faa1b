# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The ways to log in to DSM, validated before any request (DSM contract §1.3)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import InvalidInput


@dataclass(frozen=True)
class ApiKey:
    """An app's API key, sent with each request: no session that could expire or stay behind."""

    key: str = field(repr=False)

    def authorization(self) -> str:
        # The key that DSM shows is base64 of "<app uuid>:<secret>" already (DSM contract §1.3).
        return f"Basic {self.key}"


@dataclass(frozen=True)
class UserPassword:
    """A user, who logs in for a session and selects an account. ``account``: its name or ID, None = the only one."""

    username: str
    password: str = field(repr=False)
    account: str | None

    def authorization(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


def login_from(params: Mapping[str, Any]) -> ApiKey | UserPassword:
    """The login that the options describe.

    Raises:
        InvalidInput: none, half of one, or two of them.
    """
    key, username, password = (params.get(name) for name in ("dsm_api_key", "dsm_username", "dsm_password"))
    if key is not None:
        if username is not None or password is not None:
            raise InvalidInput(
                "dsm_api_key",
                "it is set together with dsm_username or dsm_password",
                "set either the API key of an app or the name and password of a user",
            )
        if not key.strip() or not key.strip().isascii() or any(character.isspace() for character in key.strip()):
            raise InvalidInput(
                "dsm_api_key",
                "it is empty or holds white space or characters that no API key has",
                "copy the app's API key from DSM as it is shown, in one line, without encoding it again",
            )
        return ApiKey(key.strip())
    if username is None and password is None:
        raise InvalidInput(
            "dsm_api_key",
            "no login to DSM is set",
            "set dsm_api_key (or the environment variable DSM_API_KEY), or dsm_username and dsm_password",
        )
    for option, value in (("dsm_username", username), ("dsm_password", password)):
        if not value:
            raise InvalidInput(option, "it is missing or empty", "a user's login needs dsm_username and dsm_password")
    if ":" in str(username):
        raise InvalidInput("dsm_username", "it holds a colon", "enter the user's e-mail address")
    return UserPassword(str(username), str(password), params.get("dsm_account"))
