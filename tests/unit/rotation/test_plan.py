# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a credential is renewed, and which ones may go: decided from what Entra and DSM show alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.applications.entra_objects import credential_of
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import (
    PRINCIPAL,
    REGISTRATION,
    EntraCredential,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._rotation.plan import (
    NAME,
    CredentialUse,
    RenewalPolicy,
    decide,
    of_another_run,
    old_ones,
    only_candidate,
    use_of,
)

NOW = datetime(2026, 11, 25, tzinfo=timezone.utc)
WISH = RenewalPolicy(None, timedelta(days=30))
SHA256 = "ab" * 32


def credential(
    key_id: str, *, age: float = 10, left: float = 100, kind: str = "secret", name: str = NAME
) -> EntraCredential:
    """``age`` and ``left`` in days."""
    starts, ends = NOW - timedelta(days=age), NOW + timedelta(days=left)
    return EntraCredential(kind, key_id, name, starts, ends, sha256=SHA256 if kind == "certificate" else None)


def use(key_id: str | None, group: str = 'group "one"', mode: str = "client_secret") -> CredentialUse:
    return CredentialUse(group, mode, key_id, "recorded" if key_id else "unknown")


CURRENT = credential("current")


# The record of a group ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "key_id", "known"),
    [
        ("key-id:current", "current", "recorded"),
        ("key-id:CURRENT", "current", "recorded"),
        (f"certificate:{SHA256[:40].upper()}", "pair", "recorded"),
        (f"certificate:{SHA256[:40]}", "pair", "recorded"),
        ("certificate:0000", "certificate:0000", "recorded"),
        ("client-secret:12ab", None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_a_record_tells_the_credential_where_it_has_an_id(fact: str | None, key_id: str | None, known: str) -> None:
    found = use_of("g", None, fact, None, [CURRENT, credential("pair", kind="certificate")])

    assert (found.key_id, found.known) == (key_id, known)


def test_ids_of_entra_are_compared_without_letter_case() -> None:
    """Graph, the record in DSM and a person may spell a UUID differently. A credential in use would be removed."""
    entry = {"keyId": "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0", "displayName": NAME}
    listed = credential_of("secret", entry)
    recorded = use_of("g", None, f"key-id:{entry['keyId'].lower()}", entry["keyId"], [listed])

    assert (recorded.key_id, recorded.superseded) == (listed.key_id, listed.key_id)


def test_a_certificate_whose_public_part_was_not_read_is_not_taken_for_gone() -> None:
    unread = replace(credential("pair", kind="certificate"), sha256=None)

    found = use_of("g", None, f"certificate:{SHA256[:40]}", None, [unread])

    assert (found.key_id, found.known) == (None, "unknown")


@pytest.mark.parametrize(("mode", "found"), [("client_secret", "current"), ("certificate", "pair"), (None, None)])
def test_a_connected_group_can_only_have_the_one_valid_credential_of_its_kind(
    mode: str | None, found: str | None
) -> None:
    credentials = [CURRENT, credential("expired", left=-1), credential("pair", kind="certificate")]

    hit = only_candidate(CredentialUse("g", mode, None, "unknown"), credentials, NOW)

    assert (hit.key_id if hit else None) == found


# Whether to renew ---------------------------------------------------------------------------------------------------


def test_a_shared_credential_that_lasts_is_kept() -> None:
    decision = decide([CURRENT], [use("current"), use("current", "two")], WISH, NOW)

    assert (decision.current, decision.reason) == (CURRENT, None)


@pytest.mark.parametrize(
    ("credentials", "uses", "wish", "reason"),
    [
        ([CURRENT], [], WISH, "the new group needs it"),
        ([CURRENT], [use("current")], replace(WISH, always=True), "renew is always"),
        ([CURRENT], [use("current"), use(None, "two")], WISH, "it is unknown which credential .*: two"),
        ([CURRENT, credential("b")], [use("current"), use("b")], WISH, "do not share one credential"),
        ([CURRENT], [use("gone")], WISH, "no longer registered at the application"),
        ([CURRENT], [use("current")], replace(WISH, kind="certificate"), "have a secret, but type is certificate"),
        ([CURRENT], [use("current")], replace(WISH, sha256=SHA256), "link_certificate differs from the certificate"),
        ([credential("current", left=29.9)], [use("current")], WISH, "in less than 30 days"),
    ],
)
def test_a_reason_is_told_for_each_renewal(
    credentials: list[EntraCredential], uses: list[CredentialUse], wish: RenewalPolicy, reason: str
) -> None:
    import re

    told = decide(credentials, uses, wish, NOW).reason

    assert told is not None
    assert re.search(reason, told)


def test_thirty_days_to_the_second_are_enough() -> None:
    assert decide([credential("current", left=30)], [use("current")], WISH, NOW).reason is None


@pytest.mark.parametrize(
    ("modes", "kind"),
    [
        (["client_secret"], "secret"),
        (["certificate"], "certificate"),
        (["client_secret", "certificate"], "certificate"),
    ],
)
def test_a_new_one_is_of_the_kind_of_the_links(modes: list[str], kind: str) -> None:
    assert decide([], [use("x", mode=mode) for mode in modes], WISH, NOW).kind == kind


# Which old ones go --------------------------------------------------------------------------------------------------


def gone(*credentials: EntraCredential, used: tuple[str, ...] = (), wish: RenewalPolicy = WISH) -> set[str]:
    return {one.key_id for one in old_ones([CURRENT, *credentials], CURRENT, used, wish, NOW).gone}


def test_what_this_module_made_goes() -> None:
    assert gone(credential("old", age=20)) == {"old"}


@pytest.mark.parametrize(("used", "goes"), [(("foreign",), {"foreign"}), ((), set())])
@pytest.mark.parametrize("place", [REGISTRATION, PRINCIPAL])
def test_what_others_made_goes_only_when_a_group_is_known_to_have_had_it(
    place: str, used: tuple[str, ...], goes: set[str]
) -> None:
    foreign = replace(credential("foreign", name="terraform"), place=place)

    assert gone(foreign, used=used) == goes


@pytest.mark.parametrize(("used", "goes"), [(("app",), {"app"}), ((), set())])
def test_what_was_handed_out_goes_only_when_a_group_has_had_it(used: tuple[str, ...], goes: set[str]) -> None:
    assert gone(credential("app", name="fortanix-dsm-ansible"), used=used) == goes


def test_nothing_goes_unless_wanted() -> None:
    assert gone(credential("old", age=20), wish=replace(WISH, remove_old=False)) == set()


@pytest.mark.parametrize(("seconds", "used", "goes"), [(30, (), False), (180, (), True), (30, ("new",), False)])
@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_a_young_one_stays_as_another_run_may_be_about_to_write_it(
    seconds: float, used: tuple[str, ...], goes: bool, kind: str
) -> None:
    """A certificate begins five minutes before it is made."""
    skew = 300 if kind == "certificate" else 0
    young = credential("new", age=(seconds + skew) / 86_400, kind=kind)

    assert gone(young, used=used) == ({"new"} if goes else set())


def test_a_young_one_stays_also_when_it_is_older_than_the_one_in_use() -> None:
    """Of two runs, the one that has created its secret first may be the one that writes last."""
    current, other = credential("current", age=10 / 86_400), credential("other", age=20 / 86_400)

    assert old_ones([current, other], current, (), WISH, NOW).gone == ()


# Another run --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (credential("fresh", age=30 / 86_400), True),
        (credential("lost", age=180 / 86_400), False),
        (credential("fresh", age=30 / 86_400, name="portal"), False),
    ],
)
def test_a_young_credential_that_no_group_has_is_that_of_another_run(one: EntraCredential, found: bool) -> None:
    assert (another([CURRENT, one], [use("current")], replace(WISH, always=True)) is one) == found


def another(
    credentials: list[EntraCredential], uses: list[CredentialUse], wish: RenewalPolicy = WISH
) -> EntraCredential | None:
    return of_another_run(credentials, decide(credentials, uses, wish, NOW), (), wish, NOW)


FRESH = credential("fresh", age=30 / 86_400)


def test_one_that_some_groups_have_got_already_is_unfinished() -> None:
    assert another([CURRENT, FRESH], [use("current"), use("fresh", "two")]) is FRESH


def test_one_that_all_groups_have_got_just_now_is_unfinished_while_the_old_one_is_there() -> None:
    assert another([CURRENT, FRESH], [use("fresh"), use("fresh", "two")]) is FRESH


@pytest.mark.parametrize("credentials", [[FRESH], [FRESH, credential("foreign", name="portal")]])
def test_one_that_all_groups_have_is_nobodys_unfinished_work(credentials: list[EntraCredential]) -> None:
    assert another(credentials, [use("fresh"), use("fresh", "two")]) is None
