# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, through real ansible-inventory and playbooks."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_group, cdc_group_info
from sandbox import Fault, Sandbox
from support.operate import Operator
from support.playbook import Ansible, Listing

from .conftest import link_options

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


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """An account with these groups alone: an inventory is of all the groups there are."""
    with Sandbox.start() as sandbox:
        group = Operator(sandbox.environment())(
            cdc_group, name="Akv Prod", description="Keys", vault={"name": "akv-sandbox-prem"}, **link_options(sandbox)
        )
        assert group["changed"]
        add_groups(sandbox, "one", custom_metadata={"owner": EVIL, "stage": "a b"})
        add_groups(sandbox, *HOSTILE, description=EVIL, custom_metadata={"key": EVIL, EVIL: "x"})
        sandbox.do(lambda state: state.dsm.add_group("local"))
        yield sandbox
        assert sandbox.crashes == []


@pytest.fixture
def sandbox(account: Sandbox) -> Iterator[Sandbox]:
    yield account
    account.faults.clear()


def configured(path: Path, **options: Any) -> Path:
    """A configuration file of the plugin."""
    path.write_text(yaml.safe_dump({"plugin": "fortanix.dsm.cdc", **options}), encoding="utf-8")
    return path


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


def group_names(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return sorted(host["cdc_group_name"] for host in hosts.values())


NAMES = sorted([*HOSTILE, "Akv Prod", "one"])
CONSTRUCTED = {
    "keyed_groups": [
        {"prefix": "stage", "key": "cdc_custom_metadata.stage"},
        {"key": "cdc_custom_metadata.owner"},
        {"key": "cdc_group_name"},
    ],
    "groups": {"premium": "cdc_link.vault.type == 'premium'"},
    "compose": {
        "owner": "cdc_custom_metadata.owner",
        "greeting": "'to ' ~ cdc_custom_metadata.owner",
        "copy": "cdc_group_name",
        "missing": "cdc_custom_metadata.owner.name",
    },
}


@dataclass(frozen=True)
class Listed:
    """What is listed of two sources at once, one of linked groups and one of all groups by their IDs."""

    listing: Listing
    sources: list[Path]
    writes: list[Any]

    @property
    def linked(self) -> dict[str, Mapping[str, Any]]:
        """The hosts of the first source, which alone composes variables."""
        return {host: found for host, found in self.listing.hosts.items() if "copy" in found}

    @property
    def by_id(self) -> dict[str, Mapping[str, Any]]:
        return {host: found for host, found in self.listing.hosts.items() if host == found["cdc_group_id"]}


@pytest.fixture(scope="module")
def listed(account: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Listed:
    folder = tmp_path_factory.mktemp("inventory")
    sources = [
        configured(folder / "linked.fortanix_dsm.yml", **CONSTRUCTED),
        configured(folder / "all.fortanix_dsm.yml", kind="all", host_name="group_id"),
    ]
    # AWX sets the variables of a credential to nothing where a field was left empty.
    empty = dict.fromkeys(("DSM_CA_PATH", "DSM_ACCT_ID", "DSM_USERNAME", "DSM_PASSWORD", "DSM_CLIENT_CERT"), "")
    mark = account.journal.mark()

    listing = Ansible(account.environment(), folder).inventory(
        sources[0], arguments=["-i", str(sources[1])], environment=empty
    )

    assert listing.code == 0, listing.output
    return Listed(listing, sources, account.journal.writes(since=mark))


def test_lists_each_linked_group_as_a_host(listed: Listed) -> None:
    assert (
        listed.linked["akv-prod"].items()
        >= {
            "cdc_group_name": "Akv Prod",
            "cdc_description": "Keys",
            "cdc_custom_metadata": {},
            "cdc_external_kms": "AzureKeyVault",
            "ansible_connection": "local",
        }.items()
    )
    assert group_names(listed.linked) == NAMES
    assert set(listed.listing.members("cdc")) >= set(listed.linked)
    assert listed.writes == []


def test_a_host_has_the_record_of_its_group(listed: Listed, operate: Operator) -> None:
    host = listed.linked["akv-prod"]

    (group,) = operate(cdc_group_info, name="Akv Prod")["groups"]

    assert (host["cdc_group_id"], host["cdc_link"]) == (group["group_id"], group["link"])


def test_lists_groups_of_the_kind_that_is_asked_for_and_names_them_by_id(listed: Listed) -> None:
    assert {"local", *NAMES} <= set(group_names(listed.by_id))


def test_a_variable_that_is_empty_is_no_value(listed: Listed) -> None:
    """The environment of this run has some."""
    assert "akv-prod" in listed.listing.members("cdc")


def test_builds_groups_and_variables(listed: Listed) -> None:
    assert "one" in listed.listing.members("premium")
    assert listed.listing.members("stage_a_b") == ["one"]
    assert listed.linked["one"]["owner"] == EVIL
    assert listed.linked["one"]["greeting"] == "to " + EVIL
    assert [group for group in listed.listing.data if "{" in group] == []


def test_what_cannot_be_built_is_left_out(listed: Listed) -> None:
    """With the option strict it is a failure, below."""
    assert [host for host, found in listed.linked.items() if "missing" in found] == []


def test_hostile_names_and_texts_are_only_ever_shown(listed: Listed, ansible: Ansible) -> None:
    show = {"name": "{{ cdc_group_name }}", "composed": "{{ copy }}", "metadata": "{{ cdc_custom_metadata }}"}
    described = "groups.cdc | map('extract', hostvars, 'cdc_description') | list"
    named = "groups.cdc | map('extract', hostvars, 'group_names') | map('to_json') | list"
    echo = {"argv": f"{{{{ ['printf', '<%s>', cdc_description] + {described} + {named} }}}}"}
    tasks = [
        {"name": "Show", "debug": {"msg": show}},
        {"name": "Pass on", "command": echo, "run_once": True},
        {"name": "Look", "fortanix.dsm.cdc_group_info": {"group_id": "{{ cdc_group_id }}"}},
    ]

    run = ansible.playbook(
        [{"hosts": "cdc", "gather_facts": False, "tasks": tasks}], arguments=["-i", str(listed.sources[0])]
    )

    assert run.code == 0, run.output
    shown = [outcome["msg"] for outcome in run.outcomes if outcome.task == "Show"]
    assert sorted(one["name"] for one in shown) == sorted(one["composed"] for one in shown) == NAMES
    assert [one["metadata"] for one in shown].count({"key": EVIL, EVIL: "x"}) == len(HOSTILE)
    # Described like this are the host that passes on, or not, and each hostile one.
    assert run.named("Pass on")["stdout"].count(f"<{EVIL}>") >= len(HOSTILE)
    looked = [outcome["groups"][0]["name"] for outcome in run.outcomes if outcome.task == "Look"]
    assert sorted(looked) == NAMES
    assert "ran+away" not in run.output + listed.listing.output + str(listed.listing.data)


# --- Login ------------------------------------------------------------------------------------------------------------


def test_a_login_in_the_file_comes_before_that_of_the_environment(
    ansible: Ansible, sandbox: Sandbox, tmp_path: Path
) -> None:
    """And the login of the environment has other variables, too."""
    user, other = sandbox.world.administrator, sandbox.world.cert_app
    inside = {"dsm_username": user.email, "dsm_password": "{{ lookup('env', 'MY_PASSWORD') }}"}
    sources = [
        configured(tmp_path / "inside.fortanix_dsm.yml", **inside),
        configured(tmp_path / "outside.fortanix_dsm.yml"),
    ]
    environment = {
        "MY_PASSWORD": user.password,
        "DSM_ENDPOINT": None,
        "DSM_API_KEY": None,
        "FORTANIX_API_ENDPOINT": sandbox.world.dsm_endpoint,
        "DSM_CLIENT_CERT": str(other.certificate_path),
        "DSM_CLIENT_KEY": str(other.key_path),
        "DSM_APP_ID": other.app_id,
    }
    mark = sandbox.journal.mark()

    listing = ansible.inventory(sources[0], arguments=["-i", str(sources[1])], environment=environment)

    assert group_names(listing.hosts) == NAMES, listing.output
    principals = [entry.principal for entry in sandbox.journal.requests(since=mark, route=GROUPS)]
    assert list(dict.fromkeys(principals)) == [f"user:{user.email}", f"app:{other.name}"]


WRONG_KEY = base64.b64encode(b"00000000-0000-4000-8000-000000000000:cAnArY-not-the-secret").decode()
# Of the options that work, those that are changed, and None for what is left out; and what is said.
FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "wrong-key": ({"dsm_api_key": WRONG_KEY}, "DSM, groups:"),
    "no-login": ({"dsm_api_key": None}, "no DSM credentials are set"),
    "no-key": ({"dsm_api_key": "a b"}, "Option dsm_api_key"),
    "no-endpoint": ({"dsm_endpoint": None}, "dsm_endpoint"),
    "no-tls": ({"dsm_endpoint": "http://dsm.example.com"}, "https"),
    "wrong-choice": ({"host_name": "number"}, "host_name"),
    "unknown-ca": ({"dsm_ca_path": None}, "certificate"),
    "strict": (
        {"strict": True, "compose": {"owner": "cdc_custom_metadata.owner.name"}},
        "Could not set owner for host",
    ),
}


def test_a_failure_says_what_is_wrong_in_one_message(ansible: Ansible, sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing of the login is in the environment, and all of it in the files."""
    works = {
        "dsm_endpoint": sandbox.world.dsm_endpoint,
        "dsm_api_key": sandbox.world.admin_app.api_key,
        "dsm_ca_path": str(sandbox.ca_bundle),
    }
    sources = [
        configured(
            tmp_path / f"{case}.fortanix_dsm.yml",
            **{option: value for option, value in {**works, **changes}.items() if value is not None},
        )
        for case, (changes, _words) in FAILURES.items()
    ]
    sources.append(configured(tmp_path / "file-name.yml", **works))
    environment = dict.fromkeys(("DSM_ENDPOINT", "DSM_API_KEY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))

    listing = ansible.inventory(
        sources[0], arguments=[word for path in sources[1:] for word in ("-i", str(path))], environment=environment
    )

    told = {case: message_about(listing, case) for case in [*FAILURES, "file-name"]}
    assert {case: told[case] for case, (_changes, words) in FAILURES.items() if words not in told[case]} == {}
    assert "could not be verified" in told["file-name"]
    assert "Traceback" not in listing.output
    assert [key for key in (WRONG_KEY, works["dsm_api_key"]) if key in listing.output] == []


def message_about(listing: Listing, case: str) -> str:
    """The warnings that name the file of this case."""
    warnings = " ".join(listing.output.split()).split("[WARNING]: ")
    return " ".join(warning for warning in warnings if f"/{case}." in warning)


def test_a_server_that_repeats_the_login_does_not_make_it_public(
    ansible: Ansible, sandbox: Sandbox, tmp_path: Path
) -> None:
    """And where Ansible is told to, it ends with an inventory that cannot be read."""
    api_key = sandbox.world.admin_app.api_key
    sandbox.faults.add(Fault(plane="dsm", method="GET", route=GROUPS, status=400, body=f"cannot parse {api_key}"))

    listing = ansible.inventory(
        configured(tmp_path / "test.fortanix_dsm.yml"),
        verbosity=4,
        environment={"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"},
    )

    assert listing.code != 0
    assert "cannot parse" in listing.output
    assert api_key not in listing.output


# --- Cache ------------------------------------------------------------------------------------------------------------


def test_the_cache_is_asked_first_by_its_own_login_until_it_is_left_aside(
    ansible: Ansible, own_sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox, ansible = own_sandbox, Ansible(own_sandbox.environment(), tmp_path)
    add_groups(sandbox, *HOSTILE, "half \ud800")
    names = sorted([*HOSTILE, "half \ufffd"])
    cached = configured(
        tmp_path / "test.fortanix_dsm.yml",
        cache=True,
        cache_plugin="ansible.builtin.jsonfile",
        cache_connection=str(tmp_path / "cache"),
    )
    first = ansible.inventory(cached)
    mark = sandbox.journal.mark()

    second = ansible.inventory(cached)

    # A name that is no valid text does not break the cache.
    assert (group_names(first.hosts), group_names(second.hosts)) == (names, names)
    assert sandbox.journal.since(mark) == []
    assert second.hosts == first.hosts
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    secrets = [sandbox.world.admin_app.api_key, sandbox.world.public.client_secret]
    secrets.append(base64.b64decode(secrets[0]).decode().partition(":")[2])
    assert files != []
    assert [path for path in files if any(one in path.name + path.read_text("utf-8") for one in secrets)] == []

    # Another login is shown nothing of it.
    user = sandbox.world.administrator
    other = {"DSM_API_KEY": None, "DSM_USERNAME": user.email, "DSM_PASSWORD": "not it"}
    assert ansible.inventory(cached, environment=other).hosts == {}

    # It is left aside, and filled again, when that is asked for.
    add_groups(sandbox, "two")
    play = {"hosts": "cdc", "gather_facts": False, "tasks": [{"debug": {"msg": "{{ cdc_group_name }}"}}]}
    fresh = ansible.playbook([play], arguments=["-i", str(cached), "--flush-cache"])
    assert sorted(outcome["msg"] for outcome in fresh.outcomes) == sorted([*names, "two"])
    mark = sandbox.journal.mark()
    assert group_names(ansible.inventory(cached).hosts) == sorted([*names, "two"])
    assert sandbox.journal.since(mark) == []
