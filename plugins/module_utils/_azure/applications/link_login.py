# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether Entra takes a new credential of an application yet (Azure contract §2 T20, §3).

The only place where the collection itself logs in as the application that DSM logs in as: once, with a credential that
it has just made, to see it work before DSM is given it. The token is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ... import _deps
from ..._waiter import Patience
from ..wire.credential import Operator, clock_hooks
from ..wire.errors import AzureError, Lasts, Sign, meaning_of
from ..wire.sdk_failures import UNREADABLE, entra_codes, without_trace


@dataclass(frozen=True)
class NewLogin:
    """An application with a credential that was just made: a secret, or certificate and key as PEM."""

    tenant_id: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    pem: bytes | None = field(default=None, repr=False)

    def credential(self, operator: Operator) -> Any:
        """A TokenCredential of azure-identity for it, in the operator's cloud."""
        identity = _deps.load("azure.identity")
        settings = {**operator.network, **clock_hooks(operator.clock), "authority": operator.cloud.authority}
        if self.secret is not None:
            return identity.ClientSecretCredential(self.tenant_id, self.client_id, self.secret, **settings)
        return identity.CertificateCredential(self.tenant_id, self.client_id, certificate_data=self.pem, **settings)


def wait_until_taken(login: NewLogin, operator: Operator, patience: Patience, warn: Callable[[str], None]) -> bool:
    """Log in until it works; False where it cannot be told from here.

    Raises:
        AzureError: Entra refuses for another reason than that it has not heard of the credential, or the time is over.
    """
    credential = login.credential(operator)
    base_class = _deps.load("azure.core.exceptions").AzureError
    while True:
        try:
            credential.get_token(operator.cloud.arm_scope)
        except base_class as error:
            words = without_trace(str(error))
        except UNREADABLE as error:
            # Its text may have parts of the answer in it, and so of a token.
            words = f"the answer cannot be read ({type(error).__name__})"
        else:
            return True
        meanings = [meaning_of(code) for code in entra_codes(words)]
        signs = {meaning.sign for meaning in meanings}
        # A refusal of this machine's address says nothing of DSM's (T35).
        if Sign.OWN_ADDRESS in signs:
            warn(
                "A Conditional Access policy keeps the application from logging in from this machine, so that only "
                "DSM's own test shows whether the new credential works."
            )
            return False
        if all(meaning.lasts is Lasts.UNTIL_RECOVERED for meaning in meanings):
            # Entra has not refused it: it was not reached, or is in trouble.
            if patience.pause():
                continue
            raise AzureError(
                "it cannot be seen whether Entra takes the credential that was just made",
                plane="Entra",
                obj=f"application {login.client_id}",
                words=words,
                next_step="run the task again when Entra can be reached",
                retryable=True,
            )
        # Entra answers from several places: one may not have heard of a new secret, certificate or application.
        if Sign.NOT_KNOWN_YET not in signs or not patience.pause():
            clock = operator.clock.compared(None, "Entra") if Sign.WRONG_CLOCK in signs else ""
            advice = (
                "correct what Entra names; where it only does not know the credential yet, set a longer wait_timeout"
            )
            raise AzureError(
                "Entra does not take the credential that was just made",
                plane="Entra",
                obj=f"application {login.client_id}",
                words=words,
                next_step=f"synchronise the clock that is wrong (NTP): {clock}" if clock else advice,
            )
