# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Checks whether a file can be created at a path, without creating anything: for check mode, and before writes."""

from __future__ import annotations

import os


def missing_directories(path: str) -> tuple[str, list[str]]:
    """The nearest existing directory above a file, and the missing ones below it, the outermost first."""
    directory, missing = os.path.dirname(os.path.abspath(path)), list[str]()
    while not os.path.lexists(directory):
        missing.insert(0, directory)
        directory = os.path.dirname(directory)
    return directory, missing


def problem_of(path: str) -> str:
    """Why a file cannot be created there; empty if it probably can."""
    directory, _missing = missing_directories(path)
    if not os.path.isdir(directory):
        return f'"{directory}" is not a directory'
    if not os.access(directory, os.W_OK | os.X_OK):
        return f'the directory "{directory}" is not writable'
    return ""
