# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is the built collection fit to be given away: nothing in it that does not belong, and usable as it is?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

MAX_BYTES = 20 * 1000 * 1000  # what Galaxy takes

# What a collection consists of; it must work with these alone.
ESSENTIAL = frozenset({"meta", "playbooks", "plugins", "roles"})
MANIFESTS = frozenset({"FILES.json", "MANIFEST.json"})
MUST_READ = frozenset({"COPYING", "README.md"})
DOCUMENTS = MUST_READ | frozenset(
    {
        ".ansible-lint",
        "CHANGELOG.md",
        "CODE_OF_CONDUCT.md",
        "LICENSES",
        "SECURITY.md",
        "changelogs",
        "docs",
        "execution-environment.yml",
        "extensions",
        "requirements.txt",
    }
)
# ansible-test reads these when somebody else tests the collection.
TEST_SETTINGS = frozenset({"tests", "tests/config.yml"})


def complaints_about(archive: Path) -> list[str]:
    """What is wrong with the archive's size and content."""
    complaints = []
    if archive.stat().st_size > MAX_BYTES:
        complaints.append(f"{archive.name} is larger than the {MAX_BYTES} bytes that Galaxy takes")
    with tarfile.open(archive) as content:
        names = [member.name.removeprefix("./") for member in content.getmembers()]
    for name in names:
        top = name.split("/", 1)[0]
        belongs = top in ESSENTIAL | MANIFESTS | DOCUMENTS or name in TEST_SETTINGS
        if not belongs or "__pycache__" in name or name.endswith((".pyc", ".pem", ".key", ".orig")):
            complaints.append(f"{name} does not belong in the collection (galaxy.yml: build_ignore)")
    complaints.extend(f"{name} is missing" for name in sorted((ESSENTIAL | MUST_READ) - set(names)))
    return complaints


def documented_modules(archive: Path, collections: Path, ansible_bin: Path) -> set[str]:
    """Install the archive, keep only what a collection must work with, and ask Ansible which modules it understands."""
    shutil.rmtree(collections, ignore_errors=True)
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    where = ["--collections-path", str(collections)]
    ansible(["ansible-galaxy", "collection", "install", str(archive), "--offline", *where], ansible_bin, environment)
    for entry in (collections / "ansible_collections" / "fortanix" / "dsm").iterdir():
        if entry.name not in ESSENTIAL | MANIFESTS:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    listing = ansible(["ansible-doc", "--type", "module", "--list", "--json", "fortanix.dsm"], ansible_bin, environment)
    names = sorted(json.loads(listing))
    if names:
        ansible(["ansible-doc", "--type", "module", "--json", *names], ansible_bin, environment)
    return {name.rsplit(".", 1)[-1] for name in names}


def ansible(command: list[str], ansible_bin: Path, environment: dict[str, str]) -> str:
    """The standard output of one of Ansible's commands; what it said on both streams when it fails."""
    done = subprocess.run(
        [str(ansible_bin / command[0]), *command[1:]], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
