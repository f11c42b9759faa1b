# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for all tests."""

from __future__ import annotations

import gc

# To collect the tests makes nothing but what stays.
gc.disable()


def pytest_collection_finish() -> None:
    """Do not search for garbage what lives as long as the run: libraries and collected tests, a million objects."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 100)
