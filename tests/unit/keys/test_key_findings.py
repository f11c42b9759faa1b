# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys on both sides: their states, and what is found about them (guide 1.2, 4.7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.keys.key_records import (
    DeletedKey,
    PublicKey,
    VaultKey,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey, Sources
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_findings import (
    KeyRequirements,
    counts_of,
    findings_about_keys,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.key_results import record_of
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.reconciliation import ObservedKeys, reconcile
from unit.keys.builders import (
    NEWER,
    NOW,
    OLDER,
    ONE,
    TWO,
    URI,
    days,
    in_vault,
    listed,
    source,
    sources,
    version,
    virtual,
)

REQUIRED = KeyRequirements(NOW)


def told(observed: ObservedKeys, required: KeyRequirements = REQUIRED) -> list[tuple[str, str, Any]]:
    found, _facts, _keys = findings_about_keys("group", observed, required)
    return [(one.kind.id, one.status, one.evidence["keys"]) for one in found]


def compared(in_dsm: list[DsmKey], in_azure: list[VaultKey]) -> list[tuple[str, str, Any]]:
    return told(ObservedKeys(in_dsm, sources(), in_azure, []))


# Both sides -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_dsm", "in_azure"),
    [
        ([], []),
        ([virtual("a")], [in_vault("a")]),
        ([virtual("A")], [in_vault("a")]),
        # One key for each version, and one for each key: which of both a server does is not public.
        ([virtual("a", ONE), virtual("a", TWO)], [in_vault("a", OLDER, NEWER)]),
        ([virtual("a", TWO)], [in_vault("a", OLDER, NEWER)]),
        ([virtual("a", None)], [in_vault("a", OLDER, NEWER)]),
        # Made in the same second: either may be the current one.
        ([virtual("a", ONE)], [in_vault("a", OLDER, version(TWO))]),
        ([], [in_vault("certificate", managed=True)]),
    ],
)
def test_keys_that_are_in_sync(in_dsm: list[DsmKey], in_azure: list[VaultKey]) -> None:
    assert compared(in_dsm, in_azure) == []


@pytest.mark.parametrize(
    ("in_dsm", "in_azure", "expected"),
    [
        ([], [in_vault("a")], ("keys-only-in-azure", "failed", ["a"])),
        ([virtual("a")], [], ("keys-only-in-dsm", "failed", [f"a/{ONE}"])),
        ([virtual("a")], [in_vault("a", NEWER, OLDER)], ("key-versions-only-in-azure", "failed", [f"a/{TWO}"])),
        ([virtual("a"), virtual("a", TWO)], [in_vault("a")], ("keys-only-in-dsm", "failed", [f"a/{TWO}"])),
        ([virtual("a", enabled=False)], [in_vault("a")], ("keys-enabled-differs", "warning", [f"a/{ONE}"])),
        (
            [virtual("a")],
            [in_vault("a", version(ONE, enabled=False))],
            ("keys-enabled-differs", "warning", [f"a/{ONE}"]),
        ),
        (
            [virtual("a")],
            [in_vault("a", version(ONE, expires=days(-1)))],
            ("keys-expired-in-azure", "warning", [f"a/{ONE}"]),
        ),
        ([virtual("a")], [listed("a")], ("key-versions-not-read", "unknown", ["a"])),
        ([virtual(None)], [], ("keys-not-identified", "unknown", [f"kid-None-{ONE}"])),
        # A stranger has recovered it in Azure.
        ([virtual("a", azure_state="deleted")], [in_vault("a")], ("keys-only-in-azure", "failed", ["a"])),
        (
            [virtual("a", expires=days(90))],
            [in_vault("a", version(ONE, expires=days(91)))],
            ("key-expiry-differs", "warning", [f"a/{ONE}"]),
        ),
        ([virtual("a", expires=days(90))], [in_vault("a")], ("key-expiry-differs", "warning", [f"a/{ONE}"])),
        (
            [virtual("a"), replace(virtual("a"), key=replace(virtual("a").key, kid="other"))],
            [in_vault("a")],
            ("key-doubled", "warning", [f"a/{ONE}"]),
        ),
    ],
)
def test_keys_that_are_not_in_sync(
    in_dsm: list[DsmKey], in_azure: list[VaultKey], expected: tuple[str, str, list[str]]
) -> None:
    assert compared(in_dsm, in_azure) == [expected]


