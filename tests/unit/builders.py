# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the collection is, what its modules are, and values that any test may need."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))

CANARY = "cAnArY-8Q~secret"


def spec_of(module: str) -> Any:
    """The argument specification of a module's operation."""
    name = f"ansible_collections.fortanix.dsm.plugins.module_utils._operations.{module}"
    return importlib.import_module(name).SPEC


def syntax_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def in_any_case(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([text.lower(), text.upper(), text.title()])


def present_or_not(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any subset of these fields."""
    return st.fixed_dictionaries({}, optional=values)


json_values = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
foreign_fields = st.dictionaries(st.from_regex(r"x_[a-z]{1,6}", fullmatch=True), json_values, max_size=3)


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a nested structure, keys included."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from texts_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts_in(inner)
    else:
        yield str(value)
