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


KIDS = ("0a3e5a1c-0000-4000-8000-0000000000a1", "0a3e5a1c-0000-4000-8000-0000000000a2")
ANOTHER_KID = "0a3e5a1c-0000-4000-8000-0000000000b1"
ANOTHER_GROUP = GROUP_ID.replace("1", "2")


def of_record(method: str, route: str, kid: str = KIDS[0], **changes: Any) -> GuardedOperation:
    operation = GuardedOperation(
        method,
        route,
        'key "payments"',
        "change",
        path={"kid": kid},
        body={"enabled": False} if method == "PATCH" else None,
        name="payments",
        vault_key=(GROUP_ID, "payments"),
        kids=frozenset(KIDS),
    )
    return replace(operation, **changes)


def of_rotation(**body: Any) -> GuardedOperation:
    """Of a key by its name, as a rotation in DSM names it."""
    return GuardedOperation("POST", "/crypto/v1/keys/rekey", "key", "rotation", body=body)


SCHEDULE, DELETE_MATERIAL = routes.KEY + "/schedule_deletion", routes.KEY + "/delete_key_material"
ON_KEY = [
    of_record("PATCH", routes.KEY),
    of_record("DELETE", routes.KEY),
    *(
        of_record("POST", f"{routes.KEY}/{deed}")
        for deed in ("schedule_deletion", "delete_key_material", "cancel_deletion", "restore", "destroy", "revoke")
    ),
    of_record("POST", f"{routes.KEY}/activate"),
    # The next versions of the key.
    replace(of_key(), kids=frozenset(KIDS)),
    replace(of_key(routes.KEYS), kids=frozenset(KIDS)),
]


@pytest.mark.parametrize("asked", ON_KEY, ids=lambda one: f"{one.method} {one.route}")
@pytest.mark.parametrize("other", ON_KEY, ids=lambda one: f"{one.method} {one.route}")
@pytest.mark.parametrize("shown", ["by mark", "by content"])
def test_all_operations_on_one_key_see_each_other_whatever_path_they_have(
    asked: GuardedOperation, other: GuardedOperation, shown: str
) -> None:
    by_content = shown == "by content"
    request = stored(other, **({"body": other.body, "description": "by hand"} if by_content else {}))
    same = asked is other and (not by_content or not asked.body)
    assert crossing(asked, [request], NOW) == (None if same else request)
    assert (choose(asked, [request], NOW) == request) is same


@pytest.mark.parametrize(
    "other",
    [
        of_record("POST", SCHEDULE, KIDS[1].upper(), vault_key=None, kids=frozenset()),
        of_record("PATCH", routes.KEY + "/", KIDS[1], vault_key=None, kids=frozenset()),
        of_record("PUT", routes.KEY + "/revert", KIDS[1], vault_key=None, kids=frozenset()),
        of_rotation(name="payments"),
        of_rotation(kid=KIDS[1]),
        GuardedOperation(
            "POST",
            "/crypto/v1/keys/replace",
            "key",
            "rotation",
            body={"replaced": {"name": "payments"}, "replacement": {"kid": ANOTHER_KID}},
        ),
        GuardedOperation("PUT", routes.KEYS, "key", "import", body={"name": "Payments", "group_id": GROUP_ID.upper()}),
    ],
    ids=["another version", "slash", "unknown deed", "rotation by name", "rotation by ID", "replacement", "import"],
)
def test_what_somebody_else_has_filed_for_any_version_of_the_key_is_seen(other: GuardedOperation) -> None:
    request = stored(other, body=other.body, description=None)
    for asked in ON_KEY:
        assert crossing(asked, [request], NOW) == request


