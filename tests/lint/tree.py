# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clean copy of the work tree at a path that Ansible's tools accept.

ansible-test wants the collection physically below ansible_collections/ and refuses a link; and no tool that works in
the copy can stray into .venv, .build or another ignored folder.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path


def copy_work_tree(root: Path, target: Path, *, is_wanted: Callable[[str], bool] = lambda _name: True) -> None:
    """Copy what git tracks or would track, as it is now, committed or not; the copy holds nothing else afterwards."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in sorted(set(filter(None, listing.split("\0")))):
        if not is_wanted(name):
            continue
        source = root / name
        if not source.is_symlink() and not source.is_file():
            continue  # tracked, but deleted in the work tree
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)
    # Tools that ask git for a list of files must ask this copy, not the repository around it, which ignores .build.
    subprocess.run(["git", "-c", "init.defaultBranch=main", "init", "--quiet"], cwd=target, check=True)
