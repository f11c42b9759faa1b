# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to log in to DSM, and sessions that end or are not ready yet (DSM contract §1.3 to §1.5)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import DsmError
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_group_info
from sandbox import Fault, Profile, Sandbox
from sandbox.authorities import Pair, self_signed
from support.certificate_forms import Form
from support.operate import Operator
from support.playbook import Ansible
from support.shell import Shell

GROUPS = "/sys/v1/groups"
AUTH = "/sys/v1/session/auth"
TERMINATE = "/sys/v1/session/terminate"


@pytest.fixture
def certificate(sandbox: Sandbox) -> dict[str, str]:
    """The login of the app that has a certificate."""
    app = sandbox.world.cert_app
    return {"dsm_client_cert": str(app.certificate_path), "dsm_client_key": str(app.key_path), "dsm_app_id": app.app_id}


@pytest.fixture
def user(sandbox: Sandbox) -> dict[str, str]:
    return {"dsm_username": sandbox.world.administrator.email, "dsm_password": sandbox.world.administrator.password}


@pytest.fixture
def shell(sandbox: Sandbox) -> Shell:
    return Shell(sandbox.environment())


def routes_since(sandbox: Sandbox, mark: int) -> list[str]:
    return [entry.route for entry in sandbox.journal.since(mark)]


# --- Certificate ------------------------------------------------------------------------------------------------------


def test_an_app_logs_in_with_its_certificate_and_the_session_is_ended(
    shell: Shell, sandbox: Sandbox, name: str, certificate: dict[str, str]
) -> None:
    mark, tunnels = sandbox.journal.mark(), len(sandbox.proxy_log)
    result = shell(cdc_group_info, name=name, **certificate, environment={"DSM_API_KEY": None})
    assert result["groups"] == []
    assert routes_since(sandbox, mark) == [AUTH, GROUPS, TERMINATE]
    assert {entry.principal for entry in sandbox.journal.since(mark)} == {f"app:{sandbox.world.cert_app.name}"}
    # All of it through the proxy, which sees a tunnel and nothing of the certificate.
    assert {entry.host for entry in sandbox.proxy_log[tunnels:]} == {"dsm.sandbox.example"}


def test_the_certificate_comes_from_the_environment(
    shell: Shell, sandbox: Sandbox, name: str, certificate: dict[str, str]
) -> None:
    environment = {
        "DSM_API_KEY": None,
        "DSM_CLIENT_CERT": certificate["dsm_client_cert"],
        "DSM_CLIENT_KEY": certificate["dsm_client_key"],
    }
    mark = sandbox.journal.mark()
    assert shell(cdc_group_info, name=name, environment=environment)["groups"] == []
    assert sandbox.journal.since(mark)[0].principal == f"app:{sandbox.world.cert_app.name}"


def test_an_api_key_in_the_play_is_not_mixed_with_a_certificate_in_the_environment(
    shell: Shell, sandbox: Sandbox, name: str, certificate: dict[str, str]
) -> None:
    mark = sandbox.journal.mark()
    shell(
        cdc_group_info,
        name=name,
        dsm_api_key=sandbox.world.admin_app.api_key,
        environment={"DSM_API_KEY": None, "DSM_CLIENT_CERT": certificate["dsm_client_cert"]},
    )
    assert [entry.principal for entry in sandbox.journal.since(mark)] == [f"app:{sandbox.world.admin_app.name}"]


def test_dsm_finds_the_app_by_the_certificate_alone(operate: Operator, name: str, certificate: dict[str, str]) -> None:
    del certificate["dsm_app_id"]
    assert operate(cdc_group_info, name=name, **certificate)["groups"] == []


