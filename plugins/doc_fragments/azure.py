# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the operator logs in to Azure. The options are in ``_options.AZURE``."""

    DOCUMENTATION = r"""
options:
  auth_source:
    description:
      - Where the operator's login to Azure comes from. The operator looks at Azure and repairs what is wrong there. It
        should not be the application that DSM logs in with.
      - With V(auto), the first of these that is there. The options of the task; the section O(profile) of
        C(~/.azure/credentials) when that is set; the environment; the section C(default) of that file; the Azure CLI,
        when C(az) is on the C(PATH).
      - With V(env), V(credential_file), or V(cli), only the environment, the file, or the Azure CLI. The task then sets
        no identity.
      - With V(msi), the managed identity of the machine that the module runs on. It is never looked for otherwise, as
        that takes long on machines which are not in Azure.
      - Taken from the environment variable E(ANSIBLE_AZURE_AUTH_SOURCE) when not set.
    type: str
    choices: [auto, cli, credential_file, env, msi]
    default: auto
  profile:
    description:
      - Section of the file C(~/.azure/credentials) of C(azure.azcollection). It may hold all options from O(client_id)
        to O(cloud_environment), by their names. An identity that the task sets comes first.
      - Taken from the environment variable E(AZURE_PROFILE) when not set.
    type: str
  tenant:
    description:
      - Tenant of the operator, as an ID or a domain name.
      - Taken from the environment variable E(AZURE_TENANT) or E(AZURE_TENANT_ID) when neither the task nor the section
        of the credential file sets it.
    type: str
  client_id:
    description:
      - Application (client) ID of the operator. With O(auth_source=msi), that of a user-assigned managed identity.
      - This, O(secret), O(x509_certificate_path) with its password, O(oidc_token), and O(oidc_token_file_path) are one
        identity. When the task sets any of them, none of them comes from the environment.
      - When it sets none, E(AZURE_CLIENT_ID) is taken together with the first of the variables that are named at those
        options.
    type: str
  secret:
    description:
      - Client secret of O(client_id). Its value, not its ID.
      - Taken from the environment variable E(AZURE_SECRET) or E(AZURE_CLIENT_SECRET), as O(client_id) says.
    type: str
  x509_certificate_path:
    description:
      - File with certificate and private key of O(client_id), PEM or PKCS#12, instead of O(secret).
      - Taken from the environment variable E(AZURE_X509_CERTIFICATE_PATH) or E(AZURE_CLIENT_CERTIFICATE_PATH), as
        O(client_id) says.
    type: path
  x509_certificate_password:
    description:
      - Passphrase of the private key in O(x509_certificate_path). An empty one is none.
      - Taken from the environment variable E(AZURE_CLIENT_CERTIFICATE_PASSWORD), as O(client_id) says.
    type: str
  oidc_token:
    description:
      - Token of an identity provider that O(client_id) trusts (workload identity federation), instead of O(secret).
      - Taken from the environment variable E(AZURE_FEDERATED_TOKEN), as O(client_id) says.
    type: str
  oidc_token_file_path:
    description:
      - File with such a token, instead of O(oidc_token).
      - Taken from the environment variable E(AZURE_FEDERATED_TOKEN_FILE), as O(client_id) says.
    type: path
  subscription_id:
    description:
      - ID of the subscription.
      - Taken from the environment variable E(AZURE_SUBSCRIPTION_ID) when neither the task nor the section of the
        credential file sets it. The default subscription of the Azure CLI is not looked up.
    type: str
  cloud_environment:
    description:
      - The cloud. V(AzureCloud) when nothing says otherwise.
      - Taken from the environment variable E(AZURE_CLOUD_ENVIRONMENT) when neither the task nor the section of the
        credential file sets it.
    type: str
    choices: [AzureCloud, AzureUSGovernment]
  cert_validation_mode:
    description:
      - Whether the TLS certificates of Entra and Azure are verified. With V(ignore) anybody on the way can take the
        operator's login.
      - Taken from the environment variable E(AZURE_CERT_VALIDATION_MODE) when not set.
    type: str
    choices: [ignore, validate]
    default: validate
requirements:
  - python >= 3.10
  - azure-core >= 1.38
  - azure-identity >= 1.19
  - azure-mgmt-core >= 1.6
  - azure-mgmt-keyvault >= 14
  - azure-keyvault-administration >= 4.6, for managed HSMs
notes:
  - The names are those of C(azure.azcollection). That collection pins C(azure-mgmt-keyvault) to a release which is too
    old here, so the two need a Python environment each (C(ansible_python_interpreter)).
  - Some options of C(azure.azcollection) are left out on purpose. A user's name and password (C(ad_user), C(password))
    fail where multi-factor authentication is demanded, and Microsoft has deprecated that way. C(adfs_authority_url)
    and metadata addresses belong to clouds that DSM does not offer. C(api_profile) asks for versions of the service
    that are switched off in February 2027. C(log_mode) and C(log_path) would put tokens into files. C(thumbprint) is
    computed from the certificate.
  - An environment variable that is empty counts as one that is not set.
  - A proxy is taken from the environment variables E(HTTPS_PROXY) and E(NO_PROXY), CA certificates of your own from
    E(REQUESTS_CA_BUNDLE).
"""
