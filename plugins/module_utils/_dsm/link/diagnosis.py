# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Why a link does not connect: derived from the server's error text and from the link. No I/O.

A text that matches no class is ``unknown`` and is kept unchanged. A host is reported only if the text names it or it
follows from the leg and the link. The same rules distinguish DSM's own refusals of its caller from Azure's responses
that DSM passes on (DSM contract §3.1).
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..._errors import printable, quotable
from ..._findings import catalog
from ..._findings.finding import FAILED, Finding, Kind
from ..._findings.finding import UNKNOWN as UNCERTAIN
from ..._names import name_key
from ..._rest.entra_codes import refusal_in
from ..._rest.pages import PAGE
from ..._rest.private_link import public_uri, remedy_for
from ..._rest.statuses import (
    BAD_GATEWAY,
    GATEWAY_TIMEOUT,
    INTERNAL_SERVER_ERROR,
    SERVICE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
)
from .azure_link import ENDPOINTS, Link
from .diagnosis_classes import ARM, CLASSES, DSM, ENTRA, LEG_NAMES, MANAGED_HSM, UNKNOWN, VAULT, ClassId, DiagnosisClass

# Longer error texts are truncated.
_LONGEST = 10_000
# A finding lists only the first entries of a longer list.
_MOST_LISTED = 20

BY_ID: Mapping[ClassId, DiagnosisClass] = {entry.id: entry for entry in CLASSES}

_BY_CODE = {code.lower(): entry for entry in CLASSES for code in entry.codes}
_BY_CAUSE = {cause: entry for entry in CLASSES for cause in entry.causes}
_CODE = re.compile(rf"(?<![a-z])(?:{'|'.join(sorted(_BY_CODE))})(?![a-z])", re.IGNORECASE)

_LEG_OF_ENDPOINT = {"iam": ENTRA, "management": ARM, "key_vault": VAULT, "key_vault_managed_hsm": MANAGED_HSM}
_NAME = re.compile(r"(?<![a-z0-9.-])[a-z0-9-]{1,63}(?:\.[a-z0-9-]+)+", re.IGNORECASE)
# A host name outside Azure is recognized only as part of a URL or with a port.
_ADDRESS = re.compile(r"https?://([a-z0-9.-]{1,253})|(?<![a-z0-9._-])([a-z0-9.-]{1,253}):\d{2,5}\b", re.IGNORECASE)

# What a service reports about the caller's token: addresses that nobody has called.
_OF_TOKEN = re.compile(r"\b(?:iss|aud)=\S+|\b(?:issuer|audience)\b.*", re.IGNORECASE)

# How services name themselves, for error texts without a host.
_LEG_WORDS = (
    (MANAGED_HSM, re.compile(r"managed ?hsm", re.IGNORECASE)),
    (ENTRA, re.compile(r"AADSTS\d|\bentra\b|azure (?:ad|active directory)\b|oauth2|invalid_client", re.IGNORECASE)),
    (VAULT, re.compile(r"\bAKV\d{5}\b|vaults/keys/|\bkey vault\b|\bvault: [\w-]+;location=", re.IGNORECASE)),
    (
        ARM,
        re.compile(r"azure resource manager|InvalidAuthenticationToken|\bsubscriptions?\b|microsoft\.keyvault/", re.I),
    ),
)

# Phrases with which DSM itself may refuse a caller; its real error texts are not public (DSM contract §1.7).
_OF_DSM = re.compile(
    r"permission|privilege|approval|not allowed|not authori[sz]ed|unauthori[sz]ed|forbidden|access denied|\brole\b"
    r"|invalid (?:credentials|token|session)|(?:token|session)\b.{0,20}\bexpired|account to be selected"
    r"|\b(?:group|s?object|hmg|account|user|app)\b.{0,120}\b(?:not found|does not exist)"
    r"|^(?:\d{3} )?(?:page )?not found\W*$",
    re.IGNORECASE,
)

# Classes whose patterns may match an object name in a message of DSM.
_LOOSELY_WORDED: frozenset[ClassId] = frozenset(
    {
        "secret-expired",
        "tenant-unknown",
        "application-disabled",
        "subscription-unknown",
        "subscription-disabled",
        "hsm-not-activated",
        "no-vault-visible",
        "vault-not-in-subscription",
    }
)

# Classes without a leg of their own whose texts are only Azure's.
_OF_AZURE_ONLY: frozenset[ClassId] = frozenset(
    {"denied-by-assignment", "not-from-azure", "token-audience", "wrong-cloud"}
)

