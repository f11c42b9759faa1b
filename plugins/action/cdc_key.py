# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..module_utils._operations import cdc_key
from ..plugin_utils._in_process import DSM, OperationAction, preloaded


class ActionModule(OperationAction):
    operation = preloaded(cdc_key, *DSM)
