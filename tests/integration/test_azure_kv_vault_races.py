# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody else changes the vault at the same time, or an answer is lost, late or short: nothing of others is lost."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from sandbox import Fault
from support.azure_rights import STRANGER, AzureRights
from support.azure_vaults import NEW, NEW_POOL, Vaults
from support.matrix import thinned

ROUTE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
CHECK_NAME = "/subscriptions/{subscription}/providers/Microsoft.KeyVault/checkNameAvailability"
# Asked between the first look and the write.
PROVIDER = "/subscriptions/{subscription}/providers/{namespace}"
SUBNET = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/virtualNetworks/z/subnets/keys"
ABSENT = {"name": "kv-new", "resource_group": "rg-keys", "state": "absent"}
RECOVER = {**NEW, "on_soft_deleted": "recover"}

Deed = Callable[[Any], object]


@pytest.fixture
def vaults(azure: AzureRights) -> Vaults:
    return Vaults(azure)


@pytest.fixture
def vault(vaults: Vaults) -> Any:
    """The vault that is there, with tags and network rules of others."""
    name = vaults.azure.vault

    def prepare(state: Any) -> None:
        state.vault(name).tags = {"cost": "42"}
        # So that each answer is complete, and read once.
        state.vault(name).purge_protection = True
        state.set_firewall(name, ip_rules=["203.0.113.9"], virtual_network_rules=[SUBNET], bypass="None")

    vaults.azure.do(prepare)
    return vaults.stored(name)


def meanwhile(vaults: Vaults, method: str, deed: Deed, route: str = ROUTE, **fault: Any) -> None:
    """Somebody else does this when the request has been carried out, before its answer leaves."""
    state = vaults.azure.do(lambda state: state)
    vaults.azure.sandbox.faults.add(Fault("arm", method, route, then=lambda: deed(state), **fault))


def disturb(vaults: Vaults, method: str, route: str = ROUTE, **fault: Any) -> None:
    vaults.azure.sandbox.faults.add(Fault("arm", method, route, **fault))


def rewritten(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def rewrite(body: bytes) -> bytes:
        value = json.loads(body)
        change(value)
        return json.dumps(value).encode()

    return rewrite


def creates(**settings: Any) -> Deed:
    """Another run creates the vault, and gives somebody access."""

    def deed(state: Any) -> None:
        vault = state.add_vault("kv-new", "premium", tags=settings.get("tags"))
        vault.retention_days = settings.get("retention_days", 90)
        vault.purge_protection = True
        state.add_access_policy("kv-new", STRANGER, ["get"])

    return deed


def who_has_access(vaults: Vaults, name: str = "kv-new") -> list[str]:
    return [entry.object_id for entry in vaults.stored(name).access_policies]


def count(vaults: Vaults, mark: int, method: str) -> int:
    return sum(entry.startswith(method) for entry in vaults.writes(mark))


# Creation -----------------------------------------------------------------------------------------------------------

each_gap = pytest.mark.parametrize(
    ("method", "route"), [("GET", ROUTE), ("POST", CHECK_NAME), ("GET", PROVIDER)], ids=["look", "name", "provider"]
)


@each_gap
def test_a_vault_that_another_run_creates_meanwhile_is_not_replaced(vaults: Vaults, method: str, route: str) -> None:
    meanwhile(vaults, method, creates(), route)
    mark = vaults.mark()

    result = vaults(NEW)

    assert (result["changed"], result["vault"]["exists"], vaults.writes(mark)) == (False, True, [])
    assert who_has_access(vaults) == [STRANGER]


def test_what_differs_at_the_vault_of_another_run_is_changed_as_at_any_other(vaults: Vaults) -> None:
    meanwhile(vaults, "POST", creates(tags={"theirs": "1"}), CHECK_NAME)
    mark = vaults.mark()

    result = vaults(NEW, tags={"ours": "2"})

    assert (result["changed"], vaults.writes(mark)) == (True, ["PATCH kv-new"])
    assert vaults.stored("kv-new").tags == {"theirs": "1", "ours": "2"}
    assert who_has_access(vaults) == [STRANGER]


def test_a_vault_of_another_run_that_cannot_be_made_so_is_retryable(vaults: Vaults) -> None:
    meanwhile(vaults, "POST", creates(retention_days=30), CHECK_NAME)
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"retention_days.*Another run has created it since") as raised:
        vaults(NEW, retention_days=90)

    assert (raised.value.details["retryable"], vaults.writes(mark)) == (True, [])


