# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Approval requests are recognised without any secret, and none is taken for another."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.account.approval_requests import (
    ApprovalRequest,
    GuardedOperation,
    choose,
    crossing,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire import routes

NOW = datetime.datetime(2026, 7, 11, 12, 0, tzinfo=datetime.timezone.utc)
GROUP_ID = "0a3e5a1c-0000-4000-8000-000000000001"


def link(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "AzureKeyVault",
        "url": "https://akv-prod.vault.azure.net/",
        "tls": {"mode": "required", "client_cert": "AAAA", "client_key": "tls-secret"},
        "auth_config": {"mode": "client_secret", "client_secret": "azure-secret"},
        "future_secret": "unknown-secret",
        **changes,
    }


def update(config: Any = None, **changes: Any) -> GuardedOperation:
    operation = GuardedOperation(
        "PATCH",
        routes.GROUP,
        'group "akv"',
        "change of link.vault.uri",
        path={"group_id": GROUP_ID},
        body={"mod_hmg": {"one": config or link()}},
        credential_fact="client-secret:1234",
    )
    return replace(operation, **changes)


def creation(name: str, **body: Any) -> GuardedOperation:
    return GuardedOperation(
        "POST", routes.GROUPS, f'group "{name}"', "new group", body={"name": name, **body}, name=name
    )


def stored(asked: GuardedOperation, **changes: Any) -> ApprovalRequest:
    filed = {
        "request_id": "7b1d0000-0000-4000-8000-000000000001",
        "requester": {"app": "5f0c0000-0000-4000-8000-000000000001"},
        "created_at": "20260711T091500Z",
        "expiry": "20260810T091500Z",
        "method": asked.method,
        "operation": asked.operation,
        "description": asked.description,
        "status": "PENDING",
        "result_viewed": False,
    }
    return ApprovalRequest.from_stored({**filed, **changes})


@pytest.mark.parametrize(
    "config",
    [
        link(auth_config={"mode": "client_secret", "client_secret": "another"}),
        link(tls={"mode": "required", "client_cert": "AAAA", "client_key": "another"}),
        link(future_secret="another"),
    ],
    ids=["client secret", "TLS key", "member that is not known"],
)
def test_no_secret_goes_into_the_mark(config: Any) -> None:
    assert update(config).mark() == update().mark()


@pytest.mark.parametrize(
    "other",
    [
        update(link(url="https://akv-other.vault.azure.net/")),
        update(link(tls={"mode": "required", "client_cert": "BBBB"})),
        update(credential_fact="client-secret:5678"),
        update(body={"description": "x"}),
        update(path={"group_id": GROUP_ID.replace("1", "2")}),
    ],
    ids=["vault", "TLS certificate", "credential", "another field", "another group"],
)
def test_all_else_goes_into_the_mark(other: GuardedOperation) -> None:
    assert other.mark() != update().mark()


@pytest.mark.parametrize("operation", [f"sys/v1/groups/{GROUP_ID}", f"/sys/v1/groups/{GROUP_ID.upper()}/"])
def test_the_path_may_come_back_in_another_form(operation: str) -> None:
    assert choose(update(), [stored(update(), operation=operation)], NOW) is not None


def test_a_request_of_the_same_content_is_ours_and_crosses_nothing() -> None:
    assert choose(update(), [stored(update())], NOW) == stored(update())
    assert crossing(update(), [stored(update())], NOW) is None


@pytest.mark.parametrize(
    "other",
    [
        stored(update(body={"description": "x"})),
        stored(update(), description=None),
        stored(update(), method="DELETE", description="by hand"),
    ],
    ids=["another change", "no description", "deletion"],
)
def test_another_request_for_the_same_group_crosses(other: ApprovalRequest) -> None:
    assert choose(update(), [other], NOW) is None
    assert crossing(update(), [other], NOW) == other


def test_a_request_for_something_else_crosses_nothing() -> None:
    others = [stored(update(path={"group_id": GROUP_ID.replace("1", "2")})), stored(creation("akv"))]

    assert crossing(update(), others, NOW) is None


@pytest.mark.parametrize("shown", [{"body": {"name": "akv"}, "description": "by hand"}, {}], ids=["by body", "by mark"])
def test_creations_cross_when_they_are_of_one_name(shown: Any) -> None:
    other = stored(creation("akv", description="x"), **shown)

    assert crossing(creation("akv"), [other], NOW) == other
    assert crossing(creation("another"), [other], NOW) is None


def of_key(route: str = routes.KEYS_COPY, name: str = "payments", azure_name: str = "payments") -> GuardedOperation:
    body = {"name": name, "group_id": GROUP_ID, "custom_metadata": {"azure-key-name": azure_name}}
    vault_key = (GROUP_ID, azure_name)
    return GuardedOperation("POST", route, f'key "{azure_name}"', "new", body=body, name=name, vault_key=vault_key)


@pytest.mark.parametrize(
    "other",
    [
        of_key(name="another"),
        of_key(name="Payments", azure_name="Payments"),
        of_key(routes.KEYS),
        of_key(routes.KEYS, name="another"),
        of_key(azure_name="another"),
    ],
    ids=["name in DSM", "letter case", "origin", "origin and name in DSM", "name in the vault"],
)
@pytest.mark.parametrize("shown", ["by body", "by mark"])
def test_creations_of_one_key_in_a_vault_cross_whatever_else_differs(other: GuardedOperation, shown: str) -> None:
    by_body = shown == "by body"
    request = stored(other, **({"body": other.body, "description": "by hand"} if by_body else {}))
    same_dsm_name_alone = other.vault_key != of_key().vault_key and other.name == of_key().name
    assert crossing(of_key(), [request], NOW) == (None if same_dsm_name_alone and not by_body else request)
    assert crossing(of_key(name="x", azure_name="y"), [request], NOW) is None
    assert crossing(creation("payments"), [request], NOW) is None


def test_an_expired_request_counts_for_nothing() -> None:
    expired = stored(update(), expiry="20260711T115959Z")

    assert choose(update(), [expired], NOW) is None
    assert crossing(update(body={"description": "x"}), [expired], NOW) is None


@pytest.mark.parametrize(
    ("status", "viewed", "counts"),
    [
        ("APPROVED", False, True),
        ("APPROVED", True, False),
        ("FAILED", False, True),
        ("FAILED", True, False),
        ("DENIED", False, True),
    ],
)
def test_an_outcome_counts_until_it_has_been_told_and_a_denial_always(status: str, viewed: bool, counts: bool) -> None:
    decided = stored(update(), status=status, result_viewed=viewed)

    assert (choose(update(), [decided], NOW) is not None) is counts


def test_a_pending_request_comes_before_decided_ones_and_later_before_earlier() -> None:
    early, late = stored(update(), status="DENIED"), stored(update(), status="FAILED", created_at="20260711T101500Z")
    pending = stored(update(), created_at="20260701T091500Z")

    assert choose(update(), [early, late], NOW) == late
    assert choose(update(), [early, late, pending], NOW) == pending


def test_the_description_tells_the_approvers_what_changes_and_no_secret() -> None:
    description = update().description

    assert description.startswith('Ansible: change of link.vault.uri, group "akv" [fortanix.dsm ')
    assert "secret" not in description
