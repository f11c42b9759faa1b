# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The group that a task uses: by name, by ID, or as the record that an earlier task returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._errors import InvalidInput, TaskError
from ..._ids import checked_uuid
from ..link.azure_link import NEW_LINK, Link
from ..link.tls import TlsSettings
from ..wire.client import DsmClient
from ..wire.kinds import KIND
from . import stored_groups
from .stored_groups import CREDENTIAL_FACT, Group

_LONGEST_NAME = 4096


@dataclass(frozen=True)
class Selection:
    """Exactly one of name and ID, or a record (which has both, or only a name while it is planned)."""

    name: str | None = None
    group_id: str | None = None
    record: Mapping[str, Any] | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Selection:
        """From the options ``group_name``, ``group_id``, ``group``.

        Raises:
            InvalidInput: the name or ID is not valid, or the record was not returned by a module of this collection.
        """
        if params.get("group") is None:
            return cls(
                name=checked_name("group_name", params["group_name"]) if params.get("group_name") is not None else None,
                group_id=checked_uuid("group_id", params["group_id"]) if params.get("group_id") is not None else None,
            )
        record = params["group"]
        wrong = _wrong_parts(record)
        if wrong:
            raise InvalidInput(
                "group",
                f"it is not a `group` that a task returned: {', '.join(wrong)} missing or of the wrong type",
                "set it to the `group` that fortanix.dsm.cdc_group returned, or use group_name or group_id",
            )
        if not record["exists"] and not record["group_id"] and not record["planned"] and record["link"]:
            raise InvalidInput(
                "group",
                "its creation waits for an approval, so the group does not exist yet",
                "have the approvers decide and run the play again; or skip the later tasks while `pending` is true",
            )
        if not record["exists"] and (record["group_id"] or not record["planned"] or not record["link"]):
            raise InvalidInput("group", "it is the result of a task that deleted the group", "use a group that exists")
        group_id = checked_uuid("group.group_id", record["group_id"]) if record["group_id"] else None
        return cls(name=checked_name("group.name", record["name"]), group_id=group_id, record=record)


def checked_name(option: str, name: str) -> str:
    """The name, unchanged.

    Raises:
        InvalidInput: DSM accepts names of 1 to 4096 characters on one line (DSM contract §0).
    """
    if not name.strip():
        raise InvalidInput(option, "it is blank", "set the name of the group")
    if len(name) > _LONGEST_NAME:
        raise InvalidInput(option, f"it has {len(name)} characters", f"set a name of at most {_LONGEST_NAME}")
    if "\n" in name or "\r" in name:
        raise InvalidInput(option, "it contains a line break", "write it on one line")
    return name


def _wrong_parts(record: Mapping[str, Any]) -> list[str]:
    """The parts of a record that are missing or that no module of this collection returns."""
    optional_text, optional_mapping = (str, type(None)), (Mapping, type(None))
    kinds: dict[str, Any] = {
        "group_id": optional_text,
        "name": str,
        "exists": bool,
        "planned": bool,
        "link": optional_mapping,
    }
    wrong = [name for name, kind in kinds.items() if name not in record or not isinstance(record[name], kind)]
    if wrong or record["link"] is None:
        return wrong
    link = record["link"]
    texts = ("azure_service", "tenant_id", "client_id", "subscription_id", "credential_match")
    wrong = [f"link.{name}" for name in texts if not isinstance(link.get(name), str)]
    wrong += [] if isinstance(link.get("auth_mode"), optional_text) else ["link.auth_mode"]
    wrong += [] if _is_tls_record(link.get("tls")) else ["link.tls"]
    vault = link.get("vault")
    if not isinstance(vault, Mapping):
        return [*wrong, "link.vault"]
    return wrong + [f"link.vault.{name}" for name in ("uri", "type") if not isinstance(vault.get(name), optional_text)]


def _is_tls_record(tls: Any) -> bool:
    """Whether this is the ``tls`` of a record, with certificates in PEM format."""
    if not isinstance(tls, Mapping) or not isinstance(tls.get("validate_host"), bool):
        return False
    texts = [tls.get(name) for name in ("mode", "ca", "client_certificate")]
    if not all(isinstance(text, (str, type(None))) for text in texts) or not isinstance(
        tls.get("ca_certificates"), list
    ):
        return False
    try:
        TlsSettings.from_record(tls)
    except (ValueError, TypeError):
        return False
    return True


def resolve(dsm: DsmClient, selection: Selection, *, check_mode: bool) -> Group:
    """The group as it is, or as an earlier step of a run in check mode has planned it.

    Raises:
        TaskError: the group does not exist, or has no Azure link.
    """
    record = selection.record
    planned = check_mode and record is not None and bool(record["planned"])
    if planned and record is not None and selection.group_id is None:
        return _planned(record)
    stored = _stored(dsm, selection)
    if stored is None:
        raise TaskError(
            "the group does not exist, or this DSM identity does not see it",
            plane="DSM",
            obj=describe(selection),
            next_step="check the name or ID and the account, or create the group with fortanix.dsm.cdc_group",
        )
    group = linked(Group.from_stored(stored))
    return _overlaid(group, record) if planned and record is not None else group


def describe(selection: Selection) -> str:
    return f'group "{selection.name}"' if selection.name else f"group {selection.group_id}"


def linked(group: Group) -> Group:
    """The group, if it has an Azure link.

    Raises:
        TaskError: it is local, or linked to something else. This collection never changes such a group.
    """
    if group.link is not None:
        return group
    raise TaskError(
        f"the group is linked to {group.external_kms}, not to Azure Key Vault"
        if group.external_kms
        else "the group is a local group, not linked to Azure Key Vault",
        plane="DSM",
        obj=f"{group.label} ({group.group_id})",
        next_step="choose another group; this collection never converts an existing group to another kind",
    )


def _stored(dsm: DsmClient, selection: Selection) -> dict[str, Any] | None:
    if selection.group_id:
        return stored_groups.get(dsm, selection.group_id)
    return stored_groups.find_by_name(dsm, str(selection.name))


def _planned(record: Mapping[str, Any]) -> Group:
    return Group(
        name=str(record["name"]),
        description=str(record.get("description") or ""),
        custom_metadata=_metadata(record, {}),
        external_kms=KIND,
        link=_link(record["link"], NEW_LINK),
        planned=True,
    )


def _overlaid(group: Group, record: Mapping[str, Any]) -> Group:
    """The stored group with the planned changes of the record. What the record does not contain is kept."""
    return replace(
        group,
        name=str(record["name"]),
        description=str(record.get("description") or ""),
        custom_metadata=_metadata(record, group.custom_metadata),
        link=_link(record["link"], group.azure_link),
        planned=True,
    )


def _link(planned: Mapping[str, Any], base: Link) -> Link:
    return replace(
        base,
        azure_service=planned["azure_service"],
        tenant_id=planned["tenant_id"],
        client_id=planned["client_id"],
        subscription_id=planned["subscription_id"],
        auth_mode=planned["auth_mode"],
        vault_uri=planned["vault"]["uri"] or "",
        vault_type=planned["vault"]["type"],
        tls=TlsSettings.from_record(planned["tls"]),
    )


def _metadata(record: Mapping[str, Any], stored: Mapping[str, str]) -> dict[str, str]:
    reserved = {key: value for key, value in stored.items() if key.startswith(stored_groups.RESERVED_PREFIX)}
    if record["link"]["credential_match"] == "recorded":
        reserved.setdefault(CREDENTIAL_FACT, "planned")
    return {**dict(record.get("custom_metadata") or {}), **reserved}
