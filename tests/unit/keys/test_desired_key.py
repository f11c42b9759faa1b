# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A requested key: what is refused before any request, with option, problem and remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput
from ansible_collections.fortanix.dsm.plugins.module_utils._keys.desired_key import (
    DesiredKey,
    check_can_be_created,
    check_for_vault,
    check_source,
)
from unit.keys.builders import NOW, source

KID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
UNSET = dict.fromkeys(
    (
        "dsm_name",
        "origin",
        "source",
        "type",
        "size",
        "curve",
        "protection",
        "operations",
        "enabled",
        "expires",
        "not_before",
        "valid_days",
        "tags",
        "description",
        "metadata",
        "rotation_policy",
    )
)
DEFAULTS = {
    "on_soft_deleted": "fail",
    "allow_recreate": False,
    "look_in_azure": True,
    "enabled_versions": "current",
}
GENERATED = {"origin": "azure", "type": "RSA", "size": 3072}
COPIED = {"origin": "copy", "source": {"kid": KID, "name": None}}
MASTER = source(KID, type="RSA", size=2048, operations=("SIGN", "EXPORT"))


def desired(**options: Any) -> DesiredKey:
    return DesiredKey.from_params({**UNSET, **DEFAULTS, "name": "payments", "adopt": False, **options}, NOW)


def refused(**options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as failed:
        desired(**options)
    return failed.value


@pytest.mark.parametrize(
    ("options", "option", "problem"),
    [
        ({"name": ""}, "name", "is not the name of a key"),
        ({"name": "a_b"}, "name", "is not the name of a key"),
        ({"name": "a" * 128}, "name", "is not the name of a key"),
        ({"name": "schlüssel"}, "name", "is not the name of a key"),
        ({"name": "a\n"}, "name", "is not the name of a key"),
        ({"dsm_name": " "}, "dsm_name", "blank"),
        ({"dsm_name": "a\nb"}, "dsm_name", "line break"),
        ({"dsm_name": "a" * 4097}, "dsm_name", "4097 characters"),
        ({"origin": "copy"}, "source", "required with origin: copy"),
        ({**GENERATED, "source": {"kid": KID, "name": None}}, "source", "set with origin: azure"),
        ({"source": {"kid": KID, "name": None}}, "origin", "not set"),
        ({"origin": "copy", "source": {"kid": "master", "name": None}}, "source.kid", "not a UUID"),
        ({"origin": "copy", "source": {"kid": None, "name": " "}}, "source.name", "blank"),
        ({"size": 2048, "curve": "P-256"}, "curve", "set with size"),
        ({"type": "EC", "size": 2048}, "size", "set with type: EC"),
        ({"type": "RSA", "curve": "P-256"}, "curve", "set with type: RSA"),
        ({"type": "EC", "operations": ["sign", "wrap_key"]}, "operations", "an EC key cannot wrap_key"),
        ({"curve": "P-256", "operations": ["encrypt"]}, "operations", "an EC key cannot encrypt"),
        ({"operations": []}, "operations", "empty"),
        ({"operations": ["sign", "sign"]}, "operations", "twice"),
        ({"operations": ["SIGN"]}, "operations", "is not an operation"),
        ({"operations": ["sign", "EXPORT"]}, "operations", "cannot be exported by DSM"),
        ({**GENERATED, "operations": ["export"]}, "operations", "cannot be exported by DSM"),
        ({"operations": ["HIGHVOLUME"]}, "operations", "audit log"),
        ({"operations": ["high_volume"]}, "operations", "audit log"),
        ({"expires": "tomorrow"}, "expires", "is not a time"),
        ({"expires": ""}, "expires", "is not a time"),
        ({"expires": "2026-11-25T11:59:59Z"}, "expires", "in the past"),
        ({"expires": "2026-11-25T12:00:00Z"}, "expires", "in the past"),
        ({"not_before": "0999-01-01T00:00:00Z"}, "not_before", "before 1970"),
        ({"not_before": "1970-01-01T00:00:00+01:00"}, "not_before", "before 1970"),
        ({"not_before": "soon"}, "not_before", "is not a time"),
        ({"not_before": "2027-06-01T00:00:00Z", "expires": "2027-06-01"}, "expires", "is not a time"),
        (
            {"not_before": "2027-06-01T00:00:00Z", "expires": "2027-06-01T00:00:00Z"},
            "not_before",
            "not before expires",
        ),
    ],
)
def test_an_option_that_no_key_can_have_is_refused(options: dict[str, Any], option: str, problem: str) -> None:
    failure = refused(**options)
    assert (failure.obj, bool(failure.next_step)) == (option, True)
    assert problem in failure.problem


def test_a_time_is_compared_in_whole_seconds_of_utc() -> None:
    found = desired(expires="2027-06-01T02:00:00.75+02:00")
    assert found.view()["expires"] == "2027-06-01T00:00:00Z"


def test_a_date_in_the_past_from_which_a_key_is_valid_is_accepted() -> None:
    """It was in the future when the play was written; a play must not fail for its age."""
    assert desired(not_before="2020-01-01T00:00:00Z").not_before is not None


def test_the_name_in_dsm_is_that_in_the_vault_unless_it_is_set() -> None:
    assert (desired().dsm_name, desired(dsm_name="payments of prod").dsm_name) == ("payments", "payments of prod")


VAULT_TYPES = ("standard", "premium", "managed_hsm", None)


def problem_of(check: Callable[[], None]) -> tuple[str, str] | None:
    """The option that is refused, and why; None if none is."""
    try:
        check()
    except InvalidInput as failure:
        return failure.obj, failure.problem
    return None


def test_a_protection_that_the_vault_does_not_have_is_refused() -> None:
    pairs = list(product(("hsm", "software", None), VAULT_TYPES))
    found = {pair: problem_of(partial(check_for_vault, desired(protection=pair[0]), pair[1])) for pair in pairs}
    assert {pair: problem for pair, problem in found.items() if problem is not None} == {
        ("hsm", "standard"): ("protection", "the vault of the group is a Standard vault, which has no HSM"),
        ("software", "managed_hsm"): (
            "protection",
            "the group uses a Managed HSM, which protects every key by an HSM",
        ),
    }


def missing(options: dict[str, Any], vault_type: str | None) -> str | None:
    """The option without which the key cannot be created; None if there is none."""
    problem = problem_of(partial(check_can_be_created, desired(**options), vault_type))
    return None if problem is None else problem[0]


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({}, "origin"),
        ({"origin": "azure"}, "type"),
        ({"origin": "azure", "type": "RSA"}, "size"),
        ({"origin": "azure", "type": "EC"}, "curve"),
    ],
)
def test_a_key_to_create_must_be_described_completely(options: dict[str, Any], option: str) -> None:
    assert missing(options, "standard") == option


