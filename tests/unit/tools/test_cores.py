# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make test-cores`: which ansible-cores it runs, the Python it finds for each, and what their environments contain."""

from __future__ import annotations

import ast
import pwd
import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import parse

from cores.pythons import Version, is_usable, python_between
from cores.run import CORES, TESTS, TOOLS, Core, CoreError, main
from support.environments import NoEnvironment, chosen, distribution, lines_of
from unit.builders import ROOT

PYTHONS = (11, 12, 13, 14)
OWN = {"ansible_collections", *(path.name for path in (ROOT / "tests").iterdir() if path.is_dir())}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, in full."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def files_of_the_tests() -> set[Path]:
    """Where the tests start, what pytest loads beside them, the sandbox, and all of our own that these import."""
    tests = ROOT / "tests"
    starts = [path for name in TESTS for path in sorted((ROOT / name).glob("*.py")) or [ROOT / name]]
    waiting, found = [*starts, *(tests / "unit").glob("conftest.py"), *(tests / "sandbox").rglob("*.py")], set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            names = [tests / name.replace(".", "/") for name in imported(path)]
            waiting += [file for name in names if (file := name.with_suffix(".py")).exists()]
    return found


def test_the_tests_import_only_what_the_environments_of_the_cores_have() -> None:
    installed = {distribution(line) for line in (*TOOLS, *lines_of("requirements.txt"), "ansible-core")}
    installed |= {distribution(line) for line in requires("ansible-core") or ()}
    distributions = packages_distributions()

    files = files_of_the_tests()
    lacking = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if (top := name.partition(".")[0]) not in {*sys.stdlib_module_names, *OWN}
        and installed.isdisjoint(map(distribution, distributions.get(top, ())))
    }

    assert ROOT / "tests/support/playbook.py" in files
    assert lacking == set()


# --- Which cores ------------------------------------------------------------------------------------------------------


def series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def own_core(minor: int) -> str:
    """The ansible-core of .venv with this Python 3."""
    pins = [Requirement(line) for line in chosen("requirements-sandbox.txt", {"ansible-core"})]
    (pin,) = (pin for pin in pins if pin.marker is None or pin.marker.evaluate({"python_version": f"3.{minor}"}))
    return str(pin.specifier).removeprefix("==")


def test_the_oldest_promised_core_runs_by_default_and_the_documentation_lists_those_that_run() -> None:
    promised = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    by_default = [core.version for core in CORES if core.by_default]
    oldest = series(by_default[0])

    assert promised == f">={oldest}.0"
    tested = {series(version) for version in (*by_default, *map(own_core, PYTHONS))}
    *first, last = sorted(tested, key=parse)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Tested with ansible-core {', '.join(first)} and {last}." in readme


@pytest.mark.parametrize("minor", PYTHONS)
def test_the_environment_of_a_python_has_the_newest_core_that_it_runs(minor: int) -> None:
    newest = max((core for core in CORES if core.oldest_python <= (3, minor)), key=lambda core: parse(core.version))

    assert own_core(minor) == newest.version


# --- Which Python -----------------------------------------------------------------------------------------------------

OWN_PYTHON = sys.version_info[:2]
# A version that the Python of these tests is not. What is called so here are scripts that end with an exit status.
OTHER = (OWN_PYTHON[0], OWN_PYTHON[1] + 1)
NAME = f"python{OTHER[0]}.{OTHER[1]}"
RUNS, FAILS = 0, 127


