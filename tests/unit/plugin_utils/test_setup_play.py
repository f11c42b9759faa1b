# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one task of one host gets the groups of all hosts, and each host its part of the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.fortanix.dsm.plugins.plugin_utils._setup.play import Play, PlayError, joined, parted

RUN = {"cdc_setup_on_error": "continue", "cdc_setup_time_budget": 0, "cdc_setup_concurrency": 4}
KEY = "-----BEGIN PRIVATE KEY-----"


class HostVars(dict[str, Any]):
    """The variables of all hosts without those of the play, as Ansible has them."""

    def raw_get(self, host: str) -> Mapping[str, Any]:
        variables: Mapping[str, Any] = self[host]
        return variables


def trusted(value: Any) -> Any:
    """The value with its texts marked as templates, as those of an inventory or a play are."""
    if isinstance(value, Mapping):
        return {name: trusted(member) for name, member in value.items()}
    if isinstance(value, list):
        return [trusted(member) for member in value]
    return trust_as_template(value) if isinstance(value, str) else value


class Hosts:
    """A play over hosts. ``inventory``: host -> its variables. ``of_play``: variables that only the play has."""

    def __init__(self, inventory: Mapping[str, Mapping[str, Any]], **of_play: Any) -> None:
        self.known = HostVars(
            {host: {"inventory_hostname": host, **trusted(given)} for host, given in inventory.items()}
        )
        self._of_play = trusted({**RUN, **of_play})

    def at(self, host: str, **more: Any) -> Play:
        batch = {"ansible_play_batch": list(self.known), "hostvars": self.known}
        variables = {**self.known[host], **self._of_play, **batch, **more}
        return Play(variables, Templar(DataLoader(), variables=variables))

    def note(self, host: str) -> dict[str, Any]:
        noted = self.known[host]["cdc_setup_of_host"] = self.at(host).note()
        return noted

    def groups(self) -> list[dict[str, Any]]:
        for host in self.known:
            self.note(host)
        return self.at(next(iter(self.known))).groups()


def host(name: str, **given: Any) -> dict[str, Any]:
    return {"cdc_setup_name": name, **{f"cdc_setup_{option}": value for option, value in given.items()}}


TLS = {"validate_host": False, "client_certificate": f"certificate {KEY}", "client_key": KEY}
APPLICATION = {"unique_name": "app", "certificates": [f"certificate {KEY}"]}


def test_a_note_has_nothing_that_is_or_may_hold_a_secret() -> None:
    hosts = Hosts({"a": host("a", link_client_secret=KEY, tls=TLS, application=APPLICATION, app_certificate=KEY)})

    note = hosts.note("a")

    assert KEY not in str(note)
    assert note["groups"] == [{"name": "a", "tls": {"validate_host": False}, "application": {"unique_name": "app"}}]
    assert note["held"] == [["app_certificate", "application", "link_client_secret", "tls"]]


@pytest.mark.parametrize("application", [APPLICATION, f'{{"certificates": ["{KEY}"]}}'], ids=["dict", "text"])
def test_what_is_parted_is_joined_again(application: Any) -> None:
    declared = {"name": "a", "link_client_secret": KEY, "tls": TLS, "application": application}

    public, held = parted(declared)

    assert KEY not in str(public)
    assert joined(public, held) == declared


def test_the_task_gets_the_groups_of_all_hosts_with_their_secrets() -> None:
    hosts = Hosts(
        {
            "a": host("a", link_client_secret="{{ 'of ' ~ inventory_hostname }}", tls=TLS),
            "b": {"cdc_setup_groups": [{"name": "b-1", "link_client_secret": "of b-1"}, {"name": "b-2"}]},
            "c": host("c", link_client_secret="{{ hostvars['a'].cdc_setup_name }} of another host"),
        },
        cdc_setup_sync="never",
    )

    assert hosts.groups() == [
        {"host": "a", "name": "a", "link_client_secret": "of a", "tls": TLS, "sync": "never"},
        {"host": "b", "name": "b-1", "link_client_secret": "of b-1", "sync": "never"},
        {"host": "b", "name": "b-2", "sync": "never"},
        {"host": "c", "name": "c", "link_client_secret": "a of another host", "sync": "never"},
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"link_private_key": "{{ nope | default(omit) }}"},
        {"tls": {"validate_host": True, "client_key": "{{ nope | default(omit) }}"}},
    ],
    ids=["option", "member"],
)
def test_what_is_omitted_is_not_there(given: Mapping[str, Any]) -> None:
    groups = Hosts({"a": host("a", **given), "b": host("b", **given)}).groups()

    assert [one.get("tls", {"validate_host": True}) for one in groups] == [{"validate_host": True}] * 2
    assert not any("link_private_key" in one for one in groups)


