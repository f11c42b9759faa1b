# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The groups that the variables of the role cdc_setup declare, as a lookup reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

PREFIX = "cdc_setup_"


class Variables:
    """The variables of one host. ``templar``: Ansible's, which evaluates them."""

    def __init__(self, variables: Mapping[str, Any], templar: Any) -> None:
        self.all = variables
        self._templar = templar

    def own(self, options: Iterable[str]) -> dict[str, Any]:
        """What the host itself sets of these options, not evaluated."""
        return {name: self.all[PREFIX + name] for name in options if PREFIX + name in self.all}

    def groups(self) -> list[Mapping[str, Any]]:
        """The list of groups; empty where the host declares one group by its own variables."""
        groups = self.all.get(f"{PREFIX}groups") or []
        # What is no template stays as it is, so that a secret in it is not evaluated before it is needed.
        listed = groups if isinstance(groups, (list, tuple)) else self.evaluated(groups)
        return [one if isinstance(one, Mapping) else self.evaluated(one) for one in listed]

    def evaluated(self, value: Any) -> Any:
        """The value without templates, and a dictionary without what is omitted."""
        found = self._templar.template(value)
        # Before ansible-core 2.19, what is omitted is a text of its own.
        omitted = self.all.get("omit")
        if isinstance(found, Mapping):
            return {name: one for name, one in found.items() if one is not omitted and one != omitted}
        return found
