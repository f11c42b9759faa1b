# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What a refusal by Entra means: error codes and their texts -> cause (Azure contract T20). Pure.

The only definition for both planes: for the operator's own sign-in (``_azure/wire/meanings.py``), and for the sign-in
of the link, whose error text DSM passes on (``_dsm/link/diagnosis.py``). What follows from a cause is said there.

A code may have several meanings; then the text decides, and the code alone means the last one of its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum


class EntraCause(Enum):
    """Why Entra issues no token."""

    # The credential of an application.
    SECRET_WRONG = "client secret is wrong"
    SECRET_EXPIRED = "client secret has expired"
    CREDENTIAL_MISSING = "request has no credential"
    CERTIFICATE_EXPIRED = "certificate has expired or is not yet valid"
    CERTIFICATE_REVOKED = "certificate is revoked"
    CERTIFICATE_UNKNOWN = "certificate is not registered"
    KEY_MISMATCH = "signature is from another key than the registered one"
    ASSERTION_OUTSIDE_TIME = "assertion is outside its validity period"
    ASSERTION_REFUSED = "assertion is rejected"
    FEDERATION_UNMATCHED = "no federated credential matches the token"
    CREDENTIAL_REFUSED = "credential is rejected for an unknown reason"
    # Tenant, application and service.
    TENANT_UNKNOWN = "tenant is unknown"
    TENANT_INVALID = "tenant is not valid"
    TENANT_BLOCKED = "tenant is blocked"
    TENANT_RESTRICTED = "proxy or policy restricts the tenants"
    APPLICATION_UNKNOWN = "application is not in the tenant"
    PRINCIPAL_UNKNOWN = "application has no service principal in the tenant"
    APPLICATION_DISABLED = "application is disabled"
    RESOURCE_UNKNOWN = "service is unknown in the tenant"
    RESOURCE_DISABLED = "service is disabled in the tenant"
    WRONG_CLOUD = "other cloud"
    CONSENT_MISSING = "consent is missing"
    CONDITIONAL_ACCESS = "Conditional Access blocks the identity"
    RISK = "identity is blocked because of a risk"
    OUTAGE = "Entra is temporarily unavailable"
    # Users, who sign in with the Azure CLI.
    MFA_REQUIRED = "multifactor authentication is required"
    SESSION_EXPIRED = "sign-in has expired or is revoked"
    DEVICE_REFUSED = "device does not meet the policy"
    USER_UNKNOWN = "user is not in the tenant"
    USER_BLOCKED = "user is disabled or locked"
    PASSWORD_REFUSED = "password is wrong or has expired"
    NOT_ASSIGNED = "user is not assigned to the application"


# Only a user can be refused for these; the application of a link cannot.
OF_USERS = frozenset(
    {
        EntraCause.MFA_REQUIRED,
        EntraCause.SESSION_EXPIRED,
        EntraCause.DEVICE_REFUSED,
        EntraCause.USER_UNKNOWN,
        EntraCause.USER_BLOCKED,
        EntraCause.PASSWORD_REFUSED,
        EntraCause.NOT_ASSIGNED,
    }
)


@dataclass(frozen=True)
class _Row:
    """``text``: a regular expression that the message with the code must match; empty: any message."""

    numbers: tuple[int, ...]
    cause: EntraCause
    text: str = ""


_KEY_EXPIRED = r"key used is expired|is expired on application"
_KEY_NOT_FOUND = r"key was not found|not registered on application|not authori[sz]ed"
_KEY_DIFFERS = r"key was found, but|use of the key to verify the signature failed"

