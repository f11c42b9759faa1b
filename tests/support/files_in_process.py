# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's modules for files, as far as the playbooks use them, run in this process by ``role_in_process``."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def _copy(given: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    assert given.keys() <= {"content", "dest", "mode", "backup"}, given.keys()
    path, mode, content = _path(given["dest"]), int(given["mode"], 8), given["content"].encode()
    differs = not path.exists() or path.read_bytes() != content
    changed = differs or path.stat().st_mode & 0o777 != mode
    if changed and not check_mode:
        if differs and path.exists() and given.get("backup"):
            shutil.copy2(path, f"{path}.kept~")
        path.touch(mode=mode)
        path.write_bytes(content)
        path.chmod(mode)
    return {"changed": changed, "failed": False}


def _file(given: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    assert given.keys() == {"path", "state", "mode"}, given.keys()
    assert given["state"] == "directory", given
    path, mode = _path(given["path"]), int(given["mode"], 8)
    changed = not path.is_dir() or path.stat().st_mode & 0o777 != mode
    if changed and not check_mode:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    return {"changed": changed, "failed": False}


def _stat(given: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    assert given.keys() <= {"path", "checksum_algorithm"}, given.keys()
    path = _path(given["path"])
    if not path.exists():
        return {"changed": False, "failed": False, "stat": {"exists": False}}
    checksum = hashlib.new(given["checksum_algorithm"], path.read_bytes()).hexdigest()
    return {"changed": False, "failed": False, "stat": {"exists": True, "checksum": checksum}}


def _path(text: str) -> Path:
    path = Path(text).expanduser()
    assert path.is_absolute(), path
    return path


FILE_MODULES: dict[str, Callable[[Mapping[str, Any], bool], dict[str, Any]]] = {
    "ansible.builtin.copy": _copy,
    "ansible.builtin.file": _file,
    "ansible.builtin.stat": _stat,
}
