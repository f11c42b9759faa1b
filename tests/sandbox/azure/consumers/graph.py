# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Graph: one question over all subscriptions that the caller can read (Azure contract §1.10).

Sources: Azure/azure-rest-api-specs, specification/resourcegraph/ResourceGraph.Management/models.tsp (request, response);
Azure/azure-powershell issue 13762 and Azure/aztfexport issue 491 (refusals). That a subscription which the caller cannot
read is passed over in silence, that `resultTruncated` is "false" although there is a next page, and that unknown
options have no effect, was measured in 2026 by the authors of a public client.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp import web

from ...wire import json_response
from ..arm.plane import ArmPlane, object_body, stamp
from ..arm.shapes import managed_hsm_json, vault_json
from ..entra.tokens import Caller
from ..rights.admin import Subscription
from ..service import AzureError, Service
from .kql import Query, QueryError, Row, parse
from .shapes import consumer_json

_MOST_ROWS = 1000
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INVALID = (
    "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before "
    "retrying."
)


def add_graph_routes(app: web.Application, service: Service) -> None:
    app.router.add_post("/providers/Microsoft.ResourceGraph/resources", ResourceGraph(service).resources)


class ResourceGraph(ArmPlane):
    async def resources(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        body = await object_body(request)
        text, options = body.get("query"), body.get("options") or {}
        if not isinstance(text, str) or not isinstance(options, dict):
            raise self._bad_request(("InvalidRequest", "The query is missing, or its options are no object."))
        query = self._parsed(text)
        scope = self._scope(caller, body.get("subscriptions") or [])
        context = hashlib.sha256(json.dumps([text, sorted(scope)]).encode()).hexdigest()[:16]
        start, size = self._window(options, context)
        rows = self._answered(query, self._rows(query.table, caller, scope), caller)
        page = rows[start : start + size]
        answer: dict[str, Any] = {
            "totalRecords": len(rows),
            "count": len(page),
            "data": _table(page) if options.get("resultFormat") == "table" else page,
            "facets": [],
            "resultTruncated": "false",
        }
        if start + size < len(rows):
            answer["$skipToken"] = base64.b64encode(f"{context}:{start + size}:{size}".encode()).decode()
        return json_response(answer)

    # The question ----------------------------------------------------------------------------------------------------

    def _parsed(self, text: str) -> Query:
        try:
            return parse(text)
        except QueryError as error:
            raise self._invalid(error) from error

    def _window(self, options: dict[str, Any], context: str) -> tuple[int, int]:
        """Where the page begins, and how long it is. Members that are not known have no effect."""
        start, size = options.get("$skip", 0), options.get("$top", _MOST_ROWS)
        if not isinstance(start, int) or not isinstance(size, int) or not 1 <= size <= _MOST_ROWS or start < 0:
            raise self._bad_request(("InvalidQueryOptions", f"$top must be from 1 to {_MOST_ROWS}, $skip not negative."))
        token = options.get("$skipToken")
        if token is None:
            return start, size
        try:
            asked, position, before = base64.b64decode(token, validate=True).decode().split(":")
        except (binascii.Error, ValueError, TypeError) as error:
            raise self._bad_request(("InvalidSkipToken", "The $skipToken is not valid.")) from error
        if asked != context:
            raise self._bad_request(("InvalidSkipToken", "The $skipToken belongs to another query."))
        return options.get("$skip", int(position)), options.get("$top", int(before))

    def _scope(self, caller: Caller, given: Any) -> set[str]:
        """The subscriptions to look at: of those named, the ones that the caller can read anything in."""
        if not isinstance(given, list) or not all(isinstance(one, str) and _GUID.fullmatch(one) for one in given):
            message = "The subscriptions contain invalid GUIDs."
            raise self._bad_request(("SubscriptionsContainInvalidGuids", message))
        named = {one.lower() for one in given}
        found = {
            subscription.subscription_id
            for subscription in self._state.subscriptions.values()
            if subscription.tenant_id == caller.tenant_id
            and (not named or subscription.subscription_id in named)
            and self._reads_in(caller, subscription)
        }
        if found:
            return found
        if not named and self._service.profile.resource_graph_denied == "403":
            raise self._refusal(403, "AccessDenied", ("AccessDenied", "Access is denied to the requested resource."))
        message = f"There must be at least one subscription that is eligible to contain resources. Given: '{','.join(given)}'."
        raise self._bad_request(("NoValidSubscriptionsInQueryRequest", message))

    def _reads_in(self, caller: Caller, subscription: Subscription) -> bool:
        """Whether some assignment at the subscription, above or below it reaches the caller."""
        identities = self._rights.identities(caller.object_id)
        return any(
            entry.principal_id.lower() in identities
            and (self._rights.within(entry.scope, subscription.scope) or self._rights.within(subscription.scope, entry.scope))
            for entry in self._rights.readable_assignments()
        )

    # The rows --------------------------------------------------------------------------------------------------------

    def _rows(self, table: str, caller: Caller, scope: set[str]) -> Iterator[Row]:
        if table == "resourcecontainers":
            for subscription in self._state.subscriptions.values():
                if subscription.subscription_id in scope:
                    yield from self._containers(caller, subscription)
            return
        for found in self._known():
            if found["id"].split("/")[2] in scope:
                yield _row(found)

    def _containers(self, caller: Caller, subscription: Subscription) -> Iterator[Row]:
        """A row for each subscription in scope, even for one that holds nothing, and for its resource groups."""
        kind = "Microsoft.Resources/subscriptions"
        own = {"id": subscription.scope, "name": "sandbox", "type": kind, "tenantId": subscription.tenant_id}
        yield _row(own)
        for group in subscription.resource_groups.values():
            place = f"{subscription.scope}/resourceGroups/{group}"
            if self._rights.may(caller.object_id, f"{kind}/resourceGroups/read", place):
                yield _row({"id": place, "name": group, "type": f"{kind}/resourceGroups", "location": "westeurope"})

    def _known(self) -> Iterator[dict[str, Any]]:
        """All resources, those that use keys behind the vaults and pools. Fresh ones are not known at once."""
        state, now = self._state, self._state.clock.now()
        for vault in state.vaults.values():
            yield {**vault_json(vault, vault.access_policies), "tenantId": vault.tenant_id}
        for pool in state.managed_hsms.values():
            yield {**managed_hsm_json(pool), "tenantId": pool.tenant_id}
        shown = self._service.profile.sql_key_id == "shown"
        for found in state.consumers.values():
            if found.created + state.resource_graph_lag > now:
                continue
            if found.use is not None:
                found.use.catch_up(now)
            yield {**consumer_json(found, sql_key_id=shown), "tenantId": found.tenant_id}

    def _answered(self, query: Query, rows: Iterable[Row], caller: Caller) -> list[Row]:
        """What the query leaves of the rows that the caller may read; containers have been asked for already."""

        def permitted(row: Row) -> bool:
            containers = query.table == "resourcecontainers"
            return containers or self._rights.may(caller.object_id, f"{row['type']}/read", row["id"])

        try:
            return query.run(rows, permitted)
        except QueryError as error:
            raise self._invalid(error) from error

    # Refusals --------------------------------------------------------------------------------------------------------

    def _invalid(self, error: QueryError) -> AzureError:
        detail = {
            "code": "ParserFailure",
            "message": "ParserFailure",
            "line": 1,
            "characterPositionInLine": error.position,
            "token": error.token,
        }
        return self._bad_request(("InvalidQuery", _INVALID), detail)

    def _bad_request(self, detail: tuple[str, str], *further: dict[str, Any]) -> AzureError:
        return self._refusal(400, "BadRequest", detail, *further)

    def _refusal(self, status: int, code: str, detail: tuple[str, str], *further: dict[str, Any]) -> AzureError:
        """The cause is in the details; the message holds a time and an id only."""
        when = stamp(self._state.clock.now())
        message = (
            f"Please provide below info when asking for support: timestamp = {when}, correlationId = {uuid.uuid4()}."
        )
        error = AzureError(status, code, message)
        error.body["error"]["details"] = [{"code": detail[0], "message": detail[1]}, *further]
        return error


def _row(found: dict[str, Any]) -> Row:
    """All columns. Types and resource groups are in lower case here, ids as the resource provider has them."""
    parts = found["id"].split("/")
    columns: dict[str, Any] = {
        "id": found["id"],
        "name": found["name"],
        "type": found["type"].lower(),
        "tenantId": found.get("tenantId"),
        "kind": found.get("kind", ""),
        "location": found.get("location", ""),
        "resourceGroup": parts[4].lower() if len(parts) > 4 else "",
        "subscriptionId": parts[2],
        "managedBy": "",
        "sku": found.get("sku"),
        "plan": None,
        "properties": found.get("properties") or {},
        "tags": found.get("tags") or None,
        "identity": found.get("identity"),
        "zones": None,
        "extendedLocation": None,
    }
    return columns


def _table(rows: list[Row]) -> dict[str, Any]:
    names = list(rows[0]) if rows else []
    columns = [{"name": name, "type": "object" if name in ("properties", "tags") else "string"} for name in names]
    return {"columns": columns, "rows": [[row[name] for name in names] for row in rows]}
