# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-in, sessions, and the direct use of API keys (DSM contract §1.3 to §1.5)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import uuid

from aiohttp import web
from cryptography.hazmat.primitives import serialization

from ..wire import json_response, name_principal
from .context import Dsm, json_object, require_uuid
from .errors import SELECT_ACCOUNT_TEXT, DsmError, bad_request, forbidden, unauthorized
from .permissions import Principal
from .state import App, Session, User

# Routes that a user may call before he has selected an account.
_WITHOUT_ACCOUNT = frozenset(
    {
        "/sys/v1/session/select_account",
        "/sys/v1/session/refresh",
        "/sys/v1/session/terminate",
        "/sys/v1/accounts",
        "/sys/v1/users/accounts",
        "/sys/v1/users/{user_id}",
    }
)
PUBLIC = frozenset({"/sys/v1/version", "/sys/v1/info", "/sys/v1/health", "/sys/v1/session/auth"})


def label(subject: User | App) -> str:
    """How a principal appears in the journal."""
    return f"user:{subject.email}" if isinstance(subject, User) else f"app:{subject.name}"


def _decoded(credential: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise unauthorized() from error
    name, _separator, secret = text.partition(":")
    return name, secret


def _same(given: str, stored: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), stored.encode())


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _app_of(dsm: Dsm, app_id: str, secret: str) -> App:
    app = dsm.state.apps.get(app_id.lower())
    if app is None or not app.enabled or not _same(secret, app.secret):
        raise unauthorized()
    return app


def _user_of(dsm: Dsm, email: str, password: str) -> User:
    user = dsm.state.user_by_email(email)
    if user is None or not _same(password, user.password):
        raise unauthorized()
    return user


def _presented(request: web.Request) -> bytes | None:
    """The client certificate of the connection, DER."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    certificate: bytes | None = tls.getpeercert(binary_form=True) if tls else None
    return certificate


def _app_by_certificate(dsm: Dsm, request: web.Request, app_id: str | None) -> App:
    """The app that the presented certificate belongs to: the named one, or the only one that has registered it."""
    der = _presented(request)
    found = [app for app in dsm.state.apps.values() if der is not None and _der(app) == der]
    if app_id is not None:
        found = [app for app in found if app.app_id == app_id.lower()]
    if len(found) != 1 or not found[0].enabled or found[0].certificate is None:
        raise unauthorized()
    if found[0].certificate.not_valid_after_utc <= dsm.runtime.clock.utc():
        raise unauthorized("The app's certificate has expired")
    return found[0]


def _der(app: App) -> bytes | None:
    return app.certificate.public_bytes(serialization.Encoding.DER) if app.certificate else None


def _session_of(dsm: Dsm, token: str, certificate: bytes | None) -> Session:
    """The live session of a bearer token. Sessions end by idleness, so each use prolongs them."""
    session = dsm.state.sessions.get(token)
    now = dsm.runtime.clock.now()
    if session is None:
        raise DsmError(dsm.profile.expired_token, "The session token is not valid")
    if now - session.last_used > session.subject.idle_seconds:
        del dsm.state.sessions[session.token]
        raise DsmError(dsm.profile.expired_token, "The session token has expired")
    if session.certificate not in (None, certificate):
        raise unauthorized("The session needs the client certificate with which it was opened")
    session.last_used = now
    return session


def _account_in_force(dsm: Dsm, session: Session, route: str) -> str | None:
    """The session's account. It may take some requests until a selected one has reached all nodes (Q19)."""
    if session.pending is None or route in _WITHOUT_ACCOUNT:
        return session.acct_id
    if session.pending_calls > 0:
        session.pending_calls -= 1
        return session.acct_id if dsm.profile.account_switch == "stale" else None
    session.acct_id, session.pending = session.pending, None
    return session.acct_id


