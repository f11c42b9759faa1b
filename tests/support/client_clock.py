# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client's clock, for tests of its limits: what takes minutes takes no time."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time


class ClientClock:
    """``ahead``: seconds by which it is ahead of the real one. A server advances it, and so does each pause."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        self.slept: list[float] = []
        real = _time.monotonic
        patch.setattr(_time, "monotonic", lambda: real() + self.ahead)
        patch.setattr(_time, "sleep", self._sleep)

    def advance(self) -> None:
        """For a byte that drips."""
        self.ahead += 0.5

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += seconds
