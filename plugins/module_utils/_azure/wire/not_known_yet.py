# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Answers of a server that does not know an object yet that was just created (Azure contract §3.1).

Entra, Microsoft Graph, Resource Manager and Key Vault answer from several servers, which learn of a change one after
the other. A request that refers to a new object may therefore be rejected as if the object did not exist, and
some of these answers look like a missing permission. ``TABLE`` is the only list of them; what is not in it is final.
Answers of Key Vault to DSM, which uses the keys: ``_dsm/link/lasting.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from ..._rest.entra_codes import EntraCause, refusals_in
from ..._rest.replacement import EQUAL_READS
from ..._rest.statuses import BAD_REQUEST, FORBIDDEN, NOT_FOUND
from ..._waiter import Patience
from .errors import AzureError
from .meanings import DIRECTORY_BUSY, GRAPH_DENIED, PRINCIPAL_NOT_FOUND

T = TypeVar("T")


class Reference(Enum):
    """A request that refers to an object that may be new."""

    PRINCIPAL = "the creation of a service principal for an application"
    DIRECTORY_OBJECT = "a change of an application or service principal, such as a new secret or certificate"
    RESTORED_APPLICATION = "the restoration of the service principal of a restored application"
    CONSENT = "a consent of a service principal"
    TOKEN = "a token with a new secret or certificate"
    ROLE_ASSIGNMENT = "the assignment of a role to a service principal"
    ACCESS_POLICY = "an access policy for a service principal"
    VAULT = "a role assignment or an access policy at a vault"


@dataclass(frozen=True)
class NotYet:
    """One answer, and what it may refer to.

    ``status``: None for any, and for the text of a login. ``code``: empty for any. ``words``: a part of the error text,
    as a regular expression; empty for any. ``causes``: of a refusal by Entra, one of which its text must have; empty
    for any.
    """

    references: tuple[Reference, ...]
    status: int | None = None
    code: str = ""
    words: str = ""
    causes: frozenset[EntraCause] = frozenset()

    def fits(self, status: int | None, code: str, words: str) -> bool:
        return (
            self.status in (None, status)
            and self.code in ("", code)
            and re.search(self.words, words, re.IGNORECASE) is not None
            and (not self.causes or any(one.cause in self.causes for one in refusals_in(words)))
        )


TABLE: tuple[NotYet, ...] = (
    # Microsoft Graph. github.com/hashicorp/terraform-provider-azuread, service_principal_resource.go (400 and 403) and
    # issues 581, 992; github.com/Azure/azure-cli, command_modules/role/custom.py, create_service_principal_for_rbac
    # (400, 403, "does not exist").
    NotYet((Reference.PRINCIPAL,), BAD_REQUEST, words="does not reference a valid application object"),
    NotYet(
        (Reference.PRINCIPAL,),
        FORBIDDEN,
        GRAPH_DENIED,
        "backing application of the service principal being created must in the local tenant",
    ),
    # 404 Request_ResourceNotFound: github.com/Azure/azure-sdk-for-java, pull request 30791 (service principal, secret);
    # github.com/microsoftgraph/msgraph-sdk-dotnet, issue 3108 (change of an application).
    NotYet(
        (Reference.PRINCIPAL, Reference.DIRECTORY_OBJECT, Reference.RESTORED_APPLICATION, Reference.CONSENT),
        NOT_FOUND,
    ),
    # Inferred from the first row: the service principal is restored after its application.
    NotYet((Reference.RESTORED_APPLICATION,), BAD_REQUEST),
    # github.com/hashicorp/terraform-provider-azuread, service_principal_delegated_permission_grant_resource.go.
    NotYet(
        (Reference.CONSENT,),
        BAD_REQUEST,
        words="does not exist or one of its queried reference-property objects are not present",
    ),
    # The directory applies another change first: nothing is unknown, but the same request may succeed soon.
    NotYet(
        (Reference.PRINCIPAL, Reference.DIRECTORY_OBJECT, Reference.RESTORED_APPLICATION, Reference.CONSENT),
        code=DIRECTORY_BUSY,
    ),
    # Entra. github.com/hashicorp/vault-plugin-secrets-azure, issue 57 (7000215); the others inferred from what
    # each cause says: no such application, key or secret. Microsoft may change the numbers (T20).
    NotYet(
        (Reference.TOKEN,),
        causes=frozenset(
            {
                EntraCause.SECRET_WRONG,
                EntraCause.APPLICATION_UNKNOWN,
                EntraCause.PRINCIPAL_UNKNOWN,
                EntraCause.CERTIFICATE_UNKNOWN,
                EntraCause.CREDENTIAL_REFUSED,
            }
        ),
    ),
    # Resource Manager. learn.microsoft.com, "Troubleshoot Azure RBAC" (PrincipalNotFound);
    # github.com/hashicorp/terraform-provider-azurerm, role_assignment_resource.go; azure-cli as above ("does not exist
    # in the directory"), although both send the type of the principal.
    NotYet((Reference.ROLE_ASSIGNMENT,), code=PRINCIPAL_NOT_FOUND),
    NotYet((Reference.ROLE_ASSIGNMENT,), BAD_REQUEST, words="does not exist in the directory"),
    # github.com/Azure/terraform-azurerm-caf-enterprise-scale, wiki "Troubleshooting" (404); 400 for an assignment.
    NotYet((Reference.ROLE_ASSIGNMENT,), code="RoleDefinitionDoesNotExist"),
    # github.com/Azure/azure-cli, tests of keyvault set-policy with an object ID that the directory does not have.
    NotYet((Reference.ACCESS_POLICY,), BAD_REQUEST, words="An invalid value was provided for 'accessPolicies'"),
    # Inferred: Resource Manager's reads lag too (Azure contract §1.2).
    NotYet((Reference.VAULT,), NOT_FOUND, "ResourceNotFound"),
)


def is_not_yet(error: Exception, *references: Reference) -> bool:
    """Whether a rejection may only mean that a server does not know a new object yet."""
    return isinstance(error, AzureError) and _fits(error.status, error.code, error.words, references)


def is_not_yet_in(words: str, *references: Reference) -> bool:
    """The same for the text of a refused login to Entra, which has no status of its own."""
    return _fits(None, "", words, references)


def _fits(status: int | None, code: str, words: str, references: tuple[Reference, ...]) -> bool:
    return any(set(one.references) & set(references) and one.fits(status, code, words) for one in TABLE)


def until_known(
    request: Callable[[], T],
    patience: Patience,
    *references: Reference,
    is_gone: Callable[[], bool] = lambda: False,
) -> T:
    """Repeat a request while its rejection may only mean that a server does not know a new object yet.

    Args:
        request: Sends it once. The rejections that are waited for have changed nothing.
        patience: The time limit.
        references: What it refers to.
        is_gone: Whether a read shows no such object. After several such reads in a row, it was deleted in the meantime.

    Raises:
        AzureError: the request is rejected for another reason, the time is over (`retryable`), or the object was
            deleted in the meantime.
    """
    gone = 0
    while True:
        try:
            return request()
        except AzureError as error:
            if not is_not_yet(error, *references):
                raise
            gone = gone + 1 if is_gone() else 0
            if gone >= EQUAL_READS:
                raise
            if not patience.pause():
                # Another run waits again.
                error.details.setdefault("retryable", True)
                raise
