# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory declares, as it is handed to a task that only reads: complete, and without a credential."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fortanix.dsm.plugins.filter.declared_groups import declared_groups
from ansible_collections.fortanix.dsm.plugins.module_utils._certificates import loading
from ansible_collections.fortanix.dsm.plugins.module_utils._secrets.secrets import holds_private_key
from ansible_collections.fortanix.dsm.plugins.plugin_utils._setup.declared_groups import declared_groups as of_hosts
from sandbox.authorities import self_signed
from support.certificate_forms import PASSPHRASE, Form


def test_a_host_declares_its_group_and_a_list_of_groups_takes_the_values_of_the_host() -> None:
    shared = {"cdc_setup_link_tenant_id": "tenant", "cdc_setup_vault": {"name": "akv"}, "other": 1}
    hosts = {
        "one": {**shared, "cdc_setup_name": "one", "cdc_setup_application": {"client_id": "app", "credential": {}}},
        "two": {**shared, "cdc_setup_groups": [{"name": "a"}, {"name": "b", "link_tenant_id": "own"}]},
    }

    assert declared_groups(hosts, ["one", "two"]) == [
        {
            "host": "one",
            "name": "one",
            "link_tenant_id": "tenant",
            "vault": {"name": "akv"},
            "application": {"client_id": "app"},
        },
        {"host": "two", "name": "a", "link_tenant_id": "tenant", "vault": {"name": "akv"}},
        {"host": "two", "name": "b", "link_tenant_id": "own", "vault": {"name": "akv"}},
    ]


def test_no_credential_is_in_it_wherever_it_stands() -> None:
    certificate = self_signed("payments").certificate_pem.strip()
    both = f"-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n{certificate}\n"
    group: dict[str, Any] = {
        "name": "akv",
        "link_client_secret": "canary",
        "link_certificate": both,
        "link_private_key": "canary",
        "link_private_key_passphrase": "canary",
        "tls": {"client_certificate": both, "client_key": "canary", "ca_certificates": [both]},
        "application": {
            "unique_name": "app",
            "certificates": [both],
            "generate_certificate": {"certificate_path": "app.crt", "key_path": "canary.key"},
        },
    }
    flat = {f"cdc_setup_{name}": value for name, value in group.items()}

    (of_list,) = declared_groups({"host": {"cdc_setup_groups": [group]}}, ["host"])
    (of_host,) = declared_groups({"host": flat}, ["host"])

    assert of_list == of_host
    assert "canary" not in str(of_list)
    assert of_list["link_certificate"] == of_list["tls"]["client_certificate"] == certificate
    assert of_list["application"] == {
        "unique_name": "app",
        "certificates": [certificate],
        "certificate_path": "app.crt",
    }


@pytest.mark.parametrize(
    "form", [Form.COMBINED_BASE64, Form.PACKED_BASE64, Form.WRITTEN_OUT, Form.OLDER_LABEL], ids=str
)
def test_no_key_is_in_it_in_whatever_form_it_was_declared(form: Form) -> None:
    pair = self_signed("payments", algorithm="rsa")
    given = form.of(pair).decode()
    group = {"name": "akv", "link_certificate": given, "tls": {"client_certificate": given}}

    (found,) = declared_groups({"host": {"cdc_setup_groups": [group]}}, ["host"])

    for text in (found["link_certificate"], found["tls"]["client_certificate"]):
        assert not holds_private_key(text)
        assert loading.load_certificates("declared", text)


def test_a_passphrase_opens_a_declared_certificate_and_is_not_in_it() -> None:
    given = base64.b64encode(Form.PACKED_LOCKED.of(self_signed("payments", algorithm="rsa"))).decode()
    group = {"name": "akv", "link_certificate": given, "link_private_key_passphrase": PASSPHRASE}

    (found,) = declared_groups({"host": {"cdc_setup_groups": [group]}}, ["host"])

    assert "-----BEGIN CERTIFICATE-----" in found["link_certificate"]
    assert PASSPHRASE not in str(found)


@pytest.mark.parametrize(
    ("hosts", "names", "problem"),
    [
        ({"one": {}}, ["one"], "Host one declares no group"),
        ({}, [], "no such host"),
        ({name: {"cdc_setup_name": "akv"} for name in "ab"}, ["a", "b"], "both declare the group"),
        ([], ["one"], "the inputs must be hostvars"),
        (
            {"one": {"cdc_setup_naem": "akv"}},
            ["one"],
            "Host one: cdc_setup_naem is not a variable .* mean cdc_setup_name",
        ),
        (
            {"one": {"cdc_setup_name": "a", "cdc_setup_vault": {"nam": "a"}}},
            ["one"],
            r"Host one: cdc_setup_vault: unknown key nam: did you mean name\?",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(hosts: Any, names: list[str], problem: str) -> None:
    with pytest.raises(AnsibleFilterError, match=problem):
        declared_groups(hosts, names)


def test_what_is_declared_and_not_compared_is_named_and_not_read() -> None:
    class Secret(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            assert name not in ("cdc_setup_link_client_secret", "cdc_setup_dsm_egress_addresses")
            return super().__getitem__(name)

    azure_vault = {"name": "akv", "resource_group": "rg", "default_action": "deny", "initial_admin_object_ids": ["id"]}
    given = Secret(
        cdc_setup_name="akv",
        cdc_setup_link_client_secret="canary",
        cdc_setup_dsm_egress_addresses=["192.0.2.1"],
        cdc_setup_azure_vault={**azure_vault, "on_soft_deleted": "recover"},
    )
    raw = dict(given)

    (found,) = of_hosts({"host": given}, {"host": raw})

    assert found["not_compared"] == [
        "link_client_secret",
        "dsm_egress_addresses",
        "azure_vault.initial_admin_object_ids",
    ]
    assert found["azure_vault"] == {"name": "akv", "resource_group": "rg", "default_action": "deny"}
