# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enterprise TLS fronts and failing names in DSM's egress, over real handshakes (DSM contract §2.8, Q35)."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from sandbox import Profile, Sandbox
from sandbox.authorities import Pair

CHECK = "/sys/v1/groups/hmg/check"
SCOPES = ("vault", "vault+arm", "all")


def b64(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def tls(*pinned: str, pair: Pair | None = None, validate: bool = True) -> dict[str, Any]:
    ca: dict[str, Any] = {"pinned": [b64(pem) for pem in pinned]} if pinned else {"ca_set": "global_roots"}
    block: dict[str, Any] = {"mode": "required", "validate_hostname": validate, "ca": ca}
    if pair:
        block |= {"client_cert": b64(pair.certificate_pem), "client_key": b64(pair.key_pem)}
    return block


def test_global_roots_do_not_know_the_enterprise(sb: Sandbox, admin: Any, estate: Any) -> None:
    sb.fronts.put("all")

    answer = admin("POST", CHECK, estate.link(tls=tls()))

    assert answer.status == 400
    assert answer.text.startswith("Microsoft Entra ID (login.microsoftonline.com): TLS: ")
    assert "unable to get local issuer certificate" in answer.text


@pytest.mark.parametrize("cloud", ["public", "government"])
def test_with_the_enterprises_authority_pinned_all_legs_pass_through_the_front(
    sb: Sandbox, admin: Any, make_estate: Any, cloud: str, names: Any
) -> None:
    from sandbox.dsm.external_kms import GOVERNMENT_ENDPOINTS

    estate = make_estate(cloud)
    sb.fronts.put("all")
    endpoints = GOVERNMENT_ENDPOINTS if cloud == "government" else None
    config = estate.link(tls=tls(sb.fronts.ca_pem), endpoints=endpoints)
    made = admin("POST", "/sys/v1/groups", {"name": names.new(), "add_hmg": [config]}).json
    mark = sb.journal.mark()

    scanned = admin("POST", f"/sys/v1/groups/{made['group_id']}/hmg/scan", {})
    checked = admin("POST", CHECK, config)

    assert (len(scanned.json), checked.status) == (2, 204)
    seen = [entry for entry in sb.journal.since(mark) if entry.plane != "dsm"]
    assert {entry.plane for entry in seen} == {"entra", "arm", "vault"}
    assert {entry.origin for entry in seen} == {"dsm"}


def test_clients_of_the_sandbox_do_not_meet_the_front(sb: Sandbox, anonymous: Any) -> None:
    sb.fronts.put("all")

    there = type(anonymous)(anonymous.pool, "https://login.microsoftonline.com")

    assert there("GET", "/common/discovery/instance").status == 200


@pytest.mark.parametrize(("validate", "status"), [(True, 400), (False, 204)])
@pytest.mark.parametrize("authority", ["global", "enterprise"])
def test_a_wrong_host_name_counts_only_where_the_link_says_so(
    sb: Sandbox, admin: Any, estate: Any, validate: bool, status: int, authority: Any
) -> None:
    sb.fronts.put("all", certificate="wrong_host", authority=authority)
    pinned = (sb.fronts.ca_pem,) if authority == "enterprise" else ()

    answer = admin("POST", CHECK, estate.link(tls=tls(*pinned, validate=validate)))

    assert answer.status == status
    assert ("Hostname mismatch" in answer.text) is validate


@pytest.mark.parametrize("validate", [True, False])
def test_an_expired_certificate_always_counts(sb: Sandbox, admin: Any, estate: Any, validate: bool) -> None:
    sb.fronts.put("entra", certificate="expired")

    answer = admin("POST", CHECK, estate.link(tls=tls(sb.fronts.ca_pem, validate=validate)))

    assert "certificate has expired" in answer.text


# Client certificates ------------------------------------------------------------------------------------------------


def test_a_front_may_demand_the_links_client_certificate(sb: Sandbox, admin: Any, estate: Any) -> None:
    sb.fronts.put("all", client_certificate=True)

    answer = admin("POST", CHECK, estate.link(tls=tls(sb.fronts.ca_pem, pair=sb.fronts.client_pair)))

    assert answer.status == 204


@pytest.mark.parametrize(("stranger", "words"), [(False, "certificate required"), (True, "unknown ca")])
def test_without_the_right_client_certificate_the_front_says_why_it_refuses(
    sb: Sandbox, admin: Any, estate: Any, stranger: bool, words: str
) -> None:
    sb.fronts.put("vault", client_certificate=True)
    root = sb.authorities.global_root.cert_pem.bytes().decode()
    pair = sb.fronts.stranger_pair if stranger else None

    answer = admin("POST", CHECK, estate.link(tls=tls(sb.fronts.ca_pem, root, pair=pair)))

    assert answer.status == 400
    assert answer.text.startswith("Azure Key Vault (")
    assert "TLS: " in answer.text
    assert words in answer.text


def test_the_key_of_the_client_pair_comes_encrypted_too(sb: Sandbox) -> None:
    text = sb.fronts.client_pair.encrypted_key_pem("passphrase")

    with pytest.raises(TypeError):
        serialization.load_pem_private_key(text.encode(), None)
    key = serialization.load_pem_private_key(text.encode(), b"passphrase")

    assert key.public_key() == sb.fronts.client_pair.certificate.public_key()


# Which connections the link's tls block covers --------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("places", "right_scope"), [(("vault",), "vault"), (("vault", "arm"), "vault+arm"), (("all",), "all")]
)
def test_a_pinned_authority_fits_only_where_the_scope_meets_the_fronts(
    sb: Sandbox, admin: Any, estate: Any, scope: Any, places: tuple[str, ...], right_scope: str
) -> None:
    sb.fronts.put(*places)
    sb.profile = Profile(tls_scope=scope)

    answer = admin("POST", CHECK, estate.link(tls=tls(sb.fronts.ca_pem)))

    assert (answer.status == 204) is (scope == right_scope), answer.text


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("places", [("vault",), ("vault", "arm"), ("all",)])
def test_pinning_both_authorities_fits_wherever_the_scope_covers_the_fronts(
    sb: Sandbox, admin: Any, estate: Any, scope: Any, places: tuple[str, ...]
) -> None:
    sb.fronts.put(*places)
    sb.profile = Profile(tls_scope=scope)
    root = sb.authorities.global_root.cert_pem.bytes().decode()
    covers = SCOPES.index(scope) >= {"vault": 0, "arm": 1, "all": 2}[places[-1]]

    assert (admin("POST", CHECK, estate.link(tls=tls(sb.fronts.ca_pem, root))).status == 204) is covers