LOST: list[dict[str, Any]] = [
    {"status": 503},
    {"status": 500},
    {"status": 429, "retry_after": 0},
    {"status": 504, "body": "<html>gateway</html>"},
    {"reset": "before"},
    {"status": 409, "body": '{"error": {"code": "ConflictError", "message": "A conflict occurred."}}'},
]
each_loss = pytest.mark.parametrize("lost", LOST, ids=lambda lost: str(lost.get("status", "reset")))
# Deletions and recoveries go the way of creations.
some_losses = pytest.mark.parametrize(
    "lost", thinned(LOST, LOST[0], LOST[-1]), ids=lambda lost: str(lost.get("status", "reset"))
)
DONE: list[dict[str, Any]] = [{"status": 503, "after_work": True}, {"reset": "after"}, {"truncate": True}]
each_done = pytest.mark.parametrize("done", DONE, ids=["503", "reset", "truncated"])


@each_loss
def test_a_creation_that_was_not_carried_out_is_sent_again(vaults: Vaults, lost: dict[str, Any]) -> None:
    disturb(vaults, "PUT", **lost)
    mark = vaults.mark()

    result = vaults(NEW)

    assert (result["changed"], result["vault"]["exists"], count(vaults, mark, "PUT")) == (True, True, 2)


@each_done
def test_a_creation_whose_answer_is_lost_is_not_sent_again(vaults: Vaults, done: dict[str, Any]) -> None:
    disturb(vaults, "PUT", **done)
    mark = vaults.mark()

    result = vaults(NEW)

    assert (result["changed"], result["plan"][0]["action"], vaults.writes(mark)) == (True, "create", ["PUT kv-new"])


@pytest.mark.parametrize("lost", [one for one in LOST if "status" in one], ids=lambda lost: str(lost["status"]))
def test_a_failed_creation_is_not_repeated_over_the_vault_of_another_run(vaults: Vaults, lost: dict[str, Any]) -> None:
    meanwhile(vaults, "PUT", creates(tags={"theirs": "1"}), **lost)
    mark = vaults.mark()

    result = vaults(NEW)

    assert (result["changed"], vaults.writes(mark)) == (False, ["PUT kv-new"])
    assert (who_has_access(vaults), vaults.stored("kv-new").tags) == ([STRANGER], {"theirs": "1"})


def test_a_creation_whose_outcome_stays_open_is_retryable(vaults: Vaults) -> None:
    disturb(vaults, "PUT", status=503, times=None)
    mark = vaults.mark()

    with pytest.raises(TaskError, match="it is unknown whether it was created") as raised:
        vaults(NEW)

    assert (raised.value.details["retryable"], count(vaults, mark, "PUT")) == (True, 5)


def test_a_name_that_is_taken_at_the_last_moment_is_looked_at(vaults: Vaults) -> None:
    taken = '{"error": {"code": "VaultAlreadyExists", "message": "The vault name is already in use."}}'
    meanwhile(vaults, "PUT", creates(), status=409, body=taken)

    assert vaults(NEW)["changed"] is False
    assert who_has_access(vaults) == [STRANGER]


def test_a_refused_creation_is_sent_once(vaults: Vaults) -> None:
    disturb(vaults, "PUT", status=400, body='{"error": {"code": "BadRequest", "message": "no"}}')
    mark = vaults.mark()

    with pytest.raises(TaskError, match="rejected as invalid"):
        vaults(NEW)

    assert vaults.writes(mark) == ["PUT kv-new"]


def test_a_name_that_our_own_vault_holds_is_not_somebody_elses(vaults: Vaults) -> None:
    """The vault is not shown at first, and again after the question for the name."""
    meanwhile(vaults, "GET", creates())
    disturb(vaults, "GET", skip=0, times=1, status=404, body='{"error": {"code": "ResourceNotFound", "message": ""}}')
    mark = vaults.mark()

    result = vaults(NEW)

    assert (result["changed"], vaults.writes(mark)) == (False, [])


def test_a_name_is_looked_at_several_times_before_it_is_said_to_be_taken(vaults: Vaults) -> None:
    def deed(state: Any) -> None:
        other = state.add_subscription(vaults.azure.view.tenant_id)
        state.add_vault("kv-new", subscription_id=other.subscription_id)

    vaults.azure.do(deed)
    mark = vaults.mark()

    with pytest.raises(TaskError, match="the name is taken"):
        vaults(NEW)

    looks = [entry for entry in vaults.azure.sandbox.journal.since(mark) if entry.path.endswith("/vaults/kv-new")]
    assert [entry.method for entry in looks] == ["GET"] * 4


