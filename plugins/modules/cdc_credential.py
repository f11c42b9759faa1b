#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cdc_credential
short_description: Keep the credential current with which CDC groups of Fortanix DSM log in to Azure
version_added: 0.1.0
description:
  - Makes sure that one application in Entra and all groups in DSM that use it share one credential which lasts for at
    least O(renew_before_days). When that is so, nothing is written.
  - Otherwise a new secret or certificate is added at the application, tried, written to the groups one after the other,
    and tried again in each. Only then the old one is removed. Until then both are valid, so no group is without a
    credential that works, and a run that stopped anywhere is simply run again.
  - The value of a new credential goes from Entra to DSM inside of this one task. It is in no result, no file and no
    log, and nobody else ever has it. A later change of a link needs a credential again, see O(new_groups) and O(tls).
  - Credentials of the registration and of the service principal are read, and removed, as Entra takes either. Only
    those are removed that this module made, and those that one of the groups is known to have had, whoever made them.
    RV(left) names every other one with the reason. Signing entries of SAML sign-on are never touched.
  - Groups that the login to DSM does not see are not counted. Use one that sees all groups of the account, and an
    application that only one account uses.
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
      - The credential is not made, so what Entra and DSM would say to it is not known. What can be known is looked at,
        that is policies on credentials, secrets that every link has to carry, and the connections as they are.
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
    details:
      - With O(renew=always) every run makes a new credential.
      - Where DSM keeps no custom metadata, which credential a group has is inferred while the application has one valid
        credential of that kind. With several, every run makes a new one.
