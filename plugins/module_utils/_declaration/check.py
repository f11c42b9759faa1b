# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Problems in declared values, as sentences: unknown names and invalid values. No I/O.

Values are checked unevaluated. Templates and values of Ansible Vault are skipped. No sentence repeats a value, because
it may be a secret; only values of options with choices are excepted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ansible.module_utils.common.validation import check_type_bool, check_type_int
from ansible.module_utils.parsing.convert_bool import boolean

from .._names import repeated
from .applications import Options
from .roles import KEPT, OF_PLAYBOOKS, ROLES

_TEMPLATE = re.compile(r"\{\{|\{%")
_SHORT_NAME = 5
_CONVERSIONS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "bool": (check_type_bool, "true or false"),
    "int": (check_type_int, "an integer"),
}


# Structures -----------------------------------------------------------------------------------------------------------


def wrong_in(path: str, given: Any, options: Options, rules: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Problems in a dictionary of options.

    Args:
        path: prefix of each name, such as ``cdc_setup_vault.``.
        options: in the form of an ``argument_spec``.
        rules: ``mutually_exclusive`` and ``required_one_of`` between them.
    """
    for name in given:
        if name not in options:
            yield f"{path.rstrip('.')}: unknown key {name}{meant(str(name), options)}"
    is_set = {name for name in options if given.get(name) is not None}
    for name, option in options.items():
        if name in is_set:
            yield from wrong_value(path + name, given[name], option)
        elif option.get("required"):
            yield f"{path}{name} is not set."
    for names in (rules or {}).get("mutually_exclusive", ()):
        several = [name for name in names if name in is_set]
        if len(several) > 1:
            yield f"{path}{' and '.join(several)} are both set: set only one."
    for names in (rules or {}).get("required_one_of", ()):
        if not is_set & set(names):
            yield f"{path.rstrip('.')} requires one of {', '.join(names)}."


def wrong_value(path: str, value: Any, option: Mapping[str, Any]) -> Iterator[str]:
    """Problems in the value of one option."""
    kind = option.get("type", "str")
    if value is None or is_late(value):
        return
    if kind == "dict":
        if not isinstance(value, Mapping):
            yield f"{path} must be a dictionary."
        elif path.rpartition(".")[2] == "tags":
            for name in repeated(value):
                yield f"{path} has the tag {name} twice (Azure ignores case in tag names): remove one."
        elif "options" in option:
            yield from wrong_in(f"{path}.", value, option["options"], option)
    elif kind == "list":
        yield from _wrong_list(path, value, option)
    elif isinstance(value, (Mapping, list, tuple)):
        if kind != "raw":
            yield f"{path} must be a single value, not a list or dictionary."
    elif kind in _CONVERSIONS and isinstance(value, (str, bool, int, float)):
        convert, expected = _CONVERSIONS[kind]
        try:
            convert(value)
        except (TypeError, ValueError):
            yield f"{path} must be {expected}."
            return
        yield from _wrong_choice(path, convert(value), option)
    else:
        yield from _wrong_choice(path, value, option)


def _wrong_list(path: str, value: Any, option: Mapping[str, Any]) -> Iterator[str]:
    of_structures = option.get("elements") == "dict"
    if isinstance(value, str) and not of_structures:
        # Ansible accepts a comma-separated string as a list.
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, (list, tuple)):
        if isinstance(value, (str, Mapping)):
            yield f"{path} must be a list."
        return
    element = {**option, "type": option.get("elements", "str")}
    for index, one in enumerate(value):
        yield from wrong_value(f"{path}[{index}]" if of_structures else path, one, element)


def _wrong_choice(path: str, value: Any, option: Mapping[str, Any]) -> Iterator[str]:
    choices = option.get("choices")
    if choices and isinstance(value, (str, int)) and value not in choices:
        yield f"{path} must be one of {', '.join(map(str, choices))}."


def is_late(value: Any) -> bool:
    """Whether the value is a template that Ansible has not evaluated yet."""
    return isinstance(value, str) and _TEMPLATE.search(value) is not None


# Names ----------------------------------------------------------------------------------------------------------------


def meant(name: str, known: Collection[str]) -> str:
    """The end of a sentence: a suggestion if a known name is similar to this one, else the list of valid names."""
    close = get_close_matches(_plain(name), [_plain(one) for one in known], n=1, cutoff=0.6)
    if close:
        return f": did you mean {next(one for one in known if _plain(one) == close[0])}?"
    return f". Valid names: {', '.join(known)}."


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def near_miss(name: str, known: Collection[str]) -> str | None:
    """The known name that this one probably misspells; None for a name of the user's own, such as a helper variable.

    A misspelling has at most two wrong, missing, additional or swapped letters; in a short name at most one. A name
    with a number at its end is a different name.
    """
    if name in known or re.sub(r"_?\d+$", "", name) in known:
        return None
    plain = _plain(name)
    distances = {one: _distance(plain, one) for one in known if _may_be_close(plain, one)}
    closest = min(distances, key=lambda one: distances[one], default="")
    return closest if closest and distances[closest] <= (1 if len(closest) <= _SHORT_NAME else 2) else None


def _may_be_close(one: str, other: str) -> bool:
    """A cheap test before the distance is computed: two edits change the length by two, and at most four letters."""
    return abs(len(one) - len(other)) <= 2 and len(set(one) ^ set(other)) <= 4


def _distance(one: str, other: str) -> int:
    """Number of edits from one to the other: a letter inserted, removed, replaced, or swapped with its neighbor."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, counterpart in enumerate(other, start=1):
            edits = [rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (letter != counterpart)]
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == counterpart:
                edits.append(rows[-2][j - 2] + 1)
            row.append(min(edits))
        rows.append(row)
    return rows[-1][-1]


# Variables of a role --------------------------------------------------------------------------------------------------


def wrong_variables(role: str, variables: Mapping[str, Any], *, to_run: bool = True) -> list[str]:
    """Problems in a play's variables of a role: sentences, each with the complete name of a variable.

    Args:
        role: a key of :data:`ROLES`.
        variables: all variables of the play, unevaluated; those without the role's prefix are ignored.
        to_run: whether the role is going to run, so that everything it requires must be set.
    """
    options, prefix = ROLES[role], f"{role}_"
    known = [*options, *OF_PLAYBOOKS.get(role, ())]
    own = {name.removeprefix(prefix): name for name in variables if name.startswith(prefix)}
    found = []
    for name, full in own.items():
        meant = near_miss(name, known)
        if meant is not None and not (name in KEPT.get(role, ()) and _is_kept(variables[full])):
            found.append(f"{full} is not a variable of the role {role}: did you mean {prefix}{meant}?")
    given = {name: variables[full] for name, full in own.items() if name in options}
    # A misspelled name has been reported, and explains more than a report of a missing name.
    found = found or [f"{prefix}{wrong}" for wrong in wrong_in("", given, options)]
    if not to_run:
        return found
    if role == "cdc_setup" and not _is_phase(variables, "prerequisites"):
        given["check_prerequisites"] = given["repair_prerequisites"] = False
    return [*found, *(f"{prefix}{wrong}" for wrong in _FURTHER.get(role, _nothing)(given))]


def _is_phase(variables: Mapping[str, Any], tag: str) -> bool:
    """Whether the tags of the run select this phase of the role."""
    wanted, left_out = variables.get("ansible_run_tags", ["all"]), variables.get("ansible_skip_tags", [])
    return ("all" in wanted or tag in wanted) and tag not in left_out


def _is_kept(value: Any) -> bool:
    """Whether this is the result of a task of the role, and not a value from the user."""
    return isinstance(value, Mapping) and "changed" in value


def _nothing(_given: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


def twice(values: Sequence[Any]) -> list[str]:
    """The names, IDs and addresses that occur more than once, in the same or another spelling."""
    return repeated(str(value).strip().rstrip("/") for value in values if value is not None and not is_late(value))


def _of_rotation(given: Mapping[str, Any]) -> Iterator[str]:
    for by in ("client_id", "unique_name"):
        for text in twice([one.get(by) for one in _entries(given, "applications")]):
            yield f"applications lists {text} twice, but an application has only one credential. Remove one entry."


def _of_prerequisites(given: Mapping[str, Any]) -> Iterator[str]:
    for by in ("name", "resource_id", "uri"):
        for text in twice([one.get(by) for one in _entries(given, "vaults")]):
            yield f"vaults lists {text} twice. Remove one entry."


def _of_setup(given: Mapping[str, Any]) -> Iterator[str]:
    groups = given.get("groups")
    if is_late(groups):
        return
    entries: list[Mapping[str, Any]] = _entries(given, "groups")
    if not entries and _is_empty(given.get("name")):
        yield (
            "name is not set, and cdc_setup_groups is empty: there is no group to set up. Set the variables with "
            "-e @my-group.yml or in the inventory (example: playbooks/vars/setup.example.yml)."
        )
    for index, one in enumerate(entries):
        if _is_empty(one.get("name", given.get("name"))):
            yield f"groups[{index}].name is not set."
    for text in _names_twice([one.get("name", given.get("name")) for one in entries]):
        yield f'groups lists the name "{text}" twice: each entry must be a different group.'
    for index, one in enumerate(entries or [{}]):
        path = f"groups[{index}]." if entries else ""
        yield from _wrong_group({**given, **{name: value for name, value in one.items() if value is not None}}, path)


def _wrong_group(group: Mapping[str, Any], path: str) -> Iterator[str]:
    application = group.get("application")
    if isinstance(application, Mapping) and application.get("credential") is not None:
        for name in ("link_tenant_id", "link_subscription_id"):
            if _is_empty(group.get(name)):
                yield f"{path}{name} is not set. application.credential creates a link and requires it."
    looks = [name for name in ("check_prerequisites", "repair_prerequisites") if not _is_false(group.get(name))]
    vaults = [name for name in ("azure_vault", "vault") if not _is_empty(group.get(name))]
    if application is None and looks and vaults and _is_empty(group.get("link_client_id")):
        yield (
            f"{path}link_client_id is not set. It is required to check the application's permissions at the "
            f"{vaults[0]}: set link_client_id or application."
        )


def _is_false(value: Any) -> bool:
    """Whether the value is certainly false. An unset value counts as false: the play contains the role's defaults."""
    return value is None or not (is_late(value) or boolean(value, strict=False))


def _names_twice(names: Sequence[Any]) -> list[str]:
    counted = Counter(str(name).strip() for name in names if not _is_empty(name) and not is_late(name))
    return [name for name, count in counted.items() if count > 1]


def _entries(given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = given.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, (list, tuple)) else []


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


_FURTHER: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "azure_prereqs": _of_prerequisites,
    "cdc_rotate": _of_rotation,
    "cdc_setup": _of_setup,
}
