# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first demo against the sandbox: from an empty subscription to synced keys and back, and then a misconfigured vault.

Run by ``make demo``. It fails if a step does not show what its title says.
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
SOURCES, OPERATOR = "keys-of-dsm", "fortanix-dsm-operator"
SETUP = ["demo/setup.yml", *CHAIN]
TEARDOWN = ["playbooks/teardown.yml", *CHAIN, "-e", f"teardown_group={GROUP}"]
DRY = ["--check", "--diff"]
# Only for the output: results as YAML, without skipped tasks.
LOOKS = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false"}


@dataclass(frozen=True)
class Step:
    """A run of ansible-playbook.

    ``said``: patterns that the output must match, in this order. ``writes``: the plane of each expected write request.
    ``code``: the expected exit status. ``first``: what others do before the step, as in the title.
    """

    title: str
    arguments: Sequence[str]
    said: Sequence[str]
    writes: Sequence[str] = ()
    code: int = 0
    first: Callable[[State], None] | None = None


def add_keys(state: State) -> None:
    """The owner of the vault creates two keys."""
    state.azure.public.add_key(VAULT, "payments", kty="RSA-HSM", size=3072)
    state.azure.public.add_key(VAULT, "code-signing", kty="EC-HSM", curve="P-384")


def add_source(state: State) -> None:
    """DSM has a key that may be copied. The owner of the vault lets the operator read its keys, but not change them."""
    azure = state.azure.public
    state.dsm.add_source_key(state.dsm.add_group(SOURCES).group_id, "orders-master", size=3072)
    operator = next(app for app in azure.directory.applications.values() if app.name == OPERATOR)
    azure.assign_role(operator, VAULT, "Key Vault Reader")


def use_key(state: State) -> None:
    """A team encrypts its storage account with the key."""
    state.azure.public.add_storage_account("ordersdata", VAULT, "orders")


def remove_keys(state: State) -> None:
    """The owner of the keys deletes them: permanently in the vault, and in DSM."""
    vault = state.azure.public.vault(VAULT)
    vault.keys.clear()
    group = state.dsm.find_group(GROUP)
    assert group is not None
    keys = state.dsm.accounts[group.acct_id].keys
    for key in state.dsm.keys_in(group.group_id):
        keys.remove(key)


def use_rbac(state: State) -> None:
    """The vault uses Azure RBAC, the current default of Azure: its access policies have no effect."""
    state.azure.public.vault(RBAC_VAULT).rbac = True


FROM_NOTHING = (
    Step(
        "Plan: application, vault, permissions and group do not exist yet",
        [*SETUP, *DRY],
        [r"vault akv-demo, keys unknown, planned", r"changed=4 "],
    ),
    Step(
        "Set up: create all of them with nine writes",
        SETUP,
        [r"connected, vault akv-demo, keys 0, changed", r"changed=4 "],
        ["graph"] * 3 + ["arm"] * 4 + ["dsm"] * 2,
    ),
    Step(
        "Keys: the owner of the vault has created two keys in Azure, and a sync adds them to DSM",
        SETUP,
        [r"connected, vault akv-demo, keys 2, changed", r"changed=1 "],
        ["dsm"],
        first=add_keys,
    ),
    Step(
        "Bring your own key: DSM copies one of its keys into the vault, where an HSM protects it",
        ["demo/key.yml", *CHAIN],
        [r"id: https://akv-demo\.vault\.azure\.net/keys/orders", r"origin: copy", r"protection: hsm", r"changed=1 "],
        # DSM itself writes to the vault.
        ["vault", "dsm"],
        first=add_source,
    ),
    Step(
        "Delete refused: a storage account uses the key",
        ["demo/key_in_use.yml", *CHAIN],
        [r"ordersdata", r"changed=0 .*failed=1 "],
        code=2,
        first=use_key,
    ),
    Step(
        "Run again: no changes, no writes",
        SETUP,
        [r"connected, vault akv-demo, keys 3, unchanged", r"changed=0 "],
    ),
    Step("Show the current state", ["demo/show.yml", *CHAIN], [r"connection: connected", r"synced_keys: '?3"]),
    Step(
        "Teardown refused: the group holds keys, so nothing is removed",
        TEARDOWN,
        ["it contains 3 keys", r"changed=0 .*failed=1 "],
        code=2,
    ),
    Step(
        "Teardown planned: the owner of the keys has deleted them in Azure and DSM",
        [*TEARDOWN, *DRY],
        [r"changed=5 "],
        first=remove_keys,
    ),
    Step("Teardown", TEARDOWN, [r"changed=5 "], ["graph"] + ["arm"] * 2 + ["dsm", "graph", "arm"]),
    Step("Teardown again: nothing is left to remove", TEARDOWN, [r"changed=0 .*failed=0 "]),
)
LOOKS_RIGHT = (
    Step(
        "Misconfigured vault: DSM connects, but the sync fails",
        ["demo/looks_right.yml", *RIGHTS],
        [r"connection: connected", r"Vault in RBAC mode\s+denies the application access to keys"],
        ["dsm"] * 2,
        first=use_rbac,
    ),
    Step(
        "Check and plan: why the sync fails, and which permissions would be granted",
        ["demo/rights.yml", *RIGHTS, *DRY],
        [r"Access policies have no effect", r"effect: planned"],
    ),
    Step(
        "Repair: missing permissions are granted, and the sync succeeds",
        ["demo/rights.yml", *RIGHTS],
        [r"effect: effective", r"proof: sync"],
        ["arm"] * 2 + ["dsm"],
    ),
    Step("Repair again: nothing is left to repair", ["demo/rights.yml", *RIGHTS], [r"effect: unchanged"]),
)
TOTAL = len(FROM_NOTHING) + len(LOOKS_RIGHT)