options:
  app_client_id:
    description:
      - The application by its client ID.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is needed.
    type: str
  principal_planned:
    description:
      - Whether check mode has only planned the service principal of the application in an earlier task. Then
        RV(fortanix.dsm.azure_kv_app#module:application.object_id) has only zeros. Outside of check mode it is refused.
    type: bool
    default: false
  app_unique_name:
    description:
      - The application by its unique name.
    type: str
  app_display_name:
    description:
      - The application by its display name. When several have it, the task fails and lists them.
    type: str
  state:
    description:
      - V(current) is the state that is wanted of the credential.
    type: str
    choices: [current]
    default: current
  type:
    description:
      - Kind of credential. When it is another one than the groups have, they are brought from one to the other, that is
        from secret to certificate or back, in the same order of steps.
      - The kind that the groups have when not set, and V(certificate) where they differ or there are none.
    type: str
    choices: [certificate, secret]
  link_certificate:
    description:
      - A certificate of your own, instead of one that is made here. It is registered at the application when it is not
        yet. Its key must be RSA.
      - A path or a text. PEM, with or without the key and with a chain in any order, DER, PKCS#12, or the base64 of
        them, as Azure Key Vault returns PKCS#12.
    type: str
  link_private_key:
    description:
      - Private key of O(link_certificate). A path or a text, in the same forms. Not needed when that has the key in it.
    type: str
  link_private_key_passphrase:
    description:
      - Passphrase of the private key, or of the PKCS#12 that it is in, when that is encrypted. An empty one is none.
    type: str
  new_groups:
    description:
      - Groups that are made with the credential where they are not there yet, each in one write. A group that is there
        is left as it is. M(fortanix.dsm.cdc_group) changes it.
      - The value of the present credential is not to be had. So making a group renews it for all groups of the
        application, unless O(link_certificate) is set. Name all new groups of an application in one task.
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
          - The Azure that the link goes to.
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
          - How the link is written, as in M(fortanix.dsm.cdc_group).
        type: str
        choices: [modern, legacy]
      link_certificate_format:
        description:
          - How certificates and keys are sent, as in M(fortanix.dsm.cdc_group).
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
              - CA certificates to trust instead of the global root CAs. Each is a path or a text, PEM, DER, PKCS#12 or
                the base64 of them, and has no private key in it.
            type: list
            elements: str
          client_certificate:
            description:
              - Certificate that DSM presents. A path or a text, in the forms of O(link_certificate).
            type: str
          client_key:
            description:
              - Private key of the client certificate. Not needed when that has the key in it.
              - Alone, it is the key of the certificate that a link has already, which every link that is sent has to
                carry.
            type: str
          client_key_passphrase:
            description:
              - Passphrase of the key when that is encrypted. An empty one is none.
            type: str
      vault:
        description:
          - The key vault of the group, as in M(fortanix.dsm.cdc_group).
        type: dict
        suboptions:
          name:
            description:
              - Name of the vault.
            type: str
          resource_id:
            description:
              - Azure resource ID of the vault.
            type: str
          uri:
            description:
              - URI of the vault, for example V(https://my-vault.vault.azure.net/).
            type: str
          tags:
            description:
              - Tags that the vault has. There must be exactly one such vault.
            type: dict
          type:
            description:
              - Type that the vault must have. Taken from the vault when not set.
            type: str
            choices: [standard, premium, managed_hsm]
          planned:
            description:
              - Whether check mode has only planned the vault, in an earlier task. Outside of check mode it is refused.
            type: bool
            default: false
  current_credential:
    description:
      - The credential that the groups have now, where you still have it. DSM does not give it back. With it, a run that
        fails half-way puts it back into the groups that have the new one already, and removes the new one. Without it,
        these groups keep the new one, and the others the old one. Both stay valid, and the next run goes on.
    type: dict
    suboptions:
      link_client_secret:
        description:
          - Value of the client secret.
        type: str
      link_certificate:
        description:
          - Certificate, instead of the secret. A path or a text, as above.
        type: str
      link_private_key:
        description:
          - Private key of the certificate. A path or a text, as above.
        type: str
      link_private_key_passphrase:
        description:
          - Passphrase of the key when that is encrypted.
        type: str
  tls:
    description:
      - New TLS parts for the links of all these groups. A client certificate takes the place of the one that a link
        has, and CA certificates are pinned beside or instead of those that are. A link that has neither gets neither.
      - A link is only ever sent with its credential, so a change renews that, too.
    type: dict
    suboptions: *tls
  keep_old_cas:
    description:
      - Whether CAs that a link has pinned stay beside those in O(tls.ca_certificates), until the proxy shows a
        certificate of the new one. Set it to V(false) in a later run. That run is refused while DSM does not connect
        without the old ones.
    type: bool
    default: true
  renew:
    description:
      - V(when_due) makes a new credential only when there is a reason, which RV(reason) tells.
      - V(always) makes one in every run, after an incident for example.
    type: str
    choices: [when_due, always]
    default: when_due
  renew_before_days:
    description:
      - How many days the credential has to last.
    type: int
    default: 30
  valid_days:
    description:
      - How many days a new credential is valid.
    type: int
    default: 180
  key_size:
    description:
      - Bits of the RSA key of a new certificate.
    type: int
    choices: [2048, 3072, 4096]
    default: 3072
  proof:
    description:
      - How a group is seen to work with the new credential. V(check) is DSM's test of the connection. V(sync) syncs the
        keys besides, which shows the rights on keys, too.
      - DSM may keep a token that it was given for the old credential until that expires. Neither is a proof against
        that.
    type: str
    choices: [check, sync]
    default: check
  sync_timeout:
    description:
      - Seconds that the sync of one group may take.
    type: int
    default: 600
  grace_time:
    description:
      - Seconds to wait before the old credential is removed, after the last group has the new one.
    type: int
    default: 0
  remove_old:
    description:
      - Whether to remove old credentials at all, from the registration and from the service principal. V(false) where
        something else uses the credential that the groups have.
    type: bool
    default: true
  takeover_after:
    description:
      - Seconds after which a credential that another run has made, and not brought to the groups, counts as given up. A
        younger one means that the other run may be alive. The task waits for it then, for O(wait_timeout) at the most.
      - V(0) goes ahead at once, for a run that was killed a moment ago.
    type: int
    default: 120
  wait_timeout:
    description:
      - How many seconds each step may wait until Entra, and DSM for each group, take a new credential. It takes a while
        until all servers of Entra know it.
    type: int
    default: 300
  wait_interval:
    description:
      - Seconds between two tries.
    type: int
    default: 5
  dsm_timeout:
    description:
      - Seconds that the requests to DSM may take together, for each group anew.
seealso:
  - module: fortanix.dsm.azure_kv_app
  - module: fortanix.dsm.cdc_group
  - module: fortanix.dsm.cdc_connection
"""

EXAMPLES = r"""
- name: See whether the credential of an application is due, and what would be done
  fortanix.dsm.cdc_credential:
    app_client_id: "{{ link_client_id }}"
  check_mode: true
  diff: true

- name: Renew it when less than 45 days are left
  fortanix.dsm.cdc_credential:
    app_client_id: "{{ link_client_id }}"
    renew_before_days: 45
    proof: sync

- name: Go from client secrets to certificates
  fortanix.dsm.cdc_credential:
    app_unique_name: fortanix-dsm-production
    type: certificate

- name: Make a group with a credential that nobody but DSM ever has
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
  description: Why a new credential was, or is to be, brought to the groups. V(null) when the present one serves.
  returned: success
  type: str
  sample: it ends on 2026-12-04, in less than 30 days
credential:
  description: The credential that the groups have after the task.
  returned: success
  type: dict
  contains:
    type:
      description: V(secret) or V(certificate).
      type: str
    key_id:
      description: ID of the credential in Entra. The nil UUID while it is only planned.
      type: str
    name:
      description: Its name in Entra.
      type: str
    starts:
      description: When it begins to be valid, UTC.
      type: str
    ends:
      description: When it ceases to be valid, UTC.
      type: str
    thumbprint:
      description: SHA-1 of a certificate, as Entra shows it.
      type: str
    planned:
      description: Whether it is a new one that check mode has only planned.
      type: bool
days_left:
  description: Whole days until the credential ends. V(null) when it has no end.
  returned: success
  type: int
application:
  description: The application, with its C(client_id) and C(display_name).
  returned: success
  type: dict
groups:
  description: The groups that use the application, as far as the login to DSM sees them.
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
    credential:
      description: ID in Entra of the credential that it has after the task. V(null) when that is not known.
      type: str
    credential_before:
      description: ID in Entra of the one before the task. V(null) when that is not known.
      type: str
    known:
      description:
        - How that is known. V(recorded), from what the collection wrote to the group last. V(inferred), as the group
          connects and the application has one valid credential of that kind. V(unknown) otherwise.
      type: str
    connection:
      description: What DSM's test said last, V(connected) or V(not_connected). V(null) when it was not asked.
      type: str
    changed:
      description: Whether its link was, or is to be, written.
      type: bool
    planned:
      description: Whether that is only planned.
      type: bool
    pending:
      description: Whether its change waits for an approval.
      type: bool
new_groups:
  description: The groups of O(new_groups) that were made, with the keys of RV(fortanix.dsm.cdc_group#module:group).
  returned: success
  type: list
  elements: dict
removed:
  description: The credentials that were, or are to be, removed, with the keys of RV(credential).
  returned: success
  type: list
  elements: dict
put_back:
  description:
    - Certificates of others that were lost because somebody else overwrote the application's list at the same time, and
      that this task has put back. All groups were tested after that.
  returned: success
  type: list
  elements: str
left:
  description: All other credentials of the application, with the keys of RV(credential), and the C(reason) to stay.
  returned: success
  type: list
  elements: dict
pending:
  description:
    - Whether the change of a group waits for an approval. It has the credential that it had, the others have the new
      one, and nothing was removed. A later run goes on when the approvers have decided.
  returned: success
  type: bool
approvals:
  description:
    - The approvals that groups need or have got, each with the name of the C(group) and the keys of
      RV(fortanix.dsm.cdc_group#module:approval).
  returned: success
  type: list
  elements: dict
planned:
  description: Whether this is what check mode has only planned.
  returned: success
  type: bool
plan:
  description: The changes over both planes in their order, as in RV(fortanix.dsm.cdc_group#module:plan).
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import cdc_credential
from ..module_utils._task import run_module


def main() -> None:
    run_module(cdc_credential)


if __name__ == "__main__":
    main()
