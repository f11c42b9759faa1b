# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: rules that disturb matching calls on any plane."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


class EndlessList:
    """A list without an end: each page is the first one again.

    With `link` it continues at a fresh address, in the member of this name (`nextLink`, `@odata.nextLink`); with `key`
    the member of this name of every element is fresh, for lists that clients read by offset (DSM).
    """

    def __init__(self, link: str = "", key: str = "") -> None:
        self.first: bytes | None = None
        self.served = 0
        self._link, self._key = link, key
        self._fresh = itertools.count(1)

    def page(self, address: str) -> bytes:
        """The next page, for a list with this address."""
        self.served += 1
        found = json.loads(self.first or b"")
        if self._link:
            found[self._link] = f"{address}{'&' if '?' in address else '?'}$skiptoken={next(self._fresh)}"
        if self._key:
            for element in found["items"] if isinstance(found, dict) else found:
                element[self._key] = str(uuid.UUID(int=next(self._fresh)))
        return json.dumps(found).encode()


@dataclass(frozen=True)
class Fault:
    """One rule. `route` is the route template, as in the journal; `*` matches all.

    The first `skip` matching calls pass, then `times` calls are disturbed (None: all from there on). Without `status`,
    `reset`, `truncate`, `rewrite`, `drip`, `bomb` and `endless` a rule only delays. `after_work` lets the request take
    effect before its answer is replaced.
    `rewrite` gets the body of the answer and returns the one that is sent: a cache, a gateway or a lagging replica.
    `origin` is who asks, `client` or `dsm`. `then` is called in the sandbox's thread when the request has been carried
    out, before its answer leaves.
    `until` holds a call, before it takes effect, until so many calls of that method and route have been answered since
    the rule was added: two clients meet in one order, whatever their speed.
    `drip` sends the head or the body of the answer byte by byte, `drip_pause` seconds apart. `on_drip` is called in the
    sandbox's thread after each byte: a test with a clock of its own advances it there, and needs no pause.
    `bomb` pads the answer with white space to so many bytes and packs it with gzip: valid JSON, a thousandth of its
    size on the wire.
    `endless` never lets a list end; use it with `times=None`.
    """

    plane: str
    method: str = "*"
    route: str = "*"
    times: int | None = 1
    skip: int = 0
    delay: float = 0.0
    reset: Literal["before", "after"] | None = None
    status: int | None = None
    body: str | bytes = ""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None
    truncate: bool = False
    rewrite: Callable[[bytes], bytes] | None = None
    after_work: bool = False
    origin: str = "*"
    then: Callable[[], None] | None = None
    until: tuple[str, str, int] | None = None
    drip: Literal["head", "body"] | None = None
    drip_pause: float = 0.5
    on_drip: Callable[[], None] | None = None
    bomb: int = 0
    endless: EndlessList | None = None

    def matches(self, plane: str, method: str, route: str, origin: str) -> bool:
        asked = (plane, method, route, origin)
        wanted = (self.plane, self.method, self.route, self.origin)
        return all(want in ("*", ask) for want, ask in zip(wanted, asked, strict=True))

    def answer_headers(self) -> dict[str, str]:
        extra = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return {**self.headers, **extra}


@dataclass
class _Rule:
    fault: Fault
    seen: int = 0
    answered: int = 0
    """Calls that `until` waits for."""

    def spent(self) -> bool:
        return self.fault.times is not None and self.seen >= self.fault.skip + self.fault.times

    def strikes(self) -> bool:
        """Count one matching call and tell whether it is to be disturbed."""
        self.seen += 1
        return self.seen > self.fault.skip


class Faults:
    """The active rules. The first rule that strikes wins; later ones do not see that call."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self.holding = 0
        """Calls that are held at the moment."""

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._rules.append(_Rule(fault))
        return fault

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def note_answer(self, method: str, route: str) -> None:
        """A call has been answered."""
        with self._lock:
            for rule in self._rules:
                if rule.fault.until is not None and rule.fault.until[:2] == (method, route):
                    rule.answered += 1

    def holds(self, fault: Fault) -> bool:
        """Whether a call that the rule has struck has to wait still."""
        with self._lock:
            return any(
                rule.fault is fault and fault.until is not None and rule.answered < fault.until[2]
                for rule in self._rules
            )

    def pick(self, plane: str, method: str, route: str, origin: str, *, only_answers: bool = False) -> Fault | None:
        """The fault for this call, if any. `only_answers`: of the rules that give an answer of their own (a batch)."""
        with self._lock:
            for rule in self._rules:
                if only_answers and rule.fault.status is None and rule.fault.rewrite is None:
                    continue
                if not rule.spent() and rule.fault.matches(plane, method, route, origin) and rule.strikes():
                    return rule.fault
        return None
