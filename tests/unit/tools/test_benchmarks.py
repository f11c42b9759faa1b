# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks: medians, ratios, goals, tables and kept figures. No time is measured here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.figures import PLANES, Goal, Report, Sample, comparison, load, part, save, table
from benchmarks.measure import converged, take_turns
from benchmarks.stand_in import create, recorded
from support.playbook import ROOT, TaskOutcome

NOTHING = dict.fromkeys(PLANES, 0)


def sample(cpu: float, **requests: int) -> Sample:
    return Sample(cpu, 2 * cpu, {**NOTHING, **requests})


def report(ours: float = 0.1) -> Report:
    samples = {
        "ping": [sample(1), sample(3), sample(2)],
        "ours": [sample(ours, DSM=2), sample(ours, DSM=4), sample(9, DSM=2)],
    }
    goals = {"ours": Goal("ping", at_most=0.15)}
    found = part("tasks", "task", samples, references=["ping"], goals=goals, note="Two cores.")
    return Report("2026-01-02T03:04:05+00:00", {"cores": 2}, [found])


def test_medians_and_ratios() -> None:
    (found,) = report().parts
    ours = found.figure("ours")

    assert ours is not None
    assert (ours.median, ours.ratios) == (0.1, {"ping": 0.05})
    assert ours.requests == {**NOTHING, "DSM": 2}
    assert (ours.cpu_seconds, ours.seconds) == ([0.1, 0.1, 9], [0.2, 0.2, 18])


def test_a_further_task_is_the_difference_of_two_plays_shared_out() -> None:
    assert sample(5, DSM=9).shared_out(sample(1, DSM=1), 4) == Sample(1, 2, {**NOTHING, "DSM": 2}, play=1)


@pytest.mark.parametrize(
    ("goal", "ratio", "expected"),
    [
        (Goal("ping", at_most=0.15), 0.15, "≤ 0.15 of ping: met"),
        (Goal("ping", at_most=0.15), 0.16, "≤ 0.15 of ping: not met"),
        (Goal("setup.yml", at_least=2.5), 2.5, "≥ 2.5 of setup.yml: met"),
        (Goal("setup.yml", at_least=2.5), 2.4, "≥ 2.5 of setup.yml: not met"),
    ],
)
def test_goals(goal: Goal, ratio: float, expected: str) -> None:
    assert goal.describe(ratio) == expected


def test_table() -> None:
    lines = table(report().parts[0]).splitlines()

    assert lines[2].startswith("| tasks | CPU s of a task | least to most | to ping |")
    assert lines[5].startswith("| ours | 0.100 | 0.100 to 9.0 | 0.05 |")
    assert lines[5].endswith("| ≤ 0.15 of ping: met |")
    assert len({line.count("|") for line in lines[2:6]}) == 1
    assert lines[-1] == "Rounds: 3. Two cores."


def test_kept_figures_are_read_back(tmp_path: Path) -> None:
    save(report(), tmp_path / "new" / "kept.json")

    assert load(tmp_path / "new" / "kept.json") == report()


def test_kept_figures_are_shown_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    for file, ours in zip(files, (0.4, 0.1), strict=True):
        save(report(ours), file)

    assert run.main(["--show", *map(str, files)]) == 0

    shown = capsys.readouterr().out
    assert shown.count("≤ 0.15 of ping: met") == shown.count("≤ 0.15 of ping: not met") == 1
    assert "| tasks: ours | 0.400 | 0.100 | 0.25 | 0.20 | 0.05 | ping |" in shown


def test_a_comparison_has_what_both_have() -> None:
    other = part("tasks", "task", {"ping": [sample(1)], "new": [sample(1)]}, references=["ping"])
    text = comparison(report(), Report("later", {}, [other]))

    assert "tasks: ping" in text
    assert "ours" not in text
    assert "new" not in text


def test_kinds_take_turns() -> None:
    order: list[str] = []

    def measure() -> Iterator[tuple[str, Sample]]:
        for kind in ("one", "two"):
            order.append(kind)
            yield kind, sample(len(order))

    samples = take_turns(2, measure)

    assert order == ["one", "two", "one", "two"]
    assert {kind: [one.cpu for one in found] for kind, found in samples.items()} == {"one": [1, 3], "two": [2, 4]}


def test_a_run_without_a_change_must_not_write() -> None:
    with pytest.raises(SystemExit, match="3 writes"):
        converged("setup.yml", sample(1, writes=3))


def test_parts_are_kept_as_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = report().parts[0]

    def fail(*_arguments: object) -> None:
        raise SystemExit("failed")

    monkeypatch.setattr(run.tasks, "measure", lambda *_arguments: found)
    monkeypatch.setattr(run.setup, "measure", fail)

    with pytest.raises(SystemExit):
        run.main(["--parts", "tasks", "setup"], kept=tmp_path)

    (file,) = tmp_path.iterdir()
    assert load(file).parts == [found]
    assert load(file).machine.keys() == {"ansible_core", "python", "cores", "load_average", "commit"}


def test_the_stand_in_has_the_results_of_each_task(tmp_path: Path) -> None:
    loop = {"results": [{"changed": False, "n": 1, "ansible_loop_var": "item"}, {"skipped": True}, {"n": 2}]}
    outcomes = [
        TaskOutcome("Register", "ok", loop, "akv-00"),
        TaskOutcome("Sync", "ok", {"changed": False, "_ansible_no_log": False}, "akv-01"),
    ]

    assert recorded(outcomes) == {
        "akv-00: Register": [{"changed": False, "n": 1}, {"n": 2}],
        "akv-01: Sync": [{"changed": False}],
    }

    environment = create(tmp_path, outcomes)
    collection = tmp_path / "ansible_collections" / "fortanix" / "dsm"
    assert environment["ANSIBLE_COLLECTIONS_PATH"] == str(tmp_path)
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == recorded(outcomes)
    changed = (collection / "plugins" / "plugin_utils" / "_in_process.py").read_text(encoding="utf-8")
    assert changed.startswith((ROOT / "plugins" / "plugin_utils" / "_in_process.py").read_text(encoding="utf-8"))
    for kind in ("action", "plugin_utils"):
        here, there = (root / "plugins" / kind for root in (ROOT, collection))
        assert {path.name for path in there.glob("*.py")} == {path.name for path in here.glob("*.py")}