def test_a_new_vault_that_azure_shows_otherwise_ends_the_wait(vaults: Vaults) -> None:
    """As with an Azure Policy that sets tags."""
    policy = rewritten(lambda body: body["tags"].update(team="policy"))
    disturb(vaults, "GET", skip=2, times=None, rewrite=policy)
    mark = vaults.mark()

    with pytest.raises(
        TaskError, match=r"other values than were written \(tags: .*policy.*keys.*created the vault before"
    ) as raised:
        vaults(NEW, tags={"team": "keys"}, wait_timeout=20)

    assert raised.value.details["retryable"] is True
    assert [one["action"] for one in raised.value.details["done"]] == ["create"]
    assert vaults.requests(mark) < 20


def test_a_pool_whose_creation_was_lost_is_created_once(vaults: Vaults) -> None:
    disturb(vaults, "PUT", ROUTE.replace("/vaults/", "/managedHSMs/"), status=503, after_work=True)
    mark = vaults.mark()

    assert vaults(NEW_POOL)["changed"] is True
    assert vaults.writes(mark) == ["PUT hsm-new"]


# Changes ------------------------------------------------------------------------------------------------------------

CLOSE = {"default_action": "deny", "allow_disruptive": ["default_action"], "tags": {"team": "keys"}}


def rules_of(vaults: Vaults) -> tuple[Any, ...]:
    stored = vaults.stored(vaults.azure.vault)
    rules = stored.firewall
    return stored.tags, rules.default_action, rules.ip_rules, rules.virtual_network_rules, rules.bypass


CLOSED = ({"cost": "42", "team": "keys"}, "Deny", ["203.0.113.9"], [SUBNET], "None")


def adds_entries(state: Any, name: str) -> None:
    stored = state.vault(name)
    stored.tags = {**stored.tags, "theirs": "1"}
    stored.firewall.ip_rules = [*stored.firewall.ip_rules, "198.51.100.7"]
    stored.firewall.virtual_network_rules = [*stored.firewall.virtual_network_rules, f"{SUBNET}-2"]


@pytest.mark.parametrize("skip", [0, 1])
def test_entries_that_somebody_adds_meanwhile_stay(vaults: Vaults, vault: Any, skip: int) -> None:
    meanwhile(vaults, "GET", lambda state: adds_entries(state, vault.name), skip=skip)

    result = vaults(vaults.there, **CLOSE)

    tags, action, addresses, subnets, bypass = rules_of(vaults)
    assert (result["changed"], action, bypass) == (True, "Deny", "None")
    assert tags == {"cost": "42", "theirs": "1", "team": "keys"}
    assert (addresses, subnets) == (["203.0.113.9", "198.51.100.7"], [SUBNET, f"{SUBNET}-2"])


@each_loss
def test_a_change_that_was_not_carried_out_is_built_anew(vaults: Vaults, vault: Any, lost: dict[str, Any]) -> None:
    """What somebody adds while the first attempt waits is in the second one."""
    fault = {name: value for name, value in lost.items() if name != "reset"} or {"status": 502}
    meanwhile(vaults, "PATCH", lambda state: adds_entries(state, vault.name), **fault)
    mark = vaults.mark()

    vaults(vaults.there, **CLOSE)

    assert count(vaults, mark, "PATCH") == 2
    assert rules_of(vaults)[0] == {"cost": "42", "theirs": "1", "team": "keys"}
    assert rules_of(vaults)[3] == [SUBNET, f"{SUBNET}-2"]


@each_done
def test_a_change_whose_answer_is_lost_is_not_sent_again(vaults: Vaults, vault: Any, done: dict[str, Any]) -> None:
    disturb(vaults, "PATCH", **done)
    mark = vaults.mark()

    result = vaults(vaults.there, **CLOSE)

    assert (result["changed"], vaults.writes(mark), rules_of(vaults)) == (True, [f"PATCH {vault.name}"], CLOSED)


def test_entries_that_somebody_removes_meanwhile_are_not_guessed_about(vaults: Vaults, vault: Any) -> None:
    meanwhile(vaults, "GET", lambda state: state.set_firewall(vault.name, virtual_network_rules=[]), skip=1)
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"virtual network rule .*no longer exists.*Nothing was changed") as raised:
        vaults(vaults.there, **CLOSE)

    assert (raised.value.details["retryable"], vaults.writes(mark)) == (True, [])


