# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations in a small world that is put back after each run, at request granularity and in virtual time.

Each operation runs in a thread of its own, over the real wire, and goes on only when the plan says so: the baton is
passed before a request and in a sleep, nowhere else. An operation that runs alone may have threads, one at a time.
Time stands still but for what a request takes and what is slept.
A run can be killed, an answer replaced, a request held back or refused. The same plan gives the same run.

What is shared by all runs costs nothing in the single one: connections and the operator's tokens are kept, and keys of
certificates are taken from a pool. No answer is.
"""

from __future__ import annotations

import io
import random
import re
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import ModuleType
from typing import Any, TypeVar

import jwt
import jwt.algorithms
import requests.sessions
import urllib3
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from urllib3.connectionpool import HTTPConnectionPool

from ansible_collections.fortanix.dsm.plugins.module_utils import _time
from ansible_collections.fortanix.dsm.plugins.module_utils._azure.wire import credential as azure_credential
from ansible_collections.fortanix.dsm.plugins.module_utils._errors import TaskError
from ansible_collections.fortanix.dsm.plugins.module_utils._rest import limits
from ansible_collections.fortanix.dsm.plugins.module_utils._task import Task, perform
from sandbox import Sandbox

T = TypeVar("T")

# Virtual seconds that a request takes: so that a run takes ten to twenty, as it does against the real services.
REQUEST_SECONDS = 0.4
# Virtual seconds for which a token of the operator is used again.
_TOKEN_SECONDS = 3000.0
# Real seconds without any progress after which the harness itself is at fault.
_STUCK = 600.0
_SAFE_POSTS = ("/hmg/check", "/azure_vaults", "/oauth2/", "/session/", "NameAvailability", "MemberGroups", "/keys/info")


class Killed(BaseException):
    """The process of the operation is gone: nothing in it may handle this."""


class Stuck(AssertionError):
    """A run did not come to its end: a defect of the harness, or an endless loop in an operation."""


@dataclass(frozen=True)
class Reply:
    """An answer, as it came or as it is put in its place. ``pace``: virtual seconds that each byte of it takes."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    pace: float = 0.0

    def with_body(self, body: bytes) -> Reply:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        return Reply(self.status, headers, body, self.pace)


@dataclass(frozen=True)
class Call:
    """One request of an actor. ``number`` counts from one in its run; ``timeout``: seconds that it waits for a byte."""

    actor: str
    number: int
    method: str
    host: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    timeout: float | None = field(default=None, compare=False, repr=False)

    @property
    def is_write(self) -> bool:
        if self.method in ("GET", "HEAD"):
            return False
        if self.path.endswith("/$batch"):
            return b'"method": "GET"' not in self.body and b'"method":"GET"' not in self.body
        return not (self.method == "POST" and any(part in self.path for part in _SAFE_POSTS))

    def __str__(self) -> str:
        return f"{self.actor}{self.number} {self.method} {self.host.partition('.')[0]} {self.path}"


@dataclass
class Event:
    """A request and what became of it; ``changed`` tells whether the sandbox's state is another one by it."""

    call: Call
    status: int = 0
    sent: bool = True
    changed: bool = False
    note: str = ""

    def __str__(self) -> str:
        marks = "".join((" *" if self.changed else "", f" ({self.note})" if self.note else ""))
        return f"{self.call} -> {self.status}{marks}"


@dataclass
class Disturbance:
    """What is done to the run of one actor.

    ``kill_after``: the request after which it is gone. ``before``: an answer in the place of the service's, for a
    request that is not even sent. ``after``: another answer for a request that has been carried out. Both may raise
    what urllib3 raises. ``carry``: what sends a request, in the place of the wire. ``skew``: seconds by which the clock
    of this actor is ahead of the services'.
    """

    kill_after: int | None = None
    before: Callable[[Call], Reply | None] | None = None
    after: Callable[[Call, Reply], Reply] | None = None
    skew: float = 0.0
    carry: Callable[[Call, Callable[[], Reply]], Reply] | None = None


