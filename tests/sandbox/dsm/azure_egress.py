# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client with which the simulated DSM calls Azure: real TLS, real HTTP, with what the link holds.

Names are resolved by DSM's own network table; trust, host name check and client certificate come from the link's `tls`
block (DSM contract §2.8), the token from Entra with the link's credential (DSM contract §2.7). A GET whose connection
breaks is tried once more, as aiohttp does for idempotent requests; nothing else is repeated, PUT and DELETE included.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.hazmat.primitives import serialization

from ..network import Network, Origins
from ..profiles import Profile
from .assertion import client_assertion
from .blobs import certificate_of, key_of
from .context import Dsm
from .errors import DsmError
from .external_kms import endpoints_of

_ARM_VERSION = "2026-02-01"
_VAULT_VERSION = "7.4"


class AzureFailure(Exception):
    """Azure, or the way to it, said no. The text names the leg, if any, and repeats Azure's own words."""

    def __init__(self, leg: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{leg}: {message}" if leg else message)
        self.status = status


class _Broken(aiohttp.ClientError):
    """The connection of a write broke; its cause tells how. None of those errors that aiohttp takes for repeatable."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a write once: aiohttp would repeat PUT and DELETE, and a repeated import is one more version of a key."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Broken from error


class AzureEgress:
    """One conversation with Azure on behalf of one stored link."""

    def __init__(self, link: Mapping[str, Any], dsm: Dsm) -> None:
        self._link = link
        self._runtime = dsm.runtime
        # Whether DSM keeps tokens beyond one conversation is not public (Q39).
        kept = dsm.state.azure_tokens if dsm.profile.dsm_token_cache == "until_expiry" else {}
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = kept
        self._endpoints = endpoints_of(link)

    async def __aenter__(self) -> Self:
        tls = self._link["tls"]
        self._plain = tls["mode"] == "disabled"
        self._link_context = _ssl_context(tls, self._runtime.global_roots_pem)
        roots = {"mode": "required", "validate_hostname": True, "ca": {"ca_set": "global_roots"}}
        self._roots_context = _ssl_context(roots, self._runtime.global_roots_pem)
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._runtime.dsm_network),
            use_dns_cache=False,
            socket_factory=lambda info: _labelled_socket(info[0], self._runtime.origins),
        )
        timeout = aiohttp.ClientTimeout(total=self._runtime.profile.azure_timeout)
        self._http = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    # Legs ----------------------------------------------------------------------------------------------------------

    async def arm_token(self) -> str:
        return await self._token(f"https://{self._endpoints['management']}")

    @property
    def managed(self) -> bool:
        """Whether the link leads to a managed HSM: by its address, or by its type as long as it has none."""
        if not self._link["url"]:
            return self._link.get("key_vault_type") == "MANAGED"
        host = (urlsplit(self._link["url"]).hostname or "").lower()
        return host.endswith(f".{self._endpoints['key_vault_managed_hsm']}")

    async def resources(self, segment: str) -> list[dict[str, Any]]:
        """All `vaults` or `managedHSMs` of the subscription that the application may see, over all pages."""
        path = f"/subscriptions/{self._link['subscription_id']}/providers/Microsoft.KeyVault/{segment}"
        return [item async for item in self._pages("arm", self._arm_url(path))]

    async def vault(self, resource_id: str) -> dict[str, Any]:
        return await self._get("arm", self._arm_url(resource_id))

    async def first_key_page(self) -> None:
        """Prove LIST with one small page."""
        await self._get("vault", f"{self._vault_url()}/keys?api-version={_VAULT_VERSION}&maxresults=1")

    async def keys(self) -> list[dict[str, Any]]:
        url = f"{self._vault_url()}/keys?api-version={_VAULT_VERSION}"
        return [item async for item in self._pages("vault", url)]

    async def key_versions(self, name: str) -> list[dict[str, Any]]:
        url = f"{self._vault_url()}/keys/{name}/versions?api-version={_VAULT_VERSION}"
        return [item async for item in self._pages("vault", url)]

    async def key(self, name: str, version: str = "") -> dict[str, Any] | None:
        """One key; None when the vault has none of that name and version."""
        return await self._get_or_none(f"{self._vault_url()}/keys/{name}/{version}?api-version={_VAULT_VERSION}")

    async def deleted_key(self, name: str) -> dict[str, Any] | None:
        """A soft-deleted key; None when there is none of that name."""
        return await self._get_or_none(f"{self._vault_url()}/deletedkeys/{name}?api-version={_VAULT_VERSION}")

    async def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Change something in the vault; what it answers, `{}` where that is nothing."""
        token = await self._token(self._audience("vault"))
        url = f"{self._vault_url()}/{path}?api-version={_VAULT_VERSION}"
        details: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}, "middlewares": (_once,)}
        if body is not None:
            details["json"] = body
        return await self._call("vault", method, url, **details)

    # Requests --------------------------------------------------------------------------------------------------------

    def _arm_url(self, path: str) -> str:
        return f"https://{self._endpoints['management']}{path}?api-version={_ARM_VERSION}"

    def _vault_url(self) -> str:
        return str(self._link["url"]).rstrip("/")

    def _audience(self, leg: str) -> str:
        if leg == "arm":
            return f"https://{self._endpoints['management']}"
        return f"https://{self._endpoints['key_vault_managed_hsm' if self.managed else 'key_vault']}"

    async def _token(self, resource: str) -> str:
        link = self._link
        who = (self._endpoints["iam"], link["tenant_id"], link["client_id"], *link["auth_config"].values(), resource)
        token, expires = self._tokens.get(who, ("", 0.0))
        if expires <= self._runtime.clock.now():
            token, lifetime = await self._new_token(resource)
            self._tokens[who] = (token, self._runtime.clock.now() + lifetime)
        return token

    async def _new_token(self, resource: str) -> tuple[str, int]:
        """A token and the seconds for which it is good."""
        url = f"https://{self._endpoints['iam']}/{self._link['tenant_id']}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._link["client_id"],
            "scope": f"{resource}/.default",
            **self._proof(url),
        }
        answer = await self._call("entra", "POST", url, data=form)
        with as_expected("entra"):
            return str(answer["access_token"]), int(answer["expires_in"])

    def _proof(self, audience: str) -> dict[str, str]:
        auth = self._link["auth_config"]
        if auth["mode"] == "client_secret":
            return {"client_secret": auth["client_secret"]}
        profile = self._runtime.profile
        now = self._runtime.clock.now() + profile.dsm_clock_skew
        assertion = client_assertion(auth, self._link["client_id"], audience, now, profile.client_assertion)
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {"client_assertion_type": kind, "client_assertion": assertion}

    async def _get(self, leg: str, url: str) -> dict[str, Any]:
        token = await self._token(self._audience(leg))
        return await self._call(leg, "GET", url, headers={"Authorization": f"Bearer {token}"})

    async def _get_or_none(self, url: str) -> dict[str, Any] | None:
        try:
            return await self._get("vault", url)
        except AzureFailure as failure:
            if failure.status == 404:
                return None
            raise

    async def _pages(self, leg: str, url: str) -> AsyncIterator[dict[str, Any]]:
        following: str | None = url
        while following:
            page = await self._get(leg, following)
            with as_expected(leg):
                items, following = list(page["value"]), page.get("nextLink")
            for item in items:
                yield item

    def _context_for(self, leg: str) -> ssl.SSLContext:
        """Which connections the link's tls block covers is not public (Q35)."""
        covered = {"vault": ("vault",), "vault+arm": ("vault", "arm"), "all": ("vault", "arm", "entra")}
        return self._link_context if leg in covered[self._runtime.profile.tls_scope] else self._roots_context

    async def _call(self, leg: str, method: str, url: str, **details: Any) -> dict[str, Any]:
        context = self._context_for(leg)
        if self._plain and context is self._link_context:
            url = url.replace("https://", "http://", 1)
        named = f"{_LEG_NAMES[leg]} ({urlsplit(url).hostname})"
        try:
            async with self._http.request(method, url, ssl=context, allow_redirects=False, **details) as response:
                raw = await response.read()
                if response.status >= 300:
                    bare = self._runtime.profile.azure_failure_text == "message_only"
                    words = _message_alone(raw) if bare else ""
                    if words:
                        raise AzureFailure("", words, response.status)
                    raise AzureFailure(named, _azure_words(raw, response.status), response.status)
                return {} if response.status == 204 else _json(raw)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            cause = error.__cause__ if isinstance(error, _Broken) and error.__cause__ else error
            raise AzureFailure(named, _transport_words(cause)) from error


