# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot puts the state back in place: the same objects with the contents that they had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Fault, Profile, Sandbox, State
from sandbox.authorities import self_signed
from sandbox.snapshot import Snapshot


@pytest.fixture(scope="module")
def own() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox
        assert sandbox.crashes == []


def everything(state: State) -> Any:
    """Whatever the changes of these tests concern, as plain values."""
    azure, dsm = state.azure.public, state.dsm
    account = dsm.default_account
    return (
        [
            (
                app.client_id,
                [one.key_id for one in app.secrets],
                len(app.certificates),
                app.enabled,
                app.required_access,
            )
            for app in azure.directory.applications.values()
        ],
        [
            (vault.name, dict(vault.tags), vault.firewall, list(vault.access_policies))
            for vault in azure.vaults.values()
        ],
        sorted(azure.deleted_vaults),
        list(azure.rights.assignments),
        sorted(azure.rights.roles),
        [(group.name, group.hmg, group.custom_metadata) for group in account.groups],
        list(account.groups.by_name.ids()),
        [key.kid for group in account.groups for key in dsm.keys_in(group.group_id)],
        sorted(dsm.sessions),
    )


def turn_upside_down(state: State) -> None:
    azure, dsm = state.azure.public, state.dsm
    app = azure.application(next(iter(azure.directory.applications)))
    azure.add_secret(app)
    azure.add_certificate(app, self_signed("another").certificate)
    app.required_access.append({"resourceAppId": "x", "resourceAccess": []})
    azure.disable_application(app)
    azure.add_application(app.tenant_id, "fresh")
    azure.vault("akv-sandbox-std").tags["more"] = "yes"
    azure.vault("akv-sandbox-std").firewall.ip_rules.append("192.0.2.1")
    azure.add_access_policy("akv-sandbox-prem", app.object_id, ["get"])
    azure.assign_role(app, "akv-sandbox-std", "Reader")
    azure.delete_vault("akv-sandbox-prem")
    azure.add_vault("brand-new")
    group = dsm.add_group("fresh", hmg={"url": ""}, custom_metadata={"a": "b"})
    dsm.add_key(group.group_id)


def test_everything_is_as_it_was(own: Sandbox) -> None:
    kept = own.snapshot()
    before = own.do(everything)
    for _time in range(2):
        own.do(turn_upside_down)
        assert own.do(everything) != before
        own.restore(kept)
        assert own.do(everything) == before


def test_objects_stay_the_same_ones(own: Sandbox) -> None:
    """Whoever holds a reference to a part of the state still holds the live one."""

    def parts(state: State) -> list[object]:
        azure, account = state.azure.public, state.dsm.default_account
        vault = azure.vault("akv-sandbox-prem")
        return [azure, azure.directory, azure.directory.applications, vault, vault.access_policies, account.groups]

    held = own.do(parts)
    kept = own.snapshot()
    own.do(turn_upside_down)
    own.restore(kept)
    assert all(one is other for one, other in zip(own.do(parts), held, strict=True))


def test_indexes_agree_with_what_they_index(own: Sandbox) -> None:
    own.do(lambda state: state.dsm.add_group("indexed"))
    kept = own.snapshot()
    own.do(lambda state: state.dsm.remove_group(state.dsm.find_group("indexed")))
    own.do(lambda state: state.dsm.add_group("another"))
    own.restore(kept)

    def look(state: State) -> Any:
        groups = state.dsm.default_account.groups
        named = groups.named("indexed")
        return named is not None and groups.get(named.group_id) is named, groups.named("another"), len(groups)

    found, another, number = own.do(look)
    assert (found, another) == (True, None)
    assert number == own.do(lambda state: len(list(state.dsm.default_account.groups.by_name.ids())))


def test_clock_profile_and_faults_are_part_of_it(own: Sandbox) -> None:
    own.faults.add(Fault("arm", skip=1))
    kept = own.snapshot()
    moment = own.clock.now()
    own.clock.advance(5000)
    own.profile = Profile(create_status=200)
    assert own.faults.pick("arm", "GET", "/", "client") is None
    assert own.faults.pick("arm", "GET", "/", "client") is not None
    own.restore(kept)
    assert abs(own.clock.now() - moment) < 60
    assert own.profile == Profile()
    # Counted anew: the first one passes again.
    assert own.faults.pick("arm", "GET", "/", "client") is None
    assert own.faults.pick("arm", "GET", "/", "client") is not None
    own.faults.clear()


def test_histories_of_slow_rights_are_part_of_it(own: Sandbox) -> None:
    def readable(state: State) -> int:
        return len(state.azure.public.rights.readable_assignments())

    own.do(lambda state: state.azure.public.slow_rights(reads=3))
    before = own.do(lambda state: len(state.azure.public.rights.assignments))
    own.do(lambda state: state.azure.public.assign_role(own.world.public.client_id, "akv-sandbox-std", "Reader"))
    kept = own.snapshot()
    for _time in range(2):
        assert [own.do(readable) for _read in range(4)] == [before] * 3 + [before + 1]
        own.restore(kept)
    own.do(lambda state: state.azure.public.slow_rights())


def test_a_token_from_before_is_good_and_its_session_is_open(own: Sandbox) -> None:
    """The key that signs tokens is made when it is first needed, and does not change by a restoration."""
    kept = own.snapshot()

    def issued(state: State) -> str:
        azure = state.azure.public
        return str(azure.tokens.issue(azure.application(own.world.public.client_id), "https://vault.azure.net"))

    token = own.do(issued)
    own.restore(kept)
    caller = own.do(lambda state: state.azure.public.tokens.verify(f"Bearer {token}", ("https://vault.azure.net",)))
    assert caller.client_id == own.world.public.client_id


def test_what_it_does_not_know_is_refused() -> None:
    class Unknown:
        pass

    with pytest.raises(TypeError, match="Unknown"):
        Snapshot(({"x": Unknown()},))


def test_members_that_two_objects_share_stay_shared() -> None:
    shared = [1]
    one, other = {"list": shared}, {"list": shared}
    kept = Snapshot((one, other))
    one["list"] = [2]
    shared.append(3)
    kept.restore()
    assert one["list"] is other["list"] is shared
    assert shared == [1]
