# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's login to Azure: what the options say, and what environment and credential file may add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.doc_fragments.azure import ModuleDocFragment
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import credential
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.cloud import PUBLIC
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import credential_for, operator_of
from ansible_collections.fortanix.dsm.plugins.module_utils._environment import (
    IDENTITY,
    OPERATOR_VARIABLES,
    PROOFS,
    complete_operator,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._options import AZURE
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task
from unit.builders import CANARY, present_or_not
from unit.dsm.builders import CLIENT, SUBSCRIPTION, TENANT

OPTIONS = tuple(AZURE.argument_spec)
VARIABLES = tuple(name for names in OPERATOR_VARIABLES.values() for name in names)
NOWHERE = "/nowhere"
in_environment = present_or_not(**{name: st.sampled_from(["", f"environment {name}"]) for name in VARIABLES})
in_play = st.fixed_dictionaries({name: st.sampled_from([None, "", f"play {name}"]) for name in IDENTITY})


def params(**given: str | None) -> dict[str, Any]:
    defaults = {name: option.get("default") for name, option in AZURE.argument_spec.items()}
    return {**defaults, **given}


def application(**given: str | None) -> dict[str, Any]:
    """The options of an operator with a secret."""
    return params(**{"tenant": TENANT, "client_id": CLIENT, "secret": CANARY, **given})


def completed(environ: Mapping[str, str], **given: str | None) -> dict[str, Any]:
    """What is set after the environment was read."""
    options = params(**given)
    complete_operator(options, {"HOME": NOWHERE, **environ})
    return {name: options[name] for name in OPERATOR_VARIABLES if options[name] is not None}


@pytest.fixture
def home(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """An environment whose home folder has this credential file."""

    def make(content: str) -> dict[str, str]:
        file = tmp_path / ".azure/credentials"
        file.parent.mkdir()
        file.write_text(content, encoding="utf-8")
        return {"HOME": str(tmp_path)}

    return make


# --- Options and documentation ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    options: dict[str, Any] = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    return options


def test_the_fragment_documents_the_options(documented: dict[str, Any]) -> None:
    keys = ("type", "default", "choices")

    assert {name: {key: option.get(key) for key in keys} for name, option in documented.items()} == {
        name: {key: option.get(key) for key in keys} for name, option in AZURE.argument_spec.items()
    }


@pytest.mark.parametrize("option", OPERATOR_VARIABLES)
def test_the_fragment_names_the_variables_of_an_option(documented: dict[str, Any], option: str) -> None:
    text = " ".join(documented[option]["description"])

    assert [name for name in OPERATOR_VARIABLES[option] if f"E({name})" not in text] == []


# --- Environment ------------------------------------------------------------------------------------------------------


@given(in_play.filter(lambda named: any(value is not None for value in named.values())), in_environment)
def test_an_identity_that_the_task_names_is_never_mixed_with_the_environment(
    named: dict[str, str | None], environ: dict[str, str]
) -> None:
    taken = completed(environ, **named)

    assert {name: taken.get(name) for name in IDENTITY} == named


@given(in_environment)
def test_the_environment_gives_one_whole_identity_or_none(environ: dict[str, str]) -> None:
    taken = completed(environ).keys() & {*IDENTITY}

    assert not taken or len(taken & {*PROOFS}) == 1 <= len(taken & {"client_id"})


@given(in_environment)
def test_every_secret_of_the_operator_is_reported_for_scrubbing(environ: dict[str, str]) -> None:
    options = params()

    secrets = complete_operator(options, {"HOME": NOWHERE, **environ})

    no_log = [name for name, option in AZURE.argument_spec.items() if option.get("no_log")]
    assert secrets == {options[name] for name in no_log if options[name] is not None}


@given(st.sampled_from(["cli", "msi"]), in_environment)
def test_a_login_that_is_made_elsewhere_takes_neither_identity_nor_tenant(source: str, environ: dict[str, str]) -> None:
    assert completed(environ, auth_source=source).keys() <= {"subscription_id", "cloud_environment"}


ID = {"AZURE_CLIENT_ID": "app"}


@pytest.mark.parametrize(
    ("environ", "taken"),
    [
        ({**ID, "AZURE_SECRET": "a", "AZURE_CLIENT_SECRET": "b"}, {"client_id": "app", "secret": "a"}),
        ({**ID, "AZURE_CLIENT_SECRET": "b"}, {"client_id": "app", "secret": "b"}),
        (
            {**ID, "AZURE_CLIENT_CERTIFICATE_PATH": "/c.pem", "AZURE_CLIENT_CERTIFICATE_PASSWORD": "p"},
            {"client_id": "app", "x509_certificate_path": "/c.pem", "x509_certificate_password": "p"},
        ),
        (
            {**ID, "AZURE_SECRET": "a", "AZURE_CLIENT_CERTIFICATE_PASSWORD": "p"},
            {"client_id": "app", "secret": "a"},
        ),
        ({**ID, "AZURE_FEDERATED_TOKEN": "t"}, {"client_id": "app", "oidc_token": "t"}),
        ({**ID, "AZURE_FEDERATED_TOKEN_FILE": "/t"}, {"client_id": "app", "oidc_token_file_path": "/t"}),
        ({"AZURE_TENANT": "a", "AZURE_TENANT_ID": "b"}, {"tenant": "a"}),
        ({"AZURE_TENANT_ID": "b"}, {"tenant": "b"}),
        ({"AZURE_SUBSCRIPTION_ID": "s"}, {"subscription_id": "s"}),
        (ID, {}),
        ({"AZURE_CLIENT_SECRET": "b"}, {}),
    ],
)
def test_both_families_of_variables_are_read_in_the_documented_order(
    environ: dict[str, str], taken: dict[str, str]
) -> None:
    assert completed(environ) == taken


def test_a_tenant_in_the_environment_goes_with_an_identity_in_the_task() -> None:
    taken = completed({"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "other"}, client_id="app", secret="s")

    assert taken == {"tenant": "t", "client_id": "app", "secret": "s"}


def test_what_the_task_says_of_tenant_and_subscription_comes_before_the_environment() -> None:
    environ = {"AZURE_TENANT_ID": "other", "AZURE_SUBSCRIPTION_ID": "other", "AZURE_CLOUD_ENVIRONMENT": "other"}
    named = {"tenant": "t", "subscription_id": "s", "cloud_environment": "c"}

    assert completed(environ, **named) == named


@pytest.mark.parametrize("source", ["env", "credential_file", "cli"])
@pytest.mark.parametrize("option", IDENTITY)
def test_a_task_that_names_an_identity_and_another_source_for_it_is_refused(source: str, option: str) -> None:
    with pytest.raises(InvalidInput, match=f"Option auth_source: .*{option}"):
        completed({}, **{"auth_source": source, option: "x"})


# --- Credential file --------------------------------------------------------------------------------------------------

FILE = """
[default]
tenant = file-tenant
client_id = file-app
secret = 100%secret
subscription_id = file-subscription
password = not ours
[prod]
client_id = prod-app
secret = prod-secret
cloud_environment = AzureUSGovernment
"""
DEFAULT = {
    "tenant": "file-tenant",
    "client_id": "file-app",
    "secret": "100%secret",
    "subscription_id": "file-subscription",
}
Home = Callable[[str], dict[str, str]]


def test_the_default_section_is_read_when_the_environment_has_no_identity(home: Home) -> None:
    assert completed(home(FILE)) == DEFAULT


def test_the_environment_comes_before_the_default_section(home: Home) -> None:
    environ = {"AZURE_CLIENT_ID": "app", "AZURE_SECRET": "s"}

    assert completed({**home(FILE), **environ}) == {"client_id": "app", "secret": "s"}


def test_a_section_that_is_named_comes_before_the_environment(home: Home) -> None:
    environ = {"AZURE_CLIENT_ID": "app", "AZURE_SECRET": "s", "AZURE_TENANT": "t"}

    assert completed({**home(FILE), **environ}, profile="prod") == {
        "tenant": "t",
        "client_id": "prod-app",
        "secret": "prod-secret",
        "cloud_environment": "AzureUSGovernment",
    }


def test_the_tenant_of_the_section_belongs_to_its_identity(home: Home) -> None:
    environ = {"AZURE_TENANT": "other", "AZURE_SUBSCRIPTION_ID": "other"}

    assert completed({**home(FILE), **environ}, auth_source="credential_file") == DEFAULT


def test_an_identity_in_the_task_comes_before_a_section(home: Home) -> None:
    taken = completed(home(FILE), profile="prod", client_id="app", secret="s")

    assert taken == {"client_id": "app", "secret": "s"}


def test_the_environment_alone_is_read_when_the_task_says_so(home: Home) -> None:
    assert completed(home(FILE), auth_source="env") == {}


@pytest.mark.parametrize("option", ["oidc_token_file_path", "x509_certificate_path"])
def test_a_secret_in_the_place_of_a_path_is_not_quoted(option: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        credential_for(application(secret=None, **{option: CANARY}), PUBLIC)

    assert (refused.value.obj, CANARY in str(refused.value.to_fail_json())) == (option, False)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "the file does not exist"),
        ("[other]\n", r"section \[default\] of .* cannot be used: the section does not exist"),
        (f"secret = {CANARY}\n", "it is not an INI file"),
    ],
)
class TestACredentialFileThatCannotBeUsed:
    def refusal(self, home: Home, content: str | None) -> InvalidInput:
        environ = {"HOME": NOWHERE} if content is None else home(content)
        with pytest.raises(InvalidInput) as refused:
            completed(environ, auth_source="credential_file")
        return refused.value

    def test_is_refused_with_the_reason(self, home: Home, content: str | None, problem: str) -> None:
        with pytest.raises(InvalidInput, match=f"Option profile: .*{problem}"):
            raise self.refusal(home, content)

    def test_is_not_quoted(self, home: Home, content: str | None, problem: str) -> None:
        assert CANARY not in str(self.refusal(home, content).to_fail_json())


# --- Credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_params", "kind"),
    [
        (application(), "ClientSecretCredential"),
        (application(secret=None, oidc_token=CANARY), "ClientAssertionCredential"),
        (application(secret=None, oidc_token_file_path=__file__), "ClientAssertionCredential"),
        (params(auth_source="cli"), "AzureCliCredential"),
        (params(auth_source="msi"), "ManagedIdentityCredential"),
        (params(auth_source="msi", client_id=CLIENT), "ManagedIdentityCredential"),
    ],
)
def test_the_options_choose_the_credential(given_params: dict[str, Any], kind: str) -> None:
    assert type(credential_for(given_params, PUBLIC)).__name__ == kind


@pytest.mark.parametrize("option", ["secret", "oidc_token"])
@pytest.mark.parametrize(
    ("added", "problem"),
    [
        ("{}\n", "ends with a line break"),
        ("{}\r\n", "ends with a line break"),
        ("\ufeff{}", "begins with a byte order mark"),
        ("{}\u200b", "an invisible one"),
        (" {}", "white space"),
        ("{}\t", "white space"),
    ],
)
def test_what_a_file_added_to_a_credential_is_named_before_any_request(option: str, added: str, problem: str) -> None:
    options = application(**{"secret": None, option: added.format(CANARY)})

    with pytest.raises(InvalidInput, match=f"Option {option}: .*{problem}.*`trim`") as refused:
        credential_for(options, PUBLIC)

    assert CANARY not in str(refused.value.to_fail_json())


@pytest.mark.parametrize(
    ("variable", "option"),
    [("AZURE_CLIENT_SECRET", "secret"), ("AZURE_SECRET", "secret"), ("AZURE_FEDERATED_TOKEN", "oidc_token")],
)
def test_an_environment_variable_with_a_line_break_is_named_alike(variable: str, option: str) -> None:
    environ = {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT, variable: f"{CANARY}\n"}

    with pytest.raises(InvalidInput, match=f"Option {option}: .*line break"):
        credential_for(params(**completed(environ)), PUBLIC)


def test_the_id_of_the_operators_secret_is_told_from_its_value() -> None:
    with pytest.raises(InvalidInput, match=r"Option secret: it is the secret's ID, not its Value"):
        credential_for(application(secret=CLIENT), PUBLIC)


def test_a_token_file_may_end_with_a_line_break_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("\ufeffone\r\n", encoding="utf-8")
    asked = credential_for(application(secret=None, oidc_token_file_path=str(file)), PUBLIC)
    read = asked._func

    first = read()
    file.write_text("two\n")

    assert (first, read()) == ("one", "two")


def test_the_azure_cli_is_used_when_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "az"
    tool.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert type(credential_for(params(), PUBLIC)).__name__ == "AzureCliCredential"


@pytest.mark.parametrize("more", [{}, {"look_in_azure": True}])
def test_a_cli_without_a_login_is_told_with_what_needs_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: dict[str, Any]
) -> None:
    tool = tmp_path / "az"
    tool.write_text("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    task = Task(params={**params(), **more}, check_mode=False, proxy=None, warn=pytest.fail)

    with pytest.raises(Exception, match="az login") as caught:
        operator_of(task).credential.get_token("https://vault.azure.net/.default")

    assert ("set look_in_azure: false" in str(caught.value)) is bool(more)


def test_without_any_login_the_message_says_where_it_was_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(TaskError, match=r"AZURE_CLIENT_ID.*~/\.azure/credentials.*az login"):
        credential_for(params(), PUBLIC)


@pytest.mark.parametrize(
    ("given_params", "option"),
    [
        (application(client_id=None), "client_id"),
        (application(client_id="my-app"), "client_id"),
        (application(secret=None), "secret"),
        (application(secret=" "), "secret"),
        (application(tenant=None), "tenant"),
        (application(tenant="a/b"), "tenant"),
        (application(tenant=""), "tenant"),
        (application(x509_certificate_password=CANARY), "x509_certificate_path"),
        (application(secret=None, x509_certificate_path=f"{NOWHERE}/c.pem"), "x509_certificate_path"),
        (application(secret=None, x509_certificate_path=__file__), "x509_certificate_path"),
        (application(secret=None, oidc_token_file_path=f"{NOWHERE}/t"), "oidc_token_file_path"),
        (application(auth_source="msi"), "secret"),
        (params(auth_source="env"), "client_id"),
        (params(auth_source="credential_file"), "client_id"),
    ],
)
class TestALoginThatCannotBeRight:
    def test_is_refused_by_the_name_of_the_option(self, given_params: dict[str, Any], option: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            credential_for(given_params, PUBLIC)

        assert refused.value.details["option"] == option

    def test_is_not_quoted(self, given_params: dict[str, Any], option: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            credential_for(given_params, PUBLIC)

        assert CANARY not in str(refused.value.to_fail_json())


def operator(warnings: list[str], **given: str | None) -> Any:
    return operator_of(Task(params=application(**given), check_mode=True, proxy=None, warn=warnings.append))


def test_the_client_id_of_the_operator_is_told_in_lower_case() -> None:
    assert operator([], client_id=CLIENT.upper()).client_id == CLIENT


def test_time_outs_and_retries_are_bounded() -> None:
    assert operator([]).network == {"connection_timeout": 10, "read_timeout": 30, "retry_total": 3}


def test_tls_that_is_not_verified_is_warned_of() -> None:
    warnings: list[str] = []

    operator(warnings, cert_validation_mode="ignore")

    assert [text.partition(" ")[0] for text in warnings] == ["cert_validation_mode"]


def test_tls_is_verified_without_a_word() -> None:
    warnings: list[str] = []

    assert ("connection_verify" in operator(warnings).network, warnings) == (False, [])


def test_an_operator_does_not_show_its_secret() -> None:
    assert CANARY not in repr(operator([]))


def test_a_subscription_that_is_no_id_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Option subscription_id: it is not a UUID"):
        operator([], subscription_id="Production")


def test_a_subscription_that_is_needed_and_not_named_is_asked_for() -> None:
    with pytest.raises(InvalidInput, match="AZURE_SUBSCRIPTION_ID"):
        assert operator([]).subscription


def test_the_subscription_is_the_one_that_is_named() -> None:
    assert operator([], subscription_id=SUBSCRIPTION.upper()).subscription == SUBSCRIPTION


def test_the_sdk_is_not_loaded_for_a_login_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:
        raise AssertionError(name)

    monkeypatch.setattr(credential._deps, "load", load)

    with pytest.raises(InvalidInput):
        credential_for(application(tenant=None), PUBLIC)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("0f1e2d3c-4b5a-4987-8fed-cba987654321", "it is the secret's ID"),
        ("s3cr3t~x\n", "it contains white space"),
        ("s3cr3t ~x", "it contains white space"),
    ],
)
def test_a_secret_that_entra_would_only_call_wrong_is_refused_by_its_option(value: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=rf"Option secret: {problem}") as caught:
        credential_for(application(secret=value), PUBLIC)

    assert value.strip() not in str(caught.value)
