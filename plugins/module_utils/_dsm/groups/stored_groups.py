# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Groups: the value, its record for results, and the requests that read and write it (DSM contract §2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..._errors import TaskError
from ..._names import same_name
from ..._rest.statuses import NOT_FOUND
from ..keys.virtual_keys import SyncedGroup
from ..link.azure_link import Link, vault_name_of
from ..wire import routes
from ..wire.client import DsmClient
from ..wire.errors import DsmError
from ..wire.kinds import KIND, is_azure
from ..wire.paging import PAGE, all_pages, items

# Reserved keys of custom_metadata: what this collection wrote last. Never shown, never accepted from a user.
RESERVED_PREFIX = "fortanix-dsm-ansible-"
CREDENTIAL_FACT = RESERVED_PREFIX + "link-credential"
CREDENTIAL_EXPIRES = RESERVED_PREFIX + "link-credential-expires"
TLS_CLIENT_FACT = RESERVED_PREFIX + "tls-client-certificate"
# The ID, in Entra, of the credential that the recorded one has replaced.
SUPERSEDED_FACT = RESERVED_PREFIX + "link-credential-before"
# Members of an approval policy that cover operations on keys (DSM contract §2.10).
_KEY_POLICIES = ("protect_manage_operations", "protect_permissions", "protect_crypto_operations")


@dataclass(frozen=True)
class Group:
    """A group in normal form. ``link`` is None for a local group and for one that is linked to another system."""

    name: str
    group_id: str | None = None
    description: str = ""
    custom_metadata: Mapping[str, str] = field(default_factory=dict)
    external_kms: str | None = None
    link: Link | None = None
    # Planned by a previous step in check mode: the values are the future ones.
    planned: bool = False
    # Why no task can manage it. ``link`` is then None, because the group has several links.
    problem: str | None = None
    # Has an approval policy: its changes must be approved (DSM contract §2.10).
    guarded: bool = False
    # Its policy also covers operations on keys; which ones is not evaluated here.
    guards_keys: bool = False

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Group:
        """From DSM's Group object, for a task that uses this group.

        Raises:
            TaskError: it has several Azure links.
        """
        group = cls.as_shown(stored)
        if group.problem is None:
            return group
        raise TaskError(
            group.problem,
            plane="DSM",
            obj=group.label,
            next_step="remove all links but one in DSM's user interface",
        )

    @classmethod
    def as_shown(cls, stored: Mapping[str, Any]) -> Group:
        """From DSM's Group object, for a list of groups. A group that cannot be managed gets a ``problem``."""
        hmg = stored.get("hmg") or {}
        azure = {hmg_id: config for hmg_id, config in hmg.items() if is_azure(config)}
        name = str(stored["name"])
        several = f"the group has {len(azure)} Azure links ({', '.join(sorted(azure))}), but only one is supported"
        metadata, policy = dict(stored.get("custom_metadata") or {}), stored.get("approval_policy") or {}
        kinds = sorted({KIND if is_azure(config) else str(config.get("kind")) for config in hmg.values()})
        return cls(
            name=name,
            group_id=str(stored["group_id"]),
            description=str(stored.get("description") or ""),
            custom_metadata=metadata,
            external_kms=", ".join(kinds) or None,
            link=_link(*azure.popitem(), metadata) if len(azure) == 1 else None,
            problem=several if len(azure) > 1 else None,
            guarded=bool(policy),
            guards_keys=any(policy.get(name) for name in _KEY_POLICIES),
        )

    @property
    def label(self) -> str:
        return f'group "{self.name}"'

    @property
    def azure_link(self) -> Link:
        """The link, for code that handles only groups with a link."""
        if self.link is None:
            raise AssertionError(f"{self.label} has no Azure link")
        return self.link

    @property
    def synced(self) -> SyncedGroup:
        """For a sync of its keys."""
        return SyncedGroup(str(self.group_id), self.label, self.link)

    @property
    def visible_metadata(self) -> dict[str, str]:
        return {key: value for key, value in self.custom_metadata.items() if not key.startswith(RESERVED_PREFIX)}

    @property
    def recorded(self) -> dict[str, str]:
        """What this collection has recorded about the secrets of the link."""
        return {key: value for key, value in self.custom_metadata.items() if key.startswith(RESERVED_PREFIX)}

    @property
    def credential_match(self) -> str:
        """``recorded``: the credential that was written last is on record. Whether DSM still holds it is unknown."""
        return "recorded" if CREDENTIAL_FACT in self.custom_metadata else "unknown"

    @property
    def credential_facts(self) -> tuple[str | None, str | None]:
        """The record of the last write: the credential, and the ID in Entra of the one before it."""
        return self.custom_metadata.get(CREDENTIAL_FACT), self.custom_metadata.get(SUPERSEDED_FACT)

    def record(self, *, exists: bool = True) -> dict[str, Any]:
        """The record for results: an allow-list, always with the same keys."""
        link = self.link
        return {
            "group_id": self.group_id,
            "name": self.name,
            "description": self.description,
            "custom_metadata": self.visible_metadata,
            "external_kms": self.external_kms,
            "exists": exists,
            "planned": self.planned,
            "link": None
            if link is None
            else {
                "hmg_id": link.hmg_id,
                "azure_service": link.azure_service,
                "tenant_id": link.tenant_id,
                "client_id": link.client_id,
                "subscription_id": link.subscription_id,
                "auth_mode": link.auth_mode,
                "credential_match": self.credential_match,
                "credential_expires": self.custom_metadata.get(CREDENTIAL_EXPIRES),
                "vault": {
                    "name": vault_name_of(link.vault_uri),
                    "uri": link.vault_uri or None,
                    "type": link.vault_type,
                },
                "tls": link.tls.record(),
            },
        }

    def view(self) -> dict[str, Any]:
        """The values that are compared and shown in a diff: the record without what DSM assigns."""
        record = self.record()
        for name in ("group_id", "exists", "planned", "external_kms"):
            del record[name]
        if record["link"]:
            for name in ("hmg_id", "credential_match", "credential_expires"):
                del record["link"][name]
            record["link"]["tls"] = self.azure_link.tls.view()
        return record


