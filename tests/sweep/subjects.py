# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which operations are swept, from which state: at least one for each module and each state that it brings about."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from ansible_collections.fortanix.dsm.plugins import modules

_OPERATIONS = "ansible_collections.fortanix.dsm.plugins.module_utils._operations"
# It asks no service.
WITHOUT_REQUESTS = frozenset({"cdc_groups_report"})


@dataclass(frozen=True)
class Subject:
    """A deed of a scene, by the module, role or playbook that does it."""

    what: str
    scene: str
    deed: str

    @property
    def name(self) -> str:
        return f"{self.scene}/{self.deed}"

    @property
    def is_play(self) -> bool:
        """Of a role or playbook only what a kill leaves is swept: its modules have all the rest."""
        return self.what.startswith(("role ", "playbook "))

    @property
    def only_reads(self) -> bool:
        return self.what.endswith("_info") or self.what == "cdc_connection"


SUBJECTS = [
    Subject(what, scene, deed)
    for what, scenes in {
        "cdc_group": {
            "links": ["group: new", "group: edit", "group: absent"],
            "groups": ["group: edit, as a user"],
        },
        "cdc_groups": {"fleet": ["whole", "two groups"]},
        "cdc_tls": {"links": ["tls"], "groups": ["tls: absent"]},
        "cdc_sync": {"groups": ["sync", "sync, as a user"]},
        "cdc_vault_select": {"links": ["vault select"]},
        "cdc_credential": {
            "links": ["first use", "rotate"],
            "certificates": ["first use", "rotate", "rotate, own pair"],
            "secrets": ["rotate"],
        },
        "azure_kv_app": {
            "applications": ["app: new", "app: permission", "app: certificate", "app: consent", "app: absent"],
            "registrations": ["app: new pair", "app: new secret", "app: recovered", "app: removed"],
        },
        "azure_kv_vault": {
            "vaults": ["vault: new", "vault: tags", "vault: rules", "vault: absent"],
            "stores": ["vault: recovered", "pool: tags"],
        },
        "azure_kv_prereqs": {
            "rights": ["prereqs: present", "prereqs: present, RBAC", "prereqs: absent", "prereqs: absent, RBAC"],
            "stores": ["pool: present"],
        },
        "azure_kv_access": {
            "whole": ["access: revoked", "access: revoked, credentials"],
            "cut": ["access: restored"],
        },
        "azure_kv_prereqs_info": {"groups": ["prereqs: info"]},
        "cdc_account_info": {"groups": ["account"]},
        "cdc_compliance_info": {"groups": ["compliance"]},
        "cdc_connection": {"groups": ["connection"]},
        "cdc_group_info": {"groups": ["groups"]},
        "cdc_user_info": {"groups": ["user"]},
        "cdc_vault_info": {"groups": ["vaults"]},
        "role cdc_setup": {"empty": ["role"]},
        "playbook break_glass": {"emergency": ["break glass", "break glass, credentials"]},
        "playbook restore_access": {"afterwards": ["restore access"]},
    }.items()
    for scene, deeds in scenes.items()
    for deed in deeds
]


def modules_and_states() -> dict[str, frozenset[str | None]]:
    """Every module of the collection with the choices of its option ``state``; None where it has none."""
    found: dict[str, frozenset[str | None]] = {}
    for module in pkgutil.iter_modules(modules.__path__):
        operation = importlib.import_module(f"{_OPERATIONS}.{module.name}")
        state = operation.SPEC.argument_spec.get("state")
        found[module.name] = frozenset(state["choices"] if state else [None])
    return found