@dataclass
class Outcome:
    """How the run of an actor ended: with a result, a failure of the task, or an exception that is none.

    ``at``: how many events of the whole run had happened then; ``elapsed``: virtual seconds.
    """

    result: dict[str, Any] | None = None
    failure: TaskError | None = None
    crash: BaseException | None = None
    killed: bool = False
    warnings: list[str] = field(default_factory=list)
    at: int = 0
    elapsed: float = 0.0

    @property
    def kind(self) -> str:
        if self.killed:
            return "killed"
        if self.crash is not None:
            return f"crash {type(self.crash).__name__}"
        return "failed" if self.failure is not None else "ok"

    def __str__(self) -> str:
        if self.result is not None:
            return f"ok, changed: {self.result.get('changed')}"
        return f"{self.kind}: {self.crash or self.failure or ''}"


@dataclass
class Job:
    """An operation with its options, or a deed of somebody else who is no client of ours."""

    name: str
    operation: ModuleType | None = None
    options: Callable[[World], Mapping[str, Any]] | Mapping[str, Any] = field(default_factory=dict)
    deed: Callable[[World], None] | None = None
    check_mode: bool = False

    def run(self, world: World, warn: Callable[[str], None]) -> dict[str, Any]:
        if self.operation is None:
            assert self.deed is not None
            self.deed(world)
            return {"changed": True}
        options = self.options(world) if callable(self.options) else self.options
        given = {name: value for name, value in options.items() if value is not None}
        validated = ModuleArgumentSpecValidator(**self.operation.SPEC.as_module_arguments()).validate(given)
        assert not validated.error_messages, validated.error_messages
        task = Task(validated.validated_parameters, self.check_mode, world.sandbox.proxy_url, warn)
        result: dict[str, Any] = perform(self.operation, task)
        return result


class Actor:
    """One operation under way."""

    def __init__(self, name: str, job: Job, disturbance: Disturbance) -> None:
        self.name = name
        self.job = job
        self.disturbance = disturbance
        self.outcome = Outcome()
        self.finished = False
        self.sent = 0
        self.wakes_at = 0.0
        # The request before which it stands; None before its first one and while it sleeps.
        self.next: Call | None = None
        self.baton = threading.Semaphore(0)
        self.thread: threading.Thread | None = None


# What a schedule is made of: whose turn it is, for how many requests; None: to its end.
Segment = tuple[int, int | None]


@dataclass(frozen=True)
class Kept:
    """A state of the sandbox that runs start from, and the time of the services then."""

    snapshot: Any
    began: float


