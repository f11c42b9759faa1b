# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The operator's credentials in Azure, which read and repair; never the ones stored in DSM (Azure contract §4)."""

from __future__ import annotations

import logging
import re
import shutil
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ... import _deps, _time
from ..._certificates import loading
from ..._environment import CREDENTIAL_FILE, PROOFS
from ..._errors import InvalidInput, TaskError
from ..._ids import checked_uuid
from ..._journal import Journal
from ..._secrets import inputs
from ..._task import Task
from ..._time import ServiceClock
from .claims import TokenIdentity, identity_of
from .cloud import Cloud, cloud_of
from .errors import LOGIN, AzureError
from .foreign import foreign
from .sdk_failures import UNREADABLE, failure_of, not_from_service, unreadable
from .transport import client_options, exceeded, limit_in, retry_policy

# Seconds, and the number of retries. The SDK's defaults are 300 s and 10 retries (Azure contract §0.10).
NETWORK: Mapping[str, Any] = {"connection_timeout": 10, "read_timeout": 30, "retry_total": 3}
_CLI_SECONDS = 30
# What azure-identity raises if a source has no credentials.
_UNAVAILABLE = "CredentialUnavailableError"
_TENANT = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]*")


# What a service made: white space in it is no part of it, and Entra would only report a wrong credential.
_CHECKS: Mapping[str, Callable[[str, str], str]] = {
    "secret": inputs.checked_client_secret,
    "oidc_token": inputs.checked_token,
}


class Explained:
    """A TokenCredential that raises an ``AzureError`` about the operator for an unreadable token response.

    azure-identity and MSAL raise arbitrary exceptions if a token response is not as they expect. ``instead``: what a
    user can do who has no credentials, as the end of the advice.
    """

    def __init__(self, credential: Any, instead: str = "") -> None:
        self._credential, self._instead = credential, instead
        # Whom the last token was for.
        self.identity = TokenIdentity()

    def __getattr__(self, name: str) -> Any:
        # A credential has one of the two methods or both; the SDK checks which.
        found = getattr(self._credential, name)
        return partial(self._token, found) if name in ("get_token", "get_token_info") else found

    def _token(self, get: Callable[..., Any], *scopes: str, **options: Any) -> Any:
        limit = absent = None
        kind = ""
        try:
            found = get(*scopes, **options)
        except UNREADABLE as error:
            # Its text may contain parts of the response, and so of a token.
            kind = type(error).__name__
        except Exception as error:
            limit = limit_in(error)
            if limit is None and self._instead and type(error).__name__ == _UNAVAILABLE:
                absent = failure_of(error, plane="Entra", obj=LOGIN)
            elif limit is None:
                raise
        else:
            self.identity = identity_of(found.token)
            return found
        if absent is not None:
            raise AzureError(
                absent.problem,
                plane=absent.plane,
                obj=absent.obj,
                words=absent.words,
                next_step=absent.next_step + self._instead,
            )
        if limit is not None:
            raise exceeded(limit, plane="Entra", obj=LOGIN, label="the token request")
        raise unreadable(
            f"the authentication library cannot read it ({kind})", plane="Entra", obj=LOGIN, label="the token request"
        )


@dataclass(frozen=True)
class Operator:
    """Credentials that have not been tried yet: nothing is sent before the first request to a service.

    ``credential``: a TokenCredential of azure-identity. ``client_id``: lower case; None for the Azure CLI and for the
    managed identity of the machine. ``network``: settings of every SDK client. ``clock``: the task's.
    """

    cloud: Cloud
    credential: Any = field(repr=False)
    client_id: str | None
    tenant_id: str | None
    subscription_id: str | None
    network: Mapping[str, Any]
    clock: ServiceClock = field(default_factory=ServiceClock, repr=False, compare=False)
    journal: Journal = field(default_factory=Journal, repr=False, compare=False)

    @property
    def identity(self) -> TokenIdentity:
        """Whom the tokens are for. Known after the first request to a service."""
        found = getattr(self.credential, "identity", None)
        return found if isinstance(found, TokenIdentity) else TokenIdentity()

    @property
    def subscription(self) -> str:
        """The subscription, where a request needs one.

        Raises:
            InvalidInput: it is not set.
        """
        if self.subscription_id is None:
            raise InvalidInput(
                "subscription_id",
                "neither the task nor AZURE_SUBSCRIPTION_ID sets the subscription",
                "set it, or specify the vault by its resource ID, which contains the subscription",
            )
        return self.subscription_id