def test_certificate_and_key_may_be_in_one_file(operate: Operator, sandbox: Sandbox, name: str, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(sandbox.world.cert_app.key_pem + sandbox.world.cert_app.certificate_pem, encoding="ascii")
    assert operate(cdc_group_info, name=name, dsm_client_cert=str(both))["groups"] == []


FORMS = {
    "PEM": (Form.PEM, Form.PEM),
    "DER": (Form.DER, Form.DER_KEY),
    "PKCS#12": (Form.PACKED, None),
    "base64 of PKCS#12": (Form.PACKED_BASE64, None),
    "base64 of PEM": (Form.COMBINED_BASE64, None),
    "line breaks written out": (Form.WRITTEN_OUT, None),
    "CRLF and BOM": (Form.WINDOWS, None),
    "chain, root first": (Form.CHAIN_REVERSED, None),
}


@pytest.mark.parametrize("form", FORMS)
def test_certificate_and_key_of_the_app_may_have_any_form(
    operate: Operator, sandbox: Sandbox, name: str, tmp_path: Path, form: str
) -> None:
    app = sandbox.world.cert_app
    login = {}
    for option, chosen in zip(("dsm_client_cert", "dsm_client_key"), FORMS[form], strict=True):
        if chosen is not None:
            login[option] = str(tmp_path / option)
            (tmp_path / option).write_bytes(chosen.of(Pair(app.certificate_pem, app.key_pem)))
    assert operate(cdc_group_info, name=name, **login)["groups"] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(login)


def test_a_group_is_created_and_edited_with_a_certificate(
    operate: Operator, name: str, link: Mapping[str, str], certificate: dict[str, str]
) -> None:
    assert operate(cdc_group, name=name, **link, **certificate)["changed"]
    assert operate(cdc_group, name=name, description="New", **certificate)["changed"]
    assert not operate(cdc_group, name=name, description="New", **certificate)["changed"]


def test_a_certificate_that_is_registered_with_no_app_is_refused_by_dsm(
    own_sandbox: Sandbox, name: str, tmp_path: Path
) -> None:
    pair = self_signed("stranger")
    own_sandbox.do(lambda state: state.dsm.accept_client_certificate(pair.certificate))
    file = tmp_path / "stranger.pem"
    file.write_text(pair.certificate_pem + pair.key_pem, encoding="ascii")
    result = Shell(own_sandbox.environment())(
        cdc_group_info, name=name, dsm_client_cert=str(file), environment={"DSM_API_KEY": None}
    )
    assert result["msg"].startswith("DSM, authentication: ")
    assert "HTTP status 401" in result["msg"]
    assert "dsm_client_cert" in result["msg"]


@pytest.mark.usefixtures("passing")
def test_a_certificate_that_is_not_accepted_in_the_handshake_is_named_as_the_cause(
    operate: Operator, name: str, tmp_path: Path
) -> None:
    pair = self_signed("stranger")
    file = tmp_path / "stranger.pem"
    file.write_text(pair.certificate_pem + pair.key_pem, encoding="ascii")
    with pytest.raises(TaskError, match=r"whether the (one|certificate) in dsm_client_cert is registered"):
        operate(cdc_group_info, name=name, dsm_client_cert=str(file))


class TestACertificateThatCannotBeRight:
    """Refused with the name of the option, before any request."""

    @pytest.fixture
    def refused(self, operate: Operator, sandbox: Sandbox, name: str) -> Any:
        def attempt(**login: str) -> InvalidInput:
            mark, tunnels = sandbox.journal.mark(), len(sandbox.proxy_log)
            with pytest.raises(InvalidInput) as refusal:
                operate(cdc_group_info, name=name, **login)
            assert sandbox.journal.since(mark) == []
            assert len(sandbox.proxy_log) == tunnels
            assert "PRIVATE KEY" not in str(refusal.value.to_fail_json())
            return refusal.value

        return attempt

    @pytest.mark.parametrize("option", ["dsm_client_cert", "dsm_client_key"])
    def test_a_file_that_is_not_there(self, refused: Any, certificate: dict[str, str], option: str) -> None:
        refusal = refused(**{**certificate, option: "/nowhere/app.pem"})
        assert str(refusal).startswith(f"Option {option}: '/nowhere/app.pem' cannot be used: No such file")

    def test_a_folder(self, refused: Any, certificate: dict[str, str], tmp_path: Path) -> None:
        assert "Is a directory" in str(refused(**{**certificate, "dsm_client_cert": str(tmp_path)}))

    def test_a_certificate_without_its_key(self, refused: Any, certificate: dict[str, str]) -> None:
        del certificate["dsm_client_key"]
        assert str(refused(**certificate)).startswith("Option dsm_client_key: ")

    def test_the_key_of_another_certificate(self, refused: Any, certificate: dict[str, str], tmp_path: Path) -> None:
        other = tmp_path / "other.key"
        other.write_text(self_signed("other").key_pem, encoding="ascii")
        assert "is not the key of the certificate" in str(refused(**{**certificate, "dsm_client_key": str(other)}))

    def test_an_encrypted_key(
        self, refused: Any, sandbox: Sandbox, certificate: dict[str, str], tmp_path: Path
    ) -> None:
        encrypted = tmp_path / "encrypted.key"
        pair = sandbox.fronts.client_pair
        (tmp_path / "pair.pem").write_text(pair.certificate_pem, encoding="ascii")
        encrypted.write_text(pair.encrypted_key_pem("a passphrase"), encoding="ascii")
        login = {"dsm_client_cert": str(tmp_path / "pair.pem"), "dsm_client_key": str(encrypted)}
        refusal = refused(**login)
        assert "is encrypted" in str(refusal)
        assert "openssl pkey" in str(refusal)

    def test_a_damaged_certificate(self, refused: Any, certificate: dict[str, str], tmp_path: Path) -> None:
        damaged = tmp_path / "damaged.pem"
        damaged.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", encoding="ascii")
        assert "cannot be used" in str(refused(**{**certificate, "dsm_client_cert": str(damaged)}))

    def test_two_logins(self, refused: Any, user: dict[str, str], certificate: dict[str, str]) -> None:
        assert "together with dsm_client_cert" in str(refused(**user, **certificate))


@pytest.mark.every_core
def test_nothing_of_the_private_key_is_printed_or_left(
    ansible: Ansible, sandbox: Sandbox, name: str, certificate: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.key"
    lines = sandbox.world.cert_app.key_pem.splitlines()
    broken.write_text("\n".join([*lines[:-2], lines[-1]]), encoding="ascii")
    logins = (certificate, {**certificate, "dsm_client_key": str(broken)})

    run = ansible.tasks(
        *({"cdc_group_info": {"name": name, **login}, "ignore_errors": True} for login in logins),
        environment={"DSM_API_KEY": None},
        verbosity=3,
    )

    assert [outcome.status for outcome in run.outcomes] == ["ok", "failed"], run.output
    texts = [run.output, *(path.read_text(errors="replace") for path in run.directory.rglob("*") if path.is_file())]
    assert [line for line in lines[1:-1] if any(line in text for text in texts)] == []


# --- Sessions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["user", "certificate"])
@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "The session is not valid"), (403, "access token has expired"), (403, "Session terminated")],
)
def test_a_session_that_has_ended_is_renewed_once(
    operate: Operator,
    sandbox: Sandbox,
    name: str,
    request: pytest.FixtureRequest,
    login: str,
    status: int,
    words: str,
) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=status, body=words))
    mark = sandbox.journal.mark()
    assert operate(cdc_group_info, name=name, **request.getfixturevalue(login))["groups"] == []
    assert routes_since(sandbox, mark).count(AUTH) == 2


