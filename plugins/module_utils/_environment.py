# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Reads credentials and the proxy from the environment of the process. Operations do not use the environment."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
from collections.abc import Mapping, MutableMapping
from typing import Any

from ansible.module_utils.common.parameters import AnsibleFallbackNotFound

from ._errors import InvalidInput

_API_KEY_VARIABLES = ("DSM_API_KEY", "FORTANIX_API_KEY")
_LOGIN_OPTIONS = ("dsm_api_key", "dsm_username", "dsm_password", "dsm_client_cert", "dsm_client_key", "dsm_app_id")

# The operator in Azure (Azure contract §4.1, §4.3): option -> its variables, those of azure.azcollection first.
OPERATOR_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "client_id": ("AZURE_CLIENT_ID",),
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
    "x509_certificate_path": ("AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "x509_certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "oidc_token": ("AZURE_FEDERATED_TOKEN",),
    "oidc_token_file_path": ("AZURE_FEDERATED_TOKEN_FILE",),
    "tenant": ("AZURE_TENANT", "AZURE_TENANT_ID"),
    "subscription_id": ("AZURE_SUBSCRIPTION_ID",),
    "cloud_environment": ("AZURE_CLOUD_ENVIRONMENT",),
}
# In the order of the search; a client ID needs one of them.
PROOFS = ("secret", "x509_certificate_path", "oidc_token", "oidc_token_file_path")
IDENTITY = ("client_id", *PROOFS, "x509_certificate_password")
_AROUND_IDENTITY = ("tenant", "subscription_id", "cloud_environment")
_OPERATOR_SECRETS = ("secret", "x509_certificate_password", "oidc_token")
CREDENTIAL_FILE = "~/.azure/credentials"


def not_empty(*variables: str) -> str:
    """The first of these environment variables that has a value; a fallback of an option.

    Ansible's own fallback accepts an empty variable as a value. AWX sets each variable of a credential, also for empty
    fields.

    Raises:
        AnsibleFallbackNotFound: none has a value.
    """
    for variable in variables:
        if value := os.environ.get(variable):
            return value
    raise AnsibleFallbackNotFound


def complete_login(params: MutableMapping[str, Any], environ: Mapping[str, str]) -> set[str]:
    """Take the DSM credentials from the environment if the task sets none; return the secrets that were taken.

    The options are taken as a set. An API key in the environment must not overrule a user name in the play, and a
    password in the environment belongs only to the user name beside it, as a key does to its certificate.
    """
    if any(params.get(name) is not None for name in _LOGIN_OPTIONS):
        return set()
    for variable in _API_KEY_VARIABLES:
        if environ.get(variable):
            params["dsm_api_key"] = environ[variable]
            return {environ[variable]}
    if environ.get("DSM_USERNAME") and environ.get("DSM_PASSWORD"):
        params["dsm_username"] = environ["DSM_USERNAME"]
        params["dsm_password"] = environ["DSM_PASSWORD"]
        return {environ["DSM_PASSWORD"]}
    if environ.get("DSM_CLIENT_CERT"):
        for option, variable in (("dsm_client_cert", "DSM_CLIENT_CERT"), ("dsm_client_key", "DSM_CLIENT_KEY")):
            params[option] = os.path.expanduser(environ[variable]) if environ.get(variable) else None
        params["dsm_app_id"] = environ.get("DSM_APP_ID") or None
    return set()


