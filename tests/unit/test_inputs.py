# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts and numbers that no option accepts: refused by the name of the option, however deep it is."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import quoted
from ansible_collections.fortanix.dsm.plugins.module_utils._inputs import RANGES, Range, as_dict, refusal
from ansible_collections.fortanix.dsm.plugins.plugin_utils._in_process import Invocation
from unit.builders import MODULES, ROOT, spec_of

SPEC: Mapping[str, Mapping[str, Any]] = {
    "name": {"type": "str"},
    "tags": {"type": "dict"},
    "dsm_timeout": {"type": "int"},
    "application": {"type": "dict", "options": {"days": {"type": "int"}}},
    "groups": {"type": "list", "elements": "dict", "options": {"approval_wait": {"type": "int"}}},
}


def refused(**given: Any) -> str | None:
    found = refusal(SPEC, given)
    return None if found is None else str(found)


# --- Texts ------------------------------------------------------------------------------------------------------------

HOSTILE = {
    "NUL": ("a\0b", "it contains a NUL character"),
    "high surrogate": ("a\ud800", "it contains half of a surrogate pair"),
    "low surrogate": ("\udfffa", "it contains half of a surrogate pair"),
    "a byte that is no UTF-8": (b"\xff".decode("utf-8", "surrogateescape"), "it contains half of a surrogate pair"),
    "long": ("x" * 1_000_001, "it has 1000001 characters"),
}


@pytest.mark.parametrize(("text", "problem"), HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize(
    ("place", "named"),
    [
        (lambda text: {"name": text}, "name: "),
        (lambda text: {"unknown": text}, "unknown: "),
        (lambda text: {"tags": {"a": ["b", {"c": text}]}}, "tags.a[1].c: "),
        (lambda text: {"tags": {text: "b"}}, "tags: a name in it is rejected: "),
        (lambda text: {"groups": [{}, {"x": text}]}, "groups[1].x: "),
    ],
    ids=["option", "unknown option", "deep", "name", "list"],
)
def test_a_text_is_refused_wherever_it_is(place: Any, named: str, text: str, problem: str) -> None:
    message = refused(**place(text))

    assert message is not None
    assert message.startswith(f"Option {named}{problem}")
    assert " Next: " in message
    assert len(message) < 500


def test_the_name_of_an_option_may_be_hostile_itself() -> None:
    assert refusal(SPEC, {"a\0b" * 100_000: 1}) is not None
    assert len(str(refusal(SPEC, {"a\0b" * 100_000: 1}))) < 500


@pytest.mark.parametrize("text", ["", "ä", "\U0001f512", "x" * 1_000_000, "line\nline", "\u202e"])
def test_any_other_text_is_left_to_its_option(text: str) -> None:
    assert refused(name=text, tags={text: [text]}) is None


def test_what_ansible_adds_to_the_arguments_is_not_checked() -> None:
    assert refused(_ansible_remote_tmp="\0") is None


@pytest.mark.parametrize("kind", [list, dict])
def test_a_value_that_is_too_deep_is_refused(kind: type) -> None:
    value: Any = "x"
    for _level in range(100_000):
        value = [value] if kind is list else {"a": value}

    assert str(refusal(SPEC, {"tags": value})).startswith("Option tags")
    assert "nested more than 50 levels deep" in str(refusal(SPEC, {"tags": value}))


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [0, -1, 86_401, 10**12, 2**63, 10**5000, float("inf"), float("-inf"), float("nan"), 1e300],
    ids=lambda number: str(number) if isinstance(number, float) or number < 2**64 else "5000 digits",
)
def test_a_number_outside_of_its_range_is_refused(number: Any) -> None:
    told = "Option dsm_timeout: it is not a number from 1 to 86400. Next: set a number of seconds from 1 to 86400."

    assert refused(dsm_timeout=number) == told


