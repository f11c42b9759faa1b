# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What is decided between the steps of a set-up, for the filters and lookups of the role cdc_setup. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils._declaration import arguments
from ..module_utils._declaration.applications import CREDENTIAL
from ..module_utils._declaration.arguments import Earlier
from ..module_utils._declaration.steps import (
    application_selector,
    chosen_vault,
    groups_in_approval,
    line,
    summary,
    sync_conditions,
)
from ._bare import bare

__all__ = [
    "NOT_NOTED",
    "application_selector",
    "chosen_vault",
    "groups_in_approval",
    "line",
    "noted_group",
    "summary",
    "sync_conditions",
]

# Options of a group that are not part of the fact about it: secrets, and what may hold one by mistake.
NOT_NOTED = frozenset(
    {
        "link_client_secret",
        "link_certificate",
        "link_private_key",
        "link_private_key_passphrase",
        "tls",
        "app_certificate",
    }
)


def noted_group(declared: Mapping[str, Any], made: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """What the tasks for one group need, without any secret.

    Args:
        declared: the options of the group that are set; those of :data:`NOT_NOTED` are only looked at.
        made: results of earlier tasks by ``application``, ``vault``, ``rights`` and ``credential``, empty if none ran.
        check_mode: whether the run is in check mode.

    Returns:
        The options, and: ``cloud``: of the operator, where it is not the public one. ``client_id``: of the application.
        ``pair``: the files of a generated certificate. ``credential``: options of cdc_credential, where it creates one.
        ``planned``: of :func:`planned_parts`. ``chosen_vault``: for DSM. ``link_vault``: the same, planned where the
        link cannot see it yet. ``new_group``: for cdc_credential. ``has_tls``.
    """
    earlier = Earlier(
        check_mode=check_mode,
        **{name: made.get(name) or {} for name in ("application", "vault", "rights", "credential")},
        gives_certificate="link_certificate" in declared,
    )
    known = {name: bare(value) for name, value in declared.items() if name not in NOT_NOTED}
    application = known.pop("application", {})
    found = {
        **known,
        "client_id": earlier.client_id(known),
        "pair": earlier.secrets({"application": application}),
        "planned": earlier.planned,
        "chosen_vault": earlier.vault_in_dsm(known),
        "link_vault": earlier.vault_in_dsm(known, planned=bool(earlier.planned["vault"])),
        "new_group": arguments.new_group(known, earlier),
        "has_tls": bool(declared.get("tls")),
    }
    if "credential" in application:
        given = application["credential"]
        found["credential"] = {name: given[name] for name in CREDENTIAL if given.get(name) is not None}
    if known.get("azure_service") == "us_government":
        found["cloud"] = "AzureUSGovernment"
    return {name: value for name, value in found.items() if value is not None}
