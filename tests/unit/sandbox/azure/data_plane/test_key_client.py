# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole life of keys in vaults and managed HSMs of both clouds, as the vendor's own client leads it."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import (
    ApiVersion,
    JsonWebKey,
    KeyClient,
    KeyOperation,
    KeyRotationLifetimeAction,
    KeyRotationPolicy,
    KeyRotationPolicyAction,
)

from sandbox import Profile, Sandbox
from sandbox.azure.rights import local_roles
from sandbox.azure.rights.effective import DATA_ACTIONS, FURTHER_ACTIONS
from support.azure_callers import LOGIN
from support.azure_keys import private_jwk

OFTEN = 0.2
"""Seconds between two looks of the client at whether the vault is done."""
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


@pytest.fixture
def client_of(sb: Sandbox, make_estate: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], KeyClient]:
    """A client that may do everything to the keys of a new vault or managed HSM of a cloud."""
    for name, value in sb.environment().items():
        monkeypatch.setenv(name, value)

    def make(cloud: str, kind: str, **options: Any) -> KeyClient:
        estate = make_estate(cloud)

        def build(azure: Any) -> str:
            azure.set_access_policy(estate.vault, estate.client_id, [*DATA_ACTIONS, *FURTHER_ACTIONS])
            if kind == "vault":
                return str(azure.vault(estate.vault).uri)
            pool = azure.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
            pool.purge_protection = False
            for role in (local_roles.CRYPTO_USER, local_roles.CRYPTO_OFFICER):
                azure.assign_local_role(pool, estate.client_id, role)
            return str(pool.uri)

        credential = ClientSecretCredential(
            estate.tenant_id, estate.client_id, estate.client_secret, authority=LOGIN[cloud]
        )
        return KeyClient(estate.do(build), credential, retry_total=0, **options)

    return make


STORES = [(cloud, kind) for cloud in ("public", "government") for kind in ("vault", "hsm")]


@pytest.mark.parametrize(("cloud", "kind"), STORES)
def test_a_key_is_made_imported_changed_deleted_recovered_purged_and_restored(
    sb: Sandbox, client_of: Callable[..., KeyClient], cloud: str, kind: str
) -> None:
    client, jwk = client_of(cloud, kind), private_jwk()

    def pass_time() -> None:
        """In one case the client really waits; in the others, time jumps."""
        if (cloud, kind) == ("public", "vault"):
            time.sleep(OFTEN)
        else:
            sb.clock.advance(1)

    made = client.create_rsa_key(
        "life", size=3072, hardware_protected=True, expires_on=SOON, tags={"a": "b"}, key_operations=["wrapKey"]
    )
    sent = JsonWebKey(key_ops=["sign", "verify"], **{"kty": "RSA", **_bytes_of(jwk)})
    imported = client.import_key("life", sent, hardware_protected=True, enabled=False)
    changed = client.update_key_properties("life", made.properties.version, enabled=False, not_before=SOON)

    assert (made.key_type, made.key_operations, made.properties.tags) == (
        "RSA-HSM",
        [KeyOperation.wrap_key],
        {"a": "b"},
    )
    assert made.properties.hsm_platform == ("2" if kind == "vault" else None)
    assert (imported.key_type, imported.key.n, imported.properties.enabled) == ("RSA-HSM", sent.n, False)
    assert (changed.properties.enabled, changed.properties.not_before, changed.properties.expires_on) == (
        False,
        SOON,
        SOON,
    )
    assert [version.enabled for version in client.list_properties_of_key_versions("life")] == [False, False]

    backup = client.backup_key("life")
    deletion = client.begin_delete_key("life", _polling_interval=OFTEN)
    with pytest.raises(ResourceNotFoundError, match="Deleted Key not found"):
        client.get_deleted_key("life")
    pass_time()
    pass_time()
    deletion.wait()
    deleted = client.get_deleted_key("life")
    with pytest.raises(ResourceExistsError, match="deleted but recoverable"):
        client.create_ec_key("life", hardware_protected=True)
    recovery = client.begin_recover_deleted_key("life", _polling_interval=OFTEN)
    pass_time()
    recovery.wait()

    assert deleted.scheduled_purge_date - deleted.deleted_date == timedelta(days=90)
    assert deleted.recovery_id == f"{client.vault_url}/deletedkeys/life"
    assert recovery.result().id == client.get_key("life").id == imported.id

    again = _when_free(lambda: client.begin_delete_key("life", _polling_interval=OFTEN), pass_time)
    pass_time()
    pass_time()
    again.wait()
    client.purge_deleted_key("life")
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_key("life")
    restored = _when_free(lambda: client.restore_key_backup(backup), pass_time)

    assert restored.id == imported.id
    assert len(list(client.list_properties_of_key_versions("life"))) == 2