def test_an_expiry_that_only_the_vault_has_is_no_contradiction() -> None:
    assert compared([virtual("a")], [in_vault("a", version(ONE, expires=days(90)))]) == []


@pytest.mark.parametrize("in_azure", [[in_vault("a")], [in_vault("a", OLDER, NEWER)]])
def test_a_key_without_a_name_may_be_one_that_seems_to_be_missing(in_azure: list[VaultKey]) -> None:
    known = [] if len(in_azure[0].versions or ()) == 1 else [virtual("a")]

    statuses = {status for _id, status, _keys in compared([virtual(None), *known], in_azure)}

    assert statuses == {"unknown"}


def test_the_evidence_of_many_keys_says_how_many_there_are() -> None:
    many = [in_vault(f"key-{number:03}") for number in range(70)]

    (finding,) = findings_about_keys("group", ObservedKeys([], sources(), many, []), REQUIRED)[0]

    assert finding.evidence["count"] == 70
    assert len(finding.evidence["keys"]) == 50


def test_without_the_vault_nothing_is_said_about_both_sides() -> None:
    assert told(ObservedKeys([virtual("a"), virtual("b", enabled=False)], sources())) == []


def test_the_numbers_tell_the_platforms_that_azure_reports_and_no_level() -> None:
    def key(name: str, platform: str | None) -> VaultKey:
        return in_vault(name, version(ONE, hsm_platform=platform))

    keys = reconcile(ObservedKeys([], None, [key("one", "2"), key("two", "2"), key("three", "0"), key("four", None)]))

    assert counts_of(keys)["hsm_platforms"] == {"0": 1, "2": 2, "not reported": 1}


# Without versions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "in_sync", "compared_by"),
    [
        (days(-8), True, "by_time"),
        (days(-10), False, "by_time"),
        # The clocks of both services may differ by this.
        (days(-9) + timedelta(minutes=4), None, "unknown"),
        (days(-9) - timedelta(minutes=4), None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_times_tell_whether_dsm_has_the_current_version(
    recorded: datetime | None, in_sync: bool | None, compared_by: str
) -> None:
    observed = ObservedKeys([virtual("a", created=recorded)], sources(), [listed("a")], [])

    (key,) = reconcile(observed)
    record = record_of(key, URI, ())

    assert (record["in_sync"], record["compared"]) == (in_sync, compared_by)
    assert record["version"] == (ONE if in_sync else None)
    of_times = {
        True: [],
        False: [("key-versions-only-in-azure", "failed", ["a"])],
        None: [("key-versions-not-read", "unknown", ["a"])],
    }
    assert told(observed, replace(REQUIRED, exact=False)) == of_times[in_sync]


# Life cycle -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_dsm", "in_azure", "deleted", "state"),
    [
        ([virtual("a")], [in_vault("a")], [], "live"),
        ([virtual("a", enabled=False)], [in_vault("a", version(ONE, enabled=False))], [], "disabled"),
        ([], [in_vault("a")], [], "foreign"),
        ([virtual("a", azure_state="deleted")], [in_vault("a")], [], "recovered"),
        ([virtual("a")], [], [DeletedKey("a", days(-1), days(80))], "soft_deleted"),
        ([virtual("a")], [], [], "ghost"),
        ([virtual("a")], [], None, "ghost"),
        ([virtual("a", azure_state="deleted")], [], [], "purged"),
        ([virtual("a", azure_state="deleted")], [], None, "soft_deleted"),
        ([virtual("a", azure_state="purged")], None, None, "purged"),
        ([virtual("a", azure_state="purged", state="destroyed")], [], [], "destroyed"),
        ([virtual("a")], None, None, "live"),
        ([virtual("a", enabled=False)], None, None, "disabled"),
        ([virtual("a", azure_state="deleted")], None, None, "soft_deleted"),
        ([], [], [DeletedKey("a", days(-1), days(80))], "soft_deleted"),
    ],
)
def test_the_state_of_a_key_follows_from_both_sides(
    in_dsm: list[DsmKey], in_azure: list[VaultKey] | None, deleted: list[DeletedKey] | None, state: str
) -> None:
    (key,) = reconcile(ObservedKeys(in_dsm, sources(), in_azure, deleted))

    assert key.state == state


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (days(80), ("key-soft-deleted", "warning")),
        (days(7.1), ("key-soft-deleted", "warning")),
        (days(6.9), ("key-purge-due-soon", "failed")),
        (None, ("key-soft-deleted", "warning")),
    ],
)
def test_a_deleted_key_of_dsm_is_found_with_its_purge_date(due: datetime | None, expected: tuple[str, str]) -> None:
    observed = ObservedKeys([virtual("a")], sources(), [], [DeletedKey("a", days(-1), due)])

    ((name, status, _keys),) = told(observed)

    assert (name, status) == expected


