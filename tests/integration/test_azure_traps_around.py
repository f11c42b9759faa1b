# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traps T20 to T40 of the Azure contract §2, credentials, vaults, pools: set up, judged, and tried by a sync."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._errors import InvalidInput, TaskError
from sandbox.authorities import self_signed
from support.azure_rights import TEN, AzureRights, assert_held, finding, ids, use_rbac, verdicts

CONTRIBUTOR = "Key Vault Contributor"
OFFICER = "Key Vault Crypto Officer"
KEYS = "Microsoft.KeyVault/vaults/keys"
NONE: set[str] = set()


# Credentials --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"secret": "wrong-value"}, "the operator's client secret is wrong"),
        ({"client_id": "11111111-2222-4333-8444-555555555555"}, "application is not in this tenant"),
        ({"tenant": "11111111-2222-4333-8444-555555555555"}, "the tenant does not exist in this cloud"),
        ({"cloud_environment": "AzureUSGovernment"}, "the tenant does not exist in this cloud"),
    ],
    ids=["secret", "client", "tenant", "cloud"],
)
def test_t20_a_login_that_fails_says_why_and_what_next(azure: AzureRights, wrong: dict[str, str], words: str) -> None:
    with pytest.raises(TaskError, match=words) as refused:
        azure.judge(**{**azure.operator, **wrong})

    assert (refused.value.plane, bool(refused.value.next_step)) == ("Entra", True)


def test_t20_the_id_of_a_secret_in_the_place_of_its_value_is_told(azure: AzureRights) -> None:
    with pytest.raises(TaskError, match="it is the secret's ID, not its Value"):
        azure.judge(**azure.login(azure.app, azure.view.client_secret_id))


def test_t20_an_expired_secret_is_told(azure: AzureRights) -> None:
    azure.do(lambda state: state.expire_secret(azure.view.operator_client_id))

    with pytest.raises(TaskError, match="has expired"):
        azure.judge()


def test_t20_the_applications_expired_secret_fails_the_sync(azure: AzureRights) -> None:
    azure.do(lambda state: state.expire_secret(azure.app))

    assert finding(azure.judge(), "credentials-expired")["status"] == "failed"
    assert "7000222" in str(azure.sync_error())


@pytest.mark.parametrize(("days", "kind"), [(-1, "link-credential-not-valid"), (10, "link-credential-expires-soon")])
def test_t21_the_days_of_a_certificate_are_looked_at_here(azure: AzureRights, days: int, kind: str) -> None:
    pair = self_signed("dsm", days=days)
    azure.do(lambda state: state.add_certificate(azure.app, pair.certificate))

    assert kind in ids(azure.judge(app_certificate=pair.certificate_pem))


def test_t22_a_certificate_that_is_not_registered_is_a_failure(azure: AzureRights) -> None:
    pair = self_signed("dsm")

    result = azure.judge(app_certificate=pair.certificate_pem)

    assert finding(result, "link-credential-not-in-entra")["status"] == "failed"


# The vault ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        ({"default_action": "Allow"}, None),
        ({"default_action": "Deny"}, "firewall-blocks-dsm"),
        ({"default_action": "Deny", "ip_rules": "dsm"}, None),
        ({"default_action": "Deny", "ip_rules": "client"}, "firewall-blocks-dsm"),
        ({"public_access": False, "ip_rules": "dsm"}, "firewall-blocks-dsm"),
    ],
    ids=["open", "closed", "dsm-let-in", "only-this-host-let-in", "private-only"],
)
def test_t24_the_firewall_is_judged_for_dsms_own_address(
    azure: AzureRights, rules: dict[str, Any], kind: str | None
) -> None:
    """The list of vaults passes in all cases: only the sync tells, and the verdict."""
    addresses = {"dsm": azure.sandbox.dsm_egress_address, "client": azure.sandbox.client_address}
    members = {**rules, "ip_rules": [addresses[rules["ip_rules"]]] if "ip_rules" in rules else []}
    azure.do(lambda state: state.set_firewall(azure.vault, **members))

    result = azure.judge(dsm_egress_addresses=[azure.sandbox.dsm_egress_address])

    assert {one for one in ids(result) if one.startswith("firewall")} == ({kind} if kind else NONE)
    assert (azure.sync_error() is None) is (kind is None)


def test_t24_without_dsms_address_it_is_unknown(azure: AzureRights) -> None:
    azure.do(lambda state: state.set_firewall(azure.vault, default_action="Deny"))

    assert finding(azure.judge(), "firewall-unknown")["status"] == "unknown"


def test_t25_purge_protection_refuses_what_is_granted(azure: AzureRights) -> None:
    azure.do(lambda state: setattr(state.vault(azure.vault), "purge_protection", True))

    result = azure.judge()

    assert verdicts(result)["keys/purge"] == "ok_with_warning"
    assert finding(result, "purge-refused-by-protection")["status"] == "warning"


def test_t27_a_standard_vault_is_none_for_hsm_protected_keys(azure: AzureRights) -> None:
    result = azure.judge(vault={"name": "akv-sandbox-std", "type": "premium"})

    assert finding(result, "vault-type-differs")["status"] == "failed"


def test_t28_a_pool_that_is_not_activated_refuses_everything(pool: AzureRights) -> None:
    pool.do(lambda state: setattr(state.managed_hsm(pool.vault), "activated", False))

    result = assert_held(pool, NONE)

    assert finding(result, "hsm-not-activated")["status"] == "failed"


