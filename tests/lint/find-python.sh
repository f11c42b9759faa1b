#!/bin/sh
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints the Python that creates .venv: the one named, or for plain "python3" the first that fits. The tests need 3.11 or
# later, and the environment needs the venv module.
set -u

wanted=${1:-python3}
candidates=$wanted
if [ "$wanted" = python3 ]; then
    candidates="python3 python3.14 python3.13 python3.12 python3.11"
fi
fits='import sys; sys.exit(sys.version_info[:2] < (3, 11))'

for python in $candidates; do
    if "$python" -c "$fits" 2>/dev/null; then
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$python"
            exit 0
        fi
        echo "$python has no venv module: install it (Debian, Ubuntu: apt install python3-venv)." >&2
        exit 1
    fi
done

found=$("$wanted" --version 2>/dev/null || echo "no $wanted")
echo "Python 3.11 or later is needed, found $found: install one, or name it: make PYTHON=/path/to/python3" >&2
exit 1
