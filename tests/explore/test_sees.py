# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The explorer is not blind: operations that do what none may do are found out, each by the right invariant."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import urllib3

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from explore.disturbances import lagging
from explore.explorer import Explorer, Tally, collide
from explore.scenes import APP, NAME, POLICY_VAULT, Builder, Deed, Scene
from sandbox import State
from support import worlds
from support.worlds import Call, Disturbance, Job

Work = Callable[[Any], dict[str, Any]]


def operation(work: Work) -> ModuleType:
    """What looks like an operation of ours and does this."""
    made = ModuleType("stub")
    made.SPEC = ArgumentSpec()  # type: ignore[attr-defined]
    made.run = work  # type: ignore[attr-defined]
    return made


@pytest.fixture
def scene(builder: Builder) -> Scene:
    return builder.scene("secrets")


@pytest.fixture
def ask(builder: Builder) -> Callable[..., Any]:
    """One request to DSM over the wire, as clients send them."""

    def send(method: str, path: str, body: Any = None) -> Any:
        login = {"Authorization": f"Basic {builder.environment['DSM_API_KEY']}"}
        with urllib3.ProxyManager(builder.sandbox.proxy_url, ca_certs=str(builder.sandbox.ca_bundle)) as pool:
            answer = pool.request(method, builder.environment["DSM_ENDPOINT"] + path, headers=login, json=body)
        return answer.json() if answer.data else None

    return send


def deed(work: Work, **members: Any) -> Deed:
    """It may remove nothing unless told."""
    given: dict[str, Any] = {"touches": frozenset({"groups"}), "removes": lambda _fact: False, **members}
    return Deed(Job("stub", operation(work)), **given)


def kinds(tally: Tally) -> set[str]:
    return {finding.kind for finding in tally.findings}


def texts(tally: Tally) -> str:
    return "\n".join(map(str, tally.findings))


def id_of_g2(state: State) -> str:
    group = state.dsm.find_group("g2")
    assert group is not None
    return group.group_id


def harmful(scene: Scene, ask: Callable[..., Any], change: Callable[[Any], None]) -> Work:
    """It sends one write, in whose course the change comes about."""

    def work(_task: Any) -> dict[str, Any]:
        scene.world.do(change)
        group = scene.world.sandbox.do(id_of_g2)
        ask("PATCH", f"/sys/v1/groups/{group}", {})
        return {"changed": True}

    return work


def lose_certificate(azure: Any) -> None:
    app = next(one for one in azure.directory.applications.values() if one.name == APP)
    app.certificates = [one for one in app.certificates if one.name != "theirs"]


def lose_credential_in_use(azure: Any) -> None:
    app = next(one for one in azure.directory.applications.values() if one.name == APP)
    app.secrets = [one for one in app.secrets if one.name != NAME]


def register_twice(azure: Any) -> None:
    app = next(one for one in azure.directory.applications.values() if one.name == APP)
    app.certificates.append(replace(app.certificates[0], key_id="11111111-2222-4333-8444-555555555555"))


def lose_tag(azure: Any) -> None:
    del azure.vault(POLICY_VAULT).tags["owner"]


def lose_network(azure: Any) -> None:
    azure.set_firewall(POLICY_VAULT, virtual_network_rules=[])


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (lose_certificate, "lost", "theirs"),
        (lose_credential_in_use, "disconnected", "g1 has lost its credential"),
        (lose_credential_in_use, "dead group", "g1 is left"),
        (register_twice, "duplicate", "theirs"),
        (lose_tag, "lost", "tag akv-sandbox-prem owner them"),
        (lose_network, "lost", "network akv-sandbox-prem"),
    ],
)
def test_harm_is_seen(
    explorer: Explorer, tally: Tally, scene: Scene, ask: Any, change: Any, kind: str, text: str
) -> None:
    explorer.run(scene, [deed(harmful(scene, ask, change), removes=lambda fact: fact[0] == "secret")], [(0, None)])

    assert kind in kinds(tally), texts(tally)
    assert text in texts(tally)


