# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Progress messages of a run over many groups."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from .. import _time

# Seconds. A run that is shorter shows nothing.
INTERVAL = 10.0


class Progress:
    """Counts completed items and reports progress at intervals. ``total``: number of items. Used by several threads."""

    def __init__(self, show: Callable[[str], None], what: str, total: int) -> None:
        self._show = show
        self._what = what
        self._total = total
        self._done = self._failed = 0
        self._shown_at = _time.monotonic()
        self._lock = Lock()

    def count(self, *, failed: bool) -> None:
        """Count one more completed item."""
        with self._lock:
            self._done += 1
            self._failed += failed
            now = _time.monotonic()
            if now - self._shown_at < INTERVAL:
                return
            self._shown_at = now
            text = f"cdc_groups: {self._done} of {self._total} {self._what} done, {self._failed} failed"
        self._show(text)
