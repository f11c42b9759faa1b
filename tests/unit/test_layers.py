# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rooms of the house: which folder may import which, which do no I/O, and where logic may be.

A file that is put into a folder is held to that folder's rules; a new folder has to be entered in ``ROOMS``.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from unit.builders import MODULES, ROOT, syntax_of

UTILS = ROOT / "plugins/module_utils"
BESIDE = ROOT / "plugins/plugin_utils"
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))
HOUSE = [path for path in PLUGIN_FILES if UTILS in path.parents or BESIDE in path.parents]
OPERATIONS = sorted((UTILS / "_operations").glob("*.py"))
MOST_FILES = 15

# The files beside the rooms, which all of them stand on. The bridge between Ansible and an operation is none of these.
GROUND, BRIDGE = "module_utils", "module_utils/_task.py"
_AZURE = ("_azure/wire", "_azure/rights")
_DSM = ("_dsm/wire", "_dsm/account", "_dsm/link")
# Room -> the rooms that its files may import from, besides itself and the ground. Each stands on rooms before it.
ROOMS: Mapping[str, tuple[str, ...]] = {
    GROUND: (),
    "_secrets": (),
    "_findings": (),
    BRIDGE: ("_secrets",),
    "_texts": (),
    "_rest": (),
    "_certificates": ("_secrets",),
    "_declaration": ("_texts",),
    "_azure/wire": (BRIDGE, "_certificates", "_rest", "_secrets"),
    "_azure/rights": ("_azure/wire", "_certificates", "_findings"),
    "_azure/authorization": _AZURE,
    "_azure/applications": (*_AZURE, "_certificates", "_rest"),
    "_azure/vaults": (*_AZURE, BRIDGE, "_azure/authorization", "_rest"),
    "_azure/keys": ("_azure/wire", "_certificates", "_rest"),
    "_azure/consumers": (*_AZURE, "_azure/authorization", "_rest"),
    "_azure/prerequisites": (
        *_AZURE,
        BRIDGE,
        "_azure/applications",
        "_azure/authorization",
        "_azure/vaults",
        "_certificates",
        "_findings",
        "_rest",
    ),
    "_azure/break_glass": (
        *_AZURE,
        BRIDGE,
        "_azure/applications",
        "_azure/authorization",
        "_azure/prerequisites",
        "_azure/vaults",
        "_findings",
        "_rest",
    ),
    "_dsm/wire": (BRIDGE, "_certificates", "_rest", "_secrets"),
    "_dsm/account": ("_dsm/wire", "_rest"),
    "_dsm/link": ("_certificates", "_dsm/wire", "_findings", "_rest", "_secrets"),
    "_dsm/keys": (*_DSM, "_certificates", "_rest"),
    "_dsm/groups": (*_DSM, BRIDGE, "_dsm/keys", "_rest"),
    # What joins the planes.
    "_keys": ("_azure/keys", "_dsm/keys", "_findings", "_texts"),
    "_key_lifecycle": (
        "_azure/wire",
        BRIDGE,
        "_azure/consumers",
        "_azure/keys",
        "_dsm/account",
        "_dsm/groups",
        "_dsm/keys",
        "_dsm/wire",
        "_keys",
        "_rest",
    ),
    "_removal": (
        *_AZURE,
        BRIDGE,
        "_azure/authorization",
        "_azure/prerequisites",
        "_azure/vaults",
        "_dsm/groups",
        "_rest",
    ),
    "_rotation": (
        *_AZURE,
        *_DSM,
        BRIDGE,
        "_azure/applications",
        "_certificates",
        "_dsm/groups",
        "_dsm/keys",
        "_rest",
    ),
    "_compliance": (
        *_AZURE,
        *_DSM,
        "_azure/applications",
        "_azure/keys",
        "_azure/prerequisites",
        "_azure/vaults",
        "_certificates",
        "_declaration",
        "_dsm/groups",
        "_dsm/keys",
        "_findings",
        "_keys",
        "_rest",
        "_rotation",
    ),
    "_operations": (
        *_AZURE,
        *_DSM,
        BRIDGE,
        "_azure/applications",
        "_azure/authorization",
        "_azure/break_glass",
        "_azure/consumers",
        "_azure/keys",
        "_azure/prerequisites",
        "_azure/vaults",
        "_certificates",
        "_compliance",
        "_declaration",
        "_dsm/groups",
        "_dsm/keys",
        "_findings",
        "_key_lifecycle",
        "_keys",
        "_removal",
        "_rotation",
        "_texts",
        "_rest",
    ),
    "_fleet": (BRIDGE, "_azure/wire", "_declaration", "_dsm/groups", "_dsm/wire", "_operations", "_texts"),
    # Beside Ansible: on the control node only.
    "plugin_utils": (BRIDGE, "_declaration", "_dsm/groups", "_dsm/link", "_dsm/wire", "_secrets", "_texts"),
    "plugin_utils/_compliance": ("_compliance", "_findings", "_texts"),
    "plugin_utils/_setup": ("_certificates", "_declaration", "_fleet", "_texts"),
}
# The operations over a list: they alone import the room that runs the others.
FLEET, OVER_A_LIST = "_fleet", ("_operations/cdc_groups.py", "_operations/cdc_groups_report.py")

