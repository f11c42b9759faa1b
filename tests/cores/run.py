# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the playbook tests with the oldest and the newest supported ansible-core. Started by `make test-cores`.

Releases between them run when they are named. Each core has an environment of its own below .build/cores, created once.
The tests are those of `make test` that prove what is up to Ansible itself (every_core.py). A module, role or playbook
that none of them has run fails the core.

A core for which no Python is installed is reported as "not run". In CI it fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cores.pythons import Version, python_between
from support.environments import ROOT, NoEnvironment, chosen, lines_of, made_once

TESTS = ("tests/integration", "tests/unit/test_specs_agree.py")
# What the tests and the sandbox import besides the collection's own libraries (test_cores.py compares).
TOOLS = (
    "aiohttp",
    "allpairspy",
    "cryptography",
    "h11",
    "hypothesis",
    "jsonschema",
    "pyjwt",
    "pytest",
    "pytest-xdist",
    "trustme",
)
# Seconds after which the tests of one core count as hanging. A loaded machine takes several times longer.
LIMIT = 2400

# This playbook has modules of awx.awx alone; tests/distribution runs it with others in their place, under one core.
ELSEWHERE = {"awx.yml"}


class CoreError(Exception):
    """Why a core has failed; the text is for the person who started the run."""


@dataclass(frozen=True)
class Core:
    """One release of ansible-core, the newest of its series."""

    version: str
    # The range of Python that its metadata names, as far as the tests run on it: they need 3.11.
    oldest_python: Version
    newest_python: Version
    # Distributions that this release requires in another version than constraints.txt has.
    deviations: tuple[str, ...] = ()
    # False: runs only when it is named.
    by_default: bool = True


# The oldest that meta/runtime.yml promises, and the newest release. `make test` runs everything with the one of .venv,
# the newest that its Python can run: 2.19 with Python 3.11.
CORES = (
    Core("2.17.14", (3, 11), (3, 12), ("resolvelib==1.0.1",)),
    Core("2.18.19", (3, 11), (3, 13), ("resolvelib==1.0.1",), by_default=False),
    Core("2.19.14", (3, 11), (3, 13), by_default=False),
    Core("2.20.10", (3, 12), (3, 14), by_default=False),
    Core("2.21.5", (3, 12), (3, 14)),
)


def main(wanted: list[str]) -> int:
    cores = [core for core in CORES if (core.version.startswith(tuple(wanted)) if wanted else core.by_default)]
    if not cores:
        print(f"No ansible-core {', '.join(wanted)} here; there are: {', '.join(core.version for core in CORES)}")
        return 2
    pythons = {core: python_between(core.oldest_python, core.newest_python) for core in cores}
    runnable = {core: python for core, python in pythons.items() if python is not None}
    lacking = [core for core in cores if core not in runnable]
    in_ci = bool(os.environ.get("CI"))
    without_python = [f"{'FAILED ' if in_ci else 'not run'}  {needs(core)}" for core in lacking]
    # Before the output of the tests, and again after it, where it cannot be overlooked.
    report(without_python)
    failed = lacking if in_ci else []
    pool = ThreadPoolExecutor()
    environments = {core: pool.submit(environment_of, core, python) for core, python in runnable.items()}
    for core, environment in environments.items():
        try:
            took = run_tests(core, environment.result())
        except (CoreError, NoEnvironment) as error:
            failed.append(core)
            report([f"FAILED   ansible-core {core.version}\n{error}\n"])
        else:
            report([f"ok       ansible-core {core.version}  {took:5.0f} s"])
    if environments:
        report(without_python)
    return bool(failed)


def needs(core: Core) -> str:
    oldest, newest = (".".join(map(str, version)) for version in (core.oldest_python, core.newest_python))
    return f"ansible-core {core.version}: needs Python {oldest} to {newest}, none is installed"


def report(lines: list[str]) -> None:
    for line in lines:
        print(line, flush=True)


def environment_of(core: Core, python: str) -> Path:
    """The Python of the core's environment: the run-time libraries, the sandbox's and the tests', and this core."""
    pins = [f"ansible-core=={core.version}", *core.deviations]
    tools = [*chosen("requirements-sandbox.txt", TOOLS), *chosen("requirements-dev.txt", TOOLS)]
    requirements = [*lines_of("requirements.txt"), *tools, *pins]
    return made_once(f"cores/{core.version}", requirements, own_pins=pins, python=python)


def run_tests(core: Core, python: Path) -> float:
    """Seconds that the tests took; raises when one failed, when they took too long, or when they left something out."""
    plugins = ["-p", "cores.every_core", "-o", f"cache_dir=.build/cache/pytest-{core.version}"]
    record = ROOT / ".build" / "cores" / f"ran-{core.version}.txt"
    record.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "EXPECTED_ANSIBLE_CORE": core.version,
        "RECORDER_RAN": str(record),
        "PYTHONPATH": str(ROOT / "tests"),  # where pytest looks for the plugin
    }
    started = time.monotonic()
    arguments = [str(python), "-m", "pytest", "-q", *plugins, *TESTS]
    try:
        code = subprocess.run(arguments, cwd=ROOT, env=environment, timeout=LIMIT, check=False).returncode
    except subprocess.TimeoutExpired:
        raise CoreError(f"the tests took more than {LIMIT} s") from None
    if code != 0:
        raise CoreError(f"pytest ended with exit status {code}")
    ran = set(record.read_text(encoding="utf-8").splitlines()) if record.exists() else set()
    if left_out := sorted(promised() - ran):
        raise CoreError("No test that is marked with every_core has run:\n  " + "\n  ".join(left_out))
    return time.monotonic() - started


def promised() -> set[str]:
    """Each module, role and playbook that has to run, as the recorder of the tests writes down that it ran."""
    return {
        *(f"module fortanix.dsm.{path.stem}" for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")),
        *(f"role fortanix.dsm.{path.name}" for path in (ROOT / "roles").iterdir()),
        *(f"playbook {path}" for path in (ROOT / "playbooks").glob("*.yml") if path.name not in ELSEWHERE),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
