# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for the tests of all folders."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization


@pytest.fixture(scope="session", autouse=True)
def each_fingerprint_once() -> Iterator[None]:
    """The fingerprint of a client secret is slow on purpose; operations in this process share those of one secret."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "scrypt", cache(hashlib.scrypt))
        yield


@pytest.fixture(scope="session", autouse=True)
def each_private_key_checked_once() -> Iterator[None]:
    """Whether the numbers of a key belong together takes a tenth of a second to find out, at each loading."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("load_der_private_key", "load_pem_private_key"):
            patch.setattr(serialization, name, cache(getattr(serialization, name)))
        yield
