# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source keys of copies: their chains of rotations, few requests, and what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_reading import (
    list_keys,
    read_chains,
    read_sources,
)
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.keys.key_records import DsmKey, Sources
from ansible_collections.fortanix.dsm.plugins.module_utils._dsm.wire.errors import DsmError
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError


class Dsm:
    """DSM with these keys, all of one group. ``requests``: what was requested."""

    def __init__(self, *stored: Mapping[str, Any]) -> None:
        self.stored = {str(one["kid"]): {"group_id": "g", **one} for one in stored}
        self.requests: list[str] = []

    def call(self, method: str, _route: str, **options: Any) -> Any:
        self.requests.append(options["body"]["kid"] if method == "POST" else "list")
        if method == "GET":
            return [] if options["query"]["offset"] else list(self.stored.values())
        found = self.stored.get(options["body"]["kid"])
        if found is None:
            raise DsmError(404, "no such key", method=method, route="keys/info", obj="key")
        return found


def sources_of(dsm: Dsm, *kids: str) -> Sources:
    copies = [DsmKey.from_stored({"kid": f"copy of {kid}", "links": {"copiedFrom": kid}}) for kid in kids]
    return read_sources(dsm, copies)


def key(kid: str, replacement: str | None = None) -> dict[str, Any]:
    return {"kid": kid, "links": {"replacement": replacement} if replacement else {}}


def test_the_chain_of_a_source_is_followed_to_its_end() -> None:
    dsm = Dsm(key("s1", "s2"), key("s2", "s3"), key("s3"))

    sources = sources_of(dsm, "s1")

    latest = sources.latest_of("s1")
    assert latest is not None
    assert (latest.key.kid, sources.unread, dsm.requests) == ("s3", frozenset(), ["s1", "s2", "s3"])


def test_a_key_that_was_read_before_is_not_read_again() -> None:
    dsm = Dsm(key("s1", "s2"), key("s2"))

    sources = read_chains(dsm, ("s1", "s2"), DsmKey.from_stored(key("s2")))

    assert (set(sources.keys), sources.unread, dsm.requests) == ({"s1", "s2"}, frozenset(), ["s1"])


def test_many_sources_of_one_group_are_listed() -> None:
    kids = [f"s{number}" for number in range(20)]
    dsm = Dsm(*map(key, kids))

    sources = sources_of(dsm, *kids)

    assert (set(sources.keys), sources.unread) == (set(kids), frozenset())
    assert dsm.requests == ["s0", "list", "list"]


def test_a_chain_in_a_circle_ends() -> None:
    assert sources_of(Dsm(key("s1", "s2"), key("s2", "s1")), "s1").unread == frozenset()


def test_a_source_that_cannot_be_seen_is_unread() -> None:
    assert sources_of(Dsm(key("s1", "hidden")), "s1", "gone").unread == {"hidden", "gone"}


def test_other_keys_of_a_listed_group_are_none_of_its_sources() -> None:
    """What has replaced them may be out of sight, and nobody wants to know it."""
    kids = [f"s{number}" for number in range(20)]

    sources = sources_of(Dsm(*map(key, kids), key("stranger", "hidden")), *kids)

    assert sources.unread == frozenset()


def test_an_answer_about_another_key_is_no_source() -> None:
    dsm = Dsm(key("s1"))
    dsm.stored["s1"]["kid"] = "s2"

    with pytest.raises(TaskError, match="about another key"):
        sources_of(dsm, "s1")


def test_keys_of_another_group_are_no_keys_of_this_one() -> None:
    dsm = Dsm({"kid": "s1", "group_id": "another"})

    with pytest.raises(TaskError, match="another group"):
        list_keys(dsm, "g", "group g")
