# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How the operator authenticates to Azure. The options are in ``_options.AZURE``."""

    DOCUMENTATION = r"""
options:
  auth_source:
    description:
      - Source of the operator credentials. The operator is the Azure identity that reads Azure and Entra and corrects
        what is wrong there. Do not use the application that DSM authenticates as.
      - V(auto) uses the first source that exists, in this order. The options of the task, the section O(profile) of
        C(~/.azure/credentials) when O(profile) is set, the environment, the section C(default) of that file, and the
        Azure CLI when C(az) is on the C(PATH).
      - V(env), V(credential_file), and V(cli) use only the environment, the file, or the Azure CLI. The task then must
        not set an identity.
      - V(msi) uses the managed identity of the machine that the module runs on. V(auto) never tries it, because that
        takes long on machines outside Azure.
      - Taken from the environment variable E(ANSIBLE_AZURE_AUTH_SOURCE) when not set.
    type: str
    choices: [auto, cli, credential_file, env, msi]
    default: auto
  profile:
    description:
      - Section of the file C(~/.azure/credentials) of C(azure.azcollection). It can hold all options from O(client_id)
        to O(cloud_environment), by their names. An identity that the task sets takes precedence.
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
      - Application (client) ID of the operator. With O(auth_source=msi), the client ID of a user-assigned managed
        identity.
      - O(client_id), O(secret), O(x509_certificate_path), O(x509_certificate_password), O(oidc_token), and
        O(oidc_token_file_path) belong together. When the task sets one of them, none of them is taken from the
        environment.
      - When the task sets none of them, E(AZURE_CLIENT_ID) is used together with the first of the environment variables
        that these options name.
    type: str
  secret:
    description:
      - Value of a client secret of O(client_id), not the ID of the secret.
      - Mutually exclusive with O(x509_certificate_path), O(oidc_token), and O(oidc_token_file_path).
      - Taken from the environment variable E(AZURE_SECRET) or E(AZURE_CLIENT_SECRET), see O(client_id).
    type: str
  x509_certificate_path:
    description:
      - File with the certificate and the private key of O(client_id), in PEM or PKCS#12 form.
      - Mutually exclusive with O(secret), O(oidc_token), and O(oidc_token_file_path).
      - Taken from the environment variable E(AZURE_X509_CERTIFICATE_PATH) or E(AZURE_CLIENT_CERTIFICATE_PATH), see
        O(client_id).
    type: path
  x509_certificate_password:
    description:
      - Passphrase of the private key in O(x509_certificate_path). An empty passphrase is the same as none.
      - Taken from the environment variable E(AZURE_CLIENT_CERTIFICATE_PASSWORD), see O(client_id).
    type: str
  oidc_token:
    description:
      - Token of an identity provider that O(client_id) trusts (workload identity federation).
      - Mutually exclusive with O(secret), O(x509_certificate_path), and O(oidc_token_file_path).
      - Taken from the environment variable E(AZURE_FEDERATED_TOKEN), see O(client_id).
    type: str
  oidc_token_file_path:
    description:
      - File with a token as in O(oidc_token).
      - Mutually exclusive with O(secret), O(x509_certificate_path), and O(oidc_token).
      - Taken from the environment variable E(AZURE_FEDERATED_TOKEN_FILE), see O(client_id).
    type: path
  subscription_id:
    description:
      - ID of the subscription.
      - Taken from the environment variable E(AZURE_SUBSCRIPTION_ID) when neither the task nor the section of the
        credential file sets it. The default subscription of the Azure CLI is not used.
    type: str
  cloud_environment:
    description:
      - The Azure cloud. V(AzureCloud) when it is not set anywhere.
      - Taken from the environment variable E(AZURE_CLOUD_ENVIRONMENT) when neither the task nor the section of the
        credential file sets it.
    type: str
    choices: [AzureCloud, AzureUSGovernment]
  cert_validation_mode:
    description:
      - Whether the TLS certificates of Entra and Azure are verified. With V(ignore), anyone on the network path can
        steal the operator credentials.
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
  - azure-mgmt-authorization >= 4, < 5, for Azure roles
  - azure-keyvault-administration >= 4.6, for Managed HSMs
notes:
  - The options of the operator have the names that C(azure.azcollection) uses. That collection pins
    C(azure-mgmt-keyvault) to a release that is too old for this one, so each of the two needs a Python environment of
    its own (C(ansible_python_interpreter)).
  - Some options of C(azure.azcollection) are not supported. C(ad_user) and C(password) fail where multi-factor
    authentication is required, and Microsoft has deprecated this flow. C(adfs_authority_url) and metadata addresses
    belong to clouds that DSM does not offer. C(api_profile) selects API versions that Azure switches off in
    February 2027. C(log_mode) and C(log_path) would write tokens to files. C(thumbprint) is computed from the
    certificate.
  - An empty environment variable counts as not set.
  - A proxy is taken from the environment variables E(HTTPS_PROXY) and E(NO_PROXY), your own CA certificates from
    E(REQUESTS_CA_BUNDLE).
"""
