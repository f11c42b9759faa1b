# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The surveys and the credential type say the same as the playbooks, the roles and the options of the modules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, meta

from ansible_collections.fortanix.dsm.plugins.doc_fragments.dsm import ModuleDocFragment
from ansible_collections.fortanix.dsm.plugins.module_utils._options import DSM
from distribution.awx_data import PATTERN, credential_type, template, templates
from support.awx import inject
from support.playbook import ROOT

SURVEYS = [one["name"] for one in templates() if "survey" in one]


def options_of(playbook: str) -> Mapping[str, Any]:
    """The variables that a playbook of the pattern documents."""
    described = ROOT / PATTERN / "playbooks" / playbook.replace(".yml", ".meta.yml")
    (spec,) = yaml.safe_load(described.read_text(encoding="utf-8"))["argument_specs"].values()
    options: Mapping[str, Any] = spec["options"]
    return options


@pytest.mark.parametrize("name", SURVEYS)
def test_a_survey_asks_for_what_the_playbook_documents(name: str) -> None:
    options = options_of(template(name)["playbook"])
    for question in template(name)["survey"]["spec"]:
        option = options[question["variable"]]
        assert question.get("choices") == option.get("choices"), question["variable"]
        assert question["required"] == (option.get("required", False) or "default" in option), question["variable"]
        assert question.get("default") == option.get("default", question.get("default")), question["variable"]
        assert question.get("default", "") in ["", *question.get("choices", [question.get("default")])]
        assert question["type"] == ("multiplechoice" if "choices" in option else "text")


@pytest.mark.parametrize("name", SURVEYS)
def test_a_survey_asks_for_all_that_the_playbook_needs(name: str) -> None:
    # AWX sets the number of the job.
    needed = {variable for variable, one in options_of(template(name)["playbook"]).items() if one.get("required")}

    assert needed - {"awx_job_id"} <= {one["variable"] for one in template(name)["survey"]["spec"]}


@pytest.mark.parametrize("playbook", sorted({one["playbook"] for one in templates()}))
def test_what_a_playbook_documents_is_used(playbook: str) -> None:
    """By the playbook itself, or by the role that it runs."""
    text = (ROOT / PATTERN / "playbooks" / playbook).read_text(encoding="utf-8")
    specs = [
        yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for path in sorted((ROOT / "roles").glob("cdc_*/meta/argument_specs.yml"))
    ]
    known = {name: option for spec in specs for name, option in spec["main"]["options"].items()}
    for name, option in options_of(playbook).items():
        if name in known:
            theirs = known[name]
            assert (option["type"], option.get("default")) == (theirs["type"], theirs.get("default")), name
            # A survey offers what one answer can tell.
            assert set(option.get("choices", [])) <= set(theirs.get("choices", [])), name
        else:
            assert re.search(rf"\b{name}\b", text), name


def test_the_credential_type_sets_variables_that_the_collection_documents() -> None:
    documented = set(re.findall(r"E\((\w+)\)", ModuleDocFragment.DOCUMENTATION))

    names = set(credential_type()["injectors"]["env"])
    assert names <= documented
    # What it leaves out are other names for the same.
    assert {name for name in documented - names if name.startswith("DSM_")} == set()


def test_the_fields_of_the_credential_type_are_the_options_of_the_login() -> None:
    """But for those that say how to connect, and for the CA, which is a file here."""
    options = DSM.as_module_arguments()["argument_spec"]
    fields = {one["id"]: one for one in credential_type()["inputs"]["fields"]}

    assert set(fields) - {"dsm_ca"} == set(options) - {"dsm_validate_certs", "dsm_timeout", "dsm_ca_path"}
    secret = {name for name, one in options.items() if one.get("no_log")}
    # The option is a file; here it is the key itself.
    assert {name for name, one in fields.items() if one.get("secret")} == secret | {"dsm_client_key"}
    assert set(credential_type()["inputs"]["required"]) == {
        name for name, one in options.items() if one.get("required")
    }


def test_injectors_use_fields_and_files_that_are_there() -> None:
    kind = credential_type()
    fields = {one["id"] for one in kind["inputs"]["fields"]}
    files = {label.removeprefix("template.") for label in kind["injectors"]["file"]}
    used: set[str] = set()
    for text in [*kind["injectors"]["file"].values(), *kind["injectors"]["env"].values()]:
        used |= meta.find_undeclared_variables(Environment(autoescape=True).parse(text))

    assert used == fields | {"tower"}
    named = re.findall(r"tower\.filename\.(\w+)", json.dumps(kind["injectors"]["env"]))
    assert sorted(named) == sorted(files)


def test_a_field_that_is_empty_is_an_empty_variable_and_secrets_are_hidden() -> None:
    given = {"dsm_endpoint": "https://dsm.example.com", "dsm_client_key": "the key"}

    login = inject(credential_type(), given, Path("/runner/env"))

    assert login.env["DSM_API_KEY"] == login.env["DSM_CA_PATH"] == ""
    assert login.env["DSM_CLIENT_KEY"] == "/runner/env/tmp_dsm_client_key"
    assert login.files["tmp_dsm_client_key"] == "the key"
    assert "the key" not in json.dumps(login.env) + json.dumps(login.shown)
