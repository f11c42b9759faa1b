# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recycle bin of a tenant: applications and service principals, for thirty days (directory/deletedItems).

Restoring an application does not restore its service principal, which is deleted along with it: that takes a call of
its own. Neither is seen by any other call, and nobody logs in with either.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..entra.directory import Application
from ..state import CloudState
from .credentials import WRITE_APPLICATIONS, require_ownership
from .directory import READ_APPLICATIONS, GraphDirectory, Route
from .queries import Call, Reply, bad_request, not_found, page, single

_BIN = "/directory/deletedItems"


class GraphRecycleBin:
    def __init__(self, state: CloudState, reads: GraphDirectory) -> None:
        self._state = state
        self._reads = reads

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{_BIN}/microsoft.graph.application", READ_APPLICATIONS, self.applications),
            Route("GET", f"{_BIN}/microsoft.graph.servicePrincipal", READ_APPLICATIONS, self.principals),
            Route("GET", f"{_BIN}/{{id}}", READ_APPLICATIONS, self.one),
            Route("POST", f"{_BIN}/{{id}}/restore", WRITE_APPLICATIONS, self.restore),
            Route("DELETE", f"{_BIN}/{{id}}", WRITE_APPLICATIONS, self.purge),
        ]

    def applications(self, call: Call) -> Reply:
        items = [self._application(app, at) for app, at in self._deleted_applications(call)]
        return page(call, items, "application", self._state.graph_page_size, ("id", "appId", "displayName"))

    def principals(self, call: Call) -> Reply:
        items = [self._principal(app, at) for app, at in self._deleted_principals(call)]
        return page(call, items, "servicePrincipal", self._state.graph_page_size, ("id", "appId", "displayName"))

    def one(self, call: Call) -> Reply:
        app, kind, at = self._found(call)
        shown = self._application(app, at) if kind == "application" else self._principal(app, at)
        return single(call, shown, kind)

    def restore(self, call: Call) -> Reply:
        app, kind, at = self._found(call)
        require_ownership(call, app)
        if kind == "application":
            restored = self._application(app, at)
            self._state.restore_application(app.object_id)
        else:
            if app.client_id not in self._state.directory.applications:
                raise bad_request("The application of the service principal does not exist.")
            restored = self._principal(app, at)
            self._state.restore_service_principal(app)
        return Reply(200, {**restored, "deletedDateTime": None})

    def purge(self, call: Call) -> Reply:
        app, kind, _at = self._found(call)
        require_ownership(call, app)
        if kind == "application":
            del self._state.directory.deleted[app.object_id]
        else:
            app.principal_deleted_at = None
        return Reply(204)

    def _application(self, app: Application, deleted_at: float) -> dict[str, Any]:
        return {**self._reads.application_json(app, False), "deletedDateTime": _stamp(deleted_at)}

    def _principal(self, app: Application, deleted_at: float) -> dict[str, Any]:
        return {**self._reads.principal_json(app), "deletedDateTime": _stamp(deleted_at)}

    def _deleted_applications(self, call: Call) -> list[tuple[Application, float]]:
        directory = self._state.directory
        directory.empty_bin(self._state.clock.now())
        gone = directory.deleted.values()
        return [(one.application, one.deleted_at) for one in gone if one.application.tenant_id == call.caller.tenant_id]

    def _deleted_principals(self, call: Call) -> list[tuple[Application, float]]:
        there = [app for app in self._state.directory.applications.values() if app.tenant_id == call.caller.tenant_id]
        everybody = [*there, *(app for app, _at in self._deleted_applications(call))]
        return [(app, app.principal_deleted_at) for app in everybody if app.principal_deleted_at is not None]

    def _found(self, call: Call) -> tuple[Application, str, float]:
        wanted = call.params["id"].lower()
        for app, at in self._deleted_applications(call):
            if app.object_id == wanted:
                return app, "application", at
        for app, at in self._deleted_principals(call):
            if app.service_principal_id == wanted:
                return app, "servicePrincipal", at
        raise not_found(wanted)


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
