# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of DSM: every entry once, whatever the server makes of a page, and an end to all of them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.paging import all_pages
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._rest.limits import MOST_PAGES

EVERY = [{"id": str(number)} for number in range(10_000)]


@pytest.mark.parametrize("size", [20, 1000, 50_000])
def test_ten_thousand_entries_are_read_in_pages_of_any_size(size: int) -> None:
    assert list(all_pages(lambda offset: EVERY[offset : offset + size], "id", "entries")) == EVERY


def test_a_server_that_ignores_paging_returns_each_entry_once() -> None:
    assert list(all_pages(lambda _offset: EVERY, "id", "entries")) == EVERY


def test_a_list_without_an_end_is_given_up() -> None:
    fresh, asked = itertools.count(), []

    def page(offset: int) -> list[dict[str, Any]]:
        asked.append(offset)
        return [{"id": str(next(fresh))}]

    with pytest.raises(
        TaskError, match=r"DSM, entries: the list does not end within 1000 pages\. Next: check that dsm_"
    ):
        list(all_pages(page, "id", "entries"))

    assert len(asked) == MOST_PAGES
