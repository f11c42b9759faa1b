# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the playbook tests with the older ansible-cores that meta/runtime.yml promises. Started by `make test-cores`.

Each core has an environment of its own below .build/cores, made once. The tests are those of `make test`: every one
that runs a playbook, in one variant each (playbooks_only.py), and those that ask Ansible for the documentation.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build" / "cores"
TESTS = ("tests/integration", "tests/unit/test_specs_agree.py")
TEST_TOOLS = ("hypothesis", "jsonschema", "pytest", "pytest-xdist")
# Seconds for the tests of one core. More is a defect of the tests, or of this choice of them.
LIMIT = 400


class CoresError(Exception):
    """Something that stops the run; the text is for the person who started it."""


@dataclass(frozen=True)
class Core:
    """One release of ansible-core, the newest of its series."""

    version: str
    newest_python: tuple[int, int]
    # Distributions that this release wants in another version than constraints.txt has.
    deviations: tuple[str, ...] = ("resolvelib==1.0.1",)

    @property
    def directory(self) -> Path:
        return BUILD / self.version


CORES = (Core("2.17.14", (3, 12)), Core("2.18.19", (3, 13)))


def main(wanted: list[str]) -> int:
    chosen = [core for core in CORES if not wanted or core.version.startswith(tuple(wanted))]
    if not chosen:
        print(f"No ansible-core {', '.join(wanted)} here; there are: {', '.join(core.version for core in CORES)}")
        return 2
    failed = []
    for core in chosen:
        try:
            python = environment_of(core)
            took = run_tests(core, python)
        except CoresError as error:
            failed.append(core.version)
            print(f"FAILED  ansible-core {core.version}\n{error}\n", flush=True)
        else:
            print(f"ok      ansible-core {core.version}  {took:5.0f} s", flush=True)
    return bool(failed)


def environment_of(core: Core) -> Path:
    """The Python of the core's environment, which is made when there is none or when its content has to change."""
    constraints, requirements = pins_for(core)
    content = hashlib.sha256(f"{ROOT}\n{constraints}\n{requirements}".encode()).hexdigest()
    stamp = core.directory / "made-from"
    python = core.directory / "bin" / "python"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == content:
        return python
    print(f"Making an environment with ansible-core {core.version} (once) ...", flush=True)
    shutil.rmtree(core.directory, ignore_errors=True)
    command([base_python(core), "-m", "venv", str(core.directory)])
    (core.directory / "constraints.txt").write_text(constraints, encoding="utf-8")
    (core.directory / "requirements.txt").write_text(requirements, encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    files = ["--constraint", "constraints.txt", "--requirement", "requirements.txt"]
    command([*pip, *files], cwd=core.directory)
    stamp.write_text(content, encoding="utf-8")
    return python


def pins_for(core: Core) -> tuple[str, str]:
    """What constrains, and what is installed: the development environment's pins, but for this core's own."""
    own = [f"ansible-core=={core.version}", *core.deviations]
    names = {name_of(line) for line in own}
    shared = [line for line in lines_of("constraints.txt") if name_of(line) not in names]
    tools = [line for line in lines_of("requirements-dev.txt") if name_of(line) in TEST_TOOLS]
    wanted = [*lines_of("requirements.txt"), *lines_of("requirements-sandbox.txt"), *tools]
    requirements = [line for line in wanted if name_of(line) not in names]
    return "\n".join([*shared, *own, ""]), "\n".join([*requirements, *own, ""])


def lines_of(name: str) -> list[str]:
    """The requirements of a file, without comments and options."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]


def name_of(requirement: str) -> str:
    """The distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>!~ \[]", requirement, maxsplit=1)[0]).lower()


def base_python(core: Core) -> str:
    """A Python that this core supports: the one of .venv, or an older one that is installed."""
    own = sys.version_info[:2]
    if own <= core.newest_python:
        return sys.executable
    for minor in range(core.newest_python[1], 10, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return found
    newest = ".".join(map(str, core.newest_python))
    raise CoresError(f"ansible-core {core.version} runs on Python {newest} at most, and none such is installed.")


def command(arguments: list[str], cwd: Path = ROOT) -> None:
    done = subprocess.run(
        arguments, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise CoresError(f"$ {' '.join(arguments)}\n{done.stdout.rstrip()}\n(exit status {done.returncode})")


def run_tests(core: Core, python: Path) -> float:
    """Seconds that the tests took; raises when one failed, when none ran, or when they took too long."""
    plugins = ["-p", "cores.playbooks_only", "-o", f"cache_dir={core.directory / 'cache'}"]
    environment = {
        **os.environ,
        "EXPECTED_ANSIBLE_CORE": core.version,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT / "tests"),  # where pytest looks for the plugin
    }
    started = time.monotonic()
    arguments = [str(python), "-m", "pytest", "-q", *plugins, *TESTS]
    try:
        code = subprocess.run(arguments, cwd=ROOT, env=environment, timeout=LIMIT, check=False).returncode
    except subprocess.TimeoutExpired:
        raise CoresError(f"the tests took more than {LIMIT} s") from None
    if code != 0:
        raise CoresError(f"pytest ended with exit status {code}")
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