def handed_on(failure: AzureFailure, profile: Profile) -> DsmError:
    """DSM's refusal when Azure, or the way to it, refuses (Q24)."""
    return DsmError(profile.azure_failure_status, str(failure), one_line=profile.azure_failure_text == "codes")


@contextmanager
def as_expected(leg: str) -> Iterator[None]:
    """An answer that parses but has another shape than Azure's is a failure of that leg, not a defect of DSM."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise AzureFailure(_LEG_NAMES[leg], "the answer has not the expected shape") from error


_LEG_NAMES = {"entra": "Microsoft Entra ID", "arm": "Azure Resource Manager", "vault": "Azure Key Vault"}


def _json(raw: bytes) -> dict[str, Any]:
    value = json.loads(raw)
    if not isinstance(value, dict):
        raise ValueError("the answer is not a JSON object")
    return value


def _azure_words(raw: bytes, status: int) -> str:
    """The service's own message: Entra's and ARM's error shapes, or the plain status."""
    try:
        body = _json(raw)
    except ValueError:
        # A page of something on the way, as far as an error text has room for it.
        return " ".join(f"HTTP {status} {raw[:300].decode('utf-8', 'replace')}".split())
    error = body.get("error")
    if isinstance(error, dict):
        inner = error.get("innererror") or {}
        codes = "/".join(code for code in (error.get("code"), inner.get("code")) if code)
        return f"HTTP {status} {codes}: {error.get('message', '')}"
    return f"HTTP {status} {error or ''}: {body.get('error_description', '')}"


