# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Objects that earlier steps of a setup have only planned, and that later steps need. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._plan import NOT_YET_KNOWN


def planned_parts(made: Mapping[str, Any], *, check_mode: bool) -> dict[str, bool | str]:
    """What later steps must treat as existing in check mode; all false outside of check mode.

    Args:
        made: the results of the earlier tasks by ``application`` (azure_kv_app), ``vault`` (azure_kv_vault), ``rights``
            (azure_kv_prereqs) and ``credential`` (cdc_credential), each empty where it has not run; and whether the
            link ``gives_certificate``.
        check_mode: whether the run is in check mode.

    Returns:
        ``principal``: the application has no service principal yet. ``client_id``: placeholder for its client ID when
        permissions are granted, else False. ``registration``: a credential is still to be registered. ``credential``:
        that credential is the link's. ``vault``: the link cannot see the vault yet. ``link``: it cannot be tested yet.
    """
    application, vault, rights, credential = (
        made.get(name) or {} for name in ("application", "vault", "rights", "credential")
    )
    record = application.get("application") or {}
    principal = record.get("object_id") == NOT_YET_KNOWN
    registration = bool(application.get("credential_planned"))
    of_pair = application.get("certificate")
    new_groups = any(group.get("planned") for group in credential.get("new_groups") or ())
    of_link = new_groups or (registration and bool(of_pair or made.get("gives_certificate")))
    unseen = principal or registration or new_groups or bool(vault.get("changed") or rights.get("changed"))
    parts = {
        "principal": principal,
        "client_id": principal and NOT_YET_KNOWN,
        "registration": registration,
        "credential": of_link,
        "vault": unseen,
        "link": unseen or bool(credential.get("changed")),
    }
    return {name: check_mode and planned for name, planned in parts.items()}