def _link(hmg_id: str, config: Mapping[str, Any], metadata: Mapping[str, str]) -> Link:
    """The stored link. A TLS client certificate that DSM does not return is known from the record of the last write."""
    link = Link.from_stored(hmg_id, config)
    recorded = metadata.get(TLS_CLIENT_FACT)
    if recorded is None or link.tls.client_certificate_sha256 is not None:
        return link
    return replace(link, tls=replace(link.tls, client_certificate_sha256=recorded))


def warn_of_problems(warn: Callable[[str], None], found: Iterable[Group]) -> None:
    """Warn which groups no task can manage, and why."""
    for group in found:
        if group.problem is not None:
            warn(f"{group.label} ({group.group_id}) in DSM cannot be managed: {group.problem}.")


def find_by_name(dsm: DsmClient, name: str, *, thorough: bool = False, creates: bool = False) -> dict[str, Any] | None:
    """DSM's Group object with this name: one request if the server supports the filter.

    Old servers ignore filters. If the response contains other groups, all pages are read (DSM contract §2.2).

    Args:
        thorough: read all groups before reporting that none has the name.
        creates: thorough, but only a creation follows, which DSM refuses for an existing name (names are unique in an
            account, DSM contract §2.3). The filter is then sufficient if the server is known to support it.

    Raises:
        TaskError: several groups have this name.
    """
    answer = _filtered(dsm, name)
    hits = [group for group in answer if group.get("name") == name]
    if len(hits) < len(answer) or (not hits and thorough and not (creates and _supports_filter(dsm))):
        hits = [group for group in list_all(dsm) if group.get("name") == name]
    return the_only(hits, name)


def the_only(named: Sequence[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The one group that has this name.

    Raises:
        TaskError: several groups have it.
    """
    if len(named) > 1:
        raise TaskError(
            f"{len(named)} groups have this name: {', '.join(sorted(str(group['group_id']) for group in named))}",
            plane="DSM",
            obj=f'group "{name}"',
            next_step="set group_id to the ID of the intended group",
        )
    return named[0] if named else None


def _filtered(dsm: DsmClient, name: str) -> list[dict[str, Any]]:
    """The response to a filter by this name: at least the groups with the name, if the server supports the filter."""
    query = {"filter": json.dumps({"name": {"$eq": name}}), "limit": PAGE}
    return items(dsm.call("GET", routes.GROUPS, query=query, obj=f'group "{name}"'), "groups")


def _supports_filter(dsm: DsmClient) -> bool:
    """Whether the server supports the filter by name; tested once for each client, with an existing group."""
    if dsm.filters_groups is None:
        known = items(dsm.call("GET", routes.GROUPS, query={"limit": 1}, obj="groups"), "groups")
        if not known:
            return False
        found = _filtered(dsm, str(known[0]["name"]))
        dsm.filters_groups = known[0]["group_id"] in [group.get("group_id") for group in found]
    return dsm.filters_groups


def list_all(dsm: DsmClient) -> Iterator[dict[str, Any]]:
    """All groups that the DSM identity sees, page by page.

    An entry without links, but with the record of one, is read once more by itself: the response may be incomplete, and
    only the links show which applications and vaults are used.
    """

    def page(offset: int) -> list[dict[str, Any]]:
        # No sort_by: some servers accept it only with previous_id (DSM contract §7, Q33).
        query = {"limit": PAGE, "offset": offset}
        return items(dsm.call("GET", routes.GROUPS, query=query, obj="groups"), "groups")

    for listed in all_pages(page, "group_id", "groups"):
        is_short = not listed.get("hmg") and CREDENTIAL_FACT in (listed.get("custom_metadata") or {})
        yield (get(dsm, str(listed["group_id"])) or listed) if is_short else listed


def linked_to_application(dsm: DsmClient, client_id: str) -> list[Group]:
    """All groups that the DSM identity sees whose link has this application, by name.

    Raises:
        TaskError: one of them has several Azure links.
    """
    return those_of_application(list_all(dsm), client_id)


def those_of_application(listed: Iterable[Mapping[str, Any]], client_id: str) -> list[Group]:
    """As :func:`linked_to_application`, for groups that have already been listed."""
    found = [Group.from_stored(stored) for stored in listed if _has_application(stored, client_id)]
    return sorted(found, key=lambda group: (group.name, str(group.group_id)))


def _has_application(stored: Mapping[str, Any], client_id: str) -> bool:
    links = (stored.get("hmg") or {}).values()
    return any(is_azure(link) and same_name(link.get("client_id"), client_id) for link in links)


def get(dsm: DsmClient, group_id: str) -> dict[str, Any] | None:
    """DSM's Group object with this ID; None if the DSM identity sees none."""
    try:
        answer: dict[str, Any] = dsm.call("GET", routes.GROUP, path={"group_id": group_id}, obj=f"group {group_id}")
    except DsmError as error:
        if error.status != NOT_FOUND:
            raise
        return None
    return answer


def guards_copies(stored: Mapping[str, Any]) -> bool:
    """Whether copies of the keys of a group, as DSM stores it, need an approval (DSM contract §2.10)."""
    return bool((stored.get("approval_policy") or {}).get("protect_crypto_operations"))
