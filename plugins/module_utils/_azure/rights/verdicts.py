# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""What an application requires, and the verdict on each requirement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..._names import name_key
from .candidates import Source
from .key_permissions import GUIDE_PERMISSIONS
from .notes import Note

CONTRIBUTOR, READ = "contributor", "read"
ANY_MODEL, ACCESS_POLICY_MODEL, RBAC_MODEL = "any", "access_policy", "rbac"


@dataclass(frozen=True)
class RequiredRights:
    """The permissions that the application requires.

    ``key_permissions``: names of access policies, lower case. ``management``: ``contributor`` (the guide's role Key
    Vault Contributor) or ``read`` (only what listing requires). ``permission_model``: any | access_policy | rbac.
    """

    key_permissions: tuple[str, ...]
    management: str
    permission_model: str = ANY_MODEL

    @classmethod
    def guide(cls, permission_model: str = ANY_MODEL) -> RequiredRights:
        """The requirements of guide 4.2."""
        return cls(GUIDE_PERMISSIONS, CONTRIBUTOR, permission_model)

    @classmethod
    def least_privilege(cls, extra: Iterable[str] = (), permission_model: str = ANY_MODEL) -> RequiredRights:
        """Permission to list, and what DSM uses; purge only if it is among the ``extra`` permissions."""
        nine = tuple(name for name in GUIDE_PERMISSIONS if name != "purge")
        return cls.explicit((*nine, *extra), permission_model)

    @classmethod
    def explicit(cls, permissions: Iterable[str], permission_model: str = ANY_MODEL) -> RequiredRights:
        """Permission to list, and exactly these key permissions."""
        return cls(tuple(dict.fromkeys(name_key(name) for name in permissions)), READ, permission_model)


@dataclass(frozen=True)
class Verdict:
    """The verdict on one requirement.

    ``requirement``: stable ID (``Key Vault Contributor``, ``vaults/read``, ``managedHSMs/read``, ``keys/get``, ...,
    ``permission_model``). ``action``: what was evaluated. ``notes``: relevant circumstances. ``sources``: the
    grants, including ineffective ones. ``remedy``: empty if no action is required.
    """

    requirement: str
    action: str
    verdict: str
    sources: tuple[Source, ...]
    reason: str
    remedy: str
    notes: tuple[Note, ...]

    def as_result(self) -> dict[str, Any]:
        return {
            "requirement": self.requirement,
            "action": self.action,
            "verdict": self.verdict,
            "sources": [source.as_result() for source in self.sources],
            "reason": self.reason,
            "remedy": self.remedy,
            "notes": list(self.notes),
        }