# Classes that two clouds in one link can cause.
_SIGNS_OF_WRONG_CLOUD: frozenset[ClassId] = frozenset(
    {
        "unknown",
        "tenant-unknown",
        "application-missing",
        "resource-missing",
        "subscription-unknown",
        "token-audience",
        "dns-failure",
        "no-vault-visible",
        "vault-not-in-subscription",
        "tls-host-mismatch",
    }
)
# Classes whose codes Azure also uses for a deny assignment.
_DENIED: frozenset[ClassId] = frozenset({"arm-denied", "keys-denied-by-role"})
_OF_DELETED = re.compile(r"managedhsm/keys/deletedkeys/", re.IGNORECASE)
# Classes that a list of the vaults can make more precise.
_BLURRED: frozenset[ClassId] = frozenset({"unknown", "no-vault-visible", "vault-not-in-subscription", "dns-failure"})


@dataclass(frozen=True)
class Diagnosis:
    """A likely reason. ``words``: the server's error text; ``host``: None if unknown."""

    entry: DiagnosisClass
    leg: str
    host: str | None
    words: str

    @property
    def id(self) -> ClassId:
        return self.entry.id

    @property
    def where(self) -> str:
        """The leg and the host, for messages."""
        name = LEG_NAMES[self.leg]
        return f"{name}, {self.host}" if self.host else name

    @property
    def plane(self) -> str:
        """Where it fails, for messages. A connection that breaks on the way is one to Azure."""
        return {ENTRA: "Entra", DSM: "DSM"}.get(self.leg, "Azure")

    @property
    def is_known(self) -> bool:
        """Whether the text shows what fails in Entra or Azure, or on the way there."""
        return self.id != "unknown" and self.leg != DSM

    @property
    def summary(self) -> str:
        return f"{self.entry.title} (class {self.id}, at {self.where}). Likely cause: {self.entry.cause}"

    @property
    def step(self) -> str:
        return f"{self.entry.remedy} (guide {self.entry.guide})"

    def record(self) -> dict[str, Any]:
        return {
            "class": self.id,
            "leg": self.leg,
            "host": self.host,
            "words": quotable(self.words),
            "cause": self.entry.cause,
            "remedy": self.entry.remedy,
            "guide": self.entry.guide,
        }


@dataclass(frozen=True)
class SeenVault:
    """A vault in the list that DSM returns."""

    name: str
    uri: str
    type: str


def diagnose(words: str, status: int | None = None, link: Link | None = None) -> Diagnosis:
    """The class of the error text of a failed test. Never raises; a text that matches nothing is ``unknown``.

    Args:
        status: the HTTP status with which DSM returned the text.
        link: the link that was tested.
    """
    text = " ".join(words[:_LONGEST].split())
    entry = _refined(_class_of(text, status), text, link)
    leg = _leg_of(entry, text, link)
    return Diagnosis(entry, leg, _host(text, leg, link), printable(words[:_LONGEST]))


def is_of_azure(words: str, status: int) -> bool:
    """Whether a 401, 403, 404, 429 or 5xx that DSM returned for a test is a diagnosis: Azure's response, as a rule.

    An error code or a host name of Azure decides, and so do phrases that only Azure uses. Other texts of a known class
    are Azure's unless DSM itself may use such a phrase: a message of DSM may quote a group with any name.
    An empty text, 429 without a sign of Azure, and 5xx with a text of no known class are DSM's own.
    """
    if names_azure(words):
        return True
    text = " ".join(words[:_LONGEST].split())
    entry = _class_of(text, status)
    if status >= INTERNAL_SERVER_ERROR:
        # An outage says nothing about the link, unless the text does. What a gateway tells of itself is a class, too.
        return entry.id != "unknown"
    return status != TOO_MANY_REQUESTS and entry.leg != DSM and bool(text) and not _OF_DSM.search(text)


def names_azure(words: str) -> bool:
    """Whether an error text contains an error code, a host name or a phrase of Azure."""
    text = " ".join(words[:_LONGEST].split())
    entry = _class_of(text, None)
    if entry.id in _OF_AZURE_ONLY or (entry.leg not in (UNKNOWN, DSM) and entry.id not in _LOOSELY_WORDED):
        return True
    has_code = refusal_in(text) is not None or _CODE.search(text) is not None
    return has_code or next(_azure_hosts(text, None), None) is not None


def sharpened(found: Diagnosis, link: Link, seen: tuple[SeenVault, ...]) -> Diagnosis:
    """The diagnosis, made more precise by the vaults that the application sees. A precise one stays unchanged."""
    if found.id not in _BLURRED or not _concerns_vaults(found):
        return found
    problem = _problem_of_vault(link, seen)
    if problem is None or (problem == "vault-type-differs" and found.id != "unknown"):
        return found
    entry = BY_ID[problem]
    leg = _leg_of(entry, "", link)
    return replace(found, entry=entry, leg=leg, host=_host("", leg, link))


