# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the exploration that every run of the tests walks: schedules in which something was once lost.

``make explore`` walks all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from explore import disturbances
from explore.explorer import Explorer, Tally
from explore.scenes import Builder, Scene
from support.worlds import Disturbance, Segment

Disturb = Callable[[Scene], Disturbance]


def plan(text: str) -> list[Segment]:
    """`A4 B A`: four requests of the first, then the second to its end, then the rest of the first."""
    return [("ABC".index(part[0]), int(part[1:]) if part[1:] else None) for part in text.split()]


def walked(builder: Builder, explorer: Explorer, scene: str, names: tuple[str, ...], text: str, *given: Any) -> None:
    found = builder.scene(scene)
    explorer.run(found, [found.deeds[name] for name in names], plan(text), [one(found) for one in given])


def assert_no_findings(tally: Tally) -> None:
    assert not tally.findings, "\n".join("\n  ".join([str(one), *one.trace]) for one in tally.findings)


MEETINGS = [
    pytest.param("certificates", ("rotate", "rotate, other run"), "A2 B A", marks=pytest.mark.long),
    ("certificates", ("rotate", "rotate, other run"), "A4 B A"),
    pytest.param("certificates", ("rotate", "rotate, other run"), "A5 B A", marks=pytest.mark.long),
    ("certificates", ("rotate", "app: other certificate"), "A4 B A"),
    pytest.param("certificates", ("app: other certificate", "first use"), "A2 B A", marks=pytest.mark.long),
    ("certificates", ("app: certificate", "somebody: certificate"), "A2 B A"),
    pytest.param("secrets", ("rotate", "rotate, other run"), "A3 B A", marks=pytest.mark.long),
    ("secrets", ("rotate", "rotate, other run"), "A4 B A"),
    ("secrets", ("rotate, always", "rotate, own pair"), "A6 B A"),
    ("links", ("group: edit", "group: other edit"), "A2 B A"),
    ("links", ("group: new", "group: new, other run"), "A1 B A"),
    ("vaults", ("vault: tags", "vault: other tags"), "A2 B A"),
    ("vaults", ("vault: rules", "somebody: network"), "A2 B A"),
    ("vaults", ("vault: new", "vault: new, other run"), "A3 B A"),
    ("rights", ("prereqs: present", "prereqs: present, other run"), "A9 B A"),
    ("cut", ("access: restored", "access: restored, other run"), "A20 B A"),
]


@pytest.mark.parametrize(("scene", "names", "text"), MEETINGS, ids=lambda value: str(value)[:60])
def test_nothing_is_lost_when_runs_meet(
    builder: Builder, explorer: Explorer, tally: Tally, scene: str, names: tuple[str, ...], text: str
) -> None:
    walked(builder, explorer, scene, names, text)

    assert_no_findings(tally)


KILLS = [
    ("secrets", "rotate", 4),
    ("certificates", "rotate", 12),
    ("certificates", "first use", 20),
    ("applications", "app: new", 4),
    ("vaults", "vault: new", 5),
    ("rights", "prereqs: present, RBAC", 12),
    ("cut", "access: restored", 24),
]


@pytest.mark.parametrize(("scene", "name", "number"), KILLS)
def test_the_next_run_goes_on_where_one_was_killed(
    builder: Builder, explorer: Explorer, tally: Tally, scene: str, name: str, number: int
) -> None:
    walked(builder, explorer, scene, (name, name), "A B", lambda _scene: Disturbance(kill_after=number))

    assert_no_findings(tally)


def lag(reads: int) -> Disturb:
    return lambda scene: disturbances.lagging(scene.world, reads)


def throttle(number: int) -> Disturb:
    return lambda _scene: disturbances.throttled(number)


@pytest.mark.parametrize(
    ("scene", "names", "text", "disturb"),
    [
        ("certificates", ("rotate",), "A", lag(2)),
        ("applications", ("app: new",), "A", lag(2)),
        ("cut", ("access: restored",), "A", lag(1)),
        ("vaults", ("vault: tags",), "A", lag(1)),
        ("certificates", ("app: other certificate", "rotate"), "A3 B A", throttle(3)),
        ("certificates", ("rotate", "app: other certificate"), "A5 B A", throttle(5)),
        ("secrets", ("rotate, own pair", "rotate, own pair"), "A6 B A", throttle(6)),
        ("vaults", ("vault: new", "vault: new, other run"), "A4 B A", throttle(4)),
    ],
)
def test_replicas_and_throttling_lose_nothing(
    builder: Builder,
    explorer: Explorer,
    tally: Tally,
    scene: str,
    names: tuple[str, ...],
    text: str,
    disturb: Disturb,
) -> None:
    walked(builder, explorer, scene, names, text, disturb)

    assert_no_findings(tally)


@pytest.mark.parametrize(
    ("scene", "name"),
    [
        ("certificates", "app: other certificate"),
        pytest.param("vaults", "vault: tags", marks=pytest.mark.long),
        pytest.param("applications", "app: permission", marks=pytest.mark.long),
    ],
)
def test_a_short_or_old_answer_is_refused_or_makes_no_difference(
    builder: Builder, explorer: Explorer, tally: Tally, scene: str, name: str
) -> None:
    found = builder.scene(scene)
    explorer.answers(found, found.deeds[name], 0, 3)

    assert tally.counts["short answers"] > 10
    assert_no_findings(tally)


@pytest.mark.parametrize(
    ("scene", "name"),
    [
        ("certificates", "app: other certificate"),
        pytest.param("certificates", "rotate", marks=pytest.mark.long),
        pytest.param("cut", "access: restored", marks=pytest.mark.long),
    ],
)
def test_an_earlier_answer_once_more_is_refused_or_makes_no_difference(
    builder: Builder, explorer: Explorer, tally: Tally, scene: str, name: str
) -> None:
    found = builder.scene(scene)
    explorer.repeats(found, found.deeds[name])

    assert tally.counts["stale answers"] > 0
    assert_no_findings(tally)


@pytest.mark.parametrize(
    ("scene", "name", "number", "what"),
    [
        ("links", "first use", 2, "without 0.hmg"),
        ("links", "first use", 6, "without endDateTime"),
        ("links", "first use", 6, "without keyId"),
        ("links", "first use", 6, "without secretText"),
        ("applications", "app: consent", 1, "responses.2.body.appId null"),
        ("cut", "access: revoked", 18, "without responses"),
    ],
)
def test_an_answer_without_one_member_is_refused_or_makes_no_difference(
    builder: Builder, explorer: Explorer, tally: Tally, scene: str, name: str, number: int, what: str
) -> None:
    found = builder.scene(scene)
    answer = explorer.solo(found, found.deeds[name]).answers[number - 1]
    rewrite = dict(disturbances.short_answers(answer.body))[what]

    explorer.run(found, [found.deeds[name]], [(0, None)], [disturbances.rewritten(number, rewrite)])

    assert_no_findings(tally)


def test_two_runs_that_do_not_see_each_other_leave_the_group_to_the_last_one(
    builder: Builder, explorer: Explorer, tally: Tally
) -> None:
    found = builder.scene("links")

    explorer.lags_for_another(found, found.deeds["rotate"], found.deeds["first use"])

    assert_no_findings(tally)
