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


# What is known and not promised, by operation and fault: how a finding begins, and why.
KNOWN = {
    # The same answer as when another client has recovered the vault a moment before.
    ("stores/vault: recovered", "answer of before"): "claim: vault: recovered: changed is said to be False",
}


@dataclass(frozen=True)
class Subject:
    """A deed of a scene, by the module, role or playbook that does it."""

    what: str
    state: str
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


# What runs, the state that it brings about ("" where it has no such option), the scene, its deeds.
_TABLE: dict[str, dict[str, dict[str, list[str]]]] = {
    "azure_kv_app": {
        "present": {
            "applications": ["app: new", "app: permission", "app: certificate", "app: consent"],
            "registrations": ["app: new pair", "app: new secret", "app: recovered"],
        },
        "absent": {"applications": ["app: absent"], "registrations": ["app: removed"]},
    },
    "azure_kv_vault": {
        "present": {
            "vaults": ["vault: new", "vault: tags", "vault: rules"],
            "stores": ["vault: recovered", "pool: tags"],
        },
        "absent": {"vaults": ["vault: absent"]},
    },
    "azure_kv_prereqs": {
        "present": {"rights": ["prereqs: present", "prereqs: present, RBAC"], "stores": ["pool: present"]},
        "absent": {"rights": ["prereqs: absent", "prereqs: absent, RBAC"]},
    },
    "azure_kv_access": {
        "revoked": {"whole": ["access: revoked", "access: revoked, credentials"]},
        "restored": {"cut": ["access: restored"]},
    },
    "cdc_group": {
        "present": {"links": ["group: new", "group: edit"], "groups": ["group: edit, as a user"]},
        "absent": {"links": ["group: absent"]},
    },
    "cdc_groups": {"": {"fleet": ["whole", "two groups"]}},
    "cdc_tls": {"present": {"links": ["tls"]}, "absent": {"groups": ["tls: absent"]}},
    "cdc_vault_select": {"": {"links": ["vault select"]}},
    "cdc_sync": {"": {"groups": ["sync", "sync, as a user"]}},
    "cdc_credential": {
        "current": {
            "links": ["first use", "rotate"],
            "certificates": ["first use", "rotate", "rotate, own pair"],
            "secrets": ["rotate"],
        },
    },
    "azure_kv_prereqs_info": {"": {"groups": ["prereqs: info"]}},
    "cdc_account_info": {"": {"groups": ["account"]}},
    "cdc_compliance_info": {"": {"groups": ["compliance"]}},
    "cdc_connection": {"": {"groups": ["connection"]}},
    "cdc_group_info": {"": {"groups": ["groups"]}},
    "cdc_key": {
        "present": {"groups": ["key", "key: all versions"], "endings": ["key: recovered"]},
        "deleted": {"endings": ["key: deleted"]},
        "purged": {"endings": ["key: purged"]},
        "absent": {"endings": ["key: absent"]},
    },
    "cdc_key_consumers_info": {"": {"groups": ["key consumers"]}},
    "cdc_key_info": {"": {"groups": ["keys"]}},
    "cdc_user_info": {"": {"groups": ["user"]}},
    "cdc_vault_info": {"": {"groups": ["vaults"]}},
    "role cdc_setup": {"": {"empty": ["role"]}},
    "playbook break_glass": {"": {"emergency": ["break glass", "break glass, credentials"]}},
    "playbook restore_access": {"": {"afterwards": ["restore access"]}},
}

SUBJECTS = [
    Subject(what, state, scene, deed)
    for what, states in _TABLE.items()
    for state, scenes in states.items()
    for scene, deeds in scenes.items()
    for deed in deeds
]
BY_NAME = {subject.name: subject for subject in SUBJECTS}


def states_of_modules() -> dict[str, set[str]]:
    """Every module of the collection with the choices of its option ``state``."""
    found = {}
    for module in pkgutil.iter_modules(modules.__path__):
        operation = importlib.import_module(f"{_OPERATIONS}.{module.name}")
        found[module.name] = set(operation.SPEC.argument_spec.get("state", {}).get("choices", [""]))
    return found