def test_a_deleted_key_that_dsm_never_had_is_none_of_its_findings() -> None:
    assert told(ObservedKeys([], sources(), [], [DeletedKey("a", days(-1), days(80))])) == []


@pytest.mark.parametrize("members", [{"azure_state": "purged"}, {"state": "destroyed", "azure_state": "purged"}])
def test_a_record_of_a_purged_key_is_found(members: dict[str, Any]) -> None:
    assert compared([virtual("a", **members)], []) == [("key-purged-record-left", "warning", ["a"])]


# Requirements ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "required", "expected"),
    [
        ({"expires": days(20)}, {}, [("key-expires-soon", "failed")]),
        ({"expires": days(40)}, {}, []),
        ({}, {}, []),
        ({}, {"require_expiry": True}, [("key-no-expiry", "warning")]),
        ({"expires": days(40)}, {"require_expiry": True}, []),
        ({}, {"max_age": timedelta(days=8)}, [("key-too-old", "warning")]),
        ({}, {"max_age": timedelta(days=10)}, []),
        ({"created": None}, {"max_age": timedelta(days=10)}, [("key-too-old", "unknown")]),
        ({"hsm_platform": "0"}, {"require_hsm": True}, [("key-software", "failed")]),
        ({"hsm_platform": "1"}, {"require_hsm": True}, []),
        ({}, {"require_hsm": True}, [("key-software", "unknown")]),
        ({}, {"require_hsm": True, "in_managed_hsm": True}, []),
        # Software has no newer platform: one finding, with the remedy that works.
        ({"hsm_platform": "0"}, {"require_hsm": True, "min_hsm_platform": 2}, [("key-software", "failed")]),
        ({"hsm_platform": "0"}, {"min_hsm_platform": 2}, [("key-old-platform", "warning")]),
        ({"hsm_platform": "1"}, {"min_hsm_platform": 2}, [("key-old-platform", "warning")]),
        ({"hsm_platform": "2"}, {"min_hsm_platform": 2}, []),
        ({"hsm_platform": "new"}, {"min_hsm_platform": 2}, [("key-old-platform", "unknown")]),
        ({"exportable": True}, {}, [("key-exportable", "warning")]),
    ],
)
def test_a_key_is_held_to_the_requirements(
    attributes: dict[str, Any], required: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    observed = ObservedKeys([virtual("a")], sources(), [in_vault("a", version(ONE, **attributes))], [])

    assert [one[:2] for one in told(observed, replace(REQUIRED, **required))] == expected


def test_without_the_vault_the_date_of_dsm_counts_and_a_missing_one_is_unknown() -> None:
    required = replace(REQUIRED, require_expiry=True)

    soon = told(ObservedKeys([virtual("a", expires=days(3))], sources()), required)
    none = told(ObservedKeys([virtual("a")], sources()), required)

    assert [one[:2] for one in soon + none] == [("key-expires-soon", "failed"), ("key-no-expiry", "unknown")]


def test_a_key_that_dsm_does_not_audit_is_found() -> None:
    assert compared([virtual("a", operations=("SIGN", "HIGHVOLUME"))], [in_vault("a")]) == [
        ("key-audit-off", "warning", ["a"])
    ]


@pytest.mark.parametrize(("in_managed_hsm", "count"), [(True, 80), (False, 400)])
def test_a_key_near_the_limit_of_versions_is_found(in_managed_hsm: bool, count: int) -> None:
    def found(number: int) -> list[tuple[str, str, Any]]:
        versions = [version(f"{one:032}", days(-1000 + one)) for one in range(number)]
        observed = ObservedKeys([virtual("a", versions[-1].id)], sources(), [in_vault("a", *versions)], [])
        return told(observed, replace(REQUIRED, in_managed_hsm=in_managed_hsm))

    assert found(count) == [("key-many-versions", "warning", [f"a ({count} versions)"])]
    assert found(count - 1) == []


# Material -------------------------------------------------------------------------------------------------------------


def test_a_copy_of_the_newest_source_is_in_order() -> None:
    observed = ObservedKeys(
        [virtual("a", copied_from="s1")],
        sources(source("s1", public_sha256="aa")),
        [in_vault("a", version(ONE, sha256="aa"))],
        [],
    )

    assert told(observed) == []


def test_a_source_that_was_rotated_leaves_its_copy_behind() -> None:
    chain = sources(source("s1", public_sha256="aa", replacement="s2"), source("s2", public_sha256="bb"))
    observed = ObservedKeys([virtual("a", copied_from="s1")], chain, [in_vault("a", version(ONE, sha256="aa"))], [])

    assert told(observed) == [("key-source-rotated-copy-not", "warning", ["a"])]


def test_the_same_material_in_two_versions_is_found() -> None:
    versions = (version(ONE, sha256="aa"), version(TWO, days(-1), sha256="aa"))
    observed = ObservedKeys([virtual("a"), virtual("a", TWO)], sources(), [in_vault("a", *versions)], [])

    assert told(observed) == [("key-same-material", "failed", [f"a ({ONE}, {TWO})"])]


def test_a_version_that_is_not_from_the_source_is_found() -> None:
    versions = (version(ONE, sha256="aa"), version(TWO, days(-1), sha256="ff"))
    in_dsm = [virtual("a", copied_from="s1"), virtual("a", TWO)]
    observed = ObservedKeys(in_dsm, sources(source("s1", public_sha256="aa")), [in_vault("a", *versions)], [])

    assert told(observed) == [("key-material-differs", "failed", [f"a/{TWO}"])]


@pytest.mark.parametrize("known", ["azure", "dsm"])
def test_public_keys_of_either_side_are_compared(known: str) -> None:
    """Those of Azure count where both are known."""
    record = virtual("a", copied_from="s1", public_sha256="aa")
    there = version(ONE, sha256="ff" if known == "azure" else None)
    observed = ObservedKeys([record], sources(source("s1", public_sha256="aa")), [in_vault("a", there)], [])

    assert [one[0] for one in told(observed)] == (["key-material-differs"] if known == "azure" else [])


def test_a_copy_whose_public_key_is_not_known_is_not_said_to_be_in_order() -> None:
    observed = ObservedKeys([virtual("a", copied_from="s1")], sources(source("s1")), [in_vault("a")], [])

    assert told(observed) == [("key-material-not-compared", "unknown", ["a"])]


@pytest.mark.parametrize("chain", [sources(unread=frozenset({"s1"})), sources(source("s1", replacement="s2"))])
def test_a_source_that_was_not_read_is_unknown(chain: Sources) -> None:
    observed = ObservedKeys([virtual("a", copied_from="s1")], chain, [in_vault("a", version(ONE, sha256="aa"))], [])

    assert told(observed) == [("key-sources-not-read", "unknown", ["a"])]


# Policies and leftovers -----------------------------------------------------------------------------------------------


def test_azure_must_not_rotate_a_key_whose_material_is_from_dsm() -> None:
    there = in_vault("a", version(ONE, sha256="aa"), azure_rotates=True)
    observed = ObservedKeys([virtual("a", copied_from="s1")], sources(source("s1", public_sha256="aa")), [there], [])

    assert told(observed) == [("key-azure-rotates-byok", "failed", ["a"])]


@pytest.mark.parametrize("owner", ["record", "source"])
def test_two_rotation_policies_are_found(owner: str) -> None:
    copied = {"copied_from": "s1"} if owner == "source" else {}
    chain = sources(source("s1", public_sha256="aa", rotates=owner == "source"))
    there = in_vault("a", version(ONE, sha256="aa"), azure_rotates=True)
    observed = ObservedKeys([virtual("a", rotates=owner == "record", **copied)], chain, [there], [])

    assert "key-two-rotation-policies" in {one[0] for one in told(observed)}


def test_a_native_key_that_azure_rotates_is_in_order() -> None:
    assert compared([virtual("a")], [in_vault("a", azure_rotates=True)]) == []


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (None, ("kek-left", "warning")),
        (days(-1), ("kek-left", "warning")),
        # One that is in use, or pretends to be: it is a key that DSM does not have, like any other.
        (days(60), ("keys-only-in-azure", "failed")),
    ],
)
def test_a_key_exchange_key_must_expire(expires: datetime | None, expected: tuple[str, str]) -> None:
    name = "fortanix-dsm-kek"

    assert compared([], [in_vault(name, version(ONE, expires=expires))]) == [(*expected, [name])]


