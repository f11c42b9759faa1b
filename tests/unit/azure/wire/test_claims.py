# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom an access token is for: evidence, and nothing if the token cannot be read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.claims import TokenIdentity, identity_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.credential import Explained


def token(claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2lnbmF0dXJl"


def test_an_application_is_told_by_its_ids_and_its_name() -> None:
    claims = {"appid": "app", "oid": "object", "tid": "tenant", "app_displayname": "auditor", "idtyp": "app"}

    assert identity_of(token(claims)) == TokenIdentity("app", "object", "tenant", "auditor", is_app=True)


def test_a_user_is_told_by_name_and_not_taken_for_the_tool_that_was_used() -> None:
    claims = {
        "appid": "azure-cli",
        "oid": "object",
        "tid": "tenant",
        "upn": "me@example.com",
        "scp": "user_impersonation",
    }

    assert identity_of(token(claims)) == TokenIdentity("azure-cli", "object", "tenant", "me@example.com", is_app=False)


def test_a_token_of_version_2_has_the_client_elsewhere() -> None:
    assert identity_of(token({"azp": "app", "preferred_username": "me@example.com"})).client_id == "app"


@pytest.mark.parametrize(
    "opaque", ["", "opaque", "a.b", "a.b.c", token([]), token("text"), token(1), token({"oid": 1, "upn": "x" * 300})]
)
def test_a_token_that_is_no_set_of_claims_tells_nothing(opaque: str) -> None:
    found = identity_of(opaque)

    assert (found.client_id, found.object_id, found.tenant_id, found.name) == (None, None, None, None)


@given(st.text())
def test_no_token_is_an_error(opaque: str) -> None:
    assert isinstance(identity_of(opaque), TokenIdentity)


def test_the_credential_remembers_whom_its_last_token_was_for() -> None:
    class Known:
        def get_token(self, *_scopes: str) -> Any:
            return type("AccessToken", (), {"token": token({"oid": "object"}), "expires_on": 0})()

    credential = Explained(Known())
    before = credential.identity

    credential.get_token("https://management.azure.com/.default")

    assert (before.object_id, credential.identity.object_id) == (None, "object")
