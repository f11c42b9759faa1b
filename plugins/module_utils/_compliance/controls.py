# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The controls of published standards that a finding is relevant to. No I/O.

If Azure has a built-in policy for the same subject, the controls are those of Azure's regulatory initiatives for that
policy. This collection maps all others (``ours``); an auditor must confirm them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._findings import catalog


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

_KINDS = (
    (
        _TLS,
        (
            catalog.TLS_NOT_REQUIRED,
            catalog.HOST_VALIDATION_OFF,
            catalog.PINNED_CA_NOT_VALID,
            catalog.PINNED_CA_EXPIRES_SOON,
            catalog.PINNED_CA_UNREADABLE,
            catalog.TLS_CLIENT_CERTIFICATE_NOT_VALID,
            catalog.TLS_CLIENT_CERTIFICATE_EXPIRES_SOON,
            catalog.TLS_CLIENT_CERTIFICATE_UNREADABLE,
        ),
    ),
    (
        _CREDENTIAL,
        (
            catalog.LINK_CREDENTIAL_NOT_VALID,
            catalog.LINK_CREDENTIAL_EXPIRES_SOON,
            catalog.LINK_CREDENTIAL_NOT_IN_ENTRA,
            catalog.LINK_CREDENTIAL_EXPIRY_UNKNOWN,
            catalog.CREDENTIALS_EXPIRED,
            catalog.CREDENTIALS_EXPIRE_SOON,
            catalog.NO_CREDENTIAL,
            catalog.APP_WITHOUT_CERTIFICATE,
            catalog.APP_LOGIN_UNKNOWN,
        ),
    ),
    (
        _PRIVILEGE,
        (
            catalog.OPERATOR_IS_THE_APPLICATION,
            catalog.CONSENT_FOR_ALL_USERS,
            catalog.APP_CAN_ASSIGN_ROLES,
            catalog.APP_IS_OWNER_OR_CONTRIBUTOR,
            catalog.APP_CAN_CHANGE_ACCESS_POLICIES,
            catalog.APP_MAY_USE_KEYS,
            catalog.APP_CAN_ADMINISTER_HSM,
            catalog.WIDER_THAN_NEEDED,
        ),
    ),
    (_DELETION, (catalog.NO_PURGE_PROTECTION, catalog.NO_SOFT_DELETE)),
    (
        _RBAC,
        (catalog.VAULT_USES_ACCESS_POLICIES, catalog.PERMISSION_MODEL_NOT_STATED, catalog.PERMISSION_MODEL_DIFFERS),
    ),
    (_NETWORK, (catalog.VAULT_OPEN_TO_ALL_NETWORKS,)),
    (
        _DRIFT,
        (
            catalog.GROUP_NOT_DECLARED,
            catalog.DECLARED_GROUP_MISSING,
            *catalog.DIFFERS.values(),
            catalog.NOT_CHECKED[catalog.DRIFT],
        ),
    ),
    (_KEY_EXPIRY, (catalog.KEYS_EXPIRED_IN_AZURE,)),
    (
        _LINK,
        (
            catalog.NOT_CONNECTED,
            catalog.CONNECTION_NOT_TESTED,
            catalog.KEYS_ONLY_IN_AZURE,
            catalog.KEY_VERSIONS_ONLY_IN_AZURE,
            catalog.KEYS_ONLY_IN_DSM,
            catalog.KEYS_ENABLED_DIFFERS,
            catalog.KEYS_NOT_IDENTIFIED,
            catalog.KEY_VERSIONS_NOT_READ,
            catalog.NOT_CHECKED[catalog.KEYS],
        ),
    ),
)
# Finding ID -> its controls. No relevant control is known for findings that are not listed.
CONTROLS: Mapping[str, Controls] = {kind.id: controls for controls, kinds in _KINDS for kind in kinds}
