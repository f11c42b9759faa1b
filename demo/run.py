# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first minute of a newcomer, against the sandbox: from an empty subscription to synced keys and back, and then a
vault whose rights only look right.

Run by ``make demo``. It fails when a step does not show what it claims.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sandbox import Profile, Sandbox, State

ROOT = Path(__file__).resolve().parent.parent
CHAIN, RIGHTS = ["-e", "@demo/vars.yml"], ["-e", "@demo/rights_vars.yml"]
GROUP, VAULT, RBAC_VAULT = "akv-demo", "akv-demo", "akv-sandbox-std"
SETUP = ["demo/setup.yml", *CHAIN]
TEARDOWN = ["playbooks/teardown.yml", *CHAIN, "-e", f"teardown_group={GROUP}"]
DRY = ["--check", "--diff"]
# Nothing but looks: results as YAML, and no word about tasks that are not run.
LOOKS = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false"}


@dataclass(frozen=True)
class Step:
    """A run of ansible-playbook.

    ``said``: patterns of what it must print, in this order. ``writes``: the planes that it must write to, one for each
    request. ``code``: its exit status. ``first``: what others do before it, which the title tells.
    """

    title: str
    arguments: Sequence[str]
    said: Sequence[str]
    writes: Sequence[str] = ()
    code: int = 0
    first: Callable[[State], None] | None = None


def add_keys(state: State) -> None:
    """The owner of the vault makes two keys in it."""
    state.azure.public.add_key(VAULT, "payments", kty="RSA-HSM", size=3072)
    state.azure.public.add_key(VAULT, "code-signing", kty="EC-HSM", curve="P-384")


def remove_keys(state: State) -> None:
    """The owner of the keys removes them, from the vault for good and from DSM."""
    vault = state.azure.public.vault(VAULT)
    vault.keys.clear()
    group = state.dsm.find_group(GROUP)
    assert group is not None
    keys = state.dsm.accounts[group.acct_id].keys
    for key in state.dsm.keys_in(group.group_id):
        keys.remove(key)


def use_rbac(state: State) -> None:
    """The vault was made with Azure's default of today: its access policies have no effect."""
    state.azure.public.vault(RBAC_VAULT).rbac = True


FROM_NOTHING = (
    Step(
        "Plan: application, vault, rights, group, as nothing is there yet",
        [*SETUP, *DRY],
        [r"vault akv-demo, keys unknown, planned", r"changed=4 "],
    ),
    Step(
        "Set up: all of it, in nine writes",
        SETUP,
        [r"connected, vault akv-demo, keys 0, changed", r"changed=4 "],
        ["graph"] * 3 + ["arm"] * 4 + ["dsm"] * 2,
    ),
    Step(
        "Keys: the vault's owner has made two in Azure, and a sync brings them",
        SETUP,
        [r"connected, vault akv-demo, keys 2, changed", r"changed=1 "],
        ["dsm"],
        first=add_keys,
    ),
    Step(
        "The same again: nothing changes, nothing is written",
        SETUP,
        [r"connected, vault akv-demo, keys 2, unchanged", r"changed=0 "],
    ),
    Step("Look at what is there now", ["demo/show.yml", *CHAIN], [r"connection: connected", r"synced_keys: '?2"]),
    Step(
        "Teardown refused: the group holds keys, so nothing is touched",
        TEARDOWN,
        [r"it holds 2 key\(s\)", r"changed=0 .*failed=1 "],
        code=2,
    ),
    Step(
        "Teardown planned: the keys' owner has removed them, in Azure and DSM",
        [*TEARDOWN, *DRY],
        [r"changed=5 "],
        first=remove_keys,
    ),
    Step("Teardown", TEARDOWN, [r"changed=5 "], ["graph"] + ["arm"] * 2 + ["dsm", "graph", "arm"]),
    Step("Teardown again: nothing is left to remove", TEARDOWN, [r"changed=0 .*failed=0 "]),
)
LOOKS_RIGHT = (
    Step(
        "A vault that looks right: DSM connects, and the sync fails",
        ["demo/looks_right.yml", *RIGHTS],
        [r"connection: connected", r"HTTP 403"],
        ["dsm"] * 2,
        first=use_rbac,
    ),
    Step(
        "Verdict and plan: why it fails, and what would be granted",
        ["demo/rights.yml", *RIGHTS, *DRY],
        [r"Access policies have no effect", r"effect: planned"],
    ),
    Step(
        "Repair: what is missing is granted, and the sync works",
        ["demo/rights.yml", *RIGHTS],
        [r"effect: effective", r"proof: sync"],
        ["arm"] * 2 + ["dsm"],
    ),
    Step("Once more: nothing is left to repair", ["demo/rights.yml", *RIGHTS], [r"effect: unchanged"]),
)
TOTAL = len(FROM_NOTHING) + len(LOOKS_RIGHT)


@dataclass(frozen=True)
class Cost:
    """What a step has cost: requests, writes among them, seconds."""

    title: str
    dsm: int
    azure: int
    writes: int
    seconds: float


class Failed(Exception):
    """A step has not shown what it claims; the text says what."""


def main() -> int:
    return told(
        chain(from_nothing(), looks_right(len(FROM_NOTHING))),
        "docs/getting-started.md               the same in your own subscription",
        "make sandbox                          keep the simulated services up and try your own playbooks",
        "playbooks/vars/setup.example.yml      the variables, with comments",
        "playbooks/step_by_step.yml            the same with one task for each step of the guide",
        "README.md                             the first playbook against a real DSM",
    )


