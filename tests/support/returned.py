# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares results of modules with their RETURN documentation, at every level.

What the documentation states, and how:

- Every key is documented: in ``contains``, or by a reference "Same keys as RV(fortanix.dsm.<module>#module:<key>)".
- A key is always there, unless its ``returned`` names a condition. Without ``returned``, it is there with its parent.
- A value that can be null has ``V(null)`` in its description. An element of a list is never null.
- The keys of :data:`FREE` are data (names of tags, paths of settings, platforms): no list of them could be complete.
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError

from .playbook import ROOT, TaskOutcome

MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("[!_]*.py"))
FREE = frozenset(
    {"after", "before", "custom_metadata", "evidence", "failure", "hsm_platforms", "metadata", "record", "tags"}
)
ALWAYS = ("success", "always")

_PLUGINS = "ansible_collections.fortanix.dsm.plugins"
# What Ansible documents for every module, or adds to a result.
_COMMON = frozenset(
    {
        "attempts",
        "changed",
        "changed_when_result",
        "deprecations",
        "diff",
        "exception",
        "failed",
        "failed_when_result",
        "failed_when_suppressed_exception",
        "failure",
        "invocation",
        "msg",
        "traceback",
        "warnings",
    }
)
# What Ansible returns instead of the result of the module.
_OF_ANOTHER_KIND = frozenset({"ansible_job_id", "censored", "skip_reason", "skipped", "skipped_reason"})
_REFERENCE = re.compile(r"Same keys as RV\((?:fortanix\.dsm\.(\w+)#module:)?([\w.\[\]]+)\)")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "dict": Mapping,
    "float": (int, float),
    "int": int,
    "list": list,
    "path": str,
    "str": str,
}
# What `returned` may say of a key that is not always there.
CONDITION = re.compile(r"(?:success|failure)?(?:, and)? ?(?:when|if|for|with|in check mode)\b.*")

Documentation = Mapping[str, Any]


@cache
def documentation(module: str) -> Documentation:
    """What the module documents of its result."""
    text = importlib.import_module(f"{_PLUGINS}.modules.{module}").RETURN
    documented: Documentation = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return documented


def described(value: Documentation) -> str:
    description = value["description"]
    return description if isinstance(description, str) else " ".join(description)


def keys_of(module: str, value: Documentation) -> Documentation | None:
    """The keys of a documented dictionary or of the elements of a list, which may be those of another value."""
    if "contains" in value:
        contained: Documentation = value["contains"]
        return contained
    reference = _REFERENCE.search(described(value))
    if reference is None:
        return None
    owner = reference[1] or module
    keys: Documentation | None = documentation(owner)
    for name in reference[2].replace("[]", "").split("."):
        assert name in (keys or {}), f"{module}: no RV({reference[2]}) in {owner}"
        found = (keys or {})[name]
        keys = keys_of(owner, found)
    return keys


def deviations(module: str, result: Mapping[str, Any], *, failed: bool = False) -> list[str]:
    """What the result has, lacks or is, other than documented. Of a failed task, no key has to be there."""
    own = {key: value for key, value in result.items() if key not in _COMMON and not key.startswith("_ansible")}
    return list(dict.fromkeys(_of_keys(module, module, documentation(module), own, complete=not failed)))


def _of_keys(
    module: str, place: str, documented: Documentation, values: Mapping[str, Any], *, complete: bool = True
) -> Iterator[str]:
    for key in values.keys() - documented.keys():
        yield f"{place}.{key} is not documented"
    for key, stated in documented.items():
        if key in values:
            yield from of_value(module, f"{place}.{key}", stated, values[key])
        elif complete and stated.get("returned", "always") in ALWAYS:
            yield f"{place}.{key} is missing, and documented as always returned"


def of_value(module: str, place: str, stated: Documentation, value: Any) -> Iterator[str]:
    """What one value at this place is, other than stated."""
    if value is None:
        if "V(null)" not in described(stated):
            yield f"{place} is null, and its description has no V(null)"
        return
    yield from _of_type(place, stated["type"], value)
    elements: Sequence[Any] = value if isinstance(value, list) else [value]
    if isinstance(value, list) and stated["type"] == "list":
        for element in value:
            yield from _of_type(f"{place}[]", stated["elements"], element)
    name, place = place.rpartition(".")[2], place + "[]" * isinstance(value, list)
    dictionaries = [element for element in elements if isinstance(element, Mapping)]
    keys = keys_of(module, stated)
    if keys is not None:
        for one in dictionaries:
            yield from _of_keys(module, place, keys, one)
    elif any(dictionaries) and name not in FREE:
        yield f"{place} has keys, and none is documented: {sorted(set().union(*dictionaries))}"


def _of_type(place: str, stated: str, value: Any) -> Iterator[str]:
    is_right = stated == "raw" or (
        isinstance(value, _TYPES[stated]) and (stated == "bool" or not isinstance(value, bool))
    )
    if not is_right:
        yield f"{place} is documented as {stated}, and is {value!r:.60}"


class Comparison:
    """Compares each result of a module in a test, wherever it was run."""

    def __init__(self) -> None:
        self.found: list[str] = []
        # Module -> what tasks that succeeded have returned.
        self.returned: dict[str, set[str]] = defaultdict(set)

    def taken(self) -> list[str]:
        """What was found since the last call, each once."""
        found, self.found = list(dict.fromkeys(self.found)), []
        return found

    def compare(self, module: str, result: Mapping[str, Any], *, failed: bool = False) -> None:
        if not failed:
            self.returned[module].update(result)
        self.found += deviations(module, result, failed=failed)

    def compare_outcomes(self, outcomes: Sequence[TaskOutcome]) -> None:
        """What ansible-playbook has returned, of loops each item."""
        for outcome in outcomes:
            module = outcome.action.rpartition("fortanix.dsm.")[2]
            if module not in MODULES:
                continue
            # A loop over an empty list has no results.
            for result in outcome.result.get("results", [outcome.result]):
                if not _OF_ANOTHER_KIND & result.keys():
                    loop = {"ansible_loop_var", "ansible_index_var", result.get("ansible_loop_var")}
                    own = {key: value for key, value in result.items() if key not in loop}
                    self.compare(module, own, failed="failure" in result or "msg" in result)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Compare what operations return in this process."""
        for module in MODULES:
            operation = importlib.import_module(f"{_PLUGINS}.module_utils._operations.{module}")
            patch.setattr(operation, "run", self._watched(module, operation))

    def _watched(self, module: str, operation: ModuleType) -> Any:
        run = operation.run

        def watched(task: Any) -> Any:
            try:
                result = run(task)
            except TaskError as error:
                self.compare(module, error.returned, failed=True)
                raise
            self.compare(module, result)
            return result

        return watched
