# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Finds values that Azure stored differently than they were written, from the answer to the write.

An Azure Policy with the effect modify changes a request before the resource provider receives it, without a notice.
Source: learn.microsoft.com, "Azure Policy definitions modify effect".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._errors import TaskError, quoted
from ..._names import name_key
from ..rights.facts import MANAGED_HSM
from .vault_lookup import MODEL, VaultAddress
from .vault_settings import ACCESS_POLICY, RBAC, Changes, DesiredVault


class Rewritten(TaskError):
    """Azure stored another value than the one that was sent. The same request would have the same result."""


def refuse_rewritten(
    place: VaultAddress, before: Mapping[str, Any], answer: Mapping[str, Any], wanted: DesiredVault
) -> None:
    """Compare the answer to a write with the options: it shows the effect of that write.

    Reads may be stale; this answer belongs to the write itself. If it shows another value, waiting does not help.

    Args:
        place: The vault.
        before: Its body before the write; empty if there was none.
        answer: The body of the answer; empty if none was received.
        wanted: The options.

    Raises:
        Rewritten: names each option with the requested value and the one that Azure stored.
    """
    differs = differing(place.kind, before, answer, wanted)
    if not differs:
        return
    told = "; ".join(
        f"{name} is {quoted(found)}, but {quoted(asked)} was written"
        for name, (found, asked) in sorted(differs.items())
    )
    raise Rewritten(
        f"Azure stored other values than were written ({told}): an Azure Policy with the effect modify, or other "
        "automation in Azure, changes them",
        plane="Azure",
        obj=place.label,
        next_step="set the option to the value that is enforced in Azure, or have the owners of the policy create an "
        "exemption. Running the task again does not help",
        differing={name: {"written": asked, "shown": found} for name, (found, asked) in differs.items()},
    )


def differing(kind: str, before: Mapping[str, Any], answer: Mapping[str, Any], wanted: DesiredVault) -> Changes:
    """What differs between the answer to a write and the options: option -> shown value, requested value.

    Only what the answer states counts: it may lack anything, and lists may be incomplete. A managed HSM applies a
    change some time after it has accepted it, so the old value proves nothing there.
    """
    asked = {
        "type": None if kind == MANAGED_HSM else wanted.type,
        "permission_model": wanted.permission_model,
        "public_network_access": wanted.public_network_access,
        "default_action": wanted.default_action,
        **{f"tags.{name}": value for name, value in wanted.tags.items()},
    }
    shown, old = _stated(answer, wanted), _stated(before, wanted) if kind == MANAGED_HSM else {}
    return {
        name: (shown[name], value)
        for name, value in asked.items()
        if value is not None and name in shown and shown[name] not in (value, old.get(name))
    }


def _stated(body: Mapping[str, Any], wanted: DesiredVault) -> dict[str, Any]:
    """What a body states about options with one value, by their names, and about the requested tags."""
    properties = _part(body, "properties")
    sku, rules, model = _part(properties, "sku"), _part(properties, "networkAcls"), properties.get(MODEL)
    texts = {
        "type": sku.get("name"),
        "public_network_access": properties.get("publicNetworkAccess"),
        "default_action": rules.get("defaultAction"),
    }
    stated: dict[str, Any] = {name: text.lower() for name, text in texts.items() if isinstance(text, str) and text}
    if isinstance(model, bool):
        stated["permission_model"] = RBAC if model else ACCESS_POLICY
    tags = {name_key(name): value for name, value in _part(body, "tags").items() if isinstance(value, str)}
    return stated | {f"tags.{name}": tags[name_key(name)] for name in wanted.tags if name_key(name) in tags}


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}