def told(story: Iterable[Cost], *next_steps: str) -> int:
    """The exit status of a demo, after its story, a table of what that has cost, and where to go from here."""
    try:
        costs = list(story)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    print_table(costs)
    print("\nWhere to go next:", *next_steps, sep="\n  ")
    return 0


def from_nothing() -> Iterator[Cost]:
    """The whole chain and back, which leaves only what Azure itself keeps."""
    with Sandbox.start(empty=True) as sandbox, tempfile.TemporaryDirectory(prefix="fortanix-dsm-demo-") as directory:
        print(
            "Simulated DSM and Azure are up, with an empty subscription. Nothing leaves this machine. Of what\n"
            "ansible-playbook prints, only the lines about included files are left out."
        )
        yield from carry_out(sandbox, FROM_NOTHING, {"DEMO_DIRECTORY": directory}, total=TOTAL)
        left = sandbox.do(what_is_left)
    if left != [f"soft-deleted vault {VAULT}", "application fortanix-dsm-operator", "definition of a role"]:
        raise Failed(f"The teardown has left {', '.join(left)}.")
    print(
        f"Left in Azure: the soft-deleted vault {VAULT}, as nothing is ever purged, and the definition of the custom\n"
        "role, as other vaults may use it. Nobody holds it any more."
    )


def what_is_left(state: State) -> list[str]:
    """What is in Azure and DSM after the teardown, by name."""
    cloud = state.azure.public
    applications = list(cloud.directory.applications.values())
    known = {application.service_principal_id for application in applications}
    return [
        *(f"group {group.name}" for account in state.dsm.accounts.values() for group in account.groups),
        *(f"vault {name}" for name in cloud.vaults),
        *(f"soft-deleted vault {name}" for name in cloud.deleted_vaults),
        *(f"application {application.name}" for application in applications),
        *(f"right of {one.principal_id}" for one in cloud.rights.assignments if one.principal_id not in known),
        *("definition of a role" for role in cloud.rights.roles.values() if role.custom),
    ]


def looks_right(done: int) -> Iterator[Cost]:
    """A vault that was prepared by the letter of the guide, and its repair."""
    # How far DSM's own test of a connection goes is not public. This one asks for the vaults, and for no key.
    with Sandbox.start(profile=Profile(check_depth="arm_list")) as sandbox:
        azure = sandbox.world.public
        known = {"DEMO_CLIENT_ID": azure.client_id, "DEMO_CLIENT_SECRET": azure.client_secret}
        yield from carry_out(sandbox, LOOKS_RIGHT, known, begin=done + 1, total=TOTAL)


def carry_out(
    sandbox: Sandbox, steps: Sequence[Step], variables: Mapping[str, str], *, begin: int = 1, total: int
) -> Iterator[Cost]:
    """Run the steps, show them, and hold each of them to what it claims."""
    azure = sandbox.world.public
    # PYTHONPATH leads to the sandbox; Ansible and its modules are to do without it. What the variables of the demo look
    # up is in the environment, as arguments would be visible to other processes.
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        **sandbox.environment(),
        **LOOKS,
        "DEMO_TENANT_ID": azure.tenant_id,
        "DEMO_SUBSCRIPTION_ID": azure.subscription_id,
        **variables,
    }
    for number, step in enumerate(steps, start=begin):
        print(f"\n=== {number}/{total}  {step.title}")
        print(f"    ansible-playbook {' '.join(step.arguments)}", flush=True)
        if step.first is not None:
            sandbox.do(step.first)
        mark, begun = sandbox.journal.mark(), time.monotonic()
        code, output = play(step.arguments, environment)
        seconds = time.monotonic() - begun
        # What DSM asks Azure for is its own affair.
        planes = [entry.plane for entry in sandbox.journal.since(mark) if entry.origin == "client"]
        writes = [entry.plane for entry in sandbox.journal.writes(since=mark)]
        if problem := shortcoming(step, code, output, writes):
            raise Failed(f"Step {number} {problem}.")
        to_dsm = planes.count("dsm")
        yield Cost(step.title.partition(":")[0], to_dsm, len(planes) - to_dsm, len(writes), seconds)


def play(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run ansible-playbook, show what it prints while it runs; its exit status, and what it printed."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), *arguments]
    printed: list[str] = []
    paragraph: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            paragraph.append(line)
            if line == "\n":
                show(paragraph)
                paragraph = []
    show(paragraph)
    return process.returncode, "".join(printed)


def show(paragraph: Sequence[str]) -> None:
    """Print a paragraph, unless it only says which file of the role comes next."""
    if not any(line.startswith("included: ") for line in paragraph):
        print("".join(paragraph), end="", flush=True)


def shortcoming(step: Step, code: int, output: str, writes: Sequence[str]) -> str | None:
    """What the step has failed to show; None when all is as its title says."""
    if code != step.code:
        return f"ended with exit status {code}, not {step.code}"
    if re.search(".*".join(step.said), output, re.DOTALL) is None:
        return f"did not print {' and then '.join(step.said)}"
    if list(writes) != list(step.writes):
        return f"has written to {', '.join(writes) or 'nothing'}, not to {', '.join(step.writes) or 'nothing'}"
    return None


def print_table(costs: Iterable[Cost]) -> None:
    """What each step has cost."""
    print(f"\n{'step':<28}{'requests to DSM':>16}{'to Azure':>10}{'writes':>8}{'seconds':>9}")
    for cost in costs:
        print(f"{cost.title:<28}{cost.dsm:>16}{cost.azure:>10}{cost.writes:>8}{cost.seconds:>9.1f}")


if __name__ == "__main__":
    sys.exit(main())