def test_a_write_of_a_session_that_has_ended_is_sent_again(
    operate: Operator, sandbox: Sandbox, name: str, link: Mapping[str, str], user: dict[str, str]
) -> None:
    """Who is not known has not been served: the refusal proves that nothing was done."""
    sandbox.faults.add(Fault(plane="dsm", method="POST", route=GROUPS, status=401, body="The session has expired"))
    mark = sandbox.journal.mark()
    assert operate(cdc_group, name=name, **link, **user)["changed"]
    assert [entry.status for entry in sandbox.journal.writes(since=mark)] == [401, 201]


def test_a_session_that_stays_refused_is_not_renewed_again_and_again(
    operate: Operator, sandbox: Sandbox, name: str, user: dict[str, str]
) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=401, body="No", times=None))
    mark = sandbox.journal.mark()
    with pytest.raises(DsmError, match="HTTP status 401"):
        operate(cdc_group_info, name=name, **user)
    assert routes_since(sandbox, mark).count(AUTH) == 2


@pytest.mark.parametrize("expired_token", [401, 403])
def test_a_session_that_idled_too_long_is_renewed(
    operate: Operator, sandbox: Sandbox, name: str, user: dict[str, str], expired_token: int
) -> None:
    """The client cannot see it coming; it learns of it by the refusal, which servers word differently (Q7)."""
    sandbox.profile = Profile(expired_token=expired_token)
    # In the middle of the task: after the account was selected, all sessions are gone.
    sandbox.faults.add(
        Fault(plane="dsm", method="GET", route=GROUPS, status=expired_token, body="The session is not valid")
    )
    assert operate(cdc_group_info, name=name, **user)["groups"] == []


