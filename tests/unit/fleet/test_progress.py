# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that a long set-up of many groups shows while it runs."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._fleet.progress import INTERVAL, Progress


def test_a_line_is_shown_at_most_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(_time, "monotonic", lambda: now[0])
    shown: list[str] = []
    progress = Progress(shown.append, "groups", 5)

    for at, failed in ((1, False), (INTERVAL, True), (INTERVAL + 1, False), (3 * INTERVAL, False)):
        now[0] = at
        progress.count(failed=failed)

    assert shown == [
        "cdc_groups: 2 of 5 groups done, 1 failed",
        "cdc_groups: 4 of 5 groups done, 1 failed",
    ]


def test_a_short_run_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_time, "monotonic", lambda: 0.0)
    shown: list[str] = []
    progress = Progress(shown.append, "groups", 1)

    progress.count(failed=False)

    assert shown == []
