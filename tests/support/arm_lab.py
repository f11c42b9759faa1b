# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate in the sandbox's Azure, seen through Resource Manager by its application and by an operator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from .azure_callers import VAULT, bearer

MANAGEMENT = {"public": "management.azure.com", "government": "management.usgovcloudapi.net"}
AUTHORIZATION = "/providers/Microsoft.Authorization"


class ArmLab:
    """`operator` and `app` are callers: `(method, path, body, version=..., **query)`. The operator is Owner."""

    def __init__(self, client: Any, estate: Any) -> None:
        self.estate = estate
        self.pool = client.pool
        self._client = client
        self.subscription = f"/subscriptions/{estate.subscription_id}"
        self.group = f"{self.subscription}/resourceGroups/rg-keys"
        self.provider = f"{self.subscription}/providers/Microsoft.KeyVault"
        self.vault = f"{self.group}/providers/Microsoft.KeyVault/vaults/{estate.vault}"
        self.app_oid = self.do(lambda azure: azure.application(estate.client_id).service_principal_id)
        self.app = Caller(self, estate)
        self.operator_oid, self.operator = self.another("Owner")

    def do(self, action: Any) -> Any:
        return self.estate.do(action)

    def another(self, role: str | None = None, scope: str | None = None) -> tuple[str, Caller]:
        """A fresh application of the tenant with a role, at the subscription unless told: its object id, a caller."""

        def build(azure: Any) -> tuple[str, str, str]:
            made = azure.add_application(self.estate.tenant_id, f"app-{uuid4()}")
            if role:
                azure.assign_role(made, scope or self.subscription, role)
            return made.service_principal_id, made.client_id, azure.add_secret(made).value

        object_id, client_id, secret = self.do(build)
        return object_id, Caller(self, replace(self.estate, client_id=client_id, client_secret=secret))

    def request(self, authorization: str, method: str, path: str, body: Any, query: dict[str, str]) -> Any:
        host = f"https://{MANAGEMENT[self.estate.cloud]}"
        client = type(self._client)(self.pool, host, authorization)
        return client(method, f"{path}?{urlencode(query, quote_via=quote)}", body)

    def refused(self) -> str | None:
        """None if the application may list the vault's keys, else the inner code of the refusal."""
        answer = self.at_vault("/keys", **{"api-version": "2025-07-01"})
        return None if answer.status == 200 else str(answer.json["error"]["innererror"]["code"])

    def at_vault(self, path: str, **query: str) -> Any:
        """The answer of the vault itself to the application."""
        suffix = VAULT[self.estate.cloud]
        host = f"https://{self.estate.vault}.{suffix}"
        client = type(self._client)(self.pool, host, bearer(self.pool, self.estate, f"https://{suffix}"))
        return client("GET", f"{path}?{urlencode(query)}")

    def role_id(self, name: str) -> str:
        """A role's definition id, as a client sends it."""
        guid = self.do(lambda azure: azure.rights.role_named(name).guid)
        return f"{self.subscription}{AUTHORIZATION}/roleDefinitions/{guid}"

    def put_role(self, role: str, caller: Caller | None = None, **changes: Any) -> Any:
        """Assign a role to the application at its vault; `name`, `scope` and members of the body may be told."""
        scope, name = changes.pop("scope", self.vault), changes.pop("name", str(uuid4()))
        properties = {
            "roleDefinitionId": self.role_id(role),
            "principalId": self.app_oid,
            "principalType": "ServicePrincipal",
            **changes,
        }
        body = {"properties": {key: value for key, value in properties.items() if value is not None}}
        return (caller or self.operator)("PUT", f"{scope}{AUTHORIZATION}/roleAssignments/{name}", body)


class Caller:
    """Calls of Resource Manager as one application."""

    def __init__(self, lab: ArmLab, identity: Any) -> None:
        self._lab = lab
        self._identity = identity
        self._authorization = ""

    def __call__(self, method: str, path: str, body: Any = None, version: str = "2022-04-01", **query: str) -> Any:
        if not self._authorization:
            audience = f"https://{MANAGEMENT[self._identity.cloud]}"
            self._authorization = bearer(self._lab.pool, self._identity, audience)
        named = {f"${name}": value for name, value in query.items()}
        return self._lab.request(self._authorization, method, path, body, {"api-version": version, **named})

    def all_of(self, path: str, version: str = "2022-04-01", **query: str) -> list[dict[str, Any]]:
        """The items of all pages of a list."""
        answer = self("GET", path, None, version, **query)
        assert answer.status == 200, answer.text
        items, link = list(answer.json["value"]), answer.json["nextLink"]
        while link:
            host = f"https://{MANAGEMENT[self._identity.cloud]}"
            client = type(self._lab._client)(self._lab.pool, host, self._authorization)
            page = client("GET", link.removeprefix(host)).json
            items, link = [*items, *page["value"]], page["nextLink"]
        return items


def code_of(answer: Any) -> tuple[int, str]:
    """Status and error code of a refusal."""
    return answer.status, str(answer.json["error"]["code"])
