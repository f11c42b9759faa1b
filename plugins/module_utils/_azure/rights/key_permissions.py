# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Key permissions: those of the guide, what `all` covers, and the data action of each. Pure.

Azure contract §1.8.
"""

from __future__ import annotations

# Guide 4.2, in its order.
GUIDE_PERMISSIONS = ("get", "list", "update", "create", "import", "delete", "recover", "backup", "restore", "purge")


# What the permission `all` of an access policy includes: Azure excludes purge deliberately (T8b). Permissions that are
# newer than `all` (release, rotate, ...) are not included either: it is not documented that `all` contains them.
COVERED_BY_ALL = frozenset(GUIDE_PERMISSIONS) - {"purge"} | {
    "encrypt",
    "decrypt",
    "wrapkey",
    "unwrapkey",
    "sign",
    "verify",
}


_VAULT = "Microsoft.KeyVault/vaults"


VAULT_DATA_ACTIONS = {
    "get": f"{_VAULT}/keys/read",
    "list": f"{_VAULT}/keys/read",
    "update": f"{_VAULT}/keys/update/action",
    "create": f"{_VAULT}/keys/create/action",
    "import": f"{_VAULT}/keys/import/action",
    "delete": f"{_VAULT}/keys/delete",
    "recover": f"{_VAULT}/keys/recover/action",
    "backup": f"{_VAULT}/keys/backup/action",
    "restore": f"{_VAULT}/keys/restore/action",
    "purge": f"{_VAULT}/keys/purge/action",
    "encrypt": f"{_VAULT}/keys/encrypt/action",
    "decrypt": f"{_VAULT}/keys/decrypt/action",
    "wrapkey": f"{_VAULT}/keys/wrap/action",
    "unwrapkey": f"{_VAULT}/keys/unwrap/action",
    "sign": f"{_VAULT}/keys/sign/action",
    "verify": f"{_VAULT}/keys/verify/action",
    "release": f"{_VAULT}/keys/release/action",
    "rotate": f"{_VAULT}/keys/rotate/action",
    "getrotationpolicy": f"{_VAULT}/keyrotationpolicies/read",
    "setrotationpolicy": f"{_VAULT}/keyrotationpolicies/write",
}


_HSM = "Microsoft.KeyVault/managedHsm"


HSM_DATA_ACTIONS = {
    "get": f"{_HSM}/keys/read/action",
    "list": f"{_HSM}/keys/read/action",
    "update": f"{_HSM}/keys/write/action",
    "create": f"{_HSM}/keys/create",
    "import": f"{_HSM}/keys/import/action",
    "delete": f"{_HSM}/keys/delete",
    "recover": f"{_HSM}/keys/deletedKeys/recover/action",
    "backup": f"{_HSM}/keys/backup/action",
    "restore": f"{_HSM}/keys/restore/action",
    "purge": f"{_HSM}/keys/deletedKeys/delete",
    "encrypt": f"{_HSM}/keys/encrypt/action",
    "decrypt": f"{_HSM}/keys/decrypt/action",
    "wrapkey": f"{_HSM}/keys/wrap/action",
    "unwrapkey": f"{_HSM}/keys/unwrap/action",
    "sign": f"{_HSM}/keys/sign/action",
    "verify": f"{_HSM}/keys/verify/action",
    "release": f"{_HSM}/keys/release/action",
    "rotate": f"{_HSM}/keys/rotate/action",
}


def data_action(permission: str, *, hsm: bool) -> str | None:
    """The data action that corresponds to a key permission; None for a name without one."""
    return (HSM_DATA_ACTIONS if hsm else VAULT_DATA_ACTIONS).get(permission)