def test_a_change_that_another_run_makes_meanwhile_is_none(vaults: Vaults, vault: Any) -> None:
    def deed(state: Any) -> None:
        state.vault(vault.name).tags = {"cost": "42", "team": "keys"}

    meanwhile(vaults, "GET", deed, skip=1)
    mark = vaults.mark()

    result = vaults(vaults.there, tags={"team": "keys"})

    assert (result["changed"], result["plan"], vaults.writes(mark)) == (False, [], [])


def test_what_comes_to_disrupt_meanwhile_is_refused(vaults: Vaults, vault: Any) -> None:
    meanwhile(vaults, "GET", lambda state: state.set_firewall(vault.name, default_action="Deny"), skip=1)
    mark = vaults.mark()

    with pytest.raises(TaskError, match=r"or allow it with allow_disruptive: \[default_action\]"):
        vaults(vaults.there, default_action="allow", tags={"team": "keys"})

    assert vaults.writes(mark) == []


def test_a_change_that_is_overwritten_from_an_old_answer_is_made_again(vaults: Vaults, vault: Any) -> None:
    """Somebody else writes what it has read before: our tag is gone, and with it one of a third party."""

    def deed(state: Any) -> None:
        state.vault(vault.name).tags = {"theirs": "1"}

    meanwhile(vaults, "PATCH", deed)
    mark = vaults.mark()

    result = vaults(vaults.there, tags={"team": "keys"})

    assert (result["changed"], count(vaults, mark, "PATCH")) == (True, 2)
    assert vaults.stored(vault.name).tags == {"theirs": "1", "cost": "42", "team": "keys"}


def test_rules_that_are_overwritten_from_an_old_answer_are_put_back(vaults: Vaults, vault: Any) -> None:
    meanwhile(
        vaults,
        "PATCH",
        lambda state: state.set_firewall(
            vault.name, default_action="Allow", virtual_network_rules=[], ip_rules=["198.51.100.7"], bypass="None"
        ),
    )

    vaults(vaults.there, **CLOSE)

    _tags, action, addresses, subnets, _bypass = rules_of(vaults)
    assert (action, subnets, sorted(addresses)) == ("Deny", [SUBNET], ["198.51.100.7", "203.0.113.9"])


def test_somebody_who_overwrites_each_time_ends_the_attempts(vaults: Vaults, vault: Any) -> None:
    def deed(state: Any) -> None:
        stored = state.vault(vault.name)
        stored.tags = {"theirs": stored.tags.get("theirs", "") + "x"}

    meanwhile(vaults, "PATCH", deed, times=None)
    mark = vaults.mark()

    reverted = r"another client reverted each change.*Already done: Azure, vault .*, 5 times"
    with pytest.raises(TaskError, match=reverted) as raised:
        vaults(vaults.there, tags={"team": "keys"})

    assert (raised.value.details["retryable"], count(vaults, mark, "PATCH")) == (True, 5)


def test_an_entry_that_somebody_removes_after_the_change_is_not_put_back(vaults: Vaults, vault: Any) -> None:
    """It was removed from what this task has written, so that it was meant; this task says what is missing."""

    def deed(state: Any) -> None:
        state.vault(vault.name).tags.pop("cost")

    meanwhile(vaults, "PATCH", deed)
    mark = vaults.mark()

    with pytest.raises(TaskError, match="tag cost existed before the change") as raised:
        vaults(vaults.there, tags={"team": "keys"})

    assert (raised.value.details["missing"], count(vaults, mark, "PATCH")) == (["tag cost"], 1)
    assert raised.value.details["retryable"] is True


def test_a_settled_vault_that_stays_different_ends_the_wait(vaults: Vaults, vault: Any) -> None:
    """As with an Azure Policy that refuses nothing, and sets its own value."""
    policy = rewritten(lambda body: body["tags"].update(team="policy"))
    disturb(vaults, "GET", times=None, rewrite=policy)
    mark = vaults.mark()

    with pytest.raises(TaskError) as raised:
        vaults(vaults.there, tags={"team": "keys"}, wait_timeout=20)

    message = str(raised.value)
    assert "other values than were written (tags: {'cost': '42', 'team': 'policy'} instead of" in message
    assert message.startswith(f"Azure, vault {vault.name}: ")
    assert ("HSM" in message, "Azure Policy" in message) == (False, True)
    assert raised.value.details["retryable"] is True
    assert (count(vaults, mark, "PATCH"), vaults.requests(mark) < 20) == (1, True)


