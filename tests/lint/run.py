# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the linters, quick ones first, a line for each, and says at the end which of them failed.

Started by `make lint`, which sets up the environment. With names as arguments only those linters run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from check_build import TEST_SETTINGS, complaints_about, documented_modules
from labels import complaints as complaints_about_labels
from pip_bootstrap import carry_pip_settings, write_bootstrap
from tree import copy_work_tree

from distribution.artifact import ArtifactError, build_artifact
from support.environments import NoEnvironment, lines_of, made_once

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"
BUILD = ROOT / ".build"
COPY = BUILD / "sanity" / "ansible_collections" / "fortanix" / "dsm"
PACKAGE = "ansible_collections.fortanix.dsm.plugins"

# Warnings of ansible-test that do not mean that something was left unchecked. Every other warning fails the run.
HARMLESS_WARNINGS = (
    # C.UTF-8 does as well as en_US.UTF-8 here.
    'Using locale "C.UTF-8"',
    "Reviewing previous",
    # Concerns changes against an earlier release, and there is no earlier commit in the copy that is checked.
    "cannot compare against the base commit",
    # Slow, not wrong.
    "slow due to missing libyaml support",
)

# galaxy-importer, as strict as Automation Hub has it. It can run ansible-lint and flake8 as well. `artifact` runs them
# itself: the importer stops ansible-lint after 180 s, and starts flake8 once for each file.
IMPORTER_SETTINGS = """\
[galaxy-importer]
check_changelog = true
check_required_tags = true
run_ansible_doc = true
run_ansible_lint = false
run_flake8 = false
"""
# The importer's options for flake8, less three rules that flake8 leaves out by default and `ruff format` breaks: a line
# break before an operator (W503), blanks around the colon of a slice (E203), `...` on the line of a def (E704).
FLAKE8 = ["--isolated", "--select", "E,F,W", "--extend-ignore", "E402,W503,E203,E704", "--max-line-length", "160"]

# What mypy is not asked about the tests, whose fixtures and keyword arguments are looser than its rules.
UNASKED_OF_TESTS = [
    "arg-type",
    "assignment",
    "attr-defined",
    "dict-item",
    "import-untyped",
    "list-item",
    "misc",
    "no-any-return",
    "no-untyped-call",
    "operator",
    "return-value",
    "union-attr",
    "unreachable",
    "unused-ignore",
    "var-annotated",
]

PIP_NOISE = re.compile(
    r"^(?: *(?:Collecting|Downloading|Using cached|Looking in|Installing|Successfully installed) .*| +━.*)\n",
    re.MULTILINE,
)


class LintError(Exception):
    """A linter has something to say; the text is its output."""


