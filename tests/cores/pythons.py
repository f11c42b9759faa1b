# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds an installed Python for an ansible-core: the one that runs this, one on PATH, or one that pyenv installed."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

Version = tuple[int, int]


def python_between(oldest: Version, newest: Version) -> str | None:
    """The path of a Python of these minor versions that can create environments; None when there is none.

    That of .venv comes first, then the oldest: constraints.txt is made with the oldest Python that the tests run on.
    """
    if oldest <= sys.version_info[:2] <= newest:
        return sys.executable
    versions = [(oldest[0], minor) for minor in range(oldest[1], newest[1] + 1)]
    candidates = (path for version in versions for path in _candidates(version) if is_usable(path, version))
    return next(candidates, None)


def _candidates(version: Version) -> Iterator[str]:
    """What may be a Python of this version: on PATH, in each folder of it, then the releases below pyenv's root."""
    name = f"python{version[0]}.{version[1]}"
    for folder in os.get_exec_path():
        if found := shutil.which(name, path=folder):
            yield found
    # Final releases only: 3.13.1, but neither 3.13-dev nor 3.13.1t nor an environment.
    release = re.compile(rf"{version[0]}\.{version[1]}\.(\d+)")
    folders = (_pyenv_root() / "versions").glob("*")
    installed = {int(match[1]): path for path in folders if (match := release.fullmatch(path.name))}
    for _patch, path in sorted(installed.items(), reverse=True):
        yield str(path / "bin" / name)


def _pyenv_root() -> Path:
    """$PYENV_ROOT, ~/.pyenv, or .pyenv in the home directory of the user, as HOME may be set to another folder."""
    if root := os.environ.get("PYENV_ROOT"):
        return Path(root)
    own = Path(os.path.expanduser("~"), ".pyenv")
    if own.is_dir():
        return own
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv")
    except KeyError:  # a user without an entry, as in containers
        return own


def is_usable(python: str, version: Version) -> bool:
    """Whether it runs (a shim of pyenv may not), is that version, and has what `python -m venv` needs.

    Debian has venv without ensurepip where python3-venv is not installed.
    """
    program = f"import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != {version})"
    try:
        done = subprocess.run(
            [python, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