def test_a_key_exchange_key_that_was_left_behind_is_not_also_held_to_the_requirements() -> None:
    observed = ObservedKeys([virtual("fortanix-dsm-kek")], sources(), [in_vault("fortanix-dsm-kek")], [])

    found = told(observed, replace(REQUIRED, require_expiry=True, max_age=timedelta(days=1)))

    assert [one[0] for one in found] == ["kek-left"]


@pytest.mark.parametrize(("created", "left"), [(days(-1), True), (NOW - timedelta(minutes=30), False)])
def test_a_scratch_key_of_an_unfinished_transfer_is_found(created: datetime, left: bool) -> None:
    scratch = source("s9", created=created)
    scratch = replace(scratch, key=replace(scratch.key, name="fortanix.dsm scratch 1"))

    found = told(ObservedKeys([], sources(scratch), [], []))

    assert found == ([("scratch-left", "warning", ["fortanix.dsm scratch 1"])] if left else [])


# Records --------------------------------------------------------------------------------------------------------------


def test_a_record_says_the_same_in_the_words_of_either_side() -> None:
    of_dsm = virtual("a", type="EC", size=384, curve="NistP384", operations=("SIGN", "WRAPKEY"), hardware=True)
    of_azure = replace(OLDER, public=PublicKey("EC-HSM", None, "P-384", ("wrapKey", "sign"), "aa"))
    (known,) = reconcile(ObservedKeys([of_dsm], sources()))
    (read,) = reconcile(ObservedKeys([virtual("a")], sources(), [in_vault("a", of_azure)], []))

    members = ("type", "size", "curve", "operations", "protection")
    first, second = ({name: record_of(key, URI, ())[name] for name in members} for key in (known, read))

    assert first == second
    assert first == {
        "type": "EC",
        "size": None,
        "curve": "P-384",
        "operations": ["sign", "wrap_key"],
        "protection": "hsm",
    }


def test_the_form_of_a_version_that_dsm_does_not_have_is_not_known() -> None:
    of_dsm = virtual("a", type="EC", curve="NistP384", operations=("SIGN",), hardware=True)
    (key,) = reconcile(ObservedKeys([of_dsm], sources(), [in_vault("a", OLDER, NEWER)], []))

    record = record_of(key, URI, ())

    assert record["in_sync"] is False
    assert {record[name] for name in ("type", "size", "curve", "protection")} == {None}
    assert record["operations"] is None


def test_a_record_has_the_ids_for_those_who_pin_and_those_who_follow() -> None:
    (key,) = reconcile(ObservedKeys([virtual("a", TWO)], sources(), [in_vault("a", OLDER, NEWER)], []))

    record = record_of(key, URI, ())

    assert record["versionless_id"] == f"{URI}keys/a"
    assert record["id"] == f"{URI}keys/a/{TWO}"
    assert [one["kid"] for one in record["versions"]] == [f"kid-a-{TWO}", None]
