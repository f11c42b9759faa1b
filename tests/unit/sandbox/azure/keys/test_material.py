# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public material of the simulated vaults' keys: what tells two keys apart."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.azure.keys.material import public_material


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_each_rsa_key_has_a_modulus_of_its_own_that_parses_as_a_public_key(size: int) -> None:
    moduli = [number(public_material("RSA-HSM", size, "")["n"]) for _number in range(200)]

    sizes = {rsa.RSAPublicNumbers(65537, n).public_key().key_size for n in moduli}

    assert len(set(moduli)) == 200
    assert sizes == {size}
    assert {n % 2 for n in moduli} == {1}


@pytest.mark.parametrize(("curve", "width"), [("P-256", 32), ("P-384", 48), ("P-521", 66), ("P-256K", 32)])
def test_coordinates_have_the_width_of_the_field(curve: str, width: int) -> None:
    point = public_material("EC", 0, curve)

    assert {len(base64.urlsafe_b64decode(point[name] + "==")) for name in ("x", "y")} == {width}


def test_a_symmetric_key_shows_no_material() -> None:
    assert public_material("oct-HSM", 256, "") == {}
