# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every YAML and shell block of README, docs and roles, and of the headers of playbooks, does what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Sandbox
from sandbox.rehearsal.files import write_files
from unit.builders import ROOT

from . import world
from .blocks import PAGES, PLAYBOOKS, Block, blocks_of, header_of, parsed
from .reader import Reader

Given = Callable[[Reader], Mapping[str, Any] | None]


def nothing(_reader: Reader) -> None:
    """Only what the page itself creates."""


def vaults(*names: str) -> Given:
    def given(reader: Reader) -> Mapping[str, Any]:
        world.add_vaults(reader.sandbox, *names)
        return {"vault_resource_id": world.vault_resource_id(reader.sandbox, names[0])}

    return given


def a_group(reader: Reader) -> Mapping[str, Any]:
    """A group in the vault of the same name, and a vault that it does not use."""
    found = vaults(world.VAULT, "akv-prod")(reader)
    group = world.add_group(reader.sandbox, vault={"name": world.VAULT})
    return {**(found or {}), "cdc_group_id": group["group_id"], "my_groups": [group]}


def a_group_and_a_source(reader: Reader) -> Mapping[str, Any]:
    """That group, a key of DSM, and an operator who may read the keys of the vault."""
    found = a_group(reader)
    world.add_source_key(reader.sandbox, "orders-master")
    world.let_operator_read_keys(reader.sandbox, world.VAULT)
    return found


def a_group_of_an_inventory(reader: Reader) -> Mapping[str, Any]:
    """An inventory with that group, and the policy of docs/compliance.md."""
    view = reader.view
    declared = {
        "cdc_setup_name": world.GROUP,
        "cdc_setup_link_tenant_id": view.tenant_id,
        "cdc_setup_link_client_id": view.client_id,
        "cdc_setup_link_subscription_id": view.subscription_id,
        "cdc_setup_vault": {"name": world.VAULT},
    }
    reader.save("groups.yml", yaml.safe_dump({"cdc": {"hosts": {world.GROUP: declared}}}))
    reader.save("policy.yml", next(one.text for one in blocks_of("docs/compliance.md") if one.file == "policy.yml"))
    return a_group(reader)


def a_group_and_variables(reader: Reader) -> Mapping[str, Any]:
    """The variables of a set-up with one group, as in playbooks/vars/setup.example.yml."""
    example = (ROOT / "playbooks/vars/setup.example.yml").read_text(encoding="utf-8")
    for name in ("my-group.yml", "my-groups.yml"):
        reader.save(name, example)
    return a_group_of_an_inventory(reader)


def the_files_of_a_sandbox(reader: Reader) -> None:
    """What a running sandbox leaves for other shells."""
    directory, sandbox = reader.home / ".build" / "sandbox", reader.sandbox
    directory.mkdir(parents=True)
    write_files(directory, sandbox.environment(), sandbox.world.public, sandbox.control_url)


def a_group_behind_a_proxy(reader: Reader) -> Mapping[str, Any]:
    """DSM reaches Azure through a proxy with a CA of its own. CA and client certificate are files of the reader."""
    found, fronts = a_group(reader), reader.sandbox.fronts
    for name, content in (
        ("proxy-ca.pem", fronts.ca_pem),
        ("fortanix/new-proxy-ca.pem", fronts.ca_pem),
        ("fortanix/proxy-client.crt", fronts.client_pair.certificate_pem),
        ("fortanix/proxy-client.key", fronts.client_pair.key_pem),
    ):
        reader.place(f"/etc/pki/{name}").write_text(content, encoding="utf-8")
    fronts.put("all")
    return found


def a_vault_of_the_government(reader: Reader) -> None:
    world.add_vaults(reader.sandbox, world.VAULT, cloud="government")


def declarations(reader: Reader) -> Mapping[str, Any]:
    """The groups of the page's inventory as a list, for the module cdc_groups."""
    text = next(block.text for block in blocks_of("docs/many-groups.md") if block.file == "groups.yml")
    inventory, prefix = parsed(reader.replaced(text))["cdc"], "cdc_setup_"
    groups = [{**inventory["vars"], **host} for host in inventory["hosts"].values()]
    return {
        "cdc_groups": [
            {name.removeprefix(prefix): value for name, value in group.items() if name.startswith(prefix)}
            for group in groups
        ]
    }


def variables_of_an_archive(reader: Reader) -> None:
    """What the page says of archive.yml."""
    text = next(block.text for block in blocks_of("docs/getting-started.md") if block.file == "my-group.yml")
    data = parsed(text.replace("production", "archive"))
    data["cdc_setup_application"] = {"unique_name": "fortanix-dsm-archive"}
    reader.save("archive.yml", yaml.safe_dump(data))


