# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data planes of an estate's vault, and of a managed HSM beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox import Sandbox
from support.azure_callers import POOL, VAULT
from support.azure_keys import Store


@pytest.fixture(autouse=True)
def steady_clock(running: Sandbox) -> Iterator[None]:
    """What a test advances the shared sandbox's clock by is taken back after it."""
    ahead = running.clock.now() - time.time()
    yield
    running.clock.advance(ahead - (running.clock.now() - time.time()))


@pytest.fixture
def vault_of(anonymous: Any) -> Callable[[Any], Store]:
    return lambda estate: Store(anonymous, estate, estate.vault, estate.url, VAULT[estate.cloud])


@pytest.fixture
def hsm_of(anonymous: Any) -> Callable[[Any], Store]:
    """A managed HSM with one key, whose keys the estate's application may use as a Crypto User."""

    def make(estate: Any) -> Store:
        def build(azure: Any) -> Any:
            found = azure.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
            azure.assign_local_role(found, estate.client_id)
            azure.add_key(found, "seal", kty="RSA-HSM")
            return found

        made = estate.do(build)
        return Store(anonymous, estate, made.name, made.uri, POOL[estate.cloud])

    return make


@pytest.fixture
def vault(vault_of: Callable[[Any], Store], estate: Any) -> Store:
    return vault_of(estate)


@pytest.fixture
def hsm(hsm_of: Callable[[Any], Store], estate: Any) -> Store:
    return hsm_of(estate)
