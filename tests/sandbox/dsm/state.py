# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the simulated DSM: accounts, principals, groups, security objects, sessions.

Groups and security objects are indexed, so that look-ups stay quick with ten thousand of them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ..clock import Clock
from .indexes import GroupIndex, KeyIndex
from .keys.admin import KeyAdmin
from .values import Group, new_id

ADMINISTRATOR = "ACCOUNTADMINISTRATOR"
MEMBER = "ACCOUNTMEMBER"
AUDITOR = "ACCOUNTAUDITOR"


@dataclass
class Account:
    acct_id: str
    name: str
    created_at: str
    features: frozenset[str] | None = frozenset({"HMG", "AZUREBYOK"})
    """Of the subscription; None is an enterprise subscription, which has them all and names none."""
    groups: GroupIndex = field(default_factory=GroupIndex)
    keys: KeyIndex = field(default_factory=KeyIndex)
    approval_policy: dict[str, Any] | None = None
    """`{"policy": ..., "manage_groups": true}`: new groups are under the policy, too (DSM contract §2.10)."""
    approval_expiry: float = 30 * 86400.0
    """Seconds from the filing of an approval request, and again from its approval, to its expiry (Q31)."""
    approvals: dict[str, ApprovalRequest] = field(default_factory=dict)


@dataclass
class Membership:
    """What a user is in one account: flags, and group id -> roles."""

    flags: list[str]
    groups: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class User:
    user_id: str
    email: str
    password: str
    memberships: dict[str, Membership]
    created_at: str
    idle_seconds: int = 24 * 3600


@dataclass
class App:
    app_id: str
    name: str
    secret: str
    acct_id: str
    role: str
    created_at: str
    groups: dict[str, list[str]] = field(default_factory=dict)
    enabled: bool = True
    idle_seconds: int = 600
    certificate: x509.Certificate | None = None
    """Logs in with this certificate; then there is no secret."""
    auth_types: tuple[str, ...] = ()
    """What is shown in the API's words, in place of what follows from secret and certificate."""

    @property
    def api_key(self) -> str:
        """The form in which DSM shows it (DSM contract §1.3)."""
        return base64.b64encode(f"{self.app_id}:{self.secret}".encode()).decode()


@dataclass
class ApprovalRequest:
    request_id: str
    acct_id: str
    requester: dict[str, str]
    created_at: str
    expires: float
    method: str
    operation: str
    body: Any
    description: str | None
    subjects: list[dict[str, str]]
    policy: dict[str, Any]
    """As it was when the request was filed."""
    approvers: list[dict[str, str]] = field(default_factory=list)
    status: str = "PENDING"
    denier: dict[str, str] | None = None
    denial_reason: str | None = None
    result: tuple[int, Any] | None = None
    """Status and body of the operation, once it has been carried out."""
    result_viewed: bool = False


@dataclass
class Session:
    token: str
    subject: User | App
    acct_id: str | None
    last_used: float
    certificate: bytes | None = None
    """The client certificate (DER) of the log-in, which each later request must present again."""
    pending: str | None = None
    pending_calls: int = 0
    """A selected account that is not in force yet, and for how many more requests (Q19)."""