@pytest.mark.parametrize(
    "other",
    [
        of_record("POST", SCHEDULE, ANOTHER_KID, vault_key=(GROUP_ID, "other"), name="other", kids=frozenset()),
        of_record("PATCH", routes.KEY, ANOTHER_KID, vault_key=(ANOTHER_GROUP, "payments"), kids=frozenset()),
        of_rotation(name="another"),
        of_rotation(kid=ANOTHER_KID),
        GuardedOperation("POST", "/crypto/v1/keys/export", "key", "export", body={"kid": KIDS[0]}),
        GuardedOperation("GET", routes.KEY, "key", "read", path={"kid": KIDS[0]}),
        GuardedOperation("POST", "/crypto/v1/sign", "key", "signature", body={"key": {"kid": KIDS[0]}}),
        update(),
    ],
    ids=["key", "group", "rotated name", "rotated ID", "export", "read", "use", "PATCH of the group"],
)
@pytest.mark.parametrize("shown", ["by mark", "by content"])
def test_what_is_about_another_key_or_only_uses_it_crosses_nothing(other: GuardedOperation, shown: str) -> None:
    request = stored(other, body=other.body, **({} if shown == "by mark" else {"description": None}))
    for asked in ON_KEY:
        assert crossing(asked, [request], NOW) is None


@pytest.mark.parametrize(
    ("subjects", "crosses"),
    [
        ([{"group": GROUP_ID}], True),
        ([{"group": ANOTHER_GROUP}], False),
        ([{"sobject": ANOTHER_KID}, {"group": GROUP_ID.upper()}], True),
        ([{"sobject": ANOTHER_KID}], True),
        (["newaccount"], True),
        (None, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("route", [routes.KEYS, routes.KEYS_COPY])
def test_a_creation_that_shows_neither_mark_nor_content_may_be_of_this_key(
    route: str, subjects: Any, crosses: bool
) -> None:
    request = stored(of_key(route), description=None, subjects=subjects)
    for asked in ON_KEY:
        assert crossing(asked, [request], NOW) == (request if crosses else None)


@pytest.mark.parametrize("kid", [KIDS[1], ANOTHER_KID])
def test_a_rotation_without_content_is_known_by_its_subject(kid: str) -> None:
    request = stored(of_rotation(name="payments"), description=None, subjects=[{"sobject": kid}, {"group": GROUP_ID}])
    assert crossing(ON_KEY[0], [request], NOW) == (request if kid == KIDS[1] else None)


def test_a_new_group_that_shows_neither_mark_nor_content_crosses_every_new_group() -> None:
    request = stored(creation("akv"), description=None)
    assert crossing(creation("another"), [request], NOW) == request


def test_what_depends_on_the_time_of_the_run_is_not_in_the_mark_but_what_it_stands_for() -> None:
    def new(expires: str, days: int) -> GuardedOperation:
        body = {"name": "payments", "deactivation_date": expires}
        return replace(of_key(), body=body, undated={"deactivation_date": f"{days} days"})

    pending = stored(new("20270101T000000Z", 90))
    assert choose(new("20270102T000000Z", 90), [pending], NOW) == pending
    assert crossing(new("20270102T000000Z", 90), [pending], NOW) is None
    assert crossing(new("20270102T000000Z", 91), [pending], NOW) == pending
    assert crossing(replace(new("20270101T000000Z", 90), undated={}), [pending], NOW) == pending


@pytest.mark.parametrize(
    ("status", "is_found"), [("PENDING", True), ("DENIED", True), ("APPROVED", False), ("FAILED", False)]
)
def test_an_approval_is_for_the_values_that_were_there_when_it_was_filed(status: str, is_found: bool) -> None:
    """A request that is pending leads to what is requested now, too, and a denial is final for it."""
    filed = of_record("PATCH", routes.KEY, before={"enabled": True})
    request = stored(filed, status=status)
    assert choose(filed, [request], NOW) == request
    assert choose(replace(filed, before={"enabled": None}), [request], NOW) == (request if is_found else None)
    assert crossing(replace(filed, before={"enabled": None}), [request], NOW) is None


def test_a_request_that_was_filed_without_these_values_is_found_for_any() -> None:
    request = stored(of_record("PATCH", routes.KEY), status="APPROVED")
    assert choose(of_record("PATCH", routes.KEY, before={"enabled": True}), [request], NOW) == request


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
