# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a vault or pool, by its names, as Resource Manager lists it (Azure contract §1.2, keys through ARM).

Rights in Azure decide, and neither those in the vault nor its firewall.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from aiohttp import web

from ...wire import json_response
from ..service import Service, page_of
from ..vaults import KeyStore
from .plane import ArmPlane, not_found

_BASE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault"


def add_contents_routes(app: web.Application, service: Service) -> None:
    plane = Contents(service)
    for segment, kind in (("vaults", "keys"), ("vaults", "secrets"), ("managedHSMs", "keys")):
        app.router.add_get(f"{_BASE}/{segment}/{{name}}/{kind}", partial(plane.listed, segment, kind))


class Contents(ArmPlane):
    async def listed(self, segment: str, kind: str, request: web.Request) -> web.Response:
        caller = self._caller(request)
        names = request.match_info
        subscription = self._subscription(names["subscription"], caller)
        scope = (
            f"{subscription.scope}/resourceGroups/{names['group']}/providers/Microsoft.KeyVault/{segment}"
            f"/{names['name']}"
        )
        self._require(caller, f"Microsoft.KeyVault/{segment}/{kind}/read", scope)
        store: KeyStore | None = (self._state.vaults if segment == "vaults" else self._state.managed_hsms).get(
            names["name"].lower()
        )
        if store is None or store.resource_id.lower() != scope.lower():
            raise not_found(segment, names["name"], names["group"])
        held: Sequence[str] = sorted(store.secrets if kind == "secrets" else [key.name for key in store.keys.values()])
        shown = partial(_item_json, store.resource_id, f"Microsoft.KeyVault/{segment}/{kind}")
        return json_response(page_of(held, request, self._state.arm_page_size, shown, "$top"))


def _item_json(resource_id: str, kind: str, name: str) -> dict[str, str]:
    return {"id": f"{resource_id}/{kind.rpartition('/')[2]}/{name}", "name": name, "type": kind}