def script(path: Path, lines: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def python_at(path: Path, status: int = RUNS) -> str:
    return script(path, f"exit {status}")


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three folders without a Python: ``path`` on PATH, ``home`` as HOME, ``account`` in the password database."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_dir=str(tmp_path / "account")))
    return tmp_path


def test_the_python_of_the_environment_comes_first(nothing_installed: Path) -> None:
    python_at(nothing_installed / "path" / NAME)

    assert python_between(OWN_PYTHON, OTHER) == sys.executable


def test_a_shim_that_does_not_run_does_not_hide_a_python_behind_it(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_at(nothing_installed / "shims" / NAME, FAILS)
    found = python_at(nothing_installed / "path" / NAME)
    monkeypatch.setenv("PATH", f"{nothing_installed / 'shims'}:{nothing_installed / 'path'}")

    assert python_between(OTHER, OTHER) == found


@pytest.mark.parametrize("place", ["root", "home/.pyenv", "account/.pyenv"])
def test_a_release_that_pyenv_installed_is_found(
    place: str, nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "root":
        monkeypatch.setenv("PYENV_ROOT", str(nothing_installed / place))
    python_at(nothing_installed / "path" / NAME, FAILS)
    versions, number = nothing_installed / place / "versions", NAME.removeprefix("python")
    found = [python_at(versions / f"{number}{end}" / "bin" / NAME) for end in ("-dev", ".9", ".10", ".11t", ".12rc1")]

    assert python_between(OTHER, OTHER) == found[2]


def test_an_older_python_is_preferred_and_one_outside_of_the_range_is_not_found(nothing_installed: Path) -> None:
    major, minor = OTHER
    versions = nothing_installed / "account/.pyenv/versions"
    for more in (0, 2):
        python_at(nothing_installed / "path" / f"python{major}.{minor + more}")
    found = python_at(versions / f"{major}.{minor + 1}.0" / "bin" / f"python{major}.{minor + 1}")

    assert python_between((major, minor + 1), (major, minor + 2)) == found
    assert python_between((major, minor + 3), (major, minor + 4)) is None


@pytest.mark.parametrize(("missing", "usable"), [("ensurepip", False), ("venv", False), ("nothing", True)])
def test_a_python_has_to_have_venv_and_ensurepip(missing: str, usable: bool, tmp_path: Path) -> None:
    without = f"import sys; sys.modules['{missing}'] = None; "
    python = script(tmp_path / "python", f'exec {sys.executable} -c "{without}$2"')

    assert is_usable(python, OWN_PYTHON) == usable
    assert not is_usable(python, OTHER)


# --- What is reported -------------------------------------------------------------------------------------------------

NEEDS = "ansible-core 2.21.5: needs Python 3.12 to 3.14, none is installed"


def no_python_for_the_newest(oldest: Version, _newest: Version) -> str | None:
    return None if oldest > (3, 11) else "python"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions whose tests ran, none of which is really run. No Python is installed for 2.20 and 2.21."""
    versions: list[str] = []

    def run_tests(core: Core, _python: Path) -> float:
        versions.append(core.version)
        return 1.0

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("cores.run.python_between", no_python_for_the_newest)
    monkeypatch.setattr("cores.run.environment_of", lambda _core, _python: Path("python"))
    monkeypatch.setattr("cores.run.run_tests", run_tests)
    return versions


def test_a_core_without_a_python_is_reported_as_not_run(ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    assert ran == ["2.17.14"]
    not_run = f"not run  {NEEDS}"
    assert capsys.readouterr().out.splitlines() == [not_run, "ok       ansible-core 2.17.14      1 s", not_run]


def test_a_core_without_a_python_fails_in_ci_and_the_others_run(
    ran: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")

    assert main([]) == 1

    assert ran == ["2.17.14"]
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == (f"FAILED   {NEEDS}", f"FAILED   {NEEDS}")


@pytest.mark.parametrize("names", [["2.18"], ["2.18", "2.17"]])
def test_a_core_that_is_named_runs(names: list[str], ran: list[str]) -> None:
    assert main(names) == 0

    assert sorted(map(series, ran)) == sorted(names)


def test_a_core_alone_without_a_python_is_reported_once(ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["2.21"]) == 0

    assert (ran, capsys.readouterr().out) == ([], f"not run  {NEEDS}\n")


def test_an_unknown_core_is_an_error(ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["2.16"]) == 2

    assert ran == []
    assert "2.17.14, 2.18.19, 2.19.14, 2.20.10, 2.21.5" in capsys.readouterr().out


@pytest.mark.parametrize("error", [CoreError, NoEnvironment])
def test_a_core_that_fails_does_not_stop_the_others(
    error: type[Exception], ran: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_tests(core: Core, _python: Path) -> float:
        if core.version.startswith("2.17"):
            raise error("why it failed")
        ran.append(core.version)
        return 1.0

    monkeypatch.setattr("cores.run.run_tests", run_tests)

    assert main(["2.17", "2.18"]) == 1

    assert ran == ["2.18.19"]
    assert "FAILED   ansible-core 2.17.14\nwhy it failed\n" in capsys.readouterr().out


# --- Pins -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minor", PYTHONS)
def test_each_distribution_has_one_pin_at_most_for_each_python(minor: int) -> None:
    python = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
    pins = [Requirement(line) for line in lines_of("constraints.txt")]

    assert {str(pin) for pin in pins if not re.fullmatch(r"==[^*,]+", str(pin.specifier))} == set()
    for_this = Counter(distribution(pin.name) for pin in pins if pin.marker is None or pin.marker.evaluate(python))
    assert {name for name, count in for_this.items() if count > 1} == set()


@pytest.mark.parametrize(
    "requirement",
    [
        "Ruamel.Yaml==0.19.1",
        "ruamel_yaml",
        "ruamel-yaml>=0.18,<1",
        "ruamel.yaml[jinja2]~=0.18",
        'ruamel.yaml; python_version < "3.12"',
        'ruamel.yaml==0.19.1; python_version < "3.12"',
        "ruamel.yaml;python_version<'3.12'",
        "ruamel.yaml (>=0.18)",
        "ruamel.yaml@https://example.com/ruamel.yaml.zip",
    ],
)
def test_the_name_of_a_distribution_is_read_from_each_form_of_a_requirement(requirement: str) -> None:
    assert distribution(requirement) == "ruamel-yaml"