def test_a_change_that_is_shown_late_is_waited_for(vaults: Vaults, vault: Any) -> None:
    disturb(vaults, "GET", skip=3, times=3, rewrite=rewritten(lambda body: body["tags"].pop("team")))
    mark = vaults.mark()

    assert vaults(vaults.there, tags={"team": "keys"})["changed"] is True
    assert count(vaults, mark, "PATCH") == 1


def test_a_vault_that_is_deleted_meanwhile_is_not_created_by_a_change(vaults: Vaults, vault: Any) -> None:
    meanwhile(vaults, "GET", lambda state: state.delete_vault(vault.name))

    with pytest.raises(TaskError, match="was deleted while the task was running") as raised:
        vaults(vaults.there, tags={"team": "keys"})

    assert raised.value.details["retryable"] is True


def test_a_lost_answer_that_cannot_be_followed_up_says_that_the_change_was_sent(vaults: Vaults, vault: Any) -> None:
    disturb(vaults, "PATCH", status=503, after_work=True)
    disturb(vaults, "GET", skip=3, times=None, status=403, body='{"error": {"code": "AuthorizationFailed"}}')

    with pytest.raises(TaskError, match=r"It is unknown whether this was carried out: Azure, vault .* Next:") as raised:
        vaults(vaults.there, tags={"team": "keys"})

    assert raised.value.details["retryable"] is True


def test_a_vault_that_never_had_network_rules_gets_its_first(vaults: Vaults, vault: Any) -> None:
    """Azure leaves out what was never set: two answers in a row say so."""
    vaults.azure.do(lambda state: state.set_firewall(vault.name, ip_rules=[], virtual_network_rules=[]))
    disturb(vaults, "GET", times=4, rewrite=rewritten(lambda body: body["properties"].pop("networkAcls")))

    vaults(vaults.there, default_action="deny", allow_disruptive=["default_action"])

    assert rules_of(vaults)[1] == "Deny"


# Short answers ------------------------------------------------------------------------------------------------------


def altered(body: dict[str, Any], path: tuple[str, ...], how: str) -> None:
    place = body
    for name in path[:-1]:
        place = place[name]
    value = place.get(path[-1])
    if how == "absent":
        place.pop(path[-1], None)
    elif how == "null":
        place[path[-1]] = None
    else:
        place[path[-1]] = type(value)() if value is not None else ""


MEMBERS = [
    *[(name,) for name in ("id", "name", "location", "tags", "properties")],
    *[
        ("properties", name)
        for name in (
            "tenantId",
            "sku",
            "accessPolicies",
            "enableRbacAuthorization",
            "softDeleteRetentionInDays",
            "vaultUri",
            "provisioningState",
            "publicNetworkAccess",
            "networkAcls",
        )
    ],
    *[("properties", "networkAcls", name) for name in ("bypass", "defaultAction", "ipRules", "virtualNetworkRules")],
]


def sweep(positions: int, *kept: tuple[int, str]) -> list[Any]:
    """Each position and alteration; all but those that are named are left to the longest run."""
    every = [(position, how) for position in range(positions) for how in ("absent", "null", "empty")]
    return [pytest.param(*one, marks=() if one in kept else pytest.mark.long) for one in every]


@pytest.mark.parametrize(("position", "how"), sweep(5, (0, "null"), (2, "empty")))
def test_a_short_answer_at_any_position_loses_nothing(vaults: Vaults, vault: Any, position: int, how: str) -> None:
    """The result is right, or a failure that says what is wrong; nothing of others is lost in either case."""
    before = copy.deepcopy((vault.tags, vault.firewall))
    faults, right = vaults.azure.sandbox.faults, 0
    for path in MEMBERS:
        vaults.azure.do(lambda state: _reset(state, vault.name, before))
        faults.clear()
        change = rewritten(lambda body, path=path, how=how: altered(body, path, how))
        disturb(vaults, "GET", skip=position, rewrite=change)
        try:
            result = vaults(vaults.there, **CLOSE)
        except TaskError as error:
            retryable = error.details.get("retryable")
        else:
            retryable = True
            right += 1
            assert (result["changed"], rules_of(vaults)) == (True, CLOSED), (path, how)
            assert result["vault"]["uri"] == vault.uri, (path, how)
            assert result["vault"]["permission_model"] == "access_policy", (path, how)
        tags, _action, addresses, subnets, bypass = rules_of(vaults)
        assert retryable, (path, how)
        assert (tags["cost"], addresses, subnets, bypass) == ("42", *CLOSED[2:]), (path, how)
    # Where the answer can be read again, the task goes on.
    assert right > len(MEMBERS) / 2


