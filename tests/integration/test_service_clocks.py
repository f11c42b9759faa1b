# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A control node whose clock is wrong: what expires is evaluated by the clocks of Entra, Azure and DSM."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_connection, cdc_group, cdc_sync
from sandbox import Fault, Profile
from sandbox.authorities import self_signed
from support.azure_rights import AzureRights, ids
from support.cutoff import RBAC_VAULT, Cutoff
from support.operate import Operator

TWO_HOURS = 7200
# How far the services are ahead of the control node, and what is said of the node.
SKEWS = [(TWO_HOURS, "2 h 0 min behind"), (-TWO_HOURS, "2 h 0 min ahead of")]


@pytest.fixture
def cutoff(azure: AzureRights) -> Cutoff:
    made = Cutoff(azure)
    made.prepare()
    made.names = (RBAC_VAULT,)
    return made


def parsed(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def is_now(azure: AzureRights, text: str, *, plus: timedelta = timedelta(0)) -> bool:
    """Whether the time is that of the services, give or take the minute that a loaded machine may need."""
    return abs(parsed(text) - plus - azure.sandbox.clock.utc()) < timedelta(minutes=1)


@pytest.mark.parametrize(("ahead", "words"), SKEWS)
def test_tokens_expire_by_the_clock_of_entra(cutoff: Cutoff, ahead: int, words: str) -> None:
    cutoff.azure.sandbox.clock.advance(ahead)

    result = cutoff.cut(token_lifetime=90)

    assert is_now(cutoff.azure, result["still_valid_until"], plus=timedelta(minutes=90))
    assert is_now(cutoff.azure, result["record"]["disabled_at"])
    assert is_now(cutoff.azure, result["record"]["taken_at"])
    # One for each of the two tasks.
    assert [line for line in cutoff.warnings if f"{words} Entra's" in line] == cutoff.warnings
    assert len(cutoff.warnings) == 2


@pytest.mark.parametrize("ahead", [TWO_HOURS, -TWO_HOURS])
def test_an_application_that_somebody_else_has_disabled_counts_from_now_on(cutoff: Cutoff, ahead: int) -> None:
    cutoff.azure.sandbox.clock.advance(ahead)
    cutoff.azure.do(lambda state: state.disable_service_principal(cutoff.azure.app))

    result = cutoff.cut(token_lifetime=90)

    assert is_now(cutoff.azure, result["still_valid_until"], plus=timedelta(minutes=90))


@pytest.mark.parametrize("ahead", [TWO_HOURS, -TWO_HOURS])
def test_a_record_is_closed_by_the_clock_of_the_services(cutoff: Cutoff, ahead: int) -> None:
    cutoff.azure.sandbox.clock.advance(ahead)
    cutoff.cut()

    cutoff.restore()

    assert is_now(cutoff.azure, json.loads(cutoff.record)["restored_at"])


def test_a_certificate_that_has_expired_for_entra_does_not_come_back(cutoff: Cutoff) -> None:
    azure = cutoff.azure
    azure.do(lambda state: state.add_certificate(azure.app, self_signed("short", days=1).certificate))
    cutoff.cut(cut_credentials=True)
    azure.sandbox.clock.advance(2 * 86400)

    result = cutoff.restore()

    assert len(result["application"]["certificates"]) == len(cutoff.credentials()[0]) == 1
    assert "access-not-restorable" in ids(result)


def test_a_credential_that_has_expired_for_entra_is_found(azure: AzureRights) -> None:
    azure.do(lambda state: state.remove_certificates(azure.app))
    azure.do(lambda state: state.remove_secret(azure.app))
    azure.do(lambda state: state.add_secret(azure.app, timedelta(hours=1)))
    before = ids(azure.judge())
    azure.sandbox.clock.advance(TWO_HOURS)

    assert ("credentials-expired" in before, "credentials-expired" in ids(azure.judge())) == (False, True)


def test_no_difference_is_no_warning(azure: AzureRights) -> None:
    azure.judge()

    assert azure.warnings == []


@pytest.fixture
def by_certificate(azure: AzureRights, tmp_path: Path) -> dict[str, Any]:
    """A login of the operator that is signed by the control node's clock."""
    pair, path = self_signed("operator", algorithm="rsa"), tmp_path / "pair.pem"
    azure.do(lambda state: state.add_certificate(azure.view.operator_client_id, pair.certificate))
    path.write_text(pair.key_pem + pair.certificate_pem, encoding="utf-8")
    return {"secret": None, "x509_certificate_path": str(path)}


def test_an_assertion_that_entra_refuses_for_its_time_names_the_difference(
    azure: AzureRights, by_certificate: dict[str, Any]
) -> None:
    azure.sandbox.clock.advance(TWO_HOURS)

    with pytest.raises(TaskError) as refused:
        azure.judge(**by_certificate)

    assert refused.value.details["code"] == "AADSTS700024"
    assert "the control node's clock is 2 h 0 min behind Entra's" in refused.value.next_step


def test_an_assertion_from_the_future_logs_in_with_a_warning(
    azure: AzureRights, by_certificate: dict[str, Any]
) -> None:
    """The assertions of Microsoft's library have an end and no beginning."""
    azure.sandbox.clock.advance(-1200)

    azure.judge(**by_certificate)

    assert [line.partition(". ")[0] for line in azure.warnings] == [
        "The control node's clock is 20 min ahead of Entra's"
    ]


@pytest.mark.parametrize(("skew", "words"), [(7200.0, "2 h 0 min ahead of"), (-7200.0, "2 h 0 min behind")])
def test_a_clock_of_dsm_that_is_wrong_is_named_by_the_diagnosis(azure: AzureRights, skew: float, words: str) -> None:
    pair = self_signed("dsm", algorithm="rsa")
    azure.do(lambda state: state.add_certificate(azure.app, pair.certificate))
    link = {
        "link_tenant_id": azure.view.tenant_id,
        "link_client_id": azure.app,
        "link_subscription_id": azure.view.subscription_id,
        "link_certificate": pair.certificate_pem,
        "link_private_key": pair.key_pem,
    }
    azure.sandbox.profile = Profile(dsm_clock_skew=skew)

    with pytest.raises(TaskError) as failure:
        Operator(azure.sandbox.environment())(cdc_connection, **link)

    assert failure.value.details["diagnosis"]["class"] == "assertion-outside-time"
    assert f"DSM's clock is {words} the control node's" in failure.value.next_step


@pytest.mark.parametrize(("left", "skew", "taken"), [(1, 7200.0, False), (-1, -7200.0, True)])
@pytest.mark.parametrize("option", ["link_certificate", "tls.client_certificate", "tls.ca_certificates"])
def test_a_given_certificate_is_valid_by_the_clock_of_dsm(
    azure: AzureRights, option: str, left: int, skew: float, taken: bool
) -> None:
    """``left``: hours by the clock of the control node, which is wrong."""
    pair = self_signed("given", days=left / 24, algorithm="rsa")
    options: dict[str, Any] = {
        "link_certificate": {"link_certificate": pair.certificate_pem, "link_private_key": pair.key_pem},
        "tls.client_certificate": {"tls": {"client_certificate": pair.certificate_pem, "client_key": pair.key_pem}},
        "tls.ca_certificates": {"tls": {"ca_certificates": [pair.certificate_pem]}},
    }[option]
    secret = {} if option == "link_certificate" else {"link_client_secret": azure.view.client_secret}
    ids = {
        "link_tenant_id": azure.view.tenant_id,
        "link_client_id": azure.app,
        "link_subscription_id": azure.view.subscription_id,
    }
    azure.sandbox.profile = Profile(dsm_clock_skew=skew)
    operate = Operator(azure.sandbox.environment())

    outcome: Any = contextlib.nullcontext()
    if not taken:
        outcome = pytest.raises(InvalidInput, match=f"Option {option}: the certificate expired on")

    with outcome:
        made = operate(cdc_group, name="by-the-clock", **ids, **secret, **options, check_mode=True)
        assert made["changed"]


def test_an_answer_of_a_cache_shows_no_time(azure: AzureRights) -> None:
    operate = Operator(azure.sandbox.environment())
    name = azure.group()
    old = {"Date": "Sun, 17 May 2020 12:00:00 GMT", "Age": "1000"}
    azure.sandbox.faults.add(Fault("dsm", "GET", "/sys/v1/groups", status=503, headers=old))

    operate(cdc_sync, group_name=name)

    assert operate.warnings == []


def test_a_fault_tells_its_own_time(azure: AzureRights) -> None:
    """The sandbox leaves the Date of an answer that a test has made, and gives every other one its own."""
    operate: Any = Operator(azure.sandbox.environment())
    name = azure.group()
    old = {"Date": "Sun, 17 May 2020 12:00:00 GMT"}
    azure.sandbox.faults.add(Fault("dsm", "GET", "/sys/v1/groups", status=503, headers=old))

    operate(cdc_sync, group_name=name)

    assert [line.split(" is ")[0] for line in operate.warnings] == ["The control node's clock"]
