# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sandbox whose Azure one test may turn upside down: judged and repaired by our operations, used as DSM would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar
from uuid import uuid4

import urllib3
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    cdc_sync,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform
from sandbox import Sandbox
from sandbox.azure.rights import local_roles as hsm_rights
from sandbox.azure.rights.roles import PermissionSet
from sandbox.azure.vaults import ManagedHsm, Vault
from sandbox.world import AzureView, VaultView

from .azure_callers import POOL, VAULT, ask_token
from .operate import Operator

T = TypeVar("T")
TEN = ("get", "list", "update", "create", "import", "delete", "recover", "backup", "restore", "purge")
HELD = ("ok", "ok_with_warning")
CLOUDS = {"public": "AzureCloud", "government": "AzureUSGovernment"}


@dataclass
class AzureRights:
    """``vault`` names the vault or pool that is meant where a call does not say another one."""

    sandbox: Sandbox
    cloud: str = "public"
    vault: str = "akv-sandbox-prem"
    warnings: list[str] = field(default_factory=list)

    # Who and what there is -------------------------------------------------------------------------------------------

    @property
    def view(self) -> AzureView:
        view: AzureView = getattr(self.sandbox.world, self.cloud)
        return view

    @property
    def stores(self) -> Mapping[str, VaultView]:
        return {**self.view.vaults, **self.view.managed_hsms}

    @property
    def resource_id(self) -> str:
        return self.stores[self.vault].resource_id

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.view.subscription_id}"

    @property
    def app(self) -> str:
        """The client ID of the application that DSM logs in as."""
        return self.view.client_id

    @property
    def operator(self) -> dict[str, str]:
        """The operator's login as options of a task."""
        return self.login(self.view.operator_client_id, self.view.operator_client_secret)

    def login(self, client_id: str, secret: str) -> dict[str, str]:
        return {
            "tenant": self.view.tenant_id,
            "client_id": client_id,
            "secret": secret,
            "subscription_id": self.view.subscription_id,
            "cloud_environment": CLOUDS[self.cloud],
        }

    @property
    def dsm_login(self) -> dict[str, str]:
        environment = self.sandbox.environment()
        return {
            "dsm_endpoint": environment["DSM_ENDPOINT"],
            "dsm_api_key": environment["DSM_API_KEY"],
            "dsm_ca_path": environment["SSL_CERT_FILE"],
        }

    def do(self, deed: Callable[[Any], T]) -> T:
        """A deed of an administrator of this cloud."""
        return self.sandbox.do(lambda state: deed(getattr(state.azure, self.cloud)))

    def another_operator(self, *roles: str, scope: str | None = None, graph: tuple[str, ...] = ()) -> dict[str, str]:
        """The login of a fresh application with these roles, at the subscription unless told."""

        def build(azure: Any) -> tuple[str, str]:
            made = azure.add_application(self.view.tenant_id, f"operator-{uuid4()}")
            for role in roles:
                azure.assign_role(made, scope or self.subscription, role)
            azure.allow_graph(made, *graph)
            return made.client_id, azure.add_secret(made).value

        return self.login(*self.do(build))

    # What our operations say -----------------------------------------------------------------------------------------

    def judge(self, **options: Any) -> dict[str, Any]:
        return self._run(azure_kv_prereqs_info, check_mode=False, options=options)

    def repair(self, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """Looks again at once, as the sandbox's time does not pass by waiting."""
        given = {"rights_profile": "guide", "wait_interval": 0, "wait_timeout": 30, **options}
        return self._run(azure_kv_prereqs, check_mode=check_mode, options=given)

    def _run(self, operation: ModuleType, *, check_mode: bool, options: Mapping[str, Any]) -> dict[str, Any]:
        given = {
            **self.operator,
            "vault": {"resource_id": self.resource_id},
            "app_client_id": self.app,
            **options,
        }
        given = {name: value for name, value in given.items() if value is not None}
        validated = ModuleArgumentSpecValidator(**operation.SPEC.as_module_arguments()).validate(given)
        assert not validated.error_messages, validated.error_messages
        task = Task(
            params=validated.validated_parameters,
            check_mode=check_mode,
            proxy=self.sandbox.proxy_url,
            warn=self.warnings.append,
        )
        result: dict[str, Any] = perform(operation, task)
        return result

    # What is really so -----------------------------------------------------------------------------------------------

    def usable(self) -> set[str]:
        """The key permissions that the sandbox's own decision grants to the application at present."""
        return self.do(self._usable)

    def _usable(self, azure: Any) -> set[str]:
        app, store = azure.application(self.app), azure.store(self.vault)
        if isinstance(store, ManagedHsm):
            identities = azure.rights.identities(app.service_principal_id)
            return {
                name
                for name in TEN
                if store.activated
                and hsm_rights.may(store.local_roles, store.roles, identities, hsm_rights.DATA_ACTIONS[name], "/keys")
            }
        assert isinstance(store, Vault)
        asked = {name: azure.rights.may_use_keys(app.service_principal_id, app.tenant_id, name, store) for name in TEN}
        return {name for name, refusal in asked.items() if refusal is None}

    def manages(self, action: str = "Microsoft.KeyVault/vaults/write") -> bool:
        """Whether Resource Manager would let the application do that at the vault."""
        principal = self.view.service_principal_id
        return self.do(lambda azure: bool(azure.rights.may(principal, action, self.resource_id)))

    def link(self, **changes: Any) -> dict[str, Any]:
        """A link in DSM to the vault, with the application's secret."""
        return {
            "kind": "AzureKeyVault",
            "url": self.stores[self.vault].uri,
            "tls": {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}},
            "auth_config": {"mode": "client_secret", "client_secret": self.view.client_secret},
            "tenant_id": self.view.tenant_id,
            "client_id": self.app,
            "subscription_id": self.view.subscription_id,
            "key_vault_type": self.stores[self.vault].type,
            **changes,
        }

    def group(self, **changes: Any) -> str:
        """The name of a fresh group in DSM with that link."""
        name, link = f"group-{uuid4()}", self.link(**changes)
        self.sandbox.do(lambda state: state.dsm.add_group(name, hmg=link))
        return name

    def sync_error(self, **changes: Any) -> str | None:
        """None if DSM's sync works, else what it says."""
        try:
            Operator(self.sandbox.environment())(cdc_sync, group_name=self.group(**changes))
        except TaskError as error:
            return str(error)
        return None

    def create_status(self) -> int:
        """The status of the vault's answer to the application that makes a key."""
        suffix = (POOL if self.stores[self.vault].type == "MANAGED" else VAULT)[self.cloud]
        with urllib3.ProxyManager(self.sandbox.proxy_url, ca_certs=str(self.sandbox.ca_bundle)) as pool:
            status, body = ask_token(pool, _Caller(self.cloud, self.view), f"https://{suffix}")
            assert status == 200, body
            answer = pool.request(
                "POST",
                f"https://{self.vault}.{suffix}/keys/probe/create?api-version=2025-07-01",
                json={"kty": "EC", "crv": "P-256"},
                headers={"Authorization": f"Bearer {body['access_token']}"},
            )
        return answer.status


