# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The controls of published standards that a finding bears on. No I/O.

Where Azure has a policy of its own for the same thing, the controls are those that its regulatory initiatives map that
policy to. The others are mapped by this collection, and for an auditor to confirm: ``ours``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._azure.rights import findings as prerequisites
from . import catalog


@dataclass(frozen=True)
class Controls:
    """``standards``: name -> controls. ``policies``: IDs of Azure's built-in policy definitions."""

    standards: Mapping[str, tuple[str, ...]]
    policies: tuple[str, ...] = ()
    ours: bool = False

    def listed(self) -> list[str]:
        """As reports show them, one text for each standard."""
        mark = " (mapped by this collection)" if self.ours else ""
        return [f"{standard} {', '.join(controls)}{mark}" for standard, controls in self.standards.items()]


_CIS, _MCSB, _NIST, _PCI = "CIS Azure 3.0", "MCSB", "NIST 800-53 r5", "PCI DSS 4.0.1"

_KEY_EXPIRY = Controls(
    {_CIS: ("3.3.1", "3.3.2"), _MCSB: ("DP-6",), _NIST: ("SC-12",), _PCI: ("3.7.4",)},
    ("152b15f7-8e1f-4c1f-ab71-8c010ba5dbc0",),
)
_CREDENTIAL = Controls({_MCSB: ("IM-3",), _NIST: ("IA-5", "AC-2"), _PCI: ("8.6.3",), "SOC 2": ("CC6.1",)}, ours=True)
_DELETION = Controls(
    {_CIS: ("3.3.5",), _MCSB: ("DP-8",), _NIST: ("CP-9", "CP-10"), _PCI: ("3.6.1",)},
    (
        "0b60c0b2-2dc2-4e1c-b5c9-abbed971de53",
        "1e66c121-a66a-4b1f-9b83-0fd99bf0fc2d",
        "c39ba22d-4428-4149-b981-70acb31fc383",
    ),
)
_RBAC = Controls(
    {
        _CIS: ("3.3.6",),
        _MCSB: ("PA-7",),
        _NIST: ("AC-3(7)", "AC-6"),
        _PCI: ("7.2.1-7.2.6",),
        "SOC 2": ("CC6.2", "CC6.3"),
    },
    ("12d4fa5e-1f9f-4c21-97a9-b99b3c6611b5",),
)
_NETWORK = Controls(
    {"CIS Azure 2.0": ("8.7",), _MCSB: ("NS-2",), _NIST: ("SC-7", "AC-4"), _PCI: ("1.4.4",)},
    (
        "55615ac9-af46-4a59-874e-391cc3dfb490",
        "405c5871-3e91-4644-8a63-58e19d68ff5b",
        "19ea9d63-adee-4431-a95e-1913c6c1c75f",
    ),
)
_TLS = Controls({_MCSB: ("DP-3",), _NIST: ("SC-8", "SC-23"), _PCI: ("4.2.1",)}, ours=True)
_LINK = Controls({_MCSB: ("DP-6",), _NIST: ("SC-12", "SI-7"), _PCI: ("3.6.1.1",)}, ours=True)
_DRIFT = Controls({_NIST: ("CM-2", "CM-3", "CM-6"), _PCI: ("6.5.1",), "SOC 2": ("CC8.1",)}, ours=True)
_PRIVILEGE = Controls({_MCSB: ("IM-3",), _NIST: ("AC-6", "IA-5"), _PCI: ("7.2", "8.6")}, ours=True)

_WIDER = tuple(
    prerequisites.OF_NOTES[note] for note in ("hsm_crypto_officer", "crypto_officer_wider", "wider_than_needed")
)
_KINDS = (
    (
        _TLS,
        (
            catalog.TLS_MODE,
            catalog.TLS_HOST,
            catalog.CA_ENDED,
            catalog.CA_ENDS,
            catalog.CA_UNREADABLE,
            catalog.CLIENT_ENDED,
            catalog.CLIENT_ENDS,
            catalog.CLIENT_UNREADABLE,
        ),
    ),
    (
        _CREDENTIAL,
        (
            catalog.CREDENTIAL_ENDED,
            catalog.CREDENTIAL_ENDS,
            catalog.CREDENTIAL_GONE,
            catalog.CREDENTIAL_UNKNOWN,
            prerequisites.EXPIRED,
            prerequisites.ENDS_SOON,
            prerequisites.NO_CREDENTIAL,
            prerequisites.CERTIFICATE_INVALID,
            prerequisites.CERTIFICATE_ENDS,
            prerequisites.CERTIFICATE_FOREIGN,
            catalog.APP_SECRET,
            catalog.APP_UNKNOWN,
        ),
    ),
    (
        _PRIVILEGE,
        (catalog.OPERATOR, prerequisites.CONSENT_FOR_ALL, *prerequisites.OF_POWERS.values(), *_WIDER),
    ),
    (_DELETION, (prerequisites.NO_PURGE_PROTECTION, prerequisites.NO_SOFT_DELETE)),
    (_RBAC, (catalog.ACCESS_POLICIES, prerequisites.MODEL_NOT_STATED, prerequisites.OF_NOTES["permission_model"])),
    (_NETWORK, (catalog.OPEN_NETWORK,)),
    (
        _DRIFT,
        (
            catalog.NOT_DECLARED,
            catalog.DECLARED_MISSING,
            *catalog.DIFFERS.values(),
            catalog.NOT_SEEN[catalog.DRIFT],
        ),
    ),
    (_KEY_EXPIRY, (catalog.KEYS_ENDED,)),
    (
        _LINK,
        (
            catalog.NOT_CONNECTED,
            catalog.NOT_TESTED,
            catalog.ONLY_AZURE,
            catalog.VERSION_ONLY_AZURE,
            catalog.ONLY_DSM,
            catalog.ENABLED_DIFFERS,
            catalog.KEYS_UNIDENTIFIED,
            catalog.VERSIONS_NOT_READ,
            catalog.NOT_SEEN[catalog.KEYS],
        ),
    ),
)
# Finding ID -> its controls. Findings that are not here bear on none that is known.
CONTROLS: Mapping[str, Controls] = {kind.id: controls for controls, kinds in _KINDS for kind in kinds}
