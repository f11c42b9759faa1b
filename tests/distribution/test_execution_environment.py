# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""execution-environment.yml, as far as ansible-builder goes without a container engine.

That what the image installs runs a playbook is the matter of the tests beside this one: they use ``bare_ansible``,
which is made of the same requirements.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from distribution.installation import plain_environment, said
from support.environments import chosen, distribution, lines_of
from support.playbook import ROOT

DEFINITION = ROOT / "execution-environment.yml"
BUILDER = Path(sys.executable).with_name("ansible-builder")


@pytest.fixture(scope="module")
def context(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `ansible-builder create` lays out for a container engine."""
    project = tmp_path_factory.mktemp("image")
    shutil.copy(DEFINITION, project)
    shutil.copy(archive, project)
    where = ["--context", project / "context", "--output-filename", "Containerfile"]
    said([BUILDER, "create", *where], cwd=project, env=plain_environment())
    return project / "context"


def test_the_image_is_built_with_the_archive_of_the_collection(context: Path, archive: Path) -> None:
    wanted = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))

    ((collection,),) = wanted.values()
    assert (context / "_build" / collection["name"]).read_bytes() == archive.read_bytes()
    steps = (context / "Containerfile").read_text(encoding="utf-8")
    settings = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))["dependencies"]
    tools = " ".join(settings[name]["package_pip"] for name in ("ansible_core", "ansible_runner"))
    assert f'ARG ANSIBLE_INSTALL_REFS="{tools}"' in steps
    assert f'ARG PYCMD="{settings["python_interpreter"]["python_path"]}"' in steps


def test_the_image_gets_the_requirements_of_the_collection(collections: Path, tmp_path: Path) -> None:
    """What is run while the image is built, with the collection installed in it."""
    files = ["--write-pip", tmp_path / "pip", "--write-bindep", tmp_path / "bindep"]

    said([BUILDER, "introspect", collections, *files], cwd=tmp_path, env=plain_environment())

    found = [line.partition("#")[0].strip() for line in (tmp_path / "pip").read_text(encoding="utf-8").splitlines()]
    assert sorted(filter(None, found)) == sorted(lines_of("requirements.txt"))
    assert not (tmp_path / "bindep").exists()


@pytest.mark.parametrize(
    ("name", "pinned_in"), [("ansible_core", "requirements-sandbox.txt"), ("ansible_runner", "requirements-dev.txt")]
)
def test_the_image_may_have_the_releases_that_the_tests_run(name: str, pinned_in: str) -> None:
    allowed = Requirement(yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))["dependencies"][name]["package_pip"])

    pinned = [Requirement(line) for line in chosen(pinned_in, {distribution(allowed.name)})]
    versions = [str(one.specifier).removeprefix("==") for one in pinned]
    assert versions
    assert [version for version in versions if not allowed.specifier.contains(version)] == []
