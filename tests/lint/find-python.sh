#!/bin/sh
# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints the Python that makes .venv: the one named, or for plain "python3" the first that fits. Ansible's control node
# needs 3.11 to 3.13 here, and the environment needs the venv module.
set -u

wanted=${1:-python3}
candidates=$wanted
if [ "$wanted" = python3 ]; then
    candidates="python3 python3.13 python3.12 python3.11"
fi
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

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
echo "Python 3.11, 3.12 or 3.13 is needed, found $found: install one, or name it: make PYTHON=/path/to/python3" >&2
exit 1
