# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DSM does over a link: check, list vaults, scan (DSM contract §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from ..profiles import Profile
from ..wire import json_response
from . import external_kms
from .azure_egress import AzureEgress, AzureFailure, as_expected, handed_on
from .context import Dsm, caller, json_object, path_uuid, require_uuid
from .errors import bad_request, forbidden, not_found
from .permissions import (
    Principal,
    readable_group,
    require_account_permission,
    require_feature,
    require_usable,
    scannable_group,
)
from .quorum import gate_scan
from .scan import Scanner
from .values import Group

_DEPTHS = ("token", "arm_list", "vault_get", "keys_list")


class Links:
    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm
        self._scanner = Scanner(dsm)

    async def check_config(self, request: web.Request) -> web.Response:
        link = await self._posted_link(request, "CHECK")
        await self._check(link)
        return web.Response(status=204)

    async def check_group(self, request: web.Request) -> web.Response:
        """The stored link, or a configuration in the body. Without `id` all links of the group must pass."""
        principal, profile = caller(request), self._dsm.profile
        group = readable_group(principal, path_uuid(request, "group_id"), profile)
        require_usable(principal, "CHECK", profile)
        if profile.check_right == "administrator" and not principal.administers(group):
            raise forbidden("The operation needs the permission UPDATE_GROUP_EXTERNAL_LINKS in this group")
        body = await json_object(request, required=profile.check_body == "required")
        if body.get("config") is not None:
            links = [self._completed(group, body)]
        else:
            links = _chosen_links(group, body.get("id"))
        for link in links:
            await self._check(link)
        return web.Response(status=204)

    def _completed(self, group: Group, body: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration in a group's check; whether a stored secret completes it is not public (Q34)."""
        profile = self._dsm.profile
        if profile.check_config_secret == "required" or not group.hmg:
            return external_kms.validated(body["config"], profile)
        stored = _chosen_links(group, body.get("id"))[0]
        return external_kms.validated(body["config"], replace(profile, mod_hmg_without_secret="keep"), stored)

    async def azure_vaults(self, request: web.Request) -> web.Response:
        link = await self._posted_link(request, "LIST_VAULTS")
        profile = self._dsm.profile
        try:
            async with AzureEgress(link, self._dsm) as azure:
                found = await azure.resources("vaults")
                if profile.managed_hsm == "known":
                    found += await azure.resources("managedHSMs")
            with as_expected("arm"):
                return json_response([_vault_json(vault, profile) for vault in found])
        except AzureFailure as failure:
            raise handed_on(failure, self._dsm.profile) from failure

    async def _posted_link(self, request: web.Request, deed: str) -> dict[str, Any]:
        """A complete configuration. Nothing stored is merged in (Q34)."""
        principal = caller(request)
        require_usable(principal, deed, self._dsm.profile)
        require_account_permission(principal, "CREATE_EXTERNAL_GROUPS")
        link = external_kms.validated(await json_object(request), self._dsm.profile)
        require_feature(principal.account, link["kind"])
        return link

    async def _check(self, link: Mapping[str, Any]) -> None:
        link = external_kms.stored_form(link)
        depth = _DEPTHS.index(self._dsm.profile.check_depth)
        try:
            async with AzureEgress(link, self._dsm) as azure:
                await self._steps(azure, link, depth)
        except AzureFailure as failure:
            raise handed_on(failure, self._dsm.profile) from failure

    @staticmethod
    async def _steps(azure: AzureEgress, link: Mapping[str, Any], depth: int) -> None:
        """How far a check goes is not public (Q36): the profile says. Without a vault it ends with ARM (Q18)."""
        await azure.arm_token()
        if depth < 1:
            return
        listed = await azure.resources("managedHSMs" if azure.managed else "vaults")
        if depth < 2 or not link["url"]:
            return
        await azure.vault(_resource_id(listed, link["url"]))
        if depth >= 3:
            await azure.first_key_page()

    # Scans -----------------------------------------------------------------------------------------------------------

    async def scan(self, request: web.Request) -> web.Response:
        await json_object(request, required=False)
        status, shown = await self.scanned(caller(request), path_uuid(request, "group_id"))
        return json_response(shown, status)

    async def scanned(self, principal: Principal, group_id: str, approved: bool = False) -> tuple[int, Any]:
        """The scan itself, direct or `approved`: status and body of the answer."""
        group = scannable_group(principal, group_id, self._dsm.profile)
        require_usable(principal, "SCAN_EXTERNAL_SOBJECTS", self._dsm.profile)
        if not approved:
            gate_scan(group, self._dsm.profile)
        if not group.hmg:
            raise bad_request("The group is not linked to an external KMS")
        try:
            return 200, await self._scanner.scan(group, principal.as_creator)
        except AzureFailure as failure:
            raise handed_on(failure, self._dsm.profile) from failure

    async def start_scan(self, request: web.Request) -> web.Response:
        readable_group(caller(request), path_uuid(request, "group_id"), self._dsm.profile)
        raise bad_request("Asynchronous scans exist for DSM-backed groups only")

    async def list_scans(self, request: web.Request) -> web.Response:
        group = readable_group(caller(request), path_uuid(request, "group_id"), self._dsm.profile)
        setting = self._dsm.profile.scan_history
        if setting == "refused":
            raise bad_request("Scans are recorded for DSM-backed groups only")
        return json_response({"items": group.scans[::-1][:5] if setting == "recorded" else []})

    async def get_scan(self, request: web.Request) -> web.Response:
        group = readable_group(caller(request), path_uuid(request, "group_id"), self._dsm.profile)
        scan_id = path_uuid(request, "scan_id")
        for scan in group.scans:
            if scan["scan_id"] == scan_id:
                return json_response(scan)
        raise not_found("scan does not exist")


def _chosen_links(group: Group, hmg_id: Any) -> list[dict[str, Any]]:
    if not group.hmg:
        raise bad_request("The group is not linked to an external KMS")
    if hmg_id is None:
        return list(group.hmg.values())
    link = group.hmg.get(require_uuid(hmg_id, "id"))
    if link is None:
        raise not_found("hmg configuration does not exist")
    return [link]


def _resource_id(listed: list[dict[str, Any]], url: str) -> str:
    """The ARM id of the vault at a URI; hosts compare without case, slashes do not count (Q29)."""
    host = (urlsplit(url).hostname or "").lower()
    with as_expected("arm"):
        for vault in listed:
            if (urlsplit(_uri(vault)).hostname or "").lower() == host:
                return str(vault["id"])
    raise AzureFailure("Azure Resource Manager", f"no vault with the address {url} is visible in the subscription")


def _uri(resource: Mapping[str, Any]) -> str:
    """The address of a vault or of a managed HSM."""
    properties = resource["properties"]
    return str(properties["hsmUri"] if "hsmUri" in properties else properties["vaultUri"])


def _vault_json(vault: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """DSM's KeyVault object out of ARM's (DSM contract §3.2)."""
    properties = vault["properties"]
    kind = "MANAGED" if "hsmUri" in properties else properties["sku"]["name"].upper()
    return {
        "id": vault["id"],
        "name": vault["name"],
        "vault_type": kind if profile.vault_type_shown == "upper" else kind.capitalize(),
        "location": vault["location"],
        "tags": vault.get("tags") or {},
        "retention": properties.get("softDeleteRetentionInDays"),
        "uri": _uri(vault),
    }