class _Caller:
    """The application, in the shape in which a token is asked for."""

    def __init__(self, cloud: str, view: AzureView) -> None:
        self.cloud, self.tenant_id = cloud, view.tenant_id
        self.client_id, self.client_secret = view.client_id, view.client_secret


def verdicts(result: Mapping[str, Any]) -> dict[str, str]:
    """Requirement -> verdict."""
    return {right["requirement"]: right["verdict"] for right in result["rights"]}


def right(result: Mapping[str, Any], requirement: str) -> dict[str, Any]:
    (found,) = [one for one in result["rights"] if one["requirement"] == requirement]
    return dict(found)


def granted(result: Mapping[str, Any]) -> set[str]:
    """The key permissions that a result says are there."""
    return {
        requirement.removeprefix("keys/")
        for requirement, verdict in verdicts(result).items()
        if requirement.startswith("keys/") and verdict in HELD
    }


def ids(result: Mapping[str, Any]) -> set[str]:
    """The ids of all findings."""
    return {finding["id"] for finding in result["findings"]}


def finding(result: Mapping[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [one for one in result["findings"] if one["id"] == kind]
    return dict(found)


# Deeds and looks of tests that repair ------------------------------------------------------------------------------

STRANGER = "99999999-2222-4333-8444-555555555555"


def no_rights(azure: AzureRights, *, rbac: bool) -> None:
    """The vault in this mode, with nothing for the application; a stranger has a policy of his own."""

    def deed(state: Any) -> None:
        state.revoke_role(azure.app, azure.vault)
        state.set_access_policy(azure.vault, azure.app, [])
        state.add_access_policy(azure.vault, STRANGER, ["Get", "sign"])
        state.vault(azure.vault).rbac = rbac

    azure.do(deed)


def writes(azure: AzureRights, mark: int) -> list[str]:
    return [f"{entry.method} {entry.path}" for entry in azure.sandbox.journal.writes(since=mark)]


def key_policies(azure: AzureRights) -> dict[str, list[str]]:
    """Object ID -> key permissions, of the vault."""
    entries = azure.do(lambda state: list(state.vault(azure.vault).access_policies))
    return {entry.object_id: list(entry.key_permissions) for entry in entries}


def assignments(azure: AzureRights) -> list[tuple[str, str, str]]:
    """Name, scope and role of what the application has in Azure."""

    def deed(state: Any) -> list[tuple[str, str, str]]:
        return [
            (entry.name, entry.scope, state.rights.roles[entry.role_guid].name)
            for entry in state.rights.assignments
            if entry.principal_id == azure.view.service_principal_id
        ]

    return azure.do(deed)


def roles_at_the_vault(azure: AzureRights) -> list[str]:
    return sorted(role for _name, scope, role in assignments(azure) if scope.lower() == azure.resource_id.lower())


def custom_role(azure: AzureRights, *data_actions: str) -> str:
    what = PermissionSet(data_actions=data_actions)
    return azure.do(lambda state: str(state.add_custom_role(azure.view.tenant_id, "own", what, scopes=["/"])))


def use_rbac(azure: AzureRights, *roles: str) -> None:
    """The vault in RBAC mode, its policy left as it is, and these roles for the application at it."""

    def deed(state: Any) -> None:
        state.vault(azure.vault).rbac = True
        for role in roles:
            state.assign_role(azure.app, azure.vault, role)

    azure.do(deed)


def assert_held(azure: AzureRights, expected: set[str], **options: Any) -> dict[str, Any]:
    """The verdicts, the sandbox's own decision, and DSM's sync say the same. Returns the judgement."""
    result = azure.judge(**options)
    assert granted(result) == azure.usable() == expected
    # A sync lists the keys and gets each.
    works = {"get", "list"} <= expected
    assert (azure.sync_error() is None) is works
    return result
