# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links to an external KMS: what DSM accepts, stores and shows again (DSM contract §2.5 to §2.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from ..profiles import Profile
from .blobs import Form, certificate_of, key_of
from .context import require_uuid
from .errors import bad_request

GLOBAL_ENDPOINTS = {
    "management": "management.azure.com",
    "key_vault": "vault.azure.net",
    "key_vault_managed_hsm": "managedhsm.azure.net",
    "iam": "login.microsoftonline.com",
}
GOVERNMENT_ENDPOINTS = {
    "management": "management.usgovcloudapi.net",
    "key_vault": "vault.usgovcloudapi.net",
    "key_vault_managed_hsm": "managedhsm.usgovcloudapi.net",
    "iam": "login.microsoftonline.us",
}
AZURE = "AzureKeyVault"
_LEGACY_AZURE = "AZUREKEYVAULT"
_VAULT_TYPES = ("STANDARD", "PREMIUM", "MANAGED")
_OTHER_KINDS = frozenset(
    {"Ncipher", "Safenet", "AwsCloudHsm", "AwsKms", "Fortanix", "FortanixFipsCluster", "GcpKeyRing", "OciVault"}
)
_MASK = "***"


def is_azure(link: Mapping[str, Any]) -> bool:
    return link.get("kind") in (AZURE, _LEGACY_AZURE)


