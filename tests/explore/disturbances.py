# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What services, gateways and replicas do to single requests: lag, refusal, loss, short and stale answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import urllib3

from support.worlds import Call, Disturbance, Reply, World

RETRY_AFTER = 5
_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html"}

Rewrite = Callable[[bytes], bytes]


# Replicas -----------------------------------------------------------------------------------------------------------


def lagging(world: World, reads: int, numbers: Sequence[int] | None = None) -> Disturbance:
    """After these writes of the actor, or all, so many reads of Graph and Resource Manager show what was before."""

    def set_lag(number: int) -> None:
        def deed(azure: Any) -> None:
            azure.directory.read_lag = azure.vault_read_lag = azure.rights.propagation.reads = number

        world.do(deed)

    def before(call: Call) -> None:
        set_lag(reads if numbers is None or call.number in numbers else 0)

    def after(_call: Call, reply: Reply) -> Reply:
        set_lag(0)
        return reply

    return Disturbance(before=before, after=after)


# Refusals and lost answers --------------------------------------------------------------------------------------------


def throttled(number: int, status: int = 429) -> Disturbance:
    """The request with this number is refused before it has any effect."""
    headers = {**_JSON, "Retry-After": str(RETRY_AFTER)}
    body = json.dumps({"error": {"code": "TooManyRequests", "message": "Slow down."}}).encode()

    def before(call: Call) -> Reply | None:
        return Reply(status, headers, body) if call.number == number else None

    return Disturbance(before=before)


def lost_answer(number: int, how: str) -> Disturbance:
    """The request with this number is carried out, and a gateway's error or nothing at all comes back."""

    def after(call: Call, reply: Reply) -> Reply:
        if call.number != number:
            return reply
        if how == "broken":
            raise urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset by peer"))
        if how == "html":
            return Reply(200, _HTML, b"<html>Please sign in</html>")
        return Reply(int(how), _HTML, b"<html>Bad gateway</html>")

    return Disturbance(after=after)


LOST = ("502", "504", "html", "broken")


def unavailable(number: int, status: int) -> Disturbance:
    """A request that gets this status once, and is not carried out."""
    body = json.dumps({"error": {"code": "Unavailable", "message": "Try again."}}).encode()

    def before(call: Call) -> Reply | None:
        return Reply(status, _JSON, body) if call.number == number else None

    return Disturbance(before=before)


# Answers --------------------------------------------------------------------------------------------------------------


def rewritten(number: int, rewrite: Rewrite) -> Disturbance:
    def after(call: Call, reply: Reply) -> Reply:
        return reply.with_body(rewrite(reply.body)) if call.number == number else reply

    return Disturbance(after=after)


def repeated(number: int, earlier: Reply) -> Disturbance:
    """The answer with this number is an earlier one of the same route; what was asked is carried out."""
    return Disturbance(after=lambda call, reply: earlier if call.number == number else reply)


def short_answers(body: bytes) -> Iterator[tuple[str, Rewrite]]:
    """Every answer that lacks something of this one, by what it lacks."""
    try:
        found = json.loads(body)
    except ValueError:
        return
    yield "empty body", lambda _body: b""
    yield "{}", lambda _body: b"{}"
    for path in _members(found):
        name = ".".join(map(str, path))
        yield f"without {name}", _changed(path, None, drop=True)
        yield f"{name} null", _changed(path, None)
        if isinstance(_at(found, path), list):
            yield f"{name} []", _changed(path, [])


def _members(found: Any) -> Iterator[tuple[Any, ...]]:
    """Members of the object; of what it wraps, one level deeper."""
    if isinstance(found, list):
        yield from (((0, *path)) for path in _members(found[0]) if found) if found else ()
        return
    if not isinstance(found, dict):
        return
    for name, value in found.items():
        yield (name,)
        if name == "responses":
            for place, response in enumerate(value):
                body = response.get("body")
                if isinstance(body, dict):
                    yield (name, place, "body")
                    yield from ((name, place, "body", *path) for path in _members(body))
        elif name in ("value", "items") and isinstance(value, list) and value and isinstance(value[0], dict):
            yield from ((name, 0, inner) for inner in value[0])
        elif name == "properties" and isinstance(value, dict):
            yield from ((name, inner) for inner in value)
        elif name == "hmg" and isinstance(value, dict):
            # By ID. An answer without one of them is a whole answer about another group.
            yield from ((name, link, inner) for link, members in value.items() for inner in members)


def _at(found: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        found = found[step]
    return found


def _changed(path: tuple[Any, ...], value: Any, *, drop: bool = False) -> Rewrite:
    def rewrite(body: bytes) -> bytes:
        found = json.loads(body)
        try:
            holder = _at(found, path[:-1])
            if drop:
                del holder[path[-1]]
            else:
                holder[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            return body
        return json.dumps(found).encode()

    return rewrite