def _reset(state: Any, name: str, before: tuple[Any, Any]) -> None:
    stored = state.vault(name)
    stored.tags, stored.firewall = copy.deepcopy(before)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"permission_model": "access_policy"}, "permission_model"),
        ({"purge_protection": False}, "purge_protection"),
        ({"ip_rules": []}, "203.0.113.9"),
        ({"default_action": "allow"}, "default_action"),
    ],
    ids=["permission_model", "purge_protection", "ip_rules", "default_action"],
)
def test_a_short_answer_is_no_proof_that_all_is_as_it_should_be(
    vaults: Vaults, vault: Any, wish: dict[str, Any], told: str
) -> None:
    """The vault differs from what the task sets, and a single answer leaves out by what."""

    def deed(state: Any) -> None:
        stored = state.vault(vault.name)
        stored.rbac, stored.firewall.default_action = True, "Deny"

    def shorten(body: dict[str, Any]) -> None:
        properties = body["properties"]
        for name in ("enableRbacAuthorization", "enablePurgeProtection"):
            properties[name] = None
        properties["networkAcls"] = {**properties["networkAcls"], "defaultAction": None, "ipRules": []}

    vaults.azure.do(deed)
    disturb(vaults, "GET", rewrite=rewritten(shorten))

    with pytest.raises(TaskError, match=told):
        vaults(vaults.there, **wish)


# Recovery -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def deleted(vaults: Vaults) -> Vaults:
    """A vault was created, given to somebody, and soft-deleted."""
    vaults(NEW)
    vaults.azure.do(lambda state: state.add_access_policy("kv-new", STRANGER, ["get"]))
    vaults(ABSENT)
    return vaults


def recovers(state: Any) -> None:
    """Somebody else recovers it, and sets something."""
    state.recover_vault("kv-new").tags = {"theirs": "1"}


def test_a_vault_that_somebody_else_recovers_meanwhile_is_taken_as_it_is(deleted: Vaults) -> None:
    meanwhile(deleted, "GET", recovers, PROVIDER)
    mark = deleted.mark()

    result = deleted(RECOVER)

    assert (result["changed"], result["vault"]["exists"], deleted.writes(mark)) == (False, True, [])
    assert deleted.stored("kv-new").tags == {"theirs": "1"}


def test_a_recovery_that_was_lost_is_not_sent_over_the_one_of_somebody_else(deleted: Vaults) -> None:
    meanwhile(deleted, "PUT", recovers, status=503)
    mark = deleted.mark()

    deleted(RECOVER)

    assert (deleted.writes(mark), deleted.stored("kv-new").tags) == (["PUT kv-new"], {"theirs": "1"})


def test_a_recovery_that_comes_too_late_finds_the_vault(deleted: Vaults) -> None:
    gone = '{"error": {"code": "ResourceNotFound", "message": "not found"}}'
    meanwhile(deleted, "PUT", recovers, status=404, body=gone)

    assert deleted(RECOVER)["changed"] is False


@each_done
def test_a_recovery_whose_answer_is_lost_is_done(deleted: Vaults, done: dict[str, Any]) -> None:
    disturb(deleted, "PUT", **done)
    mark = deleted.mark()

    result = deleted(RECOVER)

    assert (result["plan"][0]["action"], deleted.writes(mark)) == ("recover", ["PUT kv-new"])
    assert who_has_access(deleted) == [STRANGER]


@some_losses
def test_a_recovery_that_was_not_carried_out_is_sent_again(deleted: Vaults, lost: dict[str, Any]) -> None:
    disturb(deleted, "PUT", **lost)

    assert deleted(RECOVER)["changed"] is True
    assert who_has_access(deleted) == [STRANGER]


# Deletion -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(vaults: Vaults) -> Vaults:
    vaults(NEW)
    return vaults


