# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of what an application held, and the steps that follow from it: values, without any service."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.break_glass import access_steps
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.break_glass.access_steps import (
    CertificatesStep,
    SecretStep,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.break_glass.record import (
    Assignment,
    CertificateEntry,
    Record,
    RecordedApplication,
    RecordedPolicy,
    SecretEntry,
    StoreRights,
    merged,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import PRINCIPAL
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.rights.facts import REGISTRATION as REGISTRATION_PLACE
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from unit.azure.builders import APP, CLIENT, HOME, NOW, REGISTRATION, STRANGER, SUBSCRIPTION, VAULT_ID

POLICY = RecordedPolicy(HOME, APP, keys=("Get", "wrapKey"), secrets=("List",))
ROLE = Assignment("aaaa", VAULT_ID, "/providers/Microsoft.Authorization/roleDefinitions/F00D", APP, role_name="Officer")
CERTIFICATE = CertificateEntry("key-1", "of DSM", "AB12", None, "2027-01-01T00:00:00Z", "MIIB")
SECRET = SecretEntry("key-2", "of DSM", None)


def record(**changes: Any) -> Record:
    application = RecordedApplication(CLIENT, APP, "dsm", REGISTRATION, True, (CERTIFICATE,), (SECRET,))
    store = StoreRights(VAULT_ID, "kv-one", "https://kv-one.vault.azure.net/", "vault", (POLICY,), (ROLE,))
    made = Record(application, "AzureCloud", HOME, "2026-11-23T12:00:00Z", (store,))
    return replace(made, **changes)


def bare() -> Record:
    """What is seen when everything has been cut."""
    full = record()
    cut = access_steps.after_cut(full, access_steps.cut_steps(full, credentials=True))
    return replace(cut, taken_at="2026-11-24T12:00:00Z")


def test_a_record_comes_back_from_json_as_it_was() -> None:
    full = record(disabled_at="2026-11-23T12:01:00Z")

    assert Record.parse(json.loads(json.dumps(full.document()))) == full


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("application",), None),
        (("application", "client_id"), "dsm"),
        (("application", "account_enabled"), "yes"),
        (("application", "secrets"), [{"value": "s3cret"}]),
        (("stores",), [{"name": "kv-one"}]),
        (("stores", 0, "policies", 0, "keys"), None),
        (("stores", 0, "assignments", 0, "surprise"), 1),
        (("taken_at",), 5),
        # What would give rights to somebody else, or elsewhere.
        (("stores", 0, "policies", 0, "object_id"), STRANGER),
        (("stores", 0, "assignments", 0, "principal_id"), STRANGER),
        (("stores", 0, "assignments", 0, "scope"), SUBSCRIPTION),
        (("stores", 0, "assignments", 0, "scope"), f"{VAULT_ID}-other"),
        (("stores", 0, "assignments", 0, "scope"), f"{VAULT_ID}/../kv-two"),
        (("stores", 0, "assignments", 0, "scope"), f"{VAULT_ID}/keys/./one"),
        (("stores", 0, "assignments", 0, "scope"), None),
        (("stores", 0, "assignments", 0, "name"), ".."),
        (("stores", 0, "assignments", 0, "name"), "../../../kv-two"),
        (("stores", 0, "assignments", 0, "name"), ""),
        (("stores", 0, "assignments", 0, "name"), 5),
        (("stores", 0, "assignments", 0, "definition_id"), ["a"]),
        (("stores", 0, "assignments", 0, "condition"), {"a": 1}),
        (("stores", 0, "assignments", 0, "local"), "no"),
    ],
)
def test_a_damaged_record_is_refused(path: tuple[Any, ...], value: Any) -> None:
    document = json.loads(json.dumps(record().document()))
    target = document
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value

    with pytest.raises(InvalidInput, match="it is damaged"):
        Record.parse(document)


def test_a_second_cut_loses_nothing_from_the_record() -> None:
    assert merged(record(), bare()) == record()


def test_what_came_up_since_is_added_to_the_record() -> None:
    other = replace(ROLE, name="bbbb", definition_id=f"{ROLE.definition_id}2")
    seen = record()
    store = replace(seen.stores[0], policies=(replace(POLICY, keys=("get", "Sign")),), assignments=(other,))

    (found,) = merged(record(), replace(seen, stores=(store,))).stores

    # The spelling of the first record stays: `remove` and `add` do not mind, and people compare.
    assert found.policies[0].keys == ("Get", "wrapKey", "Sign")
    assert found.assignments == (ROLE, other)


def test_a_record_that_was_restored_is_not_continued() -> None:
    assert merged(record(restored_at="2026-11-23T13:00:00Z"), bare()) == bare()


def test_a_record_of_a_principal_that_is_gone_is_not_continued() -> None:
    anew = replace(bare(), application=replace(bare().application, object_id=STRANGER))

    assert merged(record(), anew) == anew


