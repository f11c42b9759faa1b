# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key Vault's data plane: the routes of keys, with the rights enforced (Azure contract §1.9, §1.11)."""

from __future__ import annotations

from aiohttp import web

from ..service import Service, application
from .key_copies import KeyCopies
from .key_endings import KeyEndings
from .key_reads import KeyReads


def key_vault_application(service: Service) -> web.Application:
    return keys_application(KeyVault(service), service)


class KeyVault(KeyReads, KeyCopies, KeyEndings):
    """Keys of vaults."""


def keys_application(vaults: KeyVault, service: Service) -> web.Application:
    """The key routes, which vaults and managed HSMs have in common."""
    app = application("vault", service)
    add = app.router
    add.add_get("/keys", vaults.list_keys)
    add.add_get("/keys/{name}/versions", vaults.versions)
    # A client that wants the current version sends an empty version segment.
    add.add_get("/keys/{name}", vaults.get)
    add.add_get("/keys/{name}/", vaults.get)
    add.add_get("/keys/{name}/rotationpolicy", vaults.rotation_policy)
    add.add_get("/keys/{name}/{version}", vaults.get)
    add.add_post("/keys/{name}/create", vaults.create)
    add.add_put("/keys/{name}", vaults.import_)
    for place in ("/keys/{name}", "/keys/{name}/", "/keys/{name}/{version}"):
        add.add_patch(place, vaults.update)
    add.add_post("/keys/{name}/backup", vaults.backup)
    add.add_post("/keys/restore", vaults.restore)
    add.add_post("/keys/{name}/rotate", vaults.rotate)
    add.add_put("/keys/{name}/rotationpolicy", vaults.set_rotation_policy)
    for place in ("/keys/{name}/release", "/keys/{name}//release", "/keys/{name}/{version}/release"):
        add.add_post(place, vaults.release)
    add.add_delete("/keys/{name}", vaults.delete)
    add.add_get("/deletedkeys", vaults.list_deleted)
    add.add_get("/deletedkeys/{name}", vaults.get_deleted)
    add.add_delete("/deletedkeys/{name}", vaults.purge)
    add.add_post("/deletedkeys/{name}/recover", vaults.recover)
    return app
