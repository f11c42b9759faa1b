# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, through real ansible-inventory and playbooks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Fault, Sandbox
from support.playbook import Ansible, Listing

Given = Callable[..., dict[str, Any]]
GROUPS = "/sys/v1/groups"
# Shows ran+away when it is evaluated.
EVIL = "{{ lookup('pipe', 'printf %s+%s ran away') }}"
HOSTILE = (
    EVIL,
    "{% if true %}ran{{ '+' }}away{% endif %}",
    "!vault |",
    "!unsafe 'x'",
    "first\nsecond: line",
    "emoji \U0001f600",
    "\u202eright to left",
    "[prod] keys",
    "null",
    "localhost",
    "long " * 800,
    "   .   ",
)

# How a plugin is configured, cached and shown is Ansible's business.
pytestmark = pytest.mark.every_core


@pytest.fixture
def sandbox(own_sandbox: Sandbox) -> Sandbox:
    """The account of each test is its own: an inventory is of all the groups there are."""
    return own_sandbox


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Path]:
    """Makes a configuration file of the plugin."""

    def make(file: str = "test.fortanix_dsm.yml", **options: Any) -> Path:
        path = tmp_path / file
        path.write_text(yaml.safe_dump({"plugin": "fortanix.dsm.cdc", **options}), encoding="utf-8")
        return path

    return make


def add_groups(sandbox: Sandbox, *names: str, **changes: Any) -> None:
    """Groups with a link, straight into DSM: with names that no module would give them."""
    azure = sandbox.world.public
    link = {
        "kind": "AzureKeyVault",
        "url": "https://akv-sandbox-prem.vault.azure.net/",
        "tls": {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}},
        "auth_config": {"mode": "client_secret", "client_secret": azure.client_secret},
        "tenant_id": azure.tenant_id,
        "client_id": azure.client_id,
        "subscription_id": azure.subscription_id,
        "key_vault_type": "PREMIUM",
    }
    sandbox.do(lambda state: [state.dsm.add_group(name, link, **changes) for name in names])


def group_names(listing: Listing) -> list[str]:
    return sorted(host["cdc_group_name"] for host in listing.hosts.values())


def test_lists_each_linked_group_as_a_host(
    ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path], given_group: Given
) -> None:
    group = given_group(name="Akv Prod", description="Keys", vault={"name": "akv-sandbox-prem"})
    sandbox.do(lambda state: state.dsm.add_group("local"))
    mark = sandbox.journal.mark()

    listing = ansible.inventory(source())

    assert list(listing.hosts) == ["akv-prod"]
    assert (
        listing.hosts["akv-prod"].items()
        >= {
            "cdc_group_id": group["group_id"],
            "cdc_group_name": "Akv Prod",
            "cdc_description": "Keys",
            "cdc_custom_metadata": {},
            "cdc_external_kms": "AzureKeyVault",
            "cdc_link": group["link"],
            "ansible_connection": "local",
        }.items()
    )
    assert listing.members("cdc") == ["akv-prod"]
    assert sandbox.journal.writes(since=mark) == []


def test_lists_groups_of_the_kind_that_is_asked_for_and_names_them_by_id(
    ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]
) -> None:
    add_groups(sandbox, "linked")
    sandbox.do(lambda state: state.dsm.add_group("local"))

    listing = ansible.inventory(source(kind="all", host_name="group_id"))

    assert {"linked", "local"} <= set(group_names(listing))
    assert all(host == variables["cdc_group_id"] for host, variables in listing.hosts.items())


def test_builds_groups_and_variables(ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]) -> None:
    add_groups(sandbox, "one", custom_metadata={"owner": EVIL, "stage": "a b"})
    constructed = {
        "keyed_groups": [{"prefix": "stage", "key": "cdc_custom_metadata.stage"}, {"key": "cdc_custom_metadata.owner"}],
        "groups": {"premium": "cdc_link.vault.type == 'premium'"},
        "compose": {"owner": "cdc_custom_metadata.owner", "greeting": "'to ' ~ cdc_custom_metadata.owner"},
    }

    listing = ansible.inventory(source(**constructed))

    assert listing.members("premium") == listing.members("stage_a_b") == ["one"]
    assert listing.hosts["one"]["owner"] == EVIL
    assert listing.hosts["one"]["greeting"] == "to " + EVIL
    assert [group for group in listing.data if "{" in group] == []