def operator_of(task: Task) -> Operator:
    """The operator of a task, whose parameters were already completed from the environment.

    Raises:
        InvalidInput: an option is missing or invalid. No request has been sent.
        TaskError: no credentials were found, or a library is not installed.
    """
    params = task.params
    cloud = cloud_of(params.get("cloud_environment"))
    subscription_id = _id(params, "subscription_id")
    network = dict(NETWORK)
    if params.get("cert_validation_mode") == "ignore":
        network["connection_verify"] = False
        task.warn(
            "cert_validation_mode is ignore: the TLS certificates of Entra and Azure are not verified, so anyone on "
            "the network path can steal the operator's credentials. Trust the correct CA with REQUESTS_CA_BUNDLE "
            "instead."
        )
    return Operator(
        cloud=cloud,
        credential=Explained(credential_for(params, cloud, network, task.clock), _instead_of_credentials(params)),
        client_id=operator_client_id(params),
        tenant_id=_tenant(params),
        subscription_id=subscription_id,
        network=network,
        clock=task.clock,
        journal=task.journal,
    )


def operator_client_id(params: Mapping[str, Any]) -> str | None:
    """The operator's client ID in lower case, to detect a link that contains the operator's own credentials."""
    return _id(params, "client_id")


def credential_for(
    params: Mapping[str, Any],
    cloud: Cloud,
    network: Mapping[str, Any] | None = None,
    clock: ServiceClock | None = None,
) -> Any:
    """The TokenCredential for these options. ``auto`` never searches for a managed identity.

    ``clock``: receives Entra's time from each response to a token request, including rejections.

    Raises:
        InvalidInput: an option is missing or invalid. No request has been sent.
        TaskError: no credentials were found, or a library is not installed.
    """
    network = NETWORK if network is None else network
    source, client_id, tenant = params["auth_source"], operator_client_id(params), _tenant(params)
    proof = next((option for option in PROOFS if params.get(option) is not None), None)
    if source == "auto" and client_id is None and proof is None:
        if shutil.which("az") is None:
            raise _nothing_found(params)
        source = "cli"
    if source == "cli":
        return _identity().AzureCliCredential(tenant_id=tenant or "", process_timeout=_CLI_SECONDS)
    if source == "msi":
        if proof is not None:
            raise InvalidInput(proof, "auth_source is msi, which uses no credential", "omit one of the two")
        return _identity().ManagedIdentityCredential(client_id=client_id, **client_options(network))
    if client_id is None:
        needed_by = f"with {proof}" if proof else f"if auth_source is {source}"
        raise _missing("client_id", needed_by, "the application (client) ID of the operator")
    if proof is None:
        raise _missing("secret", "with client_id", "it, x509_certificate_path, oidc_token or oidc_token_file_path")
    if not str(params[proof]).strip():
        raise InvalidInput(proof, "it is empty", "set it to the credential of client_id")
    if proof in _CHECKS:
        _CHECKS[proof](proof, str(params[proof]))
    if tenant is None:
        raise _missing("tenant", f"with client_id and {proof}", "the ID or domain name of the operator's tenant")
    if params.get("x509_certificate_password") is not None and proof != "x509_certificate_path":
        raise _missing("x509_certificate_path", "with x509_certificate_password", "the file with the certificate")
    return _application(params, proof, tenant, client_id, login_options(network, cloud, clock))


def login_options(network: Mapping[str, Any], cloud: Cloud, clock: ServiceClock | None) -> dict[str, Any]:
    """The settings of an azure-identity credential of an application; ``clock``: as in :func:`credential_for`."""
    hooks = {} if clock is None else clock_hooks(clock)
    return {**client_options(network), **hooks, "authority": cloud.authority, "retry_policy_class": retry_policy()}


def clock_hooks(clock: ServiceClock) -> dict[str, Any]:
    """Settings of an azure-identity credential that record the time of Entra's responses, and judge their shape."""
    mark = "fortanix_dsm_sent"

    def sent(request: Any) -> None:
        request.context[mark] = _time.utc_now()

    def received(response: Any) -> None:
        left = response.context.get(mark)
        answer = response.http_response
        if left is not None:
            clock.observe("Entra", answer.headers, left)
        # Here, because MSAL reports any page as an unknown tenant or as a defect.
        found = foreign(answer.status_code, answer.headers, answer.text())
        if found is not None:
            host = urllib.parse.urlsplit(answer.request.url).hostname or ""
            raise not_from_service(found, plane="Entra", obj=LOGIN, label="the token request", host=host)

    return {"raw_request_hook": sent, "raw_response_hook": received}


