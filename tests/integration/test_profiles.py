# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a real DSM does where its behaviour is not public: the collection works, or says what is the matter.

Each setting is in one of a few combinations; each two together, and so each with the defaults of all others, are in a
long test. How a user would adapt to a server is in ``OPTIONS``. Settings under which a part of the work cannot be done
have their own tests below.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from allpairspy import AllPairs

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    cdc_account_info,
    cdc_connection,
    cdc_group,
    cdc_group_info,
    cdc_key_info,
    cdc_sync,
    cdc_tls,
    cdc_user_info,
    cdc_vault_info,
    cdc_vault_select,
)
from sandbox import Fault, Profile, Sandbox
from sandbox.authorities import self_signed
from support.matrix import combined
from support.operate import Operator

from .conftest import link_options

# setting -> the options with which a user tells the collection of it; all else has to work as it is
OPTIONS: Mapping[tuple[str, Any], Mapping[str, str]] = {
    ("generation", "legacy"): {"link_format": "legacy"},
    ("kind_accepted", "legacy"): {"link_format": "legacy"},
    ("credential_form", "secret_key"): {"link_format": "legacy"},
}
# Settings that forbid a part of the life cycle: tested one by one, below.
FORBIDDING = {
    ("admin_app", "no_keys"),
    ("admin_app", "no_scan"),
    ("admin_app", "no_links"),
    ("partial_rights", "403"),
}
# Settings that contradict another one: there is no server with both.
CONTRADICTIONS = (
    # The legacy generation sets these itself; and where only auth_config is taken there is no legacy form to send.
    {("generation", "legacy"), ("credential_form", "auth_config")},
    {("kind_accepted", "legacy"), ("credential_form", "auth_config")},
)

SETTINGS = {
    name: [value for value in values if (name, value) not in FORBIDDING] for name, values in Profile.settings().items()
}
SINGLES = [(name, value) for name, values in SETTINGS.items() for value in values[1:]]


def _possible(chosen: set[tuple[str, Any]]) -> bool:
    return not any(pair <= chosen for pair in CONTRADICTIONS)


COMBINED = combined(SINGLES, _possible)


