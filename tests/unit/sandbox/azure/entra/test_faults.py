# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with the application's credential, told by DSM's check (Azure contract §2 T20 to T22, T36)."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization

from sandbox import Profile, Sandbox
from sandbox.authorities import Pair, self_signed

CHECK = "/sys/v1/groups/hmg/check"


@cache
def pair(days: int = 30) -> Pair:
    return self_signed("credential", days, "rsa")


def by_certificate(used: Pair) -> dict[str, str]:
    key = serialization.load_pem_private_key(used.key_pem.encode(), None)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    blobs = {
        "client_cert": used.certificate.public_bytes(serialization.Encoding.DER),
        "client_key": key.private_bytes(serialization.Encoding.DER, form, plain),
    }
    return {"mode": "token_auth_config", **{name: base64.b64encode(blob).decode() for name, blob in blobs.items()}}


@pytest.fixture
def code_of(admin: Any, estate: Any) -> Any:
    """Check the estate's link and tell Entra's code, or None if the check passes."""

    def code_of(**changes: Any) -> str | None:
        answer = admin("POST", CHECK, estate.link(**changes))
        if answer.status == 204:
            return None
        assert answer.status == 400
        assert answer.text.startswith("Microsoft Entra ID (login.microsoftonline.com): HTTP ")
        return str(answer.text).partition("AADSTS")[2].partition(":")[0]

    return code_of


# Secrets ------------------------------------------------------------------------------------------------------------


def test_a_wrong_secret_is_7000215(code_of: Any) -> None:
    assert code_of(auth_config={"mode": "client_secret", "client_secret": "wrong"}) == "7000215"


def test_the_secrets_id_in_place_of_its_value_is_7000215(code_of: Any, estate: Any) -> None:
    key_id = estate.do(lambda azure: azure.application(estate.client_id).secrets[0].key_id)

    assert code_of(auth_config={"mode": "client_secret", "client_secret": key_id}) == "7000215"


def test_an_expired_secret_is_7000222(code_of: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.expire_secret(estate.client_id))

    assert code_of() == "7000222"


def test_a_removed_secret_is_7000215(code_of: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.remove_secret(estate.client_id))

    assert code_of() == "7000215"


def test_a_second_secret_is_as_good_as_the_first(code_of: Any, estate: Any) -> None:
    second = estate.do(lambda azure: azure.add_secret(estate.client_id))
    estate.do(
        lambda azure: azure.expire_secret(estate.client_id, azure.application(estate.client_id).secrets[0].key_id)
    )

    assert code_of(auth_config={"mode": "client_secret", "client_secret": second.value}) is None


# Tenant and application -----------------------------------------------------------------------------------------------


def test_an_unknown_tenant_is_90002(code_of: Any) -> None:
    assert code_of(tenant_id=str(uuid4())) == "90002"


def test_a_removed_tenant_is_90002(code_of: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.remove_tenant(estate.tenant_id))

    assert code_of() == "90002"


def test_an_unknown_application_is_700016(code_of: Any) -> None:
    assert code_of(client_id=str(uuid4())) == "700016"


def test_a_removed_application_is_700016(code_of: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.remove_application(estate.client_id))

    assert code_of() == "700016"


def test_an_application_of_another_tenant_is_700016(code_of: Any, make_estate: Any) -> None:
    assert code_of(client_id=make_estate().client_id) == "700016"


def test_a_disabled_application_is_7000112_until_it_is_enabled_again(code_of: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.disable_application(estate.client_id))
    disabled = code_of()
    estate.do(lambda azure: azure.enable_application(estate.client_id))

    assert (disabled, code_of()) == ("7000112", None)


# Certificates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PS256", "RS256"])
def test_entra_takes_both_forms_of_dsms_assertion(sb: Sandbox, code_of: Any, estate: Any, form: Any) -> None:
    sb.profile = Profile(client_assertion=form)
    estate.do(lambda azure: azure.add_certificate(estate.client_id, pair().certificate))

    assert code_of(auth_config=by_certificate(pair())) is None


def test_an_unregistered_certificate_is_700027(code_of: Any) -> None:
    assert code_of(auth_config=by_certificate(pair())) == "700027"


def test_a_removed_certificate_is_700027(code_of: Any, estate: Any) -> None:
    estate.do(lambda azure: azure.add_certificate(estate.client_id, pair().certificate))
    estate.do(lambda azure: azure.remove_certificates(estate.client_id))

    assert code_of(auth_config=by_certificate(pair())) == "700027"


@pytest.mark.parametrize("code", ["700027", "1000502"])
def test_an_expired_certificate_has_one_of_two_codes(sb: Sandbox, code_of: Any, estate: Any, code: Any) -> None:
    sb.profile = Profile(expired_certificate=code)
    expired = pair(-1)
    estate.do(lambda azure: azure.add_certificate(estate.client_id, expired.certificate))

    assert code_of(auth_config=by_certificate(expired)) == code


@pytest.mark.parametrize(("skew", "code"), [(3600, "700024"), (-3600, "700024"), (120, None), (-120, None)])
def test_an_assertion_outside_its_time_is_700024(
    sb: Sandbox, code_of: Any, estate: Any, skew: float, code: str | None
) -> None:
    estate.do(lambda azure: azure.add_certificate(estate.client_id, pair().certificate))
    sb.profile = Profile(dsm_clock_skew=skew)

    assert code_of(auth_config=by_certificate(pair())) == code
