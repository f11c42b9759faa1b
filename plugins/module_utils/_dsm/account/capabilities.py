# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""DSM's version, the account with its license, and what both support (guide 2.0, 3.0; DSM contract §1.6, §6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import quoted
from ..._rest.statuses import BAD_REQUEST, FORBIDDEN, METHOD_NOT_ALLOWED, NOT_FOUND, NOT_IMPLEMENTED
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import DsmError, NotFromDsm
from ..wire.paging import items
from .permissions import GRANTED, LACKING, UNKNOWN, PermissionVerdict

# Statuses for a request that the DSM identity has no permission for, or that DSM does not know.
_NOT_AVAILABLE = frozenset({BAD_REQUEST, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, NOT_IMPLEMENTED})

# The features that a link to Azure Key Vault needs in the account's subscription.
FEATURES = ("HMG", "AZUREBYOK")
PRESENT, MISSING = "present", "missing"

# capability -> the DSM version that introduced it, and its description
VERSION_GATES: Mapping[str, tuple[tuple[int, int], str]] = {
    "managed_hsm": ((4, 6), "links to an Azure Managed HSM (guide 4.5)"),
}


@dataclass(frozen=True)
class Version:
    """``number``: major and minor, None if the text does not contain them."""

    text: str
    number: tuple[int, int] | None
    api_version: str | None = None
    server_mode: str | None = None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Version:
        return cls(
            text=answer["version"],
            number=parsed_version(answer["version"]),
            api_version=answer.get("api_version"),
            server_mode=answer.get("server_mode"),
        )

    def record(self) -> dict[str, Any]:
        major, minor = self.number or (None, None)
        return {
            "text": self.text,
            "major": major,
            "minor": minor,
            "api_version": self.api_version,
            "server_mode": self.server_mode,
        }


@dataclass(frozen=True)
class Account:
    """``features``: name -> present, missing or unknown."""

    account_id: str
    name: str
    enabled: bool | None
    subscription: str | None
    features: Mapping[str, str]

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Account:
        kind, terms = _subscription(stored.get("subscription") or {})
        enabled = stored.get("enabled")
        return cls(
            account_id=stored["acct_id"],
            name=stored.get("name") or "",
            enabled=enabled if isinstance(enabled, bool) else None,
            subscription=kind,
            features={feature: _feature(feature, terms) for feature in FEATURES},
        )

    def record(self) -> dict[str, Any]:
        return {
            "account_id": self.account_id,
            "name": self.name,
            "enabled": self.enabled,
            "subscription": self.subscription,
            "features": dict(self.features),
        }


def parsed_version(text: str) -> tuple[int, int] | None:
    """Major and minor of ``5.8.1234``, also of ``v5.8`` or ``DSM 5.8-rc1``; None of anything else."""
    found = re.search(r"(?<![\d.])(\d{1,4})\.(\d{1,4})(?!\d)", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else None


def link_verdict(account: Account | None, why_not: str) -> PermissionVerdict:
    """Whether the account can have links to Azure Key Vault. ``why_not``: why the account is not known."""
    if account is None:
        return PermissionVerdict(UNKNOWN, why_not)
    missing = [name for name, state in account.features.items() if state == MISSING]
    if missing:
        return PermissionVerdict(LACKING, f"the subscription of account {account.name} lacks {' and '.join(missing)}")
    unknown = [name for name, state in account.features.items() if state != PRESENT]
    if unknown:
        return PermissionVerdict(
            UNKNOWN, f"DSM does not report whether the subscription includes {' and '.join(unknown)}"
        )
    return PermissionVerdict(GRANTED, f"the subscription includes {' and '.join(FEATURES)}")


def gate_verdict(capability: str, version: Version | None, why_not: str) -> PermissionVerdict:
    """Whether DSM is new enough for a capability of the table."""
    (major, minor), words = VERSION_GATES[capability]
    if version is None or version.number is None:
        return PermissionVerdict(
            UNKNOWN, why_not if version is None else f"the version {quoted(version.text)} has no major and minor number"
        )
    if version.number < (major, minor):
        return PermissionVerdict(LACKING, f"{words} require DSM {major}.{minor} or later; this is DSM {version.text}")
    return PermissionVerdict(GRANTED, f"{words} require DSM {major}.{minor} or later; this is DSM {version.text}")


def get_version(dsm: DsmClient) -> Version | DsmError:
    """The version, or DSM's refusal."""
    answer = asked(dsm, routes.VERSION, obj="version")
    return answer if isinstance(answer, DsmError) else Version.from_answer(answer)


def get_account(dsm: DsmClient, account_id: str | None) -> Account | DsmError | None:
    """The account with that ID, otherwise the one that the DSM identity sees; None if it sees several."""
    if account_id is not None:
        answer = asked(dsm, routes.ACCOUNT, {"acct_id": account_id}, obj="account")
        return answer if isinstance(answer, DsmError) else Account.from_stored(answer)
    answer = asked(dsm, routes.ACCOUNTS, obj="account")
    if isinstance(answer, DsmError):
        return answer
    found = items(answer, "accounts")
    return Account.from_stored(found[0]) if len(found) == 1 else None


def asked(
    dsm: DsmClient,
    route: str,
    path: Mapping[str, str] | None = None,
    *,
    query: Mapping[str, Any] | None = None,
    obj: str,
) -> Any:
    """The response to a request that not every DSM identity may send and not every DSM knows, or the refusal.

    A DSM that does not know the route may return 404 or 405, or 400 if it treats the last part as an ID.

    Raises:
        TaskError: anything else that goes wrong.
    """
    try:
        return dsm.call("GET", route, path=path, query=query, obj=obj)
    except NotFromDsm as error:
        # A gateway may hide a route. What is then unknown is no reason to fail.
        return error.refused
    except DsmError as error:
        if error.status not in _NOT_AVAILABLE:
            raise
        return error


def _subscription(stored: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The kind of subscription and its terms: the one member of the object that is an object itself."""
    kinds = ("trial", "standard", "enterprise", "custom", "freemium", "on_prem", "reseller")
    found = [(kind, stored[kind]) for kind in kinds if isinstance(stored.get(kind), Mapping)]
    return found[0] if len(found) == 1 else (None, {})


def _feature(feature: str, terms: Mapping[str, Any]) -> str:
    """Missing only if the list of features does not contain it and there is no add-on that might include it."""
    listed = terms.get("features")
    if not isinstance(listed, list):
        return UNKNOWN
    if feature in {str(name).upper() for name in listed}:
        return PRESENT
    return UNKNOWN if terms.get("add_ons") else MISSING
