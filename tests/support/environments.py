# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python environments besides .venv, for tests that must not see what is in it. Each is made once, below .build."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class NoEnvironment(Exception):
    """An environment cannot be made; the text is what the tool said."""


def made_once(
    name: str,
    requirements: Sequence[str],
    *,
    own_pins: Sequence[str] = (),
    python: str = sys.executable,
    pinned: bool = True,
) -> Path:
    """The Python of an environment with these requirements, pinned by constraints.txt but for ``own_pins``.

    With ``pinned=False`` constraints.txt does not count: the requirements bring pins of their own.

    It is made when there is none, when its content has to change, and when this folder has moved.

    Raises:
        NoEnvironment: pip or venv has failed.
    """
    directory = ROOT / ".build" / name
    directory.parent.mkdir(parents=True, exist_ok=True)
    named = {distribution(line) for line in own_pins}
    shared = [line for line in lines_of("constraints.txt") if pinned and distribution(line) not in named]
    constraints, wanted = "\n".join([*shared, *own_pins, ""]), "\n".join([*requirements, ""])
    content = hashlib.sha256(f"{directory}\n{python}\n{constraints}\n{wanted}".encode()).hexdigest()
    stamp, interpreter = directory / "made-from", directory / "bin" / "python"
    # Several processes may ask at the same time.
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != content:
            shutil.rmtree(directory, ignore_errors=True)
            _run([python, "-m", "venv", str(directory)])
            (directory / "constraints.txt").write_text(constraints, encoding="utf-8")
            (directory / "requirements.txt").write_text(wanted, encoding="utf-8")
            # Python compiles what it imports, once; most of these libraries is never imported.
            options = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-compile")
            pip = [str(interpreter), "-m", "pip", "install", *options]
            files = ["--constraint", str(directory / "constraints.txt"), "-r", str(directory / "requirements.txt")]
            _run([*pip, *files])
            stamp.write_text(content, encoding="utf-8")
    return interpreter


def lines_of(name: str) -> list[str]:
    """The requirements in a file of the root, without comments and options."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]


def chosen(name: str, distributions: Collection[str]) -> list[str]:
    """The lines of a requirements file that concern these distributions."""
    return [line for line in lines_of(name) if distribution(line) in distributions]


def distribution(requirement: str) -> str:
    """The name of the distribution in its normal form, without extras, versions, an address and a marker."""
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>!~ \[;@(]", requirement, maxsplit=1)[0]).lower()


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoEnvironment(f"$ {' '.join(command)}\n{done.stdout.rstrip()}\n(exit status {done.returncode})")
