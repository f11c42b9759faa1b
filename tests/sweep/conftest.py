# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox with its scenes for all tests of the folder that a process runs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sweep.stage import Stage
from sweep.sweeper import Sweeper


# Not for the session: it sets the clock of the process, which the tests of other folders do not expect.
@pytest.fixture(scope="package")
def sweeper() -> Iterator[Sweeper]:
    before = dict(os.environ)
    stage = Stage()
    try:
        yield Sweeper(stage)
        assert stage.sandbox.crashes == []
    finally:
        stage.close()
        os.environ.clear()
        os.environ.update(before)