@pytest.mark.parametrize("options", [GENERATED, COPIED], ids=["generated", "copied"])
def test_protection_is_needed_only_where_a_vault_offers_two(options: dict[str, Any]) -> None:
    found = {vault_type: missing(options, vault_type) for vault_type in VAULT_TYPES}
    assert found == {"standard": None, "premium": "protection", "managed_hsm": None, None: "protection"}


@pytest.mark.parametrize(
    ("changed", "options", "option", "problem"),
    [
        ({"external": True}, {}, "source", "virtual key"),
        ({"key": replace(MASTER.key, enabled=False)}, {}, "source", "is disabled"),
        ({"public_only": True}, {}, "source", "private half is not in DSM"),
        ({"operations": ("SIGN",)}, {}, "source", "cannot be exported"),
        ({"never_exportable": True}, {}, "source", "cannot be exported"),
        ({"type": "AES", "size": 256}, {}, "source", "Azure does not accept"),
        ({"size": 1024}, {}, "source", "Azure does not accept"),
        ({"type": "EC", "size": None, "curve": "NistP224"}, {}, "source", "Azure does not accept"),
        ({}, {"size": 4096}, "size", "it is 4096, but"),
        ({}, {"type": "EC"}, "type", "it is 'EC', but"),
        ({}, {"curve": "P-256"}, "curve", "it is 'P-256', but"),
        ({"type": "EC", "curve": "NistP256"}, {"operations": ["encrypt"]}, "operations", "cannot encrypt"),
    ],
)
def test_a_source_that_cannot_be_copied_as_requested_is_refused(
    changed: dict[str, Any], options: dict[str, Any], option: str, problem: str
) -> None:
    with pytest.raises(InvalidInput) as failed:
        check_source(desired(**COPIED, **options), replace(MASTER, **changed))
    assert failed.value.obj == option
    assert problem in failed.value.problem


@pytest.mark.parametrize("state", ["preactive", "deactivated", "compromised", "destroyed", "deleted"])
def test_a_source_that_is_not_active_is_refused(state: str) -> None:
    unusable: DsmKey = replace(MASTER, key=replace(MASTER.key, state=state))
    with pytest.raises(InvalidInput, match=f"state {state}"):
        check_source(desired(**COPIED), unusable)


def test_a_copy_has_the_form_of_its_source() -> None:
    check_source(desired(**COPIED, type="RSA", size=2048), MASTER)
    view = desired(**COPIED).with_form_of(MASTER).view()
    assert (view["type"], view["size"]) == ("RSA", 2048)
    curve = desired(**COPIED).with_form_of(replace(MASTER, type="EC", size=521, curve="NistP521")).view()
    assert (curve["type"], curve["curve"], "size" in curve) == ("EC", "P-521", False)