def _bytes_of(jwk: dict[str, str]) -> dict[str, bytes]:
    return {name: urlsafe_b64decode(value + "==") for name, value in jwk.items() if name != "kty"}


def _when_free(deed: Callable[[], Any], pass_time: Callable[[], None]) -> Any:
    """The answer, as soon as the vault takes the name again."""
    for _attempt in range(50):
        try:
            return deed()
        except ResourceExistsError:
            pass_time()
    raise AssertionError("the name did not become free")


@pytest.mark.parametrize(("cloud", "kind"), STORES)
def test_a_key_is_rotated_by_its_policy_and_not_released(
    client_of: Callable[..., KeyClient], cloud: str, kind: str
) -> None:
    client = client_of(cloud, kind)
    first = client.create_ec_key("turn", curve="P-384", hardware_protected=True)
    action = KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create="P90D")
    wanted = KeyRotationPolicy(lifetime_actions=[action], expires_in="P180D")

    policy = client.update_key_rotation_policy("turn", wanted)
    second = client.rotate_key("turn")

    assert [entry.action for entry in policy.lifetime_actions] == (
        [KeyRotationPolicyAction.rotate, KeyRotationPolicyAction.notify]
        if kind == "vault"
        else [KeyRotationPolicyAction.rotate]
    )
    assert (policy.expires_in, policy.id) == ("P180D", f"{client.vault_url}/keys/turn/rotationpolicy")
    assert client.get_key_rotation_policy("turn").created_on == policy.created_on
    assert (second.key_type, second.key.crv, second.key.x == first.key.x) == ("EC-HSM", "P-384", False)
    assert second.properties.expires_on - second.properties.created_on == timedelta(days=180)
    with pytest.raises(HttpResponseError, match="not exportable"):
        client.release_key("turn", "an attestation")


def test_an_older_client_deletes_and_recovers_too(sb: Sandbox, client_of: Callable[..., KeyClient]) -> None:
    sb.profile = Profile(key_transition=0)
    client = client_of("public", "vault", api_version=ApiVersion.V7_0)

    deleted = client.begin_delete_key("one").result()
    recovered = client.begin_recover_deleted_key("one").result()

    assert (deleted.id, deleted.properties.hsm_platform) == (recovered.id, None)
    assert client.get_key("one").id == deleted.id


def test_a_client_that_may_not_read_deleted_keys_does_not_wait_for_them(
    sb: Sandbox, client_of: Callable[..., KeyClient]
) -> None:
    client = client_of("public", "hsm")
    client.create_ec_key("gone", hardware_protected=True)
    hsm = (urlsplit(client.vault_url).hostname or "").partition(".")[0]

    def only_a_user(azure: Any) -> None:
        principal = azure.managed_hsm(hsm).local_roles[0].principal_id
        azure.revoke_local_roles(hsm, principal)
        azure.assign_local_role(hsm, principal, local_roles.CRYPTO_USER)

    sb.do(lambda state: only_a_user(state.azure.public))
    mark = sb.journal.mark()
    client.begin_delete_key("gone", _polling_interval=OFTEN).wait()

    assert [(entry.route, entry.status) for entry in sb.journal.requests(mark, "vault")] == [
        ("/keys/{name}", 200),
        ("/deletedkeys/{name}", 403),
    ]


def test_a_throttled_client_waits_as_long_as_the_vault_says(sb: Sandbox, client_of: Callable[..., KeyClient]) -> None:
    client = client_of("public", "vault")
    for number in range(10):
        client.create_ec_key(f"k{number}", hardware_protected=True)

    with pytest.raises(HttpResponseError) as refused:
        client.create_ec_key("k10", hardware_protected=True)

    assert refused.value.status_code == 429
    assert refused.value.error is not None
    assert refused.value.error.code == "Throttled"
    sb.clock.advance(int(refused.value.response.headers["Retry-After"]))
    assert client.create_ec_key("k10", hardware_protected=True).name == "k10"