def _application(
    params: Mapping[str, Any], proof: str, tenant: str, client_id: str, settings: Mapping[str, Any]
) -> Any:
    """The credential of an application with this proof."""
    identity, value = _identity(), params[proof]
    if proof == "secret":
        return identity.ClientSecretCredential(tenant, client_id, value, **settings)
    if proof == "oidc_token":
        return identity.ClientAssertionCredential(tenant, client_id, lambda: value, **settings)
    if proof == "x509_certificate_path":
        return _by_certificate(params, tenant, client_id, settings)
    words, read = "", ""
    try:
        with open(value, encoding="utf-8") as file:
            read = file.read()
    except OSError as error:
        words = error.strerror or type(error).__name__
    except ValueError as error:
        words = str(error)
    if words or not read.strip():
        raise InvalidInput(
            # Without the value, which may be the token itself.
            proof,
            f"no token could be read from this file: {words or 'it is empty'}",
            "set it to the path of the file that contains the token",
        )
    return identity.ClientAssertionCredential(tenant, client_id, partial(_token_in, value), **settings)


def _token_in(path: str) -> str:
    """The token in a file, which is renewed externally: read again for each request to Entra.

    azure-identity's own credential for such a file sends a line break at its end, too.
    """
    with open(path, encoding="utf-8-sig") as file:
        return file.read().strip()


def _by_certificate(params: Mapping[str, Any], tenant: str, client_id: str, settings: Mapping[str, Any]) -> Any:
    """The credential with a certificate. The SDK itself accepts fewer formats."""
    option, password_option = "x509_certificate_path", "x509_certificate_password"
    source, password = params[option], params.get(password_option) or None
    remedy = f"set it to a PEM or PKCS#12 file with certificate and private key; {password_option} decrypts the key"
    try:
        found = loading.load_chain(option, source, "private key", None, password, password_option)
        data = "".join(reversed(loading.pem_of(*found))).encode("ascii")
        return _identity().CertificateCredential(tenant, client_id, certificate_data=data, **settings)
    except InvalidInput as error:
        words = error.problem if error.obj == option else f"{error.obj}: {error.problem}"
        remedy = error.next_step
    except ValueError as error:
        # Raised by the SDK for a key that is not RSA.
        words = str(error)
    raise InvalidInput(option, f"{loading.shown(source)} cannot be used: {words}", remedy)


def _identity() -> Any:
    # Our messages report errors; without a handler, the SDK's warnings would go to the module's stderr.
    for name in ("azure", "msal"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    return _deps.load("azure.identity")


def _id(params: Mapping[str, Any], option: str) -> str | None:
    value = params.get(option)
    if value is None:
        return None
    return checked_uuid(option, value)


def _tenant(params: Mapping[str, Any]) -> str | None:
    value = params.get("tenant")
    if value is None:
        return None
    if not _TENANT.fullmatch(value.strip()):
        raise InvalidInput("tenant", "it is not a valid tenant", "set the ID or the domain name of the tenant")
    return str(value).strip()


def _missing(option: str, where: str, what: str) -> InvalidInput:
    return InvalidInput(
        option,
        f"it is not set, but required {where}",
        f"set {what}; environment variables are only read as a complete set of credentials",
    )


def _instead_of_credentials(params: Mapping[str, Any]) -> str:
    """The end of the advice for a module that can do without Azure; empty for others."""
    return "; without operator credentials, set look_in_azure: false" if "look_in_azure" in params else ""


def _nothing_found(params: Mapping[str, Any]) -> TaskError:
    return TaskError(
        "no operator credentials were found. Checked: client_id with its secret, certificate or token in the task; "
        f"AZURE_CLIENT_ID with the same in the environment; section [default] of {CREDENTIAL_FILE}; the Azure CLI (az) "
        "on the PATH",
        plane="Entra",
        obj="operator",
        next_step="set tenant, client_id and secret, or run `az login` where the module runs; on a machine in Azure, "
        f"auth_source=msi uses its managed identity{_instead_of_credentials(params)}",
    )
