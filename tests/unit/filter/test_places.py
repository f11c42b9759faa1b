# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a file can be made at a place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.fortanix.dsm.plugins.filter.place_problem import place_problem


def test_a_place_below_a_directory_that_is_still_to_be_made_is_good(tmp_path: Path) -> None:
    assert place_problem(str(tmp_path / "a" / "b" / "file")) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["file", "", "~/file"])
def test_a_path_that_depends_on_where_it_is_read_is_refused(path: str) -> None:
    assert place_problem(path) == f'"{path}" is not an absolute path'


def test_a_file_in_the_place_of_a_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    assert place_problem(str(tmp_path / "a" / "b" / "file")) == f'"{tmp_path / "a"}" is not a directory'


def test_a_directory_that_may_not_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    assert place_problem(str(tmp_path / "file")) == f'the directory "{tmp_path}" is not writable'
