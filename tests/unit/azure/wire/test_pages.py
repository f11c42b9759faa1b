# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of Azure: all pages, and no token to a place that it is not for."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.channel import Channel
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire.errors import AzureError


def pages(*bodies: dict[str, Any]) -> tuple[Channel, list[str]]:
    """A way whose service answers with these, one after the other, and the addresses that it was asked for."""
    answers, asked = iter(bodies), []

    def send_request(request: Any) -> Any:
        asked.append(request.url)
        return SimpleNamespace(status_code=200, content=json.dumps(next(answers)).encode(), headers={})

    return Channel(SimpleNamespace(send_request=send_request), plane="Azure", base="https://a.example"), asked


def names_of(channel: Channel) -> list[Any]:
    return list(channel.pages("/list", obj="list", query={"$filter": "x eq 'y z'"}))


def test_a_list_is_read_from_all_of_its_pages() -> None:
    channel, _asked = pages(
        {"value": [{"n": 1}], "nextLink": "https://a.example/list?$skiptoken=2"},
        {"value": [], "@odata.nextLink": "https://a.example/list?$skiptoken=3"},
        {"value": [{"n": 2}]},
    )

    assert names_of(channel) == [{"n": 1}, {"n": 2}]


def test_the_address_of_the_next_page_is_used_as_it_is() -> None:
    channel, asked = pages({"value": [], "nextLink": "https://a.example/list?$skiptoken=2"}, {"value": []})

    names_of(channel)

    assert asked == ["https://a.example/list?$filter=x%20eq%20'y%20z'", "https://a.example/list?$skiptoken=2"]


@pytest.mark.parametrize("link", ["https://b.example/list", "http://a.example/list", "/list"])
def test_a_token_never_follows_a_list_to_another_address(link: str) -> None:
    channel, _asked = pages({"value": [], "nextLink": link})

    with pytest.raises(AzureError, match="at another address"):
        names_of(channel)


def test_a_list_that_goes_in_a_circle_is_given_up() -> None:
    page = {"value": [], "nextLink": "https://a.example/list?$skiptoken=2"}
    channel, _asked = pages(page, page, page)

    with pytest.raises(AzureError, match="form a loop"):
        names_of(channel)


def test_an_answer_that_is_no_list_is_told() -> None:
    channel, _asked = pages({"name": "one"})

    with pytest.raises(AzureError, match="not a list"):
        names_of(channel)