# Microsoft Learn, "Microsoft Entra authentication and authorization error codes"; texts with several meanings, and the
# codes of certificates and of federated credentials: Azure contract T20.
_ROWS = (
    _Row((7000215,), EntraCause.SECRET_WRONG),
    _Row((7000222,), EntraCause.SECRET_EXPIRED),
    _Row((7000216, 7000218), EntraCause.CREDENTIAL_MISSING),
    # One code for each failed signature, in two generations; the reason is in the text.
    _Row((700027, 50012), EntraCause.CERTIFICATE_EXPIRED, _KEY_EXPIRED),
    _Row((700027, 50012), EntraCause.CERTIFICATE_UNKNOWN, _KEY_NOT_FOUND),
    _Row((700027, 50012), EntraCause.KEY_MISMATCH, _KEY_DIFFERS),
    _Row((700027,), EntraCause.CERTIFICATE_UNKNOWN),
    _Row((50012, 70002), EntraCause.SECRET_WRONG, r"invalid client secret|client_secret does not match"),
    _Row((50012,), EntraCause.CERTIFICATE_UNKNOWN, r"client assertion contains an invalid signature"),
    _Row((50012, 70002), EntraCause.CREDENTIAL_REFUSED),
    _Row((1000502, 7000274), EntraCause.CERTIFICATE_EXPIRED),
    _Row((7000214, 7000277), EntraCause.CERTIFICATE_REVOKED),
    _Row((700026, 50003, 700030), EntraCause.CERTIFICATE_UNKNOWN),
    _Row((700024, 500133), EntraCause.ASSERTION_OUTSIDE_TIME),
    _Row((50013,), EntraCause.ASSERTION_OUTSIDE_TIME, r"not within its valid time range|\bexpired\b"),
    _Row((700021, 700023, 50027, 50013, 50048, 50006), EntraCause.ASSERTION_REFUSED),
    _Row((70021, 700211, 700212, 700213, 7002137, 7002138), EntraCause.FEDERATION_UNMATCHED),
    _Row((90002,), EntraCause.TENANT_UNKNOWN),
    _Row((900023, 50059, 50128), EntraCause.TENANT_INVALID),
    _Row((5000224, 5000225), EntraCause.TENANT_BLOCKED),
    _Row((50002, 500021, 500022, 5000211, 500212, 500213), EntraCause.TENANT_RESTRICTED),
    _Row((70001,), EntraCause.APPLICATION_DISABLED, r"\bis disabled"),
    _Row((700016, 70001, 700011, 50194), EntraCause.APPLICATION_UNKNOWN),
    _Row((7000229,), EntraCause.PRINCIPAL_UNKNOWN),
    _Row((7000112,), EntraCause.APPLICATION_DISABLED),
    _Row((50001,), EntraCause.RESOURCE_DISABLED, r"\bis disabled"),
    _Row((500011, 50001, 650052, 650054), EntraCause.RESOURCE_UNKNOWN),
    _Row((500014,), EntraCause.RESOURCE_DISABLED),
    _Row((900382, 900432, 900439, 1000104), EntraCause.WRONG_CLOUD),
    _Row((65001, 65004, 650056, 650057, 90094), EntraCause.CONSENT_MISSING),
    _Row((53003, 530003, 50131, 530032, 530035), EntraCause.CONDITIONAL_ACCESS),
    _Row((53011, 530034), EntraCause.RISK),
    _Row((90033, 50033, 50087, 70012), EntraCause.OUTAGE),
    _Row((50072, 50074, 50076, 50078, 50079, 50158, 53004), EntraCause.MFA_REQUIRED),
    _Row(
        (50173, 70043, 700082, 700084, 70008, 70000, 50132, 50133, 50089, 50085, 50058),
        EntraCause.SESSION_EXPIRED,
    ),
    _Row((53000, 53001, 53002, 50097, 50129, 50155, 50187), EntraCause.DEVICE_REFUSED),
    _Row((50020, 90072, 50034, 51004, 16000, 16003, 50014), EntraCause.USER_UNKNOWN),
    _Row((50057, 50053), EntraCause.USER_BLOCKED),
    _Row((50126, 50055, 50056, 50064, 50144), EntraCause.PASSWORD_REFUSED),
    _Row((50105,), EntraCause.NOT_ASSIGNED),
)
_BY_NUMBER: Mapping[int, tuple[_Row, ...]] = {
    number: tuple(row for row in _ROWS if number in row.numbers) for row in _ROWS for number in row.numbers
}
# A code may also be in the address of its error page, and in the list of a JSON body. Before it, no word may go on.
CODE = re.compile(
    r"(?:\bAADSTS ?|/error\?code=|\"error_codes\":\s*\[\s*)(?P<number>\d{4,10})(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class EntraRefusal:
    """A code in a text, and what it means there: None if unknown."""

    number: int
    cause: EntraCause | None

    @property
    def code(self) -> str:
        return f"AADSTS{self.number}"


def refusals_in(text: str) -> Iterator[EntraRefusal]:
    """All codes in a text, in its order. What a code means is read from the complete text."""
    for found in CODE.finditer(text):
        number = int(found["number"])
        yield EntraRefusal(number, cause_of(number, text))


def refusal_in(text: str) -> EntraRefusal | None:
    """The code that says most: the first one with a precise cause, else the first known one, else the first one."""
    found = list(refusals_in(text))
    known = [one for one in found if one.cause is not None]
    precise = [one for one in known if one.cause is not EntraCause.CREDENTIAL_REFUSED]
    return next(iter([*precise, *known, *found]), None)


def cause_of(number: int, text: str = "") -> EntraCause | None:
    """What a code means in this text; None if it is unknown."""
    rows = _BY_NUMBER.get(number, ())
    return next((row.cause for row in rows if not row.text or re.search(row.text, text, re.IGNORECASE)), None)


def numbers_of(cause: EntraCause) -> tuple[int, ...]:
    """All codes that may have this cause, in the order of the table."""
    return tuple(dict.fromkeys(number for row in _ROWS if row.cause is cause for number in row.numbers))