@dataclass(frozen=True)
class Story:
    """``given``: what exists before the first block. ``empty``: in a subscription without application and vaults.

    ``failing``: of the commands that may fail a part, with a pattern of what they print then.
    """

    given: Given = nothing
    empty: bool = False
    cloud: str = "public"
    failing: Mapping[str, str] = field(default_factory=dict)


# A run may pass or fail by its policy, as waivers expire with time.
BY_POLICY = {"fortanix.dsm.compliance": r"\d finding\(s\) fail"}
FROM_THE_TOP = ""
# Page -> its stories. Those with a heading begin there, in a world of their own.
STORIES: dict[str, dict[str, Story]] = {
    "README.md": {FROM_THE_TOP: Story(vaults(world.VAULT))},
    "docs/approvals.md": {FROM_THE_TOP: Story(a_group)},
    "docs/break-glass.md": {FROM_THE_TOP: Story(a_group)},
    "docs/compliance.md": {FROM_THE_TOP: Story(a_group_of_an_inventory, failing=BY_POLICY)},
    "docs/dependencies.md": {FROM_THE_TOP: Story(a_group)},
    "docs/faq.md": {FROM_THE_TOP: Story(a_group)},
    "docs/getting-started.md": {FROM_THE_TOP: Story(variables_of_an_archive, empty=True)},
    "docs/keys.md": {FROM_THE_TOP: Story(a_group_and_a_source)},
    "docs/many-groups.md": {FROM_THE_TOP: Story(a_group), "Set up many groups": Story(declarations, empty=True)},
    "docs/migration.md": {FROM_THE_TOP: Story(a_group)},
    "docs/permissions.md": {FROM_THE_TOP: Story(a_group)},
    "docs/rotation.md": {FROM_THE_TOP: Story(a_group), "TLS settings of the links": Story(a_group_behind_a_proxy)},
    "docs/sandbox.md": {FROM_THE_TOP: Story(the_files_of_a_sandbox)},
    "docs/secrets.md": {FROM_THE_TOP: Story(a_group)},
    "docs/tls-and-proxies.md": {FROM_THE_TOP: Story(a_group_behind_a_proxy)},
    "docs/troubleshooting.md": {FROM_THE_TOP: Story(a_group)},
    "docs/us-government.md": {FROM_THE_TOP: Story(a_vault_of_the_government, cloud="government")},
    "roles/azure_prereqs/README.md": {FROM_THE_TOP: Story(vaults(world.VAULT, "akv-archive"))},
    "roles/cdc_compliance/README.md": {FROM_THE_TOP: Story(a_group)},
    "roles/cdc_rotate/README.md": {FROM_THE_TOP: Story(a_group)},
    "roles/cdc_setup/README.md": {FROM_THE_TOP: Story(vaults(world.VAULT, "akv-archive"))},
    "playbooks/overview.yml": {FROM_THE_TOP: Story(a_group)},
    "playbooks/step_by_step.yml": {FROM_THE_TOP: Story(a_group_and_variables)},
    "playbooks/teardown.yml": {FROM_THE_TOP: Story(a_group_and_variables)},
}

# What is not run here: how a command begins, and why not.
NOT_RUN = {
    "export ": "sets the credentials, which the reader has in the environment",
    "make ": "is a target of the Makefile: test_every_target_is_in_the_makefile",
    "az ": "Azure's own tool; the documents that it is given are tested in unit/test_permission_documents.py",
    "terraform ": "Terraform's provider; see make test-terraform",
    "ansible-galaxy collection": "builds, installs and publishes: distribution/test_built_collection.py",
    "ansible-builder ": "needs a container engine; distribution/test_execution_environment.py",
    "podman ": "needs a container engine",
    "ansible-playbook fortanix.dsm.awx ": "needs AWX; distribution/test_awx_objects.py",
    "cd fortanix.dsm": "goes with git clone",
    "git ": "is the work of a contributor, after which the tests run",
    'PATH="$PWD/.venv/bin:$PATH" antsibull-changelog release': "releases: distribution/test_artifact.py",
    ".venv/bin/ansible-galaxy collection publish": "publishes",
    "python3 -m pip ": "installs what the tests themselves run with",
    "python3 tests/distribution/rename.py ": "distribution/test_built_collection.py",
    "cd /tmp/acme-byok": "distribution/test_built_collection.py",
    "python3.11 -m venv ": "renews the list of pinned versions",
    "python3.12 -m venv ": "renews the list of pinned versions",
    "/tmp/": "renews the list of pinned versions",
}


# Files that a page shows and no command of it uses, and why not.
ONLY_SHOWN = {
    ("CONTRIBUTING.md", "changelogs/fragments/sync-timeout.yml"): "the linter changelog reads such files",
    ("docs/awx.md", "awx-settings.yml"): "needs AWX; distribution/test_awx_data.py",
    ("docs/performance.md", "group_vars/all.yml"): "many-groups.md runs an inventory with these variables",
}