def test_everything_is_cut_in_this_order() -> None:
    steps = access_steps.cut_steps(record(), credentials=True)

    assert [type(step).__name__ for step in steps] == [
        "PolicyStep",
        "RoleStep",
        "EnabledStep",
        "CertificatesStep",
        "SecretStep",
    ]


def test_without_credentials_they_stay() -> None:
    steps = access_steps.cut_steps(record(), credentials=False)

    assert [type(step).__name__ for step in steps] == ["PolicyStep", "RoleStep", "EnabledStep"]


def test_after_the_cut_nothing_is_left_to_cut() -> None:
    assert access_steps.cut_steps(bare(), credentials=True) == ()


def test_the_way_back_is_the_reverse_without_the_secret() -> None:
    steps = access_steps.restore_steps(record(), bare(), NOW)

    assert [type(step).__name__ for step in steps] == ["CertificatesStep", "EnabledStep", "PolicyStep", "RoleStep"]


def test_after_the_return_nothing_is_left_to_return() -> None:
    back = access_steps.after_restore(bare(), access_steps.restore_steps(record(), bare(), NOW))

    assert access_steps.restore_steps(record(), back, NOW) == ()


def test_an_expired_certificate_does_not_come_back() -> None:
    over = replace(CERTIFICATE, ends="2026-11-01T00:00:00Z")
    was = record(application=replace(record().application, certificates=(over,)))

    steps = access_steps.restore_steps(was, bare(), NOW)

    assert not any(isinstance(step, access_steps.CertificatesStep) for step in steps)


@pytest.mark.parametrize("state", [False, None])
def test_a_principal_is_switched_on_only_if_it_was_on(state: bool | None) -> None:
    was = record(application=replace(record().application, account_enabled=state))

    steps = access_steps.restore_steps(was, bare(), NOW)

    assert not any(isinstance(step, access_steps.EnabledStep) for step in steps)


def test_each_step_of_the_recorded_is_recorded_and_no_other() -> None:
    more = replace(record().stores[0], policies=(replace(POLICY, keys=("Get", "sign")),))
    known = access_steps.cut_steps(record(), credentials=True)
    unknown = access_steps.PolicyStep(more, more.policies[0])

    assert all(access_steps.is_recorded(record(), step) for step in known)
    assert not access_steps.is_recorded(record(), unknown)


# Certificates are told by thumbprint --------------------------------------------------------------------------------

AGAIN = replace(CERTIFICATE, key_id="key-9")


def with_certificates(*entries: CertificateEntry) -> Record:
    return record(application=replace(record().application, certificates=entries))


def test_a_certificate_under_another_key_id_is_recorded_once() -> None:
    assert merged(record(), with_certificates(AGAIN)).application.certificates == (CERTIFICATE,)


def test_the_public_part_is_added_to_a_record_that_lacks_it() -> None:
    der = b"a certificate"
    key, sha1 = base64.b64encode(der).decode(), hashlib.sha1(der, usedforsecurity=False).hexdigest()
    bare_entry = CertificateEntry("key-1", "of DSM", sha1, None, None, "")
    full_entry = replace(bare_entry, key_id="key-9", thumbprint="", key=key)

    assert merged(with_certificates(bare_entry), with_certificates(full_entry)).application.certificates == (
        full_entry,
    )


def test_what_is_recorded_without_its_public_part_is_not_removed() -> None:
    """There would be no way back from it."""
    seen = access_steps.CertificatesStep(record().application, (CERTIFICATE,))

    assert access_steps.is_recorded(record(), seen)
    assert not access_steps.is_recorded(with_certificates(replace(CERTIFICATE, key="")), seen)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (CERTIFICATE, AGAIN, True),
        (CERTIFICATE, replace(CERTIFICATE, key="AAAA"), False),
        (replace(CERTIFICATE, key=""), replace(AGAIN, key="", thumbprint="ab12"), True),
        (replace(CERTIFICATE, key=""), replace(AGAIN, key="", thumbprint="CD34"), False),
        (replace(CERTIFICATE, key="", thumbprint=""), replace(CERTIFICATE, thumbprint="", key=""), True),
        (replace(CERTIFICATE, key="", thumbprint=""), replace(AGAIN, thumbprint="", key=""), False),
    ],
)
def test_a_certificate_is_the_same_by_its_content(one: CertificateEntry, other: CertificateEntry, same: bool) -> None:
    assert (one.is_same(other), other.is_same(one)) == (same, same)


def test_a_cut_takes_a_certificate_under_another_key_id() -> None:
    seen = with_certificates(AGAIN)

    assert all(access_steps.is_recorded(record(), step) for step in access_steps.cut_steps(seen, credentials=True))
    assert access_steps.after_cut(seen, [access_steps.CertificatesStep(seen.application, (CERTIFICATE,))]) == replace(
        seen, application=replace(seen.application, certificates=())
    )


