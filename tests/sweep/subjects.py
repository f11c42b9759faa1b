# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which operation is swept from which state, and the scenes that the exploration does not have.

Each subject is a deed of a scene: what it may remove, and what its result claims, the judge of the exploration knows.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.keyvault.administration._internal import http_challenge_cache

from ansible_collections.fortanix.dsm.plugins import modules
from ansible_collections.fortanix.dsm.plugins.module_utils._operations import (
    azure_kv_access,
    azure_kv_app,
    azure_kv_prereqs,
    azure_kv_prereqs_info,
    azure_kv_vault,
    cdc_account_info,
    cdc_compliance_info,
    cdc_connection,
    cdc_group_info,
    cdc_groups,
    cdc_groups_report,
    cdc_sync,
    cdc_user_info,
    cdc_vault_info,
)
from explore.scenes import APP, MARK, PATIENCE, POLICY_VAULT, RBAC_VAULT, Builder, Deed, Scene
from support.worlds import Job

from .shown import ShownJob, lines_of_key

POOL = "hsm-sandbox"
_OPERATIONS = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"
# Modules that only read.
READERS = frozenset({"cdc_connection", "cdc_groups_report"})


def is_reader(module: str) -> bool:
    return module.endswith("_info") or module in READERS


@dataclass(frozen=True)
class Subject:
    """A deed of a scene that is swept, by the module that does it. ``deed``: its name there."""

    module: str
    scene: str
    deed: str

    @property
    def name(self) -> str:
        return f"{self.scene}/{self.deed}"


SUBJECTS = [
    Subject(module, scene, deed)
    for module, scenes in {
        "cdc_group": {"links": ["group: new", "group: edit", "group: absent"]},
        "cdc_tls": {"links": ["tls"]},
        "cdc_vault_select": {"links": ["vault select"]},
        "cdc_credential": {
            "links": ["first use", "rotate"],
            "certificates": ["first use", "rotate", "rotate, own pair"],
            "secrets": ["rotate"],
        },
        "azure_kv_app": {
            "applications": ["app: new", "app: permission", "app: certificate", "app: consent", "app: absent"],
        },
        "azure_kv_vault": {"vaults": ["vault: new", "vault: tags", "vault: rules", "vault: absent"]},
        "azure_kv_prereqs": {
            "rights": ["prereqs: present", "prereqs: present, RBAC", "prereqs: absent", "prereqs: absent, RBAC"],
        },
        "azure_kv_access": {
            "whole": ["access: revoked", "access: revoked, credentials"],
            "cut": ["access: restored"],
        },
    }.items()
    for scene, deeds in scenes.items()
    for deed in deeds
]


class Stage(Builder):
    """The scenes of the exploration, with time limits as users have them, and more of them."""

    def __init__(self) -> None:
        super().__init__()
        del self.dsm["dsm_timeout"]
        self.files = Path(tempfile.mkdtemp(prefix="sweep-"))
        self.world.keeps_tokens = False

    def close(self) -> None:
        shutil.rmtree(self.files)
        super().close()

    def deed(self, subject: Subject) -> tuple[Scene, Deed]:
        scene = self.scene(subject.scene)
        deed = scene.deeds[subject.deed]
        job = deed.job
        return scene, replace(deed, job=ShownJob(job.name, job.operation, job.options, check_mode=job.check_mode))

    def begin(self, scene: Scene) -> None:
        """The state from which each run of the scene starts."""
        http_challenge_cache.clear()
        for path in self.files.iterdir():
            path.unlink()
        self.world.reset(scene.kept)

    def secrets(self) -> frozenset[str]:
        given = {self.dsm["dsm_api_key"], self.azure["secret"], self.view.client_secret}
        for pair in self.pairs.values():
            given.update(lines_of_key(pair.key_pem))
        return frozenset(given)


def modules_and_states() -> dict[str, frozenset[str | None]]:
    """Every module of the collection with the choices of its option ``state``; None where it has none."""
    found: dict[str, frozenset[str | None]] = {}
    for module in pkgutil.iter_modules(modules.__path__):
        operation = importlib.import_module(f"{_OPERATIONS}.{module.name}")
        state = operation.SPEC.argument_spec.get("state")
        found[module.name] = frozenset(state["choices"] if state else [None])
    return found
