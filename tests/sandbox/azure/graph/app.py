# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web application of Microsoft Graph: its routes and middlewares."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ...wire import crash_report, date_middleware, fault_middleware, journal_middleware, json_response
from ..service import Service
from . import batch
from .calls import VERSION, GraphCalls, error_json, unknown
from .queries import GraphError


def graph_application(service: Service) -> web.Application:
    graph = GraphCalls(service)
    runtime = service.runtime
    app = web.Application(
        middlewares=[
            journal_middleware("graph", runtime),
            date_middleware("graph", runtime),
            fault_middleware("graph", runtime),
            _error_middleware(service),
        ]
    )
    for route in graph.routes:
        app.router.add_route(route.method, VERSION + route.template, graph.handler(route))
    app.router.add_post(batch.PATH, batch.Batches(graph).answer)
    return app


def _error_middleware(service: Service) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except GraphError as error:
            headers = {"WWW-Authenticate": 'Bearer realm=""'} if error.status == 401 else None
            return json_response(error_json(service, error), error.status, headers)
        except web.HTTPException as error:
            refused = unknown(request.path) if error.status == 404 else GraphError(error.status, "BadRequest", "")
            return json_response(error_json(service, refused), refused.status)
        except Exception as error:
            crash_report(service.runtime, error)
            defect = GraphError(500, "generalException", "sandbox defect")
            return json_response(error_json(service, defect), 500)

    return middleware