# Names that lead nowhere ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "leg"),
    [("entra", "Microsoft Entra ID (login."), ("arm", "Azure Resource Manager (management."), ("vault", "Azure Key")],
)
@pytest.mark.parametrize(
    ("how", "words"), [("dns", "does not resolve"), ("refused", "refused"), ("silent", "no answer in time")]
)
def test_a_failing_name_is_told_with_its_leg(
    sb: Sandbox, admin: Any, estate: Any, place: str, leg: str, how: Any, words: str
) -> None:
    sb.profile = Profile(azure_timeout=0.3)
    sb.fronts.fail(place, how=how)

    began = time.monotonic()
    answer = admin("POST", CHECK, estate.link())

    assert answer.status == 400
    assert answer.text.startswith(leg)
    assert words in answer.text.lower()
    assert time.monotonic() - began < 3


def test_one_host_may_fail_alone(sb: Sandbox, admin: Any, make_estate: Any) -> None:
    broken, whole = make_estate(), make_estate()
    sb.fronts.fail(f"{broken.vault}.vault.azure.net", how="dns")

    assert [admin("POST", CHECK, estate.link()).status for estate in (broken, whole)] == [400, 204]


def test_all_is_well_again_once_the_fronts_are_cleared(sb: Sandbox, admin: Any, estate: Any) -> None:
    sb.fronts.put("all")
    sb.fronts.fail("vault", how="dns")
    sb.fronts.clear()

    assert admin("POST", CHECK, estate.link()).status == 204
