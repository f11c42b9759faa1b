# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of groups over the wire: both sides, what a stranger has done to them, and what cannot be read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_key_info
from sandbox import Fault, Profile
from sandbox.custody.seeds import copy_to_azure, generate_in_azure
from support.azure_rights import AzureRights
from support.matrix import combined
from support.one_key import add_source
from support.operate import Operator
from support.playbook import Ansible

READING = ["get", "list", "getrotationpolicy"]
HOUR, DAY = 3600, 86400


class Keys:
    """A vault with its keys, a group in DSM whose link leads there, and an operator that may read them."""

    def __init__(self, azure: AzureRights) -> None:
        self.azure = azure
        self.group = azure.group()
        self.warnings: list[str] = []

        def deed(state: Any) -> None:
            store = state.store(azure.vault)
            store.keys.clear()
            if azure.stores[azure.vault].type == "MANAGED":
                for role in ("Managed HSM Crypto User", "Managed HSM Crypto Officer"):
                    state.assign_local_role(azure.vault, azure.view.operator_client_id, role)
            else:
                state.set_access_policy(azure.vault, azure.view.operator_client_id, READING)

        azure.do(deed)

    @property
    def group_id(self) -> str:
        found: str = self.azure.sandbox.do(lambda state: state.dsm.find_group(self.group).group_id)
        return found

    def native(self, name: str, *, synced_after: float = HOUR, **attributes: Any) -> None:
        """A key that Azure generated ten days ago, and DSM's record of it."""
        group_id, made = self.group_id, {"days_ago": 10.0, **attributes}

        def deed(dsm: Any, cloud: Any) -> None:
            record = generate_in_azure(dsm, cloud, group_id, self.azure.vault, name, **made).record
            record.created_at = dsm.clock.dsm_stamp_of(dsm.clock.now() - made["days_ago"] * DAY + synced_after)

        self._seed(deed)

    def source(self, name: str, **fields: Any) -> str:
        return add_source(self.azure.sandbox, name, **fields)

    def copy(self, name: str, kid: str, **attributes: Any) -> None:
        """A copy of a source in the vault, ten days ago unless told."""
        group_id, made = self.group_id, {"days_ago": 10.0, **attributes}
        self._seed(
            lambda dsm, cloud: copy_to_azure(
                dsm, cloud, group_id, self.azure.vault, name, dsm.security_object(kid), **made
            )
        )

    def _seed(self, deed: Any) -> None:
        cloud = self.azure.cloud
        self.azure.sandbox.do(lambda state: deed(state.dsm, getattr(state.azure, cloud)))

    def look(self, *, depth: str = "versions", with_azure: bool = True, **options: Any) -> dict[str, Any]:
        """What the module says of the group."""
        operator = Operator(self.azure.sandbox.environment(), self.warnings)
        login = self.azure.operator if with_azure else {"look_in_azure": False}
        given = {"group_name": self.group, "depth": depth, **login, **options}
        (found,) = operator(cdc_key_info, **given)["groups"]
        one: dict[str, Any] = found
        return one

    def findings(self, **options: Any) -> dict[str, list[str]]:
        return {one["id"]: one["evidence"]["keys"] for one in self.look(**options)["findings"]}


