# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether it helps to wait after a failed test or sync. Pure.

Right after a change, Azure may still reject what it will accept minutes later: a new credential, role or access policy,
the name of a new vault (Azure contract §3.1). Other rejections last until somebody corrects their cause.
"""

from __future__ import annotations

from .diagnosis import diagnose, is_of_azure
from .diagnosis_classes import ClassId

_LASTING: frozenset[ClassId] = frozenset(
    {
        "secret-expired",
        "certificate-expired",
        "certificate-revoked",
        "assertion-outside-time",
        "tenant-unknown",
        "tenant-blocked",
        "tenant-restricted",
        "application-disabled",
        "conditional-access",
        "subscription-unknown",
        "subscription-of-other-tenant",
        "subscription-disabled",
        "provider-not-registered",
        "firewall-blocks-dsm",
        "denied-by-assignment",
        "hsm-not-activated",
        "vault-in-foreign-tenant",
        "token-audience",
        "vault-type-differs",
        "wrong-cloud",
        "tls-client-certificate-required",
        "tls-client-certificate-refused",
        "tls-host-mismatch",
        "tls-server-certificate-expired",
        "tls-unknown-ca",
        "tls-certificate-refused",
    }
)


def lasts(words: str, status: int | None, *, about_caller: bool = False) -> bool:
    """Whether the cause of a rejection lasts until it is corrected.

    ``about_caller``: whether the status may be about this client instead of DSM's access to Azure; then it lasts unless
    the text is Azure's.
    """
    if about_caller and not is_of_azure(words, status or 0):
        return True
    return diagnose(words, status).id in _LASTING
