#!/usr/bin/python
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: azure_kv_app
short_description: Register the Entra application that Fortanix DSM authenticates as
version_added: 0.1.0
description:
  - Creates an application with its service principal, registers certificates at it, and adds the API permission for
    Azure Key Vault. For an application that exists, only what is missing is added.
  - Existing certificates, secrets, and API permissions stay, and nothing is renewed.
  - Permissions at a vault are not granted here. Use M(fortanix.dsm.azure_kv_prereqs).
  - Changes reach the servers of Microsoft Graph with a delay. The task waits until several consecutive reads show the
    application and the service principal in the requested state.
author:
  - The fortanix.dsm contributors (@fortanix)
extends_documentation_fragment:
  - fortanix.dsm.attributes
  - fortanix.dsm.attributes.action
  - fortanix.dsm.common
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
      - Client ID of an application that exists. Entra assigns the client ID, so an application cannot be created by it.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is required.
    type: str
  app_unique_name:
    description:
      - Unique name of the application. Microsoft Graph never creates a second application with the same unique name.
        Use this option for an application that the task creates. Applications that were created in the portal have no
        unique name.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is required.
    type: str
  app_display_name:
    description:
      - Display name of the application. Display names are not unique. When several applications have it, the task fails
        and lists them.
      - Two tasks that run at the same time can each create an application. So can a task that is repeated within
        seconds, because Microsoft Graph may not yet return what the first one created. A task that creates an
        application by its display name warns about this. O(app_unique_name) prevents it.
      - Exactly one of O(app_client_id), O(app_unique_name), and O(app_display_name) is required.
    type: str
  state:
    description:
      - V(present) creates the application if it does not exist, and adds what is missing.
      - V(absent) removes the secrets and certificates whose name begins with C(fortanix-dsm-ansible), which are those
        that this module created. Everything else stays, unless O(remove_application) is set.
      - V(absent) fails while a group in DSM that the DSM identity can see uses the application. Without DSM credentials
        it warns that this was not checked.
    type: str
    choices: [present, absent]
    default: present
  display_name:
    description:
      - Display name of a new application. An existing application keeps its own.
      - The value of O(app_unique_name) or O(app_display_name) when not set.
    type: str
  certificates:
    description:
      - Certificates to register at the application, each as a path or text, in PEM, DER or PKCS#12 form or the base64
        of them. Their keys must be RSA.
      - Of a chain in one file, only the end-entity certificate is registered. A private key in the same file is not
        used.
      - A certificate that is already registered, by its thumbprint, is left unchanged.
    type: list
    elements: str
    default: []
  generate_certificate:
    description:
      - A certificate and its private key in two files on the machine that the module runs on. When neither file exists,
        a self-signed pair is generated. When both exist and belong together, the certificate is used.
      - Files are never overwritten. The task fails when only one file exists, when the two do not belong together, or
        when the certificate has expired.
      - Until both files are complete, a third file holds both, readable by its owner only. Its name is
        O(generate_certificate.key_path) with C(.incomplete) added. If a run is killed in between, the next run
        completes the pair from that file.
      - The private key has no passphrase, and only the owner of the file can read it. It appears in no result and in no
        log.
    type: dict
    suboptions:
      certificate_path:
        description:
          - File for the certificate, PEM. A missing directory is created with mode 0700.
        type: path
        required: true
      key_path:
        description:
          - File for the private key, PEM. A missing directory is created with mode 0700.
        type: path
        required: true
      days:
        description:
          - Validity in days of a new certificate.
          - From V(1) to V(3650).
        type: int
        default: 365
      key_size:
        description:
          - Length in bits of a new RSA key.
        type: int
        choices: [2048, 3072, 4096]
        default: 3072
      subject:
        description:
          - Common name of a new certificate. The display name of the application when not set.
        type: str
  api_permission:
    description:
      - Whether to add the delegated permission C(user_impersonation) of Azure Key Vault to the API permissions of the
        application, as the product guide requests. DSM authenticates as the application itself, without a user, and
        does not use this permission.
      - With V(false), the API permissions are left unchanged.
    type: bool
    default: true
  admin_consent:
    description:
      - Whether to consent to that permission for all users of the tenant. The application can then access Key Vault on
        behalf of every user who signs in to it. DSM does not need that, and no other option grants it.
      - Other permissions in an existing consent stay.
    type: bool
    default: false
  return_secret:
    description:
      - Whether to create a client secret and to return it. A secret is created only when the application has no valid
        secret with the name C(fortanix-dsm-ansible). Only the task that creates it returns it.
      - The task must have C(no_log=true). Otherwise it fails before anything is changed. Certificates are the safer
        choice, because no secret is part of a result.
    type: bool
    default: false
  secret_days:
    description:
      - Validity in days of a new client secret.
      - From V(1) to V(3650).
    type: int
    default: 180
  remove_application:
    description:
      - With O(state=absent), remove the application itself and all that belongs to it. Only an application that this
        module created can be removed. Such an application has the tag C(fortanix-dsm-ansible).
      - Entra keeps a removed application in its recycle bin for 30 days, together with its unique name (see
        O(on_soft_deleted)).
    type: bool
    default: false
  on_soft_deleted:
    description:
      - What to do when the application is in the recycle bin of Entra. A deleted application keeps its unique name for
        30 days. The recycle bin is searched by O(app_unique_name) and O(app_client_id).
      - V(fail) fails and reports the possible next steps. Nothing is changed.
      - V(recover) restores the application and its service principal, with the credentials and roles that they had, and
        then adds what is missing. A service principal that was deleted alone is also restored. If it cannot be found, a
        new one is created, without the roles of the deleted one.
      - In check mode a restored application is returned as planned, with the nil UUID, because later tasks cannot read
        it yet.
    type: str
    choices: [fail, recover]
    default: fail
  dsm_endpoint:
    description:
      - Address of DSM, for example V(https://dsm.example.com). Needed only to check, before O(state=absent), whether a
        group uses the application.
      - Taken from the environment variable E(DSM_ENDPOINT) or E(FORTANIX_API_ENDPOINT) when not set.
    required: false
  group:
    description:
      - With O(state=absent), the record of a group that is removed together with the application, as
        M(fortanix.dsm.cdc_group) returned it. That group does not count as one that uses the application.
    type: dict
  wait_timeout:
    description:
      - Seconds to wait until the changes can be read back.
      - From V(0) to V(86400).
    type: int
    default: 120
  wait_interval:
    description:
      - Seconds between two reads.
      - From V(0) to V(3600).
    type: int
    default: 2
requirements:
  - cryptography >= 42
notes:
  - In Microsoft Graph the operator needs Application.ReadWrite.OwnedBy to create applications and to change those that
    it created or owns, Application.ReadWrite.All to change other applications, and
    DelegatedPermissionGrant.ReadWrite.All for O(admin_consent).
  - With Policy.Read.All in addition, the task can check the app management policies of the tenant, and fails before
    anything is changed when a policy forbids the credential. Without it, Microsoft Graph rejects the credential.
seealso:
  - module: fortanix.dsm.azure_kv_prereqs
"""

EXAMPLES = r"""
- name: Register an application with a generated certificate
  fortanix.dsm.azure_kv_app:
    app_unique_name: fortanix-byok
    display_name: Fortanix BYOK
    generate_certificate:
      certificate_path: "{{ private_dir }}/fortanix-byok.crt"
      key_path: "{{ private_dir }}/fortanix-byok.key"
  register: registered

- name: Grant it the permissions at the vault
  fortanix.dsm.azure_kv_prereqs:
    vault:
      resource_id: "{{ vault_resource_id }}"
    app_client_id: "{{ registered.application.client_id }}"
    rights_profile: guide

- name: Register a certificate of your own CA at an existing application
  fortanix.dsm.azure_kv_app:
    app_client_id: "{{ link_client_id }}"
    certificates:
      - "{{ private_dir }}/issued.crt"

- name: Remove the application that was created
  fortanix.dsm.azure_kv_app:
    state: absent
    app_unique_name: fortanix-byok
    remove_application: true
"""

RETURN = r"""
application:
  description:
    - The application after the task, or as it would be in check mode. V(null) when it does not exist.
    - IDs that Entra assigns to a new object are the nil UUID in check mode.
  returned: success
  type: dict
  contains:
    client_id:
      description: Application (client) ID, which the link in DSM needs.
      type: str
      sample: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0
    object_id:
      description: Object ID of the service principal, which receives roles. V(null) when it does not exist.
      type: str
    application_object_id:
      description: Object ID of the app registration.
      type: str
    display_name:
      description: Display name.
      type: str
      sample: Fortanix BYOK
    unique_name:
      description: Unique name. V(null) when the application has none.
      type: str
      sample: fortanix-byok
    enabled:
      description: Whether neither the app registration nor the service principal is disabled.
      type: bool
      sample: true
    credentials:
      description: Client secrets and certificates of the app registration and of the service principal, without values.
      type: list
      elements: dict
      contains:
        type:
          description: V(secret) or V(certificate).
          type: str
          sample: certificate
        key_id:
          description: ID of the credential in Entra.
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
          sample: "2027-11-25T04:10:00Z"
        thumbprint:
          description: Thumbprint (SHA-1) of a certificate. V(null) for secrets, and in check mode for a planned pair.
          type: str
        place:
          description:
            - V(application) for a credential of the app registration, V(service_principal) for one of the service
              principal. Entra accepts both.
          type: str
          sample: application
    api_permission:
      description: Whether the application has the API permission of Azure Key Vault. V(null) when it was not read.
      type: bool
      sample: true
    made_by_collection:
      description: Whether this module created the application.
      type: bool
    planned:
      description: Whether the application is only planned, in check mode.
      type: bool
    exists:
      description: Whether the application exists.
      type: bool
certificate:
  description: The certificate of O(generate_certificate).
  returned: with O(state=present) and O(generate_certificate)
  type: dict
  contains:
    path:
      description: Path of the certificate.
      type: str
      sample: /etc/private/fortanix-byok.crt
    thumbprint:
      description: Thumbprint (SHA-1) of the certificate. V(null) when it is only planned.
      type: str
    not_after:
      description: Expiry of the certificate, UTC. V(null) when it is only planned.
      type: str
      sample: "2027-11-25T04:10:00Z"
    planned:
      description: Whether the pair is only planned, in check mode.
      type: bool
key_path:
  description: Path of the private key.
  returned: with O(state=present) and O(generate_certificate)
  type: str
  sample: /etc/private/fortanix-byok.key
credential_planned:
  description:
    - Whether a credential of the application is only planned, in check mode. Pass this value to later tasks of the same
      run, in O(fortanix.dsm.azure_kv_prereqs#module:credential_planned) and
      O(fortanix.dsm.cdc_group#module:credential_planned).
  returned: with O(state=present)
  type: bool
client_secret:
  description: Value of the secret that this task created with O(return_secret). V(null) otherwise.
  returned: with O(state=present)
  type: str
put_back:
  description:
    - Certificates and API permissions that others had added, that a concurrent change by another identity had removed,
      and that this task has restored.
  returned: with O(state=present)
  type: list
  elements: str
connections:
  description:
    - When something was restored (see RV(put_back)), the result of DSM's connection test for each group that uses the
      application. V(null) otherwise, and without DSM credentials.
  returned: with O(state=present)
  type: list
  elements: dict
  contains:
    group:
      description: Name of the group.
      type: str
      sample: akv-production
    connection:
      description: V(connected) or V(not_connected).
      type: str
      sample: connected
left:
  description: What stays, and why.
  returned: with O(state=absent)
  type: list
  elements: dict
  contains:
    what:
      description: V(application) or V(credentials).
      type: str
      sample: credentials
    key_ids:
      description: IDs of the credentials in Entra.
      returned: when RV(left[].what=credentials)
      type: list
      elements: str
    reason:
      description: Why it stays.
      type: str
plan:
  description: The changes that the task made, or would make in check mode, in their order. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
  contains:
    plane:
      description: Where the change is made. V(Entra), or V(Controller) for files.
      type: str
      sample: Entra
    object:
      description: The object that changes.
      type: str
      sample: application Fortanix BYOK
    action:
      description: V(create), V(update), V(delete), or V(recover).
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

from ..module_utils._operations import azure_kv_app
from ..module_utils._task import run_module


def main() -> None:
    run_module(azure_kv_app)


if __name__ == "__main__":
    main()
