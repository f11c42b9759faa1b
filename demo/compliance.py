# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups that pass, thirteen unreported changes, and the findings of a compliance run. Run by ``make demo-compliance``.

It fails if a run finds fewer or more deviations than were made: the findings are compared with the changes, group by
group.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from compliance_world import ACQUIRED, KEYS, OWN_APPLICATION, Seed, build, inventory, seeds
from run import ROOT, Cost, Failed, Step, carry_out, told

from sandbox import Sandbox, State

DIRECTORY = ROOT / ".build" / "compliance"
INVENTORY = DIRECTORY / "groups.yml"
# A finding of every vault: they are set up with access policies.
OF_SET_UP = "vault-uses-access-policies"
# Group and ID of a finding.
Found = list[tuple[str, str]]


def check(name: str, *more: str) -> list[str]:
    """The arguments of a run that writes its reports to a directory of that name."""
    # The role refuses a relative path.
    directory = f"cdc_compliance_directory={DIRECTORY / name}"
    given = ["-i", str(INVENTORY.relative_to(ROOT)), "-e", "@demo/compliance_vars.yml"]
    return ["playbooks/compliance.yml", *given, *more, "-e", directory]


def set_up(variables: Path) -> Step:
    shared, synced = len(KEYS) - len(OWN_APPLICATION), sum(bool(keys) for keys in KEYS.values())
    return Step(
        f"Set up: {len(KEYS)} groups, each with its own vault",
        ["demo/compliance_setup.yml", "-e", f"@{variables.relative_to(ROOT)}"],
        [r"changed=2 .*failed=0 "],
        # A secret for each application, a write for each of its groups, and a sync for each vault with keys.
        ["graph"] + ["dsm"] * shared + ["graph", "dsm"] * len(OWN_APPLICATION) + ["dsm"] * synced,
    )


def main() -> int:
    return told(story(), "docs/compliance.md    the checks, the policy and the reports")


def story() -> Iterator[Cost]:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    with Sandbox.start() as sandbox:
        print("Simulated DSM and Azure are running. Nothing leaves this machine.")
        variables = DIRECTORY / "groups.json"
        variables.write_text(json.dumps(build(sandbox)), encoding="utf-8")
        done = seeds(sandbox)
        steps = (
            set_up(variables),
            Step(
                "Initial state: all groups pass, access policies are a warning",
                check("as-set-up", "--check"),
                [r"changed=0 .*failed=0 "],
            ),
            Step(
                f"After changes: {len(done)} changes that nobody has reported",
                check("after-changes", "--check"),
                [r"finding\(s\) fail", r"changed=0 .*failed=1 "],
                code=2,
                first=lambda state: make_changes(state, done),
            ),
            Step(
                "With waivers: waived findings are accepted and stay visible, the others fail",
                check("with-waivers", "-e", "@demo/compliance_policy.yml", "--check"),
                [r"finding\(s\) fail", r"changed=0 .*failed=1 "],
                code=2,
            ),
        )
        known = {"DEMO_DSM_ADDRESS": sandbox.dsm_egress_address}
        yield from carry_out(sandbox, steps[:1], known, total=len(steps))
        INVENTORY.write_text(json.dumps(inventory(sandbox)), encoding="utf-8")
        yield from carry_out(sandbox, steps[1:2], known, begin=2, total=len(steps))
        hold_against("as-set-up", [(name, OF_SET_UP) for name in KEYS], verdict="pass")
        yield from carry_out(sandbox, steps[2:3], known, begin=3, total=len(steps))
        expected = [(seed.called or seed.group, finding) for seed in done for finding in seed.findings]
        expected += [(seed.group, finding) for seed in done for finding in seed.missed]
        called = {seed.group: seed.called for seed in done if seed.called}
        # Vaults that cannot be read are not evaluated.
        expected += [(called.get(name, name), OF_SET_UP) for name in KEYS if name != ACQUIRED]
        show(done, hold_against("after-changes", expected, verdict="fail"))
        yield from carry_out(sandbox, steps[3:], known, begin=4, total=len(steps))
        hold_waivers_against(hold_against("with-waivers", expected, verdict="fail"))
    variables.unlink()
    print("\nThe reports (open the .html files in a browser):")
    for path in sorted(DIRECTORY.glob("*/*")):
        print(f"  {path.relative_to(ROOT)}")


def make_changes(state: State, done: Sequence[Seed]) -> None:
    for seed in done:
        seed.change(state)


def report_of(name: str) -> dict[str, Any]:
    (path,) = (DIRECTORY / name).glob("*.json")
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def found_in(report: Mapping[str, Any]) -> Found:
    """All findings that are not ok, those of the run itself included."""
    groups = [{"name": "the run", "findings": report["findings"]}, *report["groups"]]
    return [(group["name"], one["id"]) for group in groups for one in group["findings"] if one["status"] != "ok"]


def hold_against(name: str, expected: Found, *, verdict: str) -> dict[str, Any]:
    """The report of a run. It must have exactly these findings, each once."""
    report = report_of(name)
    found = found_in(report)
    names = {*KEYS, *(group for group, _finding in expected)}
    if sorted(found) != sorted(expected) or {group["name"] for group in report["groups"]} != names:
        missed, invented = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
        raise Failed(
            f"In {len(report['groups'])} groups, the run missed {missed} and invented {invented}. Findings: {found}."
        )
    if report["verdict"] != verdict:
        raise Failed(f"The verdict {report['verdict']} is not {verdict}.")
    return report


def hold_waivers_against(report: Mapping[str, Any]) -> None:
    """Exactly the findings of the waivers are waived, and the findings with a raised severity fail."""
    findings = [(group["name"], one) for group in report["groups"] for one in group["findings"]]
    waived = sorted((name, one["id"]) for name, one in findings if one["outcome"] == "waived")
    wanted = sorted((waiver["group"], waiver["id"]) for waiver in report["policy"]["waivers"])
    if waived != wanted:
        raise Failed(f"The policy has waived {waived}, and not {wanted}.")
    raised = [(name, one["outcome"]) for name, one in findings if one["id"] in report["policy"]["severity"]]
    if raised != [("akv-orders", "fail")]:
        raise Failed(f"The findings with a raised severity have the outcome {raised}.")
    summary = report["summary"]
    print(f"\n{summary['waived']} findings are waived, {summary['failing']} fail. Verdict: {report['verdict']}.")


def show(done: Sequence[Seed], report: Mapping[str, Any]) -> None:
    """Show each change and the findings that it has caused."""
    found = found_in(report)
    print(f"\n{'group':<15}{'change':<34}findings")
    for seed in done:
        names = {seed.group, seed.called or seed.group}
        ids = [finding for name, finding in found if name in names and finding != OF_SET_UP]
        print(f"{seed.group:<15}{seed.title:<34}{', '.join(ids)}")
    summary = report["summary"]
    print(f"{'all groups whose vault can be read':<49}{OF_SET_UP}")
    print(
        f"\nThe run found all changes and nothing else. Verdict: {report['verdict']}, status: {report['status']}."
        f" {summary['groups_failed']} of {summary['groups']} groups fail."
    )


if __name__ == "__main__":
    sys.exit(main())
