# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of `make dist`: addresses, changelog, and pages that name nothing but what the archive has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from distribution.artifact import (
    CHECKOUT_ONLY,
    END,
    ArtifactError,
    address_of,
    addresses,
    build_artifact,
    checked_repository,
    without_checkout_parts,
)
from distribution.conftest import Once
from distribution.installation import install
from distribution.pages import complaints
from support.playbook import ROOT

REPOSITORY = "https://github.com/example/fortanix.dsm"
VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def files_of_the_tree() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="session")
def published(once_for_all_workers: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of `make dist`, installed."""

    def build() -> Path:
        folder = tmp_path_factory.mktemp("published")
        archive = build_artifact(ROOT, folder / "dist", repository=REPOSITORY)
        return install(archive, folder) / "ansible_collections/fortanix/dsm"

    content: Path = once_for_all_workers("published", build)
    return content


def test_the_metadata_has_the_addresses_of_the_repository(published: Path) -> None:
    information = json.loads((published / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]

    assert {key: information[key] for key in ("repository", "homepage", "documentation", "issues")} == {
        "repository": REPOSITORY,
        "homepage": REPOSITORY,
        "documentation": f"{REPOSITORY}/blob/HEAD/README.md",
        "issues": f"{REPOSITORY}/issues",
    }


def test_the_changelog_is_that_of_the_version(published: Path) -> None:
    changelog = (published / "CHANGELOG.md").read_text(encoding="utf-8")
    changes = yaml.safe_load((published / "changelogs/changelog.yaml").read_text(encoding="utf-8"))

    assert f"## v{VERSION}" in changelog.replace("\\", "").splitlines()
    assert VERSION in changes["releases"]
    assert list((published / "changelogs/fragments").glob("*.yml")) == []


def test_pages_link_to_what_exists_and_name_nothing_that_only_a_checkout_has(published: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)

    assert {"demo", "test", "dist"} <= set(targets)
    assert complaints(published, files_of_the_tree(), targets) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[page](gone.md)", "page.md: gone.md: no such file"),
        ("[page](../outside.md)", "page.md: ../outside.md: no such file"),
        ("[page](#nothing)", "page.md: #nothing: no such heading"),
        ("[`page`](other.md#gone)", "page.md: other.md#gone: no such heading"),
        ("![picture](gone.png)", "page.md: gone.png: no such file"),
        ("<img src='gone.png'>", "page.md: gone.png: no such file"),
        ("See `make demo`.", "page.md: `make demo` needs a Makefile"),
        ("```sh\nmake demo\n```", "page.md: `make demo` needs a Makefile"),
        ("See `tests/unit/x.py`.", "page.md: the archive has no tests/unit/x.py"),
        ("See tests/unit/.", "page.md: the archive has no tests/unit"),
        ("`.venv/bin/python`", "page.md: the archive has no .venv/bin/python"),
        ("The Makefile", "page.md: the archive has no Makefile"),
        ("[other](other.md#a-b-c) [here](#page) [`x`](https://example.com/gone.md), make demos, tests", None),
        ("[tests/unit](https://example.com/tests/unit)", None),
        ("```\n[a](gone.md)\n```", None),
    ],
)
def test_a_fault_of_a_page_is_found(text: str, complaint: str | None, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")
    (tmp_path / "other.md").write_text("## A, b: `c`\n", encoding="utf-8")

    found = complaints(tmp_path, ["Makefile", "tests/unit/x.py", "other.md"], ["demo"])

    assert found == ([complaint] if complaint else [])


@pytest.mark.parametrize(
    ("address", "checked"),
    [
        ("https://github.com/acme/byok/", "https://github.com/acme/byok"),
        ("https://gitlab.example.com/acme/sub/byok.git", "https://gitlab.example.com/acme/sub/byok"),
    ],
)
def test_the_address_of_a_repository_is_taken(address: str, checked: str) -> None:
    assert checked_repository(address) == checked


@pytest.mark.parametrize(
    "address",
    [
        "http://github.com/a/b",
        "git@github.com:a/b.git",
        "https://github.com",
        "https://github.com/a",
        "https://me:hunter2@github.com/a/b",
        "https://:hunter2@github.com/a/b",
        "https://github.com/a/b?token=hunter2",
        "https://github.com/a/b: c",
        "https://[bad/x",
        "https://github.com/OWNER/REPOSITORY",
    ],
)
def test_what_is_no_address_of_a_repository_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ArtifactError, match="REPOSITORY must be the https URL of a repository") as refusal:
        checked_repository(address)
    assert "hunter2" not in str(refusal.value)


def test_make_dist_without_a_repository_is_refused_with_one_sentence() -> None:
    command = [sys.executable, "-m", "distribution.artifact"]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Set REPOSITORY to the public address of the repository: "
        "make dist REPOSITORY=https://github.com/OWNER/REPOSITORY\n"
    )


def test_addresses_are_derived_for_known_hosts_only() -> None:
    gitlab, other = "https://gitlab.com/a/b", "https://git.example.com/a/b"

    assert addresses(gitlab)["issues"] == f"{gitlab}/-/issues"
    assert addresses(other) == {"repository": other, "homepage": other}
    assert address_of(REPOSITORY, "1.0.0", "tests/x.md") == f"{REPOSITORY}/blob/v1.0.0/tests/x.md"
    assert address_of(gitlab, "1.0.0", "demo") == f"{gitlab}/-/blob/v1.0.0/demo"
    assert address_of(other, "1.0.0", "demo") == other


def test_parts_for_a_checkout_are_removed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"a\n\n{CHECKOUT_ONLY}\nb\n{END}\n\n`{END}`\n\n{CHECKOUT_ONLY}\nd\n{END}\n", encoding="utf-8")

    assert without_checkout_parts(page) == f"a\n\n`{END}`\n\n"


@pytest.mark.parametrize("text", [f"{CHECKOUT_ONLY}\na\n", f"a\n{END}\n", f"a {CHECKOUT_ONLY}\nb\n{END}\n"])
def test_a_marker_without_its_pair_is_refused(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")

    with pytest.raises(ArtifactError, match="must each stand alone in a line, in pairs"):
        without_checkout_parts(page)


@pytest.mark.long
def test_the_archive_is_built_under_another_name(tmp_path: Path) -> None:
    archive = build_artifact(ROOT, tmp_path / "dist", repository="https://gitlab.com/acme/byok", name="acme.byok")

    content = install(archive, tmp_path) / "ansible_collections/acme/byok"
    information = json.loads((content / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]
    assert archive.name == f"acme-byok-{VERSION}.tar.gz"
    assert (information["namespace"], information["name"]) == ("acme", "byok")
    assert information["repository"] == "https://gitlab.com/acme/byok"