def test_t29_key_vault_contributor_does_not_reach_a_pool(pool: AzureRights) -> None:
    def deed(state: Any) -> None:
        state.revoke_role(pool.app, pool.vault, "Reader")
        state.assign_role(pool.app, pool.vault)

    pool.do(deed)

    result = pool.judge()

    assert finding(result, "contributor-excludes-hsm")["status"] == "failed"
    assert not pool.manages("Microsoft.KeyVault/managedHSMs/read")


def test_t29_local_roles_alone_give_rights_on_a_pools_keys(pool: AzureRights) -> None:
    def deed(state: Any) -> None:
        state.revoke_local_roles(pool.vault, pool.app)
        state.assign_role(pool.app, pool.vault, "Owner")
        state.assign_role(pool.app, pool.vault, "Key Vault Administrator")

    pool.do(deed)

    assert "data-role-inert-on-hsm" in ids(assert_held(pool, NONE))


def test_t30_a_missing_api_permission_is_a_warning_and_the_sync_works(azure: AzureRights) -> None:
    azure.do(lambda state: state.application(azure.app).required_access.clear())

    assert finding(assert_held(azure, set(TEN)), "api-permission-missing")["status"] == "warning"


def test_t31_a_vault_of_another_tenant_is_out_of_reach(azure: AzureRights) -> None:
    """The policy names the application, in the vault's own tenant: Key Vault refuses its tokens all the same."""

    def deed(state: Any) -> None:
        vault = state.vault(azure.vault)
        vault.tenant_id = state.add_tenant("other.example")
        state.set_access_policy(vault, azure.app, [])
        state.add_access_policy(vault, azure.view.service_principal_id, TEN)

    azure.do(deed)

    result = assert_held(azure, NONE)

    assert finding(result, "vault-in-foreign-tenant")["status"] == "failed"


def test_t32_a_vault_of_the_other_cloud_is_refused_before_anything_is_sent(azure: AzureRights) -> None:
    mark = azure.sandbox.journal.mark()

    with pytest.raises(InvalidInput, match="AzureUSGovernment"):
        azure.judge(vault={"uri": "https://akv-sandbox-gov-prem.vault.usgovcloudapi.net/"})

    assert azure.sandbox.journal.since(mark) == []


def test_t34_a_provider_that_is_not_registered_stays_so(azure: AzureRights) -> None:
    azure.do(lambda state: state.unregister_provider(azure.view.subscription_id))
    mark = azure.sandbox.journal.mark()

    with pytest.raises(TaskError, match="no vault that is visible to the operator matches"):
        azure.judge(vault={"name": azure.vault})

    assert azure.sandbox.journal.writes(since=mark) == []


def test_t35_conditional_access_against_this_host_says_nothing_of_dsm(azure: AzureRights) -> None:
    addresses = {azure.sandbox.client_address}
    azure.do(lambda state: state.block_client_addresses(azure.view.tenant_id, addresses))

    with pytest.raises(TaskError, match="this error concerns that machine, not DSM"):
        azure.judge()

    assert azure.sync_error() is None


@pytest.mark.parametrize("deed", ["disable_application", "disable_service_principal"])
def test_t36_a_disabled_application_is_told_and_cannot_sync(azure: AzureRights, deed: str) -> None:
    azure.do(lambda state: getattr(state, deed)(azure.app))

    result = azure.judge()

    assert azure.sync_error() is not None
    assert finding(result, "application-disabled")["status"] == "failed"


def test_t38_crypto_officer_makes_the_application_its_own_administrator(pool: AzureRights) -> None:
    pool.do(lambda state: state.assign_local_role(pool.vault, pool.app, "Managed HSM Crypto Officer"))

    result = assert_held(pool, set(TEN))

    assert finding(result, "app-can-administer-hsm")["severity"] == "high"


def test_t38_a_custom_local_role_gives_recover_and_purge_without_that_power(pool: AzureRights) -> None:
    hsm = "Microsoft.KeyVault/managedHsm/keys/deletedKeys"

    def deed(state: Any) -> None:
        role = state.add_local_role(pool.vault, "dsm", [f"{hsm}/recover/action", f"{hsm}/delete"])
        state.assign_local_role(pool.vault, pool.app, role.guid, "/keys")

    pool.do(deed)

    assert "app-can-administer-hsm" not in ids(assert_held(pool, set(TEN)))


def test_t38_a_local_role_for_single_keys_is_not_enough(pool: AzureRights) -> None:
    def deed(state: Any) -> None:
        state.revoke_local_roles(pool.vault, pool.app)
        state.assign_local_role(pool.vault, pool.app, scope="/keys/root-of-trust")

    pool.do(deed)

    assert finding(assert_held(pool, NONE), "role-for-single-keys")["status"] == "failed"


def test_t39_crypto_officer_is_wider_than_the_guide(azure: AzureRights) -> None:
    use_rbac(azure, OFFICER)

    result = assert_held(azure, set(TEN))

    assert finding(result, "app-may-use-keys")["status"] == "warning"


def test_t40_consent_for_all_users_is_told(azure: AzureRights) -> None:
    def deed(state: Any) -> None:
        state.add_grant(azure.app, "cfa8b339-82a2-471a-a3c9-0fc0be7a4093", "user_impersonation")

    azure.do(deed)

    assert finding(azure.judge(), "consent-for-all-users")["severity"] == "medium"


@pytest.mark.parametrize(
    ("permissions", "expected"), [(TEN, ("ok", 200)), (["get", "list"], ("missing", 403))], ids=["all-ten", "two"]
)
def test_the_verdict_on_create_is_what_the_vault_answers(
    azure: AzureRights, permissions: list[str], expected: tuple[str, int]
) -> None:
    azure.do(lambda state: state.set_access_policy(azure.vault, azure.app, permissions))

    assert (verdicts(azure.judge())["keys/create"], azure.create_status()) == expected