def test_a_result_that_denies_its_change_is_seen(explorer: Explorer, tally: Tally, scene: Scene, ask: Any) -> None:
    def work(_task: Any) -> dict[str, Any]:
        group = scene.world.sandbox.do(id_of_g2)
        ask("PATCH", f"/sys/v1/groups/{group}", {"description": "new"})
        return {"changed": False}

    explorer.run(scene, [deed(work)], [(0, None)])

    assert "changed is said to be False" in texts(tally)


def test_a_failure_that_denies_its_change_is_seen(explorer: Explorer, tally: Tally, scene: Scene, ask: Any) -> None:
    def work(_task: Any) -> dict[str, Any]:
        group = scene.world.sandbox.do(id_of_g2)
        ask("PATCH", f"/sys/v1/groups/{group}", {"description": "new"})
        raise TaskError("somebody else was faster; nothing was written", plane="DSM")

    explorer.run(scene, [deed(work)], [(0, None)])

    assert "says that nothing was changed" in texts(tally)


def test_what_is_wanted_and_not_there_is_seen(explorer: Explorer, tally: Tally, scene: Scene, ask: Any) -> None:
    def work(_task: Any) -> dict[str, Any]:
        ask("GET", "/sys/v1/groups")
        return {"changed": False}

    explorer.run(scene, [deed(work, wants=(("group", "g9"),), unwanted=(("group", "g1"),))], [(0, None)])

    assert "this is not there: group g9" in texts(tally)
    assert "this is there: group g1" in texts(tally)


def test_an_exception_that_is_no_failure_of_the_task_is_seen(explorer: Explorer, tally: Tally, scene: Scene) -> None:
    def work(_task: Any) -> dict[str, Any]:
        raise KeyError("group_id")

    explorer.run(scene, [deed(work)], [(0, None)])

    assert "crash" in kinds(tally)


def test_a_second_run_that_changes_something_again_is_seen(
    explorer: Explorer, tally: Tally, scene: Scene, ask: Any
) -> None:
    def work(_task: Any) -> dict[str, Any]:
        group = scene.world.sandbox.do(id_of_g2)
        ask("PATCH", f"/sys/v1/groups/{group}", {"description": str(_time.utc_now())})
        return {"changed": True}

    explorer.run(scene, [deed(work, removes=lambda fact: fact[0] == "description")], [(0, None)])

    assert "no convergence" in kinds(tally)


def test_a_secret_in_a_result_is_seen(explorer: Explorer, tally: Tally, scene: Scene, ask: Any) -> None:
    def work(_task: Any) -> dict[str, Any]:
        ask("GET", "/sys/v1/groups")
        return {
            "changed": False,
            "value": scene.world.do(lambda azure: azure.application(client_id(azure)).secrets[0].value),
        }

    explorer.run(scene, [deed(work)], [(0, None)])

    assert "a client secret is in what it shows" in texts(tally)


def client_id(azure: Any) -> str:
    return next(str(one.client_id) for one in azure.directory.applications.values() if one.name == APP)


# How it runs -------------------------------------------------------------------------------------------------------


def test_a_plan_decides_whose_turn_it_is(scene: Scene, ask: Any) -> None:
    def work(_task: Any) -> dict[str, Any]:
        for _number in range(3):
            ask("GET", "/sys/v1/groups")
        return {"changed": False}

    world = scene.world
    world.reset(scene.kept)
    world.observer = lambda _event: None
    jobs = [Job("one", operation(work)), Job("other", operation(work))]
    world.together(jobs, [(0, 2), (1, 1), (0, None), (1, None)])

    assert [f"{event.call.actor}{event.call.number}" for event in world.events] == ["A1", "A2", "B1", "A3", "B2", "B3"]