def authenticate(dsm: Dsm, request: web.Request, route: str) -> None:
    """Establish who calls a protected route; the handlers find it as `request["caller"]`."""
    if route in PUBLIC:
        return
    scheme, _separator, credential = request.headers.get("Authorization", "").partition(" ")
    subject: User | App
    acct_id: str | None
    if scheme.lower() == "basic":
        subject = _app_of(dsm, *_decoded(credential.strip()))
        acct_id = subject.acct_id
    elif scheme.lower() == "bearer":
        session = _session_of(dsm, credential.strip(), _presented(request))
        request["session"] = session
        subject, acct_id = session.subject, _account_in_force(dsm, session, route)
    else:
        raise unauthorized("The request carries no credentials")
    name_principal(request, label(subject))
    request["subject"] = subject
    if acct_id is not None:
        request["caller"] = Principal(subject, dsm.state.accounts[acct_id])
    elif route not in _WITHOUT_ACCOUNT:
        raise unauthorized(SELECT_ACCOUNT_TEXT)


def _open(dsm: Dsm, subject: User | App, request: web.Request) -> web.Response:
    """Start a session. An app is bound to its account, a user must select one, even if he has just one."""
    acct_id = subject.acct_id if isinstance(subject, App) else None
    session = Session(secrets.token_urlsafe(48), subject, acct_id, dsm.runtime.clock.now())
    if isinstance(subject, App) and subject.certificate:
        session.certificate = _presented(request)
    dsm.state.sessions[session.token] = session
    return json_response(
        {
            "token_type": "Bearer",
            "expires_in": subject.idle_seconds,
            "access_token": session.token,
            "entity_id": subject.user_id if isinstance(subject, User) else subject.app_id,
        }
    )


class Sessions:
    """The routes below /sys/v1/session."""

    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    async def auth(self, request: web.Request) -> web.Response:
        subject = await self._identified(request)
        name_principal(request, label(subject))
        return _open(self._dsm, subject, request)

    async def _identified(self, request: web.Request) -> User | App:
        scheme, _separator, credential = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            name, secret = _decoded(credential.strip())
            if not _is_uuid(name):
                return _user_of(self._dsm, name, secret)
            return _app_of(self._dsm, name, secret) if secret else _app_by_certificate(self._dsm, request, name)
        if not scheme and not request.can_read_body and _presented(request):
            return _app_by_certificate(self._dsm, request, None)
        body = await json_object(request)
        if body.get("method") != "password":
            raise bad_request(f"The authentication method {body.get('method')!r} is not offered")
        return _user_of(self._dsm, str(body.get("email", "")), str(body.get("password", "")))

    async def select_account(self, request: web.Request) -> web.Response:
        subject = request["subject"]
        # An API key is bound to its account; clients send the call with an empty id all the same (DSM contract §1.5).
        if isinstance(subject, App):
            return self._selected()
        body = await json_object(request)
        acct_id = require_uuid(body.get("acct_id"), "acct_id")
        if acct_id not in subject.memberships:
            raise forbidden("The user is not a member of this account")
        session: Session = request["session"]
        if self._dsm.profile.account_switch == "immediate":
            session.acct_id = acct_id
        else:
            session.pending, session.pending_calls = acct_id, self._dsm.profile.account_switch_calls
        return self._selected()

    def _selected(self) -> web.Response:
        body = self._dsm.profile.select_account_body
        if body == "empty":
            return web.Response(status=200)
        return json_response({"cookie": None} if body == "cookie" else {})

    async def refresh(self, request: web.Request) -> web.Response:
        self._required(request)
        return web.Response(status=204)

    async def terminate(self, request: web.Request) -> web.Response:
        del self._dsm.state.sessions[self._required(request).token]
        return web.Response(status=204)

    async def reauth(self, request: web.Request) -> web.Response:
        subject = request["subject"]
        if not isinstance(subject, App):
            raise forbidden("Only apps may re-authenticate a session")
        return _open(self._dsm, subject, request)

    @staticmethod
    def _required(request: web.Request) -> Session:
        session: Session | None = request.get("session")
        if session is None:
            raise bad_request("The request does not belong to a session")
        return session
