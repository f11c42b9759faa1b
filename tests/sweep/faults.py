# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can happen to one request: before the service works, after it, to its answer, and from then on.

A fault is given the undisturbed run, as some answers repeat an earlier one, and the request that it concerns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import urllib3

from explore.explorer import same_route
from support.worlds import Call, Disturbance, Reply, World

RETRY_AFTER = 5
# Virtual seconds that a byte takes: short of every limit for a single read, far beyond each for an answer.
DRIP = 0.5
_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html"}
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1>\r\n<hr>nginx</body></html>"

Answers = Sequence[tuple[Call, Reply]]
# The answer in the place of a service's that does not work; the answer in the place of the one that it gave. Both may
# raise what urllib3 raises.
Before = Callable[[Call], Reply]
After = Callable[[Call, Reply], Reply]


@dataclass(frozen=True)
class Fault:
    """``make``: the disturbance of the request with this number, None where the fault would make no difference."""

    name: str
    make: Callable[[World, Answers, int], Disturbance | None]


# Before the service works ---------------------------------------------------------------------------------------------


def _reset(call: Call, _reply: Reply | None = None) -> Reply:
    cause = ConnectionResetError(104, f"connection of {call.host} reset by peer")
    raise urllib3.exceptions.ProtocolError("Connection aborted.", cause)


def _timed_out(world: World) -> Callable[[Call, Reply | None], Reply]:
    def time_out(call: Call, _reply: Reply | None = None) -> Reply:
        if call.timeout is None:
            raise AssertionError(f"{call} waits without a limit")
        world.pass_time(call.timeout)
        pool = urllib3.HTTPSConnectionPool(call.host)
        raise urllib3.exceptions.ReadTimeoutError(pool, call.path, f"Read timed out. (read timeout={call.timeout})")

    return time_out


def is_of_entra(call: Call) -> bool:
    return call.host.startswith("login.")


def is_of_dsm(call: Call) -> bool:
    return call.path.startswith(("/sys/", "/crypto/"))


