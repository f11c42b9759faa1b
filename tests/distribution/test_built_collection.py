# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The built collection works in another place, and under another name."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from distribution.installation import Installation, build, install, said
from distribution.rename import copy_renamed
from sandbox import Sandbox
from support.playbook import ROOT

NEW_NAME = "acme.byok"


@pytest.fixture
def installed(sandbox: Sandbox, bare_ansible: Path, tmp_path: Path) -> Callable[[Path], Installation]:
    """Builds the collection of another source tree and installs it where nothing else is."""

    def build_and_install(source: Path) -> Installation:
        scratch = tmp_path / f"{source.name}-installed"
        scratch.mkdir()
        return Installation(install(build(source, scratch), scratch), bare_ansible, sandbox.environment(), scratch)

    return build_and_install


@pytest.fixture(scope="module")
def set_up(
    sandbox: Sandbox,
    bare_ansible: Path,
    collections: Path,
    variables: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """What a set-up by this collection says, built and installed where nothing else is."""
    place = Installation(collections, bare_ansible, sandbox.environment(), tmp_path_factory.mktemp("packaged"))
    return place.play("fortanix.dsm.setup", **variables)


def task(module: str, **options: Any) -> list[dict[str, Any]]:
    return [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [{module: options}]}]


def test_the_set_up_playbook_runs_from_the_built_collection(set_up: str) -> None:
    assert re.search(r"akv-packaged: connected, vault akv-sandbox-prem, keys \d+, changed", set_up)


@pytest.mark.long
def test_two_fields_are_enough_for_modules_under_another_name(
    installed: Callable[[Path], Installation], variables: dict[str, Any], tmp_path: Path
) -> None:
    """The plugins import each other relatively; only Ansible's own look-ups need the name."""
    source = tmp_path / "source"
    copy_renamed(ROOT, "fortanix.dsm", source)
    settings = yaml.safe_load((source / "galaxy.yml").read_text(encoding="utf-8"))
    settings |= dict(zip(("namespace", "name"), NEW_NAME.split("."), strict=True))
    (source / "galaxy.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    said_by_ansible = installed(source).play(task(f"{NEW_NAME}.cdc_group_info"))

    assert "failed=0" in said_by_ansible


def test_a_renamed_collection_works_and_takes_over_the_groups_of_the_old_one(
    set_up: str,
    installed: Callable[[Path], Installation],
    sandbox: Sandbox,
    variables: dict[str, Any],
    tmp_path: Path,
) -> None:
    renamed = tmp_path / "renamed"
    said([sys.executable, ROOT / "tests" / "distribution" / "rename.py", NEW_NAME, renamed], cwd=tmp_path)
    under_the_new_name = installed(renamed)

    mark = sandbox.journal.mark()
    taken_over = under_the_new_name.play(f"{NEW_NAME}.setup", **variables)

    assert re.search(r"akv-packaged: connected, vault akv-sandbox-prem, keys \d+, unchanged", taken_over)
    assert sandbox.journal.writes(since=mark) == []


def test_nothing_of_a_renamed_collection_bears_the_old_name(tmp_path: Path) -> None:
    copy_renamed(ROOT, NEW_NAME, tmp_path / "renamed")

    left = [
        f"{path.relative_to(tmp_path)}: {line.strip()}"
        for folder in ("meta", "playbooks", "plugins", "roles", "docs")
        for path in sorted((tmp_path / "renamed" / folder).rglob("*.*"))
        # A picture is no text, and is searched as well.
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if re.search(r"fortanix[./]dsm", line) and " contributors" not in line
    ]
    # The salt of the fingerprints that groups in DSM carry.
    assert [line.partition(":")[0] for line in left] == ["renamed/plugins/module_utils/_dsm/link/fingerprints.py"]


def test_the_image_of_a_renamed_collection_takes_its_archive(tmp_path: Path) -> None:
    copy_renamed(ROOT, NEW_NAME, tmp_path / "renamed")

    text = (tmp_path / "renamed" / "execution-environment.yml").read_text(encoding="utf-8")
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert yaml.safe_load(text)["additional_build_files"][0]["src"] == f"acme-byok-{version}.tar.gz"
    assert not re.search(r"fortanix-dsm-\d", text)


@pytest.mark.parametrize("name", ["acme", "Acme.byok", "acme.byok.more", "acme-x.byok"])
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is no name of a collection"):
        said([sys.executable, ROOT / "tests" / "distribution" / "rename.py", name, tmp_path / "x"], cwd=tmp_path)