def complete_operator(params: MutableMapping[str, Any], environ: Mapping[str, str]) -> set[str]:
    """Take the operator's identity from environment or credential file if the task sets no part of it.

    The identity is taken as a set, as in :func:`complete_login`: a secret in the environment belongs to the client ID
    beside it. Tenant, subscription and cloud are completed separately: from the task, then from the section of the
    credential file with the identity, then from the environment.

    Returns:
        The secrets that were taken.

    Raises:
        InvalidInput: the task sets an identity and another source for it, or the credential file cannot be used.
    """
    source = params["auth_source"]
    named = [option for option in IDENTITY if params.get(option) is not None]
    if named and source in ("env", "credential_file", "cli"):
        raise InvalidInput(
            "auth_source",
            f"{source} selects another source for the identity, but the task sets {', '.join(named)}",
            f"omit auth_source (it may be set in ANSIBLE_AZURE_AUTH_SOURCE) or {', '.join(named)}",
        )
    taken: dict[str, str] = {}
    if not named and source in ("auto", "env", "credential_file"):
        taken = _operator_identity(source, params.get("profile"), environ)
    if source not in ("cli", "msi"):
        # cli and msi provide their own tenant.
        taken = {**_from_environment(("tenant",), environ), **taken}
    taken = {**_from_environment(("subscription_id", "cloud_environment"), environ), **taken}
    params.update({option: value for option, value in taken.items() if params.get(option) is None})
    return {taken[option] for option in _OPERATOR_SECRETS if option in taken}


def _operator_identity(source: str, profile: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The first identity in the allowed sources; a credential file adds the other options of the section."""
    if source == "credential_file" or (source == "auto" and profile):
        return _section(profile or "default", environ, required=True)
    identity = _one_identity(_from_environment(IDENTITY, environ))
    if source == "env" or len(identity) > 1:
        return identity
    return _section("default", environ, required=False)


def _one_identity(found: Mapping[str, str]) -> dict[str, str]:
    """A client ID and one credential for it; less if they are not set."""
    proof = next((option for option in PROOFS if option in found), None)
    wanted = {"client_id", proof}
    if proof == "x509_certificate_path":
        wanted.add("x509_certificate_password")
    if "client_id" not in found:
        return {}
    return {option: value for option, value in found.items() if option in wanted}


def _from_environment(options: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for option in options:
        value = next((environ[name] for name in OPERATOR_VARIABLES[option] if environ.get(name)), None)
        if value is not None:
            found[option] = _as_value(option, value)
    return found


def _section(name: str, environ: Mapping[str, str], *, required: bool) -> dict[str, str]:
    """A section of the credential file; empty if it does not exist and is not required."""
    # Most tasks do not need it.
    import configparser

    home = environ.get("HOME") or os.path.expanduser("~")
    # A secret may contain a percent sign.
    parser = configparser.ConfigParser(interpolation=None)
    problem = ""
    try:
        with open(os.path.join(home, CREDENTIAL_FILE.removeprefix("~/")), encoding="utf-8") as file:
            parser.read_file(file)
    except FileNotFoundError:
        if not required:
            return {}
        problem = "the file does not exist"
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    except (configparser.Error, ValueError):
        # The parser's error text quotes the line, which may contain the secret.
        problem = "it is not an INI file"
    if not problem and not parser.has_section(name):
        if not required:
            return {}
        problem = "the section does not exist"
    if problem:
        raise InvalidInput(
            "profile",
            f"section [{name}] of {CREDENTIAL_FILE} cannot be used: {problem}",
            "write the file as for azure.azcollection, or set client_id and secret",
        )
    found = {option: value for option, value in parser.items(name) if option in OPERATOR_VARIABLES and value}
    around = {option: value for option, value in found.items() if option in _AROUND_IDENTITY}
    identity = _one_identity(found)
    if not identity and not required:
        return {}
    return {option: _as_value(option, value) for option, value in {**around, **identity}.items()}


def _as_value(option: str, text: str) -> str:
    return os.path.expanduser(text) if option.endswith("_path") else text


def proxy_for(url: str | None) -> str | None:
    """The proxy for this address in the environment (``HTTPS_PROXY``, ``NO_PROXY``)."""
    try:
        host = urllib.parse.urlsplit(url or "").hostname or ""
    except ValueError:
        # Not an address: the check of dsm_endpoint rejects it.
        return None
    if not url or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get("https")