class DsmState(KeyAdmin):
    """Everything the simulated DSM remembers. To be used in the sandbox's own thread (`Sandbox.do`)."""

    def __init__(self, clock: Clock, trust_client: Callable[[bytes], None] | None = None) -> None:
        self.clock = clock
        self._trust_client = trust_client
        self.accounts: dict[str, Account] = {}
        self.users: dict[str, User] = {}
        self.apps: dict[str, App] = {}
        self.sessions: dict[str, Session] = {}
        self.azure_tokens: dict[tuple[str, ...], tuple[str, float]] = {}
        """Who asked for what -> token and expiry; in use only where the profile lets DSM keep tokens."""

    # Accounts and principals -------------------------------------------------------------------------------------

    def add_account(self, name: str) -> Account:
        account = Account(new_id(), name, self.clock.dsm_stamp())
        self.accounts[account.acct_id] = account
        return account

    def set_features(self, features: Iterable[str] | None, account: Account | None = None) -> None:
        """What the account has subscribed to. `HMG` and `AZUREBYOK` are what links to Azure need; None: everything."""
        owner = account or self.default_account
        owner.features = None if features is None else frozenset(features)

    def add_user(self, email: str, memberships: Mapping[str, Iterable[str]]) -> User:
        """A user with a fresh password; `memberships` is account id -> flags."""
        joined = {acct_id: Membership([*flags, "STATEENABLED"]) for acct_id, flags in memberships.items()}
        user = User(new_id(), email, secrets.token_urlsafe(18), joined, self.clock.dsm_stamp())
        self.users[user.user_id] = user
        return user

    def add_app(self, name: str, role: str = "crypto", account: Account | None = None) -> App:
        """An app with a fresh secret; `role` is `admin` or `crypto`."""
        acct_id = (account or self.default_account).acct_id
        app = App(new_id(), name, secrets.token_urlsafe(64), acct_id, role, self.clock.dsm_stamp())
        self.apps[app.app_id] = app
        return app

    def add_certificate_app(
        self, name: str, certificate: x509.Certificate, role: str = "admin", account: Account | None = None
    ) -> App:
        """An app that logs in with a client certificate instead of an API key."""
        app = self.add_app(name, role, account)
        self.set_app_certificate(app, certificate)
        return app

    def set_app_certificate(self, app: App | str, certificate: x509.Certificate) -> None:
        """Replace an app's credential by a certificate; its sessions die at once."""
        owner = self.regenerate_api_key(app)
        owner.secret, owner.certificate = "", certificate
        self.accept_client_certificate(certificate)

    def accept_client_certificate(self, certificate: x509.Certificate) -> None:
        """Let DSM's listener take a certificate in the handshake, whether an app has registered it or not."""
        if self._trust_client:
            self._trust_client(certificate.public_bytes(serialization.Encoding.DER))

    def regenerate_api_key(self, app: App | str) -> App:
        """A new secret for an app; its sessions die at once (DSM contract §1.5)."""
        owner = self.apps[app] if isinstance(app, str) else app
        owner.secret = secrets.token_urlsafe(64)
        self.sessions = {token: session for token, session in self.sessions.items() if session.subject is not owner}
        return owner

    def user_by_email(self, email: str) -> User | None:
        return next((user for user in self.users.values() if user.email.lower() == email.lower()), None)

    @property
    def default_account(self) -> Account:
        return next(iter(self.accounts.values()))

    def account_named(self, name: str) -> Account:
        return next(account for account in self.accounts.values() if account.name == name)

    # Groups ------------------------------------------------------------------------------------------------------

    def add_group(
        self,
        name: str,
        hmg: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
        account: Account | None = None,
        approval_policy: dict[str, Any] | None = None,
        custom_metadata: dict[str, str] | None = None,
        description: str = "",
    ) -> Group:
        """Put a group straight into the world. `hmg` is one stored link, or several; its shape is not judged here."""
        owner = account or self.default_account
        group = Group(new_id(), owner.acct_id, name, self.clock.dsm_stamp(), {"app": new_id()}, description)
        links = [hmg] if isinstance(hmg, Mapping) else list(hmg or [])
        group.hmg = {new_id(): dict(link) for link in links}
        group.approval_policy = approval_policy
        group.custom_metadata = custom_metadata
        owner.groups.add(group)
        return group

    def find_group(self, name: str, account: Account | None = None) -> Group | None:
        return (account or self.default_account).groups.named(name)

    def group(self, group_id: str) -> Group | None:
        """The group of that id in whatever account."""
        return next((found for a in self.accounts.values() if (found := a.groups.get(group_id))), None)

    def remove_group(self, group: Group | str) -> None:
        """Take a group and its keys out of the world, as an administrator of the service could."""
        found = self.group(group) if isinstance(group, str) else group
        if found is None:
            raise KeyError(group)
        account = self.accounts[found.acct_id]
        for key in account.keys.in_group(found.group_id):
            account.keys.remove(key)
        account.groups.remove(found)

    def grant(self, principal: App | User, group: Group, permissions: Iterable[str] = ("GROUPADMINISTRATOR",)) -> None:
        """Make an app or user a member of a group."""
        groups = principal.groups if isinstance(principal, App) else principal.memberships[group.acct_id].groups
        groups[group.group_id] = list(permissions)
