# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every member of an Azure link in DSM's published API is an option of a module, or has a reason why it is none."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from unit.builders import ROOT

SCHEMAS = ROOT / "tests" / "conformance" / "schemas"


class NoOption(str):
    """The reason why a member has no option."""

    __slots__ = ()


LATER = NoOption("policies of groups of every kind; the product guide does not treat them")
UNDESCRIBED = NoOption("published without a word on what it does; what is stored stays as it is")

# DSM's OpenAPI document 0.1.0-20260710 (DSM 5.8): member -> module.option, or why there is none.
MEMBERS: Mapping[str, Mapping[str, str]] = {
    "azure-link": {
        "kind": "cdc_group.link_format",
        "url": "cdc_group.vault",
        "tls": "cdc_group.tls",
        "auth_config": "cdc_group.link_client_secret",
        "secret_key": "cdc_group.link_format",
        "tenant_id": "cdc_group.link_tenant_id",
        "client_id": "cdc_group.link_client_id",
        "subscription_id": "cdc_group.link_subscription_id",
        "key_vault_type": "cdc_vault_select.vault.type",
        "endpoints": "cdc_group.azure_service",
    },
    "azure-auth": {
        "mode": NoOption("follows from the credential that is given"),
        "client_secret": "cdc_group.link_client_secret",
        "client_cert": "cdc_group.link_certificate",
        "client_key": "cdc_group.link_private_key",
    },
    "tls": {
        "mode": NoOption("always written as required; a weaker stored one is reported"),
        "validate_hostname": "cdc_tls.validate_host",
        "ca": "cdc_tls.ca_certificates",
        "client_cert": "cdc_tls.client_certificate",
        "client_key": "cdc_tls.client_key",
    },
    "tls.ca": {
        "ca_set": NoOption("there is one set, global_roots, which an empty cdc_tls.ca_certificates stands for"),
        "pinned": "cdc_tls.ca_certificates",
    },
    "azure-endpoints": {
        "management": "cdc_group.azure_service",
        "key_vault": "cdc_group.azure_service",
        "key_vault_managed_hsm": "cdc_group.azure_service",
        "iam": "cdc_group.azure_service",
    },
    "group-request": {
        "name": "cdc_group.name",
        "description": "cdc_group.description",
        "custom_metadata": "cdc_group.custom_metadata",
        "add_hmg": "cdc_group.link_tenant_id",
        "mod_hmg": "cdc_group.link_tenant_id",
        "del_hmg": NoOption("taking a link off a group with keys strands them; cdc_group removes groups as a whole"),
        "approval_policy": NoOption("quorum policies are set by people; the modules report when one asks for approval"),
        "auto_scan": NoOption("for groups that are backed by another DSM, not by Azure"),
        "hmg_redundancy": NoOption("orders the links of a group; an Azure group has one"),
        "hmg_segregation": UNDESCRIBED,
        "hmg_sync": UNDESCRIBED,
        "client_configurations": LATER,
        "cryptographic_policy": LATER,
        "custodian_policy": LATER,
        "export_policy": LATER,
        "google_access_reason_policy": NoOption("concerns Google Cloud"),
        "key_history_policy": LATER,
        "key_metadata_policy": LATER,
        "wrapping_key_name": LATER,
    },
    "check-request": {
        "id": NoOption("chooses among the links of a group; an Azure group has one"),
        "config": "cdc_connection.link_tenant_id",
    },
    "scan-request": {},
}


def published(schema: str) -> set[str]:
    """The members that the schema of the published API has, in all variants of the type."""
    name, _dot, member = schema.partition(".")
    content = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return set(_members(content, member or None))


def _members(schema: Mapping[str, Any], inside: str | None) -> Iterator[str]:
    for variant in schema.get("oneOf", [schema]):
        for name, content in variant["properties"].items():
            if inside is None:
                yield name
            elif name == inside:
                yield from _members(content, None)


def option(path: str) -> Any:
    """The specification of ``module.option.suboption``."""
    module, *names = path.split(".")
    package = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"
    options: Any = importlib.import_module(f"{package}.{module}").SPEC.argument_spec
    found: Any = None
    for name in names:
        found = options[name]
        options = found.get("options", {})
    return found


@pytest.mark.parametrize("schema", MEMBERS)
def test_every_published_member_is_accounted_for(schema: str) -> None:
    assert set(MEMBERS[schema]) == published(schema)


@pytest.mark.parametrize(
    "path", sorted({one for members in MEMBERS.values() for one in members.values() if not isinstance(one, NoOption)})
)
def test_every_option_that_a_member_names_exists(path: str) -> None:
    assert option(path)["type"]
