# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DSM may keep to itself: its version and its account are unknown then, and the task goes on."""

from __future__ import annotations

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._operations import cdc_account_info
from sandbox import Fault, Sandbox
from support.operate import Operator


@pytest.mark.parametrize("status", [400, 403, 404, 500, 501])
def test_a_version_that_is_not_returned_is_unknown(operate: Operator, sandbox: Sandbox, status: int) -> None:
    sandbox.faults.add(Fault("dsm", "GET", "/sys/v1/version", status=status, times=None))

    result = operate(cdc_account_info)

    assert (result["version"], result["capabilities"]["managed_hsm"]["verdict"]) == (None, "unknown")


def test_an_account_that_is_not_returned_is_unknown(operate: Operator, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("dsm", "GET", "/sys/v1/accounts/{acct_id}", status=500, times=None))

    result = operate(cdc_account_info)

    assert (result["account"], result["capabilities"]["azure_link"]["verdict"]) == (None, "unknown")