class World:
    """A sandbox with the processes around it. ``elapsed``: virtual seconds since the snapshot was taken."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.elapsed = 0.0
        # The time of the services at the snapshot.
        self.began = 0.0
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}
        self._manager = urllib3.ProxyManager(
            sandbox.proxy_url,
            ca_certs=str(sandbox.ca_bundle),
            maxsize=2,
            socket_options=[(6, 1, 1)],
        )
        self._kept: Kept | None = None
        # Whether the operator's tokens outlive a run; otherwise each run requests its own.
        self.keeps_tokens = True
        # Of the operator: when it was issued, and what it is.
        self.tokens: dict[tuple[str, ...], tuple[float, Any]] = {}
        self.events: list[Event] = []
        self.actors: list[Actor] = []
        self._plan: list[Segment] = []
        self._done = threading.Semaphore(0)
        # Called after each request that was sent, in the thread of the actor, while nothing else runs.
        self.observer: Callable[[Event], None] = lambda _event: None
        # Whether a write has changed anything; set by whoever can tell.
        self.fingerprint: Callable[[], Any] | None = None
        self._print: Any = None
        self._begin()

    def close(self) -> None:
        self._manager.clear()
        for pool in self._pools.values():
            pool.close()

    # State -----------------------------------------------------------------------------------------------------------

    def keep(self) -> Kept:
        """Make what is there now a state that runs can start from."""
        self._begin()
        self._kept = Kept(self.sandbox.snapshot(), self.began)
        return self._kept

    def reset(self, kept: Kept | None = None, seed: str = "run") -> None:
        """Put a state back: the one that was kept last unless another one is given. ``seed``: of what is drawn."""
        self._kept = kept or self._kept
        assert self._kept is not None
        self.sandbox.restore(self._kept.snapshot)
        self.elapsed, self.began = 0.0, self._kept.began
        self.events = []
        _HARNESS.reseed(seed)
        self._print = self.fingerprint() if self.fingerprint else None

    @property
    def drawn(self) -> Any:
        """How far the drawing of IDs has come."""
        return _HARNESS._random.getstate()

    @drawn.setter
    def drawn(self, state: Any) -> None:
        _HARNESS._random.setstate(state)

    def _begin(self) -> None:
        self.elapsed = 0.0
        self.began = self.sandbox.do(lambda _state: self.sandbox.clock.now())

    def do(self, deed: Callable[[Any], T]) -> T:
        """A deed of an administrator of the public cloud."""
        return self.sandbox.do(lambda state: deed(state.azure.public))

    @property
    def now(self) -> float:
        """The services' time."""
        return self.began + self.elapsed

    def pass_time(self, seconds: float) -> None:
        self.elapsed += seconds
        self.sandbox.clock.advance(seconds)

    # Running ---------------------------------------------------------------------------------------------------------

    def alone(self, job: Job, disturbance: Disturbance | None = None, name: str = "A") -> Outcome:
        """One operation, to its end, from the state as it is now."""
        return self.together([job], [(0, None)], [disturbance or Disturbance()], names=(name,))[0]

    def together(
        self,
        jobs: Sequence[Job],
        plan: Sequence[Segment],
        disturbances: Sequence[Disturbance] = (),
        names: Sequence[str] = ("A", "B", "C"),
    ) -> list[Outcome]:
        """Several operations by a plan; what the plan leaves open is done in their order."""
        given = [*disturbances, *(Disturbance() for _job in jobs[len(disturbances) :])]
        self.actors = [Actor(name, job, one) for name, job, one in zip(names, jobs, given, strict=False)]
        self._plan = [segment for segment in plan if segment[1] is None or segment[1] > 0]
        for actor in self.actors:
            actor.thread = threading.Thread(target=self._live, args=(actor,), name=f"actor-{actor.name}", daemon=True)
            actor.thread.start()
        self._hand_on(None)
        if not self._done.acquire(timeout=_STUCK):
            raise Stuck("; ".join(map(str, self.events[-20:])))
        for actor in self.actors:
            assert actor.thread is not None
            actor.thread.join(_STUCK)
        return [actor.outcome for actor in self.actors]

    def _live(self, actor: Actor) -> None:
        _LOCAL.actor = actor
        _LOCAL.world = self
        if not actor.baton.acquire(timeout=_STUCK):
            return
        try:
            actor.outcome.result = actor.job.run(self, actor.outcome.warnings.append)
        except TaskError as error:
            actor.outcome.failure = error
        except Killed:
            actor.outcome.killed = True
        except BaseException as error:
            actor.outcome.crash = error
        if actor.outcome.killed or (actor.disturbance.kill_after or 10**9) <= actor.sent:
            actor.outcome.killed = True
            actor.outcome.result, actor.outcome.failure = None, None
        if actor.job.operation is None:
            self._note_deed(actor)
        actor.outcome.at, actor.outcome.elapsed = len(self.events), self.elapsed
        actor.finished = True
        self._hand_on(actor)

    def _note_deed(self, actor: Actor) -> None:
        event = Event(Call(actor.name, 1, "DEED", "", actor.job.name, "", b""), sent=False)
        self._see_change(event)
        self.events.append(event)
        self.observer(event)

    def _hand_on(self, me: Actor | None) -> None:
        """Let the next one go on, and wait for the own turn if that is another one."""
        chosen = self._choose()
        if chosen is me and me is not None and not me.finished:
            return
        if chosen is None:
            self._done.release()
            return
        chosen.baton.release()
        if me is not None and not me.finished and not me.baton.acquire(timeout=_STUCK):
            raise Stuck(me.name)

    def _choose(self) -> Actor | None:
        """Whose turn it is by the plan; who sleeps is passed over until nobody else is awake."""
        while self._plan:
            index, left = self._plan[0]
            if self.actors[index].finished or left == 0:
                self._plan.pop(0)
                continue
            break
        alive = [actor for actor in self.actors if not actor.finished]
        if not alive:
            return None
        awake = [actor for actor in alive if actor.wakes_at <= self.elapsed]
        if not awake:
            first = min(alive, key=lambda actor: actor.wakes_at)
            self.pass_time(first.wakes_at - self.elapsed)
            return first
        if self._plan:
            wanted = self.actors[self._plan[0][0]]
            if wanted in awake:
                return wanted
        return awake[0]

    def _count(self, actor: Actor) -> None:
        if self._plan and self.actors[self._plan[0][0]] is actor and self._plan[0][1] is not None:
            index, left = self._plan[0]
            assert left is not None
            self._plan[0] = (index, left - 1)

    # In the thread of an actor ---------------------------------------------------------------------------------------

    def sleep(self, actor: Actor, seconds: float) -> None:
        self._refuse_the_dead(actor)
        actor.next = None
        actor.wakes_at = self.elapsed + max(seconds, 0.0)
        self._hand_on(actor)

    def send(self, actor: Actor, call: Call, send: Callable[[], Reply]) -> Reply:
        """One request of an actor, when it is its turn."""
        self._refuse_the_dead(actor)
        actor.next = call
        self._hand_on(actor)
        self._count(actor)
        actor.sent += 1
        self.pass_time(REQUEST_SECONDS)
        disturbance = actor.disturbance
        event = Event(call)
        self.events.append(event)
        try:
            reply = disturbance.before(call) if disturbance.before is not None else None
        except Exception as error:
            event.sent, event.note = False, f"never sent: {error}"
            self.observer(event)
            raise
        if reply is not None:
            event.sent, event.note = False, "answered by the harness"
        else:
            reply = send() if disturbance.carry is None else disturbance.carry(call, send)
            if call.is_write:
                self._see_change(event)
        event.status = reply.status
        if event.sent and disturbance.after is not None:
            try:
                changed = disturbance.after(call, reply)
            except Exception as error:
                event.note = f"answer lost: {error}"
                self.observer(event)
                raise
            if changed is not reply:
                event.note = f"answer replaced: {changed.status} {changed.body[:80]!r}"
                reply = changed
        self.observer(event)
        if disturbance.kill_after is not None and actor.sent >= disturbance.kill_after:
            event.note += " killed"
            raise Killed
        return reply

    def _refuse_the_dead(self, actor: Actor) -> None:
        limit = actor.disturbance.kill_after
        if limit is not None and actor.sent >= limit:
            raise Killed

    def _see_change(self, event: Event) -> None:
        if self.fingerprint is not None:
            now = self.fingerprint()
            event.changed, self._print = now != self._print, now

    def pool(self, host: str) -> urllib3.HTTPConnectionPool:
        """The connection to a service that all runs share: past the proxy, which would relay each byte.

        A name that does not exist at the moment is asked of the proxy, which says so.
        """
        address = self.sandbox.network.resolve(host)
        if address is None:
            return self._manager.connection_from_host(host, 443, "https")
        found = self._pools.get(host)
        if found is None:
            found = self._pools[host] = urllib3.HTTPSConnectionPool(
                address.host,
                address.port,
                maxsize=2,
                ca_certs=str(self.sandbox.ca_bundle),
                server_hostname=host,
                assert_hostname=host,
            )
        return found


