#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_credential
short_description: Renew the credential with which CDC groups of Fortanix DSM authenticate to Azure
version_added: 0.1.0
description:
  - Makes sure that one application in Entra and all groups in DSM that use it share one credential that stays valid for
    at least O(renew_before_days). When this is the case, nothing is written.
  - Otherwise the task creates a new secret or certificate at the application, tests it, writes it to the groups one
    after the other, and tests each group again. Only then does it remove the old credential. Until then both are valid,
    so that no group is without a working credential. If a run stops at any point, run the task again.
  - The value of a new credential is passed from Entra to DSM within this one task. It appears in no result, no file and
    no log, and only DSM keeps it. A later change of a link needs a credential again, see O(new_groups) and O(tls).
  - Credentials of the app registration and of the service principal are read and removed, because Entra accepts both.
    The task removes only credentials that this module created, and those that one of the groups is known to have used,
    whoever created them. RV(left) lists every other one with the reason. SAML signing credentials are never changed.
  - Groups that the DSM identity cannot see are not included. Use a DSM identity that sees all groups of the account,
    and an application that only one account uses.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.azure
  - fortanix.dsm.dsm
  - fortanix.dsm.approval
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing anything.
    support: full
    details:
      - The credential is not created, so the responses of Entra and DSM to it are unknown. What can be read is checked,
        that is policies on credentials, secrets that every link must contain, and the current connections.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
    details:
      - With O(renew=always) every run creates a new credential.
      - When DSM stores no custom metadata, the credential of a group is inferred as long as the application has one
        valid credential of that type. With several, every run creates a new one.
