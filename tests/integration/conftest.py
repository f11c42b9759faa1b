# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox for the whole run; each test makes groups of its own in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import Profile, Sandbox
from support.azure_rights import AzureRights, no_rights
from support.challenges import forget_challenges
from support.operate import Operator
from support.passing import Passing
from support.playbook import Ansible
from support.returned import Comparison


@pytest.fixture(scope="session", autouse=True)
def comparison() -> Iterator[Comparison]:
    """Of every result of a module with its RETURN documentation: in this process, and of ansible-playbook."""
    comparison = Comparison()
    with pytest.MonkeyPatch.context() as patch:
        comparison.watch(patch)
        patch.setattr(Ansible, "seen", staticmethod(comparison.compare_outcomes))
        yield comparison


@pytest.fixture(autouse=True)
def results_as_documented(comparison: Comparison) -> Iterator[None]:
    """What a test, or a fixture that it is the first to use, makes modules return is what they document."""
    yield
    found = comparison.taken()
    if found:
        pytest.fail("Results differ from RETURN:\n" + "\n".join(found), pytrace=False)


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox, with profile and faults back at their defaults afterwards."""
    yield shared_sandbox
    shared_sandbox.faults.clear()
    shared_sandbox.fronts.clear()
    shared_sandbox.profile = Profile()


@pytest.fixture
def own_sandbox() -> Iterator[Sandbox]:
    """A sandbox for tests that change Azure or need an account of their own."""
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def azure(own_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AzureRights:
    """The Azure of a sandbox of the test's own, for operations in this process: the SDK reads the environment."""
    for variable, value in own_sandbox.environment().items():
        # The way there, and no login.
        if not variable.startswith(("DSM_", "AZURE_")):
            monkeypatch.setenv(variable, value)
    # The SDK keeps the tenant of a pool for the time of a process, and each sandbox has another one.
    forget_challenges()
    return AzureRights(own_sandbox)


@pytest.fixture
def government(azure: AzureRights) -> AzureRights:
    """The same in the cloud for the US government."""
    return AzureRights(azure.sandbox, "government", "akv-sandbox-gov-prem")


@pytest.fixture
def pool(azure: AzureRights) -> AzureRights:
    """The same, where the managed HSM is meant."""
    return AzureRights(azure.sandbox, vault="hsm-sandbox")


@pytest.fixture
def government_pool(azure: AzureRights) -> AzureRights:
    """The managed HSM in the cloud for the US government."""
    return AzureRights(azure.sandbox, "government", "hsm-sandbox-gov")


@pytest.fixture
def policies(azure: AzureRights) -> AzureRights:
    no_rights(azure, rbac=False)
    return azure


@pytest.fixture
def rbac(azure: AzureRights) -> AzureRights:
    no_rights(azure, rbac=True)
    return azure


@pytest.fixture
def bare_pool(pool: AzureRights) -> AzureRights:
    def deed(state: Any) -> None:
        state.revoke_role(pool.app, pool.vault, "Reader")
        state.revoke_local_roles(pool.vault, pool.app)

    pool.do(deed)
    return pool


@pytest.fixture(params=["policies", "rbac", "bare_pool"])
def bare(request: pytest.FixtureRequest) -> AzureRights:
    """A vault with policies, one in RBAC mode, and a pool, each without any right for the application."""
    azure: AzureRights = request.getfixturevalue(request.param)
    return azure


@pytest.fixture
def ansible(sandbox: Sandbox, tmp_path: Path) -> Ansible:
    return Ansible(sandbox.environment(), tmp_path)


@pytest.fixture
def operate(sandbox: Sandbox) -> Operator:
    return Operator(sandbox.environment())


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Passing:
    """Operations in this process wait without any time going by."""
    passing = Passing()
    passing.begin(monkeypatch)
    return passing


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A group name of this test alone."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")


@pytest.fixture
def link(sandbox: Sandbox) -> dict[str, str]:
    return link_options(sandbox)


@pytest.fixture
def given_group(operate: Operator, name: str, link: Mapping[str, str]) -> Callable[..., dict[str, Any]]:
    """Makes a group as a precondition; the test itself runs playbooks."""
    from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group

    def make(**options: Any) -> dict[str, Any]:
        group: dict[str, Any] = operate(cdc_group, **{"name": name, **link, **options})["group"]
        return group

    return make


def link_options(sandbox: Sandbox) -> dict[str, str]:
    """The link to the public cloud's application, as the options of a task."""
    azure = sandbox.world.public
    return {
        "link_tenant_id": azure.tenant_id,
        "link_client_id": azure.client_id,
        "link_subscription_id": azure.subscription_id,
        "link_client_secret": azure.client_secret,
    }