def validated(config: Any, profile: Profile, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The form in which DSM keeps a link, or 400. `stored` is the link that the new one replaces.

    Unknown members are dropped (`hsm_order` among them). Azure is not contacted.
    """
    if not isinstance(config, dict):
        raise bad_request("An hmg configuration must be an object")
    kind = config.get("kind")
    if kind in _OTHER_KINDS:
        raise bad_request(f"Links of kind {kind} are not simulated")
    if kind not in ((AZURE, _LEGACY_AZURE) if profile.kind_accepted == "both" else (_LEGACY_AZURE,)):
        raise bad_request(f"Unknown kind of hmg configuration: {kind!r}")
    kept = stored if stored is not None and profile.mod_hmg_without_secret == "keep" else {}
    link: dict[str, Any] = {
        "kind": AZURE,
        "url": _url(config, profile),
        "tls": _tls(config.get("tls"), kept.get("tls", {}), profile),
        "auth_config": _auth(config, kept.get("auth_config", {}), profile),
    }
    for name in ("tenant_id", "client_id", "subscription_id"):
        if config.get(name) is None:
            raise bad_request(f"{name} is missing")
        link[name] = require_uuid(config[name], name)
    if config.get("key_vault_type") is not None:
        link["key_vault_type"] = _vault_type(config["key_vault_type"], profile)
    if config.get("endpoints") is not None and profile.endpoints == "known":
        link["endpoints"] = _endpoints(config["endpoints"])
    if profile.url_host == "checked":
        _require_own_cloud(link)
    return link


def stored_form(link: Mapping[str, Any]) -> dict[str, Any]:
    """A link as DSM uses it: what has been saved under one profile is used under any other."""
    return validated(link, Profile())


def _require_own_cloud(link: Mapping[str, Any]) -> None:
    hosts = endpoints_of(link)
    host = (urlsplit(link["url"]).hostname or "").lower()
    if link["url"] and not host.endswith((f".{hosts['key_vault']}", f".{hosts['key_vault_managed_hsm']}")):
        raise bad_request(f"url is not an address of {hosts['key_vault']} or {hosts['key_vault_managed_hsm']}")


def endpoints_of(link: Mapping[str, Any]) -> dict[str, str]:
    """The service hosts of a stored link: left out means global Azure."""
    return dict(link.get("endpoints") or GLOBAL_ENDPOINTS)


def shown(link: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """A stored link as the profile lets it be read back (DSM contract §2.9)."""
    if not is_azure(link):
        return dict(link)
    result = dict(link)
    result["kind"] = AZURE if profile.kind_spelling == "modern" else _LEGACY_AZURE
    result["url"] = _shown_url(str(link.get("url", "")), profile)
    if "key_vault_type" in link and profile.vault_type_shown == "capital":
        result["key_vault_type"] = link["key_vault_type"].capitalize()
    if profile.endpoints == "ignored":
        result.pop("endpoints", None)
    result["tls"] = _shown_tls(link.get("tls", {}), profile)
    for name in ("secret_key", "auth_config"):
        result.pop(name, None)
    return result | _shown_credential(link, profile)


def _shown_credential(link: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """`auth_config`, or what an older server has in its place, with the secret as Q3 says."""
    auth = link.get("auth_config")
    if not auth or profile.secrets_on_get == "omit":
        return {}
    secret = "client_secret" if auth["mode"] == "client_secret" else "client_key"
    value = {"blank": "", "mask": _MASK, "echo": auth[secret]}[profile.secrets_on_get]
    if profile.credential_form == "secret_key":
        return {"secret_key": value} if secret == "client_secret" else {}
    return {"auth_config": {**auth, secret: value}}


def _shown_url(url: str, profile: Profile) -> str:
    """DSM may well keep another spelling than it was sent (Q29)."""
    if not url or profile.url_shown == "as_sent":
        return url
    bare = urlsplit(url)._replace(netloc=urlsplit(url).netloc.lower()).geturl().rstrip("/")
    return f"{bare}/" if profile.url_shown == "normalised" else bare


def _shown_tls(tls: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """The block with its client key as Q40 says."""
    setting: str = profile.tls_key_on_get
    if setting == "as_secrets":
        # A blank key beside a certificate would be no valid block: the member is left out (DSM contract §2.9).
        setting = "omit" if profile.secrets_on_get == "blank" else profile.secrets_on_get
    if "client_key" not in tls or setting == "echo":
        return dict(tls)
    visible = {name: value for name, value in tls.items() if name != "client_key"}
    return visible if setting == "omit" else {**visible, "client_key": _MASK if setting == "mask" else ""}


def _url(config: Mapping[str, Any], profile: Profile) -> str:
    """The vault's URI. Empty is a link for which no vault has been chosen yet (Q18)."""
    url = config.get("url")
    if not isinstance(url, str):
        raise bad_request("url is missing")
    if not url and profile.empty_url == "refused":
        raise bad_request("url must not be empty")
    if url and not url.lower().startswith("https://"):
        raise bad_request("url must be an https address")
    return url


def _vault_type(value: Any, profile: Profile) -> str:
    known = _VAULT_TYPES if profile.managed_hsm == "known" else _VAULT_TYPES[:2]
    exact = profile.vault_type_accepted == "upper"
    if not isinstance(value, str) or (value if exact else value.upper()) not in known:
        raise bad_request(f"key_vault_type must be one of {', '.join(known)}")
    return value.upper()


def _endpoints(value: Any) -> dict[str, str]:
    if value not in (GLOBAL_ENDPOINTS, GOVERNMENT_ENDPOINTS):
        raise bad_request("endpoints must be the complete set of global Azure or of Azure for US Government")
    return dict(value)


# Credential ------------------------------------------------------------------------------------------------------


def _auth(config: Mapping[str, Any], kept: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """`auth_config`, or the older `secret_key` alone; where both are given the former counts (DSM contract §2.7)."""
    given = config.get("auth_config") if profile.credential_form != "secret_key" else None
    if given is None and "secret_key" in config and profile.credential_form != "auth_config":
        given = {"mode": "client_secret", "client_secret": config["secret_key"]}
    if given is None and kept:
        return dict(kept)
    if not isinstance(given, dict):
        raise bad_request(f"{'secret_key' if profile.credential_form == 'secret_key' else 'auth_config'} is missing")
    same_mode = given.get("mode") == kept.get("mode")
    if given.get("mode") == "client_secret":
        secret = given.get("client_secret") or (kept.get("client_secret") if same_mode else None)
        if not isinstance(secret, str):
            raise bad_request("auth_config.client_secret is missing")
        return {"mode": "client_secret", "client_secret": secret}
    if given.get("mode") == "token_auth_config":
        pair = {
            name: given.get(name) or (kept.get(name) if same_mode else None) for name in ("client_cert", "client_key")
        }
        return {"mode": "token_auth_config", **_pair(pair, "auth_config", profile.certificate_blobs)}
    raise bad_request("auth_config.mode must be client_secret or token_auth_config")


def _pair(pair: Mapping[str, Any], where: str, form: Form) -> dict[str, str]:
    """A certificate and the key that belongs to it, both base64."""
    for name in ("client_cert", "client_key"):
        if not pair.get(name):
            raise bad_request(f"{where}.{name} is missing")
    certificate = certificate_of(pair["client_cert"], f"{where}.client_cert", form)
    key = key_of(pair["client_key"], f"{where}.client_key", form)
    if _public_der(certificate) != _public_der(key):
        raise bad_request(f"{where}: certificate and private key do not belong together")
    return {"client_cert": pair["client_cert"], "client_key": pair["client_key"]}


def _public_der(holder: x509.Certificate | PrivateKeyTypes) -> bytes:
    return holder.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


# TLS -------------------------------------------------------------------------------------------------------------


def _tls(value: Any, kept: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_request("tls is missing")
    mode = value.get("mode")
    if mode in ("disabled", "opportunistic"):
        return {"mode": mode}
    if mode != "required":
        raise bad_request("tls.mode must be disabled, opportunistic or required")
    if not isinstance(value.get("validate_hostname"), bool):
        raise bad_request("tls.validate_hostname is missing")
    form = profile.certificate_blobs
    ca = _ca(value.get("ca"), form)
    tls: dict[str, Any] = {"mode": mode, "validate_hostname": value["validate_hostname"], "ca": ca}
    if value.get("client_cert") or value.get("client_key"):
        pair = {name: value.get(name) for name in ("client_cert", "client_key")}
        if not pair["client_key"] and pair["client_cert"] == kept.get("client_cert"):
            pair["client_key"] = kept.get("client_key")
        tls |= _pair(pair, "tls", form)
    return tls


def _ca(value: Any, form: Form) -> dict[str, Any]:
    if not isinstance(value, dict) or len(set(value) & {"ca_set", "pinned"}) != 1:
        raise bad_request("tls.ca takes exactly one of ca_set and pinned")
    if "ca_set" in value:
        if value["ca_set"] != "global_roots":
            raise bad_request("tls.ca.ca_set must be global_roots")
        return {"ca_set": "global_roots"}
    pinned = value["pinned"]
    if not isinstance(pinned, list) or not pinned:
        raise bad_request("tls.ca.pinned must be a list of certificates")
    for entry in pinned:
        certificate_of(entry, "tls.ca.pinned", form)
    return {"pinned": list(pinned)}
