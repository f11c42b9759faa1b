# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The kinds of DSM credentials, validated before any request (DSM contract §1.3)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..._errors import InvalidInput
from ..._ids import checked_uuid
from ..._secrets import inputs

# The options of each kind of credentials. The first one is required for its kind.
LOGIN_OPTIONS = (
    ("dsm_api_key",),
    ("dsm_username", "dsm_password"),
    ("dsm_client_cert", "dsm_client_key", "dsm_app_id"),
)


@dataclass(frozen=True)
class ApiKey:
    """An app's API key, sent with each request: there is no session that could expire or remain open."""

    key: str = field(repr=False)

    def authorization(self) -> str:
        # The key that DSM shows is base64 of "<app uuid>:<secret>" already (DSM contract §1.3).
        return f"Basic {self.key}"

    @property
    def app_id(self) -> str | None:
        """The app's ID, which is part of the key; None for a key of another form."""
        try:
            name, _colon, _secret = base64.b64decode(self.key, validate=True).partition(b":")
            return checked_uuid("dsm_api_key", name.decode("ascii"))
        except (binascii.Error, ValueError, InvalidInput):
            return None


@dataclass(frozen=True)
class UserPassword:
    """A user, who opens a session and selects an account. ``account``: its name or ID; None for the only one."""

    username: str
    password: str = field(repr=False)
    account: str | None

    def authorization(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True)
class AppCertificate:
    """An app that opens a session with a TLS client certificate, and presents it on each connection.

    ``certificate`` and ``key`` are paths; without ``key`` the private key is in the file of the certificate.
    """

    certificate: str
    key: str | None
    app_id: str | None

    def authorization(self) -> str | None:
        """The name without a password. Without the app's ID, DSM identifies the app by the certificate alone."""
        if self.app_id is None:
            return None
        return "Basic " + base64.b64encode(f"{self.app_id}:".encode()).decode("ascii")


Login: TypeAlias = "ApiKey | UserPassword | AppCertificate"


def login_from(params: Mapping[str, Any]) -> Login:
    """The DSM credentials that the options contain.

    Raises:
        InvalidInput: there are none, they are incomplete, or of two kinds.
    """
    given = [
        [name for name in options if params.get(name) is not None]
        for options in LOGIN_OPTIONS
        if any(params.get(name) is not None for name in options)
    ]
    if not given:
        raise InvalidInput(
            "dsm_api_key",
            "no DSM credentials are set",
            "set dsm_api_key (or the environment variable DSM_API_KEY), or dsm_username and dsm_password, or "
            "dsm_client_cert",
        )
    if len(given) > 1:
        raise InvalidInput(
            given[0][0],
            f"it is set together with {' and '.join(name for names in given[1:] for name in names)}",
            "set one kind of DSM credentials: an app's API key, a user's name and password, or an app's certificate",
        )
    if params.get("dsm_api_key") is not None:
        return _api_key(params["dsm_api_key"])
    if given[0][0] in LOGIN_OPTIONS[1]:
        return _user_password(params)
    return _app_certificate(params)


def _api_key(key: str) -> ApiKey:
    # Also without a byte order mark, which editors and PowerShell write.
    key = key.strip().removeprefix("\ufeff").strip()
    if not key or not key.isascii() or any(character.isspace() for character in key):
        raise InvalidInput(
            "dsm_api_key",
            "it is empty, or contains white space or other characters that are not valid in an API key",
            "copy the app's API key from DSM as it is shown, on one line, without encoding it again",
        )
    return ApiKey(key)


def _user_password(params: Mapping[str, Any]) -> UserPassword:
    for option in LOGIN_OPTIONS[1]:
        if not params.get(option):
            raise InvalidInput(
                option, "it is missing or empty", "set both dsm_username and dsm_password to authenticate as a user"
            )
        inputs.checked_password(option, params[option])
    if ":" in params["dsm_username"]:
        raise InvalidInput("dsm_username", "it contains a colon", "enter the user's e-mail address")
    return UserPassword(params["dsm_username"], params["dsm_password"], params.get("dsm_account"))


def _app_certificate(params: Mapping[str, Any]) -> AppCertificate:
    certificate, key, app_id = (params.get(name) for name in LOGIN_OPTIONS[2])
    for option, wrong in (("dsm_client_cert", not certificate), ("dsm_client_key", key == "")):
        if wrong:
            raise InvalidInput(
                option,
                "it is missing or empty",
                "set dsm_client_cert, and dsm_client_key unless both are in one file, to authenticate as an app",
            )
    return AppCertificate(str(certificate), key, checked_uuid("dsm_app_id", app_id) if app_id is not None else None)
