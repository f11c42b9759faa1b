# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Argument specifications as values that can be merged, together with the rules between their options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class ArgumentSpec:
    """Options and the rules between them, with the names that ``AnsibleModule`` gives them."""

    argument_spec: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mutually_exclusive: tuple[tuple[str, ...], ...] = ()
    required_together: tuple[tuple[str, ...], ...] = ()
    required_one_of: tuple[tuple[str, ...], ...] = ()
    required_if: tuple[tuple[str, Any, tuple[str, ...]], ...] = ()

    def merge(self, *others: ArgumentSpec) -> ArgumentSpec:
        """One specification with the options and rules of all.

        Raises:
            ValueError: two of them define the same option.
        """
        options: dict[str, Mapping[str, Any]] = {}
        for spec in (self, *others):
            twice = options.keys() & spec.argument_spec.keys()
            if twice:
                raise ValueError(f"defined twice: {', '.join(sorted(twice))}")
            options.update(spec.argument_spec)
        rules = {
            rule.name: tuple(value for spec in (self, *others) for value in getattr(spec, rule.name))
            for rule in fields(self)
            if rule.name != "argument_spec"
        }
        return ArgumentSpec(argument_spec=options, **rules)

    def defaults(self) -> dict[str, Any]:
        """Each option with its default, None where it has none: the parameters of a task that sets nothing."""
        return {name: option.get("default") for name, option in self.argument_spec.items()}

    def as_module_arguments(self) -> dict[str, Any]:
        """The keyword arguments of ``AnsibleModule``."""
        return {rule.name: getattr(self, rule.name) for rule in fields(self)}