_LOCAL = threading.local()


class _KeptCredential:
    """The operator's login, whose tokens outlive a run: they are as good in the next one, which begins as this did."""

    def __init__(self, inner: Any, world: World, who: tuple[str, ...]) -> None:
        self._inner = inner
        self._world = world
        self._who = who

    def get_token(self, *scopes: str, **options: Any) -> Any:
        key, now = (*self._who, *scopes), self._world.now
        issued, token = self._world.tokens.get(key, (0.0, None))
        if token is None or now > issued + _TOKEN_SECONDS:
            with _outside(), _HARNESS.drawing_aside():
                token = self._inner.get_token(*scopes, **options)
            self._world.tokens[key] = now, token
        return token._replace(expires_on=int(time.time()) + 3599)

    def close(self) -> None:
        self._inner.close()


@contextmanager
def _outside() -> Iterator[None]:
    """Requests that are no part of the run, in its time."""
    _LOCAL.outside = True
    try:
        yield
    finally:
        _LOCAL.outside = False


_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END")
_LOADS = ("load_der_private_key", "load_pem_private_key")


def _remembered(load: Callable[..., Any]) -> Callable[..., Any]:
    """The consistency check of a key takes a tenth of a second, and a key stays what it is."""
    known: dict[Any, Any] = {}

    def remembering(data: bytes, password: Any = None, *rest: Any, **options: Any) -> Any:
        # Of a file with a certificate in it, too, the key alone counts.
        found = _PRIVATE_KEY.search(bytes(data))
        key = (found[0] if found else bytes(data), password)
        if key not in known:
            known[key] = load(data, password, *rest, **options)
        return known[key]

    return remembering