def run(*command: str, cwd: Path = ROOT, **variables: str) -> str:
    """Run a tool of the environment, return all that it said."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **variables}
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LintError(f"$ {' '.join(command)}\n{done.stdout.rstrip()}\n(exit status {done.returncode})")
    return done.stdout


def ruff_check() -> None:
    run("ruff", "check", "--quiet", ".")


def ruff_format() -> None:
    run("ruff", "format", "--check", "--diff", "--quiet", ".")


def yaml_lint() -> None:
    run("yamllint", "--strict", ".")


def labels() -> None:
    """No name that a server gives is printed as it is."""
    if found := complaints_about_labels(ROOT):
        raise LintError("\n".join(found))


def mypy_plugins() -> None:
    # The oldest Python that runs modules; what runs on the control node only is checked below.
    options = ("--strict", "--python-version", "3.10")
    kinds = ("action", "filter", "inventory", "lookup", "module_utils", "modules", "plugin_utils")
    packages = [argument for kind in kinds for argument in ("-p", f"{PACKAGE}.{kind}")]
    run("mypy", *options, *packages, MYPYPATH=str(BUILD / "collections"))


def mypy_tests() -> None:
    run("mypy", "--strict", "--python-version", "3.11", "-p", "sandbox", MYPYPATH=str(ROOT / "tests"))
    tests_path = os.pathsep.join((str(ROOT / "tests" / "lint"), str(ROOT / "tests")))
    run("mypy", "--strict", "--python-version", "3.11", "tests/lint", MYPYPATH=tests_path)
    # Of the tests themselves only what would end in a TypeError or NameError: pytest, not mypy, gives their arguments.
    of_pytest = (
        "azure_clients",
        "conformance",
        "documentation",
        "explore",
        "integration",
        "sweep",
        "terraform",
        "unit",
    )
    kinds = ("benchmarks", "browser", "make", "support", *of_pytest)
    packages = [argument for name in kinds for argument in ("-p", name)]
    unasked = [argument for code in UNASKED_OF_TESTS for argument in ("--disable-error-code", code)]
    path = os.pathsep.join((str(ROOT / "docs"), str(ROOT / "tests"), str(BUILD / "collections")))
    run("mypy", "--python-version", "3.11", *unasked, *packages, MYPYPATH=path)


def changelog() -> None:
    run("antsibull-changelog", "lint")


def collection_docs() -> None:
    copy_work_tree(ROOT, COPY)
    (BUILD / "home").mkdir(parents=True, exist_ok=True)
    run(
        "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs",
        "self",
        "--skip-rstcheck",
        ".",
        cwd=COPY,
        ANSIBLE_COLLECTIONS_PATH=str(BUILD / "sanity"),
        HOME=str(BUILD / "home"),  # where it puts its log
    )


def ansible_lint() -> None:
    copy_work_tree(ROOT, COPY)
    # `make dist` writes the repository into the archive, and `artifact` checks that.
    lint_collection(COPY, BUILD / "sanity", "--skip-list", "galaxy[no-repository]")


def lint_collection(folder: Path, collections: Path, *options: str) -> None:
    style = ("--format", "pep8", "--nocolor")
    command = ("ansible-lint", "--offline", "--strict", *style, "--profile", "production", *options)
    run(*command, cwd=folder, ANSIBLE_COLLECTIONS_PATH=str(collections))


def galaxy_build() -> None:
    target = BUILD / "galaxy"
    shutil.rmtree(target, ignore_errors=True)
    run("ansible-galaxy", "collection", "build", "--output-path", str(target))
    (archive,) = target.glob("*.tar.gz")
    complaints = complaints_about(archive)
    documented = documented_modules(archive, target / "installed", BIN)
    present = {path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")}
    complaints += [f"Ansible finds no module {name} in the built collection" for name in sorted(present - documented)]
    if complaints:
        raise LintError("\n".join(complaints))


def artifact() -> None:
    """The archive of `make dist`: the importer of Galaxy and Automation Hub accepts it without a warning."""
    target = BUILD / "artifact"
    archive = build_artifact(ROOT, target, repository="https://github.com/example/fortanix.dsm")
    pins = lines_of("requirements-importer.txt")
    python = made_once("importer", pins, own_pins=pins)
    settings = target / "galaxy-importer.cfg"
    settings.write_text(IMPORTER_SETTINGS, encoding="utf-8")
    tools = {
        "GALAXY_IMPORTER_CONFIG": str(settings),
        "HOME": str(target),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    said = run(str(python), "-m", "galaxy_importer.main", str(archive), cwd=target, **tools)
    if complaints := [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))]:
        raise LintError("\n".join(["galaxy-importer is not content:", *complaints]))
    if "Importer processing completed successfully" not in said:
        raise LintError(f"galaxy-importer did not finish:\n{said}")
    collections = target / "installed"
    # Not the path of the caller: ansible-galaxy installs nothing that it finds there, and `make` names the checkout.
    options = ("--offline", "--collections-path", str(collections))
    run(*("ansible-galaxy", "collection", "install", str(archive), *options), ANSIBLE_COLLECTIONS_PATH=str(collections))
    content = collections / "ansible_collections" / "fortanix" / "dsm"
    run(str(python), "-m", "flake8", *FLAKE8, "plugins", cwd=content)
    lint_collection(content, collections)


def sanity() -> None:
    """All of ansible-test's sanity tests, without an ignore file, and none of them skipped in silence."""
    if ignored := sorted((ROOT / "tests" / "sanity").glob("ignore*")):
        raise LintError(f"no ignore files here: {', '.join(path.name for path in ignored)}")
    if not (BIN / "shellcheck").exists():
        raise LintError("shellcheck is missing in .venv: the sanity test of that name would be skipped")
    # As Galaxy and Automation Hub check the collection: without its tests, whose 100,000 lines took pylint three times
    # as long as all else. Ruff and mypy check those.
    copy_work_tree(ROOT, COPY, is_wanted=lambda name: not name.startswith("tests/") or name in TEST_SETTINGS)
    home = BUILD / "home"
    write_bootstrap(home)
    carry_pip_settings(home)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    listed = re.findall(r"^[\w-]+$", ansible_test(home, "--list-tests"), re.MULTILINE)
    said = ansible_test(home, "--python", version)
    ran = re.findall(r'^Running sanity test "([\w-]+)"', said, re.MULTILINE)
    unchecked = [f"{name} did not run" for name in listed if name not in ran]
    unchecked += [
        line
        for line in said.splitlines()
        if line.startswith("WARNING") and not any(harmless in line for harmless in HARMLESS_WARNINGS)
    ]
    if unchecked or not listed:
        raise LintError("\n".join(["ansible-test left something unchecked:", *unchecked, "", said]))


def ansible_test(home: Path, *options: str) -> str:
    """What ansible-test says in the copy, without the words of the pip that it uses."""
    try:
        return run("ansible-test", "sanity", "--color", "no", *options, cwd=COPY, HOME=str(home))
    except LintError as error:
        raise LintError(PIP_NOISE.sub("", str(error))) from None


LINTERS: dict[str, Callable[[], None]] = {
    "ruff": ruff_check,
    "ruff-format": ruff_format,
    "yamllint": yaml_lint,
    "labels": labels,
    "mypy": mypy_plugins,
    "mypy-tests": mypy_tests,
    "changelog": changelog,
    "docs": collection_docs,
    "galaxy": galaxy_build,
    "ansible-lint": ansible_lint,
    "artifact": artifact,
    "sanity": sanity,
}


def main(wanted: list[str]) -> int:
    if unknown := sorted(set(wanted) - set(LINTERS)):
        print(f"No linter {', '.join(unknown)}; there are: {', '.join(LINTERS)}")
        return 2
    failed = []
    for name in wanted or LINTERS:
        start = time.monotonic()
        try:
            LINTERS[name]()
        except (ArtifactError, LintError, NoEnvironment, RuntimeError) as error:
            failed.append(name)
            print(f"FAILED  {name:<14}{time.monotonic() - start:6.1f} s\n{error}\n", flush=True)
        else:
            print(f"ok      {name:<14}{time.monotonic() - start:6.1f} s", flush=True)
    if failed:
        print(f"Lint failed: {', '.join(failed)}")
        return 1
    print(f"Lint: all {len(wanted or LINTERS)} linters are content")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