@pytest.mark.parametrize("text", ["1e12", " 1e999999999 ", "Infinity", "-inf", "NaN", "sNaN", "9" * 5000, "0", "0.5"])
def test_a_number_as_text_is_read_as_ansible_reads_it(text: str) -> None:
    assert "Option dsm_timeout: it is not a number from 1 to 86400." in str(refused(dsm_timeout=text))


@pytest.mark.parametrize("value", [1, 86_400, "60", "6e1", True, None, 60.0])
def test_a_number_within_its_range_is_accepted(value: Any) -> None:
    assert refused(dsm_timeout=value) is None


@pytest.mark.parametrize("value", ["", "one", [1], {"a": 1}, b"1", object(), "1.5", 1.5])
def test_a_value_of_another_type_is_left_to_ansible(value: Any) -> None:
    assert refused(dsm_timeout=value) is None


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"application": {"days": 10**9}}, "application.days"),
        ({"application": '{"days": 1e9}'}, "application.days"),
        ({"application": "days=1e9"}, "application.days"),
        ({"groups": [{"approval_wait": 0}, {"approval_wait": -1}]}, "groups[1].approval_wait"),
        ({"groups": ['{"approval_wait": Infinity}']}, "groups[0].approval_wait"),
        ({"groups": {"approval_wait": -1}}, "groups.approval_wait"),
    ],
)
def test_a_number_in_suboptions_is_named_with_them(given: Any, option: str) -> None:
    assert str(refused(**given)).startswith(f"Option {option}: it is not a number from ")


# --- Nulls ------------------------------------------------------------------------------------------------------------

_VAULT = {"type": "dict", "options": {"name": {}, "uri": {}, "type": {}}, "required_one_of": [("name", "uri")]}


@pytest.mark.parametrize("vault", [{"name": None}, {"uri": None, "type": "premium"}, {"name": None, "uri": None}])
def test_a_null_is_no_value_of_a_required_suboption(vault: dict[str, Any]) -> None:
    """Ansible takes it for one: a vault without a name would be the only vault of the subscription."""
    found = str(refusal({"vault": _VAULT}, {"vault": vault}))

    assert "none of vault.name, vault.uri has a value. Next: set one of them to a value" in found


@pytest.mark.parametrize("vault", [{"name": "a", "uri": None}, {"type": "premium"}, {}, None])
def test_a_value_is_enough_and_what_is_missing_is_left_to_ansible(vault: Any) -> None:
    assert refusal({"vault": _VAULT}, {"vault": vault}) is None


@pytest.mark.parametrize("module", [name for name in MODULES if spec_of(name).required_one_of])
def test_a_null_is_no_value_of_a_required_option(module: str) -> None:
    operation = importlib.import_module(f"ansible_collections.fortanix.dsm.plugins.module_utils._operations.{module}")
    names = operation.SPEC.required_one_of[0]
    options = operation.SPEC.argument_spec
    needed: dict[str, Any] = {name: "payments" for name, option in options.items() if option.get("required")}
    needed |= {"vault": {"name": "akv-prod"}} if "vault" in options else {}
    login = {"dsm_endpoint": "https://dsm.example.com"}

    for name in names:
        result = Invocation(operation, {**needed, **login, name: None}, check_mode=True).outcome()

        assert "has a value. Next: set one of them to a value" in result["msg"], result["msg"]


# --- Wrong types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{"a": "b"}, ["a"], (), {}])
@pytest.mark.parametrize("place", [lambda value: {"secret": value}, lambda value: {"link": {"secret": value}}])
def test_a_secret_is_a_text(place: Any, value: Any) -> None:
    """Ansible would censor each text in it: after `a`, no message could be read."""
    secret = {"secret": {"type": "str", "no_log": True}}

    found = refusal({**secret, "link": {"type": "dict", "options": secret}}, place(value))

    assert "secret: it is not a text. Next: set it to the value itself" in str(found)


