# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether Entra accepts a new credential of an application yet (Azure contract §2 T20, §3).

The only place where the collection itself signs in as the application of DSM: once, with a credential that it has just
created, to verify the credential before it is sent to DSM. The token is discarded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ... import _deps
from ..._waiter import Patience
from ..wire.credential import Operator, login_options
from ..wire.errors import AzureError
from ..wire.meanings import Lasts, Sign
from ..wire.not_known_yet import Reference, is_not_yet_in
from ..wire.sdk_failures import UNREADABLE, entra_meanings, without_trace


@dataclass(frozen=True)
class NewLogin:
    """An application with a credential that was just created: a secret, or certificate and key as PEM."""

    tenant_id: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    pem: bytes | None = field(default=None, repr=False)

    def credential(self, operator: Operator) -> Any:
        """A TokenCredential of azure-identity for it, in the operator's cloud."""
        identity = _deps.load("azure.identity")
        settings = login_options(operator.network, operator.cloud, operator.clock)
        if self.secret is not None:
            return identity.ClientSecretCredential(self.tenant_id, self.client_id, self.secret, **settings)
        return identity.CertificateCredential(self.tenant_id, self.client_id, certificate_data=self.pem, **settings)


def wait_until_taken(login: NewLogin, operator: Operator, patience: Patience, warn: Callable[[str], None]) -> bool:
    """Sign in until it works; False if this cannot be tested from here.

    Raises:
        AzureError: Entra refuses for another reason than a credential that it does not know yet, or the time is over.
    """
    credential = login.credential(operator)
    base_class = _deps.load("azure.core.exceptions").AzureError
    while True:
        try:
            credential.get_token(operator.cloud.arm_scope)
        except base_class as error:
            words = without_trace(str(error))
        except UNREADABLE as error:
            # Its text may contain parts of the answer, and so of a token.
            words = f"the response cannot be read ({type(error).__name__})"
        else:
            return True
        meanings = entra_meanings(words)
        signs = {meaning.sign for meaning in meanings}
        # A refusal of this machine's address does not apply to DSM's (T35).
        if Sign.OWN_ADDRESS in signs:
            warn(
                "A Conditional Access policy blocks sign-ins of the application from this machine, so only DSM's "
                "own test can show whether the new credential works."
            )
            return False
        if all(meaning.lasts is Lasts.UNTIL_RECOVERED for meaning in meanings):
            # Entra has not refused it: it was not reached, or is unavailable.
            if patience.pause():
                continue
            raise AzureError(
                "it could not be verified that Entra accepts the new credential",
                plane="Entra",
                obj=f"application {login.client_id}",
                words=words,
                next_step="run the task again when Entra is reachable",
                retryable=True,
            )
        # The replicas of Entra lag: one may not know a new secret, certificate or application yet.
        if not is_not_yet_in(words, Reference.TOKEN) or not patience.pause():
            clock = operator.clock.compared(None, "Entra") if Sign.WRONG_CLOCK in signs else ""
            advice = (
                "fix the cause in the error text; if Entra only does not know the credential yet, increase wait_timeout"
            )
            raise AzureError(
                "Entra rejects the new credential",
                plane="Entra",
                obj=f"application {login.client_id}",
                words=words,
                next_step=f"synchronize the clock that is wrong (NTP): {clock}" if clock else advice,
            )
