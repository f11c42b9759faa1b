# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that DSM is asked to make, in a group of its own and in one that is linked to a vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.azure.rights.effective import GUIDE_PERMISSIONS
from sandbox.dsm.external_kms import GOVERNMENT_ENDPOINTS

KEYS = "/crypto/v1/keys"
EVERYTHING = "show_destroyed=true&show_deleted=true&show_pub_key=true"


@dataclass(frozen=True)
class Lab:
    """A caller of DSM, a local group, a linked group, and the estate with the vault of that."""

    sb: Sandbox
    caller: Any
    estate: Any
    local: str
    linked: str
    names: Any

    def as_(self, caller: Any) -> Lab:
        return replace(self, caller=caller)

    def do(self, action: Any) -> Any:
        return self.sb.do(action)

    # Calls -----------------------------------------------------------------------------------------------------------

    def create(self, **members: Any) -> Any:
        """Ask for an exportable RSA key in the local group, unless told otherwise."""
        asked = {"name": self.names.new("k"), "group_id": self.local, "obj_type": "RSA", "key_size": 2048, **members}
        return self.caller("POST", KEYS, {name: value for name, value in asked.items() if value is not None})

    def created(self, **members: Any) -> dict[str, Any]:
        return self.succeeded(self.create(**members), 201)

    def source(self, **members: Any) -> dict[str, Any]:
        """A key that may be copied to a vault."""
        operations = ["SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "EXPORT", "APPMANAGEABLE"]
        return self.created(**{"key_ops": operations, **members})

    def native(self, azure_name: str, **members: Any) -> Any:
        metadata = {"azure-key-name": azure_name, **members.pop("custom_metadata", {})}
        return self.create(**{"group_id": self.linked, "custom_metadata": metadata, **members})

    def copy(self, source: dict[str, Any], azure_name: str, **members: Any) -> Any:
        metadata = {"azure-key-name": azure_name, **members.pop("custom_metadata", {})}
        asked = {"name": self.names.new("c"), "group_id": self.linked, "key": {"kid": source["kid"]}, **members}
        return self.caller("POST", f"{KEYS}/copy", {"custom_metadata": metadata, **asked})

    def copied(self, source: dict[str, Any], azure_name: str, **members: Any) -> dict[str, Any]:
        return self.succeeded(self.copy(source, azure_name, **members), 201)

    def rekey(self, name: str, **members: Any) -> Any:
        return self.caller("POST", f"{KEYS}/rekey", {"name": name, **members})

    def change(self, kid: str, **members: Any) -> Any:
        return self.caller("PATCH", f"{KEYS}/{kid}", members)

    def deed(self, kid: str, deed: str, body: Any = None) -> Any:
        return self.caller("POST", f"{KEYS}/{kid}/{deed}", {} if body is None else body)

    def delete(self, kid: str) -> Any:
        return self.caller("DELETE", f"{KEYS}/{kid}")

    def info(self, kid: str) -> dict[str, Any]:
        return self.succeeded(self.caller("POST", f"{KEYS}/info?{EVERYTHING}", {"kid": kid}), 200)

    def scan(self) -> list[dict[str, Any]]:
        answer = self.caller("POST", f"/sys/v1/groups/{self.linked}/hmg/scan", {})
        assert answer.status == 200, answer.text
        return list(answer.json)

    def records(self, azure_name: str) -> list[dict[str, Any]]:
        """The virtual keys of one Azure name."""
        found = self.caller("GET", f"{KEYS}?{EVERYTHING}&group_id={self.linked}").json
        return [key for key in found if key["external"]["id"]["label"] == azure_name]

    def grant(self, principal: str, *permissions: str, group: str | None = None) -> None:
        """Give an app of the world permissions in a group, both groups unless one is named."""
        groups = [group] if group else [self.local, self.linked]

        def give(state: Any) -> None:
            app = state.dsm.apps[getattr(self.sb.world, principal).app_id]
            for group_id in groups:
                state.dsm.grant(app, state.dsm.group(group_id), permissions)

        self.sb.do(give)

    # Azure -----------------------------------------------------------------------------------------------------------

    def versions(self, azure_name: str) -> list[Any]:
        key = self.estate.do(lambda cloud: cloud.store(self.estate.vault).key(azure_name))
        return list(key.versions) if key else []

    def revoke(self, *permissions: str, adding: tuple[str, ...] = ()) -> None:
        """Take permissions away that the link's application has in the vault, or give it others."""
        left = [*(name for name in GUIDE_PERMISSIONS if name not in permissions), *adding]
        client_id = self.estate.client_id
        self.estate.do(lambda cloud: cloud.set_access_policy(self.estate.vault, client_id, left))

    @staticmethod
    def succeeded(answer: Any, status: int) -> dict[str, Any]:
        assert answer.status == status, answer.text
        return dict(answer.json)


@pytest.fixture
def keys(sb: Sandbox, admin: Any, estate: Any, group: Any, linked: Any, names: Any) -> Lab:
    return Lab(sb, admin, estate, group["group_id"], linked["group_id"], names)


@pytest.fixture(params=["public", "government"])
def elsewhere(request: pytest.FixtureRequest, keys: Lab, admin: Any, make_estate: Any) -> Callable[[str], Lab]:
    """The same with a group that is linked to a store of one of the clouds: `vault` (Premium) or `pool`."""
    estate = make_estate(request.param)
    endpoints = GOVERNMENT_ENDPOINTS if request.param == "government" else None

    def make(kind: str) -> Lab:
        place = estate
        if kind == "pool":
            place = estate.do(lambda cloud: _pool(cloud, estate))
        link = place.link(key_vault_type="MANAGED" if kind == "pool" else "PREMIUM", endpoints=endpoints)
        answer = admin("POST", "/sys/v1/groups", {"name": keys.names.new(), "add_hmg": [link]})
        return replace(keys, estate=place, linked=answer.json["group_id"])

    return make


def _pool(cloud: Any, estate: Any) -> Any:
    """A managed HSM in which the estate's application is Crypto User."""
    pool = cloud.add_managed_hsm(f"{estate.vault}-hsm", subscription_id=estate.subscription_id)
    cloud.assign_role(estate.client_id, pool, "Reader")
    cloud.assign_local_role(pool, estate.client_id)
    return replace(estate, vault=pool.name, url=pool.uri)


@pytest.fixture
def let_pass(sb: Sandbox) -> Iterator[Callable[[float], None]]:
    """Let seconds pass; for the other tests they have not."""
    passed: list[float] = []

    def advance(seconds: float) -> None:
        passed.append(seconds)
        sb.clock.advance(seconds)

    yield advance
    sb.clock.advance(-sum(passed))
