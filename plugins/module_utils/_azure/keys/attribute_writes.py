# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Changes attributes of one version of a key in a vault or a Managed HSM (Azure contract §1.11). Never its material."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from ..._rest.statuses import FORBIDDEN
from ..wire import writes
from ..wire.channel import Channel
from ..wire.errors import AzureError
from ..wire.shapes import KEY_BUNDLE


def update(
    vault: Channel,
    name: str,
    version: str,
    label: str,
    *,
    enabled: bool | None = None,
    not_before: datetime | None = None,
    expires: datetime | None = None,
    operations: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Set what is not None. ``operations``: Azure's names. ``tags``: all that the version has afterwards.

    The request is idempotent, and is repeated after a temporary failure.

    Args:
        label: of the vault, for messages.

    Raises:
        AzureError: the operator has no permission, or the vault rejects it.
    """
    send = partial(
        vault.sdk.update_key_properties,
        name,
        version,
        enabled=enabled,
        not_before=not_before,
        expires_on=expires,
        key_operations=None if operations is None else list(operations),
        tags=None if tags is None else dict(tags),
    )
    try:
        writes.repeated(partial(vault.write, send, obj=f"version {version} of key {name} of {label}", shape=KEY_BUNDLE))
    except AzureError as error:
        if error.status != FORBIDDEN:
            raise
        raise error.reworded(
            error.problem,
            next_step="grant the operator permission to update keys in the vault (keys/update; Crypto User in a "
            "Managed HSM), or make the change in Azure",
        ) from None
