# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`metadata/endpoints`: the hosts of the clouds, for everybody and without a token.

Versions from 2019-05-01 on list all clouds, those before it describe the one that is asked (learn.microsoft.com, REST
reference; Azure CLI reads the former by ARM_CLOUD_METADATA_URL, azure.azcollection the latter).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ....wire import json_response
from ...clouds import GOVERNMENT, PUBLIC, Cloud
from ...service import AzureError, Service, require_api_version

_ALL = ("2019-05-01", "2020-06-01", "2022-09-01", "2023-01-01", "2023-11-01", "2024-11-01")
_ONE = ("2015-01-01", "2018-05-01")


def add_metadata_routes(app: web.Application, service: Service) -> None:
    async def endpoints(request: web.Request) -> web.Response:
        version = require_api_version(request)
        if version in _ONE:
            return json_response(_old_json(service.state.cloud))
        if version not in _ALL:
            message = (
                f"The api-version '{version}' is invalid. The supported versions are '{','.join((*_ALL, *_ONE))}'."
            )
            raise AzureError(400, "InvalidApiVersionParameter", message)
        return json_response([_json(cloud) for cloud in (PUBLIC, GOVERNMENT)])

    app.router.add_get("/metadata/endpoints", endpoints)


def _json(cloud: Cloud) -> dict[str, Any]:
    return {
        "name": cloud.name,
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": f"https://{cloud.login_host}",
            "audiences": [cloud.management_audiences[-1], f"https://{cloud.management_host}"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": f"https://{cloud.management_host}",
        "microsoftGraphResourceId": f"https://{cloud.graph_host}/",
        "suffixes": {"keyVaultDns": cloud.vault_suffix, "mhsmDns": cloud.hsm_suffix},
    }


def _old_json(cloud: Cloud) -> dict[str, Any]:
    return {
        "portalEndpoint": "https://portal.azure.com/",
        "graphEndpoint": f"https://{cloud.graph_host}/",
        "authentication": {
            "loginEndpoint": f"https://{cloud.login_host}/",
            "audiences": [f"{cloud.management_audiences[-1]}/", f"https://{cloud.management_host}/"],
        },
    }