def _message_alone(raw: bytes) -> str:
    """The message without codes, status and service, with its line breaks; empty where there is none."""
    try:
        body = _json(raw)
    except ValueError:
        return ""
    error = body.get("error")
    return str(error.get("message") or "") if isinstance(error, dict) else str(body.get("error_description") or "")


def _transport_words(error: BaseException) -> str:
    """What went wrong below HTTP, in one line."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"connection failed: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"TLS: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"TLS: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return f"connection failed: {error.host}:{error.port} refused it"
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientOSError) and isinstance(error.__cause__, ssl.SSLError):
        return f"TLS: {error.__cause__}"
    if isinstance(error, ValueError):
        return "the answer is not JSON as expected"
    return f"connection failed: {error}"


class _Resolver(AbstractResolver):
    """DNS as the simulated DSM sees it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self._network.resolve(host, port)
        if address is None:
            known = self._network.knows(host)
            raise OSError(f"nobody listens on {host}:{port}" if known else f"{host} does not resolve")
        return [
            ResolveResult(hostname=host, host=address.host, port=address.port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing is held open."""


def _labelled_socket(family: int, origins: Origins) -> socket.socket:
    """A socket that the journal of the receiving service can recognise as DSM's."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    origins.record(sock.getsockname()[1], "dsm")
    return sock


def _ssl_context(tls: Mapping[str, Any], global_roots_pem: str) -> ssl.SSLContext:
    """What the link's tls block means for a connection. Opportunistic encrypts without checking who is there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls["mode"] != "required":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.check_hostname = tls["validate_hostname"]
    context.verify_mode = ssl.CERT_REQUIRED
    if "pinned" in tls["ca"]:
        for entry in tls["ca"]["pinned"]:
            certificate = certificate_of(entry, "tls.ca.pinned")
            context.load_verify_locations(cadata=certificate.public_bytes(serialization.Encoding.DER))
    else:
        context.load_verify_locations(cadata=global_roots_pem)
    if "client_cert" in tls:
        _load_client_pair(context, tls)
    return context


def _load_client_pair(context: ssl.SSLContext, tls: Mapping[str, Any]) -> None:
    """The ssl module takes the pair from a file only; it exists for the moment of the call, readable by us alone."""
    certificate = certificate_of(tls["client_cert"], "tls.client_cert")
    key = key_of(tls["client_key"], "tls.client_key")
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as directory:
        path = Path(directory, "pair.pem")
        path.touch(mode=0o600)
        path.write_bytes(pem)
        context.load_cert_chain(path)