options:
  app_client_id:
    description:
      - Client ID of the application.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is required.
    type: str
  principal_planned:
    description:
      - Whether an earlier task has only planned the service principal of the application in check mode.
        RV(fortanix.dsm.azure_kv_app#module:application.object_id) is the nil UUID then. Rejected outside check mode.
    type: bool
    default: false
  app_unique_name:
    description:
      - Unique name of the application.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is required.
    type: str
  app_display_name:
    description:
      - Display name of the application. When several applications have it, the task fails and lists them.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is required.
    type: str
  state:
    description:
      - V(current) is the only state. It requests a valid credential.
    type: str
    choices: [current]
    default: current
  type:
    description:
      - Type of credential. When the groups use the other type, they are switched from secret to certificate or back, in
        the same order of steps.
      - When not set, the type that the groups use, and V(certificate) when they use different types or there is no
        group.
    type: str
    choices: [certificate, secret]
  link_certificate:
    description:
      - A certificate of your own, instead of one that the task generates. It is registered at the application when it
        is not registered yet. Its key must be RSA.
      - A path or text, in PEM form (with or without the key, with a chain in any order), DER, PKCS#12, or the base64 of
        them, as Azure Key Vault returns PKCS#12.
    type: str
  link_private_key:
    description:
      - Private key of O(link_certificate). A path or text, in the same forms. Not needed when O(link_certificate)
        contains it.
    type: str
  link_private_key_passphrase:
    description:
      - Passphrase of the private key, or of the PKCS#12 that contains it, when that is encrypted. An empty passphrase
        is the same as none.
    type: str
  new_groups:
    description:
      - Groups to create with the credential if they do not exist, each in one write. An existing group is left
        unchanged. Use M(fortanix.dsm.cdc_group) to change it.
      - The current credential cannot be retrieved. Creating a group therefore renews the credential for all groups of
        the application, unless O(link_certificate) is set. List all new groups of an application in one task.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the group.
        type: str
        required: true
      description:
        description:
          - Description of the group.
        type: str
      custom_metadata:
        description:
          - Custom metadata of the group.
        type: dict
      azure_service:
        description:
          - The Azure cloud that the link connects to.
        type: str
        choices: [global, us_government]
      link_tenant_id:
        description:
          - Tenant (directory) ID of the link.
        type: str
        required: true
      link_subscription_id:
        description:
          - ID of the subscription that holds the key vaults.
        type: str
        required: true
      link_format:
        description:
          - Format in which the link is written, as in M(fortanix.dsm.cdc_group).
        type: str
        choices: [modern, legacy]
      link_certificate_format:
        description:
          - Encoding in which certificates and keys are sent, as in M(fortanix.dsm.cdc_group).
        type: str
        choices: [der, pem]
      tls:
        description:
          - TLS configuration of the link.
        type: dict
        suboptions: &tls
          validate_host:
            description:
              - Whether the host name in the certificate of Azure, or of the proxy, is verified.
            type: bool
          ca_certificates:
            description:
              - CA certificates to trust instead of the global root CAs. Each is a path or text, in PEM, DER or PKCS#12
                form or the base64 of them, without a private key.
            type: list
            elements: str
          client_certificate:
            description:
              - Certificate that DSM presents. A path or text, in the forms of O(link_certificate).
            type: str
          client_key:
            description:
              - Private key of the client certificate. Not needed when that contains the key.
              - When it is set alone, it is the key of the certificate that a link already has. Every write of a link
                must contain that key.
            type: str
          client_key_passphrase:
            description:
              - Passphrase of an encrypted private key. An empty passphrase is the same as none.
            type: str
      vault:
        description:
          - The vault of the group, as in M(fortanix.dsm.cdc_group).
        type: dict
        suboptions:
          name:
            description:
              - Name of the vault.
              - Exactly one of O(new_groups[].vault.name), O(new_groups[].vault.resource_id), O(new_groups[].vault.uri),
                and O(new_groups[].vault.tags) is required.
            type: str
          resource_id:
            description:
              - Azure resource ID of the vault.
              - Exactly one of O(new_groups[].vault.name), O(new_groups[].vault.resource_id), O(new_groups[].vault.uri),
                and O(new_groups[].vault.tags) is required.
            type: str
          uri:
            description:
              - URI of the vault, for example V(https://my-vault.vault.azure.net/).
              - Exactly one of O(new_groups[].vault.name), O(new_groups[].vault.resource_id), O(new_groups[].vault.uri),
                and O(new_groups[].vault.tags) is required.
            type: str
          tags:
            description:
              - Tags that exactly one vault must have.
              - Exactly one of O(new_groups[].vault.name), O(new_groups[].vault.resource_id), O(new_groups[].vault.uri),
                and O(new_groups[].vault.tags) is required.
            type: dict
          type:
            description:
              - Type that the vault must have. Read from the vault when not set.
            type: str
            choices: [standard, premium, managed_hsm]
          planned:
            description:
              - Whether an earlier task has only planned the vault in check mode. Rejected outside check mode.
            type: bool
            default: false
  current_credential:
    description:
      - The credential that the groups use now, if you still have it. DSM does not return it. With it, a run that fails
        halfway restores it in the groups that already have the new one, and removes the new one. Without it, these
        groups keep the new one, and the others the old one. Both stay valid, and the next run completes the change.
    type: dict
    suboptions:
      link_client_secret:
        description:
          - Value of the client secret.
          - Exactly one of O(current_credential.link_client_secret) and O(current_credential.link_certificate) is
            required.
        type: str
      link_certificate:
        description:
          - The certificate. A path or text, in the forms of O(link_certificate).
          - Exactly one of O(current_credential.link_client_secret) and O(current_credential.link_certificate) is
            required.
        type: str
      link_private_key:
        description:
          - Private key of the certificate. A path or text, in the same forms. Not needed when
            O(current_credential.link_certificate) contains it.
        type: str
      link_private_key_passphrase:
        description:
          - Passphrase of an encrypted private key.
        type: str
  tls:
    description:
      - New TLS certificates for the links of all these groups. A client certificate replaces the one that a link has.
        CA certificates are pinned in addition to those of the link, or instead of them. A link that has neither is left
        unchanged.
      - A link is always sent with its credential, so this change also renews the credential.
    type: dict
    suboptions: *tls
  keep_old_cas:
    description:
      - Whether CAs that a link has pinned stay in addition to those in O(tls.ca_certificates), until the proxy presents
        a certificate of the new CA. Set it to V(false) in a later run. That run fails when DSM does not connect without
        the old CAs.
    type: bool
    default: true
  renew:
    description:
      - V(when_due) creates a new credential only for a reason, which is returned in RV(reason).
      - V(always) creates one in every run, for example after an incident.
    type: str
    choices: [when_due, always]
    default: when_due
  renew_before_days:
    description:
      - Days for which the credential must still be valid.
      - From V(0) to V(3650).
    type: int
    default: 30
  valid_days:
    description:
      - Validity in days of a new credential.
      - From V(1) to V(3650).
    type: int
    default: 180
  key_size:
    description:
      - Length in bits of the RSA key of a new certificate.
    type: int
    choices: [2048, 3072, 4096]
    default: 3072
  proof:
    description:
      - How the task proves that a group works with the new credential. V(check) is DSM's test of the connection.
        V(sync) also syncs the keys, which proves access to keys as well.
      - DSM may keep a token that it received for the old credential until that token expires. Neither proof excludes
        this.
    type: str
    choices: [check, sync]
    default: check
  sync_timeout:
    description:
      - Seconds that the sync of one group can take.
      - From V(1) to V(86400).
    type: int
    default: 600
  grace_time:
    description:
      - Seconds between the switch of the last group to the new credential and the removal of the old one.
      - From V(0) to V(604800).
    type: int
    default: 0
  remove_old:
    description:
      - Whether to remove old credentials, from the app registration and from the service principal. Set it to V(false)
        when another client uses the same credential as the groups.
    type: bool
    default: true
  takeover_after:
    description:
      - Seconds after which a credential that another run has created, and not written to the groups, counts as
        abandoned. While it is younger, the other run may still be active. The task then waits for it, at most
        O(wait_timeout).
      - V(0) does not wait. Use it after a run that was killed.
      - From V(0) to V(2592000).
    type: int
    default: 120
  wait_timeout:
    description:
      - Seconds that each step can wait until Entra, and DSM for each group, accept a new credential. It takes some time
        until all servers of Entra know it.
      - From V(0) to V(86400).
    type: int
    default: 300
  wait_interval:
    description:
      - Seconds between two attempts.
      - From V(0) to V(3600).
    type: int
    default: 5
  dsm_timeout:
    description:
      - Seconds for all requests to DSM together, for each group separately.
      - From V(1) to V(86400).
seealso:
  - module: fortanix.dsm.azure_kv_app
  - module: fortanix.dsm.cdc_group
  - module: fortanix.dsm.cdc_connection
"""

EXAMPLES = r"""
- name: Show whether the credential of an application is due, and what would be done
  fortanix.dsm.cdc_credential:
    app_client_id: "{{ link_client_id }}"
  check_mode: true
  diff: true

- name: Renew the credential when it expires within 45 days
  fortanix.dsm.cdc_credential:
    app_client_id: "{{ link_client_id }}"
    renew_before_days: 45
    proof: sync

- name: Switch from client secrets to certificates
  fortanix.dsm.cdc_credential:
    app_unique_name: fortanix-dsm-production
    type: certificate

- name: Create a group with a credential that only DSM has
  fortanix.dsm.cdc_credential:
    app_unique_name: fortanix-dsm-production
    new_groups:
      - name: akv-production
        link_tenant_id: "{{ tenant_id }}"
        link_subscription_id: "{{ subscription_id }}"
        vault:
          name: akv-production
          type: premium
"""

RETURN = r"""
reason:
  description:
    - Why a new credential was written to the groups, or would be in check mode. V(null) when the current one is kept.
  returned: success
  type: str
removed:
  description: The credentials that were removed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains: &credential
    type:
      description: V(secret) or V(certificate).
      type: str
      sample: certificate
    key_id:
      description: ID of the credential in Entra. The nil UUID while it is only planned.
      type: str
    name:
      description: Name of the credential in Entra. Can be empty.
      type: str
      sample: fortanix-dsm-ansible
    starts:
      description: Start of its validity, UTC. V(null) when Entra returns none.
      type: str
      sample: "2026-11-25T04:10:00Z"
    ends:
      description: Expiry, UTC. V(null) when it does not expire.
      type: str
      sample: "2027-05-24T04:10:00Z"
    thumbprint:
      description: Thumbprint (SHA-1) of a certificate. V(null) for secrets, and for a certificate that is only planned.
      type: str
    place:
      description:
        - V(application) for a credential of the app registration, V(service_principal) for one of the service
          principal.
      type: str
      sample: application
credential:
  description: The credential that the groups have after the task.
  returned: success
  type: dict
  contains:
    <<: *credential
    planned:
      description: Whether this is a new credential that is only planned, in check mode.
      type: bool
days_left:
  description: Full days until the credential expires. V(null) when it does not expire.
  returned: success
  type: int
  sample: 180
application:
  description: The application.
  returned: success
  type: dict
  contains:
    client_id:
      description: Application (client) ID.
      type: str
    display_name:
      description: Display name.
      type: str
      sample: Fortanix BYOK
groups:
  description: The groups that use the application, as far as the DSM identity can see them.
  returned: success
  type: list
  elements: dict
  contains:
    group_id:
      description: ID of the group.
      type: str
    name:
      description: Name of the group.
      type: str
      sample: akv-production
    credential:
      description: ID in Entra of the credential that the group has after the task. V(null) when it is unknown.
      type: str
    credential_before:
      description: ID in Entra of the credential before the task. V(null) when it is unknown.
      type: str
    known:
      description:
        - How RV(groups[].credential) is known. V(recorded) from what the collection wrote to the group last.
          V(inferred) because the group connects and the application has one valid credential of that type. V(unknown)
          otherwise.
      type: str
      sample: recorded
    connection:
      description: Result of the last connection test, V(connected) or V(not_connected). V(null) when it was not tested.
      type: str
      sample: connected
    changed:
      description: Whether its link was written, or would be in check mode.
      type: bool
    planned:
      description: Whether that is only planned, in check mode.
      type: bool
    pending:
      description: Whether its change is pending approval.
      type: bool
new_groups:
  description: The groups of O(new_groups) that were created. Same keys as RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: list
  elements: dict
put_back:
  description:
    - Certificates that others had added, that a concurrent change by another identity had removed, and that this task
      has restored. All groups were tested after that.
  returned: success
  type: list
  elements: str
left:
  description: All other credentials of the application.
  returned: success
  type: list
  elements: dict
  contains:
    <<: *credential
    reason:
      description: Why it was not removed.
      type: str
pending:
  description:
    - Whether the change of a group is pending approval. That group keeps its credential, the others have the new one,
      and nothing was removed. Run the task again after the approval.
  returned: success
  type: bool
approvals:
  description: The approval requests for changes of groups.
  returned: success
  type: list
  elements: dict
  contains:
    group:
      description: Name of the group.
      type: str
      sample: akv-production
    id:
      description: ID of the approval request. V(null) in check mode while no request exists.
      type: str
    status:
      description: V(needed) in check mode while no request exists, otherwise V(pending) or V(approved).
      type: str
      sample: pending
    expires:
      description: Expiry of the request, UTC. V(null) while no request exists, or when DSM does not return it.
      type: str
      sample: "2026-11-26T04:10:00Z"
    requester:
      description: Who filed the request, C(app) or C(user) and the ID. V(null) while no request exists.
      type: str
    filed:
      description: Whether this task filed the request.
      type: bool
planned:
  description: Whether the result is only a plan, in check mode.
  returned: success
  type: bool
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(Entra) or V(DSM).
      type: str
      sample: Entra
    object:
      description: The object that changes.
      type: str
      sample: certificate of application Fortanix BYOK
    action:
      description: V(create), V(update), or V(delete).
      type: str
      sample: create
    before:
      description: The changed parts before, by name. Empty for a new object. Never a secret.
      type: dict
    after:
      description: The changed parts after, by name. Empty for a removed object. Never a secret.
      type: dict
    reason:
      description: Why the change is made.
      type: str
"""

from ..module_utils._operations import cdc_credential
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_credential)


if __name__ == "__main__":
    main()