def test_a_vault_that_gets_contents_meanwhile_stays(empty: Vaults) -> None:
    meanwhile(empty, "GET", lambda state: state.keep_secret("kv-new", "s1"), ROUTE + "/secrets")
    mark = empty.mark()

    with pytest.raises(TaskError, match="it contains secrets"):
        empty(ABSENT)

    assert empty.writes(mark) == []


@pytest.mark.parametrize("route", [ROUTE, f"{ROUTE}/keys", f"{ROUTE}/secrets"])
def test_a_vault_that_somebody_else_deletes_meanwhile_is_gone(empty: Vaults, route: str) -> None:
    meanwhile(empty, "GET", lambda state: state.delete_vault("kv-new"), route)
    mark = empty.mark()

    result = empty(ABSENT)

    assert (result["changed"], result["vault"]["exists"], empty.writes(mark)) == (False, False, [])


# Azure answers a deletion without a body, so that there is nothing to break off.
@pytest.mark.parametrize("done", DONE[:2], ids=["503", "reset"])
def test_a_deletion_whose_answer_is_lost_is_done(empty: Vaults, done: dict[str, Any]) -> None:
    disturb(empty, "DELETE", **done)
    mark = empty.mark()

    assert empty(ABSENT)["changed"] is True
    assert empty.writes(mark) == ["DELETE kv-new"]


@some_losses
def test_a_deletion_that_was_not_carried_out_is_sent_again(empty: Vaults, lost: dict[str, Any]) -> None:
    disturb(empty, "DELETE", **lost)
    mark = empty.mark()

    assert empty(ABSENT)["changed"] is True
    assert empty.writes(mark) == ["DELETE kv-new"] * 2


def test_a_deletion_is_not_repeated_once_there_is_something_in_the_vault(empty: Vaults) -> None:
    meanwhile(empty, "DELETE", lambda state: state.keep_secret("kv-new", "s1"), status=503)
    mark = empty.mark()

    with pytest.raises(TaskError, match="it contains secrets"):
        empty(ABSENT)

    assert empty.writes(mark) == ["DELETE kv-new"]


def test_a_single_answer_that_there_is_no_vault_is_not_believed(empty: Vaults) -> None:
    disturb(empty, "GET", status=404, body='{"error": {"code": "ResourceNotFound", "message": "not found"}}')

    assert empty(ABSENT)["changed"] is True


def test_a_vault_that_comes_back_after_its_deletion_is_told(empty: Vaults) -> None:
    meanwhile(empty, "DELETE", lambda state: state.recover_vault("kv-new"))

    with pytest.raises(TaskError, match=r"recovered or created again.*requested the deletion before") as raised:
        empty(ABSENT, wait_timeout=20)

    assert raised.value.details["retryable"] is True


@pytest.mark.parametrize("position", range(3))
def test_a_short_answer_at_any_position_does_not_delete_what_is_not_empty(empty: Vaults, position: int) -> None:
    """Lists of contents, too: both are read again immediately before the deletion."""
    empty.azure.do(lambda state: state.keep_secret("kv-new", "s1"))
    for route in (ROUTE + "/keys", ROUTE + "/secrets", ROUTE):
        for how in ("absent", "null", "empty"):
            path = ("properties",) if route == ROUTE else ("value",)
            change = rewritten(lambda body, path=path, how=how: altered(body, path, how))
            empty.azure.sandbox.faults.clear()
            disturb(empty, "GET", route, skip=position, rewrite=change)

            with pytest.raises(TaskError):
                empty(ABSENT)

            assert empty.stored("kv-new").name == "kv-new"


@pytest.mark.long
@pytest.mark.parametrize("position", range(3))
def test_a_short_answer_at_any_position_creates_one_vault(vaults: Vaults, position: int) -> None:
    """Looks before the creation have no body; those after it have one."""
    for number, path in enumerate(MEMBERS):
        new = {**NEW, "name": f"kv-new-{number}", "tags": {"team": "keys"}}
        change = rewritten(lambda body, path=path: altered(body, path, "null"))
        vaults.azure.sandbox.faults.clear()
        disturb(vaults, "GET", skip=2 + position, rewrite=change)
        mark = vaults.mark()
        failure = None

        try:
            vaults(new)
        except TaskError as error:
            failure = error

        assert failure is None or failure.details.get("retryable"), (path, str(failure))
        assert vaults.writes(mark) == [f"PUT {new['name']}"], path
        vaults.azure.sandbox.faults.clear()
        assert vaults(new)["changed"] is False
