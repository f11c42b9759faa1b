# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/README.md names every file of tests, with what it proves."""

from __future__ import annotations

from make.tests_page import PAGE, render


def test_the_page_of_the_tests_is_current() -> None:
    """After a change: PYTHONPATH=docs:tests:.build/collections python -m make.tests_page."""
    assert PAGE.read_text(encoding="utf-8") == render()
