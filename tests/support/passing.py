# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits of operations in this process without waiting: the clock that they read is ahead by what they have slept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time


@dataclass
class Passing:
    """``slept``: seconds, in the order of the waits. ``meanwhile``: what others do during the first one."""

    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None

    def begin(self, patch: pytest.MonkeyPatch) -> None:
        real = _time.monotonic
        patch.setattr(_time, "sleep", self._sleep)
        patch.setattr(_time, "monotonic", lambda: real() + sum(self.slept))

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        deed, self.meanwhile = self.meanwhile, None
        if deed is not None:
            deed()
