# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One specification, many readers: argument spec, documentation, examples, action groups and the role say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.validation import (
    check_mutually_exclusive,
    check_required_if,
    check_required_one_of,
    check_required_together,
)

from ansible_collections.fortanix.dsm.plugins.module_utils._declaration import shared
from ansible_collections.fortanix.dsm.plugins.module_utils._options import AZURE, DSM
from unit.builders import MODULES, ROOT, spec_of

ROLE = ROOT / "roles/cdc_setup"
PREFIX = "cdc_setup_"
SECRET = re.compile(r"secret|password|passphrase|_key$|token$")

each_module = pytest.mark.parametrize("module", MODULES)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def stated(options: Mapping[str, Any], nested: str) -> dict[str, Any]:
    """Options as either side states them, with what may be left out filled in. ``nested``: its name for suboptions."""
    return {
        name: {
            "type": option.get("type", "str"),
            "required": bool(option.get("required")),
            "default": option.get("default"),
            "choices": sorted(option.get("choices") or []),
            "elements": option.get("elements"),
            "aliases": sorted(option.get("aliases") or []),
            "suboptions": stated(option.get(nested) or {}, nested),
        }
        for name, option in options.items()
    }


def all_options(options: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every option and suboption with its dotted name."""
    for name, option in options.items():
        yield path + name, option
        yield from all_options(option.get("options") or {}, f"{path}{name}.")


# --- Modules: specification and documentation -------------------------------------------------------------------------


@each_module
def test_the_documentation_of_a_module_states_its_specification(module: str, ansible_doc: dict[str, Any]) -> None:
    documented = stated(ansible_doc[module]["doc"]["options"], "suboptions")

    assert documented == stated(spec_of(module).argument_spec, "options")


@each_module
def test_the_environment_variables_of_an_option_are_documented(module: str, ansible_doc: dict[str, Any]) -> None:
    documented = ansible_doc[module]["doc"]["options"]

    missing = [
        variable
        for name, option in spec_of(module).argument_spec.items()
        for variable in (option["fallback"][1] if "fallback" in option else [])
        if f"E({variable})" not in " ".join(documented[name]["description"])
    ]
    assert missing == []


@each_module
def test_every_secret_of_a_module_is_kept_from_the_log(module: str) -> None:
    shown = [
        name
        for name, option in all_options(spec_of(module).argument_spec)
        # A path may be shown, and has to be where it is wrong. What is no text is no secret: whether, or for how long.
        if SECRET.search(name)
        and option.get("no_log") is not True
        and option.get("type") not in ("path", "bool", "int")
    ]

    assert shown == []


@each_module
def test_the_link_of_a_module_never_comes_from_the_environment(module: str) -> None:
    options = spec_of(module).argument_spec.items()

    others = [(name, option) for name, option in options if name not in {*DSM.argument_spec, *AZURE.argument_spec}]
    assert [name for name, option in others if "fallback" in option] == []


@each_module
def test_the_rules_of_a_module_are_about_its_own_options(module: str) -> None:
    spec = spec_of(module)

    named = {
        name
        for rule in (spec.mutually_exclusive, spec.required_together, spec.required_one_of)
        for name in sum(rule, ())
    }
    named |= {name for option, _value, others in spec.required_if for name in (option, *others)}
    assert named <= set(spec.argument_spec)


# How the description of an option states a rule. Each option of the rule has the sentence.
FORMS = {
    "one of": re.compile(r"^Exactly one of (.*) is required\.$"),
    "some of": re.compile(r"^At least one of (.*) is required\.$"),
    "excludes": re.compile(r"^Mutually exclusive with (.*)\.$"),
    "together": re.compile(r"^Required together with (.*)\.$"),
    "if": re.compile(r"^Required if (.*)\.$"),
}
# Rules that operations check themselves, as the values may come from the environment, or for a better message.
OF_OPERATIONS = [("dsm_api_key", "dsm_username", "dsm_client_cert"), ("link_client_secret", "link_certificate")]
Rule = tuple[str, str, frozenset[str]]


def stated_rules(options: Mapping[str, Any], path: str = "") -> Iterator[Rule]:
    """Form, option, and the options that it is about, as the documentation states them."""
    for name, option in options.items():
        for sentence in option["description"]:
            for form, pattern in FORMS.items():
                if found := pattern.match(sentence):
                    yield form, path + name, frozenset(re.findall(r"O\(([^)]+)\)", found[1])) - {path + name}
        inner = f"{path}{name}[]." if option.get("type") == "list" else f"{path}{name}."
        yield from stated_rules(option.get("suboptions") or {}, inner)


def specified_rules(spec: Mapping[str, Any], options: Mapping[str, Any], path: str = "") -> Iterator[Rule]:
    """The same of a specification. ``spec``: where the rules are."""
    exclusive, one_of = ([frozenset(rule) for rule in spec.get(name) or ()] for name in _RULES)
    exactly = [rule for rule in exclusive if rule in one_of]
    for form, rules in (
        ("one of", exactly),
        ("some of", [rule for rule in one_of if rule not in exactly]),
        ("excludes", [rule for rule in exclusive if rule not in exactly]),
        ("together", [frozenset(rule) for rule in spec.get("required_together") or ()]),
    ):
        for rule in rules:
            yield from ((form, path + name, frozenset(path + other for other in rule - {name})) for name in rule)
    for name, value, needed in spec.get("required_if") or ():
        yield from (("if", path + one, frozenset({f"{path}{name}={value}"})) for one in needed)
    for name, option in options.items():
        inner = f"{path}{name}[]." if option.get("type") == "list" else f"{path}{name}."
        yield from specified_rules(option, option.get("options") or {}, inner)


_RULES = ("mutually_exclusive", "required_one_of")


@each_module
def test_the_rules_of_a_module_are_stated_at_each_of_their_options(module: str, ansible_doc: dict[str, Any]) -> None:
    spec = spec_of(module).as_module_arguments()
    rules = list(specified_rules(spec, spec["argument_spec"]))
    excluded = {name for form, name, _others in rules if form in ("together", "excludes")}
    own = [rule for rule in OF_OPERATIONS if set(rule) <= spec["argument_spec"].keys() - excluded]
    rules += specified_rules({"mutually_exclusive": own}, {})

    stated = stated_rules(ansible_doc[module]["doc"]["options"])

    assert sorted((form, name, sorted(others)) for form, name, others in stated) == sorted(
        (form, name, sorted(others)) for form, name, others in rules
    )


@each_module
def test_a_module_documents_what_it_returns(module: str, ansible_doc: dict[str, Any]) -> None:
    returned = ansible_doc[module]["return"]

    assert returned
    assert [name for name, value in returned.items() if not {"description", "returned", "type"} <= value.keys()] == []


# --- Attributes and action groups -------------------------------------------------------------------------------------


def action_groups() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = load(ROOT / "meta/runtime.yml")["action_groups"]
    return groups


@each_module
def test_a_module_documents_its_attributes(module: str, ansible_doc: dict[str, Any]) -> None:
    attributes = ansible_doc[module]["doc"]["attributes"]

    assert {"check_mode", "diff_mode", "idempotent"} <= attributes.keys()


@each_module
def test_a_module_documents_the_action_groups_that_it_is_in(module: str, ansible_doc: dict[str, Any]) -> None:
    documented = ansible_doc[module]["doc"]["attributes"].get("action_group", {}).get("membership", [])

    assert documented == [f"fortanix.dsm.{group}" for group, members in action_groups().items() if module in members]


def test_the_action_group_cdc_is_every_module_that_accepts_all_login_options() -> None:
    # By name: the address is required in some, and a group in DSM is a choice of the user in others.
    accepting = [module for module in MODULES if DSM.argument_spec.keys() <= spec_of(module).argument_spec.keys()]

    assert sorted(action_groups()["cdc"]) == accepting


def test_the_action_group_azure_is_every_module_that_takes_the_operators_options() -> None:
    taking = [module for module in MODULES if AZURE.argument_spec.items() <= spec_of(module).argument_spec.items()]

    assert sorted(action_groups()["azure"]) == taking


# --- Tasks in examples, role and playbooks ----------------------------------------------------------------------------


def tasks_in(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The tasks of a play or task file, those in plays and blocks included."""
    for entry in entries:
        nested = [
            name
            for name in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
            if name in entry
        ]
        if "hosts" not in entry and not nested:
            yield entry
        for name in nested:
            yield from tasks_in(entry[name])


def calls_in(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls of our modules: name and arguments."""
    for task in tasks_in(tasks):
        for action, arguments in task.items():
            if action.startswith("fortanix.dsm."):
                yield action.removeprefix("fortanix.dsm."), arguments or {}


def wrong_in(module: str, arguments: Mapping[str, Any]) -> list[str]:
    """What AnsibleModule would refuse in these arguments. Templates count as right values."""
    spec = spec_of(module)
    complaints = list(_wrong_options(arguments, spec.argument_spec))
    for check, rules in (
        (check_mutually_exclusive, spec.mutually_exclusive),
        (check_required_together, spec.required_together),
        (check_required_one_of, spec.required_one_of),
        (check_required_if, spec.required_if),
    ):
        # What is left out when it is not set cannot be in the way of another.
        sure = {name: value for name, value in arguments.items() if "omit" not in str(value)}
        try:
            check(rules, sure if check is check_mutually_exclusive else arguments)
        except TypeError as error:
            complaints.append(str(error))
    return complaints


def _wrong_options(arguments: Mapping[str, Any], options: Mapping[str, Any], path: str = "") -> Iterator[str]:
    yield from (f"{path}{name} is no option" for name in arguments.keys() - options.keys())
    # The login comes from module_defaults or the environment.
    required = {name for name, option in options.items() if option.get("required") and not name.startswith("dsm_")}
    yield from (f"{path}{name} is required" for name in required - arguments.keys())
    for name in arguments.keys() & options.keys():
        value, option = arguments[name], options[name]
        if isinstance(value, str) and "{{" in value:
            continue
        chosen = value if option.get("type") == "list" else [value]
        if option.get("choices") and not set(chosen) <= set(option["choices"]):
            yield f"{path}{name} is none of the choices"
        if option.get("options"):
            for one in chosen:
                yield from _wrong_options(one, option["options"], f"{path}{name}.")


# Playbooks only, not the variables beside them.
TASK_FILES = sorted([*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml"), *ROOT.glob("demo/show.yml")])
each_task_file = pytest.mark.parametrize("path", TASK_FILES, ids=lambda path: str(path.relative_to(ROOT)))


@each_module
def test_a_module_has_examples_of_itself(module: str, ansible_doc: dict[str, Any]) -> None:
    calls = calls_in(yaml.safe_load(ansible_doc[module]["examples"]))

    assert module in {name for name, _arguments in calls}


@each_module
def test_the_examples_of_a_module_are_calls_that_it_accepts(module: str, ansible_doc: dict[str, Any]) -> None:
    calls = calls_in(yaml.safe_load(ansible_doc[module]["examples"]))

    assert [wrong for name, arguments in calls for wrong in wrong_in(name, arguments)] == []


@each_module
def test_examples_name_modules_in_full(module: str, ansible_doc: dict[str, Any]) -> None:
    keywords = {"name", "register", "vars", "when", "loop", "loop_control", "check_mode", "diff", "module_defaults"}
    keywords |= {"run_once", "changed_when", "failed_when"}
    examples = yaml.safe_load(ansible_doc[module]["examples"])

    short = [key for task in tasks_in(examples) for key in task if key not in keywords and key.count(".") < 2]
    assert short == []


@each_task_file
def test_tasks_are_calls_that_our_modules_accept(path: Path) -> None:
    assert [wrong for name, arguments in calls_in(load(path)) for wrong in wrong_in(name, arguments)] == []


@each_task_file
def test_tasks_do_the_same_in_check_mode(path: Path) -> None:
    assert "ansible_check_mode" not in path.read_text(encoding="utf-8")


@each_task_file
def test_no_loop_prints_the_groups_with_their_secrets(path: Path) -> None:
    loops = [
        str(value)
        for task in tasks_in(load(path))
        for key, value in task.items()
        if key == "loop" or key.startswith("with_")
    ]

    # How many there are may be asked; looping over them prints each.
    assert [loop for loop in loops if "cdc_setup_groups" in re.sub(r"cdc_setup_groups\s*\|\s*length", "", loop)] == []


@each_task_file
def test_no_fact_is_made_of_a_secret(path: Path) -> None:
    made = [
        f"{task['ansible.builtin.set_fact']} {task.get('vars', '')}"
        for task in tasks_in(load(path))
        if "ansible.builtin.set_fact" in task
    ]

    assert [
        fact for fact in made if re.search(r"secret|password|api_key|cdc_setup_groups|cdc_setup_item\b(?!\.)", fact)
    ] == []


def test_the_role_leaves_the_login_to_the_play() -> None:
    logins = "|".join([*DSM.argument_spec, "module_defaults"])
    files = [
        path for path in ROOT.glob("roles/**/*.yml") if re.search(rf"\b({logins}):", path.read_text(encoding="utf-8"))
    ]

    assert files == []


# --- The role's options -----------------------------------------------------------------------------------------------


def options_of(role: str) -> dict[str, Any]:
    path = ROOT / "roles" / role / "meta/argument_specs.yml"
    options: dict[str, Any] = load(path)["argument_specs"]["main"]["options"]
    return options


ROLE_OPTIONS = options_of("cdc_setup")
ITEM_OPTIONS: dict[str, Any] = ROLE_OPTIONS[PREFIX + "groups"]["options"]
# The dependency of the others has no options that a user sets.
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.name != "checked_variables")
# What a role decides itself; every other option is one of a module that it calls.
OF_THE_ROLES = {
    "azure_prereqs": {"vaults", "repair", "fail_on"},
    "cdc_compliance": {"declared_hosts", "directory", "policy", "formats", "enforce", "batch_size"},
    "cdc_rotate": {"applications", "azure_service"},
    "cdc_setup": {
        "groups",
        "sync",
        "application",
        "azure_vault",
        "check_prerequisites",
        "repair_prerequisites",
        "wait_interval",
        "wait_timeout",
        # Groups of several hosts are independent of each other.
        "on_error",
    },
}
CALLED = {
    "azure_prereqs": ("azure_kv_prereqs_info", "azure_kv_prereqs"),
    "cdc_compliance": ("cdc_compliance_info",),
    "cdc_rotate": ("cdc_credential",),
    "cdc_setup": ("cdc_group", "cdc_sync", "cdc_connection", "azure_kv_prereqs_info", "azure_kv_prereqs", "cdc_groups"),
}
PASSED_ON = sorted(
    (role, option.removeprefix(f"{role}_"))
    for role in ROLES
    for option in options_of(role)
    if option.removeprefix(f"{role}_") not in OF_THE_ROLES[role]
)


def of_a_module(role: str, name: str) -> Mapping[str, Any] | None:
    """The module option that a role option is passed on to."""
    for module in CALLED[role]:
        if name in spec_of(module).argument_spec:
            option: Mapping[str, Any] = spec_of(module).argument_spec[name]
            return option
    return None


def value_of(option: Mapping[str, Any]) -> dict[str, Any]:
    """What a value of this option may be."""
    return {
        "type": option.get("type", "str"),
        "choices": option.get("choices"),
        "elements": option.get("elements"),
        "no_log": bool(option.get("no_log")),
    }


each_role = pytest.mark.parametrize("role", ROLES)


@each_role
def test_the_roles_defaults_are_those_that_its_specification_states(role: str) -> None:
    stated_defaults = {name: option["default"] for name, option in options_of(role).items() if "default" in option}

    assert load(ROOT / "roles" / role / "defaults/main.yml") == stated_defaults


@each_role
def test_the_roles_options_have_its_prefix(role: str) -> None:
    assert [name for name in options_of(role) if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize(("role", "name"), PASSED_ON)
class TestAnOptionThatTheRolePassesOn:
    def test_takes_the_values_that_the_module_takes(self, role: str, name: str) -> None:
        option = of_a_module(role, name)

        assert option is not None
        assert value_of(options_of(role)[f"{role}_{name}"]) == value_of(option)

    def test_has_the_default_of_the_module(self, role: str, name: str) -> None:
        option = of_a_module(role, name)

        assert option is not None
        assert options_of(role)[f"{role}_{name}"].get("default") == option.get("default")


def test_a_group_of_the_list_takes_the_options_of_the_role() -> None:
    of_all = {PREFIX + name for name in ("groups", "on_error", "time_budget", "concurrency")}

    assert {PREFIX + name for name in ITEM_OPTIONS} == set(ROLE_OPTIONS) - of_all


@pytest.mark.parametrize("name", sorted(ITEM_OPTIONS))
class TestAnOptionOfAGroupOfTheList:
    def test_takes_the_values_that_the_role_takes(self, name: str) -> None:
        assert value_of(ITEM_OPTIONS[name]) == value_of(ROLE_OPTIONS[PREFIX + name])

    def test_has_no_default_of_its_own(self, name: str) -> None:
        # It would not be applied: Ansible checks role arguments, and leaves them as they are.
        assert "default" not in ITEM_OPTIONS[name]


@each_role
def test_every_option_of_the_role_is_used(role: str) -> None:
    folder = ROOT / "roles" / role
    tasks = "".join(path.read_text("utf-8") for path in [*folder.glob("tasks/*.yml"), *folder.glob("vars/*.yml")])

    # Lookups read what decides who creates what, and make the fact that a task for a group reads.
    names = {*re.findall(r"\bcdc_setup_this\.(\w+)", tasks), *shared.OPTIONS}
    of_the_fact = {f"cdc_setup_{name}" for name in names}
    unread = options_of(role).keys() - of_the_fact
    assert [name for name in unread if not re.search(rf"\b{name}\b", tasks)] == []


def test_every_option_of_a_group_of_the_list_is_used() -> None:
    tasks = "".join(path.read_text("utf-8") for path in [*ROLE.glob("tasks/*.yml"), *ROLE.glob("vars/*.yml")])

    group = r"(cdc_setup_item|cdc_setup_this|\(cdc_setup_groups\[cdc_setup_index\] \| default\({}\)\))"
    used = {name for name in ITEM_OPTIONS if re.search(rf"{group}\.{name}\b", tasks)}
    # What decides who creates what is read by a lookup.
    assert ITEM_OPTIONS.keys() - used - set(shared.OPTIONS) == set()


def test_every_entry_point_of_the_role_validates_the_same_options() -> None:
    specs = load(ROLE / "meta/argument_specs.yml")["argument_specs"]
    documented = {"main", *re.findall(r"tasks_from: (\w+)", (ROLE / "README.md").read_text(encoding="utf-8"))}
    of_plays = re.findall(r"tasks_from: (\w+)", (ROOT / "playbooks/setup.yml").read_text(encoding="utf-8"))

    assert documented == {"main", *of_plays} == set(specs)
    assert [name for name, spec in specs.items() if spec["options"] != ROLE_OPTIONS] == []


def test_the_variables_example_sets_only_options_of_the_role() -> None:
    assert load(ROOT / "playbooks/vars/setup.example.yml").keys() - ROLE_OPTIONS.keys() == set()
