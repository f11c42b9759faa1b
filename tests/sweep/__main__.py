# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m sweep``; see ``run``, which other processes import."""

from __future__ import annotations

import os
import sys

from .run import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Threads of runs that hung, if any, are not waited for.
    os._exit(code)