def reason_not_to_run(command: str) -> str | None:
    """The reason for a command, if there is one for each of its parts."""
    reasons = [
        next((reason for start, reason in NOT_RUN.items() if part.startswith(start)), None)
        for part in re.split(r"\s*(?:&&|\|\||;)\s*", command)
    ]
    return "; ".join(dict.fromkeys(map(str, reasons))) if all(reasons) else None


def form_of(command: str) -> tuple[str, ...]:
    """The playbook that a command runs, and the names of the options and variables that it gives."""
    names = sorted(re.findall(r"-e (?:@|\w+=)|(?<!\S)--?[a-z][\w-]*", command))
    return (*re.findall(r"\bfortanix\.dsm\.\w+", command), *names)


@cache
def run_by_guides() -> set[tuple[str, ...]]:
    return {
        form_of(command)
        for page in PAGES
        for block in runnable(page)
        if block.language == "sh"
        for command in block.commands
    }


def runnable(page: str) -> list[Block]:
    """The blocks of a page, without the commands that are not run here; of a playbook those that no guide runs."""
    found = []
    for block in [header_of(page)] if page in PLAYBOOKS else blocks_of(page):
        if block.language == "sh":
            kept = [command for command in block.commands if reason_not_to_run(command) is None]
            if page in PLAYBOOKS:
                kept = [command for command in kept if form_of(command) not in run_by_guides()]
            if kept:
                found.append(replace(block, fence=replace(block.fence, text="\n".join(kept))))
        elif block.language == "yaml":
            found.append(block)
    return found


@contextmanager
def begun(told: Story, directory: Path) -> Iterator[Reader]:
    with Sandbox.start(empty=told.empty) as sandbox:
        reader = Reader(sandbox, directory, world.variables(sandbox, told.cloud), told.cloud)
        # The sandbox's time does not pass by waiting.
        reader.variables["cdc_setup_wait_interval"] = 0
        reader.variables.update(told.given(reader) or {})
        yield reader
        assert sandbox.crashes == []


def parts(page: str) -> Iterator[tuple[Story, list[Block]]]:
    """The stories of a page, each with its blocks."""
    stories, current = STORIES.get(page, {FROM_THE_TOP: Story()}), FROM_THE_TOP
    told: dict[str, list[Block]] = {name: [] for name in stories}
    for block in runnable(page):
        current = block.section if block.section in stories else current
        told[current].append(block)
    for name, blocks in told.items():
        assert blocks, f"{page}: no block belongs to the story {name!r}"
        yield stories[name], blocks


SHOWN = [page for page in PAGES if runnable(page)]
SHOWN_TOO = [pytest.param(page, marks=pytest.mark.long) for page in PLAYBOOKS if runnable(page)]


@pytest.mark.parametrize("page", [*SHOWN, *SHOWN_TOO])
def test_what_a_page_shows_does_what_it_says(page: str, tmp_path: Path) -> None:
    for number, (told, blocks) in enumerate(parts(page)):
        directory = tmp_path / str(number)
        directory.mkdir()
        with begun(told, directory) as reader:
            for done in (done for block in blocks for done in reader.follow(block)):
                why = next((found for part, found in told.failing.items() if part in done.command), None)
                # A play that no host matched, or whose tasks were all skipped, shows nothing.
                assert "PLAY RECAP" not in done.output or re.search(r"\bok=[1-9]", done.output), done.output
                if done.code != 0:
                    assert (done.code, why is not None) == (2, True), f"{done.command}\n{done.output}"
                    assert re.search(why or "", done.output), done.output


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_has_a_language_that_is_known_here(page: str) -> None:
    assert {block.language for block in blocks_of(page)} <= {"sh", "yaml", "text", "python", "json", "terraform"}


@pytest.mark.parametrize("page", SHOWN)
def test_every_file_that_a_page_shows_is_used_by_a_command_of_it(page: str) -> None:
    blocks = runnable(page)
    commands = "\n".join(block.text for block in blocks if block.language == "sh")

    unused = {block.file for block in blocks if block.language == "yaml" and block.file and block.file not in commands}
    assert unused == {file for of, file in ONLY_SHOWN if of == page}


def test_every_exception_is_still_needed() -> None:
    commands = [
        command
        for page in [*PAGES, *PLAYBOOKS]
        for block in ([header_of(page)] if page in PLAYBOOKS else blocks_of(page))
        if block.language == "sh"
        for command in block.commands
    ]

    parts = [part for command in commands for part in re.split(r"\s*(?:&&|\|\||;)\s*", command)]
    assert [start for start in NOT_RUN if not any(part.startswith(start) for part in parts)] == []
    assert [page for page in STORIES if not runnable(page)] == []


def test_every_target_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"(?:`|^)make ([a-z][\w-]*)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert named
    assert named - targets == set()