# Rooms and files that do no I/O: no network, no disk, no clock. A file that says so in its first paragraph counts, too.
PURE_ROOMS = ("_azure/rights", "_declaration", "_findings", "_keys", "plugin_utils/_compliance", "plugin_utils/_setup")
PURE_FILES = (
    "_argspec.py",
    "_errors.py",
    "_ids.py",
    "_journal.py",
    "_plan.py",
    "_rest/private_link.py",
    "_azure/vaults/vault_settings.py",
    "_azure/wire/cloud.py",
    "_azure/wire/errors.py",
    "_dsm/link/fingerprints.py",
    "_dsm/wire/routes.py",
)
_SAYS_SO = re.compile(r"\bPure\b|\bNo I/O[.,]")
PURE_LIBRARIES = frozenset(
    [
        "__future__",
        "abc",
        "ansible.errors",
        "ansible.module_utils.common.validation",
        "ansible.module_utils.parsing.convert_bool",
        "ansible.plugins.lookup",
        "ast",
        "base64",
        "binascii",
        "collections",
        "collections.abc",
        "contextlib",
        "dataclasses",
        "decimal",
        "datetime",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "html",
        # The names of the statuses; what talks is http.client.
        "http",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "re",
        "ssl",
        "threading",
        "typing",
        "unicodedata",
        "urllib.parse",
        "uuid",
        "xml.etree",
        "zlib",
    ]
)
_DOES_IO = frozenset(["open", "print", "input", "environ", "getenv", "uuid1", "uuid4", "get_server_certificate"])
_CLOCKS = frozenset(["now", "utcnow", "today"])
# Functions of files that do more than what pure ones may import of them: constants and types.
HARMLESS = frozenset(
    [
        "_azure/authorization/locks.py: in_words",
        "_azure/authorization/locks.py: records",
        "_certificates/loading.py: public_part",
        "_dsm/groups/selection.py: checked_name",
        "_dsm/wire/login.py: login_from",
    ]
)


def name_of(path: Path) -> str:
    """From ``plugins/module_utils/`` on; a file elsewhere from ``plugins/`` on."""
    return str(path.relative_to(UTILS if UTILS in path.parents else ROOT / "plugins"))


def room_of(path: Path) -> str:
    if path == ROOT / "plugins" / BRIDGE:
        return BRIDGE
    if path.parent == UTILS:
        return GROUND
    return str(Path(name_of(path)).parent)


@cache
def imported_by(path: Path) -> tuple[tuple[str, str], ...]:
    """What a file imports, wherever in it: module and name; a module of ours as its path from the root on.

    The name is empty where the module itself is imported.
    """
    return tuple(_imported_by(path))