@dataclass(frozen=True)
class Cost:
    """The cost of a step: requests, how many of them are writes, seconds."""

    title: str
    dsm: int
    azure: int
    writes: int
    seconds: float


class Failed(Exception):
    """A step has not shown what its title says; the text names the difference."""


def main() -> int:
    return told(
        chain(from_nothing(), looks_right(len(FROM_NOTHING))),
        "docs/getting-started.md               the same in your own subscription",
        "make sandbox                          start the simulated services for your own playbooks",
        "playbooks/vars/setup.example.yml      the variables, with comments",
        "playbooks/step_by_step.yml            the same setup, with one task for each step of the guide",
        "README.md                             the first playbook against a real DSM",
    )


def told(story: Iterable[Cost], *next_steps: str) -> int:
    """Run a demo, print the cost of each step and the next steps; the exit status."""
    try:
        costs = list(story)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    print_table(costs)
    print("\nWhere to go next:", *next_steps, sep="\n  ")
    return 0


def from_nothing() -> Iterator[Cost]:
    """The complete setup and teardown, which leaves only what Azure itself keeps."""
    with Sandbox.start(empty=True) as sandbox, tempfile.TemporaryDirectory(prefix="fortanix-dsm-demo-") as directory:
        print(
            "Simulated DSM and Azure are running, with an empty subscription. Nothing leaves this machine.\n"
            "The output of ansible-playbook is complete, except for the lines about included files."
        )
        yield from carry_out(sandbox, FROM_NOTHING, {"DEMO_DIRECTORY": directory}, total=TOTAL)
        left = sandbox.do(what_is_left)
    kept = [f"group {SOURCES}", f"soft-deleted vault {VAULT}", f"application {OPERATOR}", "definition of a role"]
    if left != kept:
        raise Failed(f"The teardown has left {', '.join(left)}.")
    print(
        f"Still in Azure: the soft-deleted vault {VAULT}, because nothing is ever purged, and the definition of the\n"
        "custom role, because other vaults may use it. The role is no longer assigned."
    )


def what_is_left(state: State) -> list[str]:
    """The objects in Azure and DSM after the teardown, by name."""
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
    """A vault that was set up exactly as the guide says, but uses Azure RBAC; and its repair."""
    # It is not public what DSM's own connection test covers. This one lists the vaults, and reads no key.
    with Sandbox.start(profile=Profile(check_depth="arm_list")) as sandbox:
        azure = sandbox.world.public
        known = {"DEMO_CLIENT_ID": azure.client_id, "DEMO_CLIENT_SECRET": azure.client_secret}
        yield from carry_out(sandbox, LOOKS_RIGHT, known, begin=done + 1, total=TOTAL)


def carry_out(
    sandbox: Sandbox, steps: Sequence[Step], variables: Mapping[str, str], *, begin: int = 1, total: int
) -> Iterator[Cost]:
    """Run the steps, show them, and check each of them against its title."""
    azure = sandbox.world.public
    # PYTHONPATH is for the sandbox only, not for Ansible and its modules. The variables of the demo are read from the
    # environment, because other processes can see arguments.
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
        # Requests from DSM to Azure are not counted.
        planes = [entry.plane for entry in sandbox.journal.since(mark) if entry.origin == "client"]
        writes = [entry.plane for entry in sandbox.journal.writes(since=mark)]
        if problem := shortcoming(step, code, output, writes):
            raise Failed(f"Step {number} {problem}.")
        to_dsm = planes.count("dsm")
        yield Cost(step.title.partition(":")[0], to_dsm, len(planes) - to_dsm, len(writes), seconds)


def play(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run ansible-playbook and show its output while it runs; its exit status and output."""
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
    """Print a paragraph, unless it only names an included file of the role."""
    if not any(line.startswith("included: ") for line in paragraph):
        print("".join(paragraph), end="", flush=True)


def shortcoming(step: Step, code: int, output: str, writes: Sequence[str]) -> str | None:
    """How the step differs from its title; None if it does not."""
    if code != step.code:
        return f"ended with exit status {code}, not {step.code}"
    if re.search(".*".join(step.said), output, re.DOTALL) is None:
        return f"did not print {' and then '.join(step.said)}"
    if list(writes) != list(step.writes):
        return f"has written to {', '.join(writes) or 'nothing'}, not to {', '.join(step.writes) or 'nothing'}"
    return None


def print_table(costs: Iterable[Cost]) -> None:
    """Print the cost of each step."""
    print(f"\n{'step':<28}{'requests to DSM':>16}{'to Azure':>10}{'writes':>8}{'seconds':>9}")
    for cost in costs:
        print(f"{cost.title:<28}{cost.dsm:>16}{cost.azure:>10}{cost.writes:>8}{cost.seconds:>9.1f}")


if __name__ == "__main__":
    sys.exit(main())
