# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DSM stores, in the shapes that the DSM contract allows, and a stand-in for the client."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.link.azure_link import ENDPOINTS, Link, LinkCredential
from unit.builders import CANARY, foreign_fields, in_any_case, present_or_not

TENANT = "11111111-1111-4111-8111-aaaaaaaaaaaa"
CLIENT = "22222222-2222-4222-8222-bbbbbbbbbbbb"
SUBSCRIPTION = "33333333-3333-4333-8333-cccccccccccc"
GROUP_ID = "44444444-4444-4444-8444-dddddddddddd"
HMG_ID = "55555555-5555-4555-8555-eeeeeeeeeeee"


CREDENTIAL = LinkCredential(
    auth_config={"mode": "client_secret", "client_secret": CANARY}, fact_of=lambda: "client-secret:0123456789"
)


def stored_link(**changes: Any) -> dict[str, Any]:
    """A link as DSM returns it: complete, with its secret blanked."""
    return {
        "kind": "AzureKeyVault",
        "url": "https://kv-one.vault.azure.net/",
        "tls": {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}},
        "auth_config": {"mode": "client_secret", "client_secret": ""},
        "tenant_id": TENANT,
        "client_id": CLIENT,
        "subscription_id": SUBSCRIPTION,
        "key_vault_type": "PREMIUM",
        **changes,
    }


def link(**changes: Any) -> Link:
    return Link.from_stored(HMG_ID, stored_link(**changes))


def stored_group(**changes: Any) -> dict[str, Any]:
    return {
        "acct_id": str(uuid.UUID(int=1)),
        "group_id": GROUP_ID,
        "name": "akv-prod",
        "created_at": "20260711T091500Z",
        "client_configurations": {},
        "hmg": {HMG_ID: stored_link()},
        **changes,
    }


_uuids = st.uuids().map(str).flatmap(in_any_case)
_other_cloud = {name: host.replace(".azure.", ".chinacloudapi.") for name, host in ENDPOINTS["global"].items()}
_endpoints = st.sampled_from(
    [
        None,
        dict(ENDPOINTS["global"]),
        dict(ENDPOINTS["us_government"]),
        {name: host.upper() + "." for name, host in ENDPOINTS["us_government"].items()},
        _other_cloud,
    ]
)
_certificates = st.binary(min_size=1, max_size=8).map(lambda content: content.hex())
_tls_blocks = st.one_of(
    st.sampled_from([{"mode": "disabled"}, {"mode": "opportunistic"}]),
    st.builds(
        lambda validate, ca, pair: {"mode": "required", "validate_hostname": validate, "ca": ca, **pair},
        st.booleans(),
        st.just({"ca_set": "global_roots"})
        | st.builds(lambda pinned: {"pinned": pinned}, st.lists(_certificates, min_size=1)),
        present_or_not(client_cert=_certificates, client_key=st.sampled_from(["", "***", CANARY, None])),
    ),
)
# DSM contract §2.9: absent, a valid mode with a blank or masked secret, or the real one.
_secrets = st.sampled_from(["", "***", None, CANARY])
_auth_configs = st.one_of(
    st.builds(lambda secret: {"mode": "client_secret", "client_secret": secret}, _secrets),
    st.builds(
        lambda certificate, key: {"mode": "token_auth_config", "client_cert": certificate, "client_key": key},
        _certificates,
        _secrets,
    ),
)
stored_links: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda required, optional, foreign: {**required, **optional, **foreign},
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["AzureKeyVault", "AZUREKEYVAULT"]),
            "url": st.sampled_from(
                [
                    "",
                    "https://kv-one.vault.azure.net",
                    "HTTPS://KV-One.vault.azure.net/",
                    "https://hsm-one.managedhsm.usgovcloudapi.net//",
                ]
            ),
            "tls": _tls_blocks,
            "tenant_id": _uuids,
            "client_id": _uuids,
            "subscription_id": _uuids,
        }
    ),
    present_or_not(
        auth_config=_auth_configs,
        secret_key=_secrets,
        key_vault_type=st.sampled_from([None, "STANDARD", "Standard", "premium", "MANAGED"]),
        endpoints=_endpoints,
    ),
    foreign_fields,
)
stored_groups: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda optional, foreign: {"group_id": GROUP_ID, "name": "akv-prod", **optional, **foreign},
    present_or_not(
        description=st.none() | st.text(max_size=5),
        custom_metadata=st.none()
        | st.dictionaries(st.sampled_from(["owner", "fortanix-dsm-ansible-link-credential"]), st.text(max_size=5)),
        hmg=st.none()
        | st.just({})
        | st.builds(lambda config: {HMG_ID: config}, stored_links)
        | st.just({HMG_ID: {"kind": "AwsKms", "secret_key": CANARY, "access_key": CANARY}}),
    ),
    foreign_fields,
)


class FakeDsm:
    """In place of the client: answers from a function and remembers what it was asked."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.calls: list[tuple[str, str]] = []
        self.queries: list[Mapping[str, Any]] = []
        self.filters_groups: bool | None = None
        self._answer = answer

    def call(self, method: str, route: str, **details: Any) -> Any:
        self.calls.append((method, route))
        self.queries.append(details.get("query") or {})
        return self._answer(method, route, **details)


def answering(value: Any) -> FakeDsm:
    """A DSM that has the same answer to everything."""

    def answer(method: str, route: str, **details: Any) -> Any:
        return value

    return FakeDsm(answer)


def nobody(method: str, route: str, **details: Any) -> Any:
    """The answer of a DSM that must not be asked."""
    raise AssertionError(f"{method} {route} was called")
