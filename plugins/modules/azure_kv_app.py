#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_app
short_description: Register the application in Entra that Fortanix DSM logs in as
version_added: 0.1.0
description:
  - Registers an application with its service principal, registers certificates with it, and lists the API permission
    for Azure Key Vault. An application that is there already is completed, and otherwise left as it is.
  - Lists are only ever added to. Certificates, secrets, and API permissions of others stay, and nothing is renewed.
  - Rights at a vault are not given here. That is what M(fortanix.dsm.azure_kv_prereqs) is for.
  - What a task makes is not seen by all servers of Microsoft Graph at once. The task waits until application and
    service principal have been read back as wanted several times in a row.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.attributes.cdc_and_operator
  - fortanix.dsm.dsm
  - fortanix.dsm.azure
attributes:
  idempotent:
    description: A second run with the same options changes nothing and sends no write.
    support: full
    details:
      - With O(return_secret), a second run finds the secret of the first one, and returns none.
options:
  app_client_id:
    description:
      - The application by its client ID. It has to be there, as Entra chooses the client ID.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is needed.
    type: str
  app_unique_name:
    description:
      - The application by its unique name. Microsoft Graph never makes a second one with the same name, so this is the
        best choice for an application that the task is to make. Applications that were made in the portal have none.
    type: str
  app_display_name:
    description:
      - The application by its display name. Display names are not unique. When several applications have it, the task
        fails and lists them.
      - Two tasks that run at the same time may both make one, and so may a task that is repeated within seconds, as
        Microsoft Graph need not show yet what the first one made. A task that makes an application by its display name
        warns of that. O(app_unique_name) excludes it.
    type: str
  state:
    description:
      - V(present) makes the application, and what is missing of it.
      - V(absent) removes the secrets and certificates whose name begins with C(fortanix-dsm-ansible), which are those
        that this module made. Everything else stays, unless O(remove_application) is set.
      - V(absent) refuses while a group in DSM, as far as the login to DSM shows them, uses the application. Without a
        login to DSM it warns that this was not looked at.
    type: str
    choices: [present, absent]
    default: present
  display_name:
    description:
      - Display name of an application that is made. An existing application keeps its own.
      - O(app_unique_name) or O(app_display_name) when not set.
    type: str
  certificates:
    description:
      - Certificates that the application is to have, each as a path or a text, in PEM, DER or PKCS#12 form or the
        base64 of them. Their keys have to be RSA.
      - Of a chain in one file, only the application's own certificate is registered. A private key beside it is not
        used.
      - One that is registered already, by its thumbprint, is left as it is.
    type: list
    elements: str
    default: []
  generate_certificate:
    description:
      - A certificate with its private key in two files on the machine that the module runs on. When neither file is
        there, a self-signed pair is made. When both are there and belong together, the certificate is used.
      - Files are never overwritten. One without the other, two that do not belong together, and a certificate that has
        expired are errors.
      - Until both files are complete, both are in a third one, O(generate_certificate.key_path) with C(.incomplete)
        added to its name, for its owner alone. A run that was killed in between is completed from it by the next one.
      - The private key has no passphrase, and is for the owner of the file alone. It is in no result and in no log.
    type: dict
    suboptions:
      certificate_path:
        description:
          - File for the certificate, PEM. A directory that is missing is created with mode 0700.
        type: path
        required: true
      key_path:
        description:
          - File for the private key, PEM. A directory that is missing is created with mode 0700.
        type: path
        required: true
      days:
        description:
          - How long a new certificate is valid.
        type: int
        default: 365
      key_size:
        description:
          - Bits of a new RSA key.
        type: int
        choices: [2048, 3072, 4096]
        default: 3072
      subject:
        description:
          - Common name of a new certificate. The display name of the application when not set.
        type: str
  api_permission:
    description:
      - Whether to list the delegated permission C(user_impersonation) of Azure Key Vault among the API permissions of
        the application, as the product guide wants it. DSM logs in as the application alone, for which it plays no
        part.
      - With V(false), the list is left as it is.
    type: bool
    default: true
  admin_consent:
    description:
      - Whether to consent to that permission for all users of the tenant. The application may then act in Key Vault for
        every user who signs in to it, which DSM does not need. Nothing else implies it.
      - Other permissions in a consent that is there stay.
    type: bool
    default: false
  return_secret:
    description:
      - Whether to make a client secret and to return it. It is made only when the application has no valid secret with
        the name C(fortanix-dsm-ansible), and it is returned only by the task that makes it.
      - The task has to have C(no_log=true), and is refused otherwise before anything is changed. Certificates need no
        secret in a result, and are the better choice.
    type: bool
    default: false
  secret_days:
    description:
      - How long a new client secret is valid.
    type: int
    default: 180
  remove_application:
    description:
      - With O(state=absent), remove the application itself with all that belongs to it. Only an application that this
        module made can be removed, which the tag C(fortanix-dsm-ansible) tells.
      - Entra keeps what is removed in its recycle bin for 30 days, and its unique name with it (see
        O(on_soft_deleted)).
    type: bool
    default: false
  on_soft_deleted:
    description:
      - What to do when the application is in the recycle bin of Entra, where a deleted application keeps its unique
        name for 30 days. It is looked for there by O(app_unique_name) and O(app_client_id).
      - V(fail) says so, with the ways out. Nothing is changed.
      - V(recover) restores the application and its service principal, with the credentials and rights that they had.
        After that, what is missing is added. A service principal that was deleted alone is restored, too; otherwise
        another one is made, without the rights of the deleted one.
      - Check mode shows a restored application as planned, with the nil UUID, as later tasks cannot read it yet.
    type: str
    choices: [fail, recover]
    default: fail
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only for the look before O(state=absent).
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
  group:
    description:
      - With O(state=absent), the record of a group that goes with the application, as that task returned it. It does
        not count as one that uses the application.
    type: dict
  wait_timeout:
    description:
      - How many seconds to wait until what was made or changed can be read back.
    type: int
    default: 120
  wait_interval:
    description:
      - Seconds between two looks.
    type: int
    default: 2