def wants_second_look(found: Diagnosis) -> bool:
    """Whether a list of the vaults may make this more precise."""
    return found.id in _BLURRED and _concerns_vaults(found)


def findings(link: Link, seen: tuple[SeenVault, ...] | None, label: str) -> list[Finding]:
    """The findings about a link that connects.

    Args:
        seen: the vaults, None if they could not be listed.
        label: of the link.
    """
    found = []
    if link.azure_service not in ENDPOINTS:
        known = f"the endpoints of {' or '.join(ENDPOINTS)}"
        found.append(_finding(catalog.ENDPOINTS_NOT_RECOGNIZED, FAILED, label, known, "other endpoints", "wrong-cloud"))
    elif _mixed_clouds(link):
        expected = f"a vault in azure_service {link.azure_service}"
        found.append(_finding(catalog.VAULT_IN_OTHER_CLOUD, FAILED, label, expected, link.vault_uri, "wrong-cloud"))
    public = public_uri(link.vault_uri)
    if public is not None:
        kind = catalog.VAULT_NAME_IN_PRIVATE_ZONE
        found.append(Finding(kind, FAILED, "DSM", label, public, link.vault_uri, remedy_for(public), {}))
    if seen is None:
        return found
    problem = _problem_of_vault(link, seen)
    if problem is None:
        return found
    here = next((vault for vault in seen if vault.uri == link.vault_uri), None)
    expected, actual = {
        "no-vault-visible": ("at least one vault", "none"),
        "vault-not-in-subscription": ("a vault in the list", link.vault_uri),
        "vault-type-differs": (here.type if here else "", str(link.vault_type)),
    }[problem]
    listed = [vault.name for vault in seen[:_MOST_LISTED]]
    return [*found, _finding(catalog.CATALOG[problem], FAILED, label, expected, actual, problem, vaults=listed)]


def vaults_not_listed(words: str, label: str) -> Finding:
    """The finding that vault and type of a connected link could not be compared."""
    return Finding(
        catalog.VAULTS_NOT_LISTED,
        UNCERTAIN,
        "DSM",
        label,
        "a list of the vaults to compare the link with",
        quotable(words),
        "resolve the error that the server returned; until then it is unknown whether vault and type are correct",
    )


def _finding(
    kind: Kind, status: str, label: str, expected: str, actual: str, problem: ClassId, **evidence: Any
) -> Finding:
    return Finding(kind, status, "DSM", label, expected, actual, BY_ID[problem].remedy, evidence)


# Which class --------------------------------------------------------------------------------------------------------


def _class_of(text: str, status: int | None) -> DiagnosisClass:
    if text.startswith(PAGE.rstrip()) and status in (BAD_GATEWAY, SERVICE_UNAVAILABLE, GATEWAY_TIMEOUT):
        return BY_ID["dsm-gateway"]
    refused = refusal_in(text)
    if refused is not None and refused.cause in _BY_CAUSE:
        return _BY_CAUSE[refused.cause]
    code = _CODE.search(text)
    if code is not None:
        return _BY_CODE[code[0].lower()]
    return next((entry for entry, pattern in _patterns() if pattern.search(text)), BY_ID["unknown"])


@cache
def _patterns() -> tuple[tuple[DiagnosisClass, re.Pattern[str]], ...]:
    """Compiled when the first test fails, which is rare."""
    return tuple(
        (entry, re.compile("|".join(f"(?:{pattern})" for pattern in entry.patterns), re.IGNORECASE))
        for entry in CLASSES
        if entry.patterns
    )


@cache
def _by_deny_assignment() -> re.Pattern[str]:
    return next(pattern for entry, pattern in _patterns() if entry.id == "denied-by-assignment")


def _refined(entry: DiagnosisClass, text: str, link: Link | None) -> DiagnosisClass:
    """The class, with what the link adds to the error text, and what the text adds to a code."""
    if entry.id in _DENIED and _by_deny_assignment().search(text):
        return BY_ID["denied-by-assignment"]
    if entry.id in ("keys-denied-by-role", "keys-denied-by-policy") and _is_managed_hsm(text, link):
        entry = BY_ID["hsm-keys-denied"]
    if entry.id == "hsm-keys-denied" and _OF_DELETED.search(text):
        # A Managed HSM Crypto User can delete keys, and then not see them.
        return replace(
            entry,
            cause="the application has no local role of the Managed HSM for its deleted keys, which Managed HSM Crypto "
            "User does not include",
            remedy="assign a local role at /keys to the application with the data actions of deleted keys, such as the "
            "one in docs/azure-roles/managed-hsm-application-recover-purge.json",
        )
    if link is not None and entry.id in _SIGNS_OF_WRONG_CLOUD and _mixed_clouds(link):
        return BY_ID["wrong-cloud"]
    return entry