def _imported_by(path: Path) -> Iterator[tuple[str, str]]:
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(syntax_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = Path(*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            for alias in node.names:
                module = source / f"{alias.name}.py"
                yield (str(module), "") if (ROOT / module).exists() else (f"{source}.py", alias.name)


def ours_in(path: Path) -> list[Path]:
    """The files of the collection that a file imports."""
    return [ROOT / module for module, _name in imported_by(path) if module.startswith("plugins/")]


def names_in(path: Path) -> set[str]:
    """Every name and attribute that a file uses."""
    nodes = list(ast.walk(syntax_of(path)))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


# Rooms ---------------------------------------------------------------------------------------------------------------


def test_every_folder_is_a_room_with_rules() -> None:
    assert {room_of(path) for path in HOUSE} == set(ROOMS)


def test_the_rooms_stand_on_each_other_and_not_in_a_circle() -> None:
    floors = list(ROOMS)

    assert [
        (room, below) for room, rooms in ROOMS.items() for below in rooms if floors.index(below) >= floors.index(room)
    ] == []


@pytest.mark.parametrize("path", HOUSE, ids=name_of)
def test_a_file_imports_from_the_rooms_that_its_own_stands_on(path: Path) -> None:
    room = room_of(path)
    # An operation imports no other one.
    own = () if room == "_operations" else (room,)
    allowed = {GROUND, *own, *ROOMS[room]} | ({FLEET} if name_of(path) in OVER_A_LIST else set())

    assert [name_of(one) for one in ours_in(path) if room_of(one) not in allowed] == []


def test_every_import_that_a_rule_allows_is_in_use() -> None:
    """What no file needs any more is taken out of ``ROOMS``."""
    used = {(room_of(path), room_of(one)) for path in HOUSE for one in ours_in(path)}

    assert [(room, below) for room, rooms in ROOMS.items() for below in rooms if (room, below) not in used] == []


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {name_of(path): [name_of(one) for one in ours_in(path)] for path in PLUGIN_FILES}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = error.args[1]
    else:
        circle = []

    assert circle == []


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in (BRIDGE, "_operations")])
def test_a_room_can_be_taken_in_at_a_glance(room: str) -> None:
    files = [name_of(path) for path in HOUSE if room_of(path) == room]

    assert len(files) + (room == GROUND) <= MOST_FILES


# No I/O --------------------------------------------------------------------------------------------------------------


def is_pure(path: Path) -> bool:
    says = (ast.get_docstring(syntax_of(path)) or "").partition("\n\n")[0]
    return room_of(path) in PURE_ROOMS or name_of(path) in PURE_FILES or _SAYS_SO.search(says) is not None


PURE = [path for path in HOUSE if is_pure(path)]


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_a_pure_file_imports_no_library_that_does_io(path: Path) -> None:
    libraries = {module for module, _name in imported_by(path) if not module.startswith("plugins/")}

    assert libraries - PURE_LIBRARIES == set()


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_a_pure_file_calls_nothing_that_does_io(path: Path) -> None:
    used = [node for node in ast.walk(syntax_of(path)) if isinstance(node, ast.Attribute) and node.attr in _CLOCKS]
    clocks = {ast.unparse(node) for node in used if ast.unparse(node.value).endswith(("date", "time"))}

    assert (names_in(path) & _DOES_IO) | clocks == set()


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_a_pure_file_imports_pure_files_and_of_others_constants_and_types(path: Path) -> None:
    """A room that is pure as a whole takes nothing else but of rooms below it; ``HARMLESS`` are the exceptions."""
    taken = [
        f"{name_of(ROOT / module)}: {name}"
        for module, name in imported_by(path)
        if module.startswith("plugins/") and not is_pure(ROOT / module) and not name[:1].isupper()
    ]

    assert [one for one in taken if one not in HARMLESS] == []


