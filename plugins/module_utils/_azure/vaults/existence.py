# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Whether a vault that was not found has been deleted, or is only not visible to the operator. Reads only.

Resource Manager answers 404 only to identities with read permission; others get 403. A list shows what the operator can
read, and is complete if the operator can read everything in the subscription.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..authorization import role_assignments
from ..rights.evaluation import grants
from ..rights.facts import MANAGED_HSM, VAULT, RoleDefinition
from ..rights.roles import HSMS_READ, VAULTS_READ
from ..wire.errors import AzureError
from ..wire.meanings import GROUP_NOT_FOUND, RESOURCE_NOT_FOUND
from ..wire.session import Azure
from . import vault_lookup
from .vault_lookup import Locator, VaultAddress

_CODES = frozenset({RESOURCE_NOT_FOUND, GROUP_NOT_FOUND})
_READS: dict[str, str] = {VAULT: VAULTS_READ, MANAGED_HSM: HSMS_READ}
# One answer without the vault may be incomplete or stale.
_LOOKS = 2


def is_gone(azure: Azure, locator: Locator) -> bool:
    """Whether it is certain that the vault no longer exists.

    Never for a vault that is selected by its tags: they may have been changed.

    Raises:
        AzureError: a service does not answer.
    """
    if locator.tags:
        return False
    places = _places(azure, locator)
    if not places and not _sees_all(azure, locator):
        return False
    look = partial(_is_one_there, azure, locator, places) if places else partial(_is_listed, azure, locator)
    return not any(look() for _look in range(_LOOKS))


def record(azure: Azure, locator: Locator) -> dict[str, Any]:
    """The deleted vault, with the members of :func:`vaults.record`: None for what is no longer known."""
    places = _places(azure, locator)
    place = places[0] if places else None
    known = {
        "resource_id": place.resource_id if place else None,
        "name": place.name if place else locator.name,
        "uri": place.uri(azure.operator.cloud) if place else locator.uri,
    }
    names = ("type", "location", "tenant_id", "permission_model", "soft_delete", "retention_days", "purge_protection")
    return {**known, **dict.fromkeys(names), "activation": None, "planned": False, "exists": False}


def _places(azure: Azure, locator: Locator) -> list[VaultAddress]:
    """Where it can be: a name with its resource group may be a vault or a managed HSM. Empty if only lists show it."""
    if locator.resource_id is not None:
        place = VaultAddress.parse(locator.resource_id)
        return [] if place is None else [place]
    if locator.name is None or locator.resource_group is None:
        return []
    kinds = [kind for kind in _READS if locator.kind in (None, kind)]
    return [VaultAddress(azure.operator.subscription, locator.resource_group, kind, locator.name) for kind in kinds]


def _is_one_there(azure: Azure, locator: Locator, places: Sequence[VaultAddress]) -> bool:
    return any(_is_there(azure, locator, place) for place in places)


def _is_there(azure: Azure, locator: Locator, place: VaultAddress) -> bool:
    try:
        azure.arm.get(place.resource_id, obj=f"vault ({locator})", query=vault_lookup.API)
    except AzureError as error:
        if error.code not in _CODES:
            raise
        return False
    return True


def _is_listed(azure: Azure, locator: Locator) -> bool:
    kinds = [kind for kind in _READS if locator.kind in (None, kind)]
    subscription = azure.operator.subscription
    return any(locator.fits(entry) for kind in kinds for entry in vault_lookup.list_all(azure.arm, kind, subscription))


def _sees_all(azure: Azure, locator: Locator) -> bool:
    """Whether the operator can read every vault of the subscription, so that none is missing from a list."""
    held = role_assignments.callers_permissions(azure.arm, f"/subscriptions/{azure.operator.subscription}")
    everything = RoleDefinition("", "", held)
    needed = [action for kind, action in _READS.items() if locator.kind in (None, kind)]
    return all(grants(everything, action, data=False) for action in needed)