@pytest.mark.parametrize("number", [1, 1.5, True, float("nan"), 0])
@pytest.mark.parametrize("module", [name for name in MODULES if "vault" in spec_of(name).argument_spec])
def test_a_number_in_place_of_a_dictionary_is_refused_by_name(module: str, number: Any) -> None:
    """Ansible looks for the suboptions in it, and fails with an exception."""
    operation = importlib.import_module(f"ansible_collections.fortanix.dsm.plugins.module_utils._operations.{module}")

    result = Invocation(operation, {"vault": number}, check_mode=True).outcome()

    assert result["msg"].startswith("Option vault: it is not a dictionary. Next: write vault: {")


# --- Every option -----------------------------------------------------------------------------------------------------


def numbers_of(
    options: Mapping[str, Mapping[str, Any]], place: str = ""
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, option in options.items():
        if "int" in (option.get("type"), option.get("elements")) or "float" in (
            option.get("type"),
            option.get("elements"),
        ):
            yield place + name, name, option
        yield from numbers_of(option.get("options") or option.get("suboptions") or {}, f"{place}{name}.")


@pytest.mark.parametrize("module", MODULES)
def test_every_number_has_a_range_or_choices(module: str) -> None:
    found = [
        (place, name, option)
        for place, name, option in numbers_of(spec_of(module).argument_spec)
        if "choices" not in option
    ]

    assert [place for place, name, _option in found if name not in RANGES] == []
    assert [
        place
        for place, name, option in found
        if option.get("default") is not None and not RANGES[name].least <= option["default"] <= RANGES[name].most
    ] == []


def test_every_range_is_that_of_an_option() -> None:
    used = {name for module in MODULES for _place, name, _option in numbers_of(spec_of(module).argument_spec)}

    assert set(RANGES) - used == set()


def shows(range_: Range, description: Any) -> bool:
    text = " ".join([description] if isinstance(description, str) else description)
    return f"V({range_.least}) to V({range_.most})" in re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("module", MODULES)
def test_the_documentation_of_every_number_says_its_range(module: str, ansible_doc: dict[str, Any]) -> None:
    documented = ansible_doc[module]["doc"]["options"]

    assert [
        place
        for place, name, option in numbers_of(documented)
        if "choices" not in option and not shows(RANGES[name], option["description"])
    ] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("roles/*/meta/argument_specs.yml")), ids=lambda path: path.parts[-3])
def test_the_specification_of_every_role_says_the_range_of_a_number(path: Any) -> None:
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    # The batches are the role's own: the filter that makes them checks their size.
    ranges = {**RANGES, "batch_size": Range(1, 10_000, "groups")}
    numbers = [found for entry in entries.values() for found in numbers_of(entry.get("options") or {})]
    missing = []
    for place, name, option in numbers:
        ends = [end for end in ranges if name == end or name.endswith(f"_{end}")]
        range_ = ranges[max(ends, key=len)] if ends else None
        if "choices" not in option and (range_ is None or not shows(range_, option["description"])):
            missing.append(place)

    assert missing == []


# --- Values in messages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [("a", "'a'"), (7, "7"), (["a"], "['a']"), ("a\nb", "'a b'"), ("x" * 5000, f"'{'x' * 199}…'"), ("\ud800", "''")],
)
def test_a_value_is_quoted_in_one_line_and_cut(value: Any, shown: str) -> None:
    assert quoted(value) == shown


# --- Dicts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ['{"a": ', "{" * 100_000, "a=1, b", "a", "", 5, ["a=1"], None])
def test_what_ansible_takes_for_no_dict_is_none(value: Any) -> None:
    """The exceptions differ between the versions of ansible-core."""
    assert as_dict(value) is None


@pytest.mark.parametrize("value", [{"a": "1"}, '{"a": "1"}', "a=1"])
def test_a_text_may_be_a_dict(value: Any) -> None:
    assert as_dict(value) == {"a": "1"}