requirements:
  - cryptography >= 42
notes:
  - The operator needs Application.ReadWrite.OwnedBy in Microsoft Graph to make applications and to change those that it
    made or owns, Application.ReadWrite.All to change those of others, and DelegatedPermissionGrant.ReadWrite.All for
    O(admin_consent).
  - With Policy.Read.All besides, a credential that an app management policy of the tenant forbids is refused before
    anything is changed. Without it, Microsoft Graph refuses it.
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
"""

EXAMPLES = r"""
- name: An application with a certificate that is made on the way
  fortanix.dsm.azure_kv_app:
    app_unique_name: fortanix-byok
    display_name: Fortanix BYOK
    generate_certificate:
      certificate_path: "{{ private_dir }}/fortanix-byok.crt"
      key_path: "{{ private_dir }}/fortanix-byok.key"
  register: registered

- name: Give it its rights at the vault
  fortanix.dsm.azure_kv_prereqs:
    vault:
      resource_id: "{{ vault_resource_id }}"
    app_client_id: "{{ registered.application.client_id }}"
    rights_profile: guide

- name: Register a certificate of your own authority with an existing application
  fortanix.dsm.azure_kv_app:
    app_client_id: "{{ link_client_id }}"
    certificates:
      - "{{ private_dir }}/issued.crt"

- name: Take back what was made
  fortanix.dsm.azure_kv_app:
    state: absent
    app_unique_name: fortanix-byok
    remove_application: true
"""

RETURN = r"""
application:
  description:
    - The application as it is after the task, or would be in check mode. V(null) when there is none.
    - IDs that Entra gives when it makes an object are the nil UUID in check mode.
  returned: success
  type: dict
  contains:
    client_id:
      description: Application (client) ID, which the link in DSM needs.
      type: str
    object_id:
      description: Object ID of the service principal, which rights are given to. V(null) when there is none.
      type: str
    application_object_id:
      description: Object ID of the app registration.
      type: str
    display_name:
      description: Display name.
      type: str
    unique_name:
      description: Unique name, V(null) when it has none.
      type: str
    enabled:
      description: Whether neither the registration nor the service principal is disabled.
      type: bool
    credentials:
      description:
        - Secrets and certificates, by C(type), C(key_id), C(name), C(starts), C(ends), C(thumbprint), and C(place),
          which is V(application) for those of the registration and V(service_principal) for those that the service
          principal has of its own. Entra takes either.
        - Never a value.
      type: list
      elements: dict
    api_permission:
      description: Whether the permission of Azure Key Vault is listed. V(null) when it was not looked for.
      type: bool
    made_by_collection:
      description: Whether this module made the application.
      type: bool
    planned:
      description: Whether check mode has only planned it.
      type: bool
    exists:
      description: Whether it is there.
      type: bool
certificate:
  description:
    - Of O(generate_certificate), the C(path), C(thumbprint), and C(not_after) of the certificate. In check mode, a pair
      that is only C(planned) has neither thumbprint nor end.
  returned: with O(generate_certificate)
  type: dict
key_path:
  description: Path of the private key.
  returned: with O(generate_certificate)
  type: str
credential_planned:
  description:
    - Whether check mode has only planned a credential of the application. Later tasks of the same run take it as
      O(fortanix.dsm.azure_kv_prereqs#module:credential_planned) and
      O(fortanix.dsm.cdc_group#module:credential_planned).
  returned: with O(state=present)
  type: bool
client_secret:
  description: The value of a secret that this task made with O(return_secret), otherwise V(null).
  returned: with O(state=present)
  type: str
put_back:
  description:
    - Certificates and API permissions of others that were lost because somebody else overwrote the lists of the
      application at the same time, and that this task has put back.
  returned: with O(state=present)
  type: list
  elements: str
connections:
  description:
    - When something was put back and there is a login to DSM, what DSM's test says of each group that uses the
      application, by C(group) and C(connection). Otherwise V(null).
  returned: with O(state=present)
  type: list
  elements: dict
left:
  description: With O(state=absent), what stays and why.
  returned: with O(state=absent)
  type: list
  elements: dict
plan:
  description: The changes, as in RV(fortanix.dsm.cdc_group#module:plan). Empty when nothing changes.
  returned: success
  type: list
  elements: dict
"""

from ..module_utils._operations import azure_kv_app
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_app)


if __name__ == "__main__":
    main()
