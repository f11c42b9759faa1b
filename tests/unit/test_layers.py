# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers of the design, as far as the source shows them: what imports what, and where logic may be."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.builders import MODULES, ROOT, syntax_of

UTILS = ROOT / "plugins/module_utils"
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))
# Files with an underscore before their names are parts of an operation.
OPERATIONS = sorted((UTILS / "_operations").glob("[!_]*.py"))
PURE_OF_AZURE = (
    "access",
    "access_record",
    "cloud",
    "errors",
    "facts",
    "findings",
    "network",
    "over_privilege",
    "refusing_policies",
    "repair",
    "roles",
    "shapes",
    "sources",
    "switches",
    "vault_edit",
    "vault_merge",
    "verdicts",
    "words",
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported_by(path: Path) -> Iterator[str]:
    """The full names of what a file imports, wherever in it; ours begin with ``plugins.``."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(syntax_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            yield from (f"{source}.{alias.name}" for alias in node.names)


def names_in(path: Path) -> set[str]:
    """Every name and attribute that a file uses."""
    nodes = list(ast.walk(syntax_of(path)))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=name_of)
def test_nothing_but_the_standard_library_and_ansible_is_imported(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "ansible", "plugins"}

    assert [name for name in imported_by(path) if name.partition(".")[0] not in allowed] == []


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/filter").glob("*.py")), ids=name_of)
def test_a_filter_imports_its_logic_when_it_is_used(path: Path) -> None:
    """To find one filter, Ansible imports the files of all of them, in each process of a task."""
    first = [node for node in syntax_of(path).body if isinstance(node, ast.ImportFrom) and node.level]

    assert [node.module for node in first if node.module != "plugin_utils._unsafe"] == []


def test_the_operations_load_no_library_before_they_run() -> None:
    package = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"
    load = "; ".join(f"import {package}.{name}" for name in MODULES)
    libraries = {"azure", "cryptography", "msal", "requests", "urllib3"}
    show = f"print(sorted({libraries} & {{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; {load}; {show}"],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".build/collections")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.stdout, run.stderr) == ("[]\n", "")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_documentation_and_one_call_of_its_operation(module: str) -> None:
    source = ast.Module(
        body=[
            node
            for node in syntax_of(ROOT / f"plugins/modules/{module}.py").body
            if not (
                isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("DOCUMENTATION", "EXAMPLES", "RETURN")
            )
        ],
        type_ignores=[],
    )

    assert ast.unparse(source) == ast.unparse(
        ast.parse(f"""
from __future__ import annotations
from ..module_utils._operations import {module}
from ..module_utils._task import run_module

def main() -> None:
    run_module({module})

if __name__ == "__main__":
    main()
""")
    )


@pytest.mark.parametrize("module", MODULES)
def test_an_action_is_its_operation_with_the_libraries_of_each_run(module: str) -> None:
    """Nothing else: all that happens in the control process is in one shell."""
    path = ROOT / f"plugins/action/{module}.py"
    libraries = [name for name in ("AZURE", "DSM") if name in names_in(path)]

    assert ast.unparse(syntax_of(path)) == ast.unparse(
        ast.parse(f"""
from __future__ import annotations
from ..module_utils._operations import {module}
from ..plugin_utils._in_process import {", ".join([*libraries, "OperationAction", "preloaded"])}

class ActionModule(OperationAction):
    operation = preloaded({module}, {", ".join(f"*{name}" for name in reversed(libraries))})
""")
    )


def test_there_is_one_operation_and_one_action_for_each_module() -> None:
    assert [path.stem for path in OPERATIONS] == MODULES
    assert sorted(path.stem for path in (ROOT / "plugins/action").glob("*.py")) == MODULES


@pytest.mark.parametrize("path", OPERATIONS, ids=name_of)
def test_an_operation_knows_nothing_of_module_process_or_environment(path: Path) -> None:
    forbidden = {"os", "sys", "environ", "AnsibleModule", "exit_json", "fail_json", "print", "subprocess"}

    assert names_in(path) & forbidden == set()


@pytest.mark.parametrize("path", [*UTILS.glob("_dsm/*.py"), *UTILS.glob("_azure/*.py")], ids=name_of)
def test_what_knows_a_plane_does_not_know_the_operations(path: Path) -> None:
    assert [name for name in imported_by(path) if "._operations" in name] == []


def test_what_sets_up_a_list_knows_operations_and_is_known_by_those_of_its_modules_alone() -> None:
    """It runs the steps of other operations, which otherwise do not know each other."""
    own, operations = UTILS / "_fleet", "plugins/module_utils/_operations"
    users = {name_of(path) for path in PLUGIN_FILES if any("._fleet" in name for name in imported_by(path))}

    assert users - {name_of(path) for path in own.glob("*.py")} == {
        f"{operations}/cdc_groups.py",
        f"{operations}/cdc_groups_report.py",
    }
    for path in own.glob("*.py"):
        assert names_in(path) & {"os", "sys", "environ", "AnsibleModule", "print", "subprocess"} == set()


@pytest.mark.parametrize("name", ["_declaration/arguments", "_fleet/deadline", "_fleet/records"])
def test_the_arguments_of_the_steps_of_a_list_are_made_without_them(name: str) -> None:
    found = list(imported_by(UTILS / f"{name}.py"))

    assert [one for one in found if "._operations" in one or "._dsm" in one or "._azure" in one] == []


@pytest.mark.parametrize(("plane", "other"), [("_dsm", "_azure"), ("_azure", "_dsm")])
def test_the_planes_do_not_know_each_other(plane: str, other: str) -> None:
    found = {name_of(path): list(imported_by(path)) for path in UTILS.glob(f"{plane}/*.py")}

    assert found
    assert [name for name, sources in found.items() if any(f".{other}" in source for source in sources)] == []


@pytest.mark.parametrize("path", [*UTILS.glob("_azure/*.py")], ids=name_of)
def test_what_knows_azure_reads_no_environment(path: Path) -> None:
    assert names_in(path) & {"environ", "getenv", "expanduser", "env_fallback", "not_empty"} == set()


@pytest.mark.parametrize(
    "name",
    [
        "_plan.py",
        "_wire/shapes.py",
        "_errors.py",
        "_ids.py",
        "_journal.py",
        "_argspec.py",
        "_dsm/link/link.py",
        "_dsm/link/tls.py",
        "_findings.py",
        "_timestamps.py",
        *(f"_azure/{name}.py" for name in PURE_OF_AZURE),
    ],
)
def test_a_pure_part_imports_nothing_but_values_and_pure_parts(name: str) -> None:
    values = (
        "__future__",
        "collections",
        "collections.abc",
        "contextlib",
        "dataclasses",
        "datetime",
        "functools",
        "ipaddress",
        "typing",
        "base64",
        "binascii",
        "hashlib",
        "json",
        "re",
        "ssl",
        "uuid",
        # Two values whose files do more than hold them.
        "plugins.module_utils._certificates.certificates.Certificate",
        "plugins.module_utils._azure.vaults.vaults.Place",
    )
    pure = (
        "urllib.parse",
        "plugins.module_utils._errors",
        "plugins.module_utils._findings",
        "plugins.module_utils._ids",
        "plugins.module_utils._journal",
        "plugins.module_utils._timestamps",
        "plugins.module_utils._plan",
        "plugins.module_utils._wire.shapes",
        "plugins.module_utils._dsm.link.fingerprints",
        "plugins.module_utils._dsm.link.tls",
        *(f"plugins.module_utils._azure.{part}" for part in PURE_OF_AZURE),
    )
    allowed = tuple(f"{source}." for source in values + pure)

    assert [found for found in imported_by(UTILS / name) if not f"{found}.".startswith(allowed)] == []