def test_the_same_plan_gives_the_same_run(explorer: Explorer, scene: Scene) -> None:
    pair, plan = [scene.deeds["rotate"], scene.deeds["rotate, other run"]], [(0, 5), (1, None), (0, None)]

    one, other = explorer.run(scene, pair, plan), explorer.run(scene, pair, plan)

    assert list(map(str, one.events)) == list(map(str, other.events))
    assert one.judge.now.print == other.judge.now.print


def test_who_is_killed_sends_nothing_more(scene: Scene, explorer: Explorer) -> None:
    ran = explorer.run(scene, [scene.deeds["rotate"]], [(0, None)], [Disturbance(kill_after=4)])

    assert ran.outcomes[0].killed
    assert len(ran.events) == 4


def test_sleeping_costs_no_time_and_lets_the_other_one_go_on(scene: Scene, ask: Any) -> None:
    order: list[str] = []

    def sleeper(_task: Any) -> dict[str, Any]:
        ask("GET", "/sys/v1/groups")
        _time.sleep(3000)
        order.append("sleeper")
        return {"changed": False}

    def other(_task: Any) -> dict[str, Any]:
        ask("GET", "/sys/v1/groups")
        order.append("other")
        return {"changed": False}

    world = scene.world
    world.reset(scene.kept)
    world.observer = lambda _event: None
    before = world.sandbox.do(lambda _state: world.sandbox.clock.now())
    world.together([Job("sleeper", operation(sleeper)), Job("other", operation(other))], [(0, None), (1, None)])
    after = world.sandbox.do(lambda _state: world.sandbox.clock.now())

    assert order == ["other", "sleeper"]
    assert 3000 <= after - before < 3010


def test_a_skewed_clock_is_the_clients_alone(scene: Scene) -> None:
    seen: list[float] = []

    def work(_task: Any) -> dict[str, Any]:
        seen.append(_time.utc_now().timestamp())
        return {"changed": False}

    scene.world.reset(scene.kept)
    scene.world.alone(Job("late", operation(work)), Disturbance(skew=-7200.0))

    services = scene.world.sandbox.do(lambda _state: scene.world.sandbox.clock.now())
    assert abs(services - 7200.0 - seen[0]) < 1


def test_a_new_sandbox_draws_no_id_that_a_run_draws_again(scene: Scene) -> None:
    """Otherwise a new application would take the place of one that is there."""
    scene.world.reset(scene.kept)
    drawn = {uuid.uuid4() for _number in range(100)}

    scene.world.reset(scene.kept)
    worlds.uninstall()
    worlds.install()

    assert drawn.isdisjoint({uuid.uuid4() for _number in range(100)})


def test_lag_is_over_when_the_run_is(scene: Scene, explorer: Explorer) -> None:
    explorer.run(scene, [scene.deeds["app: other certificate"]], [(0, None)], [lagging(scene.world, 2)])

    assert scene.world.do(lambda azure: azure.directory.read_lag) == 0


def call(method: str, host: str, path: str) -> Call:
    return Call("A", 1, method, host, path, "", b"")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("GET", "graph.x", "/v1.0/applications/1"), ("PATCH", "graph.x", "/v1.0/applications/1"), True),
        (("GET", "graph.x", "/v1.0/applications/1"), ("GET", "graph.x", "/v1.0/applications/1"), False),
        (("PATCH", "dsm.x", "/sys/v1/groups/1"), ("PATCH", "dsm.x", "/sys/v1/groups/2"), False),
        (("PATCH", "dsm.x", "/sys/v1/groups/1"), ("GET", "dsm.x", "/sys/v1/groups"), True),
        (("PATCH", "graph.x", "/v1.0/applications/1"), ("POST", "dsm.x", "/sys/v1/groups/1/hmg/check"), True),
        (("PUT", "management.x", "/s/vaults/a"), ("GET", "management.x", "/s/vaults/b"), False),
        (("PUT", "management.x", "/s/vaults/a"), ("GET", "management.x", "/s/vaults"), True),
    ],
)
def test_what_commutes(one: tuple[str, str, str], other: tuple[str, str, str], expected: bool) -> None:
    assert collide(call(*one), call(*other)) is expected
