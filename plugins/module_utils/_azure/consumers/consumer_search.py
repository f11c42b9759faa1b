# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Searches Azure for the resources that use the keys of one vault or Managed HSM (Azure contract §1.10).

Azure Resource Graph finds them in all subscriptions with one query, for all keys at once. What it does not have is read
from the services: the keys of SQL servers, and on request everything that it may show late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..._names import name_key, same_name
from ..wire.channel import Channel
from . import resource_graph
from .consumer_records import (
    DISKS,
    RESOURCE_GRAPH,
    SERVICE,
    SERVICES,
    SQL_INSTANCE,
    SQL_SERVER,
    Consumer,
    ConsumerSearch,
    Mention,
    Subscription,
    segments_of,
    type_of,
)
from .key_references import Host
from .resource_graph import Rows, literal
from .service_reading import Reader
from .service_settings import consumers_of

_SQL = tuple(map(name_key, (SQL_SERVER, SQL_INSTANCE)))
# They name their own address.
_KEY_VAULT = ("microsoft.keyvault/vaults", "microsoft.keyvault/managedhsms")
_CONTAINERS = (
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, name, subscriptionId "
    "| order by id asc"
)


def search(
    arm: Channel,
    vault_uri: str,
    *,
    names: Collection[str] = (),
    subscriptions: Sequence[str] = (),
    read_services: bool = False,
    confirm: bool = False,
    most_requests: int,
) -> ConsumerSearch:
    """The resources that use keys of a vault or Managed HSM.

    Args:
        arm: Of the cloud of the vault.
        vault_uri: Its address.
        names: Comparison keys of the names of the only keys that are wanted; empty for all keys.
        subscriptions: IDs of the subscriptions to search, in lower case; empty for all that the operator can read.
        read_services: Whether to read storage accounts, disk encryption sets and SQL servers from the services.
        confirm: Whether the address is to be that of a vault in these subscriptions: for one that somebody has typed.
        most_requests: To Resource Manager, besides those to Azure Resource Graph.

    Raises:
        AzureError: Azure Resource Graph or the operator's login fails. What else cannot be read is in the result.
    """
    host = Host.of(vault_uri)
    reader = Reader(arm, host, most_requests)
    found = resource_graph.ask(arm, _CONTAINERS, subscriptions, obj="subscriptions")
    if found is None:
        return ConsumerSearch((), requested=tuple(subscriptions), read_services=read_services)
    searched = tuple(
        Subscription(one, str(row.get("name") or ""), reader.access(one))
        for row in found.rows
        if (one := _subscription_of(row))
    )
    rows = resource_graph.ask(arm, _query(host), subscriptions, obj=f"resources that name {host.name}")
    if rows is None:
        rows = Rows((), "the operator has lost access to the subscriptions")
    for answer in (found, rows):
        if answer.incomplete:
            reader.note("resource_graph", answer.incomplete)
    stores = [row for row in rows.rows if name_key(type_of(str(row["id"]))) in _KEY_VAULT]
    users = [row for row in rows.rows if row not in stores]
    if confirm and not any(_has_address(store, host) for store in stores):
        reader.note("vault", f"the searched subscriptions have no vault {host.name}; check vault_uri and subscriptions")
    every = _from_services(reader, searched, users) if read_services else _from_graph(reader, users)
    consumers = [one for one in every if isinstance(one, Consumer) and (not names or one.key in names)]
    return ConsumerSearch(
        tuple(
            sorted(
                (reader.with_disks(one) if _is(one.resource_id, DISKS) else one for one in consumers),
                key=lambda one: (one.key, name_key(one.resource_id)),
            )
        ),
        mentions=tuple(one for one in every if isinstance(one, Mention)),
        searched=searched,
        requested=tuple(subscriptions),
        unread=reader.unread,
        read_services=read_services,
    )


def _query(host: Host) -> str:
    """All resources that name the vault, as it does itself, and all SQL servers: these may not show their keys."""
    sql = ", ".join(map(literal, _SQL))
    return (
        f"resources | where tostring(properties) contains {literal(host.name)} or type in~ ({sql}) "
        f"| project id, subscriptionId, properties | order by id asc"
    )


def _has_address(store: Mapping[str, Any], host: Host) -> bool:
    """Whether a vault or Managed HSM is the one with this host."""
    properties = store.get("properties") or {}
    return any(host.is_address(properties.get(member)) for member in ("vaultUri", "hsmUri"))


def _from_graph(reader: Reader, rows: Iterable[Mapping[str, Any]]) -> list[Consumer | Mention]:
    found: list[Consumer | Mention] = []
    for row in rows:
        found += _of_resource(reader, row)
    return found


def _of_resource(
    reader: Reader, resource: Mapping[str, Any], read_from: str = RESOURCE_GRAPH
) -> Iterable[Consumer | Mention]:
    resource_id = str(resource["id"])
    if _is(resource_id, SQL_SERVER) or _is(resource_id, SQL_INSTANCE):
        of_server = reader.sql_consumers(resource_id)
        if of_server is not None:
            return of_server
        # Without an answer of the server, what its resource shows is better than nothing.
    properties = resource.get("properties")
    if properties is None:
        return [Mention(resource_id, ("properties",))]
    return consumers_of(resource_id, properties, reader.host, read_from)


def _from_services(
    reader: Reader, searched: Iterable[Subscription], rows: Sequence[Mapping[str, Any]]
) -> list[Consumer | Mention]:
    """As :func:`_from_graph`, but the resources of some types as their services list them."""
    found: list[Consumer | Mention] = []
    listed: set[tuple[str, str]] = set()
    for subscription in searched:
        for kind in SERVICES:
            resources = reader.listed(kind, subscription.subscription_id)
            if resources is not None:
                listed.add((subscription.subscription_id, name_key(kind)))
                for resource in resources:
                    found += _of_resource(reader, resource, SERVICE)
    others = [row for row in rows if (_subscription_of(row), name_key(type_of(str(row["id"])))) not in listed]
    return found + _from_graph(reader, others)


def _subscription_of(row: Mapping[str, Any]) -> str:
    return name_key(segments_of(str(row["id"])).get("subscriptions"))


def _is(resource_id: str, kind: str) -> bool:
    return same_name(type_of(resource_id), kind)
