# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..module_utils._operations import azure_kv_prereqs_info
from ..plugin_utils._in_process import AZURE, ROLES, OperationAction, preloaded


class ActionModule(OperationAction):
    operation = preloaded(azure_kv_prereqs_info, *AZURE, *ROLES)