def test_says_what_cannot_be_built_only_when_it_is_strict(
    ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]
) -> None:
    add_groups(sandbox, "one")
    wrong = {"compose": {"owner": "cdc_custom_metadata.owner.name"}}

    assert list(ansible.inventory(source(**wrong)).hosts) == ["one"]
    assert "Could not set owner for host one" in ansible.inventory(source(strict=True, **wrong)).output


def test_hostile_names_and_texts_are_only_ever_shown(
    ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]
) -> None:
    add_groups(sandbox, *HOSTILE, description=EVIL, custom_metadata={"key": EVIL, EVIL: "x"})
    show = {"name": "{{ cdc_group_name }}", "composed": "{{ copy }}", "metadata": "{{ cdc_custom_metadata }}"}
    tasks = [
        {"name": "Show", "debug": {"msg": show}},
        {"name": "Pass on", "command": {"argv": ["echo", "{{ cdc_description }}", "{{ group_names | to_json }}"]}},
    ]
    path = source(compose={"copy": "cdc_group_name"}, keyed_groups=[{"key": "cdc_group_name"}])

    listing = ansible.inventory(path)
    run = ansible.playbook([{"hosts": "cdc", "gather_facts": False, "tasks": tasks}], arguments=["-i", str(path)])

    assert group_names(listing) == sorted(HOSTILE)
    assert run.code == 0
    shown = [outcome["msg"] for outcome in run.outcomes if outcome.task == "Show"]
    assert sorted(one["name"] for one in shown) == sorted(one["composed"] for one in shown) == sorted(HOSTILE)
    assert [one["metadata"] for one in shown] == [{"key": EVIL, EVIL: "x"}] * len(HOSTILE)
    passed = [outcome["stdout"] for outcome in run.outcomes if outcome.task == "Pass on"]
    assert [one.startswith(EVIL) for one in passed] == [True] * len(HOSTILE)
    assert "ran+away" not in run.output + listing.output + str(listing.data)


def test_a_module_runs_for_each_host(ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]) -> None:
    add_groups(sandbox, *HOSTILE)
    task = {"fortanix.dsm.cdc_group_info": {"group_id": "{{ cdc_group_id }}"}}

    run = ansible.playbook([{"hosts": "all", "gather_facts": False, "tasks": [task]}], arguments=["-i", str(source())])

    assert run.code == 0
    assert sorted(outcome["groups"][0]["name"] for outcome in run.outcomes) == sorted(HOSTILE)


# --- Login ------------------------------------------------------------------------------------------------------------


def test_a_login_in_the_file_comes_before_that_of_the_environment(
    ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]
) -> None:
    add_groups(sandbox, "one")
    user = sandbox.world.administrator
    mark = sandbox.journal.mark()

    listing = ansible.inventory(
        source(dsm_username=user.email, dsm_password="{{ lookup('env', 'MY_PASSWORD') }}"),
        environment={"MY_PASSWORD": user.password},
    )

    assert list(listing.hosts) == ["one"]
    assert {entry.principal for entry in sandbox.journal.requests(since=mark, route=GROUPS)} == {f"user:{user.email}"}


def test_the_login_comes_from_the_other_variables_of_the_environment(
    ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]
) -> None:
    add_groups(sandbox, "one")
    user = sandbox.world.administrator

    listing = ansible.inventory(
        source(),
        environment={
            "DSM_ENDPOINT": None,
            "DSM_API_KEY": None,
            "FORTANIX_API_ENDPOINT": sandbox.world.dsm_endpoint,
            "DSM_USERNAME": user.email,
            "DSM_PASSWORD": user.password,
        },
    )

    assert list(listing.hosts) == ["one"]


