# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox with its scenes for all tests of the folder that a process runs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from explore.explorer import Explorer, Tally
from explore.scenes import Builder


# Not for the session: it sets the clock of the process, which the tests of other folders do not expect.
@pytest.fixture(scope="package")
def builder() -> Iterator[Builder]:
    before = dict(os.environ)
    built = Builder()
    try:
        yield built
        assert built.sandbox.crashes == []
    finally:
        built.close()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def explorer(tally: Tally) -> Explorer:
    return Explorer(tally)
