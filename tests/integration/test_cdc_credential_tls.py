# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS parts of the links (guide 4.4), replaced together with the credential that a link is only ever sent with."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox.authorities import self_signed
from support.azure_rights import AzureRights
from support.rotations import Rotations


@pytest.fixture
def rotations(azure: AzureRights) -> Rotations:
    return Rotations(azure)


def tls(rotations: Rotations, group: str) -> dict[str, Any]:
    """What DSM really holds for a group."""

    def look(state: Any) -> dict[str, Any]:
        (link,) = state.dsm.find_group(group).hmg.values()
        return dict(link["tls"])

    return rotations.azure.sandbox.do(look)


def roots(rotations: Rotations) -> str:
    """The CA behind the certificates of the simulated Azure."""
    return rotations.azure.sandbox.ca_bundle.read_text(encoding="utf-8")


def test_a_client_pair_is_replaced_where_there_is_one_and_given_to_no_other_link(rotations: Rotations) -> None:
    old, new = self_signed("old"), self_signed("new")
    presents = {"client_certificate": old.certificate_pem, "client_key": old.key_pem}
    rotations.given("presents", tls=presents)
    rotations.given("plain")
    replacement = {"client_certificate": new.certificate_pem, "client_key": new.key_pem}

    result = rotations(tls=replacement)
    again = rotations(tls=replacement)

    assert result["reason"] == 'the TLS configuration of group "presents" changes'
    assert set(tls(rotations, "presents")) >= {"client_cert", "client_key"}
    assert "client_cert" not in tls(rotations, "plain")
    assert not again["changed"]
    assert rotations.connects("presents")
    (only,) = rotations.ours()
    assert set(rotations.held().values()) == {only}


def test_a_link_with_a_client_pair_is_not_renewed_without_its_key(rotations: Rotations) -> None:
    pair = self_signed("pair")
    rotations.given("presents", tls={"client_certificate": pair.certificate_pem, "client_key": pair.key_pem})
    mark = rotations.azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match="the link has a TLS client certificate"):
        rotations(renew="always")
    assert rotations.azure.sandbox.journal.writes(since=mark) == []

    rotations(renew="always", tls={"client_key": pair.key_pem})
    assert rotations.connects("presents")


def test_a_new_ca_is_trusted_beside_the_old_one_until_the_old_one_is_let_go(rotations: Rotations) -> None:
    coming = self_signed("new proxy CA")
    rotations.given("pinned", tls={"ca_certificates": [roots(rotations)]})
    rotations.given("plain")
    known = len(tls(rotations, "pinned")["ca"]["pinned"])
    wish = {"tls": {"ca_certificates": [coming.certificate_pem]}}

    rotations(**wish)
    assert len(tls(rotations, "pinned")["ca"]["pinned"]) == known + 1
    assert tls(rotations, "plain")["ca"] == {"ca_set": "global_roots"}
    assert not rotations(**wish)["changed"]

    # Nothing in Azure shows a certificate of the new CA yet, so the old one cannot go.
    held = rotations.held()
    with pytest.raises(TaskError, match="the connection test with the new credential failed, so no group was changed"):
        rotations(**wish, keep_old_cas=False, wait_timeout=0)
    assert rotations.held() == held
    assert rotations.connects("pinned")