def by_name(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {key["name"]: key for key in found["keys"]}


# What servers do with keys, as far as it is not public.
SETTINGS = [
    (name, value)
    for name in ("key_item_shows", "key_version_order", "rotation_policy_unset", "hsm_rotation", "virtual_pub_key")
    for value in Profile.settings()[name]
]


@pytest.fixture(params=["azure", "government", "pool", "government_pool"])
def anywhere(request: pytest.FixtureRequest) -> Keys:
    """In a vault and in a Managed HSM, in both clouds."""
    return Keys(request.getfixturevalue(request.param))


@pytest.fixture
def keys(azure: AzureRights) -> Keys:
    return Keys(azure)


# What is right --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", ["list", "versions"])
def test_keys_that_nobody_has_touched_have_no_finding(anywhere: Keys, depth: str) -> None:
    anywhere.native("payments", kty="RSA-HSM")
    anywhere.native("signing", kty="EC-HSM")
    mark = anywhere.azure.sandbox.journal.mark()

    found = anywhere.look(depth=depth)

    assert anywhere.azure.sandbox.journal.writes(since=mark) == []
    assert found["findings"] == []
    assert {name: (key["state"], key["in_sync"]) for name, key in by_name(found).items()} == {
        "payments": ("live", True),
        "signing": ("live", True),
    }
    assert {key["compared"] for key in found["keys"]} == {"by_version" if depth == "versions" else "by_time"}
    assert found["not_read"] == []
    assert {key["protection"] for key in found["keys"]} == {"hsm"}


@pytest.mark.parametrize("settings", combined(SETTINGS), ids=str)
def test_versions_that_dsm_knows_have_no_finding_whatever_the_servers_do(
    anywhere: Keys, settings: dict[str, Any]
) -> None:
    """The state is that of the current version; the first one is disabled."""
    anywhere.native("payments", kty="RSA-HSM", days_ago=20.0, enabled=False)
    anywhere.native("payments", kty="RSA-HSM")
    anywhere.native("signing", kty="EC-HSM", enabled=False)
    anywhere.azure.sandbox.profile = Profile(**settings)

    found = anywhere.look()

    assert found["findings"] == []
    assert {name: key["state"] for name, key in by_name(found).items()} == {"payments": "live", "signing": "disabled"}


def test_a_copy_is_traced_to_its_source(keys: Keys) -> None:
    kid = keys.source("master")
    keys.copy("payments", kid)

    found = keys.look()

    (key,) = found["keys"]
    assert found["findings"] == []
    assert (key["origin"], key["source_kid"]) == ("copy", kid)
    assert key["public_key_sha256"] == key["versions"][0]["public_key_sha256"]


# A stranger -----------------------------------------------------------------------------------------------------------


def test_what_a_stranger_has_done_in_azure_is_found_and_nothing_else(anywhere: Keys) -> None:
    """Given six keys; when a stranger rotates, disables, deletes, purges and creates in Azure; then each is named."""
    for name in ("rotated", "disabled", "deleted", "purged", "expired", "untouched"):
        anywhere.native(name, kty="RSA-HSM")

    def deed(state: Any) -> None:
        vault = anywhere.azure.vault
        state.rotate_key(vault, "rotated", days_ago=1.0)
        state.disable_key(vault, "disabled")
        state.delete_key(vault, "deleted")
        state.delete_key(vault, "purged")
        state.purge_key(vault, "purged")
        state.update_key(vault, "expired", expires=int(state.clock.now()) - DAY)
        state.add_key(vault, "foreign", "RSA-HSM", days_ago=2.0)

    anywhere.azure.do(deed)

    found = anywhere.look()

    states = {name: key["state"] for name, key in by_name(found).items()}
    assert states == {
        "rotated": "live",
        "disabled": "disabled",
        "deleted": "soft_deleted",
        "purged": "ghost",
        "expired": "live",
        "untouched": "live",
        "foreign": "foreign",
    }
    assert {name: key["findings"] for name, key in by_name(found).items()} == {
        "rotated": ["key-versions-only-in-azure"],
        "disabled": ["keys-enabled-differs"],
        "deleted": ["key-soft-deleted"],
        "purged": ["keys-only-in-dsm"],
        "expired": ["keys-expired-in-azure"],
        "untouched": [],
        "foreign": ["keys-only-in-azure"],
    }
    assert by_name(found)["deleted"]["purge_date"] is not None


def test_each_class_is_found_where_it_was_seeded_and_nothing_else(anywhere: Keys) -> None:
    """Given one key for each kind of finding that reading can make; then each is found, under its own name only."""
    seeded = _each_class(anywhere)

    found = anywhere.look(
        require_expiry=True, require_hsm=True, min_hsm_platform=2, max_age_days=400, max_keys=_live_keys(anywhere) - 1
    )

    assert {one["id"]: (one["status"], one["evidence"]["keys"]) for one in found["findings"]} == {
        kind: (status, sorted(shown)) for kind, (status, shown, _name) in seeded.items()
    }
    expected: dict[str, list[str]] = {}
    for kind, (_status, _shown, names) in seeded.items():
        for name in names:
            expected.setdefault(name, []).append(kind)
    assert {name: key["findings"] for name, key in by_name(found).items() if key["findings"]} == {
        name: sorted(kinds) for name, kinds in expected.items()
    }
    assert [one["what"] for one in found["not_read"]] == ["sources", "versions"]


def _live_keys(keys: Keys) -> int:
    count: int = keys.azure.do(lambda state: len(state.store(keys.azure.vault).keys))
    return count


# Kind of finding -> status, evidence, names of the keys.
Seeded = dict[str, tuple[str, list[str], list[str]]]


def _each_class(keys: Keys) -> Seeded:
    """One key for each kind; in a Managed HSM, where all keys are protected by an HSM, without those about protection.

    `key-external` is missing: only a preview of Azure's API shows such keys. `keys-not-checked` and
    `key-material-not-compared` for lack of permissions are tested below.
    """
    vault, in_vault = keys.azure.vault, keys.azure.stores[keys.azure.vault].type != "MANAGED"
    clock = keys.azure.sandbox.do(lambda state: state.dsm.clock.now())
    later = int(clock + 600 * DAY)
    whole: dict[str, Any] = {"kty": "RSA-HSM", "expires": later}
    seeded: Seeded = {}

    def seed(kind: str, status: str, shown: str | None = None, *, name: str | None = None) -> str:
        named = name or kind
        _status, evidence, names = seeded.setdefault(kind, (status, [], []))
        evidence.append(shown or named)
        names.append(named)
        return named

    def in_azure(deed: Any) -> Any:
        return keys.azure.do(deed)

    def in_dsm(deed: Any) -> Any:
        return keys.azure.sandbox.do(lambda state: deed(state.dsm))

    def version_of(name: str) -> str:
        found: str = in_azure(lambda state: state.key(vault, name).current.version)
        return found

    def records(name: str) -> list[Any]:
        group_id = keys.group_id
        return in_dsm(lambda dsm: [one for one in dsm.keys_in(group_id) if one.name.startswith(name)])

    def stamp(seconds: int) -> str:
        return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"

    def copy(name: str, **source: Any) -> str:
        kid = keys.source(f"source of {name}", **source)
        keys.copy(name, kid, hardware=True, expires=later)
        return kid

    def purge(name: str) -> None:
        in_azure(lambda state: state.delete_key(vault, name))
        in_azure(lambda state: state.purge_key(vault, name))

    # In sync.
    keys.native("untouched", **whole)
    copy("untouched-copy")

    # Both sides. Of the first two, there are two each: the nameless record below may be one of them.
    for number in (1, 2):
        name = seed("keys-only-in-azure", "failed", name=f"foreign-{number}")
        in_azure(lambda state, name=name: state.add_key(vault, name, "RSA-HSM", days_ago=2.0))
        keys.native(rotated := f"rotated-{number}", **whole)
        in_azure(lambda state, name=rotated: state.rotate_key(vault, name, days_ago=1.0, expires=later))
        seed("key-versions-only-in-azure", "failed", f"{rotated}/{version_of(rotated)}", name=rotated)
    keys.native("ghost", **whole)
    seed("keys-only-in-dsm", "failed", f"ghost/{version_of('ghost')}", name="ghost")
    purge("ghost")
    for kind, change in {
        "keys-enabled-differs": {"enabled": False},
        "keys-expired-in-azure": {"expires": int(clock - DAY)},
    }.items():
        keys.native(kind, **whole)
        in_azure(lambda state, kind=kind, change=change: state.update_key(vault, kind, **change))
        seed(kind, "warning", f"{kind}/{version_of(kind)}")
    group_id = keys.group_id
    nameless = in_dsm(lambda dsm: dsm.add_key(group_id, "nameless", "RSA", 2048).kid)
    seeded["keys-not-identified"] = ("unknown", [nameless], [])
    keys.native(seed("key-versions-not-read", "unknown", name="zz-last"), **whole)

    # Life cycle.
    for kind, status, days_ago in (("key-soft-deleted", "warning", 1.0), ("key-purge-due-soon", "failed", 85.0)):
        keys.native(kind, **whole, days_ago=100.0)
        in_azure(lambda state, kind=kind, days=days_ago: state.delete_key(vault, kind, days_ago=days))
        due = in_azure(lambda state, kind=kind: state.store(vault).deleted_keys[kind].purge_due)
        seed(kind, status, f"{kind} (purge: {stamp(due)})")
    keys.native(seed("key-purged-record-left", "warning"), **whole)
    purge("key-purged-record-left")
    records("key-purged-record-left")[0].custom_metadata["azure-key-state"] = "purged"

    # Material.
    kid = copy(seed("key-source-rotated-copy-not", "warning"))
    in_dsm(lambda dsm: dsm.rekey(kid, days_ago=1.0))
    kid = copy("key-same-material")
    keys.copy("key-same-material", kid, hardware=True, expires=later, days_ago=9.0)
    both = in_azure(lambda state: sorted(one.version for one in state.key(vault, "key-same-material").versions))
    seed("key-same-material", "failed", f"key-same-material ({', '.join(both)})")
    copy("key-material-differs")
    in_azure(lambda state: state.rotate_key(vault, "key-material-differs", days_ago=1.0, expires=later))
    version = version_of("key-material-differs")
    in_dsm(lambda dsm: dsm.add_virtual_key(group_id, "key-material-differs", version, "synced").kid)
    seed("key-material-differs", "failed", f"key-material-differs/{version}")
    kid = copy(seed("key-material-not-compared", "unknown"))
    in_dsm(lambda dsm: setattr(dsm.security_object(kid), "pub_key", None))
    copy(seed("key-sources-not-read", "unknown"))
    records("key-sources-not-read")[0].links["copiedFrom"] = str(uuid4())

    # Rotation policies.
    copy(seed("key-azure-rotates-byok", "failed"))
    keys.native(seed("key-two-rotation-policies", "warning"), **whole)
    records("key-two-rotation-policies")[0].rotation_policy = {"interval_days": 90}
    for name in ("key-azure-rotates-byok", "key-two-rotation-policies"):
        in_azure(lambda state, name=name: state.set_rotation_policy(vault, name, rotate_after="P90D"))

    # Requirements.
    if in_vault:
        keys.native(seed("key-software", "failed"), **whole | {"kty": "RSA"})
        keys.native(seed("key-old-platform", "warning"), **whole, hsm_platform="1")
    keys.native(seed("key-no-expiry", "warning"), kty="RSA-HSM")
    soon = int(clock + 10 * DAY)
    keys.native("key-expires-soon", **whole | {"expires": soon})
    seed("key-expires-soon", "failed", f"key-expires-soon ({stamp(soon)})")
    keys.native("key-expiry-differs", **whole)
    records("key-expiry-differs")[0].deactivation_date = in_dsm(lambda dsm: dsm.clock.dsm_stamp_of(later + DAY))
    seed("key-expiry-differs", "warning", f"key-expiry-differs/{version_of('key-expiry-differs')}")
    keys.native(seed("key-too-old", "warning"), **whole, days_ago=500.0)

    # Records and leftovers.
    keys.native(seed("key-audit-off", "warning"), **whole)
    records("key-audit-off")[0].key_ops.append("HIGHVOLUME")
    keys.native(seed("key-exportable", "warning"), **whole, exportable=True)
    count = 400 if in_vault else 80
    for number in range(count):
        keys.native("key-many-versions", kty="EC-HSM", expires=later, days_ago=100.0 - number / 10)
    seed("key-many-versions", "warning", f"key-many-versions ({count} versions)")
    keys.native("key-doubled", **whole)
    version = version_of("key-doubled")
    in_dsm(lambda dsm: dsm.add_virtual_key(group_id, "key-doubled", version, "second record").kid)
    seed("key-doubled", "warning", f"key-doubled/{version}")
    in_azure(
        lambda state: state.add_key(vault, seed("kek-left", "warning", name="fortanix-dsm-kek"), "RSA-HSM") and None
    )
    sources = in_dsm(lambda dsm: dsm.find_group("sources").group_id)
    in_dsm(lambda dsm: dsm.add_scratch_key(sources, "fortanix.dsm scratch 1", str(uuid4()), days_ago=1.0).kid)
    seeded["scratch-left"] = ("warning", ["fortanix.dsm scratch 1"], [])
    return seeded


def test_a_rotation_is_found_by_the_list_alone(keys: Keys) -> None:
    keys.native("payments")
    keys.azure.do(lambda state: state.rotate_key(keys.azure.vault, "payments", days_ago=1.0))

    found = keys.look(depth="list")

    assert by_name(found)["payments"]["compared"] == "by_time"
    assert [one["id"] for one in found["findings"]] == ["key-versions-only-in-azure"]


def test_versions_are_read_of_a_few_keys_whose_times_do_not_tell(keys: Keys) -> None:
    for number in range(27):
        keys.native(f"key-{number:02}", kty="EC", synced_after=60)

    found = keys.look(depth="list")

    assert [key["compared"] for key in found["keys"]] == ["by_version"] * 25 + ["unknown"] * 2
    assert {one["id"]: one["evidence"]["keys"] for one in found["findings"]} == {
        "key-versions-not-read": ["key-25", "key-26"]
    }


def test_versions_are_read_of_no_key_with_a_maximum_of_zero(keys: Keys) -> None:
    keys.native("payments", synced_after=60)
    mark = keys.azure.sandbox.journal.mark()

    found = keys.look(depth="versions", max_keys=0)

    assert [one["id"] for one in found["findings"]] == ["key-versions-not-read"]
    assert [one["what"] for one in found["not_read"]] == ["versions"]
    assert "/keys/{name}/versions" not in {one.route for one in keys.azure.sandbox.journal.since(mark)}


@pytest.mark.parametrize(("behind", "expected"), [(0, ["key-versions-only-in-azure"]), (7200, [])])
def test_a_clock_of_dsm_that_is_wrong_is_no_finding_about_keys(keys: Keys, behind: int, expected: list[str]) -> None:
    """Given a sync one hour after the key was created, by a clock that is two hours behind; then versions decide."""
    keys.native("payments", synced_after=HOUR - 7200)
    keys.azure.sandbox.profile = Profile(dsm_clock_skew=-float(behind))

    found = keys.look(depth="list")

    assert [one["id"] for one in found["findings"]] == expected
    assert [key["compared"] for key in found["keys"]] == ["by_version" if behind else "by_time"]


def test_a_key_that_the_vault_purges_within_a_week_is_urgent(keys: Keys) -> None:
    keys.native("payments")
    keys.azure.do(lambda state: state.delete_key(keys.azure.vault, "payments", days_ago=85.0))

    assert list(keys.findings()) == ["key-purge-due-soon"]


def test_azure_rotating_a_key_of_dsm_is_found_with_what_it_has_done(keys: Keys) -> None:
    keys.copy("payments", keys.source("master"))

    def deed(state: Any) -> None:
        state.set_rotation_policy(keys.azure.vault, "payments", rotate_after="P90D")
        state.rotate_key(keys.azure.vault, "payments", days_ago=1.0)

    keys.azure.do(deed)

    assert set(keys.findings()) == {"key-azure-rotates-byok", "key-material-differs", "key-versions-only-in-azure"}


def test_a_source_that_was_rotated_without_its_copy_is_found(keys: Keys) -> None:
    kid = keys.source("master")
    keys.copy("payments", kid)
    keys.azure.sandbox.do(lambda state: state.dsm.rekey(kid, days_ago=1.0) and None)

    assert list(keys.findings()) == ["key-source-rotated-copy-not"]


def test_a_second_copy_of_the_same_source_is_no_rotation(keys: Keys) -> None:
    kid = keys.source("master")
    keys.copy("payments", kid)
    keys.copy("payments", kid, days_ago=1.0)

    assert list(keys.findings()) == ["key-same-material"]


# What is required -----------------------------------------------------------------------------------------------------


def test_requirements_make_findings(keys: Keys) -> None:
    keys.native("software")
    keys.native("hardware", kty="RSA-HSM", hsm_platform="1")

    found = keys.findings(require_hsm=True, min_hsm_platform=2, require_expiry=True, max_age_days=5)

    assert found == {
        "key-software": ["software"],
        "key-old-platform": ["hardware"],
        "key-no-expiry": ["hardware", "software"],
        "key-too-old": ["hardware", "software"],
    }


# What cannot be read --------------------------------------------------------------------------------------------------


def test_a_dsm_login_alone_is_useful_and_says_what_it_has_not_read(keys: Keys) -> None:
    keys.native("payments")
    keys.azure.do(lambda state: state.disable_key(keys.azure.vault, "payments"))

    found = keys.look(with_azure=False)

    (key,) = found["keys"]
    assert (key["state"], key["in_sync"], key["tags"]) == ("live", None, None)
    assert [(one["id"], one["status"]) for one in found["findings"]] == [("keys-not-checked", "unknown")]
    assert found["not_read"] == [{"what": "vault", "reason": "look_in_azure is false"}]


def test_an_operator_without_permission_makes_the_vault_unknown_and_not_empty(keys: Keys) -> None:
    keys.native("payments")

    found = keys.look(**keys.azure.another_operator())

    (finding,) = found["findings"]
    assert (finding["id"], finding["status"]) == ("keys-not-checked", "unknown")
    assert "look_in_azure" not in finding["remedy"]
    assert by_name(found)["payments"]["state"] == "live"
    assert [one["what"] for one in found["not_read"]] == ["vault"]


def test_an_operator_without_permission_in_the_vault_reads_its_keys_through_resource_manager(anywhere: Keys) -> None:
    """Given a Reader of the subscription; then keys are compared, and what only the vault shows is unknown."""
    for name in ("untouched", "rotated", "disabled", "deleted"):
        anywhere.native(name, kty="RSA-HSM")
    vault = anywhere.azure.vault
    anywhere.azure.do(lambda state: state.rotate_key(vault, "rotated", days_ago=1.0))
    anywhere.azure.do(lambda state: state.disable_key(vault, "disabled"))
    anywhere.azure.do(lambda state: state.delete_key(vault, "deleted"))
    anywhere.azure.do(lambda state: state.add_key(vault, "foreign", "RSA-HSM", days_ago=2.0))
    reader = anywhere.azure.another_operator("Reader")

    for depth, more in (("list", []), ("versions", ["public_keys", "rotation_policies"])):
        found = anywhere.look(depth=depth, **reader)

        assert {name: (key["state"], key["in_sync"], key["findings"]) for name, key in by_name(found).items()} == {
            "untouched": ("live", True, []),
            "rotated": ("live", False, ["key-versions-only-in-azure"]),
            "disabled": ("disabled", True, ["keys-enabled-differs"]),
            "deleted": ("ghost", None, ["keys-only-in-dsm"]),
            "foreign": ("foreign", None, ["keys-only-in-azure"]),
        }
        assert {one["status"] for one in found["findings"] if one["id"] == "keys-only-in-azure"} == {"unknown"}
        assert [one["what"] for one in found["not_read"]] == ["deleted_keys", *more]
        untouched = by_name(found)["untouched"]
        uri = anywhere.azure.stores[vault].uri
        assert untouched["id"] == f"{uri.rstrip('/')}/keys/untouched/{untouched['records'][0]['version']}"


def test_an_operator_who_may_only_list_leaves_public_keys_and_policies_unknown(keys: Keys) -> None:
    keys.copy("payments", keys.source("master"))
    keys.azure.sandbox.profile = Profile(virtual_pub_key="absent")
    keys.azure.do(lambda state: state.set_access_policy(keys.azure.vault, keys.azure.view.operator_client_id, ["list"]))

    found = keys.look()

    assert [(one["id"], one["status"]) for one in found["findings"]] == [("key-material-not-compared", "unknown")]
    assert {one["what"] for one in found["not_read"]} == {"public_keys", "rotation_policies"}


def test_a_source_that_the_login_cannot_see_is_unknown(keys: Keys) -> None:
    keys.copy("payments", keys.source("master"))
    route = "/crypto/v1/keys/info"
    keys.azure.sandbox.faults.add(Fault("dsm", "POST", route, times=None, status=403, body="not for you"))

    found = keys.look()

    assert [(one["id"], one["status"]) for one in found["findings"]] == [("key-sources-not-read", "unknown")]
    assert [one["what"] for one in found["not_read"]] == ["sources"]


# Answers that are wrong -----------------------------------------------------------------------------------------------


GONE = '{"error": {"code": "KeyNotFound", "message": "A key with (name/id) archive was not found."}}'
VERSIONS, BUNDLE = "/keys/{name}/versions", "/keys/{name}/{version}"


def test_a_name_that_no_key_has_is_reported(keys: Keys) -> None:
    keys.native("payments")

    found = keys.look(names=["payments", "paymnets"])

    assert [key["name"] for key in found["keys"]] == ["payments"]
    assert [one for one in keys.warnings if "paymnets" in one and "payments," not in one] == keys.warnings != []


@pytest.mark.parametrize("name", ["https://kv.vault.azure.net/keys/payments", "payments/0c1d", "", "../secrets"])
def test_what_is_no_name_of_a_key_is_refused_before_any_request(keys: Keys, name: str) -> None:
    mark = keys.azure.sandbox.journal.mark()

    with pytest.raises(TaskError, match="names"):
        keys.look(names=[name])

    assert keys.azure.sandbox.journal.since(mark) == []


def test_a_record_without_a_name_may_be_that_of_a_requested_key(keys: Keys) -> None:
    keys.native("payments")

    def nameless(body: bytes) -> bytes:
        answer = json.loads(body)
        listed = answer["items"] if isinstance(answer, dict) else answer
        for one in listed:
            del one["external"], one["custom_metadata"]
        return json.dumps(answer).encode()

    keys.azure.sandbox.faults.add(Fault("dsm", "GET", "/crypto/v1/keys", times=None, rewrite=nameless))

    found = keys.look(names=["payments"])

    assert {(one["id"], one["status"]) for one in found["findings"]} == {
        ("keys-not-identified", "unknown"),
        ("keys-only-in-azure", "unknown"),
    }


@pytest.mark.parametrize("fault", [{"rewrite": lambda _body: b'{"value": []}'}, {"status": 404, "body": GONE}])
def test_a_key_that_is_deleted_while_the_vault_is_read_is_unknown(keys: Keys, fault: dict[str, Any]) -> None:
    keys.native("archive")
    keys.native("payments")
    keys.azure.sandbox.faults.add(Fault("vault", "GET", VERSIONS, times=1, **fault))

    found = keys.look()

    assert [(one["id"], one["status"], one["evidence"]["keys"]) for one in found["findings"]] == [
        ("key-versions-not-read", "unknown", ["archive"])
    ]
    assert by_name(found)["payments"]["in_sync"] is True
    assert [one["what"] for one in found["not_read"]] == ["versions"]


@pytest.mark.parametrize("depth", ["list", "versions"])
@pytest.mark.parametrize("fault", [{"rewrite": lambda _body: b'{"value": []}'}, {"status": 404, "body": GONE}])
def test_a_key_for_which_resource_manager_returns_no_versions_is_unknown(
    keys: Keys, fault: dict[str, Any], depth: str
) -> None:
    """Such as one that is deleted meanwhile. The other keys are compared nevertheless."""
    keys.native("payments", synced_after=0.0)
    reader = keys.azure.another_operator("Reader")
    mark = keys.azure.sandbox.journal.mark()
    keys.look(**reader)
    (route,) = {one.route for one in keys.azure.sandbox.journal.since(mark) if one.route.endswith("/versions")}
    keys.azure.sandbox.faults.add(Fault("arm", "GET", route, times=None, **fault))

    found = keys.look(depth=depth, **reader)

    assert [(one["id"], one["status"]) for one in found["findings"]] == [("key-versions-not-read", "unknown")]
    assert ("versions" in [one["what"] for one in found["not_read"]]) == (depth == "versions")
    assert [key["state"] for key in found["keys"]] == ["live"]


def test_a_version_that_is_listed_twice_is_one(keys: Keys) -> None:
    keys.native("payments")

    def twice(body: bytes) -> bytes:
        answer = json.loads(body)
        return json.dumps({**answer, "value": answer["value"] * 2}).encode()

    keys.azure.sandbox.faults.add(Fault("vault", "GET", VERSIONS, times=None, rewrite=twice))

    (key,) = keys.look()["keys"]

    assert (len(key["versions"]), key["version"], key["in_sync"]) == (1, key["versions"][0]["version"], True)


def test_versions_of_another_key_are_no_answer(keys: Keys) -> None:
    keys.native("payments")
    keys.azure.sandbox.faults.add(
        Fault("vault", "GET", VERSIONS, times=None, rewrite=lambda body: body.replace(b"/payments/", b"/archive/"))
    )

    found = keys.look()

    assert [(one["id"], one["status"]) for one in found["findings"]] == [("keys-not-checked", "unknown")]
    assert "versions of another key" in found["not_read"][0]["reason"]


def test_the_public_key_of_another_version_is_no_answer(keys: Keys) -> None:
    keys.copy("payments", keys.source("master"))

    def other(body: bytes) -> bytes:
        answer = json.loads(body)
        kid = answer["key"]["kid"].rpartition("/")[0] + "/" + "0" * 32
        return json.dumps({**answer, "key": {**answer["key"], "kid": kid}}).encode()

    keys.azure.sandbox.faults.add(Fault("vault", "GET", BUNDLE, times=None, rewrite=other))

    found = keys.look()

    assert ("keys-not-checked", "unknown") in [(one["id"], one["status"]) for one in found["findings"]]
    assert "another version" in found["not_read"][0]["reason"]


def test_a_platform_that_is_no_number_is_not_taken_for_an_hsm(keys: Keys) -> None:
    keys.native("payments")

    def odd(body: bytes) -> bytes:
        answer = json.loads(body)
        for one in answer.get("value", ()):
            one["attributes"]["hsmPlatform"] = ""
        return json.dumps(answer).encode()

    keys.azure.sandbox.faults.add(Fault("vault", "GET", VERSIONS, times=None, rewrite=odd))

    found = keys.look(require_hsm=True)

    assert [(one["id"], one["status"]) for one in found["findings"]] == [("key-software", "unknown")]
    assert found["keys"][0]["protection"] is None


# Cost -----------------------------------------------------------------------------------------------------------------


def test_a_thousand_keys_take_at_most_fifty_requests(anywhere: Keys) -> None:
    for number in range(1000):
        anywhere.native(f"key-{number:04}", kty="EC-HSM")
    mark = anywhere.azure.sandbox.journal.mark()

    found = anywhere.look(depth="list")

    assert len(found["keys"]) == 1000
    assert found["findings"] == []
    assert len(anywhere.azure.sandbox.journal.since(mark)) <= 50


def test_versions_take_one_request_for_each_key_and_two_more_for_each_copy(anywhere: Keys) -> None:
    for number in range(10):
        anywhere.native(f"key-{number}", kty="EC-HSM")
        anywhere.copy(f"copy-{number}", anywhere.source(f"source-{number}"), hardware=True)
    mark = anywhere.azure.sandbox.journal.mark()

    found = anywhere.look(depth="versions")

    requests = anywhere.azure.sandbox.journal.since(mark)
    assert found["findings"] == []
    assert Counter(one.route for one in requests if one.plane == "vault" and one.status == 200) == {
        "/keys": 1,
        "/deletedkeys": 1,
        "/keys/{name}/versions": 20,
        "/keys/{name}/{version}": 10,
        "/keys/{name}/rotationpolicy": 10,
    }
    assert len([one for one in requests if one.plane == "dsm"]) <= 6


def test_keys_that_dsm_has_just_created_take_25_more_requests_and_not_more(keys: Keys) -> None:
    """DSM creates the record together with the version, so that times tell nothing."""
    for number in range(1000):
        keys.native(f"key-{number:04}", kty="EC", synced_after=1)
    mark = keys.azure.sandbox.journal.mark()

    found = keys.look(depth="list")

    assert [one["evidence"]["count"] for one in found["findings"]] == [975]
    assert len(keys.azure.sandbox.journal.since(mark)) <= 75


def test_only_the_versions_of_the_named_keys_are_read(keys: Keys) -> None:
    for name in ("payments", "other", "third"):
        keys.native(name)
    mark = keys.azure.sandbox.journal.mark()

    found = keys.look(names=["PAYMENTS"])

    routes = [one.route for one in keys.azure.sandbox.journal.since(mark) if one.plane == "vault"]
    assert [key["name"] for key in found["keys"]] == ["payments"]
    assert (found["findings"], routes.count("/keys/{name}/versions")) == ([], 1)


def test_two_groups_with_one_vault_read_it_once(keys: Keys) -> None:
    keys.native("payments")
    keys.azure.group()
    mark = keys.azure.sandbox.journal.mark()

    Operator(keys.azure.sandbox.environment())(cdc_key_info, **keys.azure.operator)

    lists = [one for one in keys.azure.sandbox.journal.since(mark) if one.plane == "vault" and one.route == "/keys"]
    assert [one.status for one in lists] == [401, 200]


def test_a_vault_that_cannot_be_read_is_tried_once_for_all_groups(keys: Keys) -> None:
    keys.azure.group()
    mark = keys.azure.sandbox.journal.mark()

    found = Operator(keys.azure.sandbox.environment())(cdc_key_info, **keys.azure.another_operator())

    lists = [one for one in keys.azure.sandbox.journal.since(mark) if one.plane == "vault" and one.route == "/keys"]
    assert [one.status for one in lists] == [401, 403]
    assert [one["what"] for group in found["groups"] for one in group["not_read"]] == ["vault", "vault"]


@pytest.mark.parametrize("roles", [["Reader"], []], ids=["reader", "no role"])
def test_the_vaults_of_a_subscription_are_listed_once_for_all_vaults_that_refuse(keys: Keys, roles: list[str]) -> None:
    """Such as behind firewalls: then each vault refuses."""
    other = next(name for name in keys.azure.view.vaults if name != keys.azure.vault)
    replace(keys.azure, vault=other).group()
    reader = keys.azure.another_operator(*roles)
    mark = keys.azure.sandbox.journal.mark()

    Operator(keys.azure.sandbox.environment())(cdc_key_info, **reader)

    sent = [(one.plane, one.route) for one in keys.azure.sandbox.journal.since(mark)]
    of_arm = [route for plane, route in sent if plane == "arm"]
    assert sent.count(("vault", "/keys")) == 4
    assert sum(route.endswith("Microsoft.KeyVault/vaults") for route in of_arm) == 1


# As a user runs it ----------------------------------------------------------------------------------------------------


@pytest.mark.every_core
def test_the_playbook_task_is_not_changed_and_shows_no_secret(keys: Keys, tmp_path: Any) -> None:
    keys.native("payments")
    sandbox = keys.azure.sandbox
    environment = {**sandbox.environment(), **sandbox.operator_environment(sandbox.world.public)}
    ansible = Ansible(environment, tmp_path)

    run = ansible.tasks({"cdc_key_info": {"group_name": keys.group, "depth": "versions"}}, verbosity=3)

    assert (run.code, run.changed) == (0, [])
    assert by_name(run[0].result["groups"][0]).keys() == {"payments"}
    for secret in (keys.azure.view.operator_client_secret, environment["DSM_API_KEY"]):
        assert secret not in run.output