def test_a_restore_finds_a_certificate_under_another_key_id() -> None:
    there = with_certificates(AGAIN)

    assert not any(
        isinstance(step, access_steps.CertificatesStep) for step in access_steps.restore_steps(record(), there, NOW)
    )


def test_a_public_part_that_is_damaged_is_refused() -> None:
    document = json.loads(json.dumps(with_certificates(replace(CERTIFICATE, key="A")).document()))

    with pytest.raises(InvalidInput, match="it is damaged"):
        Record.parse(document)


def test_a_certificate_as_a_credential_carries_its_thumbprints() -> None:
    key = base64.b64encode(b"a certificate").decode()
    found = replace(CERTIFICATE, key=key).credential()

    assert found.sha256 == hashlib.sha256(b"a certificate").hexdigest()
    assert found.thumbprint == hashlib.sha1(b"a certificate", usedforsecurity=False).hexdigest().upper()
    assert (found.kind, found.key_id, found.encoded) == ("certificate", "key-1", key)


@pytest.mark.parametrize("step", access_steps.cut_steps(record(), credentials=True))
def test_a_step_is_open_while_it_is_among_what_is_left(step: access_steps.Step) -> None:
    left = access_steps.cut_steps(record(), credentials=True)

    assert access_steps.is_open(step, left)
    assert not access_steps.is_open(step, [one for one in left if one != step])


def test_a_policy_is_open_while_one_of_its_permissions_is_left() -> None:
    (step, *_others) = access_steps.cut_steps(record(), credentials=False)
    assert isinstance(step, access_steps.PolicyStep)

    assert access_steps.is_open(step, [replace(step, entry=RecordedPolicy(HOME, APP, keys=("WRAPKEY",)))])
    assert not access_steps.is_open(step, [replace(step, entry=RecordedPolicy(HOME, APP, keys=("sign",)))])


# Two places -----------------------------------------------------------------------------------------------------------

OF_PRINCIPAL = replace(CERTIFICATE, key_id="key-3", place=PRINCIPAL)
SECRET_OF_PRINCIPAL = SecretEntry("key-4", "terraform", None, PRINCIPAL)


def in_both_places(**changes: Any) -> Record:
    """The same certificate in both, and a secret in each."""
    full = record()
    certificates, secrets = (CERTIFICATE, OF_PRINCIPAL), (SECRET, SECRET_OF_PRINCIPAL)
    application = replace(full.application, certificates=certificates, secrets=secrets, **changes)
    return replace(full, application=application)


def of_credentials(steps: Any) -> list[tuple[str, str]]:
    """Kind and place of each step about credentials."""
    return [(type(one).__name__, one.place) for one in steps if isinstance(one, (CertificatesStep, SecretStep))]


def test_a_record_that_an_earlier_version_wrote_is_of_the_registration_alone() -> None:
    document = json.loads(json.dumps({**record().document(), "version": 1}))
    for entry in (*document["application"]["certificates"], *document["application"]["secrets"]):
        del entry["place"]

    assert Record.parse(document) == record()


def test_a_record_of_a_place_that_there_is_not_is_refused() -> None:
    document = json.loads(json.dumps(record().document()))
    document["application"]["secrets"][0]["place"] = "elsewhere"

    with pytest.raises(InvalidInput, match="place of a credential"):
        Record.parse(document)


def test_each_place_is_a_step_of_its_own() -> None:
    steps = access_steps.cut_steps(in_both_places(), credentials=True)

    assert of_credentials(steps) == [
        ("CertificatesStep", REGISTRATION_PLACE),
        ("CertificatesStep", PRINCIPAL),
        ("SecretStep", REGISTRATION_PLACE),
        ("SecretStep", PRINCIPAL),
    ]


def test_the_same_certificate_in_two_places_is_two() -> None:
    only_here = replace(record(), application=replace(record().application, certificates=(CERTIFICATE,)))

    (step,) = [
        one for one in access_steps.restore_steps(in_both_places(), only_here, NOW) if isinstance(one, CertificatesStep)
    ]

    assert step.entries == (OF_PRINCIPAL,)


def test_a_record_of_one_place_is_no_way_back_for_the_other() -> None:
    step = CertificatesStep(in_both_places().application, (OF_PRINCIPAL,))

    assert not access_steps.is_recorded(record(), step)


def test_what_the_service_principal_had_comes_back_where_the_registration_cannot_be_read() -> None:
    full = in_both_places(application_object_id=None)
    seen = replace(full, application=replace(full.application, certificates=(), secrets=()))

    assert of_credentials(access_steps.restore_steps(full, seen, NOW)) == [("CertificatesStep", PRINCIPAL)]