def _refusal(call: Call, status: int, code: str, text: str, **headers: str) -> Reply:
    """An error in the words of the service that is asked."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if is_of_dsm(call):
        return Reply(status, {"Content-Type": "text/plain; charset=utf-8", **told}, text.encode())
    if is_of_entra(call):
        body = {"error": code, "error_description": text}
        return Reply(status, {**_JSON, **told}, json.dumps(body).encode())
    return Reply(status, {**_JSON, **told}, json.dumps({"error": {"code": code, "message": text}}).encode())


def _unauthorized(call: Call) -> Reply:
    if is_of_entra(call):
        return _refusal(call, 401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
    if is_of_dsm(call):
        return _refusal(call, 401, "", "Invalid session. Please log in again.")
    challenge = 'Bearer realm="", error="invalid_token", error_description="The access token expired"'
    return _refusal(call, 401, "InvalidAuthenticationToken", "The access token expired.", WWW_Authenticate=challenge)


def _echo(call: Call) -> Reply:
    """What was sent, in the text of an error: some gateways and frameworks do that."""
    sent = f"cannot parse request: headers {dict(call.headers)} body {call.body.decode(errors='replace')}"
    return _refusal(call, 400, "BadRequest", sent)


def _plain(status: int, code: str, text: str, **headers: str) -> Before:
    return lambda call: _refusal(call, status, code, text, **headers)


_REFUSALS: dict[str, Before] = {
    "429": _plain(429, "TooManyRequests", "Too many requests."),
    "429 Retry-After": _plain(429, "TooManyRequests", "Too many requests.", Retry_After=str(RETRY_AFTER)),
    "500": _plain(500, "InternalServerError", "An internal error occurred."),
    "502 HTML": lambda _call: Reply(502, _HTML, _PAGE),
    "503": _plain(503, "ServiceUnavailable", "The service is temporarily unavailable."),
    "401": _unauthorized,
    "echo": _echo,
}


def _once(answer: Before) -> Callable[[World, Answers, int], Disturbance]:
    def make(_world: World, _answers: Answers, number: int) -> Disturbance:
        return Disturbance(before=lambda call: answer(call) if call.number == number else None)

    return make


def _from_then_on(answer: Before) -> Callable[[World, Answers, int], Disturbance]:
    """The service that is asked then, and no other."""

    def make(_world: World, answers: Answers, number: int) -> Disturbance:
        host = answers[number - 1][0].host
        return Disturbance(before=lambda call: answer(call) if call.number >= number and call.host == host else None)

    return make


# After it -------------------------------------------------------------------------------------------------------------


def _answered(answer: After) -> Callable[[World, Answers, int], Disturbance | None]:
    """None for a read: whether it works is all the same."""

    def make(_world: World, answers: Answers, number: int) -> Disturbance | None:
        if not answers[number - 1][0].is_write:
            return None
        return Disturbance(after=lambda call, reply: answer(call, reply) if call.number == number else reply)

    return make


def _with_body(change: Callable[[bytes], bytes]) -> Callable[[World, Answers, int], Disturbance | None]:
    """Another body of a good answer; None for an answer that has no body, or is no good one."""

    def make(_world: World, answers: Answers, number: int) -> Disturbance | None:
        good = answers[number - 1][1]
        if not good.body or good.status >= 300:
            return None
        return Disturbance(
            after=lambda call, reply: reply.with_body(change(reply.body)) if call.number == number else reply
        )

    return make


def _swapped(body: bytes) -> bytes:
    """A list for an object, an object for a list."""
    return b"{}" if body.lstrip().startswith(b"[") else b"[" + body + b"]"


def _repeated(number: int, earlier: Reply) -> Disturbance:
    return Disturbance(after=lambda call, reply: earlier if call.number == number else reply)


def _answer_of_before(_world: World, answers: Answers, number: int) -> Disturbance | None:
    """A gateway that mixes up connections: the answer to the previous request to this service."""
    call, good = answers[number - 1]
    for other, earlier in reversed(answers[: number - 1]):
        if other.host == call.host:
            return None if earlier.body == good.body else _repeated(number, earlier)
    return None


def _stale(_world: World, answers: Answers, number: int) -> Disturbance | None:
    """A cache: what the same request got before something was written."""
    call, good = answers[number - 1]
    for other, earlier in answers[: number - 1]:
        if same_route(other, call) and earlier.body != good.body:
            return _repeated(number, earlier)
    return None


def _drip(_world: World, answers: Answers, number: int) -> Disturbance | None:
    def slowly(call: Call, reply: Reply) -> Reply:
        return Reply(reply.status, reply.headers, reply.body, DRIP) if call.number == number else reply

    return Disturbance(after=slowly) if answers[number - 1][1].body else None


def _time_out(*, works: bool) -> Callable[[World, Answers, int], Disturbance | None]:
    def make(world: World, answers: Answers, number: int) -> Disturbance | None:
        made = _answered(_timed_out(world)) if works else _once(_timed_out(world))
        return made(world, answers, number)

    return make


def _time_outs(world: World, answers: Answers, number: int) -> Disturbance:
    return _from_then_on(_timed_out(world))(world, answers, number)


def _kill(_world: World, _answers: Answers, number: int) -> Disturbance:
    return Disturbance(kill_after=number)


KILL = Fault("killed", _kill)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("reset before", _once(_reset)),
        Fault("time-out before", _time_out(works=False)),
        *(Fault(name, _once(answer)) for name, answer in _REFUSALS.items()),
        Fault("reset after", _answered(_reset)),
        Fault("time-out after", _time_out(works=True)),
        Fault("502 HTML after", _answered(lambda _call, _reply: Reply(502, _HTML, _PAGE))),
        Fault("truncated", _with_body(lambda body: body[: len(body) // 2])),
        Fault("text", _with_body(lambda _body: b'"text"')),
        Fault("empty", _with_body(lambda _body: b"")),
        Fault("null", _with_body(lambda _body: b"null")),
        Fault("list for object", _with_body(_swapped)),
        Fault("answer of before", _answer_of_before),
        Fault("stale", _stale),
        Fault("drip", _drip),
        Fault("resets from then on", _from_then_on(_reset)),
        Fault("time-outs from then on", _time_outs),
        Fault("429 from then on", _from_then_on(_REFUSALS["429"])),
        Fault("503 from then on", _from_then_on(_REFUSALS["503"])),
        Fault("401 from then on", _from_then_on(_unauthorized)),
        KILL,
    )
}