def _verified_once(decode: Callable[..., Any]) -> Callable[..., Any]:
    """A signature stays good or bad; times and audience are judged by the sandbox, each time anew."""
    known: dict[Any, Any] = {}

    def deciding(token: str, key: Any, *rest: Any, **options: Any) -> Any:
        numbers = key.public_numbers() if isinstance(key, rsa.RSAPublicKey) else None
        identity = (token, numbers and numbers.n, repr(sorted(options.items())))
        if numbers is None:
            return decode(token, key, *rest, **options)
        if identity not in known:
            known[identity] = decode(token, key, *rest, **options)
        return dict(known[identity])

    return deciding


class _Harness:
    """The patches, of which there is one set in a process."""

    def __init__(self) -> None:
        self._installed = False
        self._sandbox_thread: threading.Thread | None = None
        self.origin = float(int(time.time()))
        self._random = random.Random(0)
        self._keys: dict[int, list[Any]] = {}
        self._used: dict[int, int] = {}
        self._real_urlopen = HTTPConnectionPool.urlopen
        self._real_time, self._real_sleep = time.time, time.sleep
        self._real_generate = rsa.generate_private_key
        self._real_credential_for = azure_credential.credential_for
        self._real_uuid4 = uuid.uuid4
        self._real_decode = jwt.decode
        self._real_proxies = requests.sessions.get_environ_proxies
        self._real_serial = x509.random_serial_number
        self._real_submit = ThreadPoolExecutor.submit
        self._real_loads = {name: getattr(serialization, name) for name in _LOADS}

    def reseed(self, seed: str) -> None:
        self._random.seed(seed)
        self._used.clear()

    @contextmanager
    def drawing_aside(self) -> Iterator[None]:
        """What is drawn here leaves no trace in what is drawn afterwards."""
        state = self._random.getstate()
        try:
            yield
        finally:
            self._random.setstate(state)

    def install(self) -> None:
        if self._installed:
            return
        self._installed = True
        # A sandbox started now must not draw the IDs again that a run will draw from a state of it.
        self.reseed("a new sandbox")
        HTTPConnectionPool.urlopen = _gated  # type: ignore[assignment,method-assign]
        ThreadPoolExecutor.submit = _submit_as_actor  # type: ignore[method-assign]
        time.time, time.sleep = self._time, self._sleep  # type: ignore[assignment]
        _time.utc_now, _time.monotonic, _time.sleep = self._utc_now, self._monotonic, self._sleep
        rsa.generate_private_key = self._generate
        azure_credential.credential_for = self._credential_for
        x509.random_serial_number = self._serial
        uuid.uuid4 = self._uuid4
        jwt.decode = _verified_once(self._real_decode)
        # Looked for in the whole environment by each request, which is a sixth of what a request costs.
        requests.sessions.get_environ_proxies = self._proxies
        for name, load in self._real_loads.items():
            setattr(serialization, name, _remembered(load))
        setattr(jwt.algorithms, "load_pem_private_key", serialization.load_pem_private_key)  # noqa: B010

    def uninstall(self) -> None:
        if not self._installed:
            return
        self._installed = False
        HTTPConnectionPool.urlopen = self._real_urlopen  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = self._real_submit  # type: ignore[method-assign]
        time.time, time.sleep = self._real_time, self._real_sleep
        _time.utc_now, _time.monotonic, _time.sleep = _UTC_NOW, _MONOTONIC, _SLEEP
        rsa.generate_private_key = self._real_generate
        azure_credential.credential_for = self._real_credential_for
        x509.random_serial_number = self._real_serial
        uuid.uuid4 = self._real_uuid4
        jwt.decode = self._real_decode
        requests.sessions.get_environ_proxies = self._real_proxies
        for name, load in self._real_loads.items():
            setattr(serialization, name, load)
        setattr(jwt.algorithms, "load_pem_private_key", serialization.load_pem_private_key)  # noqa: B010

    # Patches ---------------------------------------------------------------------------------------------------------

    def _time(self) -> float:
        actor = getattr(_LOCAL, "actor", None)
        if actor is not None:
            return float(_LOCAL.world.now + actor.disturbance.skew)
        # The clock of the sandbox adds what has been advanced.
        return self.origin if threading.current_thread().name == "sandbox" else self._real_time()

    def _utc_now(self) -> datetime:
        return datetime.fromtimestamp(self._time(), timezone.utc)

    def _monotonic(self) -> float:
        actor = getattr(_LOCAL, "actor", None)
        return float(_LOCAL.world.elapsed) if actor is not None else _MONOTONIC()

    def _sleep(self, seconds: float) -> None:
        actor = getattr(_LOCAL, "actor", None)
        if actor is None:
            self._real_sleep(seconds)
        else:
            _LOCAL.world.sleep(actor, seconds)

    def _uuid4(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    def _serial(self) -> int:
        """Of certificates."""
        return self._random.getrandbits(158) + 1

    def _proxies(self, url: str, no_proxy: str | None = None) -> dict[str, str]:
        """None for an actor: its requests go where the world leads them."""
        led = getattr(_LOCAL, "actor", None) is not None and not getattr(_LOCAL, "outside", False)
        return {} if led else dict(self._real_proxies(url, no_proxy))

    def _generate(self, public_exponent: int, key_size: int, backend: Any = None) -> Any:
        """Keys of certificates, a different one for each within a run."""
        if getattr(_LOCAL, "actor", None) is None:
            return self._real_generate(public_exponent, key_size)
        pool, used = self._keys.setdefault(key_size, []), self._used.get(key_size, 0)
        self._used[key_size] = used + 1
        if used >= len(pool):
            pool.append(self._real_generate(public_exponent, key_size))
        return pool[used]

    def _credential_for(self, params: Mapping[str, Any], *rest: Any, **options: Any) -> Any:
        inner = self._real_credential_for(params, *rest, **options)
        world = getattr(_LOCAL, "world", None)
        if world is None or getattr(_LOCAL, "actor", None) is None or not world.keeps_tokens:
            return inner
        return _KeptCredential(inner, world, (str(params.get("client_id")), str(params.get("secret"))))


_UTC_NOW, _MONOTONIC, _SLEEP = _time.utc_now, _time.monotonic, _time.sleep
_HARNESS = _Harness()


def _gated(pool: Any, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **options: Any) -> Any:
    """In the place of ``HTTPConnectionPool.urlopen``."""
    actor = getattr(_LOCAL, "actor", None)
    if actor is None or getattr(_LOCAL, "outside", False):
        return _HARNESS._real_urlopen(pool, method, url, body, headers, *args, **options)
    world: World = _LOCAL.world
    parts = urllib.parse.urlsplit(url)
    content = body.encode() if isinstance(body, str) else bytes(body or b"")
    call = Call(
        actor.name,
        actor.sent + 1,
        method,
        pool.host,
        urllib.parse.unquote(parts.path),
        parts.query,
        content,
        dict(headers or {}),
        _patience_of(options.get("timeout")),
    )

    def send() -> Reply:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        answer = _HARNESS._real_urlopen(
            world.pool(pool.host),
            method,
            target,
            content or None,
            {**dict(headers or {}), "Host": pool.host},
            retries=False,
            redirect=False,
            timeout=30,
        )
        return Reply(answer.status, dict(answer.headers), answer.data)

    running = limits.current()
    if running is not None:
        # As the connections of the client, which this stands for.
        running.sent = True
    reply = world.send(actor, call, send)
    return urllib3.HTTPResponse(
        body=_Dripping(reply.body, reply.pace) if reply.pace else io.BytesIO(reply.body),
        headers=dict(reply.headers),
        status=reply.status,
        preload_content=options.get("preload_content", True),
        decode_content=options.get("decode_content", True),
        request_method=method,
    )


def _patience_of(timeout: Any) -> float | None:
    """The seconds that a request waits for the next byte; None for no limit."""
    seconds = getattr(timeout, "read_timeout", timeout)
    return float(seconds) if isinstance(seconds, (int, float)) else None


class _Dripping(io.BytesIO):
    """A body whose bytes arrive one by one. As of a socket, ``read`` waits for all that it is to return."""

    def __init__(self, body: bytes, pace: float) -> None:
        super().__init__(body)
        self._pace = pace

    def read(self, size: int | None = -1, /) -> bytes:
        return self._arrived(super().read(size))

    def read1(self, size: int | None = -1, /) -> bytes:
        return self._arrived(super().read(min(1, size or 0) if size is not None and size >= 0 else 1))

    def readinto(self, buffer: Any, /) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _arrived(self, found: bytes) -> bytes:
        seconds, running = len(found) * self._pace, limits.current()
        if running is None:
            _LOCAL.world.pass_time(seconds)
            return found
        _LOCAL.world.pass_time(min(seconds, running.time_left()))
        # As the sockets of the client: no operation of theirs takes longer than what is left.
        running.time_left()
        return found


def _submit_as_actor(pool: Any, function: Any, /, *args: Any, **options: Any) -> Any:
    """In the place of ``ThreadPoolExecutor.submit``: a thread of an actor is the actor."""
    actor, world = getattr(_LOCAL, "actor", None), getattr(_LOCAL, "world", None)
    if actor is None:
        return _HARNESS._real_submit(pool, function, *args, **options)

    def as_actor(*given: Any, **named: Any) -> Any:
        _LOCAL.actor, _LOCAL.world = actor, world
        try:
            return function(*given, **named)
        finally:
            _LOCAL.actor = None

    return _HARNESS._real_submit(pool, as_actor, *args, **options)


def install() -> None:
    """Put the patches in place. Threads that are no actors are not concerned."""
    _HARNESS.install()


def uninstall() -> None:
    _HARNESS.uninstall()