@cache
def pairs() -> list[dict[str, Any]]:
    """Combinations that have each two settings together. It takes seconds to find them."""
    rows = AllPairs(list(SETTINGS.values()), filter_func=lambda row: _possible(set(zip(SETTINGS, row, strict=False))))
    return [dict(zip(SETTINGS, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def module_sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def under(module_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield module_sandbox
    module_sandbox.profile = Profile()
    module_sandbox.fronts.clear()


def options_for(settings: Mapping[str, Any]) -> dict[str, str]:
    """The options that a user of such a server sets."""
    options: dict[str, str] = {}
    for setting in settings.items():
        options.update(OPTIONS.get(setting, {}))
    return options


def expect_life_cycle(sandbox: Sandbox, settings: Mapping[str, Any]) -> None:
    """Plan, create, converge, edit, choose a vault, test, sync, look, and no removal while there are keys."""
    operate = Operator(sandbox.environment())
    sandbox.profile = Profile(**settings)
    name = f"akv-{uuid.uuid4()}"
    dialect = options_for(settings)
    link = {**link_options(sandbox), **dialect}
    secret = {"link_client_secret": link["link_client_secret"]}
    wanted = {"name": name, **link, "vault": {"name": "akv-sandbox-std"}}

    mark = sandbox.journal.mark()
    planned = operate(cdc_group, check_mode=True, **wanted)
    assert sandbox.journal.writes(since=mark) == []
    assert operate(cdc_group, **wanted)["diff"] == planned["diff"]

    chosen = {"group_name": name, "vault": {"name": "akv-sandbox-prem", "type": "premium"}, **secret, **dialect}
    assert operate(cdc_vault_select, **chosen)["changed"]
    assert operate(cdc_group, name=name, description="Keys")["changed"]
    assert operate(cdc_connection, group_name=name)["connected"]
    assert operate(cdc_sync, group_name=name)["key_count"] > 0

    mark = sandbox.journal.mark()
    again = {**wanted, "vault": chosen["vault"], "description": "Keys"}
    assert not operate(cdc_group, **again)["changed"]
    assert not operate(cdc_vault_select, **chosen)["changed"]
    assert not operate(cdc_sync, group_name=name, only_when_empty=True)["changed"]
    assert sandbox.journal.writes(since=mark) == []

    (shown,) = operate(cdc_group_info, name=name)["groups"]
    assert (shown["description"], shown["link"]["vault"]["name"]) == ("Keys", "akv-sandbox-prem")
    seen = operate(cdc_vault_info, group_name=name, **secret, **dialect)["vaults"]
    assert "akv-sandbox-prem" in [vault["name"] for vault in seen]
    (keys,) = operate(cdc_key_info, group_name=name, look_in_azure=False)["groups"]
    assert {"live"} <= {key["state"] for key in keys["keys"]} <= {"live", "disabled"}
    assert operate(cdc_account_info)["changed"] is False
    assert operate(cdc_user_info)["changed"] is False
    with pytest.raises(TaskError, match="the group was not deleted, because it contains"):
        operate(cdc_group, name=name, state="absent")


@pytest.mark.parametrize("number", range(len(COMBINED)))
def test_works_under_settings_together(under: Sandbox, number: int) -> None:
    expect_life_cycle(under, COMBINED[number])


@pytest.mark.long
def test_works_under_each_pair_of_settings(under: Sandbox) -> None:
    for settings in pairs():
        expect_life_cycle(under, settings)


CERTIFICATE_SWITCHES = (
    "certificate_blobs",
    "secrets_on_get",
    "tls_key_on_get",
    "client_assertion",
    "tls_scope",
    "metadata",
)
CERTIFICATE_SETTINGS = [(name, value) for name in CERTIFICATE_SWITCHES for value in SETTINGS[name]]


@pytest.mark.parametrize(
    ("switch", "value"), CERTIFICATE_SETTINGS, ids=[f"{name}-{value}" for name, value in CERTIFICATE_SETTINGS]
)
def test_certificates_work_under_each_setting(under: Sandbox, switch: str, value: Any) -> None:
    operate = Operator(under.environment())
    under.profile = Profile(**{switch: value})
    under.fronts.put("all", client_certificate=True)
    pair, client = self_signed("fortanix-dsm-cdc", algorithm="rsa"), under.fronts.client_pair
    ids = {key: value for key, value in link_options(under).items() if key != "link_client_secret"}
    under.do(lambda state: state.azure.public.add_certificate(ids["link_client_id"], pair.certificate))
    credential = {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem}
    if (switch, value) == ("certificate_blobs", "pem"):
        credential["link_certificate_format"] = "pem"
    tls = {
        "ca_certificates": [under.fronts.ca_pem],
        "client_certificate": client.certificate_pem,
        "client_key": client.key_pem,
    }
    name = f"akv-{uuid.uuid4()}"
    wanted = {"name": name, **ids, **credential, "vault": {"name": "akv-sandbox-prem"}, "tls": tls}
    if (switch, value) in {("tls_scope", "vault"), ("tls_scope", "vault+arm")}:
        # Connections that the block does not cover meet the front with the global roots only.
        under.fronts.clear()
        under.fronts.put(*value.split("+"), client_certificate=True)

    assert operate(cdc_group, **wanted)["changed"]
    assert operate(cdc_connection, group_name=name)["connected"]
    mark = under.journal.mark()
    assert not operate(cdc_group, **wanted)["changed"]
    assert not operate(cdc_tls, group_name=name, **tls)["changed"]
    assert under.journal.writes(since=mark) == []


def test_without_a_vault_the_refusal_says_what_to_do(under: Sandbox) -> None:
    under.profile = Profile(empty_url="refused")
    with pytest.raises(TaskError, match="some versions of DSM save no link without a vault"):
        Operator(under.environment())(cdc_group, name=f"akv-{uuid.uuid4()}", **link_options(under))


def test_an_empty_linked_group_that_dsm_does_not_remove_is_told_in_its_words(under: Sandbox) -> None:
    operate = Operator(under.environment())
    under.profile = Profile(delete_linked="refused")
    name = f"akv-{uuid.uuid4()}"
    operate(cdc_group, name=name, **link_options(under))
    with pytest.raises(TaskError, match="HTTP status 400"):
        operate(cdc_group, name=name, state="absent")


@pytest.mark.parametrize(
    ("may_not", "step", "words"),
    [
        ("no_links", "link", "HTTP status 403"),
        ("no_keys", "sync", "HTTP status 403"),
        ("no_keys", "absent", "this DSM identity cannot list its keys"),
        ("no_scan", "sync", "SCAN_EXTERNAL_SOBJECTS"),
    ],
)
def test_what_the_login_may_not_do_is_told(under: Sandbox, may_not: Any, step: str, words: str) -> None:
    operate = Operator(under.environment())
    name = f"akv-{uuid.uuid4()}"
    operate(cdc_group, name=name, **link_options(under), vault={"name": "akv-sandbox-prem"})
    under.profile = Profile(admin_app=may_not)
    steps = {
        "link": lambda: operate(cdc_group, name=name, **link_options(under), update_credential="always"),
        "sync": lambda: operate(cdc_sync, group_name=name),
        "absent": lambda: operate(cdc_group, name=name, state="absent"),
    }
    with pytest.raises(TaskError, match=words):
        steps[step]()


def test_a_list_that_azure_refuses_for_few_rights_is_told_in_its_words(under: Sandbox) -> None:
    operate = Operator(under.environment())
    under.profile = Profile(partial_rights="403")
    with pytest.raises(TaskError, match="AuthorizationFailed"):
        operate(cdc_vault_info, **link_options(under))
    with pytest.raises(TaskError, match="AuthorizationFailed"):
        operate(cdc_group, name=f"akv-{uuid.uuid4()}", **link_options(under), vault={"name": "akv-sandbox-prem"})


def test_without_metadata_another_secret_is_written_only_on_request(under: Sandbox) -> None:
    """Where DSM keeps no record, a link that connects is left alone; the result says that it is not known."""
    operate = Operator(under.environment())
    under.profile = Profile(metadata="refused")
    name, link = f"akv-{uuid.uuid4()}", link_options(under)
    made = operate(cdc_group, name=name, **link)
    assert made["group"]["link"]["credential_match"] == "unknown"
    assert any("does not store custom metadata" in warning for warning in operate.warnings)
    other = under.do(lambda state: state.azure.public.add_secret(link["link_client_id"]).value)
    assert not operate(cdc_group, name=name, link_client_secret=other)["changed"]
    assert operate(cdc_group, name=name, link_client_secret=other, update_credential="always")["changed"]


def test_a_legacy_server_takes_no_certificate_and_no_government(under: Sandbox) -> None:
    operate = Operator(under.environment())
    with pytest.raises(InvalidInput, match="the legacy format supports neither certificates"):
        operate(cdc_group, name="akv", **link_options(under), link_format="legacy", azure_service="us_government")


def test_a_legacy_servers_link_is_kept_legacy_without_being_told(under: Sandbox) -> None:
    operate = Operator(under.environment())
    under.profile = Profile(generation="legacy")
    name, link = f"akv-{uuid.uuid4()}", link_options(under)
    operate(cdc_group, name=name, **link, link_format="legacy", vault={"name": "akv-sandbox-std"})
    moved = operate(
        cdc_vault_select,
        group_name=name,
        vault={"name": "akv-sandbox-prem"},
        link_client_secret=link["link_client_secret"],
    )
    assert moved["changed"]
    assert operate(cdc_connection, group_name=name)["connected"]


@pytest.mark.parametrize("failure", ["nothing", "partial", "skip"])
def test_a_sync_that_fails_midway_tells_what_it_has_done(under: Sandbox, failure: Any) -> None:
    operate = Operator(under.environment())
    under.profile = Profile(scan_failure=failure)
    name = f"akv-{uuid.uuid4()}"
    operate(cdc_group, name=name, **link_options(under), vault={"name": "akv-sandbox-prem"})

    under.faults.add(
        Fault(plane="vault", method="GET", route="/keys/{name}/", skip=2, times=None, status=500, body="no")
    )
    try:
        if failure == "skip":
            assert operate(cdc_sync, group_name=name)["key_count"] == 2
        else:
            words = (
                r"the sync failed with HTTP status \d+ after it had changed virtual keys in DSM: 2 created"
                if failure == "partial"
                else "HTTP status"
            )
            with pytest.raises(TaskError, match=words):
                operate(cdc_sync, group_name=name)
    finally:
        under.faults.clear()
    assert operate(cdc_sync, group_name=name)["key_count"] == 4