@pytest.mark.parametrize("path", sorted((UTILS / "_azure/rights").glob("*.py")), ids=name_of)
def test_the_evaluator_of_rights_knows_nothing_but_values(path: Path) -> None:
    other = [
        f"{name_of(ROOT / module)}: {name}"
        for module, name in imported_by(path)
        if module.startswith("plugins/") and not is_pure(ROOT / module)
    ]

    assert set(other) <= {"_certificates/loading.py: Certificate"}


def test_what_knows_azure_reads_no_environment() -> None:
    forbidden = {"environ", "getenv", "expanduser", "env_fallback", "not_empty"}
    found = {name_of(path): names_in(path) & forbidden for path in (UTILS / "_azure").rglob("*.py")}

    assert found
    assert {name: names for name, names in found.items() if names} == {}


# Codes ---------------------------------------------------------------------------------------------------------------

_ANSWERS = re.compile(r"(?:\w+\.)*(?:code|status|status_code|http_status|status_of\(.*\)|code_of\(.*\))")


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=name_of)
def test_codes_and_statuses_of_answers_are_compared_by_name(path: Path) -> None:
    """The names are in ``_rest/statuses.py``, and beside the table of the meanings in ``_azure/wire/meanings.py``."""
    comparisons = [
        node
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Compare)
        and all(isinstance(one, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for one in node.ops)
        and _ANSWERS.fullmatch(ast.unparse(node.left))
    ]
    plain = {
        (ast.unparse(node.left).rpartition(".")[2], part.value)
        for node in comparisons
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and part.value
    }

    # The status of an approval is a word of DSM.
    assert [(name, value) for name, value in plain if name != "status" or isinstance(value, int)] == []


# Libraries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=name_of)
def test_nothing_but_the_standard_library_and_ansible_is_imported(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "ansible"}
    libraries = {module for module, _name in imported_by(path) if not module.startswith("plugins/")}

    assert [name for name in libraries if name.partition(".")[0] not in allowed] == []


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


# Modules, actions, operations ----------------------------------------------------------------------------------------


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
    libraries = [name for name in ("DSM", "AZURE", "ROLES") if name in names_in(path)]

    assert ast.unparse(syntax_of(path)) == ast.unparse(
        ast.parse(f"""
from __future__ import annotations
from ..module_utils._operations import {module}
from ..plugin_utils._in_process import {", ".join([*sorted(libraries), "OperationAction", "preloaded"])}

class ActionModule(OperationAction):
    operation = preloaded({module}, {", ".join(f"*{name}" for name in libraries)})
""")
    )


def test_there_is_one_operation_and_one_action_for_each_module() -> None:
    """And nothing else: what is private to an operation is in the room that it is about."""
    assert [path.stem for path in OPERATIONS] == MODULES
    assert sorted(path.stem for path in (ROOT / "plugins/action").glob("*.py")) == MODULES


@pytest.mark.parametrize("path", [*OPERATIONS, *sorted((UTILS / "_fleet").glob("*.py"))], ids=name_of)
def test_an_operation_knows_nothing_of_module_process_or_environment(path: Path) -> None:
    forbidden = {"os", "sys", "environ", "AnsibleModule", "exit_json", "fail_json", "print", "subprocess"}

    assert names_in(path) & forbidden == set()


def test_what_sets_up_a_list_is_known_by_the_operations_over_a_list_alone() -> None:
    """Others may know the records of its result."""
    users = {
        (name_of(path), name_of(one))
        for path in PLUGIN_FILES
        for one in ours_in(path)
        if room_of(one) == FLEET and room_of(path) != FLEET
    }

    assert {user for user, _file in users if user.startswith("_operations/")} == set(OVER_A_LIST)
    assert {file for user, file in users if user not in OVER_A_LIST} <= {f"{FLEET}/records.py"}


@pytest.mark.parametrize("name", ["deadline", "records"])
def test_what_tells_of_a_list_is_made_without_its_steps(name: str) -> None:
    rooms = {room_of(path) for path in ours_in(UTILS / FLEET / f"{name}.py")}

    assert [room for room in rooms if room.startswith(("_azure", "_dsm", "_operations"))] == []