def test_a_refused_permission_is_not_taken_for_the_end_of_a_session(
    operate: Operator, sandbox: Sandbox, name: str, user: dict[str, str]
) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=403, body="The operation is not allowed"))
    mark = sandbox.journal.mark()
    with pytest.raises(DsmError, match="HTTP status 403"):
        operate(cdc_group_info, name=name, **user)
    assert routes_since(sandbox, mark).count(AUTH) == 1


def test_a_refused_api_key_is_final(operate: Operator, sandbox: Sandbox, name: str) -> None:
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=401, body="No"))
    mark = sandbox.journal.mark()
    with pytest.raises(DsmError, match="HTTP status 401"):
        operate(cdc_group_info, name=name)
    assert routes_since(sandbox, mark) == [GROUPS]


# --- Accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switch", ["unselected", "stale"])
@pytest.mark.parametrize("body", ["object", "cookie", "empty"])
@pytest.mark.usefixtures("passing")
def test_an_account_that_is_not_selected_on_every_node_yet_is_waited_for(
    operate: Operator, sandbox: Sandbox, name: str, user: dict[str, str], switch: str, body: str
) -> None:
    sandbox.profile = Profile(account_switch=switch, account_switch_calls=2, select_account_body=body)
    mark = sandbox.journal.mark()
    assert operate(cdc_group_info, name=name, **user)["groups"] == []
    assert routes_since(sandbox, mark).count(AUTH) == 1


@pytest.mark.usefixtures("passing")
def test_an_account_that_never_becomes_selected_is_waited_for_within_bounds(
    operate: Operator, sandbox: Sandbox, name: str, user: dict[str, str]
) -> None:
    sandbox.profile = Profile(account_switch="unselected", account_switch_calls=1000)
    with pytest.raises(DsmError, match="account to be selected"):
        operate(cdc_group_info, name=name, **user, dsm_timeout=5)


@pytest.mark.parametrize("by", ["account_name", "account_id"])
def test_a_user_with_several_accounts_names_one(operate: Operator, sandbox: Sandbox, name: str, by: str) -> None:
    both = sandbox.world.two_account_user
    login = {"dsm_username": both.email, "dsm_password": both.password, "dsm_account": getattr(sandbox.world, by)}
    assert operate(cdc_group_info, name=name, **login)["groups"] == []


@pytest.mark.parametrize("account", [None, "Nobody's", "00000000-0000-4000-8000-000000000000"])
def test_without_one_of_his_accounts_a_user_is_told_which_there_are(
    operate: Operator, sandbox: Sandbox, name: str, account: str | None
) -> None:
    both = sandbox.world.two_account_user
    login = {"dsm_username": both.email, "dsm_password": both.password}
    with pytest.raises(TaskError) as refused:
        operate(cdc_group_info, name=name, **login, **({"dsm_account": account} if account else {}))
    assert sandbox.world.account_name in str(refused.value)
    assert sandbox.world.second_account_id in str(refused.value)


def test_the_files_of_the_app_are_not_changed(
    operate: Operator, sandbox: Sandbox, name: str, certificate: dict[str, str], tmp_path: Path
) -> None:
    """They may be read-only, as a mounted secret is."""
    for option in ("dsm_client_cert", "dsm_client_key"):
        copy = Path(shutil.copy(certificate[option], tmp_path))
        copy.chmod(0o400)
        certificate[option] = str(copy)
    assert operate(cdc_group_info, name=name, **certificate)["groups"] == []