@pytest.mark.parametrize(
    ("of_play", "of_host", "named"),
    [
        ({"cdc_setup_link_client_secret": "x"}, {}, "cdc_setup_link_client_secret"),
        ({"cdc_setup_link_client_secret": "x"}, {"link_client_secret": "y"}, "cdc_setup_link_client_secret"),
        ({"hidden": "x"}, {"link_client_secret": "{{ hidden }}"}, "cdc_setup_link_client_secret"),
        ({"hidden": "x"}, {"tls": {"client_key": "{{ hidden }}"}}, "cdc_setup_tls"),
        ({"cdc_setup_application": APPLICATION}, {}, "cdc_setup_application"),
    ],
    ids=["of the play", "over the inventory", "made of one", "member", "certificates"],
)
def test_a_secret_that_only_the_play_has_is_refused_by_name(
    of_play: Mapping[str, Any], of_host: Mapping[str, Any], named: str
) -> None:
    hosts = Hosts({"a": host("a", **of_host), "b": host("b", **of_host)}, **of_play)

    with pytest.raises(PlayError, match=rf"^{named} of host a: .* group_vars, host_vars or with -e\.$"):
        hosts.note("a")


def test_one_host_alone_and_what_is_no_secret_may_have_variables_of_the_play() -> None:
    alone = Hosts({"a": host("a")}, cdc_setup_link_client_secret="x").groups()
    several = Hosts({"a": host("a"), "b": host("b")}, cdc_setup_tls={"validate_host": True}).groups()

    assert alone == [{"host": "a", "name": "a", "link_client_secret": "x"}]
    assert [one["tls"] for one in several] == [{"validate_host": True}] * 2


def test_hosts_that_do_not_run_together_are_refused() -> None:
    hosts = Hosts({"a": host("a"), "b": host("b")})
    hosts.note("a")

    with pytest.raises(PlayError, match=r"^b: this host has not registered its groups.*strategy linear"):
        hosts.at("a").groups()
    hosts.note("b")
    with pytest.raises(PlayError, match=r"^a: this host .* is not the one"):
        hosts.at("b").groups()


def test_hosts_that_disagree_on_the_run_are_refused() -> None:
    hosts = Hosts({"a": host("a"), "b": host("b")})
    for name in ("a", "b"):
        hosts.note(name)
    hosts.known["b"]["cdc_setup_of_host"]["options"]["on_error"] = "stop"

    with pytest.raises(PlayError, match=r"cdc_setup_on_error is continue for host a and stop for host b"):
        hosts.at("a").groups()


def test_a_host_gets_its_part_of_the_result_and_no_diff_of_others() -> None:
    summary = {"group_id": None, "status": "connected", "pending": False, "vault": "v", "key_count": 1}
    records = [
        {"name": name, "host": name, "changed": True, "planned": False, "steps": {}, **summary} for name in ("a", "b")
    ]
    objects = ('group "a"', 'group "b"', 'vault "v"')
    result = {
        "groups": records,
        "shared": [{"object": 'vault "v"', "host": "b"}],
        "diff": {"before": {}, "after": dict.fromkeys(objects, "x")},
    }

    found = Hosts({"a": host("a"), "b": host("b")}).at("b", cdc_setup_all=result).results()

    assert [one["name"] for one in found["groups"]] == ["b"]
    assert set(found["diff"]["after"]) == {'group "b"', 'vault "v"'}
    assert found["summaries"] == [{"name": "b", "changed": True, "planned": False, **summary}]


def test_a_result_of_a_skipped_task_is_refused() -> None:
    with pytest.raises(PlayError, match="was skipped"):
        Hosts({"a": host("a")}).at("a", cdc_setup_all={"skipped": True}).results()