def _is_managed_hsm(text: str, link: Link | None) -> bool:
    if "managedhsm" in text.lower():
        return True
    return link is not None and _leg_of_host(_vault_host(link), link) == MANAGED_HSM


def _mixed_clouds(link: Link) -> bool:
    """Whether the vault is in another cloud than the link, or the endpoints belong to no cloud that DSM knows."""
    if link.azure_service not in ENDPOINTS:
        return True
    host = _vault_host(link)
    homes = {service for service, leg in _services_of(host) if leg in (VAULT, MANAGED_HSM)}
    return bool(homes) and link.azure_service not in homes


def _concerns_vaults(found: Diagnosis) -> bool:
    """A host name that does not resolve concerns vaults only if it is the name of a vault."""
    return found.id != "dns-failure" or found.leg in (VAULT, MANAGED_HSM)


def _problem_of_vault(link: Link, seen: tuple[SeenVault, ...]) -> ClassId | None:
    if not seen:
        return "no-vault-visible"
    if not link.vault_uri:
        return None
    here = next((vault for vault in seen if vault.uri == link.vault_uri), None)
    if here is None:
        return "vault-not-in-subscription"
    return "vault-type-differs" if link.vault_type is not None and here.type != link.vault_type else None


# Which leg, which host ----------------------------------------------------------------------------------------------


def _leg_of(entry: DiagnosisClass, text: str, link: Link | None) -> str:
    if entry.leg == VAULT and _is_managed_hsm(text, link):
        return MANAGED_HSM
    if entry.leg != UNKNOWN:
        return entry.leg
    hosts = list(_azure_hosts(text, link))
    if hosts:
        return hosts[0][1]
    return next((leg for leg, pattern in _LEG_WORDS if pattern.search(text)), UNKNOWN)


def _host(text: str, leg: str, link: Link | None) -> str | None:
    named = next((host for host, host_leg in _azure_hosts(text, link) if leg in (host_leg, UNKNOWN)), None)
    if named is not None:
        return named
    if leg == UNKNOWN:
        foreign = _ADDRESS.search(_OF_TOKEN.sub(" ", text))
        return name_key(foreign[1] or foreign[2]).rstrip(".") if foreign else None
    return _host_of_leg(leg, link) if link is not None else None


def _host_of_leg(leg: str, link: Link) -> str | None:
    """The host that DSM calls for this leg of the link."""
    if leg in (VAULT, MANAGED_HSM):
        return _vault_host(link) or None
    name = {ENTRA: "iam", ARM: "management"}.get(leg)
    return _endpoints(link).get(name) if name else None


def _vault_host(link: Link) -> str:
    return _host_in(link.vault_uri)


def _host_in(uri: str) -> str:
    try:
        return urllib.parse.urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _endpoints(link: Link) -> Mapping[str, str]:
    if link.azure_service in ENDPOINTS:
        return ENDPOINTS[link.azure_service]
    stored = (link.stored or {}).get("endpoints") or {}
    return {str(name): name_key(host) for name, host in stored.items() if host}


def _azure_hosts(text: str, link: Link | None) -> Iterator[tuple[str, str]]:
    """The hosts of Azure in the text with their legs; those that the link points to come first."""
    found = {}
    for name in _NAME.findall(_OF_TOKEN.sub(" ", text)):
        host = name_key(name).rstrip(".")
        leg = _leg_of_host(host, link)
        if leg is not None:
            found[host] = leg
    own = set() if link is None else {_host_of_leg(leg, link) for leg in (ENTRA, ARM, VAULT)}
    yield from sorted(found.items(), key=lambda item: item[0] not in own)


def _leg_of_host(host: str, link: Link | None) -> str | None:
    public = public_uri(f"https://{host}/")
    legs = {leg for _service, leg in _services_of(host if public is None else _host_in(public))}
    if legs:
        return legs.pop()
    return VAULT if host and link is not None and host == _vault_host(link) else None


def _services_of(host: str) -> Iterator[tuple[str, str]]:
    """The cloud and the leg of one of Azure's host names."""
    for service, endpoints in ENDPOINTS.items():
        for name, domain in endpoints.items():
            leg = _LEG_OF_ENDPOINT[name]
            if host.endswith(f".{domain}") if leg in (VAULT, MANAGED_HSM) else host == domain:
                yield service, leg