WRONG_KEY = base64.b64encode(b"00000000-0000-4000-8000-000000000000:cAnArY-not-the-secret").decode()


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        ({"dsm_api_key": WRONG_KEY}, {}, "DSM, groups:"),
        ({}, {"DSM_API_KEY": None}, "no login to DSM is set"),
        ({"dsm_api_key": "a b"}, {}, "Option dsm_api_key"),
        ({}, {"DSM_ENDPOINT": None}, "dsm_endpoint"),
        ({"dsm_endpoint": "http://dsm.example.com"}, {}, "https"),
        ({"host_name": "number"}, {}, "host_name"),
        ({}, {"REQUESTS_CA_BUNDLE": None, "SSL_CERT_FILE": None}, "certificate"),
        ({"file": "test.yml"}, {}, "could not be verified"),
    ],
    ids=["wrong key", "no login", "no key", "no endpoint", "no TLS", "wrong choice", "unknown CA", "file name"],
)
def test_a_failure_says_what_is_wrong_in_one_message(
    ansible: Ansible,
    source: Callable[..., Path],
    options: dict[str, Any],
    environment: dict[str, str | None],
    words: str,
) -> None:
    environment = {**environment, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}

    listing = ansible.inventory(source(**options), environment=environment)

    assert listing.code != 0
    assert words in " ".join(listing.output.split())
    assert "Traceback" not in listing.output
    assert WRONG_KEY not in listing.output


def test_a_variable_that_is_empty_is_no_value(ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]) -> None:
    """AWX sets the variables of a credential to nothing where a field was left empty."""
    add_groups(sandbox, "akv-one")
    empty = dict.fromkeys(("DSM_CA_PATH", "DSM_ACCT_ID", "DSM_USERNAME", "DSM_PASSWORD", "DSM_CLIENT_CERT"), "")

    listing = ansible.inventory(source(), environment=empty)

    assert listing.members("cdc") == ["akv-one"], listing.output


def test_a_server_that_repeats_the_login_does_not_make_it_public(
    ansible: Ansible, sandbox: Sandbox, source: Callable[..., Path]
) -> None:
    api_key = sandbox.world.admin_app.api_key
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=400, body=f"cannot parse {api_key}"))

    listing = ansible.inventory(source(), verbosity=4)

    assert "cannot parse" in listing.output
    assert api_key not in listing.output


# --- Cache ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cached(source: Callable[..., Path], tmp_path: Path) -> Path:
    return source(cache=True, cache_plugin="ansible.builtin.jsonfile", cache_connection=str(tmp_path / "cache"))


def test_a_second_run_asks_the_cache_which_holds_no_secret(
    ansible: Ansible, sandbox: Sandbox, cached: Path, tmp_path: Path
) -> None:
    add_groups(sandbox, *HOSTILE)
    first = ansible.inventory(cached)
    mark = sandbox.journal.mark()

    second = ansible.inventory(cached)

    assert sandbox.journal.since(mark) == []
    assert second.hosts == first.hosts
    assert group_names(second) == sorted(HOSTILE)
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    secrets = [sandbox.world.admin_app.api_key, sandbox.world.public.client_secret]
    secrets.append(base64.b64decode(secrets[0]).decode().partition(":")[2])
    assert files != []
    assert [path for path in files if any(one in path.name + path.read_text("utf-8") for one in secrets)] == []


def test_a_name_that_is_no_valid_text_does_not_break_the_cache(
    ansible: Ansible, sandbox: Sandbox, cached: Path
) -> None:
    add_groups(sandbox, "half \ud800")

    assert group_names(ansible.inventory(cached)) == group_names(ansible.inventory(cached)) == ["half \ufffd"]


def test_the_cache_of_one_login_is_not_shown_to_another(ansible: Ansible, sandbox: Sandbox, cached: Path) -> None:
    add_groups(sandbox, "one")
    ansible.inventory(cached)
    user = sandbox.world.administrator
    other = {"DSM_API_KEY": None, "DSM_USERNAME": user.email, "DSM_PASSWORD": "not it"}

    assert ansible.inventory(cached, environment=other).hosts == {}


def test_the_cache_is_left_aside_when_that_is_asked_for(ansible: Ansible, sandbox: Sandbox, cached: Path) -> None:
    add_groups(sandbox, "one")
    ansible.inventory(cached)
    add_groups(sandbox, "two")
    play = {"hosts": "cdc", "gather_facts": False, "tasks": [{"ping": {}}]}

    fresh = ansible.playbook([play], arguments=["-i", str(cached), "--flush-cache"])

    assert sorted(outcome.host for outcome in fresh.outcomes) == ["one", "two"]
    assert sorted(ansible.inventory(cached).hosts) == ["one", "two"]
